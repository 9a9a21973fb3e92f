"""`stubgen lsp`: a language server on standard input and output, for editors."""
import sys

from .lsp import protocol
from .lsp.server import Server


def arguments(parser):
    parser.add_argument("--stdio", action="store_true", help="the only way there is")
    parser.add_argument("--with", dest="context", nargs="+", default=[], metavar="FILE",
                        help="files that every file sees (default: those of the folder `abi` "
                        "beside that of a file)")


def run(args):
    server = Server(protocol.Writer(sys.stdout.buffer), args.context)
    for message in protocol.read_all(sys.stdin.buffer, server.writer):
        server.handle(message)
        if server.ended is not None:
            return server.ended
    return 1            # the client is gone without a word
