"""Back end ifdesc: descriptions of interfaces for programs that learn of them only when they run
(`ifcall`, `rpctrace`): names, types and images, as numbers. `libaos/ifdesc` reads them.

A description is an array of 32-bit little-endian words, then a pool of texts, each ended by NUL.
Everything refers to other parts by the index of their first word, and to texts by their offset in
the pool; 0 is none. The head says where to begin:

    magic, bytes of the whole (a multiple of 8), grammar version, number of words,
    hash low, hash high, id | version << 16, name, canonical text,
    number of methods, methods, request words that need the area, reply words, bytes of the region,
    1 if the server writes into the region, largest window of its streams

    method  name, ordinal | kind << 16, since, request type, request image, reply type, reply image,
            reply image for bulk, results that are the method's own, fails, their codes, needs area,
            window of the stream (0: none), type of its items, their image
    fields  name, type                                of a struct, parameters or results
    members name, type, ordinal, image                of a table or union
    image   fixed words, words at most, room words, items, where, variable parts, where,
            capability parts, where
    item    role, bit, bits, path, type, bound, stride, image of the elements, constraint
    var     kind, path, count item + 1, bound, stride, image of the elements
    caps    path, 1 for an array, image of the elements
    path    how many, index of the field, index in that one, ...
    constraint  lowest (2 words), highest (2 words), 1 for pow2

The types stand in `_type`. Several descriptions make a bundle: one behind the other."""
import struct

from .. import canon, layout, model
from .c.method import MethodView

OUTPUT = "interfaces"          # the bundle of all interfaces of the build
MAGIC = 0x31444649             # "IFD1"
GRAMMAR = canon.GRAMMAR
HEAD = 16
KINDS = ("call", "oneway", "event")      # method kinds that can be described

INT, BOOL, ENUM, BUF, ARRAY, STRUCT, TABLE, CAP, END, LEND, OPTIONAL = range(1, 12)
BUFS = ("string", "bytes", "strings")
MODES = ("move", "copy", "borrow")
ROLES = ("value", "presence", "count", "room", "lease", "block")
VARS = BUFS + ("packed", "images", "members")
RIGHTS = "rwxd"


def outputs(build):
    return [OUTPUT]


def render(build):
    wanted = {f.namespace for f in build.files if f.generate}
    yield OUTPUT, b"".join(describe(i) for i in build.interfaces if i.namespace in wanted)


def ids(bundle):
    """The ids of the interfaces that a bundle describes."""
    at, found = 0, []
    while at < len(bundle):
        head = struct.unpack_from(f"<{HEAD}I", bundle, at)
        found.append(head[6] & 0xffff)
        at += head[1]
    return found


def describe(interface):
    """The description of one interface as bytes."""
    return _Writer().interface(interface)


class _Writer:
    def __init__(self):
        self.words = [0] * HEAD
        self.pool = bytearray(b"\0")
        self.known = {}

    def text(self, text):
        data = text.encode() + b"\0"
        at = self.pool.find(b"\0" + data)
        if at < 0:
            at = len(self.pool) - 1
            self.pool += data
        return at + 1

    def put(self, *words):
        """The index of these words; the same words are stored once."""
        key = tuple(int(word) & 0xffffffff for word in words)
        if key not in self.known:
            self.known[key] = len(self.words)
            self.words += key
        return self.known[key]

    def rows(self, rows):
        """(how many, where) of equally long rows."""
        rows = list(rows)
        return len(rows), self.put(*(word for row in rows for word in row)) if rows else 0

    def interface(self, item):
        methods = [m for m in sorted(item.methods, key=lambda m: m.ordinal)
                   if m.kind in KINDS]
        views = [MethodView(item, m) for m in methods]
        where = self.rows([self.method(view) for view in views])
        areas = [max((v.request_area() for v in views), default=0),
                 max((v.reply_area() for v in views), default=0)]
        written = any(isinstance(p.type, model.Lend) and p.type.direction == "out"
                      for m in methods for p in m.params)
        name, text = self.text(item.name), self.text(item.canonical)
        self.pool += bytes(-(4 * len(self.words) + len(self.pool)) % 8)
        total = 4 * len(self.words) + len(self.pool)
        head = (MAGIC, total, GRAMMAR, len(self.words), item.hash & 0xffffffff, item.hash >> 32,
                item.id | item.version << 16, name, text, *where, *areas,
                layout.region_bytes(item), int(written),
                max((m.window or 0 for m in methods), default=0))
        self.words[:HEAD] = head
        return struct.pack(f"<{len(self.words)}I", *self.words) + bytes(self.pool)

    def method(self, view):
        method = view.m
        lent = list(layout.lends(method, "out").values())
        stream = method.window is not None
        results = ([] if stream else method.results) + [
            model.Param(p.name, model.Buf(p.type.kind, p.type.bound), p.doc, p.span) for p in lent]
        request, reply = layout.request(method), layout.reply(method)
        bulk = layout.reply(method, bulk=True)
        fails = self.rows((ref.error.code,) for ref in method.fails)
        return (self.text(method.name), method.ordinal | KINDS.index(method.kind) << 16,
                method.since, self.struct("", method.params), self.image(request, method.params),
                self.struct("", results), self.image(reply, results), self.image(bulk, results),
                len(results) - len(lent), *fails, view.large, *self.items(method))

    def items(self, method):
        """Window, type and image of a stream."""
        if method.window is None:
            return 0, 0, 0
        return method.window, self.struct("", method.results), \
            self.image(layout.item(method), method.results)

    # Types

    def struct(self, name, fields):
        return self.put(STRUCT, self.text(name) if name else 0,
                        *self.rows((self.text(f.name), self.type(f.type)) for f in fields))

    def type(self, type_):
        if isinstance(type_, model.Int):
            return self.put(INT, type_.bits, type_.signed)
        if isinstance(type_, model.Bool):
            return self.put(BOOL)
        if isinstance(type_, model.Buf):
            return self.put(BUF, BUFS.index(type_.kind), type_.bound)
        if isinstance(type_, model.Optional_):
            return self.put(OPTIONAL, self.type(type_.elem))
        if isinstance(type_, model.Array):
            return self.put(ARRAY, self.type(type_.elem), type_.count, type_.at_most)
        if isinstance(type_, model.Cap):
            letters = RIGHTS if type_.rights is None else type_.rights
            rights = sum(1 << RIGHTS.index(letter) for letter in letters)
            return self.put(CAP, MODES.index(type_.move), rights,
                            self.text(canon.type_text(type_)))
        if isinstance(type_, model.End):
            return self.put(END, type_.side == "server", self.text(canon.type_text(type_)))
        if isinstance(type_, model.Lend):
            return self.put(LEND, type_.direction == "out", BUFS.index(type_.kind), type_.bound)
        decl = type_.decl
        if isinstance(decl, model.Enum):
            values = sorted(decl.values, key=lambda v: v.value)
            return self.put(ENUM, decl.type.bits, decl.type.signed, decl.kind == "flags",
                            decl.flexible, self.text(decl.name),
                            *self.rows((self.text(v.name), v.value, v.value >> 32)
                                       for v in values))
        if isinstance(decl, model.Struct):
            return self.struct(decl.name, decl.fields)
        members = layout.members_of(decl)
        rows = [(self.text(f.name), self.type(f.type), f.ordinal, self.image(image, decl.fields))
                for f, image in members.fields]
        return self.put(TABLE, self.text(decl.name), members.is_union(), decl.flexible,
                        members.max_words, *self.rows(rows))

    # Images

    def path(self, path, fields):
        """A path of names as one of indices; `fields` is what the first name is one of."""
        out = []
        for name in path:
            index = next(i for i, f in enumerate(fields) if f.name == name)
            out.append(index)
            type_ = fields[index].type
            while isinstance(type_, (model.Optional_, model.Array)):
                type_ = type_.elem
            fields = getattr(getattr(type_, "decl", None), "fields", [])
        return self.put(len(out), *out)

    def image(self, image, fields):
        items = [self.item(item, fields) for item in image.items]
        numbers = {item: index + 1 for index, item in enumerate(image.items)}
        parts = [self.var(var, fields, numbers) for var in image.vars]
        caps = [self.caps(part, fields) for part in image.caps]
        return self.put(image.fixed_words, image.max_words, image.room_words, *self.rows(items),
                        *self.rows(parts), *self.rows(caps))

    def element(self, place):
        """The image of the elements of an array; 0 if they are scalars."""
        if not isinstance(place.elem, layout.Image):
            return 0
        return self.image(place.elem, _element_fields(place.param, place.path))

    def item(self, item, fields):
        type_ = item.type if item.role == "value" else item.elem
        scalar = self.type(type_) if _is_scalar(type_) else 0
        if item.role == "lease":
            scalar = self.type(item.param.type)
        return (ROLES.index(item.role), item.bit, item.bits, self.path(item.path, fields), scalar,
                item.bound, item.stride, self.element(item), self.constraint(item))

    def var(self, var, fields, numbers):
        return (VARS.index(var.kind), self.path(var.path, fields), numbers.get(var.count, 0),
                var.bound, var.stride, self.element(var))

    def caps(self, part, fields):
        type_ = part.param.type
        type_ = type_.elem if isinstance(type_, model.Optional_) else type_
        return (self.path(part.path, fields), isinstance(type_, model.Array), self.element(
            _Place(part)) if isinstance(part.type, layout.Image) else 0)

    def constraint(self, item):
        param = item.param
        if item.role != "value" or not isinstance(item.type, model.Int) or param is None \
                or not (param.range or param.pow2):
            return 0
        low = -(1 << (item.type.bits - 1)) if item.type.signed else 0
        low, high = param.range or (low, low + (1 << item.type.bits) - 1)
        return self.put(low, low >> 32, high, high >> 32, param.pow2)


class _Place:
    """A capability part as a place of elements."""

    def __init__(self, part):
        self.elem, self.param, self.path = part.type, part.param, part.path


def _is_scalar(type_):
    return type_ is not None and layout.is_scalar(type_)


def _element_fields(param, path):
    """What the paths of an element's image begin with."""
    type_ = param.type
    while isinstance(type_, (model.Optional_, model.Array)):
        type_ = type_.elem
    decl = getattr(type_, "decl", None)
    return decl.fields if isinstance(decl, model.Struct) else []
