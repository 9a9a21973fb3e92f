"""The ABI back end: what it makes compiles without a warning, and the decoder checks it all."""
import os
import shutil
import subprocess

import pytest
from conftest import HERE, ROOT

from stubgen import driver
from stubgen.emit import TARGETS
from stubgen.emit.output import write_all

WARNINGS = ("-std=gnu11 -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes "
            "-Wmissing-prototypes -Wold-style-definition -Wundef -Wvla -Wpointer-arith "
            "-Wcast-align -Wwrite-strings -Wimplicit-fallthrough -Wno-unused-parameter").split()
KPI = ["-I", os.path.join(ROOT, "kernel", "include")]
CROSS = ["aarch64-linux-gnu-gcc", "-mgeneral-regs-only"]
CLANG = ["clang", "--target=aarch64-linux-gnu"]
SANITIZE = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def generate(folder, paths):
    build, diags, _ = driver.compile_files(paths)
    assert not diags, diags.render()
    write_all(folder / "abi", TARGETS["abi"].render(build))


def real_abi():
    folder = os.path.join(ROOT, "idl", "abi")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
            if name.endswith(".if")]


def run(*args, **more):
    done = subprocess.run(args, text=True, capture_output=True, timeout=120, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("compiler", [CROSS, CLANG], ids=["gcc", "clang"])
@pytest.mark.parametrize("paths", [real_abi(), [os.path.join(HERE, "good", "kernel.if")]],
                         ids=["idl", "good"])
def test_generated_c_compiles_without_warnings(tmp_path, paths, compiler):
    assert shutil.which(compiler[0]), f"{compiler[0]} is needed"
    generate(tmp_path, paths)
    (tmp_path / "user.c").write_text("#include <abi/user.h>\n")
    for name in ("abi/errors.c", "abi/captypes.c", "abi/kernel_invoke.c", "user.c"):
        run(*compiler, *WARNINGS, "-O2", "-ffreestanding", "-I", str(tmp_path), *KPI, "-c", name,
            "-o", "out.o", cwd=tmp_path)


def native(tmp_path, main, sources):
    shutil.copy(os.path.join(HERE, "abi", main), tmp_path)
    run("cc", *WARNINGS, *SANITIZE, "-I", str(tmp_path), *KPI, main, *sources, "-o", "program",
        cwd=tmp_path)
    assert run(str(tmp_path / "program")).splitlines()[-1] == "all passed"


def test_ERR0001_errors_stack_and_print(tmp_path):
    good = os.path.join(HERE, "good")
    generate(tmp_path, [os.path.join(good, "kernel.if"), os.path.join(good, "everything.if")])
    native(tmp_path, "errors_main.c", ["abi/errors.c"])


def test_INV0001_the_decoder_checks_every_argument(tmp_path):
    generate(tmp_path, [os.path.join(HERE, "good", "kernel.if")])
    native(tmp_path, "invoke_main.c", ["abi/kernel_invoke.c"])


def test_INV0002_enums_and_flags_of_the_abi_are_constants(tmp_path):
    (tmp_path / "part.if").write_text("/// What comes.\n"
                                      "enum Sort : u16 { first = 1; second = 7; }\n"
                                      "flags Way : u8 { in = 1; out = 4; }\n")
    generate(tmp_path, [str(tmp_path / "part.if")])
    text = (tmp_path / "abi" / "syscalls.h").read_text()
    assert [line for line in text.splitlines() if line.startswith("#define")] == [
        "#define PART_SORT_FIRST 1", "#define PART_SORT_SECOND 7", "#define PART_WAY_IN 1",
        "#define PART_WAY_OUT 4"]
    assert "/* What comes. */" in text


def test_user_stubs_put_arguments_in_their_registers(tmp_path):
    """Compiled and disassembled: the registers are the ABI, so they are looked at."""
    generate(tmp_path, [os.path.join(HERE, "good", "kernel.if")])
    (tmp_path / "user.c").write_text("""#include <abi/user.h>
errval_t probe(caddr_t a, uint64_t *t, uint64_t *r);
errval_t probe(caddr_t a, uint64_t *t, uint64_t *r)
{
    return inv_node_look(a, 77, -2, true, 2, t, r);
}
""")
    run(*CROSS, *WARNINGS, "-O2", "-ffreestanding", "-I", str(tmp_path), *KPI, "-c", "user.c", "-o",
        "user.o", cwd=tmp_path)
    text = run("aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", "user.o", cwd=tmp_path)
    for wanted in ("x1, #0x3", "x2, #0x4d", "x3, #0xfffffffffffffffe", "x4, #0x1", "x5, #0x2",
                   "svc\t#0x1", "cbnz\tx0"):
        assert wanted in text, text
