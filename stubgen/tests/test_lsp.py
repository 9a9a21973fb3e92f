"""The language server, asked by a scripted editor over pipes."""
import io
import json
import os
import subprocess
import sys

import pytest
from conftest import HERE, ROOT

from stubgen.lsp import features, protocol, workspace

TOOL = os.path.join(os.path.dirname(HERE), "stubgen.py")
GOOD = """/// A demo.
interface demo {
  id 0x300; version 1;
  error { full = 1 "no room"; }
  const MOST: u32 = 31;
  /// How big something is.
  struct Size { rows: u16; cols: u32; }
  /// Gives back what `size` says.
  call ask @1 (size: Size, name: string<MOST>) -> (n: u64, 𝄞: u8) fails full;
  call answer @2 (n: u64 range 1..9) -> (left: u64) ensures left <= n;
}
""".replace("𝄞", "sharp")


class Editor:
    """A client: sends, and reads until the answer; notices are kept."""

    def __init__(self, folder):
        self.process = subprocess.Popen([sys.executable, TOOL, "lsp", "--stdio"], cwd=folder,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number, self.notices, self.folder = 0, [], folder

    def send(self, message):
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.raw(b"Content-Length: %d\r\nContent-Type: x\r\n\r\n" % len(data) + data)

    def raw(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def receive(self):
        length = protocol._length(self.process.stdout)
        return json.loads(self.process.stdout.read(length))

    def notify(self, method, **params):
        self.send({"method": method, "params": params})

    def call(self, method, **params):
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while True:
            message = self.receive()
            if message.get("id") == self.number:
                return message["error"] if "error" in message else message["result"]
            self.notices.append(message)

    def uri(self, name):
        return workspace.uri_of(os.path.join(self.folder, name))

    def open(self, text, name="demo.if"):
        self.notify("textDocument/didOpen", textDocument={"uri": self.uri(name), "text": text})

    def at(self, question, text, place, name="demo.if", skip=0):
        """Asks about where `place` stands in the text."""
        offset = text.index(place) + skip
        line = text.count("\n", 0, offset)
        column = offset - (text.rfind("\n", 0, offset) + 1)
        return self.call(f"textDocument/{question}", textDocument={"uri": self.uri(name)},
                         position={"line": line, "character": column})

    def diagnostics(self, name="demo.if"):
        """The newest ones that were published."""
        self.call("textDocument/documentSymbol", textDocument={"uri": self.uri(name)})
        found = [n["params"] for n in self.notices
                 if n["method"] == "textDocument/publishDiagnostics"
                 and n["params"]["uri"] == self.uri(name)]
        return found[-1]["diagnostics"]


@pytest.fixture
def editor(tmp_path):
    made = Editor(str(tmp_path))
    assert made.call("initialize", capabilities={})["capabilities"]["hoverProvider"]
    made.notify("initialized")
    yield made
    made.process.kill()
    made.process.wait()
    made.process.stdin.close()
    made.process.stdout.close()


def test_LSP0001_errors_come_and_go_with_the_text(editor):
    bad = GOOD.replace("size: Size", "size: Sise")
    editor.open(bad)
    (found,) = editor.diagnostics()
    assert found["code"] == "E0404" and "did you mean `Size`?" in found["message"]
    assert found["range"] == {"start": {"line": 8, "character": 21},
                              "end": {"line": 8, "character": 25}}
    editor.notify("textDocument/didChange", textDocument={"uri": editor.uri("demo.if")},
                  contentChanges=[{"text": GOOD}])
    assert editor.diagnostics() == []
    editor.notify("textDocument/didChange", textDocument={"uri": editor.uri("demo.if")},
                  contentChanges=[{"text": "interface {"}])
    assert editor.diagnostics()
    editor.notify("textDocument/didClose", textDocument={"uri": editor.uri("demo.if")})
    assert editor.diagnostics() == []


def test_LSP0002_hover_has_documentation_and_the_word_layout(editor):
    editor.open(GOOD)
    text = editor.at("hover", GOOD, "ask @1")["contents"]["value"]
    assert "Gives back what `size` says." in text and "call ask @1 (size: Size" in text
    assert "request: 1 to 5 words" in text and "reply: 2 words" in text
    assert "word   0  15..0    size.rows" in text and "word   0  63..32   size.cols" in text
    assert "up to 32 bytes" in text
    text = editor.at("hover", GOOD, "Size,")["contents"]["value"]
    assert "How big something is." in text and "struct: 1 word" in text
    assert "const MOST: u32 = 31" in editor.at("hover", GOOD, "MOST>")["contents"]["value"]
    assert editor.at("hover", GOOD, "@2") is None


@pytest.mark.parametrize("place, skip, line, column", [
    ("Size, name", 1, 6, 9), ("MOST>", 0, 4, 8), ("full;", 2, 3, 10), ("n;", 0, 9, 18),
    ("left <=", 0, 9, 41), ("ask @1", 3, 8, 7)])
def test_LSP0003_definition(editor, place, skip, line, column):
    editor.open(GOOD)
    found = editor.at("definition", GOOD, place, skip=skip)
    assert found["uri"] == editor.uri("demo.if")
    assert found["range"]["start"] == {"line": line, "character": column}


def test_LSP0004_definition_in_an_imported_file_that_is_open_or_not(editor, tmp_path):
    (tmp_path / "shared.if").write_text("enum Kind : u8 { one = 1; }\n")
    user = ('import "shared.if";\ninterface user { id 0x301; version 1;\n'
            "  call ask @1 (kind: shared.Kind, end: client user); }\n")
    editor.open(user, "user.if")
    found = editor.at("definition", user, "Kind", "user.if")
    assert found["uri"] == editor.uri("shared.if") and found["range"]["start"]["character"] == 5
    assert editor.diagnostics("user.if") == []
    editor.open("\nenum Kin : u8 { one = 1; }\n", "shared.if")
    assert [d["code"] for d in editor.diagnostics("user.if")] == ["E0404"]
    assert editor.at("definition", user, "user)", "user.if")["range"]["start"]["line"] == 1


def test_LSP0005_symbols_are_a_tree(editor):
    editor.open(GOOD)
    (top,) = editor.call("textDocument/documentSymbol",
                         textDocument={"uri": editor.uri("demo.if")})
    assert top["name"] == "demo"
    assert [c["name"] for c in top["children"]] == ["full", "MOST", "Size", "ask", "answer"]
    assert [c["name"] for c in top["children"][2]["children"]] == ["rows", "cols"]


def test_LSP0006_completion_has_words_and_names(editor, tmp_path):
    (tmp_path / "shared.if").write_text("enum Kind : u8 { one = 1; }\nconst FAR: u8 = 1;\n")
    text = 'import "shared.if";\n' + GOOD
    editor.open(text)
    found = {item["label"]: item["detail"] for item in editor.at("completion", text, "full;")}
    assert found["Size"] == "struct" and found["MOST"] == "const" and found["full"] == "error"
    assert found["shared.Kind"] == "enum" and found["FAR"] == "const" and found["n"] == "parameter"
    assert found["coalesce"] == "clause" and found["u64"] == "type" and "Kind" not in found


def test_LSP0007_formatting_is_that_of_fmt(editor):
    editor.open(GOOD.replace("  call ask", "call   ask"))
    (edit,) = editor.call("textDocument/formatting", textDocument={"uri": editor.uri("demo.if")},
                          options={})
    formatted = subprocess.run([sys.executable, TOOL, "fmt", "-"], input=GOOD, text=True,
                               stdout=subprocess.PIPE, check=True).stdout
    assert edit["newText"] == formatted
    editor.open(formatted)
    assert editor.call("textDocument/formatting", textDocument={"uri": editor.uri("demo.if")}) == []


def test_LSP0008_life_and_what_is_wrong(tmp_path):
    editor = Editor(str(tmp_path))
    assert editor.call("textDocument/hover")["code"] == protocol.NOT_INITIALIZED
    editor.call("initialize")
    assert editor.call("textDocument/rename")["code"] == protocol.METHOD_NOT_FOUND
    assert editor.call("textDocument/hover")["code"] == protocol.INTERNAL_ERROR
    assert editor.at("hover", GOOD, "ask") is None          # not open
    editor.raw(b"Content-Length: 3\r\n\r\n{x}")
    assert editor.receive()["error"]["code"] == protocol.PARSE_ERROR
    editor.notify("textDocument/didOpen")
    editor.notify("textDocument/didFrobnicate")
    assert editor.call("shutdown") is None
    assert editor.call("initialize")["code"] == protocol.INVALID_REQUEST
    editor.notify("exit")
    editor.process.communicate(timeout=60)
    assert editor.process.returncode == 0


def test_LSP0009_an_end_without_a_word_is_a_failure(tmp_path):
    done = subprocess.run([sys.executable, TOOL, "lsp"], input=b"Content-Length: 99\r\n\r\n{",
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 1 and done.stderr == b"" and done.stdout == b""


def test_LSP0010_columns_are_utf_16():
    document = workspace.Document("file:///x.if", "// \U0001d11e\xe4 abc\ndef")
    assert document.offset({"line": 0, "character": 7}) == 6
    assert workspace.position_of(document.source, 6) == {"line": 0, "character": 7}
    assert document.offset({"line": 0, "character": 99}) == 9
    assert document.offset({"line": 1, "character": 1}) == 11
    assert document.offset({"line": 9, "character": 0}) == 13
    assert workspace.path_of(workspace.uri_of("/a b/\xe4.if")) == "/a b/\xe4.if"


def test_LSP0011_any_place_of_any_file_of_the_tree_can_be_asked_about(tmp_path):
    """In process: every word of a large file, hovered and looked up; none may fail."""
    from stubgen.lsp.server import Server
    out = io.BytesIO()
    server = Server(protocol.Writer(out))
    server.handle({"id": 0, "method": "initialize"})
    path = os.path.join(ROOT, "idl", "if", "memory.if")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    uri = workspace.uri_of(path)
    server.handle({"method": "textDocument/didOpen",
                   "params": {"textDocument": {"uri": uri, "text": text}}})
    document = server.files.document(uri)
    assert b'"diagnostics": []' in out.getvalue()
    missing = set()
    visible = server.files.visible(document)
    for found in features.WORD.finditer(text):
        declared = features.find(visible, text, found.start())
        if declared is None:
            missing.add(found.group())
        else:
            assert features.source_text(declared)
    assert not missing & {"ram", "AllocFlags", "memory", "alloc", "bytes_free"}
    for place in ("alloc", "low"):
        offset = text.index(f" {place} @") + 1
        position = workspace.position_of(document.source, offset)
        answer = server.hover({"textDocument": {"uri": uri}, "position": position})
        assert "word" in answer["contents"]["value"]
