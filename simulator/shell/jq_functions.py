"""jq's own functions: PLAIN ones take values, FILTERS take filters, PATHS are those that keep paths."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import re2

from simulator.shell import jq_paths
from simulator.shell.clock import strftime
from simulator.shell.jq_parse import Node
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
from simulator.shell.patterns import PatternError, compile_pattern

if TYPE_CHECKING:
    from simulator.shell.jq_eval import Engine, Env, Paths, Values

NOTHING = object()  # what `empty` on the right of `|=` means: delete


# -- formats: @text @json @csv ...


def formatted(form: str, value: Any) -> str:
    """A value under a format. Raises JqError."""
    if form == "text":
        return text_of(value)
    if form == "json":
        return dumps(value)
    if form in ("csv", "tsv"):
        if not isinstance(value, list):
            raise JqError(f"{shown(value)} cannot be {form}-formatted, only an array can be")
        return ("," if form == "csv" else "\t").join(_cell(form, item) for item in value)
    text = text_of(value)
    if form == "base64":
        return base64.b64encode(text.encode()).decode()
    if form == "base64d":
        return _unbase64(text, value)
    if form == "uri":
        safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
        return "".join(chr(b) if chr(b) in safe else f"%{b:02X}" for b in text.encode())
    if form == "html":
        return "".join({"<": "&lt;", ">": "&gt;", "&": "&amp;", "'": "&#39;", '"': "&quot;"}.get(c, c) for c in text)
    if form == "sh":
        return " ".join(_shell_word(item) for item in (value if isinstance(value, list) else [value]))
    raise JqError(f"{form} is not a valid format")


def _cell(form: str, item: Any) -> str:
    if isinstance(item, list | dict):
        raise JqError(f"{shown(item)} is not valid in a {form} row")
    if item is None:
        return ""
    if isinstance(item, str):
        if form == "csv":
            return '"' + item.replace('"', '""') + '"'
        return item.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return dumps(item)


def _unbase64(text: str, value: Any) -> str:
    kept = text.rstrip("=")
    try:
        return base64.b64decode(kept + "=" * (-len(kept) % 4), validate=True).decode("utf-8", "replace")
    except ValueError:
        raise JqError(f"{shown(value)} is not valid base64 data") from None


def _shell_word(item: Any) -> str:
    if isinstance(item, list | dict):
        raise JqError(f"{shown(item)} can not be escaped for shell")
    return "'" + item.replace("'", "'\\''") + "'" if isinstance(item, str) else dumps(item)


# -- functions of values


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


def _array(value: Any, what: str = "sorted, as it is not an array") -> list[Any]:
    if not isinstance(value, list):
        raise JqError(f"{shown(value)} cannot be {what}")
    return value


def _sort(run: Engine, value: Any) -> Any:
    run.burn(len(_array(value)))
    return sorted(value, key=rank)


def _unique(run: Engine, value: Any) -> Any:
    return [group[0] for group in _grouped([(rank(item), item) for item in _sort(run, value)])]


def _grouped(pairs: list[tuple[Any, Any]]) -> list[list[Any]]:
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


def _add(run: Engine, value: Any) -> Any:
    total = None
    for item in jq_paths.items(value):
        total = arithmetic("+", total, item)
        run.burn(1 + (len(total) >> 6 if isinstance(total, str | list | dict) else 0))
    return total


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
        raise JqError(f"Cannot parse '{value[:60]}' as JSON")
    raise JqError(f"{shown(value)} cannot be parsed as a number")


def _to_entries(run: Engine, value: Any) -> Any:
    return [{"key": key, "value": value[key]} for key in _keys_unsorted(run, value)]


def _from_entries(_run: Engine, value: Any) -> Any:
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


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise JqError(f"{shown(value)} {what}")
    return value


def _case(upper: bool) -> Callable[[Engine, Any], Any]:
    def change(_run: Engine, value: Any) -> Any:
        text = _text(value, "cannot be " + ("upcased" if upper else "downcased")) if not isinstance(value, str) else value
        low, high = ("a", "z") if upper else ("A", "Z")
        return "".join((c.upper() if upper else c.lower()) if low <= c <= high else c for c in text)

    return change


def _has(_run: Engine, value: Any, key: Any) -> Any:
    if isinstance(value, dict) and isinstance(key, str):
        return key in value
    if isinstance(value, list) and kind(key) == "number":
        return 0 <= key < len(value)
    raise JqError(f"Cannot check whether {kind(value)} has a {'string' if isinstance(key, str) else kind(key)} key")


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
        text = _text(value, "cannot be trimmed")
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
    glue = _text(glue, "cannot be used to join") if len(pieces) > 1 else ""
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
    return datetime.fromtimestamp(int(max(0, min(value, 4e9))) if value == value else 0, UTC)


def _fromdate(_run: Engine, value: Any) -> Any:
    text = _text(value, "cannot be parsed as a date") if not isinstance(value, str) else value
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
    text = _text(value, "only strings can be parsed")
    try:
        found = list(documents(text))
    except JqError as error:
        raise JqError(f"{error.text} (while parsing '{text[:60]}')") from None
    return found[0] if found else None


def _explode(run: Engine, value: Any) -> Any:
    return run.sized([ord(c) for c in _text(value, "cannot be exploded")])


def _implode(_run: Engine, value: Any) -> Any:
    if not isinstance(value, list) or not all(kind(c) == "number" and 0 <= c < 0x110000 for c in value):
        raise JqError("implode input must be an array of codepoints")
    return "".join(chr(int(c)) if not 0xD800 <= c <= 0xDFFF else "\ufffd" for c in value)


def _transpose(run: Engine, value: Any) -> Any:
    height = max((len(_array(row, "transposed")) for row in _array(value, "transposed")), default=0)
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
    return jq_paths.setpath(value, _path(path), new)


def _getpath(_run: Engine, value: Any, path: Any) -> Any:
    return jq_paths.getpath(value, _path(path))


def _delpaths(_run: Engine, value: Any, paths: Any) -> Any:
    return jq_paths.delpaths(value, [_path(path) for path in _array(paths, "used as paths")])


def _path(path: Any) -> tuple[Any, ...]:
    keys = _array(path, "used as a path")
    return tuple(("slice", k.get("start"), k.get("end")) if isinstance(k, dict) else k for k in keys)


# -- patterns: test, match, capture, scan, sub, gsub, splits


def _pattern(pattern: Any, flags: Any) -> re2._Regexp:
    if isinstance(pattern, list):
        pattern, flags = pattern[0] if pattern else None, pattern[1] if len(pattern) > 1 else flags
    if not isinstance(pattern, str):
        raise JqError(f"{shown(pattern)} cannot be matched, as it is not a string")
    flags = flags if isinstance(flags, str) else ""
    for letter in flags:
        if letter not in "gimnsxlp":
            raise JqError(f"{flags} is not a valid modifier string")
    prefix = "(?s)" if "s" in flags else ""
    try:
        return compile_pattern(prefix + pattern.replace("(?<", "(?P<"), "perl", "i" in flags)
    except PatternError as error:
        raise JqError(f"{pattern[:60]} (at offset 0) is not a valid regex: {error}") from None


def _matches(run: Engine, value: Any, pattern: Any, flags: Any, every: bool) -> list[re2._Match]:
    text = _text(value, "cannot be matched, as it is not a string")
    found = []
    for match in _pattern(pattern, flags).finditer(text):
        run.burn(4)
        found.append(match)
        if not (every or (isinstance(flags, str) and "g" in flags)):
            break
    return found


def _named(match: re2._Match) -> dict[str, Any]:
    return dict(match.groupdict())


def _described(match: re2._Match) -> dict[str, Any]:
    names = {index: name for name, index in match.re.groupindex.items()}
    captures = []
    for index in range(1, match.re.groups + 1):
        text = match.group(index)
        offset = match.start(index) if text is not None else -1
        captures.append({"offset": offset, "length": len(text or ""), "string": text, "name": names.get(index)})
    whole = match.group()
    return {"offset": match.start(), "length": len(whole), "string": whole, "captures": captures}


def _test(run: Engine, value: Any, pattern: Any, flags: Any = None) -> Any:
    return bool(_matches(run, value, pattern, flags, False))


def _match(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for pattern in run.run(arguments[0], value, env):
        for flags in run.run(arguments[1], value, env) if len(arguments) > 1 else (None,):
            for match in _matches(run, value, pattern, flags, False):
                yield _described(match)


def _capture(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for pattern in run.run(arguments[0], value, env):
        for flags in run.run(arguments[1], value, env) if len(arguments) > 1 else (None,):
            for match in _matches(run, value, pattern, flags, False):
                yield _named(match)


def _scan(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for pattern in run.run(arguments[0], value, env):
        for match in _matches(run, value, pattern, None, True):
            yield list(match.groups()) if match.re.groups else match.group()


def _substitute(every: bool) -> Callable[[Engine, list[Node], Any, Env], Values]:
    def substitute(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
        for pattern in run.run(arguments[0], value, env):
            for flags in run.run(arguments[2], value, env) if len(arguments) > 2 else (None,):
                out, at, size = [], 0, 0
                for match in _matches(run, value, pattern, flags, every):
                    made = next(iter(run.run(arguments[1], _named(match), env)), "")
                    made = _text(made, "cannot be added to a string")
                    size += len(made)
                    if size > MAX_TEXT_CHARS:
                        raise JqLimit("the filter was stopped: a value grows too long")
                    out += [value[at : match.start()], made]
                    at = match.end()
                yield run.sized("".join(out) + value[at:])

    return substitute


def _splits(run: Engine, value: Any, pattern: Any, flags: Any = None) -> list[str]:
    out, at = [], 0
    for match in _matches(run, value, pattern, flags, True):
        out.append(value[at : match.start()])
        at = match.end()
    return [*out, value[at:]]


def _splits_filter(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for pattern in run.run(arguments[0], value, env):
        yield from _splits(run, value, pattern)


# -- functions of filters


def _empty(_run: Engine, _arguments: list[Node], _value: Any, _env: Env) -> Values:
    yield from ()


def _select(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for test in run.run(arguments[0], value, env):
        if true(test):
            yield value


def _map(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    yield [new for item in jq_paths.items(value) for new in run.run(arguments[0], item, env)]


def _map_values(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    jq_paths.items(value)
    first = {key: next(iter(run.run(arguments[0], item, env)), NOTHING) for key, item in
             (value.items() if isinstance(value, dict) else enumerate(value))}  # fmt: skip
    kept = {key: item for key, item in first.items() if item is not NOTHING}
    yield kept if isinstance(value, dict) else list(kept.values())


def _keyed(run: Engine, node: Node, value: Any, env: Env) -> list[tuple[Any, Any]]:
    run.burn(len(_array(value)))
    return [([rank(key) for key in run.run(node, item, env)], item) for item in value]


def _sort_by(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    yield [item for _, item in sorted(_keyed(run, arguments[0], value, env), key=lambda pair: pair[0])]


def _group_by(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    yield _grouped(sorted(_keyed(run, arguments[0], value, env), key=lambda pair: pair[0]))


def _unique_by(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    pairs = sorted(_keyed(run, arguments[0], value, env), key=lambda pair: pair[0])
    yield [group[0] for group in _grouped(pairs)]


def _extreme(largest: bool) -> Callable[[list[tuple[Any, Any]]], Any]:
    def choose(pairs: list[tuple[Any, Any]]) -> Any:
        best = None
        for pair in pairs:
            if best is None or (pair[0] >= best[0] if largest else pair[0] < best[0]):
                best = pair
        return None if best is None else best[1]

    return choose


def _extreme_by(largest: bool) -> Callable[[Engine, list[Node], Any, Env], Values]:
    choose = _extreme(largest)

    def find(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
        yield choose(_keyed(run, arguments[0], value, env))

    return find


def _extreme_plain(largest: bool) -> Callable[[Engine, Any], Any]:
    choose = _extreme(largest)
    return lambda _run, value: choose([(rank(item), item) for item in _array(value, "compared")])


def _with_entries(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    entries = [new for entry in _to_entries(run, value) for new in run.run(arguments[0], entry, env)]
    yield _from_entries(run, entries)


def _quantifier(every: bool) -> Callable[[Engine, list[Node], Any, Env], Values]:
    def decide(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
        source: Iterator[Any] = iter(jq_paths.items(value)) if len(arguments) < 2 else run.run(arguments[0], value, env)
        for item in source:
            run.burn()
            tests = run.run(arguments[-1], item, env) if arguments else (item,)
            if any(true(test) != every for test in tests):
                yield not every
                return
        yield every

    return decide


def _range(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    combos = _combinations(run, arguments, value, env)
    for numbers in combos:
        if any(kind(number) != "number" for number in numbers):
            raise JqError("Range bounds must be numeric")
        low, high, step = (0, numbers[0], 1) if len(numbers) == 1 else (*numbers, 1)[:3]
        while (low < high) if step > 0 else (low > high and step < 0):
            run.burn()
            yield low
            low += step


def _combinations(run: Engine, arguments: list[Node], value: Any, env: Env) -> Iterator[list[Any]]:
    if not arguments:
        yield []
        return
    for first in run.run(arguments[0], value, env):
        for rest in _combinations(run, arguments[1:], value, env):
            yield [first, *rest]


def _first(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for item in run.run(arguments[0], value, env):
        yield item
        return


def _last(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    found = list(run.run(arguments[0], value, env))
    yield from found[-1:]


def _limit(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for count in run.run(arguments[0], value, env):
        left = count if kind(count) == "number" else 0
        if left <= 0:
            continue
        for item in run.run(arguments[1], value, env):
            yield item
            left -= 1
            if left <= 0:
                break


def _nth(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for index in run.run(arguments[0], value, env):
        if len(arguments) == 1:
            yield jq_paths.get(value, index)
            continue
        for at, item in enumerate(run.run(arguments[1], value, env)):
            if at == index:
                yield item
                break


def _until(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    while not true(next(iter(run.run(arguments[0], value, env)), None)):
        run.burn()
        found = list(run.run(arguments[1], value, env))
        if not found:
            return
        value = found[0]
    yield value


def _while(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    while true(next(iter(run.run(arguments[0], value, env)), None)):
        yield value
        found = list(run.run(arguments[1], value, env))
        if not found:
            return
        value = found[0]


def _repeat(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    while True:
        yield value
        found = list(run.run(arguments[0], value, env))
        if not found:
            return
        value = found[0]


def _walk(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    yield _walked(run, arguments[0], value, env, 0)


def _walked(run: Engine, node: Node, value: Any, env: Env, depth: int) -> Any:
    if depth > 60:
        raise JqLimit("value nested too deeply")
    if isinstance(value, list):
        value = [_walked(run, node, item, env, depth + 1) for item in value]
    elif isinstance(value, dict):
        value = {key: _walked(run, node, value[key], env, depth + 1) for key in value}
    return next(iter(run.run(node, value, env)), None)


def _paths(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for path, item in _recurse_paths(run, [], value, env):
        if path and (not arguments or any(true(t) for t in run.run(arguments[0], item, env))):
            yield list(path)


def _leaf_paths(run: Engine, _arguments: list[Node], value: Any, env: Env) -> Values:
    for path, item in _recurse_paths(run, [], value, env):
        if path and not isinstance(item, list | dict):
            yield list(path)


def _path_of(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for path, _ in run.paths(arguments[0], value, env):
        yield _shown_path(path)


def _shown_path(path: tuple[Any, ...]) -> list[Any]:
    return [{"start": key[1], "end": key[2]} if isinstance(key, tuple) else key for key in path]


def _del(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    yield jq_paths.delpaths(value, [path for path, _ in run.paths(arguments[0], value, env)])


def _only(*kinds: str) -> Callable[[Engine, list[Node], Any, Env], Values]:
    def keep(_run: Engine, _arguments: list[Node], value: Any, _env: Env) -> Values:
        if kind(value) in kinds:
            yield value

    return keep


def _in(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for other in run.run(arguments[0], value, env):
        yield _has(run, other, value)


def _inside(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for other in run.run(arguments[0], value, env):
        yield contains(run, other, value)


def _inputs(run: Engine, _arguments: list[Node], _value: Any, _env: Env) -> Values:
    yield from run.inputs


def _add_filter(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    yield _add(run, list(run.run(arguments[0], value, env)))


def _recurse(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for _, item in _recurse_paths(run, arguments, value, env):
        yield item


def _recurse_paths(run: Engine, arguments: list[Node], value: Any, env: Env) -> Paths:
    """Depth first, a value before what it holds; iterative, so depth costs no stack."""
    step: Node = arguments[0] if arguments else ("try", ("each", ("identity",)), None)
    waiting: list[tuple[tuple[Any, ...], Any]] = [((), value)]
    while waiting:
        path, item = waiting.pop()
        run.burn()
        yield path, item
        inner = [(path + more, child) for more, child in run.paths(step, item, env)] if item is not None else []
        waiting += reversed(inner)


def _path_select(run: Engine, arguments: list[Node], value: Any, env: Env) -> Paths:
    for test in run.run(arguments[0], value, env):
        if true(test):
            yield (), value


def _path_empty(_run: Engine, _arguments: list[Node], _value: Any, _env: Env) -> Paths:
    yield from ()


def _path_first(run: Engine, arguments: list[Node], value: Any, env: Env) -> Paths:
    if not arguments:
        yield (0,), jq_paths.get(value, 0)
        return
    for found in run.paths(arguments[0], value, env):
        yield found
        return


def _path_last(run: Engine, arguments: list[Node], value: Any, env: Env) -> Paths:
    if not arguments:
        yield (-1,), jq_paths.get(value, -1)
        return
    yield from list(run.paths(arguments[0], value, env))[-1:]


def _path_getpath(run: Engine, arguments: list[Node], value: Any, env: Env) -> Paths:
    for path in run.run(arguments[0], value, env):
        yield _path(path), jq_paths.getpath(value, _path(path))


def _path_only(*kinds: str) -> Callable[[Engine, list[Node], Any, Env], Paths]:
    def keep(_run: Engine, _arguments: list[Node], value: Any, _env: Env) -> Paths:
        if kind(value) in kinds:
            yield (), value

    return keep


_ONLY = {
    "nulls": ("null",),
    "booleans": ("boolean",),
    "numbers": ("number",),
    "strings": ("string",),
    "arrays": ("array",),
    "objects": ("object",),
    "iterables": ("array", "object"),
    "scalars": ("null", "boolean", "number", "string"),
    "values": ("boolean", "number", "string", "array", "object"),
}

PLAIN: dict[tuple[str, int], Callable[..., Any]] = {
    ("length", 0): _length,
    ("utf8bytelength", 0): lambda _run, value: len(_text(value, "only strings have UTF-8 byte length").encode()),
    ("not", 0): lambda _run, value: not true(value),
    ("keys", 0): _keys,
    ("keys_unsorted", 0): _keys_unsorted,
    ("add", 0): _add,
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
    ("reverse", 0): lambda _run, value: [] if value is None else value[::-1] if isinstance(value, str) else _array(value, "reversed, as it is not an array")[::-1],
    ("min", 0): _extreme_plain(False),
    ("max", 0): _extreme_plain(True),
    ("transpose", 0): _transpose,
    ("to_entries", 0): _to_entries,
    ("from_entries", 0): _from_entries,
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
    ("has", 1): _has,
    ("contains", 1): contains,
    ("indices", 1): lambda _run, value, wanted: jq_paths.indices(value, wanted),
    ("index", 1): _edge(False),
    ("rindex", 1): _edge(True),
    ("startswith", 1): _starts(False),
    ("endswith", 1): _starts(True),
    ("ltrimstr", 1): _trimmed(False),
    ("rtrimstr", 1): _trimmed(True),
    ("split", 1): _split,
    ("split", 2): _splits,
    ("join", 1): _join,
    ("test", 1): _test,
    ("test", 2): _test,
    ("getpath", 1): _getpath,
    ("setpath", 2): _setpath,
    ("delpaths", 1): _delpaths,
}

FILTERS: dict[tuple[str, int], Callable[[Engine, list[Node], Any, Env], Values]] = {
    ("empty", 0): _empty,
    ("select", 1): _select,
    ("map", 1): _map,
    ("map_values", 1): _map_values,
    ("sort_by", 1): _sort_by,
    ("group_by", 1): _group_by,
    ("unique_by", 1): _unique_by,
    ("min_by", 1): _extreme_by(False),
    ("max_by", 1): _extreme_by(True),
    ("with_entries", 1): _with_entries,
    ("any", 0): _quantifier(False),
    ("any", 1): _quantifier(False),
    ("any", 2): _quantifier(False),
    ("all", 0): _quantifier(True),
    ("all", 1): _quantifier(True),
    ("all", 2): _quantifier(True),
    ("range", 1): _range,
    ("range", 2): _range,
    ("range", 3): _range,
    ("first", 1): _first,
    ("last", 1): _last,
    ("limit", 2): _limit,
    ("nth", 1): _nth,
    ("nth", 2): _nth,
    ("until", 2): _until,
    ("while", 2): _while,
    ("repeat", 1): _repeat,
    ("walk", 1): _walk,
    ("paths", 0): _paths,
    ("paths", 1): _paths,
    ("leaf_paths", 0): _leaf_paths,
    ("path", 1): _path_of,
    ("del", 1): _del,
    ("in", 1): _in,
    ("inside", 1): _inside,
    ("inputs", 0): _inputs,
    ("add", 1): _add_filter,
    ("recurse", 0): _recurse,
    ("recurse", 1): _recurse,
    ("match", 1): _match,
    ("match", 2): _match,
    ("capture", 1): _capture,
    ("capture", 2): _capture,
    ("scan", 1): _scan,
    ("sub", 2): _substitute(False),
    ("sub", 3): _substitute(False),
    ("gsub", 2): _substitute(True),
    ("gsub", 3): _substitute(True),
    ("splits", 1): _splits_filter,
} | {(name, 0): _only(*kinds) for name, kinds in _ONLY.items()}

PATHS: dict[tuple[str, int], Callable[[Engine, list[Node], Any, Env], Paths]] = {
    ("empty", 0): _path_empty,
    ("select", 1): _path_select,
    ("recurse", 0): _recurse_paths,
    ("recurse", 1): _recurse_paths,
    ("first", 0): _path_first,
    ("first", 1): _path_first,
    ("last", 0): _path_last,
    ("last", 1): _path_last,
    ("getpath", 1): _path_getpath,
} | {(name, 0): _path_only(*kinds) for name, kinds in _ONLY.items()}
