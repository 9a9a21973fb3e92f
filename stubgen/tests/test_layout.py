"""The word image: positions, sizes and bounds against hand-computed ones."""
import pytest
from conftest import interface

from stubgen import layout


def request(params, head="", members=""):
    item = interface(f"{members} call c @1 ({params});", head)
    return layout.request(item.methods[0])


def places(image):
    return {".".join(item.path) + ("" if item.role == "value" else ":" + item.role):
            (item.bit, item.bits) for item in image.items}


def test_scalars_fill_the_first_hole():
    image = request("a: u8, b: u64, c: u16, d: u8, e: u32")
    assert places(image) == {"a": (0, 8), "b": (64, 64), "c": (16, 16), "d": (8, 8), "e": (32, 32)}
    assert (image.fixed_words, image.min_words, image.max_words) == (2, 2, 2)


def test_bool_takes_a_byte_and_presence_a_bit():
    image = request("a: bool, b: u8?, c: u8?")
    assert places(image) == {"a": (0, 8), "b:presence": (8, 1), "b": (16, 8), "c:presence": (9, 1),
                             "c": (24, 8)}


def test_structs_are_flattened():
    image = request("k: u8, s: Size", members="struct Size { rows: u16; cols: u32; }")
    assert places(image) == {"k": (0, 8), "s.rows": (16, 16), "s.cols": (32, 32)}


@pytest.mark.parametrize("bound, bits, words",
                         [(1, 8, 2), (255, 8, 33), (256, 16, 33), (1000, 16, 126)])
def test_counts_are_as_small_as_the_bound_allows(bound, bits, words):
    image = request(f"s: string<{bound}>")
    assert places(image) == {"s:count": (0, bits)}
    assert (image.min_words, image.max_words) == (1, words)


def test_variable_parts_in_order():
    image = request("a: string<8>, b: bytes<9>, c: u16[<=5]")
    assert [(v.kind, v.path, v.max_words) for v in image.vars] == [
        ("string", ("a",), 1), ("bytes", ("b",), 2), ("packed", ("c",), 2)]
    assert image.max_words == 1 + 1 + 2 + 2


def test_fixed_arrays_stand_in_the_fixed_part():
    image = request("a: u8, mac: u8[6], s: Size[2]", members="struct Size { rows: u16; cols: u8; }")
    assert places(image) == {"a": (0, 8), "mac:block": (8, 48), "s:block": (64, 64)}
    block = image.items[2]
    assert (block.stride, block.bound, block.elem.align) == (4, 2, 2)


def test_array_of_structs_with_strings():
    image = request("props: Prop[<=8]",
                    members="struct Prop { key: string<31>; value: string<63>; }")
    var = image.vars[0]
    assert (var.kind, var.bound, var.elem.fixed_words, var.elem.max_words) == ("images", 8, 1, 13)
    assert (image.min_words, image.max_words) == (1, 1 + 8 * 13)


def test_array_of_strings_is_an_array_of_images():
    image = request("names: string<31>[3]")
    var = image.vars[0]
    assert (var.kind, var.count, var.elem.max_words, var.min_words) == ("images", None, 5, 3)
    assert image.fixed_words == 0 and image.min_words == 3


def test_caps_travel_beside_the_words():
    image = request("a: move cap<ram>, b: client any?, c: copy cap<frame>[<=3]")
    assert places(image) == {"b:presence": (0, 1), "c:count": (8, 8)}
    assert [(p.path, p.min, p.max) for p in image.caps] == [
        (("a",), 1, 1), (("b",), 0, 1), (("c",), 0, 3)]
    assert (image.min_caps, image.max_caps) == (1, 5)


def test_caps_in_an_array_of_structs():
    image = request("g: Grant[<=2]",
                    members="resource struct Grant { name: string<7>; cap: copy cap<any>; "
                            "end: client any?; }")
    part = image.caps[0]
    assert (part.min, part.max, part.type.min_caps, part.type.max_caps) == (0, 4, 1, 2)


def test_lend():
    item = interface("call read @1 (off: u64, buf: lend out bytes<512>) -> (n: u32 counts buf);"
                     "call write @2 (data: lend in bytes<512>) -> (n: u32 counts data);")
    ask, answer = layout.request(item.methods[0]), layout.reply(item.methods[0])
    assert places(ask) == {"off": (0, 64), "buf:room": (64, 16)} and not ask.vars
    assert places(answer) == {"n": (0, 32)} and answer.vars[0].path == ("buf",)
    assert answer.vars[0].count is answer.items[0] and answer.max_words == 1 + 64
    ask, answer = layout.request(item.methods[1]), layout.reply(item.methods[1])
    assert places(ask) == {"data:count": (0, 16)} and ask.max_words == 65
    assert places(answer) == {"n": (0, 32)} and not answer.vars


def test_optional_struct_with_a_cap():
    image = request("g: Grant?", members="resource struct Grant { cap: copy cap<any>; n: u8; }")
    assert (image.min_caps, image.max_caps) == (0, 1)
    assert image.caps[0].optional is image.items[0]


def test_nothing():
    image = request("")
    assert (image.fixed_words, image.max_words, image.max_caps) == (0, 0, 0)


def test_no_two_pieces_overlap():
    image = request("a: u8?, b: u16[3], c: bool, d: u64, e: u32?, f: string<9>, g: u8[5], h: u16, "
                    "i: i64?")
    used = 0
    for item in image.items:
        mask = ((1 << item.bits) - 1) << item.bit
        assert used & mask == 0
        used |= mask
    assert used.bit_length() <= 64 * image.fixed_words
