"""Every identifier in generated headers is one that the pass cnames knows, so collisions are found
before a C compiler sees them."""
import os
import re

import pytest
from conftest import HERE, ROOT, compile_text

from stubgen import cli, driver
from stubgen.diag import Diags
from stubgen.emit import TARGETS
from stubgen.sema.cnames import names_of

DECLARED = [re.compile(pattern, re.MULTILINE) for pattern in (
    r"^#define (\w+)", r"^(struct \w+) \{", r"^typedef .*?(\w+);", r"^extern .*?(\w+);",
    r"^(?:static inline |__attribute__\S* )*[\w ]+?[ *](\w+)\("
    r"(?![^;{]*\)\s*\()")]


def declared(text):
    """The identifiers that a header declares at file scope."""
    return {name for pattern in DECLARED for name in pattern.findall(text)}


def test_device_headers_declare_only_known_names():
    folder = os.path.join(ROOT, "idl", "dev")
    files = [os.path.join(folder, name) for name in sorted(os.listdir(folder))
             if name.endswith(".dev")] + [os.path.join(ROOT, "idl", "test", "device.dev")]
    build, diags, _ = driver.compile_files(files)
    assert not diags, diags.render()
    found = set()
    for name, text in TARGETS["dev"].render(build):
        if name.endswith(".h") and not name.startswith("dev_"):
            found |= declared(re.sub(r"^ .*", "", text, flags=re.MULTILINE))
    assert found == set(names_of(build, Diags()))


def folder_files(*names):
    return [os.path.join(ROOT, "idl", folder, name) for folder in names
            for name in sorted(os.listdir(os.path.join(ROOT, "idl", folder)))
            if name.endswith(".if")]


@pytest.mark.parametrize("files, context", [
    (folder_files("if"), folder_files("abi")), (folder_files("test"), folder_files("abi")),
    ([os.path.join(HERE, "good", "everything.if")], [os.path.join(HERE, "good", "kernel.if")])],
    ids=["if", "test", "good"])
def test_headers_declare_only_known_names(files, context):
    build, diags, _ = driver.compile_files(files, context)
    assert not diags, diags.render()
    known = names_of(build, Diags())
    seen = set()
    for name, text in TARGETS["if"].render(build):
        if name.endswith(".h"):
            found = {item for item in declared(text)
                     if item.split()[-1].split("_")[0].lower() in
                     {i.name.split("_")[0] for i in build.interfaces}}
            assert found <= set(known), f"{name}: {sorted(found - set(known))}"
            seen |= found
    assert len(seen) > 50
    made = {f.namespace for f in build.files if f.generate}
    for item in build.interfaces:
        for method in item.methods if item.namespace in made else ():
            if method.kind == "call":
                suffix = "_open" if method.window is not None else ""
                assert f"{item.name}_{method.name}{suffix}" in seen


def test_the_header_of_a_file_s_types_is_no_interface_s():
    text = "interface demo_types {{ id 0x300; version 1; call c @1 (); }} {}"
    assert not compile_text(text.format(""))[1]
    diags = compile_text(text.format("enum E : u8 { a = 1; }"))[1]
    assert [diag.code for diag in diags.items] == ["E1104"]


def test_errors_of_a_block_are_declared_by_every_header(tmp_path):
    text = """errors things { id 0x30a; bad = 1 "bad"; }
        interface demo { id 0x300; version 1; error from things; call c @1 () fails bad; }"""
    path = tmp_path / "demo.if"
    path.write_text(text)
    assert cli.main(["gen", "--target", "if", "--out", str(tmp_path), str(path)]) == 0
    header = (tmp_path / "demo.h").read_text()
    assert "THINGS_ERR_BAD " in header and "things.h" not in header
