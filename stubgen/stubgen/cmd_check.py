"""`stubgen check`: are these files right, and do they keep to what was released?"""
import os
import sys

from .cli import USAGE_ERROR, compile_args, takes_files
from .emit.output import write_depfile, write_text
from .frozen.check import check


def arguments(parser):
    takes_files(parser)
    parser.add_argument("--frozen", metavar="DIR", help="released versions of the interfaces "
                        "(default: the folder `frozen` beside that of a file, if there is one)")
    parser.add_argument("--stamp", metavar="FILE", help="written if all is right")
    parser.add_argument("--depfile", metavar="FILE", help="a make rule: the stamp needs all that "
                        "was read")


def run(args):
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
