"""`stubgen check`: are these files right, and do they keep to what was released?"""
import os
import sys

USAGE_ERROR = 2


def run(args):
    from .cli import compile_args
    from .emit.output import write_depfile, write_text
    from .frozen.check import check
    compiled = compile_args(args)
    if compiled is None:
        return 1
    build, read = compiled
    if args.frozen and not os.path.isdir(args.frozen):
        print(f"stubgen: {args.frozen}: no such folder", file=sys.stderr)
        return USAGE_ERROR
    diags, more = check(build, args.frozen)
    if diags:
        sys.stderr.write(diags.render(args.format))
        return 1
    if args.stamp:
        write_text(args.stamp, "".join(f"{i.name} {i.version} {i.hash:#018x}\n"
                                       for i in build.interfaces))
        if args.depfile:
            write_depfile(args.depfile, os.path.dirname(args.stamp),
                          [os.path.basename(args.stamp)], read + more)
    return 0
