"""Values of messages (codec.py) as text, in the notation of `ifcall` (libaos/include/aos/ifdesc.h).
Pure."""
from . import codec, model


def fields(params, values, between=" ", caps=None):
    """name=value of what is there. `caps` gives capabilities their numbers; None: as they are."""
    caps = caps if caps is not None else _Same()
    found = []
    for param in params:
        value = values.get(param.name)
        if value is not None:
            found.append(f"{param.name}={show(param.type, value, caps)}")
    return between.join(found)


class Numbered:
    """Capabilities as cap0, cap1, ... in the order in which they are shown."""

    def __init__(self):
        self.next = 0

    def show(self, _value):
        self.next += 1
        return f"cap{self.next - 1}"


class _Same:
    @staticmethod
    def show(value):
        return str(value)


class Cut:
    """What there is of a value that was not recorded whole."""

    def __init__(self, value):
        self.value = value


def show(type_, value, caps):
    if isinstance(value, Cut):
        return ("" if value.value is None else show(type_, value.value, caps)) + "..."
    if isinstance(type_, model.Optional_):
        return show(type_.elem, value, caps)
    if isinstance(type_, model.Bool):
        return "true" if value else "false"
    if isinstance(type_, model.Int):
        return str(value)
    if isinstance(type_, (model.Cap, model.End)):
        return caps.show(value)
    if isinstance(type_, model.Array):
        return "[" + ", ".join(show(type_.elem, item, caps) for item in value) + "]"
    if isinstance(type_, model.Buf):
        return _buffer(type_.kind, value)
    if isinstance(type_, model.Lend):
        if isinstance(value, codec.Lease):
            return f"{value.length} bytes"
        return str(value) if isinstance(value, int) else _buffer(type_.kind, value)
    decl = type_.decl
    if isinstance(decl, model.Enum):
        return _flags(decl, value) if decl.kind == "flags" else next(
            (v.name for v in decl.values if v.value == value), str(value))
    inner = fields(decl.fields, value, ", ", caps)
    if codec.UNKNOWN in value:
        inner += ", ?" if inner else "?"
    return "{" + inner + "}"


def _flags(decl, value):
    found = []
    for item in sorted(decl.values, key=lambda v: v.value):
        if value & item.value:
            found.append(item.name)
            value &= ~item.value
    return "|".join(found + ([f"{value:#x}"] if value else [])) or "0"


def _buffer(kind, value):
    if kind == "string":
        return quoted(value)
    if kind == "strings":
        return "[" + ", ".join(quoted(item) for item in value) + "]"
    return bytes(value).hex() or '""'


def quoted(text):
    out = ""
    for char in text:
        if char in "\"\\":
            out += "\\" + char
        elif char == "\n":
            out += "\\n"
        elif char < " " or char == "\x7f":
            out += f"\\x{ord(char):02x}"
        else:
            out += char
    return f'"{out}"'
