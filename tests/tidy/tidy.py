"""Style as a test: `tidy.py ROOT` prints what is wrong and the numbers of the house, and fails if
anything is wrong."""
import re
import subprocess
import sys
from collections import namedtuple

import files
import layers
import rules
import tree

Finding = namedtuple('Finding', 'path line rule message')
ASSERTION = re.compile(r'\b(?:\w*_?assert|_?[Ss]tatic_assert|THREAD_ASSERT|USER_CHECK)\s*\(')
FILE_RULES = rules.FILE_RULES + layers.FILE_RULES
TREE_RULES = layers.TREE_RULES + files.TREE_RULES
SHELLCHECK = ('shellcheck', '-S', 'style')
PYFLAKES = ('pyflakes3',)
FORMAT = (sys.executable, 'stubgen/stubgen.py', 'fmt', '--check')
LINT = (sys.executable, 'stubgen/stubgen.py', 'lint')
LINTED = tuple(f'idl/{folder}/' for folder in ('if', 'abi', 'dev', 'draft', 'test'))


def check_files(sources):
    """The findings of the rules about single files."""
    found = []
    for rule in FILE_RULES:
        for source in sources:
            found += [Finding(source.path, line, rule.__name__, text)
                      for line, text in rule(source)]
    return found


def check_tree(sources):
    """The findings of the rules about files together."""
    return [Finding(path, line, rule.__name__, text)
            for rule in TREE_RULES for path, line, text in rule(sources)]


def lint(root, sources):
    """The findings of the linters that the distribution has."""
    found = []
    for command, paths in ((SHELLCHECK, [s.path for s in sources if s.is_shell]),
                           (PYFLAKES, [s.path for s in sources if s.is_python]),
                           (FORMAT, [s.path for s in sources if s.path.startswith('idl/')
                                     and s.suffix in ('.if', '.dev')]),
                           (LINT, [s.path for s in sources if s.path.startswith(LINTED)
                                   and s.suffix in ('.if', '.dev')])):
        if paths:
            done = subprocess.run([*command, *paths], cwd=root, text=True, capture_output=True)
            if done.returncode:
                found.append(Finding(' '.join(command), 1, 'lint',
                                     '\n' + done.stdout + done.stderr))
    return found


def numbers(sources):
    """Lines for the reader: what there is and how long it is."""
    lines = []
    for top in ('kernel', 'libaos', 'services', 'apps', 'sdk', 'stubgen', 'idl', 'tests'):
        own = [s for s in sources if s.path.startswith(top + '/') and s.is_code]
        code = [s for s in own if s.suffix in ('.c', '.h')]
        total = sum(len(s.lines) - 1 for s in own)
        if not total:
            continue
        longest = max(own, key=lambda s: len(s.lines))
        function = max((length for s in own for _, _, length in rules.functions(s)), default=0)
        asserts = sum(len(ASSERTION.findall(s.text)) for s in code)
        per = sum(rules.code_lines(s) for s in code) // asserts if asserts else 0
        ratio = f', an assertion per {per} lines of code' if per else ''
        lines.append(f'{top}: {len(own)} files, {total} lines; longest file {longest.path} '
                     f'{len(longest.lines) - 1}, longest function {function}{ratio}')
    long = [s.path for s in sources if s.is_code and len(s.lines) - 1 > rules.WARN_FILE]
    lines.append(f'files over {rules.WARN_FILE} lines: {", ".join(long) or "none"}')
    return lines


def main():
    root = sys.argv[1]
    sources = tree.read_tree(root)
    found = check_files(sources) + check_tree(sources) + lint(root, sources)
    for finding in sorted(found):
        print(f'{finding.path}:{finding.line}: {finding.rule}: {finding.message}')
    print('\n'.join(numbers(sources)))
    print(f'{len(sources)} files, {len(found)} findings')
    return 1 if found or not sources else 0


if __name__ == '__main__':
    sys.exit(main())
