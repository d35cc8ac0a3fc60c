"""Whoever answers a person goes first: Python runs one thread at a time, and a stream can wait where a person cannot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

ASIDE_S = 0.03  # a request takes milliseconds; one that takes longer holds the streams up no longer than this


class PeopleFirst:
    """Requests say that they are under way; streams ask before each look whether somebody waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nobody_waits = threading.Event()
        self._nobody_waits.set()
        self._under_way = 0
        self._begun = 0
        self._outwaited = 0  # requests that had begun when a stream had waited long enough

    @contextmanager
    def request(self) -> Iterator[None]:
        with self._lock:
            self._under_way += 1
            self._begun += 1
            self._nobody_waits.clear()
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                if not self._under_way:
                    self._nobody_waits.set()

    def somebody_waits(self) -> bool:
        return not self._nobody_waits.is_set()

    def step_aside(self) -> None:
        """Let the requests under way go first. Those that were waited for in vain are long: once is enough."""
        with self._lock:
            if not self._under_way or self._begun == self._outwaited:
                return
        if not self._nobody_waits.wait(ASIDE_S):
            with self._lock:
                self._outwaited = self._begun
