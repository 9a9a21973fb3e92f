"""Back end wireshark: a dissector in Lua for captures that `stubgen ifcat --pcap` writes. Scalars
of the fixed part and the strings, bytes and arrays of scalars that begin the variable parts get
their names and values; what comes behind tables, unions and nested images is shown as words."""
import json

from .. import layout, model
from . import env

OUTPUT = "aos.lua"
LATER = ("images", "members")


def outputs(build):
    return [OUTPUT]


def render(build):
    wanted = {f.namespace for f in build.files if f.generate}
    items = [i for i in build.interfaces if i.namespace in wanted]
    view = {"banner": env.banner([f.path for f in build.files if f.generate]),
            "interfaces": [_interface(item) for item in items],
            "errors": [(e.code, json.dumps(f"{s.owner}: {e.name}"))
                       for s in build.error_sets for e in s.errors]}
    yield OUTPUT, env.environment("wireshark_lua").get_template("aos.lua.j2").render(view)


def _interface(item):
    methods = []
    for method in sorted(item.methods, key=lambda m: m.ordinal):
        images = [("request", _image(layout.request(method)))]
        if method.kind == "call":
            images.append(("reply", _image(layout.reply(method))))
        if method.window is not None:
            images.append(("item", _image(layout.item(method))))
        methods.append({"ordinal": method.ordinal, "name": method.name, "images": images})
    return {"id": item.id, "name": item.name, "methods": methods}


def _image(image):
    """{words: of the fixed part, rows: Lua tables of its pieces and of the variable parts}."""
    presence = {item.path: item for item in image.items if item.role == "presence"}
    counts = {item: var for var in image.vars if (item := var.count) is not None}
    rows = [_scalar(item, presence) for item in image.items
            if item.role in ("value", "room", "lease") or item.role == "count"
            and item not in counts]
    parts = []
    for var in image.vars:
        simple = var.kind not in LATER and not isinstance(var.elem, layout.Image)
        if not simple or var.count is None or var.count.role == "lease":
            break
        bits = 8 * var.stride if var.kind == "packed" else 8
        parts.append(f'{{name = "{".".join(var.path)}", kind = "{var.kind}", '
                     f"bit = {var.count.bit}, bits = {var.count.bits}, size = {bits // 8}, "
                     f"present = {_present(var.path, presence)}}}")
    return {"words": image.fixed_words, "rows": rows, "parts": parts}


def _present(path, presence):
    """The bit that must be set for what is at this path, or nil."""
    found = [item.bit for at, item in presence.items() if path[:len(at)] == at]
    return "{" + ", ".join(map(str, found)) + "}"


def _scalar(item, presence):
    kind, names = "uint", {}
    if isinstance(item.type, model.Bool):
        kind = "bool"
    elif isinstance(item.type, model.Named):
        kind = item.type.decl.kind
        names = {v.value & (1 << item.bits) - 1: v.name for v in item.type.decl.values}
    elif isinstance(item.type, model.Int) and item.type.signed:
        kind = "int"
    listed = ", ".join(f'["{value}"] = "{name}"' for value, name in names.items())
    return (f'{{name = "{".".join(item.path)}", kind = "{kind}", bit = {item.bit}, '
            f"bits = {item.bits}, names = {{{listed}}}, "
            f"present = {_present(item.path, presence)}}}")
