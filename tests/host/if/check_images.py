"""check_images.py PROGRAM,PROGRAM... INTERFACE.if CONTEXT.if...: every message that generated C
sends is the one image that the Python codec knows for its values, and both refuse the same
requests. The programs print the messages (trace.c). Prints TAP."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(HERE))), "stubgen"))

from stubgen import codec, driver, layout  # noqa: E402

KINDS = {0: "call", 1: "reply", 2: "error", 3: "oneway", 4: "event", 5: "item"}
PREFIX = "# image "



class Message:
    """One traced message: who gets it, its header taken apart, its words."""

    def __init__(self, line):
        self.to, *numbers = line[len(PREFIX):].split()
        header, *self.words = (int(number, 16) for number in numbers)
        self.ordinal, self.kind = header & 0xfff, header >> 12 & 7
        self.transaction, self.caps = header >> 16 & 0xffff, header >> 40 & 15
        assert len(self.words) == header >> 32 & 0xff and header >> 53 == 0, line


def messages(output):
    """Every traced message but those that only bring further capabilities of the one before."""
    more = {}
    for line in output.splitlines():
        if line.startswith(PREFIX):
            message = Message(line)
            key = message.to, message.transaction
            if more.get(key):
                more[key] -= 1
                continue
            more[key] = max(0, message.caps - 1)
            yield message


class Checker:
    def __init__(self, build):
        self.methods = {m.ordinal: m for m in build.interfaces[0].methods}
        rpc = next(s for s in build.error_sets if s.owner == "rpc")
        self.malformed = next(e.code for e in rpc.errors if e.name == "malformed")
        self.seen, self.images, self.refused = set(), 0, 0
        self.bulk = {}         # of calls: do their `lend out` buffers stand in the region?
        self.faults = []
        self.items = 0
        self.verdicts = {}     # of calls without an answer: is it right?, what was said about it

    def message(self, message):
        """Decodes one message; an answer is compared with what is known of its call."""
        kind = KINDS.get(message.kind)
        if kind in ("reply", "error") and message.transaction in self.verdicts:
            self.answer(message, *self.verdicts.pop(message.transaction))
        if message.ordinal == 0 or kind is None or kind == "error":
            return
        method = self.methods[message.ordinal]
        right, why = self.decode(method, kind, message)
        if kind == "call":
            self.verdicts[message.transaction] = right, f"{method.name}: {why}"
        if kind not in ("reply", "item") and right:
            self.seen.add(method.name)
        if kind == "item":
            self.items += 1

    def decode(self, method, kind, message):
        """(is it right?, why not). A message that is no image at all is a fault."""
        if kind == "item":
            image = layout.item(method)
        elif kind == "reply":
            image = layout.reply(method, self.bulk.get(message.transaction))
        else:
            image = layout.request(method)
        try:
            values = codec.decode(image, message.words, [object()] * message.caps)
            self.images += 1
        except codec.BadContent as error:
            self.images += 1
            return False, str(error)
        except codec.Malformed as error:
            self.faults.append(f"{kind} {method.name}: {error}: {[hex(w) for w in message.words]}, "
                               f"{message.caps} capabilities")
            return False, str(error)
        if kind == "call":
            self.bulk[message.transaction] = any(
                isinstance(values[name], codec.Lease) for name in layout.lends(method, "out"))
        if kind not in ("reply", "item") and \
                not all(codec.holds(e, values) for e in method.requires):
            return False, "a condition is false"
        return True, ""

    def answer(self, message, right, why):
        """The server called a request malformed if and only if the codec does."""
        said = KINDS[message.kind] == "error" and message.words[0] & 0xffff == self.malformed
        self.refused += said
        if said == right:
            self.faults.append(f"the server {'refused' if said else 'took'} {why or 'it'}")


def main(programs, interface, *context):
    build, diags, _ = driver.compile_files([interface], context)
    assert not diags, diags.render()
    checker = Checker(build)
    for program in programs.split(","):
        done = subprocess.run([program, "images"], capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stderr
        for message in messages(done.stdout):
            checker.message(message)
    for fault in checker.faults:
        print("#", fault)
    missing = sorted({m.name for m in checker.methods.values()} - checker.seen)
    print("1..4")
    verdict(1, not checker.faults, f"STUB0101 {checker.images} images are what the codec makes "
            "of them")
    verdict(2, not missing, f"STUB0102 every method was seen {' '.join(missing)}")
    verdict(3, checker.refused > 0, f"STUB0103 both refuse the same {checker.refused} requests")
    verdict(4, checker.items > 0, f"STUB0104 {checker.items} items of streams are among them")
    return 1 if checker.faults or missing or not checker.refused or not checker.items else 0


def verdict(number, is_right, text):
    print(f"{'ok' if is_right else 'not ok'} {number} - {text}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
