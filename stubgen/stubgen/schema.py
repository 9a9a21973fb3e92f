"""The JSON that `stubgen dump` prints, as a JSON Schema (draft 2020-12). It is made from the
classes of model.py, so it says what they are; docs/ref/dump.schema.json is a copy that tests
compare.

FORMAT is the version of the format: it grows when a reader of the old one would be misled; a field
or node that is new is no reason."""
import typing

from . import model

FORMAT = 1
TYPES = (model.Int, model.Bool, model.Named, model.Buf, model.Array, model.Optional_, model.Cap,
         model.End, model.Lend, model.User, model.Cref, model.Slot)
DECLARATIONS = (model.Enum, model.Struct, model.Table, model.Const)

# Fields that any class may stand in, by name.
ANY = {"type": TYPES, "elem": TYPES, "types": DECLARATIONS}


def name_of(cls):
    return cls.__name__.rstrip("_")


def schema():
    """The schema of a whole dump."""
    classes = [c for c in vars(model).values() if isinstance(c, type) and hasattr(c, "FIELDS")
               and c.__module__ == model.__name__]
    made = {name_of(cls): _class(cls) for cls in classes
            if cls not in (model.Named, model.FailsRef)}
    made["Named"] = _object({"kind": {"enum": ["enum", "flags", "struct", "table", "union"]},
                             "name": _text("scope and name of the declaration")})
    made["FailsRef"] = _text("the owner of the set and the name of the error")
    made["Span"] = _text("file:line:column, where its name stands")
    made["Build"]["properties"] = {"format": {"const": FORMAT}, **made["Build"]["properties"]}
    made["Build"]["required"].insert(0, "format")
    made["Interface"]["properties"]["errors"] = _either(
        [_text("the owner of the error set that its methods use"), {"type": "null"}])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "what stubgen dump prints", "$ref": "#/$defs/Build", "$defs": made}


def _class(cls):
    properties = {"node": {"const": name_of(cls)}}
    for field in cls.FIELDS:
        properties[field] = _field(field, cls.__annotations__[field])
    made = _object(properties)
    if cls.__doc__:
        made["description"] = " ".join(cls.__doc__.split())
    return made


def _object(properties):
    return {"type": "object", "properties": properties, "required": list(properties),
            "additionalProperties": False}


def _field(name, hint):
    if hint is typing.Any or typing.get_args(hint) == (typing.Any,):
        classes = ANY.get(name)
        one = _either([_ref(name_of(c)) for c in classes]) if classes else \
            {"type": ["integer", "string"]}
        return {"type": "array", "items": one} if typing.get_origin(hint) is list else one
    return _hint(hint)


def _hint(hint):
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is list or origin is tuple and args[1:] == (Ellipsis,):
        return {"type": "array", "items": _hint(args[0])}
    if origin is tuple:
        return {"type": "array", "prefixItems": [_hint(a) for a in args], "items": False,
                "minItems": len(args)}
    if origin is typing.Union:
        return _either([_hint(arg) for arg in args])
    if isinstance(hint, typing.ForwardRef):
        return _ref(hint.__forward_arg__)
    simple = {int: "integer", str: "string", bool: "boolean", type(None): "null"}
    return {"type": simple[hint]} if hint in simple else _ref(name_of(hint))


def _either(choices):
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def _ref(name):
    return {"$ref": f"#/$defs/{name}"}


def _text(description):
    return {"type": "string", "description": description}
