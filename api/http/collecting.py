"""When Python looks for cyclic garbage among everything there is: nobody is answered meanwhile.

A hundred worlds hold some 150,000 objects, a look at all of them takes a tenth of a second and more, and by itself it
comes at any moment. Here it comes when worlds have been let go (a world is a cycle: nothing else frees it), else
every few minutes, and then at a moment when no request is under way, if there is one soon. What is young is still
collected as Python does.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

WORLDS = 16  # let go since the last look: some tens of megabytes
YOUNG = 300  # collections of the young since then: much was made, whoever made it
AT_LEAST_EVERY_S = 300.0
LOOK_S = 0.5
QUIET_S = 5.0  # how long a quiet moment is waited for
NEVER = 1_000_000_000


class Collector:
    """`let_go` counts worlds dropped from memory so far; `busy` says whether somebody waits for an answer."""

    def __init__(
        self, let_go: Callable[[], int], busy: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._let_go, self._busy, self._clock = let_go, busy, clock
        self._seen = let_go()
        self._then = clock()
        self._due_since: float | None = None

    def begin(self, freeze: bool = True) -> None:
        """`freeze`: what has been imported and made by now stays for good, and is not looked at again."""
        gc.collect()
        if freeze:
            gc.freeze()
        gc.set_threshold(*gc.get_threshold()[:2], NEVER)

    def step(self) -> bool:
        """Collect if it is time to; whether it was."""
        now = self._clock()
        if self._due_since is None:
            if not self._is_due(now):
                return False
            self._due_since = now
        if self._busy() and now < self._due_since + QUIET_S:
            return False
        gc.collect()
        self._seen, self._then, self._due_since = self._let_go(), now, None
        return True

    def _is_due(self, now: float) -> bool:
        many = self._let_go() - self._seen >= WORLDS or gc.get_count()[2] >= YOUNG
        return many or now >= self._then + AT_LEAST_EVERY_S

    def run(self) -> None:
        """For a thread of its own that ends with the process."""
        while True:
            time.sleep(LOOK_S)
            self.step()
