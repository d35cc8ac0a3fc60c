"""`WITH x AS (UPDATE … RETURNING …) SELECT …`: the change is made first, its rows stand for the name afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from simulator.postgres import parser, types
from simulator.postgres.catalog import Catalog
from simulator.postgres.errors import not_simulated
from simulator.postgres.result import Result
from simulator.postgres.scope import name_of, quote

CHANGES = (exp.Insert, exp.Update, exp.Delete)
MOST_ROWS = 500
Change = Callable[[Catalog, Any], Result]


def parts(tree: Any) -> list[Any]:
    """The common table expressions of a query that change data."""
    with_ = tree.args.get("with_") or tree.args.get("with")
    return [cte for cte in (with_.expressions if with_ is not None else []) if isinstance(cte.this, CHANGES)]


def settled(catalog: Catalog, tree: Any, change: Change) -> Any:
    """The query with every change carried out and replaced by the rows it returned. Raises PgError."""
    for cte in parts(tree):
        result = change(catalog, cte.this)
        if len(result.rows) > MOST_ROWS:
            raise not_simulated(f"a WITH that returns more than {MOST_ROWS} changed rows")
        cte.set("this", _rows(result))
    return tree


def _rows(result: Result) -> Any:
    columns = result.columns or [("?column?", types.TEXT)]
    heads = [(quote_name(name), kind.shown) for name, kind in columns]
    if not result.rows or not result.columns:
        return parser.parse(
            "select " + ", ".join(f"null::{kind} as {name}" for name, kind in heads) + " where false"
        )
    lines = []
    for row in result.rows:
        cells = zip(row, columns, heads, strict=True)
        lines.append(
            "select "
            + ", ".join(
                f"{_cell(value, kind)}::{shown} as {name}" for value, (_, kind), (name, shown) in cells
            )
        )
    return parser.parse(" union all ".join(lines))


def _cell(value: Any, kind: types.PgType) -> str:
    text = types.format_value(value, kind)
    return "null" if text is None else quote(text)


def quote_name(name: str) -> str:
    return '"' + name_of(exp.Identifier(this=name, quoted=True)).replace('"', '""') + '"'
