"""Pass names: style and uniqueness of every declared name; fills the scopes."""
import re

from .. import ast
from ..limits import INTS, NAME_MAX, RESERVED_BITS

_CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_UPPER = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_STYLES = {"CamelCase": _CAMEL, "snake_case": _SNAKE, "UPPER_CASE": _UPPER}
_BUILTIN = frozenset(INTS) | {"bool", "string", "bytes", "strings", "cref", "slot", "cap", "any"}


def run(context):
    for space in context.namespaces:
        _Names(context, space).file()


def to_style(name, style):
    """The name in the wanted style, for the advice."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+", name) or ["name"]
    if style == "CamelCase":
        return "".join(word[:1].upper() + word[1:] for word in words)
    joined = "_".join(words)
    return joined.upper() if style == "UPPER_CASE" else joined.lower()


class _Names:
    def __init__(self, context, space):
        self.context = context
        self.space = space

    def style(self, name, style):
        if not _STYLES[style].fullmatch(name.text):
            self.context.error("E0401", name.span, f"`{name.text}` is not {style}",
                               f"expected {style}", f"call it `{to_style(name.text, style)}`")
        if len(name.text) > NAME_MAX:
            self.context.error("E0408", name.span, f"the name is longer than {NAME_MAX} characters",
                               f"{len(name.text)} characters", "find a shorter name")

    def declare(self, table, name, node, what):
        """Enters a name; a second one of the same name is an error that shows both."""
        if name.text in table:
            old = table[name.text]
            old_name = old if isinstance(old, ast.Name) else old.name
            self.context.error("E0402", name.span, f"{what} `{name.text}` is declared twice",
                               "the second one", "rename one of them",
                               [(old_name.span, "the first one")])
            return
        table[name.text] = node

    def file(self):
        space, everything = self.space, {}
        for decl in space.file.decls:
            if isinstance(decl, ast.TypeDecl):
                self.declare(everything, decl.name, decl, "the name")
                space.types.setdefault(decl.name.text, decl)
                self.typedecl(decl)
            elif isinstance(decl, ast.Interface):
                self.declare(everything, decl.name, decl, "the name")
                space.interfaces.setdefault(decl.name.text, decl)
                self.interface(decl)
            elif isinstance(decl, ast.ErrorsBlock):
                self.style(decl.name, "snake_case")
                self.declare(everything, decl.name, decl, "the name")
                space.errors.setdefault(decl.name.text, decl)
                self.members(decl.errors, "the error")
            elif isinstance(decl, ast.Object):
                self.style(decl.name, "snake_case")
                self.declare(everything, decl.name, decl, "the name")
                self.methods(decl.methods, {})
            elif isinstance(decl, ast.CapType):
                self.captype(decl)
            elif isinstance(decl, ast.Device):
                self.declare(everything, decl.name, decl, "the name")
                self.device(decl)
        self.methods([d for d in space.file.decls if isinstance(d, ast.Method)], {})

    def members(self, items, what):
        table = {}
        for item in items:
            self.style(item.name, "snake_case")
            self.declare(table, item.name, item, what)

    def device(self, decl):
        self.style(decl.name, "snake_case")
        registers = {}
        for register in decl.registers:
            self.style(register.name, "UPPER_CASE")
            self.declare(registers, register.name, register, "the register")
            self.members([f for f in register.fields if f.name.text not in RESERVED_BITS],
                         "the field")

    def captype(self, decl):
        self.style(decl.name, "CamelCase")
        self.declare(self.context.captypes, decl.name, decl, "the capability type")
        self.context.captypes.setdefault(decl.name.text.lower(), decl)
        self.members(decl.fields, "the field")

    def typedecl(self, decl):
        self.style(decl.name, "UPPER_CASE" if decl.kind == "const" else "CamelCase")
        if decl.name.text in _BUILTIN:
            self.context.error("E0402", decl.name.span, f"`{decl.name.text}` is built in",
                               "already has a meaning", "find another name")
        self.members(decl.values, "the value")
        self.members(decl.fields, "the field")

    def interface(self, decl):
        self.style(decl.name, "snake_case")
        types = self.space.interface_types.setdefault(decl.name.text, {})
        for item in decl.types:
            self.declare(types, item.name, item, "the name")
            self.typedecl(item)
        self.members(decl.errors or [], "the error")
        self.methods(decl.methods, {})

    def methods(self, methods, table):
        for method in methods:
            self.style(method.name, "snake_case")
            self.declare(table, method.name, method, f"the {method.kind}")
            params = {}
            for param in method.params + (method.results or []):
                self.style(param.name, "snake_case")
                if param.name.text in params:
                    first = params[param.name.text]
                    self.context.error("E0403", param.name.span, f"`{param.name.text}` names two "
                                       f"parameters or results of `{method.name.text}`",
                                       "the second one", "rename one of them",
                                       [(first.name.span, "the first one")])
                else:
                    params[param.name.text] = param
