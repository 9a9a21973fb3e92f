"""`stubgen freeze NAME`: releases an interface. Its text goes into the folder of released versions,
and the word `draft` out of its file."""
import os
import sys

from .cli import USAGE_ERROR, compile_args, takes_format
from .diag import Diags
from .frozen import check, store, text
from .source import read_source


def arguments(parser):
    parser.add_argument("names", nargs="+", metavar="NAME", help="interfaces")
    parser.add_argument("--idl", default="idl", metavar="DIR", help="has the folders `if`, `abi` "
                        "and `frozen` (default: idl)")
    parser.add_argument("--files", nargs="+", metavar="FILE", help="where the interfaces are "
                        "declared (default: idl/if/*.if)")
    parser.add_argument("--with", dest="context", nargs="+", metavar="FILE",
                        help="files that are only looked at (default: idl/abi/*.if)")
    parser.add_argument("--frozen", metavar="DIR",
                        help="where the text goes (default: idl/frozen)")
    takes_format(parser)


def run(args):
    args.files = args.files or _files(args.idl, "if")
    args.context = args.context or _files(args.idl, "abi")
    folder = args.frozen or os.path.join(args.idl, check.FOLDER)
    if not args.files:
        print(f"stubgen: no .if files in {os.path.join(args.idl, 'if')}", file=sys.stderr)
        return USAGE_ERROR
    compiled = compile_args(args)
    if compiled is None:
        return 1
    build = compiled[0]
    known = {i.name: i for i in build.interfaces}
    for name in args.names:
        if name not in known:
            print(f"stubgen: no interface `{name}`; there are {', '.join(sorted(known))}",
                  file=sys.stderr)
            return USAGE_ERROR
    paths = {file.namespace: file.path for file in build.files}
    diags = Diags()
    for name in args.names:
        try:
            done = freeze(known[name], paths[known[name].namespace], folder, diags)
        except OSError as error:
            print(f"stubgen: cannot write: {error}", file=sys.stderr)
            return USAGE_ERROR
        if done:
            print(done)
    if diags:
        sys.stderr.write(diags.render(args.format))
    return 1 if diags else 0


def freeze(interface, path, folder, diags):
    """Releases one interface of the file `path`. Returns what was done, None if it may not be."""
    from .emit.output import write_text
    before = len(diags)
    items = store.listed(folder) if os.path.isdir(folder) else []
    released = [item for item in items if item.name == interface.name]
    for item in released:
        store.load(item, diags)
    newest = released[-1].version if released else 0
    if interface.version < newest or interface.draft and interface.version == newest:
        check.too_old(interface, newest, diags)
    elif len(diags) == before:
        check.against(interface, released, diags)
    if len(diags) != before:
        return None
    target = store.path_of(folder, interface.name, interface.version)
    if interface.version == newest:
        return f"{target}: released already"
    write_text(target, text.render(interface))
    if interface.draft:
        write_text(path, without_draft(read_source(path), interface))
    return f"{target}: version {interface.version} of {interface.name} is released"


def without_draft(source, interface):
    """The text of the file without the word `draft` of the interface."""
    from . import ast
    from .parse import parse
    decls = parse(source, Diags()).decls
    decl = next(d for d in decls if isinstance(d, ast.Interface) and d.name.text == interface.name)
    begin, end = decl.version.span.end, decl.draft_span.end
    kept = source.text[begin:decl.draft_span.start].strip()      # a remark between the two
    return source.text[:begin] + (f"  {kept}\n" if kept else "") + source.text[end:]


def _files(idl, folder):
    place = os.path.join(idl, folder)
    if not os.path.isdir(place):
        return []
    return [os.path.join(place, name) for name in sorted(os.listdir(place)) if name.endswith(".if")]
