"""The table of `aos bench`: figures in the right rows, nothing passed over."""
import json

import benchtable
import pytest

BASELINES = {'method': '', 'rows': [
    {'id': 'a', 'what': 'an a', 'goal': 100, 'sel4': [200, ''], 'barrelfish': None,
     'linux': [1500, 'pipe']},
    {'id': 'b', 'what': 'a b', 'goal': 10, 'sel4': None, 'barrelfish': None, 'linux': None}]}


def test_har0070_rows():
    figures, remarks = benchtable.parse('# icount\na 1250 90 100\nc 5 4 3\n')
    assert remarks == ['# icount']
    assert benchtable.table(figures, BASELINES) == [
        ['an a', '1 250', '90', '100 (over by 1 150)', '200', '–', '1 500 (pipe)'],
        ['a b', 'missing', '–', '10', '–', '–', '–'],
        ['c', '5', '4', '–', '–', '–', '–']]
    lines = benchtable.render(benchtable.table(figures, BASELINES)).splitlines()
    assert len(lines) == 5 and len({len(line) for line in lines}) == 1


@pytest.mark.parametrize('text', ['a 1 2\n', 'a 1 2 3\na 1 2 3\n', 'panic\n', 'a 1 2 x\n'])
def test_har0071_anything_else_is_an_error(text):
    with pytest.raises(benchtable.OutputError):
        benchtable.parse(text)


def test_har0072_the_baselines_are_well_formed():
    rows = json.loads(benchtable.BASELINES.read_text())['rows']
    assert len({row['id'] for row in rows}) == len(rows)
    assert all(row['goal'] > 0 for row in rows)
    benchtable.table({}, {'rows': rows})


def test_har0119_what_was_reached_is_kept():
    rows = [{'id': 'a', 'goal': 100, 'most': 120}, {'id': 'b', 'goal': 100}]
    assert benchtable.grown({'a': (120, 1, 9), 'b': (500, 1, 9)}, {'rows': rows}) == []
    assert benchtable.grown({'a': (121, 1, 9)}, {'rows': rows}) == ['a takes 121, and may take 120']
    assert benchtable.grown({}, {'rows': rows}) == []


def test_har0028_the_stub_is_measured_against_a_short_call_by_hand():
    figures = {'rpc_1': (340, 339, 9), 'rpc_1_hand': (310, 309, 9)}
    assert benchtable.bars(figures) == ['BAR sync_stub_instructions 30 15']
    assert benchtable.bars({}) == []
    path = benchtable.BASELINES.with_name('hand_lmp.S')
    code = path.read_text().split('hand_lmp_call1:', 1)[1]
    assert 10 < sum(line.startswith('    ') and not line.strip().startswith('.')
                    for line in code.splitlines()) <= 20
