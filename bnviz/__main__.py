"""`python -m bnviz` is the command `bnviz`."""

import sys

from bnviz.cli import main

sys.exit(main())
