"""A test program on the target: boots, runs it at the shell, and judges what it says as TAP
(tap.py)."""
import argparse
import sys

import execmode
import options
import tap

DEFAULT_TIMEOUT_S = 300


def judge(result):
    """What is wrong with a run of one program: a list of lines, empty if nothing is."""
    problems = []
    if result.trouble:
        problems.append(result.trouble)
    if result.panic:
        problems.append(result.panic)
    if result.damaged:
        first = result.damaged[0][:80]
        problems.append(f'{len(result.damaged)} damaged frames, the first: {first!r}')
    problems += tap.judge(result.stdout).problems
    if result.status and not result.trouble:
        problems.append(f'the program ended with status {result.status}')
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    options.add_machine(parser)
    parser.add_argument('command', nargs='+',
                        help='the program and its arguments, as the shell wants them')
    arguments = parser.parse_args()
    result = execmode.run(options.machine_of(arguments), [' '.join(arguments.command)],
                          arguments.timeout or DEFAULT_TIMEOUT_S)
    print(result.stdout, end='')
    problems = judge(result)
    if problems:
        print(f'[standard error]\n{result.stderr}\n[log]\n{result.evidence()}', file=sys.stderr)
        for problem in problems:
            print(f'taptest: {problem}', file=sys.stderr)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
