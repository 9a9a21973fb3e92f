"""addsyms.py IN OUT: a program as it goes into an image: its segments, and a segment of symbols.

The linker script leaves a last, empty PT_LOAD; it becomes a read-only segment behind the others
that holds the table of symbols.py. Sections and debug information stay behind in IN, which is what
gdb wants.
"""
import struct
import sys

from elftools.elf.elffile import ELFFile

import symbols

PAGE = 4096
PT_LOAD, PF_R = 1, 4
PROGRAM_HEADER = struct.Struct('<2I6Q')   # ELF-64, figure 6: p_type, p_flags, p_offset, ...
SECTION_FIELDS = ((40, '<Q'), (58, '<H'), (60, '<H'), (62, '<H'))   # e_shoff, e_shentsize, ...


def page_up(value):
    return -(-value // PAGE) * PAGE


def with_symbols(source):
    """The bytes of the program in the open file `source` with its symbol segment."""
    elf = ELFFile(source)
    headers = [segment.header for segment in elf.iter_segments()]
    loads = [header for header in headers if header['p_type'] == 'PT_LOAD' and header['p_memsz']]
    spare = [number for number, header in enumerate(headers)
             if header['p_type'] == 'PT_LOAD' and not header['p_memsz']]
    if not spare or not loads:
        raise ValueError('no empty PT_LOAD to hold the symbols')
    table = symbols.pack(symbols.functions(elf))
    source.seek(0)
    used = max([header['p_offset'] + header['p_filesz'] for header in loads]
               + [elf['e_phoff'] + elf['e_phnum'] * PROGRAM_HEADER.size])
    table_at = page_up(used)
    image = bytearray(source.read()[:table_at].ljust(table_at, b'\0'))
    image[used:] = bytes(table_at - used)
    va = page_up(max(header['p_vaddr'] + header['p_memsz'] for header in loads))
    PROGRAM_HEADER.pack_into(image, elf['e_phoff'] + spare[-1] * PROGRAM_HEADER.size, PT_LOAD, PF_R,
                             table_at, va, va, len(table), len(table), PAGE)
    for offset, form in SECTION_FIELDS:
        struct.pack_into(form, image, offset, 0)
    return bytes(image) + table


def main():
    source, target = sys.argv[1:]
    try:
        with open(source, 'rb') as elf:
            image = with_symbols(elf)
    except (ValueError, OSError) as error:
        print(f'{source}: {error}', file=sys.stderr)
        return 1
    with open(target, 'wb') as out:
        out.write(image)
    return 0


if __name__ == '__main__':
    sys.exit(main())
