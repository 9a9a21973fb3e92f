"""libFuzzer against generated C, one program per interface (fuzz_main.c). It begins with good and
bad messages of every method.

    python3 fuzz.py --abi FILE... --files FILE... [--runs N] [--only NAME] [--cover]

It tells how many edges of the validators were reached (edges.py), with `--missed` which were not.
By default some thousand runs, with AOS_DEEP 100 million."""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
sys.path[:0] = [HERE, os.path.join(ROOT, "stubgen")]

import edges  # noqa: E402
import messages  # noqa: E402
from stubgen import driver  # noqa: E402
from stubgen.emit import TARGETS, checks, output  # noqa: E402

RUNS, DEEP = 6000, 100_000_000
BAR = 95                           # percent of the edges of a validator
LENGTH_MAX = 4200                  # bytes of one input: two sides of 255 words
INCLUDE = ["libaos/include", "libaos/arch/host/include", "kernel/include", "tests/host/include",
           "tests/host/if", "tests/host/fuzz"]
FLAGS = ["-D__caddr_t_defined", "-D__daddr_t_defined", "-g1", "-w"]
FAST, SOON = "-O1", "-O0"          # code that runs fast, or that is there soon
FEW = 1_000_000                    # runs, in which an interface's own code need not be fast
FUZZER = ["-fsanitize=fuzzer-no-link,address,undefined", "-fno-sanitize-recover=all"]
LINK = "-Wl,--wrap=binding_call_regs"
MEMORY = "/dev/shm"                # for some ten thousand small files: the seeds
SUFFIXES = ("client", "client_async", "server", "fuzz")


class Builder:
    def __init__(self, folder, abi, flags):
        self.folder, self.abi, self.flags = folder, abi, flags
        build, _, _ = driver.compile_files(abi, [])
        output.write_all(os.path.join(folder, "abi"), TARGETS["abi"].render(build))
        chan = os.path.join(ROOT, "libaos", "chan")
        self.chan = [os.path.join(chan, name) for name in sorted(os.listdir(chan))
                     if name.endswith(".c")]
        self.common = [os.path.join(ROOT, "tests/host/if/fake.c")]
        self.common += [os.path.join(HERE, name) for name in ("fuzz.c", "fuzz_main.c", "mutate.c")]

    def objects(self, sources, speed=FAST):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda source: self.compile(source, speed), sources))

    def compile(self, source, speed):
        made = os.path.join(self.folder, os.path.basename(source) + ".o")
        include = [f"-I{self.folder}"] + [f"-I{os.path.join(ROOT, i)}" for i in INCLUDE]
        run(["clang", *FLAGS, speed, *self.flags, *include, "-c", source, "-o", made])
        return made

    def interface(self, path):
        """(name, generated sources, {one of these: lines of validators})."""
        folder = os.path.join(self.folder, "if")
        output.write_all(folder, TARGETS["fuzz"].render(self.compiled(path)))
        build = self.compiled(path)
        context = {os.path.abspath(file) for file in [path] + self.abi}
        for file in build.files:
            if os.path.abspath(file.path) not in context:    # imported: its header is included
                output.write_all(folder, TARGETS["if"].render(self.compiled(file.path)))
        texts, lines = checks.validators(TARGETS["if"], build)
        output.write_all(folder, texts)
        name = messages.own_interface(build, path).name
        sources = [os.path.join(folder, f"{name}_{suffix}.c") for suffix in SUFFIXES]
        places = {os.path.join(folder, file): found for file, found in lines.items() if found}
        return name, sources, places

    def compiled(self, path):
        build, diags, _ = driver.compile_files([path], self.abi)
        assert not diags, diags.render()
        return build


def run(command, **more):
    done = subprocess.run(command, capture_output=True, check=False, text=True, errors="replace",
                          **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} ...: {done.returncode}\n{done.stderr[-6000:]}")
    return done


def seeds(path, abi, folder):
    """Writes some messages of each kind to files."""
    pick = random.Random(1)
    build, _, _ = driver.compile_files([path], abi)
    item = messages.own_interface(build, path)
    made = messages.Cases(build, item, pick, 1)
    for method in item.methods:
        for index, (role, record) in enumerate(made.seeds(method)):
            with open(os.path.join(folder, f"{method.name}-{role}-{index}"), "wb") as file:
                file.write(record)


def fuzz(path, builder, common, runs, corpus):
    """(name, what libFuzzer says at its end, edges of its validators, edges of libaos)."""
    name, sources, places = builder.interface(path)
    os.makedirs(corpus, exist_ok=True)
    seeds(path, builder.abi, corpus)
    program = os.path.join(builder.folder, f"fuzz_{name}")
    objects = builder.objects(sources, SOON if runs < FEW else FAST)
    run(["clang", "-fsanitize=fuzzer,address,undefined", "-fprofile-instr-generate", LINK, "-o",
         program] + objects + common)
    raw = program + ".profraw"
    done = run([program, f"-runs={runs}", f"-max_len={LENGTH_MAX}", "-seed=1", "-timeout=20",
                "-print_final_stats=1", f"-artifact_prefix={builder.folder}/", corpus],
               cwd=builder.folder, env={**os.environ, "LLVM_PROFILE_FILE": raw})
    units = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)[1]
    return name, f"{units} runs", *edges.measured(program, raw, ROOT, places)


def main(argv):
    parser = argparse.ArgumentParser("fuzz.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("--abi", nargs="+", required=True)
    parser.add_argument("--files", nargs="+", required=True)
    parser.add_argument("--runs", type=int, default=DEEP if os.environ.get("AOS_DEEP") else RUNS)
    parser.add_argument("--only", metavar="NAME")
    parser.add_argument("--corpus", metavar="DIR", help="kept from one run to the next")
    parser.add_argument("--missed", action="store_true", help="name edges that were not reached")
    args = parser.parse_args(argv)
    files = [f for f in args.files if args.only in (None, os.path.basename(f)[:-3])]
    failed, percents, common_edges = 0, [], edges.Edges()
    print(f"TAP version 13\n1..{len(files)}")
    quick = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder, \
            tempfile.TemporaryDirectory(prefix="fuzz", dir=quick) as corpora:
        builder = Builder(folder, args.abi, FUZZER + edges.COVER)
        soon = SOON if args.runs < FEW else FAST
        common = builder.objects(builder.chan, soon) + builder.objects(builder.common)
        for number, path in enumerate(files, 1):
            begin = time.monotonic()
            corpus = os.path.join(args.corpus or corpora, "corpus_" + os.path.basename(path)[:-3])
            try:
                name, said, own, shared = fuzz(path, builder, common, args.runs, corpus)
            except RuntimeError as error:
                failed += 1
                print(f"not ok {number} - HOST1003 {os.path.basename(path)}\n# "
                      + str(error).replace("\n", "\n# "))
                continue
            common_edges.add(shared)
            percents.append(own.percent())
            print(f"ok {number} - HOST1003 {name}: {said}, {own} of its validators, "
                  f"{time.monotonic() - begin:.1f} s")
            for line in own.listing() if args.missed else ():
                print(f"# {line}")
        for line in common_edges.listing() if args.missed else ():
            print(f"# {line}")
    print(f"# {common_edges} of the validators in libaos")
    print(f"# BAR hostile_findings {failed} 0")
    print(f"# BAR validator_edges_percent {min(percents + [common_edges.percent()]):.1f} >={BAR}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
