"""Random interfaces: generated C and the codec agree on every message; the grammar is covered. More
of them with `./aos test --deep`, or PROOF_INTERFACES=N."""
import os

import pytest

from proof import run
from stubgen.emit.c import client, codec, ctypes, method

BAR, DEEP = 200, 10_000
INTERFACES = int(os.environ.get("PROOF_INTERFACES", DEEP if os.environ.get("AOS_DEEP") else BAR))
MESSAGES = 100
CLANG_INTERFACES = 20
# Branches that interfaces do not have: what belongs to the kernel's ABI and to devices; what later
# passes refuse wherever it stands, as it is empty, or lacks an id, or is there twice; and of two
# readings of one text the other one.
ELSEWHERE = ("dev_file", "object", "syscall", "captype", "device", "register", "bits", "access",
             "modeword")
NEVER = ("if_file: object", "if_file: captype", "if_file: syscall", 'value: "cref" kinds',
         'value: "slot"', 'mode: "user" ( "in" | "out" ) "bytes" "<" int ">"',
         'typename: { "." NAME } more', 'errors: { ( "id" INT ";" | error ) } none',
         "if_file: { import } more",
         "if_file: { ( interface | errors | captype | object | syscall | type ) } none",
         "interface: { member } none", "interface: { member } one", "param: { attribute } more",
         "type: { NAME \"=\" signed \";\" } none", "type: { param \";\" } none",
         "type: { INT \":\" param \";\" } none")


def wanted(branches):
    """The branches that interfaces can take."""
    return [b for b in branches if b.split(":")[0] not in ELSEWHERE and b not in NEVER]


@pytest.fixture(scope="module")
def result():
    options = run.parse(["--interfaces", str(INTERFACES), "--messages", str(MESSAGES)])
    return run.prove(options)


def test_every_message_is_the_codecs(result, bar):
    """PROOF0001."""
    failures, counts, _ = result
    print(dict(counts))
    assert not failures, "\n".join(failures)
    bar("round_trip_differences", len(failures), 0)
    bar("round_trip_interfaces", counts["interfaces"], INTERFACES, at_least=True)
    for kind in ("calls", "streams", "oneways", "events"):
        assert counts[f"{kind} over loopback"] == counts[f"{kind} over UMP"] > INTERFACES
    for kind in ("request", "reply", "error", "refused"):
        assert counts[kind] > INTERFACES, kind


def test_grammar_is_covered(result):
    """PROOF0002."""
    everything = wanted(run.follower().branches)
    taken = [branch for branch in everything if branch in result[2]]
    print(f"{len(taken)} of {len(everything)} branches of the grammar")
    assert not set(everything) - set(taken), sorted(set(everything) - set(taken))


def test_clang_agrees():
    """PROOF0003."""
    options = run.parse(["--interfaces", str(CLANG_INTERFACES), "--compiler", "clang",
                         "--seed", "2", "--messages", "30"])
    failures, counts, _ = run.prove(options)
    assert not failures and counts["reply"], "\n".join(failures)


COMPLETE = client.ClientView.complete_body
# What a compiler must not forget: [(where it is, its name, what stands there instead)].
FORGOTTEN = {
    "checks of values": (codec, "value_checks", lambda *_: []),
    "conditions": (method.MethodView, "_conditions", lambda *_, **__: []),
    "errors of callbacks": (client.ClientView, "complete_body",
                            lambda view: COMPLETE(view).replace("(arg_, err_", "(arg_, ERR_OK")),
    "kinds of capabilities": (ctypes, "kinds_mask", lambda _: "~(1u << CAPTYPE_NULL)"),
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_what_is_forgotten_is_found(monkeypatch, what):
    """PROOF0004."""
    monkeypatch.setattr(*FORGOTTEN[what])
    options = run.parse(["--interfaces", "12", "--messages", "40", "--seed", "4"])
    failures, _, _ = run.prove(options)
    assert any("written down" in failure for failure in failures), failures
