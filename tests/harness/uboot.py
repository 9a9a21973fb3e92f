"""Booting through U-Boot, as a board does: a disk with one FAT partition whose boot.scr loads and
starts the system.

U-Boot runs boot.scr by itself only from a partitioned disk. Facts: U-Boot's legacy image header
(include/image.h: 64 bytes, big endian, checksums over header and data), the MBR's table of four
16-byte entries at offset 446.
"""
import struct
import subprocess
import zlib
from pathlib import Path

import machine as machines

SECTOR = 512
PARTITION_START = 2048         # sectors: 1 MiB, the usual alignment
PARTITION_SECTORS = 131072     # 64 MiB
FAT32_LBA = 0x0C               # partition type
IMAGE_MAGIC = 0x27051956
OS_LINUX, ARCH_ARM64, TYPE_SCRIPT, NO_COMPRESSION = 5, 22, 6, 0
HEADER_FORMAT = '>7I4B32s'     # see script_image


def boot_script(append, with_initrd):
    """The commands U-Boot runs. `append` becomes /chosen/bootargs."""
    load = 'load virtio 0:1 ${ramdisk_addr_r} aos.initrd\n' if with_initrd else ''
    initrd = '${ramdisk_addr_r}:${filesize}' if with_initrd else '-'
    return (f'setenv bootargs "{append}"\nload virtio 0:1 ${{kernel_addr_r}} Image\n{load}'
            f'booti ${{kernel_addr_r}} {initrd} ${{fdtcontroladdr}}\n')


def script_image(text):
    """A script in the form that U-Boot's `source` wants."""
    # The data of a script are a list of sizes, ended by 0, then the scripts.
    data = struct.pack('>2I', len(text), 0) + text.encode()

    def header(crc):
        return struct.pack(HEADER_FORMAT, IMAGE_MAGIC, crc, 0, len(data), 0, 0, zlib.crc32(data),
                           OS_LINUX, ARCH_ARM64, TYPE_SCRIPT, NO_COMPRESSION, b'AOS boot')

    return header(zlib.crc32(header(0))) + data


def _partition_table():
    entry = struct.pack('<B3sB3sII', 0x80, b'\xfe\xff\xff', FAT32_LBA, b'\xfe\xff\xff',
                        PARTITION_START, PARTITION_SECTORS)
    return bytes(446) + entry + bytes(48) + b'\x55\xaa'


def make_disk(directory, image, initrd, append=''):
    """Writes a disk that boots `image`, with `initrd` if it is not None; returns its path."""
    directory = Path(directory)
    disk, script = directory / 'disk.img', directory / 'boot.scr'
    script.write_bytes(script_image(boot_script(append, initrd is not None)))
    with open(disk, 'wb') as out:
        out.write(_partition_table())
        out.truncate((PARTITION_START + PARTITION_SECTORS) * SECTOR)
    where = f'{disk}@@{PARTITION_START * SECTOR}'
    # -F: FAT32 whatever the size; mtools otherwise chooses by it, and the table says FAT32.
    subprocess.run(['mformat', '-i', where, '-F', '-T', str(PARTITION_SECTORS), '::'], check=True)
    for source, name in ((image, 'Image'), (initrd, 'aos.initrd'), (script, 'boot.scr')):
        if source is None:
            continue
        subprocess.run(['mcopy', '-i', where, str(source), f'::{name}'], check=True)
    return disk


def through_uboot(machine, directory):
    """The machine that boots what `machine` would, but by way of U-Boot and from a disk; it starts
    at EL2."""
    disk = make_disk(directory, machine.image, machine.initrd, machine.append)
    return machine.with_(image=None, initrd=None, append='', el2=True, extra=machine.extra + (
        '-bios', machines.UBOOT, '-drive', f'if=none,file={disk},format=raw,id=disk',
        '-device', 'virtio-blk-device,drive=disk'))
