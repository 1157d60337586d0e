"""Lets `python -m gen.cli` stand in for the installed command."""

import sys

from .app import main

sys.exit(main())
