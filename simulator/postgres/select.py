"""SELECT, VALUES and set operations: FROM, grouping, DISTINCT ON, ordering, limits.

Every source gets an alias of its own in SQLite's text and every result column the name `cN`, so that no
name a player chooses can mean something else there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from simulator.postgres import calls, lifted, rewrites, types
from simulator.postgres import operators as ops
from simulator.postgres.errors import PgError, not_simulated
from simulator.postgres.expressions import base_column, condition
from simulator.postgres.scope import Compiled, Scope, Source, Typed, name_of, position_of, untyped
from simulator.postgres.sources import WEIGHT, from_clause, renamed
from simulator.postgres.types import INT8, TEXT, UNKNOWN, PgType

if TYPE_CHECKING:
    from simulator.postgres.compiler import Compiler


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
    spread = rewrites.grouping_sets(node) if isinstance(node, exp.Select) else None
    if spread is not None:
        return query(c, spread, scope, False)
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
            scope.ctes[name] = Compiled(inner.sql, renamed(inner.columns, names), inner.weighted)


def _recursive(c: Compiler, body: Any, scope: Scope, name: str, names: list[str]) -> Compiled:
    first = query(c, body.this, scope, False)
    columns = [(n, TEXT if k == UNKNOWN else k) for n, k in renamed(first.columns, names)]
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
    kinds = [ops.common_type([_open(left, n), _open(right, n)], word) for n in range(len(left.columns))]
    left, right = _settled(c, left, kinds), _settled(c, right, kinds)
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


def _open(query_: Compiled, n: int) -> Typed:
    """A result column, as an open literal if it is one."""
    return untyped(query_.open[n]) if n in query_.open else Typed(f"c{n}", query_.columns[n][1])


def _settled(c: Compiler, query_: Compiled, kinds: list[PgType]) -> Compiled:
    """Open literals among the columns take the type that the other side has."""
    if not query_.open:
        return query_
    cells = [ops.settle(_open(query_, n), kind, c.now_us).sql for n, kind in enumerate(kinds)]
    listed = ", ".join(f"{cell} AS c{n}" for n, cell in enumerate(cells))
    return Compiled(f"SELECT {listed} FROM ({query_.sql})", query_.columns)


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


# --- SELECT ------------------------------------------------------------------------------------------


def _select(c: Compiler, node: exp.Select, scope: Scope, weighted: bool) -> Compiled:
    node = lifted.set_returning(node)
    node = rewrites.windows(node)
    from_sql = from_clause(c, node, scope)
    where = _where(c, node, scope)
    spread = targets(node, scope)
    group_sql = _group(c, node, scope, spread)
    scope.loose.clear()
    columns: list[tuple[str, PgType]] = []
    cells: list[str] = []
    open_: dict[int, str] = {}
    for name, item in spread:
        piece = item if isinstance(item, Typed) else c.expr(item, scope)
        if piece.literal is not None:
            open_[len(cells)] = piece.literal
        kind = TEXT if piece.type == UNKNOWN else piece.type
        columns.append((name, kind))
        cells.append(piece.sql)
    having = ""
    if node.args.get("having") is not None:
        having = f" HAVING {condition(c, node.args['having'].this, scope, 'HAVING')}"
    order = _order(c, node, scope, spread, cells)
    aggregated = scope.has_aggregate or bool(group_sql) or bool(having)
    if aggregated:
        _check_grouping(scope)
    distinct = node.args.get("distinct")
    listed = ", ".join(f"{cell} AS c{n}" for n, cell in enumerate(cells)) or "NULL AS c0"
    carries = bool(weighted and scope.weight and not aggregated and distinct is None)
    if carries:
        listed += f", {scope.weight} AS {WEIGHT}"
    elif weighted and scope.per_group:
        listed, carries = f"{listed}, CAST(round(max({scope.per_group})) AS INTEGER) AS {WEIGHT}", True
    tail = f"{from_sql}{where}{group_sql}{having}"
    if aggregated and not group_sql and having:
        tail = f"{from_sql}{where} GROUP BY 'all'{having}"
    limit = _limit(c, node, scope)
    if limit and not aggregated and distinct is None and (not order or _index_orders(c, node, scope)):
        c.bounded.update({s.table: True for s in scope.sources if s.table})
    if distinct is not None and distinct.args.get("on") is not None:
        sql = _distinct_on(c, distinct.args["on"], scope, listed, tail, order, len(cells), spread, cells)
        return Compiled(sql + limit, columns)
    word = "DISTINCT " if distinct is not None else ""
    order_sql = f" ORDER BY {', '.join(text for text, _ in order)}" if order else ""
    if distinct is not None and any(hidden for _, hidden in order):
        hidden_at = next(n for n, (_, hidden) in enumerate(order) if hidden)
        raise PgError(
            "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
            position=position_of(node.args["order"].expressions[hidden_at]),
        )
    return Compiled(f"SELECT {word}{listed}{tail}{order_sql}{limit}", columns, carries, open=open_)


def _where(c: Compiler, node: exp.Select, scope: Scope) -> str:
    if node.args.get("where") is None:
        return ""
    scope.aggregates_forbidden = "WHERE"
    sql = condition(c, node.args["where"].this, scope, "WHERE")
    scope.aggregates_forbidden = ""
    mark_indexed(c, node.args["where"].this, scope)
    weigh_single(c, node.args["where"].this, scope)
    return f" WHERE {sql}"


def weigh_single(c: Compiler, where: Any, scope: Scope) -> None:
    """Rows asked for by a value that each has of its own stand for themselves alone, and so do their children."""
    where = where.unnest()
    terms = (
        [t for term in where.flatten() for t in term.unnest().flatten()]
        if isinstance(where, exp.And)
        else [where]
    )
    single: list[Source] = []
    for term in terms:
        inner = term.unnest()
        if not isinstance(inner, exp.EQ | exp.In):
            continue
        sides = (inner.this, inner.args.get("expression"))
        for column, value in (sides, sides[::-1]):
            if isinstance(column, exp.Column) and _is_one(value, scope):
                single += [s for s in scope.sources if _own_value(c, s, column)]
    for source in single:
        source.weight = None
    for one, other in [*c.linked, *((b, a) for a, b in c.linked)]:
        if any(s.table == other[0] for s in single) and c.names.stands_for(*one) == 0.0:
            for source in scope.sources:
                source.weight = None if source.table == one[0] else source.weight


def _is_one(value: Any, scope: Scope) -> bool:
    """Whether a value is that of one row: no column, or a column of something that is no sample."""
    if not isinstance(value, exp.Column):
        return True
    name, qualifier = name_of(value.this), name_of(value.args.get("table"))
    owner = next((s for s in scope.sources if name in s.columns and qualifier in ("", s.alias)), None)
    return owner is not None and owner.weight is None


def _own_value(c: Compiler, source: Source, column: exp.Column) -> bool:
    name, qualifier = name_of(column.this), name_of(column.args.get("table"))
    named = source.table and name in source.columns and qualifier in ("", source.alias)
    return bool(named) and c.names.stands_for(source.table, name) == 0.0


def mark_indexed(c: Compiler, where: Any, scope: Scope) -> None:
    """Remember tables that an index narrows down: reading them costs no scan."""
    ranges = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
    for term in where.flatten() if isinstance(where, exp.And) else [where]:
        term = term.this if isinstance(term, exp.Paren) else term
        for side in (term.this, term.args.get("expression")) if isinstance(term, ranges) else ():
            found = base_column(side, scope) if isinstance(side, exp.Column) else None
            if found is not None and c.names.indexed(*found):
                c.bounded[found[0]] = True


def targets(node: exp.Select, scope: Scope) -> list[tuple[str, Any]]:
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
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Values):
        return "column1"
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
    scope.per_group = _per_group(c, scope)
    return f" GROUP BY {', '.join(parts)}"


def _per_group(c: Compiler, scope: Scope) -> str:
    """SQL of how many real groups one group of sampled rows stands for, if groups are as fine as keys."""
    found = ""
    for source in scope.sources:
        for name in source.columns:
            if source.table and source.weight and f"{id(source)}.{name}" in (scope.grouped or {}):
                each = c.names.stands_for(source.table, name)
                if each == 0:
                    return f"coalesce({source.weight}, 1)"
                hot = c.names.hot_values(source.table, name) if each else ()
                shown = repr(each) if each else ""
                if hot:
                    values = ", ".join(str(value) for value in hot)
                    shown = f"(CASE WHEN {source.columns[name].sql} IN ({values}) THEN 1 ELSE {shown} END)"
                found = found or shown
    return found


def _check_grouping(scope: Scope) -> None:
    grouped = scope.grouped or {}
    for source, name, position in scope.loose:
        keyed = source.key and all(f"{id(source)}.{k}" in grouped for k in source.key)
        if keyed or f"{id(source)}.{name}" in grouped or not any(source is s for s in scope.sources):
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


def _index_orders(c: Compiler, node: exp.Select, scope: Scope) -> bool:
    """Whether an index gives the first rows in the order asked for."""
    first = node.args["order"].expressions[0]
    column = first.this if isinstance(first, exp.Ordered) else first
    if not isinstance(column, exp.Column):
        return False
    return any(s.table and c.names.indexed(s.table, name_of(column.this)) for s in scope.sources)


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
        elif isinstance(value, exp.Column):
            raise PgError(f'column "{value.name}" does not exist', find=value.name, find_last=True)
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
