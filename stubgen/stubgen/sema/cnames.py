"""Pass cnames: the C identifiers of the whole build are distinct, and none is reserved."""
from .. import cnames, model


def run(context):
    names_of(context.build, context.diags)


def names_of(build, diags):
    """Every C identifier at file scope that the build makes, and what makes it."""
    table = _Table(diags)
    for decl in build.types:
        table.type(decl)
    for namespace in sorted({decl.namespace for decl in build.types}):
        table.elements(namespace, [f for decl in build.types if decl.namespace == namespace
                                   for f in getattr(decl, "fields", ())])
    for item in build.error_sets:
        for error in item.errors:
            table.enter(cnames.error(item, error), item.span)
    for item in build.captypes:
        table.enter(cnames.captype(item.name), item.span)
    for item in build.syscalls:
        table.enter(cnames.syscall(item), item.span)
        table.values(item)
    for item in build.objects:
        for method in item.methods:
            table.enter(cnames.invoke(item, method), method.span)
            table.enter(cnames.invoke_number(item, method), method.span)
            table.values(method)
    for item in build.devices:
        table.device(item)
    for item in build.interfaces:
        table.interface(item)
    _circles(build, diags)
    _files(build, diags)
    return table.spans


class _Need:
    """Why one header includes another."""

    def __init__(self, header, name, span, label, fix):
        self.header = header
        self.name = name
        self.span = span
        self.label = label
        self.fix = fix


def _types_needed(params):
    return [_Need(cnames.header(decl), p.name, p.span,
                  "needs a type of a header that needs this one",
                  "declare the type at file level, before the interfaces")
            for p in params for decl in _decls(p.type)]


def _circles(build, diags):
    """The header of an interface, or of the types at file level, includes those of the types that
    it uses and of the errors that it takes over; imports go one way, so a circle stays in one
    file."""
    needs = {}
    for item in build.interfaces:
        params = [p for m in item.methods for p in m.params + m.results]
        params += [f for decl in item.types for f in getattr(decl, "fields", ())]
        needs[item.name] = _types_needed(params)
        if item.errors is not None and not item.own_errors and \
                cnames.errors_header(build, item.errors):
            needs[item.name].append(_Need(
                item.errors.owner, item.name, item.span,
                "takes its errors from a header that needs this one",
                f"declare the types that `{item.errors.owner}` uses at file level"))
    for decl in build.types:
        needs.setdefault(cnames.header(decl), []).extend(
            _types_needed(getattr(decl, "fields", ())))
    reported = set()
    for start in needs:
        _follow(needs, [start], reported, diags)


def _decls(type_):
    if isinstance(type_, (model.Array, model.Optional_)):
        return _decls(type_.elem)
    return [type_.decl] if isinstance(type_, model.Named) else []


def _follow(needs, trail, reported, diags):
    """Reports each circle of headers that `trail` leads into once."""
    for need in needs.get(trail[-1], ()):
        if need.header == trail[-1]:
            continue
        if need.header in trail:
            circle = frozenset(trail[trail.index(need.header):])
            if circle not in reported:
                reported.add(circle)
                diags.error("E1103", need.span, f"`{need.name}` closes a circle of headers",
                            need.label, need.fix)
        elif need.header not in reported:
            _follow(needs, trail + [need.header], reported, diags)
    reported.add(trail[-1])


def _files(build, diags):
    """No two declarations make a C file of the same name."""
    made = {}
    for decl in build.types:
        made.setdefault(f"{decl.namespace}_types.h", decl)
    for item in build.interfaces:
        for name in cnames.files(item):
            other = made.setdefault(name, item)
            if other is not item and other.span is not item.span:
                diags.error("E1104", item.span, f"the C file `{name}` is made twice",
                            "by this interface", "rename it", [(other.span, "and by this")])
                break


class _Table:
    def __init__(self, diags):
        self.diags = diags
        self.spans = {}
        self.made = set()          # elements of arrays of strings and bytes
        self.reported = set()      # one message per declaration, however many names it makes

    def enter(self, name, span):
        if name in self.spans and span not in self.reported:
            self.reported.add(span)
            self.diags.error("E1101", span, f"the C name `{name}` is made twice",
                               "by this", "rename one of them",
                               [(self.spans[name], "and by this")])
        self.spans.setdefault(name, span)

    def type(self, decl):
        if isinstance(decl, model.Const):
            self.enter(cnames.const(decl), decl.span)
            return
        for name in cnames.type_names(decl):
            self.enter(name, decl.span)
        if isinstance(decl, model.Enum):
            for value in decl.values:
                self.enter(cnames.enum_value(decl, value), decl.span)
        self.fields(decl)
        if isinstance(decl, model.Table) and decl.kind == "union":
            for field in decl.fields:
                self.enter(cnames.union_tag(decl, field), field.span)
            if decl.flexible:
                self.enter(cnames.union_tag(decl), decl.span)

    def fields(self, decl):
        """The members of one C struct."""
        is_union = isinstance(decl, model.Table) and decl.kind == "union"
        seen = {"tag": decl} if is_union else {}
        for field in getattr(decl, "fields", ()):
            for name in cnames.value_names(field, False, isinstance(decl, model.Table)
                                           and not is_union):
                if seen.get(name, field) is not field:
                    self.diags.error("E1101", field.span, f"the C member `{name}` is made twice",
                                     "by this", "rename one of them",
                                     [(seen[name].span, "and by this")])
                seen[name] = field

    def elements(self, scope, params):
        """Arrays of strings and bytes have a struct as element."""
        found = {}
        for param in params:
            type_ = param.type.elem if isinstance(param.type, model.Optional_) else param.type
            if isinstance(type_, model.Array) and isinstance(type_.elem, model.Buf):
                name = cnames.snake(cnames.element_struct(type_.elem))
                found.setdefault(f"{scope}_{name}", param.span)
        for base, span in found.items():
            if base in self.made:
                continue
            self.made.add(base)
            for name in cnames.struct_names(base):
                self.enter(name, span)

    def device(self, item):
        for name in cnames.device_names(item):
            self.enter(name, item.span)
        for register in item.registers:
            for name in cnames.register_names(item, register):
                self.enter(name, register.span)
            for field in register.fields:
                for name in cnames.field_names(item, register, field) if field.name else ():
                    self.enter(name, field.span)

    def interface(self, item):
        for name in cnames.interface_names(item):
            self.enter(name, item.span)
        for decl in item.types:
            self.type(decl)
        self.elements(item.name, [f for decl in item.types for f in getattr(decl, "fields", ())] +
                      [p for m in item.methods for p in m.params + m.results])
        for method in item.methods:
            suffix = next((s for s in cnames.RESERVED_SUFFIXES if
                           ("_" + method.name).endswith(s)), None)
            if suffix:
                self.diags.error("E1102", method.span,
                                   f"`{item.name}_{method.name}` ends in `{suffix}`",
                                   "the suffix is reserved for generated functions",
                                   "find another name")
                continue
            for name in cnames.method_names(item, method):
                self.enter(name, method.span)
            self.values(method)

    def values(self, method):
        """The C parameters of one method. A stub has a variable for each part of a result, too,
        named as if it were a parameter."""
        seen = {}
        for params, forms in ((method.params, (False,)), (method.results, (True, False))):
            for param in params:
                for name in [n for form in forms for n in cnames.value_names(param, form)]:
                    if name in seen and seen[name] is not param:
                        self.diags.error(
                            "E1101", param.span, f"the C parameter `{name}` is made twice",
                            "by this", "rename one of them",
                            [(seen[name].span, "and by this")])
                    seen.setdefault(name, param)
