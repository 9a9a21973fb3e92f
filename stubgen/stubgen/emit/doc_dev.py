"""The register maps of devices, for the reference pages."""
from .. import access, cnames

_MEANING = {"mbz": "reserved, written as 0", "mb1": "reserved, written as 1",
            "keep": "reserved, written as read"}


def cell(text):
    """Text inside a table."""
    return text.replace("|", "\\|")


def device(item, type_view):
    """`type_view` gives the view of an enum or flags."""
    types = []
    for field in (f for r in item.registers for f in r.fields):
        if field.type is not None and field.type not in types:
            types.append(field.type)
    return {"name": item.name, "doc": item.doc, "size": f"{item.size:#x}", "bits": item.word.bits,
            "order": "big" if item.big else "little", "types": [type_view(t) for t in types],
            "registers": [_register(item, r) for r in
                          sorted(item.registers, key=lambda r: r.offset)]}


def _register(item, register):
    count = f"[{register.count}]" if register.stride is not None else ""
    place = f"{register.offset:#05x}"
    if register.stride is not None:
        place += f" + {register.stride} i"
    base = cnames.register_base(item, register)
    words = [register.access] + ["side effect"] * register.sideeffect + \
        ["shadow"] * register.shadow
    functions = " ".join(f"`{base}_{op}`" for op in access.register_ops(register))
    fields = sorted(register.fields, key=lambda f: -f.low)
    return {"name": register.name + count, "place": place, "access": ", ".join(words),
            "doc": register.doc, "functions": functions,
            "brief": cell(" ".join(register.doc).split(". ")[0]),
            "fields": [_field(base, register, f) for f in fields]}


def _field(base, register, field):
    high = field.low + field.bits - 1
    bits = str(field.low) if field.bits == 1 else f"{high}..{field.low}"
    if not field.name:
        return {"bits": bits, "name": "", "access": field.access, "functions": "",
                "doc": _MEANING[field.access]}
    name = f"{base}_{field.name}"
    functions = [f"`{name}_{op}`" if op else f"`{name}`"
                 for op in access.field_ops(register, field)]
    about = [f"{field.type.name}"] if field.type is not None else []
    return {"bits": bits, "name": f"`{field.name}`", "access": field.access,
            "functions": " ".join(functions), "doc": cell(" ".join(about + field.doc))}
