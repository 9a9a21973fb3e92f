"""LIB0018: programs that print have the locks of libaos. The packaged C library brings functions of
the same names that do nothing, and a linker that finds those first says nothing either.

usage: locks.py ELF..."""
import sys

from elftools.elf.elffile import ELFFile

NEEDED_BY = '__bufio_put'
LOCK = '__retarget_lock_acquire'
RET = bytes.fromhex('c0035fd6')   # DDI 0487, C6.2.254


def instruction(elf, address):
    for segment in elf.iter_segments('PT_LOAD'):
        offset = address - segment['p_vaddr']
        if 0 <= offset < segment['p_filesz']:
            return segment.data()[offset:offset + len(RET)]
    raise ValueError(f'nothing at {address:#x}')


def locks(path):
    """Whether the program has locks; None: it has no streams."""
    with open(path, 'rb') as file:
        elf = ELFFile(file)
        symbols = {s.name: s['st_value'] for s in elf.get_section_by_name('.symtab').iter_symbols()}
        return instruction(elf, symbols[LOCK]) != RET if NEEDED_BY in symbols else None


def main(paths):
    found = {path: locks(path) for path in paths}
    for path in (path for path, has in found.items() if has is False):
        print(f'{path}: {LOCK} does nothing')
    return 0 if True in found.values() and False not in found.values() else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
