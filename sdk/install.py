"""The part of `meson install` that takes more than copying files: stubgen without what running it
left behind, and the cross file, which names the prefix."""
import os
import shutil
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / 'sdk' / 'tools'))
import relocate  # noqa: E402  (the path comes first)


def main():
    target = Path(os.environ['MESON_INSTALL_DESTDIR_PREFIX'])
    stubgen = target / 'share' / 'aos' / 'stubgen'
    if stubgen.exists():
        shutil.rmtree(stubgen)      # files that an older version had do not stay
    shutil.copytree(SOURCE / 'stubgen' / 'stubgen', stubgen / 'stubgen',
                    ignore=shutil.ignore_patterns('__pycache__'))
    relocate.write_cross_file(target, os.environ['MESON_INSTALL_PREFIX'])


if __name__ == '__main__':
    main()
