"""EXPLAIN: a plausible plan from metadata, indexes and the server's load. No rows are read for it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from sqlglot import exp

from simulator.postgres import documents, execute_query, parser
from simulator.postgres.catalog import Catalog
from simulator.postgres.errors import PgError, not_simulated
from simulator.postgres.plan_nodes import PARALLEL_PAGES, WORK_MEM_BYTES, WORKERS, Plan
from simulator.postgres.planner import plan_of
from simulator.postgres.result import Result
from simulator.postgres.types import TEXT

_HEAD = re.compile(r"\s*explain\b\s*(\(([^)]*)\))?((?:\s*\b(?:analyze|verbose)\b)*)\s*", re.I)
_OPTIONS = (
    "analyze",
    "buffers",
    "verbose",
    "costs",
    "timing",
    "summary",
    "settings",
    "wal",
    "format",
    "generic_plan",
)


CHANGE_MS_PER_ROW = 0.014


def explain(catalog: Catalog, text: str) -> Result:
    """EXPLAIN and EXPLAIN ANALYZE of a query. Raises PgError for what does not compile."""
    match = _HEAD.match(text)
    assert match is not None
    options = _read_options(match.group(2) or "") + match.group(3).lower().split()
    costs = not re.search(r"\bcosts\s+(off|false|0)\b", match.group(2) or "", re.I)
    tree = parser.parse(" " * match.end() + text[match.end() :].rstrip().rstrip(";"))
    if isinstance(tree, exp.Insert | exp.Update | exp.Delete):
        return _of_change(catalog, tree, options, costs)
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Values):
        raise not_simulated("EXPLAIN of this statement")
    execute_query.columns_of(catalog, tree)
    analyze = "analyze" in options
    plan = plan_of(catalog, tree)
    load = catalog.load()
    if analyze:
        rows = execute_query.rows_of(catalog, tree).rows if _cheap(plan) else None
        if rows is not None and (plan.rows <= 2000 or len(rows) > plan.rows):
            _observed(plan, len(rows))
    for shape in ("json", "yaml", "xml"):
        if f"format {shape}" in options:
            return Result(
                [("QUERY PLAN", TEXT)],
                [(_shaped(plan, shape, costs),)],
                "EXPLAIN",
                cost_s=plan.ms * load / 1000 if analyze else 0.0,
            )
    lines = _render(plan, analyze, "buffers" in options and analyze, load)
    if not costs:
        lines = [_COSTS.sub("", line) for line in lines]
    cost_s = 0.0
    if analyze:
        total_ms = plan.ms * load
        if not re.search(r"\btiming\s+(off|false|0)\b", match.group(2) or "", re.I):
            timed = lines
        else:
            timed = [_TIMES.sub("actual ", line) for line in lines]
        lines = timed if costs else [line.replace(" (actual", "  (actual", 1) if "  (actual" not in line else line for line in timed]  # fmt: skip
        if not re.search(r"\bsummary\s+(off|false|0)\b", match.group(2) or "", re.I):
            lines += [
                f"Planning Time: {0.112 + 0.09 * len(lines) / 4:.3f} ms",
                f"Execution Time: {total_ms + 0.031:.3f} ms",
            ]
        cost_s = total_ms / 1000
    return Result([("QUERY PLAN", TEXT)], [(line,) for line in lines], "EXPLAIN", cost_s=cost_s)


def _tree(plan: Plan, costs: bool) -> dict[str, Any]:
    node, _, target = plan.label.partition(" on ")
    kind, _, index = node.partition(" using ")
    found: dict[str, Any] = {
        "Node Type": kind.removeprefix("Parallel "),
        "Parallel Aware": kind.startswith("Parallel"),
        "Async Capable": False,
    }
    if index:
        found |= {"Scan Direction": "Forward", "Index Name": index}
    if target and kind.endswith("Scan"):
        words = target.split()
        found |= {"Relation Name": words[0], "Alias": words[-1]}
    if costs:
        found |= {
            "Startup Cost": Decimal(f"{plan.start:.2f}"), "Total Cost": Decimal(f"{plan.total:.2f}"),
            "Plan Rows": max(1, round(plan.rows)), "Plan Width": plan.width,
        }  # fmt: skip
    found |= {name: value for name, _, value in (detail.partition(": ") for detail in plan.details)}
    if plan.children:
        found["Plans"] = [_tree(child, costs) for child in plan.children]
    return found


def _shaped(plan: Plan, shape: str, costs: bool = True) -> str:
    """FORMAT JSON, YAML or XML."""
    if shape == "json":
        return documents.pretty([{"Plan": _tree(plan, costs)}], 2)
    pairs = _tree(plan, costs).items()
    if shape == "yaml":
        return "- Plan:\n" + "\n".join(f"    {k}: {documents.dump(v)}" for k, v in pairs)
    inner = "".join(
        f"\n      <{k.replace(' ', '-')}>{v}</{k.replace(' ', '-')}>" for k, v in pairs if k != "Plans"
    )
    return f'<explain xmlns="http://www.postgresql.org/2009/explain">\n  <Query>\n    <Plan>{inner}\n    </Plan>\n  </Query>\n</explain>'


_COSTS = re.compile(r"  \(cost=[^)]*\)")
_TIMES = re.compile(r"actual time=\S+ ")


def _of_change(catalog: Catalog, tree: Any, options: list[str], costs: bool) -> Result:
    """The plan of a statement that changes data: that of the rows it touches, below one node. ANALYZE runs it."""
    kind = type(tree).__name__
    target = tree.this if isinstance(tree.this, exp.Table) else tree.find(exp.Table)
    if target is None:
        raise not_simulated(f"EXPLAIN of this {kind.upper()}")
    catalog.table(target.name)
    plan = Plan(f"{kind} on {target.name}", 0.0, 0.01, 0, 0)
    if kind == "Insert":
        plan.children = [Plan("Result", 0.0, 0.01, 1, 64, ms=0.002)]
    else:
        query = exp.select("*").from_(target.name)
        where = tree.args.get("where")
        plan.children = [plan_of(catalog, query.where(where.this.copy()) if where is not None else query)]
    below = plan.children[0]
    plan.start, plan.total, plan.ms = below.start, below.total, below.ms
    if "analyze" not in options:
        lines = _render(plan, False, False, 1.0)
        lines = lines if costs else [_COSTS.sub("", line) for line in lines]
        return Result([("QUERY PLAN", TEXT)], [(line,) for line in lines], "EXPLAIN")
    from simulator.postgres import execute

    done = execute.changed(catalog, tree)
    touched = int(done.tag.split()[-1])
    _observed(below, touched)
    plan.ms = plan.first_ms = below.ms + touched * CHANGE_MS_PER_ROW
    load = catalog.load()
    lines = _render(plan, True, "buffers" in options, load)
    if "wal" in options and touched:
        lines.insert(1, f"  WAL: records={touched * 3} bytes={touched * 228}")
    lines = lines if costs else [_COSTS.sub("", line) for line in lines]
    lines += [
        f"Planning Time: {0.112 + 0.09 * len(lines) / 4:.3f} ms",
        f"Execution Time: {plan.ms * load + 0.04:.3f} ms",
    ]
    return Result([("QUERY PLAN", TEXT)], [(line,) for line in lines], "EXPLAIN", cost_s=done.cost_s)


def _read_options(text: str) -> list[str]:
    found = []
    for part in text.split(","):
        words = part.lower().split()
        if not words:
            continue
        if words[0] not in _OPTIONS:
            raise PgError(f'unrecognized EXPLAIN option "{words[0]}"', find=words[0])
        if words[0] == "format":
            if words[1:] not in (["text"], ["json"], ["yaml"], ["xml"]):
                raise PgError(
                    f'unrecognized value for EXPLAIN option "format": "{" ".join(words[1:])}"', find="format"
                )
            found.append(f"format {words[1]}")
            continue
        if words[1:] not in (["off"], ["false"], ["0"]):
            found.append(words[0])
    return found


def _cheap(plan: Plan) -> bool:
    return plan.ms < 60_000


# --- printing ----------------------------------------------------------------------------------------


def _render(plan: Plan, analyze: bool, buffers: bool, load: float) -> list[str]:
    lines: list[str] = []
    _walk(plan, 0, lines, analyze, buffers, load)
    return lines


def _walk(plan: Plan, depth: int, lines: list[str], analyze: bool, buffers: bool, load: float) -> None:
    indent = "" if depth == 0 else "      " * (depth - 1) + "  ->  "
    line = f"{indent}{plan.label}  (cost={plan.start:.2f}..{plan.total:.2f} rows={_guessed(plan)} width={plan.width})"
    if analyze:
        ms = plan.ms * load
        rows = max(0, round(plan.rows if plan.actual is None else plan.actual))
        rows = min(plan.top, rows) if plan.top else rows
        first = min(max(plan.first_ms, 0.02) * load, ms)
        line += f" (actual time={first:.3f}..{ms:.3f} rows={rows} loops={plan.loops})"
    lines.append(line)
    pad = " " * (2 if depth == 0 else 6 * depth + 2)
    lines += [pad + detail for detail in plan.details]
    if analyze and plan.label.startswith("Gather"):
        lines.append(pad + f"Workers Launched: {WORKERS}")
    if analyze and plan.label == "Sort":
        lines.append(pad + _sort_method(plan))
    if buffers:
        pages = _pages(plan)
        if pages:
            read = pages // 3 if pages > PARALLEL_PAGES else 0
            lines.append(pad + f"Buffers: shared hit={pages - read}" + (f" read={read}" if read else ""))
    for child in plan.children:
        _walk(child, depth + 1, lines, analyze, buffers, load)


def _observed(plan: Plan, rows: int) -> None:
    """Rows that came out of a node, and so out of those below it that neither group nor join."""
    plan.actual = float(rows)
    if not plan.children or plan.label.startswith(
        ("HashAggregate", "Aggregate", "Partial", "Finalize Aggregate")
    ):
        return
    below = plan.children[0]
    if plan.label.startswith("Finalize") and below.label == "Gather Merge":
        below.actual = float(rows * below.children[0].loops)
        _observed(below.children[0], rows)
    elif plan.label.startswith(("Limit", "Subquery")) or (plan.label == "Sort" and not plan.top):
        _observed(below, rows)


def _guessed(plan: Plan) -> int:
    """The planner never guesses that nothing comes; of a change nothing does."""
    return max(0 if plan.width == 0 else 1, round(plan.rows))


def _sort_method(plan: Plan) -> str:
    """In memory, or on disk when the rows don't fit into work_mem; a LIMIT needs to keep its own rows only."""
    size = plan.rows * (plan.width + 24)
    if plan.top and plan.top < plan.rows:
        return f"Sort Method: top-N heapsort  Memory: {25 + plan.top * (plan.width + 24) // 1024}kB"
    if size > WORK_MEM_BYTES:
        return f"Sort Method: external merge  Disk: {round(size / 1024)}kB"
    return f"Sort Method: quicksort  Memory: {25 + round(size / 1024)}kB"


def _pages(plan: Plan) -> int:
    return plan.pages + sum(_pages(child) for child in plan.children)
