"""Each rule finds what it is for, and nothing in a good file."""
import layers
import pytest
import rules
import tidy
from tree import Source, read_tree

GOOD_C = '''/* What this file is. It holds; always. */
#include <stdint.h>
#include <kernel/cap.h>

/* Says whether `x` is good (see good.h); callers rely on it. */
int good(int x)
{
    return x;   /* the default */
}
'''
GOOD_PY = '"""What."""\nimport os\n\n\n# A note about it (and more).\ndef f():\n    return os\n'


@pytest.mark.parametrize('path, text', [('kernel/cap/good.c', GOOD_C), ('stubgen/good.py',
                                                                        GOOD_PY)])
def test_tdy0001_a_good_file(path, text):
    assert tidy.check_files([Source(path, text)]) == []


LATER = 'TO' 'DO'
BAD = [
    ('line_length', 'kernel/a.c', '/* ' + 'x' * 100 + ' */\n', 1),
    ('file_length', 'kernel/a.c', '\n'.join(['int a;'] * 601) + '\n', 1),
    ('function_length', 'kernel/a.c', 'int f(void)\n{\n' + '    f();\n' * 70 + '}\n', 2),
    ('function_length', 'a.py', 'def f():\n' + '    f()\n' * 70, 1),
    ('unfinished', 'kernel/a.c', f'int a;\n/* {LATER}: more */\n', 2),
    ('unfinished', 'docs/a.md', f'{LATER}\n', 1),
    ('conditional_code', 'kernel/cap/a.c', 'int a;\n#ifdef BOARD\n#endif\n', 2),
    ('dead_code', 'kernel/a.c', '/* x = y + 1; */\n', 1),
    ('dead_code', 'kernel/a.c', '/* Why.\n * cap_delete(c);\n */\n', 2),
    ('dead_code', 'apps/a.c', 'int a;\n#if 0\n#endif\n', 2),
    ('dead_code', 'a.py', 'a = 1\n# b = a\n', 2),
    ('dead_code', 'a.py', '# print(a)\n', 1),
    ('machine_paths', 'docs/a.md', 'see /wo' 'rk/x\n', 1),
    ('machine_paths', 'a.py', 'a = "/home/me' '/x"\n', 1),
    ('white_space', 'kernel/a.c', 'int a; \n', 1),
    ('white_space', 'kernel/a.c', '\tint a;\n', 1),
    ('white_space', 'kernel/a.c', 'int a;', 1),
    ('white_space', 'kernel/a.c', 'int a;\n\n', 3),
    ('header_guard', 'kernel/a.h', 'int a;\n', 1),
    ('numbers_by_hand', 'services/a.c', 'return (errval_t)0x41;\n', 1),
    ('may_include', 'apps/a.c', '#include <kpi/lmp.h>\n', 1),
    ('may_include', 'apps/a.c', '#include <if/fs_server.h>\n', 1),
    ('may_include', 'services/a.c', '#include <kernel/cap.h>\n', 1),
    ('may_include', 'libaos/a.c', '#include <kernel/cap.h>\n', 1),
    ('may_include', 'kernel/a.c', '#include <stdio.h>\n', 1),
    ('may_include', 'kernel/a.c', '#include <if/fs.h>\n', 1),
    ('may_include', 'kernel/a.c', '#include "../b.h"\n', 1),
]


@pytest.mark.parametrize('rule, path, text, line', BAD)
def test_tdy0002_a_bad_file(rule, path, text, line):
    found = tidy.check_files([Source(path, text)])
    assert [(f.rule, f.line) for f in found] == [(rule, line)]


def test_tdy0003_every_rule_about_files_has_a_bad_file():
    assert {rule.__name__ for rule in rules.FILE_RULES + (layers.may_include,)} == {b[0]
                                                                                    for b in BAD}


@pytest.mark.parametrize('path, text', [
    ('kernel/arch/armv8/a.c', '#ifdef X\n#endif\n'), ('apps/a.c',
                                                      '#include <if/fs.h>\n#include <stdio.h>\n'),
    ('services/a.c', '#include "fs_priv.h"\n#include <if/fs_server.h>\n'), ('docs/a.md', 'x' * 300
                                                                            + '\n'),
    ('kernel/a.c', '/* An error; see below. */\n'), ('libaos/a.c', 'return (errval_t)0;\n')])
def test_tdy0004_what_is_allowed(path, text):
    assert tidy.check_files([Source(path, text)]) == []


def tree_findings(**files):
    return [(f.rule, f.path) for f in tidy.check_tree(
        [Source(path, text) for path, text in files.pop('files').items()])]


def test_tdy0005_readmes():
    files = {'kernel/README.md': 'x', 'kernel/cap/a.h': '', 'kernel/cap/deep/b.h': ''}
    assert tree_findings(files=files) == [('readmes', 'kernel/cap/README.md')]
    files['kernel/cap/README.md'] = 'x'
    assert tree_findings(files=files) == []


def test_tdy0006_include_cycles():
    files = {'README.md': '', 'kernel/README.md': 'x', 'kernel/a.h': '#include <kernel/b.h>\n',
             'kernel/b.h': '#include "c.h"\n', 'kernel/c.h': '#include "a.h"\n'}
    assert [rule for rule, _ in tree_findings(files=files)] == ['include_cycles']
    files['kernel/c.h'] = ''
    assert tree_findings(files=files) == []


def test_tdy0007_every_c_file_is_built_once():
    files = {'kernel/README.md': 'x', 'kernel/a.c': '', 'kernel/b.c': '', 'kernel/c.c': '',
             'kernel/d.c': '', 'libaos/meson.build': "files('../kernel/b.c')",
             'kernel/meson.build': "['a.c', 'b.c', 'c']",
             'tests/host/meson.build': "files('../../kernel/a.c', '../../kernel/d.c')"}
    found = tree_findings(files=files)
    assert found == [('built_once', 'kernel/b.c'), ('built_once', 'kernel/d.c')]


def test_tdy0010_documents_name_what_is_there():
    files = {'README.md': 'see `kernel/cap/` and `kernel/cap/a.h`, `kernel/gone.c`, `kernel/b/`\n',
             'kernel/README.md': 'x', 'kernel/cap/README.md': 'x', 'kernel/cap/a.h': ''}
    found = tidy.check_tree([Source(path, text) for path, text in files.items()])
    assert [f.message for f in found] == ['there is no kernel/gone.c', 'there is no kernel/b/']


def test_tdy0008_linters_are_run(tmp_path):
    (tmp_path / 'a.py').write_text('import os\n')
    (tmp_path / 'c.py').write_text('def f(:\n')
    (tmp_path / 'b.sh').write_text('#!/bin/sh\necho $1\n')
    found = tidy.lint(tmp_path, read_tree(tmp_path))
    assert len(found) == 2 and 'b.sh' in found[0].message
    assert 'c.py:1' in found[1].message and 'a.py:1' in found[1].message


def test_tdy0009_the_tree_leaves_outputs_out(tmp_path):
    for name in ('build/a.c', 'build-release/b.c', '.git/c', 'kernel/build/d.c', 'e.c'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('')
    assert [s.path for s in read_tree(tmp_path)] == ['e.c', 'kernel/build/d.c']
