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
from simulator.postgres.ranges import RANGES, share_of, terms_of
from simulator.postgres.runner import ROWS_PER_S
from simulator.postgres.scope import name_of
from simulator.postgres.state import Index, Table

INDEX_PROBE_MS = 0.021
MOST_BY_INDEX = 0.2  # of a table: more than that is read in sequence


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
    terms = terms_of(tree.args.get("where"))
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
    index, found = _best_index(table, mine + join_terms)
    rows = catalog.live_rows(table) * share_of(catalog, table, mine)
    small = catalog.heap_bytes(table) // 8192 <= 1 and catalog.live_rows(table) < 300 and on is None
    ranged = bool(found) and isinstance(found[0], RANGES)
    most = ranged and rows > MOST_BY_INDEX * catalog.live_rows(table) and on is None
    if index is not None and not small and not most:
        rest = [t for t in mine if not any(t is each for each in found)]
        read = catalog.live_rows(table) * share_of(catalog, table, found) if on is None else 0.0
        return _index_scan(table, shown, index, found, rest, (max(1.0, rows), read), on is not None)
    return _sequential(catalog, table, shown, mine, rows, in_join)


def _sequential(
    catalog: Catalog, table: Table, shown: str, terms: list[Any], rows: float, in_join: bool
) -> Plan:
    """The whole table in sequence, shared out among workers if it is big."""
    rows_all, pages = catalog.live_rows(table), max(1, catalog.heap_bytes(table) // 8192)
    filters = [f"Filter: {_conditions(table, terms, shown)}"] if terms else []
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


def _best_index(table: Table, terms: list[Any]) -> tuple[Index | None, list[Any]]:
    """The index that a condition on its first column can use, equality before ranges, and all that it looks up by."""
    for kinds in ((exp.EQ, exp.In), RANGES):
        for term in terms:
            if isinstance(term, kinds):
                for side in (term.this, term.args.get("expression")):
                    if isinstance(side, exp.Column):
                        name = name_of(side.this)
                        for index in table.indexes:
                            if index.valid and not index.where and index.columns[0].split()[0] == name:
                                return index, [term, *_further(index, term, terms)]
    return None, []


def _further(index: Index, first: Any, terms: list[Any]) -> list[Any]:
    """What else the index narrows by: the other end of a range, or behind an equality the next column."""
    columns = [column.split()[0] for column in index.columns]
    name = columns[0] if isinstance(first, RANGES) else (columns[1] if len(columns) > 1 else "")
    kinds = RANGES if isinstance(first, RANGES) else (exp.EQ, *RANGES)
    return [
        term
        for term in terms
        if term is not first
        and isinstance(term, kinds)
        and name
        and name_of(getattr(term.this, "this", None)) == name
    ]


def _conditions(table: Table, terms: list[Any], shown: str = "") -> str:
    """Conditions as a scan prints them: a scan's own columns stand without their table's name."""
    own = shown.rsplit(maxsplit=1)[-1] if shown else ""

    def bare(node: Any) -> Any:
        mine = isinstance(node, exp.Column) and name_of(node.args.get("table")) == own
        return exp.Column(this=node.this.copy()) if own and mine else node

    parts = [f"({_any_of(table, t) or deparse(table, t)})" for t in (t.copy().transform(bare) for t in terms)]
    return parts[0] if len(parts) == 1 else "(" + " AND ".join(parts) + ")"


def _any_of(table: Table, term: Any) -> str:
    """`x IN (1, 2)` as the planner holds it: `x = ANY ('{1,2}'::bigint[])`; empty for anything else."""
    if not isinstance(term, exp.In) or not isinstance(term.this, exp.Column):
        return ""
    column = table.column(name_of(term.this.this))
    if (
        column is None
        or not term.expressions
        or not all(isinstance(e, exp.Literal) for e in term.expressions)
    ):
        return ""
    listed = ",".join(str(e.this) if str(e.this).isalnum() else f'"{e.this}"' for e in term.expressions)
    return f"{deparse(table, term.this)} = ANY ('{{{listed}}}'::{column.type.name}[])"


def _index_scan(
    table: Table, shown: str, index: Index, found: list[Any], rest: list[Any], rows: tuple[float, float],
    inner: bool,
) -> Plan:  # fmt: skip
    """`rows` that come out, and that are read for it; inside of a join the index is asked for one row's partners."""
    fetched = rows[0] if not rest else max(*rows)
    fetched = min(fetched, 15.0) if inner else fetched
    total = 0.57 + 4 + 4.02 * min(fetched, 1e7) * 0.25 + fetched * 0.01
    details = [f"Index Cond: {_conditions(table, found, shown)}"]
    if rest:
        details.append(f"Filter: {_conditions(table, rest, shown)}")
    ms = INDEX_PROBE_MS + fetched / ROWS_PER_S * 4000
    out = min(rows[0], 2.0) if inner else rows[0]
    label, pages = f"Index Scan using {index.name} on {shown}", 4 + int(fetched)
    return Plan(label, 0.57, total, out, table.row_bytes, details, ms=ms, pages=pages)


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
    terms = terms_of(tree.args.get("where"))
    ranged, narrow = _best_index(table, terms)
    if narrow and ranged is not index:
        return ordered(tree, tree.args["order"], _joined(catalog, tree, node), _limit_of(tree))
    rows_all = catalog.live_rows(table)
    rows = rows_all * share_of(catalog, table, terms)
    desc = isinstance(first, exp.Ordered) and bool(first.args.get("desc")) != index.columns[0].endswith(
        " DESC"
    )
    alias = f" {node.alias.lower()}" if node.alias and node.alias.lower() != table.name else ""
    own = table.name + alias
    label = f"Index Scan{' Backward' if desc else ''} using {index.name} on {own}"
    details = [f"Index Cond: {_conditions(table, narrow, own)}"] if narrow else []
    rest = [t for t in terms if not any(t is each for each in narrow)]
    details += [f"Filter: {_conditions(table, rest, own)}"] if rest else []
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
