"""The shell without a terminal: `aos exec`."""
import random
import re
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import conftest
import cpio
import execmode
import machine as machines
import pytest

LAUNCHER = Path(machines.__file__).with_name('launch.py')
NO_SUCH = 127
FAULTED = 139


def parts(result):
    """The output of commands between which `echo ===` ran."""
    return result.stdout.split('===\n')


def test_shell0001_the_first_commands(run):
    result = run('echo hi', 'echo ===', 'ps', 'echo ===', 'nslist', 'echo ===', 'hello a "b c"')
    hi, ps, names, hello = parts(result)
    assert result.status == 0 and result.statuses == [0] * 7 and result.stderr == ''
    assert hi == 'hi\n'
    processes = [line.split()[-1] for line in ps.splitlines()[1:]]
    assert {'init', 'memory', 'nameserver', 'process', 'serial', 'shell'} <= set(processes)
    assert {'memory', 'process', 'serial'} <= set(names.splitlines())
    assert re.fullmatch(r'Hello from hello, process \d+\.\nargument 1: a\nargument 2: b c\n', hello)


FAULTS = {
    'null': ('fault_null', '0x0'), 'nullread': ('fault_null_read', '0x10'),
    'stack': ('fault_recurse', 'stack'), 'exec': ('fault', 'xecut'),
    'text': ('fault_text', ''), 'unmapped': ('fault_unmapped', '123456789000'),
    'kernel': ('fault_kernel', 'ffff000040000000'), 'jump': ('main', '123456789000'),
    'trap': ('fault_trap', ''),
}


@pytest.mark.parametrize('kind', FAULTS)
def test_shell0002_faults_are_reported_and_the_shell_goes_on(run, kind):
    result = run(f'fault {kind}', 'echo alive')
    assert result.status == 0 and result.stdout == 'alive\n'
    assert result.statuses[0] == FAULTED
    symbol, text = FAULTS[kind]
    said = result.stderr + result.log
    assert symbol in said and text in said, said


# What was hit or missed, by name, and how far.
REGIONS = {
    'null': r'write at address 0x0 \(NULL pointer\), pc 0x\w+ fault_null\+0x\w+.*\n'
            r'.*before `code` 0x400000-0x\w+ r-x, by 4194304 bytes\n',
    'behind': r'write at address 0x\w+ \(not mapped\), .*\n'
              r'.*behind `block` 0x\w+-0x\w+ rw-, by 9 bytes\n',
    'guard': r'read at address 0x\w+ff8 \(guard page\).*\n'
             r'.*in the guard of `block` 0x\w+-0x\w+ rw-\n',
    'constant': r'write at address 0x\w+ \(write to read-only memory\).*\n'
                r'.*in `(constants|code)` 0x\w+-0x\w+ r-',
    'text': r'\(write to read-only memory\).*\n.*in `code` 0x\w+-0x\w+ r-x, fault_text\+0x0\n',
    'exec': r'execute at address 0x\w+ \(execution of data\).*\n.*in `data` 0x\w+-0x\w+ rw-',
    'protected': r'write at address 0x\w+ \(write to read-only memory\).*\n'
                 r'.*in `old generation` 0x\w+-0x\w+ r--, filled on demand\n',
    'stack': r'\(stack overflow\).*fault_recurse.*thread 0 main.*\n'
             r'.*before `stack` 0x3fdc0000-0x\w+ rw-, filled on demand, by \d+ bytes\n',
    'thread': r'\(stack overflow\).*fault_recurse.*thread \d+ worker.*\n'
              r'.*in the guard of `stack` 0x\w+-0x\w+ rw-, filled on demand\n',
    'handler': r'read at address 0x40 \(too many faults inside handlers\).* fault_again\+',
    'kernel': r'read at address 0xffff000040000000 \(.*\).*fault_kernel',
    'jump': r'execute at address 0x123456789000 \(not mapped\)',
}


def test_shell0018_reports_name_the_region(run):
    result = run(*[f'fault {kind}' for kind in REGIONS], 'echo alive')
    assert result.status == 0 and result.stdout == 'alive\n'
    assert result.statuses[:-1] == [FAULTED] * len(REGIONS)
    said = result.stderr + result.log
    missing = [kind for kind, text in REGIONS.items() if not re.search(text, said)]
    assert not missing, (missing, said)


def test_shell0019_a_data_structure_with_checkpoints(run):
    result = run('checkpoint 3000 8', 'checkpoint 0', 'checkpoint')
    assert result.statuses == [0, 2, 0], result.stderr
    said = (r'checkpoint: \d+ keys in \d+ pages; (8|20) transactions, (4|10) rolled back\n'
            r'checkpoint: \d+ pages copied in a half transaction of 20 writes\n')
    assert len(re.findall(said, result.stdout)) == 2


def test_shell0003_statuses(run):
    result = run('args --status 7', 'args --status 0', 'nosuchprogram', 'args --status 300')
    assert result.statuses == [7, 0, NO_SUCH, 300 & 0xFF] and result.status == 300 & 0xFF
    assert 'nosuchprogram' in result.stderr


def test_shell0004_words_and_environment(run):
    result = run("env COLOUR='light blue'", 'args "a  b" c\\ d # comment')
    assert result.status == 0
    assert 'argv[1]=<a  b>\nargv[2]=<c d>\n' in result.stdout
    assert 'env <COLOUR=light blue>\n' in result.stdout


def test_shell0005_background(run):
    result = run('sleep 0.01', 'hello &', 'wait', 'ps')
    assert result.status == 0 and result.stdout.count('Hello from hello') == 1
    assert 'hello' not in result.stdout.split('PARENT')[1]


def test_shell0006_streams_are_apart(run):
    result = run('fault', 'echo out')
    assert result.stdout == 'out\n' and 'usage: fault KIND' in result.stderr
    assert 'AOS build' in result.log and 'AOS build' not in result.stdout + result.stderr


def test_shell0007_built_ins_that_look(run):
    result = run('help', 'meminfo', 'caps', 'env', 'dmesg', 'uptime', 'date', 'nslookup serial',
                 'time echo x')
    assert result.statuses == [0] * 9, result.stderr
    for text in ('nslookup', 'memory service', 'AOS build', 'serial: process'):
        assert text in result.stdout


def test_shell0015_counters(run):
    """`caps` adds up, and `meminfo` knows every process."""
    memory, caps = run('meminfo', 'caps').stdout.split('TYPE')
    names = [line.split()[-1] for line in memory[memory.index('NAME'):].splitlines()[1:]]
    assert names == ['memory', 'nameserver', 'process', 'serial', 'shell']
    rows = [line.split() for line in caps.splitlines()[1:]]
    types = {row[0]: [int(n) for n in row[1:]] for row in rows[:-1]}
    for column in range(3):
        assert types['all'][column] == sum(n[column] for t, n in types.items() if t != 'all')
    assert all(shell <= every >= objects for shell, every, objects in types.values())
    assert types['Dispatcher'][2] == 6 and types['IRQDest'][2] == 1
    assert rows[-1] == ['5', 'processes,', '4', 'names']


@pytest.mark.parametrize('machine', [{'el2': True}, {'gic': 2}, {'smp': 4, 'mem': '2G'},
                                     {'mem': '64M'}, {'icount': True}])
def test_shell0008_on_other_machines(run, machine):
    assert run('echo hi', **machine).stdout == 'hi\n'


def free_memory(text):
    return [int(line.split()[1]) for line in text.splitlines() if line.startswith('free ')]


def test_shell0009_what_ended_gives_everything_back(run):
    rounds = ['hello', 'fault null', 'nosuchprogram', 'args --status 3']
    warm = rounds * 2 + ['meminfo']
    result = run(*warm, *rounds * 8, 'meminfo')
    before, after = free_memory(result.stdout)
    assert after == before


@pytest.mark.parametrize('command', ['memtest', 'threads', 'fuzz 1 10 200'])
def test_shell0010_programs(run, command):
    result = run(command, 'echo alive')
    assert result.statuses == [0, 0], result.stdout + result.stderr
    assert result.stdout.endswith('alive\n')


def test_shell0011_killing(run):
    result = run('sleep 0', 'run threads &', 'kill 1000000', 'echo alive')
    assert result.statuses[2] != 0 and result.statuses[3] == 0


def run_in_trouble(build, **changes):
    machine = machines.from_build(build).with_(**changes)
    return execmode.run(machine, ['echo hi'], conftest.TIMEOUT_S)


def test_shell0012_what_cannot_boot_ends(build, tmp_path):
    """At once, not when the time is over."""
    small = run_in_trouble(build, mem='16M')
    assert small.status == execmode.NO_BOOT and small.stdout == ''
    assert 'init has ended' in small.log
    (tmp_path / 'initrd').write_bytes(cpio.archive([('noinit', b'')]))
    empty = run_in_trouble(build, initrd=tmp_path / 'initrd')
    assert empty.status == execmode.PANIC and 'no init module' in empty.panic


def test_shell0013_misuse_is_told_with_the_right_use(run):
    result = run('sleep', 'kill x', 'env =1', 'time sleep x', 'run -q many true', 'caps -b')
    assert result.statuses == [2] * 6 and result.stdout == ''
    told = [line for line in result.stderr.splitlines() if not line.endswith(' s')]
    assert [line.split()[1] for line in told] == ['sleep', 'kill', 'env', 'sleep', 'run', 'caps']
    assert all(line.startswith('usage: ') for line in told)


def test_shell0014_a_command_that_does_not_end(build):
    """The launcher's limit ends it. How long booting takes is the host's business: a limit that was
    too short for that is doubled."""
    limit_s, out = 2, ''
    while out != 'hi\n' and limit_s <= conftest.TIMEOUT_S:
        limit_s *= 2
        done = subprocess.run(
            [sys.executable, LAUNCHER, '--build', build, '--timeout', str(limit_s), 'exec', '--',
             'echo hi', 'sleep 1000000'], text=True, capture_output=True)
        out = done.stdout
        assert done.returncode in (execmode.TIMEOUT, execmode.NO_BOOT), done.stderr
    assert (done.returncode, out) == (execmode.TIMEOUT, 'hi\n')
    assert done.stderr == 'aos: the time was over after the shell was ready\n'


def being_returned(text):
    return [int(line.split()[2]) for line in text.splitlines() if line.startswith('being returned')]


@pytest.mark.parametrize('seed', [1, 2])
def test_shell1003_fuzzed_and_alive(run, seed):
    """Whatever its children leave behind, memory comes home, and everybody answers."""
    result = run(f'fuzz {seed} 16 3000', 'echo alive', 'hello', 'nslist', 'sleep 8', 'meminfo')
    assert result.statuses == [0] * 6, result.stdout + result.stderr
    assert 'alive\nHello from hello' in result.stdout
    assert {'init', 'memory', 'process', 'serial'} <= set(result.stdout.splitlines())
    assert being_returned(result.stdout) == [0], result.stdout


SERVICES = {'memory': 1, 'nameserver': 2, 'process': 3, 'serial': 4}


@pytest.mark.parametrize('name', SERVICES)
def test_shell1004_a_service_that_ends_is_started_again(run, name):
    """The shell and a program in the background go on, and so does what they ask for next."""
    wants = {'memory': 'meminfo', 'nameserver': 'nslist', 'process': 'ps', 'serial': 'date'}[name]
    result = run('threads &', f'kill {SERVICES[name]}', wants, 'hello', 'wait', 'hello',
                 'nslist', 'ps', 'echo alive')
    assert result.statuses[2:] == [0] * 7, result.stdout + result.stderr + result.log
    assert result.stdout.count('Hello from hello') == 2 and result.stdout.endswith('alive\n')
    assert name == 'nameserver' or name in result.stdout.splitlines()
    assert f'service {name} ended with status 137' in result.log
    assert f'service {name} was started again' in result.log


def test_shell1005_programs_in_the_background_leave_room(run):
    result = run(*['hello &'] * 40, 'wait', 'hello', 'echo alive')
    assert result.statuses[-3:] == [0, 0, 0] and result.stdout.endswith('alive\n')
    assert 'too many programs run in the background' in result.stderr


def test_shell1006_garbage(run):
    result = run('x' * 100000, 'echo ' + 'a ' * 600, '\x01\x02\x1b[A\x7f', '"open', '&',
                 'hello ' + 'x' * 900, 'echo alive')
    assert result.statuses == [2, 2, 127, 2, 2, 0, 0] and result.stdout.endswith('alive\n')


def another_true(files):
    return files['true']


@pytest.mark.parametrize('module, stand_in, reason', [
    ('shell', None, 'cannot start the shell shell: '),
    ('shell', lambda _: b'no program', 'cannot start the shell shell: '),
    ('shell', another_true, 'the shell ended with status 0'),
    ('manifest', lambda files: re.sub(rb'(?m)^shell .*$', b'', files['manifest']),
     'the manifest names no shell'),
    ('process', another_true, 'init: process: '),
    ('serial', another_true, 'service serial did not register: '),
])
def test_shell1008_without_a_shell_the_run_ends(build, tmp_path, module, stand_in, reason):
    """At once, not when the time is over, and the log says why."""
    machine = machines.from_build(build)
    files = {name: data for name, (_, data) in cpio.read(machine.initrd.read_bytes()).items()}
    files[module] = stand_in and stand_in(files)
    initrd = tmp_path / 'initrd'
    initrd.write_bytes(cpio.archive([(n, data) for n, data in files.items() if data is not None]))
    result = run_in_trouble(build, initrd=initrd)
    assert result.status == execmode.NO_BOOT and reason in result.log, result.evidence()
    assert result.trouble == 'QEMU ended before the shell was ready'


def test_shell1009_consoles_come_and_go(run):
    """Nothing is lost or told twice: neither output nor a status."""
    commands = [word for i in range(6) for word in (f'echo line {i}', 'kill 4')]
    result = run(*commands, 'args --status 7')
    assert result.stdout.startswith(''.join(f'line {i}\n' for i in range(6)) + 'argv')
    assert result.statuses == [0] * 12 + [7] and result.status == 7
    assert result.log.count('init: service serial was started again') == 6, result.evidence()


VALUES = (0, 1, 0xfff, 0x1000, 0x400000, 0x600000, 0x30000000, 0x30200000, 0x3fe00000, 0x100000000,
          1 << 47, (1 << 48) - 1, 1 << 63, (1 << 64) - 4096, (1 << 64) - 1)
HEADERS = range(16, 64 + 5 * 56)   # of an ELF file, behind its identification


def damaged(program, chance):
    """An ELF file with some fields that nobody would write."""
    data = bytearray(program)
    for _ in range(chance.randint(1, 3)):
        at = chance.choice(HEADERS)
        if chance.random() < 0.5:
            data[at] = chance.randrange(256)
        else:
            struct.pack_into('<Q', data, at & ~7, chance.choice(VALUES))
    return bytes(data[:chance.randrange(len(data))] if chance.random() < 0.1 else data)


def test_shell1007_damaged_programs(build, tmp_path):
    """More of them than the process service keeps mapped; the good ones still start, and what was
    started of the others gives its memory back."""
    chance = random.Random(1007)
    machine = machines.from_build(build)
    program = (Path(build) / 'apps/images/true').read_bytes()
    bad = [(f'bad{i}', damaged(program, chance)) for i in range(60)]
    bad += [('empty', b''), ('zeros', bytes(8192)), ('text', b'#!/bin/sh\n')]
    initrd = tmp_path / 'initrd'
    initrd.write_bytes(machine.initrd.read_bytes() + cpio.archive(bad))
    commands = [name for name, _ in bad] + ['hello', 'true', 'sleep 5', 'meminfo', 'echo alive']
    result = execmode.run(replace(machine, initrd=initrd), commands, 180)
    assert not result.trouble, f'{result.trouble}\n{result.panic}\n{result.evidence()}'
    assert result.statuses[-5:] == [0] * 5 and result.stdout.endswith('alive\n')
    assert all(status != 0 for status in result.statuses[60:63])
    assert being_returned(result.stdout) == [0]


HOGS = ['memory', 'slots', 'spawn', 'names', 'messages', 'threads', 'endpoints']


@pytest.mark.parametrize('mem, together', [('1G', True), ('256M', True), ('48M', False)])
def test_shell0020_hogs_get_errors(build, mem, together):
    """Each takes all it can get, tells the error, and leaves a shell that works; so do all at once
    in the background, if there is memory for a program beside so many."""
    machine = machines.from_build(build, mem=mem)
    commands = [f'hog {kind}' for kind in HOGS] + ['echo ===']
    commands += [f'hog {kind} hold &' for kind in HOGS if together]
    result = execmode.run(machine, [*commands, 'sleep 1', 'hello', 'echo alive'], 180)
    assert not result.trouble, f'{result.trouble}\n{result.panic}\n{result.evidence()}'
    alone = parts(result)[0].splitlines()
    assert [line.split(':')[0] for line in alone] == [f'hog {kind}' for kind in HOGS]
    assert all(re.search(r', then [a-z]+: [a-z_]+', line) for line in alone)
    assert result.statuses[:len(HOGS)] == [0] * len(HOGS) and result.statuses[-3:] == [0] * 3
    assert 'Hello from hello' in result.stdout and result.stdout.endswith('alive\n')
