"""One Flounder file as one of ours: text in canonical form, and what was lost on the way."""
from ..diag import Diags
from ..fmt import format_source
from ..limits import ID_MAX
from ..source import Source
from . import parse as flounder_parse
from .members import members
from .types import Types, Unknown, snake

ID_FIRST = 768            # of trees outside this one
LOSS_KINDS = {
    "backend": "an annotation for one transport",
    "bound": "a bound that Flounder does not have, or that does not fit",
    "construct": "a construct that our language has no form for",
    "cookie": "a value that only matched answers with requests",
    "direction": "who sends a message",
    "errval": "an error code of Barrelfish",
    "iref": "a reference to a service",
    "lend": "a buffer that is lent instead of copied through words",
    "name": "another name",
    "pair": "two messages that are one call",
}


class Loss:
    """What a translation could not keep as it was; `fatal`: there is no translation."""

    def __init__(self, span, kind, text, fatal=False):
        assert kind in LOSS_KINDS, kind
        self.span, self.kind, self.text, self.fatal = span, kind, text, fatal

    def render(self):
        word = "error" if self.fatal else "note"
        return f"{self.span.where()}: {word}: {self.text} [{self.kind}]\n"

    def as_dict(self):
        line, column = self.span.source.line_col(self.span.start)
        return {"severity": "error" if self.fatal else "note", "kind": self.kind,
                "message": self.text, "file": self.span.source.path, "line": line,
                "column": column}


class Losses:
    def __init__(self):
        self.items = []

    def add(self, token, kind, text, fatal=False):
        loss = Loss(token.span, kind, text, fatal)
        if loss.render() not in [item.render() for item in self.items]:
            self.items.append(loss)

    def sorted(self):
        return sorted(self.items, key=lambda item: (item.span.source.path, item.span.start))


class Result:
    """text is None if the file could not be translated: then `diags` (syntax) or a fatal loss says
    why. `is_types`: the file has no interface and gives only types to others."""

    def __init__(self, name, text, losses, diags, is_types=False):
        self.name, self.text, self.is_types = name, text, is_types
        self.losses, self.diags = losses, diags


def outer_types(sources):
    """{name: Typedef} of files of types, which Barrelfish's build puts before each interface."""
    found = {}
    for source in sources:
        for node in flounder_parse.parse(source, Diags()).types:
            found.setdefault(node.name.text, node)
    return found


def translate(source, outer=(), number=ID_FIRST):
    """Translates one file. `outer`: types of other files; `number`: the id of the interface."""
    assert ID_FIRST <= number <= ID_MAX
    diags, losses = Diags(), Losses()
    file = flounder_parse.parse(source, diags)
    if diags:
        return Result(source.stem, None, losses, diags)
    if file.name is None:
        return Result(source.stem, None, losses, diags, is_types=True)
    name = snake(file.name.text)
    try:
        lines = _lines(file, name, dict(outer), number, losses)
    except Unknown as error:
        losses.add(error.token, "construct", str(error), fatal=True)
        return Result(name, None, losses, diags)
    text, problems = format_source(Source(f"{name}.if", "\n".join(lines) + "\n"))
    assert not problems, problems.render()
    return Result(name, text, losses, diags)


def _lines(file, name, outer, number, losses):
    if name != file.name.text:
        losses.add(file.name, "name", f"`{file.name.text}` is called `{name}`")
    types = Types(file.types, outer, losses)
    inner = []
    for node in file.types:
        found = types.declaration(node)
        inner += [f"/// {line}".rstrip() for line in node.doc if found] + found
    listed = members(file, types, losses)
    if not listed:
        raise Unknown(file.name, "an interface without messages")
    head = [f"// {line}".rstrip() for line in file.head]
    lines = head + ["", f"/// {file.description or file.name.text}.".replace("..", "."),
                    f"interface {name} {{", f"id {number:#x}; version 1 draft;"]
    if any(member.fails for member in listed):
        lines.append('error { failed = 1 "the operation failed"; }')
    lines += inner
    for ordinal, member in enumerate(listed, 1):
        lines += member.lines(ordinal)
    return lines + ["}"]
