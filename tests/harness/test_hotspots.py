"""The reader of QEMU's log of executed blocks."""
import hotspots

LOG = """----------------
IN:
0x00400000:  d503201f  nop
0x00400004:  d65f03c0  ret

Trace 0: 0x7f00 [0000000000000000/0000000000400000/00000121/ff020200]
Trace 0: 0x7f00 [0000000000000000/0000000000400000/00000121/ff020200]
----------------
IN: main
0x00400000:  d65f03c0  ret

Trace 0: 0x7f40 [0000000000000000/0000000000400000/00000121/ff020200]
----------------
IN:
0xffffffff80000010:  d69f03e0  eret

Trace 0: 0x7f80 [0000000000000000/ffffffff80000010/00000121/ff020200]
Trace 0: 0x7f00 [0000000000000000/0000000000400000/00000121/ff020200]
Trace 0: 0x7fc0 [0000000000000000/0000000000500000/00000121/ff020200]
"""


class FakeProgram(hotspots.Program):
    def __init__(self, start, words, symbols):
        self.code = [(start, b''.join(w.to_bytes(4, 'little') for w in words))]
        self.starts = [at for at, _ in symbols]
        self.names = [name for _, name in symbols]


PROGRAMS = {
    hotspots.KERNEL: FakeProgram(0xffffffff80000000, [], [(0xffffffff80000000, 'trap_leave')]),
    'one': FakeProgram(0x400000, [0xd503201f, 0xd65f03c0], [(0x400000, 'first')]),
    'other': FakeProgram(0x400000, [0xd65f03c0], [(0x3ffff0, 'second')]),
}


def test_har0117_programs_at_the_same_address_are_told_apart():
    counts = hotspots.count(LOG.splitlines(), PROGRAMS)
    assert counts == {('one', 'first'): 6, ('other', 'second'): 1, ('kernel', 'trap_leave'): 1,
                      ('?', '?'): 1}


def test_har0118_the_largest_are_printed_first():
    text = hotspots.render({('a', 'f'): 5, ('a', 'g'): 6, ('b', 'h'): 3, ('b', 'i'): 0}, rows=1)
    assert text.split() == ['14', 'all', '11', 'a', '6', 'g', '3', 'b', '3', 'h']
