"""`aos new interface|service|app NAME [INTERFACE...]`: writes something small that works, and names
it where the build and the image look.

interface  idl/if/NAME.if, one call; the name goes into the list of idl/meson.build
service    services/NAME/ that serves the interface NAME (which must be there) and registers as NAME
app        apps/NAME/ that says hello

A service or app is built with the stubs of each INTERFACE that it calls: the manifest names them as
the service's clients, and the app begins by connecting to them.
"""
import argparse
import re
import sys
from pathlib import Path

import jinja2

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r'[a-z][a-z0-9_]{1,30}$')
RESERVED_SUFFIX = re.compile(r'_(begin|end|cb|bind|close|client|server)$')
FIRST_ID, LAST_ID = 0x100, 0x2FF   # 1-15 are the system's, 768 and up for other trees
ID = re.compile(r'^\s*id\s+(0x[0-9a-fA-F]+|\d+)\s*;', re.M)

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name('skeleton')),
    undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    keep_trailing_newline=True, autoescape=False)
LIBRARY_CLIENTS = ['memory', 'nameserver']   # every service is a client of these


class SkeletonError(Exception):
    """Why nothing was written."""


def filled(template, **facts):
    return TEMPLATES.get_template(template).render(facts)


def free_id(root):
    """The lowest interface id that no file of the tree has."""
    used = {int(found, 0) for path in (root / 'idl').rglob('*.if')
            for found in ID.findall(path.read_text())}
    for candidate in range(FIRST_ID, LAST_ID + 1):
        if candidate not in used:
            return f'{candidate:#05x}'
    raise SkeletonError('all interface ids are used up')


def add_after(text, pattern, line, where):
    """`text` with `line` behind the last line that matches."""
    lines = text.splitlines(keepends=True)
    places = [n for n, old in enumerate(lines) if re.match(pattern, old)]
    if not places:
        raise SkeletonError(f'{where} has no line like {pattern!r}; add by hand: {line}')
    return ''.join(lines[:places[-1] + 1] + [line + '\n'] + lines[places[-1] + 1:])


def add_before(text, pattern, line, where):
    """`text` with `line` before the first line that matches."""
    lines = text.splitlines(keepends=True)
    for number, old in enumerate(lines):
        if re.match(pattern, old):
            return ''.join(lines[:number] + [line + '\n'] + lines[number:])
    raise SkeletonError(f'{where} has no line like {pattern!r}; add by hand: {line}')


def add_name(text, name):
    """`text` of idl/meson.build with `name` in its place in the list if_names."""
    found = re.search(r'if_names = \[(.*?)\]', text, re.S)
    if not found:
        raise SkeletonError('idl/meson.build has no list if_names')
    names = sorted(re.findall(r"'(\w+)'", found[1]) + [name])
    lines = ['if_names = [' + ', '.join(f"'{n}'" for n in names) + ']']
    while len(lines[-1]) > 100:
        at = lines[-1].rfind(' ', 0, 100)
        lines[-1:] = [lines[-1][:at], ' ' * 12 + lines[-1][at + 1:]]
    return text[:found.start()] + '\n'.join(lines) + text[found.end():]


def meson_list(key, items, indent):
    """What follows the last entry of a dictionary: a list, an item a line; nothing for none."""
    start = '\n' + ' ' * indent
    lines = ''.join(f'{start}  {item},' for item in items)
    return f",{start}'{key}': [{lines}{start}]" if items else ''


def demand_interface(root, name):
    if not (root / 'idl' / 'if' / f'{name}.if').exists():
        raise SkeletonError(f'there is no idl/if/{name}.if; first: ./aos new interface {name}')


def interface(root, name, uses):
    """{path: text} of what becomes of the tree."""
    if uses:
        raise SkeletonError('an interface calls no other')
    build = root / 'idl' / 'meson.build'
    text = filled('interface.if.j2', name=name, id=free_id(root))
    return {root / 'idl' / 'if' / f'{name}.if': text, build: add_name(build.read_text(), name)}


def service(root, name, uses):
    demand_interface(root, name)
    build, image = root / 'services' / 'meson.build', root / 'apps' / 'images' / 'default.image'
    clients = meson_list('clients', [f"'{used}'" for used in uses], indent=4)
    entry = f"  '{name}': {{'sources': ['main.c'], 'core': []{clients}}},"
    called = ','.join(dict.fromkeys(LIBRARY_CLIENTS + uses))
    manifest = add_after(image.read_text(), 'module ', f'module {name}', image)
    manifest = add_after(manifest, 'service ', f'service {name} clients {called}', image)
    return {root / 'services' / name / 'main.c': filled('service.c.j2', name=name),
            root / 'services' / name / 'README.md': filled('service.md.j2', name=name),
            build: add_before(build.read_text(), r'\}$', entry, build), image: manifest}


def app(root, name, uses):
    build, image = root / 'apps' / 'meson.build', root / 'apps' / 'images' / 'default.image'
    deps = meson_list('deps', [f"if_client['{used}']" for used in uses], indent=2)
    entry = f"programs += {{'{name}': {{\n  'sources': files('{name}/{name}.c'){deps},\n}}}}"
    return {root / 'apps' / name / f'{name}.c': filled('app.c.j2', name=name, uses=uses),
            root / 'apps' / name / 'README.md': filled('app.md.j2', name=name),
            build: add_before(build.read_text(), r"subdir\('images'\)", entry, build),
            image: add_after(image.read_text(), 'module ', f'module {name}', image)}


KINDS = {'interface': interface, 'service': service, 'app': app}


def write(root, kind, name, uses=()):
    """Writes a skeleton; returns the paths. Nothing is written if anything is in the way."""
    if not NAME.match(name) or RESERVED_SUFFIX.search(name):
        raise SkeletonError(f'{name} is no good name: lower case letters, digits and _, and no '
                            'suffix that generated code uses')
    uses = list(dict.fromkeys(uses))
    for used in uses:
        demand_interface(root, used)
    changed = KINDS[kind](root, name, uses)
    folders = {'interface': ('idl', 'if', f'{name}.if'), 'service': ('services', name),
               'app': ('apps', name)}
    if root.joinpath(*folders[kind]).exists():
        raise SkeletonError(f'{"/".join(folders[kind])} is there already')
    if kind != 'interface' and any((root / top / name).exists() for top in ('services', 'apps')):
        raise SkeletonError(f'a program is called {name} already')
    for path, text in changed.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return [path.relative_to(root).as_posix() for path in changed]


def main():
    parser = argparse.ArgumentParser(prog='aos new')
    parser.add_argument('kind', choices=KINDS)
    parser.add_argument('name')
    parser.add_argument('uses', nargs='*', metavar='INTERFACE', help='that it calls')
    arguments = parser.parse_args()
    try:
        paths = write(ROOT, arguments.kind, arguments.name, arguments.uses)
    except (SkeletonError, OSError) as error:
        print(f'aos: {error}', file=sys.stderr)
        return 1
    print('\n'.join(f'wrote {path}' for path in paths))
    return 0


if __name__ == '__main__':
    sys.exit(main())
