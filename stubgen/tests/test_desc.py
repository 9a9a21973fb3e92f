"""The section .ifdesc: generated C puts it into objects, links keep it, `stubgen desc` reads it."""
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import compile_text
from stubgen import canon, described, driver, selfdesc
from stubgen.emit import ifdesc
from test_interface_c import CROSS, STUBGEN, compile_file, generate

ROOT = Path(__file__).resolve().parents[2]
GCC = "aarch64-linux-gnu-gcc"


def desc(*args):
    return subprocess.run([sys.executable, STUBGEN[-1], "desc", *map(str, args)],
                          capture_output=True, text=True,
                          check=False)


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """Both sides of the memory interface as objects."""
    folder = tmp_path_factory.mktemp("desc")
    files = generate(folder, "idl/if/memory.if")
    return folder, [compile_file(CROSS, "armv8", folder, path) for path in files
                    if path.name in ("memory_client.c", "memory_server.c")]


def test_DESC0010_objects_tell_their_interfaces(objects):
    found = json.loads(desc("--json", *objects[1]).stdout)
    assert [(r["name"], r["role"], r["grammar"]) for r in found] == [
        ("memory", "client", canon.GRAMMAR), ("memory", "server", canon.GRAMMAR)]
    header = (objects[0] / "if" / "memory.h").read_text()
    assert f"{found[0]['hash']:#018x}" in header and found[0]["hash"] == found[1]["hash"]
    assert found[0]["text"].startswith("interface memory {") and "call alloc @1" in found[0]["text"]


def test_DESC0011_a_linked_program_keeps_them_and_a_stripped_one_too(objects):
    folder, (client, server) = objects
    main = folder / "main.c"
    main.write_text("extern const char memory_client_interface;\n"
                    "const void *_start(void) { return &memory_client_interface; }\n")
    program = folder / "program"
    archive = folder / "lib.a"
    subprocess.run(["aarch64-linux-gnu-ar", "rcs", archive, client, server], check=True)
    subprocess.run([GCC, "-nostdlib", "-static", "-Wl,--gc-sections",
                    "-Wl,--unresolved-symbols=ignore-all", main, archive, "-o", program],
                   check=True)
    assert desc(program).stdout.count("client of memory, id 0x10") == 1
    assert "server" not in desc(program).stdout, "nothing of it is linked"
    subprocess.run(["aarch64-linux-gnu-strip", program], check=True)
    assert "client of memory" in desc(program).stdout
    heads = subprocess.run(["aarch64-linux-gnu-readelf", "-SW", program], capture_output=True,
                           text=True, check=True).stdout
    flags = next(line for line in heads.splitlines() if selfdesc.SECTION in line).split()
    assert "A" not in flags[flags.index("PROGBITS") + 4:][1], "it is loaded"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_DESC0012_both_compilers(tmp_path, compiler):
    assert shutil.which(compiler)
    files = generate(tmp_path, "idl/test/kitchen_sink.if")
    out = compile_file([compiler, "-O2"], "host", tmp_path,
                       next(p for p in files if p.name == "kitchen_sink_client.c"))
    assert "client of kitchen_sink" in desc(out).stdout


def test_DESC0013_damage_is_told(tmp_path, objects):
    cut = tmp_path / "cut"
    shutil.copy(objects[1][0], cut)
    data = subprocess.run(["aarch64-linux-gnu-objcopy", "-O", "binary", "--only-section=.ifdesc",
                           "--set-section-flags", ".ifdesc=alloc", cut, tmp_path / "raw"],
                          check=True)
    raw = (tmp_path / "raw").read_bytes()
    assert len(selfdesc.records(raw)) == 1, data
    for bad in (raw[:-8], raw + b"\0" * 8, raw[:20], b"\1" + raw[1:]):
        with pytest.raises(selfdesc.Damaged):
            selfdesc.records(bad)
    assert desc(__file__).returncode == 2 and desc("/bin/true").stdout == ""


def test_DESC0014_descriptions_depend_on_all_that_counts():
    def made(members):
        build, diags = compile_text(f"interface demo {{ id 0x300; version 1; {members} }}")
        assert not diags
        return ifdesc.describe(build.interfaces[0])
    one = made("call a @1 (x: u32);")
    assert one == made("/// Said.\n call a @1 (x: u32);") and len(one) % 8 == 0
    assert len({one, made("call b @1 (x: u32);"), made("call a @2 (x: u32);"),
                made("call a @1 (x: u16);"), made("call a @1 (x: u32 range 1..2);"),
                made("oneway a @1 (x: u32);")}) == 6


def spoken(*paths):
    """The records that programs with stubs of the interfaces in these files have, and the
    interfaces."""
    abi = [str(p) for p in sorted((ROOT / "idl" / "abi").glob("*.if"))]
    others = [str(p) for p in sorted((ROOT / "idl" / "if").glob("*.if"))]
    build, diags, _ = driver.compile_files([str(ROOT / path) for path in paths], abi + others)
    assert not diags, diags.render()
    wanted = {f.namespace for f in build.files if f.generate}
    found = [i for i in build.interfaces if i.namespace in wanted]
    return [(selfdesc.Record(i.name, "client", i.id, i.version, i.hash, canon.GRAMMAR,
                             i.canonical), i) for i in found]


def test_DESC0015_records_are_interfaces_again():
    """What ifcall reads of a record is what it reads of the source."""
    files = [p.relative_to(ROOT) for p in (ROOT / "idl").glob("if/*.if")]
    some = spoken(*files, *[f"idl/test/{name}.if" for name in ("kitchen_sink", "flow", "talk")])
    assert len(some) > 9
    for record, item in some:
        for method in item.methods:                # the text has them in this order
            method.fails.sort(key=lambda ref: ref.error.name)
        item.methods.sort(key=lambda method: method.ordinal)
        assert ifdesc.describe(described.interface(record)) == ifdesc.describe(item)
    records = [record for record, _ in some]
    bundle = described.bundle(records + records, [records[0].id])
    assert ifdesc.ids(bundle) == [record.id for record in records[1:]]


@pytest.mark.parametrize("was, now", [("u64", "u32"), ("call", "crawl"), ("flow", "flew")])
def test_DESC0016_a_record_that_lies_is_no_interface(was, now):
    (record, _), = spoken("idl/test/flow.if")
    lie = selfdesc.Record(**{**vars(record), "text": record.text.replace(was, now)})
    with pytest.raises(described.Unknown, match="flow"):
        described.interface(lie)
