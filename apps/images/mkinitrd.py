"""Packs an image: the boot modules that a manifest names, as a cpio archive for the loader
(cpio.py).

mkinitrd.py --manifest X.image --output X.initrd NAME=FILE...   The pairs are everything the build
made; the manifest's lines
`module NAME` choose among them and give the order. The manifest itself goes in as the first module,
`manifest`; its other lines are for init. `--add NAME=FILE` puts a file in that the manifest does
not name. `--depfile` names what went in, so that the build knows.
"""
import argparse
import sys
from pathlib import Path

import cpio

MANIFEST = 'manifest'


class ManifestError(ValueError):
    """A manifest that cannot be packed; the text says where."""


def modules(text, known, where, before=()):
    """The names on `module` lines, in order. `known`: what may be named; `before`: what manifests
    that this one continues have named."""
    names = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split('#')[0].split()
        if not words or words[0] != 'module':
            continue
        at = f'{where}:{number}:'
        if len(words) != 2:
            raise ManifestError(f'{at} one name belongs behind `module`')
        name = words[1]
        if name not in known:
            there = ', '.join(sorted(known))
            raise ManifestError(f'{at} there is no program or file {name}; there are: {there}')
        if name in names or name in before:
            raise ManifestError(f'{at} module {name} is named twice')
        names.append(name)
    if not names and not before:
        raise ManifestError(f'{where} names no module')
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--manifest', required=True, type=Path)
    parser.add_argument('--output', required=True, type=Path)
    parser.add_argument('--add', action='append', default=[], metavar='NAME=FILE')
    parser.add_argument('--depfile', type=Path)
    parser.add_argument('files', nargs='*', metavar='NAME=FILE')
    arguments = parser.parse_args()
    known = dict(pair.split('=', 1) for pair in arguments.files + arguments.add)
    added = [pair.split('=', 1)[0] for pair in arguments.add]
    text = arguments.manifest.read_text()
    try:
        chosen = modules(text, known, arguments.manifest) + added
        blob = cpio.archive([(MANIFEST, text.encode())] +
                            [(name, Path(known[name]).read_bytes()) for name in chosen])
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    arguments.output.write_bytes(blob)
    if arguments.depfile:
        inputs = ' '.join(str(known[name]) for name in chosen)
        arguments.depfile.write_text(f'{arguments.output}: {arguments.manifest} {inputs}\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
