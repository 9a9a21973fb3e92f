"""How long stubgen takes for a fixed corpus, in J: the time that Python takes to import Jinja2 in
the same run. Both are processor time, medians of RUNS, measured in turns."""
import os
import resource
import shutil
import statistics
import subprocess

import corpus
import pytest
from conftest import ROOT

PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else "python3"
TOOL = os.path.join(ROOT, "stubgen", "stubgen.py")
ABI = [os.path.join(ROOT, "idl", "abi", name) for name in ("captypes.if", "sys.if")]
RUNS = 9
COLD, ONE, NOTHING = 4.5, 2.6, 1.0
OLD, NEW = "used: u64", "used: u32"


def cpu(command):
    """Seconds of processor time of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Project:
    """The corpus in a folder, and its outputs beside it."""

    def __init__(self, folder):
        self.out = os.path.join(folder, "out")
        self.files = corpus.write(os.path.join(folder, "idl"))
        self.command = [PYTHON, TOOL, "gen", "--target", "if", "--out", self.out,
                        *self.files, "--with", *ABI]

    def run(self):
        return cpu(self.command)

    def edit(self, old, new):
        """Replaces a text in one of the files."""
        with open(self.files[3], encoding="utf-8") as file:
            text = file.read()
        assert old in text
        with open(self.files[3], "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def outputs(self):
        """{name: (contents, time of writing)} of the C."""
        found = {}
        for name in sorted(os.listdir(self.out)):
            if not name.startswith("."):
                path = os.path.join(self.out, name)
                with open(path, encoding="utf-8") as file:
                    found[name] = file.read(), os.stat(path).st_mtime_ns
        return found


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.run()
    return made


def in_j(measured):
    """The median of `measured()` in J; what is measured may need other work before."""
    times = [(cpu([PYTHON, "-c", "import jinja2"]), measured()) for _ in range(RUNS)]
    return statistics.median(t for _, t in times) / statistics.median(j for j, _ in times)


def test_STB2001_cold(project, bar):
    def cold():
        shutil.rmtree(project.out)
        return project.run()
    bar("stubgen_cold_J", in_j(cold), COLD)


def test_STB2002_one_file_changed(project, bar):
    words = [OLD, NEW]

    def one():
        project.edit(*words)
        words.reverse()
        return project.run()
    bar("stubgen_one_changed_J", in_j(one), ONE)


def test_STB2003_nothing_changed(project, bar):
    bar("stubgen_nothing_changed_J", in_j(project.run), NOTHING)


def test_STB2004_what_is_kept_is_what_a_cold_run_makes(project):
    before = project.outputs()
    project.edit(OLD, NEW)
    project.run()
    kept = project.outputs()
    changed = {name for name, made in kept.items() if made != before[name]}
    assert changed and all(name.startswith("store3") for name in changed)
    shutil.rmtree(project.out)
    project.run()
    assert {n: text for n, (text, _) in project.outputs().items()} == \
        {n: text for n, (text, _) in kept.items()}


@pytest.mark.parametrize("damage", ["edit", "remove", "stamp"])
def test_STB2005_damaged_outputs_are_made_again(project, damage):
    before = {name: text for name, (text, _) in project.outputs().items()}
    victim = os.path.join(project.out, ".stubgen-if" if damage == "stamp" else "store7_client.c")
    if damage == "remove":
        os.remove(victim)
    else:
        with open(victim, "w", encoding="utf-8") as file:
            file.write("stubgen-stamp 1\noutput\n")
    project.run()
    assert {name: text for name, (text, _) in project.outputs().items()} == before


def test_STB2006_an_import_counts_as_input(tmp_path):
    shared, user = tmp_path / "shared.if", tmp_path / "user.if"
    shared.write_text("enum Kind : u8 { one = 1; }\n")
    user.write_text('import "shared.if";\ninterface user { id 0x321; version 1;\n'
                    "  call ask @1 (kind: shared.Kind); }\n")
    command = [PYTHON, TOOL, "gen", "--target", "if", "--out", str(tmp_path / "out"), str(user)]
    subprocess.run(command, check=True)
    before = (tmp_path / "out" / "user_server.c").read_text()
    shared.write_text("enum Kind : u8 { one = 1; two = 2; }\n")
    subprocess.run(command, check=True)
    assert (tmp_path / "out" / "user_server.c").read_text() != before
    shared.write_text("enum Kind : u7 { one = 1; }\n")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


NINJA = """rule gen
  command = {gen}
  depfile = {out}.d
  restat = 1
rule cc
  command = cat $in > $out && echo $out >> compiled
build {outputs}: gen {inputs}
"""


def test_STB2007_a_comment_recompiles_no_object(project, tmp_path, bar):
    """With a build whose objects depend on all headers, as ninja sees it; and a change that is none
    of comments compiles what it must."""
    names = list(project.outputs())
    shutil.rmtree(project.out)
    outputs = [os.path.join(project.out, name) for name in names]
    headers = " ".join(path for path in outputs if path.endswith(".h"))
    text = NINJA.format(gen=" ".join(project.command + ["--depfile", project.out + ".d"]),
                        out=project.out, outputs=" ".join(outputs), inputs=" ".join(project.files))
    text += "".join(f"build {path}.o: cc {path} | {headers}\n" for path in outputs
                    if path.endswith(".c"))
    (tmp_path / "build.ninja").write_text(text)
    log = tmp_path / "compiled"

    def build():
        log.write_text("")
        subprocess.run(["ninja", "--quiet", "-C", str(tmp_path)], check=True)
        return len(log.read_text().splitlines())

    objects = build()
    assert objects == sum(name.endswith(".c") for name in names)
    project.edit("/// Gives the handle back.", "/// Forgets the\n  /// handle, with all its locks.")
    bar("objects_after_comment_edit", build(), 0)
    assert "with all its locks" in project.outputs()["store3.h"][0]
    project.edit("id 0x323; version 1;", "id 0x323; version 1; // A remark.")
    assert build() == 0
    project.edit(OLD, NEW)
    assert build() == objects


def test_STB2008_comments_are_told_from_code():
    from stubgen.emit.output import without_comments
    same = without_comments("int a; /* one\n two */\nchar *b = \"/* no */\"; // x\n")
    assert same == without_comments("int a;\n\n/* ** */ char *b = \"/* no */\";\n")
    assert same != without_comments("int a;\nchar *b = \"/* yes */\";\n")
    assert without_comments("a\n#define b") != without_comments("a #define b")


def test_the_corpus_is_as_fixed():
    text = corpus.text(0)
    assert sum(f"@{n} " in text for n in range(1, 16)) == 15 and "@16" not in text
    assert corpus.INTERFACES == 12
