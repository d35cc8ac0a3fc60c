"""How many examples a property gets: few in a plain run, which must stay short, and all of them in `make live`."""

from __future__ import annotations

import os

LIVE = os.environ.get("DROPPROD_LIVE") == "1"


def examples(plain: int, live: int) -> int:
    """The examples of a property in this run."""
    return live if LIVE else plain
