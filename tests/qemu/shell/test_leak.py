"""Programs that come and go leave nothing behind: `leakcheck` compares all counters there are."""
import re

import pytest

ROUNDS = 8
WAYS = ['exit', 'kill', 'crash', 'exit of a family', 'kill a family', 'crash of a family',
        'kill a group', 'kill early', 'no such program', 'no program']
PLANTS = {    # what is kept: a counter that tells
    'memory': 'free bytes', 'cap': 'Dispatcher capabilities', 'name': 'names',
    'endpoint': 'EndPoint objects', 'process': 'processes',
}


def test_leak0010_every_counter_is_as_before(run):
    result = run(f'leakcheck {ROUNDS}')
    assert result.statuses == [0], result.stdout
    for way in WAYS:
        assert f'{way}: {ROUNDS} rounds, every counter is as before\n' in result.stdout


@pytest.mark.parametrize('plant', PLANTS)
def test_leak0011_what_is_kept_back_is_found(run, plant):
    result = run(f'leakcheck plant {plant} 1')
    assert result.statuses == [1]
    assert re.search(rf'^exit: {PLANTS[plant]}: \d+ before, \d+ after$', result.stdout, re.M)
    assert result.stdout.endswith('exit: something is missing\n')
