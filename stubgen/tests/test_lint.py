"""`stubgen lint`: what is warned of, what is not, and how a warning is allowed. Each rule has a
file in bad/, too."""
import json
import os

import pytest
from conftest import ROOT, compile_text

from stubgen import cli
from stubgen.lint import lint
from stubgen.source import Source

HEAD = "/// It.\ninterface demo { id 0x300; version 2; error { gone = 1 \"gone\"; }\n"
TAIL = "\n/// Last.\ncall last @1 () fails gone; }\n"


def codes(members, head=HEAD, tail=TAIL):
    text = head + members + tail
    build, diags = compile_text(text)
    assert not diags, diags.render()
    found = lint(build, {"demo.if": Source("demo.if", text)})
    assert all(d.severity() == "warning" and d.label and d.fix for d in found.items)
    return [d.code for d in found.sorted()]


FINE = [
    "/// A.\ncall a @2 (bytes: u64 range 1..9);",
    "/// A.\ncall a @2 (size: u64 pow2);",
    "/// A.\ncall a @2 (count: u32, of: u32) requires count + of < 10;",
    "/// A.\ncall a @2 () -> (bytes: u64);",
    "/// A.\ncall a @2 (on: bool);",
    "/// A.\ncall a @2 (x: u8) -> (ended: bool);",
    "/// A.\nevent a @2 (bytes: u64, ended: bool) coalesce;",
    "/// A.\ncall a @2 (timeout_ns: u64, interval_ms: u32);",
    "/// A.\ncall demonstrate @2 ();",
    "/// A.\ncall a @2 () -> (status: u32, terror: u8);",
    "struct S { spade: u8; reserve: u8; }\n/// A.\ncall a @2 (s: S);",
    "/// Use `last`.\ncall a @2 () deprecated 2;",
    "enum E : u8 { a = 1; } struct S { e: E[<=2]; } const N: u32 = 1;\n"
    "/// A.\ncall a @2 (s: S?);",
    "/// A.\ncall a @10 ();",
]
WARNED = [
    (["W0102"], "call a @2 ();"),
    (["W0102"], "event a @2 () coalesce;"),
    (["W0201"], "/// A.\ncall a @2 (max_words: u32);"),
    (["W0201"], "/// A.\noneway a @2 (size: u16?);"),
    (["W0202"], "/// A.\noneway a @2 (x: u8, b: bool?);"),
    (["W0203"], "struct S { poll_interval: u32; }\n/// A.\ncall a @2 (s: S);"),
    (["W0203"], "/// A.\nevent a @2 (delay: u64) coalesce;"),
    (["W0301"], "/// A.\ncall demo_a @2 ();"),
    (["W0302"], "/// A.\ncall a @2 () -> (err: u64);"),
    (["W0303"], "table T { 1: reserved2: u8; }\n/// A.\ncall a @2 (t: T);"),
    (["W0401"], "/// A, unlike `nothing`.\ncall a @2 () deprecated 2;"),
    (["W0402"], "/// Use `b`.\ncall a @2 () deprecated 2;\n/// As `a`.\ncall b @3 ();"),
    (["W0502", "W0502"], "enum E : u8 { a = 1; } struct S { e: E; }"),
    (["W0601"], "/// A.\ncall a @13 ();"),
]


@pytest.mark.parametrize("members", FINE)
def test_nothing_to_say(members):
    assert codes(members) == []


@pytest.mark.parametrize("expected, members", WARNED)
def test_warned(expected, members):
    assert codes(members) == expected


def test_an_unused_error_and_an_undocumented_interface():
    assert codes("", head=HEAD.replace("/// It.\n", ""), tail="/// A.\ncall a @1 (); }") == [
        "W0101", "W0501"]


def test_errors_that_another_interface_uses_are_used():
    other = "/// O.\ninterface o { id 0x301; version 1; error from demo;\n" \
        "/// A.\ncall a @1 () fails gone; }"
    assert codes("", tail="/// A.\ncall a @1 (); }\n" + other) == []


@pytest.mark.parametrize("members, expected", [
    ("// allow W0102: why.\ncall a @2 ();\ncall b @3 ();", ["W0102"]),
    ("call a @2 ();  // allow W0102: why.\ncall b @3 ();", ["W0102"]),
    ("// allow W0102, W0201: why.\ncall a @2 (size: u8);", []),
    ("// allow W0201: why.\n/// A.\ncall a @2 (\nx: u8,\nsize: u8);", []),
    ("/// A.\n// allow W0201: why.\ncall a @2 (size: u8);", []),
    ("// allow W0201: why.\n/// A.\ncall a @2 ();", ["W0702"]),
    ("// allow W0102\ncall a @2 ();", ["W0701", "W0102"]),
    ("// allow everything: why not.\ncall a @2 ();", ["W0701", "W0102"]),
    ("/// Callers // allow W0102: this is no remark.\ncall a @2 ();", [])])
def test_what_is_allowed(members, expected):
    assert codes(members) == expected


def test_a_remark_before_an_interface_is_about_all_of_it():
    head = "// allow W0102: a test.\n" + HEAD
    assert codes("call a @2 ();\ncall b @3 ();", head=head) == []


def test_the_command(tmp_path, capsys):
    path = tmp_path / "demo.if"
    path.write_text("/// It.\ninterface demo { id 0x300; version 1; call a @1 (); }\n")
    assert cli.main(["lint", str(path)]) == 1
    assert "demo.if:2:44: warning: call `a`" in capsys.readouterr().err
    assert cli.main(["lint", "--format", "json", str(path)]) == 1
    found = json.loads(capsys.readouterr().err)
    assert (found["code"], found["severity"], found["pass"]) == ("W0102", "warning", "lint")
    path.write_text("interface demo { }")
    assert cli.main(["lint", str(path)]) == 1
    assert "error:" in capsys.readouterr().err


def test_the_interfaces_of_this_tree_are_clean():
    folders = ("if", "abi", "dev", "draft/if", "test")
    files = [os.path.join(ROOT, "idl", folder, name) for folder in folders
             for name in sorted(os.listdir(os.path.join(ROOT, "idl", folder)))
             if name.endswith((".if", ".dev"))]
    assert cli.main(["lint", *files]) == 0
