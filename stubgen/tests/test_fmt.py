"""`stubgen fmt`: what it writes means the same, is written the same again, and keeps remarks."""
import os
import random

import pytest
from conftest import HERE, ROOT, compile_text
from hypothesis import given, settings, strategies as st

from stubgen import cli, driver, model
from stubgen.diag import Diags
from stubgen.fmt import format_source
from stubgen.fmt.tokens import scan
from stubgen.lex import lex
from stubgen.source import Source, read_source

SETS = ((HERE, "good"), (HERE, "golden"), (ROOT, "idl", "if"), (ROOT, "idl", "abi"),
        (ROOT, "idl", "dev"), (ROOT, "idl", "test"))
FILES = [os.path.join(*folder, name) for folder in SETS if os.path.isdir(os.path.join(*folder))
         for name in sorted(os.listdir(os.path.join(*folder))) if name.endswith((".if", ".dev"))]
SPACES = ("", " ", "\n", "\n\n", "\n\n\n", "\t", "   ", " // remark\n", "\n// remark\n",
          "\n\n  //remark  \n\n", "//\n")


def formatted(text, path="demo.if"):
    result, diags = format_source(Source(path, text))
    assert not diags, diags.render()
    return result


def remarks(text):
    found = []
    for token in scan(text):
        found += [remark.text for remark in token.before] + ([token.after] if token.after else [])
    return sorted(found)


def dumped(source):
    """The model as data, without where things stand in the file."""
    build, diags, _ = driver.compile_sources([(source, True)])
    if build is None or any(d.pass_name() != "names" for d in diags.items):
        return None
    return without_spans(model.as_json(build))


def without_spans(data):
    if isinstance(data, dict):
        return {key: without_spans(value) for key, value in data.items() if key != "span"}
    if isinstance(data, list):
        return [without_spans(value) for value in data]
    return data


def mangled(source, seed):
    """The same tokens and doc comments with other space and more remarks between them."""
    pick, text, last = random.Random(seed), "", None
    for token in lex(source, Diags()):
        for line in token.doc[0] if token.doc else ():
            text += f"\n{pick.choice(SPACES)}///{line}\n"
        space = pick.choice(SPACES)
        if not space and last is not None:
            space = " "
        text += space + token.text
        last = token
    return text


@pytest.mark.parametrize("path", FILES, ids=[os.path.relpath(path, ROOT) for path in FILES])
def test_same_model_and_idempotent(path):
    source = read_source(path)
    once = formatted(source.text, path)
    assert formatted(once, path) == once
    assert remarks(once) == remarks(source.text)
    assert dumped(Source(path, once)) == dumped(source)
    assert all(len(line) <= 100 for line in once.split("\n")), path


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from(FILES))
def test_whatever_the_space_between_the_tokens(seed, path):
    source = read_source(path)
    other = Source(path, mangled(source, seed))
    once = formatted(other.text, path)
    assert formatted(once, path) == once
    assert remarks(once) == remarks(other.text)
    assert dumped(Source(path, once)) == dumped(other)


CASES = [
    ("const  A:u32=4KiB ;", "const A: u32 = 4KiB;\n"),
    ("enum E:u8{a=1;b=2;}", "enum E : u8 { a = 1; b = 2; }\n"),
    ("enum E : u8 {\n a = 1;\nlong = 20; }", "enum E : u8 {\n  a    = 1;\n  long = 20;\n}\n"),
    ("enum E : i8 {\n a=- 1;\nlong = 20; }", "enum E : i8 {\n  a    = -1;\n  long = 20;\n}\n"),
    ("struct S { enum: u8; flags: u32[<= 4] ?; }", "struct S { enum: u8; flags: u32[<=4]?; }\n"),
    ("struct S {\n a: u8; b: u8;\n c: u8; }", "struct S {\n  a: u8; b: u8;\n  c: u8;\n}\n"),
    ("struct S { a: u8; // of it\n b: u8; }",
     "struct S {\n  a: u8;  // of it\n  b: u8;\n}\n"),
    ("captype X{}", "captype X { }\n"),
    ("flexible table T{1:a:u8;3:b : string < 4 >;}",
     "flexible table T { 1: a: u8; 3: b: string<4>; }\n"),
    ("\n\n// one\n\n\n// two\nconst A: u8 = 1; // three\n",
     "// one\n\n// two\nconst A: u8 = 1;  // three\n"),
    ("interface i{id 0x300;version 1 draft;call c@1(a:u32 range 1 .. 3)->(b:u32)requires a<3&&"
     "len( a )>=1 fails x , y idempotent;}",
     "interface i {\n  id 0x300; version 1 draft;\n"
     "  call c @1 (a: u32 range 1..3) -> (b: u32) requires a < 3 && len(a) >= 1 fails x, y "
     "idempotent;\n}\n"),
]


@pytest.mark.parametrize("text, expected", CASES)
def test_exactly(text, expected):
    assert formatted(text) == expected


def test_a_long_call_is_broken_between_its_parts_and_at_commas():
    names = ", ".join(f"parameter_number_{n}: u64" for n in range(8))
    text = formatted(f"interface i {{ call c @1 ({names}) -> (r: u64) fails x; }}")
    lines = text.split("\n")
    assert len(lines) == 7 and all(len(line) <= 100 for line in lines)
    assert lines[4] == "      -> (r: u64) fails x;"


def test_a_doc_comment_of_a_parameter_stays_before_it():
    text = "interface demo { id 0x300; version 1; call c @1 (\n/// A.\na: u8, /// B.\nb: u8); }"
    once = formatted(text)
    build, diags = compile_text(once)
    assert not diags and [p.doc for p in build.interface("demo").methods[0].params] == [["A."],
                                                                                       ["B."]]


def test_the_command_writes_checks_and_reads_from_stdin(tmp_path, capsys, monkeypatch):
    path = tmp_path / "demo.if"
    path.write_text("const  A: u32=1;\n")
    assert cli.main(["fmt", "--check", str(path)]) == 1
    assert "[E2001]" in capsys.readouterr().err
    assert cli.main(["fmt", str(path)]) == 0
    assert path.read_text() == "const A: u32 = 1;\n"
    assert cli.main(["fmt", "--check", str(path)]) == 0
    path.write_text("const A: u32\n")
    assert cli.main(["fmt", str(path)]) == 1
    assert path.read_text() == "const A: u32\n" and "E02" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", open(os.path.join(HERE, "good", "shared.if")))
    assert cli.main(["fmt", "-"]) == 0
    assert capsys.readouterr().out.startswith("const PATH_MAX")
