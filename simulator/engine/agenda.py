"""The control plane's future: plain records in a heap, ordered by (time in ns, priority, sequence).

A record is data, never a generator or a closure, so that a world can be pickled, forked and
replayed. Whoever schedules a record names a handler that the world looks up in one table.
"""

import heapq
from dataclasses import dataclass, field
from typing import Any

NS = 1_000_000_000


def to_ns(seconds: float) -> int:
    return round(seconds * NS)


@dataclass
class Agenda:
    """A heap of (time_ns, priority, sequence, handler, payload)."""

    heap: list[tuple[int, int, int, str, dict[str, Any]]] = field(default_factory=list)
    sequence: int = 0

    def at(self, time_s: float, handler: str, priority: int = 5, **payload: Any) -> None:
        """Schedule `handler(world, **payload)` at a simulated second; payload must be picklable."""
        self.sequence += 1
        heapq.heappush(self.heap, (to_ns(time_s), priority, self.sequence, handler, payload))

    def next_s(self) -> float:
        """The time of the next record in seconds, or infinity."""
        return self.heap[0][0] / NS if self.heap else float("inf")

    def pop_due(self, time_s: float) -> tuple[float, str, dict[str, Any]] | None:
        """Take the next record not later than `time_s`: (its time, handler, payload)."""
        if self.heap and self.heap[0][0] <= to_ns(time_s):
            when, _, _, handler, payload = heapq.heappop(self.heap)
            return when / NS, handler, payload
        return None
