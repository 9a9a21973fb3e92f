"""Statements to lines. Which fields share a line is the author's choice, and whether a short block
stands on one line; all else follows from the tokens."""
from .spacing import join, segments
from .tokens import is_method, kind_of

COLUMNS = 100
INDENT = 2
CONTINUED = 4              # of a broken statement, twice that in its clauses
AFTER = "  "               # before a remark on the rest of a line
OPEN_KINDS = ("interface", "object", "errors", "device")     # blocks that are always open


class Writer:
    def __init__(self):
        self.lines = []

    def file(self, items, end):
        self.block(items, 0)
        self.remarks(end.before, 0, bool(self.lines))

    def remarks(self, remarks, indent, blank_first):
        for at, remark in enumerate(remarks):
            if remark.blank and (at or blank_first):
                self.lines.append("")
            self.lines.append(" " * indent + remark.text)

    def block(self, items, indent):
        at, first = 0, True
        while at < len(items):
            group = self.group(items, at)
            head = group[0].first()
            self.remarks(head.before, indent, not first)
            if head.blank and (head.before or not first):
                self.lines.append("")
            if len(group) > 1:
                self.packed(group, indent)
            elif group[0].children is not None:
                self.with_block(group[0], indent)
            else:
                group = self.run(items, at) or group
                if len(group) == 1 or not self.aligned(group, indent):
                    for item in group:
                        self.simple(item, indent)
            at, first = at + len(group), False

    # Simple statements ---------------------------------------------------------------------

    def group(self, items, at):
        """The statements from `at` on that share a line in the source."""
        found = [items[at]]
        while at + 1 < len(items) and _packs(items[at]) and _packs(items[at + 1]):
            token = items[at + 1].first()
            if token.lines or token.before or items[at].last().after:
                break
            at += 1
            found.append(items[at])
        return found

    def packed(self, group, indent):
        line = ""
        for item in group:
            text = _text(item)
            if line and indent + len(line) + 1 + len(text) > COLUMNS:
                self.lines.append(" " * indent + line)
                line = ""
            if not line and indent + len(text) > COLUMNS:
                self.simple(item, indent)
                continue
            line += (" " if line else "") + text
        if line:
            self.lines.append(" " * indent + line + _after(group[-1].last()))
        elif group[-1].last().after:
            self.lines[-1] += _after(group[-1].last())

    def run(self, items, at):
        """The statements `name = value ..;` from `at` on that stand right below each other."""
        found = []
        for index in range(at, len(items)):
            item = items[index]
            token = item.first()
            if not _is_value(item) or found and (token.before or token.blank):
                break
            found.append(item)
        return found

    def aligned(self, run, indent):
        """Writes a run with its `=` and messages below each other; False: it is too wide."""
        parts = [_value(item) for item in run]
        name = max(len(part[0]) for part in parts)
        value = max((len(part[1]) for part in parts if part[2]), default=0)
        lines = []
        for item, (word, number, message) in zip(run, parts):
            line = f"{' ' * indent}{word:{name}} = {number}"
            if message:
                line = f"{line}{' ' * (value - len(number))} {message}"
            lines.append(line + ";" + _after(item.last()))
        if any(len(line) > COLUMNS for line in lines):
            return False
        self.lines += lines
        return True

    def simple(self, item, indent):
        parts = segments(item.head)
        unit = parts[0].units[0]
        self.remarks(unit.before[len(item.first().before):], indent, False)
        unit.before = []
        self.fill(parts, indent)

    def fill(self, parts, indent):
        """The segments of a statement, greedily; each is broken only if it fits no line."""
        units = [unit for part in parts for unit in part.units]
        forced = any(unit.before for unit in units) or any(unit.after for unit in units[:-1])
        whole = " ".join(part.text() for part in parts)
        if not forced and indent + len(whole) <= COLUMNS:
            self.lines.append(" " * indent + whole + (AFTER + units[-1].after
                                                      if units[-1].after else ""))
            return
        for at, chunk in enumerate(_chunks(parts, indent)):
            end = units[-1].after if chunk[-1] is parts[-1] else ""
            self.chunk(chunk, indent, at == 0, AFTER + end if end else "")

    def chunk(self, parts, indent, is_first, end):
        """Segments that begin a line: on one if they fit, else greedily."""
        inner = " " * (indent + CONTINUED)
        line, empty = " " * indent if is_first else inner, True
        for part in parts:
            text, broken = part.text(), any(u.before or u.after for u in part.units)
            gap = "" if empty else " "
            if not broken and len(line) + len(gap) + len(text) <= COLUMNS:
                line, empty = line + gap + text, False
                continue
            if not empty:
                self.lines.append(line)
                line = inner
                if not broken and len(line) + len(text) <= COLUMNS:
                    line += text
                    continue
            deeper = inner if is_first and part is parts[0] else inner + " " * CONTINUED
            self.lines.append(self.broken(part.units, line, deeper))
            line, empty = inner, True
        if not empty:
            self.lines.append(line)
        self.lines[-1] += end

    def broken(self, units, line, inner):
        """The units of one segment; returns the last line, unfinished."""
        empty = True
        for at, unit in enumerate(units):
            if unit.before:
                if not empty:
                    self.lines.append(line)
                self.lines += [inner + remark.text for remark in unit.before]
                line, empty = inner, True
            gap = "" if empty or unit.glue else " "
            if not empty and not unit.glue and len(line) + len(gap) + len(unit.text) > COLUMNS:
                self.lines.append(line)
                line, gap = inner, ""
            line += gap + unit.text
            empty = False
            if unit.after and at + 1 < len(units):
                self.lines.append(line + AFTER + unit.after)
                line, empty = inner, True
        return line

    # Blocks --------------------------------------------------------------------------------

    def with_block(self, item, indent):
        text = join([u for part in segments(item.head) for u in part.units])
        short = self.one_line(item, text)
        if short is not None and indent + len(short) <= COLUMNS:
            self.lines.append(" " * indent + short + _after(item.close))
            return
        self.lines.append(" " * indent + text + " {" + _after(item.open))
        begin = len(self.lines)
        self.block(item.children, indent + INDENT)
        self.remarks(item.close.before, indent + INDENT, len(self.lines) > begin)
        self.lines.append(" " * indent + "}" + _after(item.close))

    def one_line(self, item, text):
        """The statement with its block on one line, if that is what the author chose."""
        inner = [token for child in item.children for token in child.head + [child.last()]]
        if item.open.after or item.close.before or any(t.before or t.after for t in inner) \
                or any(child.children is not None for child in item.children) \
                or kind_of(item.head) in OPEN_KINDS:
            return None
        if not item.children:
            return f"{text} {{ }}"
        if item.children[0].first().lines:
            return None
        return f"{text} {{ {' '.join(_text(child) for child in item.children)} }}"


def _chunks(parts, indent):
    """Which segments of a long statement begin a line: results and clauses together if they fit
    one; else results stay with the parameters if they fit there."""
    if len(parts) == 1:
        return [parts]
    size = [len(part.text()) + 1 for part in parts]
    if indent + CONTINUED + sum(size[1:]) - 1 <= COLUMNS:
        return [parts[:1], parts[1:]]
    if not parts[1].text().startswith("->"):
        return [parts[:1], parts[1:]]
    if indent + size[0] + size[1] - 1 <= COLUMNS:
        return [chunk for chunk in (parts[:2], parts[2:]) if chunk]
    return [chunk for chunk in (parts[:1], parts[1:2], parts[2:]) if chunk]


def _text(item):
    return " ".join(part.text() for part in segments(item.head))


def _after(token):
    return AFTER + token.after if token.after else ""


def _packs(item):
    """May it share a line with others?"""
    return item.children is None and not is_method(item.head) and not _is_value(item) \
        and item.first().text not in ("import", "const", "alias")


def _is_value(item):
    return item.children is None and _value(item) is not None


def _value(item):
    """(name, value, message or "") of `name = value "message";`, else None."""
    head = item.head[:-1]
    if len(head) < 3 or head[0].kind != "ident" or head[1].text != "=":
        return None
    size = 2 if head[2].text == "-" and len(head) > 3 else 1
    rest = head[2 + size:]
    if len(rest) > 1 or rest and rest[0].kind != "string":
        return None
    return head[0].text, "".join(t.text for t in head[2:2 + size]), rest[0].text if rest else ""
