"""The parts of the grammar that only the kernel's ABI and device files use."""
from . import ast, lex

OBJECT_WORDS = ("captype", "invoke")
CAPTYPE_WORDS = ("rights", "retype", "map")
DEVICE_WORDS = ("size", "word", "reg", "array")
ACCESS_WORDS = ("rw", "ro", "wo", "w1c", "w1s", "rc")
REG_ATTRS = ("sideeffect", "shadow")


class AbiParser:
    """Mixed into Parser; uses the Cursor's methods."""

    def object(self):
        doc = self.doc()
        self.take()
        name = self.name("the object's name")
        node = ast.Object(name, name.span, doc)

        def member():
            if self.at("captype"):
                self.take()
                name = self.name("a capability type")
                rights = self.name("the rights it needs") if self.accept(",") else None
                node.captypes.append((name, rights))
                self.expect(";", "after the capability type")
            elif self.at("invoke"):
                node.methods.append(self.method("invoke", self.doc()))
            else:
                self.unknown_word("a member of an object", OBJECT_WORDS)
        self.block("object", member)
        return node

    def captype(self):
        doc = self.doc()
        self.take()
        name = self.name("the capability type's name")
        node = ast.CapType(name, name.span, doc)

        def member():
            if self.at_kind(lex.IDENT) and self.at(":", 1):
                node.fields.append(self.param())
                self.expect(";", "after the field")
                return
            token = self.peek()
            if token.text not in CAPTYPE_WORDS:
                self.unknown_word("a field, `rights`, `retype` or `map`", CAPTYPE_WORDS)
            self.take()
            if token.text == "rights":
                self.once(node.rights, token.span, "the set of rights")
                node.rights = self.name("the rights")
            else:
                names = self.commas(lambda: self.name("a capability type"))
                getattr(node, token.text).extend(names)
            self.expect(";", f"after `{token.text}`")
        self.block("capability type", member)
        return node

    def device(self):
        doc = self.doc()
        self.take()
        name = self.name("the device's name")
        node = ast.Device(name, name.span, doc)

        def member():
            if self.accept("size"):
                node.size = self.int("the size of the register block")
                self.expect(";", "after the size")
            elif self.accept("word"):
                node.word = self.name("an integer type")
                if not (self.at("little") or self.at("big")):
                    self.unknown_word("the byte order", ("little", "big"))
                node.order = self.name("the byte order")
                self.expect(";", "after the word")
            elif self.at("reg") or self.at("array"):
                node.registers.append(self.register())
            else:
                self.unknown_word("a member of a device", DEVICE_WORDS)
        self.block("device", member)
        return node

    def access(self):
        if self.peek().text not in ACCESS_WORDS:
            self.unknown_word("how it is accessed", ACCESS_WORDS)
        return self.name("how it is accessed")

    def register(self):
        doc = self.doc()
        is_array = self.take().text == "array"
        name = self.name("the register's name")
        self.expect("@", "and the register's offset")
        offset = self.int("the register's offset")
        stride = count = None
        if is_array:
            self.expect("stride", "after the offset of an array")
            stride = self.int("the stride")
            self.expect("count", "after the stride")
            count = self.int("the number of registers")
        self.expect(":", "and how the register is accessed")
        access = self.access()
        attrs = []
        while not self.at("{"):
            if self.peek().text not in REG_ATTRS:
                self.unknown_word("`{` or an attribute", REG_ATTRS)
            attrs.append(self.name("an attribute"))
        fields = []
        self.block("register", lambda: fields.append(self.reg_field()))
        return ast.Register(name, offset, stride, count, access, attrs, fields, name.span, doc)

    def reg_field(self):
        doc = self.doc()
        high = self.number("a bit number")
        low = self.number("the lowest bit") if self.accept("..") else high
        name = self.name("the field's name, mbz, mb1 or keep")
        access = self.access() if self.at_kind(lex.IDENT) else None
        type_ = self.qname("a type") if self.accept(":") else None
        self.expect(";", "after the field")
        return ast.RegField(high, low, name, access, type_, high.span.to(name.span), doc)
