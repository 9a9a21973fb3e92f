"""Pure: where every part of a message stands in the word image (docs/design, "The word image").

An image is a sequence of 64-bit little-endian words. Its fixed part comes first: scalars,
presence bits, counts and fixed arrays in declaration order, each in the first hole that is large
enough and aligned. Then the variable parts in order, each beginning on a word. All padding is
zero.

 * An integer, enum or flags takes its own size, a bool one byte (0 or 1).
 * `T?` takes one presence bit, then its parts as if it were present (all zero when absent).
 * A struct outside of arrays is flattened into its parent.
 * A table or union is a variable part: a first word, `present:48 | words:16`, then its present
   fields in the order of their ordinals, each an image of its own that starts on a word. Bit k-1 of
   `present` belongs to ordinal k; `words` is how many follow the first one. The fields that the
   receiver of a flexible one does not know come last, and it skips them.
 * `string`, `bytes`, `strings` and `T[<=N]` take a count (bytes or elements) as small as N allows.
 * `T[N]` and `T[<=N]` of scalars and of structs without variable parts stand packed, each at a
   multiple of its stride; `T[N]` in the fixed part, `T[<=N]` in a variable part. Any other element
   is an image of its own: word aligned, its fixed part, then its variable parts.
 * `lend in` is like `bytes`. `lend out` takes a count in the request (how much the caller can
   take); its bytes are a variable part of the reply, counted by the result that `counts` it.
 * If the message could be too large for that, each of its lent buffers takes a word of the request
   instead, `len:32 | offset:31 | bulk:1` (a lease). bulk 0: as above. bulk 1: the bytes stand in
   the binding's region at `offset`, and nothing in the message. Lent buffers that are not empty
   have bulk 1 if and only if the request with all its `lend in` bytes, or the largest reply with
   as many `lend out` bytes as there is room for, would be more than 255 words.
 * Capabilities and channel ends take no words: they travel beside the words in traversal order. An
   array of them takes a count if its size varies, an optional one its presence bit."""
from typing import Any, List, Optional, Tuple

from . import model
from .limits import (CALLS_MAX, LEASE_ALIGN, MEMBERS_MAX, MESSAGE_CAPS, MESSAGE_WORDS, PAGE_BYTES,
                     REGION_BYTES, SPARE_WORDS, WORD_BYTES)
from .record import dataclass, field

WORD_BITS = 8 * WORD_BYTES
PRESENT_MASK = (1 << MEMBERS_MAX) - 1      # of the first word of a table or union


class TooLarge(Exception):
    """The image is so far beyond the limits that it is not worth laying out."""


@dataclass(eq=False)
class Item:
    """One piece of the fixed part. `path` names the parameter and then fields. role:
    value (type: Int, Bool or Named enum), presence, count (of bytes or elements; bound), room (lend
    out in a request), lease (either lend, if it can be too large for the message), block (a fixed
    array: stride bytes, count elements, elem an Image or scalar)."""
    role: str
    path: Tuple[str, ...]
    bit: int
    bits: int
    type: Any = None
    bound: int = 0
    stride: int = 0
    elem: Any = None
    param: Any = None          # the model.Param the piece belongs to (its range, pow2, counts)

    def word(self):
        return self.bit // WORD_BITS

    def shift(self):
        return self.bit % WORD_BITS

    def byte(self):
        return self.bit // 8


@dataclass(eq=False)
class Var:
    """One variable part. kind: string, bytes, strings; packed (stride bytes an element); images
    (each element an Image); members (a table or union). `count` is the Item that tells how many,
    None for T[N] and members. `bound` is in bytes or elements."""
    kind: str
    path: Tuple[str, ...]
    count: Optional[Item]
    bound: int
    stride: int = 0
    elem: Any = None           # packed: scalar type or Image; images: Image; members: Members
    max_words: int = 0
    min_words: int = 0
    param: Any = None


@dataclass(eq=False)
class CapPart:
    """Capabilities at one place. `optional` is the presence Item, `count` the Item of an array of
    varying size; `max` is the largest number of capabilities."""
    path: Tuple[str, ...]
    type: Any                  # model.Cap or model.End; for arrays of structs the element's Image,
                               # for a table or union its Members
    min: int
    max: int
    optional: Optional[Item] = None
    count: Optional[Item] = None
    param: Any = None


@dataclass(eq=False)
class Image:
    """`order` lists Item, Var and CapPart in traversal order; the other lists hold them by class.
    `fixed_bits` counts without the padding of the last word. `rest_words` is max_words without the
    bytes of leases; `room_words` (requests) how many words of `lend out` bytes the reply holds."""
    items: List[Item] = field(default_factory=list)
    vars: List[Var] = field(default_factory=list)
    caps: List[CapPart] = field(default_factory=list)
    order: List[Any] = field(default_factory=list)
    fixed_bits: int = 0
    align: int = 1             # bytes; what an array of this needs
    fixed_words: int = 0
    min_words: int = 0
    max_words: int = 0
    min_caps: int = 0
    max_caps: int = 0
    rest_words: int = 0
    room_words: int = 0

    def leases(self):
        return [item for item in self.items if item.role == "lease"]

    def is_fixed(self):
        return not self.vars

    def stride(self):
        """Bytes from one element to the next when packed in an array."""
        size = -(-self.fixed_bits // 8)
        return max(self.align, -(-size // self.align) * self.align)


@dataclass(eq=False)
class Members:
    """A table or union: its fields in the order of their ordinals, each with its Image (whose paths
    begin with the field's name). The words count the first one."""
    decl: Any
    fields: List[Tuple[Any, Image]]
    known: int = 0             # the present bits of the fields
    min_words: int = 0
    max_words: int = 0
    min_caps: int = 0
    max_caps: int = 0

    def is_union(self):
        return self.decl.kind == "union"


class _Holes:
    """The occupied bits of the fixed part."""

    def __init__(self):
        self.used = 0

    def place(self, bits, align):
        """The first aligned hole of `bits` bits."""
        first_free = (~self.used & (self.used + 1)).bit_length() - 1
        mask, at = (1 << bits) - 1, -(-first_free // align) * align
        while (self.used >> at) & mask:
            at += align
        self.used |= mask << at
        return at


def count_bits(bound):
    """The width of a count that can be `bound`."""
    return 8 if bound < 1 << 8 else 16 if bound < 1 << 16 else 32


def is_scalar(type_):
    return isinstance(type_, (model.Int, model.Bool)) or (
        isinstance(type_, model.Named) and isinstance(type_.decl, model.Enum))


def scalar_bits(type_):
    if isinstance(type_, model.Bool):
        return 8
    return type_.bits if isinstance(type_, model.Int) else type_.decl.type.bits


class _Builder:
    """Lays out one image. `memo` holds the images of struct elements that are known already,
    `leased` the names of lent buffers that are leases."""

    def __init__(self, lent_out, memo, leased=()):
        self.memo, self.leased = memo, leased
        self.image = Image()
        self.holes = _Holes()
        self.lent_out = lent_out       # replies: {name of counted buffer: its Param}

    def item(self, role, path, bits, align_bits, **more):
        image = self.image
        if image.fixed_bits + bits > 2 * MESSAGE_WORDS * WORD_BITS:
            raise TooLarge()
        item = Item(role, path, self.holes.place(bits, align_bits), bits, **more)
        image.items.append(item)
        image.order.append(item)
        image.fixed_bits = max(image.fixed_bits, item.bit + bits)
        image.align = max(image.align, align_bits // 8)
        return item

    def count(self, path, bound, param, role="count"):
        bits = count_bits(bound)
        return self.item(role, path, bits, bits, bound=bound, param=param)

    def var(self, var):
        if len(self.image.vars) > 2 * MESSAGE_WORDS:
            raise TooLarge()
        self.image.vars.append(var)
        self.image.order.append(var)

    def buffer(self, kind, path, count, bound, param):
        words = -(-bound // WORD_BYTES)
        self.var(Var(kind, path, count, bound, 1, None, words, 0, param))

    def caps(self, part):
        if len(self.image.caps) > 2 * MESSAGE_CAPS:
            raise TooLarge()
        self.image.caps.append(part)
        self.image.order.append(part)

    def param(self, param, path=()):
        self.place(param.type, path + (param.name,), param)

    def place(self, type_, path, param, optional=None):
        if is_scalar(type_):
            bits = scalar_bits(type_)
            item = self.item("value", path, bits, bits, type=type_, param=param)
            if param.counts in self.lent_out and len(path) == 1:
                lent = self.lent_out[param.counts]
                self.buffer(lent.type.kind, (lent.name,), item, lent.type.bound, lent)
        elif isinstance(type_, model.Optional_):
            presence = self.item("presence", path, 1, 1, param=param)
            self.place(type_.elem, path, param, presence)
        elif isinstance(type_, model.Buf):
            count = self.count(path, type_.bound, param)
            self.buffer(type_.kind, path, count, type_.bound, param)
        elif isinstance(type_, model.Lend):
            role = "count" if type_.direction == "in" else "room"
            if param.name in self.leased:
                count = self.item("lease", path, WORD_BITS, WORD_BITS, bound=type_.bound,
                                  param=param)
            else:
                count = self.count(path, type_.bound, param, role)
            if role == "count":
                self.buffer(type_.kind, path, count, type_.bound, param)
        elif isinstance(type_, (model.Cap, model.End)):
            self.caps(CapPart(path, type_, 0 if optional else 1, 1, optional, None, param))
        elif isinstance(type_, model.Array):
            self.array(type_, path, param, optional)
        elif isinstance(type_, model.Named) and isinstance(type_.decl, model.Table):
            self.table(type_.decl, path, param, optional)
        elif isinstance(type_, model.Named):
            caps, variable = len(self.image.caps), len(self.image.vars)
            for item in type_.decl.fields:
                self.param(item, path)
            if optional:
                for part in self.image.caps[caps:]:
                    part.min = 0
                    part.optional = part.optional or optional
                for var in self.image.vars[variable:]:
                    var.min_words = 0
        else:
            raise AssertionError(type_)

    def table(self, decl, path, param, optional):
        members = self.members(decl)
        least_words = 0 if optional else members.min_words
        if members.max_caps:
            least = 0 if optional else members.min_caps
            self.caps(CapPart(path, members, least, members.max_caps, optional, None, param))
        self.var(Var("members", path, None, 1, 0, members, members.max_words, least_words, param))

    def members(self, decl):
        if decl not in self.memo:
            fields = []
            for item in decl.fields:
                builder = _Builder({}, self.memo)
                builder.param(item)
                fields.append((item, builder.done()))
            images = [image for _, image in fields]
            most, caps = [i.max_words for i in images], [i.max_caps for i in images]
            result = Members(decl, fields, sum(1 << (item.ordinal - 1) for item in decl.fields))
            result.min_words = 1
            result.max_words = 1 + (SPARE_WORDS if decl.flexible else 0) + sum(most)
            result.max_caps = sum(caps)
            if result.is_union():
                result.max_words += max(most) - sum(most)
                result.max_caps = max(caps)
            if result.is_union() and not decl.flexible:
                result.min_words += min(i.min_words for i in images)
                result.min_caps = min(i.min_caps for i in images)
            self.memo[decl] = result
        return self.memo[decl]

    def array(self, type_, path, param, optional):
        elem, number = type_.elem, type_.count
        count = self.count(path, number, param) if type_.at_most else None
        least = 0 if type_.at_most or optional else number
        if isinstance(elem, (model.Cap, model.End)):
            self.caps(CapPart(path, elem, least, number, optional, count, param))
            return
        image = None if is_scalar(elem) else self.element(elem, param)
        if image is not None and image.max_caps:
            self.caps(CapPart(path, image, least * image.min_caps, number * image.max_caps,
                              optional, count, param))
        if image is not None and not image.is_fixed():
            self.var(Var("images", path, count, number, 0, image, number * image.max_words,
                         least * image.min_words, param))
            return
        stride = scalar_bits(elem) // 8 if image is None else image.stride()
        align = stride if image is None else image.align
        inner = elem if image is None else image
        if image is not None and image.fixed_bits == 0:
            return
        if type_.at_most:
            words = -(-number * stride // WORD_BYTES)
            self.var(Var("packed", path, count, number, stride, inner, words, 0, param))
        else:
            self.item("block", path, 8 * stride * number, 8 * align, bound=number,
                      stride=stride, elem=inner, param=param)

    def element(self, type_, param):
        """The image of one element of an array that is not a scalar. A string, bytes, table or
        union stands for a struct with this one field, whose path is empty."""
        if isinstance(type_, model.Named) and isinstance(type_.decl, model.Struct):
            if type_.decl not in self.memo:
                builder = _Builder({}, self.memo)
                for item in type_.decl.fields:
                    builder.param(item)
                self.memo[type_.decl] = builder.done()
            return self.memo[type_.decl]
        builder = _Builder({}, self.memo)
        builder.place(type_, (), param)
        return builder.done()

    def done(self):
        image = self.image
        image.fixed_words = -(-image.fixed_bits // WORD_BITS)
        image.min_words = image.fixed_words + sum(var.min_words for var in image.vars)
        image.max_words = image.fixed_words + sum(var.max_words for var in image.vars)
        image.rest_words = image.max_words - sum(
            var.max_words for var in image.vars if var.path[:1] and var.path[0] in self.leased)
        if image.rest_words != image.max_words:
            image.max_words = max(image.rest_words, min(image.max_words, MESSAGE_WORDS))
        image.min_caps = sum(part.min for part in image.caps)
        image.max_caps = sum(part.max for part in image.caps)
        return image


def element_image(type_, param):
    """The image of one element of an array of this type, not a scalar."""
    return _Builder({}, {}).element(type_, param)


def members_of(decl):
    """The Members of a table or union."""
    return _Builder({}, {}).members(decl)


def lends(method, direction):
    """The lent buffers of a call, by name."""
    return {p.name: p for p in method.params
            if isinstance(p.type, model.Lend) and p.type.direction == direction}


def _request(method, leased):
    builder = _Builder({}, {}, leased)
    for param in method.params:
        builder.param(param)
    return builder.done()


def _reply(method, lent, leased):
    builder = _Builder(lent, {}, leased)
    for result in method.results:
        builder.param(result)
    return builder.done()


def _leased(method, direction, make):
    """The names of the lent buffers of one direction if `make`(no leases) can be too large."""
    lent = lends(method, direction)
    return set(lent) if lent and make().max_words > MESSAGE_WORDS else set()


def _leased_out(method):
    return _leased(method, "out", lambda: _reply(method, lends(method, "out"), ()))


def request(method):
    """The image of what the caller (for an event: the server) sends."""
    out = _leased_out(method)
    leased = out | _leased(method, "in", lambda: _request(method, out))
    image = _request(method, leased)
    if out:
        image.room_words = MESSAGE_WORDS - reply(method).rest_words
    return image


def reply(method, bulk=False):
    """The image of a successful reply; with `bulk`, of one to a request whose `lend out` leases
    have the bulk bit. A stream's is empty."""
    if method.window is not None:
        return Image()
    leased = _leased_out(method)
    lent = lends(method, "out")
    return _reply(method, {} if leased and bulk else lent, leased)


def item(method):
    """The image of an item of a stream."""
    return _reply(method, {}, set())


def lease_bytes(method):
    """How much of the region one call needs at most."""
    return sum(-(-item.bound // LEASE_ALIGN) * LEASE_ALIGN for item in request(method).leases())


def region_bytes(interface):
    """The size of the region of a binding: room for one call of each txid slot as far as that is
    not more than REGION_BYTES, and for one call in any case."""
    largest = max((lease_bytes(m) for m in interface.methods if m.kind == "call"), default=0)
    size = max(largest, min(largest * CALLS_MAX, REGION_BYTES))
    return -(-size // PAGE_BYTES) * PAGE_BYTES
