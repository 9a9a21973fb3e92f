"""`stubgen explain`: what a diagnostic code means."""
import sys

from .cli import USAGE_ERROR
from .codes import CODES


def arguments(parser):
    parser.add_argument("code", nargs="?", metavar="E0123", help="without one, all are listed")


def run(args):
    if args.code is None:
        for code, entry in sorted(CODES.items()):
            print(f"{code}  {entry.pass_name:8} {entry.title}")
        return 0
    entry = CODES.get(args.code.upper())
    if entry is None:
        print(f"stubgen: unknown code {args.code}; `stubgen explain` lists all", file=sys.stderr)
        return USAGE_ERROR
    print(f"{args.code.upper()}: {entry.title} (pass {entry.pass_name})\n\n{entry.text}")
    return 0
