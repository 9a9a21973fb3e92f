"""The C of interfaces: without a warning from either compiler, and as small as promised."""
import os
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STUBGEN = ["/usr/bin/env", "python3", os.path.join(ROOT, "stubgen", "stubgen.py")]
ABI = [os.path.join(ROOT, "idl", "abi", name) for name in
       ("captypes.if", "lib.if", "objects.if", "sys.if", "syscalls.if")]
WARNINGS = """-std=gnu11 -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wundef -Wvla -Wpointer-arith -Wcast-align -Wwrite-strings
    -Wno-unused-parameter -D__caddr_t_defined""".split()
CROSS = ["aarch64-linux-gnu-gcc", "-O2", "-mgeneral-regs-only", "-mcpu=cortex-a35",
         "-mno-outline-atomics", "-fno-pic", "-ffreestanding", "-fno-asynchronous-unwind-tables"]
MEMORY_BYTES = 6 * 1024       # all of the memory interface


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


def test_memory_is_small(tmp_path):
    text = 0
    for path in generate(tmp_path, "idl/if/memory.if"):
        out = compile_file(CROSS, "armv8", tmp_path, path)
        sizes = subprocess.run(["aarch64-linux-gnu-size", str(out)], check=True,
                               capture_output=True, text=True).stdout
        text += int(sizes.splitlines()[1].split()[0])
    assert 0 < text <= MEMORY_BYTES
