"""Diagnostics: stable codes, a caret, what was expected and how to fix it."""
import json

from .codes import CODES

TAB = 4
MAX_SHOWN_COLUMNS = 200    # a caret line never grows beyond this
DEFAULT_LIMIT = 50         # errors printed per run


class Diag:
    """One error. `label` stands beside the caret, `fix` says what to do,
    `notes` are (span, text) pairs that show the other places involved."""

    def __init__(self, code, span, message, label="", fix="", notes=()):
        assert code in CODES, code
        self.code = code
        self.span = span
        self.message = message
        self.label = label
        self.fix = fix
        self.notes = list(notes)

    def pass_name(self):
        return CODES[self.code].pass_name

    def severity(self):
        return "warning" if self.code.startswith("W") else "error"

    def key(self):
        return (self.span.source.path, self.span.start, self.code, self.message)


class Diags:
    """Collects diagnostics; prints them in source order, each place once."""

    def __init__(self):
        self.items = []
        self._seen = set()

    def error(self, code, span, message, label="", fix="", notes=()):
        diag = Diag(code, span, message, label, fix, notes)
        if diag.key() not in self._seen:
            self._seen.add(diag.key())
            self.items.append(diag)

    def __bool__(self):
        return bool(self.items)

    def __len__(self):
        return len(self.items)

    def sorted(self):
        return sorted(self.items, key=Diag.key)

    def render(self, style="gcc", limit=DEFAULT_LIMIT):
        items = self.sorted()
        if style == "json":
            return "".join(json.dumps(as_dict(d)) + "\n" for d in items)
        text = "".join(render_gcc(d) for d in items[:limit])
        if len(items) > limit:
            text += f"... and {len(items) - limit} more\n"
        return text


def _snippet(span, label):
    """The source line with a caret under the span."""
    source = span.source
    line, col = source.line_col(span.start)
    raw = source.line_text(line)
    shown = raw.expandtabs(TAB)[:MAX_SHOWN_COLUMNS]
    lead = len(raw[:col - 1].expandtabs(TAB))
    if lead > MAX_SHOWN_COLUMNS:
        return f"{line:5} | {shown}\n"
    end_line, end_col = source.line_col(max(span.start, span.end))
    stop = end_col - 1 if end_line == line else len(raw)
    width = len(raw[:stop].expandtabs(TAB)) - lead
    width = max(1, min(width, MAX_SHOWN_COLUMNS - lead))
    caret = " " * lead + "^" * width
    tail = f" {label}" if label else ""
    return f"{line:5} | {shown}".rstrip() + f"\n      | {caret}{tail}\n"


def render_gcc(diag):
    out = f"{diag.span.where()}: {diag.severity()}: {diag.message} [{diag.code}]\n"
    out += _snippet(diag.span, diag.label)
    if diag.fix:
        out += f"      = fix: {diag.fix}\n"
    for span, text in diag.notes:
        out += f"{span.where()}: note: {text}\n" + _snippet(span, "")
    return out


def _place(span):
    line, col = span.source.line_col(span.start)
    end_line, end_col = span.source.line_col(max(span.start, span.end))
    return {"file": span.source.path, "line": line, "column": col,
            "end_line": end_line, "end_column": end_col}


def as_dict(diag):
    return {"code": diag.code, "pass": diag.pass_name(), "severity": diag.severity(),
            "message": diag.message, "label": diag.label, "fix": diag.fix,
            **_place(diag.span),
            "notes": [{"text": text, **_place(span)} for span, text in diag.notes]}


def nearest(word, choices):
    """The choice that a typing slip most likely meant, or None."""
    best, best_distance = None, min(max(1, len(word) // 3) + 1, max(1, len(word)))
    for choice in sorted(choices):
        distance = edit_distance(word, choice, best_distance)
        if distance < best_distance:
            best, best_distance = choice, distance
    return best


def edit_distance(a, b, limit):
    """Levenshtein distance, or `limit` when it is at least that."""
    if abs(len(a) - len(b)) >= limit:
        return limit
    row = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, cb in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (ca != cb))
        if min(row) >= limit:
            return limit
    return min(row[-1], limit)
