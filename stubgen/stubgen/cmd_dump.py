"""`stubgen dump`: the checked model as JSON. Its form is docs/ref/dump.schema.json."""
import argparse
import json
import sys

from . import schema
from .cli import compile_args, takes_files
from .model import as_json


class _Schema(argparse.Action):
    """Like --help: needs no files."""

    def __call__(self, parser, *args):
        _print(schema.schema())
        parser.exit(0)


def arguments(parser):
    takes_files(parser)
    parser.add_argument("--schema", action=_Schema, nargs=0,
                        help="print the JSON Schema of the output")


def run(args):
    compiled = compile_args(args)
    if compiled is None:
        return 1
    _print({"format": schema.FORMAT, **as_json(compiled[0])})
    return 0


def _print(value):
    json.dump(value, sys.stdout, indent=1)
    print()
