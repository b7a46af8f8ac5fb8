"""``python -m elman``: the command line."""

import sys

from elman.cli import main

sys.exit(main())
