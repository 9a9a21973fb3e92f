"""permute.py itself: what it makes is right, and really different. The whole suite over a permuted
tree is a test of its own (`permute.py` says how)."""
import os

import pytest
from conftest import ROOT
from permute import permuted

from stubgen import driver
from stubgen.source import Source


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
    texts = list(permuted(ROOT, seed))
    real = []
    for path, _ in texts:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            real.append((path, file.read()))
    before, after = build_of(real), build_of(texts)
    other = build_of(list(permuted(ROOT, seed + 100)))
    assert shape(before) == shape(after)
    for a, b in zip(numbers(other), numbers(after)):
        assert a != b
    assert numbers(before) != numbers(after) or numbers(before) != numbers(other)


def test_a_seed_always_gives_the_same():
    assert dict(permuted(ROOT, 7)) == dict(permuted(ROOT, 7)) != dict(permuted(ROOT, 8))
