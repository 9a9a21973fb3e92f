"""The examples of docs/ref/LANGUAGE.md are right, and what it says is wrong is wrong in that way.

A fenced block is a file; `member`: what stands in an interface, `bits`: what stands in a device;
`NAME.if` gives it a name by which later ones import it. In a block that is `bad` each line is a
case of its own, and ends in a remark with its code. `released` and `newer` are versions of one
interface, `image` blocks are words of messages of the first example."""
import ast
import os
import re

import pytest
from conftest import CAPTYPES, ROOT

from stubgen import codec, driver, layout
from stubgen.cmd_freeze import freeze
from stubgen.codes import CODES
from stubgen.diag import Diags
from stubgen.emit import TARGETS
from stubgen.source import Source

PAGE = os.path.join(ROOT, "docs", "ref", "LANGUAGE.md")
BLOCK = re.compile(r"^```(if|dev|image)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"\s*// (E[0-9]{4})$")
# Not in one line of one file: what several files or a long one have; and what other commands say.
ELSEWHERE = {"E0207", "E0302", "E0304", "E0517", "E1006"} | {
    code for code in CODES if code.startswith(("E20", "E21", "W"))}

with open(PAGE, encoding="utf-8") as _page:
    TEXT = _page.read()


class Block:
    """`words` say what it is; `number` is its line in the page."""

    def __init__(self, found):
        self.kind, words, self.text = found.groups()
        self.words = words.split()
        self.number = TEXT.count("\n", 0, found.start()) + 1

    def name(self):
        """What the file is called."""
        return next((w for w in self.words if w.endswith(".if")), f"line{self.number}.{self.kind}")

    def whole(self, body):
        """The file that has `body` in it."""
        if "member" in self.words:
            head = "" if re.search(r"\bid [0-9]", body) else "id 0x3f0; "
            head += "" if re.search(r"\bversion [0-9]", body) else "version 3; "
            head += "" if re.search(r"\berror\b", body) else 'error { gone = 1 "it is gone"; }'
            return f"interface demo {{ {head}\n{body}\n}}\n"
        if "bits" in self.words:
            return f"device demo {{ size 4KiB; word u32 little;\n{body}\n}}\n"
        return body


BLOCKS = [Block(found) for found in BLOCK.finditer(TEXT)]
GOOD = [b for b in BLOCKS if b.kind != "image" and not {"bad", "newer"} & set(b.words)]
BAD = [(block, line) for block in BLOCKS if "bad" in block.words and "newer" not in block.words
       for line in block.text.splitlines()]


def of(blocks):
    return {"argvalues": blocks, "ids": [f"line{b.number}" for b in blocks]}


def compiled(name, text):
    build, diags, _ = driver.compile_sources([(CAPTYPES, False), (Source(name, text), True)])
    return build, diags


@pytest.fixture(autouse=True)
def beside_the_others(tmp_path, monkeypatch):
    """The files that have a name stand in the current folder."""
    monkeypatch.chdir(tmp_path)
    for block in GOOD:
        if block.name() in block.words:
            (tmp_path / block.name()).write_text(block.text)


@pytest.mark.parametrize("block", **of(GOOD))
def test_LANG0001_examples_are_right(block):
    build, diags = compiled(block.name(), block.whole(block.text))
    assert not diags, diags.render()
    for target in ("if", "doc") if build.interfaces else ("dev",) if build.devices else ():
        assert all(text for _, text in TARGETS[target].render(build))


@pytest.mark.parametrize("block,line", BAD, ids=[f"line{b.number}-{line[-5:]}" for b, line in BAD])
def test_LANG0002_what_is_wrong_is_wrong(block, line):
    code = CODE.search(line)
    assert code, "the line does not end in a code"
    _, diags = compiled(block.name(), block.whole(CODE.sub("", line)))
    assert {diag.code for diag in diags.items} == {code[1]}, diags.render()


def test_LANG0003_every_rule_has_its_example():
    shown = {CODE.search(line)[1] for _, line in BAD}
    assert shown | ELSEWHERE == set(CODES)
    assert not shown & ELSEWHERE


@pytest.mark.parametrize("block", **of([b for b in BLOCKS if "newer" in b.words]))
def test_LANG0004_versions(block, tmp_path):
    released = next(b for b in reversed(BLOCKS) if "released" in b.words
                    and b.number < block.number)
    folder = str(tmp_path / "frozen")
    os.makedirs(folder)
    path = tmp_path / released.name()
    path.write_text(released.text)
    build, diags, _ = driver.compile_files([str(path)], [])
    assert not diags, diags.render()
    assert freeze(build.interfaces[0], str(path), folder, Diags())
    path.write_text(block.text)
    build, diags, _ = driver.compile_files([str(path)], [])
    assert not diags, diags.render()
    freeze(build.interfaces[0], str(path), folder, diags)
    assert {d.code for d in diags.items} == set(re.findall(r"// (E[0-9]{4})", block.text)), \
        diags.render()


@pytest.mark.parametrize("block", **of([b for b in BLOCKS if b.kind == "image"]))
def test_LANG0005_images(block):
    """The first line has the values, as Python writes them, the others the words."""
    owner, name = block.words[0].split(".")
    text = next(b.text for b in GOOD if re.search(rf"^interface {owner} ", b.text, re.MULTILINE))
    build, _ = compiled("demo.if", text)
    method = next(m for m in build.interface(owner).methods if m.name == name)
    values, *words = block.text.splitlines()
    values = {name: ast.literal_eval(value) for name, value in
              re.findall(r"(\w+) = (.*?)(?:; |$)", values)}
    made, _ = codec.encode(getattr(layout, block.words[1])(method), values)
    assert [f"{word:016x}" for word in made] == [word.split()[0] for word in words]
