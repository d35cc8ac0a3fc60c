"""`logcli query`: label matchers, line filters and counting over the log view. LogQL's small core."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.patterns import PatternError, found_in, full_match
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.telemetry import logs
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

LIMIT = 30  # logcli's own default
MAX_LIMIT = 5_000
MAX_QUERY = 4_000
LABELS = ("app", "pod", "level", "namespace")
UNITS = {"s": 1, "m": 60, "h": 3600}

SELECTOR = re.compile(r"\{([^{}]*)\}")
MATCHER = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*')
FILTER = re.compile(r'\s*(\|=|\|~|!=|!~)\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)\s*')
COUNTED = re.compile(
    r"^\s*(?:sum\s*(?:by\s*\(([\w,\s]*)\))?\s*\()?\s*(count_over_time|rate)\s*\((.*?)\[(\d+)([smh])\]\s*\)\s*\)?\s*$",
    re.S,
)


class QueryError(ValueError):
    """A query that does not parse; the text is Loki's."""


@dataclass(frozen=True)
class LogQuery:
    """Label matchers and line filters, in order."""

    matchers: tuple[tuple[str, str, str], ...]
    filters: tuple[tuple[str, str], ...]

    def labels_match(self, labels: dict[str, str]) -> bool:
        for name, op, value in self.matchers:
            have = labels.get(name, "")
            good = have == value if op in ("=", "!=") else full_match(value, have)
            if good == op.startswith("!"):
                return False
        return True

    def line_matches(self, text: str) -> bool:
        for op, value in self.filters:
            good = value in text if op in ("|=", "!=") else found_in(value, text)
            if good == op.startswith("!"):
                return False
        return True


def parse(text: str) -> LogQuery:
    """Raises QueryError."""
    if len(text) > MAX_QUERY:
        raise QueryError(f"parse error : query is longer than {MAX_QUERY} characters")
    start = SELECTOR.match(text.strip())
    if start is None:
        raise QueryError("parse error at line 1, col 1: syntax error: unexpected IDENTIFIER, expecting {")
    matchers = []
    rest = start.group(1)
    while rest.strip():
        found = MATCHER.match(rest)
        if found is None:
            raise QueryError(
                "parse error at line 1, col 2: syntax error: unexpected STRING, expecting = or != or =~ or !~"
            )
        matchers.append((found.group(1), found.group(2), _plain(found.group(3))))
        rest = rest[found.end() :].lstrip()
        rest = rest[1:] if rest.startswith(",") else rest
    if not matchers:
        raise QueryError(
            "parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible value"
        )
    filters = []
    rest = text.strip()[start.end() :]
    while rest.strip():
        found = FILTER.match(rest)
        if found is None:
            column = len(text) - len(rest.lstrip()) + 1
            raise QueryError(f"parse error at line 1, col {column}: syntax error: unexpected IDENTIFIER")
        filters.append(
            (found.group(1), _plain(found.group(2)) if found.group(2) is not None else found.group(3))
        )
        rest = rest[found.end() :]
    return LogQuery(tuple(matchers), tuple(filters))


def _plain(text: str) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\")


def select(world: World, query: LogQuery, start_s: float, end_s: float, limit: int) -> list[logs.LogLine]:
    """Matching lines, newest first."""
    apps = [a for a in logs.apps(world) if _may(query, a)]
    found = []
    for line in logs.lines(world, apps, start_s, end_s, MAX_LIMIT * 4):
        labels = {
            "app": line.app,
            "pod": line.pod,
            "level": line.level.lower(),
            "namespace": world.scenario.namespace,
        }
        if query.labels_match(labels) and query.line_matches(line.text):
            found.append(line)
            if len(found) >= limit:
                break
    return found


def _may(query: LogQuery, app: str) -> bool:
    return LogQuery(tuple(m for m in query.matchers if m[0] == "app"), ()).labels_match({"app": app})


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    """`logcli query [--limit N] [--since D] EXPR` and `logcli labels [NAME]`."""
    words = argv[1:]
    if words[:1] == ["labels"]:
        return Reply(
            "".join(f"{name}\n" for name in (LABELS if len(words) < 2 else _values(world, words[1])))
        )
    if words[:1] not in (["query"], ["instant-query"]):
        return failure("logcli: error: expected command: query, instant-query, labels", 1)
    limit, since, expressions = LIMIT, 3600.0, []
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in ("--limit", "--since", "--from", "--to", "-o", "--output") and word.startswith("-"):
            value = value if equals else (rest.pop(0) if rest else "")
            if name == "--limit" and value.isdigit():
                limit = min(MAX_LIMIT, int(value))
            elif name == "--since":
                match = re.fullmatch(r"(\d+)([smh])", value)
                if match is None:
                    return failure(f'logcli: error: time: invalid duration "{value}", try --help', 1)
                since = int(match.group(1)) * UNITS[match.group(2)]
        elif word in ("--quiet", "-q", "--forward", "--no-labels"):
            continue
        elif word.startswith("--"):
            return failure(f"logcli: error: unknown long flag '{word.partition('=')[0]}', try --help", 1)
        else:
            expressions.append(word)
    if len(expressions) != 1:
        return failure("logcli: error: required argument 'query' not provided, try --help", 1)
    try:
        return _answer(world, expressions[0], limit, since)
    except (QueryError, PatternError) as error:
        return failure(f"Query failed: Error response from server: {error}", 1)


def _values(world: World, name: str) -> list[str]:
    return logs.apps(world) if name == "app" else []


def _answer(world: World, text: str, limit: int, since: float) -> Reply:
    counted = COUNTED.match(text)
    if counted is not None:
        by, function, inner, number, unit = counted.groups()
        window = float(int(number) * UNITS[unit])
        found = select(world, parse(inner), world.now_s - window, world.now_s, MAX_LIMIT)
        counts: dict[str, int] = {}
        for line in found:
            names = [b.strip() for b in (by or "").split(",") if b.strip()] or ["app"]
            labels = {"app": line.app, "pod": line.pod, "level": line.level.lower()}
            key = ", ".join(f'{n}="{labels.get(n, "")}"' for n in names)
            counts[key] = counts.get(key, 0) + 1
        scale = window if function == "rate" else 1.0
        body = "".join(f"{{{key}}} => {count / scale:g}\n" for key, count in sorted(counts.items()))
        return Reply(body)
    found = select(world, parse(text), world.now_s - since, world.now_s, limit)
    out = "".join(f'{{app="{line.app}", pod="{line.pod}"}} {line.text}\n' for line in found)
    return Reply(out)


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
