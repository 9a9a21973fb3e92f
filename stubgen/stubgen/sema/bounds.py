"""Pass bounds: ranges, sizes and counts, enum values, and the largest size of every message."""
from .. import ast, layout, model
from ..limits import ITEM_CAPS, LEASE_MAX, MESSAGE_CAPS, MESSAGE_WORDS, WORD_BYTES

COUNT_MAX = MESSAGE_WORDS * WORD_BYTES      # elements or bytes that can fit any message


def run(context):
    for space in context.namespaces:
        for decl in space.file.decls:
            if isinstance(decl, ast.Interface):
                for item in decl.types:
                    _typedecl(context, item)
                for method in decl.methods:
                    _method(context, method)
            elif isinstance(decl, ast.TypeDecl):
                _typedecl(context, decl)
            elif isinstance(decl, ast.Object):
                for method in decl.methods:
                    _params(context, method)
            elif isinstance(decl, ast.CapType):
                for item in decl.fields:
                    _param(context, item)
            elif isinstance(decl, ast.Method):
                _params(context, decl)


def limits_of(type_):
    """The lowest and highest value of an integer type."""
    if type_.signed:
        return -(1 << (type_.bits - 1)), (1 << (type_.bits - 1)) - 1
    return 0, (1 << type_.bits) - 1


def _typedecl(context, decl):
    node = context.made.get(id(decl))
    for item in decl.fields:
        _param(context, item)
    if isinstance(node, model.Const) and isinstance(node.type, model.Int) and \
            node.value is not None and not _fits(node.value, node.type):
        _beyond(context, decl.value.span, node.value, node.type)
    if isinstance(node, model.Enum):
        _enum(context, decl, node)


def _fits(value, type_):
    low, high = limits_of(type_)
    return low <= value <= high


def _beyond(context, span, value, type_):
    low = limits_of(type_)[0]
    if value < low:
        context.error("E0605", span, f"{value} does not fit `{type_.name()}`",
                      f"the smallest value is {low}", "use a larger value" + (
                          " or a larger type" if type_.signed else " or a signed type"))
    else:
        context.error("E0605", span, f"{value} does not fit `{type_.name()}`",
                      "the value is too large", "use a larger type or a smaller value")


def _enum(context, decl, node):
    seen = {}
    if not decl.values:
        context.error("E0604", decl.name.span, f"{node.kind} `{node.name}` has no values",
                      "nothing could be sent", "give it a value or remove it")
    for item, made in zip(decl.values, node.values):
        value, span = made.value, item.value.span
        if value is None:
            continue
        if not _fits(value, node.type):
            _beyond(context, span, value, node.type)
        if value in seen:
            context.error("E0606", span, f"`{made.name}` has the value of another name",
                          "the second one", "give it a value of its own",
                          [(seen[value].name.span, "the first one")])
        seen.setdefault(value, item)
        if node.kind == "flags" and (value & (value - 1) or value == 0) and value >= 0:
            context.error("E0607", span, f"flag `{made.name}` is not one bit",
                          "expected a power of two", "give every flag one bit: 0x1, 0x2, 0x4")


def _params(context, decl):
    for param in decl.params + (decl.results or []):
        _param(context, param)


def _param(context, decl):
    node = context.made.get(id(decl))
    if node is None or node.type is None:
        return
    _sizes(context, decl.type, node.type)
    inner = node.type.elem if isinstance(node.type, model.Optional_) else node.type
    if decl.pow2 and not (isinstance(inner, model.Int) and not inner.signed):
        context.error("E0603", decl.pow2, "`pow2` does not apply to this type",
                      "not an unsigned integer", "remove it")
    if not decl.range:
        return
    low_high_span = decl.range[2]
    if not isinstance(inner, model.Int):
        context.error("E0603", low_high_span, "`range` does not apply to this type",
                      "not an integer", "remove it")
        return
    if node.range is None:
        return
    low, high = node.range
    if low > high:
        context.error("E0601", decl.range[0].span, f"the range {low}..{high} is empty",
                      "the lowest value comes first", f"write range {high}..{low}")
    for bound, value in zip(decl.range, node.range):
        if not _fits(value, inner):
            low, high = limits_of(inner)
            context.error("E0602", bound.span, f"{value} is beyond `{inner.name()}`",
                          f"the largest value is {high}" if value > high else
                          f"the smallest value is {low}",
                          "use a smaller bound or a larger type" if value > high else
                          "use a larger bound or a signed type")


def _sizes(context, expr, type_):
    """Bounds of buffers and arrays, where they are written."""
    if isinstance(type_, model.Optional_):
        type_ = type_.elem
    if expr.bound is not None:
        inner = type_.elem if isinstance(type_, model.Array) else type_
        _size(context, expr.bound.span, inner.bound, "bytes",
              isinstance(inner, (model.Lend, model.User)))
    if expr.array is not None and isinstance(type_, model.Array):
        _size(context, expr.array.count.span, type_.count, "elements", False)


def _size(context, span, bound, what, out_of_line):
    if bound == 0:
        context.error("E0604", span, f"a bound of 0 {what}", "nothing could be sent",
                      "use a bound of at least 1")
    elif bound > COUNT_MAX and not out_of_line:
        context.error("E0608", span, f"{bound} {what} never fit a message",
                      f"a message has at most {COUNT_MAX} bytes",
                      "use lend: `buf: lend in bytes<..>`")
    elif bound >= 1 << 32:
        context.error("E0608", span, f"{bound} {what} are too many",
                      "lengths have 32 bits", "use a smaller bound")


def _method(context, decl):
    _params(context, decl)
    node = context.made.get(id(decl))
    if context.poisoned(node):
        return
    parts = [(layout.request, "request" if node.kind == "call" else node.kind)]
    if node.window is not None:
        parts.append((layout.item, "item"))
    elif node.kind == "call":
        parts.append((layout.reply, "reply"))
    before = len(context.diags.items)
    for make, what in parts:
        _message(context, decl, node, make, what)
    if len(context.diags.items) == before and layout.lease_bytes(node) > LEASE_MAX:
        context.error("E0610", decl.name.span, f"`{decl.name.text}` lends up to "
                      f"{layout.lease_bytes(node)} bytes", f"a call lends at most {LEASE_MAX}",
                      "lend less, and call again for the rest")


def _message(context, decl, node, make, what):
    name = decl.name
    try:
        image = make(node)
    except layout.TooLarge:
        context.error("E0608", name.span, f"the {what} of `{name.text}` is far too large",
                      f"a message has at most {MESSAGE_WORDS} words", "use lend for large data")
        return
    if image.rest_words > MESSAGE_WORDS:
        context.error("E0608", name.span, f"the {what} of `{name.text}` takes up to "
                      f"{image.rest_words} words", f"a message has at most {MESSAGE_WORDS} words",
                      "use lend for large data, or smaller bounds")
    most = ITEM_CAPS if what == "item" else MESSAGE_CAPS
    if image.max_caps and node.kind == "event":
        context.error("E0611", name.span, f"event `{name.text}` carries capabilities",
                      "events are merged, kept and dropped", "send a number, and have the client "
                      "call for the capability")
    elif image.max_caps > most:
        context.error("E0609", name.span, f"the {what} of `{name.text}` carries up to "
                      f"{image.max_caps} capabilities",
                      f"{'an item' if what == 'item' else 'a message'} has at most {most}",
                      "send fewer at a time")
