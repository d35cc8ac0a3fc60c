"""`graph`: a plot of a PromQL expression or of a well-known column, with what happened written below."""

from __future__ import annotations

import math
import string
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator import facts
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.telemetry.plot import MARKS, Chart, Points, draw, show
from simulator.telemetry.promql_functions import QueryError
from simulator.telemetry.promql_tool import query_range
from simulator.telemetry.promql_vector import show_metric
from simulator.telemetry.words import UsageError, read, seconds
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

HEIGHT = 14
DEFAULT_S = 600.0
MAX_SERIES = 8
MAX_MARKS = 12
MARKED = (
    "deploy",
    "rollout",
    "alert",
    "page",
    "breaker",
    "pool",
    "command",
    "fault",
    "drain",
    "sli",
    "resolved",
)

T = {
    "usage": Text(
        ru="graph: что рисовать? Имена: {names}; или выражение PromQL. Например: graph success --last 10m",
        en="graph: what to draw? Names: {names}; or a PromQL expression. For example: graph success --last 10m",
    ),
    "empty": Text(ru="graph: за это время нет ни одной точки", en="graph: no samples in this span"),
    "more": Text(ru="... ещё рядов: {n}", en="... {n} more series"),
    "range": Text(ru="мин {low}, макс {high}, сейчас {last}", en="min {low}, max {high}, now {last}"),
    "bad_span": Text(
        ru="graph: --last: длительность вида 10m, не больше 24h", en="graph: --last: a duration like 10m, at most 24h"
    ),
    "success": Text(ru="успешность {cls}, %", en="success of {cls}, %"),
    "rps": Text(ru="запросов {cls} в секунду", en="{cls} requests a second"),
    "errors": Text(ru="неудач {cls} в секунду", en="{cls} failures a second"),
    "p99": Text(ru="p99 {cls}, мс", en="p99 of {cls}, ms"),
    "pending": Text(ru="{db}: ждут соединения", en="{db}: waiting for a connection"),
    "active": Text(ru="{db}: занято соединений", en="{db}: busy connections"),
    "cpu": Text(ru="{db}: CPU, %", en="{db}: CPU, %"),
    "backlog": Text(ru="{worker}: отложено", en="{worker}: parked"),
    "breaker": Text(ru="{worker}: breaker (0 закрыт, 1 полуоткрыт, 2 открыт)", en="{worker}: breaker (0 closed, 1 half-open, 2 open)"),
}  # fmt: skip

Column = Callable[["World"], list[float]]


def _pool(what: str) -> Column:
    return lambda world: list(world.plane.history.column(f"pool/{world.scenario.focus.database}/{what}"))


def _worker(what: str) -> Column:
    return lambda world: list(world.plane.history.column(f"worker/{world.scenario.focus.worker}/{what}"))


def _cpu(world: World) -> list[float]:
    return [100 * v for v in world.plane.history.column(f"db/{world.scenario.focus.database}/cpu")]


def _success(world: World) -> list[float]:
    return [100 * v for v in facts.success(world.plane.history, world.scenario.sli.traffic_class)]


NAMES: dict[str, Column] = {
    "success": _success,
    "rps": lambda w: list(w.plane.history.column(f"class/{w.scenario.sli.traffic_class}/offered")),
    "errors": lambda w: facts.failures(w.plane.history, w.scenario.sli.traffic_class),
    "p99": lambda w: list(w.plane.p99_series_ms(w.scenario.sli.traffic_class)),
    "pending": _pool("waiting"),
    "active": _pool("active"),
    "cpu": _cpu,
    "backlog": _worker("backlog"),
    "breaker": _worker("breaker"),
}
# `graph errors SERVICE`: the same of one service, as its exporters have it.
OF_SERVICE = {
    "rps": 'sum(rate(http_requests_total{service="NAME"}[30s]))',
    "errors": 'sum(rate(http_requests_total{service="NAME",code=~"5.."}[30s]))',
    "success": 'sum(rate(http_requests_total{service="NAME",code!~"5.."}[30s])) / sum(rate(http_requests_total{service="NAME"}[30s]))',
    "p99": 'sum(http_requests_in_flight{service="NAME"}) / sum(rate(http_requests_total{service="NAME"}[30s]))',
    "active": 'sum(http_requests_in_flight{service="NAME"}) by (version)',
    "cpu": 'process_cpu_share{service="NAME"}',
}
ALIASES = {
    "sli": "success", "traffic": "rps", "latency": "p99", "waiting": "pending", "pool_pending": "pending",
    "pool": "active", "failed": "errors", "queue": "backlog",
    "успешность": "success", "ошибки": "errors", "очередь": "backlog", "пул": "active", "ожидание": "pending",
}  # fmt: skip


def run_graph(world: World, argv: list[str], _stdin: str) -> Reply:
    usage = T["usage"].of(world.language).format(names=", ".join(NAMES))
    try:
        words = read(argv[1:], {"help": "h"}, {"last": "l", "range": "r", "step": "s", "height": ""})
    except UsageError as error:
        return failure(f"graph: {error}", 2)
    what = " ".join(words.operands).strip()
    if not what or words.has("help"):
        return failure(usage, 2) if not words.has("help") else Reply(usage + "\n", cost_s=0.0)
    span = seconds(words.options.get("last", words.options.get("range", str(DEFAULT_S))))
    if span is None or span > 86_400:
        return failure(T["bad_span"].of(world.language), 2)
    width = max(40, min(300, world.columns))
    end = world.now_s
    start = max(0.0, end - span)
    try:
        title, chart, dropped = _chart(world, what, start, end, width)
    except QueryError as error:
        return failure(f"Error executing query: {error}")
    if not any(points for _, points in chart.lines):
        return failure(T["empty"].of(world.language))
    return Reply(_render(world, title, chart, dropped, width), cost_s=2.0)


def _chart(world: World, what: str, start: float, end: float, width: int) -> tuple[str, Chart, int]:
    name = ALIASES.get(what.lower(), what.lower())
    if name in NAMES:
        values = NAMES[name](world)
        points = [(s + 1.0, v) for s, v in enumerate(values) if start <= s + 1.0 <= end]
        focus = world.scenario.focus
        title = (
            T[name]
            .of(world.language)
            .format(cls=world.scenario.sli.traffic_class, db=focus.database, worker=focus.worker or "")
        )
        return title, Chart([(name, points)], start, end, 1.0), 0
    first, _, service = what.partition(" ")
    form = OF_SERVICE.get(ALIASES.get(first.lower(), first.lower()))
    if form is not None and service.strip() in world.scenario.services():
        what = form.replace("NAME", service.strip())
    step = max(1.0, math.ceil((end - start) / width))
    series = query_range(world, what, start, end, step)
    lines: list[tuple[str, Points]] = [(show_metric(labels), points) for labels, points in series]
    return what, Chart(lines[:MAX_SERIES], start, end, step), max(0, len(lines) - MAX_SERIES)


def _render(world: World, title: str, chart: Chart, dropped: int, width: int) -> str:
    happened = _happened(world, chart)
    chart.marks = [(t, letter) for letter, t, _ in happened]
    rows = [title[:width]]
    rows += draw(chart, width, HEIGHT, lambda t: world.at(t).strftime("%H:%M:%S"), world.colour)
    for i, (label, points) in enumerate(chart.lines):
        values = [v for _, v in points if math.isfinite(v)]
        if not values:
            continue
        numbers = (
            T["range"]
            .of(world.language)
            .format(low=show(min(values)), high=show(max(values)), last=show(values[-1]))
        )
        lead = f"{MARKS[i % len(MARKS)]} {label}: " if len(chart.lines) > 1 else ""
        rows.append((lead + numbers)[:width])
    if dropped:
        rows.append(T["more"].of(world.language).format(n=dropped))
    rows += [f"{letter} {world.at(t):%H:%M:%S} {text}"[:width] for letter, t, text in happened]
    return "\n".join(rows) + "\n"


def _happened(world: World, chart: Chart) -> list[tuple[str, float, str]]:
    """(letter, time, text) of what belongs under a plot: the latest dozen of the span."""
    events = [e for e in world.events if e.kind in MARKED and chart.start_s <= e.t_s <= chart.end_s]
    looks = ("graph", "promql", "status", "timeline", "help")
    events = [e for e in events if e.kind != "command" or not e.text.startswith(looks)]
    events.sort(key=lambda e: e.t_s)
    chosen = [(e.t_s, f"{e.kind}: {e.text}") for e in events[-MAX_MARKS:]]
    return [(string.ascii_uppercase[i], t, text) for i, (t, text) in enumerate(chosen)]


TOOLS = {
    "graph": Tool(
        "graph",
        run_graph,
        Text(ru="график в терминале", en="a plot in the terminal"),
        ("graph success --last 10m", "graph pending", "graph 'sum(rate(http_requests_total[1m])) by (code)'"),
    )
}
