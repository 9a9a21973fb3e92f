"""The part of dataclasses that stubgen uses, without its cost: a run declares sixty such classes
and makes objects of a third of them, so each __init__ is made when it is called first. A frozen
class compares and hashes by its fields, any other by identity. FIELDS has the names of the
fields."""
from operator import attrgetter


class _Factory:
    """The default of a field that every object gets a fresh one of."""

    def __init__(self, make):
        self.make = make


def field(default_factory):
    return _Factory(default_factory)


def dataclass(cls=None, *, frozen=False, eq=True):
    """`eq` is taken so that such a class can be read like any dataclass."""
    if cls is None:
        return lambda made: dataclass(made, frozen=frozen, eq=eq)
    cls.FIELDS = getattr(cls, "FIELDS", ()) + tuple(vars(cls).get("__annotations__", ()))
    cls.__init__ = _first_init(cls)
    cls.__repr__ = _repr
    if frozen:
        values = attrgetter(*cls.FIELDS) if cls.FIELDS else type
        cls.__eq__ = lambda a, b: type(a) is type(b) and values(a) == values(b)
        cls.__hash__ = lambda a: hash((cls, values(a)))
    return cls


def _repr(self):
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.FIELDS)
    return f"{type(self).__name__}({shown})"


def _first_init(cls):
    def __init__(self, *args, **kwargs):
        cls.__init__ = _make_init(cls)
        cls.__init__(self, *args, **kwargs)
    return __init__


def _make_init(cls):
    """The __init__ with a parameter for each field; a default factory is called if it is not
    given."""
    space, params, lines = {}, [], []
    for name in cls.FIELDS:
        value = name
        if hasattr(cls, name):
            default = getattr(cls, name)
            space[f"default_{name}"] = default
            params.append(f"{name}=default_{name}")
            if isinstance(default, _Factory):
                space[f"default_{name}"] = None
                space[f"make_{name}"] = default.make
                value = f"make_{name}() if {name} is None else {name}"
        else:
            params.append(name)
        lines.append(f"    self.{name} = {value}")
    head = f"def __init__({', '.join(['self'] + params)}):\n"
    exec(head + ("\n".join(lines) or "    pass"), space)   # as dataclasses do
    return space["__init__"]
