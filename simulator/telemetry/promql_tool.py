"""`promql` and `promtool query`: PromQL at the terminal, printed as promtool prints it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.telemetry import promql
from simulator.telemetry.promql_functions import Labels, QueryError
from simulator.telemetry.promql_vector import show_labels, show_metric, show_value
from simulator.telemetry.words import UsageError, Words, moment, read, seconds
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

MAX_LINES = 5_000  # of one answer
DEFAULT_STEPS = 60  # promtool without --step divides the range; so do we
Points = list[tuple[float, float]]

_FLAGS = {"help": "h"}
_VALUES = {
    "range": "r", "step": "s", "time": "", "at": "", "start": "", "end": "", "format": "o", "output": "", "header": "",
    "match": "", "enable-feature": "", "http.config.file": "",
}  # fmt: skip

USAGE = Text(
    ru="promql: выражение? Например: promql 'sum(rate(http_requests_total[1m])) by (service, code)'\n"
    "        promql --range 10m --step 15s EXPR",
    en="promql: which expression? For example: promql 'sum(rate(http_requests_total[1m])) by (service, code)'\n"
    "        promql --range 10m --step 15s EXPR",
)


def epoch(world: World) -> float:
    return world.scenario.starts_at.timestamp()


def query(world: World, expr: str, at_s: float) -> promql.Result:
    """An instant query of the world's Prometheus. Raises QueryError."""
    return promql.instant(world.telemetry, expr, at_s, epoch(world), world.scenario.alerting.evaluate_s)


def query_range(
    world: World, expr: str, start_s: float, end_s: float, step_s: float
) -> list[tuple[Labels, Points]]:
    """A range query of the world's Prometheus. Raises QueryError."""
    return promql.range_query(
        world.telemetry, expr, start_s, end_s, step_s, epoch(world), world.scenario.alerting.evaluate_s
    )


def told(error: QueryError, ranged: bool) -> str:
    """An error in the words of the HTTP API: instant queries name the parameter that does not parse, ranges do not."""
    return f'invalid parameter "query": {error}' if "parse error" in str(error) and not ranged else str(error)


# --- printing ----------------------------------------------------------------------------------------
def _stamp(world: World, t_s: float) -> str:
    return show_value(round(epoch(world) + t_s, 3))


def _number(world: World, t_s: float) -> float | int:
    value = round(epoch(world) + t_s, 3)
    return int(value) if value == int(value) else value


def show_result(world: World, result: promql.Result, at_s: float) -> str:
    """An instant query's answer in promtool's words."""
    at = _stamp(world, at_s)
    if result.kind == "scalar":
        return f"scalar: {show_value(result.value)} @[{at}]\n"
    if result.kind == "string":
        return f"{result.value}\n"
    if result.kind == "matrix":
        return show_matrix(world, result.value)
    return _joined(
        [f"{show_metric(labels)} => {show_value(value)} @[{at}]" for labels, value in result.value]
    )


def show_matrix(world: World, series: list[tuple[Labels, Points]]) -> str:
    lines = []
    for labels, points in series:
        lines.append(f"{show_metric(labels)} =>")
        lines += [f"{show_value(v)} @[{_stamp(world, t)}]" for t, v in points]
    return _joined(lines)


def _joined(lines: list[str]) -> str:
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"... {len(lines) - MAX_LINES} more lines"]
    return "\n".join(lines) + "\n"


def _as_json(world: World, result: promql.Result, at_s: float) -> str:
    found: Any
    if result.kind == "vector":
        found = [{"metric": m, "value": [_number(world, at_s), show_value(v)]} for m, v in result.value]
    elif result.kind == "matrix":
        found = _json_matrix(world, result.value)
    else:
        shown = show_value(result.value) if result.kind == "scalar" else result.value
        found = [_number(world, at_s), shown]
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False) + "\n"


def _json_matrix(world: World, series: list[tuple[Labels, Points]]) -> list[dict[str, Any]]:
    return [
        {"metric": labels, "values": [[_number(world, t), show_value(v)] for t, v in points]}
        for labels, points in series
    ]


# --- promql ------------------------------------------------------------------------------------------
def run_promql(world: World, argv: list[str], stdin: str) -> Reply:
    try:
        words = read(argv[1:], _FLAGS, _VALUES)
    except UsageError as error:
        if len(argv) != 2 or not argv[1].startswith("-") or argv[1].startswith("--"):
            return failure(f"promql: error: {error}", 2)
        words = Words(operands=[argv[1]])  # `-up`: a sign, no option
    expr = " ".join(words.operands) or stdin.strip()
    if not expr or words.has("help"):
        text = USAGE.of(world.language) + "\n"
        return Reply(text, cost_s=0.0) if words.has("help") else failure(text, 2)
    if (
        not words.has("range")
        and words.operands[:1] == ["query"]
        and words.operands[1:2] in (["instant"], ["range"])
    ):
        return run_promtool(world, ["promtool", *argv[1:]], stdin)
    at = _time(world, words)
    if at is None:
        return failure(f'error parsing evaluation time: cannot parse "{_given(words)}" to a valid timestamp')
    try:
        return Reply(_promql(world, words, expr, at))
    except UsageError as error:
        return failure(f"promql: error: {error}", 2)
    except QueryError as error:
        return failure(f"Error executing query: {error}")


def _given(words: Words) -> str:
    return words.options.get("time", words.options.get("at", ""))


def _time(world: World, words: Words) -> float | None:
    """When to evaluate: now, a timestamp, or `14:05:00` of the scenario's day."""
    text = _given(words)
    if not text:
        return world.now_s
    if text.count(":") in (1, 2) and "-" not in text:
        text = f"{world.scenario.starts_at:%Y-%m-%d}T{text}{':00' if text.count(':') == 1 else ''}Z"
    return moment(text, epoch(world))


def _promql(world: World, words: Words, expr: str, at_s: float) -> str:
    as_json = words.options.get("format", words.options.get("output", "promql")) == "json"
    if not words.has("range"):
        result = query(world, expr, at_s)
        return _as_json(world, result, at_s) if as_json else show_result(world, result, at_s)
    length = _duration(words.options["range"])
    step = _duration(words.options["step"]) if words.has("step") else max(length / DEFAULT_STEPS, 1.0)
    series = query_range(world, expr, at_s - length, at_s, step)
    if as_json:
        return json.dumps(_json_matrix(world, series), separators=(",", ":"), ensure_ascii=False) + "\n"
    return show_matrix(world, series)


def _duration(text: str) -> float:
    found = seconds(text)
    if found is None:
        raise UsageError(f'time: invalid duration "{text}"')
    return found


# --- promtool ----------------------------------------------------------------------------------------
def run_promtool(world: World, argv: list[str], _stdin: str) -> Reply:
    """`promtool query instant|range|series|labels`; the server's address may be left out."""
    try:
        words = read(argv[1:], _FLAGS, _VALUES)
        return _promtool(world, words)
    except UsageError as error:
        return failure(f"promtool: error: {error}, try --help")
    except QueryError as error:
        ranged = argv[1:3] == ["query", "range"]
        return failure(f"query error: {error.kind}: {told(error, ranged)}")


def _promtool(world: World, words: Words) -> Reply:
    if words.operands[:1] == ["check"]:
        return _check(world, words.operands[1:])
    if words.operands[:1] != ["query"]:
        if not words.operands:
            raise UsageError("must select a subcommand of 'promtool'")
        raise UsageError(f'expected command but got "{words.operands[0]}"')
    if len(words.operands) < 2:
        raise UsageError("must select a subcommand of 'query'")
    kind, rest = words.operands[1], words.operands[2:]
    if kind not in ("instant", "range", "series", "labels"):
        raise UsageError(f'expected command but got "{kind}"')
    if rest and rest[0].startswith(("http://", "https://")):
        rest = rest[1:]
    elif not rest and kind != "series":
        raise UsageError("required argument 'server' not provided")
    if kind == "series":
        return _series(world, words)
    if not rest:
        raise UsageError(f"required argument '{'name' if kind == 'labels' else 'expr'}' not provided")
    if kind == "labels":
        return _label_values(world, rest[0])
    if kind == "instant":
        return _instant(world, words, rest[0])
    return _range(world, words, rest[0])


def _check(world: World, rest: list[str]) -> Reply:
    """`promtool check config|rules FILE`: the rules of this scenario, which are read when it starts."""
    if rest[:1] not in (["config"], ["rules"], ["healthy"], ["ready"], ["metrics"]):
        raise UsageError(
            f'expected command but got "{rest[0]}"' if rest else "must select a subcommand of 'check'"
        )
    if rest[0] in ("healthy", "ready"):
        return Reply(f"  SUCCESS: Prometheus Server is {rest[0].capitalize()}.\n")
    if rest[0] == "metrics":
        return Reply()
    if len(rest) < 2:
        raise UsageError(f"required argument '{rest[0]}-files' not provided")
    count = len(world.scenario.alerting.rules)
    if rest[0] == "rules":
        return Reply(f"Checking {rest[1]}\n  SUCCESS: {count} rules found\n\n")
    return Reply(
        f"Checking {rest[1]}\n  SUCCESS: 1 rule files found\n SUCCESS: {rest[1]} is valid prometheus config file syntax\n\nChecking /etc/prometheus/rules/sli.yml\n  SUCCESS: {count} rules found\n\n"
    )


def _instant(world: World, words: Words, expr: str) -> Reply:
    at = _time(world, words)
    if at is None:
        return failure(f'error parsing evaluation time: cannot parse "{_given(words)}" to a valid timestamp')
    result = query(world, expr, at)
    if words.options.get("format") == "json":
        return Reply(_as_json(world, result, at))
    return Reply(show_result(world, result, at))


def _range(world: World, words: Words, expr: str) -> Reply:
    """promtool's defaults: the last five minutes."""
    end, start = world.now_s, None
    for name in ("end", "start"):
        if words.has(name):
            found = moment(words.options[name], epoch(world))
            if found is None:
                text = f'error parsing {name} time: cannot parse "{words.options[name]}" to a valid timestamp'
                return failure(text)
            end, start = (found, start) if name == "end" else (end, found)
    start = end - 300.0 if start is None else start
    if start >= end:
        return failure("start time is not before end time")
    step = _duration(words.options["step"]) if words.has("step") else max((end - start) // 250, 1.0)
    series = query_range(world, expr, start, end, step)
    if words.options.get("format") == "json":
        return Reply(
            json.dumps(_json_matrix(world, series), separators=(",", ":"), ensure_ascii=False) + "\n"
        )
    return Reply(show_matrix(world, series))


def _series(world: World, words: Words) -> Reply:
    if not words.has("match"):
        raise UsageError("required flag --match not provided")
    found: dict[str, None] = {}
    for selector in words.lists["match"]:
        result = query(world, selector, world.now_s)
        if result.kind != "vector":
            raise QueryError(f'invalid parameter "match[]": not a selector: {selector}', "bad_data")
        found.update(dict.fromkeys(show_labels(labels) for labels, _ in result.value))
    return Reply(_joined(sorted(found)))


def _label_values(world: World, name: str) -> Reply:
    rows = world.telemetry.select(None, [], world.now_s - promql.LOOKBACK_S, world.now_s)
    return Reply(_joined(sorted({labels[name] for labels, _ in rows if name in labels})))


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "promql",
            run_promql,
            Text(ru="запрос к Prometheus", en="ask Prometheus"),
            (
                "promql 'sum(rate(http_requests_total[1m])) by (service, code)'",
                "promql --range 10m --step 15s pgbouncer_pools_client_waiting_connections",
            ),
        ),
        Tool(
            "promtool",
            run_promtool,
            Text(ru="promtool query", en="promtool query"),
            ("promtool query instant http://prometheus:9090 up",),
        ),
    )
}
