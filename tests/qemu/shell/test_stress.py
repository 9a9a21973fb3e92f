"""Mixed load: apps/stress says what it is, and compares every counter itself."""
import re

import pytest

SECONDS = 2
LINE = re.compile(r'^(\d+) workers on (\d+) cores: (\d+) calls, (\d+) notes, (\d+) programs, '
                  r'(\d+) pieces of memory, (\d+) ends$', re.M)


@pytest.mark.parametrize('cores', [1])
def test_stress0001_load_leaves_nothing_and_loses_nothing(run, cores):
    result = run(f'stress --seconds {SECONDS}', smp=cores)
    rounds = LINE.findall(result.stdout)
    print('\n'.join('# ' + line for line in result.stdout.splitlines()))
    assert result.statuses == [0], result.stdout + result.stderr
    assert rounds and all(int(done[1]) == cores and 0 not in map(int, done) for done in rounds)
    assert result.stdout.endswith('every counter is as before\n')


def test_stress0002_what_it_does_not_know_is_refused(run):
    result = run('stress --seconds', 'stress --seconds 0', 'stress --more 1', smp=1)
    assert result.statuses == [2, 2, 2] and result.stdout == ''
