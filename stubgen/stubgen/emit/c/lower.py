"""Makes arrays of strings and bytes arrays of structs with one field, which have the same image."""
from ... import cnames, model


def texts(build):
    """Changes the build: every such array has a struct `String9` or `Bytes9` as element, declared
    where the array is."""
    for decl in list(build.types):
        if isinstance(decl, (model.Struct, model.Table)):
            _Lowering(build.types, [], None, decl.namespace).params(decl.fields)
    for item in build.interfaces:
        lowering = _Lowering(item.types, build.types, item.name, item.namespace)
        for decl in list(item.types):
            if isinstance(decl, (model.Struct, model.Table)):
                lowering.params(decl.fields)
        for method in item.methods:
            lowering.params(method.params)
            lowering.params(method.results)


class _Lowering:
    """`outer`: the types at file level, which may hold the same struct under the same C name."""

    def __init__(self, types, outer, scope, namespace):
        self.types, self.outer = types, outer
        self.scope, self.namespace = scope, namespace

    def params(self, params):
        for param in params:
            param.type = self.type(param.type, param.span)

    def type(self, type_, span):
        if isinstance(type_, model.Optional_):
            return model.Optional_(self.type(type_.elem, span))
        if isinstance(type_, model.Array) and isinstance(type_.elem, model.Buf):
            return model.Array(model.Named(self.struct(type_.elem, span)), type_.count,
                               type_.at_most)
        return type_

    def struct(self, buf, span):
        name = cnames.element_struct(buf)
        for decl in self.types + self.outer:
            if decl.name == name and decl.namespace == self.namespace \
                    and cnames.scope_of(decl) == (self.scope or self.namespace):
                return decl
        field = model.Param("data" if buf.kind == "bytes" else "text", buf, [], span)
        decl = model.Struct(name, self.scope, self.namespace, False, [field],
                            ["An element of an array."], span)
        self.types.insert(0, decl)
        return decl
