"""Recorded messages: rings and consoles, what was cut or is not known. Whole calls are checked by
tests/host/if/check_ifcat.py."""
import os
import re

import pytest
from conftest import ROOT, interface
from stubgen import codec, driver, layout, model, tracefile
from stubgen.emit import wireshark

MEMBERS = """
  error { gone = 3 "it is gone"; }
  call put @1 (a: u32, name: string<100>, list: u16[<=40], data: bytes<100>, last: string<50>)
      -> (n: u64, cap: move cap<frame>) fails gone;
  call list @2 () -> stream (n: u32) window 2;
  call read @3 (buf: lend out bytes<1MiB>) -> (n: u32 counts buf);
"""
PUT, LIST, READ = 1, 2, 3
ID = 0x300


@pytest.fixture(scope="module")
def decoder():
    item = interface(MEMBERS)
    build = model.Build()
    build.interfaces, build.error_sets = [item], [item.errors]
    return tracefile.Decoder(build)


def raw(number, ordinal, kind, words=(), caps=0, kept=10, **more):
    fields = {"time": 1000 * number, "err": 0, "peer": 7, "iface": ID, "how": 2, "chan": 1,
              "pid": 4, **more}
    header = ordinal | tracefile.KINDS.index(kind) << 12 | 5 << 16 | len(words) << 32 | caps << 40
    kept = list(words)[:kept]
    return tracefile.RECORD.pack(number, fields["time"], header, fields["err"], fields["peer"],
                                 fields["iface"], fields["how"], len(kept), fields["chan"],
                                 fields["pid"], *kept, *[0] * (10 - len(kept)))


def line(decoder, *args, **more):
    return decoder.line(tracefile.records(b"trace: " + raw(*args, **more).hex().encode())[0])


def encoded(decoder, **values):
    method = decoder.interfaces[ID].methods[0]
    return codec.encode(layout.request(method), values)[0]


def test_RPCT0030_a_call_and_its_answer(decoder):
    words = encoded(decoder, a=1, name="x", list=[1, 2], data=b"\1\2", last="é")
    assert line(decoder, 1, PUT, "call", words) == \
        '0.000001000 <- 7   call   demo.put a=1 name="x" list=[1, 2] data=0102 last="é"'
    assert line(decoder, 3, PUT, "reply", [9], caps=1, how=3) == \
        "0.000003000 -> 7   reply  demo.put n=9 cap=cap0 (2000 ns)"
    assert line(decoder, 4, PUT, "error", [ID << 6 | 3]).endswith(" error  demo.put demo: gone")
    two = [(ID << 6 | 3) | (1 << 6 | 1) << 16]
    assert line(decoder, 4, PUT, "error", two).endswith("demo: gone <- 0x41")


@pytest.mark.parametrize("kept,shown", [
    (0, "a=... name=... list=... data=... last=..."),
    (2, 'a=7 name="abcdefgh"... list=... data=... last=...'),
    (3, 'a=7 name="abcdefghijkl" list=... data=... last=...'),
    (5, 'a=7 name="abcdefghijkl" list=[1, 2, 3, 4, 5] data=... last=...'),
    (6, 'a=7 name="abcdefghijkl" list=[1, 2, 3, 4, 5] data=3030303030303030... last=...')])
def test_RPCT0031_of_a_cut_message_its_beginning(decoder, kept, shown):
    words = encoded(decoder, a=7, name="abcdefghijkl", list=[1, 2, 3, 4, 5], data=b"0" * 30,
                    last="z")
    assert layout.request(decoder.interfaces[ID].methods[0]).fixed_words == 1
    assert line(decoder, 1, PUT, "call", words, kept=kept).endswith("demo.put " + shown)


def test_RPCT0032_what_is_not_known_is_shown_as_numbers(decoder):
    assert line(decoder, 1, 99, "call", [1, 2]).endswith("demo.99 0x1 0x2")
    assert line(decoder, 1, PUT, "call", [1], iface=5).endswith("0x5.1 0x1")
    assert line(decoder, 1, PUT, "call", [1 << 60]).endswith("demo.put 0x1000000000000000")
    assert "error  demo.put" in line(decoder, 1, PUT, "call", err=ID << 6 | 3)


def test_RPCT0033_streams_and_lent_buffers(decoder):
    assert line(decoder, 1, LIST, "item", [5]).endswith("item   demo.list n=5")
    assert "demo.list" in line(decoder, 2, LIST, "reply")
    assert line(decoder, 1, READ, "call", [1000]).endswith("demo.read buf=1000")
    assert line(decoder, 1, READ, "call", [1 << 63 | 5000]).endswith("demo.read buf=5000 bytes")
    assert line(decoder, 2, READ, "reply", [2, 0x4241]).split(" (")[0].endswith("n=2 buf=4142")
    assert line(decoder, 3, READ, "reply", [4000]).split(" (")[0].endswith("demo.read n=4000")


def test_RPCT0034_a_ring_is_sorted_and_damage_is_told():
    ring = tracefile.MAGIC + bytes(120) + raw(3, PUT, "call") + raw(0, PUT, "call") \
        + raw(2, PUT, "call")
    assert [r.number for r in tracefile.records(ring)] == [2, 3]
    assert tracefile.records(b"nothing\ntrace: 00\n") == []
    bad = bytearray(raw(1, PUT, "call"))
    bad[39] = 11
    with pytest.raises(tracefile.Damaged):
        tracefile.records(b"trace: " + bad.hex().encode())


def test_RPCT0035_elements_of_capabilities_alone():
    """They have no words: what is before and behind them is told all the same."""
    build, diags, _ = driver.compile_files([os.path.join(ROOT, "tests/host/if/keys.if")], [
        os.path.join(ROOT, "idl/abi", name + ".if")
        for name in ("captypes", "kpi", "lib", "objects", "sys", "syscalls")])
    assert not diags, diags.render()
    item = build.interfaces[0]
    values = {"pairs": [{"keys": [{"cap": 1}, {"cap": 2}]}] * 2, "name": "x"}
    words, caps = codec.encode(layout.request(item.methods[3]), values)
    shown = line(tracefile.Decoder(build), 4, 4, "call", words, len(caps), iface=item.id)
    assert shown.endswith('keys.nested pairs=[{keys=[{cap=cap0}, {cap=cap1}]}, '
                          '{keys=[{cap=cap2}, {cap=cap3}]}] name="x"')
    image = wireshark._image(layout.request(item.methods[1]))
    assert [re.match('{name = "(.*?)".* bit = (.*?),', row).groups()
            for row in image["rows"] + image["parts"]] == [
                ("before", "0"), ("keys", "8"), ("name", "16")]
