"""The reference pages."""
import os
import re

from conftest import HERE

from stubgen import driver
from stubgen.emit import TARGETS

GOOD = os.path.join(HERE, "good")


def pages():
    build, diags, _ = driver.compile_files([os.path.join(GOOD, "kernel.if"),
                                            os.path.join(GOOD, "everything.if"),
                                            os.path.join(GOOD, "uart.dev")])
    assert not diags, diags.render()
    target = TARGETS["doc"]
    found = dict(target.render(build))
    assert list(found) == target.outputs(build)
    return found


def test_pages():
    assert set(pages()) == {"if_everything.md", "captypes.md", "invocations.md",
                            "syscalls.md", "errors.md", "index.md", "dev_uart.md"}


def test_every_link_of_the_index_has_a_page():
    found = pages()
    links = re.findall(r"\]\(([^)]*)\)", found["index.md"])
    assert set(links) | {"index.md"} == set(found)


def test_an_interface_page_says_it_all():
    text = pages()["if_everything.md"]
    for wanted in ("The first interface.", "`EVERYTHING_ERR_GONE`",
                   "* fails with `EVERYTHING_ERR_GONE`: ", "Integers of every size.",
                   "| `j` | `u64` | 1 to 4096; a power of two |", "requires `a + c <= 300",
                   "may be repeated", "up to 8 unread events", "`resource struct`",
                   "counts `buf`", "deprecated since version 3", "reply: 1 to 65 words",
                   "`flexible table`: any of its fields; fields that only a newer peer knows",
                   "`strict union`: exactly one of its fields.", "`strict resource table`",
                   "| `40: sizes` | `Size[<=2]` |"):
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


def test_a_device_page_is_a_register_map():
    text = pages()["dev_uart.md"]
    for wanted in ("| `0x000` | `DR` | rw, side effect | Data. |",
                   "| `0x100 + 8 i` | `DMA[8]` | rw, shadow |", "## uart.CTRL",
                   "| 1..0 | `parity` | rw | Parity |",
                   "| 31..7 |  | keep | reserved, written as read |",
                   "`uart_ctrl_done_clear`", "`uart_config_wr` `uart_config_shadow`",
                   "## Type Parity", "| `even` | 3 |",
                   "0x1000 bytes of registers with 8 bits, big-endian"):
        assert wanted in text, wanted
    assert "uart_config_rd" not in text
