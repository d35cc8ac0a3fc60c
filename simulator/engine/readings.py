"""Readings that both engines share: second-by-second recording and the states shown to consoles.

An engine fills a `Second` with what happened; this file turns it into history columns and states.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator.engine.network import CALL, DatabaseSpec, Network, PoolSpec, burned_ms
from simulator.engine.plane import BREAKER_NAMES, DatabaseState, GroupState, History, PoolState, WorkerState


@dataclass
class Second:
    """Counts of one second and gauges at its end; lists in the network's order."""

    offered: list[float]
    ok: list[float]
    declined: list[float]
    failed: list[float]  # class-major: rejected, timed out, error
    entered: list[float]
    rejected: list[float]
    errors: list[float]
    drained: list[float]
    queries: list[float]
    pool_timeouts: list[float]
    in_flight: list[float]
    pods: list[int]
    pool_busy: list[float]
    pool_open: list[float]
    pool_waiting: list[float]
    pool_wait_s: list[float]
    pool_refused: list[float]
    pool_limit: list[float]
    database_slow: list[float]
    backlog: list[float]
    breaker: list[int]  # by worker
    in_flight_s: list[float]  # slot-seconds by group: the time integral of what is in flight
    pool_busy_s: list[float]  # connection-seconds by pool
    waiting: list[float]  # inside the pods, by group
    shed: list[float]  # dropped from the pods' queues, by group
    late: list[float]  # dropped there because nobody waited for them any more
    scope_calls: list[float]  # attempts by scope, retries included
    scope_failed: list[float]  # failed attempts by scope
    scope_retries: list[float]
    scope_breaker: list[int]
    split_taken: list[list[float]]  # by split: how often each way was taken
    turned: list[float]  # failed at the door, by the group whose pods they came to


WINDOW_S = 15  # a percentile is over the requests that finished in the last 15 s, in both engines
SUMMED = {
    "pool": ("active", "open", "waiting", "wait_s", "queries", "refused", "timeouts", "busy_s"),
    "db": ("cpu", "active", "latency_s", "queries", "connections"),
}


@dataclass
class Recorder:
    """Writes finished seconds into a history."""

    network: Network
    history: History = field(default_factory=History)
    burned_ms: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.burned_ms = burned_ms(self.network)

    def record(self, s: Second) -> None:
        put = self.history.append
        net = self.network
        workers = [c.name for c in net.classes if c.worker]
        for c, spec in enumerate(net.classes):
            if spec.worker:
                continue
            base = f"class/{spec.name}/"
            put(base + "offered", s.offered[c])
            put(base + "ok", s.ok[c])
            put(base + "declined", s.declined[c])
            for j, kind in enumerate(("rejected", "timeout", "error")):
                put(base + kind, s.failed[c * 3 + j])
        for g, group in enumerate(net.groups):
            base = f"service/{group.label}/"
            put(base + "pods", s.pods[g])
            put(base + "in_flight", s.in_flight[g])
            put(base + "requests", s.entered[g] + s.rejected[g] + s.turned[g])
            put(base + "rejected", s.rejected[g])
            put(base + "errors", s.errors[g] + s.turned[g])
            cores = s.entered[g] * self.burned_ms[g] / 1000
            put(base + "cpu_share", min(1.0, cores / (s.pods[g] * group.cpu_limit)) if s.pods[g] else 0.0)
            put(base + "in_flight_s", s.in_flight_s[g])
            if group.queue_per_pod:
                put(base + "waiting", s.waiting[g])
                put(base + "shed", s.shed[g])
                put(base + "late", s.late[g])
        self._everywhere()
        self._stores(s)
        self._choices(s)
        for w, name in enumerate(workers):
            put(f"worker/{name}/backlog", s.backlog[w])
            put(f"worker/{name}/breaker", s.breaker[w])
            put(f"worker/{name}/drained", s.drained[w])
        self.history.seconds += 1

    def _everywhere(self) -> None:
        """What runs in several data centres in sum, under `service/version` alone; of the CPU the busiest."""
        members: dict[str, list[str]] = {}
        for group in self.network.groups:
            if group.place:
                members.setdefault(f"{group.service}/{group.version}", []).append(group.label)
        for name, labels in members.items():
            for what in ("pods", "in_flight", "requests", "rejected", "errors", "in_flight_s"):
                total = sum(self.history.last(f"service/{label}/{what}") for label in labels)
                self.history.append(f"service/{name}/{what}", total)
            busiest = max(self.history.last(f"service/{label}/cpu_share") for label in labels)
            self.history.append(f"service/{name}/cpu_share", busiest)

    def _choices(self, s: Second) -> None:
        """What callers with a policy and caches did."""
        put = self.history.append
        net = self.network
        for n in range(len(net.classes), len(net.scopes)):
            scope = net.scopes[n]
            if net.nodes[scope.owner].kind != CALL:
                continue
            base = f"call/{n}/{scope.name}/"
            put(base + "calls", s.scope_calls[n])
            put(base + "failed", s.scope_failed[n])
            put(base + "retries", s.scope_retries[n])
            put(base + "breaker", s.scope_breaker[n])
        for split, taken in zip(net.splits, s.split_taken, strict=True):
            if split.kind == "cache":
                put(f"cache/{split.name}/hits", taken[0])
                put(f"cache/{split.name}/misses", taken[1])
            elif split.kind == "route":
                put(f"route/{split.name}/old", taken[0])
                put(f"route/{split.name}/new", taken[1])
            elif split.kind == "dns":
                for way, mass in enumerate(taken):
                    put(f"dns/{way}", mass)

    def _stores(self, s: Second) -> None:
        put = self.history.append
        net = self.network
        for p, pool in enumerate(net.pools):
            base = f"pool/{pool.name}/"
            put(base + "active", s.pool_busy[p])
            put(base + "open", s.pool_open[p])
            put(base + "waiting", s.pool_waiting[p])
            put(base + "wait_s", s.pool_wait_s[p])
            put(base + "queries", s.queries[p])
            put(base + "refused", s.pool_refused[p])
            put(base + "timeouts", s.pool_timeouts[p])
            put(base + "busy_s", s.pool_busy_s[p])
        for d, database in enumerate(net.databases):
            members = [p for p, pool in enumerate(net.pools) if pool.database == d]
            queries = sum(s.queries[p] for p in members)
            busy_cores = sum(s.queries[p] * self.cpu_s(p) for p in members)
            base = f"db/{database.name}/"
            put(base + "cpu", min(1.0, busy_cores / max(database.cores, 1e-9)))
            put(base + "active", sum(s.pool_busy[p] for p in members))
            put(base + "latency_s", s.database_slow[d] * (busy_cores / queries if queries > 0 else 0.0))
            put(base + "queries", queries)
            put(base + "connections", sum(s.pool_open[p] for p in members))

        self._families()

    def _families(self) -> None:
        """Sharded databases and their pools in sum under the component's own name."""
        net, last, put = self.network, self.history.last, self.history.append
        kinds: list[tuple[str, Sequence[PoolSpec | DatabaseSpec]]] = [
            ("pool", net.pools),
            ("db", net.databases),
        ]
        for kind, specs in kinds:
            members: dict[str, list[str]] = {}
            for spec in specs:
                if spec.family and spec.family != spec.name:
                    members.setdefault(spec.family, []).append(spec.name)
            for family, names in members.items():
                for what in SUMMED[kind]:
                    values = [last(f"{kind}/{name}/{what}") for name in names]
                    mean = what in ("cpu", "latency_s", "wait_s")
                    put(f"{kind}/{family}/{what}", sum(values) / len(values) if mean else sum(values))

    def cpu_s(self, pool: int) -> float:
        """Mean CPU seconds of a pool's queries (all queries of a pool are alike in one scenario)."""
        for node in self.network.nodes:
            if node.pool == pool:
                return node.mean_s
        return 0.0


class Readings:
    """States of groups, pools, databases and workers, read from a history and the limits in force."""

    network: Network
    recorder: Recorder
    pool_limits: list[int]
    worker_rates: list[float]

    @property
    def history(self) -> History:
        return self.recorder.history

    def group(self, service: str, version: str) -> GroupState:
        g = self.network.group_index(service, version)
        spec = self.network.groups[g]
        members = self.network.group_indices(service, version)
        bases = [f"service/{self.network.groups[m].label}/" for m in members]
        last = self.history.last
        requests = sum(last(base + "requests") for base in bases)
        rejected = sum(last(base + "rejected") for base in bases)
        return GroupState(
            service,
            version,
            sum(self.live_pods(m) for m in members),
            spec.limit_per_pod,
            sum(last(base + "in_flight") for base in bases),
            requests - rejected,
            rejected,
            max(last(base + "cpu_share") for base in bases),
        )

    def live_pods(self, group: int) -> int:
        raise NotImplementedError  # each engine answers from its own state

    def groups(self, service: str) -> list[GroupState]:
        versions = dict.fromkeys(g.version for g in self.network.groups if g.service == service)
        return [self.group(service, version) for version in versions]

    def pools(self, database: str) -> list[PoolState]:
        last = self.history.last
        found = []
        for p, spec in enumerate(self.network.pools):
            of = self.network.databases[spec.database]
            owner = of.name
            if database in (owner, of.family):
                base = f"pool/{spec.name}/"
                found.append(
                    PoolState(
                        spec.name,
                        spec.user,
                        owner,
                        spec.via,
                        self.pool_limits[p],
                        round(last(base + "open", spec.open)),
                        last(base + "active"),
                        last(base + "waiting"),
                        last(base + "wait_s"),
                        last(base + "refused"),
                    )
                )
        return found

    def database(self, name: str) -> DatabaseState:
        spec = next(d for d in self.network.databases if name in (d.name, d.family))
        last = self.history.last
        base = f"db/{name}/"
        return DatabaseState(
            name,
            int(spec.cores),
            spec.max_connections,
            spec.superuser_reserved,
            last(base + "cpu"),
            last(base + "active"),
            last(base + "queries"),
            last(base + "latency_s"),
            round(last(base + "connections", sum(p.open for p in self.network.pools))),
        )

    def worker(self, name: str) -> WorkerState:
        names = [c.name for c in self.network.classes if c.worker]
        w = names.index(name)
        base = f"worker/{name}/"
        changes = [c for c in self.breaker_changes() if c[1] == name]
        return WorkerState(
            name,
            self.history.last(base + "backlog"),
            self.worker_rates[w],
            BREAKER_NAMES[int(self.history.last(base + "breaker"))],
            changes[-1][0] if changes else 0.0,
        )

    def breaker_changes(self) -> list[tuple[float, str, str]]:
        raise NotImplementedError

    def edge_p99_ms(self, class_name: str) -> float:
        series = self.p99_series_ms(class_name)
        return series[-1] if series else 0.0

    def p99_series_ms(self, class_name: str, most: int | None = None) -> "array[float]":
        raise NotImplementedError
