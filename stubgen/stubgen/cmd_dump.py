"""`stubgen dump`: the checked model as JSON."""
import json
import sys

from .cli import compile_args, takes_files
from .model import as_json


def arguments(parser):
    takes_files(parser)


def run(args):
    compiled = compile_args(args)
    if compiled is None:
        return 1
    json.dump(as_json(compiled[0]), sys.stdout, indent=1)
    print()
    return 0
