"""The samples that Prometheus was asked about, as a source of our evaluator, and both answers in one shape."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

from simulator.patterns import full_match
from simulator.telemetry import promql
from simulator.telemetry.promql_functions import QueryError
from simulator.telemetry.promql_vector import show_value
from tests.simulator.tool_scenes import FIXTURES

SAMPLES = FIXTURES / "real" / "promql_samples.json"
EPOCH, STEP_S, AT_S = 1_700_000_000, 15, 600
Series = tuple[dict[str, str], list[tuple[float, float]]]


class Samples:
    """Series in memory."""

    def __init__(self, rows: list[Series]) -> None:
        self.rows = rows

    def select(
        self, name: str | None, matchers: list[promql.Matcher], start_s: float, end_s: float
    ) -> list[Series]:
        found = []
        for labels, points in self.rows:
            if name not in (None, labels["__name__"]) or not all(_holds(labels, one) for one in matchers):
                continue
            kept = [(t, value) for t, value in points if start_s < t <= end_s]
            if kept:
                found.append((labels, kept))
        return sorted(found, key=lambda row: sorted(row[0].items()))


def _holds(labels: dict[str, str], matcher: promql.Matcher) -> bool:
    label, op, value = matcher
    have = labels.get(label, "")
    if op in ("=", "!="):
        return (have == value) == (op == "=")
    return full_match(value, have) == (op == "=~")


@cache
def samples() -> Samples:
    rows = json.loads(SAMPLES.read_text(encoding="utf-8"))
    return Samples(
        [
            (labels, [((n + 1.0) * STEP_S, value) for n, value in enumerate(values) if value is not None])
            for labels, values in rows
        ]
    )


def at_of(expr: str) -> int:
    """When an expression is asked: where the gaps are, for the series with gaps."""
    return EPOCH + (AT_S + 170 if "flaky" in expr else AT_S)


def ours(expr: str, kind: str) -> dict[str, Any]:
    """Our evaluator's answer in the shape of the HTTP API."""
    try:
        if kind == "range":
            rows = promql.range_query(samples(), expr, 300.0, 600.0, 60.0, float(EPOCH), 15.0)
            return {"status": "success", "data": {"resultType": "matrix", "result": _matrix(rows)}}
        at = float(at_of(expr) - EPOCH)
        found = promql.instant(samples(), expr, at, float(EPOCH), 15.0)
    except QueryError as problem:
        invalid = kind == "instant" and "parse error" in str(problem)
        text = f'invalid parameter "query": {problem}' if invalid else str(problem)
        return {"status": "error", "errorType": problem.kind, "error": text}
    value: Any = [at_of(expr), show_value(found.value) if found.kind == "scalar" else found.value]
    if found.kind == "vector":
        value = [{"metric": m, "value": [at_of(expr), show_value(v)]} for m, v in found.value]
    elif found.kind == "matrix":
        value = _matrix(found.value)
    return {"status": "success", "data": {"resultType": found.kind, "result": value}}


def _matrix(rows: list[Series]) -> list[dict[str, Any]]:
    return [{"metric": m, "values": [[t + EPOCH, show_value(v)] for t, v in points]} for m, points in rows]


def same(real: dict[str, Any], own: dict[str, Any]) -> bool:
    """Whether two answers say the same; sums of floats may differ in their last digits."""
    if real["status"] == "error" or own["status"] == "error":
        return (real["status"], real.get("error")) == (own["status"], own.get("error"))
    mine, theirs = own["data"], real["data"]
    if mine["resultType"] != theirs["resultType"]:
        return False
    if mine["resultType"] in ("scalar", "string"):
        return _near(mine["result"], theirs["result"])
    ordered = "sort" in real["expr"] or "topk" in real["expr"] or "bottomk" in real["expr"]
    key = (
        (lambda row: 0)
        if ordered and real["kind"] == "instant"
        else (lambda row: sorted(row["metric"].items()))
    )
    left, right = sorted(mine["result"], key=key), sorted(theirs["result"], key=key)
    return len(left) == len(right) and all(
        a["metric"] == b["metric"] and _near(a.get("value", a.get("values")), b.get("value", b.get("values")))
        for a, b in zip(left, right, strict=True)
    )


def _near(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_near(x, y) for x, y in zip(a, b, strict=True))
    try:
        x, y = float(a), float(b)
    except (TypeError, ValueError):
        return bool(a == b)
    return x == y or (x != x and y != y) or math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-12)
