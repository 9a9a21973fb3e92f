"""`aos bench`: runs the program `bench` where time is the number of instructions, and shows its
figures beside others'."""
import argparse
import json
import re
import sys
from pathlib import Path

import execmode
import machine as machines
import plots

BASELINES = Path(__file__).resolve().parents[1] / 'bench' / 'baselines.json'
TIMEOUT_S = 600
SCALE_CORES = 4
# Bars (bars.py) of what one row may cost, or what it may cost more than another.
BARS = {'sync_stub_instructions': ('rpc_1', 'rpc_1_hand', 15),
        'ump_client_instructions': ('ump_client_1', None, 150),
        'ump_server_instructions': ('ump_server_1', None, 150),
        'spawn_wait_instructions': ('spawn_wait', None, 128000)}
LINE = re.compile(r'(\w+) (\d+) (\d+) (\d+)$')
COLUMNS = ('operation', 'median', 'minimum', 'goal', 'seL4', 'Barrelfish', 'Linux')


class OutputError(ValueError):
    """The program said something that is no figure."""


def parse(text):
    """({id: (median, minimum, samples)}, remarks) of what the program printed."""
    figures, remarks = {}, []
    for line in text.splitlines():
        if match := LINE.match(line):
            if match[1] in figures:
                raise OutputError(f'two figures for {match[1]}')
            figures[match[1]] = tuple(int(match[i]) for i in (2, 3, 4))
        elif line.startswith('#') or not line.strip():
            remarks.append(line)
        else:
            raise OutputError(f'not a figure: {line!r}')
    return figures, remarks


def number(value):
    """1234567 as 1 234 567."""
    return f'{value:,}'.replace(',', ' ')


def other(pair):
    """Another system's figure with its remark."""
    if pair is None:
        return '–'
    return number(pair[0]) + (f' ({pair[1]})' if pair[1] else '')


def table(figures, baselines):
    """The rows to print, as lists of cells; a figure that no row asks for gets one of its own."""
    rows = []
    for row in baselines['rows']:
        median, minimum, _ = figures.get(row['id'], (None, None, None))
        over = median is not None and median > row['goal']
        absent = 'not yet' if row.get('later') else 'missing'
        rows.append([row['what'], absent if median is None else number(median),
                     '–' if minimum is None else number(minimum),
                     number(row['goal']) + (f' (over by {number(median - row["goal"])})'
                                            if over else ''),
                     other(row['sel4']), other(row['barrelfish']), other(row['linux'])])
    known = {row['id'] for row in baselines['rows']}
    rows += [[name, number(figures[name][0]), number(figures[name][1]), '–', '–', '–', '–']
             for name in figures if name not in known]
    return rows


def bars(figures):
    """Lines for bars.py."""
    return [f'BAR {name} {figures[row][0] - (figures[other][0] if other else 0)} {most}'
            for name, (row, other, most) in BARS.items()
            if row in figures and other in (None, *figures)]


def grown(figures, baselines):
    """What took more than its row's `most`: what was reached once, and a small margin."""
    return [f'{row["id"]} takes {figures[row["id"]][0]}, and may take {row["most"]}'
            for row in baselines['rows'] if row['id'] in figures
            and figures[row['id']][0] > row.get('most', figures[row['id']][0])]


def render(rows):
    """A Markdown table with aligned columns; figures to the right."""
    cells = [list(COLUMNS)] + rows
    widths = [max(len(row[i]) for row in cells) for i in range(len(COLUMNS))]

    def line(row):
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        return '| ' + ' | '.join([row[0].ljust(widths[0])] + rest) + ' |'

    rule = '|' + '|'.join(['-' * (widths[0] + 2)] + ['-' * (w + 1) + ':' for w in widths[1:]]) + '|'
    return '\n'.join([line(cells[0]), rule] + [line(row) for row in rows])


def main():
    parser = argparse.ArgumentParser(prog='aos bench')
    parser.add_argument('--build', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--complete', action='store_true',
                        help='fail if a row is missing, or takes more than it may')
    parser.add_argument('--plots', action='store_true',
                        help='draw pictures, too, into the folder `plots` of the build')
    arguments = parser.parse_args()
    machine = machines.from_build(arguments.build, icount=True)
    baselines = json.loads(BASELINES.read_text())
    try:
        result = execmode.run(machine, ['bench'], TIMEOUT_S)
        figures, remarks = parse(result.stdout)
    except (OSError, OutputError) as error:
        print(f'aos: {error}', file=sys.stderr)
        return 1
    print(render(table(figures, baselines)))
    print('\n'.join(['', baselines['method']] + remarks + bars(figures)))
    if result.status:
        print(f'aos: bench ended with status {result.status}; {result.trouble}\n{result.stderr}'
              f'{result.panic}{result.evidence()}', file=sys.stderr)
    if arguments.plots and not result.status:
        more = [execmode.run(machine, ['bench plots'], TIMEOUT_S),
                execmode.run(machine.with_(smp=SCALE_CORES), ['bench scale'], TIMEOUT_S)]
        text = ''.join(run.stdout for run in more)
        print(text)
        for path in plots.draw(figures, text, Path(arguments.build) / 'plots'):
            print(path)
        result.status = max(run.status for run in more)
    missing = [row['id'] for row in baselines['rows'] if row['id'] not in figures
               and not row.get('later')]
    larger = grown(figures, baselines)
    print(''.join(f'aos: {what}\n' for what in larger), end='', file=sys.stderr)
    failed = arguments.complete and (missing or larger)
    return 1 if result.status or not figures or failed else 0


if __name__ == '__main__':
    sys.exit(main())
