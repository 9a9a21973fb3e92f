"""check_ifdesc.py PROGRAM BUNDLE INTERFACE.if CONTEXT.if...: what libaos/ifdesc makes of values and
of words is what the Python codec makes of them, for every method, in both directions; and neither
takes what the other refuses. Prints TAP."""
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(HERE))), "stubgen"))

from stubgen import codec, driver, layout, model, valuetext  # noqa: E402

SEED = 20
ROUNDS = 25                # values per method and direction
FLIPS = 10                 # damaged messages for each
TEXT_MAX = 24              # characters
LETTERS = "ab \"\\{}[],=|#0x9_\n\t\x7fäß€𝄞"


class Values:
    """Random values of types."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.caps = 0

    def params(self, params):
        values = {param.name: self.value(param.type, param) for param in params}
        return values

    def value(self, type_, param=None):
        rand = self.random
        if isinstance(type_, model.Optional_):
            return self.value(type_.elem, param) if rand.random() < 0.6 else None
        if isinstance(type_, model.Bool):
            return rand.random() < 0.5
        if isinstance(type_, model.Int):
            return self.number(type_, param)
        if isinstance(type_, (model.Cap, model.End)):
            self.caps += 1
            return rand.randrange(1, 1 << 32)
        if isinstance(type_, model.Array):
            count = rand.randrange(type_.count + 1) if type_.at_most else type_.count
            return [self.value(type_.elem) for _ in range(count)]
        if isinstance(type_, model.Buf):
            return self.buffer(type_.kind, type_.bound)
        if isinstance(type_, model.Lend):
            if type_.direction == "out":
                return rand.choice([0, 1, min(type_.bound, 1000)])
            return self.buffer(type_.kind, type_.bound)
        return self.named(type_.decl)

    def number(self, type_, param):
        low = -(1 << (type_.bits - 1)) if type_.signed else 0
        low, high = (param and param.range) or (low, low + (1 << type_.bits) - 1)
        if param and param.pow2:
            return 1 << self.random.randrange(type_.bits)
        return self.random.choice([low, high, self.random.randint(low, high)])

    def buffer(self, kind, bound):
        if kind == "bytes":
            return self.random.randbytes(self.random.randint(0, min(bound, TEXT_MAX)))
        if kind == "string":
            return self.text(bound)
        return tuple(self.text(6) for _ in range(self.random.randrange(min(bound // 12, 3))))

    def text(self, bound):
        text = "".join(self.random.choice(LETTERS) for _ in range(self.random.randrange(TEXT_MAX)))
        while len(text.encode()) > bound:
            text = text[:-1]
        return text

    def named(self, decl):
        rand = self.random
        if isinstance(decl, model.Enum):
            known = [item.value for item in decl.values]
            if decl.kind == "flags":
                return sum(value for value in known if rand.random() < 0.5)
            return rand.choice(known + ([77] if decl.flexible else []))
        if isinstance(decl, model.Struct):
            return self.params(decl.fields)
        chosen = [f for f in decl.fields if rand.random() < 0.5]
        if decl.kind == "union":
            chosen = [rand.choice(decl.fields)]
        return self.params(chosen)


def messages(method):
    """(direction, fields, image, values of the request) of all that can be sent."""
    yield "request", method.params, layout.request(method)
    if method.window is not None:
        yield "item", method.results, layout.item(method)
    elif method.kind == "call":
        lent = layout.lends(method, "out").values()
        fields = method.results + [model.Param(p.name, model.Buf(p.type.kind, p.type.bound), [],
                                               p.span) for p in lent]
        yield "reply", fields, layout.reply(method)


def draw(values, fields):
    """Values whose counts are those of the buffers they count."""
    found = values.params(fields)
    for field in fields:
        if field.counts in found:
            buf = found[field.counts]
            found[field.name] = len(buf) if isinstance(buf, bytes) \
                else sum(len(s.encode()) + 1 for s in buf)
    return found


class Checker:
    def __init__(self, build):
        self.build = build
        self.questions, self.expected = [], []
        self.values = Values(SEED)
        self.refused = 0

    def ask(self, question, expected):
        self.questions.append("\x1f".join(question))
        self.expected.append(expected)

    def method(self, method):
        for direction, fields, image in messages(method):
            head = [method.name, direction]
            for _ in range(ROUNDS):
                found = draw(self.values, fields)
                try:
                    words, caps = codec.encode(image, found)
                except codec.BadValue:
                    continue           # lent buffers that belong into the region
                texts = [f"{f.name}={valuetext.show(f.type, found[f.name], valuetext._Same())}"
                         for f in fields if found[f.name] is not None]
                shown = " ".join(f"{word:x}" for word in words)
                if all("\n" not in text and "\x1f" not in text for text in texts):
                    self.ask(["encode"] + head + texts, " ".join(
                        ["ok"] + [shown] * bool(words) + ["caps"] + [str(cap) for cap in caps]))
                self.decode(head, fields, image, words, len(caps))
                for _ in range(FLIPS):
                    self.decode(head, fields, image, self.damaged(words), len(caps))
                for length in range(len(words)):
                    self.ask(["cut"] + head + [f"{word:x}" for word in words[:length]], None)

    def damaged(self, words):
        words = list(words) or [0]
        at = self.values.random.randrange(len(words))
        words[at] ^= 1 << self.values.random.randrange(64)
        return words[:-1] if self.values.random.random() < 0.1 else words

    def decode(self, head, fields, image, words, caps):
        """`caps` handed along are enough for any count that the words can tell."""
        question = ["decode"] + head + [f"{word:x}" for word in words]
        if any(item.role == "lease" for item in image.items) \
                or any(isinstance(var.param.type, model.Lend) and var.param.type.bound > 2040
                       for var in image.vars):
            self.ask(question, None)
            return
        for count in [caps] + list(range(16)):
            try:
                values = codec.decode(image, words, [object()] * count)
            except codec.Malformed as error:
                if "capabilities" in str(error):
                    continue
                self.refused += 1
                self.ask(question, "wrong")
                return
            text = valuetext.fields(fields, values, " ", valuetext.Numbered())
            self.ask(question, f"ok {text}")
            return
        self.ask(question, None)       # more capabilities than a message has


# Questions to the kitchen sink with an error in the text, and what the answer has in it.
WRONG_TEXTS = {"kitchen_sink": [
    (["one"], "value: is missing"), (["one", "valu=1"], "no such name"),
    (["one", "value=1", "value=2"], "twice"), (["one", "value=x"], "no number"),
    (["one", "value=-1"], "too small"), (["one", "value=18446744073709551616"], "no number"),
    (["ranges", "a=4", "b=1", "c=1", "lo=0", "hi=1"], "out of range"),
    (["ranges", "a=5", "b=3", "c=1", "lo=0", "hi=1"], "power of two"),
    (["enums", "op=fetch", "sparse=low", "kind=dir", "mode=0", "hint=0"], "op: no such name"),
    (["enums", "op=get", "sparse=low", "kind=dir", "mode=0x10", "hint=0"], "not a value"),
    (["short", "name=12345678901234567"], "longer"), (["short", 'name="a'], "quote"),
    (["cap_in", "ram=mine"], "number of its slot"),
    (["unions", "shape={}", "note={number=1}", "shapes=[]", "scene={n=1}"], "one of its"),
    (["tables", "stat={size=1", "list=[]"], "} is missing"),
    (["structs", "box={}", "props=[]"], "is missing"),
    (["arrays", "fixed=[1]"], "elements are missing"),
    (["one", "value=1 2"], "left over"),
]}


def main(program, bundle, interface, *context):
    build, diags, _ = driver.compile_files([interface], context)
    assert not diags, diags.render()
    item = build.interfaces[0]
    checker = Checker(build)
    for method in item.methods:
        if method.kind in ("call", "oneway", "event"):
            checker.method(method)
    wrong = WRONG_TEXTS.get(item.name, [])
    for (name, *args), _ in wrong:
        checker.ask(["encode", name, "request"] + args, None)
    asked = "\n".join(checker.questions) + "\n"
    done = subprocess.run([program, bundle, hex(item.id)], input=asked, capture_output=True,
                          text=True, timeout=120, check=False)
    answers = done.stdout.split("\n")[:-1]
    print(done.stderr[-2000:].replace("\n", "\n# "), end="")
    faults = [] if len(answers) == len(checker.questions) and done.returncode == 0 else ["it ended"]
    for question, expected, found in zip(checker.questions, checker.expected, answers):
        if expected is not None and expected != (found[:5] if expected == "wrong" else found):
            faults.append(f"{question!r}: {found!r}, not {expected!r}")
    told = answers[len(answers) - len(wrong):]
    silent = [question for (question, said), found in zip(wrong, told) if said not in found]
    for fault in faults[:20]:
        print("\n# " + fault)
    print(f"1..{2 + bool(wrong)}")
    verdict(1, not faults, f"DESC0001 {len(answers)} values and messages are what the "
            "codec makes of them")
    verdict(2, checker.refused > 0, f"DESC0002 both refuse the same {checker.refused} messages")
    if wrong:
        verdict(3, not silent, f"DESC0003 errors in the text are told {silent}")
    return 1 if faults or silent or not checker.refused else 0


def verdict(number, is_right, text):
    print(f"{'ok' if is_right else 'not ok'} {number} - {text}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
