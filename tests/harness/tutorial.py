"""Does what a tutorial says, to the letter, in a copy of the tree: `tutorial.py
docs/book/tutorial.md`. With `--build DIR` the page is about what is outside of the tree: it is done
in an empty folder but for `aos`, which stands for the tree and has nothing but `build`.

Of the page's code blocks these count: ```sh is run by a shell in the copy and must succeed;
```output behind it is exactly what it must print on standard output; a block whose first line names
a file of the tree in a comment (`/* idl/if/x.if */`, `// …`,
`# …`) becomes that file, whole. Other blocks are for the reader.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUTS = ('.git', '__pycache__', '.hypothesis', '.pytest_cache')
BLOCK = re.compile(r'^(?P<indent> *)```(?P<kind>\w*)\n(?P<text>.*?)^(?P=indent)```$', re.M | re.S)
FILE = re.compile(r'(?:/\* |// |/// |# )(?P<path>[\w./-]+\.\w+)(?: \*/)?\n')
STEP_TIMEOUT_S = 600


@dataclass(frozen=True)
class Block:
    line: int
    kind: str
    text: str

    @property
    def path(self):
        """The file that the block is, or None."""
        found = FILE.match(self.text)
        return found['path'] if found and self.kind not in ('sh', 'output') else None


def blocks(page):
    """The code blocks of a page, without the indentation of the list item they stand in."""
    for match in BLOCK.finditer(page):
        text = re.sub(f'^{match["indent"]}', '', match['text'], flags=re.M)
        yield Block(page.count('\n', 0, match.start()) + 1, match['kind'], text)


def copy_tree(target, root=ROOT):
    """A copy of the tree without what builds have made."""
    def left_out(folder, names):
        top = Path(folder) == root
        return [n for n in names if n in OUTPUTS or (top and n.startswith('build'))]
    shutil.copytree(root, target, ignore=left_out, symlinks=True)


def outside(folder, build):
    """A folder with nothing but the tree's build in it; its name has a space, as some do."""
    place = folder / 'my projects'
    (place / 'aos').mkdir(parents=True)
    (place / 'aos' / 'build').symlink_to(build.resolve())
    return place


def follow(page, tree):
    """Does the page in `tree`; returns None or what went wrong, with the line of the page."""
    said = None
    for block in blocks(page):
        at = f'line {block.line}'
        if block.path:
            path = tree / block.path
            if not path.parent.is_dir():
                return f'{at}: there is no folder for {block.path}'
            path.write_text(block.text)
        elif block.kind == 'sh':
            done = subprocess.run(['bash', '-eu', '-c', block.text], cwd=tree, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  timeout=STEP_TIMEOUT_S, env={**os.environ, 'LC_ALL': 'C.UTF-8'})
            said = done.stdout
            if done.returncode:
                return f'{at}: ended with status {done.returncode}:\n{block.text}{said}'
        elif block.kind == 'output':
            if said != block.text:
                return f'{at}: expected\n{block.text}but it printed\n{said}'
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--build', type=Path)
    parser.add_argument('page', type=Path)
    arguments = parser.parse_args()
    page = arguments.page.read_text()
    if not any(block.kind == 'sh' for block in blocks(page)):
        print('tutorial: nothing to do on this page', file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix='aos-tutorial-') as folder:
        if arguments.build:
            problem = follow(page, outside(Path(folder), arguments.build))
        else:
            tree = Path(folder) / 'aos'
            copy_tree(tree)
            problem = follow(page, tree)
    if problem:
        print(f'tutorial: {problem}', file=sys.stderr)
    return 1 if problem else 0


if __name__ == '__main__':
    sys.exit(main())
