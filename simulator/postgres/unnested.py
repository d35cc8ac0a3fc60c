"""unnest: an array as the rows of its elements, also of one that a row to the left has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from simulator.postgres import operators as ops
from simulator.postgres import types
from simulator.postgres.errors import PgError
from simulator.postgres.expressions import types_array
from simulator.postgres.scope import Compiled, Scope, Source, Typed, name_of, untyped
from simulator.postgres.types import INT8, TEXT, PgType

if TYPE_CHECKING:
    from simulator.postgres.compiler import Compiler

WHOLE_NUMBERS = ("smallint", "integer", "bigint", "oid")


def numbering(node: exp.Unnest) -> str:
    """The name of WITH ORDINALITY's column; empty without it."""
    offset = node.args.get("offset")
    return (name_of(offset) if isinstance(offset, exp.Identifier) else "ordinality") if offset else ""


def written(c: Compiler, operand: Any, scope: Scope) -> Compiled | None:
    """An array whose elements stand in the statement, as one SELECT an element; None for any other."""
    if any(True for _ in operand.find_all(exp.Column)):
        return None  # elements that a row to the left has
    kind = TEXT
    if isinstance(operand, exp.Cast):
        declared = c.expr(operand, Scope(parent=scope)).type
        kind = types.named(declared.name.removesuffix("[]")) or TEXT
        operand = operand.this
    if isinstance(operand, exp.Array):
        pieces = [c.expr(e, Scope(parent=scope)) for e in operand.expressions]
        kind = ops.common_type(pieces, "ARRAY") if pieces else kind
    elif isinstance(operand, exp.Literal):
        pieces = [untyped(e) for e in types_array(str(operand.this))]
    else:
        return None
    settled = [ops.settle(p, kind, c.now_us).sql for p in pieces]
    sql = " UNION ALL ".join(f"SELECT {s} AS c0, {n} AS c1" for n, s in enumerate(settled, 1))
    return Compiled(sql or "SELECT NULL AS c0, 0 AS c1 WHERE 0", [("unnest", kind), ("ordinality", INT8)])


def computed(c: Compiler, operand: Any, names: tuple[str, list[str]], number: str, scope: Scope) -> str:
    """Any other array: SQLite spreads it for each row of what stands to its left."""
    array = c.expr(operand, Scope(parent=scope))
    if not array.type.is_array:
        raise PgError(f"function unnest({array.type.name}) does not exist", find="unnest(")
    made, (alias, columns) = c.alias(), names
    element: PgType = types.named(array.type.name.removesuffix("[]")) or TEXT
    value = f"CAST({made}.value AS INTEGER)" if element.name in WHOLE_NUMBERS else f"{made}.value"
    shown = {columns[0] if columns else alias: Typed(value, element)}
    if number:
        shown[columns[1] if len(columns) > 1 else number] = Typed(f"({made}.key + 1)", INT8)
    if any(s.alias == alias for s in scope.sources):
        raise PgError(f'table name "{alias}" specified more than once')
    scope.sources.append(Source(alias, shown, None))
    return f"json_each(pg_array_json({array.sql})) AS {made}"
