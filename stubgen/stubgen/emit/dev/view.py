"""What the templates of device registers print."""
from ... import access, cnames, model
from ..c.ctypes import const_view, enum_view
from ..env import c_string
from ..wrap import comment
from .accessors import Word, field_functions, field_type, index, register_functions

MASKS = ("rw", "ro", "wo", "w1c", "w1s", "rc", "mbz", "mb1", "keep")


def file(build, stem):
    """Everything of one .dev file."""
    devices = [d for d in build.devices if d.namespace == stem]
    decls = [d for d in build.types if d.namespace == stem and not isinstance(d, model.Struct)]
    foreign = {f.type.namespace for d in devices for r in d.registers for f in r.fields
               if f.type is not None} - {stem}
    return {"stem": stem, "includes": sorted(foreign), "devices": [device(d) for d in devices],
            "decls": [const_view(d) if isinstance(d, model.Const) else enum_view(d)
                      for d in decls]}


def device(item):
    word = Word(item)
    return {"name": item.name, "upper": item.name.upper(), "doc": comment(item.doc),
            "size": f"{item.size:#x}u" if item.size < 1 << 32 else f"UINT64_C({item.size:#x})",
            "bytes": word.bits // 8, "big": "true" if item.big else "false",
            "registers": [_register(item, r, word) for r in item.registers],
            "shadows": [f"{word.type} {r.name.lower()}_shadow{index(r, f'[{r.count}]')};"
                        for r in item.registers if r.shadow]}


def _register(item, register, word):
    base = cnames.register_base(item, register)
    named = [f for f in register.fields if f.name]
    functions = register_functions(item, register, word)
    for field in named:
        functions += field_functions(item, register, field, word)
    quiet = access.quiet(register) or not access.readable(register)
    covered = access.mask(register, *MASKS)
    masks = {kind: access.mask(register, kind) for kind in MASKS}
    masks["mbz"] |= word.all & ~covered
    return {"name": register.name, "c": base, "upper": base.upper(),
            "array": register.stride is not None, "offset": f"{register.offset:#x}u",
            "stride": f"{register.stride or 0:#x}u", "count": f"{register.count}u",
            "doc": comment(about(register)), "access": f"DEV_{register.access.upper()}",
            "sideeffect": "false" if quiet else "true", "functions": functions,
            "masks": [(kind, f"UINT64_C({bits:#x})") for kind, bits in masks.items() if bits],
            "fields": [_field(base, f, word) for f in named]}


def about(register):
    """The first line of a register's comment, and what its author says about it."""
    words = [register.access] + ["sideeffect"] * register.sideeffect + ["shadow"] * register.shadow
    return [f"{register.name}{index(register, f'[{register.count}]')}: {', '.join(words)}."] + \
        register.doc


def _field(base, field, word):
    name = f"{base}_{field.name}"
    enum = field.type
    values = [(c_string(v.name), f"UINT64_C({v.value:#x})") for v in enum.values] if enum else []
    return {"name": field.name, "c": name, "upper": name.upper(), "low": field.low,
            "mask": word.const(field.mask()), "bits": field.bits, "doc": comment(field.doc),
            "access": f"DEV_{field.access.upper()}", "choices": values, "type": field_type(field),
            "flags": "true" if enum and enum.kind == "flags" else "false",
            "strict": "true" if enum and not enum.flexible else "false"}
