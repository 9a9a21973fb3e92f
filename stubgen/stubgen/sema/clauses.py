"""Pass clauses: do the clauses of a method apply, and do their parts exist?"""
from .. import ast, model
from ..diag import nearest
from ..limits import KEEP_MAX, QUEUE_MAX, WINDOW_MAX
from .context import Scope
from .types import Types

_APPLIES = {
    "call": {"requires", "ensures", "fails", "since", "deprecated", "window", "idempotent"},
    "oneway": {"requires", "since", "deprecated"},
    "event": {"requires", "since", "deprecated", "coalesce", "queue"},
    "invoke": {"requires", "fails"},
    "syscall": {"fails"},
}
_ONCE = {"fails", "since", "deprecated", "window", "queue", "coalesce", "idempotent"}


def run(context):
    for space in context.namespaces:
        for decl in space.file.decls:
            if isinstance(decl, ast.Interface):
                for method in decl.methods:
                    _Clauses(context, Scope(context, space, decl), method).run()
            elif isinstance(decl, ast.Object):
                for method in decl.methods:
                    _Clauses(context, Scope(context, space), method).run()
            elif isinstance(decl, ast.Method):
                _Clauses(context, Scope(context, space), decl).run()


class _Clauses:
    def __init__(self, context, scope, decl):
        self.context = context
        self.scope = scope
        self.decl = decl
        self.node = context.made[id(decl)]
        self.params = {p.name: p for p in self.node.params}
        self.results = {p.name: p for p in self.node.results}
        self.error = context.diags.error

    def run(self):
        seen = {}
        for clause in self.decl.clauses:
            if clause.word not in _APPLIES[self.decl.kind]:
                where = [kind for kind, words in _APPLIES.items() if clause.word in words]
                self.error("E0901", clause.span, f"`{clause.word}` does not apply to this "
                           f"{self.decl.kind}", "does not apply",
                           f"it belongs to: {', '.join(where)}")
                continue
            if clause.word in _ONCE and clause.word in seen:
                self.error("E0902", clause.span, f"`{clause.word}` is given twice",
                           "the second one", "keep one of them",
                           [(seen[clause.word].span, "the first one")])
                continue
            seen[clause.word] = clause
            self.apply(clause)
        self.channel(seen)
        self.counts()
        self.kept()

    def apply(self, clause):
        node, word = self.node, clause.word
        if word in ("requires", "ensures"):
            made = self.expr(clause.value, word == "ensures")
            if made is not None:
                (node.requires if word == "requires" else node.ensures).append(made)
        elif word == "since":
            node.since = clause.value.value
        elif word == "deprecated":
            node.deprecated = clause.value.value
        elif word == "queue":
            node.queue = clause.value.value
            if not 1 <= node.queue <= QUEUE_MAX:
                self.error("E0912", clause.value.span, f"a queue of {node.queue} events",
                           f"expected 1 to {QUEUE_MAX}", "the newest events are kept: "
                           "a few are enough")
        elif word == "window" and node.window is not None:
            node.window = clause.value.value
            if not 1 <= node.window <= WINDOW_MAX:
                self.error("E0915", clause.value.span, f"a window of {node.window} items",
                           f"expected 1 to {WINDOW_MAX}", "receivers have room for a whole window: "
                           "a few are enough")
        elif word == "coalesce":
            node.coalesce = True
        elif word == "idempotent":
            node.idempotent = True

    def channel(self, seen):
        if "coalesce" in seen and "queue" in seen:
            self.error("E0903", seen["queue"].span, "an event is coalesced or queued, not both",
                       "the second one", "keep one of them", [(seen["coalesce"].span, "and here")])
        if self.decl.kind == "event" and not {"coalesce", "queue"} & set(seen):
            self.error("E0913", self.decl.name.span, f"event `{self.decl.name.text}` does not say "
                       "what happens when events pile up", "expected a clause after the parameters",
                       "add `coalesce` (keep the newest) or `queue N` (keep N)")
        if self.decl.stream and self.decl.kind != "call":
            self.error("E0901", self.decl.stream, f"`stream` does not apply to this "
                       f"{self.decl.kind}", "does not apply", "it belongs to: call")
        elif self.decl.stream:
            self.stream(seen)
        elif "window" in seen:
            self.error("E0901", seen["window"].span, "`window` does not apply to this call",
                       "the call has no stream", "remove it")

    def stream(self, seen):
        if "window" not in seen:
            self.error("E0915", self.decl.stream, f"stream `{self.decl.name.text}` does not say "
                       "how many items may be on their way", "expected a clause after the items",
                       "add `window 8`: the receiver has room for as many")
        if "ensures" in seen:
            self.error("E0901", seen["ensures"].span, "`ensures` does not apply to this call",
                       "its reply has no results", "use `range` for fields of the items")

    # Conditions ----------------------------------------------------------------------------

    def expr(self, expr, with_results):
        """The model of a condition; None after an error."""
        if expr.kind == "lit":
            return model.Expr("lit", value=expr.value)
        if expr.kind == "ref":
            return self.ref(expr, with_results)
        if expr.kind == "len":
            return self.length(expr, with_results)
        args = [self.expr(arg, with_results) for arg in expr.args]
        if None in args:
            return None
        return model.Expr(expr.kind, args)

    def lookup(self, name, with_results):
        """(param, is a result), (None, None) when there is none, None after an error."""
        if name.text in self.params:
            return self.params[name.text], False
        if name.text in self.results:
            if with_results:
                return self.results[name.text], True
            self.error("E0905", name.span, f"`{name.text}` is a result",
                       "not known when the call is made", "use `ensures` for results")
            return None
        return None, None

    def ref(self, expr, with_results):
        qname = expr.args[0]
        first = qname.parts[0].text
        if len(qname.parts) > 1 and (first in self.params or first in self.results):
            self.error("E0906", expr.span, f"`{qname.text()}` is not a parameter",
                       "conditions are about whole parameters and results",
                       "make it a parameter of its own, or check it in the server")
            return None
        if len(qname.parts) == 1:
            found = self.lookup(qname.parts[0], with_results)
            if found is None:
                return None
            param, is_result = found
            if param is not None:
                if param.type is None:
                    return None
                if not isinstance(param.type, model.Int) or param.type.signed:
                    self.error("E0906", expr.span, f"`{param.name}` is not an unsigned integer",
                               "conditions are about unsigned integers",
                               f"use len({param.name})" if _has_length(param.type) else
                               "use another parameter, or check it in the server",
                               [(param.span, "declared here")])
                    return None
                return model.Expr("param", name=param.name, result=is_result)
            if not qname.text().isupper():
                self.unknown(qname.parts[0], with_results)
                return None
        value = Types(self.context, self.scope.namespace).int(qname, self.scope)
        return None if value is None else model.Expr("lit", value=value)

    def length(self, expr, with_results):
        found = self.lookup(expr.name, with_results)
        if found is None:
            return None
        param, is_result = found
        if param is None:
            self.unknown(expr.name, with_results)
            return None
        if param.type is None:
            return None
        if not _has_length(param.type):
            self.error("E0907", expr.name.span, f"`{param.name}` has no length",
                       "not a buffer, string or array of varying size",
                       f"write `{param.name}` for its value", [(param.span, "declared here")])
            return None
        return model.Expr("len", name=param.name, result=is_result)

    def unknown(self, name, with_results):
        choices = list(self.params) + (list(self.results) if with_results else [])
        guess = nearest(name.text, choices)
        self.error("E0904", name.span, f"unknown parameter `{name.text}`", "not declared",
                   f"did you mean `{guess}`?" if guess else
                   "name a parameter" + (" or a result" if with_results else ""))

    def kept(self):
        """A client keeps what the reply is judged with, in a table of fixed size."""
        found = {result.counts for result in self.node.results if result.counts}
        found |= {("at", p.name) for p in self.node.params
                  if isinstance(p.type, model.Lend) and p.type.direction == "out"}

        def visit(expr):
            if expr.kind in ("param", "len") and not expr.result:
                found.add(expr.name)
            for arg in expr.args:
                visit(arg)
        for expr in self.node.ensures:
            visit(expr)
        if len(found) > KEEP_MAX:
            self.error("E0914", self.decl.name.span, f"the reply of `{self.decl.name.text}` is "
                       f"judged with {len(found)} values of the request",
                       f"at most {KEEP_MAX} are kept", "check the rest in the client")

    # counts --------------------------------------------------------------------------------

    def counts(self):
        counted = {}
        for param in self.decl.params:
            if param.counts:
                self.error("E0910", param.counts.span, "`counts` stands at a result",
                           "this is a parameter", "move it to the result that tells the size")
        for result in self.decl.results or []:
            if result.counts:
                self.counted(result, counted)
        for param in self.decl.params:
            type_ = self.context.made[id(param)].type
            if isinstance(type_, model.Lend) and type_.direction == "out" and \
                    param.name.text not in counted:
                self.error("E0909", param.name.span, f"nothing counts `{param.name.text}`",
                           "how many bytes of it are valid?",
                           f"add a result: `n: u32 counts {param.name.text}`")

    def counted(self, result, counted):
        name = result.counts
        target = self.params.get(name.text)
        type_ = self.context.made[id(result)].type
        if target is not None and target.type is None or type_ is None:
            counted[name.text] = result
            return
        if target is None or not isinstance(target.type, (model.Lend, model.User)):
            guess = nearest(name.text, [p.name for p in self.node.params
                                        if isinstance(p.type, (model.Lend, model.User))])
            self.error("E0908", name.span, f"`{name.text}` is not a lent buffer",
                       "expected a `lend` parameter of this call",
                       f"did you mean `{guess}`?" if guess else "remove `counts`")
            return
        if not isinstance(type_, model.Int) or type_.signed or type_.bits < 32:
            self.error("E0910", result.type.span, "a count is a u32 or a u64",
                       "does not hold every length", "write `u32`")
        if name.text in counted:
            self.error("E0911", name.span, f"`{name.text}` is counted twice", "the second one",
                       "keep one of them", [(counted[name.text].span, "the first one")])
        counted.setdefault(name.text, result)


def _has_length(type_):
    return isinstance(type_, (model.Buf, model.Lend, model.User)) or (
        isinstance(type_, model.Array) and type_.at_most)
