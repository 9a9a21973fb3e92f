"""The folder of released versions: NAME.N.if each."""
import os
import re

from .. import ast, canon
from ..diag import Diags
from ..parse import parse
from ..sema import analyse
from ..source import Source, Span, read_source
from . import text

NAME = re.compile(r"([a-z][a-z0-9_]*)\.([1-9][0-9]*)\.if")


class Released:
    """One file: `interface` is its model, None if the file is damaged (which was reported)."""

    def __init__(self, path, name, version):
        self.path = path
        self.name = name
        self.version = version
        self.source = None
        self.interface = None


def path_of(folder, name, version):
    return os.path.join(folder, f"{name}.{version}.if")


def listed(folder):
    """Released of every file in the folder, by name, then by version. Nothing is read yet."""
    found = []
    for entry in os.listdir(folder):
        match = NAME.fullmatch(entry)
        if match:
            found.append(Released(os.path.join(folder, entry), match[1], int(match[2])))
    return sorted(found, key=lambda item: (item.name, item.version))


def load(item, diags):
    """Reads, compiles and verifies one file; says in `diags` what is wrong with it."""
    try:
        item.source = read_source(item.path)
    except (OSError, ValueError):
        item.source = Source(item.path, "")
        damaged(item, diags, "it cannot be read")
        return
    own = Diags()
    file = parse(item.source, own)
    decls = [decl for decl in file.decls if isinstance(decl, ast.Interface)]
    if own or len(decls) != 1 or decls[0].name.text != item.name or decls[0].draft or \
            decls[0].version is None or decls[0].version.value != item.version:
        damaged(item, diags, f"it is not interface `{item.name}` version {item.version}")
        return
    taken = {decl.id.value for decl in file.decls if getattr(decl, "id", None)} | {item.name}
    file.decls += text.stubs(file, taken)
    build = analyse([(file, True)], own, skip=("cnames", "support"))
    if own:
        damaged(item, diags, own.sorted()[0].message)
        return
    made = build.interface(item.name)
    canon.seal(made)
    stated = text.HASH.search(item.source.text)
    if stated is None or int(stated[1], 16) != made.hash:
        damaged(item, diags, f"its hash is {made.hash:#018x}, not what its head says")
    elif text.render(made) != item.source.text:
        damaged(item, diags, "it is not in the form in which it was written")
    else:
        item.interface = made


def damaged(item, diags, why):
    end = item.source.text.find("\n")
    diags.error("E2102", Span(item.source, 0, end if end > 0 else len(item.source.text)),
                f"the released version {item.version} of `{item.name}` was changed: {why}",
                "released versions never change", "take it back from version control; what is new "
                "goes into a new version")
