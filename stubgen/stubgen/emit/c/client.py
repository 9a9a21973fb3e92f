"""Bodies of the client's functions: calls and their asynchronous forms, oneways, and events that
arrive."""
from ... import cnames, model
from ...limits import MESSAGE_WORDS
from ..checks import implied, mark, validator
from ..wrap import wrap
from . import ctypes
from .codec import Reader, has_one_cap
from .method import REG_WORDS, REFUSED, MethodView, word_bounds, word_check
from .writer import TOO_LARGE, Writer

class ClientView(MethodView):
    """What `X.h`, `X_client.c` and `X_client_async.c` need."""

    def in_registers(self):
        """May the request be passed as words in registers, without an array?"""
        return not self.large and self.request.is_fixed() \
            and not any(i.role == "block" for i in self.request.items)

    def client_body(self):
        return self._large_body() if self.large or self.borrows else self._register_body()

    def client_attribute(self):
        """Of a stub that has only what libaos fills, by its size, on its stack: no guard."""
        plain = self.repeated() and self.in_registers() and not (self.large or self.borrows)
        return "__attribute__((no_stack_protector))" if plain else ""

    def _since(self):
        """Lines that refuse what an older server does not know. It skips what is flexible."""
        if self.since <= 1 or self.m.flexible:
            return []
        refuse = self._refuse("RPC_ERR_VERSION").split("\n")
        return [f"    if (b_->base.version < {self.since}) {{"] \
            + [f"        {line}" for line in refuse] + ["    }"]

    def _refuse(self, error):
        """C that leaves before anything is sent: what was to be given away is gone all the same."""
        return f"err_ = {error};\ngoto {REFUSED};" if self.moves() else f"return {error};"

    def _writer(self):
        return Writer(self.request, self.m.params, self._refuse(TOO_LARGE))

    def _sent(self, lines, call, args, writer):
        """`lines`, the call that sends, and what happens to capabilities that are given away."""
        refused = any(f"goto {REFUSED};" in line for line in lines)
        lines = (["    errval_t err_;"] if refused else []) + lines
        lines.append(wrap(f"    {'' if refused else 'errval_t '}err_ = {call}(", args, ");",
                          indent=" " * 8))
        return lines + [f"{REFUSED}:"] * refused \
            + writer.moved(lambda place: f"binding_moved(err_, {place});")

    def _header(self, kind, words, caps):
        flexible = " | MSG_FLEXIBLE" if self.m.flexible else ""
        return f"MSG_HEADER({self.ordinal}, {kind}, {words}, {caps}){flexible}"

    def _register_body(self):
        writer = self._writer()
        lines = ["    struct lmp_regs r_;"] + self._since()
        parts = self.request.caps
        xfer, caps = "0", "0"
        if parts:
            sent = ctypes.sent_cap(parts[0].type, writer.place(parts[0].path))
            xfer = f"msg_xfer((struct msg_cap){sent})"
            caps = "1"
            if parts[0].optional is not None:
                caps = f"({writer.present(parts[0].path)} ? 1 : 0)"
        if self.in_registers():
            writer.check()
            lines += writer.lines
            words = writer.words()
            args = ["&b_->base", self._header("MSG_CALL", len(words), caps), self._answer(), xfer] \
                + words
            call = f"lmp_call{len(words)}"
        else:
            lines.append(f"    uint64_t q_[{REG_WORDS}] = {{0}};")
            lines += writer.write("q_")
            args = ["&b_->base", self._header("MSG_CALL", writer.count_text(), caps),
                    self._answer(), xfer] + [f"q_[{i}]" for i in range(REG_WORDS)]
            call = "lmp_call8"
        outs = ctypes.out_params(self.results)
        kept = outs[0].split("*")[-1] if outs else None
        if self.repeated():
            lines, args = self._again(lines, args)
            call, kept = "binding_call_again", None
        else:
            args.append(f"(uintptr_t){kept}" if kept else "0")
        lines = self._sent(lines, call, args + ["&r_"], writer)
        lines += ["    if (__builtin_expect(err_is_fail(err_), 0)) {", "        return err_;",
                  "    }"]
        if kept:
            lines.append(f"    {kept} = ({outs[0].removesuffix(kept)})r_.keep;")
        return "\n".join(lines + self._register_result())

    def _again(self, lines, args):
        """The words of a call that may be made more than once are kept in memory."""
        base, header, answer, _xfer, *words = args
        name = "NULL"
        if words and not self.in_registers():
            name = "q_"
        elif words:
            name = "again_"
            lines = lines + [wrap("    const uint64_t again_[] = {", words, "};", indent=" " * 8)]
        return lines, [base, header, answer, name, str(len(words))]

    def _one_shape(self):
        """Have all good answers one shape? Then libaos compares it."""
        return self.reply.is_fixed() and self.reply.min_caps == self.reply.max_caps

    def _answer(self):
        """The header of the expected answer."""
        if self._one_shape():
            return self._header("MSG_REPLY", self.reply.max_words, self.reply.max_caps)
        return self._header("MSG_REPLY", 0, 0) + " | MSG_ANY_SHAPE"

    def _register_result(self):
        """Lines that judge r_ and set the results."""
        image = self.reply
        caps = image.max_caps
        fail = "return RPC_ERR_BAD_REPLY;"
        if caps:
            fail = "return binding_bad_reply1((caddr_t)r_.cap);"
        lines = []
        if not self._one_shape():
            lines = ["    const uint32_t n_ = msg_words(r_.header);",
                     f"    if ({word_bounds(image)} || " + implied(
                         f"msg_caps(r_.header) > {caps} || (r_.header & MSG_MORE) != 0") + ") {",
                     "        return binding_bad_reply1((caddr_t)r_.cap);", "    }"]
        one = has_one_cap(image, self.results)
        reader = Reader(image, self.results, fail, fail,
                        None if one or not caps else ("&got_", "&info_", "got_n_"),
                        ("(caddr_t)r_.cap", "(uint32_t)r_.cap_info") if one else None)
        if caps and not one:
            lines += ["    const caddr_t got_ = (caddr_t)r_.cap;",
                      "    const uint32_t info_ = (uint32_t)r_.cap_info;",
                      "    const uint32_t got_n_ = got_ != 0;"]
        if image.max_words:
            lines.append("    const uint64_t *const w_ = r_.w;")
        lines += reader.read()
        lines = validator(lines + self._ensures(reader, fail))
        return lines + _assign(self.m) + ["    return ERR_OK;"]

    def _call_struct(self, writer, kind, caps_out=0):
        """Lines that encode the request and make call_, with room for caps_out capabilities."""
        begun = kind == "BEGIN"        # the reply is somebody else's
        room = MESSAGE_WORDS if self.leases else \
            max(self.request.max_words, 0 if begun else self.reply.max_words, 1)
        caps_in = self.request.max_caps
        lines = self._since() + [f"    uint64_t w_[{room}];"] + writer.write() + self._lend(writer)
        if caps_in:
            lines += [f"    struct msg_cap caps_[{caps_in}];", "    uint32_t caps_n_ = 0;"]
            lines += writer.caps(lambda text: f"    caps_[caps_n_++] = (struct msg_cap){text};")
        if caps_out:
            lines += [f"    caddr_t got_[{caps_out}];", f"    uint32_t info_[{caps_out}];"]
        count = "caps_n_" if caps_in else "0"
        words = "pos_" if self.leases else writer.count_text()
        header = self._header("MSG_CALL" if begun else kind, words, count)
        # One by one: an initializer would clear `keep`, too.
        lines += ["    struct binding_call call_;", f"    call_.header = {header};",
                  "    call_.words = w_;"]
        if caps_in or not begun:
            lines.append(f"    call_.caps = {'caps_' if caps_in else 'NULL'};")
        lines += self._leases("lent_")
        return lines if begun else lines + self._room(kind != "MSG_CALL", caps_out)

    def _leases(self, lent):
        """Lines that name what is lent."""
        if not self.leases:
            return ["    call_.lends = NULL;"]
        return [f"    call_.lends = &lends_{self.name};", f"    call_.lent = {lent};"]

    def _room(self, is_oneway, caps):
        """Lines that say how much room there is for a reply."""
        return [f"    call_.words_max = {0 if is_oneway else self.reply.max_words};",
                f"    call_.caps_max = {caps};",
                f"    call_.got = {'got_' if caps else 'NULL'};",
                f"    call_.got_info = {'info_' if caps else 'NULL'};"]

    def _lend(self, writer):
        """Lines that complete a request with leases: lent_, and pos_ again."""
        if not self.leases:
            return []
        lines = [f"    struct binding_lend lent_[{len(self.leases)}] = {{"]
        for item in self.request.leases():
            name = cnames.safe(item.path[0])
            lines.append(f"        {{.in = {name}, .len = (uint32_t){name}_len, .at = {name}_at_}},"
                         if item.param.type.direction == "in" else
                         f"        {{.out = {name}, .len = (uint32_t){name}_len}},")
        before = writer.count_text()
        declare = "" if self.request.vars else "uint32_t "
        return lines + ["    };", f"    {declare}pos_ = lend_words(&lends_{self.name}, lent_, w_, "
                        f"{before});"]

    def _large_body(self):
        writer = self._writer()
        lines = self._call_struct(writer, "MSG_CALL", self.reply.max_caps)
        lines = self._sent(lines, "binding_call", ["&b_->base", "&call_"], writer)
        lines += ["    if (err_is_fail(err_)) {", "        return err_;", "    }"]
        lines += self._result_lines("call_.header", "return ")
        return "\n".join(lines + _assign(self.m, self.leases) + ["    return ERR_OK;"])

    def _reply(self, header, leave):
        """(lines that judge the shape of a reply in w_, got_ and info_; a Reader of its values;
        what to do when one is bad)."""
        image = self.reply
        fail = f"{leave}binding_bad_reply(got_, got_n_);" if image.max_caps \
            else f"{leave}RPC_ERR_BAD_REPLY;"
        lines = [f"    const uint32_t got_n_ = msg_caps({header});"] if image.max_caps else []
        lines += word_check(image, header, fail, True)
        reader = Reader(image, self.results, fail, fail,
                        ("got_", "info_", "got_n_") if image.max_caps else None)
        reader.leases = self.leases
        return lines, reader, fail

    def _result_lines(self, header, leave):
        """Lines that judge a reply and declare its values."""
        lines, reader, fail = self._reply(header, leave)
        return validator(lines + reader.read() + self._ensures(reader, fail))

    def _ensures(self, reader, fail):
        """Conditions on results, and counts of lent buffers."""
        lines = []
        for result in self.results:
            lent = next((p for p in self.m.params if p.name == result.counts), None)
            if lent is not None:
                bad = mark(f"{cnames.safe(result.name)} > {cnames.safe(lent.name)}_len")
                lines += [f"    if ({bad}) {{",
                          f"        {fail}", "    }"]
        return lines + self._conditions([e for e in self.m.ensures if not self._is_count(e)], fail)

    def _is_count(self, expr):
        """Does it say what `counts` says already?"""
        counts = {result.name: result.counts for result in self.results}
        if expr.kind != "<=":
            return False
        left, right = expr.args
        return left.kind == "param" and right.kind == "len" and left.result \
            and not right.result and counts.get(left.name) == right.name

    # Asynchronous forms: begin, end, and a callback made of the two

    def kept(self):
        """What the request holds that the reply is judged with: [(C declaration, C value)]."""
        found = []

        def add(declaration, value):
            if (declaration, value) not in found:
                found.append((declaration, value))

        def visit(expr):
            if expr.kind == "param" and not expr.result:
                add(f"uint64_t {cnames.safe(expr.name)}", self._operand(expr.name, False))
            elif expr.kind == "len" and not expr.result:
                value = self._length(expr.name, False)
                add(f"uint64_t {value.split(')')[-1]}", value)
            for arg in expr.args:
                visit(arg)

        for expr in self.m.ensures:
            visit(expr)
        for result in self.results:
            if result.counts:
                value = self._length(result.counts, False)
                add(f"uint64_t {value.split(')')[-1]}", value)
        for param in self._lent_out():
            name = cnames.safe(param.name)
            add(f"void *{name}", f"(uint64_t)(uintptr_t){name}")
        return found

    def begin_body(self):
        writer = self._writer()
        lines = self._call_struct(writer, "BEGIN")
        lines += [f"    call_.keep[{index}] = {value};"
                  for index, (_, value) in enumerate(self.kept())]
        lines = self._sent(lines, "binding_begin", ["&b_->base", "&call_", "&ret_call_->base"],
                           writer)
        if self.leases:
            lines += ["    if (err_is_ok(err_)) {",
                      "        __builtin_memcpy(ret_call_->lent, lent_, sizeof(lent_));", "    }"]
        return "\n".join(lines + ["    return err_;"])

    def end_body(self):
        caps = self.reply.max_caps
        lines = [f"    uint64_t w_[{max(self.reply.max_words, 1)}];"]
        if caps:
            lines += [f"    caddr_t got_[{caps}];", f"    uint32_t info_[{caps}];"]
        lines += ["    struct binding_call call_;", "    call_.words = w_;"]
        if self.leases:
            lines.append("    struct binding_lend *const lent_ = c_->lent;")
        lines += self._leases("lent_") + self._room(False, caps)
        lines += ["    errval_t err_ = binding_end(&c_->base, deadline_ns_, &call_);",
                  "    if (err_is_fail(err_)) {", "        return err_;", "    }"]
        for index, (declaration, _) in enumerate(self.kept()):
            cast = "(void *)(uintptr_t)" if "*" in declaration else ""
            joint = "" if declaration.endswith("*") or "*" in declaration else "const "
            lines.append(f"    {joint}{declaration} = {cast}call_.keep[{index}];")
        lines += self._result_lines("call_.header", "return ")
        return "\n".join(lines + _assign(self.m, self.leases) + ["    return ERR_OK;"])

    def complete_body(self):
        """Ends the call and gives its results to done_."""
        lines, outs, passed = [], [], []
        for result in self.results:
            more = ctypes.result_local(result)
            lines += more[0]
            outs += more[1]
            passed += _done_args(result)
        call = ["c_", "BINDING_DEADLINE"] + outs
        lines.append(wrap(f"    errval_t err_ = {self.base}_end(", call, ");", indent=" " * 8))
        lines.append(wrap(f"    (({self.done_type('')})done_)(", ["arg_", "err_"] + passed, ");",
                          indent=" " * 8))
        return "\n".join(lines)

    def cb_body(self):
        args = ["b_"] + [name for p in self.m.params for name in ctypes.in_names(p)] + ["&call_"]
        gone = [f"    {line}" for line in self._writer().moved(
            lambda place: f"binding_moved(LIB_ERR_BAD_STATE, {place});")]
        return "\n".join([
            f"    struct {self.base}_call call_;",
            "    if (b_->base.chan.ws == NULL) {"] + gone + [
            "        return LIB_ERR_BAD_STATE;", "    }",
            wrap(f"    errval_t err_ = {self.base}_begin(", args, ");", indent=" " * 8),
            "    if (err_is_ok(err_)) {",
            wrap("        binding_then(", ["&call_.base", f"{self.base}_complete_",
                                           "(void (*)(void))done_", "arg_"], ");",
                 indent=" " * 12),
            "    }", "    return err_;"])

    # Streams

    def open_body(self):
        writer = self._writer()
        lines = ["    ret_stream_->base.binding = NULL;", "    ret_stream_->base.count = 0;"]
        lines += self._call_struct(writer, "BEGIN")
        lines = self._sent(lines, "binding_stream_open",
                           ["&b_->base", "&call_", "&ret_stream_->base", "ret_stream_->items",
                            f"{self.upper}_WINDOW"], writer)
        return "\n".join(lines + ["    return err_;"])

    def next_body(self):
        image = self.item_image
        lines = [f"    uint64_t w_[{max(image.max_words, 1)}];"]
        if image.max_caps:
            lines += ["    caddr_t got_[1];", "    uint32_t info_[1];"]
        lines += ["    struct binding_call call_;", "    call_.words = w_;",
                  f"    call_.words_max = {image.max_words};",
                  f"    call_.caps_max = {image.max_caps};",
                  f"    call_.got = {'got_' if image.max_caps else 'NULL'};",
                  f"    call_.got_info = {'info_' if image.max_caps else 'NULL'};",
                  "    errval_t err_ = binding_stream_next(&s_->base, &call_);",
                  "    if (err_is_fail(err_)) {", "        return err_;", "    }"]
        if image.max_caps:
            lines.append("    const uint32_t got_n_ = msg_caps(call_.header);")
        caps = "got_, got_n_" if image.max_caps else "NULL, 0"
        fail = f"return binding_stream_bad(&s_->base, {caps});"
        reader = Reader(image, self.m.results, fail, fail,
                        ("got_", "info_", "got_n_") if image.max_caps else None)
        lines += validator(word_check(image, "call_.header", fail, True) + reader.read())
        return "\n".join(lines + _assign(self.m) + ["    return ERR_OK;"])

    # Oneways and events

    def oneway_body(self):
        writer = self._writer()
        lines = self._call_struct(writer, "MSG_ONEWAY")
        lines = self._sent(lines, "binding_oneway", ["&b_->base", "&call_"], writer)
        return "\n".join(lines + ["    return err_;"])

    def event_case(self):
        """Decodes an event and calls its handler, in a switch."""
        image = self.request
        reader = Reader(image, self.m.params, "return;", "return;")
        reader.read()
        arguments = reader.arguments()
        lost = ["(event_->header & MSG_EVENT_LOST) != 0"] if self.has_lost else []
        lines = word_check(image, "event_->header", "return;") + reader.lines
        lines = validator(lines + self._conditions(self.m.requires, "return;"))
        lines.append(f"    if (ops_->on_{self.name} != NULL) {{")
        lines.append(wrap(f"        ops_->on_{self.name}(", ["b_->events_arg"] + lost + arguments,
                          ");", indent=" " * 12))
        return "\n".join(lines + ["    }"])


def _done_args(result):
    """What `done` is given of a result_local; nothing is pointed to after an error."""
    type_, optional = ctypes.strip_optional(result.type)
    name = f"ret_{result.name}"
    has = [f"{name}_present"] if optional and not ctypes.is_handle(type_) else []
    if isinstance(type_, model.Buf):
        return has + [f"err_is_ok(err_) ? {name} : NULL", f"{name}_len"]
    if isinstance(type_, model.Array):
        count = [f"{name}_count"] if type_.at_most else []
        return has + [f"err_is_ok(err_) ? {name} : NULL"] + count
    if ctypes.is_aggregate(type_):
        return has + [f"err_is_ok(err_) ? &{name} : NULL"]
    return has + [name]


def _assign(method, leases=()):
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
            value = f"{name}_v_"
            lines.append(f"    __builtin_memcpy({target}, {value}, {count} * sizeof({value}[0]));")
            if type_.at_most:
                lines.append(f"    *{target}_count = {count};")
        elif ctypes.is_aggregate(type_):
            lines.append(f"    *{target} = {name}_v_;")
        else:
            lines.append(f"    *{target} = {name};")
        lent = next((p for p in method.params if p.name == result.counts), None)
        if lent is not None and lent.type.direction == "out":
            buf = cnames.safe(lent.name)
            copy = f"__builtin_memcpy({buf}, {lent.name}_at_, {name});"
            if lent.name in leases:            # else they are there already (lend_fetch)
                lines += [f"    if (!lent_[{leases.index(lent.name)}].bulk) {{",
                          f"        {copy}", "    }"]
            else:
                lines.append(f"    {copy}")
    return lines
