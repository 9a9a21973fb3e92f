"""Text to tokens. Errors are collected and lexing goes on, so one slip hides nothing."""
import re

from .limits import DIGITS_MAX
from .source import Span

IDENT, INT, STRING, PUNCT, EOF = "identifier", "number", "string", "punctuation", "end of file"

UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
INT_MAX = (1 << 64) - 1

_TOKEN = re.compile(r"""
    (?P<space>[ \t\r\n]+)
  | (?P<doc>///(?!/)[^\n]*)
  | (?P<comment>//[^\n]*)
  | (?P<ident>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<int>[0-9](?:[A-Za-z0-9_])*)
  | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
  | (?P<punct>\.\.|->|<=|>=|==|!=|&&|[{}()\[\]<>;:,=@?|.+*-])
""", re.VERBOSE)

_NUMBER = re.compile(r"(0x[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*|[0-9]+(?:_[0-9]+)*)(KiB|MiB|GiB)?")
_ESCAPE = re.compile(r"\\(.)")


class Token:
    """`value` is the number of an INT and the decoded text of a STRING; `doc` the doc
    comment lines right before the token; `first` says that it begins its line."""

    __slots__ = ("kind", "text", "span", "value", "doc", "first")

    def __init__(self, kind, text, span, value=None, doc=None, first=False):
        self.kind = kind
        self.text = text
        self.span = span
        self.value = value
        self.doc = doc
        self.first = first

    def describe(self):
        if self.kind == EOF:
            return "the end of the file"
        if self.kind == STRING:
            return "a string"
        return f"`{self.text}`"


class _Doc:
    """The doc comment being gathered for the next token."""

    def __init__(self):
        self.lines = []
        self.span = None

    def add(self, text, span):
        self.lines.append(text)
        self.span = self.span.to(span) if self.span else span

    def take(self):
        if not self.lines:
            return None
        doc = (self.lines, self.span)
        self.lines, self.span = [], None
        return doc


def lex(source, diags):
    """Returns the tokens of a source, an EOF token last."""
    text, tokens, doc = source.text, [], _Doc()
    pos, size, fresh_line = 0, len(source.text), True
    match = _TOKEN.match
    while pos < size:
        found = match(text, pos)
        if not found:
            end = _skip_bad(source, pos, diags)
            if text[pos] == '"':
                span = Span(source, pos, end)
                tokens.append(Token(STRING, text[pos:end], span, text[pos + 1:end], doc.take(),
                                    fresh_line))
                fresh_line = False
            pos = end
            continue
        kind, end = found.lastgroup, found.end()
        word = text[pos:end]
        if kind == "space":
            fresh_line = fresh_line or "\n" in word
            pos = end
            continue
        span = Span(source, pos, end)
        pos = end
        if kind == "comment":
            continue
        if kind == "doc":
            doc.add(word[3:].strip(), span)
            continue
        tokens.append(_token(kind, word, span, diags, doc.take(), fresh_line))
        fresh_line = False
    tokens.append(Token(EOF, "", Span(source, size, size), doc=doc.take(), first=True))
    return tokens


def _token(kind, word, span, diags, doc, first):
    if kind == "ident":
        return Token(IDENT, word, span, None, doc, first)
    if kind == "punct":
        return Token(PUNCT, word, span, None, doc, first)
    if kind == "int":
        return Token(INT, word, span, _number(word, span, diags), doc, first)
    return Token(STRING, word, span, _string(word, span, diags), doc, first)


def _number(word, span, diags):
    found = _NUMBER.fullmatch(word)
    if not found:
        diags.error("E0102", span, f"`{word}` is not a number",
                    "expected decimal or 0x digits, `_` between digits, then KiB, MiB or GiB",
                    "write it like 4096, 0x1000, 1_000_000 or 4KiB")
        return 0
    if len(found.group(1)) > DIGITS_MAX:
        return _too_large(word, span, diags)
    value = int(found.group(1).replace("_", ""), 0 if found.group(1)[:2] == "0x" else 10)
    value *= UNITS.get(found.group(2), 1)
    return value if value <= INT_MAX else _too_large(word, span, diags)


def _too_large(word, span, diags):
    diags.error("E0103", span, f"`{word[:40]}` does not fit 64 bits",
                "the largest number is 0xffff_ffff_ffff_ffff", "use a smaller number")
    return 0


def _string(word, span, diags):
    for found in _ESCAPE.finditer(word[1:-1]):
        if found.group(1) not in "\"\\":
            at = span.start + 1 + found.start()
            diags.error("E0104", Span(span.source, at, at + 2),
                        f"unknown escape `{found.group(0)}`",
                        "expected \\\" or \\\\", "write the character itself")
    return _ESCAPE.sub(r"\1", word[1:-1])


def _skip_bad(source, pos, diags):
    """Reports what cannot begin a token; returns where lexing goes on."""
    text = source.text
    if text[pos] == '"':
        end = text.find("\n", pos)
        end = len(text) if end < 0 else end
        diags.error("E0105", Span(source, pos, end), "the string does not end on its line",
                    "expected a closing \"", "close the string; messages are one line")
        return end
    end = pos + 1
    while end < len(text) and not text[end].isspace() and not _TOKEN.match(text, end):
        end += 1
    fix = "remove it"
    if text[pos] == "/":
        fix = "comments begin with // and end with the line"
    elif text[pos] in "&":
        fix = "conditions are joined with &&"
    diags.error("E0101", Span(source, pos, end), f"unexpected {text[pos:end][:20]!r}",
                "not part of the language", fix)
    return end
