"""What a newer version of an interface may change: it may get members, and values may change as
`values.py` says. Anything else is a new ordinal."""
from .. import canon
from .values import GROWTH, Values

# Of a member, with the word for it; all of it is part of what peers rely on.
FIXED = (("kind", "kind"), ("flexible", "strictness"), ("coalesce", "`coalesce`"),
         ("queue", "queue"), ("window", "stream"))

FIX = "leave it as it was, and give what is new an ordinal of its own"


class Comparison:
    """Compares the interface `new` with `old`, which was released. `only`: the codes to report."""

    def __init__(self, old, new, diags, only=None):
        self.old = old
        self.new = new
        self.diags = diags
        self.only = only
        self.found = 0

    def report(self, code, span, message, rule, old_span, fix=FIX):
        if self.only is not None and code not in self.only:
            return
        self.found += 1
        self.diags.error(code, span, message, rule, fix,
                         [(old_span, f"in version {self.old.version}, which is released")])

    def run(self):
        """Returns how many changes no rule allows."""
        old, new = self.old, self.new
        if old.id != new.id:
            self.report("E2105", new.span, f"the id is {new.id:#x}, it was {old.id:#x}",
                        "the id says which interface it is", old.span, "give it its id back")
            return self.found
        self.errors()
        self.reserved()
        methods = {m.ordinal: m for m in new.methods}
        for method in old.methods:
            after = methods.pop(method.ordinal, None)
            if after is None:
                self.report("E2106", new.span, f"{method.kind} `{method.name}` @{method.ordinal} "
                            "is gone", "older clients use it", method.span,
                            f"keep it: `deprecated {new.version}` says that nobody should begin to")
            elif after.name != method.name:
                self.report("E2107", after.span, f"ordinal {method.ordinal} was `{method.name}`",
                            "an ordinal keeps its name", method.span)
            else:
                self.method(method, after)
        for method in methods.values():
            if method.since <= old.version < new.version:
                self.report("E2117", method.span, f"`{method.name}` is new, but does not say since "
                            "when", "older servers do not know it", old.span,
                            f"write `since {new.version}`")
        return self.found

    def method(self, old, new):
        spans = old.span, new.span
        for name, word in FIXED:
            before, after = getattr(old, name), getattr(new, name)
            if before != after:
                self.report("E2107", new.span, f"the {word} of `{new.name}` has changed",
                            "peers rely on it", old.span)
        if old.since != new.since:
            self.report("E2107", new.span, f"`{new.name}` is not since {old.since} any more",
                        "clients ask older servers for it", old.span)
        if old.idempotent and not new.idempotent:
            self.report("E2107", new.span, f"`{new.name}` is not idempotent any more",
                        "clients may repeat it", old.span)
        values = Values(self.report)
        is_input = new.kind != "event"
        values.params(old.params, new.params, is_input, f"parameters of `{new.name}`", spans)
        values.params(old.results, new.results, False, f"results of `{new.name}`", spans)
        values.conditions(old.requires, new.requires, is_input, (new.span, old.span))
        values.conditions(old.ensures, new.ensures, False, (new.span, old.span))
        known = {key for ref in old.fails for key in (ref.error.number, ref.error.name)}
        for ref in new.fails:
            if not {ref.error.number, ref.error.name} & known:      # or errors() has said so
                self.report("E2111", new.span, f"`{new.name}` fails with `{ref.error.name}`, which "
                            "it did not", "to older clients that is a bad reply", old.span)

    def errors(self):
        old, new = self.old.errors, self.new.errors
        listed = canon.listed_errors(self.old)
        if not listed:
            return
        if new is None or old.id != new.id:
            self.report("E2112", self.new.span, "the errors are of another set than they were",
                        f"their set has the id {old.id:#x}", old.span)
            return
        names = {error.number: error.name for error in new.errors}
        for error in listed:
            if names.get(error.number) != error.name:
                self.report("E2112", new.span, f"the error {error.number} is not "
                            f"`{error.name}` any more", "methods fail with it", old.span,
                            "errors keep number and name: give a new one a number of its own")

    def reserved(self):
        """Ordinals that were reserved are so for ever."""
        held = self.new.reserved
        for low, high in self.old.reserved:
            gone = next((n for n in range(low, high + 1)
                         if not any(a <= n <= b for a, b in held)), None)
            if gone is None:
                continue
            user = next((m for m in self.new.methods if m.ordinal == gone), None)
            self.report("E2116", user.span if user else self.new.span,
                        f"ordinal {gone} is not reserved any more" if user is None else
                        f"ordinal {gone} of `{user.name}` was reserved",
                        "it stays reserved for ever", self.old.span,
                        f"write `reserved {gone};`, and use another ordinal")


def compare(released, new, diags):
    """Compares with the newest of `released`, and sizes with all. Returns how much is wrong."""
    found = Comparison(released[-1], new, diags).run()
    for old in released[:-1]:
        found += Comparison(old, new, diags, (GROWTH,)).run()
    return found
