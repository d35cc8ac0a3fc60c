"""SELECT, VALUES and set operations: FROM, grouping, DISTINCT ON, ordering, limits.

Every source gets an alias of its own in SQLite's text and every result column the name `cN`, so that no
name a player chooses can mean something else there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from simulator.postgres import calls, types
from simulator.postgres import operators as ops
from simulator.postgres.errors import PgError, not_simulated
from simulator.postgres.expressions import condition, types_array
from simulator.postgres.scope import Compiled, Scope, Source, Typed, ident, name_of, position_of, untyped
from simulator.postgres.types import INT8, INTERVAL, TEXT, TIMESTAMPTZ, UNKNOWN, PgType

if TYPE_CHECKING:
    from simulator.postgres.compiler import Compiler

WEIGHT = "cw"  # the hidden column that carries a row's weight out of a subquery
MAX_SERIES = 100_000  # rows one generate_series may make here


def query(c: Compiler, node: Any, outer: Scope | None, weighted: bool) -> Compiled:
    """Compile a query; `weighted` asks for the hidden weight column where rows have weights."""
    if isinstance(node, exp.Subquery):
        if node.args.get("order") is None and node.args.get("limit") is None:
            return query(c, node.this, outer, weighted)
        node = _unwrapped(node)
    scope = Scope(parent=outer)
    with_ = node.args.get("with_") or node.args.get("with")
    if with_ is not None:
        _ctes(c, with_, scope)
    if isinstance(node, exp.SetOperation):
        return _set_operation(c, node, scope)
    if isinstance(node, exp.Values):
        return _values(c, node, scope)
    if isinstance(node, exp.Select):
        return _select(c, node, scope, weighted)
    raise not_simulated(f"{type(node).__name__} as a query")


def _unwrapped(node: exp.Subquery) -> Any:
    """`(SELECT ...) ORDER BY ... LIMIT ...` as a SELECT from it."""
    inner = node.copy()
    order, limit, offset = (inner.args.get(k) for k in ("order", "limit", "offset"))
    for key in ("order", "limit", "offset"):
        inner.set(key, None)
    inner.set("alias", exp.TableAlias(this=exp.to_identifier("q")))
    outer = exp.Select(expressions=[exp.Star()], from_=exp.From(this=inner))
    for key, value in (("order", order), ("limit", limit), ("offset", offset)):
        outer.set(key, value)
    return outer


def _ctes(c: Compiler, with_: Any, scope: Scope) -> None:
    for cte in with_.expressions:
        name = cte.alias.lower()
        alias = cte.args["alias"]
        names = [name_of(i) for i in alias.args.get("columns") or []]
        body = cte.this
        if not isinstance(body, exp.Select | exp.SetOperation | exp.Values | exp.Subquery):
            raise not_simulated("a data-modifying statement in WITH")
        if with_.args.get("recursive") and isinstance(body, exp.Union):
            scope.ctes[name] = _recursive(c, body, scope, name, names)
        else:
            inner = query(c, body, scope, True)
            scope.ctes[name] = Compiled(inner.sql, _renamed(inner.columns, names), inner.weighted)


def _renamed(columns: list[tuple[str, PgType]], names: list[str]) -> list[tuple[str, PgType]]:
    return [(names[n] if n < len(names) else old, kind) for n, (old, kind) in enumerate(columns)]


def _recursive(c: Compiler, body: Any, scope: Scope, name: str, names: list[str]) -> Compiled:
    first = query(c, body.this, scope, False)
    columns = [(n, TEXT if k == UNKNOWN else k) for n, k in _renamed(first.columns, names)]
    table = c.alias("r")
    inner = Scope(parent=scope)
    listed = ", ".join(f"c{n}" for n in range(len(columns)))
    inner.ctes[name] = Compiled(f"SELECT {listed} FROM {table}", columns, direct=table)
    second = query(c, body.expression, inner, False)
    if len(second.columns) != len(columns):
        raise PgError("each UNION query must have the same number of columns")
    word = "UNION" if body.args.get("distinct") else "UNION ALL"
    sql = f"WITH RECURSIVE {table}({listed}) AS (SELECT * FROM ({first.sql}) {word} {second.sql}) SELECT {listed} FROM {table}"
    return Compiled(sql, columns)


def _set_operation(c: Compiler, node: Any, scope: Scope) -> Compiled:
    left, right = query(c, node.this, scope, False), query(c, node.expression, scope, False)
    word = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}[type(node)]
    if len(left.columns) != len(right.columns):
        raise PgError(f"each {word} query must have the same number of columns")
    if not node.args.get("distinct") and word != "UNION":
        raise not_simulated(f"{word} ALL")
    kinds = [
        ops.common_type([Typed("a", a), Typed("b", b)], word)
        for (_, a), (_, b) in zip(left.columns, right.columns, strict=True)
    ]
    columns = [(name, kind) for (name, _), kind in zip(left.columns, kinds, strict=True)]
    listed = ", ".join(f"c{n}" for n in range(len(columns)))
    every = " ALL" if word == "UNION" and not node.args.get("distinct") else ""
    sql = f"SELECT {listed} FROM ({left.sql}) {word}{every} SELECT {listed} FROM ({right.sql})"
    order = node.args.get("order")
    if order is not None:
        names = [n for n, _ in columns]
        parts = []
        for item in order.expressions:
            inner = item.this if isinstance(item, exp.Ordered) else item
            number = _ordinal(inner, len(names), "ORDER BY")
            if number is None:
                wanted = name_of(inner.this) if isinstance(inner, exp.Column) else ""
                if wanted not in names:
                    raise PgError(
                        "invalid UNION/INTERSECT/EXCEPT ORDER BY clause", position=position_of(inner)
                    )
                number = names.index(wanted)
            parts.append(f"{number + 1}{calls.direction(item)}")
        sql = f"SELECT {listed} FROM ({sql}) ORDER BY {', '.join(parts)}"
    return Compiled(sql + _limit(c, node, scope), columns)


def _values(c: Compiler, node: exp.Values, scope: Scope) -> Compiled:
    rows = [[c.expr(e, scope) for e in _row_of(row)] for row in node.expressions]
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        raise PgError("VALUES lists must all be the same length", find="(")
    kinds = [ops.common_type([row[n] for row in rows], "VALUES") for n in range(width)]
    lines = []
    for row in rows:
        cells = ", ".join(
            f"{ops.settle(p, k, c.now_us).sql} AS c{n}"
            for n, (p, k) in enumerate(zip(row, kinds, strict=True))
        )
        lines.append(f"SELECT {cells}")
    sql = " UNION ALL ".join(lines)
    columns = [(f"column{n + 1}", kind) for n, kind in enumerate(kinds)]
    if node.args.get("order") is not None or node.args.get("limit") is not None:
        sql = f"SELECT * FROM ({sql})" + _limit(c, node, scope)
    return Compiled(sql, columns)


def _row_of(row: Any) -> list[Any]:
    return (
        list(row.expressions)
        if isinstance(row, exp.Tuple)
        else [row.this if isinstance(row, exp.Paren) else row]
    )


# --- FROM --------------------------------------------------------------------------------------------


def _from(c: Compiler, node: exp.Select, scope: Scope) -> str:
    from_ = node.args.get("from_") or node.args.get("from")
    if from_ is None:
        return ""
    sql = _source(c, from_.this, scope)
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
    right = _source(c, join.this, scope)
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


def _source(c: Compiler, node: Any, scope: Scope) -> str:
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
            sql = _source(c, inner_node, scope)
            for join in inner_node.args.get("joins") or []:
                sql += join_sql(c, join, scope)
            return f"({sql})"
        inner = query(
            c,
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
    raise not_simulated(f"{type(node).__name__} in FROM")


def _alias_columns(alias: Any) -> list[str]:
    return [name_of(i) for i in (alias.args.get("columns") or [])] if alias is not None else []


def _derived(c: Compiler, inner: Compiled, alias: str, names: list[str], scope: Scope) -> str:
    sqlite_alias = c.alias()
    columns: dict[str, Typed] = {}
    for n, (name, kind) in enumerate(_renamed(inner.columns, names)):
        columns.setdefault(name, Typed(f"{sqlite_alias}.c{n}", TEXT if kind == UNKNOWN else kind))
    weight = f"{sqlite_alias}.{WEIGHT}" if inner.weighted else None
    _add(scope, Source(alias, columns, weight))
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
        return _derived(c, query(c, relation.query, None, True), alias, _alias_columns(alias_node), scope)
    sqlite_alias = c.alias()
    renames = _alias_columns(alias_node)
    columns = {}
    for n, (column, kind) in enumerate(relation.columns.items()):
        shown = renames[n] if n < len(renames) else column
        columns[shown] = Typed(f"{sqlite_alias}.{ident(column)}", kind)
    weight = f"{sqlite_alias}.{WEIGHT}" if relation.weighted else None
    _add(scope, Source(alias, columns, weight, relation.table, relation.key))
    return f"{ident(relation.sql_name)} AS {sqlite_alias}"


def _function_source(c: Compiler, call: Any, alias_node: Any, scope: Scope) -> str:
    name = str(call.this).lower() if isinstance(call, exp.Anonymous) else type(call).__name__.lower()
    alias = name_of(alias_node.this) if alias_node is not None and alias_node.this is not None else name
    names = _alias_columns(alias_node)
    if name == "generate_series":
        inner = _series(c, call, scope)
    elif name in ("pg_show_all_settings", "pg_stat_get_activity"):
        raise not_simulated(f"{name}() in FROM")
    else:
        piece = c.expr(call, Scope(parent=scope.parent))
        if piece.type.is_array and name in ("string_to_array",):
            raise not_simulated(f"{name}() in FROM")
        inner = Compiled(f"SELECT {piece.sql} AS c0", [(name, piece.type)])
    single = names or ([alias] if len(inner.columns) == 1 else [])
    return _derived(c, inner, alias, single, scope)


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
        f"WITH RECURSIVE {table}(c0, step, stop) AS (SELECT {start}, pg_step({step}), {stop} "
        f"UNION ALL SELECT c0 + step, step, stop FROM {table} "
        f"WHERE CASE WHEN step > 0 THEN c0 + step <= stop ELSE c0 + step >= stop END LIMIT {MAX_SERIES}) "
        f"SELECT c0 FROM {table} WHERE CASE WHEN step > 0 THEN c0 <= stop ELSE c0 >= stop END"
    )
    return Compiled(sql, [("generate_series", kind)])


def _unnest(c: Compiler, node: exp.Unnest, scope: Scope) -> str:
    alias_node = node.args.get("alias")
    alias = name_of(alias_node.this) if alias_node is not None and alias_node.this is not None else "unnest"
    inner = _unnested(c, node.expressions[0], scope)
    return _derived(c, inner, alias, _alias_columns(alias_node) or [alias], scope)


def _unnested(c: Compiler, operand: Any, scope: Scope) -> Compiled:
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
        raise not_simulated("unnest of a computed array")
    settled = [ops.settle(p, kind, c.now_us).sql for p in pieces]
    sql = " UNION ALL ".join(f"SELECT {s} AS c0" for s in settled) or "SELECT NULL AS c0 WHERE 0"
    return Compiled(sql, [("unnest", kind)])


# --- SELECT ------------------------------------------------------------------------------------------


def _select(c: Compiler, node: exp.Select, scope: Scope, weighted: bool) -> Compiled:
    node = _lift_set_returning(node)
    if node.args.get("windows"):
        raise not_simulated("a WINDOW clause")
    from_sql = _from(c, node, scope)
    where = _where(c, node, scope)
    targets = _targets(node, scope)
    group_sql = _group(c, node, scope, targets)
    scope.loose.clear()
    columns, cells = [], []
    for name, item in targets:
        piece = item if isinstance(item, Typed) else c.expr(item, scope)
        kind = TEXT if piece.type == UNKNOWN else piece.type
        columns.append((name, kind))
        cells.append(piece.sql)
    having = ""
    if node.args.get("having") is not None:
        having = f" HAVING {condition(c, node.args['having'].this, scope, 'HAVING')}"
    order = _order(c, node, scope, targets, cells)
    aggregated = scope.has_aggregate or bool(group_sql) or bool(having)
    if aggregated:
        _check_grouping(scope)
    distinct = node.args.get("distinct")
    listed = ", ".join(f"{cell} AS c{n}" for n, cell in enumerate(cells)) or "NULL AS c0"
    carries = bool(weighted and scope.weight and not aggregated and distinct is None)
    if carries:
        listed += f", {scope.weight} AS {WEIGHT}"
    tail = f"{from_sql}{where}{group_sql}{having}"
    if aggregated and not group_sql and having:
        tail = f"{from_sql}{where} GROUP BY 'all'{having}"
    limit = _limit(c, node, scope)
    if distinct is not None and distinct.args.get("on") is not None:
        sql = _distinct_on(c, distinct.args["on"], scope, listed, tail, order, len(cells), targets, cells)
        return Compiled(sql + limit, columns)
    word = "DISTINCT " if distinct is not None else ""
    order_sql = f" ORDER BY {', '.join(text for text, _ in order)}" if order else ""
    if distinct is not None and any(hidden for _, hidden in order):
        raise PgError("for SELECT DISTINCT, ORDER BY expressions must appear in select list")
    return Compiled(f"SELECT {word}{listed}{tail}{order_sql}{limit}", columns, carries)


def _lift_set_returning(node: exp.Select) -> exp.Select:
    """`SELECT generate_series(1, 3)` as `SELECT * FROM generate_series(1, 3)`; with FROM it is refused."""

    def returns_set(e: Any) -> bool:
        inner = e.this if isinstance(e, exp.Alias) else e
        return isinstance(inner, exp.Anonymous) and str(inner.this).lower() in ("generate_series", "unnest")

    if not any(returns_set(e) for e in node.expressions):
        return node
    if len(node.expressions) != 1 or node.args.get("from_") is not None:
        raise not_simulated("a set-returning function beside other columns")
    item = node.expressions[0]
    call = item.this if isinstance(item, exp.Alias) else item
    name = item.alias if isinstance(item, exp.Alias) else str(call.this).lower()
    alias = exp.TableAlias(this=exp.to_identifier(name), columns=[exp.to_identifier(name)])
    is_series = str(call.this).lower() == "generate_series"
    source = (
        exp.Table(this=call, alias=alias)
        if is_series
        else exp.Unnest(expressions=call.expressions, alias=alias)
    )
    lifted = node.copy()
    lifted.set("expressions", [exp.Star()])
    lifted.set("from_", exp.From(this=source))
    return lifted


def _where(c: Compiler, node: exp.Select, scope: Scope) -> str:
    if node.args.get("where") is None:
        return ""
    scope.aggregates_forbidden = "WHERE"
    sql = condition(c, node.args["where"].this, scope, "WHERE")
    scope.aggregates_forbidden = ""
    return f" WHERE {sql}"


def _targets(node: exp.Select, scope: Scope) -> list[tuple[str, Any]]:
    """(name, tree or finished piece) of each result column; stars are spread."""
    found: list[tuple[str, Any]] = []
    for item in node.expressions:
        if isinstance(item, exp.Star):
            if not scope.sources:
                raise PgError("SELECT * with no tables specified is not valid", find="*")
            for source in scope.sources:
                found += [(n, _star_column(source, n)) for n in source.columns if n not in source.merged]
        elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
            qualifier = name_of(item.args.get("table"))
            owner = next((s for s in scope.sources if s.alias == qualifier), None)
            if owner is None:
                raise PgError(
                    f'missing FROM-clause entry for table "{qualifier}"', position=position_of(item)
                )
            found += [(n, _star_column(owner, n)) for n in owner.columns]
        else:
            found.append((column_name(item), item.this if isinstance(item, exp.Alias) else item))
    return found


def _star_column(source: Source, name: str) -> exp.Column:
    return exp.Column(
        this=exp.to_identifier(name, quoted=True), table=exp.to_identifier(source.alias, quoted=True)
    )


def column_name(node: Any) -> str:
    """The name PostgreSQL gives an unnamed result column."""
    if isinstance(node, exp.Alias):
        return name_of(node.args["alias"])
    if isinstance(node, exp.Column):
        return name_of(node.this)
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    if isinstance(node, exp.Cast):
        inner = column_name(node.this)
        return inner if inner != "?column?" else _cast_name(node)
    if isinstance(node, exp.Paren | exp.Window | exp.Filter | exp.WithinGroup | exp.Collate | exp.Bracket):
        return column_name(node.this)
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Select) and node.this.expressions:
        return column_name(node.this.expressions[0])
    if isinstance(node, exp.Dot):
        return column_name(node.expression)
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        inner = column_name(default) if isinstance(default, exp.Column) else "?column?"
        return "case" if inner == "?column?" else inner
    return _FIXED_NAMES.get(type(node), "?column?")


_FIXED_NAMES: dict[type, str] = {
    exp.Exists: "exists", exp.Array: "array", exp.Extract: "extract", exp.CurrentTimestamp: "current_timestamp",
    exp.CurrentDate: "current_date", exp.Localtimestamp: "localtimestamp", exp.CurrentUser: "current_user",
    exp.SessionUser: "session_user", exp.Substring: "substring", exp.Trim: "btrim", exp.StrPosition: "position",
    exp.CurrentSchema: "current_schema", exp.CurrentCatalog: "current_catalog", exp.Boolean: "bool",
    exp.AtTimeZone: "timezone", exp.Interval: "interval",
}  # fmt: skip
_CAST_NAMES = {
    "integer": "int4", "bigint": "int8", "smallint": "int2", "boolean": "bool", "double precision": "float8",
    "real": "float4", "character varying": "varchar", "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp", "character": "bpchar",
}  # fmt: skip


def _cast_name(node: exp.Cast) -> str:
    from simulator.postgres.expressions import datatype

    name = datatype(node.to).name
    return _CAST_NAMES.get(name, name.removesuffix("[]").strip('"'))


def _ordinal(node: Any, count: int, clause: str) -> int | None:
    if isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdigit():
        number = int(node.this)
        if not 1 <= number <= count:
            raise PgError(f"{clause} position {number} is not in select list", find=f"{number}")
        return number - 1
    return None


def _group(c: Compiler, node: exp.Select, scope: Scope, targets: list[tuple[str, Any]]) -> str:
    group = node.args.get("group")
    if group is None:
        return ""
    if any(group.args.get(k) for k in ("rollup", "cube", "grouping_sets")):
        raise not_simulated("GROUPING SETS")
    names = {name: item for name, item in targets if not isinstance(item, Typed)}
    parts: list[str] = []
    grouped: dict[str, bool] = {}
    scope.aggregates_forbidden = "GROUP BY"
    for item in group.expressions:
        if isinstance(item, exp.Rollup | exp.Cube | exp.GroupingSets):
            raise not_simulated("GROUPING SETS")
        number = _ordinal(item, len(targets), "GROUP BY")
        tree = targets[number][1] if number is not None else item
        if isinstance(tree, exp.Column) and not tree.args.get("table"):
            name = name_of(tree.this)
            if not any(name in s.columns for s in scope.sources) and name in names:
                tree = names[name]
        mark = len(scope.loose)
        piece = c.expr(tree, scope)
        if isinstance(tree, exp.Column) and len(scope.loose) > mark:
            source, name, _ = scope.loose[mark]
            grouped[f"{id(source)}.{name}"] = True
        grouped[tree.sql(dialect="postgres")] = True
        parts.append(f"({piece.sql})")
    scope.aggregates_forbidden = ""
    scope.grouped = grouped
    return f" GROUP BY {', '.join(parts)}"


def _check_grouping(scope: Scope) -> None:
    grouped = scope.grouped or {}
    for source, name, position in scope.loose:
        keyed = source.key and all(f"{id(source)}.{k}" in grouped for k in source.key)
        if keyed or f"{id(source)}.{name}" in grouped or source not in scope.sources:
            continue
        raise PgError(
            f'column "{source.alias}.{name}" must appear in the GROUP BY clause or be used in an aggregate function',
            position=position,
        )


def _order(
    c: Compiler, node: exp.Select, scope: Scope, targets: list[tuple[str, Any]], cells: list[str]
) -> list[tuple[str, bool]]:
    """(SQLite text, whether it is no result column) of each ORDER BY item."""
    order = node.args.get("order")
    found: list[tuple[str, bool]] = []
    names = [name for name, _ in targets]
    texts = {t.sql(dialect="postgres"): n for n, (_, t) in enumerate(targets) if not isinstance(t, Typed)}
    for item in order.expressions if order is not None else []:
        inner = item.this if isinstance(item, exp.Ordered) else item
        number = _ordinal(inner, len(targets), "ORDER BY")
        if number is None and isinstance(inner, exp.Column) and not inner.args.get("table"):
            name = name_of(inner.this)
            number = names.index(name) if name in names else None
        if number is None:
            number = texts.get(inner.sql(dialect="postgres"))
        if number is not None:
            found.append((f"({cells[number]}){calls.direction(item)}", False))
        else:
            found.append((calls.ordered(c, item, scope), True))
    return found


def _distinct_on(
    c: Compiler, on: Any, scope: Scope, listed: str, tail: str, order: list[tuple[str, bool]], width: int,
    targets: list[tuple[str, Any]], cells: list[str],
) -> str:  # fmt: skip
    """DISTINCT ON as the first row of each partition."""
    keys = []
    for item in on.expressions if isinstance(on, exp.Tuple) else [on]:
        number = _ordinal(item, len(targets), "DISTINCT ON")
        keys.append(cells[number] if number is not None else c.expr(item, scope).sql)
    sort = [text for text, _ in order] or [f"({k}) ASC NULLS LAST" for k in keys]
    if order and not any(sort[0].startswith(f"({k})") for k in keys):
        raise PgError("SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
    bare = [text.rsplit(" NULLS ", 1)[0].rsplit(" ", 1)[0] for text in sort]
    ways = [text[len(b) :] for text, b in zip(sort, bare, strict=True)]
    hidden = "".join(f", {b} AS o{n}" for n, b in enumerate(bare))
    partition = ", ".join(keys)
    inner = f"SELECT {listed}{hidden}, row_number() OVER (PARTITION BY {partition} ORDER BY {', '.join(sort)}) AS rn{tail}"
    shown = ", ".join(f"c{n}" for n in range(width))
    return f"SELECT {shown} FROM ({inner}) WHERE rn = 1 ORDER BY " + ", ".join(
        f"o{n}{w}" for n, w in enumerate(ways)
    )


def _limit(c: Compiler, node: Any, scope: Scope) -> str:
    limit, offset = node.args.get("limit"), node.args.get("offset")
    sql = ""
    if limit is not None:
        value = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
        if isinstance(value, exp.Literal | exp.Paren | exp.Add | exp.Neg | exp.Cast):
            sql = f" LIMIT {_count(c, value, 'LIMIT')}"
        elif value is not None and not isinstance(value, exp.Var | exp.Null):
            raise not_simulated("a computed LIMIT")
    if offset is not None:
        sql = (sql or " LIMIT -1") + f" OFFSET {_count(c, offset.expression, 'OFFSET')}"
    return sql


def _count(c: Compiler, node: Any, what: str) -> str:
    piece = ops.settle(c.expr(node, Scope()), INT8, c.now_us)
    if piece.type.name not in types.NUMBERS:
        raise PgError(f"argument of {what} must be type bigint, not type {piece.type.name}")
    if piece.sql.replace(" ", "").startswith("(-"):
        raise PgError(f"{what} must not be negative")
    return f"CAST({piece.sql} AS INTEGER)"
