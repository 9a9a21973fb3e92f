"""Source files and spans: every later stage points back into one of these."""
import bisect
import os


class Source:
    """One input file. `path` is what the user typed; diagnostics print it unchanged."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.stem = os.path.splitext(os.path.basename(path))[0]
        self._line_starts = None

    def line_starts(self):
        if self._line_starts is None:
            starts = [0]
            find = self.text.find
            at = find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = find("\n", at + 1)
            self._line_starts = starts
        return self._line_starts

    def line_col(self, offset):
        """The 1-based line and column of a character offset."""
        starts = self.line_starts()
        line = bisect.bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line_text(self, line):
        starts = self.line_starts()
        begin = starts[line - 1]
        end = starts[line] - 1 if line < len(starts) else len(self.text)
        return self.text[begin:end].rstrip("\r")


class Span:
    """A half-open range of characters in one source."""

    __slots__ = ("source", "start", "end")

    def __init__(self, source, start, end):
        self.source = source
        self.start = start
        self.end = end

    def to(self, other):
        """The range from the start of this span to the end of the other."""
        return Span(self.source, self.start, max(self.end, other.end))

    def after(self):
        """The empty range right behind this span: where something is missing."""
        return Span(self.source, self.end, self.end)

    def where(self):
        line, col = self.source.line_col(self.start)
        return f"{self.source.path}:{line}:{col}"

    def __repr__(self):
        return f"<{self.where()}>"


def read_source(path):
    """Reads a file. Raises OSError, or ValueError when it is not UTF-8."""
    with open(path, "rb") as file:
        data = file.read()
    return Source(path, data.decode("utf-8"))
