"""PostgreSQL types: their names, how a literal becomes a value and how a value is printed.

Values inside the simulator: booleans are 0/1, times and intervals are whole microseconds (times since
1970 in UTC), numerics are int or float with the scale kept in the type, everything else is text.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from simulator.postgres import documents

US = 1_000_000
DAY_US = 86_400 * US
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROOT = -2  # the scale of a standard deviation: that of its variance
DIVISION = -1  # the scale of a quotient: at least sixteen significant digits, chosen by value
NOISE = 32  # units in the last place that sums of a window may be off by
_BIG = 9_223_372_036_854_775_807


@dataclass(frozen=True)
class PgType:
    """A type as `format_type` names it, without modifiers; `args` are its modifiers.

    `scale` is the number of digits after the point of a numeric (None: as many as the value has).
    """

    name: str
    args: tuple[int, ...] = ()
    scale: int | None = None

    @property
    def shown(self) -> str:
        if not self.args:
            return self.name
        inside = ",".join(str(a) for a in self.args)
        head, space, tail = self.name.partition(" with")
        if space and self.name.startswith("time"):
            return f"{head}({inside}) with{tail}"
        return f"{self.name}({inside})"

    @property
    def is_array(self) -> bool:
        return self.name.endswith("[]")


BOOL = PgType("boolean")
INT2, INT4, INT8 = PgType("smallint"), PgType("integer"), PgType("bigint")
NUMERIC, FLOAT8, FLOAT4 = PgType("numeric"), PgType("double precision"), PgType("real")
TEXT, VARCHAR, NAME, CHAR1 = PgType("text"), PgType("character varying"), PgType("name"), PgType('"char"')
UUID, JSON, JSONB, INET = PgType("uuid"), PgType("json"), PgType("jsonb"), PgType("inet")
OID, XID, LSN, REGCLASS = PgType("oid"), PgType("xid"), PgType("pg_lsn"), PgType("regclass")
TIMESTAMPTZ, TIMESTAMP = PgType("timestamp with time zone"), PgType("timestamp without time zone")
DATE, TIME, INTERVAL = PgType("date"), PgType("time without time zone"), PgType("interval")
UNKNOWN, VOID, RECORD = PgType("unknown"), PgType("void"), PgType("record")

INTEGERS = ("smallint", "integer", "bigint")
NUMBERS = (*INTEGERS, "numeric", "real", "double precision")
STRINGS = ("text", "character varying", "character", "name", '"char"', "unknown")
TIMES = ("timestamp with time zone", "timestamp without time zone", "date")
RIGHT_ALIGNED = (*NUMBERS, "oid", "xid")

ALIASES = {
    "int": "integer", "int4": "integer", "int2": "smallint", "int8": "bigint", "bool": "boolean",
    "decimal": "numeric", "float8": "double precision", "float4": "real", "float": "double precision",
    "double": "double precision", "varchar": "character varying", "timestamptz": TIMESTAMPTZ.name,
    "timestamp": TIMESTAMP.name, "time": TIME.name, "char": "character", "bpchar": "character",
    "serial": "integer", "bigserial": "bigint", "smallserial": "smallint",
}  # fmt: skip
KNOWN = {
    *NUMBERS, "boolean", "text", "character varying", "character", "name", '"char"', "uuid", "json",
    "jsonb", "inet", "oid", "xid", "pg_lsn", "regclass", "regtype", "regnamespace", "regrole", *TIMES, TIME.name, "interval", "bytea",
}  # fmt: skip
TYPE_OIDS = {
    "boolean": 16, '"char"': 18, "name": 19, "bigint": 20, "smallint": 21, "integer": 23, "text": 25,
    "oid": 26, "xid": 28, "json": 114, "real": 700, "double precision": 701, "inet": 869,
    "character": 1042, "character varying": 1043, "date": 1082, TIME.name: 1083, TIMESTAMP.name: 1114,
    TIMESTAMPTZ.name: 1184, "interval": 1186, "numeric": 1700, "uuid": 2950, "pg_lsn": 3220,
    "jsonb": 3802, "regclass": 2205, "bytea": 17,
}  # fmt: skip


def named(name: str, args: tuple[int, ...] = ()) -> PgType | None:
    """The type with this name or alias, or None."""
    array = name.endswith("[]")
    base = " ".join(name.removesuffix("[]").lower().split())
    base = ALIASES.get(base, base)
    if base not in KNOWN:
        return None
    if array:
        return PgType(base + "[]")
    scale = (args[1] if len(args) > 1 else 0) if base == "numeric" and args else None
    return PgType(base, args, scale)


class BadValue(ValueError):
    """A text that is no value of its type; the message is PostgreSQL's."""

    def __init__(self, message: str, hint: str = "", detail: str = "", context: str = "") -> None:
        super().__init__(message)
        self.hint, self.detail, self.context = hint or None, detail or None, context or None


_INT_RANGE = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
_NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)(e[+-]?\d{1,3})?$", re.IGNORECASE)
_SPECIAL = ("infinity", "-infinity", "inf", "-inf", "+infinity")
LONGEST = 400  # characters of a number, time or interval that are looked at


def parse(text: str, kind: PgType, now_us: int) -> Any:
    """The value of a literal of type `kind`. Raises BadValue."""
    name, clean = kind.name, text.strip()
    if len(clean) > LONGEST and name not in (*STRINGS, "json", "jsonb", "bytea") and not kind.is_array:
        raise BadValue(f'invalid input syntax for type {name}: "{text[:64]}..."')
    bad = BadValue(f'invalid input syntax for type {name}: "{text}"')
    if name in INTEGERS or name in ("oid", "xid"):
        return _parse_integer(clean, name, bad)
    if name in ("numeric", "double precision", "real"):
        if clean.lower() in _SPECIAL and name != "numeric":
            return float(clean.lower())
        if not _NUMBER.match(clean):
            raise bad
        value = Decimal(clean)
        if kind.args and name == "numeric":
            if value.adjusted() >= kind.args[0] - (kind.scale or 0):
                raise BadValue("numeric field overflow")
            value = value.quantize(Decimal(1).scaleb(-(kind.scale or 0)), ROUND_HALF_UP)
        whole = name == "numeric" and value == value.to_integral_value() and abs(value) < _BIG
        return int(value) if whole else float(value)
    if name == "boolean":
        return _parse_boolean(clean.lower(), bad)
    if name in TIMES:
        value_us = parse_timestamp(clean, now_us)
        if value_us is None and _STAMP.match(clean):
            raise BadValue(
                f'date/time field value out of range: "{text}"',
                hint='Perhaps you need a different "datestyle" setting.' if _MONTH.match(clean) else "",
            )
        if value_us is None:
            raise bad
        return value_us - value_us % DAY_US if name == "date" else value_us
    if name == TIME.name and (clock := _CLOCK_TIME.match(clean)):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        if hours > 24 or minutes > 59 or seconds > 60:
            raise BadValue(f'date/time field value out of range: "{text}"')
        return clean if clock[3] else clean + ":00"
    if name == "interval":
        interval = parse_interval(clean)
        if interval is None:
            raise bad
        return interval
    if name in ("json", "jsonb"):
        return parse_json(text, name)
    if name == "uuid":
        bare = clean.lower().replace("-", "").strip("{}")
        if len(bare) != 32 or any(c not in "0123456789abcdef" for c in bare):
            raise bad
        return "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))
    if name == "character varying" and kind.args and len(text) > kind.args[0]:
        raise BadValue(f"value too long for type character varying({kind.args[0]})")
    return text


def _parse_integer(clean: str, name: str, bad: BadValue) -> int:
    digits = clean[1:] if clean[:1] in ("-", "+") else clean
    if not digits.isascii() or not digits.isdigit() or len(digits) > 30:
        raise bad
    value, limit = int(clean), _INT_RANGE.get(name, 2**32)
    if not -limit <= value < limit:
        raise BadValue(f'value "{clean}" is out of range for type {name}')
    return value


def _parse_boolean(word: str, bad: BadValue) -> int:
    if (word and any(full.startswith(word) for full in ("true", "yes"))) or word in ("on", "1"):
        return 1
    if (word and any(full.startswith(word) for full in ("false", "no"))) or word in ("off", "of", "0"):
        return 0
    raise bad


def parse_json(text: str, name: str) -> str:
    """A JSON document; jsonb is stored the way PostgreSQL normalises it. Raises BadValue."""
    try:
        value = documents.load(text)
    except (ValueError, RecursionError) as error:
        raise BadValue("invalid input syntax for type json", *_json_trouble(text, error)) from None
    return documents.jsonb(value) if name == "jsonb" else text


def _json_trouble(text: str, error: Exception) -> tuple[str, str, str]:
    """("", detail, context) of a document that does not parse."""
    at = getattr(error, "pos", 0)
    rest = text[at:].strip()
    line = text.count("\n", 0, at) + 1
    if not rest:
        return (
            "",
            "The input string ended unexpectedly.",
            f"JSON data, line {line}: {text.splitlines()[-1] if text else ''}",
        )
    token = re.match(r"\w+|.", rest, re.S)
    shown = token[0] if token else rest[:1]
    before = text[: text.find(shown, at) + len(shown)].splitlines()[-1]
    more = "..." if text[text.find(shown, at) + len(shown) :] else ""
    return "", f'Token "{shown}" is invalid.', f"JSON data, line {line}: {before}{more}"


_STAMP = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?$",
    re.IGNORECASE,
)


def parse_timestamp(text: str, now_us: int) -> int | None:
    """Microseconds since 1970 of an ISO time (UTC unless it names an offset) or of a special word."""
    today = now_us - now_us % DAY_US
    special = {
        "epoch": 0,
        "now": now_us,
        "today": today,
        "yesterday": today - DAY_US,
        "tomorrow": today + DAY_US,
    }
    if text.lower() in special:
        return special[text.lower()]
    match = _STAMP.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return None
    micros = (moment - EPOCH) // timedelta(microseconds=1) + int((fraction or "0").ljust(6, "0"))
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        offset_min = int(digits[:2]) * 60 + int(digits[2:] or 0)
        micros -= (offset_min if zone[0] == "+" else -offset_min) * 60 * US
    return micros


_MONTH = re.compile(r"\d{4}-(?:1[3-9]|[2-9]\d)-")
_CLOCK_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?$")
_UNITS_US = {
    "microsecond": 1, "us": 1, "usec": 1, "millisecond": 1_000, "ms": 1_000, "msec": 1_000, "second": US,
    "sec": US, "s": US, "minute": 60 * US, "min": 60 * US, "m": 60 * US, "hour": 3600 * US, "hr": 3600 * US,
    "h": 3600 * US, "day": DAY_US, "d": DAY_US, "week": 7 * DAY_US, "w": 7 * DAY_US, "month": 30 * DAY_US,
    "mon": 30 * DAY_US, "year": 365 * DAY_US, "y": 365 * DAY_US, "yr": 365 * DAY_US,
}  # fmt: skip
_INTERVAL_PART = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*")
_CLOCK = re.compile(r"\s*([+-]?)(\d+):(\d{1,2})(?::(\d{1,2}(?:\.\d+)?))?\s*")


def parse_interval(text: str) -> int | None:
    """Microseconds of an interval text; months count as 30 days and years as 365."""
    body = text.strip()
    if len(body) > LONGEST:
        return None
    sign = 1
    if body.endswith(" ago"):
        body, sign = body.removesuffix(" ago"), -1
    total, index, seen = 0, 0, False
    while index < len(body):
        clock = _CLOCK.match(body, index)
        part = None if clock else _INTERVAL_PART.match(body, index)
        if clock:
            minus, hours, minutes, seconds = clock.groups()
            if len(hours) > 12:
                return None
            span = int(hours) * 3600 * US + int(minutes) * 60 * US + round(float(seconds or 0) * US)
            total += -span if minus == "-" else span
            index = clock.end()
        elif part:
            unit = part.group(2).lower()
            size = _UNITS_US.get(unit) or _UNITS_US.get(unit.removesuffix("s"))
            if size is None:
                return None
            if len(part.group(1)) > 20:
                return None
            total += round(float(part.group(1)) * size)
            index = part.end()
        else:
            bare = body[index:].strip()
            if seen or not _NUMBER.match(bare):
                return None
            total += round(float(bare) * US)
            index = len(body)
        seen = True
    return sign * total if seen and abs(total) < _BIG else None


def format_timestamp(micros: int, kind: PgType = TIMESTAMPTZ, offset_min: int = 0) -> str:
    """A time as the server prints it with DateStyle ISO."""
    shift = offset_min * 60 * US if kind.name == TIMESTAMPTZ.name else 0
    try:
        moment = EPOCH + timedelta(microseconds=int(micros) + shift)
    except OverflowError:
        return "infinity" if micros > 0 else "-infinity"
    if kind.name == "date":
        return moment.strftime("%Y-%m-%d")
    text = f"{moment.year:04}-{moment.month:02}-{moment.day:02} {moment:%H:%M:%S}"
    if moment.microsecond:
        text += f".{moment.microsecond:06}".rstrip("0")
    if kind.name != TIMESTAMPTZ.name:
        return text
    hours, minutes = divmod(abs(offset_min), 60)
    sign = "-" if offset_min < 0 else "+"
    return f"{text}{sign}{hours:02}" + (f":{minutes:02}" if minutes else "")


def format_interval(micros: int) -> str:
    """An interval as IntervalStyle postgres prints it, whole days split off."""
    sign, rest = ("-", -int(micros)) if micros < 0 else ("", int(micros))
    days, rest = divmod(rest, DAY_US)
    hours, rest = divmod(rest, 3600 * US)
    minutes, rest = divmod(rest, 60 * US)
    seconds, fraction = divmod(rest, US)
    clock = f"{hours:02}:{minutes:02}:{seconds:02}" + (f".{fraction:06}".rstrip("0") if fraction else "")
    day_text = f"{sign}{days} day{'' if days == 1 and not sign else 's'}" if days else ""
    if not days:
        return sign + clock
    return day_text if clock == "00:00:00" else f"{day_text} {sign}{clock}"


def exact_decimal(value: float | int | str) -> Decimal | Fraction:
    """The number a float most likely stands for: a short fraction when one rounds to it."""
    if not isinstance(value, float):
        return Decimal(str(value))
    near = Fraction(value).limit_denominator(1_000_000)
    return near if abs(float(near) - value) <= NOISE * math.ulp(value) else Decimal(repr(value))


def format_numeric(value: float | int | str, scale: int | None) -> str:
    """A numeric with a fixed scale, a quotient's scale (DIVISION) or its own digits (None)."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")
    if scale is None:
        text = format(Decimal(repr(value) if isinstance(value, float) else str(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text and isinstance(value, float) else text
    exact = exact_decimal(value)
    if scale < 0:
        size = abs(float(exact))
        scale = _division_scale(size * size if scale == ROOT else size)
    if isinstance(exact, Decimal):
        exact = Fraction(exact)
    whole = abs(exact) * 10**scale
    digits = str(int(whole + Fraction(1, 2))).rjust(scale + 1, "0")
    sign = "-" if exact < 0 and digits.strip("0") else ""
    return sign + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)


def _division_scale(size: float) -> int:
    """Digits after the point that PostgreSQL gives a quotient of this size (base-10000 digits)."""
    if size == 0:
        return 20
    weight = 0
    while size >= 10_000:
        size, weight = size / 10_000, weight + 1
    while size < 1 and weight > -10:
        size, weight = size * 10_000, weight - 1
    return max(16 - 4 * weight, 0)


def format_float(value: float, single: bool = False) -> str:
    """A float the way the server prints the shortest digits that round-trip."""
    value = float(value)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    text = format(value, ".6g") if single else repr(value)
    sign, digits, exponent = Decimal(text).as_tuple()
    point = len(digits) + int(exponent)
    if value and not -4 < point <= (6 if single else 15):
        body = "".join(map(str, digits)).rstrip("0") or "0"
        tail = "." + body[1:] if len(body) > 1 else ""
        return f"{'-' if sign else ''}{body[0]}{tail}e{point - 1:+03d}"
    plain = format(Decimal(text), "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def format_value(value: Any, kind: PgType, offset_min: int = 0) -> str | None:
    """A value as the server sends it in text, or None for NULL."""
    if value is None:
        return None
    name = kind.name
    if name == "boolean":
        return "t" if value in (1, "t", "1", "true") else "f"
    if name in TIMES and isinstance(value, int | float):
        return format_timestamp(int(value), kind, offset_min)
    if name == "interval" and isinstance(value, int | float):
        return format_interval(round(value))
    if name in INTEGERS or name in ("oid", "xid"):
        return str(int(value)) if isinstance(value, float) else str(value)
    if name == "numeric" and isinstance(value, int | float):
        return format_numeric(value, kind.scale)
    if name in ("double precision", "real") and isinstance(value, int | float):
        return format_float(value, name == "real")
    if isinstance(value, float):
        return format_float(value)
    return str(value)
