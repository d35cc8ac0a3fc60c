"""How many examples a test gets: few in a plain run, which must stay short, and all of them in `make live`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
LIVE = os.environ.get("DROPPROD_LIVE") == "1"


def examples(plain: int, live: int) -> int:
    """The examples of a property in this run."""
    return live if LIVE else plain


def some(cases: Sequence[T], every: int) -> Sequence[T]:
    """The cases of this run: in a plain one the first and each `every`-th after it."""
    return cases if LIVE else cases[::every]
