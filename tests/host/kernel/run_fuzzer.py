"""Runs a libFuzzer program a number of times from a good input, always with the same seed.

usage: run_fuzzer.py PROGRAM GOOD_INPUT RUNS

Inputs that it finds go to a folder that is thrown away; one that makes the program fail is printed.
"""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SEED = 20241121
SHOWN = 4000   # characters of the fuzzer's output shown with a failure


def main(program, good_input, runs):
    program = Path(program).resolve()
    with tempfile.TemporaryDirectory(prefix='aos-fuzz-') as directory:
        shutil.copy(good_input, directory)
        run = subprocess.run([program, f'-seed={SEED}', f'-runs={runs}', '-timeout=10',
                              f'-artifact_prefix={directory}/', '-print_final_stats=1',
                              directory], capture_output=True, text=True, errors='replace')
        if run.returncode != 0:
            print(run.stderr[-SHOWN:])
            for name in sorted(Path(directory).glob('*-*')):
                print(f'{name.name}: {name.read_bytes().hex()}')
            return 1
        done = re.search(r'stat::number_of_executed_units: (\d+)', run.stderr)
        if not done or int(done[1]) < int(runs):
            print(f'ran too little:\n{run.stderr[-SHOWN:]}')
            return 1
        print(f'{done[1]} runs')
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
