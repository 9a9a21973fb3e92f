#!/usr/bin/env python3
"""stubgen from any directory, without setting PYTHONPATH."""
import gc
import os
import sys

if sys.version_info < (3, 9):
    sys.exit("stubgen needs Python 3.9 or newer")
# Every build runs this several times: without its bytecode, compiling stubgen takes longer than its
# work. It goes where Python puts it, or nowhere if that cannot be written to.
sys.dont_write_bytecode = False
gc.disable()             # a run makes no garbage that is worth looking for
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from stubgen.cli import main  # noqa: E402  (the path comes first)

sys.exit(main(sys.argv[1:]))
