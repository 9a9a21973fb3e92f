"""Each file in bad/ fails with exactly the codes in its name, at exactly their pass, and prints
exactly what stands beside it in NAME.expected. STUBGEN_ACCEPT=1 writes those files: read the
difference."""
import glob
import os

import pytest

from stubgen import cmd_fmt, driver
from stubgen.codes import CODES
from stubgen.frozen import check
from stubgen.lint import lint
from stubgen.source import read_source

BAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bad")
FILES = sorted(os.path.basename(path) for path in
               glob.glob(os.path.join(BAD, "*.if")) + glob.glob(os.path.join(BAD, "*.dev")))


def codes_of(name):
    return {part for part in name.split(".")[0].split("_") if part in CODES}


def diags_of(name):
    """What the compiler says of a file, and of one that it accepts, what else may be wrong."""
    build, diags, _ = driver.compile_files([name])
    if name.startswith("E21"):
        folder = "frozen/damaged" if name.startswith("E2102") else "frozen"
        diags, _ = check.check(build, folder)
    if name.startswith("W"):
        diags = lint(build, {name: read_source(name)})
    if name.startswith("E20"):
        diags = cmd_fmt.check(read_source(name))
    return diags


@pytest.fixture(autouse=True)
def in_bad(monkeypatch):
    monkeypatch.chdir(BAD)


@pytest.mark.parametrize("name", FILES)
def test_bad_file(name):
    diags = diags_of(name)
    text = diags.render()
    assert {diag.code for diag in diags.items} == codes_of(name), text
    for diag in diags.items:
        assert diag.label and diag.fix, f"{diag.code} without expectation or advice"
    expected = os.path.splitext(name)[0] + ".expected"
    if os.environ.get("STUBGEN_ACCEPT"):
        with open(expected, "w", encoding="utf-8") as file:
            file.write(text)
    with open(expected, encoding="utf-8") as file:
        assert text == file.read()


def test_every_code_has_a_bad_file_and_only_codes_do(bar):
    named = set().union(*(codes_of(name) for name in FILES))
    bar("codes_without_bad_file", len(set(CODES) - named), 0)
    assert named == set(CODES)
    assert len(FILES) >= 25


def test_no_expectation_without_a_file():
    stems = {os.path.splitext(name)[0] for name in FILES}
    found = {os.path.basename(p)[:-len(".expected")] for p in glob.glob("*.expected")}
    assert found == stems


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("many")])
def test_three_independent_errors_in_one_run(name, bar):
    _, diags, _ = driver.compile_files([name])
    bar("independent_errors", len(diags), 3, at_least=True)
    assert len({diag.span.start for diag in diags.items}) == len(diags)


def test_all_bad_files_name_the_pass_of_their_code():
    for code, entry in CODES.items():
        assert entry.pass_name and entry.title and entry.text, code
