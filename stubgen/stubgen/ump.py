"""UMP in Python: one side of a ring in shared memory, and a client that calls methods over it. The
bytes are described in libaos/chan/ump_ring.h, the framework's calls in libaos/include/aos/chan.h.

Stores and loads of one word through a memoryview are single accesses of the machine. Their order is
that of the program on x86; on Arm it takes a barrier, for which `_barrier` has the only thing that
Python offers: a release and an acquire of a lock, which keep their order."""
import threading

from . import codec, layout

LINE_WORDS = 7
LINES_MAX = 512
CONTROL_LINE = 8          # words of a frame before its first line: armed, closed, nothing
ARMED, CLOSED = 0, 1
COUNT_SHIFT, COUNT_MASK = 53, 1023
EPOCH = 1 << 63
HEADER_MASK = (1 << COUNT_SHIFT) - 1

KIND_SHIFT, SLOT_SHIFT, GEN_SHIFT, WORDS_SHIFT, CAPS_SHIFT, HASH_SHIFT = 12, 16, 22, 32, 40, 45
CALL, REPLY, ERROR, ONEWAY, EVENT, STREAM, CONTROL, MALFORMED = range(8)
CONTROL_ACK = 32
ACK_HEADER = CONTROL_ACK | CONTROL << KIND_SHIFT
OP_BIND = 1
_LOCK = threading.Lock()


class Gone(Exception):
    """The peer has closed, or broke the rules."""


class RemoteError(Exception):
    """An error reply; `errval` is what stood in it, None for a message that was malformed."""

    def __init__(self, errval):
        super().__init__("malformed" if errval is None else f"{errval:#x}")
        self.errval = errval


def _barrier():
    with _LOCK:
        pass
    with _LOCK:
        pass


def words_of(header):
    """How many words the header says that the message has."""
    return header >> WORDS_SHIFT & 0xff


class Ring:
    """One side of a channel. `out` and `incoming` are writable and readable buffers of one frame
    each."""

    def __init__(self, out, incoming):
        self.out, self.inc = memoryview(out).cast("Q"), memoryview(incoming).cast("Q")
        self.out_lines, self.in_lines = (min(len(frame) // 8 - 1, LINES_MAX)
                                         for frame in (self.out, self.inc))
        self.out_at = self.in_at = 0
        self.out_epoch = self.in_epoch = EPOCH
        self.sent = self.acked = self.consumed = self.owed = 0
        self.armed = self.rung = self.seen = 0
        self.begun = None          # header and words of a message that goes on

    def _put(self, header, words):
        at = CONTROL_LINE + 8 * self.out_at
        for i, word in enumerate(words):
            self.out[at + i] = word
        header |= (self.consumed & COUNT_MASK) << COUNT_SHIFT | self.out_epoch
        _barrier()
        self.out[at + LINE_WORDS] = header
        _barrier()
        self.owed = 0

    def send(self, header, words):
        """Sends a message whole. False: there is no room."""
        lines = max(1, -(-len(words) // LINE_WORDS))
        if lines > self.out_lines - 1 - (self.sent - self.acked):
            return False
        for i in range(lines):
            self._put(header, words[LINE_WORDS * i:LINE_WORDS * (i + 1)])
            self.sent += 1
            self.out_at += 1
            if self.out_at == self.out_lines:
                self.out_at, self.out_epoch = 0, self.out_epoch ^ EPOCH
        return True

    def recv(self):
        """(header, words) of the next message, or None."""
        while True:
            at = CONTROL_LINE + 8 * self.in_at
            raw = self.inc[at + LINE_WORDS]
            if (raw ^ self.in_epoch) & EPOCH:
                return None
            _barrier()
            header, news = raw & HEADER_MASK, (raw >> COUNT_SHIFT) - self.acked & COUNT_MASK
            if news > self.sent - self.acked or self.begun and header != self.begun[0]:
                raise Gone("the peer broke the rules")
            self.acked += news
            if header == ACK_HEADER:
                self.seen = raw
                return None
            line = list(self.inc[at:at + LINE_WORDS])
            self.consumed += 1
            self.owed += 1
            self.in_at += 1
            if self.in_at == self.in_lines:
                self.in_at, self.in_epoch = 0, self.in_epoch ^ EPOCH
            words = (self.begun[1] if self.begun else []) + line
            self.begun = (header, words)
            if len(words) >= words_of(header):
                self.begun = None
                return header, words[:words_of(header)]

    def ack(self):
        """Tells the peer what was consumed if it may wait for that. True: a line was written."""
        if self.owed < self.in_lines // 4:
            return False
        self._put(ACK_HEADER, [])
        return True

    def some(self):
        """Is there a line?"""
        raw = self.inc[CONTROL_LINE + 8 * self.in_at + LINE_WORDS]
        return not (raw ^ self.in_epoch) & EPOCH and raw != self.seen

    def bell(self):
        """After a send: must the peer be rung?"""
        armed = self.inc[ARMED]
        due, self.rung = armed != self.rung, armed
        return due

    def arm(self):
        """Asks to be rung for the next line. True: sleep; False: there is a line already."""
        self.armed += 1
        self.out[ARMED] = self.armed
        _barrier()
        return not self.some()

    def close(self):
        """Nothing is sent after this."""
        self.out[CLOSED] = 1
        _barrier()

    def ended(self):
        """Has the peer closed, and was everything of it read?"""
        return self.inc[CLOSED] != 0 and not self.some()


class Client:
    """Calls methods of `interface` (model.Interface), one at a time. `ring_bell()` wakes the peer,
    `wait(until)` returns when this side was rung or at that time (time.monotonic(); None: never),
    or raises Gone. Other messages than the answer that is waited for are kept in `others` as
    (header, words)."""

    def __init__(self, ring, interface, ring_bell, wait):
        self.ring, self.interface = ring, interface
        self._ring_bell, self._wait = ring_bell, wait
        self.methods = {m.name: m for m in interface.methods}
        self.generation = self.hash_bits = 0
        self.others = []
        words = self._transact(0, [OP_BIND, interface.id | interface.version << 32, interface.hash])
        self.version = words[0]
        self.hash_bits = (interface.hash & 0xff) << HASH_SHIFT

    def _header(self, ordinal, kind, words):
        return ordinal | kind << KIND_SHIFT | len(words) << WORDS_SHIFT | self.hash_bits

    def _after_send(self):
        if self.ring.bell():
            self._ring_bell()

    def _send(self, header, words):
        while not self.ring.send(header, words):
            found = self._take()
            if found is not None:
                self._other(found)
        self._after_send()

    def _other(self, found):
        """Keeps a message that nobody waits for yet."""
        self.others.append(found)

    def _take(self, until=None):
        """The next message, waiting for it. None: there is none, but perhaps there is room, or the
        time has come."""
        acked, found = self.ring.acked, self.ring.recv()
        if self.ring.ack():
            self._after_send()
        if found is None and self.ring.acked == acked and self.ring.arm():
            if self.ring.ended():
                raise Gone("the peer has closed")
            self._wait(until)
        return found

    def _transact(self, ordinal, words):
        self.generation = self.generation + 1 & 0x3ff
        header = self._header(ordinal, CALL, words) | self.generation << GEN_SHIFT
        self._send(header, words)
        same = ~(0x1fff << WORDS_SHIFT | 7 << KIND_SHIFT)       # all but kind and shape
        while True:
            found = self._take()
            if found is None:
                continue
            kind = found[0] >> KIND_SHIFT & 7
            if kind in (REPLY, ERROR, MALFORMED) and not (found[0] ^ header) & same:
                break
            self._other(found)
        if kind != REPLY:
            raise RemoteError(found[1][0] if kind == ERROR else None)
        return found[1]

    def call(self, name, /, **values):
        """The results of a call, by name. RemoteError, Gone, codec.BadValue, codec.Malformed."""
        method = self.methods[name]
        words, _ = codec.encode(layout.request(method), values)
        return codec.decode(layout.reply(method), self._transact(method.ordinal, words))

    def oneway(self, name, /, **values):
        """Sends a oneway of at most one line, which needs no slot."""
        method = self.methods[name]
        words, _ = codec.encode(layout.request(method), values)
        self._send(self._header(method.ordinal, ONEWAY, words), words)

    def close(self):
        """Ends the channel."""
        self.ring.close()
        self._after_send()
