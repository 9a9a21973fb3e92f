"""Messages for the methods of an interface, good and bad, and what must come of each. A message is
bad in one place, or changed anywhere; the codec in Python (stubgen/codec.py) judges it."""
import copy
import os
import struct
from contextlib import contextmanager

from stubgen import codec, layout, model
from stubgen.limits import MEMBERS_MAX, MESSAGE_CAPS, MESSAGE_WORDS, RIGHTS

ASYNC, ERROR, REGS, MORE, DEFER = 1, 2, 4, 8, 16    # FUZZ_* of fuzz.h
ALL_RIGHTS = (1 << len(RIGHTS)) - 1
LETTERS = "ab~\u007f\u00e9\u0800\U00010000"
WORDS_ALL, BYTES_MAX = 10, 60      # changes of one message
WRONG_MAX, CASES_MIN = 160, 1500   # of one image
SEED_VALUES = 80                   # values that are wrong, of a message of some fullness
SEED_CHANGES, SEED_CAPS = 16, 12    # words and capabilities that are changed
REQUESTS = 40                      # with which truncated replies are judged
ENCODINGS = (b"\xff", b"\x00", b"\x80", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80")


class Cap:
    def __init__(self, type_, rights):
        self.type, self.rights = type_, rights


def required(type_):
    return sum(1 << RIGHTS.index(r) for r in getattr(type_, "rights", None) or "")


def is_handle(type_):
    return isinstance(type_, (model.Cap, model.End))


class Maker:
    """Makes values, by `pick` (random.Random). `full`: chance in percent that something optional is
    there, and that a buffer or array is as long as it can be. `wrong`: the value that is to be made
    outside of its type is so many values away; it becomes None when that was made."""

    def __init__(self, pick, captypes):
        self.pick, self.captypes = pick, captypes
        self.full, self.wrong = 50, None

    def params(self, params):
        return {p.name: self.value(p.type, p) for p in params}

    def is_wrong(self):
        if self.wrong is None:
            return False
        self.wrong -= 1
        if self.wrong < 0:
            self.wrong = None
            return True
        return False

    def chance(self):
        return self.pick.randrange(100) < self.full

    def size(self, bound, most=None):
        if self.is_wrong():
            return (most or bound) + 1
        if self.full == 0 and self.pick.random() < 0.5:
            return 0
        return bound if self.chance() else self.pick.randint(0, min(bound, 9))

    def value(self, type_, param=None):
        if isinstance(type_, model.Optional_):
            return self.value(type_.elem, param) if self.chance() else None
        if isinstance(type_, (model.Int, model.Bool)) or layout.is_scalar(type_):
            return self.scalar(type_, param)
        if isinstance(type_, model.Lend) and type_.direction == "out":
            return self.size(min(type_.bound, 200))
        if isinstance(type_, (model.Buf, model.Lend)):
            bound = type_.bound if type_.bound <= 400 else 100
            most = type_.bound if type_.bound <= 8 * MESSAGE_WORDS else bound
            return self.buffer(type_.kind, self.size(bound, most))
        if isinstance(type_, model.Array):
            count = self.size(type_.count) if type_.at_most else type_.count
            return [self.value(type_.elem) for _ in range(count)]
        if is_handle(type_):
            return self.cap(type_)
        if isinstance(type_.decl, model.Table):
            return self.table(type_.decl)
        return {f.name: self.value(f.type, f) for f in type_.decl.fields}

    def scalar(self, type_, param):
        if isinstance(type_, model.Bool):
            return self.pick.random() < 0.5
        decl = type_.decl if isinstance(type_, model.Named) else None
        integer = decl.type if decl else type_
        least = -(1 << (integer.bits - 1)) if integer.signed else 0
        most = least + (1 << integer.bits) - 1
        low, high = param.range if param is not None and param.range else (least, most)
        if decl and not decl.flexible:
            values = [v.value for v in decl.values]
            if decl.kind == "enum":
                near = [v + d for v in values for d in (-1, 1) if v + d not in values]
                near = [v for v in near if least <= v <= most]
                return self.pick.choice(near if self.is_wrong() and near else values)
            return sum(v for v in values if self.pick.random() < 0.5)
        if self.is_wrong():
            out = [v for v in (low - 1, high + 1) if least <= v <= most]
            if param is not None and param.pow2:
                out += [0, 3]
            if out:
                return self.pick.choice(out)
        if param is not None and param.pow2:
            return self.pick.choice([1 << i for i in range(integer.bits) if low <= 1 << i <= high])
        some = [low, high, self.pick.randint(low, high), min(high, low + self.pick.randrange(9))]
        return self.pick.choice(some)

    def buffer(self, kind, count):
        if kind == "bytes":
            return self.pick.randbytes(count)
        if kind == "string":
            return self.text(count)
        strings = []
        while count > 0:
            strings.append(self.text(self.pick.randint(0, min(count - 1, 12))))
            count -= len(strings[-1].encode()) + 1
        return tuple(strings)

    def text(self, count):
        out = ""
        while count > 0:
            letter = self.pick.choice(LETTERS)
            letter = letter if len(letter.encode()) <= count else "x"
            out += letter
            count -= len(letter.encode())
        return out

    def cap(self, type_):
        kinds = ["EndPoint"] if isinstance(type_, model.End) else \
            type_.kinds or ["RAM", "Frame", "EndPoint"]
        kind = self.pick.choice([k for k in kinds if k in self.captypes])
        return Cap(self.captypes[kind], required(type_) if self.pick.random() < 0.5 else ALL_RIGHTS)

    def table(self, decl):
        if decl.kind == "union":
            field = self.pick.choice(decl.fields)
            return {field.name: self.value(field.type, field)}
        if self.pick.random() < 0.3:   # one, so that nothing else is at its bound
            field = self.pick.choice(decl.fields)
            return {field.name: self.value(field.type, field)}
        return {f.name: self.value(f.type, f) for f in decl.fields if self.chance()}


# Words of bad values ---------------------------------------------------------------------------


def relaxed(image):
    """The image as one that takes what is too long."""
    image = copy.deepcopy(image)
    seen = set()

    def visit(part):
        if id(part) in seen:
            return
        seen.add(id(part))
        for item in part.items:
            item.bound = (1 << min(item.bits, 31)) - 1 if item.role != "block" else item.bound
            if isinstance(item.elem, layout.Image):
                visit(item.elem)
        for var in part.vars:
            if var.count is not None:
                var.bound = 1 << 31
            if isinstance(var.elem, layout.Image):
                visit(var.elem)
            elif isinstance(var.elem, layout.Members):
                var.elem.max_words = MESSAGE_WORDS
                for _, inner in var.elem.fields:
                    visit(inner)
    visit(image)
    return image


@contextmanager
def unchecked():
    """Meanwhile the codec encodes scalars of any value."""
    kept = codec.check_scalar
    codec.check_scalar = lambda *args: None
    try:
        yield
    finally:
        codec.check_scalar = kept


def changes(pick, image, words, caps):
    """(words, caps) that differ somewhere."""
    yield words, caps
    for index, word in enumerate(words):
        few = len(words) > WORDS_ALL
        bits = list(range(16)) + pick.sample(range(16, 64), 6) if few else range(64)
        step = 1 << MEMBERS_MAX        # of the number of words of a table
        others = [word ^ 1 << bit for bit in bits] + [word + step, word - step, 0] + [
            word % step | count << MEMBERS_MAX for count in range(10)]
        for other in others:
            yield words[:index] + [other & codec.WORD_MASK] + words[index + 1:], caps
        longer = words[:index] + [word + step & codec.WORD_MASK] + words[index + 1:]
        for at in range(index + 1, min(index + 12, len(words) + 1)):
            yield longer[:at] + [0] + longer[at:], caps
        yield words[:index], caps
        yield words[:index] + words[index + 1:], caps
    first = 8 * image.fixed_words
    data = struct.pack(f"<{len(words)}Q", *words)
    places = range(first, len(data))
    for at in places if len(places) <= BYTES_MAX else pick.sample(places, BYTES_MAX):
        wrong = pick.choice(ENCODINGS)
        made = (data[:at] + wrong + data[at + len(wrong):])[:len(data)]
        yield list(struct.unpack(f"<{len(words)}Q", made)), caps
    for item in image.items:
        if item.role != "block":
            top = (1 << item.bits) - 1
            for raw in {0, 1, top, item.bound, item.bound + 1, 2, 3}:
                made = list(words)
                made[item.word()] &= ~(top << item.shift())
                made[item.word()] |= (raw & top) << item.shift()
                yield made, caps
        if item.role == "lease":       # in the region
            for size in (1, 2048, 5000, item.bound - 1, item.bound, item.bound + 1, 1_000_001):
                for bulk in (1 << 63, 1 << 63 | 1 << 38, 1 << 63 | 1 << 32, 1 << 63 | 1 << 62):
                    made = list(words)
                    made[item.word()] = bulk | size
                    yield made, caps
                    for end in range(image.fixed_words, min(image.fixed_words + 5, len(words))):
                        yield made[:end], caps
    for made in (words + [0], words + [0, 0], words + [1], words[:-1], words[1:], []):
        yield made, caps
    yield from cap_changes(words, caps)


def cap_changes(words, caps):
    yield words, caps[:-1]
    yield words, caps + [Cap(caps[0].type if caps else 3, ALL_RIGHTS)]
    for index, cap in enumerate(caps):
        others = [Cap(other, ALL_RIGHTS) for other in range(1, 8)] + [
            Cap(cap.type, rights) for rights in range(ALL_RIGHTS)]
        for other in others:
            yield words, caps[:index] + [other] + caps[index + 1:]


def fits(words, caps, image):
    """Can the runtime send this at all?"""
    return len(words) <= min(max(image.max_words + 2, 8), MESSAGE_WORDS) \
        and len(caps) <= MESSAGE_CAPS


# Judging ---------------------------------------------------------------------------------------


def handles(type_, value):
    """(type, capability) of all in a value."""
    if value is None:
        return
    if isinstance(type_, model.Optional_):
        yield from handles(type_.elem, value)
    elif isinstance(type_, model.Array):
        for item in value:
            yield from handles(type_.elem, item)
    elif is_handle(type_):
        yield type_, value
    elif isinstance(type_, model.Named) and not isinstance(type_.decl, model.Enum):
        for field in type_.decl.fields:
            yield from handles(field.type, value.get(field.name))


class Judge:
    """`captypes`: {name: number}; `region`: bytes of the region for lent buffers."""

    def __init__(self, captypes, region):
        self.captypes, self.region = captypes, region

    def values(self, image, params, words, caps):
        """The values of a message; None if it must not be taken."""
        try:
            values = codec.decode(image, words, caps)
        except codec.Malformed:
            return None
        for value in values.values():
            if isinstance(value, codec.Lease) and value.offset + value.length > self.region:
                return None
        for param in params:
            for type_, cap in handles(param.type, values.get(param.name)):
                if not self.takes(type_, cap):
                    return None
        return values

    def takes(self, type_, cap):
        kinds = ["EndPoint"] if isinstance(type_, model.End) else type_.kinds
        kinds = kinds or [name for name in self.captypes if name != "Null"]
        return cap.type in [self.captypes[k] for k in kinds] and not required(type_) & ~cap.rights

    def request(self, method, words, caps):
        values = self.values(layout.request(method), method.params, words, caps)
        if values is None or not all(codec.holds(e, values) for e in method.requires):
            return None
        return values

    def reply(self, method, image, params, words, caps):
        """`params`: the values of the request."""
        values = self.values(image, method.results, words, caps)
        if values is None or method.window is not None:
            return values
        for result in method.results:
            if result.counts:
                value = params[result.counts]
                if values[result.name] > (value if isinstance(value, int) else length(value)):
                    return None
        return values if all(codec.holds(e, params, values) for e in method.ensures) else None


def length(value):
    kinds = {str: "string", tuple: "strings"}
    return len(codec._buffer_bytes(kinds.get(type(value), "bytes"), value))


# Cases -----------------------------------------------------------------------------------------


def side(words, caps):
    out = struct.pack(f"<B{len(words)}QB", len(words), *words, len(caps))
    return out + b"".join(bytes((cap.type, cap.rights)) for cap in caps)


class Case:
    """`record` of fuzz.h; `role`: what is attacked: request, event, reply, end (of a begun call),
    item; `good`: it must be taken. With the role `sender` that is the code that sends the length
    which grows, the one with the number `grow`."""

    def __init__(self, method, role, request, answer, good, flags=0, grow=0):
        self.method, self.role, self.good = method, role, good
        flags |= ASYNC * (role == "end") | ERROR * (answer is None and role != "sender")
        self.record = struct.pack("<HB", method.ordinal, flags) + side(*request) \
            + (side(*answer) if answer is not None else b"")
        if grow:
            self.record += (side([], []) if answer is None else b"") + bytes([grow])


def own_interface(build, path):
    """The interface in the file `path` itself, not one that it imports."""
    stem = os.path.splitext(os.path.basename(path))[0]
    return next(item for item in build.interfaces if item.namespace == stem)


class Cases:
    """The cases of the interface `item`; `rounds`: how many good messages are changed; `growing`:
    {name of a method: lengths that can grow}."""

    def __init__(self, build, item, pick, rounds, growing=None):
        self.growing = growing or {}
        self.captypes = {c.name: c.number for c in build.captypes}
        self.pick, self.rounds = pick, rounds
        self.maker = Maker(pick, self.captypes)
        self.judge = Judge(self.captypes, layout.region_bytes(item))

    def method(self, method, roles=None):
        """All cases of one method, or those of some roles."""
        image = layout.request(method)
        def good(loose=None, free=False):
            return self.good_request(method, loose, free)
        wanted = roles is None or {"request", "event"} & set(roles)
        for words, caps, _ in self.messages(image, good) if wanted else ():
            role = "event" if method.kind == "event" else "request"
            if not fits(words, caps, image) or role == "event" and (
                    caps or len(words) > max(image.max_words, 1)):
                continue
            good = self.judge.request(method, words, caps) is not None
            yield Case(method, role, (words, caps), None, good)
        if method.kind == "call" and (roles is None or {"reply", "end", "item"} & set(roles)):
            yield from self.answers(method)
        if roles is None or "sender" in roles:
            yield from self.senders(method)

    def senders(self, method):
        """Good messages, one length of which grows when they are sent on."""
        image = layout.reply(method) if method.window is None else layout.item(method)
        for self.maker.full in (100, 100, 60, 30):
            for flags in (0, ASYNC, DEFER) if method.kind == "call" else (0,):
                request, params = self.answerable(method)
                answer = None
                if method.kind == "call":
                    answer = self.good_reply(method, image, params)
                for grow in range(1, self.growing.get(method.name, 0) + 1):
                    yield Case(method, "sender", request, answer, True, flags, grow)

    def answers(self, method):
        roles = ["item"] if method.window is not None else ["reply", "end"]
        image = layout.reply(method) if method.window is None else layout.item(method)
        now = []                       # the request and its values

        def good(loose=None, free=False):
            if not now:
                now[:] = self.answerable(method)
            return self.good_reply(method, image, now[1], loose, free)
        found = list(self.messages(image, good, now))
        for _ in range(REQUESTS):
            now.clear()
            self.maker.full = self.pick.choice((0, 25, 50, 100))
            words, caps = good()
            found += [(made, caps, list(now)) for made in (words, words[:-1], [])]
            found.append((*good(free=True), list(now)))
            found += [(*case, list(now)) for case in self.wrong(good, relaxed(image), 8)]
        for words, caps, (request, params) in found:
            if not fits(words, caps, image) or method.window is not None and len(caps) > 1:
                continue
            taken = self.judge.reply(method, image, params, words, caps) is not None
            for role in roles:
                yield Case(method, role, request, (words, caps), taken)

    def seeds(self, method):
        """(role, record) of messages that are good, or wrong in one place: what a fuzzer cannot
        easily come upon."""
        image = layout.request(method)
        role = "event" if method.kind == "event" else "request"
        requests = [request for _ in range(self.seed_rounds(image)) for request in self.some(
            image, lambda loose=None, free=False: self.good_request(method, loose, free))]
        for request in requests:
            if fits(*request, image) and not (request[1] and role == "event"):
                yield role, Case(method, role, request, None, None).record
        if method.kind == "call":
            roles = ["item"] if method.window is not None else ["reply", "end"]
            for index, (request, answer) in enumerate(self.answered(method)):
                for role in roles:
                    yield role, Case(method, role, request, answer, None).record
                if index % 8 == 0:
                    yield "regs", Case(method, "reply", request, answer, None, REGS).record
                    yield "regs", Case(method, "reply", request, answer, None, REGS | MORE).record

    def answered(self, method):
        """(request, answer) of the same kind."""
        image = layout.reply(method) if method.window is None else layout.item(method)
        for _ in range(self.seed_rounds(image)):
            request, params = self.answerable(method)
            for answer in self.some(image, lambda loose=None, free=False: self.good_reply(
                    method, image, params, loose, free)):
                if fits(*answer, image):
                    yield request, answer
            if layout.request(method).leases():
                yield self.in_region(method, image)

    @staticmethod
    def seed_rounds(image):
        """Tables and unions are of more forms than one."""
        return 2 + 4 * any(var.kind in ("members", "images") for var in image.vars)

    def in_region(self, method, image):
        """The same with all that is lent in the region."""
        values, results = self.maker.params(method.params), self.maker.params(method.results)
        for index, item in enumerate(layout.request(method).leases()):
            most = item.param.type.bound
            values[item.path[0]] = codec.Lease(min(most, 3000), index * 4096)
        counts = {result.counts: result.name for result in method.results if result.counts}
        for name, result in counts.items():
            results[name], results[result] = b"", 0
        words, caps = codec.encode(image, results)
        for item in image.items:
            if item.role == "value" and item.path[0] in counts.values():
                words[item.word()] |= self.pick.choice((1, 300)) << item.shift()
        return codec.encode(layout.request(method), values), (words, caps)

    def some(self, image, good):
        """Good messages, such with one wrong value, and such that differ somewhere."""
        loose = relaxed(image)
        for self.maker.full in (0, 60, 100):
            yield good()
            yield from self.wrong(good, loose, SEED_VALUES)
            words, caps = good()
            for index in self.pick.sample(range(len(words)), min(len(words), SEED_CHANGES)):
                step = 1 << MEMBERS_MAX
                for other in (words[index] ^ 1 << self.pick.randrange(64),
                              words[index] ^ 1 << self.pick.randrange(16, 64),
                              words[index] + self.pick.choice((step, -step)) & codec.WORD_MASK):
                    yield words[:index] + [other] + words[index + 1:], caps
                yield words[:index], caps
            for item in (item for item in image.items if item.role != "block"):
                made, top = list(words), (1 << item.bits) - 1
                made[item.word()] &= ~(top << item.shift())
                made[item.word()] |= (item.bound + 1 & top) << item.shift()
                yield made, caps
            yield words + [0], caps
            yield good(free=True)
            found = list(cap_changes(words, caps))
            yield from self.pick.sample(found, min(len(found), SEED_CAPS))

    def answerable(self, method):
        """A request, to which a good reply is likely, and its values."""
        for _ in range(REQUESTS):
            request = self.good_request(method)
            params = self.judge.request(method, *request)
            for _ in range(10):
                values = self.maker.params(method.results)
                self.lent(method, params, values)
                if all(codec.holds(e, params, values) for e in method.ensures):
                    return request, params
        return request, params

    def messages(self, image, good, state=None):
        """(words, capabilities, what `state` was then), which is cleared for each round."""
        state = [] if state is None else state
        seen, loose, number = set(), relaxed(image), 0
        while number < self.rounds or number < 8 * self.rounds and len(seen) < CASES_MIN:
            self.maker.full = (50, 100, 0, 80, 30)[number % 5]
            number += 1
            state.clear()
            some = [good(free=True) for _ in range(10)] + list(changes(self.pick, image, *good()))
            for self.maker.full in (0, 25, 60, 100):
                some += self.wrong(good, loose)
                for words, caps in [good() for _ in range(10)] if image.max_caps else ():
                    some += [(words, caps[:-1]), (words, caps[1:])]
            for words, caps in some:
                key = (tuple(words), tuple((c.type, c.rights) for c in caps))
                if key not in seen:
                    seen.add(key)
                    yield words, caps, list(state)
            # What is missing at the end may be what the message before had there (fuzz_stack).
            for words, caps in [good() for _ in range(5)]:
                for made in (words, words[:-1], []):
                    yield made, caps, list(state)

    def wrong(self, good, loose, most=WRONG_MAX):
        """Messages with one value that is outside of its type."""
        found = []
        for wrong in range(most):
            self.maker.wrong = wrong
            try:
                with unchecked():
                    found.append(good(loose))
            except (codec.BadValue, struct.error):
                pass
            done, self.maker.wrong = self.maker.wrong is not None, None
            if done:
                return found[:-1]
        return found

    def good_request(self, method, loose=None, free=False):
        """`loose`: how it is written down with a wrong value; `free`: whatever the conditions."""
        for _ in range(50):
            values = self.maker.params(method.params)
            if loose or free or all(codec.holds(e, values) for e in method.requires):
                break
        return codec.encode(loose or layout.request(method), values)

    def good_reply(self, method, image, params, loose=None, free=False):
        for _ in range(50):
            values = self.maker.params(method.results)
            self.lent(method, params, values)
            if loose or free or all(codec.holds(e, params, values) for e in method.ensures):
                break
        return codec.encode(loose or image, values)

    def lent(self, method, params, values):
        """Sets the results that count lent buffers, and these."""
        for result in method.results:
            lent = next((p for p in method.params if p.name == result.counts), None)
            if lent is None:
                continue
            value = params[lent.name]
            room = value if isinstance(value, int) else length(value)
            count = room + 1 if self.maker.is_wrong() else self.pick.choice(
                (0, room, self.pick.randint(0, room)))
            if lent.type.direction == "out":
                values[lent.name] = self.maker.buffer(lent.type.kind, count)
                count = length(values[lent.name])
            values[result.name] = count
