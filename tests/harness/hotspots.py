"""Which functions a command spends its instructions in, of all programs and the kernel:

    tests/harness/hotspots.py --build BUILD [--rows N] COMMAND

boots twice, with the command WARM and WARM + ROUNDS times, under QEMU's log of executed blocks, and
prints the difference for one round. What the shell does for a command is in it.
"""
import argparse
import bisect
import sys
import tempfile
from collections import Counter
from pathlib import Path

import execmode
import machine as machines
from elftools.elf.constants import P_FLAGS
from elftools.elf.elffile import ELFFile

WARM, ROUNDS = 2, 4
TIMEOUT_S = 600
KERNEL = 'kernel'
KERNEL_START = 1 << 47        # virtual addresses from here on are the kernel's
UNKNOWN = '?'
ROWS = 12


class Program:
    """Code and function names of an ELF file."""

    def __init__(self, path):
        with open(path, 'rb') as file:
            elf = ELFFile(file)
            self.code = [(s['p_vaddr'], s.data()) for s in elf.iter_segments()
                         if s['p_type'] == 'PT_LOAD' and s['p_flags'] & P_FLAGS.PF_X]
            table = elf.get_section_by_name('.symtab')
            # STT_NOTYPE: assembly; `$x` and the like only say what the bytes are
            symbols = sorted((s['st_value'], s.name) for s in table.iter_symbols()
                             if s['st_info']['type'] in ('STT_FUNC', 'STT_NOTYPE')
                             and s.name and not s.name.startswith('$'))
        self.starts = [start for start, _ in symbols]
        self.names = [name for _, name in symbols]

    def has(self, instructions):
        """Is this the code at these addresses? `instructions`: (address, word) each."""
        return all(any(start <= at <= start + len(data) - 4
                       and int.from_bytes(data[at - start:at - start + 4], 'little') == word
                       for start, data in self.code) for at, word in instructions)

    def function(self, address):
        place = bisect.bisect(self.starts, address) - 1
        return self.names[place] if place >= 0 else UNKNOWN


def identify(instructions, programs):
    """Program and function of a block. All programs are linked at the same address, so their code
    tells them apart; what two of them have in the same place is the first one's."""
    at = instructions[0][0]
    if at >= KERNEL_START:
        return KERNEL, programs[KERNEL].function(at)
    for name, program in programs.items():
        if name != KERNEL and program.has(instructions):
            return name, program.function(at)
    return UNKNOWN, UNKNOWN


def count(lines, programs):
    """Executed instructions by (program, function), from the log of `-d exec,nochain,in_asm`."""
    blocks, counts, fresh = {}, Counter(), []
    for line in lines:
        if line.startswith('Trace'):
            fields = line.split()
            if fresh and fresh[0][0] == int(fields[3].split('/')[1], 16):
                blocks[fields[2]] = identify(fresh, programs), len(fresh)
            fresh = []
            where, instructions = blocks.get(fields[2], ((UNKNOWN, UNKNOWN), 1))
            counts[where] += instructions
        elif line.startswith('IN:'):
            fresh = []
        elif line.startswith('0x'):
            fields = line.split()
            fresh.append((int(fields[0].rstrip(':'), 16), int(fields[1], 16)))
    return counts


def measure(build, programs, command, times):
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / 'log'
        machine = machines.from_build(
            build, icount=True, extra=('-d', 'exec,nochain,in_asm', '-D', str(log)))
        result = execmode.run(machine, [command] * times, TIMEOUT_S)
        if result.trouble:
            raise OSError(result.trouble)
        with open(log, errors='replace') as lines:
            return count(lines, programs)


def render(counts, rows):
    """One line for each program, the largest first, and its largest functions below."""
    by_program = Counter()
    for (program, _), instructions in counts.items():
        by_program[program] += instructions
    lines = [f'{sum(by_program.values()):10.0f} all']
    for program, total in by_program.most_common():
        lines.append(f'{total:10.0f} {program}')
        own = Counter({f: n for (p, f), n in counts.items() if p == program})
        lines += [f'{n:14.0f} {f}' for f, n in own.most_common(rows) if n >= 1]
    return '\n'.join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--build', required=True, help='the build to boot')
    parser.add_argument('--rows', type=int, default=ROWS, help='functions of each program')
    parser.add_argument('command')
    arguments = parser.parse_args()
    build = Path(arguments.build)
    programs = {KERNEL: Program(build / 'kernel/kernel.elf')}
    programs |= {path.stem: Program(path) for path in sorted(build.glob('apps/images/*.elf'))}
    try:
        before = measure(build, programs, arguments.command, WARM)
        after = measure(build, programs, arguments.command, WARM + ROUNDS)
    except OSError as error:
        print(f'hotspots: {error}', file=sys.stderr)
        return 1
    print(render({k: (n - before[k]) / ROUNDS for k, n in after.items()}, arguments.rows))
    return 0


if __name__ == '__main__':
    sys.exit(main())
