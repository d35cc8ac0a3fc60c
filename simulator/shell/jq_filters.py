"""jq's functions of filters, and those that keep paths (for `|=`, `del`, `path`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from simulator.shell import jq_paths
from simulator.shell.jq_match import FILTERS as MATCH_FILTERS
from simulator.shell.jq_parse import Node
from simulator.shell.jq_plain import (
    array,
    as_path,
    contains,
    extreme,
    from_entries,
    grouped,
    has_key,
    to_entries,
    total,
)
from simulator.shell.jq_value import JqError, JqLimit, kind, rank, true

if TYPE_CHECKING:
    from simulator.shell.jq_eval import Engine, Env, Paths, Values

NOTHING = object()  # what `empty` on the right of `|=` means: delete


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
    first = {
        key: next(iter(run.run(arguments[0], item, env)), NOTHING)
        for key, item in (value.items() if isinstance(value, dict) else enumerate(value))
    }
    kept = {key: item for key, item in first.items() if item is not NOTHING}
    yield kept if isinstance(value, dict) else list(kept.values())


def _keyed(run: Engine, node: Node, value: Any, env: Env) -> list[tuple[Any, Any]]:
    run.burn(len(array(value)))
    return [([rank(key) for key in run.run(node, item, env)], item) for item in value]


def _sort_by(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    yield [item for _, item in sorted(_keyed(run, arguments[0], value, env), key=lambda pair: pair[0])]


def _group_by(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    yield grouped(sorted(_keyed(run, arguments[0], value, env), key=lambda pair: pair[0]))


def _unique_by(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    pairs = sorted(_keyed(run, arguments[0], value, env), key=lambda pair: pair[0])
    yield [group[0] for group in grouped(pairs)]


def _extreme_by(largest: bool) -> Callable[[Engine, list[Node], Any, Env], Values]:
    choose = extreme(largest)

    def find(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
        yield choose(_keyed(run, arguments[0], value, env))

    return find


def _with_entries(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    entries = [new for entry in to_entries(run, value) for new in run.run(arguments[0], entry, env)]
    yield from_entries(run, entries)


def _quantifier(every: bool) -> Callable[[Engine, list[Node], Any, Env], Values]:
    def decide(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
        source: Iterator[Any] = (
            iter(jq_paths.items(value)) if len(arguments) < 2 else run.run(arguments[0], value, env)
        )
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
        yield has_key(run, other, value)


def _inside(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    for other in run.run(arguments[0], value, env):
        yield contains(run, other, value)


def _inputs(run: Engine, _arguments: list[Node], _value: Any, _env: Env) -> Values:
    yield from run.inputs


def _add_filter(run: Engine, arguments: list[Node], value: Any, env: Env) -> Values:
    yield total(run, list(run.run(arguments[0], value, env)))


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
        inner = (
            [(path + more, child) for more, child in run.paths(step, item, env)] if item is not None else []
        )
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
        yield as_path(path), jq_paths.getpath(value, as_path(path))


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

FILTERS: dict[tuple[str, int], Callable[[Engine, list[Node], Any, Env], Values]] = {
    **MATCH_FILTERS,
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
