"""What the tests of the shell share: the build they boot."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'harness'))
import execmode  # noqa: E402
import machine as machines  # noqa: E402
import session  # noqa: E402

TIMEOUT_S = 180


@pytest.fixture(scope='session')
def build():
    return os.environ['AOS_BUILD']


@pytest.fixture
def run(build):
    """Runs commands without a terminal; nothing but the shell and its programs may go wrong."""
    def run_commands(*commands, **changes):
        machine = machines.from_build(build, **changes)
        result = execmode.run(machine, commands, TIMEOUT_S)
        assert not result.trouble, f'{result.trouble}\n{result.panic}\n{result.evidence()}'
        assert not result.damaged and len(result.statuses) == len(commands)
        return result
    return run_commands


@pytest.fixture
def terminal(build):
    """A session at the prompt."""
    with session.Session(build) as shell:
        yield shell
