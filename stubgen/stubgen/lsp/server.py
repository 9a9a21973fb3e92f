"""Answers the messages of one editor."""
from ..fmt import format_source
from . import features, images, protocol, workspace

FULL_SYNC = 1
ERROR_SEVERITY = 1
CAPABILITIES = {
    "textDocumentSync": {"openClose": True, "change": FULL_SYNC, "save": True},
    "hoverProvider": True, "definitionProvider": True, "documentSymbolProvider": True,
    "documentFormattingProvider": True, "completionProvider": {"triggerCharacters": [".", ":"]},
}


class Server:
    """`ended` is the exit status once the client said `exit`."""

    def __init__(self, writer, context=()):
        self.writer = writer
        self.files = workspace.Workspace(context)
        self.initialized = self.shut = False
        self.ended = None
        self.requests = {
            "initialize": self.initialize, "shutdown": self.shutdown,
            "textDocument/hover": self.hover, "textDocument/definition": self.definition,
            "textDocument/documentSymbol": self.symbols,
            "textDocument/completion": self.completion,
            "textDocument/formatting": self.formatting}
        self.notices = {
            "textDocument/didOpen": self.opened, "textDocument/didChange": self.changed,
            "textDocument/didSave": self.saved, "textDocument/didClose": self.closed}

    def handle(self, message):
        method, ident = message.get("method"), message.get("id")
        params = message.get("params") or {}
        if "id" in message:
            self.request(ident, method, params)
        elif method == "exit":
            self.ended = 0 if self.shut else 1
        elif self.initialized and method in self.notices:
            try:
                self.notices[method](params)
            except (KeyError, TypeError, AttributeError):
                pass           # a notice has no answer; this one was not as the protocol says

    def request(self, ident, method, params):
        if method not in self.requests:
            if method is not None:
                self.writer.fail(ident, protocol.METHOD_NOT_FOUND, f"no method {method}")
        elif self.shut:
            self.writer.fail(ident, protocol.INVALID_REQUEST, "shut down already")
        elif not self.initialized and method != "initialize":
            self.writer.fail(ident, protocol.NOT_INITIALIZED, "not initialized yet")
        else:
            try:
                result = self.requests[method](params)
            except Exception as error:         # an editor should not lose its server over one
                self.writer.fail(ident, protocol.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
                return
            self.writer.reply(ident, result)

    # Life

    def initialize(self, params):
        self.initialized = True
        return {"capabilities": CAPABILITIES, "serverInfo": {"name": "stubgen"}}

    def shutdown(self, params):
        self.shut = True

    def opened(self, params):
        item = params["textDocument"]
        self.files.set(item["uri"], item["text"])
        self.publish_all()

    def changed(self, params):
        self.files.set(params["textDocument"]["uri"], params["contentChanges"][-1]["text"])
        self.publish_all()

    def saved(self, params):
        self.publish_all()

    def closed(self, params):
        uri = params["textDocument"]["uri"]
        self.files.close(uri)
        self.publish(uri, [])
        self.publish_all()

    # Diagnostics

    def publish_all(self):
        """A change of one file can be an error in another one."""
        for document in list(self.files.open.values()):
            _, diags = self.files.compile(document)
            self.publish(document.uri, [_diagnostic(item) for item in diags.sorted()
                                        if item.span.source is document.source])

    def publish(self, uri, diagnostics):
        self.writer.notify("textDocument/publishDiagnostics",
                           {"uri": uri, "diagnostics": diagnostics})

    # Questions about a place

    def _at(self, params):
        """(document, parsed files that it sees, offset), or None for a file that is not open."""
        document = self.files.document(params["textDocument"]["uri"])
        if document is None:
            return None
        offset = document.offset(params["position"]) if "position" in params else 0
        return document, self.files.visible(document), offset

    def hover(self, params):
        at = self._at(params)
        found = at and features.find(at[1], at[0].source.text, at[2])
        if not found:
            return None
        text = [f"```\n{features.source_text(found)}\n```"]
        text += ["\n".join(found.doc)] if found.doc else []
        layout = self._layout(at[0], found)
        text += ["```\n" + "\n".join(layout) + "\n```"] if layout else []
        return {"contents": {"kind": "markdown", "value": "\n\n".join(text)}}

    def _layout(self, document, found):
        """Lines on the word image of a method or struct; none while there are errors."""
        build, diags = self.files.compile(document)
        if build is None or diags:
            return []
        place = (found.span.source.path, found.span.start)
        for item in build.interfaces:
            for method in item.methods:
                if (method.span.source.path, method.span.start) == place:
                    return images.describe(method)
        for decl in build.types + [t for i in build.interfaces for t in i.types]:
            if found.kind == "struct" and (decl.span.source.path, decl.span.start) == place:
                return images.describe_struct(decl)
        return []

    def definition(self, params):
        at = self._at(params)
        found = at and features.find(at[1], at[0].source.text, at[2])
        if not found:
            return None
        return {"uri": workspace.uri_of(found.span.source.path),
                "range": workspace.range_of(found.span)}

    def symbols(self, params):
        at = self._at(params)
        return [_symbol(found) for found in features.declarations(at[1][0])] if at else []

    def completion(self, params):
        at = self._at(params)
        if not at:
            return []
        return [{"label": label, "kind": kind, "detail": detail}
                for label, kind, detail in features.completions(at[1], at[2])]

    def formatting(self, params):
        document = self.files.document(params["textDocument"]["uri"])
        if document is None:
            return []
        text, diags = format_source(document.source)
        if diags or text == document.source.text:
            return []
        end = workspace.position_of(document.source, len(document.source.text))
        return [{"range": {"start": {"line": 0, "character": 0}, "end": end}, "newText": text}]


def _symbol(found):
    place = workspace.range_of(found.span)
    return {"name": found.name, "kind": features.KINDS[found.kind][0], "detail": found.kind,
            "range": place, "selectionRange": place,
            "children": [_symbol(child) for child in found.children]}


def _diagnostic(item):
    text = item.message + (f"\n{item.label}" if item.label else "")
    return {"range": workspace.range_of(item.span), "severity": ERROR_SEVERITY,
            "code": item.code, "source": "stubgen",
            "message": text + (f"\nfix: {item.fix}" if item.fix else ""),
            "relatedInformation": [
                {"location": {"uri": workspace.uri_of(span.source.path),
                              "range": workspace.range_of(span)}, "message": note}
                for span, note in item.notes]}
