"""Each rule yields (code, span, message, what stands beside it, advice, notes)."""
import re

from .. import model

_SIZE = re.compile(r"(?:.*_)?(?:bytes|size|length|len|count|words)|max(?:_.*)?")
_TIME = re.compile(r"(?:.*_)?(?:timeout|delay|interval|period|deadline|duration)")
_ERROR = re.compile(r"(?:.*_)?(?:err|error|errno|errval|retval)")
_FILLER = re.compile(r"(?:.*_)?(?:pad|padding|unused|dummy|reserved|spare|filler)[0-9]*")
_QUOTED = re.compile(r"`[^`]+`")
SPARSE = 8             # ordinals may leave out so many, and as many again as there are members


def _members(build, paths):
    """(owner, method) of every member that is generated."""
    for owner in build.interfaces + build.objects:
        if owner.namespace in paths:
            for method in owner.methods:
                yield owner, method


def _types(build, paths):
    """The types with fields that are generated."""
    scopes = [build.types] + [i.types for i in build.interfaces]
    return [t for types in scopes for t in types if t.namespace in paths and hasattr(t, "fields")]


def _plain(type_):
    return type_.elem if isinstance(type_, model.Optional_) else type_


def undocumented(build, paths):
    for item in build.interfaces:
        if item.namespace in paths and not item.doc:
            yield ("W0101", item.span, f"interface `{item.name}` is not documented",
                   "what is it for?", "write a line with /// before it")
    for owner, method in _members(build, paths):
        if not method.doc:
            yield ("W0102", method.span, f"{method.kind} `{method.name}` of `{owner.name}` is not "
                   "documented", "what does it do?", "write a line with /// before it")


def unbounded_sizes(build, paths):
    for _, method in _members(build, paths):
        named = set()
        for condition in method.requires:
            named |= _names(condition)
        for param in method.params if method.kind != "event" else ():
            if isinstance(_plain(param.type), model.Int) and _SIZE.fullmatch(param.name) and \
                    not (param.range or param.pow2 or param.name in named):
                yield ("W0201", param.span, f"`{param.name}` looks like a size, but any value will "
                       "do", "no range", f"write `{param.name}: .. range 1..N`")


def _names(expr):
    found = {expr.name} if expr.name else set()
    return found.union(*(_names(arg) for arg in expr.args))


def bool_parameters(build, paths):
    """Among other parameters: one alone is what the method is about."""
    for owner, method in _members(build, paths):
        for param in method.params if method.kind != "event" and len(method.params) > 1 else ():
            if isinstance(_plain(param.type), model.Bool):
                yield ("W0202", param.span, f"who reads `{owner.name}_{method.name}(.., true, ..)` "
                       "learns nothing", "a bool parameter",
                       "use an enum or flags: their values have names, and there may be more later")


def times_without_unit(build, paths):
    for span, params in _all_params(build, paths):
        for param in params:
            if isinstance(_plain(param.type), model.Int) and _TIME.fullmatch(param.name):
                yield ("W0203", param.span, f"`{param.name}` of what?", "a time without a unit",
                       f"call it `{param.name}_ns`, or `_us`, `_ms`, `_s`")


def _all_params(build, paths):
    for _, method in _members(build, paths):
        yield method.span, method.params + method.results
    for decl in _types(build, paths):
        yield decl.span, decl.fields


def repeated_names(build, paths):
    for owner, method in _members(build, paths):
        if method.name.startswith(owner.name + "_"):
            short = method.name[len(owner.name) + 1:]
            yield ("W0301", method.span, f"`{owner.name}_{method.name}` says it twice",
                   "the name of the interface is in front of it anyway", f"call it `{short}`")


def errors_as_results(build, paths):
    for _, method in _members(build, paths):
        for result in method.results:
            if isinstance(_plain(result.type), (model.Int, model.Bool)) and \
                    _ERROR.fullmatch(result.name):
                yield ("W0302", result.span, f"`{result.name}` looks like an error",
                       "every reply can be an error already", "declare the errors, and list them "
                       "with `fails`")


def fillers(build, paths):
    for _, params in _all_params(build, paths):
        for param in params:
            if _FILLER.fullmatch(param.name):
                yield ("W0303", param.span, f"`{param.name}` holds nothing",
                       "there is no padding in an image", "remove it; what comes later goes into a "
                       "table, or into a new member")


def deprecated_without_successor(build, paths):
    for owner, method in _members(build, paths):
        text = " ".join(method.doc)
        names = {m.name for m in owner.methods if m is not method and not m.deprecated}
        if method.deprecated and not any(q[1:-1].split(".")[-1] in names
                                         for q in _QUOTED.findall(text)):
            yield ("W0401", method.span, f"`{method.name}` is deprecated, and now?",
                   "its comment names no other member", "say which one to use, as `name`")


def deprecated_use(build, paths):
    """Comments that send the reader to what is deprecated."""
    for owner, method in _members(build, paths):
        old = {m.name: m for m in owner.methods if m.deprecated}
        for quoted in _QUOTED.findall(" ".join(method.doc)):
            if not method.deprecated and quoted[1:-1] in old:
                yield ("W0402", method.span, f"the comment of `{method.name}` names {quoted}, "
                       "which is deprecated", "sends the reader the wrong way",
                       "name what replaces it", [(old[quoted[1:-1]].span, "deprecated here")])


def unused_errors(build, paths):
    used = {id(ref.error) for owner in build.interfaces for m in owner.methods for ref in m.fails}
    for item in build.interfaces:
        if item.namespace in paths and item.own_errors and item.errors is not None:
            for error in item.errors.errors:
                if id(error) not in used:
                    yield ("W0501", item.errors.span, f"no method fails with `{error.name}`",
                           "of its errors", f"list it with `fails {error.name}`, or remove it")


def unused_types(build, paths):
    used = set()

    def visit(type_):
        type_ = _plain(type_)
        type_ = type_.elem if isinstance(type_, model.Array) else type_
        if isinstance(type_, model.Named) and type_.decl not in used:
            used.add(type_.decl)
            for field in getattr(type_.decl, "fields", ()):
                visit(field.type)

    for owner in build.interfaces:
        for method in owner.methods:
            for param in method.params + method.results:
                visit(param.type)
    for item in build.interfaces:
        for decl in item.types:
            if item.namespace in paths and not isinstance(decl, model.Const) and decl not in used:
                yield ("W0502", decl.span, f"`{decl.name}` is in no message", "never used",
                       "remove it")


def sparse_ordinals(build, paths):
    for owner in build.interfaces:
        if owner.namespace not in paths or not owner.methods:
            continue
        last = max(owner.methods, key=lambda m: m.ordinal)
        if last.ordinal > 2 * len(owner.methods) + SPARSE:
            yield ("W0601", last.span, f"ordinal {last.ordinal} of {len(owner.methods)} members",
                   "tables are as long as the largest ordinal", "count from 1, without gaps")


RULES = (undocumented, unbounded_sizes, bool_parameters, times_without_unit, repeated_names,
         errors_as_results, fillers, deprecated_without_successor, deprecated_use, unused_errors,
         unused_types, sparse_ordinals)
