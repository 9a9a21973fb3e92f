"""Flounder's messages as members of our interfaces.

An rpc is a call. A message says nothing of its direction or of what answers it, so names decide:
`x_request` (or `x_call`, or `x`) and `x_reply` (or `x_response`) together are a call; what is named
like an answer or a notice is an event; everything else is a oneway. Where words or capabilities do
not fit that, it becomes a call, whose buffers can be lent."""
from ..cnames import RESERVED_SUFFIXES
from ..limits import MESSAGE_CAPS, MESSAGE_WORDS
from . import types as flounder_types
from .types import Unknown, snake

REQUESTS = ("_request", "_call", "_req")
REPLIES = ("_reply", "_response", "_resp")
NOTICES = REPLIES + ("_notify", "_notification", "_done", "_finished", "_event", "_ack",
                     "_completed", "_complete", "_changed", "_update")
COOKIES = ("st", "state", "user_state", "token", "req_id")
EVENT_QUEUE = 4


class Member:
    """A member to be: kind call, oneway or event."""

    def __init__(self, kind, name, token, doc):
        self.kind, self.name, self.token, self.doc = kind, name, token, doc
        self.params, self.results, self.fails = [], [], False

    def lines(self, ordinal):
        text = f"{self.kind} {self.name} @{ordinal} ({', '.join(self.params)})"
        if self.results:
            text += f" -> ({', '.join(self.results)})"
        if self.fails:
            text += " fails failed"
        if self.kind == "event":
            text += f" queue {EVENT_QUEUE}"
        return [f"/// {line}".rstrip() for line in self.doc] + [text + ";"]


def members(file, types, losses):
    """The members of a file, in order."""
    answers = _pairs(file.messages)
    replies = {id(reply) for reply in answers.values()}
    taken, out = set(), []
    for message in file.messages:
        if id(message) in replies:
            continue
        for backend in message.backends:
            losses.add(backend, "backend", f"`@{backend.text}` has no counterpart: what it did "
                       "belongs into the server")
        out.append(_Builder(message, answers.get(id(message)), types, losses).build(taken))
    return out


def _pairs(messages):
    """{id(request): reply} of the messages that belong together."""
    plain = {m.name.text: m for m in messages if m.kind != "rpc"}
    answers, used = {}, set()
    for message in messages:
        stem = _stem(message.name.text, REQUESTS)
        if message.kind == "rpc" or _stem(message.name.text, REPLIES) != message.name.text:
            continue
        for suffix in REPLIES:
            reply = plain.get(stem + suffix)
            if reply is not None and id(reply) not in used:
                answers[id(message)] = reply
                used.add(id(reply))
                break
    return answers


def _stem(name, suffixes):
    for suffix in suffixes:
        if name.endswith(suffix) and len(name) > len(suffix):
            return name[:-len(suffix)]
    return name


class _Builder:
    """One member from a message and its answer, or from an rpc."""

    def __init__(self, message, reply, types, losses):
        self.message, self.reply, self.types, self.losses = message, reply, types, losses
        if message.kind == "rpc":
            self.ins = [a for a in message.args if a.direction == "in"]
            self.outs = [a for a in message.args if a.direction == "out"]
        else:
            self.ins, self.outs = list(message.args), list(reply.args if reply else [])
        self.names = set()

    def build(self, taken):
        name = self.message.name
        kind = self.kind()
        stem = _stem(name.text, REQUESTS) if self.reply else name.text
        doc = list(self.message.doc)
        if self.reply and self.reply.doc:
            doc += [""] * bool(doc) + self.reply.doc
        member = Member(kind, self.member_name(stem, taken), name, doc)
        if self.reply:
            self.losses.add(name, "pair", f"`{name.text}` and `{self.reply.name.text}` are the "
                            f"call `{member.name}`")
            self.cookies()
        if kind == "call":
            self.error(member)
        lend = kind == "call"
        self.lent(member, self.ins, lend)
        member.params = self.items(self.ins, "in")
        member.results = self.items(self.outs, "out", member)
        return member

    def kind(self):
        message = self.message
        if message.kind == "rpc" or self.reply is not None:
            return "call"
        looks = message.kind == "response" or any(
            message.name.text.endswith(suffix) for suffix in NOTICES)
        kind = "event" if looks and message.kind != "call" else "oneway"
        words, caps = self.size(self.ins)
        if words > MESSAGE_WORDS:
            self.losses.add(message.name, "bound", f"`{message.name.text}` does not fit a message, "
                            "so it is a call, whose buffers are lent")
            return "call"
        if caps and kind == "event":
            kind = "oneway"
        way = "from the server to clients" if kind == "event" else "from clients to the server"
        self.losses.add(message.name, "direction", f"`{message.name.text}` is taken for one "
                        f"{way}: Flounder does not say")
        return kind

    def member_name(self, stem, taken):
        name = snake(stem)
        if f"_{name}".endswith(RESERVED_SUFFIXES):
            name += "_op"
        plain, number = name, 2
        while name in taken:
            name, number = f"{plain}{number}", number + 1
        taken.add(name)
        if name != stem:
            self.losses.add(self.message.name, "name", f"`{self.message.name.text}` is called "
                            f"`{name}`")
        return name

    def cookies(self):
        """What a client sends only to find it in the answer again: stubs match answers."""
        echoed = {(a.name.text, a.type.text) for a in self.ins if a.bound is None} & \
            {(a.name.text, a.type.text) for a in self.outs if a.bound is None}
        for name, type_ in sorted(echoed):
            if name in COOKIES and self.types.base(self.find(self.ins, name).type)[0] == "scalar":
                self.losses.add(self.find(self.ins, name).name, "cookie", f"`{name}` only matched "
                                "the answer with its request: stubs do that")
                self.ins = [a for a in self.ins if a.name.text != name]
                self.outs = [a for a in self.outs if a.name.text != name]

    @staticmethod
    def find(args, name):
        return next(a for a in args if a.name.text == name)

    def error(self, member):
        """The one errval among the results is how the call ends."""
        codes = [a for a in self.outs
                 if a.bound is None and self.types.base(a.type) == ("scalar", "errval")]
        if len(codes) == 1:
            member.fails = True
            self.outs = [a for a in self.outs if a is not codes[0]]
            self.losses.add(codes[0].name, "errval", f"`{codes[0].name.text}` is the error of the "
                            "reply: replace `failed` by the errors that there are")

    # Sizes ---------------------------------------------------------------------------------

    def bytes_of(self, arg):
        """The bytes of an argument of varying size."""
        if self.types.base(arg.type)[0] == "text":
            return arg.bound if arg.bound is not None else flounder_types.TEXT_MAX
        if arg.bound is None:
            return 0
        return arg.bound * self.types.size(arg.type)

    def size(self, args):
        """(words, capabilities) of a message, words rounded up."""
        words = caps = 0
        for arg in args:
            kind, found = self.types.base(arg.type)
            if arg.bound is not None or kind == "text":
                words += 1 + -(-self.bytes_of(arg) // 8)
            else:
                words += -(-self.types.size(arg.type) // 8)
            caps += (arg.bound or 1) if kind == "cap" else 0
            if kind == "decl" and self.types.holds_caps(arg.type):
                caps += MESSAGE_CAPS * bool(arg.bound) + 1
        return words, caps

    def lent(self, member, args, allowed):
        """Marks the buffers that are lent, the largest first, until the rest fits."""
        self.lend = set()
        for side in (args, self.outs):
            while self.size([a for a in side if id(a) not in self.lend])[0] > MESSAGE_WORDS:
                rest = [a for a in side if id(a) not in self.lend]
                largest = max(rest, key=self.bytes_of)
                if not allowed or self.bytes_of(largest) == 0:
                    raise Unknown(member.token, f"`{member.token.text}` is larger than a message")
                self.lend.add(id(largest))
                self.losses.add(largest.name, "lend", f"`{largest.name.text}` is lent, since it "
                                "does not fit beside the rest of the message")

    # Parameters ----------------------------------------------------------------------------

    def items(self, args, direction, member=None):
        out = []
        for arg in args:
            name = snake(arg.name.text)
            plain, number = name, 2
            if direction == "out" and name in self.names:
                plain = name = f"{name}_out"
            while name in self.names:
                name, number = f"{plain}{number}", number + 1
            self.names.add(name)
            if id(arg) not in self.lend:
                out.append(f"{name}: {self.form(arg)}")
            elif direction == "in":
                out.append(f"{name}: lend in bytes<{self.bytes_of(arg)}>")
            else:
                count = f"{name}_used" if f"{name}_used" not in self.names else f"{name}_used2"
                self.names.add(count)
                member.params.append(f"{name}: lend out bytes<{self.bytes_of(arg)}>")
                out.append(f"{count}: u32 counts {name}")
        return out

    def form(self, arg):
        kind, found = self.types.base(arg.type)
        if kind == "text":
            return f"string<{arg.bound}>" if arg.bound else self.types.text_of_base(arg.type)
        if arg.bound is None:
            return self.types.text(arg.type)
        if arg.bound == 0:
            raise Unknown(arg.name, "an array without elements")
        if kind == "scalar" and found in flounder_types.BYTE_TYPES:
            return f"bytes<{arg.bound}>"
        if kind == "decl" and found.kind == "array":
            raise Unknown(arg.name, "an array of arrays")
        if kind == "cap" and arg.bound > MESSAGE_CAPS:
            raise Unknown(arg.name, f"more than {MESSAGE_CAPS} capabilities")
        return f"{self.types.text(arg.type)}[<={arg.bound}]"
