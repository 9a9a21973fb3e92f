"""check_client.py SERVER FOLDER CONTEXT.if...: the binding of stubgen/stubgen/client.py and servers
in C (server.c), whose interfaces stand in FOLDER. Prints TAP."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(HERE))), "stubgen"))

from stubgen import client, codec  # noqa: E402


def raises(kind, function, *some, **values):
    try:
        function(*some, **values)
    except kind as error:
        return error
    raise AssertionError(f"no {kind}")


def calls(sink):
    assert sink.one(value=5).value_out == (1 << 64) - 6
    assert vars(sink.null()) == {}
    assert sink.short(name="abc").upper == "ABC"
    sent = {"path": "é" * 100, "args": ("-l", "x"), "data": bytes(300)}
    assert vars(sink.text(**sent)) == {f"{name}_out": value for name, value in sent.items()}
    answer = sink.optional(a=7)
    assert (answer.b is None) + (answer.size_out is None) + (answer.text_out is None) >= 2
    stat = {"size": 5, "op": 2}
    answer = sink.tables(stat=stat, list=[stat, {}])
    assert answer.stat_out == dict(stat, size=6) and answer.list_out == [{}, stat]


def errors(sink):
    good = {"a": 8, "b": 4, "c": 1, "lo": 1, "hi": 100}
    assert sink.ranges(**good).mid == 50
    error = raises(sink.errors.refused, sink.ranges, **dict(good, a=5))
    assert error.names == ("kitchen_sink.refused", "lib.quota") and isinstance(error, client.Error)
    raises(codec.BadValue, sink.ranges, **dict(good, a=11))
    raises(sink.errors.malformed, sink.ranges, **dict(good, lo=100, hi=1))
    raises(sink.errors.bad_reply, sink.wrong_error, which=0)
    raises(TypeError, sink.ranges, a=8)
    raises(TypeError, sink.null, a=8)
    raises(AttributeError, lambda: sink.low)


def oneways(sink):
    for i in range(600):
        sink.poke(value=i % 10)
        if i % 20 == 0:
            sink.post(text="t" * 200)
    sink.null()


def events(sink):
    sink.fire(count=2)
    assert not list(sink.events())
    sink.subscribe("low")
    sink.subscribe("moved")
    sink.fire(count=1)
    assert sorted(name for name, _ in sink.events()) == ["low", "moved"]
    sink.fire(count=40)
    some = []
    while True:
        sink.null()
        more = list(sink.events())
        if not more:
            break
        some += more
    assert [v.free for name, v in some if name == "low"][-1] == 39
    moved = [v for name, v in some if name == "moved"]
    assert moved[-1].size["rows"] == 39 and any(v.lost for v in moved) and len(moved) < 10


def sink_byte(off):
    return (off * 31 + (off >> 8) + (off >> 16)) & 0xff


def capabilities(sink):
    ram, frame, other = client.Cap("RAM"), client.Cap("frame"), client.Cap("Dispatcher")
    sink.cap_copy(frame=frame)
    assert not frame.gone
    back = sink.cap_get().cap
    assert back.tag == frame.tag != ram.tag and back.rights == 1     # `r`, as both methods say
    assert sink.cap_in(ram=ram).bytes == 4096 and ram.gone
    raises(codec.BadValue, sink.cap_in, ram=ram)
    raises(sink.errors.capability, sink.cap_in, ram=frame)
    assert frame.gone                                      # moved, whatever the answer is
    frame = client.Cap("frame", "rw")
    raises(sink.errors.capability, sink.cap_in, ram=client.Cap("RAM", "r"))
    made = sink.cap_out(want=True)
    assert made.number == 7 and made.cap.kind == "frame" and made.cap.tag not in (0, ram.tag)
    assert sink.cap_out(want=False).cap is None
    many = [client.Cap("frame", "r"), other, client.Cap("irq_dest"), client.Cap("vnode_l0")]
    door = client.Cap("kernel")
    answer = sink.caps(many=many, door={"cap": door, "number": 4}, other=client.Cap("ram"))
    assert [c.tag for c in answer.back] == [c.tag for c in many] + [door.tag]
    assert answer.back[0].rights == 1 and answer.count == 5
    assert all(c.gone for c in many) and not door.gone and not frame.gone
    grants = [{"name": "ab", "cap": client.Cap("frame"), "extra": None},
              {"name": "c", "cap": client.Cap("RAM"), "extra": frame}]
    assert sink.grants(list=grants).total == 312
    pair = {"both": [client.Cap("RAM"), client.Cap("RAM")], "some": [frame], "n": 3}
    assert sink.pairs(list=[pair, dict(pair, both=[client.Cap("RAM"), client.Cap("RAM")])])
    twice = client.Cap("RAM")
    raises(codec.BadValue, sink.pairs, list=[dict(pair, both=[twice, twice])])


def kinds_of_results(sink):
    """What the server kept first is RAM, and cap_get promises a frame."""
    sink.cap_in(ram=client.Cap("RAM"))
    error = raises(sink.errors.bad_reply, sink.cap_get)
    assert "ram" in str(error)


def loans(sink):
    frame = client.Cap("frame")
    call = sink.begin("hold", thing=frame)
    assert sink.cap_get().cap.tag == frame.tag and not call.done() and not frame.gone
    assert sink.inspect(thing=frame, more=[frame, client.Cap("kernel")]).count == 3
    assert sink.cap_get().cap.tag == frame.tag
    call.cancel()
    # What the server kept is gone, so it cannot send it; it can all else.
    error = raises(sink.errors.capability, sink.cap_get)
    assert error.names[0] == "rpc.capability"
    assert sink.one(value=5).value_out == (1 << 64) - 6


def lent(sink):
    """By the word of the message, and by the region."""
    assert sink.read(off=3, buf=5).buf == bytes(range(3, 8))
    raises(sink.errors.bad_reply, sink.read, off=6000, buf=5)
    raises(sink.errors.refused, sink.read, off=4000, buf=5)
    assert sink.write(data=b"12345").n == 5
    raises(sink.errors.bad_reply, sink.write, data=b"\xff234")
    for size in (0, 1, 100, 1900, 2100, 5000, 1 << 20):
        answer = sink.load(off=7, buf=size)
        assert answer.n == size and answer.note == "load"
        assert answer.buf == bytes(sink_byte(7 + i) for i in range(size))
    for size in (0, 1, 1900, 2040, 2100, 300_000):
        data = bytes(i * 7 & 0xff for i in range(size))
        total = ord("n")
        for byte in data:
            total = total * 31 + byte & (1 << 64) - 1
        assert sink.store(name="name", data=data).sum == total
    raises(sink.errors.malformed, sink.store, name="", data=bytes(1_000_001))
    raises(codec.BadValue, sink.store, name="", data=bytes((1 << 20) + 1))
    raises(sink.errors.bad_reply, sink.load, off=10, buf=5000)
    raises(sink.errors.refused, sink.load, off=9, buf=5000)
    for count in (3, 4000):
        lines = ("one", "zwö", "three") * count
        answer = sink.convert(lines=lines, tag=b"tag", table=bytes(range(200)), out=1 << 16,
                              log=203)
        assert [x.lower() for x in answer.out] == list(lines)
        assert answer.log == b"tag" + bytes(range(200))


def ranges(sink):
    """The ranges of calls in flight are apart, and a call that is given up keeps its own."""
    calls = [sink.begin("later", buf=64 << 10)] + [sink.begin("load", off=i, buf=3000 + i)
                                                   for i in range(4)]
    lent = sorted(c.pending.lent for c in calls)
    assert all(end <= begin for (_, end), (begin, _) in zip(lent, lent[1:]))
    calls[0].cancel()
    assert [len(c.result().buf) for c in calls[1:]] == [3000, 3001, 3002, 3003]
    assert sink.begin("load", off=0, buf=5000).pending.lent[0] == calls[0].pending.lent[1]


def items(sink):
    some = list(sink.list(prefix="pre", count=3))
    assert [len(v.name) for v in some] == [3, 23, 43]
    assert [v.size for v in some] == [None, {"rows": 1, "cols": 2}, None]
    assert [v.some and v.some.kind for v in some] == [None, None, "frame"]
    assert not list(sink.list(prefix="", count=0))
    raises(sink.errors.refused, next, sink.list(prefix="", count=4))


def windows(flow):
    for count in (0, 1, 4, 5, 100):
        assert [v.value for v in flow.count(from_=3, to=3 + count)] == list(range(3, 3 + count))
    raises(flow.errors.refused, next, flow.count(from_=5, to=3))
    stream, got = flow.count(from_=0, to=1_000_000), []
    error = raises(flow.errors.broken, lambda: [got.append(v.value) for v in stream])
    assert error.names == ("flow.broken",) and got == list(range(5))
    assert [len(v.text) for v in flow.texts(times=20)] == [10 * i for i in range(20)]
    frames = list(flow.frames(times=9))
    assert len({v.frame.tag for v in frames}) == 9 == len([v for v in frames if v.frame.kind])
    # Four at a time, read in turn; a fifth has no slot.
    some = [flow.count(from_=i, to=i + 50) for i in range(4)]
    raises(flow.errors.again, flow.count, from_=0, to=1)
    assert flow.twice(value=4).doubled == 8
    for n in range(50):
        assert [next(s).value for s in some] == [i + n for i in range(4)]
    assert all(next(s, None) is None for s in some)
    with flow.count(from_=0, to=1_000_000_000) as endless:
        assert [next(endless).value for _ in range(10)] == list(range(10))
    while endless.binding.slots.count(None) != len(flow.slots):
        flow.twice(value=1)
    raises(StopIteration, next, endless)


def begun(flow):
    calls = [flow.begin("park", key=i) for i in range(7)]
    assert not calls[3].done()
    flow.release(key=3, value=33)
    assert calls[3].result().value == 33
    raises(flow.errors.timeout, calls[4].result, seconds=0.02)
    assert flow.asked(key=4).cancelled and not flow.asked(key=5).cancelled
    calls[5].cancel()
    assert flow.asked(key=5).cancelled
    assert flow.slots.count(None) == 8 - 6                 # what nobody waits for keeps its slot
    for i in (4, 5):
        flow.release(key=i, value=1)                       # late answers find nobody
    assert flow.slots.count(None) == 8 - 4
    more = [flow.begin("park", key=8 + i) for i in range(4)] + calls[:3] + calls[6:]
    raises(flow.errors.again, flow.begin, "twice", value=1)
    flow.deadline = 0.02
    raises(flow.errors.timeout, flow.twice, value=1)
    for call in more:
        call.cancel()
    flow.deadline = 5


def deadlines(flow):
    flow.deadline = 0.02
    raises(flow.errors.timeout, flow.park, key=15)
    flow.deadline = None
    assert flow.asked(key=15).cancelled
    flow.release(key=15, value=0)
    flow.deadline = 5
    assert flow.begin("twice", value=8).result(seconds=5).doubled == 16


def gifts(flow):
    many = [client.Cap("RAM"), client.Cap("frame"), client.Cap("kernel")]
    assert [c.tag for c in flow.give(many=many).back] == [c.tag for c in many]
    gift = client.Cap("PerfMon")
    answer = flow.hand(gift=gift, text="t")
    assert answer.back.tag == gift.tag and gift.gone and answer.text_out == "t"
    (item,) = flow.sift(gift=answer.back, text="u")
    assert item.back.tag == gift.tag and item.text_out == "u"
    for text in ("", "t" * 20):
        gift = client.Cap("RAM")
        flow.leave(gift=gift, text=text)
        assert gift.gone
    gift = client.Cap("RAM")
    raises(codec.BadValue, flow.hand, gift=gift, text="t" * 21)
    assert gift.gone


def sessions(lobby, process):
    def enter(room):
        own, peer = process.channel()
        number = lobby.enter(room=room, seat=peer).number
        assert peer.gone
        return number, process.bind(own, "talk_seat")
    one, ann = enter("hall")
    two, bob = enter("hall")
    assert (one, two) == (1, 2) and lobby.count().seats == 2
    waiting = bob.begin("next")
    bob.subscribe("said")
    assert ann.say(text="hello").heard == 1
    assert waiting.result().line == {"number": 1, "text": "hello"}
    ann.say(text="again")
    assert [v.line["text"] for _, v in bob.events()] == ["hello", "again"]
    assert [v.line["text"] for v in ann.history(from_=0)] == ["hello", "again"]
    raises(bob.errors.quiet, next, bob.history(from_=9))
    # An end goes from one client by way of the server to the other, and is used there.
    own, peer = process.channel()
    bob.share(seat=peer)
    accepted = ann.begin("accept")
    bob.offer(to=1, end=own)
    assert own.gone
    answer = accepted.result()
    assert answer.from_ == 2 and answer.end.tag == own.tag
    guest = process.bind(answer.end, "talk_seat")
    guest.say(text="as bob")
    assert [v.line["number"] for v in ann.history(from_=2)] == [2]
    assert [(v.name, v.seats) for v in lobby.rooms()] == [("hall", 2)]
    for seat in (ann, bob, guest):
        seat.close()


def pipelined(lobby, process):
    """Used before the server has heard of it."""
    own, peer = process.channel()
    entered = lobby.begin("enter", room="early", seat=peer)
    seat = process.bind(own, "talk_seat")
    assert seat.say(text="first").heard == 0 and entered.result().number == 1
    seat.close()


def plan():
    """[(interface, [(name of a test, function)])]: a server process each."""
    return [("kitchen_sink", [("UMP0050 calls", calls), ("UMP0051 errors by name", errors),
                              ("UMP0052 oneways, short and long", oneways),
                              ("UMP0053 events", events),
                              ("UMP0055 capabilities of each kind and mode", capabilities)]),
            ("kitchen_sink", [("UMP0056 results of the wrong kind", kinds_of_results)]),
            ("kitchen_sink", [("UMP0057 loans end with the call", loans)]),
            ("kitchen_sink", [("UMP0058 lent buffers, in messages and in the region", lent),
                              ("UMP0059 ranges of calls in flight", ranges)]),
            ("kitchen_sink", [("UMP0060 a stream with capabilities", items)]),
            ("flow", [("UMP0061 windows of streams", windows),
                      ("UMP0062 deadlines", deadlines), ("UMP0063 what is given away", gifts),
                      ("UMP0066 begun, ended, cancelled, late", begun)]),
            ("talk", [("UMP0064 ends travel, and are used", sessions),
                      ("UMP0065 an end is used before the server has the other", pipelined)])]


def main():
    servers = plan()
    number = 0
    print(f"1..{sum(len(tests) for _, tests in servers) + 1}", flush=True)
    for interface, tests in servers:
        path = os.path.join(sys.argv[2], f"{interface}.if")
        process = client.Process([sys.argv[1], interface], path, sys.argv[3:])
        with process as binding:
            for name, test in tests:
                test(*[binding, process][:test.__code__.co_argcount])
                number += 1
                print(f"ok {number} - {name}", flush=True)
    print(f"ok {number + 1} - UMP0054 the servers end clean")


if __name__ == "__main__":
    main()
