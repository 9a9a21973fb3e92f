"""Nothing by hand depends on a number in `idl/`: this shuffles them all and runs the suite on the
result.

Shuffled are ordinals of methods, events, invocations and system calls, interface ids, error
numbers, and the order of struct fields: everything that only generated code may know. The shuffled
tree is a copy; the real one is not touched.
"""
import argparse
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tutorial import copy_tree

SYSTEM_IDS = range(1, 16)      # ids below 16 belong to the system's own error blocks

COMMENT_OR_STRING = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"')
BLOCK = re.compile(r'\b(interface|object|errors|struct|error)\b[^{};]*\{')
MEMBER = re.compile(r'(\b(?:call|oneway|event|invoke)\s+\w+\s+@)(\d+)')
SYSCALL = re.compile(r'(\bsyscall\s+\w+\s+@)(\d+)')
ID = re.compile(r'(\bid\s+)(0x[0-9a-fA-F]+|\d+)(?=\s*;)')
ERROR = re.compile(r'(\b\w+\s*=\s*)(\d+)(?=\s*")')


def blank(text):
    """`text` with comments and the insides of strings blanked, so that only code is matched."""
    def hide(match):
        found = match[0]
        return '"' + ' ' * (len(found) - 2) + '"' if found[0] == '"' else ' ' * len(found)
    return COMMENT_OR_STRING.sub(hide, text)


def blocks(text, *kinds):
    """(start, end) of the insides of the blocks of these kinds."""
    code = blank(text)
    for match in BLOCK.finditer(code):
        if match[1] in kinds:
            depth, at = 1, match.end()
            while depth:
                depth += {'{': 1, '}': -1}.get(code[at], 0)
                at += 1
            yield match.end(), at - 1


def deranged(items, rng):
    """The items in another order, if there is one."""
    shuffled = list(items)
    while len(set(items)) > 1 and shuffled == list(items):
        rng.shuffle(shuffled)
    return shuffled


def shuffle_numbers(text, start, end, pattern, rng):
    """Shuffles the numbers that `pattern` finds (its second group) between `start` and `end`."""
    found = list(pattern.finditer(blank(text), start, end))
    numbers = deranged([text[slice(*match.span(2))] for match in found], rng)
    for match, number in reversed(list(zip(found, numbers))):
        text = text[:match.start(2)] + number + text[match.end(2):]
    return text


def shuffle_fields(text, start, end, rng):
    """Shuffles the fields of one struct, each with the comment before it."""
    code, pieces, at = blank(text), [], start
    for position in range(start, end):
        if code[position] == ';':
            pieces.append(text[at:position + 1])
            at = position + 1
    return text[:start] + ''.join(deranged(pieces, rng)) + text[at:]


def shuffle_file(text, rng):
    """One file with everything but ids shuffled."""
    # Spans move while the text changes, so every kind and block is looked up again by its number.
    for kinds, change in (
            (('interface', 'object'), lambda t, s, e: shuffle_numbers(t, s, e, MEMBER, rng)),
            (('errors', 'error'), lambda t, s, e: shuffle_numbers(t, s, e, ERROR, rng)),
            (('struct',), lambda t, s, e: shuffle_fields(t, s, e, rng))):
        for number in range(len(list(blocks(text, *kinds)))):
            text = change(text, *list(blocks(text, *kinds))[number])
    return shuffle_numbers(text, 0, len(text), SYSCALL, rng)


def shuffle_ids(texts, rng):
    """All files with their ids given to each other; system ids stay among themselves."""
    found = [(name, match.span(2), text[slice(*match.span(2))])
             for name, text in texts.items() for match in ID.finditer(blank(text))]
    for system in (True, False):
        group = [entry for entry in found if (int(entry[2], 0) in SYSTEM_IDS) == system]
        for (name, span, old), new in zip(group, deranged([old for _, _, old in group], rng)):
            # Same width, so that the spans of a file's other ids stay right.
            form = f'{int(new, 0):#0{len(old)}x}' if old.startswith('0x') else f'{int(new, 0)}'
            if len(form) != len(old):
                raise ValueError(f'{name}: ids of a group are written in one way: {old}, {new}')
            texts[name] = texts[name][:span[0]] + form + texts[name][span[1]:]
    return texts


def shuffle_tree(folder, seed):
    """Shuffles every .if file below `folder` in place; returns how many files changed."""
    rng = random.Random(seed)
    before = {path: path.read_text() for path in sorted(Path(folder).rglob('*.if'))}
    after = shuffle_ids({path: shuffle_file(text, rng) for path, text in before.items()}, rng)
    for path, text in after.items():
        path.write_text(text)
    return sum(before[path] != after[path] for path in before)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('suites', nargs='*', help='suites to run (default: all)')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='aos-permuted-') as folder:
        tree = Path(folder) / 'aos'
        copy_tree(tree)
        changed = shuffle_tree(tree / 'idl', arguments.seed)
        print(f'seed {arguments.seed}: {changed} files shuffled', flush=True)
        return subprocess.call([tree / 'aos', 'test', *arguments.suites]) if changed else 1


if __name__ == '__main__':
    sys.exit(main())
