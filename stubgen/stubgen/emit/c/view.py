"""What the templates of this back end see of an interface: its names, its types and the methods,
each a view of its own (`method.py`, `client.py`, `server.py`)."""
from ... import cnames, layout, model, selfdesc
from .. import env
from ..wrap import comment
from . import ctypes
from .client import ClientView
from .elements import get_function, put_function
from .server import ServerView

DEADLINE_NS = 5_000_000_000


def decl_texts(decls):
    """The declarations in C, each after those that it is made of."""
    found = []

    def visit(decl):
        if decl in decls and decl not in found:
            for field in getattr(decl, "fields", ()):
                visit_type(field.type)
            found.append(decl)

    def visit_type(type_):
        if isinstance(type_, (model.Optional_, model.Array)):
            visit_type(type_.elem)
        elif isinstance(type_, model.Named):
            visit(type_.decl)

    for decl in decls:
        visit(decl)
    return [ctypes.decl_view(decl) for decl in found]


def includes(decls, interface):
    """Headers with the types that these declarations or this interface use."""
    found = set()

    def visit(type_):
        if isinstance(type_, (model.Optional_, model.Array)):
            visit(type_.elem)
        elif isinstance(type_, model.Named):
            decl = type_.decl
            if decl.scope and not (interface and decl.scope == interface.name):
                found.add(f"{decl.scope}.h")
            elif not decl.scope and (interface is not None or decl not in decls):
                found.add(f"{decl.namespace}_types.h")

    for decl in decls:
        for field in getattr(decl, "fields", []):
            visit(field.type)
    for method in interface.methods if interface else []:
        for param in method.params + method.results:
            visit(param.type)
    return sorted(found)


def interface(build, item):
    calls = [m for m in item.methods if m.kind == "call"]
    oneways = [m for m in item.methods if m.kind == "oneway"]
    events = sorted((m for m in item.methods if m.kind == "event"), key=lambda m: m.ordinal)
    methods = sorted((_Method(item, m) for m in item.methods), key=lambda m: m.ordinal)
    by_ordinal = {m.ordinal: m for m in methods}
    served = [by_ordinal[m.ordinal] for m in sorted(calls + oneways, key=lambda m: m.ordinal)]
    areas = [[m.request_area() for m in served], [m.reply_area() for m in methods]]
    return {
        "unprotected": "__attribute__((no_stack_protector))\n",
        "name": item.name, "upper": item.name.upper(), "id": item.id, "version": item.version,
        "hash": f"UINT64_C({item.hash:#018x})", "doc": comment(item.doc),
        "client_desc": _described(item, "client"), "server_desc": _described(item, "server"),
        "deadline": DEADLINE_NS, "decls": decl_texts(item.types),
        "includes": includes(item.types, item), "errors": _errors(build, item),
        "foreign_errors": _foreign_errors(build, item),
        "calls": [by_ordinal[m.ordinal] for m in calls if m.window is None],
        "streams": [by_ordinal[m.ordinal] for m in calls if m.window is not None],
        "window": max((m.window or 0 for m in calls), default=0),
        "oneways": [by_ordinal[m.ordinal] for m in oneways],
        "events": [by_ordinal[m.ordinal] for m in events], "served": served,
        "method_count": max([m.ordinal for m in methods], default=0) + 1, "methods": methods,
        "region_bytes": layout.region_bytes(item),
        "region_written": any(m.leased_out() for m in methods),
        "request_area": max(areas[0], default=0), "reply_area": max(areas[1], default=0),
        "client_get": _functions(get_function, [m.results for m in calls]),
        "client_event_get": _functions(get_function, [m.params for m in events]),
        "client_put": _functions(put_function, [m.params for m in calls + oneways]),
        "call_get": _functions(get_function, [m.results for m in calls if m.window is None]),
        "call_put": _functions(put_function, [m.params for m in calls if m.window is None]),
        "server_get": _functions(get_function, [m.params for m in calls + oneways]),
        "server_put": _functions(put_function, [m.results for m in calls]
                                 + [m.params for m in events]),
    }


def _described(item, role):
    """C that puts the description of this side into the object file."""
    lines = [env.c_string(line)[:-1] + "\\n\"" for line in selfdesc.assembly(item, role)]
    return "/* What this file is about, for `stubgen desc`; not loaded. */\n__asm__(" \
        + "\n        ".join(lines) + ");"


def _functions(make, lists):
    decls = []
    for params in lists:
        for decl in ctypes.element_decls(params):
            if decl not in decls:
                decls.append(decl)
    return [make(decl) for decl in decls]


def _errors(build, item):
    """The errors that this header declares: the interface's own, or those of an `errors` block,
    which has no header."""
    if item.errors is None or _foreign_errors(build, item):
        return []
    return [(cnames.error(item.errors, e), f"0x{e.code:04x}", e.message)
            for e in item.errors.errors]


def _foreign_errors(build, item):
    """The interface whose header declares this one's errors, or ""."""
    if item.errors is None or item.own_errors:
        return ""
    return item.errors.owner if cnames.errors_header(build, item.errors) else ""


class _Method(ClientView, ServerView):
    """One method, with the bodies of both sides."""
