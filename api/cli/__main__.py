"""`python -m api.cli`: the same as `dropprod`."""

import sys

from api.cli import main

sys.exit(main())
