"""Recursive descent over docs/ref/grammar.ebnf, LL(2): files, interfaces and types.

Words are keywords only where the grammar expects them. Every parser either returns its node or
raises Fail after reporting; `Cursor.block` recovers at the next `;`, `}` or starting word."""
from . import ast, lex
from .cursor import Cursor
from .diag import Diags
from .limits import OPERATORS_MAX
from .parse_abi import AbiParser

DECL_WORDS = ("interface", "errors", "enum", "flags", "struct", "table", "union", "const",
              "alias", "object", "captype", "syscall", "device", "import")
TYPE_WORDS = ("enum", "flags", "struct", "table", "union", "const", "alias")
MEMBER_WORDS = ("id", "version", "error", "reserved", "call", "oneway", "event") + TYPE_WORDS
CLAUSE_WORDS = ("requires", "ensures", "fails", "since", "deprecated", "window", "queue",
                "coalesce", "idempotent")
ATTR_WORDS = ("range", "pow2", "counts")
COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")


def parse(source, diags):
    """Parses one source. The result is usable only if no error was reported. On a line that could
    not be read into tokens, syntax errors are not worth reporting."""
    lexical, syntax = Diags(), Diags()
    file = Parser(source, lexical, syntax).file()
    unreadable = {source.line_col(item.span.start)[0] for item in lexical.items}
    diags.items += lexical.items
    diags.items += [item for item in syntax.items
                    if source.line_col(item.span.start)[0] not in unreadable]
    return file


class Parser(AbiParser, Cursor):
    def file(self):
        file = ast.File(self.source)
        while not self.at_kind(lex.EOF):
            self.recovering(lambda: self.top(file))
            if self.at("}"):
                token = self.take()
                self.diags.error("E0202", token.span, "expected a declaration, found `}`",
                                 "nothing is open here", "remove it")
        for token in self.tokens:
            if token.doc and token.span.start not in self.documented:
                self.diags.error("E0204", token.doc[1], "this doc comment documents nothing",
                                 "no declaration follows",
                                 "move it before a declaration, or write // for a remark")
        return file

    def top(self, file):
        if self.at("import"):
            file.doc += self.doc()
            file.imports.append(self.import_(bool(file.decls)))
            return
        is_device_file = self.source.path.endswith(".dev")
        if self.at("interface"):
            decl = self.interface()
        elif self.at("errors"):
            decl = self.errors()
        elif self.at("object"):
            decl = self.object()
        elif self.at("captype"):
            decl = self.captype()
        elif self.at("syscall"):
            decl = self.method("syscall", self.doc())
        elif self.at("device"):
            decl = self.device()
        elif self.at_typedecl():
            decl = self.typedecl(self.doc())
        else:
            self.unknown_word("a declaration", DECL_WORDS)
        file.decls.append(decl)
        is_type = isinstance(decl, ast.TypeDecl)
        if is_device_file != isinstance(decl, ast.Device) and not (is_device_file and is_type):
            here, other = (".dev", ".if") if is_device_file else (".if", ".dev")
            self.diags.error("E0205", decl.span, f"this declaration does not belong in a {here} "
                             f"file", "wrong kind of file", f"move it to a {other} file")

    def import_(self, late):
        word = self.take()
        path = self.string("the file to import")
        end = self.expect(";", "after the import")
        if late:
            self.diags.error("E0206", word.span, "an import after a declaration",
                             "imports come first", "move it to the top of the file")
        return ast.Import(path.value, path.span.to(end.span) if end is path else path.span)

    # Interfaces ----------------------------------------------------------------------------

    def interface(self):
        doc = self.doc()
        self.take()
        name = self.name("the interface's name")
        node = ast.Interface(name, name.span, doc)
        self.block("interface", lambda: self.member(node))
        return node

    def member(self, node):
        if self.at("id") and self.at_kind(lex.INT, 1):
            self.once(node.id, self.take().span, "the id")
            node.id = self.number("the id")
            self.expect(";", "after the id")
        elif self.at("version"):
            self.once(node.version, self.take().span, "the version")
            node.version = self.number("the version")
            if self.at("draft"):
                node.draft, node.draft_span = True, self.take().span
            self.expect(";", "after the version")
        elif self.at("error"):
            self.error_member(node)
        elif self.at("reserved"):
            self.take()
            node.reserved += self.commas(self.reserved_range)
            self.expect(";", "after the reserved ordinals")
        elif self.at("call"):
            node.methods.append(self.method("call", self.doc()))
        elif self.at("oneway") or self.at("event"):
            node.methods.append(self.method(self.peek().text, self.doc()))
        elif (self.at("strict") or self.at("flexible")) and (
                self.at("oneway", 1) or self.at("event", 1)):
            doc, word = self.doc(), self.take()
            method = self.method(self.peek().text, doc)
            method.strictness = ast.Name(word.text, word.span)
            node.methods.append(method)
        elif self.at_typedecl():
            node.types.append(self.typedecl(self.doc()))
        else:
            self.unknown_word("a member of an interface", MEMBER_WORDS)

    def error_member(self, node):
        word = self.take()
        self.once(node.errors_span, word.span, "the error list")
        node.errors_span = word.span
        if self.accept("from"):
            node.error_from = self.name("the interface whose errors these are")
            self.expect(";", "after `error from`")
            return
        node.errors = []
        self.block("error list", lambda: node.errors.append(self.errdef()))

    def errdef(self):
        doc = self.doc()
        name = self.name("the error's name")
        self.expect("=", "before the error's number")
        number = self.number("the error's number")
        message = self.string("the error's message")
        self.expect(";", "after the error")
        return ast.ErrorDef(name, number, message.value, message.span, doc)

    def reserved_range(self):
        low = self.number("a reserved ordinal")
        high = self.number("the last reserved ordinal") if self.accept("..") else low
        return (low, high)

    def errors(self):
        doc = self.doc()
        self.take()
        name = self.name("the error set's name")
        node = ast.ErrorsBlock(name, None, [], name.span, doc)

        def member():
            if self.at("id") and self.at_kind(lex.INT, 1):
                self.once(node.id, self.take().span, "the id")
                node.id = self.number("the id")
                self.expect(";", "after the id")
            else:
                node.errors.append(self.errdef())
        self.block("error set", member)
        return node

    # Methods -------------------------------------------------------------------------------

    def method(self, kind, doc):
        self.take()
        name = self.name(f"the {kind}'s name")
        self.expect("@", f"and the ordinal after the {kind}'s name",
                    f"give the {kind} an ordinal, like `{name.text} @1`")
        ordinal = self.number("the ordinal")
        params = self.params()
        results, stream = None, None
        if self.at("->"):
            arrow = self.take()
            if kind in ("oneway", "event"):
                self.diags.error("E0210", arrow.span, f"{kind} `{name.text}` has results",
                                 f"no reply belongs to this {kind}", "make it a call")
            if self.at("stream"):
                stream = self.take().span
            results = self.params()
        clauses = []
        while not self.at(";"):
            clause = self.clause()
            if clause is None:
                break
            clauses.append(clause)
        self.expect(";", f"after the {kind}")
        return ast.Method(kind, name, ordinal, params, results, stream, None, clauses,
                          name.span, doc)

    def clause(self):
        token = self.peek()
        if token.kind != lex.IDENT or (token.first and token.text in self.STARTERS):
            return None
        if token.text not in CLAUSE_WORDS:
            self.unknown_word("a clause", CLAUSE_WORDS)
        word = self.take().text
        value = None
        if word in ("requires", "ensures"):
            value = self.expr()
        elif word == "fails":
            value = self.commas(lambda: self.name("the name of an error"))
        elif word in ("since", "deprecated", "window", "queue"):
            value = self.number(f"the number after `{word}`")
        return ast.Clause(word, token.span, value)

    def expr(self):
        parts = [self.comparison()]
        while self.accept("&&"):
            parts.append(self.comparison())
        if len(parts) == 1:
            return parts[0]
        return ast.Expr("and", parts[0].span.to(parts[-1].span), parts)

    def comparison(self):
        begin = self.index
        left = self.sum()
        token = self.peek()
        if token.text not in COMPARISONS or token.kind != lex.PUNCT:
            self.fail("E0202", token.span, f"expected a comparison, found {token.describe()}",
                      "expected <= >= == != < or >", "a condition compares two values")
        self.take()
        right = self.sum()
        if sum(t.text in ("+", "-", "*") for t in self.tokens[begin:self.index]) > OPERATORS_MAX:
            self.fail("E0212", left.span, "this condition is too long",
                      f"more than {OPERATORS_MAX} operators", "check the rest in the server")
        return ast.Expr(token.text, left.span.to(right.span), [left, right])

    def sum(self):
        left = self.product()
        while self.at("+") or self.at("-"):
            word = self.take().text
            right = self.product()
            left = ast.Expr(word, left.span.to(right.span), [left, right])
        return left

    def product(self):
        left = self.term()
        while self.at("*"):
            self.take()
            right = self.term()
            left = ast.Expr("*", left.span.to(right.span), [left, right])
        return left

    def term(self):
        if self.at_kind(lex.INT):
            number = self.number("a value")
            return ast.Expr("lit", number.span, value=number.value)
        if self.at("len") and self.at("(", 1):
            begin = self.take().span
            self.take()
            name = self.name("the parameter whose length is meant")
            end = self.expect(")", "after the parameter")
            return ast.Expr("len", begin.to(end.span), name=name)
        name = self.qname("a number, a parameter or len(parameter)")
        return ast.Expr("ref", name.span, [name], name=name.parts[0])

    def params(self):
        self.expect("(", "before the parameters")
        params = self.commas(self.param, close=")")
        token = self.peek()
        if token.kind == lex.IDENT and not token.first:
            self.unknown_word("`,`, `)` or an attribute", ATTR_WORDS)
        self.expect(")", "after the parameters")
        return params

    def param(self):
        doc = self.doc()
        name = self.name("a parameter's name")
        self.expect(":", f"and a type after `{name.text}`", "write `name: type`")
        node = ast.Param(name, self.mode(), name.span, doc)
        while self.peek().text in ATTR_WORDS and self.at_kind(lex.IDENT):
            word = self.take()
            if word.text == "range":
                self.once(node.range and node.range[2], word.span, "the range")
                low = self.signed("the lowest value")
                self.expect("..", "between the bounds of the range")
                node.range = (low, self.signed("the highest value"), word.span)
            elif word.text == "pow2":
                self.once(node.pow2, word.span, "pow2")
                node.pow2 = word.span
            else:
                self.once(node.counts, word.span, "counts")
                node.counts = self.name("the buffer that it counts")
        return node

    # Types ---------------------------------------------------------------------------------

    def mode(self):
        token = self.peek()
        is_namespace = self.at(".", 1)
        if token.text in ("move", "copy", "borrow") and not is_namespace:
            self.take()
            self.expect("cap", f"after `{token.text}`")
            return self.cap_type(token)
        if token.text == "cap" and self.at("<", 1):
            self.diags.error("E0211", token.span, "this capability has no mode",
                             "expected move, copy or borrow before it",
                             "write `move cap<..>` to give it away, `copy cap<..>` to share it")
            return self.cap_type(self.take())
        if token.text in ("client", "server") and not is_namespace:
            self.take()
            node = ast.TypeExpr(token.text, token.span)
            if not self.accept("any"):
                node.name = self.qname("an interface or `any`")
            return self.finish(node)
        if token.text in ("lend", "user") and not is_namespace:
            return self.buffer_mode(self.take())
        return self.type()

    def cap_type(self, first):
        node = ast.TypeExpr("cap", first.span, move=first.text)
        self.capargs(node)
        self.array(node)
        return self.finish(node)

    def buffer_mode(self, token):
        if not (self.at("in") or self.at("out")):
            self.unknown_word(f"`in` or `out` after `{token.text}`", ("in", "out"))
        node = ast.TypeExpr(token.text, token.span, direction=self.take().text)
        words = ("bytes", "strings") if token.text == "lend" else ("bytes",)
        if self.peek().text not in words:
            self.unknown_word("a buffer", words)
        node.buffer = self.take().text
        node.bound = self.angle_bound(node.buffer)
        node.span = token.span.to(self.previous().span)
        return node

    def angle_bound(self, what):
        self.expect("<", f"and a bound after `{what}`", f"give its largest size: `{what}<64>`")
        bound = self.int("the largest size")
        self.expect(">", "after the bound")
        return bound

    def capargs(self, node):
        self.expect("<", "and the kind of capability", "write the kind: `cap<ram, rw>`")
        if not self.accept("any"):
            node.kinds.append(self.name("a kind of capability or `any`"))
            while self.accept("|"):
                node.kinds.append(self.name("a kind of capability"))
        if self.accept(","):
            node.rights = self.name("the rights")
        self.expect(">", "after the kind of capability")

    def type(self):
        token = self.peek()
        if token.text in ("string", "bytes", "strings") and not self.at(".", 1):
            self.take()
            node = ast.TypeExpr(token.text, token.span, bound=self.angle_bound(token.text))
        elif token.text == "cref" and self.at("<", 1):
            self.take()
            node = ast.TypeExpr("cref", token.span)
            self.capargs(node)
        elif token.text == "slot" and not self.at(".", 1):
            self.take()
            node = ast.TypeExpr("slot", token.span)
        else:
            name = self.qname("a type")
            node = ast.TypeExpr("named", name.span, name=name)
        self.array(node)
        return self.finish(node)

    def array(self, node):
        if not self.at("["):
            return
        begin = self.take().span
        at_most = bool(self.accept("<="))
        count = self.int("the number of elements")
        end = self.expect("]", "after the number of elements").span
        node.array = ast.Array(count, at_most, begin.to(end))

    def finish(self, node):
        mark = self.accept("?")
        node.optional = mark.span if mark else None
        node.span = node.span.to(self.previous().span)
        return node

    def at_typedecl(self):
        if self.at("strict") or self.at("flexible"):
            return self.peek(1).text in ("enum", "flags", "table", "union", "resource")
        if self.at("resource"):
            return self.peek(1).text in ("struct", "table", "union")
        return self.peek().text in TYPE_WORDS and self.at_kind(lex.IDENT)

    def typedecl(self, doc):
        strictness, resource = None, False
        if self.at("strict") or self.at("flexible"):
            word = self.take()
            strictness = ast.Name(word.text, word.span)
        if self.accept("resource"):
            resource = True
            words = ("table", "union") if strictness else ("struct", "table", "union")
            if self.peek().text not in words:
                self.unknown_word("what holds capabilities", words)
        kind = self.take().text
        name = self.name(f"the {kind}'s name")
        node = ast.TypeDecl(kind, name, name.span, doc, strictness, resource)
        getattr(self, f"{'enum' if kind == 'flags' else kind}_body")(node)
        return node

    def enum_body(self, node):
        self.expect(":", "and the integer type that holds it", "write `: u8` after the name")
        node.base = self.name("an integer type")

        def value():
            doc = self.doc()
            name = self.name("a value's name")
            self.expect("=", "before the value")
            number = self.signed("the value")
            self.expect(";", "after the value")
            node.values.append(ast.EnumValue(name, number, doc))
        self.block(node.kind, value)

    def struct_body(self, node):
        def field():
            node.fields.append(self.param())
            self.expect(";", "after the field")
        self.block("struct", field)

    def table_body(self, node):
        def field():
            doc = self.doc()
            node.ordinals.append(self.number("the field's ordinal"))
            self.expect(":", "after the field's ordinal")
            param = self.param()
            param.doc = doc
            node.fields.append(param)
            self.expect(";", "after the field")
        self.block(node.kind, field)

    union_body = table_body

    def const_body(self, node):
        self.expect(":", "and a type after the constant's name", "write `const N: u32 = 1;`")
        node.base = self.name("the constant's type")
        self.expect("=", "before the value")
        node.value = self.take() if self.at_kind(lex.STRING) else self.signed("the value")
        self.expect(";", "after the constant")

    def alias_body(self, node):
        self.expect("=", "before the type")
        node.target = self.type()
        self.expect(";", "after the alias")
