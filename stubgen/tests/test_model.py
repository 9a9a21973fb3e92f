"""The model, its JSON, canonical text and hash."""
import json
import os

import pytest
from conftest import HERE, ROOT, compile_text, interface

from stubgen import canon, cnames, driver, model
from stubgen.diag import edit_distance, nearest

GOOD = os.path.join(HERE, "good")


def everything():
    build, diags, _ = driver.compile_files([os.path.join(GOOD, "everything.if")],
                                           [os.path.join(GOOD, "kernel.if")])
    assert not diags, diags.render()
    return build


def test_the_whole_language():
    item = everything().interface("everything")
    assert (item.id, item.version, item.draft) == (0x301, 3, True)
    by_name = {m.name: m for m in item.methods}
    assert by_name["caps"].params[0].type == model.Cap(("RAM",), "rwd", "move")
    assert by_name["text"].params[0].type == model.Buf("string", 255)
    assert by_name["ints"].results[0].range == (1, 4096)
    assert by_name["prod"].flexible and not by_name["poke"].flexible
    assert by_name["moved"].queue == 8 and by_name["low"].coalesce
    assert [f.error.code for f in by_name["text"].fails] == [0x301 << 6 | 1, 0x301 << 6 | 2]


def test_error_from_shares_the_set():
    build = everything()
    assert build.interface("second").errors is build.interface("everything").errors


def test_dump_is_json_and_names_what_it_refers_to():
    data = json.loads(json.dumps(model.as_json(everything())))
    text = json.dumps(data)
    assert '"everything.Prop"' in text and '"everything.gone"' in text


def test_context_files_are_not_generated():
    assert {f.namespace: f.generate for f in everything().files} == {
        "kernel": False, "shared": False, "everything": True}


BASE = "call c @1 (a: u32) -> (b: u32) fails gone; error { gone = 1 \"gone\"; }"
SAME = ["/// A comment.\n" + BASE,
        "call c @1 (a: u32)\n  -> (b: u32) fails gone; error { gone = 1 \"it went\"; }",
        "error { gone = 1 \"gone\"; } call c @1 (a: u32) -> (b: u32) fails gone;",
        "error { gone = 1 \"gone\"; } alias N = u32; call c @1 (a: N) -> (b: N) fails gone;"]
OTHER = ["call c @2 (a: u32) -> (b: u32) fails gone; error { gone = 1 \"gone\"; }",
         "call c @1 (a: u32 range 0..1) -> (b: u32) fails gone; error { gone = 1 \"gone\"; }",
         "call c @1 (a: u64) -> (b: u32) fails gone; error { gone = 1 \"gone\"; }",
         "call c @1 (a: u32) -> (b: u32) fails gone; error { gone = 2 \"gone\"; }",
         "call c @1 (a: u32?) -> (b: u32) fails gone; error { gone = 1 \"gone\"; }",
         "call c @1 (a: u32) -> (b: u32) requires a < 5; error { gone = 1 \"gone\"; }",
         "call c @1 (a: u32) -> (b: u32); error { gone = 1 \"gone\"; }",
         "call d @1 (a: u32) -> (b: u32) fails gone; error { gone = 1 \"gone\"; }"]


@pytest.mark.parametrize("text", SAME)
def test_the_hash_ignores_comments_order_and_messages(text):
    assert interface(text).hash == interface(BASE).hash


@pytest.mark.parametrize("text", OTHER)
def test_the_hash_sees_every_change_of_meaning(text):
    assert interface(text).hash != interface(BASE).hash


def test_canonical_text_spells_out_imported_types():
    text = everything().interface("everything").canonical
    assert "strict enum Shape : u8 { round = 1; square = 2; }" in text
    assert "string<255>" in text and "PATH_MAX" not in text
    assert canon.type_text(model.Array(model.Int(8), 4, True)) == "u8[<=4]"


def test_real_interfaces_are_right():
    folder = os.path.join(ROOT, "idl")
    files = [os.path.join(base, name) for base, _, names in sorted(os.walk(folder))
             for name in sorted(names) if name.endswith(".if") and not base.endswith("frozen")]
    build, diags, _ = driver.compile_files(files)
    assert not diags, diags.render()
    assert build.interfaces and build.objects


@pytest.mark.parametrize("name, c_name", [("AllocFlags", "alloc_flags"), ("WinSize", "win_size"),
                                          ("RAM", "ram"), ("IRQTable", "irq_table"), ("Op", "op"),
                                          ("V4Addr", "v4_addr")])
def test_camel_case_to_snake_case(name, c_name):
    assert cnames.snake(name) == c_name


def test_c_keywords_are_avoided():
    assert cnames.safe("register") == "register_" and cnames.safe("reg") == "reg"


def test_names_that_collide_across_files_are_found():
    build, diags = compile_text("interface demo_a { id 0x301; version 1; call b @1 (); }"
                                "interface demo { id 0x300; version 1; call a_b @1 (); }")
    assert [d.code for d in diags.items] == ["E1101"] and build


def test_typing_slips():
    assert nearest("intrface", ["interface", "errors"]) == "interface"
    assert nearest("zebra", ["interface", "errors"]) is None
    assert nearest("b", ["a"]) is None
    assert edit_distance("abc", "abc", 5) == 0 and edit_distance("abc", "abd", 5) == 1
    assert edit_distance("", "abcdef", 3) == 3
