"""The C of interfaces: without a warning from either compiler, and as small as promised."""
import os
import re
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STUBGEN = ["/usr/bin/env", "python3", os.path.join(ROOT, "stubgen", "stubgen.py")]
ABI = [os.path.join(ROOT, "idl", "abi", name) for name in
       ("captypes.if", "kpi.if", "lib.if", "objects.if", "sys.if", "syscalls.if")]
WARNINGS = """-std=gnu11 -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wundef -Wvla -Wpointer-arith -Wcast-align -Wwrite-strings
    -Wno-unused-parameter -D__caddr_t_defined""".split()
CROSS = ["aarch64-linux-gnu-gcc", "-O2", "-mgeneral-regs-only", "-mcpu=cortex-a35",
         "-mno-outline-atomics", "-fno-pic", "-ffreestanding", "-fno-asynchronous-unwind-tables",
         "-fno-omit-frame-pointer", "-fstack-protector-strong"]
MEMORY_BYTES = 6 * 1024       # all of the memory interface, version 1
MEMORY_METHODS = 7            # calls and events of that version
CLIENT_BYTES = 144            # a client stub without parameters
SHIM_BYTES = 96               # a server's shim without constraints, 16 more for each
DISPATCHER_BYTES = 144


def generate(folder, *files):
    subprocess.run(STUBGEN + ["gen", "--target", "abi", "--out", str(folder / "abi")] + ABI,
                   check=True)
    subprocess.run(STUBGEN + ["gen", "--target", "if", "--out", str(folder / "if")]
                   + [os.path.join(ROOT, name) for name in files] + ["--with"] + ABI, check=True)
    return sorted((folder / "if").glob("*.c"))


def compile_file(command, arch, folder, path):
    include = ["kernel/include", "libaos/include", f"libaos/arch/{arch}/include"]
    out = path.with_suffix(".o")
    subprocess.run(command + WARNINGS + [f"-I{folder}"]
                   + [f"-I{os.path.join(ROOT, name)}" for name in include]
                   + ["-c", str(path), "-o", str(out)], check=True)
    return out


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("files", [
    ["idl/test/kitchen_sink.if"],
    ["stubgen/tests/good/everything.if", "stubgen/tests/good/shared.if"]])
def test_no_warnings(tmp_path, compiler, files):
    assert shutil.which(compiler), f"{compiler} is missing"
    for path in generate(tmp_path, *files):
        compile_file([compiler, "-O2"], "host", tmp_path, path)


def test_deprecated_methods_warn(tmp_path):
    generate(tmp_path, "stubgen/tests/good/everything.if", "stubgen/tests/good/shared.if")
    path = tmp_path / "caller.c"
    path.write_text("#include <if/everything.h>\n"
                    "errval_t prod(struct everything_binding *b);\n"
                    "errval_t prod(struct everything_binding *b) { return everything_prod(b); }\n")
    compile_file(["gcc"], "host", tmp_path, path)
    path.write_text(path.read_text().replace("everything_prod(b)",
                                             "everything_past(b, 1)"))
    with pytest.raises(subprocess.CalledProcessError):
        compile_file(["gcc"], "host", tmp_path, path)
    compile_file(["gcc", "-Wno-deprecated-declarations"], "host", tmp_path, path)


def sizes(out):
    """{function: bytes} of an object file, and its bytes of text."""
    tool = "aarch64-linux-gnu-"
    names = subprocess.run([f"{tool}nm", "-S", str(out)], check=True, capture_output=True,
                           text=True).stdout
    rows = [line.split() for line in names.splitlines()]
    text = subprocess.run([f"{tool}size", str(out)], check=True, capture_output=True,
                          text=True).stdout
    return {row[3]: int(row[1], 16) for row in rows if len(row) == 4 and row[2] in "tT"}, \
        int(text.splitlines()[1].split()[0])


@pytest.fixture(scope="module")
def memory_objects(tmp_path_factory):
    """The folder of the memory interface, compiled with the flags of the tree."""
    folder = tmp_path_factory.mktemp("memory")
    for path in generate(folder, "idl/if/memory.if"):
        compile_file(CROSS, "armv8", folder, path)
    return folder


@pytest.fixture(scope="module")
def memory(memory_objects):
    """{function: bytes} of the memory interface, and all its text."""
    functions, text = {}, 0
    for path in sorted((memory_objects / "if").glob("*.o")):
        found, more = sizes(path)
        functions.update(found)
        text += more
    return functions, text


def test_STB2101_memory_is_small(tmp_path, memory, bar):
    """Of the version that the bar was set for, whose methods are those that others have, too; a
    method more costs no more than one of these."""
    text = 0
    for path in generate(tmp_path, "idl/frozen/memory.1.if"):
        text += sizes(compile_file(CROSS, "armv8", tmp_path, path))[1]
    assert text > 0
    bar("memory_text_bytes", text, MEMORY_BYTES)
    with open(os.path.join(ROOT, "idl/if/memory.if"), encoding="utf-8") as file:
        methods = len(re.findall(r"^  (?:call|event|oneway) ", file.read(), re.M))
    bar("memory_text_bytes_per_method", memory[1] / methods, MEMORY_BYTES / MEMORY_METHODS)


# Parameters and results of the method: what a stub may add to its bar for each.
@pytest.mark.parametrize("method,values", [("stats", 5), ("alloc", 4)])
def test_STB2102_client_stub_is_small(memory, bar, method, values):
    assert memory[0][f"memory_{method}"] > 0
    bar(f"memory_{method}_client_bytes", memory[0][f"memory_{method}"], CLIENT_BYTES + 8 * values)


@pytest.mark.parametrize("method,constraints", [
    ("usage", 0), ("limit", 0), ("free", 1), ("stats", 0), ("alloc", 2)])
def test_STB2103_shim_is_small(memory, bar, method, constraints):
    assert memory[0][f"shim_{method}"] > 0
    bar(f"memory_{method}_shim_bytes", memory[0][f"shim_{method}"],
        SHIM_BYTES + 16 * constraints)


def test_STB2104_the_dispatcher_is_a_table(memory, bar):
    """What is no shim, answer or event; the code that reads the table is in libaos, once for all
    interfaces. An entry of 24 bytes is a static assertion of aos/server.h."""
    known = {name for name in memory[0] if name.startswith(("shim_", "memory_"))}
    known |= {"on_event"}          # the client's
    bar("memory_dispatcher_bytes", sum(memory[0][n] for n in memory[0].keys() - known),
        DISPATCHER_BYTES)


@pytest.mark.parametrize("method,call", [("limit", "binding_call_asm2"),
                                         ("usage", "binding_call_again")])
def test_STB2105_a_client_stub_calls_libaos_once(memory_objects, bar, method, call):
    """On the way to success; what a bad reply costs is a jump. Nothing is allocated."""
    listing = subprocess.run(["aarch64-linux-gnu-objdump", "-dr", f"--disassemble=memory_{method}",
                              str(memory_objects / "if" / "memory_client.o")], check=True,
                             capture_output=True, text=True).stdout
    lines = listing.splitlines()       # with stray relocations of other functions
    calls, jumps = ([after.split()[-1] for line, after in zip(lines, lines[1:])
                     if f"\t{word}\t" in line and "R_AARCH64" in after] for word in ("bl", "b"))
    calls = [name for name in calls if name != "__stack_chk_fail"]      # on the way to a panic
    assert calls == [call] and all(name.startswith("binding_bad_reply") for name in jumps)
    bar("sync_stub_calls", len(calls), 1)


def test_STB2106_a_line_of_UMP_takes_one_release_store(tmp_path, bar):
    path = tmp_path / "put.c"
    path.write_text('#include "ump_ring.h"\n'
                    "void put(struct ump_ring *r, uint64_t header, const uint64_t *words);\n"
                    "void put(struct ump_ring *r, uint64_t header, const uint64_t *words)\n"
                    "{\n    ump_ring_put_line(r, header, words);\n}\n")
    generate(tmp_path, "idl/if/memory.if")
    out = compile_file(CROSS + [f"-I{os.path.join(ROOT, 'libaos', 'chan')}"], "armv8", tmp_path,
                       path)
    listing = subprocess.run(["aarch64-linux-gnu-objdump", "-d", str(out)], check=True,
                             capture_output=True, text=True).stdout
    words = [line.split("\t")[2] for line in listing.splitlines() if line.count("\t") >= 2]
    assert "dmb" not in words and "ret" in words
    bar("ump_release_stores", words.count("stlr"), 1)
