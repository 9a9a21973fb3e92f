"""Mixed load: apps/stress says what it is, and compares every counter itself."""
import re

import pytest

SECONDS = 2
LINE = re.compile(r'^(\d+) workers on (\d+) cores: (\d+) calls, (\d+) notes, (\d+) programs, '
                  r'(\d+) pieces of memory, (\d+) ends, (\d+) lends, (\d+) copies of frames, '
                  r'(\d+) revokes(?:; core (\d+) was off (\d+) times, \d+ losses)?$', re.M)


def check_stress(result, cores):
    """Every round's line, if all is well."""
    rounds = LINE.findall(result.stdout)
    print('\n'.join('# ' + line for line in result.stdout.splitlines()))
    assert result.statuses == [0], result.stdout + result.stderr
    assert rounds and all(int(done[1]) == cores for done in rounds)
    assert all(sum(int(done[kind]) for done in rounds) > 0 for kind in range(2, 10))
    assert result.stdout.endswith('every counter is as before\n')
    return rounds


@pytest.mark.parametrize('cores', [1, 4])
def test_stress0001_load_leaves_nothing_and_loses_nothing(run, cores):
    check_stress(run(f'stress --seconds {SECONDS}', smp=cores), cores)


def test_stress0004_the_kernels_agree_for_whom_the_shell_lends_its_right(run):
    """Others get no kernel to look at all that it has, with interrupts off."""
    result = run('core lend stress --seconds 1', 'stress --seconds 1', smp=2)
    assert result.statuses == [0, 0], result.stdout + result.stderr
    lent, own = result.stdout.split('every counter is as before\n')[:2]
    assert int(re.search(r'nothing wrong with (\d+) objects$', lent, re.M)[1]) > 100
    assert 'objects\n' not in own.replace('objects: ', '')


def test_stress0002_what_it_does_not_know_is_refused(run):
    result = run('stress --seconds', 'stress --seconds 0', 'stress --more 1', 'stress --cores',
                 'core lend', smp=1)
    assert result.statuses == [2, 2, 2, 1, 2] and result.stdout == ''


def test_stress0003_the_same_while_a_core_goes_off_and_on(run):
    """Nothing fails but what has to do with that core; it was off in each round. QEMU counts
    instructions: so the last switch is late, and others are done, however busy the host is."""
    rounds = check_stress(run('core lend stress --cores --seconds 1', smp=2, icount=True), 2)
    assert all(done[10] == '1' and int(done[11]) > 0 for done in rounds)


MEMORY = re.compile(r'^ *(\d) +\d+\.\d +\d+ +\d+ +(\d+) +(\d+) +\d+$', re.M)
LOOKS = ['sleep 0.1', 'top -n 1'] * 10


def check_rest(result):
    """What the two cores have is in the end, in some look, what the first one showed: that."""
    tops = MEMORY.findall(result.stdout)
    before, after = tops[:2], [tops[i:i + 2] for i in range(2, len(tops), 2)]
    assert before in after, tops
    return before


def check_borrowed(result, started):
    """A program kept what it had from both cores while a memory service was started again."""
    assert result.statuses[:11] == [0] * 11, result.stdout + result.stderr
    assert started in result.log
    found = re.search(r'borrowtest: (\d+) pieces of 4 MiB, of (\d+) there', result.stdout)
    assert int(found[1]) > int(found[2])
    check_rest(result)


def test_core0020_memory_moves_to_the_core_that_has_none(run):
    """What one core can have is more than it began with, and goes back when it is not used."""
    result = run('oncore 1 true', 'top -n 1', 'oncore 1 hog memory', 'oncore 1 hog memory', *LOOKS,
                 smp=2)
    taken = [int(kib) for kib in re.findall(r'hog memory: (\d+) KiB', result.stdout)]
    (_, others, _), (_, own, _) = check_rest(result)
    print(f'# core 1 began with {own} KiB and took {taken}')
    assert len(taken) == 2 and min(taken) > int(own) + int(others) // 2
    assert max(taken) < int(own) + int(others)     # who lends keeps some


def test_core0025_the_core_that_booted_borrows_too(run):
    """What a program may have is what it was given, wherever the memory comes from: here more than
    the services of its core leave."""
    own = int(MEMORY.findall(run('oncore 1 true', 'top -n 1', smp=2).stdout)[0][1])
    quota = (own >> 10) - 60
    result = run('oncore 1 true', 'top -n 1', f'run -q {quota}M hog memory', *LOOKS, smp=2)
    taken = [int(kib) for kib in re.findall(r'hog memory: (\d+) KiB, then .*quota', result.stdout)]
    print(f'# core 0 began with {own} KiB and a program took {taken} of {quota << 10}')
    assert len(taken) == 1 and (quota - 5) << 10 < taken[0] <= quota << 10
    assert taken[0] > own - (112 << 10)            # services keep so much of it
    check_rest(result)


def test_core0026_a_memory_service_ends_and_what_it_has_lent_stays(run):
    """Programs keep what they have; it goes back when they do not use it any more."""
    result = run('oncore 1 true', 'top -n 1', 'borrowtest hold &', 'borrowtest ready',
                 'kill 1', 'oncore 0 true', 'oncore 1 true', 'sleep 4', 'oncore 1 memtest',
                 'borrowtest check', 'wait %1', *LOOKS, smp=2, initrd='tests/qemu/test.initrd')
    check_borrowed(result, 'service memory was started again')


def test_core0021_cores_go_off_and_on_again(run):
    """With what other domains know of them, again and again; not with programs, if not asked."""
    result = run('oncore 2 hello', 'core off 2', 'core off 2', 'ps', 'core on 2', 'core on 2',
                 'oncore 2 hello', 'core off 0', 'core off 2', 'core on 2', 'oncore 2 hello',
                 'core off', 'core off 7', smp=3)
    assert result.statuses == [0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 2, 2], result.stderr
    assert result.stdout.count('Hello from hello') == 3
    rows = re.findall(r'^ *\d+ +\d+ +(\d) +\w+ +[\d.]+ +\d+  \w+$', result.stdout, re.M)
    assert set(rows) == set('01')
    assert result.log.count('core 2: init: core 2: its services are up') == 3


def test_core0028_a_memory_service_ends_that_has_borrowed(run):
    """Pid 19 is that of core 1: the next one knows what is not its core's, and gives it back."""
    result = run('oncore 1 true', 'top -n 1', 'borrowtest hold &', 'borrowtest ready',
                 'kill 19', 'oncore 1 true', 'oncore 0 true', 'sleep 4', 'oncore 1 memtest',
                 'borrowtest check', 'wait %1', *LOOKS, smp=2, icount=True,
                 initrd='tests/qemu/test.initrd')
    check_borrowed(result, 'core 1: init: service memory was started again')


def test_core0029_lent_memory_comes_back_from_a_core_that_goes_off(run):
    """Whichever of the two services has ended before, or both: the next ones have not met."""
    for ends in (['kill 1', 'kill 19'], ['kill 1'], ['kill 19']):
        result = run('oncore 1 true', 'top -n 1', 'borrowtest hold &', 'borrowtest ready', *ends,
                     'oncore 1 true', 'oncore 0 true', 'core off 1 --end', 'wait', *LOOKS[:10],
                     smp=2, icount=True, initrd='tests/qemu/test.initrd')
        assert result.statuses[:7 + len(ends)] == [0] * (7 + len(ends)), result.stderr
        assert result.log.count('service memory was started again') == len(ends)
        tops = [row for row in MEMORY.findall(result.stdout) if row[0] == '0']
        assert tops[0] in tops[1:], tops


def test_core0030_a_memory_service_ends_that_has_given_out_many_pieces(run):
    """More than there are records for, where the next one starts: it finds room for more."""
    result = run('borrowtest many &', 'borrowtest ready', 'kill 1', 'sleep 0.5', 'true', 'kill 1',
                 'sleep 0.5', 'true', 'borrowtest check', 'wait %1', smp=1, icount=True,
                 initrd='tests/qemu/test.initrd')
    assert result.statuses == [0] * 10, result.stdout + result.stderr
    assert result.log.count('service memory was started again') == 2
