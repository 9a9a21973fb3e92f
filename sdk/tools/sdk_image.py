"""`aos-image`: packs programs, services and a manifest into an image, which a loader puts beside
the kernel.

The programs of the SDK go in by their names; NAME=FILE adds one, as it comes from the linker, or
any other file, or takes the place of one of the SDK.
"""
import argparse
import io
import sys
from pathlib import Path

import addsyms
import cpio
import mkinitrd
import sdk

ELF_MAGIC = b'\x7fELF'
SECTIONS_AT = slice(40, 48)   # ELF-64, figure 3: e_shoff; 0 once addsyms.py has been there


def loadable(blob):
    """The file as it goes into an image: programs get their symbols."""
    if blob.startswith(ELF_MAGIC) and any(blob[SECTIONS_AT]):
        return addsyms.with_symbols(io.BytesIO(blob))
    return blob


def files(pairs):
    """{name: path} of all there is for an image; `pairs` are the NAME=FILE of the command line."""
    known = {path.name: path for path in sdk.PROGRAMS.iterdir()}
    for pair in pairs:
        name, equals, path = pair.partition('=')
        if not (name and equals and path):
            raise ValueError(f'{pair}: not of the form NAME=FILE')
        known[name] = Path(path)
    return known


def modules(manifests, known):
    """The names of what the manifests take into the image, in order."""
    names = []
    for path in manifests:
        names += mkinitrd.modules(path.read_text(), known, path, names)
    return names


def pack(manifest, names, known):
    """The bytes of the image with the text `manifest` and the files of these names."""
    members = [(mkinitrd.MANIFEST, manifest.encode())]
    for name in names:
        try:
            members.append((name, loadable(known[name].read_bytes())))
        except ValueError as error:
            raise ValueError(f'{known[name]}: {error}') from error
    return cpio.archive(members)


def escaped(path):
    """A path in a make rule."""
    return str(path).replace('\\', '\\\\').replace(' ', '\\ ').replace('$', '$$')


def arguments():
    about = __doc__.split('\n\n')
    parser = argparse.ArgumentParser(prog='aos-image', description=about[0], epilog=about[1])
    parser.add_argument('--output', required=True, type=Path, metavar='IMAGE')
    parser.add_argument('--manifest', type=Path, default=sdk.MANIFEST, metavar='FILE',
                        help='what goes in and what init starts (default: that of the SDK)')
    parser.add_argument('--also', type=Path, action='append', default=[], metavar='FILE',
                        help='more lines for the manifest')
    parser.add_argument('--depfile', type=Path, metavar='FILE',
                        help='write a make rule of all that was read')
    parser.add_argument('files', nargs='*', metavar='NAME=FILE')
    return parser.parse_args()


def main():
    given = arguments()
    manifests = [given.manifest] + given.also
    try:
        known = files(given.files)
        names = modules(manifests, known)
        text = ''.join(path.read_text().rstrip('\n') + '\n' for path in manifests)
        given.output.write_bytes(pack(text, names, known))
        if given.depfile:
            inputs = manifests + [known[name] for name in names]
            given.depfile.write_text(f'{escaped(given.output)}: '
                                     f'{" ".join(map(escaped, inputs))}\n')
    except (ValueError, OSError) as error:
        print(f'aos-image: {error}', file=sys.stderr)
        return 1
    return 0
