"""Function calls: plain functions, aggregates and window functions, by PostgreSQL's names.

What a plain function computes lives in `functions`; here are names, argument types and result types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from simulator.postgres import more_functions
from simulator.postgres import operators as ops
from simulator.postgres.errors import PgError, not_simulated
from simulator.postgres.scope import Scope, Typed, name_of, position_of, quote
from simulator.postgres.types import (
    BOOL,
    DATE,
    DIVISION,
    FLOAT8,
    INT4,
    INT8,
    INTEGERS,
    INTERVAL,
    JSON,
    JSONB,
    LSN,
    NAME,
    REGCLASS,
    ROOT,
    TEXT,
    TIME,
    TIMESTAMPTZ,
    UNKNOWN,
    UUID,
    VOID,
    PgType,
)

if TYPE_CHECKING:
    from simulator.postgres.compiler import Compiler

FUNCTION_HINT = (
    "No function matches the given name and argument types. You might need to add explicit type casts."
)
WHOLE = PgType("numeric", scale=0)

# name: (argument kinds, result type, SQLite function). Kinds: t text, i integer, n number, r relation,
# s time, v interval, b boolean, j json, * anything as text, x as it is, d with its type's name; a `?` makes
# those behind it optional, `+` lets the one behind it repeat.
PLAIN: dict[str, tuple[str, PgType, str]] = {
    "lower": ("t", TEXT, "pg_lower"), "upper": ("t", TEXT, "pg_upper"), "initcap": ("t", TEXT, "pg_initcap"),
    "length": ("t", INT4, "length"), "char_length": ("t", INT4, "length"),
    "character_length": ("t", INT4, "length"), "octet_length": ("t", INT4, "pg_octets"),
    "left": ("ti", TEXT, "pg_left"), "right": ("ti", TEXT, "pg_right"), "reverse": ("t", TEXT, "pg_reverse"),
    "substring": ("ti?i", TEXT, "pg_substr"), "substr": ("ti?i", TEXT, "pg_substr"),
    "replace": ("ttt", TEXT, "replace"), "translate": ("ttt", TEXT, "pg_translate"),
    "repeat": ("ti", TEXT, "pg_repeat"), "split_part": ("tti", TEXT, "pg_split_part"),
    "strpos": ("tt", INT4, "instr"), "starts_with": ("tt", BOOL, "pg_starts_with"),
    "btrim": ("t?t", TEXT, "trim"), "ltrim": ("t?t", TEXT, "ltrim"), "rtrim": ("t?t", TEXT, "rtrim"),
    "trim": ("t?t", TEXT, "trim"), "lpad": ("ti?t", TEXT, "pg_lpad"), "rpad": ("ti?t", TEXT, "pg_rpad"),
    "concat": ("+*", TEXT, "pg_concat"), "concat_ws": ("t+*", TEXT, "pg_concat_ws"),
    "md5": ("t", TEXT, "pg_md5"), "chr": ("i", TEXT, "pg_chr"), "ascii": ("t", INT4, "pg_ascii"),
    "to_hex": ("i", TEXT, "pg_to_hex"), "quote_ident": ("t", TEXT, "pg_quote_ident"),
    "quote_literal": ("t", TEXT, "pg_quote_literal"), "format": ("t?+*", TEXT, "pg_format"),
    "regexp_replace": ("ttt?t", TEXT, "pg_regexp_replace"), "regexp_count": ("tt", INT4, "pg_regexp_count"),
    "floor": ("n", WHOLE, "pg_floor"), "ceil": ("n", WHOLE, "pg_ceil"), "ceiling": ("n", WHOLE, "pg_ceil"),
    "sqrt": ("n", FLOAT8, "pg_sqrt"), "power": ("nn", FLOAT8, "pg_power"), "pow": ("nn", FLOAT8, "pg_power"),
    "exp": ("n", FLOAT8, "pg_exp"), "ln": ("n", FLOAT8, "pg_ln"), "log": ("n", FLOAT8, "pg_log10"),
    "sign": ("n", FLOAT8, "pg_sign"), "pi": ("", FLOAT8, "pg_pi"), "random": ("", FLOAT8, "pg_random"),
    "gen_random_uuid": ("", UUID, "pg_uuid"), "isfinite": ("s", BOOL, "pg_true"),
    "to_char": ("xt", TEXT, "pg_to_char"), "to_timestamp": ("n", TIMESTAMPTZ, "pg_from_epoch"),
    "make_interval": ("", INTERVAL, "pg_zero"), "pg_size_pretty": ("n", TEXT, "pg_size_pretty"),
    "pg_relation_size": ("r?t", INT8, "pg_relation_size"), "pg_table_size": ("r", INT8, "pg_table_size"),
    "pg_total_relation_size": ("r", INT8, "pg_total_relation_size"),
    "pg_indexes_size": ("r", INT8, "pg_indexes_size"), "pg_database_size": ("*", INT8, "pg_database_size"),
    "pg_size_bytes": ("t", INT8, "pg_size_bytes"), "pg_backend_pid": ("", INT4, "pg_backend_pid"),
    "pg_terminate_backend": ("i?i", BOOL, "pg_terminate_backend"),
    "pg_cancel_backend": ("i", BOOL, "pg_cancel_backend"), "pg_reload_conf": ("", BOOL, "pg_reload_conf"),
    "pg_drop_replication_slot": ("t", VOID, "pg_drop_slot"), "pg_wal_replay_resume": ("", VOID, "pg_replay_resume"),
    "pg_last_xact_replay_timestamp": ("", TIMESTAMPTZ, "pg_replayed_at"),
    "pg_blocking_pids": ("i", PgType("integer[]"), "pg_blocking_pids"),
    "pg_is_in_recovery": ("", BOOL, "pg_in_recovery"), "pg_postmaster_start_time": ("", TIMESTAMPTZ, "pg_started"),
    "pg_conf_load_time": ("", TIMESTAMPTZ, "pg_conf_load_time"),
    "pg_current_wal_lsn": ("", LSN, "pg_current_wal_lsn"), "pg_wal_lsn_diff": ("**", WHOLE, "pg_lsn_diff"),
    "pg_walfile_name": ("*", TEXT, "pg_walfile_name"), "pg_current_wal_insert_lsn": ("", LSN, "pg_current_wal_lsn"), "pg_switch_wal": ("", LSN, "pg_switch_wal"),
    "pg_last_wal_receive_lsn": ("", LSN, "pg_received_lsn"), "pg_last_wal_replay_lsn": ("", LSN, "pg_replayed_lsn"),
    "txid_current": ("", INT8, "pg_txid"), "txid_current_if_assigned": ("", INT8, "pg_null"),
    "txid_current_snapshot": ("", PgType("txid_snapshot"), "pg_snapshot"),
    "pg_current_snapshot": ("", PgType("pg_snapshot"), "pg_snapshot"),
    "pg_current_xact_id": ("", INT8, "pg_txid"), "pg_sleep": ("n", VOID, "pg_sleep"),
    "pg_stat_reset": ("", VOID, "pg_stat_reset"), "pg_stat_statements_reset": ("?iii", VOID, "pg_stmts_reset"),
    "version": ("", TEXT, "pg_version"),
    "current_database": ("", NAME, "pg_database"), "current_schema": ("", NAME, "pg_schema"),
    "current_setting": ("t?b", TEXT, "pg_current_setting"), "set_config": ("ttb", TEXT, "pg_set_config"),
    "nextval": ("t", INT8, "pg_nextval"), "currval": ("t", INT8, "pg_currval"), "setval": ("ti?b", INT8, "pg_setval"),
    "lastval": ("", INT8, "pg_currval"), "pg_get_indexdef": ("i?ib", TEXT, "pg_get_indexdef"),
    "pg_get_constraintdef": ("i?b", TEXT, "pg_get_constraintdef"), "to_regclass": ("t", REGCLASS, "pg_to_regclass"),
    "pg_get_serial_sequence": ("tt", TEXT, "pg_get_serial_sequence"), "format_type": ("ii", TEXT, "pg_format_type"),
    "pg_get_userbyid": ("i", NAME, "pg_get_userbyid"), "pg_table_is_visible": ("i", BOOL, "pg_true"),
    "obj_description": ("i?t", TEXT, "pg_null"), "col_description": ("ii", TEXT, "pg_null"),
    "pg_encoding_to_char": ("i", NAME, "pg_utf8"), "has_table_privilege": ("+*", BOOL, "pg_true"),
    "has_database_privilege": ("+*", BOOL, "pg_true"), "inet_server_addr": ("", PgType("inet"), "pg_server_addr"),
    "inet_server_port": ("", INT4, "pg_server_port"), "inet_client_addr": ("", PgType("inet"), "pg_null"),
    "jsonb_typeof": ("j", TEXT, "pg_json_typeof"), "json_typeof": ("j", TEXT, "pg_json_typeof"),
    "jsonb_array_length": ("j", INT4, "pg_json_length"), "json_array_length": ("j", INT4, "pg_json_length"),
    "jsonb_pretty": ("j", TEXT, "pg_json_pretty"), "to_json": ("d", JSON, "pg_as_json"), "array_to_json": ("d", JSON, "pg_as_json"),
    "to_jsonb": ("d", JSONB, "pg_to_json"), "jsonb_build_object": ("+d", JSONB, "pg_json_object"),
    "json_build_object": ("+d", JSON, "pg_json_written"), "cardinality": ("*", INT4, "pg_cardinality"),
    "array_length": ("*i", INT4, "pg_cardinality"), "array_to_string": ("*t", TEXT, "pg_array_to_string"),
    "string_to_array": ("tt", PgType("text[]"), "pg_string_to_array"), "hashtext": ("t", INT4, "pg_hashtext"),
    "host": ("t", TEXT, "pg_same"), "pg_stat_get_activity": ("?i", VOID, "pg_void"),
}  # fmt: skip
WINDOW_ONLY = {
    "row_number": INT8, "rank": INT8, "dense_rank": INT8, "ntile": INT4, "percent_rank": FLOAT8,
    "cume_dist": FLOAT8, "lag": None, "lead": None, "first_value": None, "last_value": None, "nth_value": None,
}  # fmt: skip
AGGREGATES = frozenset(
    "count sum avg min max bool_and bool_or every string_agg array_agg json_agg jsonb_agg json_object_agg"
    " jsonb_object_agg stddev stddev_samp"
    " stddev_pop variance var_samp var_pop percentile_cont percentile_disc mode".split()
)
FORBIDDEN = frozenset(
    "pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file lo_import lo_export dblink dblink_exec pg_ls_logdir"
    " pg_ls_waldir pg_file_write pg_logdir_ls load_extension readfile writefile edit".split()
)


def no_function(name: str, args: Sequence[Typed]) -> PgError:
    shown = ", ".join(a.type.name for a in args)
    return PgError(f"function {name}({shown}) does not exist", find=f"{name}(", hint=FUNCTION_HINT)


def call(c: Compiler, name: str, args: list[Any], node: Any, scope: Scope) -> Typed:
    """A call by name. Raises PgError for an unknown function or arguments that fit none."""
    if name in AGGREGATES:
        return aggregate(c, name, args, scope, order=None, filter_sql="", over="")
    if name in WINDOW_ONLY:
        raise PgError(f"window function {name} requires an OVER clause", find=f"{name}(")
    special = SPECIAL.get(name)
    if special is not None:
        return special(c, name, args, scope)
    if name in FORBIDDEN:
        raise PgError(f"permission denied for function {name}")
    pieces = [c.expr(a, scope) for a in args]
    spec = (
        more_functions.BY_COUNT.get((name, len(pieces))) or PLAIN.get(name) or more_functions.PLAIN.get(name)
    )
    if spec is None:
        raise no_function(name, pieces)
    kinds, result, function = spec
    fitted = _fit(c, kinds, pieces)
    if fitted is None:
        raise no_function(name, pieces)
    if name in ("power", "pow", "sqrt", "exp", "ln", "log", "floor", "ceil", "ceiling", "sign") and pieces:
        result = _number_result(name, pieces)
    if name in more_functions.KEEPS_ARRAY:
        result = next((p.type for p in pieces if p.type.is_array), result)
    if function == "pg_to_char":
        fitted.append(quote(pieces[0].type.name))
    return Typed(f"{function}({', '.join(fitted)})", result)


def _number_result(name: str, pieces: list[Typed]) -> PgType:
    exact = any(p.type.name == "numeric" for p in pieces)
    if name in ("floor", "ceil", "ceiling", "sign"):
        return WHOLE if exact else FLOAT8
    return PgType("numeric", scale=DIVISION) if exact else FLOAT8


def _fit(c: Compiler, kinds: str, pieces: list[Typed]) -> list[str] | None:
    """Arguments coerced to the kinds of a signature, or None when they do not fit."""
    needed = len(kinds.partition("?")[0].partition("+")[0])
    fixed, _, repeated = kinds.replace("?", "").partition("+")
    if len(pieces) < needed or (not repeated and len(pieces) > len(fixed)):
        return None
    found = []
    for number, piece in enumerate(pieces):
        text = _argument(c, fixed[number] if number < len(fixed) else repeated, piece)
        if text is None:
            return None
        found.append(text)
    return found


def _written_type(kind: PgType) -> str:
    """A type's name for what is written as JSON; a numeric's with its digits after the point."""
    kept = kind.name == "numeric" and kind.scale is not None and kind.scale >= 0
    return f"{kind.name}/{kind.scale}" if kept else kind.name


def _argument(c: Compiler, kind: str, piece: Typed) -> str | None:
    target = {"i": INT8, "n": FLOAT8, "s": TIMESTAMPTZ, "v": INTERVAL, "b": BOOL, "j": JSONB}.get(kind)
    if kind == "r":
        return ops.cast(piece, PgType("regclass"), c.now_us).sql
    if piece.type == UNKNOWN and target is not None:
        return ops.settle(piece, target, c.now_us).sql
    name = piece.type.name
    if kind == "t":
        return piece.sql if ops.is_string(piece.type) or name in ("regclass", "oid", "inet") else None
    if kind == "x":
        return piece.sql
    if kind == "d":
        return f"{piece.sql}, {quote(_written_type(piece.type))}"
    if kind == "*":
        plain = name in INTEGERS or piece.type.is_array
        # Output form, not a cast: a boolean is `t` here and `true` in `::text`.
        shown = f"substr({ops.as_text(piece).sql}, 1, 1)" if name == "boolean" else ops.as_text(piece).sql
        return piece.sql if plain else shown
    fits = {
        "i": name in (*INTEGERS, "oid", "regclass", "xid"),
        "n": ops.is_number(piece.type),
        "s": ops.is_time(piece.type),
        "v": name == "interval",
        "b": name == "boolean",
        "j": name in ("json", "jsonb"),
    }
    return piece.sql if fits[kind] else None


# --- functions whose types depend on their arguments -------------------------------------------------


def _coalesce(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    pieces = [c.expr(a, scope) for a in args]
    if not pieces:
        raise PgError('syntax error at or near ")"', find=")")
    kind = ops.common_type(pieces, name.upper())
    parts = [ops.settle(p, kind, c.now_us).sql for p in pieces]
    if len(parts) == 1:
        return Typed(parts[0], kind)
    function = {"coalesce": "coalesce", "greatest": "pg_greatest", "least": "pg_least"}[name]
    return Typed(f"{function}({', '.join(parts)})", kind)


def _nullif(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    if len(args) != 2:
        raise PgError('syntax error at or near ")"', find=")")
    left, right = (c.expr(a, scope) for a in args)
    a, b = ops.comparison("=", left, right, c.now_us, None)
    return Typed(f"nullif({a}, {b})", ops.common_type([left, right], "NULLIF"))


def _round(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    pieces = [c.expr(a, scope) for a in args]
    if len(pieces) not in (1, 2) or not ops.is_number(ops.settle(pieces[0], FLOAT8, c.now_us).type):
        raise no_function(name, pieces)
    value = ops.settle(pieces[0], FLOAT8, c.now_us)
    inexact = value.type.name in ("double precision", "real")
    if len(pieces) == 1:
        function = "pg_round_even" if inexact and name == "round" else f"pg_{name}"
        return Typed(f"{function}({value.sql}, 0)", FLOAT8 if inexact else WHOLE)
    if inexact:
        raise no_function(name, pieces)
    digits = pieces[1].sql
    scale = max(0, int(digits)) if digits.isdigit() else None
    return Typed(f"pg_{name}({value.sql}, {digits})", PgType("numeric", scale=scale))


def _abs(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    pieces = [c.expr(a, scope) for a in args]
    if len(pieces) != 1 or not ops.is_number(pieces[0].type):
        raise no_function(name, pieces)
    return Typed(f"abs({pieces[0].sql})", pieces[0].type)


def _mod(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    pieces = [c.expr(a, scope) for a in args]
    if len(pieces) != 2:
        raise no_function(name, pieces)
    return ops.arithmetic("%", pieces[0], pieces[1], c.now_us, None)


def _now(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    return Typed(str(c.now_us), TIMESTAMPTZ)


_TRUNCATABLE = frozenset(
    "microseconds milliseconds second minute hour day week month quarter year decade".split()
)


def _date_trunc(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    pieces = [c.expr(a, scope) for a in args]
    if len(pieces) not in (2, 3):
        raise no_function(name, pieces)
    value = ops.settle(pieces[1], TIMESTAMPTZ, c.now_us)
    if not ops.is_time(value.type) and value.type.name != "interval":
        raise no_function(name, pieces)
    unit = (pieces[0].literal or "").lower()
    if pieces[0].literal is not None and unit.removesuffix("s") not in _TRUNCATABLE | {"microsecond"}:
        raise PgError(f'unit "{unit}" not recognized for type {value.type.name}')
    kind = TIMESTAMPTZ if value.type == DATE else value.type
    return Typed(f"pg_date_trunc({pieces[0].sql}, {value.sql})", kind)


def _date_bin(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    pieces = [c.expr(a, scope) for a in args]
    if len(pieces) != 3:
        raise no_function(name, pieces)
    stride = ops.settle(pieces[0], INTERVAL, c.now_us)
    value, origin = (ops.settle(p, TIMESTAMPTZ, c.now_us) for p in pieces[1:])
    return Typed(f"pg_date_bin({stride.sql}, {value.sql}, {origin.sql})", value.type)


def _age(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    pieces = [c.expr(a, scope) for a in args]
    if len(pieces) == 1 and pieces[0].type.name in ("xid", *INTEGERS):
        return Typed(f"pg_xid_age({pieces[0].sql})", INT4)
    if len(pieces) not in (1, 2):
        raise no_function(name, pieces)
    times = [ops.settle(p, TIMESTAMPTZ, c.now_us).sql for p in pieces]
    today = str(c.now_us - c.now_us % 86_400_000_000)
    left, right = (today, times[0]) if len(times) == 1 else (times[0], times[1])
    return Typed(f"({left} - {right})", INTERVAL)


def _advisory(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    """Advisory locks: no argument for unlock_all, else one bigint or two integers."""
    pieces = [c.expr(a, scope) for a in args]
    kinds = [PgType("bigint") if len(pieces) == 1 else PgType("integer")] * len(pieces)
    pieces = [ops.settle(p, k, c.now_us) for p, k in zip(pieces, kinds, strict=True)]
    whole = all(p.type.name in INTEGERS for p in pieces)
    if not whole or len(pieces) not in ((0,) if name.endswith("_all") else (1, 2)):
        raise no_function(name, pieces)
    tells = "_try_" in name or ("unlock" in name and not name.endswith("_all"))
    sql = f"pg_advisory({', '.join([quote(name), *(p.sql for p in pieces)])})"
    return Typed(sql, BOOL if tells else VOID)


def extract(c: Compiler, part: str, value: Typed, to_numeric: bool) -> Typed:
    """EXTRACT gives a numeric, date_part a float. Raises PgError for an unknown part."""
    value = ops.settle(value, TIMESTAMPTZ, c.now_us)
    if not ops.is_time(value.type) and value.type.name not in ("interval", TIME.name):
        raise PgError(
            f"function pg_catalog.extract(unknown, {value.type.name}) does not exist", hint=FUNCTION_HINT
        )
    scales = {"epoch": 6, "second": 6, "milliseconds": 3}
    known = "epoch second milliseconds microseconds minute hour day dow isodow doy week month quarter year"
    if part not in known.split():
        raise PgError(f'unit "{part}" not recognized for type {value.type.name}')
    kind = PgType("numeric", scale=scales.get(part, 0)) if to_numeric else FLOAT8
    return Typed(f"pg_extract({quote(part)}, {value.sql}, {int(value.type.name == 'interval')})", kind)


def _date_part(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    pieces = [c.expr(a, scope) for a in args]
    if len(pieces) != 2 or pieces[0].literal is None:
        raise no_function(name, pieces)
    return extract(c, pieces[0].literal.lower(), pieces[1], to_numeric=False)


def _typeof(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    if len(args) != 1:
        raise no_function(name, [c.expr(a, scope) for a in args])
    return Typed(quote(c.expr(args[0], scope).type.name), TEXT)


def _json_path_text(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    pieces = [c.expr(a, scope) for a in args]
    if len(pieces) < 2 or pieces[0].type.name not in ("json", "jsonb"):
        raise no_function(name, pieces)
    sql = pieces[0].sql
    for piece in pieces[1:]:
        sql = f"pg_json_get({sql}, {piece.sql})"
    return Typed(
        f"pg_json_unquote({sql})" if name.endswith("_text") else sql,
        TEXT if name.endswith("_text") else JSONB,
    )


def _row_object(c: Compiler, node: Any, scope: Scope) -> Typed | None:
    """`json_agg(t)`: a row of what is called t, as an object; None when no such thing is meant."""
    if not isinstance(node, exp.Column) or node.args.get("table"):
        return None
    alias = name_of(node.this)
    source = next((s for s in scope.sources if s.alias == alias), None)
    if source is None or any(alias in s.columns for s in scope.sources):
        return None
    pairs: list[Any] = []
    for column in source.columns:
        table, own = exp.to_identifier(alias, quoted=True), exp.to_identifier(column, quoted=True)
        pairs += [exp.Literal.string(column), exp.Column(this=own, table=table)]
    built = c.expr(exp.Anonymous(this="json_build_object", expressions=pairs), scope)
    return Typed(f"pg_json_dense({built.sql})", JSON)


def _row_to_json(c: Compiler, name: str, args: list[Any], scope: Scope) -> Typed:
    row = _row_object(c, args[0], scope) if args else None
    if row is None:
        raise no_function(name, [c.expr(a, scope) for a in args])
    return row


Special = Callable[["Compiler", str, list[Any], Scope], Typed]
SPECIAL: dict[str, Special] = {
    "coalesce": _coalesce, "greatest": _coalesce, "least": _coalesce, "nullif": _nullif, "round": _round,
    "trunc": _round, "abs": _abs, "mod": _mod, "now": _now, "transaction_timestamp": _now,
    "statement_timestamp": _now, "clock_timestamp": _now, "date_trunc": _date_trunc, "date_bin": _date_bin,
    "age": _age, "date_part": _date_part, "pg_typeof": _typeof, "jsonb_extract_path_text": _json_path_text,
    **{
        f"pg_{attempt}advisory_{kind}lock{shared}": _advisory
        for attempt in ("", "try_")
        for kind in ("", "xact_")
        for shared in ("", "_shared")
    },
    "pg_advisory_unlock": _advisory, "pg_advisory_unlock_shared": _advisory, "pg_advisory_unlock_all": _advisory,
    "jsonb_extract_path": _json_path_text, "row_to_json": _row_to_json, "json_extract_path_text": _json_path_text,
}  # fmt: skip


# --- aggregates and windows --------------------------------------------------------------------------


def decorated(c: Compiler, node: Any, scope: Scope) -> Typed:
    """An aggregate or window function with OVER, FILTER or WITHIN GROUP around it."""
    over, filter_sql, order = "", "", None
    inner = node
    while isinstance(inner, exp.Window | exp.Filter | exp.WithinGroup):
        if isinstance(inner, exp.Window):
            over = _over(c, inner, scope)
        elif isinstance(inner, exp.Filter):
            from simulator.postgres.expressions import condition

            was, scope.in_aggregate = scope.in_aggregate, True
            filter_sql = f" FILTER (WHERE {condition(c, inner.expression.this, scope, 'FILTER')})"
            scope.in_aggregate = was
        else:
            order = inner.expression
        inner = inner.this
    name = str(inner.this).lower() if isinstance(inner, exp.Anonymous) else type(inner).__name__.lower()
    args = list(inner.expressions) if isinstance(inner, exp.Anonymous) else []
    if over and name in WINDOW_ONLY:
        pieces = [c.expr(a, scope) for a in args]
        kind = WINDOW_ONLY[name] or (pieces[0].type if pieces else TEXT)
        return Typed(f"{name}({', '.join(p.sql for p in pieces)}){over}", kind)
    if name not in AGGREGATES:
        what = "OVER" if over else "FILTER"
        raise PgError(f"{what} specified, but {name} is not a window function nor an aggregate function")
    if over and _near_rows(node):
        return _unweighted(c, name, args, scope, order, filter_sql, over)
    return aggregate(c, name, args, scope, order, filter_sql, over)


def _near_rows(node: Any) -> bool:
    """Whether a window takes a few rows around each: then a sampled row is that one row, not what it stands for."""
    window = node.find(exp.WindowSpec)
    edges = [str(window.args.get(key) or "") for key in ("start", "end")] if window is not None else []
    return bool(edges) and not any("UNBOUNDED" in edge.upper() for edge in edges)


def _unweighted(
    c: Compiler, name: str, args: list[Any], scope: Scope, order: Any, filter_sql: str, over: str
) -> Typed:
    weights = [source.weight for source in scope.sources]
    try:
        for source in scope.sources:
            source.weight = None
        return aggregate(c, name, args, scope, order, filter_sql, over)
    finally:
        for source, weight in zip(scope.sources, weights, strict=True):
            source.weight = weight


def _over(c: Compiler, node: exp.Window, scope: Scope) -> str:
    if node.args.get("alias") is not None:
        raise not_simulated("a named window")
    parts = []
    partition = node.args.get("partition_by") or []
    if partition:
        parts.append("PARTITION BY " + ", ".join(c.expr(p, scope).sql for p in partition))
    if node.args.get("order") is not None:
        parts.append("ORDER BY " + ", ".join(ordered(c, o, scope) for o in node.args["order"].expressions))
    spec = node.args.get("spec")
    if spec is not None:
        parts.append(_frame(spec))
    return f" OVER ({' '.join(parts)})"


def _frame(spec: exp.WindowSpec) -> str:
    kind = str(spec.args.get("kind") or "ROWS").upper()
    if kind not in ("ROWS", "RANGE", "GROUPS"):
        raise not_simulated("this window frame")
    edges = []
    for edge in ("start", "end"):
        value, side = spec.args.get(edge), str(spec.args.get(f"{edge}_side") or "").upper()
        text = str(value.this) if isinstance(value, exp.Literal) else str(value or "CURRENT ROW").upper()
        if not (text.isdigit() or text in ("CURRENT ROW", "UNBOUNDED")) or side not in (
            "",
            "PRECEDING",
            "FOLLOWING",
        ):
            raise not_simulated("this window frame")
        edges.append(f"{text} {side}".strip())
    return f"{kind} BETWEEN {edges[0]} AND {edges[1]}"


def ordered(c: Compiler, node: Any, scope: Scope) -> str:
    """An ORDER BY item with NULLs where PostgreSQL puts them."""
    inner = node.this if isinstance(node, exp.Ordered) else node
    piece = c.expr(inner, scope)
    sql = f"pg_lsn_number({piece.sql})" if piece.type.name == "pg_lsn" else piece.sql
    return f"({sql}){direction(node)}"


def direction(node: Any) -> str:
    desc = bool(node.args.get("desc")) if isinstance(node, exp.Ordered) else False
    first = node.args.get("nulls_first") if isinstance(node, exp.Ordered) else None
    nulls_first = desc if first is None else bool(first)
    return f" {'DESC' if desc else 'ASC'} NULLS {'FIRST' if nulls_first else 'LAST'}"


def aggregate(
    c: Compiler, name: str, args: list[Any], scope: Scope, order: Any, filter_sql: str, over: str
) -> Typed:
    """An aggregate over the scope's rows; rows of a sampled table count with their weight."""
    if scope.aggregates_forbidden and not over:
        raise PgError(
            f"aggregate functions are not allowed in {scope.aggregates_forbidden}",
            find=f"{name}(",
            find_last=True,
        )
    if scope.in_aggregate and not over:
        raise PgError("aggregate function calls cannot be nested", find=f"{name}(")
    was, scope.in_aggregate = scope.in_aggregate, not over or scope.in_aggregate
    if not over:
        scope.has_aggregate = True
    try:
        if len(args) == 1 and isinstance(args[0], exp.Order) and isinstance(args[0].this, exp.Distinct):
            order, args = args[0], [args[0].this]  # `string_agg(DISTINCT x, ',' ORDER BY x)`
        distinct = len(args) == 1 and isinstance(args[0], exp.Distinct)
        plain = list(args[0].expressions) if distinct else list(args)
        if plain and isinstance(plain[-1], exp.Order):
            order, plain[-1] = plain[-1], plain[-1].this
        tail = filter_sql + over
        if name == "count" and len(plain) == 1 and isinstance(plain[0], exp.Star):
            weight = _weight(scope, over)
            return Typed(_counted(f"sum({weight}){tail}", scope) if weight else f"count(*){tail}", INT8)
        if name == "count" and len(plain) == 1 and _whole_row(plain[0]):
            plain = [_first_column(plain[0], scope)]
        whole = (
            _row_object(c, plain[0], scope) if name in ("json_agg", "jsonb_agg") and len(plain) == 1 else None
        )
        pieces = [whole] if whole is not None else [c.expr(a, scope) for a in plain]
        if name in ("percentile_cont", "percentile_disc", "mode"):
            return _ordered_set(c, name, pieces, order, scope, tail)
        if name in ("string_agg", "array_agg", "json_agg", "jsonb_agg"):
            return _collected(c, name, pieces, order, distinct, scope, tail)
        if name.endswith("_object_agg"):
            return _pairs(name, pieces, tail)
        if len(pieces) != 1:
            raise no_function(name, pieces)
        return _simple(c, name, pieces[0], distinct, scope, tail, _weight(scope, over))
    finally:
        scope.in_aggregate = was


def _whole_row(node: Any) -> bool:
    return isinstance(node, exp.Column) and isinstance(node.this, exp.Star)


def _first_column(node: exp.Column, scope: Scope) -> exp.Column:
    """`count(t.*)` counts the rows that t has: those whose first column is there."""
    alias = name_of(node.args.get("table"))
    source = next((s for s in scope.sources if s.alias == alias), None)
    if source is None or not source.columns:
        raise PgError(f'missing FROM-clause entry for table "{alias}"', position=position_of(node))
    table = exp.to_identifier(alias, quoted=True)
    return exp.Column(this=exp.to_identifier(next(iter(source.columns)), quoted=True), table=table)


def _weight(scope: Scope, over: str) -> str | None:
    """What a row counts for; the rows of a window behind GROUP BY are the groups, whatever stands for these."""
    if over and (scope.grouped is not None or scope.has_aggregate):
        return f"max({scope.per_group})" if scope.per_group else None
    return scope.weight


def _simple(
    c: Compiler, name: str, x: Typed, distinct: bool, scope: Scope, tail: str, weight: str | None
) -> Typed:
    kind = x.type
    word = "DISTINCT " if distinct else ""
    if name == "count":
        each = _stands_for(c, x, scope) if distinct and weight else None
        if weight and (not distinct or each == 0):
            return Typed(_counted(f"sum(CASE WHEN {x.sql} IS NOT NULL THEN {weight} END){tail}", scope), INT8)
        if each:
            return Typed(f"CAST(round(count(DISTINCT {x.sql}){tail} * {each!r}) AS INTEGER)", INT8)
        return Typed(f"count({word}{x.sql}){tail}", INT8)
    if name in ("min", "max"):
        return Typed(f"{name}({ops.settle(x, TEXT, c.now_us).sql}){tail}", TEXT if kind == UNKNOWN else kind)
    if name in ("bool_and", "bool_or", "every"):
        if kind.name != "boolean":
            raise no_function(name, [x])
        return Typed(f"{'max' if name == 'bool_or' else 'min'}({x.sql}){tail}", BOOL)
    if not ops.is_number(kind) and not (kind.name == "interval" and name in ("sum", "avg")):
        raise no_function(name, [x])
    if name == "sum":
        body = f"{x.sql} * {weight}" if weight and not distinct else f"{word}{x.sql}"
        return Typed(f"sum({body}){tail}", _sum_type(kind))
    if name == "avg":
        if weight and not distinct:
            present = f"sum(CASE WHEN {x.sql} IS NOT NULL THEN {weight} END){tail}"
            sql = f"(CAST(sum({x.sql} * {weight}){tail} AS REAL) / {present})"
        else:
            sql = f"avg({word}{x.sql}){tail}"
        if kind.name == "interval":
            return Typed(f"CAST({sql} AS INTEGER)", INTERVAL)
        exact = kind.name in (*INTEGERS, "numeric")
        return Typed(sql, PgType("numeric", scale=DIVISION) if exact else FLOAT8)
    exact = kind.name in (*INTEGERS, "numeric")
    kept = PgType("numeric", scale=ROOT if name.startswith("stddev") else DIVISION)
    return Typed(f"pg_moment({quote(name)}, {x.sql}){tail}", kept if exact else FLOAT8)


def _counted(sql: str, scope: Scope) -> str:
    """A sum of weights as a count: whole, and at least one where rows are shared out over real groups."""
    if scope.per_group:
        return f"coalesce(CAST(max(1, round({sql})) AS INTEGER), 0)"
    return f"coalesce({sql}, 0)"


def _stands_for(c: Compiler, x: Typed, scope: Scope) -> float | None:
    """How many real values one value of a plain column stands for."""
    for source in scope.sources:
        for name, piece in source.columns.items():
            if source.table and piece.sql == x.sql:
                return c.names.stands_for(source.table, name)
    return None


def _sum_type(kind: PgType) -> PgType:
    if kind.name in ("smallint", "integer"):
        return INT8
    if kind.name == "bigint":
        return WHOLE
    return kind if kind.name in ("numeric", "interval") and not kind.args else (
        PgType("numeric", scale=kind.scale) if kind.name == "numeric" else kind
    )  # fmt: skip


def _ordered_set(c: Compiler, name: str, pieces: list[Typed], order: Any, scope: Scope, tail: str) -> Typed:
    if order is None:
        raise PgError(f"WITHIN GROUP is required for ordered-set aggregate {name}", find=f"{name}(")
    item = order.expressions[0]
    value = c.expr(item.this if isinstance(item, exp.Ordered) else item, scope)
    desc = int(bool(item.args.get("desc"))) if isinstance(item, exp.Ordered) else 0
    if name == "mode":
        return Typed(f"pg_mode({value.sql}){tail}", value.type)
    weight = scope.weight or "1"
    cont = int(name == "percentile_cont")
    kind = value.type if not cont or value.type.name == "interval" else FLOAT8
    several = bool(pieces) and pieces[0].type.is_array
    share = ops.settle(pieces[0], FLOAT8, c.now_us).sql if pieces and not several else "0.5"
    if several:
        sql = f"pg_percentiles({pieces[0].sql}, {value.sql}, {weight}, {cont}, {desc}){tail}"
        return Typed(sql, PgType(f"{kind.name}[]"))
    sql = f"pg_percentile({share}, {value.sql}, {weight}, {cont}, {desc}){tail}"
    return Typed(f"CAST({sql} AS INTEGER)" if kind.name == "interval" else sql, kind)


def _pairs(name: str, pieces: list[Typed], tail: str) -> Typed:
    """json_object_agg of keys and values: each pair is an object of its own until the end."""
    if len(pieces) != 2:
        raise no_function(name, pieces)
    typed = ", ".join(f"{p.sql}, {quote(_written_type(p.type))}" for p in pieces)
    sql = f"pg_collect({quote(name)}, 0, pg_json_written({typed}), NULL){tail}"
    return Typed(sql, JSONB if name.startswith("jsonb") else JSON)


def _collected(
    c: Compiler, name: str, pieces: list[Typed], order: Any, distinct: bool, scope: Scope, tail: str
) -> Typed:
    if not pieces or (name == "string_agg") != (len(pieces) == 2):
        raise no_function(name, pieces)
    value = pieces[0]
    if name == "string_agg" and not ops.is_string(value.type):
        raise no_function(name, pieces)
    separator = pieces[1].sql if len(pieces) > 1 else "NULL"
    keys = []
    for item in order.expressions if order is not None else []:
        inner = item.this if isinstance(item, exp.Ordered) else item
        keys += [c.expr(inner, scope).sql, str(int(bool(item.args.get("desc"))))]
    body = value.sql if value.type.name in ("json", "jsonb") else ops.as_text(value).sql
    if name.startswith("json") and value.type.name not in ("json", "jsonb"):
        body = f"pg_to_json({value.sql}, {quote(_written_type(value.type))})"
    if value.type.name == "boolean" and name == "array_agg":
        body = f"substr({body}, 1, 1)"
    extra = f", {', '.join(keys)}" if keys else ""
    sql = f"pg_collect({quote(name)}, {int(distinct)}, {body}, {separator}{extra}){tail}"
    if name == "array_agg":
        return Typed(sql, PgType(("text" if value.type == UNKNOWN else value.type.name) + "[]"))
    return Typed(sql, {"string_agg": TEXT, "json_agg": JSON, "jsonb_agg": JSONB}[name])
