"""Init starts a service again although any one of its allocations fails meanwhile, and keeps
nothing back. The image's services are linked with tests/qemu/services/failing.c; `failtest init
NUMBER` tells init which. By hand or with AOS_DEEP: each many times, so that what is kept back
once shows."""
import os
import re

import pytest

INITRD = 'tests/qemu/failing.initrd'
PIDS = {'memory': 1, 'nameserver': 2, 'process': 3, 'serial': 4}
AT_ONCE = 25        # in one boot: init lets a service end 64 times in 10 s, and each may end twice
TIMES = 14          # each number, if many
TELL = 3            # what tells init to fail no more may be refused, or meet the end of the service
SLACK = 5           # what clients have not let go of yet, or not asked for again
QUIET = 10          # numbers in a row that do no harm: there are no more
NUMBERS_MAX = 200
FAILED = re.compile(r'cannot be started again|no thread to start|does not know \d+ yet')
TABLE = re.compile(r'^TYPE.*?\n(.*^all[^\n]*\n)', re.M | re.S)


def restarts(run, service, numbers):
    """Ends the service once for each number, with the allocation of that number to fail (0: none).
    How many objects there are afterwards by type, and how many times something failed."""
    commands = []
    for number in numbers:
        commands += [f'failtest init {number}' if number else 'true', f'kill {PIDS[service]}',
                     *['failtest init 0'] * TELL]
    result = run(*commands, 'caps', initrd=INITRD)
    last = result.statuses[TELL + 1:-1:TELL + 2]
    assert not any(last), f'{result.statuses}\n{result.evidence()}'
    # The process service does not answer who ends it; another may not be known yet, or have ended
    # by itself, as it could not start.
    ends = result.log.count(f'service {service} ended with status')
    assert ends >= len(numbers) / 2, result.evidence()
    assert 'does not stay' not in result.log, result.evidence()
    rows = [line.split() for line in TABLE.search(result.stdout)[1].splitlines()]
    return {row[0]: int(row[-1]) for row in rows}, len(FAILED.findall(result.log))


@pytest.mark.parametrize('service', PIDS)
def test_fail0003_a_service_is_started_again_whatever_fails(run, service):
    deep = 'AOS_DEEP' in os.environ
    before, failures = restarts(run, service, [0] * (TIMES if deep else AT_ONCE))
    assert failures == 0
    first, total, quiet = 1, 0, 0
    while quiet < (QUIET if deep else 1) and first < NUMBERS_MAX:
        numbers = [first] * TIMES if deep else range(first, first + AT_ONCE)
        after, failures = restarts(run, service, numbers)
        more = {kind: after[kind] - before[kind] for kind in before}
        assert max(more.values()) <= SLACK, f'{list(numbers)}: {more}'
        total += failures > 0 if deep else failures
        quiet = 0 if failures else quiet + 1
        first += 1 if deep else AT_ONCE
    assert AT_ONCE < total and first < NUMBERS_MAX
