"""The upper nodes of a plan: grouping, windows, sorting and limits, each worker's part of them apart."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from simulator.postgres.definitions import deparse
from simulator.postgres.plan_nodes import WORKERS, Plan
from simulator.postgres.runner import ROWS_PER_S
from simulator.postgres.state import Table

FEW_GROUPS = 200.0  # what the planner guesses without statistics
PLAIN = Table("", 0, "", [])


def shown(tree: exp.Select, node: Any) -> str:
    """A grouping or ordering key as the plan prints it: an ordinal or an alias is what it stands for."""
    if isinstance(node, exp.Literal) and str(node.this).isdigit():
        number = int(node.this)
        node = tree.expressions[number - 1] if 0 < number <= len(tree.expressions) else node
    elif isinstance(node, exp.Column) and not node.args.get("table"):
        named = (e for e in tree.expressions if isinstance(e, exp.Alias) and e.alias == node.name)
        node = next(named, node)
    node = node.this if isinstance(node, exp.Alias) else node
    return deparse(PLAIN, node)


def grouped(tree: exp.Select, plan: Plan) -> Plan:
    group, having = tree.args.get("group"), tree.args.get("having")
    called = [
        str(f.this).lower()
        for e in tree.expressions
        for f in e.find_all(exp.Anonymous)
        if not f.find_ancestor(exp.Window)
    ]
    aggregated = any(name in ("count", "sum", "avg", "min", "max") for name in called)
    details = [f"Filter: ({deparse(PLAIN, having.this)})"] if having is not None else []
    if group is not None:
        return _by_keys([shown(tree, e) for e in group.expressions], details, plan)
    if tree.args.get("distinct") is not None:
        return _by_keys([shown(tree, e) for e in tree.expressions], [], plan)
    if not aggregated:
        return plan
    if plan.label == "Gather":
        return _finalized(plan, details)
    total, ms = plan.total + plan.rows * 0.0025, plan.ms + plan.rows / ROWS_PER_S * 200
    return Plan("Aggregate", total, total + 0.01, 1, 8, details, [plan], ms, first_ms=ms)


def _by_keys(keys: list[str], details: list[str], plan: Plan) -> Plan:
    """Groups in a hash table; over a parallel scan each worker has its own, and they are merged in order."""
    few, named = max(1.0, min(plan.rows, FEW_GROUPS)), f"Group Key: {', '.join(keys)}"
    if plan.label != "Gather":
        total, ms = plan.total + plan.rows * 0.01, plan.ms * 1.1 + 0.02
        return Plan(
            "HashAggregate", total, total + few * 0.01, few, 40, [named, *details], [plan], ms, first_ms=ms
        )
    scan = plan.children[0]
    ms, total = plan.ms * 1.1 + 0.02, scan.total + scan.rows * 0.01
    part = Plan(
        "Partial HashAggregate",
        total,
        total + few * 0.01,
        few,
        40,
        [named],
        [scan],
        ms,
        scan.loops,
        first_ms=ms,
    )
    begin = part.total + few * 0.08
    sort = Plan(
        "Sort",
        begin,
        begin + few * 0.0025,
        few,
        40,
        [f"Sort Key: {', '.join(keys)}"],
        [part],
        ms,
        scan.loops,
        first_ms=ms,
    )
    merged = Plan(
        "Gather Merge",
        begin + 1000,
        begin + 1000 + few * WORKERS * 0.12,
        few * WORKERS,
        40,
        plan.details,
        [sort],
        ms + 0.9,
        first_ms=ms + 0.7,
    )
    end = merged.total + few * 0.03
    return Plan(
        "Finalize GroupAggregate",
        begin + 1000.02,
        end,
        few,
        40,
        [named, *details],
        [merged],
        ms + 1.0,
        first_ms=ms + 0.8,
    )


def windowed(tree: exp.Select, plan: Plan) -> Plan:
    """Window functions: the rows sorted as the first of them wants, then one node over them."""
    window = next((w for e in tree.expressions for w in e.find_all(exp.Window)), None)
    if window is None:
        return plan
    keys = [exp.Ordered(this=e.copy()) for e in window.args.get("partition_by") or []]
    keys += (
        [o.copy() for o in window.args["order"].expressions] if window.args.get("order") is not None else []
    )
    below = ordered(tree, exp.Order(expressions=keys), plan) if keys else plan
    total = below.total + plan.rows * 0.02
    ms = below.ms * 1.2
    return Plan(
        "WindowAgg", below.start, total, plan.rows, plan.width + 8, [], [below], ms, first_ms=below.ms
    )


def _finalized(plan: Plan, details: list[str]) -> Plan:
    """An aggregate over a parallel scan: each worker's part, then their sum."""
    scan = plan.children[0]
    total = scan.total + scan.rows * 0.0025
    partial = Plan(
        "Partial Aggregate", total, total + 0.01, 1, 8, [], [scan], scan.ms, scan.loops, first_ms=scan.ms
    )
    start = partial.total + 1000
    gather = Plan(
        "Gather", start, start + 0.21, WORKERS, 8, plan.details, [partial], plan.ms, first_ms=plan.ms
    )
    end = gather.total + 0.01
    return Plan(
        "Finalize Aggregate", end, end + 0.01, 1, 8, details, [gather], plan.ms + 0.4, first_ms=plan.ms + 0.4
    )


def ordered(tree: exp.Select, order: Any, plan: Plan, top: int = 0) -> Plan:
    """A sort; of a parallel scan each worker sorts its part and the leader merges them."""
    items = []
    for item in order.expressions:
        desc = isinstance(item, exp.Ordered) and item.args.get("desc")
        inner = item.this if isinstance(item, exp.Ordered) else item
        text = shown(tree, inner)
        plain = text.replace(".", "").replace("_", "").isalnum() or text.endswith(")")
        items.append((text if plain else f"({text})") + (" DESC" if desc else ""))
    key, compares = [f"Sort Key: {', '.join(items)}"], 1200 if not top else 90
    if plan.label != "Gather":
        start = plan.total + plan.rows * 0.02
        ms = plan.ms + plan.rows / ROWS_PER_S * compares + 0.02
        return Plan(
            "Sort",
            start,
            start + plan.rows * 0.0025,
            plan.rows,
            plan.width,
            key,
            [plan],
            ms,
            first_ms=ms,
            top=top,
        )
    scan = plan.children[0]
    start = scan.total + scan.rows * 0.02
    ms = plan.ms + scan.rows / ROWS_PER_S * compares + 0.02
    sort = Plan(
        "Sort",
        start,
        start + scan.rows * 0.0025,
        scan.rows,
        plan.width,
        key,
        [scan],
        ms,
        scan.loops,
        first_ms=ms,
        top=top,
    )
    end = sort.total + 1000 + plan.rows * 0.1
    return Plan(
        "Gather Merge",
        start + 1000,
        end,
        plan.rows,
        plan.width,
        plan.details,
        [sort],
        ms + 1.4,
        first_ms=ms + 1.1,
        top=top,
    )


def limited(tree: exp.Select, plan: Plan, count: int) -> Plan:
    share = min(1.0, count / max(1.0, plan.rows))
    total = plan.start + (plan.total - plan.start) * share
    if not plan.label.startswith(("Sort", "HashAggregate", "Finalize", "Aggregate", "Gather Merge")):
        plan.ms *= share
    return Plan(
        "Limit",
        plan.start,
        total,
        min(count, plan.rows),
        plan.width,
        children=[plan],
        ms=plan.ms,
        first_ms=plan.first_ms,
    )
