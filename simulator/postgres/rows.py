"""Sampled rows of big tables: each is a pure function of (seed, table, number), none is stored.

A row carries a weight: how many real rows it stands for, so that counts and sums over the sample come
out at the table's full size. What a player changed is laid over these rows by `state`, not here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from simulator.engine import streams
from simulator.postgres.schema import WELL_KNOWN, TableSpec
from simulator.postgres.types import US

RECENT_S = 3600  # the last hour is sampled in thin slices, so that "the last 15 minutes" means something
RECENT_SLICE_S = 30
LIVE_SLICE_S = 10
# Row numbers: live rows start here; parents and children never share a number space.
LIVE_ROWID = 10_000_000
HOT_ROWID, MOST_HOT = 20_000_000, 16
OWN_DRAWS = 1 << 31  # the first ids draw apart from the sampled rows, whose numbers they share
DECLINED_SHARE = 0.002  # of the recent past; what the live classes say counts after the start


@dataclass(frozen=True)
class Row:
    """A sampled row: values in the order of its spec's columns, `t_s` seconds from the start."""

    rowid: int
    weight: int
    t_s: float
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Slice:
    """What a live table gained in one slice of simulated time."""

    index: int
    ok: int
    declined: int
    before: int  # rows gained since the start before this slice
    hot: tuple[tuple[int, int], ...] = ()  # of `ok`, the rows of hot keys: (value of the key's column, rows)


def total_rows(spec: TableSpec) -> int:
    if spec.children_of:
        return WELL_KNOWN[spec.children_of].rows * spec.per_parent
    return spec.rows


@lru_cache(maxsize=64)
def sampled(seed: int, spec: TableSpec, start_us: int) -> tuple[Row, ...]:
    """The table's rows as they were when the scenario began."""
    if spec.children_of:
        parents = sampled(seed, WELL_KNOWN[spec.children_of], start_us)
        return tuple(c for p in parents for c in _children(seed, spec, p, start_us))
    recent = _recent_slices(spec)
    taken = sum(weight for _, weight, _ in recent)
    old_weights = _split(spec.rows - taken, spec.sample)
    old_span = max(spec.span_s - RECENT_S, spec.span_s // 2)
    newest_old_s = -(spec.span_s - old_span)
    rows, count = [], 0
    if old_weights[0] > 1 and not spec.children_of:  # the very first row is there under its own number
        rows, count = by_id(seed, spec, start_us, 1), 1
        old_weights[0] -= 1
    for number, weight in enumerate(old_weights):
        share = (number + streams.uniform(streams.key_of(seed, spec.name, "time"), number)) / spec.sample
        t_s = newest_old_s - old_span * (1 - share)
        count += weight
        rows.append(_row(seed, spec, number, weight, count, t_s, start_us, ""))
    for number, (t_s, weight, status) in enumerate(recent, start=spec.sample):
        count += weight
        rows.append(_row(seed, spec, number, weight, count, t_s, start_us, status))
    return tuple(rows)


def _recent_slices(spec: TableSpec) -> list[tuple[float, int, str]]:
    """(time, rows, forced status) of the last hour of a table that grows with the traffic."""
    if not spec.live:
        return []
    per_slice = spec.rows * RECENT_SLICE_S // spec.span_s
    declined = max(1, round(per_slice * DECLINED_SHARE)) if _has_status(spec, "declined") else 0
    found = []
    for index in range(RECENT_S // RECENT_SLICE_S):
        t_s = -RECENT_S + index * RECENT_SLICE_S + 1.0
        found.append((t_s, per_slice - declined, "+"))
        if declined:
            found.append((t_s + 9.0, declined, "declined"))
    return found


def _has_status(spec: TableSpec, status: str) -> bool:
    return any(c.maker.startswith("status ") and f" {status}:" in c.maker for c in spec.columns)


def _split(total: int, parts: int) -> list[int]:
    """`total` in `parts` whole weights that differ by at most one."""
    base, rest = divmod(total, parts)
    return [base + (1 if number < rest else 0) for number in range(parts)]


def live(seed: int, spec: TableSpec, start_us: int, slices: list[Slice]) -> list[Row]:
    """Rows that arrived since the scenario began; `slices` come from the world's history."""
    parent = WELL_KNOWN[spec.children_of] if spec.children_of else spec
    rows: list[Row] = []
    for part in slices:
        rows += _hot(seed, parent, start_us, part)
        usual = part.ok - sum(gained for _, gained in part.hot)
        for kind, (gained, status) in enumerate(((usual, "+"), (part.declined, "declined"))):
            if not gained or (kind and not _has_status(parent, "declined")):
                continue
            rowid = LIVE_ROWID + part.index * 2 + kind
            t_s = part.index * LIVE_SLICE_S + 0.25 + kind * 0.5
            ident = parent.rows + part.before + 1 + (part.ok if kind else 0)
            rows.append(_row(seed, parent, rowid, gained, ident, t_s, start_us, status))
    if not spec.children_of:
        return rows
    return [child for row in rows for child in _children(seed, spec, row, start_us)]


def _hot(seed: int, spec: TableSpec, start_us: int, part: Slice) -> list[Row]:
    """A slice's rows of hot keys, one row each: they come last of the slice's own."""
    found, ident = [], spec.rows + part.before + part.ok + 1
    for number, (value, gained) in enumerate(part.hot):
        ident -= gained
        rowid = HOT_ROWID + part.index * MOST_HOT + number % MOST_HOT
        row = _row(seed, spec, rowid, gained, ident, part.index * LIVE_SLICE_S + 0.75, start_us, "+")
        at = next((n for n, c in enumerate(spec.columns) if c.name == spec.hot), None)
        if at is not None:
            found.append(replace(row, values=(*row.values[:at], value, *row.values[at + 1 :])))
    return found


def by_id(seed: int, spec: TableSpec, start_us: int, ident: int) -> list[Row]:
    """The real row with this id of a table at full size, sampled or not; empty if there is none."""
    if spec.children_of or not 0 < ident <= spec.rows:
        return []
    t_s = -spec.span_s * (1 - ident / spec.rows)
    return [_row(seed, spec, -ident, 1, ident, t_s, start_us, "")]


def children_by_parent(seed: int, spec: TableSpec, start_us: int, ident: int) -> list[Row]:
    """The rows that belong to one parent's id."""
    parents = by_id(seed, WELL_KNOWN[spec.children_of], start_us, ident) if spec.children_of else []
    return [child for parent in parents for child in _children(seed, spec, parent, start_us)]


def _children(seed: int, spec: TableSpec, parent: Row, start_us: int) -> list[Row]:
    ident = int(parent.values[0])
    found = []
    for n in range(spec.per_parent):
        rowid = parent.rowid * spec.per_parent + n
        child = (ident - 1) * spec.per_parent + n + 1
        found.append(_row(seed, spec, rowid, parent.weight, child, parent.t_s, start_us, "", parent=ident))
    return found


def _row(
    seed: int, spec: TableSpec, number: int, weight: int, ident: int, t_s: float, start_us: int,
    status: str, parent: int = 0,
) -> Row:  # fmt: skip
    values = []
    for column in spec.columns:
        key = streams.key_of(seed, spec.name, column.name)
        how, _, args = column.maker.partition(" ")
        index = number if number >= 0 else ident + (OWN_DRAWS if ident < 1000 else 0)
        if how == "id" and not args:
            value: Any = ident
        elif how == "parent":
            value = parent
        elif how == "time":
            # One lag a row, so that its times keep their order.
            lag_us = int(streams.uniform(streams.key_of(seed, spec.name, "lag"), index) * 900_000)
            value = start_us + int((t_s + float(args)) * US) + lag_us
        elif how == "status":
            value = _status(key, index, args, status)
        else:
            value = make(seed, key, index, how, args, start_us)
        values.append(value)
    return Row(number, weight, t_s, tuple(values))


def _status(key: int, index: int, args: str, forced: str) -> str:
    """`+` means the usual outcome: the first of the list."""
    if forced == "+":
        return args.split(":", 1)[0]
    return forced or _pick(key, index, args)


def _pick(key: int, index: int, args: str) -> str:
    pairs = [part.split(":") for part in args.split()]
    draw = streams.uniform(key, index) * sum(float(weight) for _, weight in pairs)
    for name, weight in pairs:
        draw -= float(weight)
        if draw < 0:
            return name
    return pairs[-1][0]


_MERCHANT_WORDS = ("Nord", "Vega", "Luch", "Orion", "Baikal", "Mercury", "Terra", "Altai", "Sever", "Polus")


def make(seed: int, key: int, index: int, how: str, args: str, start_us: int) -> Any:
    """A column's value. The makers, with their arguments:

    `id BASE` a number above BASE; `ref TABLE` the id of one of that table's sampled rows; `pick A:w B:w`
    one of the words by weight; `money LOW HIGH`, `rate LOW HIGH`, `int LOW HIGH`; `flag SHARE`; `uuid`,
    `sku`, `email`, `phone`, `merchant`, `payload`; `ref_text PREFIX` a reference of hex digits.
    """
    draw = streams.uniform(key, index)
    number = streams.bits(key, index)
    if how == "id":
        return int(args) + number % 20_000_000
    if how == "ref":
        rows = sampled(seed, WELL_KNOWN[args], start_us)
        return rows[number % len(rows)].values[0]
    if how == "pick":
        word = _pick(key, index, args)
        return int(word) if word.isdigit() else word
    if how in ("money", "rate", "int"):
        low, high = (float(part) for part in args.split())
        if how == "int":
            return int(low) + number % (int(high) - int(low) + 1)
        # Amounts crowd at the low end, as prices do.
        return (
            round(low + (high - low) * draw * draw, 2)
            if how == "money"
            else round(low + (high - low) * draw, 4)
        )
    if how == "flag":
        return 1 if draw < float(args) else 0
    if how == "uuid":
        text = hashlib.md5(f"{key}:{index}".encode(), usedforsecurity=False).hexdigest()
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"
    if how == "email":
        return f"user{number % 90_000_000 + 10_000_000}@example.com"
    if how == "phone":
        return f"+79{number % 1_000_000_000:09d}"
    if how == "sku":
        return f"SKU-{number % 8_000_000:07d}"
    if how == "merchant":
        return f"{_MERCHANT_WORDS[number % len(_MERCHANT_WORDS)]}-{index + 1}"
    if how == "payload":
        return f'{{"event_id": {number % 10**9}, "version": 1}}'
    return f"{args}{number:016x}"
