"""The versions of tests/host/versions: each only changes what may be changed, and the codec of each
reads what the codecs of the others wrote."""
import itertools
import os

import pytest
from conftest import ROOT

from stubgen import canon, codec, driver, layout
from stubgen.diag import Diags
from stubgen.frozen import rules, store, text

FOLDER = os.path.join(ROOT, "tests", "host", "versions")
VERSIONS = (1, 2, 3)


def model_of(version):
    path = os.path.join(FOLDER, f"v{version}", "if", "evolving.if")
    build, diags, _ = driver.compile_files([path])
    assert not diags, diags.render()
    made = build.interface("evolving")
    assert made.version == version
    return made


@pytest.mark.parametrize("old, new", itertools.combinations(VERSIONS, 2))
def test_newer_versions_keep_the_rules(old, new):
    diags = Diags()
    assert rules.compare([model_of(old)], model_of(new), diags) == 0, diags.render()


@pytest.mark.parametrize("old, new", itertools.combinations(VERSIONS, 2))
def test_older_ones_do_not(old, new):
    diags = Diags()
    assert rules.compare([model_of(new)], model_of(old), diags) > 0


def test_their_released_texts_can_be_read(tmp_path):
    for version in VERSIONS:
        made = model_of(version)
        (tmp_path / f"evolving.{version}.if").write_text(text.render(made))
    diags, items = Diags(), store.listed(str(tmp_path))
    for item in items:
        store.load(item, diags)
    assert not diags, diags.render()
    assert [item.interface.hash for item in items] == [model_of(v).hash for v in VERSIONS]
    assert all(canon.text(item.interface) == canon.text(model_of(item.version)) for item in items)


PREFS = ({"name": "one", "size": {"rows": 1, "cols": 2}}, {"rank": 7}, {"text": bytes(16)})
TARGETS = ({"path": "/bin"}, {"number": 1 << 63}, {"number": 1 << 63})


def image_of(version, name):
    return layout.request(next(m for m in model_of(version).methods if m.name == name))


def without_unknown(value):
    return {key: item for key, item in value.items() if key != codec.UNKNOWN}


@pytest.mark.parametrize("sender, receiver", itertools.product(VERSIONS, VERSIONS))
def test_codecs_skip_what_is_newer(sender, receiver):
    sent = {key: item for part in PREFS[:sender] for key, item in part.items()}
    known = {key: item for part in PREFS[:min(sender, receiver)] for key, item in part.items()}
    words, _ = codec.encode(image_of(sender, "prefer"), {"prefs": sent})
    got = codec.decode(image_of(receiver, "prefer"), words)["prefs"]
    assert without_unknown(got) == known and (codec.UNKNOWN in got) == (sender > receiver)
    words, _ = codec.encode(image_of(sender, "aim"), {"target": TARGETS[sender - 1]})
    got = codec.decode(image_of(receiver, "aim"), words)["target"]
    assert without_unknown(got) == ({} if receiver == 1 < sender else TARGETS[sender - 1])
