"""How much of the validators a fuzzer has reached: of each condition in them that it has been true,
and that it has been false, as clang counts them. Validators are the lines that stubgen names
(stubgen/stubgen/emit/checks.py), and what they call of libaos, which is the same for every
interface (SHARED)."""
import collections
import json
import os
import subprocess

COVER = ["-fprofile-instr-generate", "-fcoverage-mapping"]
SHARED = ("libaos/chan/msg.c", "libaos/include/aos/msg.h")
SENDERS = ("msg_put", "msg_xfer")  # functions of SHARED that are no validators


class Edges:
    """`found`: {(file, line, column, "true" or "false"): times it was taken}."""

    def __init__(self):
        self.found = collections.Counter()

    def add(self, other):
        for edge, count in other.found.items():
            self.found[edge] += count

    def missed(self):
        return sorted(edge for edge, count in self.found.items() if not count)

    def percent(self):
        return 100 * (1 - len(self.missed()) / len(self.found)) if self.found else 100.0

    def __str__(self):
        return f"{self.percent():.1f} % of {len(self.found)} edges"

    def listing(self):
        """The lines of what was missed."""
        lines = []
        for path, line, column, taken in self.missed():
            with open(path, encoding="utf-8") as file:
                text = file.read().split("\n")[line - 1]
            lines.append(f"{os.path.basename(path)}:{line}:{column} is never {taken}: "
                         + text[column - 1:])
        return lines


def measured(program, raw, root, places):
    """(edges of the validators that stubgen made, those of libaos). `raw`: what `program` left;
    `places`: {path: lines of validators}."""
    data = raw + ".data"
    _run(["llvm-profdata", "merge", "-o", data, raw])
    shared = [os.path.join(root, name) for name in SHARED]
    told = json.loads(_run(["llvm-cov", "export", program, f"-instr-profile={data}", *places,
                            *shared]))["data"][0]
    own, common = Edges(), Edges()
    for function in told["functions"]:
        path, name = function["filenames"][0], function["name"].split(":")[-1]
        if path in places:
            _add(own, function, path, places[path])
        elif path in shared and not name.startswith(SENDERS):
            _add(common, function, path, None)
    return own, common


def _add(edges, function, path, lines):
    for line, column, _, _, true, false, file, *_ in function["branches"]:
        if file == 0 and (lines is None or line in lines):
            edges.found[path, line, column, "true"] += true
            edges.found[path, line, column, "false"] += false


def _run(command):
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.returncode}\n{done.stderr[-6000:]}")
    return done.stdout
