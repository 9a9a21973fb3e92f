"""libFuzzer against generated C, one program per interface (fuzz_main.c). It begins with good and
bad messages of every method.

    python3 fuzz.py --abi FILE... --files FILE... [--runs N] [--only NAME] [--cover]

`--cover` replays the seeds and what was found since, and tells how much of the generated readers
they reach. By default a few thousand runs, with AOS_DEEP 100 million."""
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

import messages  # noqa: E402
from stubgen import driver  # noqa: E402
from stubgen.emit import TARGETS, output  # noqa: E402

RUNS, DEEP = 5000, 100_000_000
SEEDS = 400                        # of one interface
LENGTH_MAX = 4200                  # bytes of one input: two sides of 255 words
INCLUDE = ["libaos/include", "libaos/arch/host/include", "kernel/include", "tests/host/include",
           "tests/host/if", "tests/host/fuzz"]
FLAGS = ["-D__caddr_t_defined", "-D__daddr_t_defined", "-O1", "-g1", "-w"]
FUZZER = ["-fsanitize=fuzzer-no-link,address,undefined", "-fno-sanitize-recover=all"]
COVER = ["-fprofile-instr-generate", "-fcoverage-mapping"]
MAINS = [os.path.join(HERE, "fuzz_main.c"), os.path.join(HERE, "replay_main.c")]
SUFFIXES = ("client", "client_async", "server", "fuzz")


class Builder:
    def __init__(self, folder, abi, flags):
        self.folder, self.abi, self.flags = folder, abi, flags
        build, _, _ = driver.compile_files(abi, [])
        output.write_all(os.path.join(folder, "abi"), TARGETS["abi"].render(build))
        chan = os.path.join(ROOT, "libaos", "chan")
        self.common = [os.path.join(chan, name) for name in sorted(os.listdir(chan))
                       if name.endswith(".c") and name != "source.c"]
        self.common.append(os.path.join(ROOT, "tests/host/if/fake.c"))
        self.common.append(os.path.join(HERE, "fuzz.c"))

    def objects(self, sources):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(self.compile, sources))

    def compile(self, source):
        made = os.path.join(self.folder, os.path.basename(source) + ".o")
        include = [f"-I{self.folder}"] + [f"-I{os.path.join(ROOT, i)}" for i in INCLUDE]
        run(["clang", *FLAGS, *self.flags, *include, "-c", source, "-o", made])
        return made

    def interface(self, path):
        """(name, generated sources)."""
        for target in ("if", "fuzz"):
            build, diags, _ = driver.compile_files([path], self.abi)
            assert not diags, diags.render()
            output.write_all(os.path.join(self.folder, "if"), TARGETS[target].render(build))
        name = build.interfaces[0].name
        return name, [os.path.join(self.folder, "if", f"{name}_{s}.c") for s in SUFFIXES]


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
    made = messages.Cases(build, pick, 1)
    found = {}
    for method in build.interfaces[0].methods:
        for case in made.method(method):
            found.setdefault((method.name, case.role, case.good), []).append(case.record)
    for key, records in found.items():
        for index, record in enumerate(pick.sample(records, min(len(records), max(
                2, SEEDS // len(found))))):
            with open(os.path.join(folder, f"{'-'.join(map(str, key))}-{index}"), "wb") as file:
                file.write(record)


def fuzz(path, builder, common, runs, corpus):
    """(name, what libFuzzer says at its end)."""
    name, sources = builder.interface(path)
    os.makedirs(corpus, exist_ok=True)
    seeds(path, builder.abi, corpus)
    program = os.path.join(builder.folder, f"fuzz_{name}")
    objects = builder.objects(sources + MAINS[:1])
    run(["clang", "-fsanitize=fuzzer,address,undefined", "-o", program] + objects + common)
    done = run([program, f"-runs={runs}", f"-max_len={LENGTH_MAX}", "-seed=1", "-timeout=20",
                "-print_final_stats=1", f"-artifact_prefix={builder.folder}/", corpus],
               cwd=builder.folder)
    units = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)[1]
    edges = re.findall(r"cov: (\d+)", done.stderr)[-1]
    return name, f"{units} runs, {edges} edges"


def cover(path, builder, common, corpus):
    """The branches of generated files that the inputs of `corpus` reach."""
    name, sources = builder.interface(path)
    program = os.path.join(builder.folder, f"cover_{name}")
    objects = builder.objects(sources + MAINS)
    run(["clang", *COVER, "-o", program] + objects + common)
    raw, data = program + ".raw", program + ".data"
    run([program, corpus], env={**os.environ, "LLVM_PROFILE_FILE": raw})
    run(["llvm-profdata", "merge", "-o", data, raw])
    return run(["llvm-cov", "report", program, f"-instr-profile={data}", "-show-functions",
                "-show-branch-summary", *sources[:3],
                os.path.join(ROOT, "libaos/chan/msg.c")]).stdout


def main(argv):
    parser = argparse.ArgumentParser("fuzz.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("--abi", nargs="+", required=True)
    parser.add_argument("--files", nargs="+", required=True)
    parser.add_argument("--runs", type=int, default=DEEP if os.environ.get("AOS_DEEP") else RUNS)
    parser.add_argument("--only", metavar="NAME")
    parser.add_argument("--corpus", metavar="DIR", help="kept from one run to the next")
    parser.add_argument("--cover", action="store_true")
    args = parser.parse_args(argv)
    files = [f for f in args.files if args.only in (None, os.path.basename(f)[:-3])]
    failed = 0
    print(f"TAP version 13\n1..{len(files)}")
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        builder = Builder(folder, args.abi, COVER if args.cover else FUZZER)
        common = builder.objects(builder.common)
        for number, path in enumerate(files, 1):
            begin = time.monotonic()
            corpus = os.path.join(args.corpus or folder, "corpus_" + os.path.basename(path)[:-3])
            try:
                if args.cover:
                    os.makedirs(corpus, exist_ok=True)
                    seeds(path, args.abi, corpus)
                    print(cover(path, builder, common, corpus))
                    continue
                name, said = fuzz(path, builder, common, args.runs, corpus)
                print(f"ok {number} - HOST1003 {name}: {said}, {time.monotonic() - begin:.1f} s")
            except RuntimeError as error:
                failed += 1
                print(f"not ok {number} - HOST1003 {os.path.basename(path)}\n# "
                      + str(error).replace("\n", "\n# "))
    if not args.cover:
        print(f"# BAR hostile_findings {failed} 0")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
