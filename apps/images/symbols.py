"""Symbol tables for backtraces: what function an address is in, in a form that needs no parsing at
run time.

A table, little endian, offsets from its start:
    u32 magic "SYMS", u32 count, u32 off_addrs, u32 off_names,
    u64 addr[count] at off_addrs, ascending, no two alike,
    u32 name_off[count] at off_names, each the offset of a NUL-terminated name behind these.
A function reaches up to the next address; the last entry, named "", is the end of the last
function.
"""
import struct

MAGIC = 0x534D5953
HEADER = struct.Struct('<4I')
SHF_EXECINSTR = 4
END = ''


def pack(symbols):
    """The table of `symbols`, pairs of address and name in any order."""
    ordered = sorted(dict(sorted(symbols, reverse=True)).items())
    off_addrs = HEADER.size
    off_names = off_addrs + 8 * len(ordered)
    at, offsets, names = off_names + 4 * len(ordered), [], bytearray()
    for _, name in ordered:
        offsets.append(at + len(names))
        names += name.encode() + b'\0'
    return b''.join((HEADER.pack(MAGIC, len(ordered), off_addrs, off_names),
                     struct.pack(f'<{len(ordered)}Q', *(address for address, _ in ordered)),
                     struct.pack(f'<{len(ordered)}I', *offsets), bytes(names)))


def functions(elf):
    """(address, name) of every function of an ELFFile, and the end of the last one."""
    table = elf.get_section_by_name('.symtab')
    if table is None:
        raise ValueError('no symbol table; was the file stripped?')
    found, end = {}, 0
    for symbol in table.iter_symbols():
        section, kind = symbol['st_shndx'], symbol['st_info']['type']
        if not isinstance(section, int) or not elf.get_section(section)['sh_flags'] & SHF_EXECINSTR:
            continue
        # Assembly leaves labels without a type; `$x` and `$d` mark code and data for disassemblers.
        if kind not in ('STT_FUNC', 'STT_NOTYPE') or symbol.name.startswith(('$', '.L')):
            continue
        if symbol.name and (kind == 'STT_FUNC' or symbol['st_value'] not in found):
            found[symbol['st_value']] = symbol.name
        home = elf.get_section(section)
        end = max(end, home['sh_addr'] + home['sh_size'])
    found.setdefault(end, END)
    return sorted(found.items())


def unpack(table):
    """The pairs of a table."""
    magic, count, off_addrs, off_names = HEADER.unpack_from(table)
    if magic != MAGIC:
        raise ValueError('no symbol table')
    addresses = struct.unpack_from(f'<{count}Q', table, off_addrs)
    offsets = struct.unpack_from(f'<{count}I', table, off_names)
    return [(address, table[at:table.index(b'\0', at)].decode())
            for address, at in zip(addresses, offsets)]
