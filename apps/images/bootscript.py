"""What U-Boot runs to start AOS: `boot.scr`, which it looks for on the first partition of a disk.

Facts: U-Boot's legacy image header (include/image.h: 64 bytes, big endian, checksums over header
and data); the variables that its standard boot sets before it runs a script (devtype, devnum,
distro_bootpart), and those that each board has (kernel_addr_r, ramdisk_addr_r, fdtcontroladdr).
"""
import struct
import zlib

KERNEL, INITRD, SCRIPT = 'Image', 'aos.initrd', 'boot.scr'     # files of the partition
IMAGE_MAGIC = 0x27051956
OS_LINUX, ARCH_ARM64, TYPE_SCRIPT, NO_COMPRESSION = 5, 22, 6, 0
HEADER_FORMAT = '>7I4B32s'     # see script_image


def boot_script(append, with_initrd):
    """The commands: kernel and initrd from the partition that the script is on, the device tree
    that U-Boot itself was given. `append` becomes /chosen/bootargs."""
    where = '${devtype} ${devnum}:${distro_bootpart}'
    load = f'load {where} ${{ramdisk_addr_r}} {INITRD}\n' if with_initrd else ''
    initrd = '${ramdisk_addr_r}:${filesize}' if with_initrd else '-'
    return (f'setenv bootargs "{append}"\nload {where} ${{kernel_addr_r}} {KERNEL}\n{load}'
            f'booti ${{kernel_addr_r}} {initrd} ${{fdtcontroladdr}}\n')


def script_image(text):
    """A script in the form that U-Boot's `source` wants."""
    # The data of a script are a list of sizes, ended by 0, then the scripts.
    data = struct.pack('>2I', len(text), 0) + text.encode()

    def header(crc):
        return struct.pack(HEADER_FORMAT, IMAGE_MAGIC, crc, 0, len(data), 0, 0, zlib.crc32(data),
                           OS_LINUX, ARCH_ARM64, TYPE_SCRIPT, NO_COMPRESSION, b'AOS boot')

    return header(zlib.crc32(header(0))) + data
