"""How often somebody may do something: token buckets by key, for every door that serves many people."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

KNOWN_KEYS = 10_000  # buckets kept; the one used longest ago goes first


class Buckets:
    """Token buckets by key. Time comes from `clock`, in seconds."""

    def __init__(self, per_s: float, burst: float, clock: Any = time.monotonic) -> None:
        self.per_s, self.burst, self.clock = per_s, burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """0.0 if one may go on, else the seconds to wait."""
        now = self.clock()
        left, then = self._left.pop(key, (self.burst, now))
        left = min(self.burst, left + (now - then) * self.per_s)
        wait = 0.0 if left >= 1.0 else (1.0 - left) / self.per_s
        self._left[key] = (left - 1.0 if wait == 0.0 else left, now)
        while len(self._left) > KNOWN_KEYS:
            self._left.popitem(last=False)
        return wait
