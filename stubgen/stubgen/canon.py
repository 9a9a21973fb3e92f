"""The canonical text of an interface and its hash: what two peers must agree on. Pure.

It holds everything that decides what a message means (ids, ordinals, types, constraints, errors)
and nothing else: no comments, no messages of errors, no names of files. A type is spelled out
where it is used first."""
import hashlib

from . import model

GRAMMAR = 1            # version of the language that the text is written in


def seal(interface):
    """Sets `canonical` and `hash`."""
    interface.canonical = text(interface)
    digest = hashlib.sha256(interface.canonical.encode()).digest()
    interface.hash = int.from_bytes(digest[:8], "little")


def text(interface):
    types, methods = parts(interface)
    body = [f"id {interface.id:#x}; version {interface.version};"]
    errors = listed_errors(interface)
    if errors:
        listed = " ".join(f"{e.name} = {e.number};" for e in errors)
        body.append(f"error {interface.errors.id:#x} {{ {listed} }}")
    lines = [f"interface {interface.name} {{"]
    lines += ["  " + line for line in types + body + methods]
    return "\n".join(lines) + "\n}\n"


def parts(interface):
    """([declaration of each type], [member]), as the language writes them."""
    writer = _Writer()
    methods = [writer.method(m) for m in sorted(interface.methods, key=lambda m: m.ordinal)]
    return writer.types, methods


def listed_errors(interface):
    """The errors that a method may fail with, by number: nobody sees the others."""
    found = {ref.error.number: ref.error for m in interface.methods for ref in m.fails}
    return [found[number] for number in sorted(found)]


class _Writer:
    def __init__(self):
        self.types = []
        self.named = {}

    def method(self, method):
        flexible = "flexible " if method.flexible else ""
        line = f"{flexible}{method.kind} {method.name} @{method.ordinal}"
        line += f" ({self.params(method.params)})"
        if method.results:
            stream = "stream " if method.window is not None else ""
            line += f" -> {stream}({self.params(method.results)})"
            line += f" window {method.window}" if stream else ""
        line += "".join(f" requires {expr(e)}" for e in method.requires)
        line += "".join(f" ensures {expr(e)}" for e in method.ensures)
        if method.fails:
            names = sorted(ref.error.name for ref in method.fails)
            line += " fails " + ", ".join(names)
        if method.since > 1:
            line += f" since {method.since}"
        line += " coalesce" if method.coalesce else ""
        line += f" queue {method.queue}" if method.queue else ""
        line += " idempotent" if method.idempotent else ""
        return line + ";"

    def params(self, params):
        return ", ".join(self.param(param) for param in params)

    def param(self, param):
        line = f"{param.name}: {self.type(param.type)}"
        if param.range:
            line += f" range {param.range[0]}..{param.range[1]}"
        line += " pow2" if param.pow2 else ""
        return line + (f" counts {param.counts}" if param.counts else "")

    def type(self, type_):
        if isinstance(type_, model.Int):
            return type_.name()
        if isinstance(type_, model.Bool):
            return "bool"
        if isinstance(type_, model.Buf):
            return f"{type_.kind}<{type_.bound}>"
        if isinstance(type_, model.Optional_):
            return self.type(type_.elem) + "?"
        if isinstance(type_, model.Array):
            most = "<=" if type_.at_most else ""
            return f"{self.type(type_.elem)}[{most}{type_.count}]"
        if isinstance(type_, model.Cap):
            rights = f", {type_.rights}" if type_.rights else ""
            return f"{type_.move} cap<{'|'.join(type_.kinds) or 'any'}{rights}>"
        if isinstance(type_, model.End):
            return f"{type_.side} {type_.interface or 'any'}"
        if isinstance(type_, model.Lend):
            return f"lend {type_.direction} {type_.kind}<{type_.bound}>"
        if isinstance(type_, model.User):
            return f"user {type_.direction} bytes<{type_.bound}>"
        if isinstance(type_, model.Cref):
            rights = f", {type_.rights}" if type_.rights else ""
            return f"cref<{'|'.join(type_.kinds) or 'any'}{rights}>"
        if isinstance(type_, model.Slot):
            return "slot"
        return self.decl(type_.decl)

    def decl(self, decl):
        """The name of a type, which is declared in the text before its first use."""
        if decl in self.named:
            return self.named[decl]
        name = decl.name
        while name in self.named.values():
            name += "0"
        self.named[decl] = name
        if isinstance(decl, model.Enum):
            strict = "flexible" if decl.flexible else "strict"
            values = " ".join(f"{v.name} = {v.value};"
                              for v in sorted(decl.values, key=lambda v: v.value))
            line = f"{strict} {decl.kind} {name} : {decl.type.name()} {{ {values} }}"
        elif isinstance(decl, model.Table):
            fields = " ".join(f"{field.ordinal}: {self.param(field)};" for field in decl.fields)
            words = "flexible " if decl.flexible else "strict "
            words += "resource " if decl.resource else ""
            line = f"{words}{decl.kind} {name} {{ {fields} }}"
        else:
            fields = " ".join(self.param(field) + ";" for field in decl.fields)
            resource = "resource " if decl.resource else ""
            line = f"{resource}struct {name} {{ {fields} }}"
        self.types.append(line)
        return name


def expr(node):
    """A condition as text, as the language writes it."""
    if node.kind == "lit":
        return str(node.value)
    if node.kind == "param":
        return node.name
    if node.kind == "len":
        return f"len({node.name})"
    word = "&&" if node.kind == "and" else node.kind
    return f" {word} ".join(expr(arg) for arg in node.args)


def type_text(type_):
    """One type as the language writes it, for documents and comments."""
    return _Writer().type(type_)
