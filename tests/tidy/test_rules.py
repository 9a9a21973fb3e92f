"""Each rule finds what it is for, and nothing in a good file."""
import pytest
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
    ('line_length', 'stubgen/a.h.j2', '/* ' + 'x' * 100 + ' */\n', 1),
    ('line_length', 'meson_options.txt', "'" + 'x' * 100 + "'\n", 1),
    ('file_length', 'libaos/a.c', '\n'.join(['int a;'] * 601) + '\n', 1),
    ('file_length', 'meson.build', "a = 'b'\n" * 151, 1),
    ('function_length', 'libaos/a.h', '#pragma once\nint f(void)\n{\n' + '    f();\n' * 70 + '}\n',
     3),
    ('function_length', 'kernel/a.c', 'int f(void)\n{\n' + '    f();\n' * 70 + '}\n', 2),
    ('function_length', 'a.py', 'def f():\n' + '    f()\n' * 70, 1),
    ('unfinished', 'libaos/a.c', f'int a;\n/* {LATER}: more */\n', 2),
    ('unfinished', 'docs/a.md', f'{LATER}\n', 1),
    ('conditional_code', 'libaos/a.c', 'int a;\n#ifdef BOARD\n#endif\n', 2),
    ('dead_code', 'kernel/a.c', '/* x = y + 1; */\n', 1),
    ('dead_code', 'kernel/a.c', '/* Why.\n * cap_delete(c);\n */\n', 2),
    ('dead_code', 'tests/a.c', 'int a;\n#if 0\n#endif\n', 2),
    ('dead_code', 'a/meson.build', "# subdir('b')\n", 1),
    ('dead_code', 'a.py', 'a = 1\n# b = a\n', 2),
    ('dead_code', 'a.py', '# print(a)\n', 1),
    ('machine_paths', 'docs/a.md', 'see /wo' 'rk/x\n', 1),
    ('machine_paths', 'a.py', 'a = "/home/me' '/x"\n', 1),
    ('white_space', 'libaos/a.c', 'int a; \n', 1),
    ('white_space', 'libaos/a.c', '\tint a;\n', 1),
    ('white_space', 'libaos/a.c', 'int a;', 1),
    ('white_space', 'libaos/a.c', 'int a;\n\n', 3),
    ('header_guard', 'kernel/a.h', 'int a;\n', 1),
    ('numbers_by_hand', 'services/a.c', 'return (errval_t)0x41;\n', 1),
    ('may_include', 'apps/a.c', '#include <kpi/lmp.h>\n', 1),
    ('kernel_globals', 'kernel/a.c', 'static int a;\n', 1),
    ('kernel_globals', 'kernel/a.c', '/* owner: this file */\n' + 'int a;\n' * 4, 5),
    ('struct_names', 'libaos/a.c', 'typedef struct a a_t;\n', 1),
    ('stubgen_is_general', 'stubgen/stubgen/a.py', 'a = "idl/if/memory' '.if"\n', 1),
    ('no_umbrella', 'kernel/a.h', '/* All. */\n#pragma once\n#include <kernel/b.h>\n'
     '#include <kernel/c.h>\n', 1),
    ('may_include', 'apps/a.c', '#include <if/fs_server.h>\n', 1),
    ('may_include', 'services/net/a.c', '#include <if/fs_server.h>\n', 1),
    ('may_include', 'libaos/io/a.c', '#include <if/fs.h>\n', 1),
    ('may_include', 'services/a.c', '#include <kernel/cap.h>\n', 1),
    ('may_include', 'libaos/a.c', '#include <kernel/cap.h>\n', 1),
    ('may_include', 'kernel/a.c', '#include <stdio.h>\n', 1),
    ('may_include', 'kernel/a.c', '#include <if/fs.h>\n', 1),
    ('may_include', 'kernel/a.c', '#include "../b.h"\n', 1),
]


@pytest.mark.parametrize('rule, path, text, line', BAD,
                         ids=[f'{bad[0]}-{number}' for number, bad in enumerate(BAD)])
def test_tdy0002_a_bad_file(rule, path, text, line):
    found = tidy.check_files([Source(path, text)])
    assert [(f.rule, f.line) for f in found] == [(rule, line)]


def test_tdy0003_every_rule_about_files_has_a_bad_file():
    assert {rule.__name__ for rule in tidy.FILE_RULES} == {bad[0] for bad in BAD}


@pytest.mark.parametrize('path, text', [
    ('kernel/arch/armv8/a.c', '#ifdef X\n#endif\n'), ('apps/a.c',
                                                      '#include <if/fs.h>\n#include <stdio.h>\n'),
    ('services/fs/a.c', '#include "fs_priv.h"\n#include <if/fs_server.h>\n'),
    ('docs/a.md', 'x' * 300 + '\n'), ('libaos/rpc/a.c', '#include <if/fs.h>\n'),
    ('kernel/a.c', '/* owner: this file */\nstatic int a;\nstatic int b; // last\nint f(int c);\n'),
    ('kernel/a.h', '#pragma once\n#include <kernel/b.h>\nint a(void);\n'),
    ('kernel/a.c', '/* An error; see below. */\n'), ('libaos/a.c', 'return (errval_t)0;\n')])
def test_tdy0004_what_is_allowed(path, text):
    assert tidy.check_files([Source(path, text)]) == []


def tree_findings(files):
    """(rule, path) of what is wrong with these files together."""
    return [(f.rule, f.path) for f in tidy.check_tree([Source(*file) for file in files.items()])]


def test_tdy0005_readmes():
    files = {'kernel/README.md': 'x', 'kernel/cap/a.S': '', 'kernel/cap/include/deep/b.S': '',
             'kernel/meson.build': "['cap/a.S', 'cap/include/deep/b.S']"}
    assert tree_findings(files) == [('readmes', 'kernel/cap/README.md')]
    files['kernel/cap/README.md'] = 'x'
    assert tree_findings(files) == []


def test_tdy0006_include_cycles():
    files = {'README.md': '', 'kernel/README.md': 'x', 'kernel/a.h': '#include <kernel/b.h>\n',
             'kernel/b.h': '#include "c.h"\n', 'kernel/c.h': '#include "a.h"\n',
             'tests/README.md': '', 'tests/c.h': '#include "c.h"\n'}
    assert [rule for rule, _ in tree_findings(files)] == ['include_cycles'] * 2
    files |= {'kernel/b.h': '', 'tests/c.h': ''}
    assert 'include_cycles' not in dict(tree_findings(files))


def test_tdy0007_every_c_file_is_built_once():
    files = {'kernel/README.md': 'x', 'kernel/a.c': '', 'kernel/b.c': '', 'kernel/c.c': '',
             'kernel/d.c': '', 'libaos/meson.build': "files('../kernel/b.c')",
             'kernel/meson.build': "['a.c', 'b.c', 'c']",
             'tests/host/meson.build': "files('../../kernel/a.c', '../../kernel/d.c')"}
    files |= {'libaos/README.md': 'x', 'tests/host/README.md': 'x'}
    found = tree_findings(files)
    assert found == [('built_once', 'kernel/b.c'), ('built_once', 'kernel/d.c')]


def test_tdy0010_documents_name_what_is_there():
    files = {'README.md': 'see `kernel/cap/` and `kernel/cap/a.py`, `kernel/gone.c`, `kernel/b/`\n',
             'kernel/README.md': 'x', 'kernel/cap/README.md': 'x', 'kernel/cap/a.py': ''}
    files['kernel/cap/meson.build'] = "'a.py'"
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


def test_tdy0011_nothing_is_left_over():
    files = {'kernel/README.md': 'x', 'kernel/used.h': '', 'kernel/left.h': '',
             'kernel/a.c': '#include <kernel/used.h>\n', 'kernel/meson.build': "'a.c', 'run.py'",
             'kernel/run.py': 'import helper\n', 'kernel/helper.py': '', 'kernel/orphan.py': '',
             'kernel/b.h.j2': '', 'kernel/view.py': 'NAME = "b.h"', 'kernel/test_a.py': 'view',
             'kernel/c.h.j2': ''}
    assert sorted(tree_findings(files)) == [
        ('used', 'kernel/c.h.j2'), ('used', 'kernel/left.h'), ('used', 'kernel/orphan.py')]


def test_tdy0012_the_order_inside_libaos():
    files = {'libaos/cap/README.md': '', 'libaos/io/README.md': '', 'libaos/cap/cap_priv.h': '',
             'libaos/io/io_priv.h': '', 'libaos/cap/a.h': '#include "io_priv.h"\n',
             'libaos/io/b.h': '#include "cap_priv.h"\n#include "a.h"\n#include "b.h"\n'}
    found = tree_findings(files)
    assert ('libaos_order', 'libaos/cap/a.h') in found
    assert ('libaos_order', 'libaos/io/b.h') not in found


def test_tdy0013_a_service_declares_whom_it_calls():
    files = {'apps/images/README.md': '', 'services/fs/README.md': '',
             'apps/images/default.image': 'service fs grant ram all clients memory,disk\n',
             'services/fs/meson.build': "'fs.c'",
             'services/fs/fs.c': '#include <if/fs.h>\n#include <if/disk.h>\n'}
    assert tree_findings(files) == []
    files['services/fs/fs.c'] += '#include <if/net.h>\n'
    assert tree_findings(files) == [('declared_clients', 'services/fs/fs.c')]


def test_tdy0014_documents_are_linked_and_links_lead_somewhere():
    files = {'docs/book/README.md': '[one](01.md) [gone](02.md) [web](https://a.b/c.md)\n',
             'docs/book/01.md': '[up](../../README.md#top)', 'docs/book/03.md': '', 'README.md': ''}
    assert tree_findings(files) == [('links', 'docs/book/README.md'),
                                    ('listed_documents', 'docs/book/03.md')]


def test_tdy0015_the_numbers_count_code_and_assertions():
    text = '/* A\n * comment. */\n\nint a;\nvoid f(void)\n{\n    kernel_assert(a == 0);\n}\n'
    line = tidy.numbers([Source('kernel/a.c', text)])[0]
    assert line.endswith('an assertion per 5 lines of code')


def test_tdy0015_features_name_tests_that_exist():
    files = {'docs/README.md': 'x', 'docs/ref/README.md': '[f](FEATURES.md)',
             'tests/host/README.md': 'x', 'tests/host/test_a.c': '{"STUB0001 scalars", scalars}',
             'tests/host/meson.build': "'test_a.c'", 'stubgen/tests/README.md': 'x',
             'stubgen/tests/test_doc.py': 'def test_pages():\ndef test_DOC0001_more():\n'}
    table = '| feature | here | shown by |\n|---|---|---|\n'
    good = table + '| a | yes | `STUB0001` `test_doc::test_pages` `DOC0001` |\n'
    assert tree_findings(files | {'docs/ref/FEATURES.md': good}) == []
    for shown in ('', '`STUB0002`', '`STUB0001` `test_doc::test_page`'):
        bad = table + f'| a | yes | {shown} |\n'
        assert tree_findings(files | {'docs/ref/FEATURES.md': bad}) == [
            ('shown_features', 'docs/ref/FEATURES.md')]
