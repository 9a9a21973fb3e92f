"""Random interfaces, generated C and the Python codec against each other.

    python3 -m proof.run [--seed N] [--interfaces N] [--messages N] [--compiler gcc|clang] [--deep]
                         [--only BATCH:INTERFACE] [--keep DIR]     (in stubgen/tests)

Hypothesis draws interfaces; they are compiled in batches with sanitizers, and random messages go
through them over every carrier (proof.c). A failure prints the interface, reduced to the method,
the message, and how to see it again."""
import argparse
import collections
import multiprocessing
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path[:0] = [os.path.join(ROOT, "stubgen"), os.path.dirname(HERE)]

from stubgen import driver  # noqa: E402
from stubgen.emit import TARGETS, output  # noqa: E402
from stubgen.source import Source, read_source  # noqa: E402

from proof import cases, grammar, harness, interfaces  # noqa: E402

ABI = [os.path.join(ROOT, "idl", "abi", name)
       for name in ("captypes.if", "kpi.if", "lib.if", "objects.if", "sys.if", "syscalls.if")]
GRAMMAR = os.path.join(ROOT, "docs", "ref", "grammar.ebnf")
INCLUDE = ["libaos/include", "libaos/arch/host/include", "kernel/include", "tests/host/include",
           "tests/host/if"]
FLAGS = ["-D__caddr_t_defined", "-D__daddr_t_defined", "-fsanitize=address,undefined",
         "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g1", "-w"]
CARRIERS = ("loopback", "UMP")
BATCH = 20                     # interfaces of one program
# What the generator may draw and the compiler rightly refuses: too large, or names of C that meet.
UNLUCKY = ("E0608", "E0609", "E0611", "E0914", "E1101", "E1102")


# Interfaces ----------------------------------------------------------------------------------


class Drawn:
    """Decisions by Hypothesis."""

    def __init__(self, draw, integers):
        self.draw, self.integers = draw, integers

    def number(self, low, high):
        return self.draw(self.integers(low, high))

    def pick(self, items):
        return items[self.number(0, len(items) - 1)]


def draw_batch(seed, count):
    """`count` interfaces that the compiler takes: [[(file name, text)]]."""
    import hypothesis
    from hypothesis import strategies
    found = []

    @strategies.composite
    def files_of_one(draw):
        return interfaces.draw(Drawn(draw, strategies.integers))

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=count, database=None, deadline=None,
                         phases=[hypothesis.Phase.generate],
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(files_of_one())
    def collect(files):
        files = accepted(files)
        hypothesis.assume(files is not None)
        found.append(files)

    collect()
    return found[:count]


def captypes(memo=[]):
    if not memo:
        memo.append(read_source(ABI[0]))
    return memo[0]


def accepted(files):
    """The files without the members that the compiler rightly refuses; None if that is not all."""
    for _ in range(4):
        sources = [Source(name, text) for name, text in interfaces.numbered(files, 0)]
        _, diags, _ = driver.compile_sources([(captypes(), False)] + [(s, True) for s in sources])
        if not diags:
            return files
        assert all(d.code in UNLUCKY for d in diags.items), \
            diags.render() + "".join(s.text for s in sources)
        files = without(files, {(d.span.source.path, d.span.source.line_col(d.span.start)[0])
                                for d in diags.items})
        if files is None:
            return None
    return None


def without(files, places):
    """The files without the lines of these members."""
    out = []
    for name, text in files:
        lines = text.splitlines(keepends=True)
        bad = {line for path, line in places if path == name.replace("%", "0")}
        for line in sorted(bad, reverse=True):
            words = lines[line - 1].split()
            if not set(words[:2]) & {"call", "oneway", "event"} or not lines[line - 1].startswith(
                    "  "):
                return None
            first = line - 1
            while lines[first - 1].lstrip().startswith("///"):
                first -= 1
            del lines[first:line]
        out.append((name, "".join(lines)))
    return out


def follower():
    with open(GRAMMAR, encoding="utf-8") as file:
        return grammar.Follower(file.read())


# A program -----------------------------------------------------------------------------------


def run(command, **more):
    return subprocess.run(command, check=True, **more)


def common_objects(folder, compiler):
    """Objects that all programs share: the runtime, and what stands for the kernel."""
    build, diags, _ = driver.compile_files(ABI)
    assert not diags, diags.render()
    output.write_all(os.path.join(folder, "abi"), TARGETS["abi"].render(build))
    sources = [(os.path.join(HERE, "proof.c"), ()),
               (os.path.join(ROOT, "tests/host/if/fake.c"), ())]
    for name, path in zip(("loop", "ump"), ("tests/host/if/loop.c", "tests/host/ump/pair.c")):
        sources.append((os.path.join(ROOT, path), [f"-Dcarrier_open=carrier_open_{name}"]))
    chan = os.path.join(ROOT, "libaos", "chan")
    sources += [(os.path.join(chan, name), ()) for name in sorted(os.listdir(chan))
                if name.endswith(".c")]
    jobs = [(compiler, folder, path, more) for path, more in sources]
    with multiprocessing.Pool(2) as pool:
        return pool.map(compile_one, jobs)


def compile_one(job):
    compiler, folder, path, more = job
    out = os.path.join(folder, os.path.basename(path)[:-2] + ".o")
    include = [f"-I{folder}", f"-I{HERE}"] + [f"-I{os.path.join(ROOT, name)}" for name in INCLUDE]
    run([compiler, "-c", path, "-o", out] + FLAGS + include + list(more))
    return out


class Batch:
    """Some interfaces, compiled into one program."""

    def __init__(self, options, number):
        self.options, self.number = options, number
        self.seed = options.seed << 20 | number
        self.counts = collections.Counter()
        self.branches = collections.Counter()
        self.failures = []

    def run(self):
        first = BATCH * self.number
        if self.options.files:
            self.files = [[(os.path.basename(path), read_source(path).text)]
                          for path in self.options.files[first:first + BATCH]]
        else:
            drafts = draw_batch(self.seed, min(BATCH, self.options.interfaces - first))
            self.files = [interfaces.numbered(files, i) for i, files in enumerate(drafts)]
        follow = follower()
        for files in self.files:
            for name, text in files:
                taken = follow.follow(name, text)
                assert taken is not None, f"the grammar does not accept {name}:\n{text}"
                self.branches.update(taken)
        folder = os.path.join(self.options.folder, f"batch{self.number}")
        os.makedirs(os.path.join(folder, "if"), exist_ok=True)
        try:
            program = self.program(folder)
        except subprocess.CalledProcessError as error:
            self.failures.append(f"batch {self.number}: the C is not compiled: {error}")
            return self
        self.play(program)
        if not self.options.keep:
            shutil.rmtree(folder)
        return self

    def compile(self, folder):
        for files in self.files:
            for name, text in files:
                with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                    out.write(text)
        paths = [os.path.join(folder, name) for files in self.files for name, _ in files]
        build, diags, _ = driver.compile_files(paths, ABI)
        assert not diags, diags.render()
        return build

    def program(self, folder):
        self.build = self.compile(folder)
        lowered = self.compile(folder)     # render() makes structs of some elements of arrays
        output.write_all(os.path.join(folder, "if"), TARGETS["if"].render(lowered))
        os.symlink(os.path.join(self.options.folder, "abi"), os.path.join(folder, "abi"))
        wanted = [i for i in lowered.interfaces]
        self.names = [i.name for i in wanted]
        sources = []
        for index, item in enumerate(wanted):
            form = harness.FORMS[index % len(harness.FORMS)]
            path = os.path.join(folder, f"proof_{item.name}.c")
            with open(path, "w", encoding="utf-8") as out:
                out.write(harness.Harness(item, form).text())
            sources.append(path)
            suffixes = ["client", "server"] + harness.SUFFIXES.get(form, [])
            sources += [os.path.join(folder, "if", f"{item.name}_{s}.c") for s in suffixes]
        table = os.path.join(folder, "proof_table.c")
        with open(table, "w", encoding="utf-8") as out:
            out.write(harness.table(self.names))
        objects = [compile_one((self.options.compiler, folder, path, ()))
                   for path in sources + [table]]
        program = os.path.join(folder, "program")
        run([self.options.compiler, "-fsanitize=address,undefined", "-o", program] + objects
            + self.options.objects)
        return program

    # Messages ------------------------------------------------------------------------------

    def play(self, program):
        made = cases.Cases(self.build, random.Random(self.seed))
        script, plan = b"", []
        for index, item in enumerate(i for i in self.build.interfaces):
            if not item.methods:
                continue
            count = self.options.messages
            some = [made.make(item.methods[k % len(item.methods)]) for k in range(count)]
            for carrier in range(len(CARRIERS)):
                script += b"I" + struct.pack("<HB", index, carrier)
                script += b"".join(case.op.encode() + case.record for case in some) + b"X"
                plan += [(item, carrier, k, case) for k, case in enumerate(some)]
            self.counts["interfaces"] += 1
        done = subprocess.run([program], input=script, capture_output=True, check=False,
                              timeout=600, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1"})
        texts = done.stdout.decode(errors="replace").split(".\n")
        for (item, carrier, k, case), text in zip(plan, texts):
            self.judge(item, carrier, k, case, text)
        if done.returncode or len(texts) != len(plan) + 1:
            item, carrier, k, case = plan[min(len(texts) - 1, len(plan) - 1)]
            self.report(item, carrier, k, case, texts[-1] + "\n" + done.stderr.decode(
                errors="replace")[-6000:])

    def judge(self, item, carrier, k, case, text):
        kind = "stream" if case.method.window is not None else case.method.kind
        self.counts[f"{kind}s over {CARRIERS[carrier]}"] += 1
        for kind in ("request", "reply", "error", "refused"):
            self.counts[kind] += kind in self.kinds(case, text)
        if not case.is_right(text):
            self.report(item, carrier, k, case, text)

    @staticmethod
    def kinds(case, text):
        found = set()
        found |= {"request"} if "\nw " in text or "\ne " in text else {"refused"}
        found |= {"reply"} if "\nr 0" in text else set()
        found |= {"error"} if "\np " in text and "\np 0" not in text else set()
        return found

    def report(self, item, carrier, k, case, text):
        if len(self.failures) >= 3:
            return
        files = next(f for f in self.files if any(f"interface {item.name} " in t for _, t in f))
        place = self.files.index(files)
        shown = "".join(f"// {name}\n{reduced(text_, case.method.name)}" for name, text_ in files)
        self.failures.append(
            f"{shown}{item.name}.{case.method.name} over {CARRIERS[carrier]}{case.label}, message "
            f"{k}: {case.what}\nwritten down:\n{text}\nexpected:\n"
            + "\nor:\n".join(case.expected) + f"\nagain: python3 -m proof.run --seed "
            f"{self.options.seed} --only {self.number}:{place} (in stubgen/tests)\n")


def reduced(text, name):
    """The text without the other members."""
    lines = []
    for line in text.splitlines(keepends=True):
        words = line.split()
        kind = [w for w in words[:2] if w in ("call", "oneway", "event")]
        if line.startswith("  ") and kind and "@" in line and f" {name} @" not in line:
            continue
        lines.append(line)
    return "".join(lines)


def run_batch(job):
    options, number = job
    return Batch(options, number).run()


# The whole -----------------------------------------------------------------------------------


def prove(options):
    """Runs everything. Returns (failures, counts, branches taken)."""
    failures, counts, branches = [], collections.Counter(), collections.Counter()
    folder = options.keep or tempfile.mkdtemp(prefix="proof")
    options.folder = folder
    try:
        options.objects = common_objects(folder, options.compiler)
        jobs = [(options, n) for n in range(-(-options.interfaces // BATCH))
                if options.only in (None, n)]
        with multiprocessing.Pool(options.jobs) as pool:
            for batch in pool.imap_unordered(run_batch, jobs):
                failures += batch.failures
                counts += batch.counts
                branches += batch.branches
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return failures, counts, branches


def parse(argv):
    parser = argparse.ArgumentParser("proof.run", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--interfaces", type=int, default=200)
    parser.add_argument("--messages", type=int, default=100, help="of each interface")
    parser.add_argument("--compiler", default="gcc", choices=("gcc", "clang"))
    parser.add_argument("--deep", action="store_true", help="10 000 interfaces")
    parser.add_argument("--only", metavar="BATCH", type=lambda t: int(t.split(":")[0]))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", metavar="DIR", help="leave the generated files there")
    parser.add_argument("--files", nargs="+", metavar="FILE",
                        help="these interfaces instead of random ones, one in each file")
    options = parser.parse_args(argv)
    if options.deep:
        options.interfaces = 10_000
    if options.files:
        options.interfaces = len(options.files)
    return options


def main(argv):
    options = parse(argv)
    begin = time.monotonic()
    failures, counts, branches = prove(options)
    print("\n".join(failures))
    everything = follower().branches
    print(f"seed {options.seed}, {options.compiler}: "
          + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    print(f"branches of the grammar taken: {sum(b in branches for b in everything)} of "
          f"{len(everything)}")
    print(f"{time.monotonic() - begin:.1f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
