"""Who may include whom: the layers, the order inside libaos, the declared clients of a service, no
circles, no headers that only collect others."""
import posixpath
import re

INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]')
LIBC = frozenset('''assert ctype errno inttypes limits locale math setjmp signal stdarg stdatomic
stdbool stddef
    fcntl stdint stdio stdio-bufio stdlib stdnoreturn string strings threads time unistd
    wchar'''.split())
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
    'services/': ('aos/', 'dev/', 'if/'),
    'apps/': ('aos/', 'if/'),
    # These two are about the kernel's ABI itself.
    'apps/bench/': ('aos/', 'if/', 'abi/', 'kpi/'),
    'apps/fuzz/': ('aos/', 'if/', 'abi/', 'kpi/'),
    # Its workers serve each other.
    'apps/stress/': ('aos/', 'if/'),
}
SERVER_STUB = re.compile(r'^if/(\w+)_server\.h$')
CLIENT_STUB = re.compile(r'^if/(\w+)\.h$')
HOMES = {'intermon': 'monitor'}  # interfaces that are not called as the folder that serves them
FACADES = ('libaos/rpc/', 'libaos/include/')
# A private header is for its own folder of libaos and for those after it.
LIBAOS_ORDER = ('cap', 'mem', 'paging', 'thread', 'chan', 'rpc', 'proc', 'io', 'libc')
# They share one lock and refill each other's reserves (libaos/mem/mem_priv.h).
LIBAOS_UPWARDS = {('cap', 'mem_priv.h'), ('mem', 'paging_priv.h')}
MANIFEST = 'apps/images/default.image'
C_COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.S)


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


def _stub_misuse(source, layer, name):
    """What is wrong about this file's including the stub <if/...>, or None."""
    server = SERVER_STUB.match(name)
    if server and layer in ('libaos/', 'apps/', 'apps/fuzz/'):
        return 'only a service has a server stub'
    home = HOMES.get(server[1], server[1]) if server else None
    if server and layer == 'services/' and not source.path.startswith(f'services/{home}/'):
        return f'the server stub of {server[1]} is for services/{home} alone'
    if layer == 'libaos/' and name.startswith('if/') and not source.path.startswith(FACADES):
        return 'stubs are behind a facade of libaos/rpc'
    return None


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
        elif message := _stub_misuse(source, layer, name):
            yield number, f'<{name}>: {message}'


def no_umbrella(source):
    """A header declares something of its own: nobody needs one that only includes others."""
    if source.suffix == '.h':
        lines = [line for line in C_COMMENT.sub('', source.text).split('\n')
                 if line.strip() and not line.startswith('#pragma')]
        if len(lines) > 1 and all(INCLUDE.match(line) for line in lines):
            yield 1, 'it only includes others; let each file include what it uses'


def _nearest(paths, path):
    """Those of `paths` that share the most folders with `path`."""
    def shared(other):
        return len(posixpath.commonprefix([path.split('/'), other.split('/')]))
    most = max(map(shared, paths), default=0)
    return [other for other in paths if shared(other) == most]


def _headers_by_tail(sources):
    by_tail = {}
    for source in sources:
        parts = source.path.split('/') if source.suffix == '.h' else []
        for start in range(len(parts)):
            by_tail.setdefault('/'.join(parts[start:]), []).append(source.path)
    return by_tail


def include_cycles(sources):
    """Headers do not include each other in a circle."""
    by_tail = _headers_by_tail(sources)
    edges = {source.path: [found for _, name in includes(source)
                           for found in _nearest(by_tail.get(name, []), source.path)]
             for source in sources if source.suffix == '.h'}
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


def libaos_order(sources):
    """A folder of libaos uses only private headers of its own and of the folders before it."""
    owners = {source.name: source.path.split('/')[1] for source in sources
              if source.path.startswith('libaos/') and source.name.endswith('_priv.h')}
    for source in sources:
        own = source.path.split('/')[1] if source.path.startswith('libaos/') else None
        if own not in LIBAOS_ORDER:
            continue
        for number, name in includes(source):
            owner = owners.get(name, own)
            if owner in LIBAOS_ORDER and (own, name) not in LIBAOS_UPWARDS \
                    and LIBAOS_ORDER.index(owner) > LIBAOS_ORDER.index(own):
                yield source.path, number, f'{name}: libaos/{own} stands before libaos/{owner}'


def declared_clients(sources):
    """A service calls only services that its line in the manifest names as `clients`."""
    lines = [line.split() for source in sources if source.path == MANIFEST
             for line in source.lines if line.startswith('service ')]
    clients = {words[1]: words[words.index('clients') + 1].split(',') if 'clients' in words else []
               for words in lines}
    for source in sources:
        own = source.path.split('/')[1] if source.path.startswith('services/') else None
        for number, name in includes(source) if own in clients else []:
            stub = CLIENT_STUB.match(name)
            if stub and not stub[1].endswith('_server') and stub[1] not in [own] + clients[own]:
                yield source.path, number, f'{own} has no client {stub[1]} in {MANIFEST}'


FILE_RULES = (may_include, no_umbrella)
TREE_RULES = (include_cycles, libaos_order, declared_clients)
