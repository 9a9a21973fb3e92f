"""permute.py SEED OUT: copies the project to OUT with every ordinal, id, error number and order of
struct fields of idl/ changed at random, and released anew. Nothing written by hand depends on them,
so OUT still builds and passes all tests:

    python3 stubgen/tests/permute.py 1 OUT && cd OUT && ./aos test
"""
import os
import random
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

from stubgen import ast, driver  # noqa: E402
from stubgen.cmd_freeze import freeze  # noqa: E402
from stubgen.diag import Diags  # noqa: E402
from stubgen.fmt import format_source  # noqa: E402
from stubgen.frozen import check, store  # noqa: E402
from stubgen.parse import parse  # noqa: E402
from stubgen.source import Source  # noqa: E402

SYSTEM_IDS = range(1, 16)          # errors blocks
INTERFACE_IDS = range(16, 768)
METHODS = range(1, 48)             # of objects: the decoder's tables are dense
ERRORS = range(1, 64)
NOT_OURS = (".git", "__pycache__", ".pytest_cache", ".hypothesis", "tags")


class Permuter:
    """Collects edits (span, new text) over several files; ids are unique over all of them. `pick`
    draws the numbers and orders, as random.Random does."""

    def __init__(self, pick):
        self.pick = pick
        self.system_ids = self.pick.sample(SYSTEM_IDS, len(SYSTEM_IDS))
        self.interface_ids = self.pick.sample(INTERFACE_IDS, len(INTERFACE_IDS))
        self.edits = []

    def text(self, path, text):
        """The permuted text of one file."""
        diags = Diags()
        file = parse(Source(path, text), diags)
        assert not diags, diags.render()
        self.edits = []
        syscalls = [d for d in file.decls if isinstance(d, ast.Method)]
        self.numbers([m.ordinal for m in syscalls], range(len(syscalls)))
        for decl in file.decls:
            self.decl(decl, text)
        for span, new in sorted(self.edits, key=lambda e: e[0].start, reverse=True):
            text = text[:span.start] + new + text[span.end:]
        return format_source(Source(path, text))[0]

    def numbers(self, literals, space):
        for literal, value in zip(literals, self.pick.sample(space, len(literals))):
            self.edits.append((literal.span, str(value)))

    def decl(self, decl, text):
        if isinstance(decl, ast.Interface):
            assert not decl.reserved, f"{decl.name.text}: reserved ordinals cannot be permuted"
            self.edits.append((decl.id.span, hex(self.interface_ids.pop())))
            # Without gaps: the server's tables are dense, and their size has a bar.
            self.numbers([m.ordinal for m in decl.methods], range(1, len(decl.methods) + 1))
            self.numbers([e.number for e in decl.errors or []], ERRORS)
            for item in decl.types:
                self.decl(item, text)
        elif isinstance(decl, ast.ErrorsBlock):
            self.edits.append((decl.id.span, str(self.system_ids.pop())))
            self.numbers([e.number for e in decl.errors], ERRORS)
        elif isinstance(decl, ast.Object):
            self.numbers([m.ordinal for m in decl.methods], METHODS)
        elif isinstance(decl, ast.TypeDecl) and decl.kind == "struct":
            self.fields(decl, text)
        elif isinstance(decl, ast.TypeDecl):
            ordinals = [ordinal.value for ordinal in decl.ordinals]
            self.numbers(decl.ordinals, ordinals)

    def fields(self, decl, text):
        """Puts the fields of a struct in another order; each keeps its text."""
        spans = [f.name.span.to(f.name.span) for f in decl.fields]
        for span in spans:
            span.end = text.index(";", span.start)
        pieces = [text[span.start:span.end] for span in spans]
        self.pick.shuffle(pieces)
        self.edits += list(zip(spans, pieces))


def idl_files(root):
    return [os.path.join("idl", folder, name) for folder in ("abi", "draft/if", "if", "test")
            if os.path.isdir(os.path.join(root, "idl", folder))
            for name in sorted(os.listdir(os.path.join(root, "idl", folder)))
            if name.endswith(".if")]


def permuted(root, pick):
    """(path below root, text) of every interface file with what `pick` draws."""
    permuter = Permuter(pick)
    for path in idl_files(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            yield path, permuter.text(path, file.read())


def refreeze(out):
    """Releases what is released anew: to peers, a permuted interface is another one."""
    folder = os.path.join(out, "idl", check.FOLDER)
    for item in store.listed(folder):
        os.remove(item.path)
    names = [os.path.join(out, path) for path in idl_files(out)]
    build, diags, _ = driver.compile_files([n for n in names if f"{os.sep}if{os.sep}" in n],
                                           [n for n in names if f"{os.sep}abi{os.sep}" in n])
    assert not diags, diags.render()
    paths = {file.namespace: file.path for file in build.files}
    for interface in build.interfaces:
        if not interface.draft:
            assert freeze(interface, paths[interface.namespace], folder, diags)
    assert not diags, diags.render()


def outputs(folder, names):
    """What is not ours in a folder: builds, caches, what git keeps. A tree may be no checkout."""
    return [name for name in names if name in NOT_OURS
            or (name.startswith("build") and os.path.samefile(folder, ROOT))]


def main(seed, out):
    if os.path.commonpath([ROOT, os.path.realpath(out)]) == ROOT:
        sys.exit(f"permute.py: {out} is inside of the tree to be copied; name a folder elsewhere")
    shutil.copytree(ROOT, out, symlinks=True, ignore=outputs, dirs_exist_ok=True)
    for path, text in permuted(ROOT, random.Random(int(seed))):
        with open(os.path.join(out, path), "w", encoding="utf-8") as file:
            file.write(text)
    refreeze(out)


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    main(*sys.argv[1:])
