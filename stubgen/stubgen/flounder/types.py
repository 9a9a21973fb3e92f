"""What Flounder's types are in our language."""
from ..limits import NAME_MAX
from ..sema.names import to_style

# Builtin types without losses: (ours, bytes).
SCALARS = {"uint8": ("u8", 1), "uint16": ("u16", 2), "uint32": ("u32", 4), "uint64": ("u64", 8),
           "uintptr": ("u64", 8), "int8": ("i8", 1), "int16": ("i16", 2), "int32": ("i32", 4),
           "int64": ("i64", 8), "intptr": ("i64", 8), "int": ("i32", 4), "size": ("u64", 8),
           "char": ("u8", 1), "bool": ("bool", 1), "iref": ("u32", 4), "errval": ("u64", 8)}
CAPS = {"cap": "copy cap<any>", "give_away_cap": "move cap<any>"}
# Aliases that Barrelfish's build gives every interface (if/types.if, if/platform, if/arch).
PREDECLARED = {"coreid": "uint8", "domainid": "uint32", "genpaddr": "uint64",
               "genvaddr": "uint64", "rsrcid": "uint32", "cycles": "uint64"}
BYTE_TYPES = ("uint8", "int8", "char")
TEXT_TYPES = ("String", "string")     # the second in older files
TEXT_MAX = 1024           # bytes of a String without a bound
DEPTH_MAX = 16
ENUM_BYTES = 4
ENUM_TYPE = "u32"


class Unknown(Exception):
    """A construct that our language has no form for; `token` is where it stands."""

    def __init__(self, token, what):
        super().__init__(what)
        self.token, self.what = token, what


def camel(name):
    """trigger_id_t is TriggerId."""
    base = name[:-2] if name.endswith("_t") and len(name) > 2 else name
    return _fit(to_style(base.lower() if base.isupper() else base, "CamelCase"), "T")


def snake(name):
    return _fit(to_style(name.replace("'", "_"), "snake_case"), "n")


def _fit(text, prefix):
    text = text if text[:1].isalpha() else prefix + text
    return text[:NAME_MAX].rstrip("_")


class Types:
    """The types that one file can name. `declared` gives Typedef nodes by name; `outer` are
    aliases from other files of types, {name: Typedef}."""

    def __init__(self, declared, outer, losses):
        self.losses = losses
        self.declared, self.outer = {}, dict(outer)
        self.names, self.used = {}, []
        taken = set()
        for node in declared:
            self.declared[node.name.text] = node
            self.names[node.name.text] = self._unique(camel(node.name.text), taken)

    @staticmethod
    def _unique(name, taken):
        plain, number = name, 2
        while name in taken:
            name, number = f"{plain}{number}", number + 1
        taken.add(name)
        return name

    def find(self, token):
        """("scalar" | "cap" | "text", name) or ("decl", Typedef)."""
        name = token.text
        if name in self.declared:
            return "decl", self.declared[name]
        if name in SCALARS:
            return "scalar", name
        if name in CAPS:
            return "cap", name
        if name in TEXT_TYPES:
            return "text", name
        if name in self.outer:
            return self.find(self.outer[name].base) if self.outer[name].kind == "alias" else \
                self._outside(token)
        if name in PREDECLARED:
            return "scalar", PREDECLARED[name]
        raise Unknown(token, f"the type `{name}` is declared nowhere")

    @staticmethod
    def _outside(token):
        raise Unknown(token, f"the type `{token.text}` is declared in another file")

    def base(self, token, depth=0):
        """The kind and name under all aliases: ("scalar", "uint8"), ("cap", ..), ("text", ..) or
        ("decl", Typedef that is no alias)."""
        kind, found = self.find(token)
        if kind != "decl" or found.kind != "alias":
            return kind, found
        if depth == DEPTH_MAX:
            raise Unknown(token, "an alias of itself")
        return self.base(found.base, depth + 1)

    def text(self, token):
        """How our language writes a type that is a value: a scalar or a declared name."""
        kind, found = self.find(token)
        if kind == "decl":
            if self.base(token)[0] in ("cap", "text"):
                return self.text_of_base(token)
            return self.names[found.name.text]
        if kind == "scalar":
            self._scalar_losses(token, found)
            return SCALARS[found][0]
        return self.text_of_base(token)

    def text_of_base(self, token):
        kind, found = self.base(token)
        if kind == "cap":
            return CAPS[found]
        if kind == "text":
            self.losses.add(token, "bound", f"a String without a bound has at most {TEXT_MAX} "
                            "bytes")
            return f"string<{TEXT_MAX}>"
        return SCALARS[found][0]

    def _scalar_losses(self, token, name):
        if name == "errval":
            self.losses.add(token, "errval", "an error code as a value is a plain u64: its numbers "
                            "are Barrelfish's")
        elif name == "iref":
            self.losses.add(token, "iref", "a reference to a service is a plain u32: pass a "
                            "channel end (`client any`) instead")

    def size(self, token, depth=0):
        """Bytes of a value, rounded up; capabilities have none."""
        kind, found = self.base(token)
        if kind == "scalar":
            return SCALARS[found][1]
        if kind == "cap":
            return 0
        if kind == "text":
            return TEXT_MAX
        if depth == DEPTH_MAX:
            raise Unknown(token, "a type that contains itself")
        if found.kind == "enum":
            return ENUM_BYTES
        if found.kind == "array":
            return found.count * self.size(found.base, depth + 1)
        return sum(-(-self.size(f.type, depth + 1) // 8) * 8 for f in found.fields)

    def holds_caps(self, token, depth=0):
        kind, found = self.base(token)
        if kind == "cap":
            return True
        if kind != "decl" or found.kind == "enum" or depth == DEPTH_MAX:
            return False
        inner = [found.base] if found.kind == "array" else [f.type for f in found.fields]
        return any(self.holds_caps(t, depth + 1) for t in inner)

    # Declarations --------------------------------------------------------------------------

    def declaration(self, node):
        """Lines of our declaration of a Typedef; none for an alias that only C would see."""
        name = self.names[node.name.text]
        if name != node.name.text and name != camel(node.name.text):
            self.losses.add(node.name, "name", f"`{node.name.text}` is called `{name}`")
        if node.kind == "alias":
            if self.base(node.base)[0] in ("cap", "text"):
                return []
            return [f"alias {name} = {self.text(node.base)};"]
        if node.kind == "array":
            return self._array(node, name)
        if node.kind == "enum":
            return self._enum(node, name)
        resource = "resource " if any(self.holds_caps(f.type) for f in node.fields) else ""
        lines, taken = [f"{resource}struct {name} {{"], set()
        for item in node.fields:
            field = self._unique(snake(item.name.text), taken)
            if item.count is not None or item.bound is not None:
                raise Unknown(item.name, "a field of varying size")
            lines.append(f"{field}: {self.text(item.type)};")
        return lines + ["}"]

    def _array(self, node, name):
        kind, found = self.base(node.base)
        if kind == "cap":
            raise Unknown(node.name, "an array of capabilities")
        if kind == "decl" and found.kind == "array":
            raise Unknown(node.name, "an array of arrays")
        if node.count == 0:
            raise Unknown(node.name, "an array without elements")
        return [f"alias {name} = {self.text(node.base)}[{node.count}];"]

    def _enum(self, node, name):
        lines, taken = [f"enum {name} : {ENUM_TYPE} {{"], set()
        prefix = _common_prefix([v.text for v in node.values])
        for number, value in enumerate(node.values):
            word = snake(value.text[len(prefix):])
            lines.append(f"{self._unique(word, taken)} = {number};")
        if prefix:
            self.losses.add(node.name, "name", f"the values of `{name}` lost the prefix "
                            f"`{prefix}`, which its C names get from the type")
        return lines + ["}"]


def _common_prefix(names):
    """The words that all names begin with, the last `_` included; none if a rest would not begin
    with a letter."""
    if len(names) < 2:
        return ""
    prefix = names[0][:names[0].rfind("_") + 1]
    while prefix and not all(n.startswith(prefix) and n[len(prefix):len(prefix) + 1].isalpha()
                             for n in names):
        prefix = prefix[:-1][:prefix[:-1].rfind("_") + 1]
    return prefix
