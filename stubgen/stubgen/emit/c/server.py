"""Bodies of the server's functions: the shim between a message and its handler, answers that come
later, and events that are sent."""
from ... import cnames, layout, model
from ...limits import WORD_BYTES
from ..checks import mark, validator
from ..wrap import wrap
from . import ctypes
from .codec import Reader, has_one_cap
from .method import REG_WORDS, REFUSED, MethodView
from .writer import TOO_LARGE, Writer


class ServerView(MethodView):
    """What `X_server.h` and `X_server.c` need."""

    def shim(self):
        if self._results_in_place():
            return self._direct_shim()
        return self._fixed_shim() if self.in_place() else self._general_shim()

    def in_place(self):
        """Can the words be used and made where the message is?"""
        return not self.large and self.reply.is_fixed() \
            and not any(i.role == "block" for i in self.reply.items)

    def exact_words(self):
        """Are the words of the request always as many, and used where they are? Then only the
        table of methods tells how many."""
        return self.in_place() and self.request.is_fixed()

    def plain(self):
        """Are all values scalars or handles? Then a shim has no array that could overflow, and
        needs no stack protector."""
        types = [ctypes.strip_optional(p.type)[0] for p in self.m.params + self.results]
        return self.in_place() and all(
            layout.is_scalar(type_) or ctypes.is_handle(type_) for type_ in types)

    def _results_in_place(self):
        """Can the handler write results into the message, and its answer be the shim's? All
        arguments must be values, as they stand where the results go."""
        return self.m.kind == "call" and self.plain() and not Writer(
            self.reply, self.results, "").checks() \
            and (not self.reply.max_caps or self._one_cap_result())

    def _one_cap_result(self):
        """Is there one capability among the results, always?"""
        return self.reply.max_caps == self.reply.min_caps == 1 \
            and has_one_cap(self.reply, self.results)

    def _direct_shim(self):
        """A result that is a word of its own goes straight to the message, a capability to the
        context, others by a local; after an error nobody looks at any of them."""
        words, caps = self.reply.max_words, self.reply.max_caps
        lines = ["    const uint64_t *const w_ = msg_->words;"] if self.request.max_words else []
        before, arguments = self._decoded()
        lines += before
        for index in range(words, self.request.max_words):
            lines.append(f"    msg_->words[{index}] = 0;")
        lines.append(f"    msg_->header = MSG_SHAPE({words}, {caps});")
        in_place = {item.path: f"&msg_->words[{item.word()}]" for item in self.reply.items
                    if item.bits == 64 and ctypes.elem_type(item.type) == "uint64_t"
                    and not isinstance(item.param.type, model.Optional_)}
        for part in self.reply.caps:
            sent = ctypes.sent_cap(part.type, "0")[:-1]
            lines += [f"    ctx_->reply_caps[0] = (struct msg_cap){sent} | MSG_CAP_RESULT}};",
                      "    ctx_->reply_caps_count = 1;"]
            in_place[part.path] = "&ctx_->reply_caps[0].cap"
        passed = []
        for result in self.results:
            declared, arg = ctypes.result_local(result)
            straight = in_place.get((result.name,))
            lines += [] if straight else declared
            passed += [straight] if straight else arg
        done = len(in_place) == len(self.results)
        lines.append(wrap(f"    {'return' if done else 'errval_t err_ ='} {self._handler()}(",
                          ["ctx_"] + arguments + passed, ");", indent=" " * 8))
        if done:
            return "\n".join(lines)
        writer = Writer(self.reply, self.results, "", True)
        taken = {item.word() for item in self.reply.items if item.path in in_place}
        for index, text in enumerate(writer.words()):
            if index not in taken:
                lines.append(wrap(f"    msg_->words[{index}] = ", text.split(" | "), ";", " |",
                                  " " * 8))
        return "\n".join(lines + ["    return err_;"])

    def _handler(self):
        return f"((const struct {self.item.name}_server_ops *)ctx_->ops)->on_{self.name}"

    def _arguments(self, reader):
        """Locals for the handler's arguments: lines before, and the arguments."""
        reader.read()
        arguments = reader.arguments()
        extra = []
        for param in self.m.params:
            if isinstance(param.type, model.Lend) and param.type.direction == "out":
                name = cnames.safe(param.name)
                if param.name in self.leases:
                    room = max(1, min(param.type.bound, self.request.room_words * WORD_BYTES))
                    extra += [f"    uint8_t {name}_buf_[{room}];",
                              f"    {self._lease(param.name)}.base = {name}_buf_;"]
                    continue
                extra.append(f"    uint8_t {name}_buf_[{param.type.bound}];")
                extra.append(f"    void *{name} = {name}_buf_;")
        return reader.lines + extra, arguments

    def _reader(self):
        image = self.request
        one = has_one_cap(image, self.m.params)
        many = image.max_caps and not one
        reader = Reader(image, self.m.params, "return RPC_ERR_MALFORMED;",
                        "return RPC_ERR_CAPABILITY;",
                        ("ctx_->caps", "ctx_->caps_info", "ctx_->caps_count") if many else None,
                        ("ctx_->caps[0]", "ctx_->caps_info[0]") if one else None)
        reader.leases = self.leases
        reader.counted_caps = True
        return reader

    def _server_length(self, name, result):
        """C of len(name) in a shim."""
        if not result and name in self.leases:
            return f"(uint64_t){self._lease(name)}.len"
        return self._length(name, result)

    def _call_handler(self, arguments):
        results, passed = [], []
        for result in self.results:
            more = ctypes.result_local(result)
            results += more[0]
            passed += more[1]
        call = ["ctx_"] + arguments + passed
        lines = results
        if self.m.kind != "call":
            lines.append(wrap(f"    {self._handler()}(", call, ");", indent=" " * 8))
            return lines + ["    return ERR_OK;"]
        lines.append(wrap(f"    errval_t err_ = {self._handler()}(", call, ");", indent=" " * 8))
        lines += ["    if (err_is_fail(err_)) {", "        return err_;", "    }"]
        for result in self.results:
            lent = next((p for p in self.m.params if p.name == result.counts), None)
            # What is put into a lent buffer that is a lease, lease_reply counts.
            if lent is not None and (lent.type.direction == "in" or lent.name not in self.leases):
                room = self._server_length(lent.name, False)
                lines.append(f"    if ({mark(f'ret_{result.name} > {room}')}) {{")
                lines += [f"        {line}" for line in
                          self._refuse("RPC_ERR_BAD_REPLY").split("\n")] + ["    }"]
        return lines

    def _refuse(self, error):
        """C that leaves after the handler: results that were to be given away are deleted."""
        moved = Writer(self.reply, self.results, "", True).moved(str)
        return f"err_ = {error};\ngoto {REFUSED};" if moved else f"return {error};"

    def _result_writer(self):
        return Writer(self.reply, self.results, self._refuse(TOO_LARGE), True)

    def _finished(self, lines, writer):
        """The C of a shim: `lines`, and where those go that refuse a result."""
        if any(f"goto {REFUSED};" in line for line in lines):
            lines = lines + [f"{REFUSED}:"] + _dropped(writer) + ["    return err_;"]
        return "\n".join(lines)

    def _decoded(self):
        """Lines that check the words of the request, and the handler's arguments."""
        lines = []
        if not self.request.is_fixed():
            lines.append("    const uint32_t n_ = msg_words(ctx_->header);")
        if self.leases:
            lines += [f"    struct lease lent_[{len(self.leases)}];",
                      f"    if ({mark(f'!server_leases(ctx_, &lends_{self.name}, w_, lent_)')}) "
                      "{",
                      "        return RPC_ERR_MALFORMED;", "    }"]
        before, arguments = self._arguments(self._reader())
        required = self._conditions(self.m.requires, "return RPC_ERR_MALFORMED;",
                                    self._server_length)
        return validator(lines + before + required), arguments

    def _handled(self):
        """Lines from the words of the request to the handler's answer."""
        before, arguments = self._decoded()
        return before + self._call_handler(arguments)

    def _fixed_shim(self):
        lines = []
        if self.request.max_words:
            lines.append("    const uint64_t *const w_ = msg_->words;")
        lines += self._handled()
        if self.m.kind != "call":
            return "\n".join(lines)
        writer = self._result_writer()
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
        return self._finished(lines + ["    return ERR_OK;"], writer)

    def _general_shim(self):
        lines = ["    (void)msg_;"]
        if self.request.max_words:
            lines += [f"    uint64_t w_[{self.request.max_words}];",
                      f"    errval_t in_err_ = server_request(ctx_, w_, {self.request.max_words});",
                      "    if (err_is_fail(in_err_)) {", "        return in_err_;", "    }"]
        lines += self._handled()
        if self.m.kind != "call":
            return "\n".join(lines)
        writer = self._result_writer()
        writer.leases = self.leases
        lines.append(f"    uint64_t out_[{max(self.reply.max_words, 1)}];")
        lines += writer.write("out_")
        lines += writer.caps(lambda text: f"    server_reply_cap(ctx_, (struct msg_cap){text});")
        lines.append(f"    return server_reply_words(ctx_, out_, {writer.count_text()});")
        return self._finished(lines, writer)

    def respond_body(self):
        writer = Writer(self.reply, self.results, "")
        words, caps = self.reply.max_words, self.reply.max_caps
        lines, inner = [], []
        if words:
            lines += [f"    uint64_t w_[{words}] = {{0}};", "    uint32_t count_ = 0;"]
            args = ["w_", "&count_"] + self._lent_arg("r_->lent") + _names(self._reply_params())
            inner.append(wrap(f"        err_ = encode_{self.base}_(", args, ");",
                              indent=" " * 12))
        if caps:
            lines += [f"    struct msg_cap caps_[{caps}];", "    uint32_t caps_n_ = 0;"]
            inner += ["    " + line for line in _encoded_caps(
                writer, lambda text: f"    caps_[caps_n_++] = (struct msg_cap){text};", words)]
        if inner:
            lines += ["    if (err_is_ok(err_)) {"] + inner + ["    }"]
        args = ["w_, count_" if words else "NULL, 0", "caps_, caps_n_" if caps else "NULL, 0"]
        return "\n".join(lines + [f"    server_respond(&r_->base, err_, {', '.join(args)});"])

    def encode(self):
        """A function that encodes results, or an item, given as values."""
        image = self.item_image or self.reply
        if not image.max_words:
            return ""
        writer = Writer(image, self.m.results, "return RPC_ERR_TOO_LARGE;")
        writer.leases = self.leases
        args = ["uint64_t *w_", "uint32_t *ret_count_"] + self._lent_arg("struct lease *lent_") \
            + self._reply_params()
        lines = [wrap(f"static errval_t encode_{self.base}_(", args, ")"), "{"]
        lines += writer.write()
        lines += [f"    *ret_count_ = {writer.count_text()};", "    return ERR_OK;", "}"]
        return "\n".join(lines)

    def leased_out(self):
        return any(p.name in self.leases for p in self._lent_out())

    def _lent_arg(self, text):
        return [text] if self.leased_out() else []

    def put_body(self):
        image, caps = self.item_image, self.item_image.max_caps
        writer = Writer(image, self.m.results, "")
        words = image.max_words
        lines = [f"    uint64_t w_[{max(words, 1)}] = {{0}};", "    uint32_t count_ = 0;"]
        args = ["w_", "&count_"] + _names(self._reply_params())
        lines.append(wrap(f"    errval_t err_ = encode_{self.base}_(", args, ");",
                          indent=" " * 8) if words else "    errval_t err_ = ERR_OK;")
        lines.append("    struct msg_cap cap_ = {0};")
        if caps:
            lines += _encoded_caps(writer, lambda text: f"    cap_ = (struct msg_cap){text};",
                                   words)
        return "\n".join(lines + ["    return server_put(&s_->base, err_, w_, count_, cap_);"])

    def event_body(self):
        writer = Writer(self.request, self.m.params, "return;")
        lines = [f"    if (!server_event_wanted(conn_, {self.event_index})) {{", "        return;",
                 "    }", f"    uint64_t w_[{max(self.request.max_words, 1)}];"]
        lines += writer.write()
        lines.append(f"    server_event(conn_, {self.event_index}, w_, {writer.count_text()});")
        return "\n".join(lines)


def _dropped(writer):
    """Lines that delete what was to be given away."""
    return writer.moved(lambda place: f"server_drop_cap({place});")


def _encoded_caps(writer, add, words):
    """Lines that hand each capability to `add` unless the words could not be encoded."""
    lines, dropped = writer.caps(add), _dropped(writer)
    if not words:
        return lines
    lines = ["    if (err_is_ok(err_)) {"] + [f"    {line}" for line in lines]
    if dropped:
        lines += ["    } else {"] + [f"    {line}" for line in dropped]
    return lines + ["    }"]


def _names(declarations):
    return [text.split("*")[-1].split()[-1] for text in declarations]
