"""Runs a jq filter: every node is a generator of values, and path nodes also of (path, value).

Bounded by fuel; a limit reached is JqLimit, which no `try` inside the filter can catch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from simulator.shell import jq_filters, jq_formats, jq_plain
from simulator.shell.jq_parse import JqSyntaxError, Node
from simulator.shell.jq_paths import Path, as_key, delpaths, get, getpath, items, setpath, sliced
from simulator.shell.jq_value import (
    MAX_TEXT_CHARS,
    JqError,
    JqLimit,
    arithmetic,
    compare,
    shown,
    text_of,
    true,
)

if TYPE_CHECKING:
    from simulator.world import World

FUEL = 600_000  # values produced; about two seconds at worst
Values = Iterator[Any]
Paths = Iterator[tuple[Path, Any]]
Env = dict[str, Any]


class Engine:
    """One run of one filter over its inputs."""

    def __init__(self, world: World, environment: dict[str, str], inputs: Iterator[Any]) -> None:
        self.world, self.environment, self.inputs = world, environment, inputs
        self.fuel = FUEL
        self.err: list[str] = []

    def burn(self, amount: int = 1) -> None:
        self.fuel -= amount
        if self.fuel < 0:
            raise JqLimit("the filter was stopped: it runs too long")

    def sized(self, value: Any) -> Any:
        """A text or an array, its size paid for."""
        self.burn(len(value) >> 4)
        if len(value) > MAX_TEXT_CHARS:
            raise JqLimit("the filter was stopped: a value grows too long")
        return value

    # -- values

    def run(self, node: Node, value: Any, env: Env) -> Values:
        self.burn()
        return _EVAL[node[0]](self, node, value, env)

    def identity(self, _node: Node, value: Any, _env: Env) -> Values:
        yield value

    def literal(self, node: Node, _value: Any, _env: Env) -> Values:
        yield node[1]

    def variable(self, node: Node, _value: Any, env: Env) -> Values:
        name = node[1]
        if name == "ENV":
            yield dict(self.environment)
        elif name == "__loc__":
            yield {"file": "<top-level>", "line": 1}
        else:
            yield env[name]

    def index(self, node: Node, value: Any, env: Env) -> Values:
        for key in self.run(node[2], value, env):
            for base in self.run(node[1], value, env):
                yield get(base, key)

    def slice(self, node: Node, value: Any, env: Env) -> Values:
        lows = [None] if node[2] is None else list(self.run(node[2], value, env))
        highs = [None] if node[3] is None else list(self.run(node[3], value, env))
        for high in highs:
            for low in lows:
                for base in self.run(node[1], value, env):
                    yield sliced(base, low, high)

    def field(self, node: Node, value: Any, env: Env) -> Values:
        for base in self.run(node[1], value, env):
            yield get(base, node[2])

    def each(self, node: Node, value: Any, env: Env) -> Values:
        for base in self.run(node[1], value, env):
            for item in items(base):
                self.burn()
                yield item

    def pipe(self, node: Node, value: Any, env: Env) -> Values:
        parts: list[Node] = node[1]
        running = [self.run(parts[0], value, env)]
        while running:
            try:
                middle = next(running[-1])
            except StopIteration:
                running.pop()
                continue
            if len(running) == len(parts):
                yield middle
            else:
                running.append(self.run(parts[len(running)], middle, env))

    def comma(self, node: Node, value: Any, env: Env) -> Values:
        for part in node[1]:
            yield from self.run(part, value, env)

    def collect(self, node: Node, value: Any, env: Env) -> Values:
        yield [] if node[1] is None else list(self.run(node[1], value, env))

    def object(self, node: Node, value: Any, env: Env) -> Values:
        made: list[Env] = [{}]
        for key_node, value_node in node[1]:
            found = [
                (self.object_key(key), item)
                for key in self.run(key_node, value, env)
                for item in self.run(value_node, value, env)
            ]
            self.burn(len(found) * len(made))
            made = [one | {key: item} for one in made for key, item in found]
        yield from made

    def object_key(self, key: Any) -> str:
        if isinstance(key, str):
            return key
        raise JqError("Object keys must be strings")

    def string(self, node: Node, value: Any, env: Env) -> Values:
        made = [""]
        for part in node[1]:
            if isinstance(part, str):
                found = [part]
            else:
                found = [jq_formats.formatted(node[2], item) for item in self.run(part, value, env)]
            self.burn(len(found) * len(made))
            made = [self.sized(one + piece) for piece in found for one in made]
        yield from made

    def format(self, node: Node, value: Any, _env: Env) -> Values:
        yield jq_formats.formatted(node[1], value)

    def arith(self, node: Node, value: Any, env: Env) -> Values:
        for right in self.run(node[3], value, env):
            for left in self.run(node[2], value, env):
                result = arithmetic(node[1], left, right)
                yield self.sized(result) if isinstance(result, str | list) else result

    def comparison(self, node: Node, value: Any, env: Env) -> Values:
        for right in self.run(node[3], value, env):
            for left in self.run(node[2], value, env):
                yield compare(node[1], left, right)

    def logic(self, node: Node, value: Any, env: Env) -> Values:
        decided = node[0] == "or"
        for left in self.run(node[1], value, env):
            if true(left) == decided:
                yield decided
            else:
                for right in self.run(node[2], value, env):
                    yield true(right)

    def alternative(self, node: Node, value: Any, env: Env) -> Values:
        found = False
        try:
            for left in self.run(node[1], value, env):
                if true(left):
                    found = True
                    yield left
        except JqError:
            pass
        if not found:
            yield from self.run(node[2], value, env)

    def condition(self, node: Node, value: Any, env: Env) -> Values:
        for test in self.run(node[1], value, env):
            yield from self.run(node[2] if true(test) else node[3], value, env)

    def attempt(self, node: Node, value: Any, env: Env) -> Values:
        try:
            yield from self.run(node[1], value, env)
        except JqError as error:
            if node[2] is not None:
                yield from self.run(node[2], error.value, env)

    def bind(self, node: Node, value: Any, env: Env) -> Values:
        for item in self.run(node[1], value, env):
            yield from self.run(node[3], value, env | bound(node[2], item))

    def reduce(self, node: Node, value: Any, env: Env) -> Values:
        for start in self.run(node[3], value, env):
            state = start
            for item in self.run(node[1], value, env):
                inner = env | bound(node[2], item)
                results = list(self.run(node[4], state, inner))
                state = results[-1] if results else None
            yield state

    def foreach(self, node: Node, value: Any, env: Env) -> Values:
        for start in self.run(node[3], value, env):
            state = start
            for item in self.run(node[1], value, env):
                inner = env | bound(node[2], item)
                for result in self.run(node[4], state, inner):
                    state = result
                    if len(node) > 5:
                        yield from self.run(node[5], result, inner)
                    else:
                        yield result

    def update(self, node: Node, value: Any, env: Env) -> Values:
        operator, target, source = node[1], node[2], node[3]
        if operator == "|=":
            yield self.modified(
                target, value, env, lambda old: next(iter(self.run(source, old, env)), jq_filters.NOTHING)
            )
            return
        for right in self.run(source, value, env):
            yield self.modified(target, value, env, lambda old, right=right: _combined(operator, old, right))  # type: ignore[misc]

    def modified(self, target: Node, value: Any, env: Env, change: Callable[[Any], Any]) -> Any:
        """`value` with every path of `target` changed; what changes to nothing is deleted."""
        gone: list[Path] = []
        for path, _ in list(self.paths(target, value, env)):
            new = change(getpath(value, path))
            if new is jq_filters.NOTHING:
                gone.append(path)
            else:
                value = setpath(value, path, new)
                self.burn(len(path))
        return delpaths(value, gone)

    def call(self, node: Node, value: Any, env: Env) -> Values:
        name, arguments = node[1], node[2]
        plain = jq_plain.PLAIN.get((name, len(arguments)))
        if plain is not None:
            if not arguments:
                yield plain(self, value)
                return
            yield from self.product(plain, arguments, [], value, env)
            return
        yield from jq_filters.FILTERS[(name, len(arguments))](self, arguments, value, env)

    def product(
        self, plain: Callable[..., Any], arguments: list[Node], made: list[Any], value: Any, env: Env
    ) -> Values:
        """A function of values called for every combination; jq varies the last argument slowest."""
        if len(made) == len(arguments):
            yield plain(self, value, *made)
            return
        for item in self.run(arguments[len(arguments) - 1 - len(made)], value, env):
            yield from self.product(plain, arguments, [item, *made] if made else [item], value, env)

    # -- paths

    def paths(self, node: Node, value: Any, env: Env) -> Paths:
        """(path, value) of a path expression. Raises JqError for any other node."""
        self.burn()
        step = _PATHS.get(node[0])
        if step is None:
            results = list(self.run(node, value, env))
            if not results:
                return iter(())
            raise JqError(f"Invalid path expression with result {shown(results[0]).partition(' (')[2][:-1]}")
        return step(self, node, value, env)

    def path_identity(self, _node: Node, value: Any, _env: Env) -> Paths:
        yield (), value

    def path_field(self, node: Node, value: Any, env: Env) -> Paths:
        for path, base in self.paths(node[1], value, env):
            yield (*path, node[2]), get(base, node[2])

    def path_index(self, node: Node, value: Any, env: Env) -> Paths:
        for key in self.run(node[2], value, env):
            for path, base in self.paths(node[1], value, env):
                yield (*path, as_key(key)), get(base, key)

    def path_slice(self, node: Node, value: Any, env: Env) -> Paths:
        lows = [None] if node[2] is None else list(self.run(node[2], value, env))
        highs = [None] if node[3] is None else list(self.run(node[3], value, env))
        for high in highs:
            for low in lows:
                for path, base in self.paths(node[1], value, env):
                    yield (*path, ("slice", low, high)), sliced(base, low, high)

    def path_each(self, node: Node, value: Any, env: Env) -> Paths:
        for path, base in self.paths(node[1], value, env):
            keys = range(len(base)) if isinstance(base, list) else base
            for key, item in zip(keys if isinstance(base, list | dict) else (), items(base), strict=True):
                self.burn()
                yield (*path, key), item

    def path_pipe(self, node: Node, value: Any, env: Env) -> Paths:
        parts: list[Node] = node[1]
        running: list[tuple[Path, Paths]] = [((), self.paths(parts[0], value, env))]
        while running:
            path, step = running[-1]
            try:
                more, middle = next(step)
            except StopIteration:
                running.pop()
                continue
            if len(running) == len(parts):
                yield path + more, middle
            else:
                running.append((path + more, self.paths(parts[len(running)], middle, env)))

    def path_comma(self, node: Node, value: Any, env: Env) -> Paths:
        for part in node[1]:
            yield from self.paths(part, value, env)

    def path_condition(self, node: Node, value: Any, env: Env) -> Paths:
        for test in self.run(node[1], value, env):
            yield from self.paths(node[2] if true(test) else node[3], value, env)

    def path_alternative(self, node: Node, value: Any, env: Env) -> Paths:
        found = False
        try:
            for path, item in self.paths(node[1], value, env):
                if true(item):
                    found = True
                    yield path, item
        except JqError:
            pass
        if not found:
            yield from self.paths(node[2], value, env)

    def path_attempt(self, node: Node, value: Any, env: Env) -> Paths:
        try:
            yield from self.paths(node[1], value, env)
        except JqError:
            return

    def path_bind(self, node: Node, value: Any, env: Env) -> Paths:
        for item in self.run(node[1], value, env):
            yield from self.paths(node[3], value, env | bound(node[2], item))

    def path_call(self, node: Node, value: Any, env: Env) -> Paths:
        name, arguments = node[1], node[2]
        step = jq_filters.PATHS.get((name, len(arguments)))
        if step is not None:
            yield from step(self, arguments, value, env)
            return
        for item in self.run(node, value, env):
            raise JqError(f"Invalid path expression with result {text_of(item)[:30]}")


def check(node: Node, names: frozenset[str], source: str) -> None:
    """Refuse unknown functions and variables before anything runs, as jq does. Raises JqSyntaxError."""
    waiting: list[tuple[Any, frozenset[str]]] = [(node, names)]
    while waiting:
        current, known = waiting.pop()
        if isinstance(current, list):
            waiting += [(child, known) for child in current]
        if not isinstance(current, tuple) or not current:
            continue
        if current[0] == "call":
            key = (current[1], len(current[2]))
            if key not in jq_plain.PLAIN and key not in jq_filters.FILTERS:
                raise JqSyntaxError(_undefined(f"{key[0]}/{key[1]}", current[3], source))
        if current[0] == "variable" and current[1] not in known:
            raise JqSyntaxError(_undefined(f"${current[1]}", current[2], source))
        if current[0] in ("as", "reduce", "foreach"):
            waiting.append((current[1], known))
            bodies = current[3:] if current[0] == "as" else current[4:]
            waiting += [] if current[0] == "as" else [(current[3], known)]
            inner = known | frozenset(_names(current[2]))
            waiting += [(body, inner) for body in bodies]
        else:
            waiting += (
                [(child, known) for child in current[1:]]
                if isinstance(current[0], str)
                else [(c, known) for c in current]
            )


def _undefined(what: str, offset: int, source: str) -> str:
    return f"{what} is not defined at <top-level>, line 1:\n{source}{' ' * offset}"


def _names(pattern: Node) -> list[str]:
    if pattern[0] == "var":
        return [pattern[1]]
    inner = pattern[1] if pattern[0] == "array" else [item for _, item in pattern[1]]
    return [name for item in inner for name in _names(item)]


def bound(pattern: Node, value: Any) -> Env:
    """The variables a pattern binds: $x, [$a, $b], {name: $n}."""
    if pattern[0] == "var":
        return {pattern[1]: value}
    found: Env = {}
    if pattern[0] == "array":
        for index, inner in enumerate(pattern[1]):
            found |= bound(inner, get(value, index))
    else:
        for name, inner in pattern[1]:
            found |= bound(inner, get(value, name))
    return found


def _combined(operator: str, old: Any, right: Any) -> Any:
    if operator == "=":
        return right
    if operator == "//=":
        return old if true(old) else right
    return arithmetic(operator[:-1], old, right)


_EVAL: dict[str, Callable[[Engine, Node, Any, Env], Values]] = {
    "identity": Engine.identity,
    "literal": Engine.literal,
    "variable": Engine.variable,
    "field": Engine.field,
    "index": Engine.index,
    "slice": Engine.slice,
    "each": Engine.each,
    "pipe": Engine.pipe,
    "comma": Engine.comma,
    "collect": Engine.collect,
    "object": Engine.object,
    "string": Engine.string,
    "format": Engine.format,
    "arith": Engine.arith,
    "compare": Engine.comparison,
    "or": Engine.logic,
    "and": Engine.logic,
    "alternative": Engine.alternative,
    "if": Engine.condition,
    "try": Engine.attempt,
    "as": Engine.bind,
    "reduce": Engine.reduce,
    "foreach": Engine.foreach,
    "update": Engine.update,
    "call": Engine.call,
}
_PATHS: dict[str, Callable[[Engine, Node, Any, Env], Paths]] = {
    "identity": Engine.path_identity,
    "field": Engine.path_field,
    "index": Engine.path_index,
    "slice": Engine.path_slice,
    "each": Engine.path_each,
    "pipe": Engine.path_pipe,
    "comma": Engine.path_comma,
    "if": Engine.path_condition,
    "alternative": Engine.path_alternative,
    "try": Engine.path_attempt,
    "as": Engine.path_bind,
    "call": Engine.path_call,
}
