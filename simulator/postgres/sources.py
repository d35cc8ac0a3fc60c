"""FROM: tables, subqueries, joins and set-returning functions as sources that names can mean.

A source gets an alias of its own in SQLite's text, so that no name a player chooses can mean something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from simulator.postgres import calls, unnested
from simulator.postgres import operators as ops
from simulator.postgres.errors import PgError, not_simulated
from simulator.postgres.expressions import condition
from simulator.postgres.scope import Compiled, Scope, Source, Typed, ident, name_of, position_of
from simulator.postgres.types import INTERVAL, JSONB, TEXT, TIMESTAMPTZ, UNKNOWN, PgType
from simulator.postgres.view_columns import FUNCTIONS

if TYPE_CHECKING:
    from simulator.postgres.compiler import Compiler

WEIGHT_COLUMN = "row weight"  # the hidden column that carries a row's weight out of a subquery
ROW_COLUMN = "row number"  # a hidden column that tells which stored row a change applies to
WEIGHT = f'"{WEIGHT_COLUMN}"'


def renamed(columns: list[tuple[str, PgType]], names: list[str]) -> list[tuple[str, PgType]]:
    return [(names[n] if n < len(names) else old, kind) for n, (old, kind) in enumerate(columns)]


def from_clause(c: Compiler, node: exp.Select, scope: Scope) -> str:
    from_ = node.args.get("from_") or node.args.get("from")
    if from_ is None:
        return ""
    sql = source_sql(c, from_.this, scope)
    for join in from_.this.args.get("joins") or []:
        sql += join_sql(c, join, scope)
    for join in node.args.get("joins") or []:
        sql += join_sql(c, join, scope)
        for inner in join.this.args.get("joins") or []:
            sql += join_sql(c, inner, scope)
    return f" FROM {sql}"


def join_sql(c: Compiler, join: exp.Join, scope: Scope) -> str:
    side = str(join.args.get("side") or "").upper()
    kind = str(join.args.get("kind") or "").upper()
    if join.args.get("method"):
        raise not_simulated(f"{join.args['method']} JOIN")
    if side not in ("", "LEFT", "RIGHT", "FULL") or kind not in ("", "INNER", "CROSS", "OUTER"):
        raise not_simulated(f"{side} {kind} JOIN".strip())
    before = list(scope.sources)
    right = source_sql(c, join.this, scope)
    added = [s for s in scope.sources if s not in before]
    using = join.args.get("using")
    if using:
        return f" {side} JOIN {right} ON {_using(using, before, added)}"
    on = join.args.get("on")
    if on is None:
        return f" CROSS JOIN {right}"
    scope.aggregates_forbidden = "JOIN conditions"
    sql = f" {side} JOIN {right} ON {condition(c, on, scope, 'JOIN/ON')}"
    scope.aggregates_forbidden = ""
    return sql


def _using(using: list[Any], before: list[Source], added: list[Source]) -> str:
    parts = []
    for column in using:
        name = name_of(column)
        left = next((s for s in before if name in s.columns), None)
        right = next((s for s in added if name in s.columns), None)
        if left is None or right is None:
            side = "left" if left is None else "right"
            raise PgError(f'column "{name}" specified in USING clause does not exist in {side} table')
        right.merged[name] = True
        parts.append(f"{left.columns[name].sql} = {right.columns[name].sql}")
    return " AND ".join(parts)


def source_sql(c: Compiler, node: Any, scope: Scope) -> str:
    """Add one FROM item to the scope and return its SQLite text."""
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous | exp.Func):
        return _function_source(c, node.this, node.args.get("alias"), scope)
    if isinstance(node, exp.Table):
        return _table_source(c, node, scope)
    if isinstance(node, exp.Unnest):
        return _unnest(c, node, scope)
    if isinstance(node, exp.Subquery | exp.Values):
        inner_node = node.this if isinstance(node, exp.Subquery) else node
        if isinstance(inner_node, exp.Table):
            sql = source_sql(c, inner_node, scope)
            for join in inner_node.args.get("joins") or []:
                sql += join_sql(c, join, scope)
            return f"({sql})"
        inner = c.query(
            node if isinstance(node, exp.Subquery) else inner_node,
            Scope(parent=scope.parent, ctes=scope.ctes),
            True,
        )
        alias = node.args.get("alias")
        if alias is None:
            raise PgError(
                "subquery in FROM must have an alias",
                find="(",
                hint="For example, FROM (SELECT ...) [AS] foo.",
            )
        return _derived(c, inner, name_of(alias.this), _alias_columns(alias), scope)
    if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
        return _lateral(c, node, scope)
    if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Unnest):
        return _unnest(c, node.this, scope, node.args.get("alias"))
    if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Anonymous | exp.Func):
        return _function_source(c, node.this, node.args.get("alias"), scope)
    raise not_simulated(f"{type(node).__name__} in FROM")


def _lateral(c: Compiler, node: exp.Lateral, scope: Scope) -> str:
    """LATERAL as a plain subquery, or, when it looks at its neighbours, as the rows of one made for each of theirs."""
    alias = node.args.get("alias")
    try:
        inner = c.query(node.this, Scope(parent=scope.parent, ctes=scope.ctes), True)
    except PgError as error:
        outer = any(
            name_of(col.args.get("table")) in [s.alias for s in scope.sources]
            for col in node.find_all(exp.Column)
        )
        if outer or any(not col.args.get("table") for col in node.find_all(exp.Column)):
            return _for_each(c, node, scope)
        raise error from None
    return _derived(
        c, inner, name_of(alias.this) if alias is not None else "lateral", _alias_columns(alias), scope
    )


def _for_each(c: Compiler, node: exp.Lateral, scope: Scope) -> str:
    """A subquery that names columns to its left: its rows come as a document, which is spread out again."""
    alias = node.args.get("alias")
    bare = len(scope.loose)
    inner = c.query(node.this, Scope(parent=scope, ctes=scope.ctes))
    del scope.loose[bare:]  # FROM is read before anything is grouped
    made, names = c.alias(), _alias_columns(alias)
    columns: dict[str, Typed] = {}
    for n, (name, kind) in enumerate(renamed(inner.columns, names)):
        columns.setdefault(name, Typed(f"pg_cell({made}.value, {n})", TEXT if kind == UNKNOWN else kind))
    _add(scope, Source(name_of(alias.this) if alias is not None else "lateral", columns, None))
    cells = ", ".join(f"c{n}" for n in range(len(inner.columns)))
    return f"json_each((SELECT pg_rows({cells}) FROM ({inner.sql}))) AS {made}"


def _alias_columns(alias: Any) -> list[str]:
    return [name_of(i) for i in (alias.args.get("columns") or [])] if alias is not None else []


def _derived(c: Compiler, inner: Compiled, alias: str, names: list[str], scope: Scope) -> str:
    sqlite_alias = c.alias()
    columns: dict[str, Typed] = {}
    twice: dict[str, bool] = {}
    for n, (name, kind) in enumerate(renamed(inner.columns, names)):
        if name in columns:
            twice[name] = True
        columns.setdefault(name, Typed(f"{sqlite_alias}.c{n}", TEXT if kind == UNKNOWN else kind))
    weight = f"{sqlite_alias}.{WEIGHT}" if inner.weighted else None
    _add(scope, Source(alias, columns, weight, twice=twice))
    return f"{inner.direct or f'({inner.sql})'} AS {sqlite_alias}"


def _add(scope: Scope, source: Source) -> None:
    if any(s.alias == source.alias for s in scope.sources):
        raise PgError(f'table name "{source.alias}" specified more than once')
    scope.sources.append(source)


def _table_source(c: Compiler, node: exp.Table, scope: Scope) -> str:
    name, schema = name_of(node.this), name_of(node.args.get("db"))
    alias_node = node.args.get("alias")
    alias = name_of(alias_node.this) if alias_node is not None and alias_node.this is not None else name
    cte = scope.find_cte(name) if not schema else None
    if cte is not None:
        return _derived(c, cte, alias, _alias_columns(alias_node), scope)
    relation = c.names.relation(schema, name, position_of(node.args.get("db") or node.this))
    if relation.query is not None:
        return _derived(c, c.query(relation.query, None, True), alias, _alias_columns(alias_node), scope)
    sqlite_alias = c.alias()
    renames = _alias_columns(alias_node)
    columns = {}
    for n, (column, kind) in enumerate(relation.columns.items()):
        shown = renames[n] if n < len(renames) else column
        columns[shown] = Typed(f"{sqlite_alias}.{ident(column)}", kind)
    weight = f"{sqlite_alias}.{WEIGHT}" if relation.weighted else None
    row = f'{sqlite_alias}."{ROW_COLUMN}"' if relation.table else ""
    _add(scope, Source(alias, columns, weight, relation.table, relation.key, row=row))
    return f"{ident(relation.sql_name)} AS {sqlite_alias}"


def _function_source(c: Compiler, call: Any, alias_node: Any, scope: Scope) -> str:
    name = str(call.this).lower() if isinstance(call, exp.Anonymous) else type(call).__name__.lower()
    alias = name_of(alias_node.this) if alias_node is not None and alias_node.this is not None else name
    names = _alias_columns(alias_node)
    if name == "generate_series":
        inner = _series(c, call, scope)
    elif name in FUNCTIONS:
        view = exp.Table(
            this=exp.to_identifier(FUNCTIONS[name]), alias=exp.TableAlias(this=exp.to_identifier(alias))
        )
        return _table_source(c, view, scope)
    elif name == "pg_stat_get_activity":
        raise not_simulated(f"{name}() in FROM")
    elif name in DOCUMENTS:
        return _document(c, name, call, (alias, names), scope)
    else:
        piece = c.expr(call, Scope(parent=scope.parent))
        if piece.type.is_array and name in ("string_to_array",):
            raise not_simulated(f"{name}() in FROM")
        inner = Compiled(f"SELECT {piece.sql} AS c0", [(name, piece.type)])
    single = names or ([alias] if len(inner.columns) == 1 else [])
    return _derived(c, inner, alias, single, scope)


# Functions that spread a JSON document over rows: their columns, by what SQLite's json_each calls them.
DOCUMENTS = {
    f"{kind}_{name}{ending}": columns
    for kind in ("json", "jsonb")
    for name, ending, columns in (
        ("each", "", ("key", "value")),
        ("each", "_text", ("key", "text")),
        ("array_elements", "", ("value",)),
        ("array_elements", "_text", ("text",)),
        ("object_keys", "", ("key",)),
    )
}


def _document(c: Compiler, name: str, call: Any, alias: tuple[str, list[str]], scope: Scope) -> str:
    """A set-returning function of JSON; its argument may look at what stands to its left."""
    if len(call.expressions) != 1:
        raise calls.no_function(name, [c.expr(a, scope) for a in call.expressions])
    document = ops.settle(c.expr(call.expressions[0], Scope(parent=scope)), JSONB, c.now_us)
    if document.type.name not in ("json", "jsonb"):
        raise calls.no_function(name, [document])
    made = c.alias()
    key = Typed(f"{made}.key", TEXT)
    found = {
        "key": key,
        "value": Typed(f"pg_json_get({document.sql}, {made}.key)", JSONB),
        "text": Typed(f"pg_json_text({document.sql}, {made}.key)", TEXT),
    }
    columns = {}
    for n, part in enumerate(DOCUMENTS[name]):
        plain = "value" if part == "text" else name if name.endswith("object_keys") else part
        own = alias[0] if alias[0] != name and len(DOCUMENTS[name]) == 1 else plain
        columns[alias[1][n] if n < len(alias[1]) else own] = found[part]
    _add(scope, Source(alias[0], columns, None))
    return f"json_each(pg_json_spread({document.sql}, '{name}')) AS {made}"


def _series(c: Compiler, call: Any, scope: Scope) -> Compiled:
    """generate_series of numbers or times as a bounded recursive query."""
    pieces = [c.expr(a, Scope(parent=scope)) for a in call.expressions]
    if len(pieces) not in (2, 3):
        raise calls.no_function("generate_series", pieces)
    kind = ops.common_type(pieces[:2], "generate_series")
    if ops.is_time(kind) or (kind.name == "text" and len(pieces) == 3):
        kind = TIMESTAMPTZ if kind.name in ("date", "text") else kind
    elif not ops.is_number(kind):
        raise calls.no_function("generate_series", pieces)
    step_kind = INTERVAL if ops.is_time(kind) else kind
    step = ops.settle(pieces[2], step_kind, c.now_us).sql if len(pieces) == 3 else "1"
    start, stop = (ops.settle(p, kind, c.now_us).sql for p in pieces[:2])
    table = c.alias("g")
    sql = (
        f"WITH RECURSIVE {table}(c0, step, stop, n) AS (SELECT {start}, pg_step({step}), {stop}, 1 "
        f"UNION ALL SELECT c0 + step, step, stop, pg_series_row(n + 1) FROM {table} "
        f"WHERE CASE WHEN step > 0 THEN c0 + step <= stop ELSE c0 + step >= stop END) "
        f"SELECT c0 FROM {table} WHERE CASE WHEN step > 0 THEN c0 <= stop ELSE c0 >= stop END"
    )
    return Compiled(sql, [("generate_series", kind)])


def _unnest(c: Compiler, node: exp.Unnest, scope: Scope, alias_node: Any = None) -> str:
    alias_node = alias_node or node.args.get("alias")
    alias = name_of(alias_node.this) if alias_node is not None and alias_node.this is not None else "unnest"
    if len(node.expressions) != 1:
        raise calls.no_function("unnest", [])
    names, number = _alias_columns(alias_node), unnested.numbering(node)
    inner = unnested.written(c, node.expressions[0], scope)
    if inner is None:
        return unnested.computed(c, node.expressions[0], (alias, names), number, scope)
    if not number:
        inner = Compiled(inner.sql, inner.columns[:1])
    return _derived(c, inner, alias, [*(names[:1] or [alias]), *(names[1:] or [number])], scope)
