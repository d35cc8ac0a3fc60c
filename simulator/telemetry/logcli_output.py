"""How logcli prints: lines under their common labels, and the samples of a metric query as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from simulator.telemetry.promql_vector import show_value

if TYPE_CHECKING:
    from simulator.telemetry.logql_values import Line
    from simulator.world import World

ADDRESS = "http://loki:3100"
Labels = dict[str, str]


def braces(labels: Labels) -> str:
    return "{" + ", ".join(f'{name}="{labels[name]}"' for name in sorted(labels)) + "}"


def common(lines: Sequence[Line]) -> Labels:
    """The labels that every line has alike."""
    found = dict(lines[0][2]) if lines else {}
    for _, _, labels in lines[1:]:
        found = {name: value for name, value in found.items() if labels.get(name) == value}
    return found


def heads(world: World, expr: str, way: str, span: tuple[float, float], limit: int) -> str:
    """What goes to stderr first: the address asked."""
    start, end = (int((world.at(t_s)).timestamp() * 1_000_000_000) for t_s in span)
    return (
        f"{_stamp(world)} {ADDRESS}/loki/api/v1/query_range?direction={way}&end={end}&limit={limit}"
        f"&query={quote(expr, safe='')}&start={start}\n"
    )


def commons(world: World, lines: Sequence[Line], shared: Labels) -> str:
    return f"{_stamp(world)} Common labels: {braces(shared)}\n" if lines and shared else ""


def _stamp(world: World) -> str:
    return f"{world.at(world.now_s):%Y/%m/%d %H:%M:%S}"


def line(world: World, each: Line, form: str, shared: Labels, width: int) -> str:
    """One line: the time, its own labels filled up to the longest of all, the text. `width` below 0: no labels."""
    t_s, text, labels = each
    if form == "raw":
        return text + "\n"
    at = world.at(t_s)
    if form == "jsonl":
        kept = {"labels": labels, "line": text, "timestamp": at.isoformat().replace("+00:00", "Z")}
        return json.dumps(kept, separators=(",", ":"), ensure_ascii=False) + "\n"
    stamp = f"{at - timedelta(microseconds=at.microsecond):%Y-%m-%dT%H:%M:%SZ}"
    if width < 0:
        return f"{stamp} {text}\n"
    own = braces({name: value for name, value in labels.items() if name not in shared})
    return f"{stamp} {own.ljust(width)} {text}\n"


def widest(lines: Sequence[Line], shared: Labels) -> int:
    return max(
        (len(braces({k: v for k, v in la.items() if k not in shared})) for _, _, la in lines), default=0
    )


def vector(world: World, rows: list[tuple[Labels, float]]) -> str:
    at = _seconds(world, world.now_s)
    return _json([{"metric": labels, "value": [at, _shown(number)]} for labels, number in rows])


def matrix(world: World, series: list[tuple[Labels, list[tuple[float, float]]]]) -> str:
    return _json(
        [
            {"metric": labels, "values": [[_seconds(world, t_s), _shown(v)] for t_s, v in points]}
            for labels, points in series
        ]
    )


def scalar(world: World, value: float) -> str:
    return _json([_seconds(world, world.now_s), _shown(value)])


def _shown(value: float) -> str:
    """A count by the second is a quotient: what is left of its division is no figure."""
    return show_value(float(f"{value:.12g}"))


def _seconds(world: World, t_s: float) -> float | int:
    found = round(world.at(t_s).timestamp(), 3)
    return int(found) if found == int(found) else found


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
