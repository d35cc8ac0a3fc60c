"""Plausible query plans from metadata: scans by index or in sequence, joins, grouping, sorting, limits.

Nothing is read or printed here; `explain` does both.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from simulator.postgres.catalog import Catalog
from simulator.postgres.definitions import deparse
from simulator.postgres.plan_nodes import PARALLEL_PAGES, WORKERS, Plan
from simulator.postgres.plan_upper import grouped, limited, ordered, windowed
from simulator.postgres.runner import ROWS_PER_S
from simulator.postgres.scope import name_of
from simulator.postgres.state import Index, Table

# The planner's own constants (seq_page_cost 1, cpu_tuple_cost 0.01) and its guesses for a condition.
EQUAL_SHARE, RANGE_SHARE, OTHER_SHARE = 0.005, 1 / 3, 0.25
INDEX_PROBE_MS = 0.021
MOST_BY_INDEX = 0.2  # of a table: more than that is read in sequence
RANGES = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
UNITS_S = {
    "sec": 1.0,
    "min": 60.0,
    "hour": 3600.0,
    "day": 86400.0,
    "week": 604800.0,
    "mon": 2592000.0,
    "year": 31557600.0,
}


def plan_of(catalog: Catalog, tree: Any) -> Plan:
    if isinstance(tree, exp.SetOperation):
        parts = [plan_of(catalog, tree.this), plan_of(catalog, tree.expression)]
        total, rows = sum(p.total for p in parts), sum(p.rows for p in parts)
        append = Plan(
            "Append",
            0.0,
            total + rows * 0.005,
            rows,
            parts[0].width,
            children=parts,
            ms=sum(p.ms for p in parts),
        )
        if not tree.args.get("distinct"):
            return append
        return Plan(
            "HashAggregate",
            append.total,
            append.total + rows * 0.01,
            rows,
            append.width,
            children=[append],
            ms=append.ms,
        )
    if isinstance(tree, exp.Subquery):
        return plan_of(catalog, tree.this)
    if isinstance(tree, exp.Values):
        return Plan(
            'Values Scan on "*VALUES*"', 0.0, 0.0125 * len(tree.expressions), len(tree.expressions), 36
        )
    from_ = tree.args.get("from_") or tree.args.get("from")
    if from_ is None:
        return Plan("Result", 0.0, 0.01, 1, 4)
    order = tree.args.get("order")
    by_index = order is not None and _ordered_by_index(catalog, tree, from_.this)
    plan = _ordered_scan(catalog, tree, from_.this) if by_index else _joined(catalog, tree, from_.this)
    plan = windowed(tree, grouped(tree, plan))
    count = _limit_of(tree)
    if order is not None and not by_index:
        plan = ordered(tree, order, plan, count)
    return limited(tree, plan, count) if count else plan


def _limit_of(tree: exp.Select) -> int:
    """How many rows LIMIT and OFFSET let through; 0 without them."""
    found = 0
    for key in ("limit", "offset"):
        value = tree.args[key].args.get("expression") if tree.args.get(key) is not None else None
        if value is not None or (key == "limit" and tree.args.get(key) is not None):
            plain = isinstance(value, exp.Literal) and str(value.this).isdigit()
            found += int(str(value.this)) if plain and value is not None else 10
    return found if tree.args.get("limit") is not None else 0


def _joined(catalog: Catalog, tree: exp.Select, first: Any) -> Plan:
    where = tree.args.get("where")
    terms = list(where.this.flatten()) if where is not None and isinstance(where.this, exp.And) else []
    terms = terms or ([where.this] if where is not None else [])
    plan = _scan(catalog, first, terms, len(tree.args.get("joins") or []) > 0)
    for join in tree.args.get("joins") or []:
        on = join.args.get("on")
        inner = _scan(catalog, join.this, terms, True, on)
        side = str(join.args.get("side") or "").title()
        kind = f" {side} Join" if side else ""
        whole = _scan(catalog, join.this, terms, True) if inner.label.startswith("Index") else inner
        if inner.label.startswith("Index") and plan.rows * inner.total > whole.total and on is not None:
            inner = whole  # probing it for every row costs more than reading it once
        if inner.label.startswith("Index"):
            rows = plan.rows * max(1.0, inner.rows)
            total = plan.total + plan.rows * inner.total
            inner.loops = max(1, round(plan.rows))
            ms = plan.ms + plan.rows * inner.ms
            plan = Plan(
                f"Nested Loop{kind}", plan.start, total, rows, plan.width + inner.width, [], [plan, inner], ms
            )
            continue
        keys = deparse(Table("", 0, "", []), on) if on is not None else ""
        hash_node = Plan(
            "Hash", inner.total, inner.total, inner.rows, inner.width, children=[inner], ms=inner.ms
        )
        rows = max(plan.rows, inner.rows)
        total = plan.total + inner.total + rows * 0.015
        details = [f"Hash Cond: ({keys})"] if keys else []
        label = f"Hash{kind or ' Join'}" if keys else "Nested Loop"
        children = [plan, hash_node] if keys else [plan, inner]
        plan = Plan(
            label,
            inner.total,
            total,
            rows,
            plan.width + inner.width,
            details,
            children,
            plan.ms + inner.ms + rows / ROWS_PER_S * 1000,
        )
    return plan


def _scan(catalog: Catalog, node: Any, terms: list[Any], in_join: bool, on: Any = None) -> Plan:
    if isinstance(node, exp.Subquery):
        inner = plan_of(catalog, node.this)
        return Plan(
            f"Subquery Scan on {node.alias}",
            inner.start,
            inner.total,
            inner.rows,
            inner.width,
            children=[inner],
            ms=inner.ms,
        )
    table = catalog.database.tables.get(name_of(node.this)) if isinstance(node, exp.Table) else None
    if table is None:
        return Plan(
            f"Function Scan on {name_of(getattr(node, 'this', None)) or 'f'}", 0.0, 10.0, 100, 64, ms=0.4
        )
    alias = node.alias.lower() if node.alias else ""
    shown = f"{table.name} {alias}" if alias and alias != table.name else table.name
    mine = [t for t in terms if _concerns(t, table, alias or table.name, in_join)]
    join_terms = list(on.flatten()) if isinstance(on, exp.And) else ([on] if on is not None else [])
    index, condition = _best_index(table, mine + join_terms)
    rows = float(catalog.live_rows(table))
    for term in mine:
        rows *= _share(catalog, table, term)
    small = catalog.heap_bytes(table) // 8192 <= 1 and catalog.live_rows(table) < 300 and on is None
    most = isinstance(condition, RANGES) and rows > MOST_BY_INDEX * catalog.live_rows(table) and on is None
    if index is not None and condition is not None and not small and not most:
        rest = [t for t in mine if t is not condition]
        return _index_scan(catalog, table, shown, index, condition, rest, max(1.0, rows), on is not None)
    return _sequential(catalog, table, shown, mine, rows, in_join)


def _sequential(
    catalog: Catalog, table: Table, shown: str, terms: list[Any], rows: float, in_join: bool
) -> Plan:
    """The whole table in sequence, shared out among workers if it is big."""
    rows_all, pages = catalog.live_rows(table), max(1, catalog.heap_bytes(table) // 8192)
    filters = [f"Filter: {_conditions(table, terms)}"] if terms else []
    ms, width, rows = rows_all / ROWS_PER_S * 1000, table.row_bytes, max(1.0, rows)
    if pages < PARALLEL_PAGES or in_join:
        total = pages + rows_all * (0.01 + 0.0025 * len(terms))
        return Plan(f"Seq Scan on {shown}", 0.0, total, rows, width, filters, ms=ms, pages=pages)
    share = WORKERS + 1
    total = pages + rows_all / share * 0.0125
    scan = Plan(f"Parallel Seq Scan on {shown}", 0.0, total, max(1.0, rows / share), width, filters)
    scan.ms, scan.loops, scan.pages = ms * 0.98, share, pages
    workers = [f"Workers Planned: {WORKERS}"]
    return Plan("Gather", 1000.0, total + 1000 + rows * 0.1, rows, width, workers, [scan], ms)


def _concerns(term: Any, table: Table, alias: str, in_join: bool) -> bool:
    """Whether a condition is about this table alone."""
    columns = list(term.find_all(exp.Column))
    if term.find(exp.Select) is not None or not columns:
        return False
    for column in columns:
        qualifier = name_of(column.args.get("table"))
        if qualifier not in (("", alias) if not in_join else (alias,)) and qualifier != alias:
            return False
        if table.column(name_of(column.this)) is None:
            return False
    return True


def _best_index(table: Table, terms: list[Any]) -> tuple[Index | None, Any]:
    """The index that a condition on its first column can use; equality before ranges."""
    for kinds in ((exp.EQ, exp.In), RANGES):
        for term in terms:
            if isinstance(term, kinds):
                for side in (term.this, term.args.get("expression")):
                    if isinstance(side, exp.Column):
                        name = name_of(side.this)
                        for index in table.indexes:
                            if index.valid and not index.where and index.columns[0].split()[0] == name:
                                return index, term
    return None, None


def _share(catalog: Catalog, table: Table, term: Any) -> float:
    """The share of rows a condition lets through, as statistics would guess it."""
    column = next((c for c in term.find_all(exp.Column)), None)
    name = name_of(column.this) if column is not None else ""
    if isinstance(term, exp.EQ | exp.In):
        unique = any(i.unique and i.columns == [name] for i in table.indexes)
        if unique or name.endswith("order_id"):
            return 1 / max(1, table.rows)
        return 14 / max(1, table.rows) if name.endswith("_id") else EQUAL_SHARE
    if isinstance(term, exp.GT | exp.GTE | exp.Between) and name.endswith("_at") and table.spec:
        return min(1.0, _span_s(term) / table.spec.span_s)
    return RANGE_SHARE if isinstance(term, RANGES) else OTHER_SHARE


def _span_s(term: Any) -> float:
    """How far back a condition on a time reaches, as far as it says."""
    interval = term.find(exp.Interval)
    words = (
        str(interval.this.this).split()
        if interval is not None and isinstance(interval.this, exp.Literal)
        else []
    )
    unit = (
        str(interval.args.get("unit") or (words[1] if len(words) > 1 else "")).lower()
        if interval is not None
        else ""
    )
    number = words[0].replace(".", "", 1) if words else ""
    size = next((size for name, size in UNITS_S.items() if unit.startswith(name)), 0.0)
    return float(words[0]) * size if number.isdigit() and size else 900.0


def _conditions(table: Table, terms: list[Any]) -> str:
    parts = [f"({deparse(table, t)})" for t in terms]
    return parts[0] if len(parts) == 1 else "(" + " AND ".join(parts) + ")"


def _index_scan(
    catalog: Catalog,
    table: Table,
    shown: str,
    index: Index,
    condition: Any,
    rest: list[Any],
    rows: float,
    inner: bool,
) -> Plan:
    fetched = rows if not rest else rows / OTHER_SHARE
    fetched = min(fetched, 15.0) if inner else fetched
    total = 0.57 + 4 + 4.02 * min(fetched, 1e7) * 0.25 + fetched * 0.01
    details = [f"Index Cond: ({deparse(table, condition)})"]
    if rest:
        details.append(f"Filter: {_conditions(table, rest)}")
    ms = INDEX_PROBE_MS + fetched / ROWS_PER_S * 4000
    rows = min(rows, 2.0) if inner else rows
    return Plan(
        f"Index Scan using {index.name} on {shown}",
        0.57,
        total,
        rows,
        table.row_bytes,
        details,
        ms=ms,
        pages=4 + int(fetched),
    )


def _ordered_by_index(catalog: Catalog, tree: exp.Select, node: Any) -> bool:
    """Whether a bare ORDER BY on an indexed column with LIMIT reads the index instead of sorting."""
    table = catalog.database.tables.get(name_of(node.this)) if isinstance(node, exp.Table) else None
    first = tree.args["order"].expressions[0]
    column = first.this if isinstance(first, exp.Ordered) else first
    plain = table is not None and tree.args.get("limit") is not None and tree.args.get("group") is None
    return (
        plain
        and isinstance(column, exp.Column)
        and catalog.indexed(table.name if table else "", name_of(column.this))
    )


def _ordered_scan(catalog: Catalog, tree: exp.Select, node: Any) -> Plan:
    """An index read in its order, forwards or backwards, until the LIMIT is reached."""
    table = catalog.database.tables[name_of(node.this)]
    first = tree.args["order"].expressions[0]
    column = first.this if isinstance(first, exp.Ordered) else first
    name = name_of(column.this)
    index = next(i for i in table.indexes if i.valid and not i.where and i.columns[0].split()[0] == name)
    where = tree.args.get("where")
    terms = list(where.this.flatten()) if where is not None and isinstance(where.this, exp.And) else []
    terms = terms or ([where.this] if where is not None else [])
    ranged, narrow = _best_index(table, terms)
    if narrow is not None and ranged is not index:
        return ordered(tree, tree.args["order"], _joined(catalog, tree, node), _limit_of(tree))
    rows_all = catalog.live_rows(table)
    rows = float(rows_all)
    for term in terms:
        rows *= _share(catalog, table, term)
    desc = isinstance(first, exp.Ordered) and bool(first.args.get("desc")) != index.columns[0].endswith(
        " DESC"
    )
    alias = f" {node.alias.lower()}" if node.alias and node.alias.lower() != table.name else ""
    label = f"Index Scan{' Backward' if desc else ''} using {index.name} on {table.name}{alias}"
    details = [f"Index Cond: ({deparse(table, narrow)})"] if narrow is not None else []
    rest = [t for t in terms if t is not narrow]
    details += [f"Filter: {_conditions(table, rest)}"] if rest else []
    return Plan(
        label,
        0.57,
        rows_all * 0.05,
        max(1.0, rows),
        table.row_bytes,
        details,
        ms=INDEX_PROBE_MS + rows_all / ROWS_PER_S * 4000,
        pages=8,
    )
