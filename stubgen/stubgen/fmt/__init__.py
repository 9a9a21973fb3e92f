"""Canonical formatting. Remarks stay; nothing but space changes."""
from ..diag import Diags
from ..lex import lex
from ..parse import parse
from ..source import Source
from .layout import Writer
from .tokens import scan, statements


def format_source(source):
    """(formatted text or None, diags): None when the file has syntax errors, which diags tells."""
    diags = Diags()
    parse(source, diags)
    if diags:
        return None, diags
    tokens = scan(source.text)
    items, at = statements(tokens)
    writer = Writer()
    writer.file(items, tokens[at])
    text = "\n".join(writer.lines) + "\n" if writer.lines else ""
    assert _meaning(Source(source.path, text)) == _meaning(source), f"{source.path}: fmt is wrong"
    return text, diags


def _meaning(source):
    """What must not change: the tokens, their doc comments, and how many remarks there are."""
    tokens = [(t.kind, t.text, t.doc and t.doc[0]) for t in lex(source, Diags())]
    return tokens, sorted(text for text in _remarks(source.text))


def _remarks(text):
    for token in scan(text):
        yield from (remark.text for remark in token.before)
        if token.after:
            yield token.after
