"""`stubgen doc`: reference pages, which are a target of `gen`, too."""
from . import cmd_gen
from .cli import takes_files


def arguments(parser):
    takes_files(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="where the pages go")
    parser.set_defaults(target="doc", depfile=None, list_outputs=False)


run = cmd_gen.run
