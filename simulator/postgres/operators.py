"""How typed pieces combine: literals find their type, casts, arithmetic, comparisons.

Each function takes and returns `Typed` pieces; trees and scopes are no business of this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulator.postgres import types
from simulator.postgres.errors import PgError
from simulator.postgres.scope import Typed, quote
from simulator.postgres.types import (
    BOOL,
    DATE,
    DIVISION,
    FLOAT8,
    INT4,
    INTERVAL,
    NUMERIC,
    REGCLASS,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    UNKNOWN,
    PgType,
)

OPERATOR_HINT = (
    "No operator matches the given name and argument types. You might need to add explicit type casts."
)
NOT_UNIQUE = "Could not choose a best candidate operator. You might need to add explicit type casts."
_RANK = {name: n for n, name in enumerate(types.NUMBERS)}
_INT_LIKE = (*types.INTEGERS, "oid", "xid", "regclass")


def literal(value: Any) -> str:
    """A value as an SQLite literal."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if abs(value) < 1e308 else ("9e999" if value > 0 else "-9e999")
    return quote(str(value))


def is_number(kind: PgType) -> bool:
    return kind.name in types.NUMBERS


def is_string(kind: PgType) -> bool:
    return kind.name in types.STRINGS


def is_time(kind: PgType) -> bool:
    return kind.name in types.TIMES


def as_value(text: str, kind: PgType, now_us: int) -> Any:
    """The value of a literal's text. Raises PgError that marks the literal."""
    try:
        return types.parse(text, kind, now_us)
    except types.BadValue as error:
        raise PgError(
            str(error), find=f"'{text}'", hint=error.hint, detail=error.detail, context=error.context
        ) from None


def settle(piece: Typed, kind: PgType, now_us: int) -> Typed:
    """Give an open literal the type its surroundings ask for; anything else is left alone."""
    if piece.literal is None:
        return Typed(piece.sql, kind) if piece.type == UNKNOWN else piece
    if kind.name in ("regclass", "regtype"):
        return cast(piece, kind, now_us)
    if kind.is_array:
        return Typed(piece.sql, kind)
    plain = PgType(kind.name)  # a comparison does not round or cut the literal
    return Typed(literal(as_value(piece.literal, plain, now_us)), plain)


def as_text(piece: Typed) -> Typed:
    """The piece's printed form, as `::text` gives."""
    if is_string(piece.type) or piece.type.name in ("json", "jsonb", "uuid", "inet", "pg_lsn"):
        return Typed(piece.sql, TEXT)
    if piece.type.name == "regclass":
        return Typed(f"pg_regclass_name({piece.sql})", TEXT)
    scale = "NULL" if piece.type.scale is None else str(piece.type.scale)
    return Typed(f"pg_text({piece.sql}, {quote(piece.type.name)}, {scale})", TEXT)


def _out_of_range(piece: Typed, kind: PgType) -> PgError | None:
    """A written number that its type cannot hold."""
    size = {"smallint": 15, "integer": 31, "bigint": 63}.get(kind.name, 0)
    bare = piece.sql.strip("() -")
    if size and bare.isdigit() and is_number(piece.type) and not -(1 << size) <= int(bare) < 1 << size:
        return PgError(f"{kind.name} out of range")
    return None


SCHEMAS = {"pg_catalog": 11, "public": 2200, "information_schema": 13_000}


def _namespace(piece: Typed) -> Typed:
    """`'public'::regnamespace` is the schema's oid."""
    if piece.literal is None:
        return Typed(piece.sql, PgType("oid"))
    if piece.literal not in SCHEMAS:
        raise PgError(f'schema "{piece.literal}" does not exist', find=f"'{piece.literal}'")
    return Typed(str(SCHEMAS[piece.literal]), PgType("oid"))


def cast(piece: Typed, kind: PgType, now_us: int) -> Typed:
    """`piece::kind`. Raises PgError for a literal that is no value of the type or a cast that is none."""
    source = piece.type
    if kind.name == "regclass":
        argument = piece.sql
        return Typed(f"pg_regclass({argument})" if is_string(source) else argument, REGCLASS)
    if kind.name == "regnamespace":
        return _namespace(piece)
    if kind.name == "regrole":
        return Typed(
            f"pg_regrole({piece.sql})" if is_string(source) else f"pg_get_userbyid({piece.sql})", types.NAME
        )
    out = _out_of_range(piece, kind)
    if out is not None:
        raise out
    if piece.literal is not None:
        if kind.is_array or kind.name in ("regtype", "bytea"):
            return Typed(piece.sql, kind)
        return Typed(literal(as_value(piece.literal, kind, now_us)), _digits_kept(kind, piece.literal))
    if source.name == kind.name and (not kind.args or source.args == kind.args):
        return Typed(piece.sql, kind if kind.args else source)
    if source == UNKNOWN:
        return Typed(piece.sql, kind)
    if kind.name in ("character varying", "character") and kind.args:
        return Typed(f"pg_left({as_text(piece).sql}, {kind.args[0]})", kind)
    if is_string(kind):
        return Typed(as_text(piece).sql, kind)
    return _convert(piece, kind)


def _digits_kept(kind: PgType, text: str) -> PgType:
    """A numeric literal without declared scale shows the digits it was written with."""
    if kind.name != "numeric" or kind.args or "e" in text.lower():
        return kind
    return PgType("numeric", scale=len(text.strip().partition(".")[2]))


def _convert(piece: Typed, kind: PgType) -> Typed:
    source, sql = piece.type, piece.sql
    if kind.name in _INT_LIKE and (is_number(source) or source.name in (*_INT_LIKE, "boolean")):
        exact = source.name in (*_INT_LIKE, "boolean")
        rounder = "pg_round_even" if source.name in ("double precision", "real") else "pg_round"
        return Typed(f"CAST({sql} AS INTEGER)" if exact else f"CAST({rounder}({sql}, 0) AS INTEGER)", kind)
    if kind.name == "numeric" and is_number(source):
        if kind.scale is not None:
            return Typed(f"pg_round({sql}, {kind.scale})", kind)
        return Typed(sql, PgType("numeric", scale=0 if source.name in types.INTEGERS else source.scale))
    if kind.name in ("double precision", "real") and is_number(source):
        return Typed(f"CAST({sql} AS REAL)", kind)
    if kind.name == "boolean" and source.name in types.INTEGERS:
        return Typed(f"({sql} <> 0)", BOOL)
    if is_time(kind) and is_time(source):
        if kind.name == "date":
            return Typed(f"pg_floor_day({sql})", DATE)
        return Typed(sql, kind)
    if kind.name == "time without time zone" and is_time(source):
        return Typed(f"pg_clock({sql})", kind)
    if kind.name in ("json", "jsonb") and source.name in ("json", "jsonb"):
        return Typed(f"pg_parse({sql}, {quote(kind.name)}, NULL)", kind)
    if is_string(source) or source.name in ("json", "jsonb"):
        scale = "NULL" if kind.scale is None else str(kind.scale)
        return Typed(f"pg_parse({sql}, {quote(kind.name)}, {scale})", kind)
    raise PgError(f"cannot cast type {source.name} to {kind.name}")


def common_type(pieces: Sequence[Typed], what: str) -> PgType:
    """The type that branches of a CASE, a UNION or a VALUES list agree on. Raises PgError."""
    found: PgType | None = None
    for piece in pieces:
        kind = piece.type
        if kind == UNKNOWN:
            continue
        if found is None or found == kind:
            found = kind
        elif is_number(found) and is_number(kind):
            found = wider(found, kind)
        elif is_time(found) and is_time(kind):
            found = TIMESTAMPTZ if TIMESTAMPTZ in (found, kind) else TIMESTAMP
        elif not (is_string(found) and is_string(kind)) and found.name != kind.name:
            raise PgError(f"{what} types {found.name} and {kind.name} cannot be matched")
        elif is_string(found):
            found = TEXT
    return found or TEXT


def wider(a: PgType, b: PgType) -> PgType:
    """The type two numbers meet in; a numeric keeps the larger scale."""
    if a.name == b.name == "numeric":
        if a.scale is None or b.scale is None or DIVISION in (a.scale, b.scale):
            return NUMERIC
        return PgType("numeric", scale=max(a.scale, b.scale))
    high = a if _RANK[a.name] >= _RANK[b.name] else b
    if high.name == "real":
        return FLOAT8
    return PgType(high.name, scale=high.scale)


def no_operator(op: str, left: Typed | None, right: Typed, position: int | None) -> PgError:
    names = f"{left.type.name} {op} {right.type.name}" if left else f"{op} {right.type.name}"
    return PgError(
        f"operator does not exist: {names}",
        hint=OPERATOR_HINT,
        position=position,
        find=f" {op} ",
        find_shift=1,
    )


def comparison(op: str, left: Typed, right: Typed, now_us: int, position: int | None) -> tuple[str, str]:
    """Both sides of a comparison as SQLite texts that compare the way PostgreSQL compares."""
    if left.type == UNKNOWN and right.type == UNKNOWN:
        return left.sql, right.sql
    left, right = settle(left, right.type, now_us), settle(right, left.type, now_us)
    a, b = left.type, right.type
    same_family = any(check(a) and check(b) for check in (is_number, is_string, is_time)) or a.name == b.name
    oids = ("oid", "regclass", "xid", *types.INTEGERS)
    if not same_family and not (a.name in oids and b.name in oids):
        raise no_operator(op, left, right, position)
    if a.name == "pg_lsn":
        return f"pg_lsn_number({left.sql})", f"pg_lsn_number({right.sql})"
    if a.name == "json":
        raise no_operator(op, left, right, position)
    return left.sql, right.sql


def arithmetic(op: str, left: Typed, right: Typed, now_us: int, position: int | None) -> Typed:
    """`left op right` for + - * / % ^. Raises PgError when PostgreSQL has no such operator."""
    a, b = left.type, right.type
    if UNKNOWN in (a, b):
        other = b if a == UNKNOWN else a
        if other.name == "date" and op == "+":
            names = f"{a.name} + {b.name}"
            raise PgError(
                f"operator is not unique: {names}",
                position=position,
                find=" + ",
                find_shift=1,
                hint=NOT_UNIQUE,
            )
        if a == b:
            raise PgError(f"operator is not unique: unknown {op} unknown", position=position)
        guess = INTERVAL if is_time(other) and op in "+-" and (op == "+" or a == UNKNOWN) else other
        guess = other if is_time(other) and op == "-" else guess
        guess = TEXT if other.name == "jsonb" and op == "-" else guess
        left, right = settle(left, guess, now_us), settle(right, guess, now_us)
        a, b = left.type, right.type
    if is_number(a) and is_number(b):
        return _numbers(op, left, right)
    timed = _times(op, left, right)
    if timed is not None:
        return timed
    if a.name == b.name == "pg_lsn" and op == "-":
        return Typed(f"(pg_lsn_number({left.sql}) - pg_lsn_number({right.sql}))", PgType("numeric", scale=0))
    if a.name == "jsonb" and op == "-" and is_string(b):
        return Typed(f"pg_json_delete({left.sql}, {right.sql})", a)
    raise no_operator(op, left, right, position)


def _numbers(op: str, left: Typed, right: Typed) -> Typed:
    kind = wider(left.type, right.type)
    if op == "^":
        both = kind.name in (*types.INTEGERS, "real", "double precision")
        return Typed(f"pg_power({left.sql}, {right.sql})", FLOAT8 if both else PgType("numeric", scale=16))
    if op == "/":
        if kind.name == "numeric":
            kind = PgType("numeric", scale=DIVISION)
        whole = 1 if kind.name in types.INTEGERS else 0
        return Typed(f"pg_div({left.sql}, {right.sql}, {whole})", kind)
    if op == "%":
        return Typed(f"pg_mod({left.sql}, {right.sql})", kind)
    if op == "*" and kind.name == "numeric":
        scales = (left.type.scale or 0, right.type.scale or 0)
        known = kind.scale is not None and DIVISION not in scales
        kind = PgType("numeric", scale=sum(scales)) if known else NUMERIC
    return Typed(f"({left.sql} {op} {right.sql})", kind)


def _times(op: str, left: Typed, right: Typed) -> Typed | None:
    a, b = left.type, right.type
    span_a, span_b = a.name == "interval", b.name == "interval"
    if is_time(a) and is_time(b) and op == "-":
        if a.name == b.name == "date":
            return Typed(f"(({left.sql} - {right.sql}) / {types.DAY_US})", INT4)
        return Typed(f"({left.sql} - {right.sql})", INTERVAL)
    if is_time(a) and span_b and op in "+-":
        return Typed(f"({left.sql} {op} {right.sql})", TIMESTAMP if a.name == "date" else a)
    if span_a and is_time(b) and op == "+":
        return Typed(f"({left.sql} + {right.sql})", TIMESTAMP if b.name == "date" else b)
    if a.name == "date" and b.name in types.INTEGERS and op in "+-":
        return Typed(f"({left.sql} {op} {right.sql} * {types.DAY_US})", DATE)
    if span_a and span_b and op in "+-":
        return Typed(f"({left.sql} {op} {right.sql})", INTERVAL)
    if span_a and is_number(b) and op in "*/":
        if op == "/":
            return Typed(f"CAST(pg_div({left.sql}, CAST({right.sql} AS REAL), 0) AS INTEGER)", INTERVAL)
        return Typed(f"CAST({left.sql} * {right.sql} AS INTEGER)", INTERVAL)
    if is_number(a) and span_b and op == "*":
        return Typed(f"CAST({left.sql} * {right.sql} AS INTEGER)", INTERVAL)
    return None
