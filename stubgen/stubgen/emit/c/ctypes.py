"""How the language's types look in C: declarations, parameters, results. See README.md."""
from ... import cnames, layout, model
from ...limits import RIGHTS
from ..cexpr import c_int, c_number
from ..env import c_string
from ..wrap import comment

INDENT = "    "


def strip_optional(type_):
    """(the type without `?`, whether there was one)."""
    if isinstance(type_, model.Optional_):
        return type_.elem, True
    return type_, False


def is_handle(type_):
    return isinstance(type_, (model.Cap, model.End))


def struct_name(decl):
    return f"struct {cnames.type_base(decl)}"


def elem_type(type_):
    """The C type of one value that is not a buffer or array."""
    if is_handle(type_):
        return "caddr_t"
    if is_aggregate(type_):
        return struct_name(type_.decl)
    if isinstance(type_, model.Named):
        return cnames.type_base(type_.decl) + "_t"
    return c_int(type_)


def buffer_elem(kind):
    return "char" if kind in ("string", "strings") else "uint8_t"


# Declarations --------------------------------------------------------------------------------


def enum_view(decl):
    base = cnames.type_base(decl)
    lines = [comment(decl.doc) + f"typedef {c_int(decl.type)} {base}_t;"]
    for value in decl.values:
        note = f" /* {' '.join(value.doc)} */" if value.doc else ""
        number = c_number(value.value)
        lines.append(f"#define {cnames.enum_value(decl, value)} (({base}_t){number}){note}")
    return "\n".join(lines) + "\n"


def field_lines(param):
    type_, optional = strip_optional(param.type)
    name = cnames.safe(param.name)
    lines = [f"bool has_{param.name};"] if optional and not is_handle(type_) else []
    if isinstance(type_, model.Buf):
        room = type_.bound + 1 if type_.kind == "string" else type_.bound
        lines += [f"size_t {name}_len;", f"{buffer_elem(type_.kind)} {name}[{room}];"]
    elif isinstance(type_, model.Array):
        if type_.at_most:
            lines.append(f"size_t {name}_count;")
        lines.append(f"{elem_type(type_.elem)} {name}[{type_.count}];")
    else:
        lines.append(f"{elem_type(type_)} {name};")
    return [comment(param.doc, INDENT).rstrip("\n")] * bool(param.doc) + [INDENT + l for l in lines]


def struct_view(decl):
    body = [line for param in decl.fields for line in field_lines(param)]
    if not body:
        body = [INDENT + "uint8_t nothing;"]
    return "\n".join([comment(decl.doc) + struct_name(decl) + " {"] + body + ["};"]) + "\n"


def table_view(decl):
    """A table: every field with its `has_`; a capability that is not there is 0."""
    fields = [model.Param(f.name, model.Optional_(f.type), f.doc, f.span) for f in decl.fields]
    body = [line for field in fields for line in field_lines(field)]
    return "\n".join([comment(decl.doc) + struct_name(decl) + " {"] + body + ["};"]) + "\n"


def union_view(decl):
    """A union: which of its fields is there (0: one that is not known), and this field."""
    base = f"{cnames.type_base(decl)}_tag"
    tags = [f"{INDENT}{cnames.union_tag(decl)} = 0,"] if decl.flexible else []
    tags += [f"{INDENT}{cnames.union_tag(decl, f)} = {f.ordinal}," for f in decl.fields]
    body = []
    for field in decl.fields:
        lines = [INDENT + line for text in field_lines(field) for line in text.split("\n")]
        if len(lines) > 1 + bool(field.doc):
            lines = [f"{INDENT * 2}struct {{"] + [INDENT + line for line in lines] \
                + [f"{INDENT * 2}}};"]
        body += lines
    head = [f"enum {base} {{"] + tags + ["};", comment(decl.doc) + struct_name(decl) + " {",
                                         f"{INDENT}enum {base} tag;", f"{INDENT}union {{"]
    return "\n".join(head + body + [f"{INDENT}}};", "};"]) + "\n"


def const_view(decl):
    value = c_string(decl.value) if isinstance(decl.value, str) else c_number(decl.value)
    return f"{comment(decl.doc)}#define {cnames.const(decl)} {value}\n"


def decl_view(decl):
    if isinstance(decl, model.Enum):
        return enum_view(decl)
    if isinstance(decl, model.Struct):
        return struct_view(decl)
    if isinstance(decl, model.Table):
        return union_view(decl) if decl.kind == "union" else table_view(decl)
    return const_view(decl)


# Parameters ----------------------------------------------------------------------------------


def is_struct(type_):
    return isinstance(type_, model.Named) and isinstance(type_.decl, model.Struct)


def is_aggregate(type_):
    """Is it a struct, table or union: a struct in C?"""
    return isinstance(type_, model.Named) and not isinstance(type_.decl, model.Enum)


def in_params(params):
    """Values given: a client's parameters, a handler's arguments, a callback's results."""
    return [text for param in params for text in in_param(param)]


def in_param(param):
    type_, optional = strip_optional(param.type)
    name = cnames.safe(param.name)
    has = [f"bool has_{param.name}"] if optional and not is_handle(type_) else []
    if isinstance(type_, model.Lend) and type_.direction == "out":
        return [f"void *{name}", f"size_t {name}_len"]
    if isinstance(type_, (model.Buf, model.Lend)):
        elem = "char" if type_.kind != "bytes" else "void"
        return has + [f"const {elem} *{name}", f"size_t {name}_len"]
    if isinstance(type_, model.Array):
        count = [f"size_t {name}_count"] if type_.at_most else []
        return has + [f"const {elem_type(type_.elem)} *{name}"] + count
    if is_aggregate(type_):
        return has + [f"const {elem_type(type_)} *{name}"]
    return has + [f"{elem_type(type_)} {name}"]


def out_params(results):
    """Values wanted: a client's results, a handler's results."""
    return [text for result in results for text in out_param(result)]


def out_param(result):
    type_, optional = strip_optional(result.type)
    name = f"ret_{result.name}"
    has = [f"bool *{name}_present"] if optional and not is_handle(type_) else []
    if isinstance(type_, model.Buf):
        elem = "char" if type_.kind != "bytes" else "void"
        return has + [f"{elem} *{name}", f"size_t *{name}_len"]
    if isinstance(type_, model.Array):
        count = [f"size_t *{name}_count"] if type_.at_most else []
        return has + [f"{elem_type(type_.elem)} *{name}"] + count
    return has + [f"{elem_type(type_)} *{name}"]


def in_names(param):
    """The names in in_param."""
    return [text.split("*")[-1].split()[-1] for text in in_param(param)]


def result_local(result):
    """(lines that declare the variables of a result, the out arguments for it)."""
    type_, optional = strip_optional(result.type)
    name = f"ret_{result.name}"
    lines, args = [], []
    if optional and not is_handle(type_):
        lines.append(f"    bool {name}_present = false;")
        args.append(f"&{name}_present")
    if isinstance(type_, model.Buf):
        room = type_.bound + 1 if type_.kind == "string" else type_.bound
        lines += [f"    {buffer_elem(type_.kind)} {name}[{room}];",
                  f"    size_t {name}_len = 0;"]
        args += [name, f"&{name}_len"]
    elif isinstance(type_, model.Array):
        lines.append(f"    {elem_type(type_.elem)} {name}[{type_.count}];")
        args.append(name)
        if type_.at_most:
            lines.append(f"    size_t {name}_count = 0;")
            args.append(f"&{name}_count")
        else:
            lines.append(f"    __builtin_memset({name}, 0, sizeof({name}));")
    elif is_aggregate(type_):
        lines += [f"    {elem_type(type_)} {name};",
                  f"    __builtin_memset(&{name}, 0, sizeof({name}));"]
        args.append(f"&{name}")
    else:
        lines.append(f"    {elem_type(type_)} {name} = 0;")
        args.append(f"&{name}")
    return lines, args


def kinds_mask(type_):
    """C: bit per capability type that is right for a Cap or End."""
    if isinstance(type_, model.End):
        return f"1u << {cnames.captype('EndPoint')}"
    if not type_.kinds:
        return f"~(1u << {cnames.captype('Null')})"
    return " | ".join(f"1u << {cnames.captype(kind)}" for kind in type_.kinds)


def rights_mask(type_):
    """Number: rights a received capability must have."""
    if isinstance(type_, model.End) or not type_.rights:
        return 0
    return sum(1 << RIGHTS.index(letter) for letter in type_.rights)


def sent_cap(type_, name):
    """C: struct msg_cap of the capability `name` that is sent as `type_`."""
    rights = rights_mask(type_)
    text = f"{rights:#x}" if rights else "CAP_RIGHTS_ALL"
    mode = "MOVE" if isinstance(type_, model.End) else \
        {"move": "MOVE", "copy": "COPY", "borrow": "LEND"}[type_.move]
    return f"{{{name}, {text}, MSG_CAP_{mode}}}"


def is_borrowed(type_):
    return isinstance(type_, model.Cap) and type_.move == "borrow"


def is_moved(type_):
    return isinstance(type_, model.End) or type_.move == "move"


def element_decls(params):
    """All structs that stand in arrays of these parameters, and all tables and unions, inner ones
    first."""
    found = []

    def visit(type_, in_array=False):
        if isinstance(type_, (model.Array, model.Optional_)):
            visit(type_.elem, isinstance(type_, model.Array))
        elif is_aggregate(type_) and type_.decl not in found:
            for item in type_.decl.fields:
                visit(item.type)
            if in_array or not is_struct(type_):
                found.append(type_.decl)

    for param in params:
        visit(param.type)
    return found


def image_of(decl):
    """The image of a struct as array element."""
    return layout.element_image(model.Named(decl), None)
