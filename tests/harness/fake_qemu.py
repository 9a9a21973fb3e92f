"""Stands in for QEMU in the harness's own tests: says what a guest would, as the commands in its
initrd ask for.

Commands: `say TEXT`, `warn TEXT`, `log TEXT`, `plain TEXT` (outside of frames), `status N`, `panic
TEXT`, `damage`, `hang`,
`quit` (end at once); `noboot` anywhere means that the shell never comes. Without an initrd: plain
lines, then power-off.
"""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'apps' / 'images'))
import cpio
import frames

FOREVER_S = 3600


def put(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def obey(command):
    """Does one command; returns its status."""
    verb, _, text = command.partition(' ')
    streams = {'say': frames.STDOUT, 'warn': frames.STDERR, 'log': frames.LOG}
    if verb in streams:
        put(frames.encode(streams[verb], text.encode() + b'\n'))
    elif verb == 'plain':
        put(text.encode())
    elif verb == 'damage':
        put(b'\xc0o\x09\x00short\xc0')
    elif verb == 'panic':
        put(b'\xc0o\x10' + frames.encode(frames.PANIC, text.encode()))
        time.sleep(FOREVER_S)
    elif verb == 'hang':
        time.sleep(FOREVER_S)
    elif verb == 'quit':
        sys.exit(int(text or 0))
    return int(text) if verb == 'status' else 0


def main():
    arguments = sys.argv[1:]
    if '-initrd' not in arguments:
        put(b'AOS boots\r\nall is well\r\nhalf a line')
        return
    initrd = Path(arguments[arguments.index('-initrd') + 1]).read_bytes()
    commands = cpio.read(initrd)['exec'][1].decode().splitlines()
    assert 'console=frames' in arguments[arguments.index('-append') + 1]
    status = 0
    if 'noboot' not in commands:
        put(frames.encode(frames.READY, b''))
    for command in commands:
        status = obey(command)
        put(frames.encode(frames.STATUS, str(status).encode()))
    put(frames.encode(frames.DONE, str(status).encode()))


main()
