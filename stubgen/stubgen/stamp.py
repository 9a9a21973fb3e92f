"""What the last run that wrote into a folder read and wrote: DIR/.stubgen-TARGET.

A run whose files and command line are the same as then, whose stubgen is the same and whose outputs
are as it left them has nothing to do. Only contents count, never time stamps: a stamp may be copied
with its folder or come out of a cache.

The stamp is a text: the version of the format, then one line `kind digest name` each:
  run      digest of the command line; no name
  tool     digest of stubgen itself, its templates and the version of Python
  read     a file that was read: the inputs, the files they import, context files
  part     the digest of all that a file's outputs depend on (namespace)
  output   a file that was written; after `part`, one of that file's outputs"""
import os
import sys

try:
    from _blake2 import blake2b      # hashlib takes a while to load
except ImportError:
    from hashlib import blake2b

FORMAT = "stubgen-stamp 1"
DIGEST_BYTES = 16


def digest(*parts):
    """Hex digest of a sequence of byte strings."""
    made = blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        made.update(b"%d:" % len(part))
        made.update(part)
    return made.hexdigest()


def digest_text(text):
    return digest(text if isinstance(text, bytes) else text.encode())


def digest_file(path):
    """The digest of a file's contents, or "-" if it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return digest(file.read())
    except OSError:
        return "-"


def tool_digest():
    """The digest of everything in the package, and of the Python that runs it."""
    package = os.path.dirname(os.path.abspath(__file__))
    made = [sys.version.encode()]
    folders = [package]
    while folders:
        for entry in sorted(os.scandir(folders.pop()), key=lambda e: e.name):
            if entry.is_dir():
                if entry.name != "__pycache__":
                    folders.append(entry.path)
            elif entry.name.endswith((".py", ".j2")):
                with open(entry.path, "rb", buffering=0) as file:
                    made += [entry.path.encode(), file.read()]
    return digest(*made)


def path_of(folder, target):
    return os.path.join(folder, f".stubgen-{target}")


def run_digest(argv):
    return digest(os.getcwd().encode(), *(word.encode("utf-8", "surrogateescape")
                                          for word in argv))


class Stamp:
    """The lines of a stamp. `parts`: {namespace: digest}; `outputs`: {namespace or "": {path:
    digest}}, in the order of writing."""

    def __init__(self):
        self.run = self.tool = ""
        self.read = {}
        self.parts = {}
        self.outputs = {}

    def is_fresh(self, argv):
        """Would the run write what is there already?"""
        return self.run == run_digest(argv) and self.tool == tool_digest() \
            and all(digest_file(path) == old for path, old in self.read.items()) \
            and all(self.is_whole(part) for part in self.outputs)

    def is_whole(self, part):
        """Are the outputs of a part as they were written?"""
        return all(digest_file(path) == old for path, old in self.outputs[part].items())

    def text(self):
        lines = [FORMAT, f"run {self.run} ", f"tool {self.tool} "]
        lines += [f"read {value} {path}" for path, value in self.read.items()]
        for part in sorted(self.outputs):
            lines += [f"part {self.parts.get(part, '-')} {part}"]
            lines += [f"output {value} {path}" for path, value in self.outputs[part].items()]
        return "\n".join(lines) + "\n"


def load(path):
    """The Stamp of a file; an empty one if there is none or it is of another format."""
    stamp, part = Stamp(), ""
    try:
        with open(path, "r", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, ValueError):
        return stamp
    if lines[:1] != [FORMAT]:
        return stamp
    for line in lines[1:]:
        kind, value, name = (line.split(" ", 2) + ["", ""])[:3]
        if kind == "run":
            stamp.run = value
        elif kind == "tool":
            stamp.tool = value
        elif kind == "read":
            stamp.read[name] = value
        elif kind == "part":
            part = name
            stamp.parts[part] = value
            stamp.outputs[part] = {}
        elif kind == "output":
            stamp.outputs.setdefault(part, {})[name] = value
    return stamp


def nothing_to_do(argv):
    """Is `argv` a run of gen or doc that would change nothing?"""
    if not argv or argv[0] not in ("gen", "doc"):
        return False
    values = {word: argv[at + 1] for at, word in enumerate(argv[:-1])
              if word in ("--out", "--target")}
    target = "doc" if argv[0] == "doc" else values.get("--target", "")
    path = path_of(values.get("--out", ""), target)
    return os.path.exists(path) and "--list-outputs" not in argv and load(path).is_fresh(argv)
