"""http_request_duration_seconds as a histogram: how long what was served took, by the client's library's buckets."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Column, Labels, Telemetry

EDGES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, math.inf)


def buckets(telemetry: Telemetry) -> Iterator[tuple[Labels, Column]]:
    for labels, name in _classes(telemetry):
        for edge in EDGES_S:
            le = "+Inf" if edge == math.inf else f"{edge:g}"
            yield {**labels, "le": le}, _column(telemetry, name, edge)


def count(telemetry: Telemetry) -> Iterator[tuple[Labels, Column]]:
    for labels, name in _classes(telemetry):
        yield labels, _column(telemetry, name, math.inf)


def total(telemetry: Telemetry) -> Iterator[tuple[Labels, Column]]:
    for labels, name in _classes(telemetry):
        yield labels, _column(telemetry, name, None)


def _classes(telemetry: Telemetry) -> Iterator[tuple[Labels, str]]:
    traffic = telemetry.world.scenario.traffic
    for name in traffic.classes:
        yield {"service": traffic.entry, "class": name}, name


def _column(telemetry: Telemetry, name: str, edge: float | None) -> Column:
    """Running sums up to the end of a second: of requests up to an edge, or, without one, of their seconds."""
    key = f"durations/{name}/{edge}"

    def at(second: int) -> float:
        have = telemetry.sums.get(key, [])
        if second >= len(have):
            _fill(telemetry, name)
            have = telemetry.sums[key]
        if second >= len(have):
            return math.nan
        return have[second] if edge is None else float(math.floor(have[second] + 1e-6))

    return at


def _fill(telemetry: Telemetry, name: str) -> None:
    """All columns of a class up to now; what a finished second brought never changes, so only new ones are counted."""
    columns = {e: telemetry.sums.setdefault(f"durations/{name}/{e}", []) for e in (*EDGES_S, None)}
    known, seconds = len(columns[None]), telemetry.world.plane.history.seconds
    fresh: dict[float | None, list[float]] = {edge: [0.0] * (seconds - known) for edge in columns}
    for end, latency, mass in telemetry.world.plane.finished(name):
        second = int(end) - known
        if 0 <= second < seconds - known:
            fresh[None][second] += latency * mass
            for edge in EDGES_S[bisect_left(EDGES_S, latency) :]:
                fresh[edge][second] += mass
    for key, column in columns.items():
        before = column[-1:]
        column.extend(list(accumulate([*before, *fresh[key]]))[len(before) :])
