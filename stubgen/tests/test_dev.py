"""The registers back end: what is made compiles without a warning, an accessor is one load or
store, and what a device forbids has no accessor. What accessors do is tested in tests/host/dev."""
import os
import re
import shutil
import subprocess

import pytest
from conftest import HERE, ROOT, compile_text

from stubgen import access, driver
from stubgen.emit import TARGETS
from stubgen.emit.output import write_all

WARNINGS = """-std=gnu11 -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wundef -Wvla -Wpointer-arith -Wcast-align -Wwrite-strings""".split()
CROSS = ["aarch64-linux-gnu-gcc", "-ffreestanding", "-mcpu=cortex-a35", "-mgeneral-regs-only"]
REAL = [os.path.join(ROOT, "idl", "dev", name)
        for name in sorted(os.listdir(os.path.join(ROOT, "idl", "dev"))) if name.endswith(".dev")]
PROBE = [os.path.join(ROOT, "idl", "test", "device.dev")]
GOOD = [os.path.join(HERE, "good", "uart.dev")]


def generate(folder, paths):
    build, diags, _ = driver.compile_files(paths)
    assert not diags, diags.render()
    target = TARGETS["dev"]
    texts = dict(target.render(build))
    assert list(texts) == target.outputs(build)
    write_all(folder / "dev", texts.items())
    return [name for name in texts if name.endswith(".h")], \
        [name for name in texts if name.endswith(".c")]


def run(*args, **more):
    done = subprocess.run(args, text=True, capture_output=True, timeout=120, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("compiler", [["gcc"], ["clang"], CROSS], ids=["gcc", "clang", "cross"])
@pytest.mark.parametrize("paths", [REAL, PROBE, GOOD], ids=["idl", "test", "good"])
def test_DEV0030_no_warnings(tmp_path, paths, compiler):
    assert shutil.which(compiler[0]), f"{compiler[0]} is missing"
    headers, sources = generate(tmp_path, paths)
    flags = WARNINGS + ["-I", str(tmp_path), "-c", "-o", "out.o"]
    for calls in ([], ["-DDEV_IO_CALLS"]):
        (tmp_path / "user.c").write_text("".join(f"#include <dev/{name}>\n" for name in headers))
        run(*compiler, *flags, *calls, "-O2", "user.c", cwd=tmp_path)
    for name in sources:
        if name != "dev_model.c" or compiler != CROSS:      # models are for the host
            run(*compiler, *flags, "-O2", f"dev/{name}", cwd=tmp_path)


# Functions, and the instructions they may have with the flags of the kernel, `ret` included.
INLINE = """
uint32_t full_read(const struct probe_regs *d) { return probe_plain_rd(d); }
void full_write(const struct probe_regs *d, uint32_t v) { probe_plain_wr(d, v); }
void constant_write(const struct probe_regs *d) { probe_kick_wr(d, PROBE_KICK_HOW); }
bool one_bit(const struct probe_regs *d) { return probe_status_busy_rd(d); }
void byte_push(const struct probe_regs *d, uint8_t v) { probe_fifo_data_wr(d, v); }
void clear_all(const struct probe_regs *d, uint32_t v) { probe_enable_set(d, v); }
uint32_t element(const struct probe_regs *d) { return probe_ring_rd(d, 2); }
uint16_t swapped(const struct probe_big_regs *d) { return probe_big_ctrl_rd(d); }
void bytes(const struct probe_byte_regs *d, uint8_t v) { probe_byte_ctrl_wr(d, v); }
uint64_t wide(const struct probe_wide_regs *d) { return probe_wide_addr_rd(d); }
void one_field(const struct probe_regs *d, uint16_t v) { probe_ring_length_wr(d, 1, v); }
void fixed(void) { const struct probe_regs d = probe_at(0x9000000); probe_plain_wr(&d, 7); }
"""
# loads and stores of the device, by their width; then all instructions at most.
EXPECTED = {
    "full_read": (["ldr w"], 3), "full_write": (["str w"], 3), "constant_write": (["str w"], 4),
    "one_bit": (["ldr w"], 4), "byte_push": (["str w"], 4), "clear_all": (["str w"], 3),
    "element": (["ldr w"], 3), "swapped": (["ldrh w"], 5), "bytes": (["strb w"], 4),
    "wide": (["ldr x"], 4), "one_field": (["ldr w", "str w"], 7), "fixed": (["str w"], 5),
}


def functions(text):
    """{name: [instruction]} of a disassembly."""
    found = {}
    for line in text.splitlines():
        if head := re.match(r"[0-9a-f]+ <(\w+)>:", line):
            found[head[1]] = []
        elif code := re.match(r"\s+[0-9a-f]+:\s+[0-9a-f]{8}\s+(\S+)\s*(.*)", line):
            found[list(found)[-1]] += [f"{code[1]} {code[2]}".split("//")[0].strip()] * (
                code[1] != "nop")
    return found


def test_DEV0031_an_accessor_is_one_load_or_store(tmp_path):
    generate(tmp_path, PROBE)
    (tmp_path / "user.c").write_text("#include <dev/device.h>\n" + INLINE)
    run(*CROSS, "-O2", "-I", str(tmp_path), "-c", "user.c", "-o", "user.o", cwd=tmp_path)
    found = functions(run("aarch64-linux-gnu-objdump", "-d", "user.o", cwd=tmp_path))
    assert set(found) == set(EXPECTED)
    for name, (accesses, most) in EXPECTED.items():
        memory = [item for item in found[name] if re.match(r"(ld|st)r", item)]
        if name != "fixed":      # first the address, from the handle
            assert re.fullmatch(r"ldr x\d, \[x0\]", memory.pop(0)), f"{name}: {found[name]}"
        assert len(memory) == len(accesses), f"{name}: {found[name]}"
        for item, start in zip(memory, accesses):
            assert item.startswith(start) and not item.endswith(("!", ")")), f"{name}: {item}"
        assert len(found[name]) <= most, f"{name}: {found[name]}"


def device(members):
    build, diags = compile_text(f"device d {{ size 256; word u32 little; {members} }}", "d.dev")
    assert not diags, diags.render()
    return build.devices[0].registers


# Register, its accessors, those of each field.
@pytest.mark.parametrize("text, whole, fields", [
    ("reg R @0 : rw { 0 a; }", "rd wr", ["rd put wr"]),
    ("reg R @0 : ro { 0 a; }", "rd", ["rd"]),
    ("reg R @0 : wo { 0 a; }", "wr", ["put wr"]),
    ("reg R @0 : wo { 0 a; 1 b; }", "wr", ["put", "put"]),
    ("reg R @0 : wo shadow { 0 a; 1 b; }", "wr shadow", ["put wr", "put wr"]),
    ("reg R @0 : w1c { 0 a; }", "rd clear", ["rd clear"]),
    ("reg R @0 : w1s { 0 a; 1 b ro; }", "rd set", ["rd set", "rd"]),
    ("reg R @0 : rc { 0 a; }", "rd", [""]),
    ("reg R @0 : rw sideeffect { 0 a; 1 b; }", "rd wr", ["put", "put"]),
    ("reg R @0 : rw sideeffect { 0 a; 1 b ro; }", "rd wr", ["put wr", ""]),
    ("reg R @0 : rw sideeffect shadow { 0 a; 1 b; }", "rd wr shadow", ["put wr", "put wr"]),
    ("reg R @0 : rw { 0 a; 1 b w1c; }", "rd wr clear", ["rd put wr", "rd clear"]),
    ("reg R @0 : rw { 0 a; 1 b rc; }", "rd wr", ["put wr", ""]),
    ("reg R @0 : rw { 0 a; 1 b; 2 c rc; 3 d w1c; }", "rd wr", ["put", "put", "", ""]),
    ("reg R @0 : rw { 0 a; 1 b wo; }", "rd wr", ["rd put", "put wr"]),
])
def test_DEV0032_what_is_forbidden_has_no_accessor(text, whole, fields):
    register = device(text)[0]
    assert access.register_ops(register) == (whole + " ").split()
    assert [[op for op in access.field_ops(register, field) if op] for field in register.fields] \
        == [ops.split() for ops in fields]
    readable = {"rw", "ro", "w1c", "w1s", "rc"}
    for field in register.fields:
        assert ("" in access.field_ops(register, field)) == (
            field.access in readable and register.access != "wo")


def test_DEV0033_overlaps_of_rows_are_found_as_by_trying():
    import random
    pick = random.Random(7)
    for _ in range(400):
        rows = [(pick.randrange(32), pick.randrange(1, 9), pick.randrange(1, 9)) for _ in "ab"]
        text = "".join(f"array R{n} @{4 * at} stride {4 * step} count {count} : rw {{ 31..0 a; }}"
                       for n, (at, step, count) in enumerate(rows))
        _, diags = compile_text(f"device d {{ size 4KiB; word u32 little; {text} }}", "d.dev")
        places = [{at + step * i for i in range(count)} for at, step, count in rows]
        assert bool(diags) == bool(places[0] & places[1]), text
        assert all(item.code == "E1305" for item in diags.items)
