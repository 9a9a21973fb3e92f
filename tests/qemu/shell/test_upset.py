"""Every service but init is ended in turn, at random moments, while others work.

The moments are counted in instructions (`-icount`) from a seed; a failed seed fails again. With
AOS_DEEP a thousand rounds; AOS_UPSET_SEEDS=FROM:TO chooses the seeds.

What may happen: a command is not started, and says that its peer is gone, when the process service
ended in the middle of that (a launch is not repeated: it might happen twice); and a frame of the
console is cut when the console ended in the middle of it (it comes again from the next).
"""
import os
import re
from collections import Counter

import cpio
import execmode
import machine as machines
import pytest

ROUNDS = 10                   # of one boot
SEEDS, DEEP_SEEDS = 3, 100
TIMEOUT_S = 300               # of one boot
SERVICES = ['memory', 'nameserver', 'process', 'serial']
INITRD = 'tests/qemu/test.initrd'
# What the shell does meanwhile; the program `upset` works too, until the last round is over.
COMMANDS = ['hello', 'echo hi', 'ps', 'memtest 1', 'nslist', 'args a b', 'caps', 'true'] * 2
AFTER = ['meminfo', 'ps', 'nslist', 'hello', 'echo alive']
NOT_STARTED = 126
FREE = re.compile(r'^free +(\d+ KiB), .*\nbeing returned +0 KiB$', re.M)


def seeds():
    first, _, last = os.environ.get('AOS_UPSET_SEEDS', '').partition(':')
    if first:
        return range(int(first), int(last) + 1)
    return range(1, 1 + (DEEP_SEEDS if 'AOS_DEEP' in os.environ else SEEDS))


@pytest.fixture
def upset_machine(build, tmp_path):
    """The image of the test programs, in which init starts `upset` as a service, too."""
    def make(seed):
        packed = machines.from_build(build, initrd=INITRD).initrd.read_bytes()
        files = {name: data for name, (_, data) in cpio.read(packed).items()}
        started = re.findall(rb'^service (\w+)', files['manifest'], re.M)
        assert [name.decode() for name in started] == SERVICES, 'upset.c must end others, too'
        files['manifest'] += (f'\nservice upset clients {",".join(SERVICES)} arg {seed} '
                              f'arg {ROUNDS}\n').encode()
        initrd = tmp_path / 'upset.initrd'
        initrd.write_bytes(cpio.archive(list(files.items())))
        return machines.from_build(build, icount=True).with_(initrd=initrd)
    return make


def lines_of_work(text):
    """The numbers that the program printed. A line comes twice if a console ended with it, rather
    than never."""
    return [int(n) for n in re.findall(r'^name (\d+)$', text, re.M)]


@pytest.mark.parametrize('seed', seeds())
def test_upset0001_services_end_while_others_work(upset_machine, seed):
    print(f'seed {seed}')
    commands = ['meminfo', 'upset &', *COMMANDS, 'wait', *AFTER]
    result = execmode.run(upset_machine(seed), commands, TIMEOUT_S)
    everything = f'{result.trouble}\n{result.panic}\n{result.stdout}\n{result.evidence()}'
    assert not result.trouble and len(result.damaged) <= ROUNDS, everything
    assert len(result.statuses) == len(commands), everything
    failed = [(command, status) for command, status in zip(commands, result.statuses) if status]
    told = [f'{command.split()[0]}: the peer is gone (rpc: peer_gone)' for command, _ in failed]
    assert result.stderr.splitlines() == told and len(told) <= ROUNDS, everything
    assert all(status == NOT_STARTED for _, status in failed), everything
    again = Counter(re.findall(r'service (\w+) was started again', result.log))
    assert again == {name: ROUNDS for name in SERVICES}, everything
    assert f'upset: {ROUNDS} rounds\n' in result.stdout
    done = re.search(r'^upset: (\d+) programs, (\d+) blocks, (\d+) names, 0 failures$',
                     result.stdout, re.M)
    assert done and all(int(n) > 0 for n in done.groups()), everything
    numbers = lines_of_work(result.stdout)
    assert sorted(set(numbers)) == list(range(int(done[3]))) and numbers == sorted(numbers)
    before, after = FREE.findall(result.stdout)
    assert before == after, f'free: {before} before, {after} after'
    last = result.stdout.rpartition('being returned')[2]
    assert all(re.search(rf'\b{name}$', last, re.M) for name in ['init', 'shell', *SERVICES])
    assert result.stdout.endswith('\nalive\n')
