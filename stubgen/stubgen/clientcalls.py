"""Calls of a client in Python (client.py) that are in flight: slots, capabilities, lent buffers.
What C does with them stands in libaos/chan/binding.c, loan.c and lend.c."""
import time

from . import codec, layout, limits, model, ump
from .clientmem import RIGHTS_ALL, Cap

DEADLINE_S = 5.0           # of a binding, unless it is set
OP_REGION = 5              # CHAN_OP_REGION
MORE_CAP, ONEWAY_DONE, CANCEL = 16, 18, 20      # enum chan_control
REG_WORDS = 8              # a oneway of more words, or capabilities, is told when it was read
MORE = 1 << 44
FLEXIBLE = 1 << 15
TXID_MASK = 0xffff0000
CAPS_MASK = 0xf
GEN_MASK = 0x3ff
SAME = 0xfff | FLEXIBLE | 0xff << ump.HASH_SHIFT     # of an answer and its request
ANSWERS = (ump.REPLY, ump.ERROR, ump.MALFORMED)
NOW = 0                    # a time to wait until: not at all


class Pending:
    """A request that has a slot. `answer`: (header, words) as soon as it is complete, of which
    `begun` may lack capabilities. `lost`: nobody waits any more, but the slot and what is lent in
    the region, (begin, end), are taken until there is an answer."""

    def __init__(self, tx):
        self.tx, self.header = tx, 0
        self.begun = self.answer = self.stream = None
        self.caps, self.loans = [], []
        self.lent = (0, 0)
        self.lost = self.is_oneway = False


class Calls(ump.Client):
    """A binding without the names: what there is in flight, and what comes."""

    def __init__(self, wire, interface, ring_bell, wait):
        self._wire = wire
        self.deadline = DEADLINE_S
        self.slots = [None] * limits.CALLS_MAX
        self._generations = [0] * limits.CALLS_MAX
        self._region, self._region_bytes = None, 0
        super().__init__(wire.ring, interface, ring_bell, wait)

    def _until(self):
        return None if self.deadline is None else time.monotonic() + self.deadline

    # What comes ----------------------------------------------------------------------------

    def _poll(self):
        """Takes in what has come."""
        found = self.ring.recv()
        while found is not None:
            self._other(found)
            found = self.ring.recv()
        if self.ring.ack():
            self._after_send()

    def _wait_for(self, ready, until):
        """Waits until ready() is true: the truth of that."""
        if not ready():
            self._poll()
        while not ready():
            if until is not None and time.monotonic() >= until:
                return False
            found = self._take(until)
            if found is not None:
                self._other(found)
        return True

    def _other(self, found):
        header, words = found
        caps = [self._wire.receive()] if header >> ump.CAPS_SHIFT & CAPS_MASK else []
        kind = header >> ump.KIND_SHIFT & 7
        pending = self._find(header)
        if kind == ump.EVENT:
            self.others.append(found)
        elif pending is None:
            pass                       # late, or of nobody
        elif kind == ump.CONTROL and header & 0xfff == ONEWAY_DONE and pending.is_oneway:
            self._free(pending)
        elif kind == ump.CONTROL and header & 0xfff == MORE_CAP:
            self._begun(pending, pending.begun, caps)
        elif (pending.header ^ header) & SAME:
            pass
        elif kind == ump.STREAM and pending.stream is not None:
            pending.stream.item(header, words, caps)
        elif kind in ANSWERS and pending.begun is None:
            self._begun(pending, found, caps)

    def _begun(self, pending, found, caps):
        """More of the answer: is that all of it?"""
        if found is None or pending.answer is not None:
            return
        pending.begun = found
        pending.caps += caps
        if len(pending.caps) >= found[0] >> ump.CAPS_SHIFT & CAPS_MASK:
            pending.answer = found
            if pending.lost:
                self._free(pending)

    def _find(self, header):
        slot = header >> ump.SLOT_SHIFT & 0x3f
        pending = self.slots[slot] if slot < len(self.slots) else None
        return pending if pending is not None and pending.tx == header & TXID_MASK else None

    # Slots ---------------------------------------------------------------------------------

    def _room(self, ready, until):
        """Waits for what a request needs. errors.again if `until` is NOW, else errors.timeout."""
        if not self._wait_for(ready, until):
            raise self.errors.again() if until == NOW else self.errors.timeout()

    def _take_slot(self, first=0, until=None):
        """A free slot from `first` on."""
        self._room(lambda: None in self.slots[first:], until)
        slot = self.slots.index(None, first)
        self._generations[slot] = self._generations[slot] + 1 & GEN_MASK
        pending = Pending(self._generations[slot] << ump.GEN_SHIFT | slot << ump.SLOT_SHIFT)
        self.slots[slot] = pending
        return pending

    def _free(self, pending):
        self.slots[self.slots.index(pending)] = None

    def _finish(self, pending):
        """The call is over for its caller; the server is told unless it has answered."""
        self._end_loans(pending)
        if pending.answer is not None:
            self._free(pending)
        elif not pending.lost:
            pending.lost, pending.stream = True, None
            self._control(CANCEL, pending, [])

    def _end_loans(self, pending):
        """Takes back what was lent."""
        for word in pending.loans:
            self._wire.memory.word(word, 0)
        pending.loans = []

    def _control(self, ordinal, pending, words):
        """A control message that belongs to a request."""
        self._send(self._header(ordinal, ump.CONTROL, words) | pending.tx, words)

    # Requests ------------------------------------------------------------------------------

    def _check_version(self, method):
        """errors.version: the server is too old for the method."""
        if method is not None and method.since > self.version and not method.flexible:
            raise self.errors.version(f"{method.name} is since version {method.since}")

    def _request(self, method, values, first, until):
        """Sends a request; it waits for a slot and for room in the region until that time. Its
        Pending, and the values with leases."""
        image = layout.request(method)
        places = codec.cap_places(image, values)
        moved = [cap for type_, cap in places if _mode(type_) == "move"]
        if any(not isinstance(cap, Cap) or cap.gone for _, cap in places) or \
                len(set(moved)) < len(moved):
            raise codec.BadValue("a capability that is not there")
        try:
            self._check_version(method)
            pending = self._take_slot(first, until)
            try:
                sent = codec.leased(image, values, lambda sizes: self._lend(pending, sizes, until))
                words, _ = codec.encode(image, sent)
                self._fill(image, values, sent)
            except Exception:
                self._free(pending)
                raise
            self._put(pending, method, words, places)
        finally:
            for cap in moved:
                cap.gone = True
        return pending, sent

    def _put(self, pending, method, words, places):
        """The messages of a request: the first has all words and the first capability."""
        header = self._header(method.ordinal, ump.CALL, words) | pending.tx
        if method.kind == "oneway":
            header |= ump.ONEWAY << ump.KIND_SHIFT
        header |= len(places) << ump.CAPS_SHIFT | (MORE if len(places) > 1 else 0) | \
            (FLEXIBLE if method.flexible else 0)
        more = self._header(MORE_CAP, ump.CONTROL, []) | pending.tx | 1 << ump.CAPS_SHIFT
        pending.header = header
        for place in places[:1]:
            self._put_cap(pending, *place)
        self._send(header, words)
        for place in places[1:]:
            self._put_cap(pending, *place)
            self._send(more, [])

    def _put_cap(self, pending, type_, cap):
        alive, mode = 0, _mode(type_)
        if mode == "borrow":
            alive = self._wire.memory.loan()
            pending.loans.append(alive)
        self._wire.send(cap, _rights(type_), mode, alive)

    def _oneway(self, method, values):
        """Sends; what takes a slot gives it back when the server has read it."""
        image = layout.request(method)
        words, caps = codec.encode(image, values)
        if len(words) > REG_WORDS or len(caps) > 1:
            pending, _ = self._request(method, values, 0, self._until())
            pending.is_oneway = True
            return
        places = codec.cap_places(image, values)
        for _, cap in places:
            if not isinstance(cap, Cap) or cap.gone:
                raise codec.BadValue("a capability that is not there")
        self._check_version(method)
        self._put(Pending(0), method, words, places)
        for type_, cap in places:
            cap.gone = cap.gone or _mode(type_) == "move"

    def _transact(self, ordinal, words, cap=None):
        """A call of the framework: the words of its answer."""
        pending = self._take_slot(0, self._until())
        header = self._header(ordinal, ump.CALL, words) | pending.tx
        if cap is not None:
            self._wire.send(cap, RIGHTS_ALL, "copy")
            header |= 1 << ump.CAPS_SHIFT
        pending.header = header
        self._send(header, words)
        self._await(pending, self._until())
        self._free(pending)
        header, words = pending.answer
        self._check_answer(None, header, words)
        return words

    # Answers -------------------------------------------------------------------------------

    def _await(self, pending, until):
        """errors.timeout: it has not come by that time, and the call is given up."""
        if not self._wait_for(lambda: pending.answer is not None, until):
            self._finish(pending)
            raise self.errors.timeout()

    def _check_answer(self, method, header, words):
        """Raises what the server answered, unless it is a reply."""
        kind = header >> ump.KIND_SHIFT & 7
        if kind == ump.MALFORMED:
            raise self.errors.malformed()
        if kind == ump.ERROR:
            raise self.errors.of(method, words[0] if words else 0)

    def _read(self, image, words, caps):
        """The values of what the server sent. errors.bad_reply."""
        try:
            values = codec.decode(image, words, caps)
        except codec.Malformed as error:
            raise self.errors.bad_reply(str(error)) from None
        for type_, cap in codec.cap_places(image, values):
            is_end = isinstance(type_, model.End)
            if not cap.suits(("EndPoint",) if is_end else type_.kinds,
                             "" if is_end else type_.rights):
                raise self.errors.bad_reply(f"{cap} is of the wrong kind")
        return values

    def _results(self, pending, method, values):
        """What a call returns. `values`: those that were sent."""
        header, words = pending.answer
        self._check_answer(method, header, words)
        lent = layout.lends(method, "out")
        is_bulk = any(isinstance(values[name], codec.Lease) for name in lent)
        found = self._read(layout.reply(method, is_bulk), words, pending.caps)
        for result in method.results:
            if result.counts is None:
                continue
            value, n = values[result.counts], found[result.name]
            param = next(p for p in method.params if p.name == result.counts)
            if n > _length(param.type, value):
                raise self.errors.bad_reply(f"{n} bytes of {result.counts}")
            if result.counts in lent and result.counts not in found:
                found[result.counts] = self._fetch(param.type.kind, value, n)
        if not all(codec.holds(e, values, found) for e in method.ensures):
            raise self.errors.bad_reply(method.name)
        return found

    # Lent buffers --------------------------------------------------------------------------

    def _lend(self, pending, sizes, until):
        """Takes a range of the region for a request: where each buffer begins."""
        if self._region is None:
            size = layout.region_bytes(self.interface)
            at = self._wire.memory.take(size)
            frame = Cap("Frame", offset=at)
            self._region_bytes = min(size, self._transact(0, [OP_REGION, size], frame)[0])
            self._region = self._wire.memory.bytes[at:at + size]
        total = sum(-(-size // limits.LEASE_ALIGN) * limits.LEASE_ALIGN for size in sizes)
        if total > self._region_bytes:
            raise self.errors.too_large()
        self._room(lambda: self._hole(total) is not None, until)
        first = at = self._hole(total)
        offsets = []
        for size in sizes:
            offsets.append(at)
            at += -(-size // limits.LEASE_ALIGN) * limits.LEASE_ALIGN
        pending.lent = (first, at)
        return offsets

    def _hole(self, total):
        """Where as many bytes of the region are free; None: nowhere."""
        at = 0
        for begin, end in sorted(p.lent for p in self.slots if p is not None):
            if begin < end:
                if at + total <= begin:
                    break
                at = max(at, end)
        return at if at + total <= self._region_bytes else None

    def _fill(self, image, values, sent):
        """Puts what is lent for reading into the region."""
        for item in image.leases():
            lease = sent[item.path[0]]
            if isinstance(lease, codec.Lease) and item.param.type.direction == "in":
                data = codec.buffer_bytes(item.param.type.kind, values[item.path[0]])
                self._region[lease.offset:lease.offset + lease.length] = data

    def _fetch(self, kind, lease, count):
        """What the server put into a lent buffer."""
        data = b""
        if isinstance(lease, codec.Lease):
            data = bytes(self._region[lease.offset:lease.offset + count])
        try:
            return codec.buffer_value(kind, data)
        except codec.Malformed as error:
            raise self.errors.bad_reply(str(error)) from None


def _mode(type_):
    return "move" if isinstance(type_, model.End) else type_.move


def _rights(type_):
    """What the receiver may have at most."""
    if isinstance(type_, model.End) or not type_.rights:
        return RIGHTS_ALL
    return sum(1 << limits.RIGHTS.index(letter) for letter in type_.rights)


def _length(type_, value):
    """How many bytes are lent."""
    if isinstance(value, codec.Lease):
        return value.length
    return value if isinstance(value, int) else len(codec.buffer_bytes(type_.kind, value))


class Call:
    """A call that was begun. It waits for a slot until `start`, and for its answer until `until`
    (time.monotonic(); NOW, None). To be ended by result() or cancel(), once."""

    def __init__(self, binding, method, values, start, until):
        self.binding, self.method, self.until = binding, method, until
        self.pending, self.values = binding._request(method, values, 0, start)

    def done(self):
        """Would result() return at once?"""
        self.binding._poll()
        return self.pending.answer is not None

    def result(self, seconds=None):
        """The results by name, or the error. Waits until its deadline, or for `seconds`."""
        until = self.until if seconds is None else time.monotonic() + seconds
        self.binding._await(self.pending, until)
        self.binding._finish(self.pending)
        return self.binding._namespace(
            self.binding._results(self.pending, self.method, self.values))

    def cancel(self):
        """Nobody waits any more; the server is told, and what was lent is taken back."""
        self.binding._finish(self.pending)
