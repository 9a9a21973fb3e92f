"""A boot test: boots and waits for lines on the plain console, in the order given.

Fails when QEMU ends or the time is over before all came, and when a panic comes that was not asked
for.
"""
import argparse
import re
import sys
import tempfile

import machine as machines
import options
import uboot

DEFAULT_TIMEOUT_S = 120
PANIC = r'\bpanic\b'
TAIL = 60            # lines of console shown with a failure
MAX_CONSOLE = 1 << 24  # bytes; a guest that says more than this is out of control


class Watch:
    """Expectations against the lines of a console."""

    def __init__(self, expected, panic_allowed):
        self._wanted = [re.compile(pattern) for pattern in expected]
        self._panic = None if panic_allowed else re.compile(PANIC, re.IGNORECASE)
        self._rest = ''
        self.lines = []
        self.failure = None

    def feed(self, text):
        """Takes the next piece of console output."""
        *lines, self._rest = (self._rest + text).split('\n')
        for line in lines:
            self._line(line.rstrip('\r'))

    def close(self):
        """The console has ended; its last line need not have."""
        self.feed('\n')

    def _line(self, line):
        self.lines.append(line)
        if self._panic and self._panic.search(line):
            self.failure = self.failure or f'panic: {line}'
        elif self._wanted and self._wanted[0].search(line):
            self._wanted.pop(0)

    @property
    def missing(self):
        return self._wanted[0].pattern if self._wanted else None


def watch(machine, expected, timeout_s, panic_allowed=False, power_off=False):
    """Boots; returns (None or what went wrong, the console's lines). `power_off`: QEMU must end by
    itself with status 0."""
    look, size = Watch(expected, panic_allowed), 0
    with machines.Guest(machine, timeout_s) as guest:
        while not look.failure and (look.missing or power_off) and size < MAX_CONSOLE:
            data = guest.read()
            if not data:
                look.close()
                break
            size += len(data)
            look.feed(data.decode(errors='replace'))
        if look.failure:
            return look.failure, look.lines
        if look.missing:
            return f'never came: {look.missing}\n{guest.errors()}'.rstrip(), look.lines
        if power_off and guest.status() != 0:
            return f'did not power off (QEMU status {guest.status()})', look.lines
    return None, look.lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    options.add_machine(parser)
    parser.add_argument('--expect', action='append', default=[], metavar='REGEX', required=True,
                        help='a line that has to come, after the ones before it')
    parser.add_argument('--panic', action='store_true', help='a panic is part of the test')
    parser.add_argument('--power-off', action='store_true',
                        help='the system has to power off by itself')
    parser.add_argument('--uboot', action='store_true', help='boot through U-Boot, from a disk')
    parser.add_argument('--no-initrd', action='store_true', help='boot the kernel alone')
    arguments = parser.parse_args()
    machine = options.machine_of(arguments)
    if arguments.no_initrd:
        machine = machine.with_(initrd=None)
    with tempfile.TemporaryDirectory(prefix='aos-uboot-') as directory:
        if arguments.uboot:
            machine = uboot.through_uboot(machine, directory)
        failure, lines = watch(machine, arguments.expect, arguments.timeout or DEFAULT_TIMEOUT_S,
                               arguments.panic, arguments.power_off)
    if failure:
        print('\n'.join(lines[-TAIL:]))
        print(f'boottest: {failure}', file=sys.stderr)
    return 1 if failure else 0


if __name__ == '__main__':
    sys.exit(main())
