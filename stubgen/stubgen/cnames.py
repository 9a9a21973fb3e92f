"""Every C name that stubgen makes, in one place: the templates use these functions, and the last
semantic pass checks the names of a whole build against each other."""
import re

from . import model

KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while asm typeof bool true false errno NULL main "
    "linux unix".split())

RESERVED_SUFFIXES = ("_begin", "_end", "_cb", "_bind", "_close")

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+")


def snake(name):
    """CamelCase to snake_case: AllocFlags is alloc_flags."""
    return "_".join(_WORDS.findall(name)).lower()


def safe(name):
    """The name as a C identifier."""
    return name + "_" if name in KEYWORDS else name


def scope_of(decl):
    return decl.scope or decl.namespace


def type_base(decl):
    """What a type's C names begin with: memory_alloc_flags."""
    return f"{scope_of(decl)}_{snake(decl.name)}"


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
    return [f"{name}_{suffix}" for suffix in (
        "binding", "bind", "close", "client_init", "server", "serve", "server_ops", "server_ctx",
        "server_add", "server_new_end", "server_deinit", "event_ops", "subscribe")]


def method_names(interface, method):
    """The file-scope names that belong to one method."""
    base = method_base(interface, method)
    if method.kind == "event":
        return [f"{interface.name}_event_{method.name}"]
    names = [base]
    if method.kind == "call":
        names += [base + suffix for suffix in ("_begin", "_end", "_cb", "_responder", "_defer",
                                               "_reply")]
    return names


def value_names(param, is_result):
    """The C parameter names that one parameter or result becomes."""
    base = f"ret_{param.name}" if is_result else safe(param.name)
    type_ = param.type
    names = [base]
    if isinstance(type_, model.Optional_):
        names.append(f"{base}_present" if is_result else f"has_{param.name}")
        type_ = type_.elem
    if isinstance(type_, (model.Buf, model.Lend, model.User)):
        names.append(f"{base}_len")
    elif isinstance(type_, model.Array) and type_.at_most:
        names.append(f"{base}_count")
    return names
