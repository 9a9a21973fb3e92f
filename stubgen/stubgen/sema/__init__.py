"""Semantic analysis: named passes in a fixed order, from parsed files to the model.

Every pass reports all that it finds; a later pass skips what an earlier one could not make sense
of."""
from . import abi, bounds, clauses, cnames, devices, errors, ids, imports, names, types
from .context import Context

PASSES = (("imports", imports), ("names", names), ("types", types), ("bounds", bounds),
          ("ids", ids), ("errors", errors), ("clauses", clauses), ("abi", abi),
          ("devices", devices), ("cnames", cnames))


def analyse(files, diags, skip=()):
    """files: [(ast.File, generate)], an imported file before its importers. Returns the
    model.Build, which is complete only if no error was reported. `skip`: passes that are left
    out."""
    context = Context(files, diags)
    for name, module in PASSES:
        if name == "cnames" and diags:
            break
        if name in skip:
            continue
        module.run(context)
    return context.build
