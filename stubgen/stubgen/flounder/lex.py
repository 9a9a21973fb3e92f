"""Flounder text to tokens. Comments are kept: they become doc comments."""
import re

from ..source import Span

IDENT, INT, STRING, PUNCT, EOF = "identifier", "number", "string", "punctuation", "end of file"

_TOKEN = re.compile(r"""
    (?P<space>\s+)
  | (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<ident>[A-Za-z_][A-Za-z0-9_']*)
  | (?P<int>0[xX][0-9a-fA-F]+|[0-9]+)
  | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
  | (?P<punct>[{}()\[\];,=@-])
""", re.VERBOSE | re.DOTALL)

# Words of documentation tools that say nothing of their own.
_MARKUP = re.compile(r"[\\@](?:brief|short|note|return|returns|file|details)\b\s*")
_PARAM = re.compile(r"[\\@]param(?:\[[a-z,]*\])?\s+(\w+)\s*")
_RULE = re.compile(r"[-=*#/~\s]*")
DIGITS_MAX = 19


class Token:
    """`comments` are the remarks right before the token, [(text, Span)]; `first` says that it
    begins its line."""

    __slots__ = ("kind", "text", "span", "comments", "first")

    def __init__(self, kind, text, span, comments, first):
        self.kind, self.text, self.span = kind, text, span
        self.comments, self.first = comments, first

    def describe(self):
        return "the end of the file" if self.kind == EOF else f"`{self.text[:40]}`"


def lex(source, diags):
    """The tokens of a source, an EOF token last."""
    text, tokens, comments = source.text, [], []
    pos, first = 0, True
    while pos < len(text):
        found = _TOKEN.match(text, pos)
        if not found:
            end = pos + 1
            while end < len(text) and not _TOKEN.match(text, end):
                end += 1
            diags.error("E0101", Span(source, pos, end), f"unexpected {text[pos:end][:20]!r}",
                        "not part of Flounder", "remove it")
            pos = end
            continue
        kind, word, span = found.lastgroup, found.group(), Span(source, pos, found.end())
        pos = found.end()
        if kind == "space":
            first = first or "\n" in word
        elif kind == "comment":
            # A remark on the line of a token is about that token, which is gone by; it is kept
            # with what follows, where a reader of both files finds it.
            comments.append((word, span))
        else:
            kinds = {"ident": IDENT, "int": INT, "string": STRING, "punct": PUNCT}
            tokens.append(Token(kinds[kind], word, span, comments, first))
            comments, first = [], False
    tokens.append(Token(EOF, "", Span(source, len(text), len(text)), comments, True))
    return tokens


def comment_lines(text):
    """The lines of a comment without its signs, empty ones at both ends left out."""
    if text.startswith("//"):
        body = [text.lstrip("/")]
    else:
        body = text[2:-2].split("\n")
    lines = []
    for line in body:
        line = re.sub(r"^[!*<]+(?=\s|$)", "", line.strip()).strip()
        line = _PARAM.sub(r"`\1`: ", line)
        line = _MARKUP.sub("", line)
        lines.append("" if _RULE.fullmatch(line) else line)
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines
