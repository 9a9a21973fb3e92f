"""What a test program said, judged strictly: a plan first, then exactly the results it announces,
all `ok`.

A skipped or to-do result, a result out of turn, a bail-out, or nothing at all is a failure: a test
that did not run did not pass. Lines that are no part of the protocol are remarks of the test and do
not matter.
"""
import re
from dataclasses import dataclass, field

PLAN = re.compile(r'1\.\.(\d+)\s*$')
RESULT = re.compile(r'(ok|not ok)\b\s*(\d+)?\s*(?:-\s*)?([^#]*)(?:#\s*(.*))?$')
BAIL_OUT = 'Bail out!'
NOT_RUN = re.compile(r'(skip|todo)', re.IGNORECASE)


@dataclass
class Report:
    planned: int | None = None
    passed: list = field(default_factory=list)    # names
    problems: list = field(default_factory=list)  # one line each; empty means the test passed

    @property
    def ok(self):
        return not self.problems


def _result(report, number, match):
    verdict, said, name, directive = match.groups()
    name = (name or '').strip()
    label = f'{number} {name}'.strip()
    if said is not None and int(said) != number:
        report.problems.append(f'result {said} came where {number} was due')
    elif directive and NOT_RUN.match(directive):
        report.problems.append(f'did not run: {label} ({directive})')
    elif verdict != 'ok':
        report.problems.append(f'failed: {label}')
    else:
        report.passed.append(name)


def judge(text):
    """The report on the whole output of one test program."""
    report, seen = Report(), 0
    for line in text.splitlines():
        if line.startswith(BAIL_OUT):
            report.problems.append(line)
        elif match := PLAN.match(line):
            if report.planned is not None:
                report.problems.append('a second plan')
            elif seen:
                report.problems.append('the plan came after results')
            report.planned = int(match[1])
        elif match := RESULT.match(line):
            seen += 1
            _result(report, seen, match)
    if report.planned is None:
        report.problems.append('no plan' if text.strip() else 'no output')
    elif report.planned == 0:
        report.problems.append('the plan announces no test')
    elif seen != report.planned:
        report.problems.append(f'{report.planned} results were planned, {seen} arrived')
    return report
