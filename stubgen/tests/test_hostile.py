"""Files made to hurt: deep, wide, long. Each ends soon, and never with a traceback."""
import pytest
from conftest import compile_text

N = 2000
HEAD = "interface demo { id 0x300; version 1; "


def chain(make, count, last):
    return "\n".join(make(i) for i in range(count)) + last


HOSTILE = {
    "digits": "const A: u64 = " + "9" * 100000 + ";",
    "hex digits": "const A: u64 = 0x" + "f" * 100000 + ";",
    "structs, inner last": chain(
        lambda i: f"struct S{i} {{ a: S{i + 1}; }}", N, f"struct S{N} {{ a: u8; }}"),
    "structs, inner first": "struct S0 { a: u8; }" + chain(
        lambda i: f"struct S{i + 1} {{ a: S{i}; }}", N, ""),
    "doubling structs": "struct S0 { a: u8; b: u8; }" + chain(
        lambda i: f"struct S{i + 1} {{ a: S{i}; b: S{i}; }}", 15, HEAD + "call c @1 (x: S15); }"),
    "doubling arrays": "struct S0 { a: string<4>; }" + chain(
        lambda i: f"struct S{i + 1} {{ a: S{i}[2]; b: S{i}[2]; }}", 15,
        HEAD + "call c @1 (x: S15); }"),
    "doubling strings": "struct S0 { a: string<4>[2]; }" + chain(
        lambda i: f"struct S{i + 1} {{ a: S{i}; b: S{i}; }}", 15, HEAD + "call c @1 (x: S15); }"),
    "aliases": chain(lambda i: f"alias A{i} = A{i + 1};", N, f"alias A{N} = u8;"),
    "constants": chain(lambda i: f"const C{i}: u8 = C{i + 1};", N, f"const C{N}: u8 = 1;"),
    "sums": HEAD + "call c @1 (a: u64) requires " + " + ".join(["a"] * N) + " < 5; }",
    "conditions": HEAD + "call c @1 (a: u64) requires " + " && ".join(["a < 5"] * N) + "; }",
    "braces": "interface a { " + "{" * 20000,
    "closing braces": "}" * 20000,
    "qualified names": HEAD + "call c @1 (a: " + ".".join(["a"] * 10000) + "); }",
    "parameters": HEAD + "call c @1 (" + ", ".join(f"p{i}: u8" for i in range(3000)) + "); }",
    "optional parameters": HEAD + "call c @1 (" + ", ".join(
        f"p{i}: bool?" for i in range(1200)) + "); }",
    "errors of one kind": HEAD + "\n".join(f"cal x{i} @1 ();" for i in range(N)) + "}",
    "one long line": "const A" * 30000,
    "a long string": "errors a { id 1; a = 1 \"" + "x" * 100000 + "\"; }",
    "doc comments": "/// a\n" * 20000 + "const A: u8 = 1;",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file(name):
    _, diags = compile_text(HOSTILE[name])
    text = diags.render()
    assert len(text) < 100000
