"""Scalar expressions, one handler a kind of tree node; function calls live in `calls`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from simulator.postgres import calls, types
from simulator.postgres import operators as ops
from simulator.postgres.errors import PgError, not_simulated
from simulator.postgres.scope import Scope, Typed, end_of, name_of, position_of, quote, untyped
from simulator.postgres.types import (
    BOOL,
    DATE,
    INT4,
    INT8,
    INTERVAL,
    JSONB,
    NAME,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    UNKNOWN,
    PgType,
)

if TYPE_CHECKING:
    from simulator.postgres.compiler import Compiler

Handler = Callable[["Compiler", Any, Scope], Typed]

# Offsets of zones without daylight saving: a zone database would be a file of the host.
ZONES_MIN = {
    "utc": 0, "etc/utc": 0, "gmt": 0, "z": 0, "europe/moscow": 180, "msk": 180, "europe/kaliningrad": 120,
    "europe/samara": 240, "asia/yekaterinburg": 300, "asia/omsk": 360, "asia/novosibirsk": 420,
    "asia/krasnoyarsk": 420, "asia/irkutsk": 480, "asia/yakutsk": 540, "asia/vladivostok": 600,
    "asia/almaty": 300, "asia/dubai": 240, "asia/tashkent": 300, "europe/minsk": 180,
}  # fmt: skip


def _literal(c: Compiler, node: exp.Literal, scope: Scope) -> Typed:
    text = str(node.this)
    if node.is_string:
        return untyped(text)
    if len(text) > types.LONGEST // 2:
        raise PgError("value overflows numeric format")
    if text.isdigit():
        value = int(text)
        if value < 2**63:
            return Typed(str(value), INT4 if value < 2**31 else INT8)
        return Typed(repr(float(value)), PgType("numeric", scale=0))
    try:
        value_f = float(text)
    except ValueError:
        raise PgError(f'syntax error at or near "{text}"', find=text) from None
    digits = text.lower().partition("e")
    scale = len(digits[0].partition(".")[2]) if not digits[1] else None
    return Typed(repr(value_f) if abs(value_f) < 1e300 else "9e999", PgType("numeric", scale=scale))


def _string(c: Compiler, node: Any, scope: Scope) -> Typed:
    return untyped(str(node.this))


def _null(c: Compiler, node: Any, scope: Scope) -> Typed:
    return Typed("NULL", UNKNOWN)


def _boolean(c: Compiler, node: exp.Boolean, scope: Scope) -> Typed:
    return Typed("1" if node.this else "0", BOOL)


def _parameter(c: Compiler, node: Any, scope: Scope) -> Typed:
    if c.lenient_parameters:
        return Typed("NULL", UNKNOWN)
    raise PgError(f"there is no parameter ${name_of(node) or node.this}", find="$")


def _column(c: Compiler, node: exp.Column, scope: Scope) -> Typed:
    if isinstance(node.this, exp.Star):
        raise not_simulated("a whole row as a value")
    if (
        isinstance(node.this, exp.Identifier)
        and not node.this.args.get("quoted")
        and not node.args.get("table")
    ):
        word = str(node.this.this).lower()
        if word == "user":
            return Typed(quote(c.user), NAME)
    return scope.column(node)


def _paren(c: Compiler, node: exp.Paren, scope: Scope) -> Typed:
    inner = c.expr(node.this, scope)
    return inner if inner.literal is not None else Typed(f"({inner.sql})", inner.type)


def _alias(c: Compiler, node: exp.Alias, scope: Scope) -> Typed:
    return c.expr(node.this, scope)


def _neg(c: Compiler, node: exp.Neg, scope: Scope) -> Typed:
    inner = c.expr(node.this, scope)
    if not ops.is_number(inner.type) and inner.type.name != "interval":
        raise ops.no_operator("-", None, inner, None)
    return Typed(f"(- {inner.sql})", inner.type)


def _operator_position(node: Any) -> int | None:
    """Where the operator stands, if the left side ends in an identifier."""
    end = end_of(node.this)
    return end + 1 if end is not None and isinstance(node.this, exp.Column) else None


def _arithmetic(op: str) -> Handler:
    def handle(c: Compiler, node: Any, scope: Scope) -> Typed:
        left, right = c.expr(node.this, scope), c.expr(node.expression, scope)
        return ops.arithmetic(op, left, right, c.now_us, _operator_position(node))

    return handle


def _comparison(op: str) -> Handler:
    def handle(c: Compiler, node: Any, scope: Scope) -> Typed:
        if isinstance(node.expression, exp.Any):
            return _any(c, node, op, node.expression.this, scope)
        if isinstance(node.expression, exp.Anonymous) and str(node.expression.this).lower() == "all":
            return _all(c, node, op, node.expression.expressions[0], scope)
        if isinstance(node.this, exp.Tuple) or isinstance(node.expression, exp.Tuple):
            return _row_comparison(c, node, op, scope)
        left, right = c.expr(node.this, scope), c.expr(node.expression, scope)
        a, b = ops.comparison(op, left, right, c.now_us, _operator_position(node))
        if op == "=":
            _want(c, node, scope)
        return Typed(f"({a} {op} {b})", BOOL)

    return handle


def _want(c: Compiler, node: Any, scope: Scope) -> None:
    """Remember `key = number`: that row exists at full size even if it is in no sample."""
    column, value = node.this, node.expression
    if isinstance(column, exp.Column) and isinstance(value, exp.Column):
        sides = [base_column(side, scope) for side in (column, value)]
        if sides[0] and sides[1]:
            c.linked.append((sides[0], sides[1]))
        return
    if isinstance(column, exp.Literal):
        column, value = value, column
    if not isinstance(column, exp.Column) or not isinstance(value, exp.Literal) or len(str(value.this)) > 18:
        return
    name, qualifier = name_of(column.this), name_of(column.args.get("table"))
    for source in scope.sources:
        if source.table and name in source.columns and (not qualifier or source.alias == qualifier):
            if str(value.this).isdigit():
                c.wanted.setdefault(source.table, {})[(name, int(value.this))] = True
            return


def base_column(node: exp.Column, scope: Scope) -> tuple[str, str] | None:
    """(table, column) of a reference to a table's own column."""
    name, qualifier = name_of(node.this), name_of(node.args.get("table"))
    for source in scope.sources:
        if source.table and name in source.columns and qualifier in ("", source.alias):
            return source.table, name
    return None


def _row_comparison(c: Compiler, node: Any, op: str, scope: Scope) -> Typed:
    sides = []
    for side in (node.this, node.expression):
        if not isinstance(side, exp.Tuple):
            raise not_simulated("a row compared with something else")
        sides.append([c.expr(e, scope) for e in side.expressions])
    if len(sides[0]) != len(sides[1]):
        raise PgError("unequal number of entries in row expressions")
    pairs = [ops.comparison(op, x, y, c.now_us, None) for x, y in zip(*sides, strict=True)]
    left, right = ", ".join(a for a, _ in pairs), ", ".join(b for _, b in pairs)
    return Typed(f"(({left}) {op} ({right}))", BOOL)


def _any(c: Compiler, node: Any, op: str, operand: Any, scope: Scope) -> Typed:
    """`x op ANY (...)`; only equality has a cheap form, the rest is answered for subqueries."""
    left = c.expr(node.this, scope)
    while isinstance(operand, exp.Paren):
        operand = operand.this
    if isinstance(operand, exp.Subquery | exp.Select):
        inner = c.query(operand.this if isinstance(operand, exp.Subquery) else operand, scope)
        if op != "=":
            raise not_simulated(f"{op} ANY (subquery)")
        return Typed(f"({left.sql} IN ({inner.sql}))", BOOL)
    if op not in ("=", "<>"):
        return _each(c, left, op, operand, scope, " OR ")
    return _in_array(c, left, operand, scope, negated=op == "<>")


def _each(c: Compiler, left: Typed, op: str, operand: Any, scope: Scope, word: str) -> Typed:
    """`x op ANY|ALL (ARRAY[…])` of a written array: one comparison an element."""
    while isinstance(operand, exp.Paren | exp.Cast):
        operand = operand.this
    if isinstance(operand, exp.Array):
        items = [c.expr(e, scope) for e in operand.expressions]
    elif isinstance(operand, exp.Literal) and operand.is_string:
        items = [untyped(e) for e in types_array(str(operand.this))]
    else:
        raise not_simulated(f"{op} {'ANY' if 'OR' in word else 'ALL'} (a computed array)")
    pairs = [ops.comparison(op, left, item, c.now_us, None) for item in items]
    body = word.join(f"{a} {op} {b}" for a, b in pairs) or ("0" if "OR" in word else "1")
    return Typed(f"({body})", BOOL)


def _all(c: Compiler, node: Any, op: str, operand: Any, scope: Scope) -> Typed:
    if op != "<>":
        return _each(c, c.expr(node.this, scope), op, operand, scope, " AND ")
    return _in_array(c, c.expr(node.this, scope), operand, scope, negated=True)


def _in_array(c: Compiler, left: Typed, operand: Any, scope: Scope, negated: bool) -> Typed:
    word = "NOT IN" if negated else "IN"
    if isinstance(operand, exp.Cast) and isinstance(operand.this, exp.Literal | exp.Array):
        operand = operand.this
    if isinstance(operand, exp.Array):
        items = [c.expr(e, scope) for e in operand.expressions]
        parts = [ops.comparison("=", left, item, c.now_us, None)[1] for item in items]
        return Typed(f"({left.sql} {word} ({', '.join(parts)}))", BOOL)
    if isinstance(operand, exp.Literal) and operand.is_string:
        elements = types_array(str(operand.this))
        parts = [ops.comparison("=", left, untyped(e), c.now_us, None)[1] for e in elements]
        return Typed(f"({left.sql} {word} ({', '.join(parts)}))", BOOL)
    array = c.expr(operand, scope)
    if not array.type.is_array:
        raise PgError("op ANY/ALL (array) requires array on right side")
    test = f"pg_in_array({ops.as_text(left).sql}, {array.sql})"
    return Typed(f"(NOT {test})" if negated else test, BOOL)


def types_array(text: str) -> list[str]:
    """The elements of an array literal `{a,"b c"}`. Raises PgError."""
    body = text.strip()
    if not (body.startswith("{") and body.endswith("}")):
        raise PgError(
            f'malformed array literal: "{text}"',
            find=f"'{text}'",
            detail='Array value must start with "{" or dimension information.',
        )
    return [part.strip().strip('"') for part in body[1:-1].split(",")] if body[1:-1].strip() else []


def _logic(word: str) -> Handler:
    def handle(c: Compiler, node: Any, scope: Scope) -> Typed:
        sides = [condition(c, side, scope, word) for side in (node.this, node.expression)]
        return Typed(f"({sides[0]} {word} {sides[1]})", BOOL)

    return handle


def condition(c: Compiler, node: Any, scope: Scope, word: str) -> str:
    """A boolean operand of AND, OR, NOT, WHERE, HAVING, ON... Raises PgError when it is none."""
    piece = ops.settle(c.expr(node, scope), BOOL, c.now_us)
    if piece.type.name != "boolean":
        raise PgError(
            f"argument of {word} must be type boolean, not type {piece.type.name}", position=position_of(node)
        )
    return piece.sql


def _not(c: Compiler, node: exp.Not, scope: Scope) -> Typed:
    return Typed(f"(NOT {condition(c, node.this, scope, 'NOT')})", BOOL)


def _is(c: Compiler, node: exp.Is, scope: Scope) -> Typed:
    left = c.expr(node.this, scope)
    negated = "NOT " if node.args.get("negate") else ""
    if isinstance(node.expression, exp.Boolean):
        truth = ops.settle(left, BOOL, c.now_us)
        return Typed(f"({truth.sql} IS {negated}{1 if node.expression.this else 0})", BOOL)
    if not isinstance(node.expression, exp.Null):
        raise not_simulated("this form of IS")
    return Typed(f"({left.sql} IS {negated}NULL)", BOOL)


def _distinct_from(word: str) -> Handler:
    def handle(c: Compiler, node: Any, scope: Scope) -> Typed:
        left, right = c.expr(node.this, scope), c.expr(node.expression, scope)
        if "NULL" in (left.sql, right.sql):
            return Typed(f"({left.sql} {word} {right.sql})", BOOL)
        a, b = ops.comparison("=", left, right, c.now_us, None)
        return Typed(f"({a} {word} {b})", BOOL)

    return handle


def _between(c: Compiler, node: exp.Between, scope: Scope) -> Typed:
    value = c.expr(node.this, scope)
    low, high = c.expr(node.args["low"], scope), c.expr(node.args["high"], scope)
    a1, b1 = ops.comparison(">=", value, low, c.now_us, None)
    a2, b2 = ops.comparison("<=", value, high, c.now_us, None)
    return Typed(f"({a1} >= {b1} AND {a2} <= {b2})", BOOL)


def _in(c: Compiler, node: exp.In, scope: Scope) -> Typed:
    inner = node.args.get("query")
    if isinstance(node.this, exp.Tuple):
        left_sql = "(" + ", ".join(c.expr(e, scope).sql for e in node.this.expressions) + ")"
        if inner is None:
            raise not_simulated("a row in a list")
        return Typed(f"({left_sql} IN ({c.query(inner.this, scope).sql}))", BOOL)
    left = c.expr(node.this, scope)
    if inner is not None:
        found = c.query(inner.this if isinstance(inner, exp.Subquery) else inner, scope)
        if len(found.columns) != 1:
            raise PgError("subquery has too many columns", find="(select")
        right = Typed("x", found.columns[0][1])
        ops.comparison("=", left, right, c.now_us, _operator_position(node))
        settled = ops.settle(left, right.type, c.now_us)
        return Typed(f"({settled.sql} IN ({found.sql}))", BOOL)
    parts, left_sql = [], left.sql
    if not node.expressions:
        raise PgError('syntax error at or near ")"', find=")")
    for item in node.expressions:
        left_sql, right_sql = ops.comparison(
            "=", left, c.expr(item, scope), c.now_us, _operator_position(node)
        )
        parts.append(right_sql)
        _want(c, exp.EQ(this=node.this, expression=item), scope)
    return Typed(f"({left_sql} IN ({', '.join(parts)}))", BOOL)


def _matching(function: str) -> Handler:
    def handle(c: Compiler, node: Any, scope: Scope) -> Typed:
        left, right = c.expr(node.this, scope), c.expr(node.expression, scope)
        if not ops.is_string(left.type):
            symbol = {"pg_like": "~~", "pg_ilike": "~~*", "pg_match": "~", "pg_imatch": "~*"}.get(
                function, "~"
            )
            raise ops.no_operator(symbol, left, right, _operator_position(node))
        test = f"{function}({left.sql}, {right.sql})"
        return Typed(f"(NOT {test})" if node.args.get("negate") else test, BOOL)

    return handle


def _case(c: Compiler, node: exp.Case, scope: Scope) -> Typed:
    operand = c.expr(node.this, scope) if node.this is not None else None
    tests, results = [], []
    for branch in node.args["ifs"]:
        if operand is None:
            tests.append(condition(c, branch.this, scope, "CASE/WHEN"))
        else:
            a, b = ops.comparison("=", operand, c.expr(branch.this, scope), c.now_us, None)
            tests.append(f"{a} = {b}")
        results.append(c.expr(branch.args["true"], scope))
    default = node.args.get("default")
    results.append(c.expr(default, scope) if default is not None else Typed("NULL", UNKNOWN))
    kind = ops.common_type(results, "CASE")
    settled = [ops.settle(r, kind, c.now_us).sql for r in results]
    body = " ".join(f"WHEN {t} THEN {r}" for t, r in zip(tests, settled, strict=False))
    return Typed(f"(CASE {body} ELSE {settled[-1]} END)", kind)


def datatype(node: Any) -> PgType:
    """The type a DataType node names. Raises PgError for an unknown one."""
    if isinstance(node, exp.DataType):
        given = [str(p.this) for p in node.expressions if isinstance(p, exp.DataTypeParam)]
        if not all(g.isdigit() and len(g) < 6 for g in given):
            raise PgError(f'syntax error at or near "{given[0]}"', find=given[0])
        args = tuple(int(g) for g in given)
        text = node.sql(dialect="postgres").lower()
        kind = types.named(text.partition("(")[0].strip() + ("[]" if text.endswith("[]") else ""), args)
        if text.startswith("timestamp(") or text.startswith("timestamptz("):
            kind = TIMESTAMPTZ if text.startswith("timestamptz") else TIMESTAMP
        if kind is not None:
            return kind
        name = text.strip('"')
        if types.named(name) is not None:
            return PgType(name)
    else:
        name = str(node.this).lower()
        if name in ("regclass", "regtype", "regnamespace", "regrole", "oid"):
            return PgType(name)
    raise PgError(f'type "{name}" does not exist', find=name)


def _cast(c: Compiler, node: exp.Cast, scope: Scope) -> Typed:
    if isinstance(node.this, exp.Array) and not node.this.expressions:
        return Typed("'{}'", datatype(node.to))
    return ops.cast(c.expr(node.this, scope), datatype(node.to), c.now_us)


def _interval(c: Compiler, node: exp.Interval, scope: Scope) -> Typed:
    unit = node.args.get("unit")
    number = node.this
    if not isinstance(number, exp.Literal):
        raise not_simulated("an interval that is no literal")
    text = f"{number.this} {name_of(unit) or unit.name if unit is not None else ''}".strip()
    value = types.parse_interval(text)
    if value is None:
        raise PgError(f'invalid input syntax for type interval: "{text.lower()}"', find=f"'{text}'")
    return Typed(str(value), INTERVAL)


def _concat(c: Compiler, node: Any, scope: Scope) -> Typed:
    left, right = c.expr(node.this, scope), c.expr(node.expression, scope)
    if left.type.is_array or right.type.is_array:
        return _arrays_joined(left, right)
    if "jsonb" in (left.type.name, right.type.name):
        return Typed(f"pg_json_merge({left.sql}, {right.sql})", JSONB)
    if not ops.is_string(left.type) and not ops.is_string(right.type):
        raise ops.no_operator("||", left, right, _operator_position(node))
    return Typed(f"({ops.as_text(left).sql} || {ops.as_text(right).sql})", TEXT)


def _arrays_joined(left: Typed, right: Typed) -> Typed:
    kind = left.type if left.type.is_array else right.type
    if left.type.is_array and (right.type.is_array or right.literal is not None):
        return Typed(f"pg_array_cat({left.sql}, {right.sql})", kind)
    if left.type.is_array:
        return Typed(f"pg_array_append({left.sql}, {right.sql})", kind)
    name = "pg_array_cat" if left.literal is not None else "pg_array_prepend"
    return Typed(f"{name}({left.sql}, {right.sql})", kind)


def _json_path(text: bool) -> Handler:
    """`#>` and `#>>`."""

    def handle(c: Compiler, node: Any, scope: Scope) -> Typed:
        document, path = c.expr(node.this, scope), c.expr(node.expression, scope)
        if document.type.name not in ("json", "jsonb"):
            raise ops.no_operator("#>>" if text else "#>", document, path, _operator_position(node))
        name = "pg_json_at_text" if text else "pg_json_at"
        return Typed(f"{name}({document.sql}, {path.sql})", TEXT if text else document.type)

    return handle


def _overlaps(c: Compiler, node: Any, scope: Scope) -> Typed:
    left, right = c.expr(node.this, scope), c.expr(node.expression, scope)
    if not left.type.is_array:
        raise ops.no_operator("&&", left, right, _operator_position(node))
    return Typed(f"pg_array_overlaps({left.sql}, {right.sql})", BOOL)


def _joined_literals(c: Compiler, node: exp.Concat, scope: Scope) -> Typed:
    return untyped("".join(str(e.this) for e in node.expressions if isinstance(e, exp.Literal)))


def _json(text: bool) -> Handler:
    def handle(c: Compiler, node: Any, scope: Scope) -> Typed:
        document = c.expr(node.this, scope)
        if document.type.name not in ("json", "jsonb"):
            raise ops.no_operator(
                "->>" if text else "->", document, Typed("", UNKNOWN), _operator_position(node)
            )
        path = node.expression
        if isinstance(path, exp.JSONPath):
            keys = [str(p.this) for p in path.expressions if not isinstance(p, exp.JSONPathRoot)]
            key_sql = quote(keys[-1]) if keys else "''"
        else:
            key_sql = ops.as_text(c.expr(path, scope)).sql
        name = "pg_json_text" if text else "pg_json_get"
        return Typed(f"{name}({document.sql}, {key_sql})", TEXT if text else document.type)

    return handle


def _json_contains(c: Compiler, node: Any, scope: Scope) -> Typed:
    left, right = c.expr(node.this, scope), c.expr(node.expression, scope)
    if left.type.is_array:
        return Typed(f"pg_array_contains({left.sql}, {right.sql})", BOOL)
    if left.type.name != "jsonb":
        raise ops.no_operator("@>", left, right, _operator_position(node))
    right = ops.settle(right, JSONB, c.now_us)
    return Typed(f"pg_json_contains({left.sql}, {right.sql})", BOOL)


def _json_has(c: Compiler, node: Any, scope: Scope) -> Typed:
    left, right = c.expr(node.this, scope), c.expr(node.expression, scope)
    if left.type.name != "jsonb":
        raise ops.no_operator("?", left, right, _operator_position(node))
    return Typed(f"pg_json_has({left.sql}, {right.sql})", BOOL)


def _array(c: Compiler, node: exp.Array, scope: Scope) -> Typed:
    items = [c.expr(e, scope) for e in node.expressions]
    kind = ops.common_type(items, "ARRAY") if items else TEXT
    parts = ", ".join(ops.as_text(ops.settle(i, kind, c.now_us)).sql for i in items)
    return Typed(f"pg_array({parts})", PgType(kind.name + "[]"))


def _bracket(c: Compiler, node: exp.Bracket, scope: Scope) -> Typed:
    array = c.expr(node.this, scope)
    if not array.type.is_array or len(node.expressions) != 1:
        raise PgError(f"cannot subscript type {array.type.name} because it does not support subscripting")
    index = c.expr(node.expressions[0], scope)  # the parser has made it zero-based
    element = PgType(array.type.name.removesuffix("[]"))
    return Typed(f"pg_element({array.sql}, {index.sql})", element)


def _subquery(c: Compiler, node: Any, scope: Scope) -> Typed:
    inner = node.this if isinstance(node, exp.Subquery) else node
    found = c.query(inner, scope)
    if len(found.columns) != 1:
        raise PgError("subquery must return only one column", find="(select")
    if _may_be_many(inner):
        return Typed(f"(SELECT pg_only(c0) FROM ({found.sql}))", found.columns[0][1])
    return Typed(f"({found.sql})", found.columns[0][1])


def _may_be_many(node: Any) -> bool:
    """Whether a scalar subquery might give more than a row: no aggregate over everything, no LIMIT 1."""
    if not isinstance(node, exp.Select) or node.args.get("limit") is not None:
        return False
    if node.args.get("from_") is None and node.args.get("from") is None:
        return False
    called = {type(f).__name__.lower() if not isinstance(f, exp.Anonymous) else str(f.this).lower()
              for e in node.expressions for f in e.find_all(exp.Func)}  # fmt: skip
    return node.args.get("group") is not None or not called & calls.AGGREGATES


def _exists(c: Compiler, node: exp.Exists, scope: Scope) -> Typed:
    inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
    return Typed(f"EXISTS ({c.query(inner, scope).sql})", BOOL)


def _at_zone(c: Compiler, node: exp.AtTimeZone, scope: Scope) -> Typed:
    value = ops.settle(c.expr(node.this, scope), TIMESTAMPTZ, c.now_us)
    zone = str(node.args["zone"].this) if isinstance(node.args["zone"], exp.Literal) else ""
    offset = ZONES_MIN.get(zone.lower())
    if offset is None:
        raise PgError(f'time zone "{zone}" not recognized')
    shift_us = offset * 60 * types.US
    if value.type == TIMESTAMPTZ:
        return Typed(f"({value.sql} + {shift_us})", TIMESTAMP)
    return Typed(f"({value.sql} - {shift_us})", TIMESTAMPTZ)


def _extract(c: Compiler, node: exp.Extract, scope: Scope) -> Typed:
    part = str(node.this.name or node.this.this).lower()
    return calls.extract(c, part, c.expr(node.expression, scope), to_numeric=True)


def _now(kind: PgType) -> Handler:
    def handle(c: Compiler, node: Any, scope: Scope) -> Typed:
        value = c.now_us - c.now_us % types.DAY_US if kind is DATE else c.now_us
        return Typed(str(value), kind)

    return handle


def _name(which: str) -> Handler:
    def handle(c: Compiler, node: Any, scope: Scope) -> Typed:
        values = {"user": c.user, "database": c.database, "schema": "public"}
        return Typed(quote(values[which]), NAME)

    return handle


def _substring(c: Compiler, node: Any, scope: Scope) -> Typed:
    args = [a for a in (node.this, node.args.get("start"), node.args.get("length")) if a is not None]
    if len(args) == 2 and isinstance(args[1], exp.Literal) and args[1].is_string:
        found = calls.call(c, "regexp_match", args, node, scope)  # substring(text from 'pattern')
        return Typed(f"pg_element({found.sql}, 0)", TEXT)
    return calls.call(c, "substring", args, node, scope)


def _trim(c: Compiler, node: Any, scope: Scope) -> Typed:
    side = str(node.args.get("position") or "BOTH").upper()
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(side, "btrim")
    args = [a for a in (node.this, node.args.get("expression")) if a is not None]
    return calls.call(c, name, args, node, scope)


def _position(c: Compiler, node: Any, scope: Scope) -> Typed:
    return calls.call(c, "strpos", [node.this, node.args["substr"]], node, scope)


def _anonymous(c: Compiler, node: Any, scope: Scope) -> Typed:
    return calls.call(c, str(node.this).lower(), list(node.expressions), node, scope)


def _dot(c: Compiler, node: exp.Dot, scope: Scope) -> Typed:
    schema = name_of(node.this)
    if isinstance(node.expression, exp.Anonymous | exp.Func) and schema in ("pg_catalog", "public"):
        return c.expr(node.expression, scope)
    if isinstance(node.expression, exp.Func | exp.Anonymous):
        raise PgError(f'schema "{schema}" does not exist', find=schema)
    raise not_simulated("a field of a composite value")


def _aggregate(c: Compiler, node: Any, scope: Scope) -> Typed:
    return calls.decorated(c, node, scope)


def _collate(c: Compiler, node: exp.Collate, scope: Scope) -> Typed:
    return c.expr(node.this, scope)


def _tuple(c: Compiler, node: Any, scope: Scope) -> Typed:
    if len(node.expressions) == 1:
        return c.expr(node.expressions[0], scope)
    raise not_simulated("a row as a value")


EXPRESSIONS: dict[type, Handler] = {
    exp.Literal: _literal, exp.ByteString: _string, exp.RawString: _string, exp.National: _string,
    exp.Null: _null, exp.Boolean: _boolean, exp.Placeholder: _parameter, exp.Parameter: _parameter,
    exp.Column: _column, exp.Paren: _paren, exp.Alias: _alias, exp.Neg: _neg, exp.Not: _not,
    exp.Add: _arithmetic("+"), exp.Sub: _arithmetic("-"), exp.Mul: _arithmetic("*"),
    exp.Div: _arithmetic("/"), exp.Mod: _arithmetic("%"), exp.Pow: _arithmetic("^"),
    exp.EQ: _comparison("="), exp.NEQ: _comparison("<>"), exp.LT: _comparison("<"),
    exp.LTE: _comparison("<="), exp.GT: _comparison(">"), exp.GTE: _comparison(">="),
    exp.And: _logic("AND"), exp.Or: _logic("OR"), exp.Is: _is, exp.Between: _between, exp.In: _in,
    exp.NullSafeEQ: _distinct_from("IS"), exp.NullSafeNEQ: _distinct_from("IS NOT"),
    exp.Like: _matching("pg_like"), exp.ILike: _matching("pg_ilike"), exp.SimilarTo: _matching("pg_similar"),
    exp.RegexpLike: _matching("pg_match"), exp.RegexpILike: _matching("pg_imatch"),
    exp.Case: _case, exp.Cast: _cast, exp.Interval: _interval, exp.DPipe: _concat,
    exp.Concat: _joined_literals, exp.JSONExtract: _json(False), exp.JSONExtractScalar: _json(True),
    exp.ArrayContainsAll: _json_contains, exp.ArrayOverlaps: _overlaps, exp.JSONBExtract: _json_path(False),
    exp.JSONBExtractScalar: _json_path(True),
    exp.JSONBContainsTopKey: _json_has, exp.Array: _array, exp.Bracket: _bracket,
    exp.Subquery: _subquery, exp.Select: _subquery, exp.Exists: _exists, exp.AtTimeZone: _at_zone,
    exp.Extract: _extract, exp.CurrentTimestamp: _now(TIMESTAMPTZ), exp.CurrentDate: _now(DATE),
    exp.Localtimestamp: _now(TIMESTAMP), exp.CurrentUser: _name("user"), exp.SessionUser: _name("user"),
    exp.CurrentRole: _name("user"), exp.CurrentCatalog: _name("database"), exp.CurrentSchema: _name("schema"),
    exp.Substring: _substring, exp.Trim: _trim, exp.StrPosition: _position, exp.Anonymous: _anonymous,
    exp.Dot: _dot, exp.Window: _aggregate, exp.Filter: _aggregate, exp.WithinGroup: _aggregate,
    exp.Collate: _collate, exp.Tuple: _tuple,
}  # fmt: skip
