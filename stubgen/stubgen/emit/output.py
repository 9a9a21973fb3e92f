"""The only place that writes files."""
import os
import re
import sys

_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


def write_all(folder, texts):
    """Writes (name, text) pairs; returns {path: text}. A file that already holds its text keeps its
    time stamp."""
    os.makedirs(folder, exist_ok=True)
    written = {}
    for name, text in texts:
        path = os.path.join(folder, name)
        write_if_changed(path, text)
        written[path] = text
    return written


def write_text(path, text):
    """Writes a file that is made once, or whose time stamp tells something."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_if_changed(path, text):
    """C whose comments alone differ is written but keeps its time stamp, so that nothing is
    compiled again: but for line numbers, the same would come out."""
    data = text if isinstance(text, bytes) else text.encode()
    stat = None
    try:
        with open(path, "rb") as file:
            old = file.read()
        if old == data:
            return
        if os.fspath(path).endswith((".c", ".h")) \
                and without_comments(old.decode()) == without_comments(text):
            stat = os.stat(path)
    except (OSError, ValueError):
        pass
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    if stat is not None:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def without_comments(text):
    """The lines of C that are left without comments, blanks at their ends and empty lines."""
    text = _COMMENT.sub(lambda found: found[0] if found[0][0] == '"' else " ", text)
    return [line.strip() for line in text.split("\n") if line.strip()]


def write_depfile(path, folder, outputs, inputs):
    """A make rule: the outputs depend on all inputs, on stubgen itself and on its templates."""
    targets = " ".join(_escape(os.path.join(folder, name)) for name in outputs)
    needed = " ".join(_escape(name) for name in list(inputs) + own_files())
    write_if_changed(path, f"{targets}: {needed}\n")


def own_files():
    """The Python files and templates that this run could have read."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = []
    for name, module in sorted(sys.modules.items()):
        if name.split(".")[0] == __name__.split(".")[0] and getattr(module, "__file__", None):
            found.append(module.__file__)
    for folder, _, names in sorted(os.walk(package)):
        found += [os.path.join(folder, n) for n in sorted(names) if n.endswith(".j2")]
    return found


def _escape(path):
    return path.replace("\\", "\\\\").replace(" ", "\\ ").replace("#", "\\#").replace("$", "$$")
