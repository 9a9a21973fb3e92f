"""The command line: exit status, outputs, depfile, formats."""
import json
import os
import subprocess
import sys

import pytest
from conftest import HERE

from stubgen.emit import TARGETS
from stubgen.emit.output import write_if_changed

TOOL = os.path.join(os.path.dirname(HERE), "stubgen.py")
GOOD = os.path.join(HERE, "good")
BAD = os.path.join(HERE, "bad")


def run(*args, cwd=GOOD):
    return subprocess.run([sys.executable, TOOL, *args], cwd=cwd, text=True, timeout=60,
                          capture_output=True, check=False)


def test_check_is_silent_about_good_files():
    done = run("check", "everything.if", "--with", "kernel.if")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_check_fails_with_diagnostics():
    done = run("check", "E0404_unknown_type.if", cwd=BAD)
    assert done.returncode == 1 and "error: unknown type `u23` [E0404]" in done.stderr


def test_json_diagnostics_have_places_and_advice():
    done = run("check", "--format", "json", "E0403_parameter_and_result.if", cwd=BAD)
    line = json.loads(done.stderr.splitlines()[0])
    assert line["code"] == "E0403" and line["pass"] == "names" and line["fix"]
    assert (line["line"], line["column"], line["end_column"]) == (3, 29, 30)
    assert line["notes"][0]["column"] == 17


@pytest.mark.parametrize("args, status", [
    (["check", "nowhere.if"], 2), (["gen", "--target", "nothing", "kernel.if"], 2),
    (["frobnicate"], 2), (["explain", "E9999"], 2),
    (["explain", "e0403"], 0), (["explain"], 0), (["--help"], 0),
    (["gen", "--help"], 0)])
def test_exit_status(args, status):
    done = run(*args)
    assert done.returncode == status
    assert (done.stderr if status else done.stdout).strip()
    assert "Traceback" not in done.stderr


def test_help_names_every_command_and_target():
    text = run("--help").stdout
    for word in ("gen", "check", "dump", "explain", "doc", "exit status"):
        assert word in text
    text = run("gen", "--help").stdout
    assert all(target in text for target in TARGETS)


def test_dump_is_json():
    assert json.loads(run("dump", "kernel.if").stdout)["node"] == "Build"


def test_gen_writes_outputs_and_a_depfile_and_leaves_unchanged_files_alone(tmp_path):
    out, dep = tmp_path / "abi", tmp_path / "abi.d"
    args = ["gen", "--target", "abi", "--out", str(out), "--depfile", str(dep), "kernel.if"]
    assert run(*args).returncode == 0
    names = run("gen", "--target", "abi", "--out", "x", "--list-outputs",
                "kernel.if").stdout.split()
    assert sorted(names + [".stubgen-abi"]) == sorted(os.listdir(out))
    rule = dep.read_text()
    for needed in ("kernel.if", "parse.py", "kernel_invoke.c.j2", str(out / "errors.h")):
        assert needed in rule
    os.utime(out / "errors.h", (1, 1))
    assert run(*args).returncode == 0
    assert os.stat(out / "errors.h").st_mtime == 1


def test_errors_in_the_input_write_nothing(tmp_path):
    done = run("gen", "--target", "abi", "--out", str(tmp_path / "out"), "E0404_unknown_type.if",
               cwd=BAD)
    assert done.returncode == 1 and not (tmp_path / "out").exists()


def test_outputs_hold_no_machine_paths(tmp_path):
    assert run("gen", "--target", "abi", "--out", str(tmp_path), os.path.join(GOOD, "kernel.if")
               ).returncode == 0
    for name in os.listdir(tmp_path):
        assert name == ".stubgen-abi" or GOOD not in (tmp_path / name).read_text()


def test_write_if_changed(tmp_path):
    path = tmp_path / "a"
    write_if_changed(path, "one")
    os.utime(path, (1, 1))
    write_if_changed(path, "one")
    assert os.stat(path).st_mtime == 1
    write_if_changed(path, "two")
    assert path.read_text() == "two" and os.stat(path).st_mtime > 1


def test_STB1001_an_import_with_a_nul_is_an_error(tmp_path):
    (tmp_path / "a.if").write_text('import "a\0b";\nconst LIMIT: u32 = 4;\n')
    done = run("check", str(tmp_path / "a.if"))
    assert done.returncode == 1 and "E0301" in done.stderr


def test_STB1002_an_import_may_be_a_file_that_is_given(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "b.if").write_text("const LIMIT: u32 = 4;\n")
    (tmp_path / "a.if").write_text('import "b.if";\nconst MORE: u32 = b.LIMIT;\n')
    given = ["--with", str(tmp_path / "far" / "b.if")]
    assert run("check", str(tmp_path / "a.if"), *given).returncode == 0
    assert "E0301" in run("check", str(tmp_path / "a.if")).stderr
    (tmp_path / "b.if").write_text("const OTHER: u32 = 4;\n")     # the one beside it comes first
    assert run("check", str(tmp_path / "a.if")).returncode == 1


def test_an_import_of_what_is_no_file_is_an_error(tmp_path):
    (tmp_path / "a.if").write_text('import ".";\nimport "/dev/zero";\nconst LIMIT: u32 = 4;\n')
    done = run("check", str(tmp_path / "a.if"))
    assert done.returncode == 1 and done.stderr.count("E0301") == 2
