"""Pass types: every type expression becomes a model type, every declaration a model object.

A type that could not be resolved becomes None, and later passes leave its parameter alone, so
that one mistake gives one message."""
from .. import ast, model
from ..diag import nearest
from ..limits import INTS, MEMBERS_MAX, NESTING_MAX, RIGHTS
from .context import Scope

# Where a type expression stands decides which forms it may take.
MESSAGE, STRUCT, INVOKE, FIELD = "message", "struct", "invoke", "field"


def run(context):
    for space in context.namespaces:
        types = Types(context, space)
        for decl in space.of(ast.TypeDecl):
            made = types.typedecl(decl, None)
            if made is not None:
                context.build.types.append(made)
        for decl in space.of(ast.Interface):
            types.interface(decl)
        for number, decl in enumerate(space.of(ast.CapType), len(context.build.captypes)):
            types.captype(decl, number)
        for decl in space.of(ast.Object):
            types.object(decl)
        for decl in space.of(ast.Method):
            types.syscall(decl)
        context.build.files.append(model.File(space.path, space.stem, space.generate,
                                              [i.path for i in space.file.imports]))


class Types:
    def __init__(self, context, space):
        self.context = context
        self.space = space
        self.error = context.diags.error

    # Declarations --------------------------------------------------------------------------

    def interface(self, decl):
        scope = Scope(self.context, self.space, decl)
        node = model.Interface(
            decl.name.text, self.space.stem, decl.id.value if decl.id else 0,
            decl.version.value if decl.version else 0, decl.draft, decl.errors is not None, None,
            [], [], decl.doc, decl.name.span,
            reserved=[(low.value, high.value) for low, high in decl.reserved])
        for item in decl.types:
            made = self.typedecl(item, decl)
            if made is not None:
                node.types.append(made)
        for method in decl.methods:
            node.methods.append(self.method(method, scope, MESSAGE))
        self.context.made[id(decl)] = node
        self.context.build.interfaces.append(node)

    def captype(self, decl, number):
        scope = Scope(self.context, self.space)
        node = model.CapType(
            decl.name.text, self.space.stem, number,
            [self.param(p, scope, FIELD) for p in decl.fields],
            decl.rights.text if decl.rights else "", [n.text for n in decl.retype],
            [n.text for n in decl.map], decl.doc, decl.name.span)
        self.context.made[id(decl)] = node
        self.context.build.captypes.append(node)

    def object(self, decl):
        scope = Scope(self.context, self.space)
        node = model.Object(
            decl.name.text, self.space.stem,
            [(name.text, rights.text if rights else "") for name, rights in decl.captypes],
            [self.method(m, scope, INVOKE) for m in decl.methods], decl.doc, decl.name.span)
        self.context.made[id(decl)] = node
        self.context.build.objects.append(node)

    def syscall(self, decl):
        node = self.method(decl, Scope(self.context, self.space), INVOKE)
        self.context.build.syscalls.append(node)

    def method(self, decl, scope, place):
        node = model.Method(
            decl.kind, decl.name.text, decl.ordinal.value,
            [self.param(p, scope, place, decl, False) for p in decl.params],
            [self.param(p, scope, place, decl, True) for p in decl.results or []],
            [], [], [], bool(decl.strictness and decl.strictness.text == "flexible"),
            1, None, False, None, False, decl.doc, decl.name.span, 0 if decl.stream else None)
        self.context.made[id(decl)] = node
        return node

    def param(self, decl, scope, place, method=None, is_result=False):
        type_ = self.type(decl.type, scope, place)
        if method is not None and type_ is not None:
            self.direction(decl, type_, method, is_result)
        node = model.Param(decl.name.text, type_, decl.doc, decl.span, None,
                           decl.pow2 is not None, decl.counts.text if decl.counts else None)
        if decl.range:
            low, high = (self.signed(bound, scope) for bound in decl.range[:2])
            if low is not None and high is not None:
                node.range = (low, high)
        self.context.made[id(decl)] = node
        return node

    def direction(self, decl, type_, method, is_result):
        """Modes that only fit one direction."""
        lent = isinstance(type_, model.Lend)
        if lent and method.stream:
            self.error("E0511", decl.type.span, "a buffer is lent to a call with one reply",
                       "this call has a stream", "use bytes<N>")
        elif lent and (is_result or method.kind != "call"):
            self.error("E0511", decl.type.span, "a buffer is lent to a call, by its caller",
                       "not a parameter of a call", "use bytes<N>, or move it to the parameters")
        inner = type_.elem if isinstance(type_, model.Optional_) else type_
        inner = inner.elem if isinstance(inner, model.Array) else inner
        borrowed = isinstance(inner, model.Cap) and inner.move == "borrow"
        if borrowed and (is_result or method.kind != "call" or method.stream):
            self.error("E0512", decl.type.span, "a capability is borrowed until the reply",
                       "not a parameter of a call with one reply", "use `copy` or `move`")
        if isinstance(type_, (model.User, model.Cref, model.Slot)) and is_result:
            self.error("E0510", decl.type.span, "an invocation returns integers only",
                       "not a result", "make it a parameter")

    def typedecl(self, decl, interface):
        """The model object of a type declaration; None for aliases and errors."""
        if id(decl) in self.context.made:
            return self.context.made[id(decl)]
        self.context.made[id(decl)] = None
        scope = Scope(self.context, self.space, interface)
        where = (interface.name.text if interface else None, self.space.stem)
        made = None
        if decl.kind in ("enum", "flags"):
            made = self.enum(decl, scope, where)
        elif decl.kind in ("struct", "table", "union"):
            made = self.struct(decl, scope, where)
        elif decl.kind == "const":
            made = self.const(decl, scope, where)
        else:
            self.alias(decl, scope, [])
        self.context.made[id(decl)] = made
        return made

    def enum(self, decl, scope, where):
        base = INTS.get(decl.base.text)
        if base is None or (decl.kind == "flags" and base[1]):
            guess = nearest(decl.base.text, INTS)
            self.error("E0513", decl.base.span, f"`{decl.base.text}` cannot hold {decl.kind}",
                       "expected an unsigned integer type" if decl.kind == "flags" else
                       "expected an integer type",
                       f"use {guess if guess and guess[0] == 'u' else 'u32'}")
            return None
        values = [model.EnumValue(v.name.text, self.signed(v.value, scope), v.doc)
                  for v in decl.values]
        flexible = bool(decl.strictness and decl.strictness.text == "flexible")
        return model.Enum(decl.kind, decl.name.text, *where, model.Int(*base), flexible,
                          values, decl.doc, decl.name.span)

    def struct(self, decl, scope, where):
        kind = decl.kind
        if kind == "struct":
            node = model.Struct(decl.name.text, *where, decl.resource, [], decl.doc, decl.name.span)
        else:
            flexible = decl.strictness.text == "flexible" if decl.strictness else kind == "table"
            node = model.Table(kind, decl.name.text, *where, flexible, decl.resource, [], decl.doc,
                               decl.name.span)
        self.context.made[id(decl)] = node
        open_ = self.context.made.setdefault("open structs", [])
        open_.append(decl)
        if len(open_) > NESTING_MAX:
            self.too_deep(decl.name.span, f"{kind} `{node.name}`")
        elif kind == "struct":
            node.fields = [self.param(item, scope, STRUCT) for item in decl.fields]
        else:
            node.fields = self.members(decl, scope)
        open_.pop()
        self.context.depths[node] = 1 + max((self.depth(f.type) for f in node.fields), default=0)
        if self.context.depths[node] == NESTING_MAX + 1:
            self.too_deep(decl.name.span, f"{kind} `{node.name}`")
            node.fields = []
            return node
        holds = next((f for f in node.fields if f.type is not None and holds_caps(f.type)), None)
        if holds and not decl.resource:
            self.error("E0505", decl.name.span, f"{kind} `{node.name}` holds capabilities",
                       "not marked", f"write `resource {kind}`", [(holds.span, "held here")])
        elif decl.resource and not holds and all(f.type is not None for f in node.fields):
            self.error("E0506", decl.name.span, f"resource {kind} `{node.name}` holds no "
                       "capability", "nothing in it is a resource", f"write `{kind}`")
        if not decl.fields:
            self.error("E0516", decl.name.span, f"{kind} `{node.name}` has no fields",
                       "nothing to send", "give it a field or remove it")
        return node

    def members(self, decl, scope):
        """The fields of a table or union, in the order of their ordinals."""
        fields = []
        for item, ordinal in zip(decl.fields, decl.ordinals):
            field = self.param(item, scope, STRUCT)
            # Pass ids tells of one that is out of range; layout must be able to stand it.
            field.ordinal = min(max(ordinal.value, 1), MEMBERS_MAX)
            if isinstance(field.type, model.Optional_):
                self.error("E0508", item.type.span, "`?` does not apply here",
                           f"a {decl.kind} says itself which of its fields are there",
                           "remove it")
                field.type = None
            fields.append(field)
        return sorted(fields, key=lambda field: field.ordinal)

    def depth(self, type_):
        """How many structs deep a type is nested."""
        if isinstance(type_, (model.Array, model.Optional_)):
            return self.depth(type_.elem)
        return self.context.depths.get(type_.decl, 0) if isinstance(type_, model.Named) else 0

    def too_deep(self, span, what):
        self.error("E0517", span, f"{what} is nested too deeply",
                   f"more than {NESTING_MAX} levels", "flatten it")

    # Values --------------------------------------------------------------------------------

    def int(self, expr, scope):
        """As signed, of what must not be below zero."""
        value = self.signed(expr, scope)
        if value is not None and value < 0:
            self.error("E0605", expr.span, f"`{expr.text()}` is {value}",
                       "sizes and operands are not below 0", "use another constant")
            return None
        return value

    def signed(self, expr, scope, trail=()):
        """The value of an IntLit or of a named constant; None after an error."""
        if isinstance(expr, ast.IntLit):
            return expr.value
        decl = scope.find_const(expr)
        if decl is None:
            return None
        if decl in trail:
            self.error("E0503", expr.span, f"constant `{expr.text()}` is defined by itself",
                       "this closes the circle", "give one of them a number")
            return None
        if len(trail) > NESTING_MAX:
            self.too_deep(expr.span, f"constant `{expr.text()}`")
            return None
        if not isinstance(decl.value, (ast.IntLit, ast.QName)):
            self.error("E0502", expr.span, f"`{expr.text()}` is not a number",
                       "it is a string", "use a constant of an integer type",
                       [(decl.name.span, "declared here")])
            return None
        return self.signed(decl.value, self.scope_of(decl, scope), trail + (decl,))

    def scope_of(self, decl, scope):
        """The scope in which a declaration found through `scope` stands."""
        for space in self.context.namespaces:
            if space.types.get(decl.name.text) is decl:
                return Scope(self.context, space)
            for name, table in space.interface_types.items():
                if table.get(decl.name.text) is decl:
                    return Scope(self.context, space, space.interfaces[name])
        return scope

    def const(self, decl, scope, where):
        is_string = not isinstance(decl.value, (ast.IntLit, ast.QName))
        word = decl.base.text
        if is_string and word == "string":
            value = decl.value.value
            type_ = model.Buf("string", len(value.encode()))
        elif not is_string and word in INTS:
            value, type_ = self.signed(decl.value, scope, (decl,)), model.Int(*INTS[word])
        else:
            fix = "write `string`" if is_string else "use an integer type such as u32"
            self.error("E0502", decl.base.span, f"a constant of type `{word}` cannot be this",
                       "the type and the value differ", fix)
            return None
        return model.Const(decl.name.text, *where, type_, value, decl.doc, decl.name.span)

    def alias(self, decl, scope, trail):
        if decl in trail:
            self.error("E0504", decl.name.span, f"alias `{decl.name.text}` is defined by itself",
                       "this closes the circle", "name another type")
            return None
        if len(trail) > NESTING_MAX:
            self.too_deep(decl.name.span, f"alias `{decl.name.text}`")
            return None
        return self.type(decl.target, scope, STRUCT, trail + [decl])

    # Types ---------------------------------------------------------------------------------

    def type(self, expr, scope, place, trail=()):
        base = self.base_type(expr, scope, place, list(trail))
        if base is None:
            return None
        if expr.array:
            base = self.array(expr, base, scope, place)
        if expr.optional and base is not None:
            if isinstance(base, model.Optional_) or place in (INVOKE, FIELD):
                self.error("E0508", expr.optional, "`?` does not apply here",
                           "optional twice" if isinstance(base, model.Optional_) else
                           "invocations and capability types have no optional values",
                           "remove it")
                return None
            base = model.Optional_(base)
        return base

    def array(self, expr, base, scope, place):
        count = self.int(expr.array.count, scope)
        if count is None:
            return None
        if isinstance(base, (model.Array, model.Optional_)) or place in (INVOKE, FIELD):
            self.error("E0507", expr.array.span, "an array of this is not possible",
                       "arrays hold single values", "put the elements in a struct" if
                       place == MESSAGE else "pass a buffer or single values")
            return None
        return model.Array(base, count, expr.array.at_most)

    def base_type(self, expr, scope, place, trail):
        form = expr.form
        allowed = {MESSAGE: ("named", "string", "bytes", "strings", "cap", "client", "server",
                             "lend"),
                   STRUCT: ("named", "string", "bytes", "strings", "cap", "client", "server"),
                   INVOKE: ("named", "cref", "slot", "user"), FIELD: ("named",)}[place]
        if form not in allowed:
            self.misplaced(expr, place)
            return None
        if form == "named":
            return self.named(expr, scope, place, trail)
        if form in ("string", "bytes", "strings"):
            bound = self.int(expr.bound, scope)
            return None if bound is None else model.Buf(form, bound)
        if form in ("lend", "user"):
            bound = self.int(expr.bound, scope)
            if bound is None:
                return None
            return model.Lend(expr.direction, expr.buffer, bound) if form == "lend" else \
                model.User(expr.direction, bound)
        if form in ("cap", "cref"):
            kinds, rights = self.cap(expr)
            if kinds is None:
                return None
            if expr.move == "borrow" and place == STRUCT:
                self.error("E0512", expr.span, "a capability is borrowed until the reply",
                           "not a parameter of a call", "use `copy` or `move`")
                return None
            return model.Cap(kinds, rights, expr.move) if form == "cap" else \
                model.Cref(kinds, rights)
        if form == "slot":
            return model.Slot()
        if expr.name is None:
            return model.End(form, None)
        found = scope.find_interface(expr.name)
        return None if found is None else model.End(form, found[1].name.text)

    def misplaced(self, expr, place):
        words = {"cap": "a capability that is sent", "client": "a channel end",
                 "server": "a channel end", "lend": "a lent buffer", "user": "a user buffer",
                 "cref": "a capability address", "slot": "a slot address"}
        word = words.get(expr.form, f"`{expr.form}`")
        code = "E0509" if place in (MESSAGE, STRUCT) else "E0510"
        fix = {MESSAGE: "crefs, slots and user buffers belong to kernel invocations; send a "
                        "capability with `move cap<..>`",
               STRUCT: "only values, capabilities and channel ends fit in a struct",
               INVOKE: "invocations take integers, `cref`, `slot` and `user` buffers",
               FIELD: "capability types have integer fields"}[place]
        where = {MESSAGE: "a message", STRUCT: "a struct", INVOKE: "an invocation",
                 FIELD: "a capability type"}[place]
        self.error(code, expr.span, f"{word} cannot stand in {where}", "does not fit here", fix)

    def named(self, expr, scope, place, trail):
        found = scope.find_type(expr.name)
        if found is None or not isinstance(found, ast.TypeDecl):
            return found
        where = self.scope_of(found, scope)
        types = Types(self.context, where.namespace)
        if found.kind == "alias":
            return types.alias(found, where, trail)
        if found in self.context.made.get("open structs", ()):
            self.error("E0504", expr.span, f"{found.kind} `{found.name.text}` contains itself",
                       "this closes the circle", "messages are bounded: name another type",
                       [(found.name.span, "declared here")])
            return None
        made = types.typedecl(found, where.interface)
        if made is None:
            return None
        if place in (INVOKE, FIELD) and not isinstance(made, model.Enum):
            self.misplaced(ast.TypeExpr(made.name, expr.span), place)
            return None
        return model.Named(made)

    def cap(self, expr):
        """The kinds (names of captypes) and rights of a cap or cref; kinds None after an error."""
        table, kinds, ok = self.context.captypes, [], True
        for name in expr.kinds:
            decl = table.get(name.text)
            if decl is None:
                guess = nearest(name.text, table)
                fix = f"did you mean `{guess}`?" if guess else \
                    "declare it with captype, or give the files of idl/abi as well"
                self.error("E0514", name.span, f"unknown kind of capability `{name.text}`",
                           "no captype of this name", fix)
                ok = False
            else:
                kinds.append(decl.name.text)
        rights = expr.rights.text if expr.rights else None
        if rights is not None and (set(rights) - set(RIGHTS) or len(set(rights)) != len(rights)):
            self.error("E0515", expr.rights.span, f"`{rights}` is not a set of rights",
                       f"expected letters out of {RIGHTS}, each once", "write for example `rw`")
            ok = False
        return (tuple(kinds), rights) if ok else (None, None)


def holds_caps(type_):
    """Does a value of this type carry capabilities or channel ends?"""
    if isinstance(type_, (model.Cap, model.End)):
        return True
    if isinstance(type_, (model.Array, model.Optional_)):
        return holds_caps(type_.elem)
    if isinstance(type_, model.Named) and not isinstance(type_.decl, model.Enum):
        return type_.decl.resource
    return False
