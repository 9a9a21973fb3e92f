"""Further cores: every one that the machine has starts, with a kernel and an init of its own."""
import os
import re
import subprocess

import execmode
import machine as machines
import pytest

STAMP = r'\[ *(\d+\.\d+)\] '
UP = re.compile(STAMP + r'core (\d+): init: core \2 is up')
KERNEL = re.compile(STAMP + r'(?:core \d+: )?core (\d+) of (\d+), midr \w+, entered at EL(\d), '
                    r'kernel at (0x\w+)')
START_TIMEOUT_S = 120
MOST = int(os.environ.get('AOS_CORES', '8'))    # cores there is memory for
START_S = 1.0    # of the machine's time, from init's start until all cores are up


def check_cores(log, count, level):
    """What the log has to say about a machine with so many cores."""
    kernels = sorted(KERNEL.findall(log), key=lambda k: int(k[1]))   # they come in any order
    assert [int(k[1]) for k in kernels] == list(range(count)), log
    assert {(int(k[2]), int(k[3])) for k in kernels} == {(count, level)}
    assert len({k[4] for k in kernels}) == count
    assert sorted(int(number) for _, number in UP.findall(log)) == list(range(1, count))
    if count > 1:
        assert f'init: {count - 1} of {count - 1} further cores are up' in log
    assert 'warning' not in log and 'does not answer' not in log


# All of 1 to 8 by hand: for a run of each `./aos exec --smp N --gic G [--el2] -v 'echo hi'`.
@pytest.mark.parametrize('machine', [{'smp': 1}, {'smp': 2, 'gic': 2}, {'smp': 4, 'el2': True},
                                     {'smp': MOST}, {'smp': MOST, 'gic': 2, 'el2': True},
                                     {'smp': 3, 'mem': '96M'}],
                         ids=lambda machine: ' '.join(f'{k}={v}' for k, v in machine.items()))
def test_core0001_every_core_starts(run, machine):
    result = run('echo hi', **machine)
    assert result.stdout == 'hi\n'
    check_cores(result.log, machine['smp'], 2 if machine.get('el2') else 1)


# Cores that take turns on one thread of the host, and each on its own: QEMU without -icount.
@pytest.mark.parametrize('thread', ['single', 'multi'])
def test_core0009_on_one_thread_and_on_many(run, thread):
    result = run('oncore 3 hello', 'echo hi', smp=4, extra=('-accel', f'tcg,thread={thread}'))
    assert result.statuses == [0, 0] and result.stdout.endswith('hi\n')
    check_cores(result.log, 4, 1)


@pytest.mark.parametrize('checker', ['kasan', 'ubsan', 'checked'])
def test_core0010_on_kernels_that_check_themselves(run, checker):
    result = run('oncore 3 hello', 'oncore 1 memtest', 'ps', smp=4,
                 kernel=f'kernel/{checker}.image')
    assert result.statuses == [0, 0, 0]
    check_cores(result.log, 4, 1)


def test_core0012_a_panic_on_a_further_core_is_seen(build):
    machine = machines.from_build(build, smp=2, kernel='kernel/kasan.image',
                                  append='planted-further=foreign')
    result = execmode.run(machine, ['echo hi'], START_TIMEOUT_S)
    assert result.status == execmode.PANIC
    assert re.search(r'KERNEL PANIC: core 1: bad write of 8 bytes .* memory that is not the kernel',
                     result.panic)
    assert 'kasan_start+0x' in result.panic and 'END OF PANIC' in result.panic


def test_core0011_a_core_that_the_firmware_does_not_know(run, tmp_path):
    """The device tree lists three; the others start all the same."""
    path = tmp_path / 'virt.dtb'
    subprocess.run([machines.QEMU, '-M', f'virt,gic-version=3,dumpdtb={path}', '-cpu', 'cortex-a35',
                    '-smp', '3', '-m', '1G', '-nic', 'none', '-display', 'none'], check=True,
                   capture_output=True)
    subprocess.run(['fdtput', '-t', 'x', path, '/cpus/cpu@2', 'reg', '7'], check=True)
    result = run('echo hi', smp=2, icount=True, extra=('-dtb', str(path)))
    assert result.stdout == 'hi\n' and 'core 1: init: core 1 is up' in result.log
    assert re.search(r'init: core 2 cannot be started: .*firmware', result.log), result.log
    assert 'init: 1 of 2 further cores are up' in result.log


def test_core0002_all_of_four_start_in_less_than_a_second(run):
    """Time is the number of instructions here, at 1 GHz, all cores together."""
    result = run('echo hi', smp=4, icount=True)
    check_cores(result.log, 4, 1)
    begun = float(re.search(STAMP + 'init starts', result.log)[1])
    up = float(re.search(STAMP + r'init: 3 of 3 further cores', result.log)[1])
    print(f'# all of 4 cores are up after {up - begun:.3f} s')
    assert up - begun < START_S


def test_core0003_programs_run_on_every_core(run):
    """Their output comes through the monitors; what they are is where their pid says."""
    result = run('oncore 3 hello', 'oncore 1 args --status 7 "a b"', 'oncore 2 nosuchprogram',
                 'oncore 4 hello', 'oncore 0 hello', 'ps', 'nslist process', smp=4)
    assert result.statuses[:5] == [0, 7, 127, 2, 0], result.stderr
    cores = [int(pid) % 4 for pid in re.findall(r'Hello from hello, process (\d+)',
                                                result.stdout)]
    assert cores == [3, 0] and 'argv[3]=<a b>' in result.stdout
    rows = re.findall(r'^ *(\d+) +\d+ +(\d) +\w+ +[\d.]+ +\d+  (\w+)$', result.stdout, re.M)
    assert {core for _, core, name in rows if name == 'process'} == set('0123')
    assert all(int(pid) % 4 == int(core) for pid, core, _ in rows if int(pid) >= 16)
    assert re.findall(r'^process(?:/\d)?$', result.stdout, re.M) == [
        'process', 'process/1', 'process/2', 'process/3']


def test_core0004_top_tells_of_every_core_and_process(run):
    result = run('oncore 2 true', 'top -n 1', 'top -n', 'top -n 2 -d 1', 'top -d 0',
                 'top -n 0', smp=4)
    assert result.statuses == [0, 0, 2, 0, 2, 2], result.stderr
    cores = re.findall(r'^ *(\d) +(\d+)\.\d +\d+ +\d+ +(\d+) +(\d+) +(\d+)$', result.stdout,
                       re.M)
    rows = re.findall(r'^ *(\d+) +(\d) +\w+ +(\d+)\.\d +\d+ +\d+  (\w+)$', result.stdout, re.M)
    assert [core[0] for core in cores] == list('0123') * 3
    assert all(int(busy) <= 100 and 0 < int(free) <= int(total)
               for _, busy, total, free, _ in cores)
    assert len(rows) == sum(int(core[4]) for core in cores)
    assert {(core, name) for _, core, _, name in rows} >= {('0', 'init'), ('0', 'shell')} | {
        (core, name) for core in '0123' for name in ('memory', 'process')}
    assert '\033' not in result.stdout    # redrawn in place only without -n


def with_idle_state(path, param, residency_us, cores):
    """A device tree of the machine, with an idle state (QEMU's own has none)."""
    subprocess.run([machines.QEMU, '-M', f'virt,gic-version=3,dumpdtb={path}', '-cpu', 'cortex-a35',
                    '-smp', str(cores), '-m', '1G', '-nic', 'none', '-display', 'none'], check=True,
                   capture_output=True)
    node = '/cpus/idle-states/standby'
    subprocess.run(['fdtput', '-p', '-t', 's', path, node, 'compatible', 'arm,idle-state'],
                   check=True)
    for name, value in (('arm,psci-suspend-param', param), ('entry-latency-us', 20),
                        ('exit-latency-us', 30), ('min-residency-us', residency_us)):
        subprocess.run(['fdtput', '-t', 'u', path, node, name, str(value)], check=True)
    return ('-dtb', str(path))


@pytest.mark.parametrize('param, used', [(0x10, True), (0x40000010, False)],
                         ids=['standby', 'power down'])
def test_core0008_idle_states_in_which_nothing_is_lost(run, tmp_path, param, used):
    extra = with_idle_state(tmp_path / 'virt.dtb', param, 100, cores=2)
    result = run('echo hi', smp=2, icount=True, extra=extra)
    assert result.stdout == 'hi\n'
    lines = re.findall(rf'(core 1: )?idle state {param:08x} works, for 6250 ticks', result.log)
    assert sorted(lines) == (['', 'core 1: '] if used else []), result.log
    assert 'refuses' not in result.log


def test_core0015_programs_on_other_cores_leave_nothing(run):
    """Channels, frames and what several cores know of them are given up with a program."""
    some, looks = ['oncore 1 hello'] * 12, ['sleep 0.1', 'caps'] * 3
    result = run(*(some + looks) * 4, smp=2)
    assert set(result.statuses) == {0}
    rests = re.findall(r'^all +(\d+ +\d+ +\d+)$', result.stdout, re.M)
    rounds = [set(rests[i:i + 3]) for i in range(0, len(rests), 3)]
    # What services keep grows once; what leaks is more each time.
    assert any(before & after for before, after in zip(rounds[1:], rounds[2:])), rests


def test_dcap0111_databases_after_cores_went_off_and_on(run):
    """What cores that stopped have handed over or forgotten: coretest finds nothing wrong."""
    result = run('core off 2', 'core on 2', 'oncore 2 true', 'core off 2', 'core on 2',
                 'oncore 2 true', 'coretest', smp=3, initrd='tests/qemu/test.initrd')
    assert result.statuses == [0] * 7, result.stdout
    assert 'not ok' not in result.stdout and 'invariant' not in result.log


def test_core0022_programs_are_asked_to_leave_a_core(run):
    """Who listens leaves with its own status; the others stay, and so does the core."""
    result = run('oncore 2 stay 7 &', 'core off 2', 'core off 2 --ask', 'wait', 'core on 2',
                 'oncore 2 stay 5 &', 'oncore 2 fault hang &', 'core off 2 --ask', 'wait %1',
                 'oncore 2 hello', 'kill %2', 'wait', 'core off 2 --ask', 'ps', smp=3)
    assert result.statuses == [0, 1, 0, 7, 0, 0, 0, 1, 5, 0, 0, 137, 0, 0], result.stderr
    stays = re.findall(r'core: process (\d+) stays: (\w+)', result.stderr)
    assert [name for _, name in stays] == ['fault'] and int(stays[0][0]) % 3 == 2
    assert '1 programs run on core 2' in result.stderr
    assert not re.search(r'^ *\d+ +\d+ +2 ', result.stdout, re.M)


def test_core0023_children_on_other_cores_outlive_their_service(run):
    """Init starts it again, and it knows whose end it has to tell."""
    result = run('oncore 1 fault hang &', 'kill 3', 'sleep 0.5', 'kill %1', 'wait',
                 'oncore 1 args --status 3 &', 'kill 3', 'sleep 0.5', 'wait',
                 'oncore 1 hello', smp=2)
    assert result.statuses[0] == 0 and result.statuses[3:6] == [0, 137, 0]
    assert result.statuses[8:] == [3, 0], result.stderr
    # The other way round: the service knows a process whose parent is elsewhere.
    result = run('oncore 1 kintest start 0 &', 'sleep 0.5', 'kill 3', 'sleep 0.5', 'ps', 'kill %1',
                 'wait', 'ps', smp=2, initrd='tests/qemu/test.initrd')
    assert result.statuses[3:] == [0, 0, 0, 137, 0], result.stderr
    before, after = result.stdout.split('PID PARENT')[1:]
    assert before.count('kintest') == 2 and 'kintest' not in after


def test_core0027_services_of_further_cores_end_and_are_started_again(run):
    """What they know of others' children outlives them: pid 21 is the process service of core 1."""
    result = run('oncore 1 kintest start 0 &', 'sleep 0.5', 'kill 21', 'sleep 0.5', 'ps',
                 'oncore 1 hello', 'kill %1', 'wait', 'ps', 'kill 9999', smp=2,
                 initrd='tests/qemu/test.initrd')
    assert result.statuses == [0, 0, 1, 0, 0, 0, 0, 137, 0, 1], result.stderr
    assert '21: the peer is gone' in result.stderr    # it could not answer any more
    assert 'service process was started again' in result.log
    before, after = result.stdout.split('PID PARENT')[1:]
    assert before.count('kintest') == 2 and 'kintest' not in after


def test_core0024_a_core_goes_off_with_parents_and_children(run):
    """Those that are there are killed, and so what is below them on other cores."""
    result = run('oncore 1 kintest chain 3 &', 'sleep 0.5', 'core off 2 --end', 'ps',
                 'core off 1 --end', 'wait', 'ps', smp=3, initrd='tests/qemu/test.initrd')
    assert result.statuses == [0, 0, 0, 0, 0, 137, 0], result.stderr
    before, after = result.stdout.split('PID PARENT')[1:]
    assert before.count('kintest') == 1 and 'kintest' not in after


def test_core1001_other_cores_find_services_that_were_started_again(run):
    """A ring that was opened again once had a lifeline that heard nothing."""
    result = run('oncore 1 hello', 'kill 2', 'sleep 0.5', 'oncore 1 hello', 'kill 1', 'sleep 0.5',
                 'oncore 1 hello', 'nslist', smp=2)
    assert result.statuses == [0] * 8, result.stderr
    assert result.stdout.count('Hello from hello') == 3
    assert re.findall(r'^\w+/1$', result.stdout, re.M) == ['init/1', 'memory/1', 'process/1']


def test_bind0008_every_service_has_a_bell(run):
    """So have those that come after them. A nameserver that had none made lookups slow."""
    result = run('belltest', 'kill 2', 'belltest', 'kill 1', 'belltest', smp=2,
                 initrd='tests/qemu/test.initrd')
    assert result.statuses == [0] * 5, result.stdout
    assert result.stdout.count('# nameserver') == 3


def test_bind0009_a_name_looked_up_from_another_core(run):
    """Monitors and services pass on what it takes; nobody polls for what cannot come yet."""
    result = run('bench scale names', smp=2, icount=True)
    taken = {int(cores): int(instructions) for cores, instructions in
             re.findall(r'^# plot scale_names (\d) (\d+)$', result.stdout, re.M)}
    far = 2 * taken[2] - taken[1]         # `taken` is the mean of all cores' lookups
    print(f'# {far} instructions, {taken[1]} on the same core')
    assert far < 5 * taken[1]


def test_core1002_bindings_from_before_a_core_went_off(run):
    """They are opened again, and not only new ones work."""
    for program in ('movetest core 2 &', 'movetest core 2 1 &'):
        cycle = [program, 'movetest await', 'core off 2 --end', 'core on 2', 'wait']
        result = run(*cycle, *cycle, smp=3, initrd='tests/qemu/test.initrd')
        assert set(result.statuses) == {0}, result.stdout
        assert result.stdout.count('core 2 is used again') == 2, result.stdout


def test_core1003_who_has_ended_does_not_keep_a_core(run):
    """It is listed until its parent's core knows, whose service is being started again here."""
    result = run('oncore 2 fault hang &', 'kill 3', 'kill 29', 'core off 2', 'wait', smp=3,
                 icount=True)
    assert '[1] 29\n' in result.stdout
    assert result.statuses == [0, 1, 0, 0, 137], result.stderr


def test_core1004_what_cannot_be_is_refused_at_once(run):
    """Nobody was asked to leave a core that stays; nobody waits for one that is off."""
    result = run('oncore 0 stay 5 &', 'core off 0 --ask', 'core off 0 --end', 'core on 0',
                 'jobs', 'kill %1', 'core on 2', 'core off 2', 'oncore 2 hello', 'core off 2 --ask',
                 smp=3, icount=True)
    assert result.statuses == [0, 1, 1, 1, 0, 0, 1, 0, 126, 1], result.stderr
    assert 'stay' in result.stdout and 'oncore: core 2 is off' in result.stderr
    assert result.stderr.count('core 0 booted the machine and stays on') == 3
    assert 'core 2 is on\n' in result.stderr and 'core: core 2 is off\n' in result.stderr


@pytest.mark.parametrize('mem, cores', [('48M', 1), ('64M', 2), ('96M', 3)])
def test_core1005_cores_that_there_is_no_memory_for_stay_off(run, mem, cores):
    """What has too little to start its services is not begun; the others work."""
    result = run('top -n 1', 'ps', 'hello', *(f'oncore {core} hello' for core in range(1, 4)),
                 smp=4, mem=mem)
    assert result.statuses == [0, 0, 0] + [0 if core < cores else 126 for core in range(1, 4)]
    assert result.stdout.count(' off\n') == 4 - cores
    assert f'init: core {cores} has no memory' in result.log and 'no services' not in result.log


def test_core1006_calls_while_a_core_goes_off_and_on(run):
    """Each ends, within the time that a service may take to come back; then all work. QEMU counts
    instructions, so that it is the machine's time."""
    cycle = ['core off 1 --end', 'core on 1', 'sleep 0.3']
    result = run('awaytest hold 1 &', 'awaytest ready', *cycle * 4, 'oncore 1 true',
                 'awaytest check', 'wait %1', smp=2, icount=True, initrd='tests/qemu/test.initrd')
    print(result.stdout)
    assert set(result.statuses) == {0}, (result.statuses, result.stderr, result.stdout)
    longest = [int(ms) for ms in re.findall(r'(\d+) ms at most', result.stdout)]
    assert len(longest) == 4 and max(longest) < 12000


def test_core1007_a_program_finds_the_memory_of_its_core(run):
    """It may start as soon as the process service is there, which comes second."""
    result = run('oncore 1 memtest', smp=2, initrd='tests/qemu/late.initrd')
    assert result.statuses == [0], result.stderr


def test_core1008_meminfo_knows_all_cores(run):
    result = run('oncore 1 stay 3 &', 'meminfo 25', 'meminfo 16', 'meminfo', 'core off 1 --end',
                 'meminfo', 'meminfo 25', smp=2, icount=True)
    assert result.statuses == [0] * 6 + [1], result.stderr
    rows = re.findall(r'^ *(\d+) +(\d+) +\d+ +\S+  (\w+)$', result.stdout, re.M)
    assert (rows[0][0], rows[0][2]) == ('25', 'stay') and int(rows[0][1]) > 0
    assert (rows[1][0], rows[1][2]) == ('16', 'shell')
    names = [row[2] for row in rows[2:]]
    assert names == ['memory', 'nameserver', 'process', 'serial', 'shell', 'memory', 'process',
                     'stay', 'memory', 'nameserver', 'process', 'serial', 'shell']
    assert len(re.findall(r'^core 1 +\d+ KiB, \d+ KiB of it free', result.stdout, re.M)) == 1
