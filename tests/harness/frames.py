"""Console frames: what the UART carries in exec mode.

Each frame is END, then the escaped bytes of { stream: u8, length: u16 little endian, text }, then
END, with the delimiters and escapes of SLIP (RFC 1055). The streams are named below. A chunk
between two ENDs that is no such frame is damaged: it is handed out as what it is, and decoding goes
on with the next one.
"""
from dataclasses import dataclass

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
MAX_TEXT = 1024   # bytes of text in one frame
HEADER = 3        # bytes: stream, length

READY, STDOUT, STDERR, LOG, STATUS, DONE, PANIC = 'b', 'o', 'e', 'l', 's', 'x', 'p'
STREAMS = frozenset((READY, STDOUT, STDERR, LOG, STATUS, DONE, PANIC))
DAMAGED = '?'     # not a stream of the guest: a chunk that is no frame

# A chunk longer than any frame can be is handed out as damaged instead of being collected without
# bound.
MAX_CHUNK = 2 * (HEADER + MAX_TEXT)


@dataclass(frozen=True)
class Frame:
    stream: str
    text: bytes


def encode(stream, text):
    """The bytes of one frame on the wire."""
    if len(text) > MAX_TEXT:
        raise ValueError(f'{len(text)} bytes do not fit a frame of {MAX_TEXT}')
    body = stream.encode('ascii') + len(text).to_bytes(2, 'little') + text
    escaped = body.replace(bytes([ESC]), bytes([ESC, ESC_ESC]))
    escaped = escaped.replace(bytes([END]), bytes([ESC, ESC_END]))
    return bytes([END]) + escaped + bytes([END])


def _unescape(chunk):
    """The bytes behind a chunk, or None if an escape in it is wrong."""
    out, rest = bytearray(), iter(chunk)
    for byte in rest:
        if byte == ESC:
            byte = {ESC_END: END, ESC_ESC: ESC}.get(next(rest, None))
            if byte is None:
                return None
        out.append(byte)
    return bytes(out)


def _parse(chunk):
    body = _unescape(chunk)
    if body is not None and len(body) >= HEADER and chr(body[0]) in STREAMS:
        length = int.from_bytes(body[1:HEADER], 'little')
        if length == len(body) - HEADER and length <= MAX_TEXT:
            return Frame(chr(body[0]), body[HEADER:])
    return Frame(DAMAGED, bytes(chunk))


class Decoder:
    """Bytes in, frames out; pieces may be cut anywhere."""

    def __init__(self):
        self._chunk = bytearray()

    def feed(self, data):
        """The frames completed by `data`."""
        found = []
        for byte in data:
            if byte == END:
                found += self.finish()
            else:
                self._chunk.append(byte)
                if len(self._chunk) >= MAX_CHUNK:
                    found.append(Frame(DAMAGED, bytes(self._chunk)))
                    self._chunk.clear()
        return found

    def finish(self):
        """What is left when nothing more comes: a frame, a damaged one, or nothing."""
        if not self._chunk:
            return []
        frame = _parse(self._chunk)
        self._chunk.clear()
        return [frame]
