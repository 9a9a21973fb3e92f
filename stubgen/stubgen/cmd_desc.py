"""`stubgen desc`: which interfaces programs speak, read from their section .ifdesc."""
import json
import sys

from . import selfdesc
from .cli import USAGE_ERROR


def arguments(parser):
    parser.add_argument("files", nargs="+", metavar="ELF", help="programs and objects")
    parser.add_argument("--text", action="store_true", help="print the interfaces, too")
    parser.add_argument("--json", action="store_true", help="print all as JSON")


def run(args):
    found = []
    for path in args.files:
        try:
            data = selfdesc.of_program(path)
        except (OSError, ValueError) as error:
            print(f"stubgen: {path}: cannot read: {error}", file=sys.stderr)
            return USAGE_ERROR
        try:
            found += [(path, record) for record in selfdesc.records(data)]
        except (selfdesc.Damaged, UnicodeDecodeError) as error:
            print(f"{path}: {selfdesc.SECTION}: {error}", file=sys.stderr)
            return 1
    if args.json:
        json.dump([{"file": path, **vars(record)} for path, record in found], sys.stdout, indent=1)
        print()
        return 0
    for path, record in found:
        print(f"{path}: {record.role} of {record.name}, id {record.id:#x}, "
              f"version {record.version}, hash {record.hash:#018x}, grammar {record.grammar}")
        if args.text:
            print(record.text, end="")
    return 0
