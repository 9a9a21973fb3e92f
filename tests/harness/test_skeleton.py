"""Skeletons fit into the tree: named where they must be, nothing overwritten, nothing half done."""
import pytest
import skeleton


@pytest.fixture
def tree(tmp_path):
    files = {
        'idl/meson.build': "if_names = ['init', 'serial']\nsubdir('abi')\n",
        'idl/if/init.if': 'interface init {\n  id 0x100; version 1;\n}\n',
        'services/meson.build': "services = {\n  'init': {},\n}\n",
        'apps/meson.build': "# apps\n\nsubdir('images')   # last\n",
        'apps/images/default.image': 'module init\nmodule shell\n\nservice serial\nshell shell\n'}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def state(root):
    return {path: path.read_text() for path in root.rglob('*') if path.is_file()}


def test_har0110_an_interface(tree):
    assert 'idl/if/greeter.if' in skeleton.write(tree, 'interface', 'greeter')
    assert 'id 0x101;' in (tree / 'idl/if/greeter.if').read_text()
    assert "['greeter', 'init', 'serial']" in (tree / 'idl/meson.build').read_text()


def test_har0111_a_service(tree):
    skeleton.write(tree, 'interface', 'greeter')
    skeleton.write(tree, 'service', 'greeter')
    text = (tree / 'services/greeter/main.c').read_text()
    assert '<if/greeter_server.h>' in text and 'NAME' not in text
    assert (tree / 'services/meson.build').read_text() == (
        "services = {\n  'init': {},\n  'greeter': {'sources': ['main.c'], 'core': []},\n}\n")
    lines = (tree / 'apps/images/default.image').read_text().splitlines()
    assert lines == ['module init', 'module shell', 'module greeter', '', 'service serial',
                     'service greeter clients memory,nameserver', 'shell shell']


def test_har0112_an_app(tree):
    skeleton.write(tree, 'app', 'greet')
    assert (tree / 'apps/meson.build').read_text() == (
        "# apps\n\nprograms += {'greet': {\n  'sources': files('greet/greet.c'),\n}}\n"
        "subdir('images')   # last\n")
    assert 'lookup' not in (tree / 'apps/greet/greet.c').read_text()
    assert 'module greet\n' in (tree / 'apps/images/default.image').read_text()


@pytest.mark.parametrize('kind, name, said', [
    ('app', 'Bad', 'no good name'), ('app', '../x', 'no good name'), ('app', 'x_bind', 'no good'),
    ('service', 'greeter', 'first: ./aos new interface'), ('interface', 'init', 'there already'),
    ('app', 'greet greeter', 'no idl/if/greeter.if'), ('interface', 'greeter init', 'no other')])
def test_har0113_nothing_is_written_when_it_cannot_be(tree, kind, name, said):
    before = state(tree)
    with pytest.raises(skeleton.SkeletonError, match=said):
        skeleton.write(tree, kind, name.split()[0], name.split()[1:])
    assert state(tree) == before


def test_har0114_a_name_is_used_once(tree):
    skeleton.write(tree, 'app', 'greet')
    before = state(tree)
    with pytest.raises(skeleton.SkeletonError, match='there already'):
        skeleton.write(tree, 'app', 'greet')
    skeleton.write(tree, 'interface', 'other')
    (tree / 'apps/other').mkdir()
    with pytest.raises(skeleton.SkeletonError, match='called other already'):
        skeleton.write(tree, 'service', 'other')
    assert set(state(tree)) >= set(before)


def test_har0115_a_long_list_of_names_is_broken():
    text = skeleton.add_name('if_names = [%s]\n' % ', '.join(f"'name{n}'" for n in range(30)), 'x')
    assert max(map(len, text.splitlines())) <= 100 and text.count("'") == 62


def test_har0116_stubs_of_what_is_called(tree):
    skeleton.write(tree, 'interface', 'greeter')
    skeleton.write(tree, 'service', 'greeter', ['init', 'init'])
    skeleton.write(tree, 'app', 'greet', ['greeter', 'init'])
    assert "'core': [],\n    'clients': [\n      'init',\n    ]},\n" in (
        tree / 'services/meson.build').read_text()
    assert 'clients memory,nameserver,init\n' in (tree / 'apps/images/default.image').read_text()
    assert "'deps': [\n    if_client['greeter'],\n    if_client['init'],\n  ],\n}}\n" in (
        tree / 'apps/meson.build').read_text()
    text = (tree / 'apps/greet/greet.c').read_text()
    assert text.index('<if/greeter.h>') < text.index('connect_init(') < text.index('main(')
