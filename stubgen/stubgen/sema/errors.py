"""Pass errors: error sets, `error from`, and what methods may fail with."""
from .. import ast, model
from ..diag import nearest
from ..limits import ERROR_MAX


def run(context):
    for space in context.namespaces:
        for decl in space.file.decls:
            if isinstance(decl, ast.ErrorsBlock):
                _set(context, space, decl, decl.errors, decl.id)
            elif isinstance(decl, ast.Interface) and decl.errors is not None:
                _set(context, space, decl, decl.errors, decl.id)
    for space in context.namespaces:
        for decl in space.of(ast.Interface):
            errors = _errors_of(context, space, decl)
            context.made[id(decl)].errors = errors
            for method in decl.methods:
                _fails(context, method, [errors] if errors else [])
        sets = [context.made[id(e)] for e in space.errors.values()]
        for other in space.imports.values():
            sets += [context.made[id(e)] for e in other.errors.values()]
        for decl in space.of(ast.Object):
            for method in decl.methods:
                _fails(context, method, sets)
        for method in space.of(ast.Method):
            _fails(context, method, sets)


def _set(context, space, decl, errors, id_):
    base = id_.value << 6 if id_ else 0
    node = model.ErrorSet(decl.name.text, id_.value if id_ else 0, space.stem, [], decl.doc,
                          decl.name.span)
    seen = {}
    for item in errors:
        number = item.number.value
        if not 1 <= number <= ERROR_MAX:
            context.error("E0801", item.number.span, f"error number {number} is out of range",
                          f"error numbers are 1 to {ERROR_MAX}", "0 is success; use 1 to 63")
        elif number in seen:
            context.error("E0802", item.number.span, f"error number {number} is taken by "
                          f"`{seen[number].name.text}`", "the second use",
                          "give every error its own number",
                          [(seen[number].number.span, "the first use")])
        seen.setdefault(number, item)
        if not item.message.strip() or not item.message.isprintable():
            context.error("E0803", item.message_span, f"error `{item.name.text}` has no message",
                          "expected words for a person", "say what went wrong")
        node.errors.append(model.Error(item.name.text, number, base | number, item.message,
                                       item.doc))
    if isinstance(decl, ast.Interface):
        context.made["errors", id(decl)] = node
    else:
        context.made[id(decl)] = node
    context.build.error_sets.append(node)


def _errors_of(context, space, decl):
    """The error set that an interface's methods use."""
    if decl.error_from is None:
        return context.made.get(("errors", id(decl)))
    name = decl.error_from
    spaces = [space] + ([space.imports[name.text]] if name.text in space.imports else [])
    for place in spaces:
        other = place.interfaces.get(name.text)
        if other is not None and ("errors", id(other)) in context.made:
            return context.made["errors", id(other)]
        if name.text in place.errors:
            return context.made[id(place.errors[name.text])]
        if other is not None:
            context.error("E0804", name.span, f"interface `{name.text}` has no errors of its own",
                          "nothing to take over", "name the interface that declares them",
                          [(other.name.span, "declared here")])
            return None
    guess = nearest(name.text, [n for p in spaces for n in p.interfaces])
    context.error("E0804", name.span, f"unknown interface `{name.text}`",
                  "expected an interface of this file, or one with the name of an imported file",
                  f"did you mean `{guess}`?" if guess else "declare its errors here instead")
    return None


def _fails(context, decl, sets):
    node = context.made[id(decl)]
    seen = {}
    for clause in decl.clauses:
        for name in clause.value if clause.word == "fails" else ():
            found = [(s, e) for s in sets for e in s.errors if e.name == name.text]
            if name.text in seen:
                context.error("E0806", name.span, f"`{name.text}` is listed twice",
                              "the second one", "list every error once",
                              [(seen[name.text].span, "the first one")])
                continue
            seen[name.text] = name
            if len(found) > 1:
                context.error("E0807", name.span, f"`{name.text}` is in several error sets",
                              f"in {found[0][0].owner} and in {found[1][0].owner}",
                              "rename one of the errors")
            elif not found:
                guess = nearest(name.text, [e.name for s in sets for e in s.errors])
                context.error("E0805", name.span, f"unknown error `{name.text}`",
                              "not declared" if sets else "no errors are declared",
                              f"did you mean `{guess}`?" if guess else
                              f"declare it: `{name.text} = N \"message\";`")
            else:
                node.fails.append(model.FailsRef(*found[0]))
