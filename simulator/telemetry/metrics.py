"""The exporters: what Prometheus scraped, as a view of the data plane's history under the real names.

Nothing is stored twice: a metric is computed from history columns when somebody selects it. Scrapes are
every `scrape_s` seconds from the start; counters are running sums of the per-second counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from simulator.engine.plane import BREAKER_NAMES
from simulator.lock_feed import HELD, held
from simulator.patterns import full_match
from simulator.rooms import ROOMS
from simulator.scenario import Balancer, Service, Worker
from simulator.telemetry import durations, pod_metrics

if TYPE_CHECKING:
    from simulator.world import World

Labels = dict[str, str]
Matcher = tuple[str, str, str]
Series = tuple[Labels, list[tuple[float, float]]]
Column = Callable[[int], float]  # value at the end of second n (0-based); must accept any finished n
SELECTIONS = 256  # remembered at once; a player's dashboards and all rules together ask for fewer


class Telemetry:
    """Prometheus' view of one world; holds caches only, so it is never part of a snapshot.

    Which series there are follows from the scenario, so a selection is worked out once; what it reads
    of the history is looked up at the moment it is read.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.history = world.plane.history
        self.sums: dict[str, list[float]] = {}
        self.chosen: dict[tuple[str | None, tuple[Matcher, ...]], list[tuple[Labels, Column]]] = {}

    def select(self, name: str | None, matchers: list[Matcher], start_s: float, end_s: float) -> list[Series]:
        """Series with samples scraped in (start_s, end_s], ordered by labels."""
        step = self.world.scenario.alerting.scrape_s
        first = max(1, math.floor(start_s / step) + 1)
        last = math.floor(min(end_s, self.world.plane.history.seconds) / step)
        seconds = [second for n in range(first, last + 1) if (second := round(n * step) - 1) >= 0]
        found: list[Series] = self._alerts(seconds, matchers) if name in ("ALERTS", None) else []
        found += self._pods(name, seconds, matchers)
        for labels, value in self._chosen(name, tuple(matchers)):
            samples = [(s + 1.0, v) for s in seconds if not math.isnan(v := value(s))]
            if samples:
                found.append((labels, samples))
        return found

    def _alerts(self, seconds: list[int], matchers: list[Matcher]) -> list[Series]:
        """ALERTS: what is pending or firing now, since when; what has ended is kept by nobody here."""
        found: list[Series] = []
        for name, alerts in sorted(self.world.pager.active.items()):
            for alert in alerts:
                for state, since, until in (
                    ("pending", alert.since_s, alert.firing_s),
                    ("firing", alert.firing_s, None),
                ):
                    labels = {"__name__": "ALERTS", "alertname": name, **alert.labels, "alertstate": state}
                    if since is None or not all(_matches(labels, m) for m in matchers):
                        continue
                    times = [
                        s + 1.0 for s in seconds if s + 1.0 >= since and (until is None or s + 1.0 < until)
                    ]
                    if times:
                        found.append((labels, [(t, 1.0) for t in times]))
        return found

    def _pods(self, name: str | None, seconds: list[int], matchers: list[Matcher]) -> list[Series]:
        """Series of pods, ordered by labels."""
        found: list[Series] = []
        for labels, value, pod in pod_metrics.series(self.world, name):
            if all(_matches(labels, m) for m in matchers):
                samples = [(s + 1.0, value(s + 1.0)) for s in seconds if pod_metrics.present(pod, s + 1.0)]
                if samples:
                    found.append((labels, samples))
        return sorted(found, key=lambda each: sorted(each[0].items()))

    def _chosen(self, name: str | None, matchers: tuple[Matcher, ...]) -> list[tuple[Labels, Column]]:
        """The series that match, ordered by labels."""
        known = self.chosen.get((name, matchers))
        if known is None:
            if len(self.chosen) >= SELECTIONS:
                self.chosen.clear()
            known = [s for s in self._all(name, matchers) if all(_matches(s[0], m) for m in matchers)]
            known.sort(key=lambda series: sorted(series[0].items()))
            self.chosen[name, matchers] = known
        return known

    def names(self) -> list[str]:
        """Every metric name there is, sorted."""
        return sorted({labels["__name__"] for labels, _ in self._all(None, ())} | set(pod_metrics.NAMES))

    def _all(self, name: str | None, matchers: tuple[Matcher, ...]) -> Iterator[tuple[Labels, Column]]:
        if name is None:
            name = next((v for label, op, v in matchers if label == "__name__" and op == "="), None)
        families = {**FAMILIES}
        for room in ROOMS:
            if room.name in self.world.rooms:
                families.update(room.metrics())
        for metric, make in families.items():
            if name is None or metric == name:
                for labels, column in make(self):
                    yield {"__name__": metric, **_scraped(labels)}, column

    def column(self, key: str) -> Column:
        columns = self.history.columns

        def at(s: int) -> float:
            data = columns.get(key, ())
            return data[s] if s < len(data) else math.nan

        return at

    def total(self, *keys: str) -> Column:
        """A counter: the running sum of per-second counts."""
        parts = [self._sum(key) for key in keys]
        return parts[0] if len(parts) == 1 else _added(parts)

    def _sum(self, key: str) -> Column:
        have = self.sums.setdefault(key, [])
        history = self.history

        def at(s: int) -> float:
            if s >= len(have):
                start = have[-1] if have else 0.0
                have.extend(list(accumulate(history.column(key)[len(have) :], initial=start))[1:])
            return whole(have[s]) if s < len(have) else math.nan

        return at

    # -- families

    def requests(self) -> Iterator[tuple[Labels, Column]]:
        """Requests by service, class and code. The edge sees what clients see."""
        scenario = self.world.scenario
        entry = scenario.traffic.entry
        for name, spec in scenario.traffic.classes.items():
            base = f"class/{name}/"
            outcomes = {
                "200": ("ok",),
                "402": ("declined",),
                "503": ("rejected",),
                "504": ("timeout",),
                "500": ("error",),
            }
            for service in (entry, spec.path.partition(".")[0], *_callers(scenario.components, spec.path)):
                for code, kinds in outcomes.items():
                    yield (
                        {"service": service, "class": name, "code": code},
                        self.total(*(base + kind for kind in kinds)),
                    )
        on_path = {
            s for c in scenario.traffic.classes.values() for s in _callers(scenario.components, c.path)
        }
        for service, labels, base in self._groups():
            if service in on_path or service == entry:
                continue
            asked, refused, errors = (self._sum(base + k) for k in ("requests", "rejected", "errors"))
            yield {**labels, "code": "200"}, _difference(asked, refused, errors)
            yield {**labels, "code": "503"}, self.total(base + "rejected")
            yield {**labels, "code": "500"}, self.total(base + "errors")

    def _groups(self) -> Iterator[tuple[str, Labels, str]]:
        """(service, labels, where in the history) of each version, in each data centre where there are several."""
        for group in self.world.plane.network.groups:
            labels = {"service": group.service, "version": group.version}
            zone = {"zone": group.place} if group.place else {}
            yield group.service, {**labels, **zone}, f"service/{group.label}/"

    def latency(self) -> Iterator[tuple[Labels, Column]]:
        for name in self.world.scenario.traffic.classes:
            series = self.world.plane.p99_series_ms
            yield (
                {"service": self.world.scenario.traffic.entry, "class": name, "quantile": "0.99"},
                _seconds(series, name),
            )

    def group_gauge(self, what: str) -> Iterator[tuple[Labels, Column]]:
        for _, labels, base in self._groups():
            yield labels, self.column(base + what)

    def in_flight(self) -> Iterator[tuple[Labels, Column]]:
        for labels, value in self.group_gauge("in_flight"):
            yield labels, _never_negative(value)

    def per_database(self, make: Callable[[str], Column]) -> Iterator[tuple[Labels, Column]]:
        for spec in self.world.plane.network.databases:
            named = self.world.scenario.databases()[spec.family or spec.name].database
            yield {"datname": named, "server": spec.name}, make(spec.name)

    def bulkhead(self) -> Iterator[tuple[Labels, Column]]:
        for group in self.world.plane.network.groups:
            base = f"service/{group.label}/"
            zone = {"zone": group.place} if group.place else {}
            pods, busy = self.column(base + "pods"), self.column(base + "in_flight")
            limit = group.limit_per_pod
            yield (
                {"application": group.service, "version": group.version, "name": group.bulkhead, **zone},
                _room(pods, busy, limit),
            )

    def pool(self, what: str, pooled: bool = True) -> Iterator[tuple[Labels, Column]]:
        for spec in self.world.plane.network.pools:
            if (spec.via == "pgbouncer") == pooled:
                database = self.world.plane.network.databases[spec.database].name
                key = "database" if pooled else "db"
                label = {key: database, "user": spec.user} if pooled else {"pool": spec.name, key: database}
                column = _never_negative(self.column(f"pool/{spec.name}/{what}"))  # masses end in rests
                yield label, self._with_held(spec.name, column) if what in ("active", "open") else column

    def _with_held(self, pool: str, column: Column) -> Column:
        """A pool's connections with those that wait for row locks, which the plane knows as a lower limit."""
        extra = self.history.columns.get(HELD.format(pool))
        if extra is None:
            return column
        return lambda s: column(s) + (extra[s] if s < len(extra) else 0.0)

    def pool_limit(self, pooled: bool) -> Iterator[tuple[Labels, Column]]:
        pools = self.world.plane.network.pools
        numbers = [p for p, spec in enumerate(pools) if (spec.via == "pgbouncer") == pooled]
        for (labels, _), number in zip(self.pool("active", pooled), numbers, strict=True):
            yield labels, self._limit(number)

    def _limit(self, pool: int) -> Column:
        plane = self.world.plane
        extra = held(self.world, plane.network.pools[pool].name)
        return lambda _s: float(plane.pool_limits[pool] + extra)

    def database(self, what: str) -> Iterator[tuple[Labels, Column]]:
        for spec in self.world.plane.network.databases:
            yield {"db": spec.name}, self.column(f"db/{spec.name}/{what}")

    def activity(self) -> Iterator[tuple[Labels, Column]]:
        for spec in self.world.plane.network.databases:
            active = self.column(f"db/{spec.name}/active")
            connected = self.column(f"db/{spec.name}/connections")
            base = {
                "datname": self.world.scenario.databases()[spec.family or spec.name].database,
                "server": spec.name,
            }
            yield {**base, "state": "active"}, active
            yield {**base, "state": "idle"}, _room(connected, active, 1)

    def max_connections(self) -> Iterator[tuple[Labels, Column]]:
        for spec in self.world.plane.network.databases:
            yield {"server": spec.name}, _constant(spec.max_connections)

    def available(self) -> Iterator[tuple[Labels, Column]]:
        for service in self.world.scenario.services():
            columns = [self.column(base + "pods") for s, _, base in self._groups() if s == service]
            labels = {"namespace": self.world.scenario.namespace, "deployment": service}
            yield labels, _added(columns)

    def calls(self, what: str) -> Iterator[tuple[Labels, Column]]:
        """What callers with a policy of their own send: attempts, failures and retries, by what they call."""
        keys: dict[str, list[str]] = {}
        for n, scope in enumerate(self.world.plane.network.scopes):
            if n >= len(self.world.plane.network.classes) and not scope.name.rpartition(" ")[2].isdigit():
                keys.setdefault(scope.name, []).append(f"call/{n}/{scope.name}/{what}")
        for name, columns in keys.items():
            yield {"target": name}, self.total(*columns)

    def cache(self, what: str) -> Iterator[tuple[Labels, Column]]:
        names = dict.fromkeys(s.name for s in self.world.plane.network.splits if s.kind == "cache")
        for name in names:
            yield {"cache": name}, self.total(f"cache/{name}/{what}")

    def breaker(self) -> Iterator[tuple[Labels, Column]]:
        for name in self._workers():
            state = self.column(f"worker/{name}/breaker")
            for n, text in enumerate(BREAKER_NAMES):
                yield (
                    {"application": name, "name": "payment-service", "state": text.lower()},
                    _equals(state, n),
                )

    def backlog(self, what: str) -> Iterator[tuple[Labels, Column]]:
        for name in self._workers():
            key = f"worker/{name}/{what}"
            yield {"application": name}, self.total(key) if what == "drained" else self.column(key)

    def _workers(self) -> list[str]:
        return [n for n, c in self.world.scenario.components.items() if isinstance(c, Worker)]

    def up(self) -> Iterator[tuple[Labels, Column]]:
        for name, part in self.world.scenario.components.items():
            if not isinstance(part, Balancer):
                yield {"job": name, "instance": f"{name}:9090"}, self.answering(name)

    def answering(self, name: str) -> Column:
        """1 while a component can be scraped; 0 in the seconds in which a database had no primary that answered."""
        room = self.world.rooms.get("standby")
        silences = room.clusters[name].silences if room is not None and name in room.clusters else ()
        return lambda s: float(not any(first - 1 <= s < last for first, last in silences))


def whole(count: float) -> float:
    """A counter counts whole things, also where the plane moves masses of them."""
    return float(math.floor(count + 1e-6)) if count >= 0 else count


def _scraped(labels: Labels) -> Labels:
    """Prometheus adds the job a series was scraped for: of a service's own metrics, the service."""
    job = labels.get("service") or labels.get("application")
    return {**labels, "job": job} if job and "job" not in labels else labels


def _never_negative(column: Column) -> Column:
    return lambda s: max(0.0, column(s))


def _constant(value: float) -> Column:
    return lambda _s: float(value)


def _seconds(series: Callable[[str], Sequence[float]], name: str) -> Column:
    return lambda s: series(name)[s] / 1000


def _room(have: Column, used: Column, each: float) -> Column:
    return lambda s: max(0.0, have(s) * each - used(s))


def _added(columns: list[Column]) -> Column:
    return lambda s: sum(c(s) for c in columns)


def _equals(column: Column, value: float) -> Column:
    return lambda s: 1.0 if column(s) == value else 0.0


def _difference(asked: Column, refused: Column, errors: Column) -> Column:
    return lambda s: asked(s) - refused(s) - errors(s)


def _callers(components: Mapping[str, object], path: str) -> list[str]:
    """The services on a class's path whose answer is the client's answer: the chain of last calls."""
    found: list[str] = []
    name, _, endpoint = path.partition(".")
    while True:
        part = components[name]
        if not isinstance(part, Service):
            return found
        calls = [s.call for s in part.endpoints.get(endpoint, []) if s.call]
        if not calls:
            return found
        name, _, endpoint = calls[-1].partition(".")
        inner = components[name]
        if not isinstance(inner, Service) or not any(s.call for s in inner.endpoints.get(endpoint, [])):
            return found
        if any(s.query for s in inner.endpoints.get(endpoint, [])):
            return found
        found.append(name)


def _matches(labels: Labels, matcher: Matcher) -> bool:
    label, op, value = matcher
    have = labels.get(label, "")
    if op == "=":
        return have == value
    if op == "!=":
        return have != value
    return full_match(value, have) == (op == "=~")


Family = Callable[[Telemetry], Iterator[tuple[Labels, Column]]]
FAMILIES: dict[str, Family] = {
    "up": Telemetry.up,
    "http_requests_total": Telemetry.requests,
    "http_request_duration_seconds": Telemetry.latency,
    "http_request_duration_seconds_bucket": durations.buckets,
    "http_request_duration_seconds_count": durations.count,
    "http_request_duration_seconds_sum": durations.total,
    "http_client_calls_total": lambda t: t.calls("calls"),
    "http_client_failures_total": lambda t: t.calls("failed"),
    "http_client_retries_total": lambda t: t.calls("retries"),
    "cache_hits_total": lambda t: t.cache("hits"),
    "cache_misses_total": lambda t: t.cache("misses"),
    "http_requests_in_flight": Telemetry.in_flight,
    "pg_up": lambda t: (({"server": labels["server"]}, one) for labels, one in t.per_database(t.answering)),
    "pg_stat_database_xact_commit": lambda t: t.per_database(lambda name: t.total(f"db/{name}/queries")),
    "kube_deployment_spec_replicas": Telemetry.available,
    "process_cpu_share": lambda t: t.group_gauge("cpu_share"),
    "resilience4j_bulkhead_available_concurrent_calls": Telemetry.bulkhead,
    "resilience4j_circuitbreaker_state": Telemetry.breaker,
    "payment_retry_backlog": lambda t: t.backlog("backlog"),
    "payment_retry_drained_total": lambda t: t.backlog("drained"),
    "pgbouncer_pools_client_waiting_connections": lambda t: t.pool("waiting"),
    "pgbouncer_pools_client_active_connections": lambda t: t.pool("active"),
    "pgbouncer_pools_server_active_connections": lambda t: t.pool("active"),
    "pgbouncer_pools_client_maxwait_seconds": lambda t: t.pool("wait_s"),
    "pgbouncer_databases_pool_size": lambda t: t.pool_limit(True),
    "hikaricp_connections_active": lambda t: t.pool("active", False),
    "hikaricp_connections_pending": lambda t: t.pool("waiting", False),
    "hikaricp_connections": lambda t: t.pool("open", False),
    "hikaricp_connections_max": lambda t: t.pool_limit(False),
    "hikaricp_connections_timeout_total": lambda t: (
        (labels, t.total(f"pool/{labels['pool']}/timeouts")) for labels, _ in t.pool("timeouts", False)
    ),
    "pg_stat_activity_count": Telemetry.activity,
    "pg_settings_max_connections": Telemetry.max_connections,
    "db_cpu_utilisation": lambda t: t.database("cpu"),
    "db_queries_per_second": lambda t: t.database("queries"),
    "kube_deployment_status_replicas_available": Telemetry.available,
}
