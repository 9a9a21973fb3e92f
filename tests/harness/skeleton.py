"""`aos new interface|service|app NAME`: writes something small that works, and names it where the
build and the image look.

interface  idl/if/NAME.if, one call; the name goes into the list of idl/meson.build
service    services/NAME/ that serves the interface NAME (which must be there) and registers as NAME
app        apps/NAME/ that says hello
"""
import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r'[a-z][a-z0-9_]{1,30}$')
RESERVED_SUFFIX = re.compile(r'_(begin|end|cb|bind|close|client|server)$')
FIRST_ID, LAST_ID = 0x100, 0x2FF   # 1-15 are the system's, 768 and up for other trees
ID = re.compile(r'^\s*id\s+(0x[0-9a-fA-F]+|\d+)\s*;', re.M)

INTERFACE = '''/// What the service NAME does for its clients.
interface NAME {
  id ID; version 1;
  /// Returns the number after `number`.
  call next @1 (number: u64) -> (answer: u64);
}
'''

SERVICE = '''/* The service NAME; its interface is idl/if/NAME.if. */
#include <aos/debug.h>
#include <aos/services.h>
#include <aos/waitset.h>
#include <if/NAME_server.h>

static struct waitset loop;
static struct NAME_server server;

static errval_t on_next(struct server_ctx *ctx, uint64_t number, uint64_t *ret_answer)
{
    *ret_answer = number + 1;
    return ERR_OK;
}

static const struct NAME_server_ops ops = {
    .on_next = on_next,
};

int main(void)
{
    errval_t err;

    waitset_init(&loop);
    NAME_serve(&server, &ops, NULL, &loop);
    err = aos_register(&server.base, "NAME", NULL, 0);
    if (err_is_fail(err)) {
        aos_panic("NAME: cannot start: 0x%llx", (unsigned long long)err);
    }
    waitset_run(&loop);
}
'''

SERVICE_README = '''# services/NAME

What the service NAME does. Its interface is `idl/if/NAME.if`; it registers as `NAME`.
'''

APP = '''/* NAME: says hello. */
#include <stdio.h>

int main(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        printf("hello, %s\\n", argv[i]);
    }
    return 0;
}
'''

APP_README = '''# apps/NAME

What the program NAME does and how it is called.
'''


class SkeletonError(Exception):
    """Why nothing was written."""


def filled(template, name):
    return template.replace('NAME', name)


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


def interface(root, name):
    """{path: text} of what becomes of the tree."""
    build = root / 'idl' / 'meson.build'
    text = filled(INTERFACE, name).replace('ID', free_id(root), 1)
    return {root / 'idl' / 'if' / f'{name}.if': text, build: add_name(build.read_text(), name)}


def service(root, name):
    source = root / 'idl' / 'if' / f'{name}.if'
    if not source.exists():
        raise SkeletonError(f'there is no idl/if/{name}.if; first: ./aos new interface {name}')
    build, image = root / 'services' / 'meson.build', root / 'apps' / 'images' / 'default.image'
    entry = f"  '{name}': {{'sources': ['main.c'], 'core': []}},"
    manifest = add_after(image.read_text(), 'module ', f'module {name}', image)
    manifest = add_after(manifest, 'service ', f'service {name} clients memory,nameserver', image)
    return {root / 'services' / name / 'main.c': filled(SERVICE, name),
            root / 'services' / name / 'README.md': filled(SERVICE_README, name),
            build: add_before(build.read_text(), r'\}$', entry, build), image: manifest}


def app(root, name):
    build, image = root / 'apps' / 'meson.build', root / 'apps' / 'images' / 'default.image'
    entry = f"programs += {{'{name}': {{'sources': files('{name}/{name}.c')}}}}"
    return {root / 'apps' / name / f'{name}.c': filled(APP, name),
            root / 'apps' / name / 'README.md': filled(APP_README, name),
            build: add_before(build.read_text(), r"subdir\('images'\)", entry, build),
            image: add_after(image.read_text(), 'module ', f'module {name}', image)}


KINDS = {'interface': interface, 'service': service, 'app': app}


def write(root, kind, name):
    """Writes a skeleton; returns the paths. Nothing is written if anything is in the way."""
    if not NAME.match(name) or RESERVED_SUFFIX.search(name):
        raise SkeletonError(f'{name} is no good name: lower case letters, digits and _, and no '
                            'suffix that generated code uses')
    changed = KINDS[kind](root, name)
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
    arguments = parser.parse_args()
    try:
        paths = write(ROOT, arguments.kind, arguments.name)
    except (SkeletonError, OSError) as error:
        print(f'aos: {error}', file=sys.stderr)
        return 1
    print('\n'.join(f'wrote {path}' for path in paths))
    return 0


if __name__ == '__main__':
    sys.exit(main())
