"""The judge of test programs: only a complete, all-ok output passes."""
import pytest
import tap
import taptest
from execmode import Result
import frames


def test_har0010_a_good_run():
    report = tap.judge('hello\n1..2\nok 1 - CAP0001 one\n# a remark\nok 2\n')
    assert report.ok and report.planned == 2 and report.passed == ['CAP0001 one', '']


@pytest.mark.parametrize('text, said', [
    ('', 'no output'),
    ('booting\n', 'no plan'),
    ('ok 1 - a\n', 'no plan'),
    ('1..0\n', 'no test'),
    ('1..2\nok 1\n', '1 arrived'),
    ('1..1\nok 1\nok 2\n', '2 arrived'),
    ('1..2\nok 1\nok 3\n', 'result 3 came'),
    ('1..2\nok 1\nok 1\n', 'result 1 came'),
    ('1..1\nnot ok 1 - CAP0002 two\n', 'CAP0002 two'),
    ('1..1\nok 1 - a # SKIP no time\n', 'did not run'),
    ('1..1\nnot ok 1 - a # TO' 'DO later\n', 'did not run'),
    ('ok 1\n1..1\n', 'after results'),
    ('1..1\n1..1\nok 1\n', 'second plan'),
    ('1..1\nok 1\nBail out! broken\n', 'Bail out'),
])
def test_har0011_anything_less_fails(text, said):
    report = tap.judge(text)
    assert not report.ok and said in '\n'.join(report.problems)


def run_of(stdout, **changes):
    result = Result(status=0, ready=True)
    result.streams[frames.STDOUT] += stdout.encode()
    for name, value in changes.items():
        setattr(result, name, value)
    return result


def test_har0012_the_whole_run_counts():
    good = '1..1\nok 1\n'
    assert taptest.judge(run_of(good)) == []
    assert taptest.judge(run_of('')) != []
    assert taptest.judge(run_of(good, status=1)) != []
    assert taptest.judge(run_of(good, trouble='the time was over')) != []
    assert taptest.judge(run_of(good, damaged=[b'?'])) != []
    panicked = run_of(good)
    panicked.streams[frames.PANIC] += b'oh'
    assert taptest.judge(panicked) != []
