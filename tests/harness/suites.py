"""`aos test`: runs the suites with Meson and says at the end what came of them.

The figures are Meson's own, from its log; every test that should have run and did not pass counts
as failed, whatever the reason: wrong, timed out, skipped, or never started. The last line is always
`N passed, N failed`.
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import bars

MESON = 'meson'
PASSED = ('OK', 'EXPECTEDFAIL')
LOG = 'meson-logs/testlog.json'
DEEP_MULTIPLIER = '30'     # how much longer tests may take under --deep


def planned(tests, suites):
    """Names of the tests that belong to `suites` (all if empty), from introspection."""
    return [test['name'] for test in tests
            if not suites or any(s.split(':', 1)[-1] in suites for s in test['suite'])]


def results(log_text):
    """{name: result} of a log; a name that came twice has its worse result."""
    found = {}
    for line in log_text.splitlines():
        entry = json.loads(line)
        # Meson writes `project:suite / name` or just the name.
        name = entry['name'].split(' / ', 1)[-1]
        if found.get(name, 'OK') in PASSED:
            found[name] = entry['result']
    return found


def judge(wanted, found):
    """(names passed, {name: why} failed)."""
    passed = [name for name in wanted if found.get(name) in PASSED]
    failed = {name: found.get(name, 'did not run') for name in wanted if name not in passed}
    return passed, failed


def summary(passed, failed):
    """The lines to end with."""
    lines = [f'  {reason}: {name}' for name, reason in sorted(failed.items())]
    return lines + [f'{len(passed)} passed, {len(failed)} failed']


def introspect(build):
    text = subprocess.run([MESON, 'introspect', '--tests', build], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return json.loads(text)


def run(build, suites, deep, measure=False):
    """Runs Meson; returns its log."""
    log = Path(build) / LOG
    log.unlink(missing_ok=True)
    command = [MESON, 'test', '-C', build, '--no-rebuild', '--print-errorlogs']
    for suite in suites:
        command += ['--suite', suite]
    environment = dict(os.environ)
    if deep:
        environment['AOS_DEEP'] = '1'
        command += ['--timeout-multiplier', DEEP_MULTIPLIER]
    if measure:
        environment['AOS_BARS'] = '1'
    subprocess.run(command, env=environment, check=False)
    return log.read_text() if log.exists() else ''


def main():
    parser = argparse.ArgumentParser(prog='aos test')
    parser.add_argument('--build', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--deep', action='store_true',
                        help='the long versions of tests that have one')
    parser.add_argument('--bars', action='store_true',
                        help='measure the interface compiler, and fail if a bar is not kept')
    parser.add_argument('--list', action='store_true',
                        help='name the suites and tests, run nothing')
    parser.add_argument('suites', nargs='*', metavar='SUITE')
    arguments = parser.parse_args()
    tests = introspect(arguments.build)
    known = sorted({suite.split(':', 1)[-1] for test in tests for suite in test['suite']})
    if unknown := [suite for suite in arguments.suites if suite not in known]:
        parser.error(f'no suite {", ".join(unknown)}; there are: {", ".join(known)}')
    if arguments.list:
        for suite in known:
            print(f'{suite}: {" ".join(sorted(planned(tests, [suite])))}')
        return 0
    suites = ['bars'] if arguments.bars else arguments.suites
    wanted = planned(tests, suites)
    if not wanted:
        print('aos: there are no tests', file=sys.stderr)
    log = run(arguments.build, suites, arguments.deep, arguments.bars)
    passed, failed = judge(wanted, results(log))
    kept = True
    if arguments.bars:
        lines, kept = bars.table(bars.figures(log))
        print('\n'.join(lines))
    print('\n'.join(summary(passed, failed)))
    return 0 if passed and not failed and kept else 1


if __name__ == '__main__':
    sys.exit(main())
