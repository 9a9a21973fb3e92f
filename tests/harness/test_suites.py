"""The count at the end of `aos test`: nothing that did not pass may look as if it had."""
import json

import suites


def log(*entries):
    return '\n'.join(json.dumps({'name': name, 'result': result}) for name, result in entries)


TESTS = [{'name': 'a', 'suite': ['aos:host']}, {'name': 'b', 'suite': ['aos:qemu', 'aos:host']},
         {'name': 'c', 'suite': ['aos']}]


def test_har0020_planned_by_suite():
    assert suites.planned(TESTS, []) == ['a', 'b', 'c']
    assert suites.planned(TESTS, ['qemu']) == ['b']
    assert suites.planned(TESTS, ['host', 'qemu']) == ['a', 'b']


def test_har0021_names_are_found_in_the_log():
    found = suites.results(log(('aos:host / a', 'OK'), ('aos:qemu+host / b', 'FAIL'),
                               ('aos / c', 'OK')))
    assert found == {'a': 'OK', 'b': 'FAIL', 'c': 'OK'}


def test_har0022_only_passing_passes():
    wanted = ['ok', 'skip', 'timeout', 'fail', 'error', 'never']
    found = suites.results(log(('x / ok', 'OK'), ('x / skip', 'SKIP'), ('x / timeout', 'TIMEOUT'),
                               ('x / fail', 'FAIL'), ('x / error', 'ERROR')))
    passed, failed = suites.judge(wanted, found)
    assert passed == ['ok'] and sorted(failed) == ['error', 'fail', 'never', 'skip', 'timeout']
    assert suites.summary(passed, failed)[-1] == '1 passed, 5 failed'


def test_har0023_no_log_is_no_pass():
    passed, failed = suites.judge(['a'], suites.results(''))
    assert not passed and failed == {'a': 'did not run'}


def test_har0024_the_worse_of_two_counts():
    assert suites.results(log(('x / a', 'FAIL'), ('y / a', 'OK')))['a'] == 'FAIL'
    assert suites.results(log(('x / a', 'OK'), ('y / a', 'FAIL')))['a'] == 'FAIL'
