"""The text of a released interface: valid source that needs no other file. Pure."""
import re

from .. import canon, model
from ..diag import Diags
from ..fmt import format_source
from ..source import Source

HASH = re.compile(r"^// hash (0x[0-9a-f]{16})$", re.MULTILINE)


def render(interface):
    """Types stand in the interface, wherever they were declared, constants are their values. What
    the hash does not cover is left out: comments, errors that no method lists."""
    lines, types, methods = [], *canon.parts(interface)
    name, errors = interface.name, canon.listed_errors(interface)
    listed = " ".join(f"{e.name} = {e.number} {_quoted(e.message)};" for e in errors)
    own = interface.own_errors
    if errors and not own:
        lines.append(f"errors {name}_errors {{\nid {interface.errors.id:#x};\n{listed} }}")
    lines.append(f"interface {name} {{\nid {interface.id:#x}; version {interface.version};")
    if interface.reserved:
        ranges = ", ".join(str(low) if low == high else f"{low}..{high}"
                           for low, high in sorted(interface.reserved))
        lines.append(f"reserved {ranges};")
    if errors:
        lines.append(f"error {{\n{listed} }}" if own else f"error from {name}_errors;")
    lines += types + [""] + methods + ["}"]
    return _head(interface) + formatted("\n".join(lines))


def _head(interface):
    return (f"// Version {interface.version} of interface {interface.name}, as `stubgen freeze` "
            f"released it. Not to be changed.\n// hash {interface.hash:#018x}\n")


def formatted(text):
    result, diags = format_source(Source("frozen", text))
    assert not diags, diags.render()
    return result


def _quoted(message):
    return '"' + message.replace("\\", "\\\\").replace('"', '\\"') + '"'


def stubs(file, taken):
    """Declarations of what the text of an ast.File only names: capability types and the interfaces
    of channel ends. `taken`: ids and names that are in use."""
    from ..parse import parse
    kinds, ends = set(), set()
    for node in _type_exprs(file):
        kinds |= {name.text for name in node.kinds}
        if node.form in ("client", "server") and node.name is not None:
            ends.add(node.name.text())
    free = (id_ for id_ in range(1, 1024) if id_ not in taken)
    text = "".join(f"captype {kind} {{ }}\n" for kind in sorted(kinds))
    text += "".join(f"interface {end} {{ id {next(free)}; version 1; }}\n"
                    for end in sorted(ends) if end not in taken)
    return parse(Source("stubs.if", text), Diags()).decls


def _type_exprs(node):
    """Every ast.TypeExpr below a node."""
    from .. import ast
    if isinstance(node, ast.TypeExpr):
        yield node
    if isinstance(node, (list, tuple)):
        for item in node:
            yield from _type_exprs(item)
    elif isinstance(node, (ast.File, ast.Interface, ast.Method, ast.Param, ast.TypeDecl)):
        for item in vars(node).values():
            yield from _type_exprs(item)


def type_text(type_):
    """A type for a message; named ones by their name."""
    return canon.type_text(type_) if not isinstance(type_, model.Named) else type_.decl.name
