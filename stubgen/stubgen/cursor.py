"""The token cursor under the parser: expectations, error recovery, blocks and lists."""
from . import ast, lex
from .diag import nearest


WORDS = (lex.IDENT, lex.PUNCT)


class Fail(Exception):
    """A syntax error was reported; the nearest block recovers."""


class Cursor:
    # Words that begin a member or declaration: recovery stops at one that begins a line.
    STARTERS = frozenset(
        "interface object errors captype syscall device enum flags struct table union const alias "
        "resource strict flexible id version error reserved call oneway event invoke reg array "
        "import".split())

    def __init__(self, source, lexical, diags):
        self.source = source
        self.diags = diags
        self.tokens = lex.lex(source, lexical)
        self.index = 0
        self.documented = set()

    # Looking -------------------------------------------------------------------------------

    def peek(self, ahead=0):
        if not ahead:                          # never beyond the last one, which is EOF
            return self.tokens[self.index]
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def at(self, text, ahead=0):
        token = self.peek(ahead) if ahead else self.tokens[self.index]
        return token.text == text and token.kind in WORDS

    def at_kind(self, kind, ahead=0):
        return self.peek(ahead).kind == kind

    def previous(self):
        return self.tokens[max(0, self.index - 1)]

    # Taking --------------------------------------------------------------------------------

    def take(self):
        token = self.peek()
        if token.kind != lex.EOF:
            self.index += 1
        return token

    def accept(self, text):
        return self.take() if self.at(text) else None

    def doc(self):
        """The doc comment right before the next token, marked as used."""
        token = self.peek()
        if token.doc is None:
            return []
        self.documented.add(token.span.start)
        return token.doc[0]

    def fail(self, code, span, message, label="", fix="", notes=()):
        self.diags.error(code, span, message, label, fix, notes)
        raise Fail()

    def expect(self, text, why, fix=""):
        if self.at(text):
            return self.take()
        token = self.peek()
        if text == ";" and (token.first or token.text == "}" or token.kind == lex.EOF):
            last = self.previous()
            self.diags.error("E0201", last.span.after(), f"expected `;` {why}",
                             "the `;` is missing here", "end it with `;`")
            return last
        self.fail("E0202", token.span, f"expected `{text}` {why}, found {token.describe()}",
                  f"expected `{text}`", fix or f"write `{text}` here")

    def name(self, what):
        token = self.peek()
        if token.kind != lex.IDENT:
            self.fail("E0202", token.span, f"expected {what}, found {token.describe()}",
                      "expected a name", f"write {what} here")
        self.take()
        return ast.Name(token.text, token.span)

    def qname(self, what):
        parts = [self.name(what)]
        while self.at("."):
            self.take()
            parts.append(self.name("a name after `.`"))
        return ast.QName(parts, parts[0].span.to(parts[-1].span))

    def number(self, what):
        token = self.peek()
        if token.kind != lex.INT:
            self.fail("E0202", token.span, f"expected {what}, found {token.describe()}",
                      "expected a number", "write a number here")
        self.take()
        return ast.IntLit(token.value, token.span)

    def int(self, what):
        """A number or the name of a constant."""
        return self.qname(what) if self.at_kind(lex.IDENT) else self.number(what)

    def signed(self, what):
        """As int, or a number below zero."""
        if not self.at("-"):
            return self.int(what)
        sign = self.take()
        number = self.number(f"the digits of {what}")
        return ast.IntLit(-number.value, sign.span.to(number.span))

    def string(self, what):
        token = self.peek()
        if token.kind != lex.STRING:
            self.fail("E0202", token.span, f"expected {what}, found {token.describe()}",
                      "expected a string", "write it in double quotes")
        return self.take()

    def unknown_word(self, what, words):
        """Reports a word that means nothing here, with the likely one if there is any."""
        token = self.peek()
        listed = ", ".join(f"`{word}`" for word in words)
        guess = nearest(token.text, words) if token.kind == lex.IDENT else None
        fix = f"did you mean `{guess}`?" if guess else f"use one of {listed}"
        self.fail("E0203", token.span, f"expected {what}, found {token.describe()}",
                  f"not {what}", fix)

    # Blocks --------------------------------------------------------------------------------

    def block(self, what, member):
        """`{ member* }`, recovering member by member."""
        opened = self.expect("{", f"to open the {what}")
        while not self.at("}"):
            if self.at_kind(lex.EOF):
                self.fail("E0207", self.peek().span, f"the {what} is never closed",
                          "expected `}` before the end of the file", "add the missing `}`",
                          [(opened.span, "opened here")])
            self.recovering(member)
        return self.take()

    def recovering(self, member):
        """Runs one member parser; after a syntax error skips to the next member."""
        begin = self.index
        try:
            member()
        except Fail:
            self.skip()
            if self.index == begin:
                self.take()

    def skip(self):
        """Skips to behind the next `;` or block, or to a `}` or starter word."""
        depth = 0
        while not self.at_kind(lex.EOF):
            if self.at("{"):
                depth += 1
            elif self.at("}"):
                if depth == 0:
                    return
                depth -= 1
                if depth == 0:
                    self.take()
                    return
            elif depth == 0 and self.at(";"):
                self.take()
                return
            elif depth == 0 and self.peek().first and self.peek().text in self.STARTERS:
                return
            self.take()

    def commas(self, item, close=None):
        """item { "," item }; with `close`, possibly nothing before it."""
        items = []
        if close and self.at(close):
            return items
        items.append(item())
        while self.accept(","):
            items.append(item())
        return items

    def once(self, old, span, what):
        """Reports a part that is given twice."""
        if old is not None:
            first = old if not hasattr(old, "span") else old.span
            self.diags.error("E0209", span, f"{what} is given twice", "the second one",
                             "keep one of them", [(first, "the first one")])
