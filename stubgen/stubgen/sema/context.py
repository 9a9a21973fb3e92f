"""What the semantic passes share: the parsed files, their scopes and the model under
construction."""
from .. import model
from ..diag import nearest
from ..limits import INTS


class Namespace:
    """The declarations of one file, by what they can be used as."""

    def __init__(self, file, generate):
        self.file = file
        self.stem = file.source.stem
        self.path = file.source.path
        self.generate = generate
        self.imports = {}          # stem -> Namespace
        self.types = {}            # TypeDecl by name
        self.interfaces = {}       # Interface by name
        self.errors = {}           # ErrorsBlock by name
        self.interface_types = {}  # interface name -> {name -> TypeDecl}

    def visible(self, stem):
        return self if stem == self.stem else self.imports.get(stem)

    def of(self, kind):
        return [decl for decl in self.file.decls if isinstance(decl, kind)]


class Context:
    """`build` grows pass by pass; `made` maps an AST declaration to its model object."""

    def __init__(self, files, diags):
        self.files = files             # [(ast.File, generate)], imports before importers
        self.diags = diags
        self.namespaces = []           # in the order of files
        self.by_path = {}
        self.build = model.Build()
        self.captypes = {}             # name and lower-case name -> ast.CapType
        self.made = {}
        self.depths = {}               # model.Struct -> how many structs deep it is

    def error(self, *args, **kwargs):
        self.diags.error(*args, **kwargs)

    def poisoned(self, method):
        """Does a type that could not be resolved occur anywhere in the method's messages?"""
        seen = set()
        return any(_poisoned(p.type, seen) for p in method.params + method.results)


def _poisoned(type_, seen):
    """`seen`: the structs that were looked at already; each is looked at once."""
    if type_ is None:
        return True
    if isinstance(type_, (model.Array, model.Optional_)):
        return _poisoned(type_.elem, seen)
    if isinstance(type_, model.Named) and type_.decl not in seen:
        seen.add(type_.decl)
        return any(_poisoned(field.type, seen) for field in getattr(type_.decl, "fields", ()))
    return False


class Scope:
    """Where a name is looked up: an interface (or none) in a file."""

    def __init__(self, context, namespace, interface=None):
        self.context = context
        self.namespace = namespace
        self.interface = interface

    def label(self):
        return self.interface.name.text if self.interface else None

    def _tables(self, qname):
        """The tables that the last part of the name is searched in; None after an error."""
        parts = [part.text for part in qname.parts]
        here = self.namespace
        if len(parts) == 1:
            local = here.interface_types[self.label()] if self.interface else {}
            return [local, here.types] + self._imported_consts(parts[0])
        if len(parts) == 2 and parts[0] in here.interface_types:
            tables = [here.interface_types[parts[0]]]
            other = here.visible(parts[0])
            return tables + ([other.types] if other else [])
        other = here.visible(parts[0])
        if other is None:
            self.unknown_space(qname)
            return None
        if len(parts) == 2:
            return [other.types, other.interface_types.get(parts[0], {})]
        if len(parts) == 3 and parts[1] in other.interface_types:
            return [other.interface_types[parts[1]]]
        self.context.error("E0404", qname.span, f"unknown name `{qname.text()}`",
                           "no such interface", "write file.Type or file.interface.Type")
        return None

    def _imported_consts(self, name):
        """A constant needs no qualification if only one imported file has it."""
        found = [space.types[name] for space in self.namespace.imports.values()
                 if name in space.types and space.types[name].kind == "const"]
        return [{name: found[0]}] if len(found) == 1 else []

    def unknown_space(self, qname):
        here, first = self.namespace, qname.parts[0]
        known = list(here.imports) + list(here.interface_types)
        guess = nearest(first.text, known)
        fix = f"did you mean `{guess}`?" if guess else f'import "{first.text}.if" first'
        self.context.error("E0405", first.span, f"`{first.text}` is neither an imported file nor "
                           "an interface of this file", "unknown here", fix)

    def find_type(self, qname):
        """The TypeDecl or model type that a name stands for; None after an error."""
        if len(qname.parts) == 1:
            word = qname.parts[0].text
            if word in INTS:
                return model.Int(*INTS[word])
            if word == "bool":
                return model.Bool()
        found = self._find(qname, "type", lambda decl: decl.kind != "const")
        return found

    def find_const(self, qname):
        return self._find(qname, "constant", lambda decl: decl.kind == "const")

    def _find(self, qname, what, wanted):
        tables = self._tables(qname)
        if tables is None:
            return None
        last = qname.parts[-1]
        for table in tables:
            if last.text in table:
                decl = table[last.text]
                if wanted(decl):
                    return decl
                article = "an" if decl.kind in ("enum", "alias") else "a"
                self.context.error("E0406", last.span, f"`{qname.text()}` is not a {what}",
                                   f"it is {article} {decl.kind}", f"use a {what} here",
                                   notes=[(decl.name.span, "declared here")])
                return None
        choices = [name for table in tables for name, decl in table.items() if wanted(decl)]
        if what == "type":
            choices += list(INTS) + ["bool", "string", "bytes", "strings"]
        guess = nearest(last.text, choices)
        fix = f"did you mean `{guess}`?" if guess else "declare it, or import the file that does"
        if what == "type" and last.text[:1] in "ui" and last.text[1:].isdigit():
            fix = f"integers are {' '.join(INTS)}"
        self.context.error("E0404", last.span, f"unknown {what} `{qname.text()}`",
                           "not declared", fix)
        return None

    def find_interface(self, qname):
        """The (namespace, Interface) that a name stands for; None after an error."""
        here, parts = self.namespace, qname.parts
        if len(parts) == 1:
            space = here
        elif len(parts) == 2:
            space = here.visible(parts[0].text)
            if space is None:
                self.unknown_space(qname)
                return None
        else:
            space = None
        if space and parts[-1].text in space.interfaces:
            return space, space.interfaces[parts[-1].text]
        guess = nearest(parts[-1].text, space.interfaces if space else [])
        fix = f"did you mean `{guess}`?" if guess else "name an interface of this file, " \
            "`file.interface` of an imported one, or `any`"
        self.context.error("E0407", qname.span, f"unknown interface `{qname.text()}`",
                           "not declared", fix)
        return None
