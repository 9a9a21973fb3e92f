"""The machine that AOS is started on: QEMU `virt` with a Cortex-A35, and a process that runs it.

The command line of QEMU is written here and nowhere else.
"""
import os
import selectors
import subprocess
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

QEMU = 'qemu-system-aarch64'
UBOOT = '/usr/lib/u-boot/qemu_arm64/u-boot.bin'
IMAGE = 'kernel/Image'
INITRD = 'apps/images/aos.initrd'
ESCAPE = '0x1d'           # Ctrl-], so that Ctrl-A and Ctrl-C reach the guest
READ_SIZE = 65536         # bytes per read of the guest's console
STOP_TIMEOUT_S = 5        # between asking QEMU to end and forcing it


@dataclass(frozen=True)
class Machine:
    """One configuration; `image` None leaves the choice of what to boot to `extra` (a U-Boot
    disk)."""
    image: Path | None = None
    initrd: Path | None = None
    smp: int = 1
    mem: str = '1G'
    gic: int = 3
    el2: bool = False
    append: str = ''
    icount: bool = False
    extra: tuple = field(default_factory=tuple)

    def command(self, console):
        """The whole command line; `console` are the options that say where the UART goes."""
        virt = f'virt,gic-version={self.gic}' + (',virtualization=on' if self.el2 else '')
        line = [QEMU, '-M', virt, '-cpu', 'cortex-a35', '-smp', str(self.smp), '-m', self.mem,
                '-display', 'none', '-nic', 'none', *console]
        if self.icount:
            line += ['-icount', 'shift=0,sleep=off']
        if self.image is not None:
            line += ['-kernel', str(self.image)]
        if self.initrd is not None:
            line += ['-initrd', str(self.initrd)]
        if self.append:
            line += ['-append', self.append]
        return line + list(self.extra)

    def with_(self, **changes):
        return replace(self, **changes)


def from_build(build, initrd=INITRD, kernel=IMAGE, **changes):
    """The machine with the image of a build directory, and its initrd if there is one."""
    initrd = Path(build) / initrd
    return Machine(image=Path(build) / kernel, initrd=initrd if initrd.exists() else None,
                   **changes)


# Interactively the terminal is the guest's: no signals from it, and Ctrl-] is QEMU's.
TERMINAL = ['-chardev', 'stdio,id=console,mux=on,signal=off', '-serial', 'chardev:console',
            '-echr', ESCAPE]
# Under a program the UART is QEMU's standard output, the guest hears nothing, and a reboot is the
# end.
OUTPUT = ['-no-reboot', '-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console']


class Guest:
    """A running machine whose console is read. Use as a context manager: QEMU never outlives the
    block."""

    def __init__(self, machine, timeout_s):
        self.deadline = time.monotonic() + timeout_s
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(machine.command(OUTPUT), stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=self._errors)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self._selector.close()
        self._process.stdout.close()
        self._errors.close()

    def read(self):
        """The next bytes of the console; b'' when QEMU ended; None when the time is over."""
        if not self._selector.select(max(0.0, self.deadline - time.monotonic())):
            return None
        return os.read(self._process.stdout.fileno(), READ_SIZE)

    def shorten(self, timeout_s):
        """Moves the deadline to at most `timeout_s` from now."""
        self.deadline = min(self.deadline, time.monotonic() + timeout_s)

    def status(self):
        """QEMU's exit status, waiting for it until the deadline; None if it still runs."""
        try:
            return self._process.wait(max(0.0, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def errors(self):
        """What QEMU itself said on its standard error."""
        self._errors.seek(0)
        return self._errors.read().decode(errors='replace')
