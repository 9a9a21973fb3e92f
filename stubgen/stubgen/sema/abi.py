"""Pass abi: capability types, kernel objects and their invocations."""
from .. import ast, model
from ..diag import nearest
from ..limits import CAPTYPES_MAX, INVOKE_REGISTERS, RIGHTS


def run(context):
    users = {}
    number = 0
    for space in context.namespaces:
        for decl in space.of(ast.CapType):
            number += 1
            if number == CAPTYPES_MAX + 1:
                context.error("E1006", decl.name.span, f"more than {CAPTYPES_MAX} capability types",
                              "the first one too many", "masks of them have 32 bits")
            _rights(context, decl.rights)
            for name in decl.retype + decl.map:
                _captype(context, name)
        for decl in space.of(ast.Object):
            _object(context, decl, users)


def registers(params):
    """How many registers the parameters of an invocation take."""
    return sum(2 if isinstance(p.type, model.User) else 1 for p in params)


def _rights(context, name):
    if name is not None and (set(name.text) - set(RIGHTS) or
                             len(set(name.text)) != len(name.text)):
        context.error("E1005", name.span, f"`{name.text}` is not a set of rights",
                      f"expected letters out of {RIGHTS}, each once", "write for example `rw`")


def _captype(context, name):
    decl = context.captypes.get(name.text)
    if decl is None or decl.name.text != name.text:
        guess = nearest(name.text, [d.name.text for d in context.captypes.values()])
        context.error("E1002", name.span, f"unknown capability type `{name.text}`",
                      "not declared", f"did you mean `{guess}`?" if guess else
                      "declare it with captype, or import the file that does")
    return decl


def _object(context, decl, users):
    if not decl.captypes:
        context.error("E1001", decl.name.span, f"object `{decl.name.text}` has no captype",
                      "on which capabilities is it invoked?", "write `captype Name;` inside")
    for name, rights in decl.captypes:
        _captype(context, name)
        _rights(context, rights)
        if name.text in users:
            context.error("E1003", name.span, f"`{name.text}` already has the methods of object "
                          f"`{users[name.text][0].name.text}`", "the second object",
                          "put all its methods in one object",
                          [(users[name.text][1].span, "the first object")])
        users.setdefault(name.text, (decl, name))
    for method in decl.methods:
        node = context.made[id(method)]
        for params, what in ((node.params, "arguments"), (node.results, "results")):
            count = registers(params)
            if count > INVOKE_REGISTERS:
                context.error("E1004", method.name.span, f"`{method.name.text}` needs {count} "
                              f"registers for its {what}", f"there are {INVOKE_REGISTERS}",
                              "pass less, or put it in a user buffer")
