"""What the templates of this back end see of an interface: names, prototypes, and C from reader and writer."""
from ... import cnames, layout, model
from .. import cexpr, env
from ..wrap import comment, wrap
from . import ctypes
from .codec import Reader, get_function
from .writer import Writer, put_function

SUFFIXES = (".h", "_client.c", "_client_cb.c", "_server.h", "_server.c")
REG_WORDS = 8
DEADLINE_NS = 5_000_000_000
KEEP_MAX = 4


def decl_texts(decls):
    return [ctypes.decl_view(decl) for decl in decls]


def includes(decls, interface):
    """Headers with the types that these declarations or this interface use."""
    found = set()

    def visit(type_):
        if isinstance(type_, (model.Optional_, model.Array)):
            visit(type_.elem)
        elif isinstance(type_, model.Named):
            decl = type_.decl
            if decl.scope and not (interface and decl.scope == interface.name):
                found.add(f"{decl.scope}.h")
            elif not decl.scope and (interface is not None or decl not in decls):
                found.add(f"{decl.namespace}_types.h")

    for decl in decls:
        for field in getattr(decl, "fields", []):
            visit(field.type)
    for method in interface.methods if interface else []:
        for param in method.params + method.results:
            visit(param.type)
    return sorted(found)


def interface(build, item):
    calls = [m for m in item.methods if m.kind == "call"]
    oneways = [m for m in item.methods if m.kind == "oneway"]
    events = sorted((m for m in item.methods if m.kind == "event"), key=lambda m: m.ordinal)
    methods = sorted((_Method(item, m) for m in item.methods), key=lambda m: m.ordinal)
    by_ordinal = {m.ordinal: m for m in methods}
    served = [by_ordinal[m.ordinal] for m in sorted(calls + oneways, key=lambda m: m.ordinal)]
    areas = [[m.request_area() for m in served], [m.reply_area() for m in methods]]
    return {
        "name": item.name, "upper": item.name.upper(), "id": item.id, "version": item.version,
        "hash": f"UINT64_C({item.hash:#018x})", "doc": comment(item.doc),
        "deadline": DEADLINE_NS, "decls": decl_texts(item.types),
        "includes": includes(item.types, item), "errors": _errors(item),
        "foreign_errors": _foreign_errors(item),
        "calls": [by_ordinal[m.ordinal] for m in calls],
        "oneways": [by_ordinal[m.ordinal] for m in oneways],
        "events": [by_ordinal[m.ordinal] for m in events], "served": served,
        "method_count": max([m.ordinal for m in methods], default=0) + 1, "methods": methods,
        "request_area": max(areas[0], default=0), "reply_area": max(areas[1], default=0),
        "client_get": _functions(get_function, [m.results for m in calls]),
        "client_event_get": _functions(get_function, [m.params for m in events]),
        "client_put": _functions(put_function, [m.params for m in calls + oneways]),
        "call_put": _functions(put_function, [m.params for m in calls]),
        "server_get": _functions(get_function, [m.params for m in calls + oneways]),
        "server_put": _functions(put_function, [m.results for m in calls]
                                 + [m.params for m in events]),
    }


def _functions(make, lists):
    decls = []
    for params in lists:
        for decl in ctypes.element_decls(params):
            if decl not in decls:
                decls.append(decl)
    return [make(decl) for decl in decls]


def _errors(item):
    if not item.own_errors or item.errors is None:
        return []
    return [(cnames.error(item.errors, e), f"0x{e.code:04x}", e.message)
            for e in item.errors.errors]


def _foreign_errors(item):
    """The interface whose header declares this one's errors, or ""."""
    if item.errors is not None and not item.own_errors and item.errors.owner != item.name:
        return item.errors.owner
    return ""


class _Method:
    """One method, for the templates."""

    def __init__(self, item, method):
        self.item, self.m = item, method
        self.name, self.ordinal, self.kind = method.name, method.ordinal, method.kind
        self.base = cnames.method_base(item, method)
        self.upper = self.base.upper()
        self.request, self.reply = layout.request(method), layout.reply(method)
        self.bounds = cnames.bounds(item, method)
        self.since = method.since
        self.queue = method.queue or 0
        self.has_lost = method.queue is not None
        self.fails = [f"0x{f.error.code:04x}" for f in method.fails]
        self.doc = comment(method.doc + self._notes())
        self.event_index = 0
        if method.kind == "event":
            ordinals = sorted(m.ordinal for m in item.methods if m.kind == "event")
            self.event_index = ordinals.index(method.ordinal)
        self.large = self.request_area() > 0 or (method.kind == "call" and self.reply_area() > 0)

    def _notes(self):
        fails = [cnames.error(f.set, f.error) for f in self.m.fails]
        return ["Errors: " + ", ".join(fails) + "."] if fails else []

    def request_area(self):
        if self.m.kind == "event":
            return 0
        return self._area(self.request)

    def reply_area(self):
        return self._area(self.request if self.m.kind == "event" else self.reply)

    @staticmethod
    def _area(image):
        if image.max_words > REG_WORDS or image.max_caps > 1:
            return max(image.max_words, 1)
        return 0

    def exact(self):
        """C: what the shape of a request must be, if there is only one."""
        image = self.request
        if image.min_words != image.max_words or image.min_caps != image.max_caps \
                or image.max_caps > 1:
            return "SERVER_VARIES"
        kind = "MSG_CALL" if self.kind == "call" else "MSG_ONEWAY"
        return f"SERVER_EXACT({kind}, {image.max_words}, {image.max_caps})"

    def plain(self):
        """Are all values scalars or handles? Then a shim has no array that could overflow, and
        needs no stack protector."""
        types = [ctypes.strip_optional(p.type)[0] for p in self.m.params + self.m.results]
        return self._shim_in_place() and all(
            layout.is_scalar(type_) or ctypes.is_handle(type_) for type_ in types)

    # Prototypes

    def binding(self):
        return f"struct {self.item.name}_binding *b_"

    def client(self, tail):
        args = [self.binding()] + ctypes.in_params(self.m.params) \
            + ctypes.out_params(self.m.results)
        return wrap(f"errval_t {self.base}(", args, ")" + tail)

    def done_type(self, name="done_"):
        results = ctypes.in_params(self.m.results)
        return f"void (*{name})(void *arg, errval_t err{''.join(', ' + r for r in results)})"

    def client_cb(self, tail):
        args = [self.binding()] + ctypes.in_params(self.m.params) + [self.done_type(),
                                                                     "void *arg_"]
        return wrap(f"errval_t {self.base}_cb(", args, ")" + tail)

    def has_lend_out(self):
        return bool(self._lent_out())

    def has_cb(self):
        return self.m.kind == "call" and not self.has_lend_out()

    def handler(self):
        args = ["struct server_ctx *ctx"] + ctypes.in_params(self.m.params) \
            + ctypes.out_params(self.m.results)
        result = "errval_t" if self.m.kind == "call" else "void"
        return wrap(f"    {result} (*on_{self.name})(", args, ");", indent=" " * 8)

    def event_handler(self):
        lost = ["bool lost"] if self.has_lost else []
        return wrap(f"    void (*on_{self.name})(", ["void *arg"] + lost
                    + ctypes.in_params(self.m.params), ");", indent=" " * 8)

    def event(self, tail):
        return wrap(f"void {self.item.name}_event_{self.name}(",
                    ["struct server_conn *conn_"] + ctypes.in_params(self.m.params), ")" + tail)

    def respond(self, tail):
        return wrap(f"void {self.base}_reply(", [f"struct {self.base}_responder *r_",
                                                 "errval_t err_"] + self._reply_params(),
                    ")" + tail)

    def _lent_out(self):
        return [p for p in self.m.params
                if isinstance(p.type, model.Lend) and p.type.direction == "out"]

    def _reply_params(self):
        """Results as a responder takes them, with the bytes of lent buffers."""
        return ctypes.in_params(self.m.results) \
            + [f"const void *{cnames.safe(p.name)}" for p in self._lent_out()]

    # Client

    def in_registers(self):
        """May the request be passed as words in registers, without an array?"""
        return not self.large and self.request.is_fixed() \
            and not any(i.role == "block" for i in self.request.items)

    def client_body(self):
        return self._register_body() if not self.large else self._large_body()

    def _since(self):
        if self.since <= 1:
            return []
        return [f"    if (b_->base.version < {self.since}) {{", "        return RPC_ERR_VERSION;",
                "    }"]

    def _header(self, kind, words, caps):
        return f"MSG_HEADER({self.ordinal}, {kind}, {words}, {caps})"

    def _register_body(self):
        writer = Writer(self.request, self.m.params, "return RPC_ERR_TOO_LARGE;")
        lines = ["    struct lmp_regs r_;"] + self._since()
        parts = self.request.caps
        xfer, caps = "0", "0"
        if parts:
            sent = ctypes.sent_cap(parts[0].type, writer.place(parts[0].path))
            xfer = f"msg_xfer((struct msg_cap){sent})"
            caps = "1" if parts[0].optional is None else f"({writer.present(parts[0].path)} ? 1 : 0)"
        if self.in_registers():
            writer.check()
            lines += writer.lines
            words = writer.words()
            args = ["&b_->base", self._header("MSG_CALL", len(words), caps), xfer] + words
            lines.append(wrap(f"    errval_t err_ = lmp_call{len(words)}(", args + ["&r_"], ");",
                              indent=" " * 8))
        else:
            lines.append(f"    uint64_t q_[{REG_WORDS}] = {{0}};")
            lines += writer.write("q_")
            args = ["&b_->base", self._header("MSG_CALL", writer.count_text(), caps), xfer] \
                + [f"q_[{i}]" for i in range(REG_WORDS)] + ["&r_"]
            lines.append(wrap("    errval_t err_ = lmp_call8(", args, ");", indent=" " * 8))
        lines += writer.moved(lambda place: f"binding_moved(err_, {place});")
        lines += ["    if (__builtin_expect(err_is_fail(err_), 0)) {", "        return err_;",
                  "    }"]
        return "\n".join(lines + self._register_result())

    def _register_result(self):
        """Lines that judge r_ and set the results."""
        image = self.reply
        caps = image.max_caps
        fail = "return binding_bad_reply1((caddr_t)r_.cap);" if caps else "return RPC_ERR_BAD_REPLY;"
        if image.is_fixed() and image.min_caps == caps:
            lines = [f"    if ((r_.header & MSG_SHAPE_MASK) != MSG_SHAPE({image.max_words}, {caps})) {{"]
        else:
            lines = ["    const uint32_t n_ = msg_words(r_.header);",
                     f"    if ({_word_bounds(image)}"
                     f"msg_caps(r_.header) > {caps} || (r_.header & MSG_MORE) != 0) {{"]
        lines += ["        return binding_bad_reply1((caddr_t)r_.cap);", "    }"]
        one = image.max_caps == 1 and image.min_caps == 1
        reader = Reader(image, self.m.results, fail, fail,
                        None if one or not caps else ("&got_", "&info_", "got_n_"),
                        ("(caddr_t)r_.cap", "(uint32_t)r_.cap_info") if one else None)
        if caps and not one:
            lines += ["    const caddr_t got_ = (caddr_t)r_.cap;",
                      "    const uint32_t info_ = (uint32_t)r_.cap_info;",
                      "    const uint32_t got_n_ = got_ != 0;"]
        if image.max_words:
            lines.append("    const uint64_t *const w_ = r_.w;")
        lines += reader.read()
        return lines + self._ensures(reader, fail) + _assign(self.m) + ["    return ERR_OK;"]

    def _call_struct(self, writer, kind):
        """Lines that encode the request and make call_."""
        room = max(self.request.max_words, self.reply.max_words, 1)
        caps_in, caps_out = self.request.max_caps, self.reply.max_caps
        lines = self._since() + [f"    uint64_t w_[{room}];"] + writer.write()
        if caps_in:
            lines += [f"    struct msg_cap caps_[{caps_in}];", "    uint32_t caps_n_ = 0;"]
            lines += writer.caps(lambda text: f"    caps_[caps_n_++] = (struct msg_cap){text};")
        if caps_out and kind == "MSG_CALL":
            lines += [f"    caddr_t got_[{caps_out}];", f"    uint32_t info_[{caps_out}];"]
        count = "caps_n_" if caps_in else "0"
        fields = [f".header = {self._header(kind, writer.count_text(), count)}", ".words = w_"]
        if kind == "MSG_CALL":
            fields.append(f".words_max = {self.reply.max_words}")
        if caps_in:
            fields.append(".caps = caps_")
        if caps_out and kind == "MSG_CALL":
            fields += [f".caps_max = {caps_out}", ".got = got_", ".got_info = info_"]
        return lines + [wrap("    struct binding_call call_ = {", fields, "};", indent=" " * 8)]

    def _large_body(self):
        writer = Writer(self.request, self.m.params, "return RPC_ERR_TOO_LARGE;")
        lines = self._call_struct(writer, "MSG_CALL")
        lines.append("    errval_t err_ = binding_call(&b_->base, &call_);")
        lines += writer.moved(lambda place: f"binding_moved(err_, {place});")
        lines += ["    if (err_is_fail(err_)) {", "        return err_;", "    }"]
        lines += self._result_lines("call_.header", "return ")
        return "\n".join(lines + _assign(self.m) + ["    return ERR_OK;"])

    def _result_lines(self, header, leave):
        """Lines that judge a reply in w_ (caps in got_, info_) and declare its values."""
        image = self.reply
        fail = f"{leave}binding_bad_reply(got_, got_n_);" if image.max_caps \
            else f"{leave}RPC_ERR_BAD_REPLY;"
        lines = [f"    const uint32_t n_ = msg_words({header});"]
        if image.max_caps:
            lines.append(f"    const uint32_t got_n_ = msg_caps({header});")
        bounds = _word_bounds(image)
        if bounds:
            lines += [f"    if ({bounds[:-4]}) {{", f"        {fail}", "    }"]
        else:
            lines.append("    (void)n_;")
        reader = Reader(image, self.m.results, fail, fail,
                        ("got_", "info_", "got_n_") if image.max_caps else None)
        return lines + reader.read() + self._ensures(reader, fail)

    def _ensures(self, reader, fail):
        """Conditions on results, and counts of lent buffers."""
        lines = []
        for result in self.m.results:
            lent = next((p for p in self.m.params if p.name == result.counts), None)
            if lent is not None:
                lines += [f"    if ({cnames.safe(result.name)} > {cnames.safe(lent.name)}_len) {{",
                          f"        {fail}", "    }"]
        return lines + self._conditions(self.m.ensures, fail)

    def _conditions(self, exprs, fail):
        lines, used = [], 0
        for expr in exprs:
            made = cexpr.condition(expr, self._operand, self._length, used)
            used += len(made.temps)
            lines += [f"    uint64_t {temp};" for temp in made.temps]
            lines += [f"    if ({made.failed}) {{", f"        {fail}", "    }"]
        return lines

    def _operand(self, name, result):
        return f"(uint64_t){cnames.safe(name)}"

    def _length(self, name, result):
        params = self.m.results if result else self.m.params
        type_, _ = ctypes.strip_optional(next(p for p in params if p.name == name).type)
        suffix = "count" if isinstance(type_, model.Array) else "len"
        if isinstance(type_, model.Array) and not type_.at_most:
            return f"{type_.count}u"
        return f"(uint64_t){cnames.safe(name)}_{suffix}"

    # Callback form

    def kept(self):
        """Parameters that conditions on the results mention: [(C type, C text, index)]."""
        found = []

        def visit(expr):
            if expr.kind in ("param", "len") and not expr.result:
                key = (expr.kind, expr.name)
                if key not in found:
                    found.append(key)
            for arg in expr.args:
                visit(arg)

        for expr in self.m.ensures:
            visit(expr)
        for result in self.m.results:
            if result.counts and ("len", result.counts) not in found:
                found.append(("len", result.counts))
        if len(found) > KEEP_MAX:
            raise ctypes.Limit(f"{self.base}: conditions on results name too many parameters")
        return found

    def cb_body(self):
        writer = Writer(self.request, self.m.params, "return RPC_ERR_TOO_LARGE;")
        self_call = self._call_struct(writer, "MSG_CALL")
        self_call = [l for l in self_call if not l.startswith(("    caddr_t got_", "    uint32_t info_"))]
        text = "\n".join(self_call)
        for field in (f".caps_max = {self.reply.max_caps}", ".got = got_", ".got_info = info_"):
            text = text.replace(field + ", ", "").replace(", " + field, "").replace(
                ",\n        " + field, "")
        lines = [text]
        for index, (kind, name) in enumerate(self.kept()):
            value = self._length(name, False) if kind == "len" else self._operand(name, False)
            lines.append(f"    call_.keep[{index}] = {value};")
        lines += [wrap("    errval_t err_ = binding_call_cb(",
                       ["&b_->base", "&call_", f"{self.base}_complete", "(void (*)(void))done_",
                        "arg_"], ");", indent=" " * 8)]
        lines += writer.moved(lambda place: f"binding_moved(err_, {place});")
        return "\n".join(lines + ["    return err_;"])

    def cb_complete(self):
        """The body of the function that decodes a reply and calls done_."""
        zero = "".join(", " + _zero(p) for p in ctypes.in_params(self.m.results))
        lines = ["    errval_t err_ = result_;"]
        lines += ["    if (err_is_ok(err_)) {", f"        err_ = {self.base}_judge(reply_, done_, arg_);",
                  "        if (err_is_ok(err_)) {", "            return;", "        }", "    }"]
        lines.append(f"    (({self.done_type('')})done_)(arg_, err_{zero});")
        return "\n".join(lines)

    def cb_judge(self):
        """Decodes; calls done_ on success."""
        lines = ["    const uint64_t *const w_ = reply_->words;", "    (void)w_;"]
        if self.reply.max_caps:
            lines += ["    caddr_t *got_ = reply_->got;", "    uint32_t *info_ = reply_->got_info;"]
        lines += ["    if (msg_caps(reply_->header) > " + str(self.reply.max_caps) + ") {",
                  "        return binding_bad_reply(reply_->got, msg_caps(reply_->header));",
                  "    }"]
        for index, (kind, name) in enumerate(self.kept()):
            c_name = f"{cnames.safe(name)}_len" if kind == "len" else cnames.safe(name)
            if kind == "len" and self._length(name, False).endswith("_count"):
                c_name = f"{cnames.safe(name)}_count"
            lines.append(f"    const uint64_t {c_name} = reply_->keep[{index}];")
        image = self.reply
        fail = "return binding_bad_reply(got_, got_n_);" if image.max_caps \
            else "return RPC_ERR_BAD_REPLY;"
        reader = Reader(image, self.m.results, fail, fail,
                        ("got_", "info_", "got_n_") if image.max_caps else None)
        head = ["    const uint32_t n_ = msg_words(reply_->header);", "    (void)n_;"]
        if image.max_caps:
            head.append("    const uint32_t got_n_ = msg_caps(reply_->header);")
        bounds = _word_bounds(image)
        if bounds:
            head += [f"    if ({bounds[:-4]}) {{", f"        {fail}", "    }"]
        reader.read()
        arguments = reader.arguments()
        lines += head + reader.lines + self._ensures(reader, fail)
        lines.append(wrap(f"    (({self.done_type('')})done_)(", ["arg_", "ERR_OK"] + arguments,
                          ");", indent=" " * 8))
        return "\n".join(lines + ["    return ERR_OK;"])

    # Oneways and events

    def oneway_body(self):
        writer = Writer(self.request, self.m.params, "return RPC_ERR_TOO_LARGE;")
        lines = self._call_struct(writer, "MSG_ONEWAY")
        lines.append("    errval_t err_ = binding_oneway(&b_->base, &call_);")
        lines += writer.moved(lambda place: f"binding_moved(err_, {place});")
        return "\n".join(lines + ["    return err_;"])

    def event_body(self):
        writer = Writer(self.request, self.m.params, "return;")
        lines = [f"    if (!server_event_wanted(conn_, {self.event_index})) {{", "        return;",
                 "    }", f"    uint64_t w_[{max(self.request.max_words, 1)}];"]
        lines += writer.write()
        lines.append(f"    server_event(conn_, {self.event_index}, w_, {writer.count_text()});")
        return "\n".join(lines)

    def event_case(self):
        """Decodes an event and calls its handler, in a switch."""
        image = self.request
        reader = Reader(image, self.m.params, "return;", "return;")
        reader.read()
        arguments = reader.arguments()
        lost = ["(event_->header & MSG_EVENT_LOST) != 0"] if self.has_lost else []
        lines = []
        bounds = _word_bounds(image)
        if bounds:
            lines += [f"    if ({bounds[:-4]}) {{", "        return;", "    }"]
        lines += reader.lines + [f"    if (ops_->on_{self.name} != NULL) {{"]
        lines.append(wrap(f"        ops_->on_{self.name}(", ["b_->events_arg"] + lost + arguments,
                          ");", indent=" " * 12))
        return "\n".join(lines + ["    }"])

    # Server

    def shim(self):
        return self._fixed_shim() if self._shim_in_place() else self._general_shim()

    def _shim_in_place(self):
        """Can the words be used and made where the message is?"""
        return not self.large and self.reply.is_fixed() \
            and not any(i.role == "block" for i in self.reply.items)

    def _arguments(self, reader):
        """Locals for the handler's arguments: lines before, and the arguments."""
        reader.read()
        arguments = reader.arguments()
        extra = []
        for param in self.m.params:
            if isinstance(param.type, model.Lend) and param.type.direction == "out":
                extra.append(f"    uint8_t {cnames.safe(param.name)}_buf_[{param.type.bound}];")
                extra.append(f"    void *{cnames.safe(param.name)} = {cnames.safe(param.name)}_buf_;")
        return reader.lines + extra, arguments

    def _reader(self):
        image = self.request
        one = image.max_caps == 1 and image.min_caps == 1
        many = image.max_caps and not one
        return Reader(image, self.m.params, "return RPC_ERR_MALFORMED;",
                      "return RPC_ERR_CAPABILITY;",
                      ("ctx_->caps", "ctx_->caps_info", "ctx_->caps_count") if many else None,
                      ("ctx_->caps[0]", "ctx_->caps_info[0]") if one else None)

    def _call_handler(self, arguments):
        results, passed = [], []
        for result in self.m.results:
            more = _result_local(result)
            results += more[0]
            passed += more[1]
        call = ["ctx_"] + arguments + passed
        ops = f"((const struct {self.item.name}_server_ops *)ctx_->ops)"
        lines = results
        if self.m.kind != "call":
            lines.append(wrap(f"    {ops}->on_{self.name}(", call, ");", indent=" " * 8))
            return lines + ["    return ERR_OK;"]
        lines.append(wrap(f"    errval_t err_ = {ops}->on_{self.name}(", call, ");",
                          indent=" " * 8))
        lines += ["    if (err_is_fail(err_)) {", "        return err_;", "    }"]
        for result in self.m.results:
            lent = next((p for p in self.m.params if p.name == result.counts), None)
            if lent is not None:
                lines += [f"    if (ret_{result.name} > {cnames.safe(lent.name)}_len) {{",
                          "        return RPC_ERR_BAD_REPLY;", "    }"]
        return lines

    def _requires(self):
        return self._conditions(self.m.requires, "return RPC_ERR_MALFORMED;")

    def _fixed_shim(self):
        lines = []
        if self.request.max_words:
            lines.append("    const uint64_t *const w_ = msg_->words;")
        if not self.request.is_fixed():
            lines.append("    const uint32_t n_ = msg_words(ctx_->header);")
        before, arguments = self._arguments(self._reader())
        lines += before + self._requires() + self._call_handler(arguments)
        if self.m.kind != "call":
            return "\n".join(lines)
        writer = Writer(self.reply, self.m.results, "return RPC_ERR_TOO_LARGE;", True)
        writer.check()
        lines += writer.lines
        words = writer.words()
        for index, text in enumerate(words):
            lines.append(wrap(f"    msg_->words[{index}] = ", text.split(" | "), ";", " |",
                              " " * 8))
        for index in range(len(words), min(self.request.max_words, REG_WORDS)):
            lines.append(f"    msg_->words[{index}] = 0;")
        lines += writer.caps(lambda text: f"    server_reply_cap(ctx_, (struct msg_cap){text});")
        fixed = self.reply.min_caps == self.reply.max_caps
        caps = str(self.reply.max_caps) if fixed else "ctx_->reply_caps_count"
        lines.append(f"    msg_->header = MSG_SHAPE({len(words)}, {caps});")
        return "\n".join(lines + ["    return ERR_OK;"])

    def _general_shim(self):
        lines = ["    (void)msg_;"]
        if self.request.max_words:
            lines += [f"    uint64_t w_[{self.request.max_words}];",
                      f"    errval_t in_err_ = server_request(ctx_, w_, {self.request.max_words});",
                      "    if (err_is_fail(in_err_)) {", "        return in_err_;", "    }"]
        if not self.request.is_fixed():
            lines.append("    const uint32_t n_ = msg_words(ctx_->header);")
        before, arguments = self._arguments(self._reader())
        lines += before + self._requires() + self._call_handler(arguments)
        if self.m.kind != "call":
            return "\n".join(lines)
        writer = Writer(self.reply, self.m.results, "return RPC_ERR_TOO_LARGE;", True)
        lines.append(f"    uint64_t out_[{max(self.reply.max_words, 1)}];")
        lines += writer.write("out_")
        lines += writer.caps(lambda text: f"    server_reply_cap(ctx_, (struct msg_cap){text});")
        return "\n".join(lines + [f"    return server_reply_words(ctx_, out_, {writer.count_text()});"])

    def respond_body(self):
        writer = Writer(self.reply, self.m.results, "")
        words, caps = self.reply.max_words, self.reply.max_caps
        lines, inner = [], []
        if words:
            lines += [f"    uint64_t w_[{words}] = {{0}};", "    uint32_t count_ = 0;"]
            inner.append(wrap(f"        err_ = encode_{self.base}_(",
                              ["w_", "&count_"] + _names(self._reply_params()), ");", indent=" " * 12))
        if caps:
            lines += [f"    struct msg_cap caps_[{caps}];", "    uint32_t caps_n_ = 0;"]
            inner += ["    " + line for line in writer.caps(
                lambda text: f"    caps_[caps_n_++] = (struct msg_cap){text};")]
        if inner:
            lines += ["    if (err_is_ok(err_)) {"] + inner + ["    }"]
        args = ["w_, count_" if words else "NULL, 0", "caps_, caps_n_" if caps else "NULL, 0"]
        return "\n".join(lines + [f"    server_respond(&r_->base, err_, {', '.join(args)});"])

    def encode(self):
        """A function that encodes results given as values: for responders."""
        if not self.reply.max_words:
            return ""
        writer = Writer(self.reply, self.m.results, "return RPC_ERR_TOO_LARGE;")
        args = ["uint64_t *w_", "uint32_t *ret_count_"] + self._reply_params()
        lines = [wrap(f"static errval_t encode_{self.base}_(", args, ")"), "{"]
        lines += writer.write()
        lines += [f"    *ret_count_ = {writer.count_text()};", "    return ERR_OK;", "}"]
        return "\n".join(lines)


def _names(declarations):
    return [text.split("*")[-1].split()[-1] for text in declarations]


def _zero(declaration):
    if "*" in declaration:
        return "NULL"
    return "false" if declaration.startswith("bool ") else "0"


def _word_bounds(image):
    """C: `n_ < .. || n_ > .. || ` for the bounds that can be wrong."""
    if image.min_words == image.max_words:
        return f"n_ != {image.max_words} || "
    tests = []
    if image.min_words > 0:
        tests.append(f"n_ < {image.min_words}")
    tests.append(f"n_ > {image.max_words}")
    return " || ".join(tests) + " || "


def _result_local(result):
    """(lines that declare the variables of a handler's result, the arguments for it)."""
    type_, optional = ctypes.strip_optional(result.type)
    name = f"ret_{result.name}"
    lines, args = [], []
    if optional and not ctypes.is_handle(type_):
        lines.append(f"    bool {name}_present = false;")
        args.append(f"&{name}_present")
    if isinstance(type_, model.Buf):
        room = type_.bound + 1 if type_.kind == "string" else type_.bound
        lines += [f"    {ctypes.buffer_elem(type_.kind)} {name}[{room}];",
                  f"    size_t {name}_len = 0;"]
        args += [name, f"&{name}_len"]
    elif isinstance(type_, model.Array):
        lines.append(f"    {ctypes.elem_type(type_.elem)} {name}[{type_.count}];")
        args.append(name)
        if type_.at_most:
            lines.append(f"    size_t {name}_count = 0;")
            args.append(f"&{name}_count")
        else:
            lines.append(f"    __builtin_memset({name}, 0, sizeof({name}));")
    elif ctypes.is_struct(type_):
        lines += [f"    {ctypes.elem_type(type_)} {name};",
                  f"    __builtin_memset(&{name}, 0, sizeof({name}));"]
        args.append(f"&{name}")
    else:
        lines.append(f"    {ctypes.elem_type(type_)} {name} = 0;")
        args.append(f"&{name}")
    return lines, args


def _assign(method):
    """Lines that set the ret_ parameters from what a Reader declared."""
    lines = []
    for result in method.results:
        type_, optional = ctypes.strip_optional(result.type)
        name, target = cnames.safe(result.name), f"ret_{result.name}"
        if optional and not ctypes.is_handle(type_):
            lines.append(f"    *{target}_present = has_{result.name};")
        if isinstance(type_, model.Buf):
            lines += [f"    __builtin_memcpy({target}, {name}, {name}_len);",
                      f"    *{target}_len = {name}_len;"]
            if type_.kind == "string":
                lines.append(f"    {target}[{name}_len] = 0;")
        elif isinstance(type_, model.Array):
            count = f"{name}_count" if type_.at_most else str(type_.count)
            lines.append(f"    __builtin_memcpy({target}, {name}_, {count} * sizeof({name}_[0]));")
            if type_.at_most:
                lines.append(f"    *{target}_count = {count};")
        elif ctypes.is_struct(type_):
            lines.append(f"    *{target} = {name}_;")
        else:
            lines.append(f"    *{target} = {name};")
        lent = next((p for p in method.params if p.name == result.counts), None)
        if lent is not None and lent.type.direction == "out":
            buf = cnames.safe(lent.name)
            lines.append(f"    __builtin_memcpy({buf}, {buf}_at_, {name});")
    return lines
