"""`// allow W0202: why`: a warning that is meant."""
import re

from ..diag import Diag, Diags
from ..lex import _TOKEN, EOF, lex
from ..source import Span

_ALLOW = re.compile(r"//[ \t]*allow\b[ \t]*(.*)")
_FORM = re.compile(r"(W[0-9]{4}(?:, *W[0-9]{4})*): *\S.*")


def allowed(source, diags):
    """The diags that no remark of the source allows, and what is wrong with the remarks."""
    if "allow" not in source.text:
        return diags
    kept, tokens = list(diags), lex(source, Diags())
    for piece in _TOKEN.finditer(source.text):
        found = piece.lastgroup == "comment" and _ALLOW.fullmatch(piece.group().rstrip())
        if not found:
            continue
        begin = piece.start()
        span = Span(source, begin, begin + len(found.group()))
        form = _FORM.fullmatch(found.group(1).strip())
        if form is None:
            kept.append(Diag("W0701", span, "this allows nothing", "expected codes and a reason",
                             "write `// allow W0202: why it is right here`"))
            continue
        begin, end = _scope(source, tokens, begin)
        for code in form[1].replace(" ", "").split(","):
            hit = [d for d in kept if d.code == code and begin <= d.span.start < end]
            kept = [d for d in kept if d not in hit]
            if not hit:
                kept.append(Diag("W0702", span, f"there is no {code} here to allow",
                                 "without effect", "remove it"))
    return kept


def _scope(source, tokens, at):
    """What a remark at this offset is about: the rest of its line before it, or the declaration
    after it."""
    line = source.text.rfind("\n", 0, at) + 1
    if source.text[line:at].strip():
        return line, at
    depth = 0
    rest = [token for token in tokens if token.span.start > at and token.kind != EOF]
    for token in rest:
        depth += {"{": 1, "}": -1}.get(token.text, 0)
        if depth <= 0 and token.text in (";", "}"):
            return at, token.span.end
    return at, len(source.text)
