"""Rules about files together: who may include whom, cycles, READMEs, and that everything is built
once."""
import posixpath
import re

INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]')
QUOTED = re.compile(r"'([^'\n]+)'")
LIBC = frozenset('''assert ctype errno inttypes limits locale math setjmp signal stdarg stdatomic
stdbool stddef
    fcntl stdint stdio stdio-bufio stdlib stdnoreturn string strings time unistd wchar'''.split())
FREESTANDING = frozenset('stdarg stdatomic stdbool stddef stdint stdnoreturn limits string'.split())

# Per layer: the prefixes of <...> that a file may include. A pattern that ends with '/' is a
# folder. `*_priv.h` and other quoted names are looked at below.
ALLOWED = {
    'kernel/include/kpi/': ('kpi/', 'abi/'),
    'kernel/': ('kpi/', 'kernel/', 'arch/', 'dev/', 'abi/'),
    'libaos/': ('kpi/', 'aos/', 'arch/', 'abi/', 'if/', 'kernel/elf.h', 'kernel/fdt.h',
                'kernel/format.h',
                'kernel/symbols.h',
                'machine/', 'sys/'),
    'services/': ('aos/', 'if/'),
    'apps/': ('aos/', 'if/'),
    # These two are about the kernel's ABI itself.
    'apps/bench/': ('aos/', 'if/', 'abi/', 'kpi/'),
    'apps/fuzz/': ('aos/', 'if/', 'abi/', 'kpi/'),
}
SERVER_STUB = re.compile(r'^if/(\w+)_server\.h$')


def layer_of(path):
    """The longest prefix of ALLOWED that `path` has, or None."""
    fits = [prefix for prefix in ALLOWED if path.startswith(prefix)]
    return max(fits, key=len) if fits else None


def _standard(name, layer):
    stem = name.removesuffix('.h')
    return stem in (FREESTANDING if layer.startswith('kernel/') else LIBC)


def includes(source):
    """(line, name) of what a C file includes."""
    for number, line in enumerate(source.lines, 1):
        if found := INCLUDE.match(line):
            yield number, found[1]


def may_include(source):
    """The table of docs/ref/STYLE.md: each layer includes only what it may know about."""
    layer = layer_of(source.path)
    if layer is None or source.suffix not in ('.c', '.h'):
        return
    for number, name in includes(source):
        if '../' in name:
            yield number, f'{name}: no path upwards; put the header on the include path'
        elif '/' not in name:
            own = name.endswith('_priv.h') or f'"{name}"' in source.lines[number - 1]
            if not own and not _standard(name, layer):
                yield number, f'<{name}> is not for {layer}'
        elif not name.startswith(ALLOWED[layer]):
            yield number, f'{layer} may not include <{name}>; it may: {", ".join(ALLOWED[layer])}'
        elif layer in ('apps/', 'apps/fuzz/') and SERVER_STUB.match(name):
            yield number, f'<{name}>: only a service has a server stub'


def include_cycles(sources):
    """Headers do not include each other in a circle."""
    headers = {source.path: source for source in sources if source.suffix == '.h'}
    by_tail = {}
    for path in headers:
        parts = path.split('/')
        for start in range(len(parts)):
            by_tail.setdefault('/'.join(parts[start:]), []).append(path)
    edges = {}
    for path, source in headers.items():
        targets = [by_tail.get(name, []) for _, name in includes(source)]
        edges[path] = [found[0] for found in targets if len(found) == 1]
    state, cycles = {}, []

    def visit(path, trail):
        state[path] = 'open'
        for target in edges[path]:
            if state.get(target) == 'open':
                cycles.append(trail[trail.index(target):] + [target])
            elif target not in state:
                visit(target, trail + [target])
        state[path] = 'done'

    for path in edges:
        if path not in state:
            visit(path, [path])
    for cycle in cycles:
        yield cycle[0], 1, f'an include cycle: {" -> ".join(cycle)}'


README_DEPTH = 2     # folders this deep have a README of their own; deeper ones may rely on it


def readmes(sources):
    """Every folder with sources says what it is."""
    folders = {source.folder for source in sources if source.is_code
               and source.name != 'meson.build'}
    # A Python package says it in its docstring.
    have = {source.folder for source in sources if source.name in ('README.md', '__init__.py')}
    nearest = {'/'.join(folder.split('/')[:README_DEPTH]) for folder in folders - have}
    for folder in sorted(nearest - have):
        yield f'{folder}/README.md', 1, 'write two lines: what is in this folder'


def built_once(sources):
    """Every C file is listed in exactly one meson.build; tests may build it once more."""
    # stubgen's tests compile theirs themselves.
    known = {source.path for source in sources
             if source.suffix in ('.c', '.S') and not source.path.startswith('stubgen/tests/')}
    listed = {path: [] for path in known}
    stems = {}
    for source in sources:
        if source.name != 'meson.build':
            continue
        for text in set(QUOTED.findall(source.text)):
            path = posixpath.normpath(posixpath.join(source.folder, text))
            tested = source.folder.startswith('tests/') and not path.startswith('tests/')
            if path in listed and not tested:
                listed[path].append(source.path)
            stems.setdefault(text.removesuffix('.c'), []).append(source.path)
    for path in sorted(known):
        name = posixpath.splitext(posixpath.basename(path))[0]
        if len(listed[path]) > 1:
            yield path, 1, f'listed in {" and ".join(sorted(listed[path]))}; share it with files()'
        elif not listed[path] and not _by_stem(path, name, stems):
            yield path, 1, 'in no meson.build: nothing compiles it'


def _by_stem(path, name, stems):
    """A loop over names in a meson.build of the file's folder or above also lists it."""
    builds = stems.get(name, []) + stems.get(name.removeprefix('test_'), [])
    return any(path.startswith(posixpath.dirname(build) + '/') for build in builds)


NAMED_PATH = re.compile(r'`((?:kernel|libaos|services|apps|tests|docs|idl|stubgen|\.ci)/[\w./-]*)`')


def named_paths(sources):
    """What a document names in the tree is there."""
    there = {source.path for source in sources}
    there |= {'/'.join(path.split('/')[:n]) for path in there
              for n in range(1, path.count('/') + 1)}
    for source in sources:
        if source.suffix == '.md' and not source.path.startswith('docs/design/'):
            for number, line in enumerate(source.lines, 1):
                for path in NAMED_PATH.findall(line):
                    here = posixpath.join(source.folder, path).rstrip('/')
                    if path.rstrip('/') not in there and here not in there:
                        yield source.path, number, f'there is no {path}'


TREE_RULES = (include_cycles, readmes, built_once, named_paths)
