"""One message and what must come of it: the record for proof.c and the text that it must write."""
import struct

from stubgen import codec, layout, model

from . import values as v

KIND = {"call": 0, "oneway": 3, "event": 4}
# After a union with a field that the handler did not know was sent on: its receiver refuses it, but
# the raw ends do not look.
ANYTHING = "...\n"
NO_STREAM = bytes(2)
LINE_WORDS, RING_LINES = 7, 48         # of UMP; what is always free in the rings of pair.c
MOVES = {"copy": 0, "move": 1, "borrow": 2}        # MSG_CAP_*
DEPTH, CODE = 4, 16                                # of an errval_t


def push(err, code):
    """err_push of kpi/errval.h."""
    root = ((1 << CODE) - 1) << (CODE * (DEPTH - 1))
    if err & root:
        return err & root | (err << CODE) & ~root & ((1 << 64) - 1) | code
    return err << CODE | code


class Refused(Exception):
    """The receiver does not take the message. `codes`: the errors that it may say."""

    def __init__(self, *codes):
        super().__init__()
        self.codes = codes


class Case:
    """`record` for proof.c, `expected`: the texts that it may write, `what`: for a report."""

    def __init__(self, method, op):
        self.method, self.op = method, op
        self.record, self.expected, self.what, self.label = b"", [], "", ""

    def is_right(self, text):
        return any(text == right or right.endswith(ANYTHING) and "\nleak" not in text and
                   text.startswith(right[:-len(ANYTHING)]) for right in self.expected)


class Cases:
    """Makes cases for the methods of one build."""

    def __init__(self, build, random):
        self.random = random
        self.maker = v.Maker(random, {c.name: c.number for c in build.captypes})
        codes = {s.owner: {e.name: e.code for e in s.errors} for s in build.error_sets}
        self.rpc = codes["rpc"]
        self.all_codes = [code for owner, s in codes.items() if owner != "rpc"
                          for code in s.values()]

    def chance(self, percent):
        return self.random.randrange(100) < percent

    # Messages ------------------------------------------------------------------------------

    def make(self, method):
        if method.window is not None:
            return self.stream(method)
        if method.kind == "call":
            return self.call(method)
        case = Case(method, "O" if method.kind == "oneway" else "E")
        image = layout.request(method)
        words, caps, _, _ = self.request(method, image)
        words = self.spoil(image, words, case)
        sent = [] if method.kind == "event" else self.sent(caps, case)
        case.record = self.head(method) + self.side(words, sent) + struct.pack("<HBBB", 0, 0, 0, 0)
        case.record += struct.pack("<Q", 0) + self.side([], []) + NO_STREAM
        case.what = f"words {hexes(words)} capabilities {sent}"
        case.expected = [self.posted(method, image, words, sent)]
        return case

    def posted(self, method, image, words, sent):
        """What a oneway or event does."""
        try:
            values, types = self.received(method, image, words, sent)
        except Refused:
            return ""
        lines = "q" + self.texts(method.params, values, {}) + "\n"
        try:
            onward = v.known_params(method.params, values)
        except v.UnknownField:
            return lines + ANYTHING
        again, caps = codec.encode(image, onward)
        if method.kind == "event":
            head = f"e {method.ordinal} {KIND['event']} {int(method.flexible)}"
            return f"{lines}{head}{hexes(again)}\n"
        return lines + self.passed(method, again, v.arrived(caps, types), [])

    def call(self, method):
        case = Case(method, "C")
        image = layout.request(method)
        words, caps, values, bulk = self.request(method, image)
        if not image.leases():
            words = self.spoil(image, words, case)
        sent = self.sent(caps, case)
        out_bulk = any(isinstance(values[n], codec.Lease) for n in layout.lends(method, "out"))
        answer = self.answer(method, values, out_bulk, case)
        reply_image = layout.reply(method, out_bulk)
        room = layout.reply(method)
        case.record = self.head(method) + self.side(words, sent)
        case.record += struct.pack("<HB", room.max_words, room.max_caps)
        case.record += self.lends(method, image, values, bulk, answer)
        case.record += struct.pack("<Q", answer["err"])
        case.record += self.side(answer["words"], answer["sent"]) + NO_STREAM
        case.what = f"request {hexes(words)} capabilities {sent}, reply {answer}"
        try:
            values, types = self.received(method, image, words, sent)
        except Refused as refused:
            case.expected = [f"r {code:x}\n" for code in refused.codes]
            return case
        case.expected = [self.called(method, image, reply_image, values, types, bulk, answer)]
        return case

    def called(self, method, image, reply_image, values, types, bulk, answer):
        """What a call does whose request is good."""
        lines = "q" + self.texts(method.params, values, bulk) + "\n"
        try:
            onward = v.known_params(method.params, values)
        except v.UnknownField:
            return lines + ANYTHING
        again, caps = codec.encode(image, onward)
        lent = [bulk[item.path[0]] for item in image.leases()
                if item.path[0] in bulk and item.param.type.direction == "in"]
        lines += self.passed(method, again, v.arrived(caps, types), lent)
        err = answer["err"]
        if err:
            err = self.listed(method, err)
            return f"{lines}p {err:x}\nr {err:x}\n"
        try:
            results, types = self.judged(method, reply_image, values, answer)
        except Refused:
            bad = self.rpc["bad_reply"]
            return f"{lines}p {bad:x}\nr {bad:x}\n"
        lines += f"p 0{self.results(method, results, answer)}\n"
        try:
            onward = v.known_params(method.results, results)
        except v.UnknownField:
            return lines + ANYTHING
        again, caps = codec.encode(reply_image, onward)
        outs = [answer["out"][i.path[0]] for i in image.leases() if i.path[0] in answer["out"]]
        return f"{lines}r 0{hexes(again)} c{cap_texts(v.arrived(caps, types))} l" + \
            "".join(v.hexed("", data) for data in outs) + "\n"

    def stream(self, method):
        """A call with some items, at most one of them spoilt, and an end."""
        case = Case(method, "C")
        image, item = layout.request(method), layout.item(method)
        words, caps, _, _ = self.request(method, image)
        words = self.spoil(image, words, case)
        sent = self.sent(caps, case)
        items, room = [], RING_LINES
        for _ in range(self.maker.size(method.window)):
            own, own_caps = codec.encode(item, self.maker.params(method.results))
            own = self.spoil(item, own, case) if not case.label else own
            room -= max(1, -(-len(own) // LINE_WORDS))
            if room < 0:
                break
            items.append((own, self.sent(own_caps, case)))
        err = self.error(method) if self.chance(25) else 0
        case.record = self.head(method) + self.side(words, sent)
        case.record += struct.pack("<HB", item.max_words, item.max_caps) + bytes(2)
        case.record += struct.pack("<Q", err) + self.side([], [])
        case.record += bytes((method.window, len(items)))
        case.record += b"".join(self.side(*one) for one in items)
        case.what = f"request {hexes(words)} capabilities {sent}, items {items}, end {err:x}"
        try:
            values, types = self.received(method, image, words, sent)
        except Refused as refused:
            case.expected = [f"r {code:x}\n" for code in refused.codes]
            return case
        case.expected = [self.streamed(method, image, values, types, items, err)]
        return case

    def streamed(self, method, image, values, types, items, err):
        """What a stream does whose request is good."""
        lines, last = "q" + self.texts(method.params, values, {}) + "\n", ""
        try:
            again, caps = codec.encode(image, v.known_params(method.params, values))
        except v.UnknownField:
            return lines + ANYTHING
        lines += self.passed(method, again, v.arrived(caps, types), [])
        end = self.rpc["stream_end"]
        if err:
            end = self.listed(method, err)
        for words, sent in items:
            try:
                found, types = self.judged(method, layout.item(method), {},
                                           {"words": words, "sent": sent})
            except Refused:
                end = self.rpc["bad_reply"]
                break
            lines += f"p 0{self.results(method, found, {})}\n"
            try:
                again, caps = codec.encode(layout.item(method),
                                           v.known_params(method.results, found))
            except v.UnknownField:
                return lines + ANYTHING
            last += f"i{hexes(again)} c{cap_texts(v.arrived(caps, types))}\n"
        return f"{lines}p {end:x}\n{last}r {end:x}\n"

    def listed(self, method, err):
        """The error that the client returns for what the server answered."""
        listed = [f.error.code for f in method.fails] + list(self.rpc.values())
        return err if err & 0xffff in listed else push(err, self.rpc["bad_reply"])

    def error(self, method):
        """An error that a server answers with, often one that the method lists."""
        codes = [f.error.code for f in method.fails]
        err = self.random.choice(codes or self.all_codes) if self.chance(80) else \
            self.random.choice(self.all_codes)
        for _ in range(self.random.choice((0, 0, 1, 4))):
            err = push(self.random.choice(self.all_codes), err)
        return err

    # Making --------------------------------------------------------------------------------

    def request(self, method, image):
        """(words, capabilities, values, {lent name: bytes in the region}), mostly such that the
        conditions hold."""
        for _ in range(12):
            values = self.maker.params(method.params)
            bulk = v.lend(method, values, self.maker)
            if all(codec.holds(e, values) for e in method.requires):
                break
        words, caps = codec.encode(image, values)
        back = codec.decode(image, words, caps)
        lent = {p.name for p in method.params if isinstance(p.type, model.Lend)}
        for name, value in back.items():
            if name not in lent or isinstance(value, codec.Lease):
                assert value == values[name], (method.name, name, value, values[name])
        return words, caps, values, bulk

    def spoil(self, image, words, case):
        """Sometimes other words, which are still to be sent."""
        if not words or not self.chance(20):
            return words
        words = list(words)
        case.label = " spoilt"
        where = self.random.randrange(len(words))
        how = self.random.randrange(5)
        if how == 0 and len(words) < image.max_words:
            words.append(self.random.choice((0, 1)))
        elif how == 1:
            words.pop()
        elif how == 2:
            words[where] = self.random.getrandbits(64)
        else:
            words[where] ^= 1 << self.random.randrange(64)
        return words

    def sent(self, caps, case):
        """[(Cap, its type)] as they are sent; sometimes of a wrong kind or with fewer rights."""
        sent = [[cap, cap.declared] for cap in caps]
        if sent and not case.label and self.chance(10):
            item = self.random.choice(sent)
            case.label = " wrong capability"
            kind = self.random.choice(list(self.maker.captypes.values())[1:])
            item[0] = v.Cap(kind, self.random.randint(0, v.ALL_RIGHTS))
        return [tuple(item) for item in sent]

    def answer(self, method, values, bulk, case):
        """What the raw server answers: err, words, sent, out ({lent name: bytes in the region}),
        values."""
        answer = {"err": 0, "words": [], "sent": [], "out": {}, "values": {}}
        if self.chance(20):
            answer["err"] = self.error(method)
            return answer
        image = layout.reply(method, bulk)
        for _ in range(12):
            results = self.maker.params(method.results)
            answer["out"] = self.counted(method, values, results, bulk)
            if all(codec.holds(e, values, results) for e in method.ensures):
                break
        words, caps = codec.encode(image, results)
        if not layout.request(method).leases():
            words = self.spoil(image, words, case)
        answer["words"], answer["sent"] = words, self.sent(caps, case)
        return answer

    def counted(self, method, values, results, bulk):
        """Sets the results that count lent buffers, and the bytes lent out."""
        outs = {}
        for result in method.results:
            if not result.counts:
                continue
            lent = next(p for p in method.params if p.name == result.counts)
            value = values[lent.name]
            room = value if isinstance(value, int) else \
                len(codec._buffer_bytes(lent.type.kind, value)) \
                if not isinstance(value, codec.Lease) else value.length
            if lent.type.direction == "in":
                results[result.name] = min(self.maker.size(room) + self.chance(5), 0xffffffff)
                continue
            count = self.maker.size(min(room, 6000))
            if not bulk and self.chance(5) and lent.type.bound > room:
                count = room + 1
            data = self.maker.buffer(lent.type.kind, count)
            raw = codec._buffer_bytes(lent.type.kind, data)
            results[result.name] = len(raw)
            if bulk and isinstance(value, codec.Lease):
                outs[lent.name] = raw
            elif not bulk:
                results[lent.name] = data
        return outs

    # Judging -------------------------------------------------------------------------------

    def received(self, method, image, words, sent):
        """(the values of a request as its handler gets them, the types of its capabilities)."""
        malformed, capability = self.rpc["malformed"], self.rpc["capability"]
        arrived = v.arrived([c for c, _ in sent], [t for _, t in sent])
        codes = (malformed, capability) if sent or image.max_caps else (malformed,)
        try:
            values = codec.decode(image, words, arrived)
        except codec.Malformed:
            raise Refused(*codes) from None
        found = self.checked(method.params, values)
        if found is None:
            raise Refused(*codes)
        if not all(codec.holds(e, values) for e in method.requires):
            raise Refused(malformed)
        return values, found

    def judged(self, method, image, values, answer):
        """The same for a reply."""
        sent = answer["sent"]
        arrived = v.arrived([c for c, _ in sent], [t for _, t in sent])
        try:
            results = codec.decode(image, answer["words"], arrived)
        except codec.Malformed:
            raise Refused() from None
        found = self.checked(method.results, results)
        if found is None or not all(codec.holds(e, values, results) for e in method.ensures):
            raise Refused()
        for result in method.results:
            if result.counts:
                value = values[result.counts]
                room = value if isinstance(value, int) else value.length \
                    if isinstance(value, codec.Lease) else len(codec._buffer_bytes(
                        next(p.type.kind for p in method.params if p.name == result.counts), value))
                if results[result.name] > room:
                    raise Refused()
        return results, found

    def checked(self, params, values):
        """The types of the capabilities, or None if one is not what its type says."""
        types = []

        def visit(type_, cap):
            types.append(type_)
            kinds = ["EndPoint"] if isinstance(type_, model.End) else \
                type_.kinds or [n for n in self.maker.captypes if n != "Null"]
            good = cap.type in [self.maker.captypes[k] for k in kinds] and \
                not v.required(type_) & ~cap.rights
            found.append(good)
            return cap
        found = []
        v.map_caps(params, values, visit)
        return types if all(found) else None

    # Texts and records ---------------------------------------------------------------------

    def texts(self, params, values, bulk):
        out = ""
        for param in params:
            value = values[param.name]
            if not isinstance(param.type, model.Lend):
                out += v.text(param.name, param.type, value)
            elif param.type.direction == "out":
                out += f" {param.name}={value if isinstance(value, int) else value.length}"
            else:
                data = bulk[param.name] if isinstance(value, codec.Lease) else \
                    codec._buffer_bytes(param.type.kind, value)
                out += v.hexed(param.name, data)
        return out

    def results(self, method, results, answer):
        out = ""
        for result in method.results:
            out += v.text(result.name, result.type, results[result.name])
            lent = layout.lends(method, "out").get(result.counts)
            if lent is not None:
                data = answer["out"].get(lent.name)
                if data is None:
                    data = codec._buffer_bytes(lent.type.kind, results.get(lent.name, b"")
                                               if lent.name in results else
                                               b"" if lent.type.kind == "bytes" else ())
                out += v.hexed(lent.name, data)
        return out

    @staticmethod
    def passed(method, words, caps, lent):
        return f"w {method.ordinal} {KIND[method.kind]} {int(method.flexible)}{hexes(words)}" \
            f" c{cap_texts(caps)} l{''.join(v.hexed('', data) for data in lent)}\n"

    @staticmethod
    def head(method):
        return struct.pack("<HB", method.ordinal, int(method.flexible))

    @staticmethod
    def side(words, sent):
        out = struct.pack(f"<H{len(words)}QB", len(words), *words, len(sent))
        for cap, type_ in sent:
            out += bytes((cap.type, cap.rights, v.required(type_) or v.ALL_RIGHTS,
                          MOVES[v.mode(type_)]))
        return out

    @staticmethod
    def lends(method, image, values, bulk, answer):
        leases = image.leases()
        out = bytes((len(leases), image.room_words))
        counts = {i.param.counts: i for i in layout.reply(method).items if i.role == "value"}
        for item in leases:
            name = item.path[0]
            value = values[name]
            is_out = item.param.type.direction == "out"
            count = counts.get(name)
            where = (count.word(), count.shift(), count.bits) if is_out else (0, 0, 0)
            length = value.length if isinstance(value, codec.Lease) else value \
                if isinstance(value, int) else len(codec._buffer_bytes(item.param.type.kind, value))
            data = answer["out"].get(name, b"") if is_out else bulk.get(name, b"")
            out += struct.pack("<IBBBBBIBI", item.bound, item.word(), is_out, *where, length,
                               name in bulk, len(data)) + data
        return out


def hexes(words):
    return "".join(f" {word:x}" for word in words)


def cap_texts(caps):
    return "".join(f" {cap.type}/{cap.rights}" for cap in caps)
