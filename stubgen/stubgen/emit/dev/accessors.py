"""The inline functions of registers and fields, as C text."""
from ... import access, cnames
from ..cexpr import c_int
from ..wrap import wrap


class Word:
    """The word of a device: its C type, constants and values of it."""

    def __init__(self, item):
        self.bits = item.word.bits
        self.type = c_int(item.word)
        self.swap = f"__builtin_bswap{self.bits}" if item.big and self.bits > 8 else ""
        self.all = (1 << self.bits) - 1

    def const(self, value):
        return f"UINT64_C({value:#x})" if self.bits == 64 else f"{value:#x}u"

    def cast(self, text):
        """The integer promotions made undone; `text` may hold operators."""
        return f"({self.type}){grouped(text)}"

    def masked(self, text, bits):
        return text if bits == self.all else f"({text} & {self.const(bits)})"


def grouped(text):
    """C in one pair of parentheses."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0 and at < len(text) - 1:
            return f"({text})"
    return text


def index(register, text):
    """`text` if the register is an array."""
    return text if register.stride is not None else ""


def field_type(field):
    if field.type is not None:
        return cnames.type_base(field.type) + "_t"
    if field.bits == 1:
        return "bool"
    return next(f"uint{bits}_t" for bits in (8, 16, 32, 64) if field.bits <= bits)


class _Writer:
    """Functions around one register."""

    def __init__(self, item, register, word):
        self.item, self.register, self.word = item, register, word
        self.base = cnames.register_base(item, register)
        self.slot = f"d->{register.name.lower()}_shadow{index(register, '[i]')}"

    def function(self, result, name, args, *body):
        """An inline function; the lines of `body` are indented here."""
        head = wrap(f"static inline {result} {name}(", args, ")")
        return "\n".join([head, "{"] + [f"    {line}" for line in body] + ["}"])

    def handle(self, written=False):
        const = "" if written and self.register.shadow else "const "
        return [f"{const}struct {self.item.name}_regs *d"] + \
            (["uint32_t i"] if self.register.stride is not None else [])

    def place(self):
        """The last arguments of DEV_LOAD and DEV_STORE: the device, and where in it."""
        offset = f"{self.base.upper()}_OFFSET"
        step = index(self.register, f" + (uintptr_t)i * {self.base.upper()}_STRIDE")
        return [str(self.word.bits), f"{self.item.name}_device", "d->base", offset + step]

    def load(self):
        swap, end = (self.word.swap + "(", "));") if self.word.swap else ("", ");")
        return wrap(f"return {swap}DEV_LOAD(", self.place(), end, indent=" " * 11)

    def call_rd(self):
        return f"{self.base}_rd(d{index(self.register, ', i')})"

    def store(self, value):
        """Statements that write `value`, and remember it where there is a shadow."""
        word = self.word
        if self.register.shadow:
            first, value = [f"{self.slot} = {word.cast(value)};"], self.slot
        else:
            first, value = [], word.cast(value)
        if word.swap:
            value = f"{word.swap}({value})"
        return first + [wrap("DEV_STORE(", self.place() + [value], ");", indent=" " * 14)]

    def others(self, changed):
        """C of the bits that a write of `changed` leaves as they are; empty if there are none."""
        where = access.base(self.register, changed)
        kept = self.word.const(access.kept(self.register) & ~changed)
        if where == access.READ:
            return f"({self.call_rd()} & {kept})"
        return f"({self.slot} & {kept})" if where == access.SHADOW else ""

    def joined(self, *parts):
        """The parts that there are, and the bits that are always one."""
        ones = access.mask(self.register, "mb1")
        parts = [part for part in parts if part] + ([self.word.const(ones)] if ones else [])
        return " | ".join(parts)


def register_functions(item, register, word):
    writer, made = _Writer(item, register, word), []
    base = writer.base
    ops = access.register_ops(register)
    if "rd" in ops:
        made.append(writer.function(word.type, f"{base}_rd", writer.handle(), writer.load()))
    if "shadow" in ops:
        made.append(writer.function(word.type, f"{base}_shadow", writer.handle(),
                                    f"return {writer.slot};"))
    for op, kind in (("clear", "w1c"), ("set", "w1s")):
        if op in ops:
            ones = word.masked("mask", access.mask(register, kind))
            value = writer.joined(writer.others(0), ones)
            made.append(writer.function("void", f"{base}_{op}", writer.handle(True) +
                                        [f"{word.type} mask"], *writer.store(value)))
    if "wr" in ops:
        keep = access.mask(register, "keep")
        value = writer.joined(word.masked("value", access.writable(register)),
                              f"({writer.call_rd()} & {word.const(keep)})" if keep else "")
        made.append(writer.function("void", f"{base}_wr", writer.handle(True) +
                                    [f"{word.type} value"], *writer.store(value)))
    return made


def field_functions(item, register, field, word):
    writer, made = _Writer(item, register, word), []
    type_, name = field_type(field), f"{writer.base}_{field.name}"
    mask, ops = name.upper(), access.field_ops(register, field)
    moved = f"(uint{max(32, word.bits)}_t)x" + (f" << {field.low}" if field.low else "")
    put = f"({moved} & {mask})" if field.mask() != word.all else moved
    if "" in ops:
        value = word.masked("value", field.mask()) if field.mask() == word.all else \
            f"(value & {mask})"
        value += f" >> {field.low}" if field.low and type_ != "bool" else ""
        made.append(writer.function(type_, name, [f"{word.type} value"], f"return {value} != 0;"
                                    if type_ == "bool" else f"return ({type_}){grouped(value)};"))
    if "put" in ops:
        rest = word.all & ~field.mask()
        value = " | ".join(([f"(value & {word.const(rest)})"] if rest else []) + [put])
        made.append(writer.function(word.type, f"{name}_put", [f"{word.type} value", f"{type_} x"],
                                    *(() if rest else ("(void)value;",)),
                                    f"return {word.cast(value)};"))
    if "rd" in ops:
        made.append(writer.function(type_, f"{name}_rd", writer.handle(),
                                    f"return {name}({writer.call_rd()});"))
    if "wr" in ops:
        value = writer.joined(writer.others(field.mask()), put)
        made.append(writer.function("void", f"{name}_wr", writer.handle(True) + [f"{type_} x"],
                                    *writer.store(value)))
    for op in ("clear", "set"):
        if op in ops:
            value = writer.joined(writer.others(0), mask)
            made.append(writer.function("void", f"{name}_{op}", writer.handle(True),
                                        *writer.store(value)))
    return made
