"""Makes the loadable Image from the kernel's ELF file, and refuses one that could not work.

usage: image.py NM OBJCOPY READELF FIRST_LINK ELF OUTPUT
"""
import subprocess
import sys

import ksyms


def main(nm, objcopy, readelf, first_link, elf, output):
    relocations = subprocess.run([readelf, '-r', elf], check=True, capture_output=True, text=True)
    if 'There are no relocations' not in relocations.stdout:
        sys.exit(f'{elf} has relocations, but runs without a loader that applies them')
    ksyms.main(['--check', nm, first_link, elf])
    subprocess.run([objcopy, '-O', 'binary', elf, output], check=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
