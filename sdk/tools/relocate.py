"""`aos-relocate`: tells the Meson cross file where the SDK stands, once it has been moved or
unpacked. Nothing else in an SDK holds a path to it."""
import sys
from pathlib import Path

TEMPLATE = 'share/aos/aos.ini.in'
CROSS_FILE = 'share/meson/cross/aos.ini'


def write_cross_file(prefix, name):
    """Writes the cross file of the SDK at `prefix`; users will find that SDK at `name`."""
    text = (Path(prefix) / TEMPLATE).read_text()
    quoted = str(name).replace('\\', '\\\\').replace("'", "\\'")
    target = Path(prefix) / CROSS_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text.replace('@PREFIX@', quoted))


def main():
    if len(sys.argv) != 1:
        print('usage: aos-relocate   (writes the place of this SDK into its Meson cross file)',
              file=sys.stderr)
        return 2
    prefix = Path(__file__).resolve().parents[3]
    write_cross_file(prefix, prefix)
    print(prefix / CROSS_FILE)
    return 0


if __name__ == '__main__':
    sys.exit(main())
