"""Lent buffers: where they stand in the image, and which of two encodings is the right one."""
import pytest
from conftest import interface

from stubgen import codec, layout
from stubgen.codec import Lease


def method(members):
    return interface(members).methods[0]


READ = "call r @1 (off: u64, buf: lend out bytes<1MiB>) -> (n: u32 counts buf, t: string<16>);"
WRITE = "call w @1 (name: string<20>, data: lend in bytes<1MiB>, l: lend in strings<99>);"


def roles(image):
    return {item.path[0]: (item.role, item.bit, item.bits) for item in image.items}


def test_what_always_fits_is_no_lease():
    m = method("call r @1 (a: lend in bytes<2024>, b: lend out bytes<2032>) -> (n: u32 counts b);")
    assert roles(layout.request(m)) == {"a": ("count", 0, 16), "b": ("room", 16, 16)}
    assert layout.request(m).max_words == 254 and layout.reply(m).max_words == 255
    assert layout.lease_bytes(m) == 0


def test_one_byte_more_makes_a_lease():
    m = method("call r @1 (a: lend in bytes<2025>, b: lend out bytes<2033>) -> (n: u32 counts b);")
    image = layout.request(m)
    assert roles(image) == {"a": ("lease", 0, 64), "b": ("lease", 64, 64)}
    assert (image.min_words, image.rest_words, image.max_words) == (2, 2, 255)
    assert image.room_words == 254
    assert (layout.reply(m).max_words, layout.reply(m, True).max_words) == (255, 1)
    assert layout.lease_bytes(m) == 2 * 2048 + 64 - 64


def test_all_buffers_of_a_direction_are_leases_together():
    image = layout.request(method(WRITE))
    assert [item.path for item in image.leases()] == [("data",), ("l",)]
    assert image.rest_words == 1 + 2 + 3


def test_the_region_holds_eight_calls_or_two_mebibytes_or_one_call():
    assert layout.region_bytes(interface("call c @1 ();")) == 0
    one = interface("call c @1 (a: lend in bytes<3000>);")
    assert layout.region_bytes(one) == 6 * 4096
    assert layout.region_bytes(interface(READ)) == 2 << 20
    assert layout.region_bytes(interface("call c @1 (a: lend in bytes<5MiB>);")) == 5 << 20


GOOD = [
    (READ, {"off": 1, "buf": 0}), (READ, {"off": 1, "buf": 252 * 8}),
    (READ, {"off": 1, "buf": Lease(252 * 8 + 1, 64)}), (READ, {"off": 1, "buf": Lease(1 << 20, 0)}),
    (WRITE, {"name": "ab", "data": b"x" * 248 * 8, "l": ("abc",)}),
    (WRITE, {"name": "ab", "data": Lease(251 * 8, 128), "l": Lease(4, 0)}),
    (WRITE, {"name": "ab", "data": b"x" * 250 * 8, "l": ()}),
    (WRITE, {"name": "", "data": Lease(253 * 8 + 1, 128), "l": ()}),
]


@pytest.mark.parametrize("text, values", GOOD)
def test_round_trip(text, values):
    image = layout.request(method(text))
    words, _ = codec.encode(image, values)
    assert len(words) <= 255
    assert codec.decode(image, words) == values


BAD = [
    (READ, {"off": 1, "buf": 252 * 8 + 1}),                      # does not fit the reply
    (READ, {"off": 1, "buf": Lease(252 * 8, 64)}),               # does
    (READ, {"off": 1, "buf": Lease((1 << 20) + 1, 64)}), (READ, {"off": 1, "buf": Lease(0, 0)}),
    (READ, {"off": 1, "buf": Lease(4096, 32)}), (READ, {"off": 1, "buf": Lease(4096, 1 << 31)}),
    (WRITE, {"name": "ab", "data": b"x" * 251 * 8, "l": ("abc",)}),
    (WRITE, {"name": "ab", "data": Lease(8, 64), "l": ()}),
    (WRITE, {"name": "ab", "data": Lease(4096, 64), "l": ("a",)}),
    (WRITE, {"name": "ab", "data": b"a", "l": Lease(50, 64)}),
]


@pytest.mark.parametrize("text, values", BAD)
def test_the_other_place_is_refused(text, values):
    with pytest.raises(codec.BadValue):
        codec.encode(layout.request(method(text)), values)


@pytest.mark.parametrize("word", [
    Lease(252 * 8, 64), Lease(0, 0), Lease(0, 64), Lease((1 << 20) + 1, 0), Lease(4096, 32),
    252 * 8 + 1, 100 | 64 << 32])
def test_a_bad_word_is_malformed(word):
    image = layout.request(method(READ))
    raw = word if isinstance(word, int) else word.length | word.offset << 32 | 1 << 63
    with pytest.raises(codec.Malformed):
        codec.decode(image, [1, raw])


def test_a_reply_holds_the_bytes_or_not():
    m = method(READ)
    words, _ = codec.encode(layout.reply(m), {"n": 3, "buf": b"abc", "t": "x"})
    assert len(words) == 3
    words, _ = codec.encode(layout.reply(m, True), {"n": 300000, "t": "x"})
    assert codec.decode(layout.reply(m, True), words) == {"n": 300000, "t": "x"}
