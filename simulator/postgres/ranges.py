"""How many rows a condition lets through, as the planner's statistics would guess it.

Ranges are held against the least and the greatest value of a column, which follow from how its rows are made; both
ends of a range count together. What no statistics tell gets the server's own defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from simulator.postgres import types
from simulator.postgres.errors import PgError
from simulator.postgres.schema import WELL_KNOWN
from simulator.postgres.scope import name_of
from simulator.postgres.state import Table

if TYPE_CHECKING:
    from simulator.postgres.catalog import Catalog

EQUAL_SHARE, RANGE_SHARE, BOTH_ENDS_SHARE, OTHER_SHARE = 0.005, 1 / 3, 0.005, 0.25
RANGES = (exp.GT, exp.GTE, exp.LT, exp.LTE)
BELOW = (exp.LT, exp.LTE)
IDS = 20_000_000  # how far numbers above a base reach (`rows.make`)
TURNED: dict[type, type] = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE}


def terms_of(where: Any) -> list[Any]:
    """The conditions of a WHERE as the server keeps them: BETWEEN is two, and a column stands to the left."""
    if where is None:
        return []
    found: list[Any] = []
    for term in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
        inner = term.unnest()
        if isinstance(inner, exp.Between):
            low, high = inner.args["low"], inner.args["high"]
            found += [exp.GTE(this=inner.this, expression=low), exp.LTE(this=inner.this, expression=high)]
        elif type(inner) in TURNED and isinstance(inner.expression, exp.Column) and _constant(inner.this):
            found.append(TURNED[type(inner)](this=inner.expression, expression=inner.this))
        else:
            found.append(inner)
    return found


def _constant(node: Any) -> bool:
    return node.find(exp.Column) is None


def share_of(catalog: Catalog, table: Table, terms: list[Any]) -> float:
    """The share of a table's rows that all of these conditions let through."""
    share = 1.0
    ranges: dict[str, list[Any]] = {}
    for term in terms:
        if isinstance(term, RANGES) and isinstance(term.this, exp.Column) and _constant(term.expression):
            ranges.setdefault(name_of(term.this.this), []).append(term)
        else:
            share *= _share(table, term)
    for name, both in ranges.items():
        share *= _between(catalog, table, name, both)
    return share


def _share(table: Table, term: Any) -> float:
    column = next((c for c in term.find_all(exp.Column)), None)
    name = name_of(column.this) if column is not None else ""
    if isinstance(term, exp.EQ | exp.In):
        known = _of_values(table, name, term)
        if known is not None:
            return known
        unique = any(i.unique and i.columns == [name] for i in table.indexes)
        values = max(1, len(term.expressions)) if isinstance(term, exp.In) else 1
        if unique or name.endswith("order_id"):
            return values / max(1, table.rows)
        return min(1.0, values * (14 / max(1, table.rows) if name.endswith("_id") else EQUAL_SHARE))
    return RANGE_SHARE if isinstance(term, RANGES) else OTHER_SHARE


def _of_values(table: Table, name: str, term: Any) -> float | None:
    """The share of a column's rows with one of the values asked for, from how often each is drawn; None if not known."""
    made = next((c.maker for c in table.spec.columns if c.name == name), "") if table.spec else ""
    how, _, args = made.partition(" ")
    given = term.expressions if isinstance(term, exp.In) else [term.expression]
    if how == "ref":
        rows = WELL_KNOWN[args].rows
        return min(1.0, max(1, len(given)) / max(1, rows))
    if (
        how not in ("pick", "status")
        or not given
        or not all(isinstance(v.unnest(), exp.Literal) for v in given)
    ):
        return None
    weights = {word: float(weight) for word, _, weight in (part.partition(":") for part in args.split())}
    asked = [weights.get(str(v.unnest().this), 0.0) for v in given]
    return max(1e-6, min(1.0, sum(asked) / sum(weights.values())))


def _between(catalog: Catalog, table: Table, name: str, terms: list[Any]) -> float:
    """What lies between the ends of a range, of all that the column holds."""
    edges = _edges(catalog, table, name)
    values = [_value(catalog, term.expression) for term in terms]
    lower = [v for v, t in zip(values, terms, strict=True) if v is not None and not isinstance(t, BELOW)]
    upper = [v for v, t in zip(values, terms, strict=True) if v is not None and isinstance(t, BELOW)]
    if edges is None or None in values:
        both = len({isinstance(term, BELOW) for term in terms}) == 2
        return BOTH_ENDS_SHARE if both else RANGE_SHARE
    low, high = max([edges[0], *lower]), min([edges[1], *upper])
    return min(1.0, max(0.0, (high - low) / max(1.0, edges[1] - edges[0])))


def _edges(catalog: Catalog, table: Table, name: str) -> tuple[float, float] | None:
    """The least and the greatest value of a column, as its maker says."""
    rows = float(max(1, catalog.live_rows(table)))
    if table.entity is not None and any(i.primary and i.columns == [name] for i in table.indexes):
        return 1.0, rows
    made = next((c.maker for c in table.spec.columns if c.name == name), "") if table.spec else ""
    how, _, args = made.partition(" ")
    if how == "time" and table.spec is not None:
        return float(catalog.now_us - table.spec.span_s * types.US), float(catalog.now_us)
    if how == "id":
        return (float(args), float(args) + IDS) if args else (1.0, rows)
    if how in ("parent", "ref") and table.spec is not None:
        parent = catalog.database.tables.get(args or table.spec.children_of)
        return (1.0, float(max(1, catalog.live_rows(parent)))) if parent is not None else None
    if how in ("money", "rate", "int"):
        low, high = args.split()
        return float(low), float(high)
    return None


def _value(catalog: Catalog, node: Any) -> float | None:
    """A constant as a number, times in microseconds; None if it takes more than a sum to tell."""
    node = node.unnest()
    if isinstance(node, exp.Sub | exp.Add):
        left, right = _value(catalog, node.this), _value(catalog, node.expression)
        if left is None or right is None:
            return None
        return left - right if isinstance(node, exp.Sub) else left + right
    if isinstance(node, exp.Neg):
        inner = _value(catalog, node.this)
        return None if inner is None else -inner
    if isinstance(node, exp.CurrentTimestamp | exp.Localtimestamp) or _calls_now(node):
        return float(catalog.now_us)
    if isinstance(node, exp.CurrentDate):
        return float(catalog.now_us // types.DAY_US * types.DAY_US)
    return _literal(catalog, node)


def _calls_now(node: Any) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).lower() in (
        "now",
        "statement_timestamp",
        "clock_timestamp",
    )


def _literal(catalog: Catalog, node: Any) -> float | None:
    """A number, an interval or a time that is written out."""
    word = node.this if isinstance(node, exp.Cast | exp.Interval) else node
    if not isinstance(word, exp.Literal):
        return None
    text = str(word.this)
    try:
        if isinstance(node, exp.Interval):
            unit = str(node.args.get("unit") or "").lower()
            return float(types.parse_interval(f"{text} {unit}".strip()) or 0)
        if not word.is_string:
            return float(text)
        kind = node.to.sql().lower() if isinstance(node, exp.Cast) else ""
        if kind.startswith("interval"):
            return float(types.parse_interval(text) or 0)
        return float(text) if text.replace(".", "", 1).isdigit() else _time(catalog, text)
    except (PgError, ValueError):
        return None


def _time(catalog: Catalog, text: str) -> float | None:
    found = types.parse_timestamp(text, catalog.now_us)
    return None if found is None else float(found)
