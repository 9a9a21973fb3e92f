"""Where the parts of an SDK are. Everything is found from here, so that an SDK may stand
anywhere."""
from pathlib import Path

PREFIX = Path(__file__).resolve().parents[3]
SHARE = PREFIX / 'share' / 'aos'
PROGRAMS = PREFIX / 'lib' / 'aos' / 'programs'   # ready for images, by their names there
KERNEL = PREFIX / 'lib' / 'aos' / 'Image'
MANIFEST = SHARE / 'default.image'
STUBGEN = SHARE / 'stubgen'


def interfaces():
    """The paths of the SDK's interface files, those of the kernel first."""
    return [str(path) for folder in ('abi', 'if')
            for path in sorted((SHARE / 'idl' / folder).glob('*.if'))]
