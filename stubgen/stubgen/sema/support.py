"""Pass support: what the language has but no back end generates yet is refused, never ignored."""
from .. import ast

NOT_YET = "not supported by this version"


def run(context):
    for space in context.namespaces:
        for decl in space.file.decls:
            if isinstance(decl, ast.Interface):
                for method in decl.methods:
                    _method(context, method)


def _method(context, decl):
    if decl.stream:
        context.error("E1201", decl.stream, f"a stream is {NOT_YET}", "a stream",
                      "return an array `T[<=N]` and a position to go on from")
