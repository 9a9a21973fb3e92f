"""The client binding in Python (client.py) with a server that says what a test wants. With honest
servers in C: tests/host/ump/check_client.py."""
import os
import time
from types import SimpleNamespace

import pytest
from conftest import ROOT
from stubgen import client, clientmem, codec, driver, layout, ump
from stubgen.source import Source, read_source

ABI = [os.path.join(ROOT, "idl", "abi", name)
       for name in ("captypes.if", "kpi.if", "lib.if", "objects.if", "sys.if", "syscalls.if")]
TEXT = """
interface demo {
  id 0x300; version 2;
  error { no = 1 "no"; other = 2 "other"; }
  call get @1 (room: lend out bytes<100>) -> (n: u32 counts room) fails no;
  call put @2 (data: lend in bytes<100>) -> (n: u32 counts data);
  call twice @3 (value: u64) -> (doubled: u64) ensures doubled >= value fails no;
  call newer @4 () since 2;
  call items @5 () -> stream (value: u32) window 2 fails no;
  call give @6 (a: copy cap<Frame, r>, b: move cap<RAM>, c: borrow cap<any>)
      -> (back: move cap<Frame, w>);
  call fill @7 (room: lend out bytes<9000>) -> (n: u32 counts room);
  flexible oneway hint @8 (value: u8) since 2;
}
"""
ECHO = 0xffff8fff | 0xff << ump.HASH_SHIFT       # of a request, in its answer


@pytest.fixture(scope="module")
def build():
    found, diags, _ = driver.compile_sources(
        [(read_source(path), False) for path in ABI] + [(Source("demo.if", TEXT), True)])
    assert not diags, diags.render()
    return found


class Server:
    """The other side in the same process, which runs when the client waits. `answers`: {method:
    function of (header, words, caps) that sends}; `seen` has all requests of methods."""

    def __init__(self, build, version=2):
        self.interface, self.version = build.interface("demo"), version
        self.memory = clientmem.Memory(build.captypes)
        self.memory.take(clientmem.CHANNEL_BYTES)
        frame = clientmem.FRAME_BYTES
        bytes_, caps = self.memory.bytes, 2 * frame
        self.ring = ump.Ring(bytes_[frame:caps], bytes_[:frame])
        self.wire = clientmem.Wire(self.memory, 0)     # for its capabilities, the other way round
        self.wire.out, self.wire.incoming = self.wire.incoming, self.wire.out
        self.answers, self.seen = {}, []
        process = SimpleNamespace(build=build, memory=self.memory, ring=self.step, wait=self.step)
        self.binding = client.Binding(process, 0, self.interface)

    def step(self, _until=None):
        while True:
            found = self.ring.recv()
            if found is None:
                return
            self.request(*found)

    def request(self, header, words):
        caps = [self.wire.receive()] if header >> ump.CAPS_SHIFT & 0xf else []
        kind = header >> ump.KIND_SHIFT & 7
        if kind == ump.CONTROL:
            self.seen.append((header & 0xfff, header, words, caps))
        elif header & 0xfff == 0:
            hash_ = self.interface.hash if self.version == self.interface.version else 5
            self.send(header, ump.REPLY, [self.version, hash_] if words[0] == 1 else words[1:2])
        else:
            method = next(m for m in self.interface.methods if m.ordinal == header & 0xfff)
            self.seen.append((method.name, header, words, caps))
            if method.name in self.answers:
                self.answers[method.name](header, words)

    def send(self, header, kind, words, caps=()):
        for cap in caps:
            self.wire.send(cap, clientmem.RIGHTS_ALL, "move")
        assert self.ring.send(header & ECHO | kind << ump.KIND_SHIFT | len(words) << ump.WORDS_SHIFT
                              | len(caps) << ump.CAPS_SHIFT, words)

    def reply(self, name, caps=(), **values):
        """From now on `name` returns these values."""
        method = next(m for m in self.interface.methods if m.name == name)
        words = [] if values is None else codec.encode(layout.reply(method), values)[0]
        self.answers[name] = lambda header, _: self.send(header, ump.REPLY, words, caps)


@pytest.fixture
def server(build):
    return Server(build)


def test_PYB0001_counts_of_lent_buffers_are_checked(server):
    demo = server.binding
    server.reply("get", n=7, room=b"1234567")
    assert demo.get(room=7).room == b"1234567"
    with pytest.raises(demo.errors.bad_reply):
        demo.get(room=6)
    server.reply("put", n=3)
    assert demo.put(data=b"123").n == 3
    with pytest.raises(demo.errors.bad_reply):
        demo.put(data=b"12")
    for n in (9001, 1 << 31):
        server.answers["fill"] = lambda header, _, n=n: server.send(header, ump.REPLY, [n])
        with pytest.raises(demo.errors.bad_reply):
            demo.fill(room=9000)


def test_PYB0002_conditions_and_shapes_of_replies_are_checked(server):
    demo = server.binding
    server.reply("twice", doubled=8)
    assert demo.twice(value=8).doubled == 8
    with pytest.raises(demo.errors.bad_reply):
        demo.twice(value=9)
    for words in ([], [9, 9]):
        server.answers["twice"] = lambda header, _, words=words: server.send(
            header, ump.REPLY, words)
        with pytest.raises(demo.errors.bad_reply):
            demo.twice(value=1)


def test_PYB0003_only_listed_errors(build, server):
    demo, codes = server.binding, {e.name: e.code for s in build.error_sets for e in s.errors
                                   if s.owner in ("demo", "rpc")}

    def fail(*errval):
        server.answers["twice"] = lambda header, _: server.send(header, ump.ERROR, list(errval))
        with pytest.raises(client.Error) as found:
            demo.twice(value=1)
        return type(found.value).__name__, found.value.names
    assert fail(codes["no"]) == ("no", ("demo.no",))
    assert fail(codes["no"] | codes["other"] << 16)[1] == ("demo.no", "demo.other")
    assert fail(codes["again"]) == ("again", ("rpc.again",))
    assert fail(codes["other"]) == ("bad_reply", ("rpc.bad_reply", "demo.other"))
    assert fail(0)[0] == fail()[0] == "bad_reply"


def test_PYB0004_an_old_server_is_not_asked_for_what_is_newer(build):
    old = Server(build, version=1)
    with pytest.raises(old.binding.errors.version):
        old.binding.newer()
    old.binding.hint(value=3)
    old.step()
    assert [(name, header >> 15 & 1) for name, header, _, _ in old.seen] == [("hint", 1)]


def test_PYB0005_what_the_server_gets_of_a_capability(server):
    demo = server.binding
    server.answers["give"] = lambda header, _: server.send(
        header, ump.REPLY, [], [client.Cap("Frame", "rw")])
    a, b, c = client.Cap("frame"), client.Cap("ram"), client.Cap("IRQ_Table")
    assert demo.give(a=a, b=b, c=c).back.rights == 3
    got = [cap for entry in server.seen for cap in entry[3]]
    assert [(cap.kind, cap.rights, cap.tag) for cap in got] == [
        ("frame", 0b0001, a.tag), ("ram", 0b1111, b.tag), ("irqtable", 0b0111, c.tag)]
    assert (a.gone, b.gone, c.gone) == (False, True, False)
    for bad in (client.Cap("RAM"), client.Cap("Frame", "r")):
        server.answers["give"] = lambda header, _, bad=bad: server.send(
            header, ump.REPLY, [], [bad])
        with pytest.raises(demo.errors.bad_reply, match="wrong kind"):
            demo.give(a=a, b=client.Cap("ram"), c=c)


def test_PYB0006_an_answer_of_another_call_is_passed_over(server):
    demo = server.binding

    def answer(header, _):
        for other in (1 << ump.GEN_SHIFT, 1 << ump.SLOT_SHIFT, 1, 1 << ump.HASH_SHIFT):
            server.send(header ^ other, ump.REPLY, [99])
        server.send(header, ump.REPLY, [10])
        server.send(header, ump.REPLY, [99])           # once more, late
    server.answers["twice"] = answer
    assert demo.twice(value=5).doubled == 10
    assert demo.twice(value=5).doubled == 10
    assert demo.slots.count(None) == len(demo.slots)


def test_PYB0007_a_late_answer_frees_the_slot(server):
    demo = server.binding
    call = demo.begin("twice", value=1)
    with pytest.raises(demo.errors.timeout):
        call.result(seconds=0)
    server.step()
    assert demo.slots.count(None) == len(demo.slots) - 1
    (name, header, _, _), (control, cancel, _, _) = server.seen
    assert (name, control) == ("twice", 20) and header & 0xffff0000 == cancel & 0xffff0000
    server.send(header, ump.REPLY, [2])
    server.reply("twice", doubled=4)
    assert demo.twice(value=2).doubled == 4
    assert demo.slots.count(None) == len(demo.slots)


@pytest.mark.parametrize("count, end, expected", [
    (0, [], [None]), (2, [], [0, 1, None]), (2, [0x300 << 6 | 1], [0, 1, "no"]),
    (2, [1], [0, 1, "bad_reply"]), (3, [], [0, 1, "bad_reply", None]), (1, None, [0, "timeout"])])
def test_PYB0008_items_beyond_the_window_break_a_stream_off(server, count, end, expected):
    demo = server.binding

    def answer(header, _):
        for i in range(count):
            server.send(header, ump.STREAM, [i])
        if end is not None:
            server.send(header, ump.ERROR if end else ump.REPLY, end)
    server.answers["items"] = answer
    stream, found = demo.items(), []
    demo.deadline = 0.01
    for _ in expected:
        try:
            value = next(stream, None)
            found.append(value if value is None else value.value)
        except client.Error as error:
            found.append(type(error).__name__)
    assert found == expected
    credits = [words for name, _, words, _ in server.seen if name == 19]
    assert not credits if count > 2 or end is not None else credits == [[1]]


def test_PYB0009_deadlines_are_the_bindings_or_the_calls(server):
    demo = server.binding
    demo.deadline = 3600
    call = demo.begin("twice", value=1)
    begin = time.monotonic()
    with pytest.raises(demo.errors.timeout):
        call.result(seconds=0.01)
    demo.deadline = 0.01
    with pytest.raises(demo.errors.timeout):
        demo.twice(value=1)
    assert time.monotonic() - begin < 1800
