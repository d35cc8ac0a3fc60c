"""The cohort engine behind the data-plane interface: builds a kernel from a network and reads it."""

import math
from array import array

from simulator.engine import kernel as kn
from simulator.engine.network import ENTER, QUERY, WORK, Network
from simulator.engine.plane import BREAKER_NAMES, Span
from simulator.engine.readings import Readings, Recorder, Second
from simulator.engine.tracers import Tracers, erlang_survival
from simulator.scenario import Scenario, Worker

DT_S = 0.05
TICKS_PER_BUCKET = 4
TICKS_PER_SECOND = 20
WEIGHT_CUT = 1e-7  # a tail below this share of an arrival is put into the last tick kept


def erlang_cdf(shape: int, x: float) -> float:
    """P(Erlang(shape, rate 1) <= x)."""
    return 1.0 - erlang_survival(shape, x)


def delay_weights(mean_s: float, shape: int, dt_s: float) -> list[float]:
    """Share of an arrival, uniform over its tick, that is done 0, 1, 2, … ticks later.

    Second differences of the integral of the Erlang distribution function; the mean is kept exactly.
    """
    rate = shape / mean_s

    def integral(x: float) -> float:
        return x - sum(erlang_cdf(n + 1, rate * x) for n in range(shape)) / rate if x > 0 else 0.0

    weights = []
    j = 0
    while True:
        low = integral((j - 1) * dt_s) if j else 0.0
        w = (integral((j + 1) * dt_s) - 2 * integral(j * dt_s) + low) / dt_s
        weights.append(w)
        if (j + 1) * dt_s > mean_s and w < WEIGHT_CUT:
            break
        j += 1
    weights[0] += 1.0 - math.fsum(weights)
    return weights


class CohortPlane(Readings):
    """The data plane run by the cohort kernel."""

    def __init__(self, scenario: Scenario, network: Network, seed: int) -> None:
        self.network = network
        self.seed = seed
        self.workers = {n: c for n, c in scenario.components.items() if isinstance(c, Worker)}
        self.worker_names = [c.name for c in network.classes if c.worker]
        self.pool_limits = [p.limit for p in network.pools]
        self.worker_rates = [self.workers[n].rate for n in self.worker_names]
        self.services = sorted({g.service for g in network.groups})
        self.recorder = Recorder(network)
        self.kernel = build_kernel(self, scenario)
        self.tracers: dict[str, Tracers] = {}
        self.failing_why: dict[str, str] = {}

    @property
    def now_s(self) -> float:
        return self.kernel.tick * DT_S

    def advance(self, to_s: float) -> None:
        """Run whole ticks up to `to_s` (a change between ticks takes effect at the next one)."""
        target = int(to_s / DT_S + 1e-6)
        while self.kernel.tick < target:
            into = self.kernel.tick % TICKS_PER_SECOND
            ticks = min(TICKS_PER_SECOND - into, target - self.kernel.tick)
            kn.run_ticks(self.kernel, ticks)
            if self.kernel.tick % TICKS_PER_SECOND == 0:
                self.recorder.record(self._second())

    def _second(self) -> Second:
        k = self.kernel
        pools = len(k.pool_limit)
        second = Second(
            k.offered,
            k.ok,
            k.declined,
            k.failed,
            k.entered,
            k.rejected,
            k.errors,
            k.drained,
            k.query_count,
            k.pool_timeouts,
            [k.group_busy[g] + k.group_draining[g] for g in range(len(k.group_busy))],
            list(k.group_pods),
            list(k.pool_busy),
            [k.pool_busy[p] if k.pool_transient[p] else k.pool_open[p] for p in range(pools)],
            k.queue_total[:pools],
            [self._wait_s(p) for p in range(pools)],
            list(k.pool_refused),
            list(k.pool_limit),
            list(k.database_slow),
            list(k.worker_backlog),
            list(k.worker_state),
        )
        for name in ("offered", "ok", "declined", "failed", "entered", "rejected", "errors", "drained"):
            setattr(k, name, [0.0] * len(getattr(k, name)))
        k.query_count = [0.0] * pools
        k.pool_timeouts = [0.0] * pools
        return second

    def _wait_s(self, p: int) -> float:
        """How long the oldest request in a pool's queue has waited."""
        k = self.kernel
        head = k.queue_head[p]
        return (k.tick - k.queue_tick[p][head]) * DT_S if head < len(k.queue_tick[p]) else 0.0

    def set_rate(self, class_name: str, per_s: float) -> None:
        self.kernel.class_rate[self._class(class_name)] = per_s

    def _class(self, name: str) -> int:
        return [c.name for c in self.network.classes].index(name)

    def live_pods(self, group: int) -> int:
        return self.kernel.group_pods[group]

    def set_pods(self, service: str, version: str, pods: int) -> None:
        """Fewer pods: those removed drain what they hold; more: the new ones start empty."""
        k = self.kernel
        g = self.network.group_index(service, version)
        before = k.group_pods[g]
        if pods < before:
            part = k.group_busy[g] * (before - pods) / before
            k.group_busy[g] -= part
            k.group_draining[g] += part
        k.group_pods[g] = pods

    def kill_pods(self, service: str, version: str, pods: int) -> None:
        """Pods die with everything in flight in them: those requests fail with an error."""
        k = self.kernel
        g = self.network.group_index(service, version)
        if k.group_pods[g] <= 0 or pods <= 0:
            return
        share = min(1.0, pods / k.group_pods[g])
        k.group_pods[g] = max(0, k.group_pods[g] - pods)
        kill_share(k, g, share)

    def set_failing(self, service: str, share: float, why: str) -> None:
        self.kernel.service_failing[self.services.index(service)] = share
        self.failing_why[service] = why

    def set_pool_limit(self, database: str, pool: str, limit: int) -> None:
        p = self.network.pool_index(pool)
        self.kernel.pool_limit[p] = float(limit)
        self.pool_limits[p] = limit

    def set_worker_rate(self, worker: str, per_s: float) -> None:
        w = self.worker_names.index(worker)
        self.kernel.worker_rate[w] = self.worker_rates[w] = per_s

    def pool_full_since(self, pool: str) -> float | None:
        since = self.kernel.pool_full_s[self.network.pool_index(pool)]
        return since if since >= 0 else None

    def breaker_changes(self) -> list[tuple[float, str, str]]:
        return [(t, self.worker_names[w], BREAKER_NAMES[s]) for t, w, s in self.kernel.worker_changes]

    def p99_series_ms(self, class_name: str) -> "array[float]":
        return self._tracer(class_name).p99_series_ms()

    def sample_request(self, class_name: str, start_s: float, index: int) -> list[Span]:
        return self._tracer(class_name).spans(start_s, index)

    def _tracer(self, class_name: str) -> Tracers:
        found = self.tracers.get(class_name)
        if found is None:
            found = self.tracers[class_name] = Tracers(self, class_name)
        return found

    def __getstate__(self) -> dict[str, object]:
        """Tracers are a view: they are rebuilt, never copied."""
        return {**self.__dict__, "tracers": {}}


def build_kernel(plane: CohortPlane, scenario: Scenario) -> kn.Kernel:
    """Translate a network into the kernel's lists."""
    net = plane.network
    timeout_buckets = round(max(c.timeout_s for c in net.classes) / (DT_S * TICKS_PER_BUCKET))
    weights = [delay_weights(n.mean_s, n.shape, DT_S) if n.kind == WORK else [] for n in net.nodes]
    ring = max([2, *(len(w) + 1 for w in weights)])
    sizes = (
        len(net.nodes),
        len(net.groups),
        len(net.pools),
        len(net.databases),
        len(plane.services),
        len(net.classes),
        len(plane.worker_names),
    )
    k = kn.Kernel(DT_S, TICKS_PER_BUCKET, timeout_buckets, ring, sizes)
    _fill_nodes(k, plane, weights)
    for g, group in enumerate(net.groups):
        k.group_limit[g] = float(group.limit_per_pod)
        k.group_queue[g] = float(group.queue_per_pod)
        k.group_pods[g] = group.pods
        k.service_groups[plane.services.index(group.service)].append(g)
    for p, pool in enumerate(net.pools):
        k.pool_limit[p] = float(pool.limit)
        k.pool_open[p] = float(pool.open)
        k.pool_database[p] = pool.database
        k.pool_connect_s[p] = pool.connect_s
        k.pool_timeout_s[p] = pool.acquire_timeout_s
        k.pool_transient[p] = pool.transient
    for d, database in enumerate(net.databases):
        k.database_cores[d] = float(database.cores)
        k.database_slots[d] = float(database.max_connections - database.superuser_reserved)
    for c, spec in enumerate(net.classes):
        k.class_first[c] = spec.first
        k.class_decline[c] = spec.decline
        k.class_rate[c] = spec.share * scenario.traffic.rps
        k.class_attempts[c] = min(spec.retries + 1, kn.MAX_ATTEMPTS + 1)
        k.class_backoff_ticks[c] = max(1, round(spec.backoff_s / DT_S))
        k.retry_ring[c] = [[0.0] * (kn.MAX_ATTEMPTS + 1) for _ in range(k.class_backoff_ticks[c] + 1)]
        k.class_parks[c] = plane.worker_names.index(spec.parks_to) if spec.parks_to else -1
        k.class_worker[c] = plane.worker_names.index(spec.worker) if spec.worker else -1
    for w, name in enumerate(plane.worker_names):
        breaker = plane.workers[name].breaker
        k.worker_class[w] = [c.name for c in net.classes].index(name)
        k.worker_rate[w] = plane.workers[name].rate
        k.worker_window_size[w] = float(breaker.window)
        k.worker_failure_rate[w] = breaker.failure_rate
        k.worker_open_s[w] = breaker.open_s
        k.worker_half_open[w] = float(breaker.half_open_calls)
    return k


def _fill_nodes(k: kn.Kernel, plane: CohortPlane, weights: list[list[float]]) -> None:
    net = plane.network
    k.order = list(net.order)
    for i, node in enumerate(net.nodes):
        k.kind[i] = node.kind
        k.next[i] = node.next
        k.release[i] = list(node.release)
        k.held[i] = list(node.held)
        k.branches[i] = list(node.branches)
        k.pool_of[i] = node.pool
        k.mean_s[i] = node.mean_s
        k.weights[i] = weights[i]
        if node.kind == ENTER:
            k.service_of[i] = plane.services.index(node.service)
        if node.kind == QUERY:
            k.queries.append(i)
    for c, spec in enumerate(net.classes):
        stack = [spec.first]
        while stack:
            i = stack.pop()
            if i >= 0:
                k.class_of[i] = c
                stack.extend([first for _, first in net.nodes[i].branches])
                stack.append(net.nodes[i].next)


def kill_share(k: kn.Kernel, g: int, share: float) -> None:
    """A share of everything that holds a slot of group `g`, or waits for one, fails with an error."""
    rows = k.buckets + 1
    bucket = max(0, k.tick - 1) // k.ticks_per_bucket  # the next one has not expired anybody yet
    for i in range(len(k.kind)):
        if g not in k.held[i]:
            continue
        for b in range(k.oldest, bucket + 2):
            column = b % k.buckets if b <= bucket else k.buckets
            lost = k.serving[i * rows + column] * share
            if lost > 0.0:
                k.serving[i * rows + column] -= lost
                k.pool_busy[k.pool_of[i]] -= lost
                kn.fail(k, i, column, lost, kn.ERROR)
            for slot in range(k.ring):
                at = (i * k.ring + slot) * rows + column
                lost = k.future[at] * share
                if lost > 0.0:
                    k.future[at] -= lost
                    kn.fail(k, i, column, lost, kn.ERROR)
    for station in range(k.stations):
        for j in range(k.queue_head[station], len(k.queue_mass[station])):
            i = k.queue_node[station][j]
            inside = station == len(k.pool_limit) + g  # waits in one of these pods for a slot of it
            if (inside or g in k.held[i]) and k.queue_mass[station][j] > 0.0:
                lost = k.queue_mass[station][j] * share
                k.queue_mass[station][j] -= lost
                k.queue_total[station] -= lost
                kn.fail(k, i, kn.queue_column(k, station, j), lost, kn.ERROR)
