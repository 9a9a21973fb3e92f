"""The rules: each takes a file and yields (line, message). What a finding says is what to do about
it."""
import ast
import re

MAX_LINE = 100
MAX_FUNCTION = 70
MAX_FILE = 600
MAX_ROOT_BUILD = 150
MAX_KERNEL_GLOBALS = 3
WARN_FILE = 400

# Written in two pieces, here and in the tests, so that tidy does not find itself.
LATER = re.compile(r'\b(' + '|'.join(('TO' 'DO', 'FIX' 'ME', 'XX' 'X')) + r')\b')
MACHINE_PATH = re.compile(r'(?<![\w.$}/-])/(work|root|home/\w+|Users)/'
                          r'|\b(?:pypi\.|registry\.npm|ftp\.debian|deb\.debian)')
C_FUNCTION_START = re.compile(r'^\{')
CONDITIONAL = re.compile(r'^\s*#\s*(if|ifdef|ifndef|elif)\b')
IF_ZERO = re.compile(r'^\s*#\s*if\s+0\b')
C_DEAD = re.compile(r'^(?:[\w>.\-\[\]*]+\s*[-+|&]?=[^=]'
                    r'|(?:return|break|continue|goto)\b|[\w>.\-]+\().*;$')
PY_DEAD = re.compile(r'^(?:[\w.]+\(.*\)|[\w.]+ = \S.*|(?:return|import|from) \w.*'
                     r'|(?:if|for|while) .*:)$')
BUILD_DEAD = re.compile(r"^(?:[a-z_]+\(.*[')\],]$|\w+ \+?= \S.*|end(?:if|foreach)$)")
GENERIC = ('kernel/', 'libaos/', 'services/', 'apps/')
KERNEL_GLOBAL = re.compile(r'^(?:static )?(?:(?:struct|enum|union) )?\w+ \*?\w+(?:\[[^\]]*\])*'
                           r'(?: __attribute__\(\(.*\)\))?(?: =.*)?(?:;|\{$)')
SERVICE_NAME = re.compile(r'\b(?:nameserver|(?:memory|process|serial|init|shell)\.if)\b')
NOT_A_GLOBAL = re.compile(r'^(?:static )?(?:const|typedef|extern|return|struct \w+;|enum \w+;)\b')
TYPEDEF_STRUCT = re.compile(r'^\s*typedef (?:struct|union|enum)\b[^()]*$')
ERRORS_DEFINED = ('kernel/include/kpi/errval.h', 'tests/', 'stubgen/tests/')
HAND_ERROR = re.compile(r'\(errval_t\)\s*(?:0x)?[0-9a-fA-F]*[1-9a-fA-F]')


def line_length(source):
    """Lines of code have at most 100 characters."""
    if source.is_code:
        for number, line in enumerate(source.lines, 1):
            if len(line) > MAX_LINE:
                yield number, f'{len(line)} characters; break it at {MAX_LINE}'


def file_length(source):
    """A file has at most 600 lines, the root meson.build 150."""
    limit = MAX_ROOT_BUILD if source.path == 'meson.build' else MAX_FILE
    if source.is_code and len(source.lines) - 1 > limit:
        yield 1, f'{len(source.lines) - 1} lines; split it, {limit} is the limit'


def functions(source):
    """(line, name or '', length) of each function of a C or Python file."""
    if source.suffix in ('.c', '.h'):
        start = None
        for number, line in enumerate(source.lines, 1):
            if C_FUNCTION_START.match(line):
                start = number
            elif line.startswith('}') and start is not None:
                name = source.lines[start - 2].split('(')[0].split()[-1:]
                yield start, name, number - start + 1
                start = None
    elif source.is_python:
        try:
            nodes = list(ast.walk(ast.parse(source.text)))
        except SyntaxError:   # pyflakes tells it
            return
        for node in nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node.lineno, [node.name], node.end_lineno - node.lineno + 1


def code_lines(source):
    """How many lines of a C file are neither empty nor comment."""
    comments = {number for number, _ in _c_comment_lines(source)}
    return sum(1 for number, line in enumerate(source.lines, 1)
               if line.strip() and number not in comments)


def function_length(source):
    """A function has at most 70 lines."""
    for number, name, length in functions(source):
        if length > MAX_FUNCTION:
            what = f'{"".join(name)} has {length} lines'
            yield number, f'{what}; split it, {MAX_FUNCTION} is the limit'


def unfinished(source):
    """No notes about work to be done: they belong to CAVEATS.md or docs/design."""
    for number, line in enumerate(source.lines, 1):
        if found := LATER.search(line):
            yield number, f'{found[0]}: say it in CAVEATS.md or docs/design, or do it'


def conditional_code(source):
    """Generic C has no #if: variants are chosen by file."""
    if source.suffix == '.c' and source.path.startswith(GENERIC) \
            and '/arch/' not in source.path:
        for number, line in enumerate(source.lines, 1):
            if CONDITIONAL.match(line):
                yield number, 'choose the variant by file, in meson.build'


def _c_comment_lines(source):
    inside = False
    for number, line in enumerate(source.lines, 1):
        text = line.strip()
        if inside or text.startswith(('//', '/*')):
            text = text.removeprefix('//').removeprefix('/*').removesuffix('*/')
            yield number, text.lstrip('*').strip()
        if '/*' in line or inside:
            inside = '*/' not in line.rsplit('/*', 1)[-1]


def dead_code(source):
    """No code in comments, no #if 0."""
    if source.suffix in ('.c', '.h', '.S', '.lds', '.if', '.j2'):
        for number, line in enumerate(source.lines, 1):
            if IF_ZERO.match(line):
                yield number, 'delete it; git remembers'
        for number, text in _c_comment_lines(source):
            if C_DEAD.match(text):
                yield number, f'code in a comment: {text[:40]}'
    elif source.is_python:
        for number, line in enumerate(source.lines, 1):
            text = line.strip()
            if text.startswith('# ') and PY_DEAD.match(text[2:]):
                try:
                    ast.parse(text[2:].rstrip(':') if text.endswith(':') else text[2:])
                except SyntaxError:
                    continue
                yield number, f'code in a comment: {text[:40]}'
    elif source.name == 'meson.build':
        for number, line in enumerate(source.lines, 1):
            if line.strip().startswith('# ') and BUILD_DEAD.match(line.strip()[2:]):
                yield number, f'code in a comment: {line.strip()[:40]}'


def machine_paths(source):
    """Nothing names a folder of the machine it was written on."""
    for number, line in enumerate(source.lines, 1):
        if found := MACHINE_PATH.search(line):
            yield number, f'a path or host of one machine: {found[0]}'


def white_space(source):
    """No trailing blanks, no tabs in C and Python, one newline at the end."""
    for number, line in enumerate(source.lines, 1):
        if line != line.rstrip() and (source.is_code or source.suffix == ''):
            yield number, 'blanks at the end of the line'
        if '\t' in line and (source.is_c or source.is_python or source.suffix == '.if'):
            yield number, 'a tab; indent with four blanks'
    if source.is_code and source.text and (not source.text.endswith('\n')
                                           or source.text.endswith('\n\n')):
        yield len(source.lines), 'end the file with one newline'


def header_guard(source):
    """Headers start with #pragma once, and have no other guard."""
    if source.suffix == '.h' and '#pragma once' not in source.lines:
        yield 1, 'a header needs `#pragma once`'


def numbers_by_hand(source):
    """Error values and opcodes come from stubgen, never from a number."""
    if source.suffix in ('.c', '.h') and not source.path.startswith(ERRORS_DEFINED):
        for number, line in enumerate(source.lines, 1):
            if HAND_ERROR.search(line):
                yield number, 'an error value written as a number; use its generated name'


def kernel_globals(source):
    """A kernel file has at most three variables of its own, each with a comment: who owns it."""
    if source.suffix != '.c' or not source.path.startswith('kernel/') \
            or source.path.startswith('kernel/test/'):
        return
    found = [number for number, line in enumerate(source.lines, 1)
             if KERNEL_GLOBAL.match(line) and not NOT_A_GLOBAL.match(line)]
    for number in found[MAX_KERNEL_GLOBALS:]:
        yield number, f'more than {MAX_KERNEL_GLOBALS} variables; make a struct of them'
    for number in found:
        first = number          # one comment may stand above variables that belong together
        while first - 1 in found:
            first -= 1
        line, above = source.lines[number - 1], source.lines[first - 2]
        if not any(mark in line for mark in ('/*', '//')) \
                and not above.endswith('*/') and not above.startswith('//'):
            yield number, 'say in a comment what it is and who owns it'


# Headers of the C library that are ours: their names are the standard's.
STANDARD_HEADERS = ('libaos/include/threads.h',)


def struct_names(source):
    """A struct is called `struct x`; a typedef is for a scalar with a meaning."""
    if source.suffix in ('.c', '.h', '.j2') and source.path not in STANDARD_HEADERS:
        for number, line in enumerate(source.lines, 1):
            if TYPEDEF_STRUCT.match(line):
                yield number, 'no typedef of a struct; write `struct x`'


def stubgen_is_general(source):
    """The interface compiler knows no service by name."""
    if source.path.startswith('stubgen/stubgen/'):
        for number, line in enumerate(source.lines, 1):
            if found := SERVICE_NAME.search(line):
                yield number, f'{found[0]}: the compiler knows no service'


FILE_RULES = (line_length, file_length, function_length, unfinished, conditional_code, dead_code,
              machine_paths, white_space, header_guard, numbers_by_hand, kernel_globals,
              struct_names, stubgen_is_general)
