"""Exec mode against a stand-in for QEMU: every way a run can end, and what becomes of each
stream."""
import os
import subprocess
import sys
from pathlib import Path

import boottest
import execmode
import machine as machines
import pytest

HERE = Path(__file__).parent
SHORT_S = 3      # for runs that are meant to run out of time
LONG_S = 60      # for runs that are not


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose QEMU is the stand-in."""
    qemu = tmp_path / 'qemu'
    qemu.write_text(f'#!/bin/sh\nexec {sys.executable} {HERE / "fake_qemu.py"} "$@"\n')
    qemu.chmod(0o755)
    monkeypatch.setattr(machines, 'QEMU', str(qemu))
    initrd = tmp_path / 'aos.initrd'
    initrd.write_bytes(execmode.cpio.archive([('init', b'x')]))
    return machines.Machine(image=tmp_path / 'Image', initrd=initrd)


def test_har0040_output_and_status(machine):
    result = execmode.run(machine, ['say a "b c"', 'warn careful', 'log booted', 'status 7'],
                          LONG_S)
    assert (result.status, result.trouble) == (7, '')
    assert (result.stdout, result.stderr, result.log) == ('a "b c"\n', 'careful\n', 'booted\n')
    assert result.statuses == [0, 0, 0, 7] and not result.damaged


def test_har0041_timeout_after_the_shell_was_there(machine):
    result = execmode.run(machine, ['say a', 'hang'], SHORT_S)
    assert result.status == execmode.TIMEOUT and 'after the shell was ready' in result.trouble
    assert result.stdout == 'a\n'


def test_har0042_a_shell_that_never_comes(machine):
    result = execmode.run(machine, ['noboot', 'log why', 'plain what', 'hang'], SHORT_S)
    assert result.status == execmode.NO_BOOT and 'the time was over' in result.trouble
    assert 'why' in result.evidence() and 'what' in result.evidence()


def test_har0043_qemu_ends_before_the_shell(machine):
    result = execmode.run(machine, ['noboot', 'log why', 'quit 0'], LONG_S)
    assert result.status == execmode.NO_BOOT and 'QEMU ended before' in result.trouble


def test_har0044_panic(machine, monkeypatch):
    monkeypatch.setattr(execmode, 'PANIC_GRACE_S', 1)
    result = execmode.run(machine, ['say a', 'panic at the disco'], LONG_S)
    assert result.status == execmode.PANIC and result.panic == 'at the disco'


def test_har0045_no_last_status(machine):
    assert execmode.run(machine, ['quit 0'], LONG_S).status == execmode.NO_BOOT
    ended = execmode.run(machine, ['quit 3'], LONG_S)
    assert ended.status == execmode.NO_BOOT and 'status 3' in ended.trouble


def test_har0046_damage_is_told(machine):
    result = execmode.run(machine, ['damage', 'say on'], LONG_S)
    assert result.status == 0 and result.stdout == 'on\n' and len(result.damaged) == 1


def test_har0047_commands_that_cannot_travel(machine):
    for command in ('a\nb', 'a\0b'):
        with pytest.raises(execmode.CommandError):
            execmode.run(machine, [command], LONG_S)


def test_har0048_the_streams_of_the_command_line_tool(machine, capfdbinary):
    status = execmode.main(machine, ['say out', 'warn err', 'log quiet', 'status 2'], LONG_S, False)
    out, err = capfdbinary.readouterr()
    assert (status, out, err) == (2, b'out\n', b'err\n')
    assert execmode.main(machine, ['log loud'], LONG_S, True) == 0
    assert b'loud' in capfdbinary.readouterr().err


def test_har0049_no_qemu_is_a_failure(machine, monkeypatch, capfd):
    monkeypatch.setattr(machines, 'QEMU', '/nowhere/qemu')
    assert execmode.main(machine, ['say a'], LONG_S, False) == execmode.NO_BOOT
    assert 'nowhere' in capfd.readouterr().err


def test_har0050_boot_lines_in_order(machine):
    plain = machine.with_(initrd=None)
    assert boottest.watch(plain, ['AOS', 'well', 'half'], LONG_S, power_off=True)[0] is None
    assert 'never came: AOS' in boottest.watch(plain, ['well', 'AOS'], LONG_S)[0]
    assert 'never came' in boottest.watch(plain, ['silence'], LONG_S)[0]


def test_har0051_a_panic_is_not_passed_over():
    for allowed, failure in ((False, 'panic: kernel panic: x'), (True, None)):
        watch = boottest.Watch(['prompt'], allowed)
        watch.feed('hello\nkernel panic: x\npro')
        watch.feed('mpt\n')
        assert watch.failure == failure and watch.missing is None


def test_har0052_the_tool_fails_when_qemu_says_nothing(tmp_path):
    done = subprocess.run([sys.executable, HERE / 'boottest.py', '--build', tmp_path,
                           '--expect', 'AOS',
                           '--timeout', '30', '--no-initrd'], capture_output=True, text=True)
    assert done.returncode == 1 and 'never came: AOS' in done.stderr


def test_har0053_the_launcher_passes_everything_on(machine, tmp_path):
    """Options and commands in every order, through the command line of launch.py."""
    (tmp_path / 'apps' / 'images').mkdir(parents=True)
    machine.initrd.rename(tmp_path / 'apps' / 'images' / 'aos.initrd')
    qemu = tmp_path / 'bin' / 'qemu-system-aarch64'
    qemu.parent.mkdir()
    (tmp_path / 'qemu').rename(qemu)
    done = subprocess.run(
        [sys.executable, HERE / 'launch.py', '--build', tmp_path, '--smp', '2', '-v', 'exec', '--',
         'say -v --x', 'say a "b c"', 'log noted', 'status 3'],
        env={**os.environ, 'PATH': f'{qemu.parent}:{os.environ["PATH"]}'}, text=True,
        capture_output=True)
    assert (done.returncode, done.stdout) == (3, '-v --x\na "b c"\n') and 'noted' in done.stderr
