"""Numbers for the checks of generated validators: what a receiver demands of words and
capabilities. A back end gives every condition that is true for a bad message to mark(); that is all
unless a run asked for numbers (`gen --list-checks`, `gen --omit-check`), which tests do: a check
that can be left out without a test noticing is no check.

The number of a check is its place in the outputs, in their order, from 1."""
import re

SWITCH = "switch"        # omit: the check whose number is in `checks_omitted` at run time
_BEGIN, _IMPLIED, _END = "\x01", "\x03", "\x02"
_MARKED = re.compile(f"([{_BEGIN}{_IMPLIED}])([^{_BEGIN}{_IMPLIED}{_END}]*){_END}")
_FUNCTION = re.compile(r"^(?!__attribute__)(?:\w[\w ]*[ *])?(\w+)\([^;{}]*\)\n\{", re.M)

_marking = []


def mark(condition):
    """The C of a condition, as a check of its own unless it is made of such."""
    if not _marking or _BEGIN in condition or _IMPLIED in condition:
        return condition
    return _BEGIN + condition + _END


def implied(condition):
    """The same for a check whose messages another one refuses, too: a first look, so that nothing
    is read that did not come. No message can tell whether it is there, so it has no number."""
    return _IMPLIED + condition + _END if _marking else condition


class Found:
    """One check: `file`, `line` and `function` where it stands, `text`: its condition. One that is
    implied has None for its number."""

    def __init__(self, number, file, line, function, text):
        self.number, self.file, self.line = number, file, line
        self.function, self.text = function, text

    def __str__(self):
        return f"{self.number or 'implied'} {self.file}:{self.line} {self.function}: {self.text}"


def render(target, build, omit=None):
    """(texts of a target, its checks). `omit`: the number of the check that is left out, SWITCH, or
    None. Its operands are still evaluated."""
    _marking.append(True)
    try:
        texts = list(target.render(build))
    finally:
        _marking.pop()
    found = []
    return [(name, _numbered(name, text, omit, found)) for name, text in texts], found


def _numbered(name, text, omit, found):
    functions = [(m.start(), m[1]) for m in _FUNCTION.finditer(text)]

    def replace(match):
        at = match.start()
        function = [n for start, n in functions if start < at][-1:] or ["?"]
        line = text.count("\n", 0, at) + 1
        number = None
        if match[1] == _BEGIN:
            number = sum(check.number is not None for check in found) + 1
        found.append(Found(number, name, line, function[0], " ".join(match[2].split())))
        if omit == SWITCH and number:
            return f"(({match[2]}) && checks_omitted != {number}u)"
        return f"(({match[2]}) && 0)" if number and omit == number else match[2]

    made = _MARKED.sub(replace, text)
    if omit == SWITCH and made != text:
        return "extern __typeof__(1u) checks_omitted;\n" + made
    return made
