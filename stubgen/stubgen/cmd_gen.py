"""`stubgen gen` and `stubgen doc`: write what a target makes, as little of it as possible."""
import os
import sys

from . import stamp
from .cli import USAGE_ERROR, compile_args, takes_files
from .emit import TARGETS, output


def arguments(parser):
    takes_files(parser)
    parser.add_argument("--target", choices=sorted(TARGETS), required=True,
                        help="; ".join(f"{name}: {target.help}"
                                       for name, target in sorted(TARGETS.items())))
    parser.add_argument("--out", required=True, metavar="DIR", help="where the outputs go")
    parser.add_argument("--depfile", metavar="FILE", help="write a make rule of all that was read")
    parser.add_argument("--list-outputs", action="store_true",
                        help="print the names of the outputs and write nothing")
    parser.add_argument("--list-checks", action="store_true",
                        help="print the checks in the outputs, numbered, and write nothing")
    parser.add_argument("--omit-check", metavar="N", type=_check_number,
                        help="leave out the check with this number, to see whether a test notices; "
                        "`switch`: the one that `uint32_t checks_omitted` tells at run time")


def _check_number(text):
    return text if text == "switch" else int(text)


def run(args):
    target = TARGETS[args.target]
    compiled = compile_args(args)
    if compiled is None:
        return 1
    build, read = compiled
    if args.list_outputs:
        print("\n".join(target.outputs(build)))
        return 0
    if args.list_checks or args.omit_check is not None:
        return _without_check(args, target, build, read)
    try:
        _write(args, target, build, read)
    except OSError as error:
        print(f"stubgen: cannot write: {error}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def _without_check(args, target, build, read):
    from .emit import checks
    texts, found = checks.render(target, build, args.omit_check)
    last = sum(check.number is not None for check in found)
    if args.omit_check not in (None, checks.SWITCH) and not 1 <= args.omit_check <= last:
        print(f"stubgen: there are the checks 1 to {last}", file=sys.stderr)
        return USAGE_ERROR
    if args.list_checks:
        print("\n".join(str(check) for check in found))
    else:
        output.write_all(args.out, texts)
        if args.depfile:
            output.write_depfile(args.depfile, args.out, [name for name, _ in texts], read)
    return 0


def _write(args, target, build, read):
    path = stamp.path_of(args.out, args.target)
    old, new = stamp.load(path), stamp.Stamp()
    new.run, new.tool = stamp.run_digest(args.argv), stamp.tool_digest()
    new.read = {name: stamp.digest_file(name) for name in read}
    names = target.outputs(build)
    if args.depfile:
        output.write_depfile(args.depfile, args.out, names, read)
    parts = target.parts(build)
    if parts is not None:
        _keep(old, new, build, parts)
    written = output.write_all(args.out, target.render(build))
    owner = {os.path.join(args.out, name): part for part, made in (parts or {}).items()
             for name in made}
    for name, text in written.items():
        new.outputs.setdefault(owner.get(name, ""), {})[name] = stamp.digest_text(text)
    if args.depfile:
        new.outputs.setdefault("", {})[args.depfile] = stamp.digest_file(args.depfile)
    output.write_if_changed(path, new.text())


def _keep(old, new, build, parts):
    """Takes the outputs of files that are as they were from the old stamp, and `generate` from
    these files."""
    files = {file.namespace: file for file in build.files}
    context = [new.read[f.path] for f in build.files if not f.generate]
    for name in parts:
        found = sorted(_closure(files, name))
        new.parts[name] = stamp.digest(*(word.encode() for word in [new.tool] + context + [
            f"{other} {new.read[files[other].path]}" for other in found]))
        if old.parts.get(name) == new.parts[name] and old.is_whole(name):
            new.outputs[name] = old.outputs[name]
            files[name].generate = False


def _closure(files, name, seen=None):
    """The namespaces of a file and of all that it imports."""
    seen = set() if seen is None else seen
    if name not in seen:
        seen.add(name)
        for path in files[name].imports:
            _closure(files, os.path.splitext(os.path.basename(path))[0], seen)
    return seen
