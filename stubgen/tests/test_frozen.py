"""Released versions: freezing, and what a newer version may change: for every rule something that
is accepted and something that is refused."""
import os

import pytest
from conftest import CAPTYPES, ROOT, compile_text

from stubgen import canon, cli, codes, driver
from stubgen.diag import Diags
from stubgen.frozen import check, rules, store, text
from stubgen.source import Source

BASE = """
interface demo {
  id 0x300; version 1; reserved 9, 20..22;
  error { gone = 1 "it is gone"; late = 2 "too late"; }
  enum Op : u8 { get = 1; put = 2; }
  flexible enum Kind : u8 { file = 1; dir = 2; }
  flexible flags Mode : u8 { read = 0x1; }
  struct Size { rows: u16; cols: u16 range 1..400; }
  struct Area { size: Size; far: u16 range 10..20; }
  table Prefs { 1: name: string<31>; 3: size: Size; }
  strict union Who { 1: pid: u32; 2: name: string<31>; }
  call look @1 (op: Op, n: u32 range 1..10, p: u64) -> (kind: Kind, m: u32 range 1..10)
      requires n < 9 && p <= 100 ensures m >= n && m < 9 fails gone;
  call prefer @2 (prefs: Prefs, who: Who, ram: move cap<ram|frame, rw>)
      -> (ram_out: copy cap<ram, r>);
  call area @3 (area: Area) -> (mode: Mode, align: u32);
  call back @8 () -> (area: Area, prefs: Prefs);
  oneway poke @4 (a: u32 pow2);
  flexible event low @5 (size: Size) coalesce;
  event high @6 (x: u32 range 1..4) queue 4;
  call names @11 () -> stream (rank: u8 range 1..9, name: string<31>) window 4 fails gone;
  call lent @12 (data: lend in bytes<4096>, frame: borrow cap<frame, r>)
      -> (n: u32 counts data);
  call twice @7 (list: Size[<=4], text: string<60>?) -> (next: client demo?) idempotent;
}
"""


def model_of(source):
    """The checked interface."""
    build, diags = compile_text(source)
    assert not diags, diags.render()
    made = build.interface("demo")
    canon.seal(made)
    return made


def released(folder, source=BASE):
    """Writes the released text of the interface demo; returns the loaded file."""
    made = model_of(source)
    path = store.path_of(str(folder), "demo", made.version)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.render(made))
    diags = Diags()
    items = store.listed(str(folder))
    for item in items:
        store.load(item, diags)
    assert not diags, diags.render()
    return [item.interface for item in items]


def edited(*pairs, version=2):
    """BASE as a newer version with these replacements; each must occur."""
    new = BASE.replace("version 1;", f"version {version};")
    for old, by in pairs:
        assert old in new, old
        new = new.replace(old, by)
    return new


def verdict(tmp_path, *pairs):
    diags = Diags()
    rules.compare(released(tmp_path), model_of(edited(*pairs)), diags)
    for diag in diags.items:
        assert diag.label and diag.fix and diag.notes and diag.notes[0][0].source is not \
            diag.span.source, "both places and the rule"
        assert diag.pass_name() == "frozen"
    return {diag.code for diag in diags.items}


NEW = "oneway poke"
# (what, edits): every one of them is allowed.
ACCEPTED = [
    ("nothing", []),
    ("new call", [(NEW, "call more @10 () -> (a: u32) since 2;\n  oneway poke")]),
    ("new oneway", [(NEW, "oneway more @10 () since 2;\n  oneway poke")]),
    ("new event", [(NEW, "event more @10 () coalesce since 2;\n  oneway poke")]),
    ("table field", [("3: size: Size;", "3: size: Size; 4: rank: u32;")]),
    ("table field within 8 words", [("3: size: Size;", "3: size: Size; 4: a: bytes<40>;")]),
    ("flexible enum value", [("dir = 2;", "dir = 2; pipe = 3;")]),
    ("flexible flag", [("read = 0x1;", "read = 0x1; write = 0x2;")]),
    ("looser range", [("n: u32 range 1..10", "n: u32 range 0..11")]),
    ("no range", [("n: u32 range 1..10", "n: u32")]),
    ("no pow2", [("a: u32 pow2", "a: u32")]),
    ("looser bound of requires", [("n < 9 &&", "n <= 9 &&")]),
    ("fewer requires", [("n < 9 && p <= 100", "p <= 100")]),
    ("more kinds and fewer rights in a request", [("cap<ram|frame, rw>", "cap<any, r>")]),
    ("tighter range of a result", [("m: u32 range 1..10", "m: u32 range 2..9")]),
    ("range on a result", [("align: u32", "align: u32 range 0..9")]),
    ("pow2 on a result", [("align: u32", "align: u32 pow2")]),
    ("tighter range of an event", [("x: u32 range 1..4", "x: u32 range 2..3")]),
    ("tighter ensures", [("m < 9", "m <= 7")]),
    ("more ensures", [("m < 9", "m < 9 && m + n < 15")]),
    ("more rights in a result", [("cap<ram, r>", "cap<ram, rw>")]),
    ("fewer errors", [("fails gone", "")]),
    ("new error of a new method",
     [("late = 2", "odd = 3 \"odd\"; late = 2"),
      (NEW, "call more @10 () fails odd since 2;\n  oneway poke")]),
    ("an error that no method lists", [("late = 2 \"too late\"; ", "")]),
    ("another message", [("it is gone", "it went away")]),
    ("another name of a type", [("Size", "Extent")]),
    ("another order", [("oneway poke @4 (a: u32 pow2);", ""),
                       ("interface demo {", "interface demo { oneway poke @4 (a: u32 pow2);")]),
    ("tighter item of a stream", [("rank: u8 range 1..9", "rank: u8 range 2..9")]),
    ("fewer rights of a loan", [("borrow cap<frame, r>", "borrow cap<frame>")]),
    ("idempotent", [("queue 4;", "queue 4;"), ("call area @3 (area: Area) -> (mode: Mode, "
                                               "align: u32)", "call area @3 (area: Area) -> "
                                               "(mode: Mode, align: u32) idempotent")]),
    ("deprecated", [("queue 4;", "queue 4 deprecated 2;")]),
    ("more reserved", [("reserved 9, 20..22", "reserved 9..10, 20..22, 30")]),
]
# (code, what, edits): every one of them is refused, with this code only.
REFUSED = [
    ("E2105", "another id", [("id 0x300", "id 0x301")]),
    ("E2106", "a member is gone", [("oneway poke @4 (a: u32 pow2);", "")]),
    ("E2106", "another ordinal", [("oneway poke @4 (a: u32 pow2);",
                                   "oneway poke @14 (a: u32 pow2) since 2;")]),
    ("E2107", "renamed", [("oneway poke", "oneway prod")]),
    ("E2107", "another kind", [("oneway poke", "call poke")]),
    ("E2107", "strict", [("flexible event", "event")]),
    ("E2107", "queue", [("queue 4", "queue 5")]),
    ("E2107", "not idempotent", [(" idempotent", "")]),
    ("E2107", "another since", [("coalesce;", "coalesce since 2;")]),
    ("E2107", "another window", [("window 4", "window 5")]),
    ("E2107", "no stream", [("-> stream (rank", "-> (rank"), (" window 4", "")]),
    ("E2108", "another item", [("rank: u8 range 1..9, ", "")]),
    ("E2108", "another room", [("lend in bytes<4096>", "lend in bytes<8192>")]),
    ("E2108", "another direction", [("lend in bytes<4096>", "lend out bytes<4096>")]),
    ("E2108", "no loan", [("borrow cap", "copy cap")]),
    ("E2110", "looser item of a stream", [("rank: u8 range 1..9", "rank: u8")]),
    ("E2108", "a parameter more", [("a: u32 pow2", "a: u32 pow2, b: u32")]),
    ("E2108", "a parameter renamed", [("a: u32 pow2", "b: u32 pow2")]),
    ("E2108", "a result less", [("(mode: Mode, align: u32)", "(mode: Mode)")]),
    ("E2108", "a field more", [("Size { rows: u16;", "Size { rows: u16; deep: u16;")]),
    ("E2108", "fields in another order", [("rows: u16; cols: u16 range 1..400;",
                                           "cols: u16 range 1..400; rows: u16;")]),
    ("E2108", "another type", [("align: u32", "align: u64")]),
    ("E2108", "another bound", [("string<60>", "string<61>")]),
    ("E2108", "not optional", [("string<60>?", "string<60>")]),
    ("E2108", "another length", [("Size[<=4]", "Size[<=5]")]),
    ("E2108", "exactly", [("Size[<=4]", "Size[4]")]),
    ("E2108", "another mode", [("move cap", "copy cap")]),
    ("E2108", "another end", [("client demo?", "client any?")]),
    ("E2109", "tighter range", [("n: u32 range 1..10", "n: u32 range 1..9")]),
    ("E2109", "pow2", [("p: u64", "p: u64 pow2")]),
    ("E2109", "range of a field", [("far: u16 range 10..20", "far: u16 range 11..20")]),
    ("E2109", "tighter requires", [("p <= 100", "p <= 99")]),
    ("E2109", "more requires", [("p <= 100", "p <= 100 && p + n > 2")]),
    ("E2109", "fewer kinds in a request", [("cap<ram|frame, rw>", "cap<ram, rw>")]),
    ("E2109", "more rights in a request", [("cap<ram|frame, rw>", "cap<ram|frame, rwx>")]),
    ("E2110", "looser range of a result", [("m: u32 range 1..10", "m: u32 range 1..11")]),
    ("E2110", "looser range of an event", [("x: u32 range 1..4", "x: u32")]),
    ("E2110", "range of a field", [("far: u16 range 10..20", "far: u16 range 9..20")]),
    ("E2110", "looser ensures", [("m < 9", "m < 10")]),
    ("E2110", "fewer ensures", [("m >= n &&", "")]),
    ("E2110", "fewer rights in a result", [("cap<ram, r>", "cap<ram>")]),
    ("E2110", "more kinds in a result", [("cap<ram, r>", "cap<any, r>")]),
    ("E2111", "another error", [("fails gone", "fails gone, late")]),
    ("E2112", "another number", [("gone = 1", "gone = 3")]),
    ("E2112", "another name", [("gone", "away")]),
    ("E2113", "value of a strict enum", [("put = 2;", "put = 2; drop = 3;")]),
    ("E2113", "a value is gone", [("dir = 2;", "")]),
    ("E2113", "a value renamed", [("dir = 2;", "folder = 2;")]),
    ("E2113", "another base", [("Kind : u8", "Kind : u16")]),
    ("E2113", "strict", [("flexible enum Kind", "strict enum Kind")]),
    ("E2114", "field below a released one", [("3: size: Size;", "2: rank: u32; 3: size: Size;")]),
    ("E2114", "field of a strict union", [("2: name: string<31>; }",
                                           "2: name: string<31>; 3: tid: u32; }")]),
    ("E2114", "a field is gone", [("1: name: string<31>; 3: size", "3: size")]),
    ("E2114", "a field renamed", [("1: name: string<31>; 3", "1: label: string<31>; 3")]),
    ("E2114", "strict", [("table Prefs", "strict table Prefs")]),
    ("E2114", "field with a capability",
     [("table Prefs { 1: name: string<31>; 3: size: Size; }",
       "resource table Prefs { 1: name: string<31>; 3: size: Size; 4: cap: copy cap<any>; }")]),
    ("E2115", "more than 8 words", [("3: size: Size;", "3: size: Size; 4: text: bytes<100>;")]),
    ("E2116", "no longer reserved", [("reserved 9, 20..22", "reserved 9, 20..21")]),
    ("E2116", "reused", [("reserved 9, 20..22", "reserved 20..22"),
                         (NEW, "call more @9 () since 2;\n  oneway poke")]),
    ("E2117", "without since", [(NEW, "call more @10 ();\n  oneway poke")]),
]


@pytest.mark.parametrize("edits", [edits for _, edits in ACCEPTED], ids=[n for n, _ in ACCEPTED])
def test_accepted(edits, tmp_path):
    assert verdict(tmp_path, *edits) == set()


@pytest.mark.parametrize("code, edits", [(code, edits) for code, _, edits in REFUSED],
                         ids=[f"{code} {name}" for code, name, _ in REFUSED])
def test_refused(code, edits, tmp_path):
    assert verdict(tmp_path, *edits) == {code}


def test_every_rule_is_here():
    about_the_folder = {"E2101", "E2102", "E2103", "E2104"}
    assert {code for code, _, _ in REFUSED} | about_the_folder == {
        code for code, entry in codes.CODES.items() if entry.pass_name == "frozen"}


def test_a_struct_of_both_directions_keeps_its_constraints(tmp_path):
    both = [("cols: u16 range 1..400", "cols: u16 range 1..300")]
    assert verdict(tmp_path, *both) == {"E2109"}
    assert verdict(tmp_path, ("cols: u16 range 1..400", "cols: u16")) == {"E2110"}


def test_growth_counts_from_every_released_version(tmp_path):
    second = edited(("3: size: Size;", "3: size: Size; 4: a: bytes<40>;"))
    versions = released(tmp_path)
    versions += released(tmp_path, second)[-1:]
    third = model_of(second.replace("version 2;", "version 3;").replace(
        "4: a: bytes<40>;", "4: a: bytes<40>; 5: b: bytes<40>;"))
    diags = Diags()
    assert rules.compare(versions[1:], third, diags) == 0
    rules.compare(versions, third, diags)
    assert {d.code for d in diags.items} == {"E2115"}


# The folder ------------------------------------------------------------------------------------

SMALL = "interface demo { id 0x300; version 1 draft; call one @1 (a: u32) -> (b: u32); }\n"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A project with idl/if/demo.if, the current folder; returns (run, the path of demo.if)."""
    (tmp_path / "idl" / "if").mkdir(parents=True)
    (tmp_path / "idl" / "frozen").mkdir()
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "idl" / "if" / "demo.if"
    path.write_text(SMALL)
    return path


def checked(capsys, *args):
    status = cli.main(["check", "idl/if/demo.if", *args])
    return status, capsys.readouterr().err


def test_freeze_releases_a_draft(tree, capsys):
    assert checked(capsys) == (0, "")
    assert cli.main(["freeze", "demo"]) == 0
    assert tree.read_text() == SMALL.replace(" draft", "")
    made = (tree.parent.parent / "frozen" / "demo.1.if").read_text()
    build, _, _ = driver.compile_files(["idl/if/demo.if"])
    assert f"// hash {build.interface('demo').hash:#018x}\n" in made
    assert "call one @1 (a: u32) -> (b: u32);" in made
    assert checked(capsys) == (0, "")
    assert cli.main(["freeze", "demo"]) == 0
    assert "released already" in capsys.readouterr().out


def test_comments_and_order_do_not_matter_but_a_change_does(tree, capsys):
    cli.main(["freeze", "demo"])
    text_now = tree.read_text()
    tree.write_text("/// Documented.\n" + text_now.replace("(a: u32)", "(\n// of it\na: u32)"))
    assert checked(capsys) == (0, "")
    tree.write_text(text_now.replace("u32);", "u32) idempotent;"))
    status, err = checked(capsys)
    assert status == 1 and "[E2103]" in err and "`version 2 draft;`" in err
    assert cli.main(["freeze", "demo"]) == 1
    assert "[E2103]" in capsys.readouterr().err
    tree.write_text(text_now.replace("(a: u32)", "(a: u64)"))
    status, err = checked(capsys)
    assert status == 1 and "[E2108]" in err and "idl/frozen/demo.1.if:" in err


def test_a_draft_is_free_and_its_release_is_not(tree, capsys):
    cli.main(["freeze", "demo"])
    second = SMALL.replace("version 1", "version 2").replace("a: u32", "a: u64")
    tree.write_text(second)
    assert checked(capsys) == (0, "")
    assert cli.main(["freeze", "demo"]) == 1
    assert "[E2108]" in capsys.readouterr().err
    assert tree.read_text() == second and not os.path.exists("idl/frozen/demo.2.if")
    tree.write_text(second.replace("a: u64", "a: u32").replace(
        "}", " call two @2 () since 2; }"))
    assert cli.main(["freeze", "demo"]) == 0 and os.path.exists("idl/frozen/demo.2.if")
    assert checked(capsys)[0] == 0


def test_what_was_never_frozen_or_goes_back_is_refused(tree, capsys):
    tree.write_text(SMALL.replace(" draft", ""))
    status, err = checked(capsys)
    assert status == 1 and "[E2101]" in err and "stubgen freeze demo" in err
    assert cli.main(["freeze", "demo"]) == 0 and checked(capsys)[0] == 0
    tree.write_text(SMALL)
    status, err = checked(capsys)
    assert status == 1 and "[E2104]" in err and "`version 2 draft;`" in err
    assert cli.main(["freeze", "demo"]) == 1


@pytest.mark.parametrize("old, new", [
    ("(a: u32)", "(a: u64)"), ("// hash 0x", "// hash 0x1"), ("interface demo", "interface omed"),
    ("version 1;", "version 2;"), ("  call", "    call"), ("}", ""), ("// hash", "// Hash")])
def test_a_file_that_was_touched_is_refused(tree, capsys, old, new):
    cli.main(["freeze", "demo"])
    path = tree.parent.parent / "frozen" / "demo.1.if"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    status, err = checked(capsys)
    assert status == 1 and "[E2102]" in err


def test_an_id_stays_with_its_name(tree, capsys):
    cli.main(["freeze", "demo"])
    tree.write_text(tree.read_text().replace("interface demo", "interface other")
                    .replace("version 1", "version 1 draft"))
    status, err = checked(capsys)
    assert status == 1 and "[E2105]" in err


def test_the_stamp_names_versions_and_the_depfile_the_folder(tree, capsys):
    cli.main(["freeze", "demo"])
    assert checked(capsys, "--stamp", "out.stamp", "--depfile", "out.d")[0] == 0
    assert open("out.stamp").read().startswith("demo 1 0x")
    rule = open("out.d").read()
    assert "idl/frozen/demo.1.if" in rule and "idl/frozen " in rule and "idl/if/demo.if" in rule
    assert checked(capsys, "--frozen", "nowhere")[0] == 2


def test_a_file_without_that_folder_is_only_checked(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo.if").write_text(SMALL.replace(" draft", ""))
    assert cli.main(["check", "demo.if"]) == 0


def test_what_freeze_cannot_do(tree, capsys):
    assert cli.main(["freeze", "nothing"]) == 2
    assert cli.main(["freeze", "demo", "--idl", "nowhere"]) == 2
    tree.write_text(SMALL.replace("u32", "u33"))
    assert cli.main(["freeze", "demo"]) == 1 and "[E0404]" in capsys.readouterr().err


@pytest.mark.parametrize("source", [
    BASE,
    "errors other { id 5; odd = 3 \"odd \\\"\"; }\nconst N: u32 = 4; enum One : u8 { a = 1; }\n"
    "interface peer { id 0x301; version 1; }\n"
    "interface demo { id 0x300; version 7; error from other; struct Two { a: One[N]; b: One?; }"
    " call c @5 (t: Two, p: client peer) -> (e: server any) fails odd requires len(x) > 0; "
    "}".replace(" requires len(x) > 0", "")])
def test_the_text_stands_alone_and_has_the_same_hash(source, tmp_path):
    made = model_of(source)
    again = released(tmp_path, source)[-1]
    assert again.hash == made.hash and text.render(again) == text.render(made)
    assert "draft" not in text.render(made) and CAPTYPES.stem not in text.render(made)


def test_the_released_interfaces_of_this_tree():
    """Their hashes are exchanged by peers: whoever changes how they are computed sees it here."""
    folder, diags = os.path.join(ROOT, "idl", check.FOLDER), Diags()
    items = store.listed(folder)
    for item in items:
        store.load(item, diags)
    assert items and not diags, diags.render()


def everything():
    """(path, interface) of every interface of the tree and of the tests of the compiler."""
    for folders in (("if", "draft/if"), ("test",)):
        files = [os.path.join(ROOT, "idl", folder, name) for folder in folders
                 for name in sorted(os.listdir(os.path.join(ROOT, "idl", folder)))
                 if name.endswith(".if")]
        abi = os.path.join(ROOT, "idl", "abi")
        build, diags, _ = driver.compile_files(files, [os.path.join(abi, name) for name in
                                                       sorted(os.listdir(abi))
                                                       if name.endswith(".if")])
        assert not diags, diags.render()
        yield from build.interfaces


@pytest.mark.parametrize("interface", everything(), ids=lambda i: i.name)
def test_whatever_the_interface_its_text_stands_alone(interface, tmp_path):
    path = tmp_path / f"{interface.name}.{interface.version}.if"
    path.write_text(text.render(interface))
    diags, items = Diags(), store.listed(str(tmp_path))
    store.load(items[0], diags)
    assert not diags and items[0].interface.hash == interface.hash, diags.render()
    assert rules.compare([items[0].interface], interface, diags) == 0, diags.render()
    assert rules.compare([interface], items[0].interface, diags) == 0, diags.render()


def test_texts_of_damaged_files_say_nothing_else(tmp_path):
    path = tmp_path / "demo.1.if"
    path.write_bytes(b"\xff\xfe")
    diags, items = Diags(), store.listed(str(tmp_path))
    store.load(items[0], diags)
    assert [d.code for d in diags.items] == ["E2102"]
    assert isinstance(items[0].source, Source)
