"""The C of small interfaces is what stands in golden/NAME.expected, character by character. `pytest
stubgen/tests/test_golden.py --update` writes those files: read the difference."""
import os

import pytest
from conftest import CAPTYPES, HERE

from stubgen import driver
from stubgen.emit import TARGETS
from stubgen.source import Source

GOLDEN = os.path.join(HERE, "golden")
# Interface: the ends of the names of the files to compare; all files of the first.
STUBS = ("_client.c", "_server.c")
FILES = {
    "tables": ("tables.h", "_client.c", "_server.c"),
    "scalars": (".h", "_client.c", "_client_async.c", "_client_cb.c",
                "_server.h", "_server.c"),
    "strings": STUBS, "arrays": STUBS, "structs": STUBS, "caps": STUBS, "errors": STUBS,
    "streams": (".h", "_client.c", "_server.h", "_server.c"),
    "events": STUBS, "lends": STUBS, "object": ("kernel_invoke.c", "user.h"),
    "registers": (".h", ".c"),
}


def generate(name):
    """The generated files of golden/NAME.if that are compared, as one text."""
    target = {"object": "abi", "registers": "dev"}.get(name, "if")
    file_name = name + (".dev" if target == "dev" else ".if")
    with open(os.path.join(GOLDEN, file_name), encoding="utf-8") as file:
        sources = [(Source(file_name, file.read()), True)]
    if target == "if":
        sources.insert(0, (CAPTYPES, False))
    build, diags, _ = driver.compile_sources(sources)
    assert not diags, diags.render()
    return "".join(f"==> {file}\n{text}" for file, text in TARGETS[target].render(build)
                   if file.endswith(FILES[name]) and not file.startswith("dev_"))


@pytest.mark.parametrize("name", sorted(FILES))
def test_golden(name, request):
    text = generate(name)
    assert text.count("==> ") == len(FILES[name])
    expected = os.path.join(GOLDEN, f"{name}.expected")
    if request.config.getoption("--update"):
        with open(expected, "w", encoding="utf-8") as file:
            file.write(text)
    with open(expected, encoding="utf-8") as file:
        assert text == file.read()


def test_every_interface_is_compared():
    found = {os.path.splitext(file)[0] for file in os.listdir(GOLDEN)
             if file.endswith((".if", ".dev"))}
    assert found == set(FILES)
