"""The command line."""
import argparse
import json
import os
import sys

from .codes import CODES

USAGE_ERROR = 2

DESCRIPTION = """The compiler of the AOS interface language: one .if file describes an interface,
stubgen makes the C code of both sides, the kernel's decoders and the reference pages from it."""

EPILOG = """examples:
  stubgen check idl/if/*.if --with idl/abi/*.if     are these files right?
  stubgen gen --target abi --out build/idl/abi --depfile abi.d idl/abi/*.if
  stubgen freeze NAME                               releases a draft: idl/frozen/NAME.N.if
  stubgen fmt idl/if/*.if                           gives files their canonical form
  stubgen dump idl/if/NAME.if                       the checked model as JSON
  stubgen doc --out docs/ref idl/if/*.if            reference pages
  stubgen explain E0403                             what a diagnostic means

exit status: 0 fine, 1 the input has errors, 2 the command line is wrong or a file cannot be read"""

# Commands with a module of their own.
MODULES = {"check": "cmd_check", "desc": "cmd_desc", "fmt": "cmd_fmt", "freeze": "cmd_freeze"}


def _parser():
    from .emit import TARGETS
    top = argparse.ArgumentParser("stubgen", description=DESCRIPTION, epilog=EPILOG,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=_module(MODULES[name]) if name in MODULES else globals()[f"_{name}"])
        return sub

    def takes_files(sub):
        sub.add_argument("files", nargs="+", metavar="FILE", help=".if and .dev files")
        sub.add_argument("--with", dest="context", nargs="+", default=[], metavar="FILE",
                         help="files that are only looked at, such as idl/abi/*.if")
        sub.add_argument("--format", choices=("gcc", "json"), default="gcc",
                         help="how diagnostics are printed (default: gcc)")

    gen = command("gen", "write generated code")
    takes_files(gen)
    gen.add_argument("--target", choices=sorted(TARGETS), required=True,
                     help="; ".join(f"{name}: {target.help}"
                                    for name, target in sorted(TARGETS.items())))
    gen.add_argument("--out", required=True, metavar="DIR", help="where the outputs go")
    gen.add_argument("--depfile", metavar="FILE", help="write a make rule of all that was read")
    gen.add_argument("--list-outputs", action="store_true",
                     help="print the names of the outputs and write nothing")
    check = command("check", "check files, and that they keep to what was released")
    takes_files(check)
    check.add_argument("--frozen", metavar="DIR", help="released versions of the interfaces "
                       "(default: the folder `frozen` beside that of a file, if there is one)")
    check.add_argument("--stamp", metavar="FILE", help="written if all is right")
    check.add_argument("--depfile", metavar="FILE", help="a make rule: the stamp needs all that "
                       "was read")
    freeze = command("freeze", "release interfaces: write their text, remove the word `draft`")
    freeze.add_argument("names", nargs="+", metavar="NAME", help="interfaces")
    freeze.add_argument("--idl", default="idl", metavar="DIR", help="has the folders `if`, `abi` "
                        "and `frozen` (default: idl)")
    freeze.add_argument("--files", nargs="+", metavar="FILE", help="where the interfaces are "
                        "declared (default: idl/if/*.if)")
    freeze.add_argument("--with", dest="context", nargs="+", metavar="FILE",
                        help="files that are only looked at (default: idl/abi/*.if)")
    freeze.add_argument("--frozen", metavar="DIR", help="where the text goes (default: idl/frozen)")
    freeze.add_argument("--format", choices=("gcc", "json"), default="gcc",
                        help="how diagnostics are printed (default: gcc)")
    takes_files(command("dump", "print the checked model as JSON"))
    doc = command("doc", "write reference pages in Markdown")
    takes_files(doc)
    doc.add_argument("--out", required=True, metavar="DIR", help="where the pages go")
    doc.set_defaults(target="doc", depfile=None, list_outputs=False)
    fmt = command("fmt", "put files into their canonical form")
    fmt.add_argument("files", nargs="+", metavar="FILE", help=".if and .dev files; - is stdin")
    fmt.add_argument("--check", action="store_true",
                     help="write nothing, fail if a file is not in canonical form")
    fmt.add_argument("--format", choices=("gcc", "json"), default="gcc",
                     help="how diagnostics are printed (default: gcc)")
    desc = command("desc", "say which interfaces programs speak")
    desc.add_argument("files", nargs="+", metavar="ELF", help="programs and objects")
    desc.add_argument("--text", action="store_true", help="print the interfaces, too")
    desc.add_argument("--json", action="store_true", help="print all as JSON")
    explain = command("explain", "say what a diagnostic code means")
    explain.add_argument("code", nargs="?", metavar="E0123", help="without one, all are listed")
    return top


def _module(name):
    """A command that has a file of its own, which is read only if it runs."""
    def run(args):
        from importlib import import_module
        return import_module(f".{name}", __package__).run(args)
    return run


def main(argv):
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def compile_args(args):
    """The checked build and the paths read, or None after printing what is wrong."""
    from .driver import InputError, compile_files
    try:
        build, diags, read = compile_files(args.files, args.context)
    except InputError as error:
        print(f"stubgen: {error}", file=sys.stderr)
        raise SystemExit(USAGE_ERROR) from error
    if diags:
        sys.stderr.write(diags.render(args.format))
        return None
    return build, read


def _dump(args):
    compiled = compile_args(args)
    if compiled is None:
        return 1
    from .model import as_json
    json.dump(as_json(compiled[0]), sys.stdout, indent=1)
    print()
    return 0


def _gen(args):
    from .emit import TARGETS
    target = TARGETS[args.target]
    compiled = compile_args(args)
    if compiled is None:
        return 1
    build, read = compiled
    from .emit import output
    if args.list_outputs:
        print("\n".join(name for name, _ in target.render(build)))
        return 0
    try:
        output.write_all(args.out, target.render(build))
        if args.depfile:
            output.write_depfile(args.depfile, args.out, target.outputs(build), read)
    except OSError as error:
        print(f"stubgen: cannot write: {error}", file=sys.stderr)
        return USAGE_ERROR
    return 0


_doc = _gen


def _explain(args):
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
