"""`stubgen explain`: what a diagnostic code means, with an example and how it is put right; with
--out, a page for each code."""
import os
import sys

from . import examples
from .cli import USAGE_ERROR
from .codes import CODES
from .emit.output import own_files, write_depfile, write_if_changed

PAGES = "diagnostics"


def arguments(parser):
    parser.add_argument("code", nargs="?", metavar="E0123", help="without one, all are listed")
    parser.add_argument("--out", metavar="DIR", help="write diagnostics.md and diagnostics/*.md")
    parser.add_argument("--depfile", metavar="FILE", help="write a make rule of all that was read")


def run(args):
    if args.out:
        return _pages(args)
    if args.code is None:
        for code, entry in sorted(CODES.items()):
            print(f"{code}  {entry.pass_name:8} {entry.title}")
        return 0
    code = args.code.upper()
    if code not in CODES:
        print(f"stubgen: unknown code {args.code}; `stubgen explain` lists all", file=sys.stderr)
        return USAGE_ERROR
    print(explain(code), end="")
    return 0


def explain(code):
    entry = CODES[code]
    text = f"{code}: {entry.title} (pass {entry.pass_name})\n\n{entry.text}\n"
    example = _examples().get(code)
    if example is not None:
        text += f"\nThis is wrong:\n\n{_indent(example.bad())}\n{_indent(example.printed())}" \
                f"\nThis is right:\n\n{_indent(example.right())}"
    return text


def page(code, example):
    """The page of a code in Markdown."""
    entry = CODES[code]
    parts = [f"# {code}: {entry.title}", entry.text, f"Reported by pass {entry.pass_name}."]
    if example is not None:
        parts += ["This is wrong:", _block(example.bad()), "What is printed:",
                  _block(example.printed()), "This is right:", _block(example.right())]
    return "\n\n".join(parts) + "\n"


def _pages(args):
    found = _examples()
    index = ["# Diagnostics", "", "| code | pass | what |", "|---|---|---|"]
    for code, entry in sorted(CODES.items()):
        index.append(f"| [{code}]({PAGES}/{code}.md) | {entry.pass_name} | {entry.title} |")
        write_if_changed(os.path.join(args.out, PAGES, f"{code}.md"), page(code, found.get(code)))
    write_if_changed(os.path.join(args.out, f"{PAGES}.md"), "\n".join(index) + "\n")
    if args.depfile:
        read = [os.path.join(examples.FOLDER, name) for name in sorted(os.listdir(examples.FOLDER))
                ] if found else []
        write_depfile(args.depfile, args.out, [f"{PAGES}.md"], read + own_files())
    return 0


def _examples():
    """The first example of each code."""
    found = {}
    for example in examples.load():
        for code in example.codes():
            found.setdefault(code, example)
    return found


def _indent(text):
    return "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())


def _block(text):
    return f"```\n{text.rstrip()}\n```"
