"""An SDK as `meson install` makes it, moved to another place."""
import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest

BUILD = os.environ['AOS_BUILD']
GCC = 'aarch64-linux-gnu-gcc'
MAIN = '#include <stdio.h>\nint main(void)\n{\n    return puts("here") < 0;\n}\n'


def run(*words, **options):
    return subprocess.run([str(word) for word in words], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=120, **options)


def install(stage):
    done = run('meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir', stage)
    assert done.returncode == 0, done.stdout + done.stderr


def contents(folder):
    """{path: (mode, digest)} of all files below a folder."""
    return {str(path.relative_to(folder)): (path.stat().st_mode,
                                            hashlib.sha256(path.read_bytes()).hexdigest())
            for path in sorted(folder.rglob('*')) if path.is_file()}


@pytest.fixture(scope='module')
def staged(tmp_path_factory):
    """Where an SDK was installed twice, and what was there after the first time."""
    stage = tmp_path_factory.mktemp('stage')
    install(stage)
    first = contents(stage)
    install(stage)
    return stage, first


@pytest.fixture(scope='module')
def sdk(staged, tmp_path_factory):
    """The SDK, copied to a folder with a blank in its name."""
    command = next(staged[0].rglob('bin/aos-relocate'))
    place = tmp_path_factory.mktemp('moved') / 'an SDK'
    run('cp', '-a', command.parents[1], place, check=True)
    run(place / 'bin/aos-relocate', check=True)
    return place


@pytest.fixture
def flags(sdk):
    """What pkg-config says, as the words of a command line."""
    def words(*what):
        done = run('pkg-config', *what, 'aos', env={
            **os.environ, 'PKG_CONFIG_LIBDIR': str(sdk / 'lib/pkgconfig')})
        assert done.returncode == 0, done.stderr
        return run('bash', '-c', f"printf '%s\\n' {done.stdout}").stdout.splitlines()
    return words


def test_sdk0010_installing_again_changes_nothing(staged):
    stage, first = staged
    assert len(first) > 100 and contents(stage) == first


def test_sdk0011_only_the_cross_file_names_the_place(sdk, staged):
    source = Path(__file__).resolve().parents[2]
    naming = []
    for path in sdk.rglob('*'):
        if path.is_file() and '__pycache__' not in path.parts:
            text = path.read_bytes()
            if path.suffix != '.a' and any(str(place).encode() in text
                                           for place in (sdk, staged[0], BUILD, source)):
                naming.append(str(path.relative_to(sdk)))
    assert naming == ['share/meson/cross/aos.ini']


def test_sdk0012_every_header_is_complete(sdk, flags, tmp_path):
    names = [path.relative_to(sdk / 'include/aos') for path in sdk.rglob('include/aos/*/*.h')]
    files = [tmp_path / f'{"_".join(name.parts)}.c' for name in names]
    for file, name in zip(files, names):
        file.write_text(f'#include <{name}>\n')
    done = run(GCC, '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-fsyntax-only',
               *flags('--cflags'), *files)
    assert done.returncode == 0 and len(files) > 40, done.stderr


def test_sdk0013_a_program_without_meson_or_cmake(sdk, flags, tmp_path):
    (tmp_path / 'main.c').write_text(MAIN)
    done = run(GCC, '-std=gnu11', *flags('--cflags'), '-o', tmp_path / 'main', tmp_path / 'main.c',
               '-nostdlib', '-static', *flags('--libs'))
    assert done.returncode == 0, done.stderr
    (tmp_path / 'more.image').write_text('module here\n')
    done = run(sdk / 'bin/aos-image', '--output', tmp_path / 'image', '--also',
               tmp_path / 'more.image', f'here={tmp_path / "main"}')
    assert done.returncode == 0, done.stderr
    assert b'module here\n' in (tmp_path / 'image').read_bytes()


@pytest.mark.parametrize('text, code', [
    ('interface far { id 0x300; version 1 draft; call get @1 () -> (b: u8); }', ''),
    ('import "process.if";\ninterface far { id 0x300; version 1 draft;\n'
     'call get @1 () -> (b: process.State); }', ''),
    ('interface far { id MEMORY; version 1 draft; call get @1 () -> (b: u8); }', 'E0703'),
    ('interface memory { id 0x300; version 1 draft; call get @1 () -> (b: u8); }', 'E1104')])
def test_sdk0014_interfaces_are_beside_those_of_the_sdk(sdk, tmp_path, text, code):
    taken = re.search(r'\bid (\w+);', (sdk / 'share/aos/idl/if/memory.if').read_text())[1]
    (tmp_path / 'far.if').write_text(text.replace('MEMORY', taken))
    done = run(sdk / 'bin/aos-stubgen', 'check', tmp_path / 'far.if')
    assert (done.returncode, code in done.stderr) == (1 if code else 0, True), done.stderr


def test_sdk0015_cmake_stops_at_a_wrong_interface(sdk, tmp_path):
    (tmp_path / 'far.if').write_text('interface far { id 0x300; version 1; call get }')
    (tmp_path / 'CMakeLists.txt').write_text(
        'cmake_minimum_required(VERSION 3.20)\nproject(far C)\nfind_package(AOS 0.1 REQUIRED)\n'
        'aos_interface(far_if far.if)\n')
    done = run('cmake', '-G', 'Ninja', '-S', tmp_path, '-B', tmp_path / 'build', '--toolchain',
               sdk / 'lib/cmake/AOS/AOSToolchain.cmake')
    assert done.returncode != 0 and 'far.if:1:' in done.stderr and 'far_if' in done.stderr


def test_sdk0016_commands_say_what_is_wrong(sdk, tmp_path):
    done = run(sdk / 'bin/aos-run', tmp_path / 'none', 'true')
    assert done.returncode == 125 and 'there is no image' in done.stderr
    done = run(sdk / 'bin/aos-image', '--output', tmp_path / 'image', 'program')
    assert done.returncode == 1 and 'NAME=FILE' in done.stderr
    for command in sorted((sdk / 'bin').iterdir()):
        assert run(command, '--help').stderr.count('Traceback') == 0
