"""The initrd: data on pages, the same bytes for the same files, archives that can be put behind
each other."""
import subprocess
import sys
from pathlib import Path

import execmode  # puts the packer's folder on the path
import pytest
from hypothesis import given, strategies as st

cpio = execmode.cpio
PACKER = Path(cpio.__file__).with_name('mkinitrd.py')
NAME = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40).filter(
    lambda name: name != cpio.LAST)


@given(st.lists(st.tuples(NAME, st.binary(max_size=9000)), max_size=6,
                unique_by=lambda file: file[0]))
def test_har0030_data_are_on_pages_and_come_back(files):
    blob = cpio.archive(files)
    assert len(blob) % cpio.PAGE == 0
    found = cpio.read(blob)
    assert [(name, data) for name, (_, data) in found.items()] == files
    assert all(at % cpio.PAGE == 0 for at, data in found.values() if data)
    assert blob == cpio.archive(files)


def test_har0031_two_archives_in_a_row():
    blob = cpio.archive([('init', b'i' * 5000)]) + cpio.archive([('exec', b'echo hi\n')])
    found = cpio.read(blob)
    assert found['exec'][1] == b'echo hi\n' and found['exec'][0] % cpio.PAGE == 0
    assert found['init'][1] == b'i' * 5000


@pytest.mark.parametrize('files', [
    [('a', b''), ('a', b'')], [('', b'')], [('n' * 256, b'')], [('a\0b', b'')], [(cpio.LAST, b'')]])
def test_har0032_bad_names(files):
    with pytest.raises(ValueError):
        cpio.archive(files)


def test_har0033_a_cut_archive_is_noticed():
    blob = cpio.archive([('init', bytes(range(256)) * 40)])
    with pytest.raises(ValueError):
        cpio.read(blob[:8192])


def pack(tmp_path, manifest, *modules):
    (tmp_path / 'x.image').write_text(manifest)
    return subprocess.run([sys.executable, PACKER, '--manifest', tmp_path / 'x.image',
                           '--output', tmp_path / 'out', *modules], text=True, capture_output=True)


def test_har0034_an_image_from_a_manifest(tmp_path):
    (tmp_path / 'init.elf').write_bytes(b'elf of init')
    manifest = '# comment\nmodule init\nmodule motd  # why\nservice init quota 1\n'
    done = pack(tmp_path, manifest, f'init={tmp_path}/init.elf', f'motd={tmp_path}/x.image',
                'other=/none')
    assert done.returncode == 0, done.stderr
    found = cpio.read((tmp_path / 'out').read_bytes())
    assert list(found) == ['manifest', 'init', 'motd']
    assert found['manifest'][1].decode() == manifest and found['init'][1] == b'elf of init'


def test_har0036_files_beside_the_manifest(tmp_path):
    (tmp_path / 'init.elf').write_bytes(b'elf of init')
    given = [f'init={tmp_path}/init.elf', '--add', f'probe={tmp_path}/init.elf']
    done = pack(tmp_path, 'module init\n', *given)
    assert done.returncode == 0, done.stderr
    assert list(cpio.read((tmp_path / 'out').read_bytes())) == ['manifest', 'init', 'probe']
    assert pack(tmp_path, 'module init\nmodule probe\n', *given).returncode == 1


@pytest.mark.parametrize('manifest, said', [
    ('module init\nmodule gone\n', ':2: there is no program or file'),
    ('module init\nmodule init\n', ':2: module init is named twice'),
    ('module\n', ':1: one name'), ('module a b\n', ':1: one name'),
    ('service a\n', 'names no module')])
def test_har0035_a_wrong_manifest(tmp_path, manifest, said):
    (tmp_path / 'init.elf').write_bytes(b'')
    done = pack(tmp_path, manifest, f'init={tmp_path}/init.elf')
    assert done.returncode == 1 and said in done.stderr and not (tmp_path / 'out').exists()
