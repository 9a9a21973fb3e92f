"""Shared by the tests: where things are, and compiling a text without a file of its own."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

from stubgen import driver  # noqa: E402
from stubgen.source import Source  # noqa: E402

CAPTYPES = Source("captypes.if", """
captype RAM { base: u64; bytes: u64; rights rwxd; retype Frame; }
captype Frame { base: u64; bytes: u64; rights rwxd; }
""")


def compile_text(text, path="demo.if"):
    """(build, diags) of one text; capability types RAM and Frame are known."""
    build, diags, _ = driver.compile_sources([(CAPTYPES, False), (Source(path, text), True)])
    return build, diags


def interface(members, head=""):
    """The model of `interface demo` with these members; the text must be right."""
    build, diags = compile_text(f"{head}\ninterface demo {{ id 0x300; version 1; {members} }}")
    assert not diags, diags.render()
    return build.interface("demo")


@pytest.fixture
def root():
    return ROOT


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="write the golden files anew")


@pytest.fixture
def bar(capsys):
    """Tells a figure and its bar, for `./aos test --bars`, and fails if it is not kept."""
    def tell(name, value, bound, at_least=False):
        with capsys.disabled():
            print(f"\nBAR {name} {value:.4g} {'>=' if at_least else ''}{bound:g}")
        assert value >= bound if at_least else value <= bound
    return tell
