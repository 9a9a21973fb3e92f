"""The tools of the SDK, without an SDK; what they do together is docs/book/outside.md."""
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'sdk' / 'tools'), str(ROOT / 'apps' / 'images')]
import cpio        # noqa: E402  (the path comes first)
import relocate    # noqa: E402
import sdk         # noqa: E402
import sdk_image   # noqa: E402
import sdk_stubgen  # noqa: E402

INTERFACES = ['/sdk/a.if', '/sdk/b.if']


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder of programs in the place of the SDK's."""
    folder = tmp_path / 'programs'
    folder.mkdir()
    for name in ('init', 'shell'):
        (folder / name).write_text(f'{name} of the SDK')
    monkeypatch.setattr(sdk, 'PROGRAMS', folder)
    return folder


@pytest.mark.parametrize('given, made', [
    ('check x.if', 'check x.if --with /sdk/a.if /sdk/b.if'),
    ('gen x.if --with y.if', 'gen x.if --with /sdk/a.if /sdk/b.if y.if'),
    ('check /sdk/b.if', 'check /sdk/b.if --with /sdk/a.if'),
    ('fmt x.if', 'fmt x.if'), ('gen --help', 'gen --help'), ('', '')])
def test_sdk0001_stubgen_looks_at_the_interfaces_of_the_sdk(given, made):
    assert sdk_stubgen.with_interfaces(given.split(), INTERFACES) == made.split()


def test_sdk0002_an_image_has_files_of_the_sdk_and_others(programs, tmp_path):
    mine = tmp_path / 'mine'
    mine.write_text('another shell')
    manifest = 'module init\nmodule shell\n'
    blob = sdk_image.pack(manifest, 'm', sdk_image.files([f'shell={mine}']))
    assert blob == cpio.archive([('manifest', manifest.encode()), ('init', b'init of the SDK'),
                                 ('shell', b'another shell')])


@pytest.mark.parametrize('pair', ['shell', '=x', 'shell='])
def test_sdk0003_pairs_have_two_parts(programs, pair):
    with pytest.raises(ValueError, match='NAME=FILE'):
        sdk_image.files([pair])


def test_sdk0004_a_module_that_is_not_there_is_told(programs, tmp_path, monkeypatch, capsys):
    manifest = tmp_path / 'm.image'
    manifest.write_text('module init\nmodule other\n')
    monkeypatch.setattr(sys, 'argv', ['aos-image', '--manifest', str(manifest), '--output',
                                      str(tmp_path / 'out')])
    assert sdk_image.main() == 1 and not (tmp_path / 'out').exists()
    assert f'{manifest}:2: there is no program or file other' in capsys.readouterr().err


def test_sdk0005_the_cross_file_names_the_place(tmp_path):
    template = tmp_path / relocate.TEMPLATE
    template.parent.mkdir(parents=True)
    template.write_text((ROOT / 'sdk' / 'aos.ini.in').read_text())
    relocate.write_cross_file(tmp_path, "/it's here")
    assert "aos = '/it\\'s here'\n" in (tmp_path / relocate.CROSS_FILE).read_text()
