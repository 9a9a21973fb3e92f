"""Random values of the language's types, and the text by which values are compared: proof.c writes
the same for the values that generated C has decoded."""
from dataclasses import dataclass
from typing import Any

from stubgen import codec, layout, model
from stubgen.limits import LEASE_ALIGN, MEMBERS_MAX, MESSAGE_WORDS, RIGHTS, SPARE_WORDS

ALL_RIGHTS = (1 << len(RIGHTS)) - 1
DELETE = 1 << RIGHTS.index("d")
LETTERS = "ab~ \x7fé\u07ff\u0800\uffff\U00010000\U0010ffff"


@dataclass(frozen=True)
class Cap:
    """A capability of a message, as its type's number and its rights. `declared`: as what it is
    sent."""
    type: int
    rights: int
    declared: Any = None


def required(type_):
    """The rights that a receiver demands, which is also what a sender leaves; 0: all it has."""
    return sum(1 << RIGHTS.index(r) for r in getattr(type_, "rights", None) or "")


def mode(type_):
    return "move" if isinstance(type_, model.End) else type_.move


def is_handle(type_):
    return isinstance(type_, (model.Cap, model.End))


class Maker:
    """Makes values. `captypes`: {name: number}."""

    def __init__(self, random, captypes):
        self.random = random
        self.captypes = captypes

    def chance(self, percent):
        return self.random.randrange(100) < percent

    def size(self, bound):
        """0 to bound, often an end."""
        return self.random.choice((0, bound, min(bound, 1), self.random.randint(0, bound),
                                   self.random.randint(0, min(bound, 9))))

    def params(self, params):
        return {p.name: self.value(p.type, p) for p in params
                if not isinstance(p.type, model.Lend)}

    def value(self, type_, param=None):
        if isinstance(type_, model.Optional_):
            return None if self.chance(35) else self.value(type_.elem, param)
        if isinstance(type_, model.Int):
            return self.integer(type_, param)
        if isinstance(type_, model.Bool):
            return self.chance(50)
        if isinstance(type_, model.Buf):
            return self.buffer(type_.kind, self.size(type_.bound))
        if isinstance(type_, model.Array):
            count = self.size(type_.count) if type_.at_most else type_.count
            return [self.value(type_.elem) for _ in range(count)]
        if is_handle(type_):
            return self.cap(type_)
        if isinstance(type_.decl, model.Enum):
            return self.enum(type_.decl)
        if isinstance(type_.decl, model.Table):
            return self.table(type_.decl)
        return {f.name: self.value(f.type, f) for f in type_.decl.fields}

    def integer(self, type_, param):
        low = -(1 << (type_.bits - 1)) if type_.signed else 0
        high = low + (1 << type_.bits) - 1
        if param is not None and param.range:
            low, high = param.range
        if param is not None and param.pow2:
            powers = [1 << i for i in range(type_.bits) if low <= 1 << i <= high]
            if powers:
                return self.random.choice(powers)
        return self.random.choice((low, high, self.random.randint(low, high),
                                   min(high, low + self.random.randrange(8))))

    def enum(self, decl):
        values = [v.value for v in decl.values]
        if decl.flexible and self.chance(30):
            return self.integer(decl.type, None)
        if decl.kind == "enum":
            return self.random.choice(values)
        return sum(v for v in values if self.chance(50))

    def buffer(self, kind, count):
        """A value of `count` bytes at most; of bytes exactly so many."""
        if kind == "bytes":
            return self.random.randbytes(count)
        if kind == "string":
            return self.text(count)
        strings = []
        while count > 0:
            item = self.text(self.random.randint(0, min(count - 1, 12)))
            strings.append(item)
            count -= len(item.encode()) + 1
        return tuple(strings)

    def text(self, count):
        out = ""
        while count > 0:
            letter = self.random.choice(LETTERS)
            if len(letter.encode()) > count:
                letter = "x"
            out += letter
            count -= len(letter.encode())
        return out

    def cap(self, type_):
        if isinstance(type_, model.End):
            kinds = ["EndPoint"]
        else:
            kinds = type_.kinds or [name for name in self.captypes if name != "Null"]
        kind = self.captypes[self.random.choice(list(kinds))]
        need = required(type_)
        # A copy loses `d`, and so does each that is made of it.
        return Cap(kind, need | self.random.randint(0, ALL_RIGHTS), type_)

    def table(self, decl):
        if decl.kind == "union":
            if decl.flexible and self.chance(15):
                return self.unknown(decl, {}, one=True)
            field = self.random.choice(decl.fields)
            return {field.name: self.value(field.type, field)}
        made = {f.name: self.value(f.type, f) for f in decl.fields if self.chance(60)}
        return self.unknown(decl, made) if decl.flexible and self.chance(15) else made

    def unknown(self, decl, made, one=False):
        last = decl.fields[-1].ordinal
        if last == MEMBERS_MAX:
            return made or self.table(decl)
        count = 1 if one else self.random.randint(1, min(3, MEMBERS_MAX - last))
        bits = sum(1 << (o - 1) for o in self.random.sample(range(last + 1, MEMBERS_MAX + 1),
                                                            count))
        words = tuple(self.random.getrandbits(64) for _ in range(self.random.randint(
            0, SPARE_WORDS)))
        made[codec.UNKNOWN] = (bits, words)
        return made


# Lent buffers --------------------------------------------------------------------------------


def lend(method, values, maker):
    """Adds the lent buffers of a request to `values`. Returns {name: its bytes if they stand in
    the region}."""
    image = layout.request(method)
    leases = [item.path[0] for item in image.leases()]
    lends = [p for p in method.params if isinstance(p.type, model.Lend)]
    small = maker.chance(50)
    for param in lends:
        most = min(param.type.bound, 100 if small else 6000)
        size = maker.size(most)
        values[param.name] = maker.buffer(param.type.kind, size) \
            if param.type.direction == "in" else size
    bulk = {}
    for direction in ("in", "out"):
        found = [p for p in lends if p.type.direction == direction and p.name in leases]
        if not found or not _stands_in_region(image, values, found, direction):
            continue
        for param in found:
            data = values[param.name]
            if data and direction == "in":
                bulk[param.name] = codec._buffer_bytes(param.type.kind, data)
            elif data:
                bulk[param.name] = data
    at = 0
    for name in leases:                # where a client that has no other call puts them
        if name in bulk:
            data = bulk[name]
            length = data if isinstance(data, int) else len(data)
            values[name] = codec.Lease(length, at)
            at += -(-length // LEASE_ALIGN) * LEASE_ALIGN
    return bulk


def _stands_in_region(image, values, found, direction):
    if direction == "out":
        return sum(-(-values[p.name] // 8) for p in found) > image.room_words
    trial = dict(values)
    for item in image.leases():
        if item.param.type.direction == "out":
            trial[item.path[0]] = 0
    try:
        return len(codec.encode(image, trial)[0]) > MESSAGE_WORDS
    except codec.BadValue:
        return True


# What a receiver makes of values --------------------------------------------------------------


class UnknownField(Exception):
    """A union with a field that the receiver does not know cannot be sent on."""


def known(type_, value):
    """The value without what generated code does not know, as it is sent on."""
    if value is None or not isinstance(type_, (model.Optional_, model.Array, model.Named)):
        return value
    if isinstance(type_, model.Optional_):
        return known(type_.elem, value)
    if isinstance(type_, model.Array):
        return [known(type_.elem, v) for v in value]
    decl = type_.decl
    if isinstance(decl, model.Enum):
        return value
    if isinstance(decl, model.Table) and decl.kind == "union" and codec.UNKNOWN in value:
        raise UnknownField()
    return {f.name: known(f.type, value[f.name]) for f in decl.fields if f.name in value}


def known_params(params, values):
    types = {p.name: p.type for p in params}
    return {name: known(types[name], value) if name in types else value
            for name, value in values.items()}


def arrived(values_caps, types):
    """Capabilities as a receiver has them, for those sent as these types."""
    found = []
    for cap, type_ in zip(values_caps, types):
        rights = cap.rights & (required(type_) or ALL_RIGHTS)
        rights = rights if mode(type_) == "move" else rights & ~DELETE
        found.append(Cap(cap.type, rights, type_))
    return found


def map_caps(params, values, change):
    """(values with every capability replaced by change(type, capability), in the order in which
    they travel)."""
    out = dict(values)
    for param in params:
        if param.name in values:
            out[param.name] = _map(param.type, values[param.name], change)
    return out


def _map(type_, value, change):
    if value is None:
        return None
    if isinstance(type_, model.Optional_):
        return _map(type_.elem, value, change)
    if isinstance(type_, model.Array):
        return [_map(type_.elem, v, change) for v in value]
    if is_handle(type_):
        return change(type_, value)
    if isinstance(type_, model.Named) and not isinstance(type_.decl, model.Enum):
        fields = {f.name: f.type for f in type_.decl.fields}
        return {name: _map(fields[name], v, change) if name in fields else v
                for name, v in sorted(value.items(), key=lambda item: list(fields).index(item[0])
                                      if item[0] in fields else len(fields))}
    return value


# The text ------------------------------------------------------------------------------------


def text(name, type_, value):
    """` name=...` of one value."""
    if isinstance(type_, model.Optional_):
        return f" {name}=-" if value is None else text(name, type_.elem, value)
    if isinstance(type_, (model.Int, model.Bool)) or layout.is_scalar(type_):
        return f" {name}={int(value)}"
    if isinstance(type_, model.Buf):
        return hexed(name, codec._buffer_bytes(type_.kind, value))
    if isinstance(type_, model.Array):
        elem = type_.elem
        if isinstance(elem, model.Buf):       # an element is a struct in C
            field = "data" if elem.kind == "bytes" else "text"
            inner = "".join(f" ={{{text(field, elem, v)} }}" for v in value)
        else:
            inner = "".join(text("", elem, v) for v in value)
        return f" {name}={{{inner} }}"
    if is_handle(type_):
        return f" {name}={value.type}/{value.rights}"
    fields = type_.decl.fields
    if not isinstance(type_.decl, model.Table):
        return f" {name}={{{''.join(text(f.name, f.type, value[f.name]) for f in fields)} }}"
    if type_.decl.kind == "union":
        inner = "".join(text(f.name, f.type, value[f.name]) for f in fields if f.name in value)
    else:
        inner = "".join(text(f.name, model.Optional_(f.type), value.get(f.name)) for f in fields)
    return f" {name}={{{inner} }}"


def hexed(name, data):
    return f' {name}="{data.hex()}"'
