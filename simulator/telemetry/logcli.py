"""`logcli`: the log store at the terminal. What a query means is in logql.py."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.telemetry import logcli_output as output
from simulator.telemetry import logql, logql_values, logs
from simulator.telemetry.logql import PatternError, QueryError
from simulator.telemetry.words import moment
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

LIMIT = 30  # logcli's own default
MAX_LIMIT = 5_000
DEFAULT_SINCE_S = 3600.0
LABELS = ("app", "level", "namespace", "pod")
COMMANDS = (
    "query",
    "instant-query",
    "labels",
    "series",
    "stats",
    "volume",
    "volume_range",
    "fmt",
    "detected-fields",
)
VALUES = ("limit", "since", "from", "to", "output", "addr", "org-id", "username", "password", "batch", "timezone", "now",
          "step", "interval", "delay-for", "query-tags", "bearer-token", "tls-skip-verify-value", "retries", "stats-value",
          "part-path-prefix", "parallel-duration", "parallel-max-workers", "store-config", "exclude-label", "include-label",
          "labels-length", "ca-cert", "cert", "key", "colorize-output-value", "proxy-url", "tenant-id")  # fmt: skip
STEPS = 12  # of a metric over a span
FLAGS = ("quiet", "forward", "no-labels", "tail", "follow", "stats", "colored-output", "include-common-labels", "tls-skip-verify",
         "analyze-labels", "version", "merge-parts", "nocache", "compress", "verbose", "help")  # fmt: skip
SHORT = {"o": "output", "q": "quiet", "t": "tail", "f": "tail", "z": "timezone", "v": "verbose", "h": "help"}
NOT_A_QUERY = "logcli: error: required argument 'query' not provided, try --help"


class UsageError(ValueError):
    """A command line that logcli refuses; the text is kingpin's."""


@dataclass
class Words:
    operands: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)

    def on(self, name: str) -> bool:
        return name in self.options


def read(argv: list[str]) -> Words:
    """Raises UsageError."""
    found, rest = Words(), list(argv)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            found.operands.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("--"):
            name, value, equals = name[:1], value or word[2:], equals or word[2:]
        name = SHORT.get(name, name) if not word.startswith("--") else name
        if name in VALUES:
            if not equals and not rest:
                raise UsageError(f"expected argument for flag '--{name}'")
            found.options[name] = value if equals else rest.pop(0)
        elif name in FLAGS:
            found.options[name] = "true"
        else:
            kind = "long" if word.startswith("--") else "short"
            raise UsageError(f"unknown {kind} flag '{word.partition('=')[0]}'")
    return found


Books = dict[tuple[str, ...], logs.Book]  # by the apps that a command reads


def lines(
    world: World, query: logql.LogQuery, start_s: float, end_s: float, books: Books | None = None
) -> Iterator[logql_values.Line]:
    """What passes a query, newest first, with its labels."""
    apps = tuple(app for app in logs.apps(world) if _may(query, app))
    kept = {} if books is None else books
    if apps not in kept:
        kept[apps] = logs.Book(world, list(apps))
    for line in kept[apps].lines(start_s, end_s, MAX_LIMIT * 4):
        labels = {
            "app": line.app,
            "pod": line.pod,
            "level": line.level.lower(),
            "namespace": world.scenario.namespace,
        }
        if query.labels_match(labels):
            text = query.passed(line.text, labels)
            if text is not None:
                yield line.t_s, text, labels


def _may(query: logql.LogQuery, app: str) -> bool:
    return logql.LogQuery(tuple(m for m in query.matchers if m[0] == "app")).labels_match({"app": app})


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    """`logcli query [--limit N] [--since D] EXPR`, `labels [NAME]`, `series`, `stats`."""
    try:
        return _command(world, read(argv[1:]))
    except UsageError as error:
        return failure(f"logcli: error: {error}, try --help", 1)
    except (QueryError, PatternError) as error:
        return failure(f"Query failed: Error response from server: {error}", 1)


def _command(world: World, words: Words) -> Reply:
    if words.on("help") or words.operands[:1] == ["help"]:
        return Reply(
            "usage: logcli [<flags>] <command> [<args> ...]\n\nCommands:\n"
            + "".join(f"  {c}\n" for c in COMMANDS[:5])
        )
    if words.on("version"):
        return Reply("logcli, version 3.2.1\n")
    if not words.operands:
        raise UsageError("must select a subcommand")
    command, *rest = words.operands
    if command not in COMMANDS:
        raise UsageError(f'expected command but got "{command[:100]}"')
    if command == "labels":
        return Reply("".join(f"{name}\n" for name in (values(world, rest[0]) if rest else LABELS)))
    if len(rest) != 1:
        if len(rest) > 1:
            raise UsageError(f"unexpected {rest[1][:100]}")
        return failure(NOT_A_QUERY, 1)
    query = logql.parse(rest[0])
    if command == "fmt":
        return Reply(rest[0] + "\n")
    if command in ("query", "instant-query"):
        return _query(world, words, query)
    if not isinstance(query, logql.LogQuery):
        raise QueryError("parse error : only label matchers are supported")
    return _overview(world, words, command, query)


def values(world: World, name: str) -> list[str]:
    if name == "pod":
        return sorted({labels["pod"] for _, _, labels in _last(world)})
    return {
        "app": logs.apps(world), "namespace": [world.scenario.namespace], "level": sorted({la["level"] for _, _, la in _last(world)}),
    }.get(name, [])  # fmt: skip


def _last(world: World) -> list[logql_values.Line]:
    """A few seconds of everything: enough to know which pods and levels there are."""
    return list(lines(world, logql.LogQuery((("app", "=~", ".+"),)), world.now_s - 5.0, world.now_s))


def _span(world: World, words: Words) -> tuple[float, float]:
    epoch = world.scenario.starts_at.timestamp()
    found = {"from": world.now_s - DEFAULT_SINCE_S, "to": world.now_s}
    if words.on("since"):
        since = logql.duration(words.options["since"])
        if since is None:
            raise UsageError(f'time: invalid duration "{words.options["since"][:100]}"')
        found["from"] = world.now_s - since
    for name in ("from", "to"):
        if words.on(name):
            at = moment(words.options[name], epoch)
            if at is None:
                raise UsageError(
                    f'parsing time "{words.options[name][:100]}" as "2006-01-02T15:04:05.999999999Z07:00"'
                )
            found[name] = at
    return found["from"], min(found["to"], world.now_s)


def _query(world: World, words: Words, query: logql.LogQuery | logql.Metric) -> Reply:
    if not isinstance(query, logql.LogQuery):
        at_once = words.operands[0] == "instant-query"
        return Reply(_instant(world, query) if at_once else _ranged(world, words, query))
    if words.operands[0] == "instant-query":
        raise QueryError(
            "log queries are not supported as an instant query type, please change your query to a range query type"
        )
    start, end = _span(world, words)
    limit = words.options.get("limit", str(LIMIT))
    if not limit.isdigit():
        raise UsageError(f'strconv.ParseInt: parsing "{limit[:60]}": invalid syntax')
    if words.on("tail"):
        start, before = world.now_s, world.now_s
        world.advance(world.follow_limit_s)
        start, end = before, world.now_s
    most = min(MAX_LIMIT, int(limit) or MAX_LIMIT)
    found: list[logql_values.Line] = []
    for line in lines(world, query, start, end):
        found.append(line)
        if len(found) >= most and not words.on("forward"):
            break
    if words.on("forward") or words.on("tail"):
        found = found[::-1][:most]
    way = "FORWARD" if words.on("forward") else "BACKWARD"
    shared = {} if words.on("include-common-labels") else output.common(found)
    width = -1 if words.on("no-labels") else output.widest(found, shared)
    head = output.heads(world, words.operands[-1], way, (start, end), most) + output.commons(
        world, found, shared
    )
    form = words.options.get("output", "default")
    return Reply(
        "".join(output.line(world, line, form, shared, width) for line in found),
        "" if words.on("quiet") else head,
    )


def evaluate(
    world: World, query: logql.Metric, at_s: float, books: Books | None = None
) -> logql_values.Vector | float:
    """A metric query at a second that was."""
    return logql_values.Evaluation(lambda q, start, end: lines(world, q, start, end, books), at_s).run(query)


def _instant(world: World, query: logql.Metric) -> str:
    value = evaluate(world, query, world.now_s)
    if isinstance(value, float):
        return output.scalar(world, value)
    rows = [(dict(key), number) for key, number in value.items()]
    ranked = isinstance(query, logql.Group) and query.function in ("topk", "bottomk", "sort", "sort_desc")
    return output.vector(world, rows if ranked else sorted(rows, key=lambda row: sorted(row[0].items())))


def _ranged(world: World, words: Words, query: logql.Metric) -> str:
    """A metric over a span. Without --step the span is divided; a span is never divided finer than `STEPS`."""
    start, end = _span(world, words)
    start = max(0.0, start)
    step = logql.duration(words.options["step"]) if words.on("step") else 0.0
    if step is None:
        raise UsageError(f'time: invalid duration "{words.options["step"][:100]}"')
    step = float(math.ceil(max(1.0, step or 0.0, (end - start) / STEPS)))
    series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    books: Books = {}
    for number in range(int((end - start) / step) + 1):
        t_s = start + number * step
        value = evaluate(world, query, t_s, books)
        for key, found in ({(): value} if isinstance(value, float) else value).items():
            series.setdefault(tuple(key), []).append((t_s, found))
    return output.matrix(world, [(dict(key), points) for key, points in sorted(series.items())])


def _overview(world: World, words: Words, command: str, query: logql.LogQuery) -> Reply:
    """series, stats, volume: what lies behind a selector."""
    start, end = _span(world, words)
    found = list(lines(world, query, max(start, end - 60.0) if command == "series" else start, end))
    streams = sorted({tuple(sorted(labels.items())) for _, _, labels in found})
    if command == "series":
        return Reply("".join(output.braces(dict(key)) + "\n" for key in streams))
    size = sum(len(text.encode()) for _, text, _ in found)
    if command == "stats":
        return Reply(
            f"{{\n  bytes: {size / 1000:.1f}kB\n  chunks: {len(streams)}\n  streams: {len(streams)}\n  entries: {len(found)}\n}}\n"
        )
    return Reply(json.dumps([{"metric": {}, "value": [round(world.now_s), str(size)]}]) + "\n")


TOOLS = {
    "logcli": Tool(
        "logcli",
        run,
        Text(ru="журналы: LogQL", en="logs: LogQL"),
        (
            'logcli query \'{app="payment-service"} |= "Bulkhead"\' --limit 5',
            "logcli query 'sum by (level) (count_over_time({app=\"payment-service\"}[1m]))'",
        ),
    )
}
