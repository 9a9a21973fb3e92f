"""Numbers for the checks of generated validators: what a receiver demands of words and
capabilities. A back end gives every condition that is true for a bad message to mark(); that is all
unless a run asked for numbers (`gen --list-checks`, `gen --omit-check`), which tests do: a check
that can be left out without a test noticing is no check.

The number of a check is its place in the outputs, in their order, from 1.

It also gives the lines of each validator, what takes a message of a peer apart, to validator(), so
that a fuzzer can tell how much of them it has reached."""
import re

SWITCH = "switch"        # omit: the check whose number is in `checks_omitted` at run time
_BEGIN, _IMPLIED, _END = "\x01", "\x03", "\x02"
_FROM, _TO = "\x04", "\x05"
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


def validator(lines):
    """These lines of a body, which judge a message."""
    return [_FROM + line + _TO for line in lines] if _marking else lines


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
    found = []
    return [(name, _numbered(name, _lines(text)[0], omit, found))
            for name, text in _marked(target, build)], found


def validators(target, build):
    """(texts of a target, {name of an output: the numbers of the lines of its validators})."""
    texts, places = [], {}
    for name, text in _marked(target, build):
        text, places[name] = _lines(text)
        texts.append((name, _MARKED.sub(lambda match: match[2], text)))
    return texts, places


def _marked(target, build):
    _marking.append(True)
    try:
        return list(target.render(build))
    finally:
        _marking.pop()


def _lines(text):
    """(the text without marks of validators, the numbers of their lines)."""
    inside, found = False, set()
    for number, line in enumerate(text.split("\n"), 1):
        if inside or _FROM in line:
            found.add(number)
        inside = line.rfind(_FROM) > line.rfind(_TO) if _FROM in line or _TO in line else inside
    return text.replace(_FROM, "").replace(_TO, ""), found


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
