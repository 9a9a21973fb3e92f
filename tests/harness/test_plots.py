"""What `aos bench --plots` makes of a program's output."""
import plots

TEXT = '# plot ump_window1 16 30\n# plot ump_window1 8 20\nrow 1 2 3\n# plot lmp_window1 8 10\n'


def test_har0150_series_are_read_and_sorted():
    assert plots.series(TEXT) == {'ump_window1': [(8, 20), (16, 30)], 'lmp_window1': [(8, 10)]}
    assert plots.series('# plot a b c\n') == {}


def test_har0151_only_calls_whose_rows_are_there():
    assert plots.parts({'rpc_1': (314, 1, 1), 'ump_client_1': (128, 1, 1)}) == [('LMP', [314])]


def test_har0152_pictures(tmp_path):
    paths = plots.draw({'rpc_1': (314, 1, 1)}, TEXT, tmp_path / 'plots')
    assert len(paths) == 4 and all('<svg' in path.read_text() for path in paths)
