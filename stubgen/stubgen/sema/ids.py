"""Pass ids: interface and error set ids, versions, ordinals."""
from .. import ast
from ..limits import ID_MAX, ID_MIN, MEMBERS_MAX, ORDINAL_MAX, VERSION_MAX


def run(context):
    owners = {}
    for space in context.namespaces:
        syscalls = {}
        for decl in space.file.decls:
            if isinstance(decl, (ast.Interface, ast.ErrorsBlock)):
                _id(context, decl, owners)
            if isinstance(decl, ast.Interface):
                _version(context, decl)
                _ordinals(context, decl.methods, decl.reserved, 1, {})
                _since(context, decl)
            elif isinstance(decl, ast.Object):
                _ordinals(context, decl.methods, [], 1, {})
            elif isinstance(decl, ast.Method):
                _ordinals(context, [decl], [], 0, syscalls)
    for space in context.namespaces:
        inner = [item for decl in space.of(ast.Interface) for item in decl.types]
        for decl in space.of(ast.TypeDecl) + inner:
            _field_ordinals(context, decl)


def _id(context, decl, owners):
    what = "interface" if isinstance(decl, ast.Interface) else "error set"
    if decl.id is None:
        context.error("E0701", decl.name.span, f"{what} `{decl.name.text}` has no id",
                      "expected `id N;` inside", "give it an id that no other has")
        return
    value, span = decl.id.value, decl.id.span
    if not ID_MIN <= value <= ID_MAX:
        context.error("E0702", span, f"id {value} is out of range",
                      f"ids are {ID_MIN} to {ID_MAX}", "errors have room for 10 bits of it")
    elif value in owners:
        context.error("E0703", span, f"id {value:#x} is taken by `{owners[value].name.text}`",
                      "the second use", "ids are unique in a build: choose another",
                      [(owners[value].id.span, "the first use")])
    owners.setdefault(value, decl)


def _version(context, decl):
    if decl.version is None:
        context.error("E0704", decl.name.span, f"interface `{decl.name.text}` has no version",
                      "expected `version N;` inside", "write `version 1;`")
    elif not 1 <= decl.version.value <= VERSION_MAX:
        context.error("E0704", decl.version.span, f"version {decl.version.value} is out of range",
                      f"versions are 1 to {VERSION_MAX}", "write `version 1;`")


def _ordinals(context, methods, reserved, lowest, seen):
    for low, high in reserved:
        if low.value > high.value:
            context.error("E0709", low.span, f"the reserved range {low.value}..{high.value} is "
                          "empty", "the lowest comes first", "swap the two")
    for decl in methods:
        value, span = decl.ordinal.value, decl.ordinal.span
        if not lowest <= value <= ORDINAL_MAX:
            context.error("E0705", span, f"ordinal {value} is out of range",
                          f"ordinals are {lowest} to {ORDINAL_MAX}", "0 belongs to the framework"
                          if value == 0 else "use a smaller number")
        elif value in seen:
            context.error("E0706", span, f"ordinal {value} is taken by "
                          f"`{seen[value].name.text}`", "the second use",
                          "give it an ordinal that was never used",
                          [(seen[value].ordinal.span, "the first use")])
        seen.setdefault(value, decl)
        for low, high in reserved:
            if low.value <= value <= high.value:
                context.error("E0707", span, f"ordinal {value} is reserved", "cannot be used",
                              "use another ordinal", [(low.span, "reserved here")])


def _since(context, decl):
    version = decl.version.value if decl.version else VERSION_MAX
    for method in decl.methods:
        since = 1
        for clause in method.clauses:
            if clause.word not in ("since", "deprecated"):
                continue
            value = clause.value.value
            if clause.word == "since":
                since = value
            low = 1 if clause.word == "since" else since
            if not low <= value <= version:
                context.error("E0708", clause.value.span, f"`{clause.word} {value}` does not fit "
                              f"version {version}", f"expected {low} to {version}",
                              "raise the interface's version, or lower this number")


def _field_ordinals(context, decl):
    """Of a table or union; others have none."""
    seen = {}
    for ordinal in decl.ordinals:
        if not 1 <= ordinal.value <= MEMBERS_MAX:
            context.error("E0705", ordinal.span, f"ordinal {ordinal.value} is out of range",
                          f"ordinals of fields are 1 to {MEMBERS_MAX}", "use a smaller number"
                          if ordinal.value else "count from 1")
        elif ordinal.value in seen:
            context.error("E0706", ordinal.span, f"ordinal {ordinal.value} is used twice",
                          "the second use", "give it an ordinal that was never used",
                          [(seen[ordinal.value].span, "the first use")])
        seen.setdefault(ordinal.value, ordinal)
