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
    blob = sdk_image.pack(manifest, ['init', 'shell'], sdk_image.files([f'shell={mine}']),
                          {})
    assert blob == cpio.archive([('manifest', manifest.encode()), ('init', b'init of the SDK'),
                                 ('shell', b'another shell')])


@pytest.mark.parametrize('pair', ['shell', '=x', 'shell='])
def test_sdk0003_pairs_have_two_parts(programs, pair):
    with pytest.raises(ValueError, match='NAME=FILE'):
        sdk_image.files([pair])


@pytest.fixture
def image(programs, tmp_path, monkeypatch):
    """Runs aos-image with the manifests of these texts; returns its status and all paths."""
    def run(first, more):
        paths = [tmp_path / name for name in ('first.image', 'my more.image', 'out', 'out.d')]
        paths[0].write_text(first)
        paths[1].write_text(more)
        words = zip(('--manifest', '--also', '--output', '--depfile'), map(str, paths))
        monkeypatch.setattr(sys, 'argv', ['aos-image', *(w for pair in words for w in pair)])
        return sdk_image.main(), *paths
    return run


def test_sdk0004_what_is_wrong_in_a_manifest_is_told(image, capsys):
    status, _, more, out, _ = image('module init\n', '\nmodule other\n')
    assert status == 1 and not out.exists()
    assert f'{more}:2: there is no program or file other' in capsys.readouterr().err
    status, _, more, out, _ = image('module init\n', 'module init\n')
    assert status == 1 and not out.exists()
    assert f'{more}:1: module init is named twice' in capsys.readouterr().err


def test_sdk0006_manifests_continue_each_other(image, programs):
    status, first, more, out, depfile = image('module init', 'service x\nmodule shell\n')
    assert status == 0 and b'module init\nservice x\nmodule shell\n' in out.read_bytes()
    named = depfile.read_text().replace('\\ ', '?').replace('\n', '').split(' ')
    assert named == [str(path).replace(' ', '?') for path in (
        f'{out}:', first, more, programs / 'init', programs / 'shell')]


def test_sdk0005_the_cross_file_names_the_place(tmp_path):
    template = tmp_path / relocate.TEMPLATE
    template.parent.mkdir(parents=True)
    template.write_text((ROOT / 'sdk' / 'aos.ini.in').read_text())
    relocate.write_cross_file(tmp_path, "/it's here")
    assert "aos = '/it\\'s here'\n" in (tmp_path / relocate.CROSS_FILE).read_text()
