"""An interactive session: `aos run` on a terminal of its own, typed at by a test.

Everything waits for what the guest says; nothing waits for time to pass. What is typed is echoed by
the guest's line editor, so a test expects the output behind the echo, not the echo.
"""
import re
import sys
from pathlib import Path

import pexpect

HERE = Path(__file__).parent
PROMPT = re.compile(r'aos(?: \[(\d+)\])?> ')   # with the last status if it was not 0
TIMEOUT_S = 120                                # for anything the guest is asked for
LEAVE = '\x1dx'                                # Ctrl-] x
CONTROL = re.compile(r'\x1b\[[0-9;?]*[A-Za-z]')
ROWS, COLUMNS = 25, 100


class Session:
    """A booted system at its prompt. Use as a context manager; QEMU does not outlive the block."""

    def __init__(self, build, *options, command=None):
        """`command` is run instead of what `aos run` with these options would run."""
        command = command or [sys.executable, str(HERE / 'launch.py'), '--build', str(build),
                              *options, 'run']
        self._child = pexpect.spawn(
            command[0], list(command[1:]), encoding='utf-8', codec_errors='replace',
            timeout=TIMEOUT_S, dimensions=(ROWS, COLUMNS))
        self.boot_log = ''
        self.status = 0

    def __enter__(self):
        self.boot_log = self.prompt()
        return self

    def __exit__(self, *_):
        self._child.close(force=True)

    def prompt(self):
        """What came before the next prompt, without control sequences."""
        self._child.expect(PROMPT)
        self.status = int(self._child.match[1] or 0)
        return CONTROL.sub('', self._child.before).replace('\r', '')

    def after_line(self):
        """What comes between the end of the line being edited and the next prompt. The editor shows
        the prompt again with every change, but moves to a new line only when the line is done."""
        self._child.expect('\n')
        return self.prompt()

    def type(self, text):
        """Types, without Return."""
        self._child.send(text)

    def run(self, command):
        """Types a line; returns what it printed."""
        self._child.send(command + '\r')
        return self.after_line()

    def expect(self, pattern):
        """Waits for text; returns what came before it."""
        self._child.expect(pattern)
        return self._child.before

    def leave(self):
        """Leaves with the escape that the banner names; returns QEMU's exit status."""
        self._child.send(LEAVE)
        return self.end()

    def end(self):
        """Waits for QEMU to end; returns its exit status."""
        self._child.expect(pexpect.EOF)
        self._child.wait()
        return self._child.exitstatus
