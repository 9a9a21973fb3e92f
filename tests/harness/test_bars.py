"""What `aos test --bars` says: a figure that nobody told, or that is over, is no success."""
import json

import bars


def log(*outputs):
    return '\n'.join(json.dumps({'name': 'x', 'stdout': text}) for text in outputs)


def every(**changed):
    return {name: changed.get(name, (1.0, '<=', 1.0)) for name, _ in bars.ROWS}


def test_har0025_figures_are_found_in_the_output_of_tests():
    found = bars.figures(log('BAR a 3.5 4.5\nnoise\n# BAR b 96 >=95\n', 'no BAR c 1 2',
                             '..\nBAR d 0 0'))
    assert found == {'a': (3.5, '<=', 4.5), 'b': (96.0, '>=', 95.0), 'd': (0.0, '<=', 0.0)}


def test_har0026_the_worse_of_two_counts():
    assert bars.figures(log('BAR a 5 4', 'BAR a 3 4'))['a'][0] == 5
    assert bars.figures(log('BAR a 3 4', 'BAR a 5 4'))['a'][0] == 5


def test_har0027_all_bars_must_be_told_and_kept():
    assert bars.table(every())[1]
    lines, good = bars.table(every(stubgen_cold_J=(5.0, '<=', 4.5)))
    assert not good and sum('OVER' in line for line in lines) == 1
    lines, good = bars.table(every(validator_edges_percent=(94.0, '>=', 95.0)))
    assert not good
    found = every()
    del found['mutants']
    lines, good = bars.table(found)
    assert not good and sum('NOT MEASURED' in line for line in lines) == 1
    assert bars.table(every() | {'more': (1.0, '<=', 2.0)})[0][-1].split()[0] == 'more'
