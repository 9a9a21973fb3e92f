"""Pass support: what the language has but no back end generates yet is refused, never ignored."""
from .. import ast, model

NOT_YET = "not supported by this version"


def run(context):
    for space in context.namespaces:
        for decl in space.file.decls:
            if isinstance(decl, ast.Interface):
                for method in decl.methods:
                    _method(context, method)


def _method(context, decl):
    node = context.made[id(decl)]
    if decl.stream:
        context.error("E1201", decl.stream, f"a stream is {NOT_YET}", "a stream",
                      "return an array `T[<=N]` and a position to go on from")
    for item, param in zip(decl.params, node.params):
        if isinstance(param.type, model.Cap) and param.type.move == "borrow":
            context.error("E1205", item.type.span, f"`borrow` is {NOT_YET}", "a borrowed "
                          "capability", "use `copy`, and delete it in the server")
