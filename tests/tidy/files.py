"""Every file has its place: it is built once, somebody uses it, and its folder's documents say
so."""
import posixpath
import re

from layers import includes

QUOTED = re.compile(r"'([^'\n]+)'")
DOUBLE_QUOTED = re.compile(r'"([^"\n]+)"')
WORD = re.compile(r'[\w.-]+')
LINK = re.compile(r'\]\(([^)#:\s]+)\)')


def readmes(sources):
    """Every folder with sources says what it is; folders of headers may leave it to the one above
    `include/`, Python packages say it in their docstring."""
    folders = {source.folder for source in sources
               if source.folder and (source.is_code or source.suffix == '.md')
               and '/include/' not in source.folder}
    have = {source.folder for source in sources if source.name in ('README.md', '__init__.py')}
    for folder in sorted(folders - have):
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


def used(sources):
    """No file is left over: headers are included, templates rendered, Python files named."""
    included = {part for source in sources for _, name in includes(source)
                for part in _tails(name)}
    quoted = {text for source in sources if source.is_python
              for pattern in (QUOTED, DOUBLE_QUOTED) for text in pattern.findall(source.text)}
    for source in sources:
        if source.suffix == '.h' and not any(t in included for t in _tails(source.path)):
            yield source.path, 1, 'nobody includes it'
        elif source.suffix == '.j2' and not _rendered(source.name.removesuffix('.j2'), quoted):
            yield source.path, 1, 'nobody renders it'
    words = {}
    for source in sources:
        if source.is_python or source.is_shell or source.name == 'meson.build':
            for word in WORD.findall(source.text.replace('/', ' ')):
                words.setdefault(word, set()).add(source.path)
                words.setdefault(word.rsplit('.', 1)[-1], set()).add(source.path)
    for source in sources:
        stem = source.name.removesuffix('.py')
        named = words.get(stem, set()) | words.get(source.name, set())
        if source.is_python and not stem.startswith(('test_', '__', 'conftest')) \
                and not named - {source.path}:
            yield source.path, 1, 'nobody imports or runs it'


def _tails(path):
    parts = path.split('/')
    return ['/'.join(parts[start:]) for start in range(len(parts))]


def _rendered(output, quoted):
    """Is a template for `X.h`, or one of a family `interface` + suffix, named by a back end?"""
    family = output.removeprefix('interface')
    return output in quoted or output + '.j2' in quoted or (family != output and family in quoted)


NAMED_PATH = re.compile(r'`((?:kernel|libaos|services|apps|sdk|tests|docs|idl|stubgen|\.ci)/'
                        r'[\w./-]*)`')


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


def links(sources):
    """A relative link in a document leads to a file."""
    there = {source.path for source in sources}
    for source in sources:
        if source.suffix == '.md':
            for number, line in enumerate(source.lines, 1):
                for target in LINK.findall(line):
                    path = posixpath.normpath(posixpath.join(source.folder, target))
                    if path not in there:
                        yield source.path, number, f'the link {target} leads nowhere'


def listed_documents(sources):
    """The README of a folder of documents links to each of them."""
    texts = {source.path: source.text for source in sources}
    for source in sources:
        if source.suffix == '.md' and source.folder.startswith('docs/') \
                and source.name != 'README.md' \
                and f']({source.name})' not in texts.get(f'{source.folder}/README.md', ''):
            yield source.path, 1, f'{source.folder}/README.md has no link to it'


FEATURES = 'docs/ref/FEATURES.md'
TEST_ID = re.compile(r'(?<![A-Z0-9])([A-Z]{3,8}[0-9]{4})(?=[ _])')
PY_TEST = re.compile(r'^def (test_\w+)\(', re.MULTILINE)


def shown_features(sources):
    """Every feature of the table names tests, and they exist: by ID, or as `file::test`."""
    tests = set()
    for source in sources:
        if source.path.startswith(('tests/', 'stubgen/tests/')) and source.is_code:
            stem = source.name.removesuffix('.py')
            tests |= set(TEST_ID.findall(source.text))
            tests |= {f'{stem}::{name}' for name in PY_TEST.findall(source.text)}
    for source in sources:
        if source.path != FEATURES:
            continue
        for number, line in enumerate(source.lines, 1):
            cells = line.split(' | ')
            if not line.startswith('| ') or cells[0] == '| feature':
                continue
            named = re.findall(r'`([^`]+)`', cells[2]) if len(cells) > 2 else []
            if not named:
                yield source.path, number, 'this feature names no test'
            for name in named:
                if name not in tests:
                    yield source.path, number, f'there is no test {name}'


TREE_RULES = (readmes, built_once, used, named_paths, links, listed_documents, shown_features)
