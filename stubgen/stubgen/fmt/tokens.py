"""Tokens with the remarks around them, and statements made of them. Only for files that parse."""
from ..lex import _TOKEN

METHODS = ("call", "oneway", "event", "invoke", "syscall")
STRICTNESS = ("strict", "flexible")

COMMENT = "comment"


class Remark:
    """A comment before a token. `blank` says that an empty line is before it."""

    __slots__ = ("text", "is_doc", "blank")

    def __init__(self, text, blank):
        self.text = text
        self.is_doc = text.startswith("///") and not text.startswith("////")
        self.blank = blank


class Tok:
    """`before`: Remarks; `after`: the remark on the rest of the line, or "". `lines` counts the
    line ends between this token and the one before; `blank`: an empty line is right before it."""

    __slots__ = ("kind", "text", "before", "after", "lines", "blank")

    def __init__(self, kind, text, before, lines, blank):
        self.kind = kind
        self.text = text
        self.before = before
        self.after = ""
        self.lines = lines
        self.blank = blank


def scan(text):
    """The tokens of a text; the last has kind None and holds what is before the end."""
    tokens, before = [], []
    lines = fresh = 0                      # line ends since the last token, since the last piece
    for found in _TOKEN.finditer(text):
        kind, word = found.lastgroup, found.group()
        if kind == "space":
            fresh += word.count("\n")
            lines += word.count("\n")
        elif kind == "doc" or kind == "comment":
            word = _tidy(word)
            if kind == "comment" and lines == 0 and tokens and not before:
                tokens[-1].after = word
            else:
                before.append(Remark(word, fresh > 1))
            fresh = 0
        else:
            tokens.append(Tok(kind, word, before, lines, _blank(before, fresh)))
            before, lines, fresh = [], 0, 0
    tokens.append(Tok(None, "", before, lines, _blank(before, fresh)))
    return tokens


def _blank(before, fresh):
    """A doc comment stays with what it documents."""
    return fresh > 1 and not (before and before[-1].is_doc)


def _tidy(word):
    """A comment without space at its end, and with some after its slashes."""
    word = word.rstrip()
    size = 3 if word.startswith("///") else 2
    if len(word) > size and word[size] not in " /!":
        word = word[:size] + " " + word[size:]
    return word


class Statement:
    """`head`: the tokens up to `;`, or before `{`; then `children` and `close`, the `}`."""

    def __init__(self):
        self.head = []
        self.open = None
        self.children = None
        self.close = None

    def first(self):
        return self.head[0]

    def last(self):
        return self.close or self.head[-1]


def statements(tokens, at=0):
    """(statements up to a `}` or the end, index of the token there)."""
    found = []
    while tokens[at].kind is not None and tokens[at].text != "}":
        item = Statement()
        while tokens[at].text not in (";", "{"):
            item.head.append(tokens[at])
            at += 1
        if tokens[at].text == "{":
            item.open = tokens[at]
            item.children, at = statements(tokens, at + 1)
            item.close = tokens[at]
        else:
            item.head.append(tokens[at])
        at += 1
        if item.open or not is_method(item.head):
            _hoist(item)
        found.append(item)
    return found, at


def kind_of(tokens):
    """The word that says what a statement is."""
    words = [t.text for t in tokens[:2]]
    return words[1] if words[0] in STRICTNESS + ("resource",) and len(words) > 1 else words[0]


def is_method(tokens):
    return kind_of(tokens) in METHODS and any(t.text == "@" for t in tokens[:4])


def _hoist(item):
    """Puts remarks inside a statement before it."""
    head = item.head[:]
    if item.open:
        head.append(item.open)
    moved = []
    for token in head:
        if token is not head[0]:
            moved += [remark.text for remark in token.before]
            token.before = []
        if token.after and token is not head[-1]:
            moved.append(token.after)
            token.after = ""
    head[0].before += [Remark(text, False) for text in moved]
