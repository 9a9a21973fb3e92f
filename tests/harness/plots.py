"""`aos bench --plots`: draws what the benchmark says in lines `# plot SERIES X Y`, and some of its
rows, as SVG files into the folder `plots` of the build."""
import re
from pathlib import Path

LINE = re.compile(r'# plot (\w+) (\d+) (\d+)$', re.MULTILINE)
CALLS = (  # label, the rows that make a call of one word
    ('LMP', ('rpc_1',)),
    ('UMP, both poll', ('ump_client_1', 'ump_server_1')),
    ('UMP, server sleeps', ('ump_client_1', 'ump_server_woken')),
)
WINDOWS = {'window1': ('1 call at a time', '#4878a8'), 'window8': ('8 calls under way', '#c06030'),
           'oneway': ('one way', '#509050')}
SCALE = {'pair': 'call in one core (LMP)', 'across': 'call in two cores (UMP)',
         'one': 'call, all to one server', 'memory': '64 KiB of memory, there and back',
         'names': 'name looked up'}
CARRIERS = {'lmp': 'LMP', 'ump': 'UMP'}


def series(text):
    """{name: [(x, y)...]} of the program's output, each by x."""
    found = {}
    for name, x, y in LINE.findall(text):
        found.setdefault(name, []).append((int(x), int(y)))
    return {name: sorted(points) for name, points in found.items()}


def parts(figures):
    """[(label, [instructions of each side])] of the calls whose rows are all there."""
    return [(label, [figures[row][0] for row in rows]) for label, rows in CALLS
            if all(row in figures for row in rows)]


def _plain(axes, xlabel, ylabel):
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.spines[['top', 'right']].set_visible(False)
    axes.set_ylim(bottom=0)


def _calls(plt, figures, path):
    figure, axes = plt.subplots(figsize=(6, 3))
    for place, (label, sides) in enumerate(parts(figures)):
        left = 0
        for shade, instructions in zip(('#4878a8', '#a8c4e0'), sides):
            axes.barh(place, instructions, left=left, color=shade)
            left += instructions
        axes.text(left + 8, place, str(left), va='center')
    axes.set_yticks(range(len(parts(figures))), [label for label, _ in parts(figures)])
    _plain(axes, 'instructions of a call of one word, both sides (UMP: client, server)', '')
    axes.set_ylim(len(parts(figures)) - 0.5, -0.5)
    figure.savefig(path, bbox_inches='tight', metadata={'Date': None})
    plt.close(figure)


def _sizes(plt, points, path, ylabel, value):
    figure, axes = plt.subplots(figsize=(6, 3.6))
    for carrier, style in (('lmp', '--'), ('ump', '-')):
        for window, (label, color) in WINDOWS.items():
            line = points.get(f'{carrier}_{window}', [])
            axes.plot([x for x, _ in line], [value(x, y) for x, y in line], style, marker='.',
                      color=color,
                      label=f'{CARRIERS[carrier]}, {label}')
    axes.set_xscale('log', base=2)
    _plain(axes, 'bytes of text in a call', ylabel)
    axes.legend(frameon=False)
    figure.savefig(path, bbox_inches='tight', metadata={'Date': None})
    plt.close(figure)


def _scale(plt, points, path):
    figure, axes = plt.subplots(figsize=(6, 3.6))
    for work, label in SCALE.items():
        line = points.get(f'scale_{work}', [])
        axes.plot([x for x, _ in line], [y for _, y in line], marker='.', label=label)
    axes.set_xscale('log', base=2)
    axes.set_xticks([1, 2, 4], ['1', '2', '4'])
    _plain(axes, 'cores that work', 'instructions of all cores for each')
    axes.set_yscale('log')
    axes.set_ylim(bottom=100)
    axes.legend(frameon=False, bbox_to_anchor=(1, 1))
    figure.savefig(path, bbox_inches='tight', metadata={'Date': None})
    plt.close(figure)


def draw(figures, text, folder):
    """The paths of the pictures. `figures`: {row: (median, ...)}; `text`: with lines `# plot`."""
    import matplotlib   # only who draws needs it
    matplotlib.use('svg')
    # The same picture from the same figures, with text as text.
    matplotlib.rcParams.update({'svg.hashsalt': 'aos', 'svg.fonttype': 'none'})
    import matplotlib.pyplot as plt
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    points = series(text)
    paths = [folder / name for name in ('ump-calls.svg', 'ump-sizes.svg', 'ump-throughput.svg',
                                     'ump-scale.svg')]
    _calls(plt, figures, paths[0])
    _sizes(plt, points, paths[1], 'instructions of a call, both sides', lambda _, y: y)
    _sizes(plt, points, paths[2], 'bytes in 1 000 instructions', lambda x, y: 1000 * x / y)
    _scale(plt, points, paths[3])
    return paths
