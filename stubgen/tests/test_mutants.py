"""Mutated good files never crash the compiler, and it always comes to an end. More of them with
`./aos test --bars` and `--deep`, or STUBGEN_MUTANTS=N; others with STUBGEN_SEED=N."""
import os
import random
import resource
import time

from conftest import HERE

from stubgen import driver, model
from stubgen.source import Source

BAR, DEEP = 20_000, 1_000_000
MUTANTS = int(os.environ.get("STUBGEN_MUTANTS", DEEP if os.environ.get("AOS_DEEP") else
                             BAR if os.environ.get("AOS_BARS") else 2000))
SEED = int(os.environ.get("STUBGEN_SEED", 20240))
PIECES = ("{ } ( ) [ ] < > ; : , = @ ? | . .. -> <= >= == && + - * \" /// // \n interface call "
          "event u8 u64 0 1 0xffff_ffff_ffff_ffff 18446744073709551616 [<=255] [2040] ? "
          "string<255> bytes<1> struct enum S Prop Size table union alias move cap<any> client "
          "device size word reg array stride rw ro wo w1c rc mbz keep shadow big @0x4 31..0 "
          "any server range pow2 counts len( since \t é \0").split(" ")


def mutate(text, pick):
    """A few random edits: cut, copy, swap, insert or replace a piece."""
    for _ in range(pick.randint(1, 4)):
        a, b = sorted(pick.randrange(len(text) + 1) for _ in range(2))
        b = min(b, a + pick.choice((1, 5, 60)))
        kind = pick.randrange(4)
        if kind == 0:
            text = text[:a] + text[b:]
        elif kind == 1:
            text = text[:b] + text[a:b] + text[b:]
        elif kind == 2:
            text = text[:a] + pick.choice(PIECES) + text[a:]
        else:
            text = text[:a] + pick.choice(PIECES) + text[b:]
        if not text:
            text = " "
    return text


def test_mutants_get_diagnostics_not_tracebacks(tmp_path, monkeypatch, bar):
    folder = os.path.join(HERE, "good")
    monkeypatch.chdir(folder)
    names = sorted(name for name in os.listdir(folder) if not name.endswith(".md"))
    texts = {}
    for name in names:
        with open(name, encoding="utf-8") as file:
            texts[name] = file.read()
    pick, wrong, slowest = random.Random(SEED), 0, 0.0
    for number in range(MUTANTS):
        name = pick.choice(names)
        text = mutate(texts[name], pick)
        others = []
        if name == "everything.if":
            others = [(Source("kernel.if", texts["kernel.if"]), False)]
        begin = time.process_time()
        try:
            build, diags, _ = driver.compile_sources(others + [(Source(name, text), True)])
            diags.render()
            diags.render("json")
            if build is not None and not diags:
                model.as_json(build)
        except Exception:
            (tmp_path / name).write_text(text)
            print(f"mutant {number} of {name} is in {tmp_path / name}")
            raise
        slowest = max(slowest, time.process_time() - begin)
        wrong += bool(diags)
    bar("mutant_slowest_s", slowest, 1)
    bar("mutant_memory_MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 100)
    bar("mutant_tracebacks", 0, 0)
    if MUTANTS >= BAR:
        bar("mutants", MUTANTS, BAR, at_least=True)
    assert wrong > MUTANTS // 2, "the mutations are too tame to mean anything"
