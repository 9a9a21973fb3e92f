"""The files that an editor has open, and places in them. An open file is as the editor has it, any
other as it is on disk."""
import bisect
import os
from urllib.parse import quote, unquote, urlsplit

from ..diag import Diags
from ..driver import compile_sources
from ..parse import parse
from ..sema.imports import resolve
from ..source import Source, read_source


def path_of(uri):
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" else uri


def uri_of(path):
    return "file://" + quote(os.path.abspath(path)) if "://" not in path else path


class Document:
    """An open file. Positions of the protocol are line and UTF-16 code units, both from 0."""

    def __init__(self, uri, text):
        self.uri, self.path = uri, path_of(uri)
        self.source = Source(self.path, text)

    def offset(self, position):
        """The character at a position; one beyond its line is the end of the line."""
        starts = self.source.line_starts()
        line = position["line"]
        if line >= len(starts):
            return len(self.source.text)
        begin, units = starts[line], 0
        for offset, char in enumerate(self.source.line_text(line + 1), begin):
            if units >= position["character"]:
                return offset
            units += 1 + (ord(char) > 0xffff)
        return begin + len(self.source.line_text(line + 1))


def position_of(source, offset):
    starts = source.line_starts()
    line = bisect.bisect_right(starts, offset) - 1
    before = source.text[starts[line]:offset]
    return {"line": line, "character": len(before) + sum(ord(c) > 0xffff for c in before)}


def range_of(span):
    return {"start": position_of(span.source, span.start),
            "end": position_of(span.source, max(span.start, span.end))}


class Workspace:
    def __init__(self, context):
        self.context = list(context)
        self.open = {}             # Document by real path

    def set(self, uri, text):
        document = Document(uri, text)
        self.open[os.path.realpath(document.path)] = document
        return document

    def document(self, uri):
        return self.open.get(os.path.realpath(path_of(uri)))

    def close(self, uri):
        self.open.pop(os.path.realpath(path_of(uri)), None)

    def source(self, path):
        """A file that may be open; None if it cannot be read."""
        document = self.open.get(os.path.realpath(path))
        if document is not None:
            return document.source
        try:
            return read_source(path) if os.path.isfile(path) else None
        except (OSError, ValueError):
            return None

    def context_of(self, path):
        """Files that every file sees: the kernel's ABI, which stands beside the interfaces."""
        if self.context:
            return self.context
        folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(path))), "abi")
        if not os.path.isdir(folder):
            return []
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
                if name.endswith(".if")]

    def compile(self, document):
        """(model.Build or None, Diags) of a document, with all that it sees."""
        sources = [(document.source, True)]
        for path in self.context_of(document.path):
            if os.path.realpath(path) != os.path.realpath(document.path):
                source = self.source(path)
                sources += [(source, False)] if source else []
        # Imported files that are open count as the editor has them.
        sources += [(source, False) for source in self.imported(document.source, {})
                    if os.path.realpath(source.path) in self.open]
        build, diags, _ = compile_sources(sources)
        return build, diags

    def imported(self, source, seen):
        """The sources that a file imports, directly or not."""
        found = []
        seen[os.path.realpath(source.path)] = True
        for item in parse(source, Diags()).imports:
            path = os.path.normpath(resolve(source.path, item))
            if os.path.realpath(path) not in seen:
                other = self.source(path)
                if other is not None:
                    found += [other] + self.imported(other, seen)
        return found

    def visible(self, document):
        """The parsed files whose names a document can use, itself first."""
        sources = [document.source] + self.imported(document.source, {})
        known = {os.path.realpath(source.path) for source in sources}
        for path in self.context_of(document.path):
            if os.path.realpath(path) not in known:
                source = self.source(path)
                sources += [source] if source else []
        return [parse(source, Diags()) for source in sources]
