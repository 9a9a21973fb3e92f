"""The launcher on machines that lack something: it says what, asks the right program, and never
goes on regardless.

It runs in a folder of its own, with a package list of its own, and finds no program but stand-ins.
"""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ('bash', 'dirname', 'env', 'flock', 'mkdir', 'rm', 'sed', 'touch', 'cat')


class Place:
    """A folder with the launcher and the programs it may find."""

    def __init__(self, folder):
        self.folder, self.bin, self.log = folder, folder / 'bin', folder / 'log'
        self.bin.mkdir()
        (folder / '.ci').mkdir()
        shutil.copy(ROOT / 'aos', folder)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.packages(('build', 'a-tool', folder / 'a-tool'), ('test', 'b-tool', folder / 'b-*'))
        self.program('id', 'echo 0')
        for name in ('apt-get', 'meson', 'ninja'):
            self.program(name)

    def packages(self, *rows):
        lines = [f'{group} {name} {path}\n' for group, name, path in rows]
        (self.folder / '.ci' / 'packages').write_text('# what is needed\n' + ''.join(lines))

    def program(self, name, does=''):
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho {name} "$@" >>{self.log}\n{does}\n')
        path.chmod(0o755)

    def run(self, *arguments):
        self.log.write_text('')
        done = subprocess.run(['./aos', *arguments], cwd=self.folder, env={'PATH': str(self.bin)},
                              text=True, capture_output=True, stdin=subprocess.DEVNULL)
        return done, self.log.read_text()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_har0080_nothing_missing_nothing_asked(place):
    (place.folder / 'a-tool').touch()
    first, log = place.run('build')
    assert first.returncode == 0 and 'apt-get' not in log and 'meson setup' in log
    again, log = place.run('build')
    assert again.returncode == 0 and log.split('\n')[0].startswith('ninja') and again.stderr == ''


def test_har0081_what_is_missing_is_named_and_installed(place):
    place.program('apt-get', f'case "$*" in *install*) touch {place.folder}/a-tool ;; esac')
    done, log = place.run('build')
    assert done.returncode == 0 and 'missing packages: a-tool' in done.stderr
    assert 'install -y --no-install-recommends a-tool\n' in log and 'b-tool' not in log
    assert log.index('update') < log.index('install -y') < log.index('meson setup')


def test_har0082_new_tools_configure_again(place):
    (place.folder / 'a-tool').touch()
    place.program('meson', 'touch build/build.ninja')
    place.run('build')
    place.packages(('build', 'c-tool', place.folder / 'c-tool'))
    place.program('apt-get', f'case "$*" in *install*) touch {place.folder}/c-tool ;; esac')
    done, log = place.run('build')
    assert done.returncode == 0 and 'meson setup --reconfigure' in log


@pytest.mark.parametrize('does', ['exit 100', ''])
def test_har0083_no_network_or_a_package_that_brings_nothing(place, does):
    place.program('apt-get', does)
    done, log = place.run('build')
    assert done.returncode == 2 and 'a-tool' in done.stderr.split('\n')[-2] and 'meson' not in log


def test_har0084_no_rights(place):
    place.program('id', 'echo 1000')
    done, log = place.run('build')
    assert done.returncode == 2 and 'apt-get' not in log
    assert 'no sudo' in done.stderr and 'apt-get install a-tool' in done.stderr


def test_har0085_through_sudo(place):
    place.program('id', 'echo 1000')
    place.program('sudo', f'touch {place.folder}/a-tool')
    done, log = place.run('build')
    assert done.returncode == 0 and 'sudo env DEBIAN_FRONTEND=noninteractive apt-get' in log


def test_har0086_no_apt(place):
    (place.bin / 'apt-get').unlink()
    done, _ = place.run('build')
    assert done.returncode == 2 and 'no apt-get' in done.stderr and 'a-tool' in done.stderr


@pytest.mark.parametrize('failing', ['meson', 'ninja'])
@pytest.mark.parametrize('command, status', [(['run'], 2), (['exec', 'true'], 125)])
def test_har0087_a_failed_build_goes_no_further(place, failing, command, status):
    (place.folder / 'a-tool').touch()
    place.program(failing, 'echo something is wrong; exit 1')
    done, _ = place.run(*command)
    assert done.returncode == status
    assert 'something is wrong' in done.stderr and 'failed' in done.stderr


@pytest.mark.parametrize('arguments, status', [
    (['frobnicate'], 2), (['run', '--smpp', '2'], 2), (['run', '--smp'], 2),
    (['exec'], 125), (['exec', '--smp', '2'], 125)])
def test_har0088_what_it_does_not_understand_is_told_at_once(place, arguments, status):
    done, log = place.run(*arguments)
    assert done.returncode == status and 'aos: ' in done.stderr
    assert 'meson' not in log and 'apt-get' not in log


@pytest.mark.parametrize('action, status', [('run', 2), ('exec', 125)])
def test_har0090_a_bad_value_is_told_in_a_line(action, status):
    launch = [sys.executable, str(ROOT / 'tests/harness/launch.py'), '--build', '/nowhere']
    done = subprocess.run([*launch, '--smp', 'x', action, '--', 'true'], text=True,
                          capture_output=True)
    assert done.returncode == status and done.stdout == ''
    assert done.stderr.startswith('aos: ') and len(done.stderr.splitlines()) == 1


def test_har0089_help(place):
    done, log = place.run('help')
    assert done.returncode == 0 and not log
    for command in ('run', 'exec', 'test', 'bench', 'debug', 'new', 'build'):
        assert f'\n  {command} ' in done.stdout
