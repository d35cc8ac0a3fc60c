"""jq's pattern functions: test, match, capture, scan, sub, gsub, splits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import re2

from simulator.shell.jq_parse import Node
from simulator.shell.jq_value import MAX_TEXT_CHARS, JqError, JqLimit, shown
from simulator.shell.patterns import PatternError, compile_pattern

if TYPE_CHECKING:
    from simulator.shell.jq_eval import Engine, Env, Values


def text_input(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise JqError(f"{shown(value)} {what}")
    return value


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
    text = text_input(value, "cannot be matched, as it is not a string")
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
        captures.append(
            {"offset": offset, "length": len(text or ""), "string": text, "name": names.get(index)}
        )
    whole = match.group()
    return {"offset": match.start(), "length": len(whole), "string": whole, "captures": captures}


def test(run: Engine, value: Any, pattern: Any, flags: Any = None) -> Any:
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
                    made = text_input(made, "cannot be added to a string")
                    size += len(made)
                    if size > MAX_TEXT_CHARS:
                        raise JqLimit("the filter was stopped: a value grows too long")
                    out += [value[at : match.start()], made]
                    at = match.end()
                yield run.sized("".join(out) + value[at:])

    return substitute


def splits(run: Engine, value: Any, pattern: Any, flags: Any = None) -> list[str]:
    out, at = [], 0
    for match in _matches(run, value, pattern, flags, True):
        out.append(value[at : match.start()])
        at = match.end()
    return [*out, value[at:]]


def _splits_filter(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for pattern in run.run(arguments[0], value, env):
        yield from splits(run, value, pattern)


FILTERS: dict[tuple[str, int], Callable[[Engine, list[Node], Any, Env], Values]] = {
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
}
