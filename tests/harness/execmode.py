"""Exec mode: boot, run commands at the shell, tell their output and status apart (frames.py).

The commands travel in the initrd as a module `exec`, one a line, and `console=frames` in the boot
arguments makes the guest frame its console. Nothing is typed and nothing is matched in the output.
"""
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import frames
import machine as machines

# The packer's archive format; it lives with the packer.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'apps' / 'images'))
import cpio  # noqa: E402

TIMEOUT, NO_BOOT, PANIC = 124, 125, 126   # exit statuses that are the launcher's, not a command's
DEFAULT_TIMEOUT_S = 300   # leakcheck takes half a minute where nothing else runs
PANIC_GRACE_S = 5    # after the first line of a panic, for the rest of it
BOOT_ARGUMENT = 'console=frames'


class CommandError(ValueError):
    """A command that cannot travel."""


@dataclass
class Result:
    """What came of a run. `status` is the exit status of `aos exec`; `trouble` says why it is no
    command's."""
    status: int = NO_BOOT
    trouble: str = ''
    ready: bool = False
    statuses: list = field(default_factory=list)   # one per command that ended
    streams: dict = field(default_factory=lambda: {s: bytearray() for s in frames.STREAMS})
    damaged: list = field(default_factory=list)    # chunks that were no frames

    def text(self, stream):
        return bytes(self.streams[stream]).decode(errors='replace')

    @property
    def stdout(self):
        return self.text(frames.STDOUT)

    @property
    def stderr(self):
        return self.text(frames.STDERR)

    @property
    def log(self):
        return self.text(frames.LOG)

    @property
    def panic(self):
        return self.text(frames.PANIC)

    def evidence(self):
        """All there is to explain a failed boot with: the log, and bytes that were no frames."""
        loose = b''.join(self.damaged).decode(errors='replace')
        return self.log + (f'\n[outside of frames]\n{loose}' if loose.strip() else '')


def script(commands):
    """The text of the module `exec`."""
    for command in commands:
        if '\n' in command or '\0' in command:
            raise CommandError(f'a command cannot hold a newline or NUL: {command!r}')
    return ''.join(f'{command}\n' for command in commands).encode()


@contextmanager
def with_commands(machine, commands):
    """The machine whose initrd carries the commands too (a second archive behind the built one)."""
    if machine.initrd is None:
        raise FileNotFoundError('there is no initrd in this build')
    text = script(commands)
    with tempfile.NamedTemporaryFile(prefix='aos-exec-', suffix='.initrd') as initrd:
        initrd.write(machine.initrd.read_bytes())
        initrd.write(cpio.archive([('exec', text)]))
        initrd.flush()
        yield machine.with_(initrd=Path(initrd.name),
                            append=f'{machine.append} {BOOT_ARGUMENT}'.strip())


def _number(text):
    return int(text) if text.isdigit() else None


def _take(result, frame, guest):
    """Notes one frame."""
    if frame.stream == frames.DAMAGED:
        result.damaged.append(frame.text)
        return
    if frame.stream == frames.DONE:
        result.streams[frame.stream] = frame.text      # it comes twice if its sender is not sure
        return
    result.streams[frame.stream] += frame.text
    if frame.stream == frames.READY:
        result.ready = True
    elif frame.stream == frames.STATUS:
        status, _, number = frame.text.partition(b' ')
        if not number or _number(number) == len(result.statuses) + 1:
            result.statuses.append(_number(status))
    elif frame.stream == frames.PANIC:
        guest.shorten(PANIC_GRACE_S)


def _unfinished(result, commands):
    """What had begun and told no status."""
    number = len(result.statuses)
    if number == len(commands):
        return 'the run'
    return f'command {number + 1} of {len(commands)} ({commands[number]})'


def _judge(result, ended, guest, commands):
    """Sets status and trouble once no more frames come; `ended`: QEMU ended by itself."""
    last = result.text(frames.DONE)
    status = guest.status() if ended else None
    if result.panic:
        result.status, result.trouble = PANIC, 'the kernel panicked'
    elif not result.ready:
        result.status = NO_BOOT
        what = 'QEMU ended' if ended else 'the time was over'
        result.trouble = f'{what} before the shell was ready'
    elif not ended:
        where = 'after the last command, before power-off' if last else 'after the shell was ready'
        result.status, result.trouble = TIMEOUT, f'the time was over {where}'
    elif _number(last) is None:
        result.status = NO_BOOT
        result.trouble = (f'the system ended before {_unfinished(result, commands)} '
                          'told its status')
    else:
        result.status = _number(last) & 0xFF
    if status not in (0, None):
        result.trouble += f'{"; " if result.trouble else ""}QEMU ended with status {status}'
        result.status = result.status or NO_BOOT


def run(machine, commands, timeout_s=DEFAULT_TIMEOUT_S, sink=None):
    """Boots and runs; `sink(frame)` hears each frame as it comes. Returns a Result."""
    result, decoder = Result(), frames.Decoder()

    def take(found):
        for frame in found:
            _take(result, frame, guest)
            if sink is not None:
                sink(frame)

    with with_commands(machine, commands) as loaded, machines.Guest(loaded, timeout_s) as guest:
        while data := guest.read():
            take(decoder.feed(data))
        take(decoder.finish())
        _judge(result, data == b'', guest, commands)
        if result.status and (said := guest.errors()):
            result.trouble += f'\n{said}'
    return result


def main(machine, commands, timeout_s, verbose):
    """`aos exec`: the guest's streams become ours. Returns the exit status."""
    targets = {frames.STDOUT: sys.stdout.buffer, frames.STDERR: sys.stderr.buffer}
    if verbose:
        targets[frames.LOG] = sys.stderr.buffer

    def show(frame):
        if frame.stream in targets:
            targets[frame.stream].write(frame.text)
            targets[frame.stream].flush()
        elif frame.stream == frames.DAMAGED and verbose:
            print(f'aos: damaged frame: {frame.text[:80]!r}', file=sys.stderr)

    try:
        result = run(machine, commands, timeout_s, show)
    except (CommandError, OSError) as error:
        print(f'aos: {error}', file=sys.stderr)
        return NO_BOOT
    if result.damaged and not verbose and result.status != NO_BOOT:
        print(f'aos: {len(result.damaged)} damaged frames (-v shows them)', file=sys.stderr)
    if result.trouble:
        print(f'aos: {result.trouble}', file=sys.stderr)
    if result.panic:
        print(result.panic, file=sys.stderr)
    elif result.status == NO_BOOT and not verbose:
        print(result.evidence(), file=sys.stderr)
    return result.status
