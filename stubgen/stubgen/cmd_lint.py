"""`stubgen lint`: what is right, but not good."""
import sys

from .cli import compile_args, takes_files
from .source import read_source


def arguments(parser):
    takes_files(parser)


def run(args):
    from .lint import lint
    compiled = compile_args(args)
    if compiled is None:
        return 1
    build, _ = compiled
    diags = lint(build, {file.path: read_source(file.path) for file in build.files})
    sys.stderr.write(diags.render(args.format))
    return 1 if diags else 0
