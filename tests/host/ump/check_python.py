"""check_python.py SERVER INTERFACE.if CONTEXT.if...: Python and C over one ring. SERVER is
server.c; this is its client, and values of every kind come back as they went. Prints TAP."""
import mmap
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(HERE))), "stubgen"))

from stubgen import driver, ump  # noqa: E402

FRAME_BYTES = 8192          # remote.h
TESTS = ["UMP0030 scalars and strings", "UMP0031 errors",
         "UMP0032 many laps, one line each way",
         "UMP0033 a flood of oneways is acknowledged", "UMP0034 the server ends clean"]


class Peer:
    """The server process and this side of the channel to it."""

    def __init__(self, server, interface):
        self.file = tempfile.TemporaryFile()
        self.file.truncate(2 * FRAME_BYTES)
        self.memory = mmap.mmap(self.file.fileno(), 2 * FRAME_BYTES)
        self.process = subprocess.Popen([server, f"/dev/fd/{self.file.fileno()}"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                        pass_fds=[self.file.fileno()])
        view = memoryview(self.memory)
        self.ring = ump.Ring(view[:FRAME_BYTES], view[FRAME_BYTES:])
        self.client = ump.Client(self.ring, interface, lambda: self.process.stdin.write(b"!"),
                                 self.wait)

    def wait(self, _until):
        if not self.process.stdout.read(64):
            raise ump.Gone("the server has ended")


def scalars(peer):
    call = peer.client.call
    assert call("null") == {}
    assert call("one", value=5) == {"value_out": (1 << 64) - 6}
    sums = {"a": 200, "b": -5, "c": 60000, "d": -30000, "e": 4000000000, "f": -7, "g": 1 << 40,
            "h": -1, "i": True}
    assert call("ints", **sums) == {"sum": sum(sums.values())}
    names = "abcdefgh"
    answer = call("eight", **{name: i for i, name in enumerate(names)})
    assert list(answer.values()) == list(range(7, -1, -1))
    for size in (0, 1, 7, 8, 100, 300):
        values = {"path": "é" * (size // 3), "args": ("-l",) * (size // 10),
                  "data": bytes(range(size % 256))}
        assert call("text", **values) == {f"{name}_out": v for name, v in values.items()}
    assert call("short", name="abc") == {"upper": "ABC"}


def errors(peer):
    good = {"a": 8, "b": 4, "c": 1, "lo": 1, "hi": 100}
    assert peer.client.call("ranges", **good) == {"mid": 50}
    try:
        peer.client.call("ranges", **dict(good, a=5))
        raise AssertionError("no error")
    except ump.RemoteError as error:
        assert error.errval & 0x3f == 1          # refused
    method = peer.client.methods["ranges"]
    try:
        peer.client._transact(method.ordinal, [1 << 63] * 4)
        raise AssertionError("no error")
    except ump.RemoteError as error:
        assert error.errval >> 6 & 0x3ff == 3    # the framework's own: malformed


def laps(peer):
    sent, consumed = peer.ring.sent, peer.ring.consumed
    for i in range(1500):
        assert peer.client.call("one", value=i)["value_out"] == ~i & (1 << 64) - 1
    assert peer.ring.sent - sent == peer.ring.consumed - consumed == 1500
    print(f"# BAR ump_lines {(peer.ring.sent - sent) / 1500:g} 1", flush=True)


def flood(peer):
    for i in range(3000):
        peer.client.oneway("poke", value=i % 10)
    assert peer.client.call("null") == {}
    assert peer.ring.sent - peer.ring.acked == 0 and not peer.client.others


def end(peer):
    peer.client.close()
    peer.process.stdin.close()
    assert peer.process.wait() == 0


def main():
    build, diags, _ = driver.compile_files([sys.argv[2]], sys.argv[3:])
    assert not diags, diags.render()
    print(f"1..{len(TESTS)}", flush=True)
    peer = Peer(sys.argv[1], build.interfaces[0])
    for number, (name, test) in enumerate(zip(TESTS, (scalars, errors, laps, flood, end)), 1):
        test(peer)
        print(f"ok {number} - {name}", flush=True)


if __name__ == "__main__":
    main()
