"""check_client.py SERVER INTERFACE.if CONTEXT.if...: the binding of stubgen/stubgen/client.py and
the server of kitchen_sink in C (server.c). Prints TAP."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(HERE))), "stubgen"))

from stubgen import client, codec  # noqa: E402


def raises(kind, function, **values):
    try:
        function(**values)
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
    raises(client.Unsupported, sink.cap_get)
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


def main():
    tests = {"UMP0050 calls": calls, "UMP0051 errors by name": errors,
             "UMP0052 oneways, short and long": oneways, "UMP0053 events": events}
    print(f"1..{len(tests) + 1}", flush=True)
    with client.Process([sys.argv[1]], sys.argv[2], sys.argv[3:]) as sink:
        for number, (name, test) in enumerate(tests.items(), 1):
            test(sink)
            print(f"ok {number} - {name}", flush=True)
    print(f"ok {len(tests) + 1} - UMP0054 the server ends clean")


if __name__ == "__main__":
    main()
