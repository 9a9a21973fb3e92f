"""The reference pages."""
import os
import re

from conftest import HERE, ROOT, compile_text

from stubgen import driver
from stubgen.emit import TARGETS

GOOD = os.path.join(HERE, "good")


def pages():
    build, diags, _ = driver.compile_files([os.path.join(GOOD, "kernel.if"),
                                            os.path.join(GOOD, "everything.if")])
    assert not diags, diags.render()
    target = TARGETS["doc"]
    found = dict(target.render(build))
    assert list(found) == target.outputs(build)
    return found


def test_pages():
    assert set(pages()) == {"if_everything.md", "captypes.md", "invocations.md",
                            "syscalls.md", "errors.md", "index.md"}


def test_every_link_of_the_index_has_a_page():
    found = pages()
    links = re.findall(r"\]\(([^)]*)\)", found["index.md"])
    assert set(links) | {"index.md"} == set(found)


def test_an_interface_page_says_it_all():
    text = pages()["if_everything.md"]
    for wanted in ("The first interface.", "`EVERYTHING_ERR_GONE`", "Integers of every size.",
                   "| `j` | `u64` | 1 to 4096; a power of two |", "requires `a + c <= 300",
                   "may be repeated", "up to 8 unread events", "`resource struct`",
                   "counts `buf`", "deprecated since version 3", "reply: 1 to 65 words"):
        assert wanted in text, wanted


def test_tables_are_whole():
    for name, text in pages().items():
        columns = 0
        for line in text.splitlines():
            count = len(re.findall(r"(?<!\\)\|", line))
            if line.startswith("|"):
                assert not columns or count == columns, f"{name}: {line}"
                columns = count
            else:
                columns = 0


def test_kernel_pages():
    found = pages()
    assert "| 0 | `yield` | Gives up the rest of the slice. |" in found["syscalls.md"]
    assert "* may become RAM, Frame" in found["captypes.md"]
    assert "Invoked on: Node (with rights w), RAM." in found["invocations.md"]
    assert "| `SYS_ERR_CAP_TYPE` | 2 | `0x0042` | wrong type |" in found["errors.md"]


def test_the_examples_of_the_language_reference_are_right():
    with open(os.path.join(ROOT, "docs", "ref", "LANGUAGE.md"), encoding="utf-8") as file:
        examples = re.findall(r"^```if\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE)
    assert examples
    for text in examples:
        _, diags = compile_text(text)
        assert not diags, diags.render()
