"""The HTTP interfaces of what watches the system: Prometheus, Alertmanager, Loki. What curl gets from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from simulator.patterns import PatternError
from simulator.telemetry import logcli, logql, promql, promql_tool
from simulator.telemetry.promql_functions import QueryError
from simulator.telemetry.promql_vector import show_value
from simulator.telemetry.words import moment

if TYPE_CHECKING:
    from simulator.world import World

HOSTS = {
    "prometheus": 9090, "prometheus-server": 9090, "prometheus-k8s": 9090, "prometheus-operated": 9090, "thanos": 9090, "thanos-query": 9090,
    "alertmanager": 9093, "alertmanager-operated": 9093, "loki": 3100, "loki-gateway": 3100,
}  # fmt: skip
LOCAL = {9090: "prometheus", 9093: "alertmanager", 3100: "loki"}
MAX_SERIES = 2_000
Values = dict[str, list[str]]


@dataclass(frozen=True)
class Page:
    status: int
    body: str
    kind: str = "application/json"


def host_of(host: str, port: str) -> str | None:
    """Which of them a host name means: `prometheus`, `prometheus.monitoring.svc`, `localhost:9090`."""
    first = host.lower().split(".")[0]
    if first in ("localhost", "127"):
        return LOCAL.get(int(port)) if port.isdigit() and len(port) < 6 else None
    if first not in HOSTS:
        return None
    return LOCAL[HOSTS[first]]


def listens(name: str, port: str) -> bool:
    return port in ("", "80", str(next(number for number, known in LOCAL.items() if known == name)))


def answer(world: World, name: str, path: str, body: str) -> Page:
    """The page at a path; `body` is what was posted or given by --data."""
    plain, _, asked = path.partition("?")
    values = parse_qs(
        "&".join(part for part in (asked, body) if part), keep_blank_values=True, max_num_fields=100
    )
    plain = unquote(plain).rstrip("/") or "/"
    if plain in ("/-/healthy", "/-/ready", "/ready"):
        shown = {"prometheus": "Prometheus Server is Healthy.\n", "alertmanager": "OK"}.get(name, "ready\n")
        return Page(200, shown.replace("Healthy", "Ready") if plain == "/-/ready" else shown, "text/plain")
    if plain == "/":
        return Page(302, '<a href="/graph">Found</a>.\n\n', "text/html")
    try:
        return _routed(world, name, plain, values)
    except QueryError as error:
        return _wrong(
            400 if error.kind == "bad_data" else 422,
            error.kind,
            promql_tool.told(error, plain.endswith("_range")),
        )
    except (logql.QueryError, PatternError) as error:
        return Page(400, str(error) + "\n", "text/plain")


def _routed(world: World, name: str, path: str, values: Values) -> Page:
    if path.startswith(("/api/v1/label/", "/loki/api/v1/label/")) and path.endswith("/values"):
        label = path.split("/")[-2]
        return _data(_loki_values(world, label) if name == "loki" else _label_values(world, label))
    page = PAGES.get((name, path))
    return page(world, values) if page is not None else Page(404, "404 page not found\n", "text/plain")


def _data(data: Any, **more: Any) -> Page:
    return Page(
        200,
        json.dumps({"status": "success", "data": data, **more}, separators=(",", ":"), ensure_ascii=False),
    )


def _wrong(status: int, kind: str, text: str) -> Page:
    return Page(
        status,
        json.dumps(
            {"status": "error", "errorType": kind, "error": text}, separators=(",", ":"), ensure_ascii=False
        ),
    )


def _one(values: Values, name: str) -> str:
    return values.get(name, [""])[-1]


def _at(world: World, values: Values, name: str, otherwise: float) -> float:
    text = _one(values, name)
    found = moment(text, promql_tool.epoch(world)) if text else otherwise
    if found is None:
        raise QueryError(f'cannot parse "{text[:100]}" to a valid timestamp', "bad_data")
    return found


def _stamp(world: World, t_s: float) -> float:
    return round(promql_tool.epoch(world) + t_s, 3)


def _query(world: World, values: Values) -> Page:
    at = _at(world, values, "time", world.now_s)
    result: promql.Result = promql_tool.query(world, _one(values, "query"), at)
    found: Any
    if result.kind == "vector":
        found = [
            {"metric": m, "value": [_stamp(world, at), show_value(v)]} for m, v in result.value[:MAX_SERIES]
        ]
    elif result.kind == "matrix":
        found = _matrix(world, result.value)
    else:
        found = [_stamp(world, at), show_value(result.value) if result.kind == "scalar" else result.value]
    return _data({"resultType": result.kind, "result": found})


def _matrix(world: World, series: list[Any]) -> list[dict[str, Any]]:
    return [
        {"metric": m, "values": [[_stamp(world, t), show_value(v)] for t, v in points]}
        for m, points in series[:MAX_SERIES]
    ]


def _query_range(world: World, values: Values) -> Page:
    for name in ("start", "end", "step"):
        if not _one(values, name):
            return _wrong(
                400,
                "bad_data",
                f'invalid parameter "{name}": cannot parse "" to a valid {"duration" if name == "step" else "timestamp"}',
            )
    step = logql.number(_one(values, "step"))
    if not step or step <= 0:
        return _wrong(
            400,
            "bad_data",
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
        )
    start, end = _at(world, values, "start", 0.0), _at(world, values, "end", world.now_s)
    if end < start:
        return _wrong(400, "bad_data", 'invalid parameter "end": end timestamp must not be before start time')
    return _data(
        {
            "resultType": "matrix",
            "result": _matrix(world, promql_tool.query_range(world, _one(values, "query"), start, end, step)),
        }
    )


def _rows(world: World) -> list[dict[str, str]]:
    return [
        labels for labels, _ in world.telemetry.select(None, [], world.now_s - promql.LOOKBACK_S, world.now_s)
    ]


def _labels(world: World, _values: Values) -> Page:
    return _data(sorted({name for labels in _rows(world) for name in labels}))


def _label_values(world: World, name: str) -> list[str]:
    return sorted({labels[name] for labels in _rows(world) if name in labels})


def _series(world: World, values: Values) -> Page:
    selectors = values.get("match[]", [])
    if not selectors:
        return _wrong(400, "bad_data", "no match[] parameter provided")
    found: list[dict[str, str]] = []
    for selector in selectors[:10]:
        result = promql_tool.query(world, selector, world.now_s)
        found += [labels for labels, _ in result.value] if result.kind == "vector" else []
    return _data(found[:MAX_SERIES])


def _alerts(world: World, _values: Values) -> Page:
    rows = []
    for alerts in world.pager.active.values():
        for alert in alerts:
            state = "firing" if alert.firing_s is not None else "pending"
            since = world.at(alert.since_s).isoformat().replace("+00:00", "Z")
            rows.append(
                {
                    "labels": alert.labels,
                    "annotations": {},
                    "state": state,
                    "activeAt": since,
                    "value": f"{alert.value:e}",
                }
            )
    return _data({"alerts": rows})


def _rules(world: World, _values: Values) -> Page:
    rules = []
    for name, rule in world.scenario.alerting.rules.items():
        active = world.pager.active.get(name, [])
        state = (
            "firing" if any(a.firing_s is not None for a in active) else "pending" if active else "inactive"
        )
        rules.append(
            {"state": state, "name": name, "query": rule.expr, "duration": rule.for_s, "labels": {"severity": rule.severity},
             "annotations": {"summary": rule.summary.of(world.language)}, "alerts": [], "health": "ok", "type": "alerting"}
        )  # fmt: skip
    return _data(
        {
            "groups": [
                {
                    "name": "sli",
                    "file": "/etc/prometheus/rules/sli.yml",
                    "rules": rules,
                    "interval": world.scenario.alerting.evaluate_s,
                }
            ]
        }
    )


def _targets(world: World, _values: Values) -> Page:
    result = promql_tool.query(world, "up", world.now_s)
    rows = [{"labels": {k: v for k, v in labels.items() if k != "__name__"}, "scrapePool": labels.get("job", ""),
             "health": "up" if value else "down", "lastError": ""} for labels, value in result.value]  # fmt: skip
    return _data({"activeTargets": rows, "droppedTargets": []})


def _status(world: World, _values: Values) -> Page:
    return _data({"version": "2.53.2", "goVersion": "go1.22.6"})


def _am_alerts(world: World, _values: Values) -> Page:
    rows = []
    for alerts in world.pager.active.values():
        for alert in (a for a in alerts if a.firing_s is not None):
            quiet = [s.id for s in world.pager.silences if s.covers(alert.labels, world.now_s)]
            since = world.at(alert.firing_s or 0.0).isoformat().replace("+00:00", "Z")
            rows.append({"labels": alert.labels, "annotations": {}, "startsAt": since,
                         "status": {"state": "suppressed" if quiet else "active", "silencedBy": quiet, "inhibitedBy": []}})  # fmt: skip
    return Page(200, json.dumps(rows, separators=(",", ":"), ensure_ascii=False))


def _am_silences(world: World, _values: Values) -> Page:
    rows = [
        {"id": s.id, "comment": s.comment, "createdBy": s.author,
         "matchers": [{"name": n, "value": v, "isRegex": "~" in op, "isEqual": not op.startswith("!")} for n, op, v in s.matchers]}
        for s in world.pager.silences
    ]  # fmt: skip
    return Page(200, json.dumps(rows, separators=(",", ":"), ensure_ascii=False))


def _am_status(world: World, _values: Values) -> Page:
    return Page(
        200,
        json.dumps(
            {
                "cluster": {"name": "01JD4", "peers": [], "status": "ready"},
                "versionInfo": {"version": "0.27.0"},
            }
        ),
    )


def _loki_query(world: World, values: Values) -> Page:
    query = logql.parse(_one(values, "query"))
    if isinstance(query, logql.LogQuery):
        limit = (
            min(logcli.MAX_LIMIT, int(_one(values, "limit") or 100))
            if _one(values, "limit").isdigit() or not _one(values, "limit")
            else 100
        )
        end = _at(world, values, "end", world.now_s)
        start = _at(world, values, "start", world.now_s - logcli.DEFAULT_SINCE_S)
        streams: dict[tuple[tuple[str, str], ...], list[list[str]]] = {}
        for number, (t_s, text, labels) in enumerate(logcli.lines(world, query, start, end)):
            if number >= limit:
                break
            stamp = str(round((promql_tool.epoch(world) + t_s) * 1000) * 1_000_000)
            streams.setdefault(tuple(sorted(labels.items())), []).append([stamp, text])
        return _data(
            {
                "resultType": "streams",
                "result": [{"stream": dict(key), "values": rows} for key, rows in streams.items()],
            }
        )
    value = logcli.evaluate(world, query, world.now_s)
    at = _stamp(world, world.now_s)
    if isinstance(value, float):
        return _data({"resultType": "scalar", "result": [at, f"{value:g}"]})
    return _data(
        {
            "resultType": "vector",
            "result": [{"metric": dict(key), "value": [at, f"{v:g}"]} for key, v in value.items()],
        }
    )


def _loki_labels(world: World, _values: Values) -> Page:
    return _data(list(logcli.LABELS))


def _loki_values(world: World, name: str) -> list[str]:
    return logcli.values(world, name)


Handler = Callable[["World", Values], Page]
PAGES: dict[tuple[str, str], Handler] = {
    ("prometheus", "/api/v1/query"): _query,
    ("prometheus", "/api/v1/query_range"): _query_range,
    ("prometheus", "/api/v1/labels"): _labels,
    ("prometheus", "/api/v1/series"): _series,
    ("prometheus", "/api/v1/alerts"): _alerts,
    ("prometheus", "/api/v1/rules"): _rules,
    ("prometheus", "/api/v1/targets"): _targets,
    ("prometheus", "/api/v1/status/buildinfo"): _status,
    ("alertmanager", "/api/v2/alerts"): _am_alerts,
    ("alertmanager", "/api/v2/silences"): _am_silences,
    ("alertmanager", "/api/v2/status"): _am_status,
    ("loki", "/loki/api/v1/query"): _loki_query,
    ("loki", "/loki/api/v1/query_range"): _loki_query,
    ("loki", "/loki/api/v1/labels"): _loki_labels,
}
