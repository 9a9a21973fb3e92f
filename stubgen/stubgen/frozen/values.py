"""What may change of a value between two versions: nothing of its image; constraints of requests
may become looser, those of results tighter; flexible types may grow.

Every function compares `old`, as released, with `new`. A value is an `input` if the server receives
it (parameters of calls and oneways); otherwise clients do."""
from .. import canon, layout, model
from ..limits import SPARE_WORDS
from ..sema.bounds import limits_of
from ..sema.types import holds_caps
from .text import type_text

GROWTH = "E2115"       # the one rule that every released version is asked about


class Values:
    """`report(code, new span, message, rule, old span)` is told of every change that no rule
    allows."""

    def __init__(self, report):
        self.report = report
        self.seen = set()

    def params(self, old, new, is_input, what, place):
        """The parameters, results or fields `what`, whose owner `place` is a pair of spans."""
        names = [p.name for p in new]
        if [p.name for p in old] != names:
            self.report("E2108", place[1], f"the {what} are not `{_listed(old)}` any more",
                        "names, order and number are part of every message", place[0])
            return
        for before, after in zip(old, new):
            self.param(before, after, is_input)

    def param(self, old, new, is_input):
        spans = new.span, old.span
        if old.counts != new.counts:
            self.report("E2108", spans[0], f"`{new.name}` does not count `{old.counts}` any more"
                        if old.counts else f"`{new.name}` did not count `{new.counts}`",
                        "what counts a lent buffer is part of the message", spans[1])
        self.type(old.type, new.type, is_input, spans)
        tight, loose = (new, old) if is_input else (old, new)
        if not _range_in(loose, tight) or tight.pow2 and not loose.pow2:
            self.constraint(is_input, spans, f"the constraint of `{new.name}`")

    def constraint(self, is_input, spans, what):
        if is_input:
            self.report("E2109", spans[0], f"{what} is tighter than it was",
                        "older clients may send what was allowed", spans[1])
        else:
            self.report("E2110", spans[0], f"{what} is looser than it was",
                        "older receivers would refuse what was not allowed", spans[1])

    def type(self, old, new, is_input, spans):
        if isinstance(old, model.Named) and isinstance(new, model.Named) \
                and type(old.decl) is type(new.decl) and _kind(old) == _kind(new):
            self.decl(old.decl, new.decl, is_input)
        elif isinstance(old, (model.Optional_, model.Array)) and type(old) is type(new) \
                and _around(old) == _around(new):
            self.type(old.elem, new.elem, is_input, spans)
        elif isinstance(old, model.Cap) and isinstance(new, model.Cap) and old.move == new.move:
            tight, loose = (new, old) if is_input else (old, new)
            if not (_kinds_in(loose, tight) and set(tight.rights or "") <= set(loose.rights or "")):
                self.constraint(is_input, spans, f"`{canon.type_text(new)}`")
        elif old != new:
            self.report("E2108", spans[0], f"the type is `{type_text(new)}`, it was "
                        f"`{type_text(old)}`", "types never change: make a new method", spans[1])

    def decl(self, old, new, is_input):
        if (old, new, is_input) in self.seen:
            return
        self.seen.add((old, new, is_input))
        if isinstance(old, model.Enum):
            self.enum(old, new)
        elif isinstance(old, model.Table):
            self.table(old, new, is_input)
        else:
            self.params(old.fields, new.fields, is_input, f"fields of `{new.name}`",
                        (old.span, new.span))

    def enum(self, old, new):
        def bad(message):
            self.report("E2113", new.span, message, "values never change; only flexible ones may "
                        "get more", old.span)
        if (old.type, old.flexible) != (new.type, new.flexible):
            bad(f"{new.kind} `{new.name}` is not {_strictness(old)} : {old.type.name()} any more")
            return
        values = {v.value: v.name for v in new.values}
        for value in old.values:
            if values.pop(value.value, None) != value.name:
                bad(f"`{value.name} = {value.value}` of {new.kind} `{new.name}` is gone")
        if values and not new.flexible:
            bad(f"strict {new.kind} `{new.name}` has a new value "
                f"`{values[min(values)]} = {min(values)}`")

    def table(self, old, new, is_input):
        if old.flexible != new.flexible:
            self.report("E2114", new.span, f"{new.kind} `{new.name}` is not {_strictness(old)} any "
                        "more", "who does not know a field must know whether to skip it", old.span)
            return
        fields = {field.ordinal: field for field in new.fields}
        highest = max(field.ordinal for field in old.fields)
        for field in old.fields:
            if field.ordinal not in fields:
                self.report("E2114", new.span, f"field {field.ordinal} `{field.name}` of "
                            f"`{new.name}` is gone", "fields stay: they may be left out",
                            field.span)
                continue
            after = fields.pop(field.ordinal)
            if after.name != field.name:
                self.report("E2114", after.span, f"field {field.ordinal} was `{field.name}`",
                            "an ordinal keeps its name", field.span)
                continue
            self.param(field, after, is_input)
        for field in fields.values():
            self.new_field(old, new, field, highest)
        try:
            size = layout.members_of(new).max_words - layout.members_of(old).max_words
        except layout.TooLarge:
            size = 0           # pass bounds has said so
        if new.flexible and size > SPARE_WORDS:
            self.report(GROWTH, new.span, f"`{new.name}` is {size} words larger than in a released "
                        "version", f"receivers have room for {SPARE_WORDS} more", old.span)

    def new_field(self, old, new, field, highest):
        if not new.flexible:
            rule = f"a strict {new.kind} gets no fields: older receivers would refuse them"
        elif field.ordinal <= highest:
            rule = f"new ordinals are above all released ones: above {highest}"
        elif holds_caps(field.type):
            rule = "a receiver that skips a field could not take its capabilities"
        else:
            return
        self.report("E2114", field.span, f"`{new.name}` cannot get the field {field.ordinal} "
                    f"`{field.name}`", rule, old.span)

    def conditions(self, old, new, is_input, spans):
        """`requires` (input) or `ensures` of a method."""
        given, wanted = (_parts(old), _parts(new)) if is_input else (_parts(new), _parts(old))
        for part in wanted:
            if not any(_implies(other, part) for other in given):
                word = "requires" if is_input else "ensures"
                self.constraint(is_input, spans, f"`{word} {canon.expr(part)}`" if is_input else
                                f"without `{word} {canon.expr(part)}` the result")


def _listed(params):
    return ", ".join(p.name for p in params) or "none"


def _strictness(decl):
    return "flexible" if decl.flexible else "strict"


def _kind(named):
    return getattr(named.decl, "kind", "struct")


def _around(type_):
    return (type_.count, type_.at_most) if isinstance(type_, model.Array) else None


def _range_in(inner, outer):
    """Does every value that `inner` allows satisfy the range of `outer`?"""
    if outer.range is None or inner.range == outer.range:
        return True
    type_ = inner.type.elem if isinstance(inner.type, model.Optional_) else inner.type
    if not isinstance(type_, model.Int):
        return True            # the types differ, which was reported
    low, high = inner.range or limits_of(type_)
    return outer.range[0] <= low and high <= outer.range[1]


def _kinds_in(inner, outer):
    return not outer.kinds or bool(inner.kinds) and set(inner.kinds) <= set(outer.kinds)


def _parts(conditions):
    """Conditions without `&&`."""
    found = []
    for expr in conditions:
        found += _parts(expr.args) if expr.kind == "and" else [expr]
    return found


_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _bounds(expr):
    """(text of what is compared, lowest, highest) of a comparison with a number, or None."""
    left, right, word = expr.args[0], expr.args[1], expr.kind
    if left.kind == "lit":
        left, right, word = right, left, _FLIPPED[word]
    if right.kind != "lit" or word == "!=":
        return None
    value = right.value
    low = {">": value + 1, ">=": value, "==": value}.get(word, 0)
    high = {"<": value - 1, "<=": value, "==": value}.get(word, (1 << 64) - 1)
    return canon.expr(left), low, high


def _implies(given, wanted):
    """Is `wanted` true whenever `given` is? Sure only of equal ones, and of bounds of one value."""
    if canon.expr(given) == canon.expr(wanted):
        return True
    a, b = _bounds(given), _bounds(wanted)
    return a is not None and b is not None and a[0] == b[0] and b[1] <= a[1] and a[2] <= b[2]
