"""Every C name that stubgen makes, in one place: the templates use these functions, and the last
semantic pass checks the names of a whole build against each other."""
import re

from . import access, model

KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while asm typeof bool true false errno NULL main "
    "linux unix".split())

SUFFIXES = (".h", "_client.c", "_client_async.c", "_client_cb.c", "_server.h", "_server.c")
RESERVED_SUFFIXES = ("_begin", "_end", "_cb", "_bind", "_close")

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+")


def snake(name):
    """CamelCase to snake_case: AllocFlags is alloc_flags."""
    return "_".join(_WORDS.findall(name)).lower()


def safe(name):
    """The name as a C identifier that is neither a keyword nor a type."""
    return name + "_" if name in KEYWORDS or name.endswith("_t") else name


def scope_of(decl):
    return decl.scope or decl.namespace


def type_base(decl):
    """What a type's C names begin with: memory_alloc_flags."""
    return f"{scope_of(decl)}_{snake(decl.name)}"


def header(decl):
    """The C header, without `.h`, that declares a type."""
    return decl.scope or f"{decl.namespace}_types"


def files(interface):
    """The C files of an interface: SUFFIXES, each after its name."""
    return [interface.name + suffix for suffix in SUFFIXES]


def errors_header(build, errors):
    """The C header, without `.h`, that declares the errors of an interface; that of the kernel's
    ABI, or none, declares those of an `errors` block: None."""
    return errors.owner if any(i.errors is errors and i.own_errors for i in build.interfaces) \
        else None


def enum_value(decl, value):
    return f"{type_base(decl)}_{value.name}".upper()


def const(decl):
    return f"{scope_of(decl)}_{decl.name}".upper()


def error(error_set, err):
    return f"{error_set.owner}_ERR_{err.name}".upper()


def captype(name):
    return f"CAPTYPE_{name}".upper()


def syscall(method):
    return f"SYSCALL_{method.name}".upper()


def invoke_number(obj, method):
    return f"INV_{obj.name}_{method.name}".upper()


def invoke(obj, method):
    return f"inv_{obj.name}_{method.name}"


def method_base(interface, method):
    return f"{interface.name}_{method.name}"


def interface_names(interface):
    """The fixed names that belong to every interface."""
    name = interface.name
    names = [f"struct {name}_{suffix}" for suffix in ("binding", "server", "server_ops",
                                                      "event_ops")]
    names += [f"{name}_{suffix}" for suffix in (
        "bind", "close", "client_interface", "serve", "server_interface", "server_add",
        "server_new_end", "server_new_trusted_end", "server_deinit", "set_events")]
    return names + [f"{name}_{suffix}".upper() for suffix in ("id", "version", "hash")]


def type_names(decl):
    """The names that a type declaration makes, its values aside. C keeps the tags of structs apart
    from other names, so an interface can have a `stat` that returns a `Stat`."""
    base = type_base(decl)
    if isinstance(decl, model.Enum):
        return [base + "_t"]
    union = isinstance(decl, model.Table) and decl.kind == "union"
    return struct_names(base) + ([f"enum {base}_tag"] if union else [])


def struct_names(base):
    """The names that a struct makes: itself, and its functions in generated code."""
    return [f"struct {base}", f"get_{base}", f"getcaps_{base}", f"put_{base}"]


def union_tag(decl, field=None):
    """The enumerator of a union's field; without one, that of a field that is not known."""
    return f"{type_base(decl)}_{field.name if field else 'unknown'}".upper()


def element_struct(buf):
    """The name of the struct that is an element of an array of strings or bytes."""
    return f"{buf.kind.capitalize()}{buf.bound}"


def method_names(interface, method):
    """The file-scope names that belong to one method."""
    base = method_base(interface, method)
    macros = [f"{base}_ordinal".upper(), f"{base}_request_words".upper()]
    macros += [name for name, _ in bounds(interface, method)]
    if method.kind == "event":
        return macros + [f"{interface.name}_event_{method.name}",
                        f"{interface.name}_subscribe_{method.name}"]
    names = macros + [f"{interface.name}_handler_missing_on_{method.name}"]
    if method.window is not None:
        names += [base + suffix for suffix in ("_open", "_next", "_close", "_defer", "_put",
                                               "_finish")]
        names += [f"struct {base}_stream", f"struct {base}_sink"]
        return names + [f"{base}_item_words".upper(), f"{base}_window".upper()]
    names.append(base)
    if method.kind == "call":
        names += [base + suffix for suffix in ("_begin", "_end", "_cb", "_complete_", "_defer",
                                               "_reply")]
        names += [f"struct {base}_call", f"struct {base}_responder"]
        names.append(f"{base}_reply_words".upper())
    return names


def bounds(interface, method):
    """(macro, number) of every buffer and array of a method: how many bytes or elements it has at
    most. A parameter and a result of one name are told apart by RET_."""
    names = {param.name for param in method.params}
    found = []
    for param in method.params + method.results:
        type_ = param.type.elem if isinstance(param.type, model.Optional_) else param.type
        if isinstance(type_, (model.Buf, model.Lend)):
            number = type_.bound
        elif isinstance(type_, model.Array) and type_.at_most:
            number = type_.count
        else:
            continue
        ret = "RET_" if param in method.results and param.name in names else ""
        base = method_base(interface, method).upper()
        found.append((f"{base}_{ret}{param.name.upper()}_MAX", number))
    return found


def device_names(device):
    """The file-scope names that belong to a device, those of its registers aside."""
    return [f"struct {device.name}_regs", f"{device.name}_at", f"{device.name}_device",
            f"{device.name}_size".upper()]


def register_base(device, register):
    return f"{device.name}_{register.name}".lower()


def register_names(device, register):
    """The names that one register makes, those of its fields aside."""
    base = register_base(device, register)
    sizes = ["offset"] + (["stride", "count"] if register.stride is not None else [])
    return [f"{base}_{size}".upper() for size in sizes] + \
        [f"{base}_{op}" for op in access.register_ops(register)]


def field_names(device, register, field):
    base = f"{register_base(device, register)}_{field.name}"
    names = [base.upper(), f"{base}_SHIFT".upper()]
    return names + [f"{base}_{op}" if op else base for op in access.field_ops(register, field)]


def value_names(param, is_result, in_table=False):
    """The C names that one parameter, result or field becomes."""
    base = f"ret_{param.name}" if is_result else safe(param.name)
    type_ = param.type
    names = [base]
    if isinstance(type_, model.Optional_) or in_table:
        names.append(f"{base}_present" if is_result else f"has_{param.name}")
        type_ = type_ if in_table else type_.elem
    if isinstance(type_, (model.Buf, model.Lend, model.User)):
        names.append(f"{base}_len")
    elif isinstance(type_, model.Array) and type_.at_most:
        names.append(f"{base}_count")
    return names
