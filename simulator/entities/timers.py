"""The one heap of the entities: plain records `(time in ns, priority, sequence, owner, verb, arguments)`.

A state machine never waits: it writes down who is to be called when. The owner is a name, the verb the
name of one of its methods, the arguments are picklable values that nobody changes; so a heap can be pickled at any time.
"""

from __future__ import annotations

from array import array
from heapq import heappop, heappush
from typing import Any

from simulator.entities.conditions import Conditions

MS = 1_000_000
SECOND = 1_000_000_000

NORMAL = 5  # the priority of what is asked for without one


class Timers:
    """A heap and the time of the event in progress (`now`, ns)."""

    __slots__ = ("heap", "now", "sequence")

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, int, str, str, tuple[Any, ...]]] = []
        self.now = 0
        self.sequence = 0

    def __getstate__(self) -> tuple[int, int, array[int], list[tuple[Any, ...]]]:
        columns = list(zip(*self.heap, strict=True)) or [()] * 6
        return self.now, self.sequence, array("q", columns[0]), columns[1:]

    def __setstate__(self, state: tuple[int, int, array[int], list[tuple[Any, ...]]]) -> None:
        self.now, self.sequence, times, columns = state
        self.heap = list(zip(times, *columns, strict=True))

    def copy(self) -> Timers:
        """An independent heap; it shares the records, which nobody changes."""
        made = Timers()
        made.heap, made.now, made.sequence = self.heap[:], self.now, self.sequence
        return made

    def at(self, when_ns: int, owner: str, verb: str, *arguments: Any, priority: int = NORMAL) -> None:
        """Call `owner.verb(conditions, *arguments)` at `when_ns`, after all that was asked for earlier."""
        self.sequence += 1
        heappush(self.heap, (when_ns, priority, self.sequence, owner, verb, arguments))

    def next_ns(self) -> int | None:
        """When the next event is due, or None."""
        return self.heap[0][0] if self.heap else None


def run(timers: Timers, machines: dict[str, Any], to_ns: int, conditions: Conditions) -> int:
    """Let every event up to and including `to_ns` happen; returns how many there were.

    `machines` are by name whoever owns timers: each has a method for every verb it schedules.
    """
    heap = timers.heap
    count = 0
    while heap and heap[0][0] <= to_ns:
        when_ns, _, _, owner, verb, arguments = heappop(heap)
        timers.now = when_ns
        getattr(machines[owner], verb)(conditions, *arguments)
        count += 1
    timers.now = max(timers.now, to_ns)
    return count
