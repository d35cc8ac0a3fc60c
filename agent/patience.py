"""How often a model that does not answer is asked again while somebody waits. Counts turns, knows no clock.

A talk goes on without the model anyway; each failure that cost a wait lets the next turns go by unasked, twice as many
each time, until it answers again.
"""

from __future__ import annotations

import threading

SLOW = frozenset({"deadline", "connection", "http"})  # what one waits for in vain
FIRST, MOST = 4, 32  # turns


class Patience:
    """Shared by all talks of a process, from any thread."""

    def __init__(self) -> None:
        self._rest = 0
        self._next = FIRST
        self._lock = threading.Lock()

    def rests(self) -> bool:
        """Whether this turn goes by without asking; each call is a turn."""
        with self._lock:
            if self._rest == 0:
                return False
            self._rest -= 1
            return True

    def failed(self, kind: str) -> None:
        if kind not in SLOW:
            return
        with self._lock:
            self._rest, self._next = self._next, min(MOST, self._next * 2)

    def answered(self) -> None:
        with self._lock:
            self._rest, self._next = 0, FIRST
