"""`aos-image`: packs programs, services and a manifest into an image, which a loader puts beside
the kernel, or into all that U-Boot needs on a partition.

The programs of the SDK go in by their names; NAME=FILE adds one, as it comes from the linker, or
any other file, or takes the place of one of the SDK.
"""
import argparse
import io
import sys
from pathlib import Path

import addsyms
import bootscript
import cpio
import mkinitrd
import sdk

INTERFACES = 'interfaces'     # the module that ifcall and rpctrace read
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


def pack(manifest, names, known, made):
    """The bytes of the image with the text `manifest` and the files of these names; `made` has the
    bytes of some."""
    members = [(mkinitrd.MANIFEST, manifest.encode())]
    for name in names:
        try:
            data = made[name] if name in made else loadable(known[name].read_bytes())
            members.append((name, data))
        except ValueError as error:
            raise ValueError(f'{known[name]}: {error}') from error
    return cpio.archive(members)


def described(names, known, note):
    """The module of interfaces: those of the SDK, and those of which programs of other trees have
    stubs. `note` is called with what cannot be told."""
    sys.path.insert(0, str(sdk.STUBGEN))
    from stubgen import described, selfdesc
    from stubgen.emit import ifdesc
    bundle = known[INTERFACES].read_bytes()
    for name in names:
        path = known[name]
        with open(path, 'rb') as file:
            is_program = file.read(len(ELF_MAGIC)) == ELF_MAGIC
        if path.parent == sdk.PROGRAMS or not is_program:
            continue
        try:
            records = selfdesc.records(selfdesc.of_program(path))
            bundle += described.bundle(records, ifdesc.ids(bundle))
        except (ValueError, selfdesc.Damaged) as error:
            note(f'{path}: ifcall will not know all interfaces: {error}')
    return bundle


def escaped(path):
    """A path in a make rule."""
    return str(path).replace('\\', '\\\\').replace(' ', '\\ ').replace('$', '$$')


def arguments():
    about = __doc__.split('\n\n')
    parser = argparse.ArgumentParser(prog='aos-image', description=about[0], epilog=about[1])
    parser.add_argument('--output', type=Path, metavar='IMAGE')
    parser.add_argument('--boot', type=Path, metavar='FOLDER',
                        help='write kernel, image and boot.scr there: copied to the first partition'
                             ' of a disk, they are what U-Boot starts')
    parser.add_argument('--append', default='', metavar='TEXT',
                        help='with --boot: boot arguments')
    parser.add_argument('--manifest', type=Path, default=sdk.MANIFEST, metavar='FILE',
                        help='what goes in and what init starts (default: that of the SDK)')
    parser.add_argument('--also', type=Path, action='append', default=[], metavar='FILE',
                        help='more lines for the manifest')
    parser.add_argument('--depfile', type=Path, metavar='FILE',
                        help='write a make rule of all that was read')
    parser.add_argument('files', nargs='*', metavar='NAME=FILE')
    given = parser.parse_args()
    if given.output is None and given.boot is None:
        parser.error('--output or --boot says where the image goes')
    return given


def write(given, image):
    """Puts the image where the command line says."""
    if given.output is not None:
        given.output.write_bytes(image)
    if given.boot is not None:
        given.boot.mkdir(parents=True, exist_ok=True)
        script = bootscript.boot_script(given.append, True)
        (given.boot / bootscript.KERNEL).write_bytes(sdk.KERNEL.read_bytes())
        (given.boot / bootscript.INITRD).write_bytes(image)
        (given.boot / bootscript.SCRIPT).write_bytes(bootscript.script_image(script))


def note(text):
    """Says something that does not keep the image from being made."""
    print(f'aos-image: {text}', file=sys.stderr)


def main():
    given = arguments()
    manifests = [given.manifest] + given.also
    try:
        known = files(given.files)
        names = modules(manifests, known)
        text = ''.join(path.read_text().rstrip('\n') + '\n' for path in manifests)
        made = {}
        if INTERFACES in names and known[INTERFACES].parent == sdk.PROGRAMS:
            made[INTERFACES] = described(names, known, note)
        write(given, pack(text, names, known, made))
        if given.depfile:
            inputs = manifests + [known[name] for name in names]
            target = given.output or given.boot / bootscript.INITRD
            given.depfile.write_text(f'{escaped(target)}: '
                                     f'{" ".join(map(escaped, inputs))}\n')
    except (ValueError, OSError) as error:
        print(f'aos-image: {error}', file=sys.stderr)
        return 1
    return 0
