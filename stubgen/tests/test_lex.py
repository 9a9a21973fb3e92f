"""Unit tests of lex.py."""
import pytest

from stubgen import lex
from stubgen.diag import Diags
from stubgen.source import Source


def tokens(text):
    diags = Diags()
    found = lex.lex(Source("t.if", text), diags)
    assert not diags, diags.render()
    return found[:-1]


@pytest.mark.parametrize("text, value", [
    ("0", 0), ("12", 12), ("1_000", 1000), ("0x40_0000_0000", 0x40_0000_0000), ("4KiB", 4096),
    ("0x2MiB", 2 << 20), ("1GiB", 1 << 30), ("0xffff_ffff_ffff_ffff", (1 << 64) - 1), ("007", 7)])
def test_numbers(text, value):
    assert [t.value for t in tokens(text)] == [value]


@pytest.mark.parametrize("text", ["1_", "_", "0x", "1__0", "64kb", "1 MiB", "0b1", "1KB",
                                  "17179869184GiB"])
def test_what_is_no_number(text):
    diags = Diags()
    found = lex.lex(Source("t.if", text), diags)
    assert diags or found[0].kind != lex.INT or len(found) > 2


def test_range_is_not_part_of_the_number():
    assert [t.text for t in tokens("1..0x40")] == ["1", "..", "0x40"]


def test_longest_punctuation_wins():
    assert [t.text for t in tokens("[<=8]->a>=b!=c&&d==e<f")] == [
        "[", "<=", "8", "]", "->", "a", ">=", "b", "!=", "c", "&&", "d", "==", "e", "<", "f"]


def test_strings_and_escapes():
    assert [t.value for t in tokens(r'"a \"b\" \\ c"')] == ['a "b" \\ c']


def test_doc_comments_go_to_the_next_token_and_others_nowhere():
    found = tokens("/// one\n//  no\n/// two\na //// no\nb")
    assert found[0].doc[0] == ["one", "two"]
    assert found[1].doc is None


def test_first_on_its_line():
    assert [t.first for t in tokens("a b\nc")] == [True, False, True]


def test_spans_give_line_and_column():
    found = tokens("a\n  bc")
    assert found[1].span.where() == "t.if:2:3"
    assert found[1].span.source.line_text(2) == "  bc"


def test_carriage_returns_and_tabs_are_space():
    assert [t.text for t in tokens("a\r\n\tb")] == ["a", "b"]
