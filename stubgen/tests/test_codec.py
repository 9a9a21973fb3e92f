"""Round trips of random interfaces through the codec, and flipped bits: with one encoding per
value, a changed message is malformed or means something else. STUBGEN_EXAMPLES=N for more than the
default."""
import os

import pytest
from conftest import compile_text, interface
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stubgen import codec, layout, model
from stubgen.limits import SPARE_WORDS

EXAMPLES = int(os.environ.get("STUBGEN_EXAMPLES", "150"))
HEAD = """
flags Mode : u16 { a = 0x1; b = 0x8000; }
strict enum Op : u8 { get = 1; put = 200; }
flexible enum Kind : i32 { file = 1; }
struct Size { rows: u16; big: u64 range 5..500; on: bool; }
struct Name { key: string<9>; sizes: Size[<=2]; }
struct Deep { name: Name?; op: Op; list: Name[<=2]; kinds: Kind[3]; }
resource struct Grant { name: string<7>; cap: copy cap<any>; end: client any?; }
table Stat { 3: size: u64; 1: op: Op; 2: name: string<9>; 7: more: Size[<=2]; }
strict table Old { 1: at: Size; 2: stats: Stat[<=2]; }
union Shape { 1: side: u32 range 1..9; 2: size: Size; 3: name: Name; 5: stat: Stat; }
flexible union Event { 1: key: u16; 2: text: strings<20>; }
resource table Gift { 1: name: string<7>; 2: cap: move cap<any>; 4: more: copy cap<ram>[<=2];
                      5: grant: Grant; }
resource union Way { 1: end: client any; 2: number: u8; 3: gifts: Gift[<=1]; }
struct Both { shape: Shape; stat: Stat?; on: bool; }
resource struct Pair { both: move cap<ram>[2]; some: copy cap<frame>[<=2]; n: u8; }
"""
SCALARS = ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "bool", "Mode", "Op", "Kind",
           "u32 range 7..9", "u64 pow2"]
VALUES = ["u8", "i64", "u16", "bool", "Op", "Mode", "Size", "Name", "Deep", "string<5>", "Stat",
          "Old", "Shape", "Event", "Both"]
OTHERS = ["string<20>", "bytes<17>", "strings<30>", "Size", "Name", "Deep", "Grant", "Pair",
          "move cap<ram, rw>", "client any", "copy cap<any>[<=3]", "move cap<ram>[2]", "Grant[<=2]",
          "Pair[2]", "Stat", "Old", "Shape", "Event", "Gift", "Way", "Both", "Gift[2]",
          "Way[<=2]"]


@st.composite
def parameters(draw):
    types = draw(st.lists(st.one_of(
        st.sampled_from(SCALARS + OTHERS),
        st.builds(lambda t, n: f"{t}[{n}]", st.sampled_from(VALUES), st.integers(1, 3)),
        st.builds(lambda t, n: f"{t}[<={n}]", st.sampled_from(VALUES), st.integers(1, 3))),
        max_size=7))
    texts = []
    for number, text in enumerate(types):
        if " range" not in text and " pow2" not in text and draw(st.booleans()):
            text += "?"
        texts.append(f"p{number}: {text}")
    return ", ".join(texts)


def image_of(params):
    build, diags = compile_text(f"{HEAD} interface demo {{ id 0x300; version 1; "
                                f"call c @1 ({params}); }}")
    assume(not {diag.code for diag in diags.items} & {"E0608", "E0609"})     # too large
    assert not diags, diags.render()
    method = build.interface("demo").methods[0]
    return method, layout.request(method)


TEXT = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")


def scalar(type_, param=None):
    if isinstance(type_, model.Bool):
        return st.booleans()
    decl = type_.decl if isinstance(type_, model.Named) else None
    integer = decl.type if decl else type_
    if decl and decl.kind == "flags":
        return st.lists(st.sampled_from([v.value for v in decl.values]), unique=True).map(sum)
    if decl and not decl.flexible:
        return st.sampled_from([v.value for v in decl.values])
    if param is not None and param.pow2:
        return st.integers(0, 63).map(lambda n: 1 << n)
    low = -(1 << (integer.bits - 1)) if integer.signed else 0
    low, high = param.range if param is not None and param.range else (
        low, low + (1 << integer.bits) - 1)
    return st.integers(low, high)


def values_of(type_, param=None):
    if isinstance(type_, model.Optional_):
        return st.none() | values_of(type_.elem, param)
    if isinstance(type_, model.Array):
        least = 0 if type_.at_most else type_.count
        return st.lists(values_of(type_.elem), min_size=least, max_size=type_.count)
    if isinstance(type_, (model.Cap, model.End)):
        return st.builds(object)
    if isinstance(type_, model.Buf) and type_.kind == "bytes":
        return st.binary(max_size=type_.bound)
    if isinstance(type_, model.Buf):
        text = st.text(TEXT, max_size=type_.bound)
        if type_.kind == "string":
            return text.filter(lambda s: len(s.encode()) <= type_.bound)
        return st.lists(text, max_size=4).map(tuple).filter(
            lambda v: sum(len(s.encode()) + 1 for s in v) <= type_.bound)
    if isinstance(type_, model.Named) and isinstance(type_.decl, model.Struct):
        return st.fixed_dictionaries({f.name: values_of(f.type, f) for f in type_.decl.fields})
    if isinstance(type_, model.Named) and isinstance(type_.decl, model.Table):
        fields = {f.name: values_of(f.type, f) for f in type_.decl.fields}
        if type_.decl.kind == "table":
            return st.fixed_dictionaries({}, optional=fields)
        return st.sampled_from(sorted(fields)).flatmap(
            lambda name: fields[name].map(lambda value: {name: value}))
    return scalar(type_, param)


@settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
          suppress_health_check=list(HealthCheck))
@given(st.data())
def test_round_trip_and_flipped_bits(data):
    params = data.draw(parameters())
    method, image = image_of(params)
    values = data.draw(st.fixed_dictionaries(
        {p.name: values_of(p.type, p) for p in method.params}))
    words, caps = codec.encode(image, values)
    assert image.min_words <= len(words) <= image.max_words
    assert image.min_caps <= len(caps) <= image.max_caps
    assert codec.decode(image, words, caps) == values
    for _ in range(5):
        bit = data.draw(st.integers(0, max(0, 64 * len(words) - 1)))
        other = list(words)
        if other:
            other[bit // 64] ^= 1 << (bit % 64)
            refused_or_different(image, other, caps, values)
    refused_or_different(image, words + [0], caps, values)
    refused_or_different(image, words, caps + [object()], values)
    if words:
        refused_or_different(image, words[:-1], caps, values)


def refused_or_different(image, words, caps, values):
    try:
        assert codec.decode(image, words, caps) != values
    except codec.Malformed:
        pass


@pytest.mark.parametrize("params, words", [
    ("a: bool", [2]), ("a: bool", [0x100]), ("op: Op", [2]), ("mode: Mode", [2]),
    ("a: u8?", [0x100]), ("a: u32 range 7..9", [6]), ("a: u64 pow2", [0]), ("a: u64 pow2", [6]),
    ("s: string<5>", [6]),
    ("s: string<5>", [1]), ("s: string<5>", [1, 0]), ("s: string<5>", [1, 0xff]),
    ("s: string<5>", [1, 0x4141]), ("s: strings<5>", [2, 0x4141]), ("a: u8[<=3]", [4, 0]),
    ("s: Stat", []), ("s: Stat", [4]), ("s: Stat", [1 << 48]), ("s: Stat", [2 << 48 | 1, 1, 0]),
    ("s: Stat", [1 << 48 | 1, 2]), ("s: Stat", [8]), ("s: Stat", [19 << 48 | 1 << 40] + [0] * 19),
    ("s: Stat", [1 << 48 | 1 << 40 | 1, 2]), ("s: Old", [4]), ("s: Old", [1 << 48 | 4, 0]),
    ("s: Shape", [0]), ("s: Shape", [1 << 48 | 1, 0]), ("s: Shape", [8]), ("s: Event", [0]),
    ("s: Shape", [3 << 48 | 3, 5, 1, 5]), ("s: Event", [2 << 48 | 5, 1, 1]),
    ("s: Stat?", [1]), ("s: Stat?", [0, 0]), ("a: Size[<=2]", [1]), ("a: u8[3]", [0x1000000]),
    ("", [0]), ("s: string<5>[2]", [1, 0x41])])
def test_malformed(params, words):
    _, image = image_of(params)
    with pytest.raises(codec.Malformed):
        codec.decode(image, words)


@pytest.mark.parametrize("params, value", [
    ("p: u8", 256), ("p: i8", -129), ("p: Op", 3), ("p: Mode", 2), ("p: u32 range 7..9", 10),
    ("p: u64 pow2", 3), ("p: string<5>", "123456"), ("p: string<5>", "a\0b"), ("p: u8[2]", [1]),
    ("p: Stat", {"sise": 1}), ("p: Stat", {"op": 3}), ("p: Shape", {}), ("p: Shape", {"side": 0}),
    ("p: Event", {"key": 1, "text": ()}), ("p: Old", {codec.UNKNOWN: (4, ())}),
    ("p: u8[<=2]", [1, 2, 3]), ("p: strings<3>", ["ab", "c"]), ("p: bytes<2>", b"123")])
def test_values_that_cannot_be_sent(params, value):
    _, image = image_of(params)
    with pytest.raises(codec.BadValue):
        codec.encode(image, {"p": value})


def test_a_known_image():
    _, image = image_of("a: u8, b: u64, c: Size?, s: string<20>")
    values = {"a": 0x11, "b": 0x2222, "c": {"rows": 0x3333, "big": 5, "on": True}, "s": "hello!!!x"}
    assert codec.encode(image, values)[0] == [
        0x11 | 1 << 8 | 0x3333 << 16 | 1 << 32 | 9 << 40, 0x2222, 5,
        int.from_bytes(b"hello!!!", "little"), ord("x")]


def test_known_images_of_tables_and_unions():
    _, image = image_of("n: u8, s: Stat, e: Shape")
    values = {"n": 7, "s": {"op": 200, "name": "abc", "size": 5}, "e": {"side": 9}}
    words = codec.encode(image, values)[0]
    assert words == [7, 4 << 48 | 0b111, 200, 3, int.from_bytes(b"abc", "little"), 5,
                     1 << 48 | 1, 9]
    stat = 1 + 1 + 3 + 1 + 5 + SPARE_WORDS
    assert (image.min_words, image.max_words) == (1 + 1 + 2, 1 + stat + 1 + stat)


@pytest.mark.parametrize("params, words, value", [
    ("s: Stat", [3 << 48 | 1 << 47 | 1, 1, 2, 3], {"op": 1, codec.UNKNOWN: (1 << 47, (2, 3))}),
    ("s: Stat", [1 << 10], {codec.UNKNOWN: (1 << 10, ())}),
    ("e: Event", [2 << 48 | 4, 8, 9], {codec.UNKNOWN: (4, (8, 9))})])
def test_unknown_fields_are_skipped(params, words, value):
    _, image = image_of(params)
    values = codec.decode(image, words)
    assert list(values.values()) == [value]
    assert codec.encode(image, values)[0] == words


@pytest.mark.parametrize("form, words", [("[2]", []), ("[<=2]", [2])])
def test_STB1020_elements_of_capabilities_alone(form, words):
    """Such an array has no words of its own."""
    build, diags = compile_text("resource struct Key { cap: move cap<any>; } interface demo { "
                                f"id 0x300; version 1; call c @1 (keys: Key{form}); }}")
    assert not diags, diags.render()
    image = layout.request(build.interface("demo").methods[0])
    values = {"keys": [{"cap": "first"}, {"cap": "second"}]}
    assert codec.encode(image, values) == (words, ["first", "second"])
    assert codec.decode(image, words, ["first", "second"]) == values


def test_lend_out_is_counted_by_its_result():
    item = interface("call read @1 (buf: lend out bytes<64>) -> (n: u32 counts buf, end: bool);")
    ask, answer = layout.request(item.methods[0]), layout.reply(item.methods[0])
    assert codec.encode(ask, {"buf": 64})[0] == [64]
    words, _ = codec.encode(answer, {"n": 3, "end": True, "buf": b"abc"})
    assert words == [3 | 1 << 32, int.from_bytes(b"abc", "little")]
    assert codec.decode(answer, words) == {"n": 3, "end": True, "buf": b"abc"}
    with pytest.raises(codec.Malformed):
        codec.decode(answer, [65] + [0] * 9)


@pytest.mark.parametrize("condition, a, b, wanted", [
    ("a <= b", 1, 1, True), ("a + 1 <= b", 1, 1, False), ("a - b == 0", 1, 2, False),
    ("a * b > 0", 1 << 63, 2, False), ("a * b >= 0 && a < b", 2, 3, True),
    ("a + b != 3", (1 << 64) - 1, 1, False), ("len(s) == 2", 0, 0, True),
    ("len(s) > a", 2, 0, False)])
def test_conditions(condition, a, b, wanted):
    item = interface(f"call c @1 (a: u64, b: u64, s: string<5>) requires {condition};")
    expr = item.methods[0].requires[0]
    assert codec.holds(expr, {"a": a, "b": b, "s": "\u00e9"}) is wanted
