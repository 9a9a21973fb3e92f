"""`stubgen import`: translates Flounder files, and says what could not be kept."""
import glob
import json
import os
import sys

from .cli import USAGE_ERROR, takes_format
from .flounder.translate import ID_FIRST, outer_types, translate
from .limits import ID_MAX
from .source import read_source

# Where Barrelfish keeps types that every interface can use, relative to its interfaces.
TYPE_FILES = ("types.if", "platform/armv8.if", "arch/armv8.if")


def arguments(parser):
    parser.add_argument("files", nargs="+", metavar="FILE", help="Flounder's .if files")
    parser.add_argument("--out", metavar="DIR",
                        help="where NAME.if goes (default: standard output)")
    parser.add_argument("--types", nargs="+", default=[], metavar="FILE", help="files with types "
                        "for all (types.if, platform and arch beside FILE are found)")
    parser.add_argument("--id", type=_number, default=ID_FIRST, metavar="N",
                        help="id of the first interface; the others follow (default: 0x300)")
    takes_format(parser)


def _number(text):
    return int(text, 0)


def run(args):
    if not ID_FIRST <= args.id <= ID_MAX - len(args.files) + 1:
        print(f"stubgen: ids of {len(args.files)} files from {args.id:#x} on are not in "
              f"{ID_FIRST:#x} to {ID_MAX:#x}, those of trees outside AOS", file=sys.stderr)
        return USAGE_ERROR
    failed, number = False, args.id
    try:
        for path in args.files:
            result = translate(read_source(path), outer(path, args.types), number)
            number += 0 if result.is_types else 1
            _report(result, args.format)
            failed |= result.text is None and not result.is_types
            if result.text is not None:
                _write(args.out, result)
    except (OSError, ValueError) as error:
        print(f"stubgen: {error}", file=sys.stderr)
        return USAGE_ERROR
    return 1 if failed else 0


def outer(path, more):
    """Types from the files beside `path` and from those that were named."""
    folder = os.path.dirname(path) or "."
    files = list(more)
    for up in (folder, os.path.dirname(os.path.abspath(folder))):
        for name in TYPE_FILES:
            files += glob.glob(os.path.join(glob.escape(up), name))
    return outer_types([read_source(file) for file in files
                        if os.path.realpath(file) != os.path.realpath(path)])


def _report(result, style):
    if result.diags:
        sys.stderr.write(result.diags.render(style))
    for loss in result.losses.sorted():
        sys.stderr.write(json.dumps(loss.as_dict()) + "\n" if style == "json" else loss.render())


def _write(out, result):
    if out is None:
        sys.stdout.write(result.text)
        return
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, result.name + ".if"), "w", encoding="utf-8") as file:
        file.write(result.text)
