"""The command line. A command is a module with arguments(parser) and run(args), giving the exit
status. Only the module of the command that runs is read: every build runs `gen`, often to find
that there is nothing to do."""
import os
import sys
from importlib import import_module

USAGE_ERROR = 2

DESCRIPTION = """The compiler of the AOS interface language: one .if file describes an interface,
stubgen makes the C code of both sides, the kernel's decoders and the reference pages from it."""

EPILOG = """examples:
  stubgen check idl/if/*.if --with idl/abi/*.if     are these files right?
  stubgen gen --target abi --out build/idl/abi --depfile abi.d idl/abi/*.if
  stubgen freeze NAME                               releases a draft: idl/frozen/NAME.N.if
  stubgen fmt idl/if/*.if                           gives files their canonical form
  stubgen lint idl/if/*.if --with idl/abi/*.if      is what they say good?
  stubgen dump idl/if/NAME.if                       the checked model as JSON
  stubgen doc --out docs/ref idl/if/*.if            reference pages
  stubgen explain E0403                             what a diagnostic means
  stubgen grammar vim > ~/.vim/syntax/if.vim        colours for an editor

exit status: 0 fine, 1 the input has errors, 2 the command line is wrong or a file cannot be read"""

COMMANDS = {
    "gen": ("cmd_gen", "write generated code"),
    "check": ("cmd_check", "check files, and that they keep to what was released"),
    "freeze": ("cmd_freeze", "release interfaces: write their text, remove the word `draft`"),
    "dump": ("cmd_dump", "print the checked model as JSON"),
    "doc": ("cmd_doc", "write reference pages in Markdown"),
    "fmt": ("cmd_fmt", "put files into their canonical form"),
    "lint": ("cmd_lint", "warn of what is right, but not good"),
    "grammar": ("cmd_grammar", "print how an editor colours the language"),
    "lsp": ("cmd_lsp", "a language server for editors, on standard input and output"),
    "import": ("cmd_import", "translate interfaces of Barrelfish's Flounder language"),
    "desc": ("cmd_desc", "say which interfaces programs speak"),
    "ifcat": ("cmd_ifcat", "decode recorded messages (`rpctrace -x`)"),
    "explain": ("cmd_explain", "say what a diagnostic code means"),
}


def main(argv):
    if argv[:1] in (["gen"], ["doc"]):
        from .stamp import nothing_to_do
        if nothing_to_do(argv):
            return 0
    if not argv or argv[0] not in COMMANDS:
        return _overview(argv)
    from argparse import ArgumentParser
    module = import_module(f".{COMMANDS[argv[0]][0]}", __package__)
    parser = ArgumentParser(f"stubgen {argv[0]}", description=COMMANDS[argv[0]][1])
    module.arguments(parser)
    args = parser.parse_args(argv[1:])
    args.argv = argv
    try:
        return module.run(args)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _overview(argv):
    """Help, or what is wrong with the command line."""
    from argparse import ArgumentParser, RawDescriptionHelpFormatter
    parser = ArgumentParser("stubgen", description=DESCRIPTION, epilog=EPILOG,
                            formatter_class=RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (_, text) in COMMANDS.items():
        commands.add_parser(name, help=text)
    parser.parse_args(argv)
    return USAGE_ERROR


# What several commands share

def takes_format(parser):
    parser.add_argument("--format", choices=("gcc", "json"), default="gcc",
                        help="how diagnostics are printed (default: gcc)")


def takes_files(parser):
    parser.add_argument("files", nargs="+", metavar="FILE", help=".if and .dev files")
    parser.add_argument("--with", dest="context", nargs="+", default=[], metavar="FILE",
                        help="files that are only looked at, such as idl/abi/*.if")
    takes_format(parser)


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
