"""permute.py itself: what it makes is right, and really different. The whole suite over a permuted
tree is a test of its own (`permute.py` says how)."""
import os
import random

import pytest
from conftest import ROOT
from permute import main, permuted

from stubgen import cli, driver
from stubgen.source import Source

LINE_COLUMNS = 100
FIELDS_MAX = 16    # of a struct of idl/


def permuted_by(seed):
    return list(permuted(ROOT, random.Random(seed)))


def build_of(texts):
    sources = [(Source(os.path.join(ROOT, path), text), True) for path, text in texts]
    build, diags, _ = driver.compile_sources(sources)
    assert not diags, diags.render()
    return build


def shape(build):
    """What must stay: the names, in the order of the file."""
    return [(i.name, [m.name for m in i.methods]) for i in build.interfaces] + [
        (s.owner, [e.name for e in s.errors]) for s in build.error_sets]


def numbers(build):
    """What must change."""
    return [(i.id, i.hash, [m.ordinal for m in i.methods]) for i in build.interfaces] + [
        (s.id, [e.number for e in s.errors]) for s in build.error_sets]


@pytest.mark.parametrize("seed", range(5))
def test_permuted_interfaces_are_right_and_different(seed):
    texts = permuted_by(seed)
    real = []
    for path, _ in texts:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            real.append((path, file.read()))
    before, after = build_of(real), build_of(texts)
    other = build_of(permuted_by(seed + 100))
    assert shape(before) == shape(after)
    for a, b in zip(numbers(other), numbers(after)):
        assert a != b
    assert numbers(before) != numbers(after) or numbers(before) != numbers(other)


def test_a_seed_always_gives_the_same():
    assert permuted_by(7) == permuted_by(7) != permuted_by(8)


def test_a_permuted_tree_keeps_to_its_own_released_versions(tmp_path):
    main("3", str(tmp_path))
    made, ours = tmp_path / "idl" / "frozen", os.path.join(ROOT, "idl", "frozen")
    assert len(os.listdir(made)) > 1 and set(os.listdir(made)) <= set(os.listdir(ours))
    files = [str(tmp_path / "idl" / "if" / name) for name in os.listdir(tmp_path / "idl" / "if")
             if name.endswith(".if")]
    context = [str(tmp_path / "idl" / "abi" / name) for name in os.listdir(tmp_path / "idl" / "abi")
               if name.endswith(".if")]
    assert cli.main(["check", *files, "--with", *context]) == 0
    assert cli.main(["check", *files, "--with", *context, "--frozen", ours]) == 1


class Widest:
    """Draws what takes most room: always the longest number, and of a struct the longest fields in
    a row, from the field `first` on."""

    def __init__(self, first):
        self.first = first

    def sample(self, space, count):
        return [max(space, default=0)] * count

    def shuffle(self, pieces):
        widest = sorted(pieces, key=len, reverse=True)
        at = self.first % len(pieces)
        pieces[:] = widest[len(pieces) - at:] + widest[:len(pieces) - at]


@pytest.mark.parametrize("first", range(FIELDS_MAX))
def test_whatever_the_seed_lines_keep_their_length(first):
    """The interfaces leave room, so that a permuted tree passes the test of its style, too."""
    long = [(path, number, line) for path, text in permuted(ROOT, Widest(first))
            for number, line in enumerate(text.split("\n"), 1) if len(line) > LINE_COLUMNS]
    assert not long
