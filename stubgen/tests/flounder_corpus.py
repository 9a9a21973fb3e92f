"""How much of a tree of Flounder files is translated: stubgen/tests/flounder_corpus.py DIR

Each interface below DIR is translated and checked, its C is compiled by gcc with all warnings as
errors, and random messages of each method go through generated C and the codec (proof.run). Prints
what failed and why, what was lost and how often, and the counts. Exit status 1 if less than nine of
ten are translated, or if any message goes wrong."""
import argparse
import collections
import glob
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.dirname(HERE), HERE]

from stubgen import cmd_import, driver  # noqa: E402
from stubgen.emit import TARGETS, output  # noqa: E402
from stubgen.flounder.translate import ID_FIRST, LOSS_KINDS, translate  # noqa: E402
from stubgen.limits import ID_MAX  # noqa: E402
from stubgen.source import read_source  # noqa: E402

from proof import run as proof  # noqa: E402

ABI = sorted(glob.glob(os.path.join(ROOT, "idl", "abi", "*.if")))
INCLUDE = ["kernel/include", "libaos/include", "libaos/arch/host/include"]
WARNINGS = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow",
            "-Wno-unused-parameter", "-D__caddr_t_defined"]
WANTED = 0.9
MESSAGES = 100                 # of each interface, over each carrier


def translated(paths, folder, losses):
    """{name: path of the translation} and {path: why there is none}."""
    found, failed = {}, {}
    for path in paths:
        result = translate(read_source(path), cmd_import.outer(path, []),
                           ID_FIRST + len(found) % (ID_MAX - ID_FIRST + 1))
        if result.is_types:
            continue
        losses.update(loss.kind for loss in result.losses.items)
        if result.text is None:
            fatal = [loss.render() for loss in result.losses.items if loss.fatal]
            failed[path] = "".join(fatal) or result.diags.render()
            continue
        name = result.name
        while name in found:           # the same interface stands in several places
            name += "_again"
        found[name] = os.path.join(folder, f"{name}.if")
        with open(found[name], "w", encoding="utf-8") as file:
            file.write(result.text.replace(f"\ninterface {result.name} ", f"\ninterface {name} "))
    return found, failed


def compiled(found, folder, failed):
    """The interfaces whose generated C compiles."""
    build, _, _ = driver.compile_files(ABI)
    output.write_all(os.path.join(folder, "abi"), TARGETS["abi"].render(build))
    good = {}
    for name, path in found.items():
        build, diags, _ = driver.compile_files([path], ABI)
        if diags:
            failed[path] = diags.render()
            continue
        output.write_all(os.path.join(folder, "if"), TARGETS["if"].render(build))
        sources = glob.glob(os.path.join(folder, "if", f"{name}_*.c"))
        command = ["gcc", "-fsyntax-only"] + WARNINGS + [f"-I{folder}"] \
            + [f"-I{os.path.join(ROOT, item)}" for item in INCLUDE] + sources
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            failed[path] = done.stderr[:2000]
        else:
            good[name] = path
    return good


def spoken(paths):
    """(what went wrong, counts of messages) of random messages of these interfaces."""
    if not paths:
        return [], collections.Counter()
    failures, counts, _ = proof.prove(proof.parse(
        ["--messages", str(MESSAGES), "--files"] + paths))
    return failures, counts


def main(argv):
    parser = argparse.ArgumentParser("flounder_corpus.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--keep", metavar="DIR", help="leave the translations there")
    args = parser.parse_args(argv)
    paths = sorted(glob.glob(os.path.join(args.folder, "**", "*.if"), recursive=True))
    folder = args.keep or tempfile.mkdtemp(prefix="flounder")
    os.makedirs(folder, exist_ok=True)
    losses = collections.Counter()
    found, failed = translated(paths, folder, losses)
    total = len(found) + len(failed)
    good = compiled(found, folder, failed)
    wrong, counts = spoken(sorted(good.values()))
    print("\n".join(wrong), end="")
    for path, why in sorted(failed.items()):
        print(f"{path}:\n{why}")
    for kind, count in losses.most_common():
        print(f"{count:5} {kind:10} {LOSS_KINDS[kind]}")
    print(f"{total} interfaces: {len(good)} translated and compiled, {len(failed)} not; "
          f"{counts['request']} requests and {counts['reply']} replies, {len(wrong)} wrong")
    return 0 if total and len(good) >= WANTED * total and not wrong else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
