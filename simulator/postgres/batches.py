"""Changes of a range of ids of a big table: how many rows that is, though only some of them are in the sample."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from simulator.postgres.scope import name_of
from simulator.postgres.state import Table

Range = tuple[int, int]


def key_column(table: Table) -> str:
    """The column whose numbers run from 1 to the table's size, or nothing."""
    if table.entity is None or not table.entity.rows:
        return ""
    return next(
        (
            c.name
            for c in table.columns
            if c.key in table.entity.columns and table.entity.columns[c.key].of == "key"
        ),
        "",
    )


def key_range(table: Table, where: Any) -> tuple[Range, bool] | None:
    """((first, last) id that a condition allows, whether it says nothing else); None without such a bound."""
    key = key_column(table)
    if not key or where is None:
        return None
    low, high, alone, bound = 1, 1 << 62, True, False
    condition = where.this
    terms = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
    for term in terms:
        term = term.this if isinstance(term, exp.Paren) else term
        found = _bounds(term, key)
        if found is None:
            alone = False
            continue
        bound = True
        low, high = max(low, found[0]), min(high, found[1])
    return ((low, high), alone) if bound else None


def _number(node: Any) -> int | None:
    if isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdigit():
        return int(node.this)
    return None


def _bounds(term: Any, key: str) -> Range | None:
    if not isinstance(getattr(term, "this", None), exp.Column) or name_of(term.this.this) != key:
        return None
    if isinstance(term, exp.Between):
        low, high = _number(term.args["low"]), _number(term.args["high"])
        return (low, high) if low is not None and high is not None else None
    if not isinstance(term, exp.EQ | exp.GT | exp.GTE | exp.LT | exp.LTE):
        return None
    value = _number(term.expression)
    if value is None:
        return None
    top = 1 << 62
    return {
        exp.EQ: (value, value), exp.GT: (value + 1, top), exp.GTE: (value, top), exp.LT: (1, value - 1),
        exp.LTE: (1, value),
    }[type(term)]  # fmt: skip


def exact(table: Table, where: Any, sampled: int, in_play: int) -> int:
    """Rows that a change of a range of ids really meets: the older ones by their number, those in play one by one.

    With further conditions a range that holds no sampled row is taken to meet them wholly.
    """
    found = key_range(table, where)
    if found is None or table.entity is None:
        return sampled + in_play
    (low, high), alone = found
    older = max(0, min(high, table.entity.rows) - low + 1)
    whole = high - low < table.entity.rows // max(1, table.entity.sample)
    return (older if alone or whole else min(older, sampled)) + in_play
