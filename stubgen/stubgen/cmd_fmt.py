"""`stubgen fmt`: puts files into their canonical form, or says which are not."""
import sys

from .cli import USAGE_ERROR, takes_format
from .diag import Diags
from .emit.output import write_if_changed
from .fmt import format_source
from .source import Source, Span, read_source


def arguments(parser):
    parser.add_argument("files", nargs="+", metavar="FILE", help=".if and .dev files; - is stdin")
    parser.add_argument("--check", action="store_true",
                        help="write nothing, fail if a file is not in canonical form")
    takes_format(parser)


def run(args):
    if args.files == ["-"]:
        return _stdin(args)
    failed = False
    for path in args.files:
        try:
            source = read_source(path)
        except (OSError, ValueError) as error:
            print(f"stubgen: {path}: cannot read: {error}", file=sys.stderr)
            return USAGE_ERROR
        text, diags = (None, check(source)) if args.check else format_source(source)
        if diags:
            sys.stderr.write(diags.render(args.format))
            failed = True
        elif not args.check:
            write_if_changed(path, text)
    return 1 if failed else 0


def _stdin(args):
    text, diags = format_source(Source("<stdin>", sys.stdin.read()))
    if diags:
        sys.stderr.write(diags.render(args.format))
        return 1
    sys.stdout.write(text)
    return 0


def check(source):
    """The Diags of a file that is not in canonical form: the first line that differs."""
    text, diags = format_source(source)
    if text is None or text == source.text:
        return diags
    diags = Diags()
    old, new = source.text.splitlines(True), text.splitlines(True)
    at = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
    offset = sum(len(line) for line in old[:at])
    end = offset + len(old[at].rstrip("\n")) if at < len(old) else offset
    diags.error("E2001", Span(source, offset, end), "the file is not in canonical form",
                "the first line that differs", "run `stubgen fmt` on it")
    return diags
