"""Booting through U-Boot, as a board does: a disk with one FAT partition whose boot.scr loads and
starts the system.

U-Boot runs boot.scr by itself only from a partitioned disk. Facts: the MBR's table of four 16-byte
entries at offset 446.
"""
import struct
import subprocess
import sys
from pathlib import Path

import machine as machines

# What is on the disk is made where images are.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'apps' / 'images'))
import bootscript  # noqa: E402

SECTOR = 512
PARTITION_START = 2048         # sectors: 1 MiB, the usual alignment
PARTITION_SECTORS = 131072     # 64 MiB
FAT32_LBA = 0x0C               # partition type


def _partition_table():
    entry = struct.pack('<B3sB3sII', 0x80, b'\xfe\xff\xff', FAT32_LBA, b'\xfe\xff\xff',
                        PARTITION_START, PARTITION_SECTORS)
    return bytes(446) + entry + bytes(48) + b'\x55\xaa'


def make_disk(directory, files):
    """Writes a disk with these files, {name: path}, on its partition; returns its path."""
    disk = Path(directory) / 'disk.img'
    with open(disk, 'wb') as out:
        out.write(_partition_table())
        out.truncate((PARTITION_START + PARTITION_SECTORS) * SECTOR)
    where = f'{disk}@@{PARTITION_START * SECTOR}'
    # -F: FAT32 whatever the size; mtools otherwise chooses by it, and the table says FAT32.
    subprocess.run(['mformat', '-i', where, '-F', '-T', str(PARTITION_SECTORS), '::'], check=True)
    for name, source in files.items():
        subprocess.run(['mcopy', '-i', where, str(source), f'::{name}'], check=True)
    return disk


def from_disk(machine, disk):
    """The machine that boots a disk by way of U-Boot; it starts at EL2."""
    return machine.with_(image=None, initrd=None, append='', el2=True, extra=machine.extra + (
        '-bios', machines.UBOOT, '-drive', f'if=none,file={disk},format=raw,id=disk',
        '-device', 'virtio-blk-device,drive=disk'))


def through_uboot(machine, directory):
    """The machine that boots what `machine` would, but by way of U-Boot and from a disk."""
    script = Path(directory) / bootscript.SCRIPT
    text = bootscript.boot_script(machine.append, machine.initrd is not None)
    script.write_bytes(bootscript.script_image(text))
    files = {bootscript.KERNEL: machine.image, bootscript.SCRIPT: script}
    if machine.initrd is not None:
        files[bootscript.INITRD] = machine.initrd
    return from_disk(machine, make_disk(directory, files))
