"""One method of an interface as the templates see it: its facts, its prototypes, and the C of
conditions. `client.py` and `server.py` add the bodies."""
from ... import cnames, layout, model
from .. import cexpr
from ..checks import implied, mark
from ..wrap import comment, wrap
from . import ctypes
from .codec import is_plain_cap
from .writer import Writer

REG_WORDS = 8
REFUSED = "refused_"                   # a label: nothing is sent


class MethodView:
    """Facts and prototypes. C locals end in `_`, so no parameter has their name."""

    def __init__(self, item, method):
        self.item, self.m = item, method
        self.name, self.ordinal, self.kind = method.name, method.ordinal, method.kind
        self.base = cnames.method_base(item, method)
        self.upper = self.base.upper()
        self.request, self.reply = layout.request(method), layout.reply(method)
        self.window = method.window
        self.item_image = layout.item(method) if method.window is not None else None
        self.results = method.results if method.window is None else []
        self.bounds = cnames.bounds(item, method)
        self.since = method.since
        self.queue = method.queue or 0
        self.has_lost = method.queue is not None
        self.fails = [f"0x{f.error.code:04x}" for f in method.fails]
        self.doc = comment(method.doc + self._notes())
        self.leases = [i.path[0] for i in self.request.leases()]    # names, in order
        self.borrows = any(ctypes.is_borrowed(part.type) for part in self.request.caps)
        self.event_index = 0
        if method.kind == "event":
            ordinals = sorted(m.ordinal for m in item.methods if m.kind == "event")
            self.event_index = ordinals.index(method.ordinal)
        self.large = self.request_area() > 0 or (method.kind == "call" and self.reply_area() > 0)

    def _notes(self):
        fails = [cnames.error(f.set, f.error) for f in self.m.fails]
        notes = ["Errors: " + ", ".join(fails) + "."] if fails else []
        return notes + [f"Deprecated since version {self.m.deprecated}."] * bool(self.m.deprecated)

    def _advice(self):
        """What makes a compiler warn of the use of a deprecated method; in declarations only."""
        return f'__attribute__((deprecated("since version {self.m.deprecated}")))\n' \
            if self.m.deprecated else ""

    def request_area(self):
        if self.m.kind == "event":
            return 0
        return self._area(self.request, self.m.params)

    def repeated(self):
        """Is a call that lost its server repeated? Not if it sends capabilities: after the first
        try they may be gone."""
        return self.m.idempotent and self.window is None and not self.request.caps

    def reply_area(self):
        if self.m.kind == "event":
            return self._area(self.request, self.m.params)
        return self._area(self.item_image or self.reply, self.m.results)

    @staticmethod
    def _area(image, params):
        if image.max_words > REG_WORDS or image.max_caps > 1 \
                or image.max_caps and not is_plain_cap(image, params):
            return max(image.max_words, 1)
        return 0

    def exact(self):
        """C: 1 + the words that each request has; 0: they vary, or it is not simply a call."""
        if self.window is not None:
            return f"SERVER_STREAM | {self.window}"
        image = self.request
        if self.kind != "call" or image.min_words != image.max_words or image.max_caps:
            return 0
        return 1 + image.max_words

    # Prototypes

    def binding(self):
        return f"struct {self.item.name}_binding *b_"

    def client(self, tail):
        args = [self.binding()] + ctypes.in_params(self.m.params) \
            + ctypes.out_params(self.results)
        return (self._advice() if tail else "") + wrap(f"errval_t {self.base}(", args, ")" + tail)

    def done_type(self, name="done_"):
        results = ctypes.in_params(self.results)
        return f"void (*{name})(void *arg_, errval_t err_{''.join(', ' + r for r in results)})"

    def client_cb(self, tail):
        args = [self.binding()] + ctypes.in_params(self.m.params) + [self.done_type(),
                                                                     "void *arg_"]
        return self._advice() + wrap(f"static inline errval_t {self.base}_cb(", args, ")" + tail)

    def client_open(self, tail):
        args = [self.binding()] + ctypes.in_params(self.m.params) \
            + [f"struct {self.base}_stream *ret_stream_"]
        return wrap(f"errval_t {self.base}_open(", args, ")" + tail)

    def client_next(self, tail):
        args = [f"struct {self.base}_stream *s_"] + ctypes.out_params(self.m.results)
        return wrap(f"errval_t {self.base}_next(", args, ")" + tail)

    def put(self, tail):
        args = [f"struct {self.base}_sink *s_"] + ctypes.in_params(self.m.results)
        return wrap(f"errval_t {self.base}_put(", args, ")" + tail)

    def moves(self):
        """Does the request give capabilities away?"""
        return bool(Writer(self.request, self.m.params, "").moved(str))

    def has_cb(self):
        """A lease that the callee fills needs the caller's struct until the end."""
        return self.m.kind == "call" and not any(p.name in self.leases for p in self._lent_out())

    def client_begin(self, tail):
        args = [self.binding()] + ctypes.in_params(self.m.params) \
            + [f"struct {self.base}_call *ret_call_"]
        return wrap(f"errval_t {self.base}_begin(", args, ")" + tail)

    def begin_advice(self):
        """Declares X_begin again, for gcc warns of its use in X_cb even if that is deprecated."""
        return self._advice() + self.client_begin(";") if self.m.deprecated else ""

    def client_end(self, tail):
        args = [f"struct {self.base}_call *c_", "uint64_t deadline_ns_"] \
            + ctypes.out_params(self.results)
        return wrap(f"errval_t {self.base}_end(", args, ")" + tail)

    def handler(self):
        args = ["struct server_ctx *ctx_"] + self._handler_params() \
            + ctypes.out_params(self.results)
        result = "errval_t" if self.m.kind == "call" else "void"
        return wrap(f"    {result} (*on_{self.name})(", args, ");", indent=" " * 8)

    def event_handler(self):
        lost = ["bool lost_"] if self.has_lost else []
        return wrap(f"    void (*on_{self.name})(", ["void *arg_"] + lost
                    + ctypes.in_params(self.m.params), ");", indent=" " * 8)

    def event(self, tail):
        return wrap(f"void {self.item.name}_event_{self.name}(",
                    ["struct server_conn *conn_"] + ctypes.in_params(self.m.params), ")" + tail)

    def respond(self, tail):
        return wrap(f"void {self.base}_reply(", [f"struct {self.base}_responder *r_",
                                                 "errval_t err_"] + self._reply_params(),
                    ")" + tail)

    def _handler_params(self):
        """Parameters of a handler: leases are opaque."""
        return [text for p in self.m.params for text in (
            [f"{'const ' if p.type.direction == 'in' else ''}struct lease *{cnames.safe(p.name)}"]
            if p.name in self.leases else ctypes.in_param(p))]

    def lend_set(self):
        """C of the tables that describe the method's leases; empty if there are none."""
        if not self.leases:
            return ""
        counts = {item.param.counts: item for item in self.reply.items if item.role == "value"}
        rows = []
        for item in self.request.leases():
            row = f"{item.bound}, {item.word()}, "
            counting = counts.get(item.path[0])
            out = item.param.type.direction == "out"
            row += f"true, {counting.word()}, {counting.shift()}, {counting.bits}" if out \
                else "false, 0, 0, 0"
            rows.append(f"    {{{row}}},")
        return "\n".join([f"static const struct lend_info lend_info_{self.name}[] = {{"] + rows + [
            "};", f"static const struct lend_set lends_{self.name} = {{lend_info_{self.name}, "
            f"{len(self.leases)}, {self.request.room_words}}};", ""])

    def _lease(self, name):
        """C of the struct lease or binding_lend of a lent buffer."""
        return f"lent_[{self.leases.index(name)}]"

    def _lent_out(self):
        return [p for p in self.m.params
                if isinstance(p.type, model.Lend) and p.type.direction == "out"]

    def _reply_params(self):
        """Results as a responder takes them, with the bytes of lent buffers; fields of an item."""
        return ctypes.in_params(self.m.results) \
            + [f"const void *{cnames.safe(p.name)}" for p in self._lent_out()]

    # Conditions

    def _conditions(self, exprs, fail, length=None):
        lines, used = [], 0
        for expr in exprs:
            made = cexpr.condition(expr, self._operand, length or self._length, used)
            used += len(made.temps)
            lines += [f"    uint64_t {temp};" for temp in made.temps]
            lines += [f"    if ({made.failed}) {{", f"        {fail}", "    }"]
        return lines

    def _operand(self, name, result):
        return f"(uint64_t){cnames.safe(name)}"

    def _length(self, name, result):
        params = self.results if result else self.m.params
        type_, _ = ctypes.strip_optional(next(p for p in params if p.name == name).type)
        suffix = "count" if isinstance(type_, model.Array) else "len"
        if isinstance(type_, model.Array) and not type_.at_most:
            return f"{type_.count}u"
        return f"(uint64_t){cnames.safe(name)}_{suffix}"


def word_bounds(image, bounded=False):
    """C: n_ is no possible number of words; empty if it cannot be. `bounded`: the runtime has
    refused more words than there can be."""
    if image.min_words == image.max_words:
        return "" if bounded and not image.max_words else mark(f"n_ != {image.max_words}")
    # The reader comes to another end than n_ then.
    wrong = [implied(f"n_ < {image.min_words}")] if image.min_words else []
    return " || ".join(wrong + ([] if bounded else [implied(f"n_ > {image.max_words}")]))


def word_check(image, header, fail, bounded=False):
    """Lines that declare n_, the words that a message has by its header, if anything asks for it,
    and run `fail` if it is no possible number."""
    if bounded and not image.max_words:
        return []
    bad = word_bounds(image, bounded)
    return [f"    const uint32_t n_ = msg_words({header});"] \
        + ([f"    if ({bad}) {{", f"        {fail}", "    }"] if bad else [])
