"""jq's functions of values: the input and already evaluated arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from simulator.shell import jq_paths
from simulator.shell.clock import strftime
from simulator.shell.jq_match import splits, test, text_input
from simulator.shell.jq_value import (
    MAX_TEXT_CHARS,
    JqError,
    JqLimit,
    arithmetic,
    documents,
    dumps,
    kind,
    parse_numeral,
    rank,
    shown,
    text_of,
    true,
)
from simulator.shell.numerals import is_number

if TYPE_CHECKING:
    from simulator.shell.jq_eval import Engine


def _length(_run: Engine, value: Any) -> Any:
    if value is None:
        return 0
    if isinstance(value, bool):
        raise JqError(f"{shown(value)} has no length")
    return abs(value) if isinstance(value, int | float) else len(value)


def _keys(_run: Engine, value: Any) -> Any:
    if isinstance(value, dict):
        return sorted(value, key=str.encode)
    if isinstance(value, list):
        return list(range(len(value)))
    raise JqError(f"{shown(value)} has no keys")


def _keys_unsorted(run: Engine, value: Any) -> Any:
    return list(value) if isinstance(value, dict) else _keys(run, value)


def array(value: Any, what: str = "sorted, as it is not an array") -> list[Any]:
    if not isinstance(value, list):
        raise JqError(f"{shown(value)} cannot be {what}")
    return value


def _sort(run: Engine, value: Any) -> Any:
    run.burn(len(array(value)))
    return sorted(value, key=rank)


def _unique(run: Engine, value: Any) -> Any:
    return [group[0] for group in grouped([(rank(item), item) for item in _sort(run, value)])]


def grouped(pairs: list[tuple[Any, Any]]) -> list[list[Any]]:
    """Neighbours with equal keys together."""
    groups: list[list[Any]] = []
    previous: Any = None
    for key, item in pairs:
        if groups and key == previous:
            groups[-1].append(item)
        else:
            groups.append([item])
        previous = key
    return groups


def total(run: Engine, value: Any) -> Any:
    made = None
    for item in jq_paths.items(value):
        made = arithmetic("+", made, item)
        run.burn(1 + (len(made) >> 6 if isinstance(made, str | list | dict) else 0))
    return made


def _flatten(run: Engine, value: Any, depth: Any = 1e9) -> Any:
    if kind(depth) != "number" or depth < 0:
        raise JqError("flatten depth must not be negative")
    return _flat(run, jq_paths.items(value), depth, 0)


def _flat(run: Engine, items: list[Any], depth: float, level: int) -> list[Any]:
    if level > 100:
        raise JqLimit("value nested too deeply")
    out: list[Any] = []
    for item in items:
        run.burn()
        out += _flat(run, item, depth - 1, level + 1) if isinstance(item, list) and depth > 0 else [item]
    return out


def _tonumber(_run: Engine, value: Any) -> Any:
    if kind(value) == "number":
        return value
    if isinstance(value, str) and is_number(value):
        return parse_numeral(value.strip())
    if isinstance(value, str):
        raise JqError(
            f"Invalid numeric literal at EOF at line 1, column {len(value)} (while parsing '{value[:60]}')"
        )
    raise JqError(f"{shown(value)} cannot be parsed as a number")


def to_entries(run: Engine, value: Any) -> Any:
    return [{"key": key, "value": value[key]} for key in _keys_unsorted(run, value)]


def from_entries(_run: Engine, value: Any) -> Any:
    out: dict[str, Any] = {}
    for entry in jq_paths.items(value):
        if not isinstance(entry, dict):
            raise JqError(f'Cannot index {kind(entry)} with "key"')
        names = [entry[name] for name in ("key", "k", "name", "Name", "Key", "K") if name in entry]
        key = next((name for name in names if name is not None and name is not False), None)
        values = [entry[name] for name in ("value", "v", "Value", "V") if name in entry]
        if isinstance(key, list | dict):
            raise JqError(f"Cannot use {shown(key)} as object key")
        out[text_of(key)] = values[0] if values else None
    return out


def _case(upper: bool) -> Callable[[Engine, Any], Any]:
    def change(_run: Engine, value: Any) -> Any:
        text = (
            text_input(value, "cannot be " + ("upcased" if upper else "downcased"))
            if not isinstance(value, str)
            else value
        )
        low, high = ("a", "z") if upper else ("A", "Z")
        return "".join((c.upper() if upper else c.lower()) if low <= c <= high else c for c in text)

    return change


def has_key(_run: Engine, value: Any, key: Any) -> Any:
    if isinstance(value, dict) and isinstance(key, str):
        return key in value
    if isinstance(value, list) and kind(key) == "number":
        return 0 <= key < len(value)
    raise JqError(
        f"Cannot check whether {kind(value)} has a {'string' if isinstance(key, str) else kind(key)} key"
    )


def contains(run: Engine, value: Any, other: Any) -> bool:
    run.burn()
    if kind(value) != kind(other):
        raise JqError(f"{shown(value)} and {shown(other)} cannot have their containment checked")
    if isinstance(value, str):
        return other in value
    if isinstance(value, dict):
        return all(
            key in value and kind(value[key]) == kind(item) and contains(run, value[key], item)
            for key, item in other.items()
        )
    if isinstance(value, list):
        return all(any(kind(v) == kind(item) and contains(run, v, item) for v in value) for item in other)
    return rank(value) == rank(other)


def _edge(last: bool) -> Callable[[Engine, Any, Any], Any]:
    def find(_run: Engine, value: Any, wanted: Any) -> Any:
        found = jq_paths.indices(value, wanted)
        return found[-1 if last else 0] if found else None

    return find


def _starts(end: bool) -> Callable[[Engine, Any, Any], Any]:
    name = "endswith" if end else "startswith"

    def test(_run: Engine, value: Any, part: Any) -> Any:
        if not (isinstance(value, str) and isinstance(part, str)):
            raise JqError(f"{name}() requires string inputs")
        return value.endswith(part) if end else value.startswith(part)

    return test


def _trimmed(end: bool) -> Callable[[Engine, Any, Any], Any]:
    def trim(_run: Engine, value: Any, part: Any) -> Any:
        if not (isinstance(value, str) and isinstance(part, str)):
            return value
        return value.removesuffix(part) if end else value.removeprefix(part)

    return trim


def _strip(left: bool, right: bool) -> Callable[[Engine, Any], Any]:
    def strip(_run: Engine, value: Any) -> Any:
        text = text_input(value, "cannot be trimmed")
        text = text.lstrip() if left else text
        return text.rstrip() if right else text

    return strip


def _split(run: Engine, value: Any, separator: Any) -> Any:
    if not (isinstance(value, str) and isinstance(separator, str)):
        raise JqError("split input and separator must be strings")
    return run.sized(value.split(separator) if separator else list(value)) if value else []


def _join(run: Engine, value: Any, glue: Any) -> Any:
    pieces = []
    for item in jq_paths.items(value):
        if isinstance(item, list | dict):
            raise JqError(f"{shown(glue)} and {shown(item)} cannot be added")
        pieces.append("" if item is None else text_of(item))
    if not pieces:
        return ""
    glue = text_input(glue, "cannot be used to join") if len(pieces) > 1 else ""
    if len(glue) * len(pieces) > MAX_TEXT_CHARS:
        raise JqLimit("the filter was stopped: a value grows too long")
    return run.sized(glue.join(pieces))


def _rounding(function: Callable[[float], float]) -> Callable[[Engine, Any], Any]:
    def apply(_run: Engine, value: Any) -> Any:
        if kind(value) != "number":
            raise JqError(f"{shown(value)} number required")
        try:
            result = float(function(value))
        except OverflowError:
            result = math.inf if math.isfinite(value) else value
        except ValueError:
            result = math.nan
        return int(result) if math.isfinite(result) and result.is_integer() and abs(result) < 1e17 else result

    return apply


def _date(_run: Engine, value: Any) -> Any:
    if kind(value) != "number":
        raise JqError("strftime/1 requires parsed datetime inputs")
    return strftime(_moment(value), "%Y-%m-%dT%H:%M:%SZ")


def _moment(value: float) -> datetime:
    return datetime.fromtimestamp(0 if math.isnan(value) else int(max(0, min(value, 4e9))), UTC)


def _fromdate(_run: Engine, value: Any) -> Any:
    text = text_input(value, "cannot be parsed as a date") if not isinstance(value, str) else value
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise JqError(f'date "{text[:60]}" does not match format "%Y-%m-%dT%H:%M:%SZ"') from None


def _strftime(_run: Engine, value: Any, form: Any) -> Any:
    if kind(value) != "number" or not isinstance(form, str):
        raise JqError("strftime/1 requires parsed datetime inputs")
    return strftime(_moment(value), form)


def _now(run: Engine, _value: Any) -> Any:
    return run.world.at(run.world.now_s).timestamp()


def _fromjson(_run: Engine, value: Any) -> Any:
    text = text_input(value, "only strings can be parsed")
    try:
        found = list(documents(text))
    except JqError as error:
        raise JqError(f"{error.text} (while parsing '{text[:60]}')") from None
    return found[0] if found else None


def _explode(run: Engine, value: Any) -> Any:
    return run.sized([ord(c) for c in text_input(value, "cannot be exploded")])


def _implode(_run: Engine, value: Any) -> Any:
    if not isinstance(value, list) or not all(kind(c) == "number" and 0 <= c < 0x110000 for c in value):
        raise JqError("implode input must be an array of codepoints")
    return "".join(chr(int(c)) if not 0xD800 <= c <= 0xDFFF else "\ufffd" for c in value)


def _transpose(run: Engine, value: Any) -> Any:
    height = max((len(array(row, "transposed")) for row in array(value, "transposed")), default=0)
    run.burn(height * len(value) // 4)
    return [[row[i] if i < len(row) else None for row in value] for i in range(height)]


def _error(_run: Engine, value: Any, *message: Any) -> Any:
    raise JqError(message[0] if message else value)


def _debug(run: Engine, value: Any) -> Any:
    run.err.append(dumps(["DEBUG:", value]) + "\n")
    return value


def _input(run: Engine, _value: Any) -> Any:
    for item in run.inputs:
        return item
    raise JqError("No more inputs")


def _setpath(_run: Engine, value: Any, path: Any, new: Any) -> Any:
    return jq_paths.setpath(value, as_path(path), new)


def _getpath(_run: Engine, value: Any, path: Any) -> Any:
    return jq_paths.getpath(value, as_path(path))


def _delpaths(_run: Engine, value: Any, paths: Any) -> Any:
    return jq_paths.delpaths(value, [as_path(path) for path in array(paths, "used as paths")])


def as_path(path: Any) -> tuple[Any, ...]:
    keys = array(path, "used as a path")
    return tuple(("slice", k.get("start"), k.get("end")) if isinstance(k, dict) else k for k in keys)


def extreme(largest: bool) -> Callable[[list[tuple[Any, Any]]], Any]:
    def choose(pairs: list[tuple[Any, Any]]) -> Any:
        best = None
        for pair in pairs:
            if best is None or (pair[0] >= best[0] if largest else pair[0] < best[0]):
                best = pair
        return None if best is None else best[1]

    return choose


def _extreme_plain(largest: bool) -> Callable[[Engine, Any], Any]:
    choose = extreme(largest)
    return lambda _run, value: choose([(rank(item), item) for item in array(value, "compared")])


PLAIN: dict[tuple[str, int], Callable[..., Any]] = {
    ("length", 0): _length,
    ("utf8bytelength", 0): lambda _run, value: len(
        text_input(value, "only strings have UTF-8 byte length").encode()
    ),
    ("not", 0): lambda _run, value: not true(value),
    ("keys", 0): _keys,
    ("keys_unsorted", 0): _keys_unsorted,
    ("add", 0): total,
    ("flatten", 0): _flatten,
    ("flatten", 1): _flatten,
    ("floor", 0): _rounding(math.floor),
    ("ceil", 0): _rounding(math.ceil),
    ("round", 0): _rounding(lambda x: math.copysign(math.floor(abs(x) + 0.5), x)),
    ("sqrt", 0): _rounding(math.sqrt),
    ("fabs", 0): _rounding(abs),
    ("abs", 0): _rounding(abs),
    ("log", 0): _rounding(lambda x: math.log(x) if x else -math.inf),
    ("log10", 0): _rounding(lambda x: math.log10(x) if x else -math.inf),
    ("log2", 0): _rounding(lambda x: math.log2(x) if x else -math.inf),
    ("exp", 0): _rounding(math.exp),
    ("pow", 2): lambda run, _value, a, b: _rounding(lambda x: math.pow(x, b))(run, a),
    ("tostring", 0): lambda _run, value: text_of(value),
    ("tonumber", 0): _tonumber,
    ("type", 0): lambda _run, value: kind(value),
    ("sort", 0): _sort,
    ("unique", 0): _unique,
    ("reverse", 0): lambda _run, value: (
        []
        if value is None
        else value[::-1]
        if isinstance(value, str)
        else array(value, "reversed, as it is not an array")[::-1]
    ),
    ("min", 0): _extreme_plain(False),
    ("max", 0): _extreme_plain(True),
    ("transpose", 0): _transpose,
    ("to_entries", 0): to_entries,
    ("from_entries", 0): from_entries,
    ("ascii_downcase", 0): _case(False),
    ("ascii_upcase", 0): _case(True),
    ("explode", 0): _explode,
    ("implode", 0): _implode,
    ("tojson", 0): lambda _run, value: dumps(value),
    ("fromjson", 0): _fromjson,
    ("trim", 0): _strip(True, True),
    ("ltrim", 0): _strip(True, False),
    ("rtrim", 0): _strip(False, True),
    ("now", 0): _now,
    ("todate", 0): _date,
    ("todateiso8601", 0): _date,
    ("fromdate", 0): _fromdate,
    ("fromdateiso8601", 0): _fromdate,
    ("strftime", 1): _strftime,
    ("error", 0): _error,
    ("error", 1): _error,
    ("debug", 0): _debug,
    ("input", 0): _input,
    ("env", 0): lambda run, _value: dict(run.environment),
    ("infinite", 0): lambda _run, _value: math.inf,
    ("nan", 0): lambda _run, _value: math.nan,
    ("isnan", 0): lambda _run, value: isinstance(value, float) and math.isnan(value),
    ("isinfinite", 0): lambda _run, value: isinstance(value, float) and math.isinf(value),
    ("first", 0): lambda _run, value: jq_paths.get(value, 0),
    ("last", 0): lambda _run, value: jq_paths.get(value, -1),
    ("has", 1): has_key,
    ("contains", 1): contains,
    ("indices", 1): lambda _run, value, wanted: jq_paths.indices(value, wanted),
    ("index", 1): _edge(False),
    ("rindex", 1): _edge(True),
    ("startswith", 1): _starts(False),
    ("endswith", 1): _starts(True),
    ("ltrimstr", 1): _trimmed(False),
    ("rtrimstr", 1): _trimmed(True),
    ("split", 1): _split,
    ("split", 2): splits,
    ("join", 1): _join,
    ("test", 1): test,
    ("test", 2): test,
    ("getpath", 1): _getpath,
    ("setpath", 2): _setpath,
    ("delpaths", 1): _delpaths,
}
