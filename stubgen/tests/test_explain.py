"""Each diagnostic code has its page: an example that fails with that code, what is printed of it,
and the same example put right, which is accepted."""
import os
import shutil
import subprocess
import sys

import pytest
from conftest import HERE
from test_bad import diags_of

from stubgen import cmd_explain, driver, examples
from stubgen.codes import CODES
from stubgen.frozen import text

TOOL = os.path.join(os.path.dirname(HERE), "stubgen.py")
EXAMPLES = examples.load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("right") / "bad"
    shutil.copytree(examples.FOLDER, made)
    return made


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_EXPL0001_what_is_put_right_is_accepted(folder, monkeypatch, example):
    monkeypatch.chdir(folder)
    assert diags_of(example.name), "it was not wrong"
    if example.name.startswith("E2102"):          # what is wrong is not in this file
        build, _, _ = driver.compile_files([example.name])
        (folder / "frozen" / "damaged" / "damaged.1.if").write_text(
            text.render(build.interfaces[0]))
    (folder / example.name).write_text(example.right(), encoding="utf-8")
    diags = diags_of(example.name)
    (folder / example.name).write_text(example.bad(), encoding="utf-8")
    assert not diags, diags.render()


def test_EXPL0002_every_code_has_an_example():
    assert {code for example in EXAMPLES for code in example.codes()} == set(CODES)


def test_EXPL0003_every_code_has_a_page(tmp_path):
    subprocess.run([sys.executable, TOOL, "explain", "--out", str(tmp_path), "--depfile",
                    str(tmp_path / "d")], check=True)
    pages = {name[:-3] for name in os.listdir(tmp_path / "diagnostics")}
    assert pages == set(CODES)
    index = (tmp_path / "diagnostics.md").read_text()
    assert all(f"diagnostics/{code}.md" in index for code in CODES)
    for code in CODES:
        page = (tmp_path / "diagnostics" / f"{code}.md").read_text()
        assert page.startswith(f"# {code}: ") and f"[{code}]" in page and "This is right" in page
    assert "fixes.txt" in (tmp_path / "d").read_text()


def test_EXPL0004_the_command_says_the_same():
    told = cmd_explain.explain("E0404")
    assert "unknown type `u23`" in told and "call ping @1 (a: u32);" in told
