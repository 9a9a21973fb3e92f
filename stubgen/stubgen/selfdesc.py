"""The ELF section `.ifdesc`: which interfaces a program was linked with stubs of.

It is not loaded. Each record begins at a multiple of 8 bytes, little-endian: magic, bytes of the
record, hash (8 bytes), grammar version, role, id, version (2 bytes each), then name and canonical
text, each ended by NUL. A program with several libraries of one interface has a record of each."""
import struct
from dataclasses import dataclass

from . import canon

SECTION = ".ifdesc"
MAGIC = 0x53444649             # "IFDS"
ROLES = {"client": 1, "server": 2}
_HEAD = struct.Struct("<IIQHHHH")


@dataclass(frozen=True)
class Record:
    name: str
    role: str
    id: int
    version: int
    hash: int
    grammar: int
    text: str


class Damaged(Exception):
    """The section is not a row of records."""


def assembly(interface, role):
    """Lines of assembly that put the record of an interface into the section."""
    text = [f'.ascii "{line}\\n"' for line in interface.canonical.splitlines()]
    return [f'.pushsection {SECTION},"",%progbits', ".balign 8",
            f"0: .4byte {MAGIC:#x}, 1f - 0b", f".8byte {interface.hash:#018x}",
            f".2byte {canon.GRAMMAR}, {ROLES[role]}, {interface.id}, {interface.version}",
            f'.asciz "{interface.name}"', *text, ".byte 0", ".balign 8", "1: .popsection"]


def of_program(path):
    """The bytes of the section of an ELF file; empty if it has none. ValueError: it is no ELF."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    with open(path, "rb") as file:
        try:
            section = ELFFile(file).get_section_by_name(SECTION)
            return section.data() if section is not None else b""
        except ELFError as error:
            raise ValueError(error) from error


def records(data):
    """The records of a section."""
    found, at = [], 0
    roles = {number: name for name, number in ROLES.items()}
    while at < len(data):
        if len(data) - at < _HEAD.size:
            raise Damaged("a record is cut")
        magic, size, hash_, grammar, role, id_, version = _HEAD.unpack_from(data, at)
        if magic != MAGIC or size < _HEAD.size or size % 8 or size > len(data) - at:
            raise Damaged(f"no record at {at:#x}")
        texts = data[at + _HEAD.size:at + size].split(b"\0")
        if len(texts) < 3:
            raise Damaged(f"the record at {at:#x} has no text")
        found.append(Record(texts[0].decode(), roles.get(role, str(role)), id_, version, hash_,
                            grammar, texts[1].decode()))
        at += size
    return found
