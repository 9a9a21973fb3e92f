"""Archives of boot modules: cpio "newc", written so that every file's data start on a page of the
archive.

The format aligns data to 4 bytes only. The name's length is a field of its own, and a reader stops
at the first NUL of it, so names are padded with NULs until the data that follow are where the
kernel wants them. An archive has whole pages, so one can be put behind another. The same files give
the same bytes: no times, owners or inode numbers from the host.
"""
PAGE = 4096           # bytes
MAGIC = b'070701'
FIELDS = 13           # after the magic, 8 hexadecimal digits each
HEADER = len(MAGIC) + 8 * FIELDS
FILE_MODE = 0o100444  # a regular file that everyone may read
LAST = 'TRAILER!!!'
MAX_NAME = 255        # bytes, without NUL: what the kernel's reader accepts


def _padding(offset, alignment):
    return -offset % alignment


def _entry(number, name, data, offset):
    """One file at `offset` of the archive."""
    encoded = name.encode()
    if not 0 < len(encoded) <= MAX_NAME or b'\0' in encoded:
        raise ValueError(f'not a module name: {name!r}')
    body = offset + HEADER + len(encoded) + 1
    encoded += bytes(1 + (_padding(body, PAGE) if data else 0))
    is_file = name != LAST
    fields = [number, FILE_MODE if is_file else 0, 0, 0, 1, 0, len(data), 0, 0, 0, 0,
              len(encoded), 0]
    head = MAGIC + b''.join(b'%08x' % value for value in fields) + encoded
    head += bytes(_padding(offset + len(head), 4))
    return head + data + bytes(_padding(offset + len(head) + len(data), 4))


def archive(files):
    """The archive of `files`, pairs of a name and bytes, in that order; its length is whole
    pages."""
    out = bytearray()
    seen = set()
    for number, (name, data) in enumerate(files, 1):
        if name in seen or name == LAST:
            raise ValueError(f'two modules are called {name!r}' if name in seen
                             else f'{name!r} is reserved')
        seen.add(name)
        out += _entry(number, name, data, len(out))
    out += _entry(0, LAST, b'', len(out))
    return bytes(out) + bytes(_padding(len(out), PAGE))


def read(blob):
    """The files of one archive or several behind each other: {name: (offset of the data, data)}."""
    files, at = {}, 0
    while at < len(blob):
        if blob[at:at + len(MAGIC)] != MAGIC:
            if any(blob[at:at + 4]):
                raise ValueError(f'no archive member at {at:#x}')
            at += 4
            continue
        fields = [int(blob[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(FIELDS)]
        size, name_size = fields[6], fields[11]
        name = blob[at + HEADER:at + HEADER + name_size].split(b'\0')[0].decode()
        data = at + HEADER + name_size
        data += _padding(data, 4)
        if data + size > len(blob):
            raise ValueError(f'{name}: {size} bytes at {data:#x} are not all there')
        if name != LAST:
            files[name] = (data, blob[data:data + size])
        at = data + size + _padding(data + size, 4)
    return files
