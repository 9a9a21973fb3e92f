"""Recorded messages (libaos/include/aos/trace.h): reading them, and decoding them by the model.
Pure.

A recording is binary (records of 128 bytes, with or without the head of a ring) or text with lines
`trace: HEX`, as `rpctrace -x` prints them; other lines do not matter."""
import copy
import re
import struct
from dataclasses import dataclass
from typing import Tuple

from . import codec, layout, model, valuetext

RECORD = struct.Struct("<QQQQIHBBII10Q")
MAGIC = b"AOSTRACE"
HEAD_BYTES = 128
SENT, SERVER = 1, 2
NOBODY = 0xffffffff
KINDS = ("call", "reply", "error", "oneway", "event", "item", "control", "malformed")
_LINE = re.compile(rb"trace: ([0-9a-fA-F]{%d})\b" % (2 * RECORD.size))
_TXID = 0xffff0000


@dataclass(frozen=True)
class Record:
    number: int
    time_ns: int
    header: int
    err: int
    peer: int
    iface: int
    how: int
    chan: int
    pid: int
    words: Tuple[int, ...]
    raw: bytes

    def kind(self):
        return "error" if self.err else KINDS[self.header >> 12 & 7]

    def ordinal(self):
        return self.header & 0xfff

    def is_cut(self):
        return len(self.words) < self.header >> 32 & 0xff

    def is_answer(self):
        return self.err != 0 or self.kind() in ("reply", "error", "malformed")


class Damaged(Exception):
    """Not a recording."""


def records(data):
    """All records in a recording, in their order."""
    if data.startswith(MAGIC):
        data = data[HEAD_BYTES:]
        found = [_record(data[i:i + RECORD.size])
                 for i in range(0, len(data) - RECORD.size + 1, RECORD.size)]
        return sorted((r for r in found if r.number), key=lambda r: r.number)
    return [_record(bytes.fromhex(hexed.decode())) for hexed in _LINE.findall(data)]


def _record(raw):
    number, time, header, err, peer, iface, how, count, chan, pid, *words = RECORD.unpack(raw)
    if count > len(words):
        raise Damaged(f"record {number} has {count} words")
    return Record(number, time, header, err, peer, iface, how, chan, pid, tuple(words[:count]), raw)


class Decoder:
    """Text for records. Remembers calls, so that answers tell how long they took."""

    def __init__(self, build):
        self.interfaces = {item.id: item for item in build.interfaces}
        self.errors = {e.code: f"{s.owner}: {e.name}" for s in build.error_sets for e in s.errors}
        self.calls = {}

    def line(self, record):
        took = self.took(record)
        peer = "-" if record.peer == NOBODY else str(record.peer)
        arrow = "->" if record.how & SENT else "<-"
        time = f"{record.time_ns // 10**9}.{record.time_ns % 10**9:09}"
        text = f"{time} {arrow} {peer:3} {record.kind():6} {self.name(record)}"
        values = self.values(record)
        return text + (f" {values}" if values else "") + (f" ({took} ns)" if took else "")

    def took(self, record):
        key = record.pid, record.chan, record.how & SERVER, record.header & _TXID
        if record.is_answer():
            return record.time_ns - self.calls.pop(key, record.time_ns)
        if record.kind() == "call":
            self.calls[key] = record.time_ns
        return 0

    def method(self, record):
        item = self.interfaces.get(record.iface)
        return item and next((m for m in item.methods if m.ordinal == record.ordinal()), None)

    def name(self, record):
        item, method = self.interfaces.get(record.iface), self.method(record)
        return f"{item.name if item else hex(record.iface)}." \
            f"{method.name if method else record.ordinal()}"

    def error(self, err):
        """A stack of errors, newest first."""
        codes = [err >> shift & 0xffff for shift in (0, 16, 32, 48)]
        return " <- ".join(self.errors.get(code, hex(code)) for code in codes if code)

    def values(self, record):
        kind, method = record.kind(), self.method(record)
        if kind == "error":
            return self.error(record.err or (record.words or (0,))[0])
        if method is None or kind in ("control", "malformed"):
            return _hex(record)
        params = method.results if kind in ("reply", "item") else method.params
        for fields, image in _images(method, kind, params):
            try:
                return valuetext.fields(fields, decode(image, fields, record), " ",
                                        valuetext.Numbered())
            except codec.Malformed:
                pass
        return _hex(record)


def _images(method, kind, params):
    """What a message can be: pairs of fields and their image."""
    if kind == "item":
        return [(params, layout.item(method))]
    if kind != "reply":
        return [(params, layout.request(method))]
    if method.window is not None:
        return [([], layout.reply(method))]
    lent = [model.Param(p.name, model.Buf(p.type.kind, p.type.bound), p.doc, p.span)
            for p in layout.lends(method, "out").values()]
    return [(params + lent, layout.reply(method)), (params, layout.reply(method, bulk=True))]


def _hex(record):
    return " ".join([f"{word:#x}" for word in record.words] + ["..."] * record.is_cut())


def decode(image, fields, record):
    """The values of a record; of one that was cut, those that are there."""
    if record.is_cut():
        return _decode_cut(image, fields, list(record.words))
    return codec.decode(image, record.words, [object()] * (record.header >> 40 & 15))


def _decode_cut(image, fields, words):
    """As many variable parts as are whole; all behind them is marked."""
    if len(words) < image.fixed_words:
        return {field.name: valuetext.Cut(None) for field in fields}
    for count in range(len(image.vars), -1, -1):
        gone = image.vars[count:]
        part = copy.copy(image)
        part.vars = image.vars[:count]
        part.order = [piece for piece in image.order if piece not in gone]
        try:
            values, used = codec.decode_begin(part, words)
        except codec.Malformed:
            continue
        for var in reversed(gone):
            values[var.path[0]] = valuetext.Cut(None)
        if gone:
            _beginning(gone[0], words[used:], values)
        return values
    raise codec.Malformed("no beginning of a message")


def _beginning(var, words, values):
    """What there is of the first part that is not whole."""
    data = b"".join(word.to_bytes(8, "little") for word in words)
    if len(var.path) == 1 and data and var.kind == "bytes":
        values[var.path[0]] = valuetext.Cut(data)
    elif len(var.path) == 1 and data and var.kind == "string":
        values[var.path[0]] = valuetext.Cut(data.decode(errors="ignore"))
