"""Writes a small archive with the packer of the images, as a start for the fuzzer.

usage: sample_cpio.py FOLDER_OF_PACKER OUTPUT
"""
import sys
from pathlib import Path


def main(packer_folder, output):
    sys.path.insert(0, packer_folder)
    import cpio
    # Names without padding to pages would be shorter, but this is what the kernel gets.
    Path(output).write_bytes(cpio.archive([('init', b'first'), ('manifest', b'second file')]))


if __name__ == '__main__':
    main(*sys.argv[1:])
