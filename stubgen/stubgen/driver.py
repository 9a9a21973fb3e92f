"""From paths to a checked model: reads the files and their imports, runs all passes."""
import os

from . import canon
from .diag import Diags
from .parse import parse
from .sema import analyse
from .sema.imports import resolve
from .source import read_source


class InputError(Exception):
    """A file on the command line cannot be read."""


def compile_files(paths, context_paths=()):
    """Checks files and everything they import. Returns (model.Build, Diags, paths read); the
    build is complete only if there are no diagnostics. `context_paths` are checked but marked as
    not to be generated."""
    sources = []
    for path, generate in [(p, False) for p in context_paths] + [(p, True) for p in paths]:
        try:
            sources.append((read_source(path), generate))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot read: {error}") from error
    return compile_sources(sources)


def compile_sources(sources):
    """As compile_files, for [(Source, generate)]; imports are still read from disk. A file that an
    import does not find beside the importing one may be one of `sources`, by its name."""
    diags = Diags()
    given = {os.path.realpath(source.path): (source, generate) for source, generate in sources}
    loader = _Loader(diags, {os.path.basename(path): path for path in given})
    for source, generate in given.values():
        loader.load(source, generate, given)
    syntax_errors = bool(diags)
    build = None
    if not syntax_errors:
        build = analyse(loader.files, diags)
    if build is not None and not diags:
        for interface in build.interfaces:
            canon.seal(interface)
    return build, diags, loader.read


class _Loader:
    """Parses each file once, imports before importers."""

    def __init__(self, diags, named):
        self.diags = diags
        self.named = named     # {name: path} of what was given
        self.files = []
        self.read = []
        self.seen = set()

    def load(self, source, generate, given):
        key = os.path.realpath(source.path)
        if key in self.seen:
            return
        self.seen.add(key)
        self.read.append(source.path)
        file = parse(source, self.diags)
        for item in file.imports:
            path = resolve(source.path, item)
            if item.path in self.named and not os.path.exists(path):
                path = item.path = self.named[item.path]
            other = os.path.realpath(path)
            if other in self.seen:
                continue
            if other in given:
                self.load(*given[other], given)
                continue
            found = self.open(path)
            if found is not None:
                self.load(found, False, given)
        self.files.append((file, generate))

    def open(self, path):
        """The source of an import; None if it cannot be read (pass imports reports it)."""
        if not os.path.isfile(path):
            return None
        try:
            return read_source(os.path.normpath(path))
        except (OSError, ValueError):
            return None
