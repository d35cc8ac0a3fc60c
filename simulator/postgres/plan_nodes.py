"""A node of a query plan and the figures every part of the planner shares."""

from __future__ import annotations

from dataclasses import dataclass, field

PARALLEL_PAGES = 1024  # min_parallel_table_scan_size
WORKERS = 2
WORK_MEM_BYTES = 4 << 20


@dataclass
class Plan:
    """A node: estimated cost and rows, details below its line, the milliseconds it takes when run.

    `first_ms`: when its first row comes out, where that is not at once. `top`: how many rows a sort has to give.
    """

    label: str
    start: float
    total: float
    rows: float
    width: int
    details: list[str] = field(default_factory=list)
    children: list[Plan] = field(default_factory=list)
    ms: float = 0.0
    loops: int = 1
    pages: int = 0
    first_ms: float = 0.0
    top: int = 0
    actual: float | None = None  # rows that really came, where they were counted
