"""The files that tidy looks at: everything of ours in the tree, read once."""
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SKIPPED = ('.git', '.hypothesis', '.pytest_cache', '__pycache__')
BUILD = 'build'            # folders with this prefix at the top are outputs
C_SUFFIXES = ('.c', '.h', '.S', '.lds')


@dataclass(frozen=True)
class Source:
    """One text file; `path` is relative to the root, with forward slashes."""
    path: str
    text: str

    @cached_property
    def lines(self):
        return self.text.split('\n')

    @property
    def name(self):
        return self.path.rsplit('/', 1)[-1]

    @property
    def folder(self):
        return self.path.rsplit('/', 1)[0] if '/' in self.path else ''

    @property
    def suffix(self):
        return os.path.splitext(self.name)[1]

    @property
    def is_c(self):
        return self.suffix in C_SUFFIXES

    @property
    def is_python(self):
        return self.suffix == '.py'

    @property
    def is_shell(self):
        return self.suffix == '.sh' or self.text.startswith(('#!/bin/sh', '#!/usr/bin/env bash',
                                                             '#!/bin/bash'))

    @property
    def is_code(self):
        return (self.is_c or self.is_python or self.is_shell
                or self.name in ('meson.build', 'meson_options.txt')
                or self.suffix in ('.if', '.dev', '.j2', '.ini', '.gdb', '.image'))


def read_tree(root):
    """Every text file below `root` that is no output."""
    found = []
    for folder, folders, names in os.walk(root):
        inside = Path(folder).relative_to(root)
        top = inside == Path('.')
        folders[:] = sorted(f for f in folders if f not in SKIPPED
                            and not (top and f.startswith(BUILD)))
        for name in sorted(names):
            if name == '.git' or name.endswith('.pyc'):
                continue
            try:
                text = (Path(folder) / name).read_text()
            except UnicodeDecodeError:
                continue
            found.append(Source((inside / name).as_posix(), text))
    return found
