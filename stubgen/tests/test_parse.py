"""Unit tests of parse.py: what is accepted, and how it recovers."""
import glob
import os

import pytest
from conftest import HERE, ROOT, compile_text

from stubgen.diag import Diags
from stubgen.parse import parse
from stubgen.source import Source, read_source


def parsed(text, path="t.if"):
    diags = Diags()
    return parse(Source(path, text), diags), diags


GOOD = sorted(glob.glob(os.path.join(HERE, "good", "*.[id]*")) +
              glob.glob(os.path.join(ROOT, "idl", "*", "*.if")))


@pytest.mark.parametrize("path", GOOD, ids=[os.path.relpath(path, ROOT) for path in GOOD])
def test_good_files_parse(path):
    diags = Diags()
    file = parse(read_source(path), diags)
    assert not diags, diags.render()
    assert file.decls


WORDS = ("id version error reserved call oneway event strict flexible enum flags struct table "
         "union const alias move copy client server lend user in out range pow2 counts since fails "
         "window queue register cap any len interface stream from device word").split()


@pytest.mark.parametrize("word", WORDS)
def test_every_keyword_is_a_name_where_a_name_is_expected(word):
    text = (f"interface demo {{ id 1; version 1; struct S {{ {word}: u8; }} "
            f"call {word} @1 ({word}: u32 range 1..2) -> (r: u32); }}")
    file, diags = parsed(text)
    assert not diags, diags.render()
    assert file.decls[0].methods[0].params[0].name.text == word


def test_modes_and_namespaces_do_not_collide():
    file, diags = parsed("interface d { call a @1 (x: client any, y: client.T, "
                         "z: server client.i?, s: string.T, l: lend in bytes<4>, "
                         "m: move cap<a|b, rw>[<=3]); }")
    assert not diags, diags.render()
    forms = [p.type.form for p in file.decls[0].methods[0].params]
    assert forms == ["client", "named", "server", "named", "lend", "cap"]


def test_precedence():
    file, diags = parsed("interface d { call a @1 (x: u8) "
                         "requires 1 + 2 * 3 - x <= 4 && x != 5; }")
    assert not diags, diags.render()
    expr = file.decls[0].methods[0].clauses[0].value
    assert expr.kind == "and"
    less = expr.args[0]
    assert less.kind == "<=" and less.args[0].kind == "-"
    assert less.args[0].args[0].kind == "+" and less.args[0].args[0].args[1].kind == "*"


def test_recovery_keeps_the_members_after_an_error():
    file, diags = parsed("interface d { call a (); call b @2 (); struct S { x u8; y: u8; } "
                         "oneway c @3 (); }")
    assert len(diags) == 2
    assert [m.name.text for m in file.decls[0].methods] == ["b", "c"]


def test_recovery_at_a_word_that_begins_a_line():
    _, diags = parsed("interface d {\n call a @1 (x: u8\n call b 2 ();\n event c @3 ();\n}")
    assert len(diags) == 2
    assert all(d.span.source.line_col(d.span.start)[0] == 3 for d in diags.items)


@pytest.mark.parametrize("text", [
    "", "interface", "interface d", "interface d {", "interface d { call", "}", "}}}", "{", ";",
    "\"", "///", "@@@", "import", "const A: u8 = ;", "interface d { enum E : u8 {",
    "device d { reg R @0 : rw { 7.. } }"])
def test_fragments_end(text):
    parsed(text)
    parsed(text, "t.dev")


def test_documentation_reaches_every_level():
    build, diags = compile_text("""
        /// About the interface.
        interface d { id 0x300; version 1;
          error { /// About the error.
            gone = 1 "gone"; }
          enum E : u8 { /// About the value.
            a = 1; }
          /// About the call.
          call c @1 (/// About the parameter.
            x: E) fails gone; }""")
    assert not diags, diags.render()
    item = build.interface("d")
    assert item.doc == ["About the interface."]
    assert item.methods[0].doc == ["About the call."]
    assert item.methods[0].params[0].doc == ["About the parameter."]
    assert item.errors.errors[0].doc == ["About the error."]
    assert item.types[0].values[0].doc == ["About the value."]
