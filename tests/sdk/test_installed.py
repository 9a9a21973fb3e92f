"""An SDK as `meson install` makes it, moved to another place."""
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tests' / 'harness'), str(ROOT / 'apps' / 'images')]
import cpio  # noqa: E402
import machine as machines  # noqa: E402
import session  # noqa: E402
import uboot  # noqa: E402

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
    naming = []
    for path in sdk.rglob('*'):
        if path.is_file() and '__pycache__' not in path.parts:
            text = path.read_bytes()
            if path.suffix != '.a' and any(str(place).encode() in text
                                           for place in (sdk, staged[0], BUILD, ROOT)):
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


OWN_DEVICE = ('device knob { size 4KiB; word u32 little;\n'
              '  reg TURN @0x00 : rw { 7..0 angle; 31..8 mbz; } }\n')
TURNS = ('#include <dev/knob.h>\n#include <dev/pl011.h>\n'
         'uint32_t turn(const struct knob_regs *d);\n'
         'uint32_t turn(const struct knob_regs *d)\n{\n    return knob_turn_angle_rd(d);\n}\n')


def test_sdk0017_devices_of_another_tree(sdk, flags, tmp_path):
    """Beside those of the SDK, whose headers are there."""
    (tmp_path / 'knob.dev').write_text(OWN_DEVICE)
    (tmp_path / 'turn.c').write_text(TURNS)
    done = run(sdk / 'bin/aos-stubgen', 'gen', '--target', 'dev', '--out', tmp_path / 'dev',
               tmp_path / 'knob.dev')
    assert done.returncode == 0, done.stderr
    done = run(GCC, '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-c', f'-I{tmp_path}',
               *flags('--cflags'), tmp_path / 'turn.c', '-o', tmp_path / 'turn.o')
    assert done.returncode == 0, done.stderr
    for command in ('check', 'gen'):
        done = run(sdk / 'bin/aos-stubgen', command, *['--target', 'dev', '--out', tmp_path / 'x']
                   * (command == 'gen'), *sdk.glob('share/aos/idl/dev/*.dev'))
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope='module')
def far(sdk, tmp_path_factory):
    """A tree with an interface, a device and a program, built by CMake: the folder of the build."""
    tree = tmp_path_factory.mktemp('far')
    (tree / 'far.if').write_text(
        'import "memory.if";\ninterface far { id 0x301; version 1; error from memory;\n'
        '  struct Spot { x: i16; y: i16 range -5..5; }\n'
        '  call get @1 (spots: Spot[<=3], end: client far) -> (b: u8) fails quota; }')
    (tree / 'knob.dev').write_text(OWN_DEVICE)
    (tree / 'turn.c').write_text(TURNS)
    (tree / 'main.c').write_text('#include <if/far.h>\n' + MAIN.replace(
        'puts("here")', 'puts(far_client_interface.id == 0x301 ? "here" : "")'))
    (tree / 'more.image').write_text('module here\n')
    (tree / 'CMakeLists.txt').write_text(
        'cmake_minimum_required(VERSION 3.20)\nproject(far C)\nfind_package(AOS 0.1 REQUIRED)\n'
        'aos_interface(far_if far.if)\naos_device(knob knob.dev)\naos_program(here main.c turn.c)\n'
        'target_link_libraries(here PRIVATE far_if knob)\n'
        'aos_image(far ALSO more.image PROGRAMS here)\n')
    done = run('cmake', '-G', 'Ninja', '-S', tree, '-B', tree / 'build', '--toolchain',
               sdk / 'lib/cmake/AOS/AOSToolchain.cmake')
    assert done.returncode == 0, done.stderr
    done = run('cmake', '--build', tree / 'build')
    assert done.returncode == 0, done.stdout
    return tree / 'build'


def test_sdk0018_images_describe_the_interfaces_of_their_programs(sdk, far):
    sys.path.insert(0, str(sdk / 'share/aos/stubgen'))
    from stubgen.emit import ifdesc
    image = cpio.read((far / 'far.initrd').read_bytes())['interfaces'][1]
    own = (sdk / 'lib/aos/programs/interfaces').read_bytes()
    assert ifdesc.ids(image) == ifdesc.ids(own) + [0x301] and image.startswith(own)
    # A program of which the text was changed: the image is made, and it is told.
    program = (far / 'here').read_bytes()
    bad = far / 'bad'
    assert program.count(b'range -5..5') == 1
    bad.write_bytes(program.replace(b'range -5..5', b'range -4..4'))
    done = run(sdk / 'bin/aos-image', '--output', far / 'image', '--also', far / '../more.image',
               f'here={bad}')
    assert done.returncode == 0 and 'far: its text has hash' in done.stderr
    assert ifdesc.ids(cpio.read((far / 'image').read_bytes())['interfaces'][1]) == ifdesc.ids(own)


def test_sdk0019_a_folder_that_uboot_starts(sdk, far, tmp_path):
    done = run(sdk / 'bin/aos-image', '--boot', tmp_path / 'boot', '--append', 'one=1', '--also',
               far / '../more.image', f'here={far / "here"}')
    assert done.returncode == 0, done.stderr
    files = {path.name: path for path in (tmp_path / 'boot').iterdir()}
    assert sorted(files) == ['Image', 'aos.initrd', 'boot.scr']
    machine = uboot.from_disk(machines.Machine(), uboot.make_disk(tmp_path, files))
    with session.Session(BUILD, command=machine.command(machines.TERMINAL)) as shell:
        assert shell.run('here') == 'here\n'
        shell.type('shutdown\r')
        assert shell.end() == 0
