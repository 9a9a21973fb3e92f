"""Command-line options that several programs of the harness share."""
import argparse

import machine as machines


def add_machine(parser):
    """Options that choose a machine and what it boots."""
    parser.add_argument('--build', required=True, help='the build directory')
    parser.add_argument('--initrd', default=machines.INITRD, metavar='FILE',
                        help='of the build directory (default %(default)s)')
    parser.add_argument('--kernel', default=machines.IMAGE, metavar='FILE',
                        help='of the build directory (default %(default)s)')
    add_board(parser)


def add_board(parser):
    """Options that choose a machine, and how long it may run."""
    parser.add_argument('--smp', type=int, default=1, help='cores (default %(default)s)')
    parser.add_argument('--mem', default='1G',
                        help='memory, as QEMU writes it (default %(default)s)')
    parser.add_argument('--gic', type=int, choices=(2, 3), default=3)
    parser.add_argument('--el2', action='store_true', help='enter the kernel at EL2')
    parser.add_argument('--icount', action='store_true',
                        help='count instructions: time is the number of instructions executed')
    parser.add_argument('--append', default='', help='boot arguments')
    parser.add_argument('--timeout', type=positive, default=None, help='seconds')


def positive(text):
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError('must be more than 0')
    return value


def board_of(arguments):
    """The fields of a Machine that add_board's options choose."""
    return {'smp': arguments.smp, 'mem': arguments.mem, 'gic': arguments.gic,
            'el2': arguments.el2, 'icount': arguments.icount, 'append': arguments.append}


def machine_of(arguments):
    """The machine that the options choose."""
    return machines.from_build(arguments.build, initrd=arguments.initrd, kernel=arguments.kernel,
                               **board_of(arguments))
