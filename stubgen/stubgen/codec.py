"""The word image in Python: the reference that generated C is compared with. Pure.

A message's values are a dict by parameter name: int for integers, enums and flags, bool, str for
string, bytes, a tuple of str for strings, a list for arrays, a dict for structs, None for what is
absent, an int for the room of a `lend out` buffer in a request, a Lease for a lent buffer that
stands in the binding's region. A table or union is a dict of the fields that are there; under
UNKNOWN it has what a newer peer sent on top: (present bits, words). Capabilities and channel ends
are any objects but None."""
import operator

from . import layout, model
from .limits import LEASE_ALIGN, MEMBERS_MAX, MESSAGE_WORDS, WORD_BYTES
from .record import dataclass

WORD_MASK = (1 << 64) - 1
UNKNOWN = "?"


@dataclass(frozen=True)
class Lease:
    """`length` bytes at `offset` of the region: what the request says of a lent buffer."""
    length: int
    offset: int

    def __len__(self):
        return self.length


class Malformed(Exception):
    """The words are not an image, or hold a value outside its type."""


class BadContent(Malformed):
    """The words are an image, but a value in it is outside its type."""


class BadValue(Exception):
    """The value does not fit its type, so it cannot be sent."""


def encode(image, values):
    """(words, capabilities) of a message."""
    words = _encode(image, values)
    return words, _caps(image, values)


def decode(image, words, caps=()):
    """The values of a message. Raises Malformed unless `words` is the encoding of some value."""
    reader = _Reader(words)
    values = _decode(image, reader)
    if reader.at != len(words):
        raise Malformed("words are left over")
    if _fill(image, values, list(caps)):
        raise Malformed("capabilities are left over")
    try:
        again = _encode(image, values)
    except BadValue as error:
        raise BadContent(str(error)) from error
    if again != list(words):
        raise Malformed("padding or an absent value is not zero")
    return values


def decode_begin(image, words):
    """(values, words used) of what may be only the beginning of a message. It is not checked
    whether this is the one encoding; capabilities are HERE. Raises Malformed."""
    reader = _Reader(words)
    values = _decode(image, reader)
    return values, reader.at


def _get(values, path):
    """The value at a path; None if it or a struct on the way is absent."""
    for name in path:
        if values is None:
            return None
        values = values[name]
    return values


# Conditions ----------------------------------------------------------------------------------


class Overflow(Exception):
    """A sum, difference or product does not fit 64 bits."""


def holds(expr, params, results=None):
    """Is a requires or ensures true for these values?"""
    try:
        return bool(_evaluate(expr, params, results or {}))
    except Overflow:
        return False


def _evaluate(expr, params, results):
    if expr.kind == "lit":
        return expr.value
    if expr.kind in ("param", "len"):
        value = (results if expr.result else params)[expr.name]
        if isinstance(value, (str, tuple)):
            value = _buffer_bytes("string" if isinstance(value, str) else "strings", value)
        return value if isinstance(value, int) else len(value)
    if expr.kind == "and":
        return all(holds(arg, params, results) for arg in expr.args)
    left, right = (_evaluate(arg, params, results) for arg in expr.args)
    if expr.kind in _ARITHMETIC:
        value = _ARITHMETIC[expr.kind](left, right)
        if not 0 <= value <= WORD_MASK:
            raise Overflow()
        return value
    return _COMPARISONS[expr.kind](left, right)


_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_COMPARISONS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
                "<": operator.lt, ">": operator.gt}


# Scalars -------------------------------------------------------------------------------------


def check_scalar(type_, value, param=None):
    """Raises BadValue unless the value is one of the type and fits the parameter's constraints."""
    if isinstance(type_, model.Bool):
        if value not in (False, True):
            raise BadValue(f"{value} is no bool")
        return
    decl = type_.decl if isinstance(type_, model.Named) else None
    integer = decl.type if decl else type_
    low = -(1 << (integer.bits - 1)) if integer.signed else 0
    if not low <= value < low + (1 << integer.bits):
        raise BadValue(f"{value} does not fit {integer.name()}")
    if decl and not decl.flexible:
        known = [item.value for item in decl.values]
        if value not in known if decl.kind == "enum" else value & ~sum(known):
            raise BadValue(f"{value} is no {decl.name}")
    if not decl and param is not None:
        if param.range and not param.range[0] <= value <= param.range[1]:
            raise BadValue(f"{value} is out of range")
        if param.pow2 and (value == 0 or value & (value - 1)):
            raise BadValue(f"{value} is not a power of two")


def _signed(type_, raw, bits):
    integer = type_.decl.type if isinstance(type_, model.Named) else type_
    if getattr(integer, "signed", False) and raw >> (bits - 1):
        return raw - (1 << bits)
    return raw


# Encoding ------------------------------------------------------------------------------------


def _encode(image, values):
    fixed = _fixed(image, values)
    words = [fixed >> (64 * i) & WORD_MASK for i in range(image.fixed_words)]
    for var in image.vars:
        value = _get(values, var.path)
        if value is not None and not isinstance(value, Lease):
            words += _encode_var(var, value)
    _check_leases(image, values, words)
    return words


def _fixed(image, values):
    """The fixed part as one number."""
    fixed = 0
    counted = {var.count: var for var in image.vars}
    for item in image.items:
        value = _get(values, item.path)
        if item.role == "presence":
            raw = int(value is not None)
        elif value is None:
            raw = 0
        elif item.role == "value":
            check_scalar(item.type, value, item.param)
            raw = int(value)
        elif item.role == "block":
            raw = int.from_bytes(_packed(item, value, item.bound), "little")
        elif item.role == "lease":
            raw = _raw_lease(item, value)
            if raw & 0xffffffff > item.bound:
                raise BadValue(f"{raw & 0xffffffff} bytes are more than {item.bound}")
        else:
            raw = value if item.role == "room" else _length(counted.get(item), value)
            if not 0 <= raw <= item.bound:
                raise BadValue(f"{raw} is more than {item.bound}")
        fixed |= (raw & ((1 << item.bits) - 1)) << item.bit
    return fixed


def _raw_lease(item, value):
    """The word of a lease."""
    if not isinstance(value, Lease):
        return value if isinstance(value, int) else len(_buffer_bytes(item.param.type.kind, value))
    if value.offset % LEASE_ALIGN or not 0 <= value.offset < 1 << 31 or not value.length:
        raise BadValue("no lease")
    return value.length | value.offset << 32 | 1 << 63


def _check_leases(image, values, words):
    """Raises BadValue unless exactly what does not fit the messages stands in the region."""
    for direction in ("in", "out"):
        found = [values[item.path[0]] for item in image.leases()
                 if item.param.type.direction == direction]
        found = [v for v in found if v != 0 and len(v if not isinstance(v, int) else (v,))]
        bulk = [v for v in found if isinstance(v, Lease)]
        if direction == "in":
            total = len(words) + sum(-(-v.length // WORD_BYTES) for v in bulk)
            room = MESSAGE_WORDS
        else:
            total = sum(-(-(v.length if isinstance(v, Lease) else v) // WORD_BYTES) for v in found)
            room = image.room_words
        if bulk and len(bulk) != len(found) or bool(bulk) != (total > room):
            raise BadValue(f"lend {direction}: the wrong place for {total} words")


def leased(image, values, take):
    """The values of a request with a Lease for each lent buffer that does not fit the messages.
    `take(sizes)` gives the offset of each of as many buffers; it is called if there are any."""
    if not image.leases():
        return values
    sizes = {"in": {}, "out": {}}
    for item in image.leases():
        value, type_ = values[item.path[0]], item.param.type
        size = value if isinstance(value, int) else len(_buffer_bytes(type_.kind, value))
        if size > item.bound:
            raise BadValue(f"{size} bytes are more than {item.bound}")
        if size:
            sizes[type_.direction][item.path[0]] = size
    words = image.fixed_words + sum(len(_encode_var(var, _get(values, var.path)))
                                    for var in image.vars if _get(values, var.path) is not None)
    room = sum(-(-size // WORD_BYTES) for size in sizes["out"].values())
    bulk = {**(sizes["in"] if words > MESSAGE_WORDS else {}),
            **(sizes["out"] if room > image.room_words else {})}
    if not bulk:
        return values
    return {**values, **{name: Lease(bulk[name], at)
                         for name, at in zip(bulk, take(list(bulk.values())))}}


def buffer_value(kind, data):
    """The value of a lent buffer whose bytes are `data`: bytes, or a tuple of str. Malformed."""
    if kind == "bytes":
        return data
    try:
        _check_text(kind, data)
    except BadValue as error:
        raise BadContent(str(error)) from error
    return tuple(data.decode().split("\0")[:-1])


def buffer_bytes(kind, value):
    """What a lent buffer has in memory. BadValue."""
    return _buffer_bytes(kind, value)


def _length(var, value):
    """What the count of a variable part says; `var` is None for an array of capabilities."""
    return len(value) if var is None or var.kind in ("packed", "images") else \
        len(_buffer_bytes(var.kind, value))


def _buffer_bytes(kind, value):
    """What a string, bytes or strings is on the wire."""
    if kind == "bytes":
        return value
    data = value.encode() if kind == "string" else b"".join(v.encode() + b"\0" for v in value)
    _check_text(kind, data)
    return data


def _encode_var(var, value):
    length = 1 if var.kind == "members" else _length(var, value)
    if length > var.bound or (var.count is None and length != var.bound):
        raise BadValue(f"{length} where {var.bound} fit")
    if var.kind == "images":
        return [word for item in value for word in _encode(var.elem, item)]
    if var.kind == "members":
        return _encode_members(var.elem, value)
    data = _packed(var, value, length) if var.kind == "packed" else _buffer_bytes(var.kind, value)
    data += b"\0" * (-len(data) % WORD_BYTES)
    return [int.from_bytes(data[i:i + WORD_BYTES], "little")
            for i in range(0, len(data), WORD_BYTES)]


def _encode_members(members, value):
    present, words = 0, []
    for field, image in members.fields:
        if field.name in value:
            present |= 1 << (field.ordinal - 1)
            words += _encode(image, value)
    unknown, more = value.get(UNKNOWN, (0, ()))
    present, words = present | unknown, words + list(more)
    if set(value) - {field.name for field, _ in members.fields} - {UNKNOWN}:
        raise BadValue(f"{members.decl.name} has no such field")
    _check_present(members, present)
    if len(words) >= members.max_words:
        raise BadValue(f"{members.decl.name} is too long")
    return [present | len(words) << MEMBERS_MAX] + words


def _check_present(members, present):
    """Raises BadValue unless these fields can be there."""
    name, unknown = members.decl.name, present & ~members.known
    if unknown and not members.decl.flexible:
        raise BadValue(f"an unknown field of {name}")
    if unknown and unknown & -unknown < members.known:
        raise BadValue(f"an unknown field of {name} that is older than a known one")
    if members.is_union() and bin(present).count("1") != 1:
        raise BadValue(f"{bin(present).count('1')} fields of union {name}")


def _check_text(kind, data):
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadValue("not UTF-8") from error
    if kind == "string" and "\0" in text:
        raise BadValue("U+0000 in a string")
    if kind == "strings" and text and not text.endswith("\0"):
        raise BadValue("the last string has no NUL")


def _packed(place, value, count):
    if len(value) != count:
        raise BadValue(f"{len(value)} elements, not {count}")
    out = b""
    for item in value:
        if isinstance(place.elem, layout.Image):
            raw = _fixed(place.elem, item)
        else:
            check_scalar(place.elem, item)
            raw = int(item) & ((1 << (8 * place.stride)) - 1)
        out += raw.to_bytes(place.stride, "little")
    return out


def cap_places(image, values):
    """The capabilities of a message in the order in which they travel, each with its type
    (model.Cap or model.End): [(type, capability)]."""
    found = []
    for part in image.caps:
        value = _get(values, part.path)
        if value is None:
            continue
        if isinstance(part.type, layout.Members):
            found += [pair for field, image in part.type.fields if field.name in value
                      for pair in cap_places(image, value)]
        elif isinstance(part.type, layout.Image):
            found += [pair for item in value for pair in cap_places(part.type, item)]
        else:
            found += [(part.type, cap) for cap in (value if _is_array(part) else [value])]
    return found


def _caps(image, values):
    return [cap for _, cap in cap_places(image, values)]


def _is_array(part):
    """Does a part stand for an array of capabilities?"""
    type_ = part.param.type
    type_ = type_.elem if isinstance(type_, model.Optional_) else type_
    return isinstance(type_, model.Array)


# Decoding ------------------------------------------------------------------------------------


HERE = object()            # where a capability belongs


class _Reader:
    def __init__(self, words):
        self.words = list(words)
        self.at = 0

    def take(self, count):
        if self.at + count > len(self.words):
            raise Malformed("words are missing")
        self.at += count
        return self.words[self.at - count:self.at]


def _decode(image, reader):
    """The values of one image, with HERE where capabilities belong."""
    fixed = sum(word << (64 * i) for i, word in enumerate(reader.take(image.fixed_words)))
    found = {item: fixed >> item.bit & ((1 << item.bits) - 1) for item in image.items}
    leases = image.leases()
    tree = _Tree()
    for piece in image.order:
        if isinstance(piece, layout.Var) and piece.count in leases:
            continue
        if not isinstance(piece, layout.Item):
            tree.put(piece.path, None)          # reserves the place in the order of declaration
        elif piece.role == "presence":
            tree.present(piece.path, bool(found[piece]))
        elif piece.role == "block":
            data = found[piece].to_bytes(piece.stride * piece.bound, "little")
            tree.put(piece.path, _unpacked(piece, data, piece.bound))
        elif piece.role == "value":
            tree.put(piece.path, _scalar(piece.type, found[piece], piece.bits))
        elif piece.role == "room":
            tree.put(piece.path, _bounded(piece, found))
        elif piece.role == "lease":
            tree.put(piece.path, _lease(piece, found))
    for var in image.vars:
        if not tree.absent(var.path) and not (var.count in leases and found[var.count] >> 63):
            count = var.bound if var.count is None else _bounded(var.count, found, var.bound)
            tree.put(var.path, _decode_var(var, count, reader))
    for part in image.caps:
        if not tree.absent(part.path) and isinstance(part.type, (model.Cap, model.End)):
            count = part.max if part.count is None else _bounded(part.count, found)
            tree.put(part.path, [HERE] * count if _is_array(part) else HERE)
        elif not tree.absent(part.path) and isinstance(part.type, layout.Image) \
                and not part.type.max_words:     # elements of capabilities alone have no words
            most = part.max // part.type.max_caps
            count = most if part.count is None else _bounded(part.count, found)
            tree.put(part.path, [_decode(part.type, reader) for _ in range(count)])
    return tree.values()


def _lease(item, found):
    """The value of a lease: a Lease, the room for inline bytes, or none yet."""
    raw = found[item]
    found[item] = raw & (0xffffffff | 1 << 63)
    length, offset = raw & 0xffffffff, raw >> 32 & 0x7fffffff
    if length > item.bound:
        raise Malformed("a lent buffer beyond its bound")
    if raw >> 63:
        return Lease(length, offset)
    if offset:
        raise BadContent("an offset without a region")
    return length if item.param.type.direction == "out" else None


def _bounded(item, found, bound=None):
    if found[item] > (item.bound if bound is None else bound):
        raise Malformed("a count beyond its bound")
    return found[item]


def _scalar(type_, raw, bits):
    if isinstance(type_, model.Bool):
        if raw > 1:
            raise BadContent("no bool")
        return bool(raw)
    return _signed(type_, raw, bits)


def _unpacked(place, data, count):
    out = []
    for i in range(count):
        piece = int.from_bytes(data[i * place.stride:(i + 1) * place.stride], "little")
        if isinstance(place.elem, layout.Image):
            words = [piece >> (64 * w) & WORD_MASK for w in range(place.elem.fixed_words)]
            out.append(_decode(place.elem, _Reader(words)))
        else:
            out.append(_scalar(place.elem, piece, 8 * place.stride))
    return out


def _decode_members(members, reader):
    first = reader.take(1)[0]
    present, count = first & layout.PRESENT_MASK, first >> MEMBERS_MAX
    inner = _Reader(reader.take(count))
    if count >= members.max_words:
        raise Malformed("a table or union is too long")
    try:
        _check_present(members, present)
    except BadValue as error:
        raise BadContent(str(error)) from error
    value = {}
    for field, image in members.fields:
        if present >> (field.ordinal - 1) & 1:
            value.update(_decode(image, inner))
    unknown = present & ~members.known
    if unknown:
        value[UNKNOWN] = unknown, tuple(inner.words[inner.at:])
    elif inner.at != count:
        raise Malformed("words are left over in a table or union")
    return value


def _decode_var(var, count, reader):
    if var.kind == "members":
        return _decode_members(var.elem, reader)
    if var.kind == "images":
        return [_decode(var.elem, reader) for _ in range(count)]
    size = count * (var.stride if var.kind == "packed" else 1)
    words = reader.take(-(-size // WORD_BYTES))
    data = b"".join(word.to_bytes(WORD_BYTES, "little") for word in words)[:size]
    if var.kind == "packed":
        return _unpacked(var, data, count)
    if var.kind == "bytes":
        return data
    try:
        _check_text(var.kind, data)
    except BadValue as error:
        raise BadContent(str(error)) from error
    return data.decode() if var.kind == "string" else \
        tuple(data.decode().split("\0")[:-1])


def _fill(image, values, caps):
    """Puts capabilities into their places; returns those that are left."""
    for part in image.caps:
        place = _get(values, part.path)
        if place is None:
            continue
        if isinstance(part.type, layout.Members):
            for field, image in part.type.fields:
                if field.name in place:
                    caps = _fill(image, place, caps)
            continue
        if isinstance(part.type, layout.Image):
            for item in place:
                caps = _fill(part.type, item, caps)
            continue
        count = len(place) if _is_array(part) else 1
        if len(caps) < count:
            raise Malformed("capabilities are missing")
        holder = _get(values, part.path[:-1])
        holder[part.path[-1]] = caps[:count] if _is_array(part) else caps[0]
        caps = caps[count:]
    return caps


class _Tree:
    """The values under construction. An absent value swallows what is put into it."""

    def __init__(self):
        self.root = {}
        self.gone = set()

    def present(self, path, is_present):
        self.put(path, None)
        if not is_present:
            self.gone.add(path)

    def absent(self, path):
        return any(path[:i] in self.gone for i in range(len(path) + 1))

    def put(self, path, value):
        if self.absent(path):
            return
        if not path:
            self.root = value      # an image without field names is its only value
            return
        holder = self.root
        for name in path[:-1]:
            if holder.get(name) is None:
                holder[name] = {}
            holder = holder[name]
        holder[path[-1]] = value

    def values(self):
        return self.root
