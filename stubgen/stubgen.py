#!/usr/bin/env python3
"""stubgen from any directory, without setting PYTHONPATH."""
import os
import sys

if sys.version_info < (3, 9):
    sys.exit("stubgen needs Python 3.9 or newer")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from stubgen.cli import main  # noqa: E402  (the path comes first)

sys.exit(main(sys.argv[1:]))
