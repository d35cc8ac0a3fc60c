"""Aggregates SQLite lacks, as classes with `step` and `finalize`. They see values only."""

from __future__ import annotations

import json
import math
from typing import Any

from simulator.postgres import documents, functions
from simulator.postgres.errors import PgError

MAX_ITEMS = 100_000


def _sort_key(value: Any) -> tuple[int, int, float, str]:
    """NULLs last, numbers by size, texts by code point."""
    if value is None:
        return (1, 0, 0.0, "")
    if isinstance(value, int | float):
        return (0, 0, float(value), "")
    return (0, 1, 0.0, str(value))


class Collect:
    """string_agg, array_agg and json_agg: `step(kind, distinct, value, separator, key, desc, ...)`."""

    def __init__(self) -> None:
        self.items: list[tuple[list[Any], Any]] = []
        self.ways: list[int] = []
        self.kind, self.distinct, self.separator = "", 0, ""

    def step(self, kind: str, distinct: int, value: Any, separator: Any, *keys: Any) -> None:
        self.kind, self.distinct, self.separator = kind, distinct, str(separator or "")
        self.ways = list(keys[1::2])
        if value is None and kind == "string_agg":
            return
        if len(self.items) >= MAX_ITEMS:
            raise PgError("out of memory", detail="Failed on request in an aggregate.")
        self.items.append((list(keys[0::2]), value))

    def finalize(self) -> str | None:
        for n in range(len(self.ways) - 1, -1, -1):
            self.items.sort(key=lambda item: _sort_key(item[0][n]), reverse=bool(self.ways[n]))
        values = [value for _, value in self.items]
        if self.distinct:
            values = sorted(dict.fromkeys(values), key=_sort_key)
        if not values:
            return None
        if self.kind == "string_agg":
            return self.separator.join(str(v) for v in values)[: functions.MAX_TEXT]
        if self.kind == "array_agg":
            return functions.array(*values)
        if self.kind.endswith("_object_agg"):
            whole = "{ " + ", ".join(str(v)[1:-1] for v in values) + " }"
            return whole if self.kind.startswith("json_") else documents.jsonb(documents.load(whole))
        kept = self.kind == "json_agg"  # json keeps its text, jsonb is written anew
        return "[" + ", ".join(_json(v, kept) for v in values) + "]"


def _json(value: Any, kept: bool) -> str:
    if value is None:
        return "null"
    return str(value) if kept else documents.jsonb(documents.load(str(value)))


class Percentile:
    """percentile_cont and percentile_disc over weighted values."""

    def __init__(self) -> None:
        self.values: list[tuple[float, float]] = []
        self.share, self.cont, self.desc = 0.5, 1, 0

    def step(self, share: float, value: Any, weight: float, cont: int, desc: int) -> None:
        if not 0 <= share <= 1:
            raise PgError(f"percentile value {share:g} is not between 0 and 1")
        self.share, self.cont, self.desc = share, cont, desc
        if value is not None:
            self.values.append((value, weight))

    def finalize(self) -> Any:
        return self.at(self.share)

    def at(self, wanted: float) -> Any:
        self.share = wanted
        if not self.values:
            return None
        self.values.sort(key=lambda pair: _sort_key(pair[0]), reverse=bool(self.desc))
        total = sum(weight for _, weight in self.values)
        if not self.cont:
            reached = 0.0
            for value, weight in self.values:
                reached += weight
                if reached >= self.share * total:
                    return value
            return self.values[-1][0]
        if total == len(self.values):
            place = self.share * (total - 1)
            low = math.floor(place)
            high = min(low + 1, len(self.values) - 1)
            a, b = self.values[low][0], self.values[high][0]
            return a + (b - a) * (place - low)
        reached = 0.0
        for value, weight in self.values:
            reached += weight
            if reached >= self.share * total:
                return float(value)
        return float(self.values[-1][0])


class Percentiles(Percentile):
    """The same of several shares, given and returned as arrays."""

    shares: tuple[float, ...] = ()

    def step(self, shares: Any, value: Any, weight: float, cont: int, desc: int) -> None:
        self.shares = tuple(float(part) for part in functions.array_elements(str(shares)))
        for share in self.shares[:1] or (0.5,):
            super().step(share, value, weight, cont, desc)

    def finalize(self) -> Any:
        found = [self.at(share) for share in self.shares]
        return None if not self.values else functions.array(*(_shortest(value) for value in found))


def _shortest(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Mode:
    """The most frequent value; the smallest of several."""

    def __init__(self) -> None:
        self.counts: dict[Any, int] = {}

    def step(self, value: Any) -> None:
        if value is not None:
            self.counts[value] = self.counts.get(value, 0) + 1

    def finalize(self) -> Any:
        if not self.counts:
            return None
        best = max(self.counts.values())
        return min((v for v, n in self.counts.items() if n == best), key=_sort_key)


class Moment:
    """Standard deviation and variance, of a sample or of the whole."""

    def __init__(self) -> None:
        self.name = ""
        self.values: list[float] = []

    def step(self, name: str, value: float | None) -> None:
        self.name = name
        if value is not None:
            self.values.append(float(value))

    def finalize(self) -> float | None:
        whole = self.name.endswith("_pop")
        count = len(self.values)
        if count < (1 if whole else 2):
            return None
        mean = math.fsum(self.values) / count
        variance = math.fsum((v - mean) ** 2 for v in self.values) / (count if whole else count - 1)
        return math.sqrt(variance) if self.name.startswith("stddev") else variance


class Only:
    """The value of a subquery that may give one row at most."""

    def __init__(self) -> None:
        self.count, self.value = 0, None

    def step(self, value: Any) -> None:
        self.count += 1
        self.value = value
        if self.count > 1:
            raise PgError("more than one row returned by a subquery used as an expression")

    def finalize(self) -> Any:
        return self.value


class Rows:
    """All rows as one JSON document."""

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []

    def step(self, *cells: Any) -> None:
        if len(self.rows) >= MAX_ITEMS:
            raise PgError("out of memory")
        self.rows.append(list(cells))

    def finalize(self) -> str:
        return json.dumps(self.rows, ensure_ascii=False)


AGGREGATES: dict[str, tuple[int, type]] = {
    "pg_collect": (-1, Collect),
    "pg_percentile": (5, Percentile),
    "pg_percentiles": (5, Percentiles),
    "pg_mode": (1, Mode),
    "pg_moment": (2, Moment),
    "pg_only": (1, Only),
    "pg_rows": (-1, Rows),
}
