"""The service's own metrics, in Prometheus' text format. Counters, gauges and one histogram need no library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Counter:
    def __init__(self, name: str, text: str, kind: str = "counter") -> None:
        self.name, self.text, self.kind = name, text, kind
        self._values: dict[str, float] = {}
        self._lock = threading.Lock()

    def inc(self, labels: str = "", by: float = 1.0) -> None:
        with self._lock:
            self._values[labels] = self._values.get(labels, 0.0) + by

    def dec(self, labels: str = "") -> None:
        self.inc(labels, -1.0)

    def lines(self) -> Iterator[str]:
        yield from _head(self.name, self.text, self.kind)
        with self._lock:
            values = dict(self._values) or {"": 0.0}
        for labels, value in sorted(values.items()):
            yield f"{self.name}{{{labels}}} {value:g}" if labels else f"{self.name} {value:g}"


class Gauge:
    """Read when it is asked for."""

    def __init__(self, name: str, text: str, read: Callable[[], float]) -> None:
        self.name, self.text, self.read = name, text, read

    def lines(self) -> Iterator[str]:
        yield from _head(self.name, self.text, "gauge")
        yield f"{self.name} {self.read():g}"


class Histogram:
    """Seconds."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0
        self._lock = threading.Lock()

    def add(self, took_s: float) -> None:
        with self._lock:
            self._sum += took_s
            self._counts[next((n for n, b in enumerate(BOUNDS) if took_s <= b), len(BOUNDS))] += 1

    def lines(self) -> Iterator[str]:
        yield from _head(self.name, self.text, "histogram")
        with self._lock:
            counts, total = list(self._counts), self._sum
        below = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
            below += count
            yield f'{self.name}_bucket{{le="{bound}"}} {below}'
        yield f"{self.name}_sum {total:g}"
        yield f"{self.name}_count {below}"


def _head(name: str, text: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


class Meters:
    """All of them; `gauges` are added by who knows the numbers."""

    def __init__(self) -> None:
        self.requests = Counter("dropprod_http_requests_total", "Requests by status class.")
        self.sessions = Counter("dropprod_sessions_created_total", "Sessions created here.")
        self.streams = Counter("dropprod_streams_open", "Streams open now.", "gauge")
        self.command_s = Histogram("dropprod_command_seconds", "From a command's arrival to its answer.")
        self.gauges: list[Gauge] = []

    def text(self) -> str:
        parts: list[Counter | Gauge | Histogram] = [
            self.requests,
            self.sessions,
            self.streams,
            self.command_s,
        ]
        parts += self.gauges
        return "\n".join(line for part in parts for line in part.lines()) + "\n"
