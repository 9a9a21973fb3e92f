"""`aos run`, `aos exec` and `aos debug`, once there is a build."""
import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import execmode
import machine as machines
import options

GDB = 'gdb-multiarch'
GDB_PORT = 1234
POLL_S = 0.05
GDB_SCRIPT = Path(__file__).with_name('debug.gdb')
KERNEL_ELF = 'kernel/kernel.elf'
PROGRAMS = 'apps/images'     # where gdb is started: `domain NAME` finds NAME.elf
USAGE_STATUS = 2


def run(machine, arguments):
    """Gives the terminal to the guest; does not return."""
    extra = tuple(arguments.words)
    if arguments.gdb:
        extra += ('-S', '-gdb', f'tcp:127.0.0.1:{GDB_PORT}')
        print(f'aos: stopped; in another terminal: {GDB} {arguments.build}/{KERNEL_ELF} '
              f"-ex 'target remote 127.0.0.1:{GDB_PORT}'", file=sys.stderr)
    print('aos: leave with Ctrl-] x   (Ctrl-] h for more of QEMU)', file=sys.stderr, flush=True)
    command = machine.with_(extra=extra).command(machines.TERMINAL)
    os.execvp(command[0], command)


def debug(machine, arguments):
    """QEMU stopped at its first instruction, its console into a file, and gdb on it."""
    build = Path(arguments.build)
    console = build / 'debug-console.log'
    console.touch()
    with tempfile.TemporaryDirectory(prefix='aos-gdb-') as directory:
        socket = Path(directory) / 'gdb'
        stub = ('-S', '-chardev', f'socket,path={socket},server=on,wait=off,id=gdb',
                '-gdb', 'chardev:gdb')
        guest = subprocess.Popen(machine.with_(extra=stub + tuple(arguments.words)).command(
            ['-serial', f'file:{console}']), stdin=subprocess.DEVNULL, start_new_session=True)
        print(f'aos: the console is written to {console}', file=sys.stderr, flush=True)
        try:
            while guest.poll() is None and not socket.exists():
                time.sleep(POLL_S)   # QEMU makes the socket before it runs anything
            return subprocess.call([GDB, '-q', str((build / KERNEL_ELF).resolve()),
                                    '-ex', f'source {GDB_SCRIPT}',
                                    '-ex', f'aos-connect {socket}'], cwd=build / PROGRAMS)
        finally:
            guest.terminate()
            guest.wait()


class Parser(argparse.ArgumentParser):
    """Says in one line what it does not understand; the launcher's help has the rest."""

    def error(self, message):
        print(f'aos: {message} (./aos help)', file=sys.stderr)
        sys.exit(execmode.NO_BOOT if 'exec' in sys.argv else USAGE_STATUS)


def main():
    parser = Parser()
    options.add_machine(parser)
    parser.add_argument('--gdb', action='store_true')
    parser.add_argument('-v', '--verbose', action='store_true')
    parser.add_argument('action', choices=('run', 'exec', 'debug'))
    parser.add_argument('words', nargs='*')
    arguments = parser.parse_args()
    machine = options.machine_of(arguments)
    if arguments.action == 'run':
        run(machine, arguments)
    if arguments.action == 'debug':
        return debug(machine, arguments)
    return execmode.main(machine, arguments.words,
                         arguments.timeout or execmode.DEFAULT_TIMEOUT_S, arguments.verbose)


if __name__ == '__main__':
    sys.exit(main())
