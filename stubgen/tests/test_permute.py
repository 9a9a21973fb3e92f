"""permute.py itself: what it makes is right, and really different. The whole suite over a permuted
tree is a test of its own (`permute.py` says how)."""
import os

import pytest
from conftest import ROOT
from permute import permuted

from stubgen import driver
from stubgen.emit import TARGETS
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


@pytest.mark.parametrize("seed", range(5))
def test_permuted_interfaces_are_right_and_different(seed):
    paths = dict(permuted(ROOT, seed))
    real = build_of([(path, open(os.path.join(ROOT, path), encoding="utf-8").read())
                     for path in paths])
    other = build_of(list(paths.items()))
    assert shape(real) == shape(other)
    for a, b in zip(real.interfaces, other.interfaces):
        assert a.hash != b.hash and a.id != b.id
    assert [m.ordinal for i in real.interfaces for m in i.methods] != [
        m.ordinal for i in other.interfaces for m in i.methods]
    assert dict(TARGETS["abi"].render(real)).keys() == dict(TARGETS["abi"].render(other)).keys()


def test_a_seed_always_gives_the_same():
    assert dict(permuted(ROOT, 7)) == dict(permuted(ROOT, 7)) != dict(permuted(ROOT, 8))
