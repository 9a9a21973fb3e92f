"""Writes the kernel's symbol table (layout: kernel/include/kernel/symbols.h) as assembly.

usage: ksyms.py NM ELF OUTPUT        table of the text symbols of ELF
       ksyms.py --check NM ELF ELF2  fails unless both have the same text symbols

The kernel is linked twice: without a table, then with the table made from the first link. The table
lies behind all text, so text addresses cannot change; --check makes sure of it.
"""
import subprocess
import sys


def text_symbols(nm, elf):
    """Sorted (address, name) of the code symbols; local labels of the compiler are left out."""
    listing = subprocess.run([nm, elf], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) != 3 or fields[1] not in 'tTwW' or fields[2].startswith(('$', '.L')):
            continue
        address, name = int(fields[0], 16), fields[2]
        if address not in found or name < found[address]:
            found[address] = name
    return sorted(found.items())


def assembly(symbols):
    names, offsets = bytearray(), []
    for _, name in symbols:
        offsets.append(len(names))
        names += name.encode() + b'\0'
    addresses_at = 16
    names_at = addresses_at + 8 * len(symbols)
    text_at = names_at + 4 * len(symbols)
    lines = ['        .section .ksyms, "a"', '        .balign 8',
             '        .global kernel_symbols, kernel_symbols_end', 'kernel_symbols:',
             '        .ascii "SYMS"',
             f'        .long {len(symbols)}, {addresses_at}, {names_at}']
    lines += [f'        .quad {address:#x}' for address, _ in symbols]
    lines += [f'        .long {text_at + offset}' for offset in offsets]
    lines += [f'        .asciz "{name}"' for _, name in symbols]
    lines += ['kernel_symbols_end:', '']
    return '\n'.join(lines)


def main(argv):
    if argv[0] == '--check':
        nm, first, second = argv[1:]
        if text_symbols(nm, first) != text_symbols(nm, second):
            sys.exit(f'{first} and {second} differ in their code symbols')
        return
    nm, elf, output = argv
    with open(output, 'w', encoding='ascii') as out:
        out.write(assembly(text_symbols(nm, elf)))


if __name__ == '__main__':
    main(sys.argv[1:])
