"""What a LogQL metric query comes to at a moment: range functions, aggregations, operators. Reads no text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from simulator.telemetry.logql import ORDERS, Group, Labels, LogQuery, Metric, Range, number

Line = tuple[float, str, Labels]
Lines = Callable[[LogQuery, float, float], Iterator[Line]]
Vector = dict[tuple[tuple[str, str], ...], float]


@dataclass
class Evaluation:
    """A metric query at a moment; `lines(query, start, end)` gives the lines that pass with their labels."""

    lines: Lines
    at_s: float

    def run(self, metric: Metric) -> Vector | float:
        if isinstance(metric, float):
            return metric
        if isinstance(metric, Range):
            return self._over(metric)
        if isinstance(metric, Group):
            inner = self.run(metric.inner)
            return inner if isinstance(inner, float) else grouped(metric, inner)
        return combined(metric.op, self.run(metric.left), self.run(metric.right))

    def _over(self, metric: Range) -> Vector:
        end = self.at_s - metric.offset_s
        series: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for _, text, labels in self.lines(metric.query, end - metric.seconds, end):
            value = float(len(text.encode())) if metric.function.startswith("bytes") else 1.0
            if metric.query.unwrap:
                value = number(labels.pop(metric.query.unwrap, "")) or 0.0
            series.setdefault(tuple(sorted(labels.items())), []).append(value)
        if metric.function == "absent_over_time":
            return {} if series else {tuple((n, v) for n, op, v in metric.query.matchers if op == "="): 1.0}
        return {key: over(metric, values) for key, values in series.items()}


def over(metric: Range, values: list[float]) -> float:
    """One range function over a series' values."""
    function = metric.function.removesuffix("_over_time")
    if function in ("rate", "bytes_rate", "rate_counter"):
        return sum(values) / metric.seconds
    if function in ("count", "bytes", "sum"):
        return float(len(values)) if function == "count" else sum(values)
    if function == "quantile":
        ordered = sorted(values)
        return ordered[min(len(ordered) - 1, int(metric.parameter * len(ordered)))]
    return aggregated({"first": "min", "last": "max"}.get(function, function), values)


def aggregated(function: str, values: list[float]) -> float:
    mean = sum(values) / len(values)
    if function in ("stddev", "stdvar"):
        spread = sum((v - mean) ** 2 for v in values) / len(values)
        return spread if function == "stdvar" else float(spread**0.5)
    plain = {
        "sum": sum(values),
        "avg": mean,
        "min": min(values),
        "max": max(values),
        "count": float(len(values)),
    }
    return plain[function]


def grouped(metric: Group, vector: Vector) -> Vector:
    ordered = sorted(vector.items(), key=lambda kv: (-kv[1], kv[0]))
    if metric.function in ("topk", "bottomk"):
        return dict((ordered if metric.function == "topk" else ordered[::-1])[: metric.parameter])
    if metric.function in ("sort", "sort_desc"):
        return dict(ordered if metric.function == "sort_desc" else ordered[::-1])
    buckets: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for key, value in vector.items():
        wanted = metric.by or ()
        kept = (
            tuple((n, v) for n, v in key if (n in wanted) != metric.without) if metric.by is not None else ()
        )
        buckets.setdefault(kept, []).append(value)
    return {key: aggregated(metric.function, values) for key, values in buckets.items()}


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except (ValueError, OverflowError):
        return float("nan")


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "^": _power,
    "/": lambda a, b: a / b if b else float("nan"), "%": lambda a, b: a % b if b else float("nan"),
}  # fmt: skip


def combined(op: str, left: Vector | float, right: Vector | float) -> Vector | float:
    """A binary operation; series meet series of the same labels."""
    if isinstance(left, float) and isinstance(right, float):
        return (
            ARITHMETIC[op](left, right)
            if op in ARITHMETIC
            else float(ORDERS[op](left, right))
            if op in ORDERS
            else left
        )
    if isinstance(left, float) or isinstance(right, float):
        pairs = (
            {key: (left, value) for key, value in right.items()}
            if isinstance(left, float) and not isinstance(right, float)
            else {}
        )
        if not isinstance(left, float) and isinstance(right, float):
            pairs = {key: (value, right) for key, value in left.items()}
    elif op in ("and", "unless"):
        return {key: value for key, value in left.items() if (key in right) == (op == "and")}
    elif op == "or":
        return {**right, **left}
    else:
        pairs = {key: (value, right[key]) for key, value in left.items() if key in right}
    if op in ARITHMETIC:
        return {key: ARITHMETIC[op](a, b) for key, (a, b) in pairs.items()}
    return {key: a for key, (a, b) in pairs.items() if op in ORDERS and ORDERS[op](a, b)}
