"""What a client in Python (client.py) and a server share: one file of memory with the channels in
it, lent buffers, and the capabilities of the host's model. tests/host/ump/wire.h describes it for
the other side."""
import itertools
import mmap
import tempfile

from . import limits, ump

FRAME_BYTES = 8192         # REMOTE_FRAME_BYTES
CAPS_BYTES = 4096          # WIRE_CAPS_BYTES
CHANNEL_BYTES = 2 * FRAME_BYTES + 2 * CAPS_BYTES
RECORD_WORDS = 4           # struct wire_record
RECORDS = CAPS_BYTES // (8 * RECORD_WORDS)
MEMORY_BYTES = 1 << 28     # sparse: of a file that is never written there is nothing
RIGHTS_ALL = (1 << len(limits.RIGHTS)) - 1
RIGHT_DERIVE = 1 << limits.RIGHTS.index("d")     # never copied to others
_TAGS = itertools.count(2, 2)


class Cap:
    """A capability as the tests on the host have them: a kind and rights, nothing behind it.
    kind: the name of a captype, in any case. `tag`: the same for all copies of one capability.
    What is given away is `gone`. `offset`: of its memory in the file, for frames and ends."""

    def __init__(self, kind, rights=limits.RIGHTS, offset=None):
        self.kind, self.offset = plain(kind), offset
        self.rights = sum(1 << limits.RIGHTS.index(letter) for letter in rights)
        self.tag = next(_TAGS)
        self.gone = False

    def __repr__(self):
        letters = "".join(x for i, x in enumerate(limits.RIGHTS) if self.rights >> i & 1)
        return f"Cap({self.kind}, {letters}, {self.tag}{', gone' if self.gone else ''})"

    def suits(self, kinds, rights):
        """Is it of one of these kinds (none: any), with all of these rights (letters)?"""
        wanted = sum(1 << limits.RIGHTS.index(letter) for letter in rights or "")
        return (not kinds or self.kind in map(plain, kinds)) and not wanted & ~self.rights


def plain(kind):
    """The name of a captype without what it may be written with."""
    return kind.lower().replace("_", "")


class Memory:
    """The file. It grows no pages until they are written, and gives none back."""

    def __init__(self, captypes):
        self.file = tempfile.TemporaryFile()
        self.file.truncate(MEMORY_BYTES)
        self.bytes = memoryview(mmap.mmap(self.file.fileno(), MEMORY_BYTES))
        self.used = self.loans = 0
        self.numbers = {plain(c.name): c.number for c in captypes}
        self.names = {number: name for name, number in self.numbers.items()}

    def take(self, size):
        """The offset of `size` fresh bytes on a page."""
        at, self.used = self.used, self.used + -(-size // limits.PAGE_BYTES) * limits.PAGE_BYTES
        if self.used > MEMORY_BYTES:
            raise MemoryError("the file is used up")
        return at

    def path(self):
        """Where a child finds the file."""
        return f"/dev/fd/{self.file.fileno()}"

    def loan(self):
        """The offset of a fresh word that is not 0."""
        if self.loans % limits.PAGE_BYTES == 0:
            self.loans = self.take(limits.PAGE_BYTES)
        at, self.loans = self.loans, self.loans + 8
        self.word(at, 1)
        return at

    def word(self, at, value):
        """Sets the word at an offset."""
        self.bytes[at:at + 8] = value.to_bytes(8, "little")


class Wire:
    """The client's side of the channel at an offset of the memory."""

    def __init__(self, memory, at):
        def part(size):
            nonlocal at
            at += size
            return memory.bytes[at - size:at]
        self.memory = memory
        self.ring = ump.Ring(part(FRAME_BYTES), part(FRAME_BYTES))
        self.out, self.incoming = (part(CAPS_BYTES).cast("Q") for _ in range(2))
        self.sent = self.received = 0

    def send(self, cap, rights, move, alive=0):
        """Sends what goes with the next message. `rights`: all it may have there; `alive`: the
        offset of the word of a loan, or 0."""
        rights &= cap.rights if move == "move" else cap.rights & ~RIGHT_DERIVE
        at = self.sent % RECORDS * RECORD_WORDS
        words = (self.memory.numbers[cap.kind] | rights << 8, cap.tag,
                 0 if cap.offset is None else cap.offset + 1, alive and alive + 1)
        for i, word in enumerate(words):
            self.out[at + i] = word
        self.sent += 1

    def receive(self):
        """What came with the message that was just read; the records that follow are later."""
        at = self.received % RECORDS * RECORD_WORDS
        info, tag, offset, _ = self.incoming[at:at + RECORD_WORDS]
        self.received += 1
        cap = Cap(self.memory.names[info & 0xff], "", offset - 1 if offset else None)
        cap.rights, cap.tag = info >> 8 & RIGHTS_ALL, tag
        return cap
