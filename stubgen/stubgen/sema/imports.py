"""Pass imports: links every file to the files it imports."""
import os

from .context import Namespace


def run(context):
    for file, generate in context.files:
        space = Namespace(file, generate)
        twin = next((s for s in context.namespaces if s.stem == space.stem
                     and file.source.path.endswith(".if") == s.path.endswith(".if")), None)
        if twin:
            begin = file.decls[0].span if file.decls else None
            if begin:
                context.error("E0304", begin, f"another file is also called `{space.stem}`",
                              f"it is {twin.path}", "give one of them another name")
        context.namespaces.append(space)
        context.by_path[os.path.realpath(space.path)] = space
    for space in context.namespaces:
        for item in space.file.imports:
            _link(context, space, item)
    _cycles(context)


def resolve(space_path, item):
    """The path that an import names: relative to the file it stands in. No file has a NUL in its
    name, so such a path becomes one that does not exist."""
    return os.path.join(os.path.dirname(space_path), item.path.replace("\0", "?"))


def _link(context, space, item):
    other = context.by_path.get(os.path.realpath(resolve(space.path, item)))
    if other is None:
        context.error("E0301", item.span, f"cannot read \"{item.path}\"",
                      "no such file beside this one", "check the name; paths are relative to "
                      "the importing file")
        return
    if other.stem in space.imports:
        context.error("E0303", item.span, f"\"{item.path}\" is imported twice",
                      "the second import", "remove one of them")
        return
    space.imports[other.stem] = other


def _cycles(context):
    """Reports each import that closes a cycle."""
    state = {}

    def visit(space):
        state[space.path] = "open"
        for item in space.file.imports:
            other = context.by_path.get(os.path.realpath(resolve(space.path, item)))
            if other is None:
                continue
            if state.get(other.path) == "open":
                context.error("E0302", item.span, f"importing \"{item.path}\" closes a cycle",
                              "it imports this file, maybe through others",
                              "move what both need to a third file")
            elif other.path not in state:
                visit(other)
        state[space.path] = "done"

    for space in context.namespaces:
        if space.path not in state:
            visit(space)
