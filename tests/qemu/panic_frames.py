"""A kernel that panics in exec mode: log and panic come as whole frames, each on its stream, and
the machine powers off.

usage: panic_frames.py HARNESS BUILD
"""
import sys
import tempfile
from pathlib import Path

TIMEOUT_S = 60


def complaints(result, panic_status):
    """What is not as it should be."""
    if result.status != panic_status:
        yield f'status {result.status} ({result.trouble}), not {panic_status}'
    if result.damaged:
        yield f'damaged frames: {result.damaged[:3]}'
    for wanted in ('AOS build', 'initrd 8 KiB', 'selftest: 16 of 16 passed'):
        if wanted not in result.log:
            yield f'not in the log: {wanted}'
    if 'PANIC' in result.log:
        yield 'the panic is in the log frames'
    for wanted in ('KERNEL PANIC: data abort', 'selftest_read_null+0x', 'kernel_start+0x',
                   'END OF PANIC\n'):
        if wanted not in result.panic:
            yield f'not in the panic: {wanted}'


def main(harness, build):
    sys.path.insert(0, harness)
    import execmode
    import machine
    with tempfile.TemporaryDirectory(prefix='aos-panic-') as directory:
        initrd = Path(directory) / 'initrd'
        initrd.write_bytes(b'')
        guest = machine.Machine(image=Path(build) / 'kernel/selftest.image', initrd=initrd,
                                append='selftest=null')
        result = execmode.run(guest, ['unused'], TIMEOUT_S)
    found = list(complaints(result, execmode.PANIC))
    if found:
        print(f'{result.evidence()}\n[panic]\n{result.panic}')
        print('\n'.join(found), file=sys.stderr)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
