"""More plain SQL functions, in the same two tables as `calls` and `functions`: JSON, arrays, times, encodings."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.postgres import documents, functions
from simulator.postgres.errors import PgError
from simulator.postgres.functions import array, array_elements, to_json
from simulator.postgres.types import (
    DATE,
    DAY_US,
    EPOCH,
    INT4,
    INTERVAL,
    JSON,
    JSONB,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    US,
    PgType,
)

TEXTS = PgType("text[]")
NUMBER = PgType("numeric")


# --- JSON --------------------------------------------------------------------------------------------


def _path(text: str) -> list[str]:
    return array_elements(text)


def _step(node: Any, key: str) -> Any:
    if isinstance(node, dict):
        return node.get(key)
    if isinstance(node, list) and re.fullmatch(r"-?\d{1,9}", key):
        at = int(key)
        return node[at] if -len(node) <= at < len(node) else None
    return None


def json_at(document: str, path: str) -> str | None:
    """`document #> path`."""
    node = documents.load(document)
    for key in _path(path):
        missing = isinstance(node, dict) and key not in node
        node = None if missing else _step(node, key)
        if node is None and missing:
            return None
        if node is None:
            return None
    return documents.jsonb(node)


def json_at_text(document: str, path: str) -> str | None:
    """`document #>> path`."""
    found = json_at(document, path)
    if found is None or found == "null":
        return None
    value = documents.load(found)
    return value if isinstance(value, str) else found


def json_set(document: str, path: str, value: str, create: int = 1) -> str:
    """jsonb_set: a copy with a value put in at a path."""
    root = documents.load(document)
    keys = _path(path)
    node = root
    for key in keys[:-1]:
        node = _step(node, key)
        if not isinstance(node, dict | list):
            return documents.jsonb(root)
    new = documents.load(value)
    if keys and isinstance(node, dict) and (create or keys[-1] in node):
        node[keys[-1]] = new
    elif keys and isinstance(node, list) and re.fullmatch(r"-?\d{1,9}", keys[-1]):
        at = int(keys[-1])
        if -len(node) <= at < len(node):
            node[at] = new
        elif create:
            node.insert(len(node) if at > 0 else 0, new)
    return documents.jsonb(root)


def json_strip(document: str) -> str:
    """jsonb_strip_nulls."""

    def bare(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: bare(value) for key, value in node.items() if value is not None}
        return [bare(value) for value in node] if isinstance(node, list) else node

    return documents.jsonb(bare(documents.load(document)))


def json_written(*pairs: Any) -> str:
    """json_build_object, which keeps the order of its keys: each is followed by its type's name, as each value is."""
    if len(pairs) % 4:
        raise PgError("argument list must have even number of elements")
    parts = []
    for n in range(0, len(pairs), 4):
        if pairs[n] is None:
            raise PgError("null value not allowed for object key")
        value = pairs[n + 2] if pairs[n + 3] == "json" else to_json(pairs[n + 2], pairs[n + 3])
        parts.append(f"{documents.dump(str(pairs[n]))} : {'null' if value is None else value}")
    return "{" + ", ".join(parts) + "}"


def json_array(*pairs: Any) -> str:
    """json_build_array of values, each followed by its type's name."""
    parts = [to_json(pairs[n], pairs[n + 1]) for n in range(0, len(pairs), 2)]
    return "[" + ", ".join("null" if part is None else part for part in parts) + "]"


def json_spread(document: str, name: str) -> str:
    """A document that a set-returning function takes. Raises PgError for one of another shape."""
    value = documents.load(document)
    if isinstance(value, list if "array" in name else dict):
        return document
    scalar = not isinstance(value, dict | list)
    shape = "a scalar" if scalar else "an object" if isinstance(value, dict) else "an array"
    if name.startswith("jsonb_each"):
        raise PgError(f"cannot call {name} on a non-object")
    if name.startswith("json_each"):
        raise PgError("cannot deconstruct a scalar" if scalar else "cannot deconstruct an array as an object")
    if name.startswith("jsonb_array"):
        raise PgError(f"cannot extract elements from {shape}")
    if name.startswith("json_array"):
        raise PgError(f"cannot call {name} on {'a scalar' if scalar else 'a non-array'}")
    raise PgError(f"cannot call {name} on {shape}")


# --- arrays ------------------------------------------------------------------------------------------


def array_json(values: str) -> str:
    """An array as the list that SQLite can spread over rows."""
    return json.dumps(array_elements(values), ensure_ascii=False)


def _plain(value: Any) -> str | None:
    return None if value is None else str(value)


def array_position(values: str, wanted: Any) -> int | None:
    held = array_elements(values)
    return held.index(str(wanted)) + 1 if str(wanted) in held else None


def array_remove(values: str, gone: Any) -> str:
    return array(*(None if e == "NULL" else e for e in array_elements(values) if e != str(gone)))


def array_replace(values: str, old: Any, new: Any) -> str:
    return array(*(new if e == str(old) else None if e == "NULL" else e for e in array_elements(values)))


def array_join(values: str, separator: str, null: str | None = None) -> str:
    held = [null if e == "NULL" else e for e in array_elements(values)]
    return separator.join(e for e in held if e is not None)


def array_cat(a: str, b: str) -> str:
    return array(*(None if e == "NULL" else e for e in (*array_elements(a), *array_elements(b))))


def array_append(a: str, value: Any) -> str:
    return array(*(None if e == "NULL" else e for e in array_elements(a)), _plain(value))


def array_contains(a: str, b: str) -> int:
    held = set(array_elements(a))
    return int(all(e in held for e in array_elements(b)))


def array_overlaps(a: str, b: str) -> int:
    return int(bool(set(array_elements(a)) & set(array_elements(b))))


# --- texts -------------------------------------------------------------------------------------------


def encode(text: str, how: str) -> str:
    data = text.encode()
    if how.lower() == "hex":
        return data.hex()
    if how.lower() == "base64":
        return base64.b64encode(data).decode()
    if how.lower() == "escape":
        return text
    raise PgError(f'unrecognized encoding: "{how}"')


def regexp_match(text: str, pattern: str, flags: str = "") -> str | None:
    found = functions.compiled(pattern, "i" in flags).search(text)
    if found is None:
        return None
    return array(*(found.groups() or (found[0],)))


def number_of(text: str, _pattern: str) -> float | int:
    """to_number: what is no digit, sign or point is left out."""
    bare = re.sub(r"[^0-9.+-]", "", text)
    try:
        return float(bare) if "." in bare else int(bare)
    except ValueError:
        raise PgError(f'invalid input syntax for type numeric: "{text}"') from None


def div(a: Any, b: Any) -> int:
    if b == 0:
        raise PgError("division by zero")
    quotient = abs(a) // abs(b)
    return int(quotient if (a < 0) == (b < 0) else -quotient)


def json_dense(document: str) -> str:
    """An object as the server writes a row: without a space."""
    return documents.dump(documents.load(document), ":", ",")


def width_bucket(value: float, low: float, high: float, count: int) -> int:
    if count <= 0:
        raise PgError("count must be greater than zero")
    if low == high:
        raise PgError("lower bound cannot equal upper bound")
    if (value < low) if low < high else (value > low):
        return 0
    if (value >= high) if low < high else (value <= high):
        return count + 1
    return int((value - low) * count / (high - low)) + 1


# --- times -------------------------------------------------------------------------------------------

_PARTS = {"YYYY": "year", "MM": "month", "DD": "day", "HH24": "hour", "HH12": "hour", "HH": "hour", "MI": "minute",
          "SS": "second", "MS": "milli", "YY": "short"}  # fmt: skip
_FIELD = re.compile("|".join(sorted(_PARTS, key=len, reverse=True)))


def moment_of(text: str, pattern: str) -> int:
    """to_timestamp(text, format) of digits by fields."""
    given = {"year": 1, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "milli": 0}
    at = start = 0
    for found in _FIELD.finditer(pattern):
        at += found.start() - start
        start = found.end()
        field = _PARTS[found[0]]
        digits = re.match(r"\s*(\d{1,%d})" % len(found[0].removesuffix("24").removesuffix("12")), text[at:])  # noqa: UP031
        if digits is None:
            if not text[at:].strip():
                break
            raise PgError(
                f'invalid value "{text[at : at + len(found[0])]}" for "{found[0]}"',
                detail="Value must be an integer.",
            )
        given["year" if field == "short" else field] = int(digits[1]) + (2000 if field == "short" else 0)
        at += digits.end()
    return _instant(text, given)


def _instant(text: str, given: dict[str, int]) -> int:
    milli = given.pop("milli", 0)
    try:
        moment = datetime(
            given["year"], given["month"], given["day"], given.get("hour", 0), given.get("minute", 0),
            given.get("second", 0), tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        raise PgError(f'date/time field value out of range: "{text}"') from None
    return (moment - EPOCH) // timedelta(microseconds=1) + milli * 1000


def make_date(year: int, month: int, day: int) -> int:
    try:
        return _instant("", {"year": int(year), "month": int(month), "day": int(day)})
    except PgError:
        raise PgError(f"date field value out of range: {year}-{month:02}-{day:02}") from None


def make_timestamp(year: int, month: int, day: int, hour: int, minute: int, second: float) -> int:
    given = {
        "year": int(year),
        "month": int(month),
        "day": int(day),
        "hour": int(hour),
        "minute": int(minute),
    }
    return _instant(f"{year}-{month:02}-{day:02}", {**given, "second": 0}) + round(second * US)


def day_of(text: str, pattern: str) -> int:
    value = moment_of(text, pattern)
    return value - value % DAY_US


def cell(row: str, at: int) -> Any:
    """A cell of a row that came as JSON."""
    return json.loads(row)[at]


PURE: dict[str, tuple[int, Callable[..., Any]]] = {
    "pg_cell": (2, cell), "pg_json_at": (2, json_at), "pg_json_at_text": (2, json_at_text), "pg_json_set": (-1, json_set), "pg_json_spread": (2, json_spread),
    "pg_json_strip": (1, json_strip), "pg_json_array": (-1, json_array), "pg_json_written": (-1, json_written), "pg_array_position": (2, array_position),
    "pg_array_remove": (2, array_remove), "pg_array_replace": (3, array_replace), "pg_array_join": (-1, array_join),
    "pg_array_json": (1, array_json), "pg_json_dense": (1, json_dense), "pg_array_cat": (2, array_cat), "pg_array_append": (2, array_append), "pg_array_contains": (2, array_contains),
    "pg_array_overlaps": (2, array_overlaps), "pg_array_prepend": (2, lambda v, a: array_cat(array(_plain(v)), a)),
    "pg_encode": (2, encode), "pg_regexp_match": (-1, regexp_match), "pg_to_number": (2, number_of), "pg_idiv": (2, div),
    "pg_moment_of": (2, moment_of), "pg_day_of": (2, day_of), "pg_make_date": (3, make_date), "pg_width_bucket": (4, width_bucket),
    "pg_make_timestamp": (6, make_timestamp),
}  # fmt: skip
NULL_AWARE = frozenset(("pg_json_array", "pg_json_written"))
# Argument kinds as in `calls.PLAIN`.
PLAIN: dict[str, tuple[str, PgType, str]] = {
    "jsonb_set": ("j*j?b", JSONB, "pg_json_set"), "jsonb_insert": ("j*j?b", JSONB, "pg_json_set"),
    "jsonb_strip_nulls": ("j", JSONB, "pg_json_strip"), "json_strip_nulls": ("j", JSON, "pg_json_strip"),
    "json_build_array": ("+d", JSON, "pg_json_array"), "jsonb_build_array": ("+d", JSONB, "pg_json_array"),
    "array_position": ("**", INT4, "pg_array_position"), "array_remove": ("**", TEXTS, "pg_array_remove"),
    "array_replace": ("***", TEXTS, "pg_array_replace"), "array_to_string": ("*t?t", TEXT, "pg_array_join"),
    "array_cat": ("**", TEXTS, "pg_array_cat"), "array_append": ("**", TEXTS, "pg_array_append"),
    "array_prepend": ("**", TEXTS, "pg_array_prepend"), "encode": ("tt", TEXT, "pg_encode"),
    "regexp_match": ("tt?t", TEXTS, "pg_regexp_match"), "regexp_matches": ("tt?t", TEXTS, "pg_regexp_match"),
    "to_number": ("tt", NUMBER, "pg_to_number"), "div": ("nn", PgType("numeric", scale=0), "pg_idiv"),
    "width_bucket": ("nnni", INT4, "pg_width_bucket"), "to_date": ("tt", DATE, "pg_day_of"), "make_date": ("iii", DATE, "pg_make_date"),
    "make_timestamp": ("iiiiin", TIMESTAMP, "pg_make_timestamp"),
    "justify_hours": ("v", INTERVAL, "pg_same"), "justify_days": ("v", INTERVAL, "pg_same"),
    "justify_interval": ("v", INTERVAL, "pg_same"),
}  # fmt: skip
# By the number of arguments another function than the one of the same name.
BY_COUNT: dict[tuple[str, int], tuple[str, PgType, str]] = {
    ("to_timestamp", 2): ("tt", TIMESTAMPTZ, "pg_moment_of"),
    ("array_to_string", 3): ("*tt", TEXT, "pg_array_join"),
}
KEEPS_ARRAY = frozenset("array_remove array_replace array_cat array_append array_prepend".split())
