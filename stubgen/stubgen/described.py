"""What programs say of themselves (selfdesc.py), made into interfaces again, and into what ifcall
reads of them. Pure."""
import re

from . import canon
from .diag import Diags
from .emit import ifdesc
from .frozen import text
from .parse import parse
from .sema import analyse
from .source import Source

ERRORS = re.compile(r"^  error (0x[0-9a-f]+) \{(.*)\}$", re.MULTILINE)


class Unknown(ValueError):
    """The text of a record is not that of an interface with its hash."""


def interface(record):
    """The model.Interface of a selfdesc.Record. Messages of errors are not in a record: the names
    stand for them."""
    source = Source(f"{record.name}.{record.version}.if", _source(record))
    diags = Diags()
    file = parse(source, diags)
    taken = {decl.id.value for decl in file.decls if getattr(decl, "id", None)} | {record.name}
    file.decls += text.stubs(file, taken)
    made = None if diags else analyse([(file, True)], diags, skip=("cnames",))
    if diags or record.name not in [i.name for i in made.interfaces]:
        why = diags.sorted()[0].message if diags else "it is another one"
        raise Unknown(f"{record.name}: {why}")
    found = made.interface(record.name)
    canon.seal(found)
    if found.hash != record.hash:
        raise Unknown(f"{record.name}: its text has hash {found.hash:#018x}, it has "
                      f"{record.hash:#018x}")
    return found


def bundle(records, known=()):
    """The descriptions of these interfaces, once each and without those whose ids are `known`."""
    seen, out = set(known), b""
    for record in records:
        if record.id not in seen:
            seen.add(record.id)
            out += ifdesc.describe(interface(record))
    return out


def _source(record):
    """The canonical text as a file of the language."""
    found = ERRORS.search(record.text)
    if found is None:
        return record.text
    listed = re.sub(r"(\w+) = (\d+);", r'\1 = \2 "\1";', found[2])
    if int(found[1], 16) == record.id:
        return ERRORS.sub(f"  error {{{listed}}}", record.text)
    own = f"{record.name}_errors"
    return f"errors {own} {{ id {found[1]}; {listed} }}\n" \
        + ERRORS.sub(f"  error from {own};", record.text)
