"""`aos-stubgen`: stubgen, which looks at the interfaces of the SDK too: an interface of another
tree uses their types and errors, and must not have an id or a name of theirs."""
import os
import sys

import sdk

LOOKING = ('check', 'doc', 'dump', 'gen')   # commands that take --with


def with_interfaces(argv, found):
    """The command line with the files `found` to look at, but for those that it names itself."""
    if argv[:1] == [] or argv[0] not in LOOKING or {'-h', '--help'} & set(argv):
        return argv
    given = {os.path.realpath(word) for word in argv[1:]}
    found = [path for path in found if os.path.realpath(path) not in given]
    if '--with' not in argv:
        return argv + ['--with'] + found
    at = argv.index('--with') + 1
    return argv[:at] + found + argv[at:]


def main():
    sys.path.insert(0, str(sdk.STUBGEN))
    from stubgen.cli import main as stubgen
    return stubgen(with_interfaces(sys.argv[1:], sdk.interfaces()))
