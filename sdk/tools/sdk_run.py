"""`aos-run`: boots an image in QEMU: with this terminal, or to run commands at the shell."""
import argparse
import os
import sys
from pathlib import Path

import execmode
import machine as machines
import options
import sdk


def main():
    parser = argparse.ArgumentParser(prog='aos-run', description=__doc__)
    options.add_board(parser)
    parser.add_argument('--kernel', type=Path, default=sdk.KERNEL, metavar='FILE',
                        help='the kernel (default: that of the SDK)')
    parser.add_argument('-v', '--verbose', action='store_true', help='show logs, too')
    parser.add_argument('image', type=Path, metavar='IMAGE', help='what aos-image has made')
    parser.add_argument('commands', nargs='*', metavar='CMD',
                        help='run these, print what they print, exit with the last status (124: '
                             'timeout, 125: did not boot, 126: kernel panic)')
    arguments = parser.parse_args()
    if not arguments.image.is_file():
        print(f'aos-run: there is no image {arguments.image}', file=sys.stderr)
        return execmode.NO_BOOT
    board = options.board_of(arguments)
    machine = machines.Machine(image=arguments.kernel, initrd=arguments.image, **board)
    if arguments.commands:
        return execmode.main(machine, arguments.commands,
                             arguments.timeout or execmode.DEFAULT_TIMEOUT_S, arguments.verbose)
    print('aos-run: leave with Ctrl-] x   (Ctrl-] h for more of QEMU)', file=sys.stderr, flush=True)
    command = machine.command(machines.TERMINAL)
    os.execvp(command[0], command)
