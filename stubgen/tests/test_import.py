"""`stubgen import`: translations of Flounder files are what stands in flounder/NAME.expected; each
compiles, or the construct that stands in its way is named. `--update` writes the expected texts."""
import glob
import json
import os
import random
import shutil
import subprocess
import sys

import flounder_corpus
import pytest
from conftest import CAPTYPES, HERE

from stubgen import cmd_import, driver
from stubgen.emit import TARGETS
from stubgen.flounder.translate import ID_FIRST, LOSS_KINDS, outer_types, translate
from stubgen.source import Source, read_source

SAMPLES = os.path.join(HERE, "flounder")
NAMES = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(SAMPLES, "*.if")))
FAILING = {"nested": "arrays", "unknown": "declared nowhere", "empty": "without messages",
           "hoard": "more than 15", "self": "contains itself", "syntax": "E0202"}
MUTANTS = 3000
DEEP_MUTANTS = 200_000
STUBGEN = [sys.executable, os.path.join(HERE, "..", "stubgen.py")]


def source_of(name):
    with open(os.path.join(SAMPLES, f"{name}.if"), encoding="utf-8") as file:
        return Source(f"{name}.if", file.read())


def imported(name):
    outer = {} if name == "types" else outer_types([source_of("types")])
    return translate(source_of(name), outer)


def compiled(result):
    build, diags, _ = driver.compile_sources(
        [(CAPTYPES, False), (Source(f"{result.name}.if", result.text), True)])
    assert not diags, diags.render()
    return build


@pytest.mark.parametrize("name", NAMES)
def test_golden(name, request):
    result = imported(name)
    said = result.diags.render() + "".join(loss.render() for loss in result.losses.sorted())
    text = said + "----\n" + (result.text or "")
    expected = os.path.join(SAMPLES, f"{name}.expected")
    if request.config.getoption("--update"):
        with open(expected, "w", encoding="utf-8") as file:
            file.write(text)
    with open(expected, encoding="utf-8") as file:
        assert text == file.read()


@pytest.mark.parametrize("name", [n for n in NAMES if n not in FAILING and n != "types"])
def test_translations_compile(name):
    build = compiled(imported(name))
    files = dict(TARGETS["if"].render(build))
    assert f"{name}_server.c" in files


@pytest.mark.parametrize("name", sorted(FAILING))
def test_what_cannot_be_translated_is_named(name):
    result = imported(name)
    assert result.text is None
    said = result.diags.render() + "".join(l.render() for l in result.losses.items if l.fatal)
    assert FAILING[name] in said and f"{name}.if:" in said


def test_every_kind_of_loss_is_shown():
    found = {loss.kind for name in NAMES for loss in imported(name).losses.items}
    assert found == set(LOSS_KINDS)


def test_meaning():
    build = compiled(imported("shop"))
    methods = {m.name: m for m in build.interfaces[0].methods}
    assert methods["open"].kind == "call" and methods["open"].fails
    assert [p.name for p in methods["open"].params] == ["name"]       # `st` matched the answer
    assert methods["moved_notify"].kind == "oneway"                   # events carry no capability
    assert methods["item_done"].kind == "event"
    assert methods["large"].kind == "call"                            # 1000 words are lent
    assert methods["close_op"].params[0].type.signed
    assert [m.ordinal for m in build.interfaces[0].methods] == list(range(1, len(methods) + 1))


def test_command_line(tmp_path):
    shop, plain = (os.path.join(SAMPLES, f"{n}.if") for n in ("shop", "plain"))
    done = subprocess.run(STUBGEN + ["import", shop, plain, "--out", str(tmp_path), "--format",
                                     "json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    losses = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"severity", "kind", "message", "file", "line", "column"} == set(losses[0])
    ids = [f"id {ID_FIRST + i:#x};" in (tmp_path / f"{n}.if").read_text()
           for i, n in enumerate(("shop", "plain"))]
    assert all(ids)
    for arguments, status in (([plain, "--id", "5"], 2), ([plain, "--id", "0x3ff"], 0),
                              (["/none.if"], 2), ([os.path.join(SAMPLES, "self.if")], 1)):
        done = subprocess.run(STUBGEN + ["import"] + arguments, capture_output=True, text=True,
                              check=False)
        assert done.returncode == status and "Traceback" not in done.stderr


def test_types_of_the_folder_are_found():
    path = os.path.join(SAMPLES, "shop.if")
    assert {"coreid", "nanoseconds"} <= set(cmd_import.outer(path, []))
    assert translate(read_source(path), cmd_import.outer(path, [])).text is not None


def test_corpus(tmp_path, capsys):
    for name in ("shop", "plain", "types"):
        shutil.copy(os.path.join(SAMPLES, f"{name}.if"), tmp_path)
    assert flounder_corpus.main([str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "2 interfaces: 2 translated and compiled, 0 not" in said and ", 0 wrong" in said
    shutil.copy(os.path.join(SAMPLES, "nested.if"), tmp_path)
    assert flounder_corpus.main([str(tmp_path)]) == 1
    assert "nested.if:3:17: error: an array of arrays" in capsys.readouterr().out


def test_mutants():
    """Whatever is in a file, there is a translation that compiles or a reason why not."""
    rng = random.Random(7)
    texts = [source_of(name).text for name in NAMES]
    words = sorted({word for text in texts for word in text.split()})
    for _ in range(DEEP_MUTANTS if os.environ.get("AOS_DEEP") else MUTANTS):
        text = rng.choice(texts)
        for _ in range(rng.randint(1, 4)):
            at, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
            end = min(end, at + 12)
            text = text[:at] + rng.choice(("", " " + rng.choice(words) + " ", text[at:end] * 2,
                                           chr(rng.randrange(1, 300)))) + text[end:]
        result = translate(Source("mutant.if", text), outer_types([source_of("types")]))
        fatal = result.diags or any(loss.fatal for loss in result.losses.items)
        assert bool(result.text) != bool(fatal) or result.is_types
        if result.text and rng.random() < 0.1:
            driver.compile_sources([(CAPTYPES, False), (Source("m.if", result.text), True)])
