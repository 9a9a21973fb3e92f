"""Hostile messages for generated code, and whether they notice a check that is missing.

    python3 attack.py PROGRAM IF_FILE ABI_FILE... [--seed N] [--rounds N] [--show] [--omit STEP]

PROGRAM is attack_main.c with the code that `stubgen gen --omit-check switch` makes of IF_FILE. Each
message must have the expected outcome; then each check is left out (with --omit STEP only each
STEP-th, for 0 none; with AOS_DEEP every one), and some message must have another one."""
import argparse
import collections
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "..", "stubgen")]

import messages  # noqa: E402
from stubgen import cnames, driver, layout  # noqa: E402
from stubgen.emit import TARGETS, checks, fuzz  # noqa: E402
from stubgen.emit.c import codec, ctypes  # noqa: E402
from stubgen.emit.c.method import REG_WORDS  # noqa: E402
from stubgen.emit.c.server import ServerView  # noqa: E402
from stubgen.limits import MESSAGE_CAPS  # noqa: E402

ROLES = {"_server.c": ("request", "sender"), "_client.c": ("reply", "item", "event", "sender"),
         "_client_async.c": ("end", "sender")}
BOUNDS = 1 << 20                   # as in attack_main.c
GOOD, RETURNED, GROWN = 1, 2, 4    # EXPECT_* of attack_main.c
BATCH = 40                         # checks of one process
SHOWN = 20


class Attack:
    def __init__(self, path, abi, seed, rounds):
        self.build = compiled(path, abi)
        self.item = messages.own_interface(self.build, path)
        lowered = compiled(path, abi)
        _, found = checks.render(TARGETS["if"], lowered)
        lowered_item = messages.own_interface(lowered, path)
        self.lowered = {m.name: m for m in lowered_item.methods}
        self.checks = [check for check in found if check.number] + list(self.bounds())
        self.maker = messages.Cases(self.build, self.item, random.Random(seed), rounds,
                                    fuzz.growing(lowered_item))
        self.make({(method, None) for method in self.item.methods})

    def bounds(self):
        """The bounds in the tables of the server that no check in C repeats: of words that are
        always as many, unless one that is missing is refused as 0 is; of capabilities that are
        always as many. A shim that uses the words where the message is sees zeros when there are
        more than it has registers for, so nothing comes of more of them where 0 is refused."""
        for method in self.item.methods:
            if method.kind == "event":
                continue
            image, view = layout.request(method), ServerView(self.item, method)
            one, exact = image.min_caps == image.max_caps, view.exact_words()
            last = [i for i in image.items if i.word() == image.fixed_words - 1]
            zeros = takes_zero(method, image.items)
            alone = {"words_min": exact and image.min_words and takes_zero(method, last),
                     "words_max": exact and (image.max_words < REG_WORDS or zeros),
                     "caps_min": one and image.max_caps == 1
                     and any(codec.is_any(part.type) for part in image.caps),
                     "caps_max": image.max_caps == 0
                     or one and (zeros or not view.in_place()) and image.max_caps < MESSAGE_CAPS}
            for which, name in enumerate(alone, 1):
                if alone[name]:
                    yield checks.Found(BOUNDS + (method.ordinal << 3) + which,
                                       self.item.name + "_server.c", 0, f"shim_{method.name}", name)

    def make(self, wanted):
        """Makes the cases of these (method, roles; None: all)."""
        self.cases, self.ranges = [], {}
        for method in self.item.methods:
            for roles in [roles for m, roles in sorted(wanted, key=str) if m is method]:
                found = collections.defaultdict(list)
                for case in self.maker.method(method, roles):
                    found[case.role].append(case)
                for role, cases in found.items():
                    self.ranges[method, role] = (len(self.cases), len(cases))
                    self.cases += cases

    def records(self):
        out = []
        for case in self.cases:
            expected = GROWN if case.role == "sender" else \
                GOOD * case.good | RETURNED * (case.role in ("reply", "end", "item"))
            out.append(struct.pack("<IB", len(case.record), expected) + case.record)
        return b"".join(out)

    def goes_through(self, check, method, role):
        roles = next(r for suffix, r in ROLES.items() if check.file == self.item.name + suffix)
        return role in roles and check.function in self.functions(method, role)

    def places(self, check):
        """The ranges of cases that go through a check."""
        found = [where for (method, role), where in self.ranges.items()
                 if self.goes_through(check, method, role)]
        return sorted(found, key=lambda where: where[1])

    def all_roles(self, check):
        """{(method, roles)} that go through a check."""
        every = {role for roles in ROLES.values() for role in roles}
        return {(method, (role,)) for method in self.item.methods for role in every
                if self.goes_through(check, method, role)}

    def functions(self, method, role):
        base = cnames.method_base(self.item, method)
        names = {"request": [f"shim_{method.name}"], "event": [f"event_{method.name}"],
                 "reply": [base], "item": [f"{base}_next"], "end": [f"{base}_end"],
                 "sender": [base, f"{base}_begin", f"{base}_open", f"encode_{base}_",
                            f"shim_{method.name}", f"{self.item.name}_event_{method.name}"]}[role]
        seen = self.lowered[method.name]
        params = seen.params if role in ("request", "event") else seen.results
        for decl in ctypes.element_decls(seen.params + seen.results if role == "sender"
                                         else params):
            name = cnames.type_base(decl)
            names += [f"put_{name}"] if role == "sender" else [f"get_{name}", f"getcaps_{name}"]
        return names

    # Running -------------------------------------------------------------------------------

    def whole(self, program, file):
        """The lines of the cases of which something else came."""
        done = subprocess.run([program, file], capture_output=True, check=False, text=True)
        lines = done.stdout.splitlines()
        if done.returncode or lines[-1:] != [f"end {len(self.cases)}"]:
            return lines + [f"the program ended: {done.returncode}\n{done.stderr[-4000:]}"]
        return lines[:-1]

    def without(self, program, file, wanted):
        """{number of a check: what noticed that it is left out}."""
        args = []
        for check in wanted:
            text = "".join(f":{first}:{count}" for first, count in self.places(check))
            args.append(f"{check.number}{text}")
        batches = [args[i:i + BATCH] for i in range(0, len(args), BATCH)]

        def run(batch):
            done = subprocess.run([program, file] + batch, capture_output=True, check=True,
                                  text=True, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
            return [line.split() for line in done.stdout.splitlines()]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return {int(n): what for lines in pool.map(run, batches) for n, what in lines}


def takes_zero(method, items):
    """Is 0 a value of each of these items of a request?"""
    return not method.requires and not any(codec.value_checks(i.param, i.type, "0")
                                           for i in items if i.role == "value")


def compiled(path, abi):
    build, diags, _ = driver.compile_files([path], abi)
    assert not diags, diags.render()
    return build


def main(argv):
    parser = argparse.ArgumentParser("attack.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("program")
    parser.add_argument("file")
    parser.add_argument("abi", nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2, help="good messages that are changed")
    parser.add_argument("--omit", type=int, default=1, metavar="STEP")
    parser.add_argument("--attempts", type=int, default=12, help="with other messages for what "
                        "nothing noticed")
    parser.add_argument("--show", action="store_true", help="print what notices each check")
    args = parser.parse_args(argv)
    if os.environ.get("AOS_DEEP"):
        args.omit, args.rounds = 1, max(2, args.rounds)
    begin = time.monotonic()
    attack = Attack(args.file, args.abi, args.seed, args.rounds)
    name, wanted = attack.item.name, attack.checks[::args.omit] if args.omit else []
    noticed, count, wrong, left = {}, 0, [], wanted
    for _ in range(args.attempts):
        file = tempfile.NamedTemporaryFile(suffix=".records")
        with file:
            file.write(attack.records())
            file.flush()
            wrong = attack.whole(args.program, file.name)
            count += len(attack.cases)
            if not wrong:
                noticed.update(attack.without(args.program, file.name, left))
        left = [c for c in wanted if noticed.get(c.number, "missed") == "missed"]
        if wrong or not left:
            break
        attack.make({pair for check in left for pair in attack.all_roles(check)})
    print("TAP version 13\n1..2")
    print("not " * bool(wrong) + f"ok 1 - HOST1001 {count} hostile messages to {name}: each "
          "has its expected outcome")
    for line in wrong[:SHOWN]:
        index = line.split()[0]
        case = attack.cases[int(index)] if index.isdigit() else None
        print("# " + line.replace("\n", "\n# ") + (
            f": {case.method.name} {case.role}, good: {case.good}, {case.record.hex()}"
            if case else ""))
    missed = [c for c in wanted if noticed.get(c.number, "missed") == "missed"]
    print("not " * bool(missed) + f"ok 2 - HOST1002 {len(wanted) - len(missed)} of {len(wanted)} "
          f"checks are noticed when they are left out; there are {len(attack.checks)}")
    for check in missed:
        print(f"# nothing notices: {check}")
    for check in wanted if args.show else ():
        print(f"# {check}: {noticed.get(check.number)}")
    print(f"# {time.monotonic() - begin:.1f} s")
    return 1 if wrong or missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
