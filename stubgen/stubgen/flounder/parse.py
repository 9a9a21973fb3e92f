"""Recursive descent over Flounder: what Barrelfish's own parser accepts (tools/flounder/Parser.hs
there), and the words `call` and `response` of its older files."""
from dataclasses import dataclass, field
from typing import Any, List, Optional

from ..source import Span
from . import lex
from .lex import comment_lines


@dataclass
class Arg:
    """`Type name`, `Type name[length, MAX]` (count: the name of the length) or `String name[MAX]`.
    direction: in or out for the arguments of an rpc."""
    type: Any
    name: Any
    direction: str = ""
    count: Any = None
    bound: Optional[int] = None


@dataclass
class Message:
    """kind: message, call, response or rpc. backends: names of what `@name(..)` asks for."""
    kind: str
    name: Any
    args: List[Arg]
    backends: List[Any]
    doc: List[str]


@dataclass
class Typedef:
    """kind: alias (base), array (base, count), struct (fields) or enum (values)."""
    kind: str
    name: Any
    doc: List[str]
    base: Any = None
    count: int = 0
    fields: List[Arg] = field(default_factory=list)
    values: List[Any] = field(default_factory=list)


@dataclass
class File:
    """name is None for a file of types only. head: the remarks before the first declaration."""
    source: Any
    head: List[str] = field(default_factory=list)
    name: Any = None
    description: str = ""
    doc: List[str] = field(default_factory=list)
    types: List[Typedef] = field(default_factory=list)
    messages: List[Message] = field(default_factory=list)


class _Fail(Exception):
    """A syntax error was reported."""


MESSAGE_WORDS = ("message", "call", "response", "rpc")


def parse(source, diags):
    """One file. Usable only if nothing was reported."""
    parser = _Parser(source, diags)
    try:
        return parser.file()
    except _Fail:
        return File(source)


class _Parser:
    def __init__(self, source, diags):
        self.source, self.diags = source, diags
        self.tokens = lex.lex(source, diags)
        self.index = 0

    # Tokens --------------------------------------------------------------------------------

    def peek(self):
        return self.tokens[self.index]

    def at(self, text):
        return self.peek().text == text and self.peek().kind != lex.STRING

    def take(self):
        token = self.peek()
        if token.kind != lex.EOF:
            self.index += 1
        return token

    def accept(self, text):
        return self.take() if self.at(text) else None

    def fail(self, what):
        token = self.peek()
        self.diags.error("E0202", token.span, f"expected {what}, found {token.describe()}",
                         f"expected {what}", "mend the file, or leave this part out")
        raise _Fail()

    def expect(self, text):
        return self.accept(text) or self.fail(f"`{text}`")

    def kind(self, kind, what):
        return self.take() if self.peek().kind == kind else self.fail(what)

    def name(self, what):
        return self.kind(lex.IDENT, what)

    def number(self):
        token = self.kind(lex.INT, "a number")
        if len(token.text) > lex.DIGITS_MAX:
            self.index -= 1
            self.fail("a number of at most 64 bits")
        return int(token.text, 0 if token.text[:2] in ("0x", "0X") else 10)

    def doc(self):
        """The remarks before the next token, but for those that end the line before."""
        lines = []
        for text, span in self.peek().comments:
            if lines and comment_lines(text):
                between = self.source.text[:span.start].rstrip(" \t")
                if between.endswith("\n\n"):
                    lines.append("")
            lines += comment_lines(text)
        return lines

    # Declarations --------------------------------------------------------------------------

    def file(self):
        file = File(self.source)
        file.head = self.doc()
        while not self.at("interface"):
            if self.peek().kind == lex.EOF:
                return file
            file.types.append(self.typedef())
        self.take()
        file.name = self.name("the interface's name")
        if self.peek().kind == lex.STRING:
            file.description = self.take().text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        self.expect("{")
        while self.at("alias") or self.at("typedef"):
            file.types.append(self.typedef())
        while not self.at("}"):
            file.messages.append(self.message())
        self.expect("}")
        self.accept(";")
        if self.peek().kind != lex.EOF:
            self.fail("the end of the file after the interface")
        return file

    def typedef(self):
        doc = self.doc()
        if self.accept("alias"):
            name = self.name("the alias")
            node = Typedef("alias", name, doc, self.name("its type"))
        else:
            if not self.accept("typedef"):
                self.fail("alias, typedef or interface")
            node = self.typedef_body(doc)
        self.expect(";")
        return node

    def typedef_body(self, doc):
        if self.at("struct"):
            self.take()
            self.expect("{")
            fields = []
            while not fields or not self.at("}"):
                fields.append(Arg(self.name("a field's type"), self.name("a field's name")))
                self.expect(";")
            self.expect("}")
            return Typedef("struct", self.name("the struct's name"), doc, fields=fields)
        if self.at("enum"):
            self.take()
            self.expect("{")
            values = [self.name("a value")]
            while self.accept(","):
                values.append(self.name("a value"))
            self.expect("}")
            return Typedef("enum", self.name("the enum's name"), doc, values=values)
        base, name = self.name("a type"), self.name("the new type's name")
        if not self.accept("["):
            return Typedef("alias", name, doc, base)
        count = self.number()
        self.expect("]")
        return Typedef("array", name, doc, base, count)

    def message(self):
        doc, backends = self.doc(), []
        while self.accept("@"):
            backends.append(self.name("a backend's name"))
            self.skip_parens()
        if self.peek().text not in MESSAGE_WORDS:
            self.fail("message, rpc or `}`")
        kind = self.take().text
        node = Message(kind, self.name(f"the {kind}'s name"), [], backends, doc)
        self.expect("(")
        while not self.at(")"):
            node.args.append(self.arg(kind))
            if not self.accept(","):
                break
        self.expect(")")
        self.expect(";")
        return node

    def skip_parens(self):
        self.expect("(")
        while not self.accept(")"):
            if self.peek().kind == lex.EOF:
                self.fail("`)`")
            self.take()

    def arg(self, kind):
        direction = ""
        if kind == "rpc":
            if not (self.at("in") or self.at("out")):
                self.fail("in or out")
            direction = self.take().text
        node = Arg(self.name("a type"), self.name("an argument's name"), direction)
        if self.accept("["):
            if self.peek().kind == lex.IDENT:
                node.count = self.take()
                self.expect(",")
            elif node.type.text != "String":
                self.fail("the name of the length")
            node.bound = self.number()
            self.expect("]")
        return node


def place(token):
    """The Span of a token, for messages."""
    return Span(token.span.source, token.span.start, token.span.end)
