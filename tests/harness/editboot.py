"""From the edit of an interface to the booted image, in a copy of the tree and of its build: how
long it takes, and that nothing is compiled that does not depend on it. Prints a bar (bars.py)."""
import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import execmode
import machine as machines
import tutorial

INTERFACE = Path('idl/if/serial.if')
MOST_S = 60
TIMEOUT_S = 120
LEFT_OUT = shutil.ignore_patterns('meson-logs', '.lock')


def edited(text):
    """The interface with one more event, in a version of its own."""
    version = int(re.search(r'version (\d+)', text)[1]) + 1
    ordinal = max(int(number) for number in re.findall(r'@(\d+)', text)) + 1
    text = re.sub(r'version \d+( draft)?;', f'version {version} draft;', text, count=1)
    end = text.rindex('}')
    return f'{text[:end]}  event edited @{ordinal} (count: u32) coalesce since {version};\n' \
        + text[end:]


def ninja(build, *options):
    done = subprocess.run(['ninja', '-C', str(build), *options], stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode:
        sys.exit(f'editboot: the build failed\n{done.stdout[-4000:]}')
    return done.stdout


def wrong(said):
    """What a build after the edit compiled that it need not, or did not that it must."""
    compiled = re.findall(r'Compiling (?:C|C\+\+) object (\S+)', said)
    if not any('if_serial' in path for path in compiled):
        return ['the stubs of the interface were not compiled']
    return [path for path in compiled
            if path.startswith('kernel/') or re.search(r'if_(?!serial)\w+_(client|server)', path)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', required=True, type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='aos-edit-') as directory:
        tree = Path(directory) / 'tree'
        tutorial.copy_tree(tree)
        build = tree / arguments.build.resolve().name
        shutil.copytree(arguments.build, build, symlinks=True, ignore=LEFT_OUT)
        ninja(build)
        path = tree / INTERFACE
        begin = time.monotonic()
        path.write_text(edited(path.read_text()))
        said = ninja(build)
        done = execmode.run(machines.from_build(str(build)), ['true'], TIMEOUT_S)
        seconds = time.monotonic() - begin
    print(f'BAR edit_to_boot_s {seconds:.1f} {MOST_S}')
    problems = wrong(said) + ([f'it does not boot: {done.trouble}'] if done.status else [])
    print('\n'.join(problems))
    return 1 if problems or seconds > MOST_S else 0


if __name__ == '__main__':
    sys.exit(main())
