"""What stands between two tokens of a statement, and where it may be broken into lines."""
from .tokens import Remark, is_method, kind_of

WITHOUT_VALUE = ("coalesce", "idempotent")
COMPARISONS = ("<", ">", "<=", ">=")
SIGN_AFTER = ("range", "..", "=")
TIGHT_AFTER = ("(", "[", "@", ".", "..", "|")
TIGHT_BEFORE = (";", ",", ")", "[", "]", ".", "..", "?", "|")


class Unit:
    """Tokens that stay together: `text`, the remarks `before` it, one `after` it. `glue`: no space
    between it and the unit before."""

    def __init__(self):
        self.text = ""
        self.before = []
        self.after = ""
        self.glue = False


class Segment:
    """A part of a statement that is kept on one line if possible: a list of units."""

    def __init__(self):
        self.units = []

    def text(self):
        return join(self.units)


def join(units):
    text = ""
    for unit in units:
        text += ("" if unit.glue or not text else " ") + unit.text
    return text


def segments(tokens):
    """The statement as segments; of all but methods there is one."""
    spaced = _wide_colon(tokens)
    found = [Segment()]
    starts = _starts(tokens) if is_method(tokens) else {}
    angle = 0
    condition = split = glue = False
    before = None
    sign = False                              # is the token before a sign?
    for index, token in enumerate(tokens):
        if index in starts:
            found.append(Segment())
            condition = starts[index] in ("requires", "ensures")
            split = True
        space = before is not None and not sign and _space(before, token, condition, spaced)
        units = found[-1].units
        if split or not units or condition and token.text == "&&":
            units.append(Unit())
            units[-1].glue = glue and not space
        unit = units[-1]
        unit.text += (" " if space and unit.text else "") + token.text
        angle += 0 if condition else {"<": 1, ">": -1}.get(token.text, 0)
        split = angle == 0 and (token.text == "," or token.text == "(" and not condition)
        _remarks(unit, token, split or token is tokens[-1])
        glue = token.text == "("
        sign = token.text == "-" and before is not None and before.text in SIGN_AFTER
        before = token
    return found


def _remarks(unit, token, is_last):
    """Remarks stay where they are if that is before or after a unit; others come before it."""
    unit.before += token.before
    if is_last:
        unit.after = token.after
    elif token.after:
        unit.before.append(Remark(token.after, False))


def _wide_colon(tokens):
    """Is there space before the `:` of this statement? Of what holds an enum, of registers."""
    if kind_of(tokens) in ("enum", "flags") and len(tokens) > 1 and tokens[1].text != ":":
        return True
    if tokens[0].text in ("reg", "array") and any(t.text == "@" for t in tokens[:3]):
        return True
    return tokens[0].kind == "int" and len(tokens) > 1 and tokens[1].text != ":"


def _space(before, token, condition, wide_colon):
    a, b = before.text, token.text
    if a in TIGHT_AFTER or b in TIGHT_BEFORE:
        return False
    if b == "(":
        return not (condition and a == "len")
    if not condition and (b in ("<", ">") or a == "<" or a == "<="):
        return False
    if b == ":":
        return wide_colon
    return True


def _starts(tokens):
    """Where segments begin in a method: {index: word} of `->` and of each clause."""
    found, depth, value = {}, 0, False
    closed = 0                                # parameter lists seen
    for index, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth or token.text in ("(", ";"):
            continue
        if token.text == ")":
            closed, value = closed + 1, True
        elif token.text == "->":
            found[index], value = "->", False
        elif closed and token.kind == "ident":
            if value:
                found[index] = token.text
                value = token.text in WITHOUT_VALUE
            else:
                value = True
        elif closed:
            value = token.kind == "int"
    return found
