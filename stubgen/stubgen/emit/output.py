"""The only place that writes files."""
import os
import sys


def write_all(folder, texts):
    """Writes (name, text) pairs; a file that already holds its text keeps its time stamp."""
    os.makedirs(folder, exist_ok=True)
    for name, text in texts:
        write_if_changed(os.path.join(folder, name), text)


def write_text(path, text):
    """Writes a file that is made once, or whose time stamp tells something."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_if_changed(path, text):
    data = text if isinstance(text, bytes) else text.encode()
    try:
        with open(path, "rb") as file:
            if file.read() == data:
                return
    except OSError:
        pass
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


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
