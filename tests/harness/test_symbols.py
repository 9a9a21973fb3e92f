"""Symbol segments: the table holds the functions, and the program around it stays what it was."""
import subprocess
import sys
from pathlib import Path

import execmode  # puts the packer's folder on the path
import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, strategies as st

import symbols

ADDSYMS = Path(execmode.cpio.__file__).with_name('addsyms.py')
CC = 'aarch64-linux-gnu-gcc'
SCRIPT = '''PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); %s }
SECTIONS { . = 0x400000; .text : { *(.text*) } :text
           . = ALIGN(4096); .data : { *(.data*) *(.note*) } :data .bss : { *(.bss*) } :data }
'''
SOURCE = '''int x = 3, y[5000];
__attribute__((noinline)) static int add(int a) { return a + x + y[a]; }
int _start(void) { return add(1); }
'''
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)


@given(st.dictionaries(st.integers(0, 2**64 - 1), NAMES, max_size=20))
def test_har0060_pack_and_unpack(found):
    table = symbols.pack(found.items())
    assert symbols.unpack(table) == sorted(found.items())
    assert symbols.pack(reversed(sorted(found.items()))) == table


def build(folder, spare):
    (folder / 'a.c').write_text(SOURCE)
    (folder / 'a.lds').write_text(SCRIPT % spare)
    subprocess.run([CC, '-g', '-O1', '-nostdlib', '-static', '-ffreestanding', '-Wl,-T,a.lds',
                    '-Wl,-z,max-page-size=4096', 'a.c', '-o', 'a.elf'], cwd=folder, check=True)
    return subprocess.run([sys.executable, ADDSYMS, 'a.elf', 'b.elf'], cwd=folder, text=True,
                          capture_output=True)


def segments(path):
    with open(path, 'rb') as source:
        return [(dict(s.header), s.data()) for s in ELFFile(source).iter_segments('PT_LOAD')]


def test_har0061_a_program_gets_its_segment(tmp_path):
    done = build(tmp_path, 'syms PT_LOAD FLAGS(4);')
    assert done.returncode == 0, done.stderr
    before, after = segments(tmp_path / 'a.elf'), segments(tmp_path / 'b.elf')
    assert after[:2] == before[:2]
    header, table = after[2]
    last = before[1][0]
    assert header['p_vaddr'] % 4096 == header['p_offset'] % 4096 == 0
    assert header['p_vaddr'] >= last['p_vaddr'] + last['p_memsz'] and last['p_memsz'] > 20000
    found = symbols.unpack(table)
    assert {name for _, name in found} == {'add', '_start', symbols.END}
    assert found[-1][1] == symbols.END
    with open(tmp_path / 'b.elf', 'rb') as source:
        assert ELFFile(source).num_sections() == 0


def test_har0062_what_cannot_be_done_is_said(tmp_path):
    done = build(tmp_path, '')
    assert done.returncode == 1 and 'no empty PT_LOAD' in done.stderr
    assert not (tmp_path / 'b.elf').exists()


def test_har0063_a_stripped_program_is_refused(tmp_path):
    build(tmp_path, 'syms PT_LOAD FLAGS(4);')
    subprocess.run(['aarch64-linux-gnu-strip', 'a.elf'], cwd=tmp_path, check=True)
    with open(tmp_path / 'a.elf', 'rb') as source, pytest.raises(ValueError):
        symbols.functions(ELFFile(source))
