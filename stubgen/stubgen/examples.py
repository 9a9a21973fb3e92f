"""An example for each diagnostic code, in the tree only: a file of tests/bad, what stubgen prints
of it (NAME.expected), and how it is put right (fixes.txt: per file, the lines `-` are replaced by
the lines `+`). Tests compile all of them."""
import os

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "bad")
FIXES = "fixes.txt"


class Example:
    def __init__(self, name, old, new):
        self.name, self.old, self.new = name, old, new

    def codes(self):
        return [part for part in os.path.splitext(self.name)[0].split("_")
                if len(part) == 5 and part[0] in "EW" and part[1:].isdigit()]

    def bad(self):
        return _read(self.name)

    def printed(self):
        return _read(os.path.splitext(self.name)[0] + ".expected")

    def right(self):
        text = self.bad()
        assert text.count(self.old) >= 1, f"{self.name} has no {self.old!r}"
        return text.replace(self.old, self.new, 1)


def load():
    """All examples; none outside of the tree."""
    if not os.path.isfile(os.path.join(FOLDER, FIXES)):
        return []
    found = []
    for block in _read(FIXES).split("== ")[1:]:
        name, *lines = block.splitlines()
        old = "\n".join(line[1:] for line in lines if line.startswith("-"))
        new = "\n".join(line[1:] for line in lines if line.startswith("+"))
        found.append(Example(name, old, new))
    return found


def _read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()
