"""check.py MODEL [CC]: checks a Promela model with spin and shows that the check can fail.

The model says in its first comment what is to be done, one thing a line:
    check: NAME[=VALUE]...             with these macros no error may be found
    deep: NAME[=VALUE]...              the same, only if AOS_DEEP is set
    mutation: NAME [NAME=VALUE]... TEXT    with these an error must be found
The search is for failed assertions and invalid end states, and complete: what does not finish in
its bounds fails. Prints TAP; the ids are the name of the model and the number of the line, from
1."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LINE = re.compile(r'^ \* (check|deep|mutation): (.*)$', re.M)
MACRO = re.compile(r'[A-Z_][A-Z0-9_]*(=\d+)?$')
DEPTH = 1000000
MEMORY_MIB = 3000
ERRORS = re.compile(r'^State-vector .* errors: (\d+)$', re.M)
STATES = re.compile(r'^ *(\S+) states, stored', re.M)


def plan(text):
    """[(kind, macros, text)] of a model."""
    found = []
    for kind, rest in LINE.findall(text):
        words = rest.split()
        count = next((i for i, word in enumerate(words) if not MACRO.match(word)), len(words))
        found.append((kind, words[:count], ' '.join(words[count:])))
    return found


def search(model, macros, compiler):
    """(errors or None if it was not complete, states, output) of one search."""
    with tempfile.TemporaryDirectory() as folder:
        spin = subprocess.run(['spin', *('-D' + macro for macro in macros), '-a', model],
                              cwd=folder, capture_output=True, text=True)
        if spin.returncode or not (Path(folder) / 'pan.c').exists():
            return None, 0, spin.stdout + spin.stderr
        subprocess.run([compiler, '-O0', '-w', '-DSAFETY', '-DCOLLAPSE', f'-DMEMLIM={MEMORY_MIB}',
                        '-o', 'pan', 'pan.c'], cwd=folder, check=True)
        out = subprocess.run(['./pan', f'-m{DEPTH}'], cwd=folder, capture_output=True,
                             text=True).stdout
    errors, states = ERRORS.search(out), STATES.search(out)
    is_whole = errors and (errors[1] != '0' or 'Search not completed' not in out)
    is_whole = is_whole and 'max search depth too small' not in out
    return int(errors[1]) if is_whole else None, states[1] if states else '0', out


def main():
    model = Path(sys.argv[1]).resolve()
    compiler = sys.argv[2] if len(sys.argv) > 2 else 'gcc'
    steps = [step for step in plan(model.read_text())
             if step[0] != 'deep' or 'AOS_DEEP' in os.environ]
    print(f'1..{len(steps)}', flush=True)
    failed = not steps
    for number, (kind, macros, text) in enumerate(steps, 1):
        errors, states, out = search(model, macros, compiler)
        wanted = errors is not None and (errors > 0) == (kind == 'mutation')
        failed |= not wanted
        what = f'caught: {text}' if kind == 'mutation' else f'{states} states'
        print(f'{"ok" if wanted else "not ok"} {number} - {model.stem.upper()}M{number:03} '
              f'{" ".join(macros)}, {what}', flush=True)
        if not wanted:
            print('\n'.join('# ' + line for line in out.splitlines()))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
