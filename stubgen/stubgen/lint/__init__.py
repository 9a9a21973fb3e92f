"""Warnings about a checked build."""
from ..diag import Diags
from .allow import allowed
from .rules import RULES


def lint(build, sources):
    """The Diags of the files that are generated. `sources`: the Source of each path."""
    found = Diags()
    paths = {file.namespace: file.path for file in build.files if file.generate}
    for rule in RULES:
        for warning in rule(build, paths):
            found.error(*warning)
    result = Diags()
    for path in paths.values():
        mine = [d for d in found.sorted() if d.span.source.path == path]
        result.items += allowed(sources[path], mine)
    return result
