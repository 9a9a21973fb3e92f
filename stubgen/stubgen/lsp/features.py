"""What stands at a place: declarations, what they are called in files that see each other, and what
there is to say of them."""
import re

from .. import ast, words

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Kinds of the protocol: (SymbolKind, CompletionItemKind)
KINDS = {"interface": (11, 8), "errors": (3, 9), "error": (22, 20), "enum": (10, 13),
         "flags": (10, 13), "struct": (23, 22), "table": (23, 22), "union": (23, 22),
         "const": (14, 21), "alias": (26, 7), "call": (6, 2), "oneway": (6, 2), "invoke": (6, 2),
         "syscall": (12, 3), "event": (24, 23), "object": (5, 7), "captype": (5, 7),
         "device": (2, 9), "register": (8, 5), "field": (8, 5), "value": (22, 20),
         "parameter": (13, 6)}
KEYWORD = 14


class Declaration:
    """`kind` as in KINDS; `scope`: names of what it stands in, the file's first; `children`: what
    stands in it."""

    def __init__(self, kind, name, scope, node, children=()):
        self.kind, self.name, self.span = kind, name.text, name.span
        self.scope, self.node = scope, node
        self.doc = getattr(node, "doc", [])
        self.children = list(children)

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()


def declarations(file):
    """The declarations of a parsed file as a tree."""
    scope = (file.source.stem,)
    return [_declaration(decl, scope) for decl in file.decls]


def _declaration(decl, scope):
    inner = scope + (decl.name.text,)
    if isinstance(decl, ast.Interface):
        children = [_error(e, inner) for e in decl.errors or ()]
        children += [_declaration(t, inner) for t in decl.types]
        children += [_method(m, inner) for m in decl.methods]
        children.sort(key=lambda d: d.span.start)
        return Declaration("interface", decl.name, scope, decl, children)
    if isinstance(decl, ast.ErrorsBlock):
        return Declaration("errors", decl.name, scope, decl,
                           [_error(e, inner) for e in decl.errors])
    if isinstance(decl, ast.Object):
        return Declaration("object", decl.name, scope, decl,
                           [_method(m, inner) for m in decl.methods])
    if isinstance(decl, ast.CapType):
        return Declaration("captype", decl.name, scope, decl, _params(decl.fields, inner, "field"))
    if isinstance(decl, ast.Device):
        registers = [Declaration("register", r.name, inner, r, [
            Declaration("field", f.name, inner + (r.name.text,), f) for f in r.fields])
            for r in decl.registers]
        return Declaration("device", decl.name, scope, decl, registers)
    if isinstance(decl, ast.Method):
        return _method(decl, scope)
    children = _params(decl.fields, inner, "field")
    children += [Declaration("value", v.name, inner, v) for v in decl.values]
    return Declaration(decl.kind, decl.name, scope, decl, children)


def _error(node, scope):
    return Declaration("error", node.name, scope, node)


def _params(params, scope, kind):
    return [Declaration(kind, p.name, scope, p) for p in params]


def _method(node, scope):
    inner = scope + (node.name.text,)
    return Declaration(node.kind, node.name, scope, node,
                       _params(node.params + (node.results or []), inner, "parameter"))


def word_at(text, offset):
    """(begin, end) of the word at or right before an offset, or None."""
    line = text.rfind("\n", 0, offset) + 1
    for found in WORD.finditer(text, line):
        if found.start() > offset:
            return None
        if found.end() >= offset:
            return found.span()
    return None


def find(files, text, offset):
    """The Declaration that the word at an offset of the first file means, or None."""
    place = word_at(text, offset)
    if place is None:
        return None
    word = text[place[0]:place[1]]
    before = re.search(r"(\w+)\s*\.\s*$", text[:place[0]])
    trees = [declarations(file) for file in files]
    every = [(number, d) for number, tree in enumerate(trees) for top in tree for d in top.walk()]
    here = [d for number, d in every if number == 0 and d.span.start == place[0]]
    if here:
        return here[0]
    inside = enclosing(trees[0], offset)
    best, best_rank = None, None
    for number, found in every:
        same = found.name == word or found.kind == "captype" and found.name.lower() == word
        if not same or before and before[1] not in found.scope[-2:]:
            continue
        local = found.kind in ("parameter", "field", "value", "register")
        if local and found.scope != inside[:len(found.scope)]:
            continue
        rank = (not local, found.scope[:2] != inside[:2], number)
        if best is None or rank < best_rank:
            best, best_rank = found, rank
    return best


def enclosing(tree, offset):
    """The names of what an offset stands in: the file, an interface, one of its members. A
    declaration goes on until the next one begins."""
    names = ()
    while tree:
        before = [d for d in tree if d.span.start <= offset]
        if not before:
            break
        last = max(before, key=lambda d: d.span.start)
        names = last.scope + (last.name,)
        if last.kind in ("parameter", "field", "value"):
            return last.scope
        tree = last.children
    return names


def source_text(found):
    """The declaration as written, without its block."""
    text = found.span.source.text
    begin = text.rfind("\n", 0, found.span.start) + 1
    if found.kind in ("parameter", "field", "value"):
        begin = found.span.start
    end = re.compile(r";|\{|\n\s*\n|(?<!-)>?\)\s*->|$").search(text, found.span.end)
    stop = end.start() if end else len(text)
    if found.kind in ("call", "oneway", "event", "invoke", "syscall"):
        stop = (text.find(";", begin) + 1) or len(text)
    elif found.kind == "parameter":
        depth, stop = 0, found.span.end
        while stop < len(text) and (depth or text[stop] not in ",;)"):
            depth += (text[stop] in "<[(") - (text[stop] in ">])")
            stop += 1
    lines = [line.strip() for line in text[begin:stop].splitlines()]
    return " ".join(line for line in lines if line and not line.startswith("//")).strip()


def completions(files, offset):
    """[(label, CompletionItemKind, detail)]: words of the language, and what can be named."""
    found = {word: (word, KEYWORD, group) for group, members in words.GROUPS.items()
             for word in members}
    trees = [declarations(file) for file in files]
    inside = enclosing(trees[0], offset)
    for number, tree in enumerate(trees):
        stem = files[number].source.stem
        for top in tree:
            members = top.children if number == 0 and top.name in inside else []
            for item in [top] + members:
                if item.kind not in ("call", "oneway", "event", "invoke", "syscall"):
                    far = number and item.kind not in ("captype", "const")
                    name = f"{stem}.{item.name}" if far else item.name
                    found[name] = (name, KINDS[item.kind][1], item.kind)
                if item.kind in ("call", "oneway", "event") and item.name in inside:
                    for child in item.children:
                        found[child.name] = (child.name, KINDS["parameter"][1], "parameter")
    return [found[name] for name in sorted(found)]
