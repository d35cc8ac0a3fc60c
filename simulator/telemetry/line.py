"""One line of a log, and how a room that keeps its lines hands out those of a second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class LogLine:
    """A line of one pod; a log store would index all but the text."""

    t_s: float
    pod: str
    app: str
    level: str
    text: str


def of_second(journal: Iterable[LogLine], app: str, second: int) -> Iterator[LogLine]:
    """An app's lines of one second, in the order in which they were written."""
    return (line for line in journal if line.app == app and int(line.t_s) == second)
