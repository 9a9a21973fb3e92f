"""The bars of the interface compiler, `aos test --bars`: the figures that tests told, beside what
they must keep to.

A test tells a figure with a line of its output, `BAR NAME FIGURE BOUND`, or `# BAR ...` if the
output is TAP. The figure may be at most BOUND; at least, if that is written >=BOUND. Such a test is
in the suite `bars`, too. ROWS are the figures that must be told; any other is listed behind them.
"""
import json
import re

LINE = re.compile(r'^(?:# )?BAR (\S+) (-?[\d.e+]+) (>=)?(-?[\d.e+]+)$', re.MULTILINE)

ROWS = (
    ('sync_stub_instructions', 'client stub, instructions beyond hand-written assembly'),
    ('sync_stub_calls', 'calls of a client stub into libaos'),
    ('memory_stats_client_bytes', 'client stub of memory.stats, bytes'),
    ('memory_alloc_client_bytes', 'client stub of memory.alloc, bytes'),
    ('memory_stats_shim_bytes', 'server shim of memory.stats, bytes'),
    ('memory_alloc_shim_bytes', 'server shim of memory.alloc, bytes'),
    ('memory_dispatcher_bytes', 'dispatcher of memory, bytes'),
    ('memory_text_bytes', 'all C of memory, bytes'),
    ('ump_lines', 'lines of a UMP call of few words, each way'),
    ('ump_release_stores', 'release stores of such a line'),
    ('ump_client_instructions', 'instructions of a polled UMP call, client'),
    ('ump_server_instructions', 'instructions of a polled UMP call, server'),
    ('spawn_wait_instructions', 'instructions of starting a small program and waiting for its end'),
    ('stubgen_cold_J', '12 interfaces of 15 methods, cold, J'),
    ('stubgen_one_changed_J', 'the same, one changed, J'),
    ('stubgen_nothing_changed_J', 'the same, nothing changed, J'),
    ('objects_after_comment_edit', 'objects compiled after the edit of a comment'),
    ('edit_to_boot_s', 'from the edit of an interface to the booted image, seconds'),
    ('codes_without_bad_file', 'diagnostic codes without a bad file'),
    ('independent_errors', 'independent errors told in one run'),
    ('mutants', 'mutants tried'),
    ('mutant_tracebacks', 'mutants with a traceback'),
    ('mutant_slowest_s', 'the slowest mutant, seconds'),
    ('mutant_memory_MB', 'memory for mutants, MB'),
    ('hostile_findings', 'findings of the fuzzers'),
    ('validator_edges_percent', "edges of the validators that fuzzers reached, percent"),
    ('round_trip_interfaces', 'random interfaces that went round'),
    ('round_trip_differences', 'messages that differ between carriers'),
)


def figures(log_text):
    """{name: (figure, '>=' or '<=', bound)} of a log of Meson; of a figure that was told twice, the
    one that is worse off."""
    found = {}
    for line in log_text.splitlines():
        for name, figure, least, bound in LINE.findall(json.loads(line).get('stdout') or ''):
            entry = (float(figure), least or '<=', float(bound))
            if name not in found or not keeps(entry):
                found[name] = entry
    return found


def keeps(entry):
    figure, relation, bound = entry
    return figure >= bound if relation == '>=' else figure <= bound


def table(found):
    """(lines to print, are all bars kept?)"""
    rows = list(ROWS) + [(name, name) for name in sorted(found) if name not in dict(ROWS)]
    width = max(len(what) for _, what in rows)
    lines, good = [], True
    for name, what in rows:
        entry = found.get(name)
        fine = entry is not None and keeps(entry)
        good = good and fine
        verdict = 'ok' if fine else 'NOT MEASURED' if entry is None else 'OVER'
        figure, bound = (f'{entry[0]:g}', f'{entry[1]} {entry[2]:g}') if entry else ('–', '')
        lines.append(f'{what:{width}}  {figure:>9}  {bound:10}  {verdict}')
    return lines, good
