"""The exact engine: the same network event by event, request by request. The oracle of the cohort engine.

A run is a function of scenario, seed and control actions. Every class is simulated, unless the scenario
asks for more events a second than are worth waiting for: then those that share no database with the
scenario's SLI are left out. `classes` names those simulated. This file holds the readings and the control
actions; the engine itself is in exact_walk.py and the files below it (exact_state.py names them).
"""

import heapq
import math
from array import array

from simulator.engine.exact_parts import Attempt, CacheRun, Pod, Store, Weighted
from simulator.engine.exact_state import ERROR, REJECTED, SECOND, WORK_DONE, WORKER_TURN
from simulator.engine.exact_walk import Walk
from simulator.engine.keys import shard_shares
from simulator.engine.network import (
    ENTER,
    SPLIT,
    Network,
    cache_looks,
    cached,
    limiter,
    retrying,
    routes,
    sharded,
)
from simulator.engine.placement import shares_of
from simulator.engine.plane import Span
from simulator.engine.readings import WINDOW_S, Readings, Recorder, Second
from simulator.engine.streams import mix64
from simulator.scenario import KeySpace, Scenario

MASK = (1 << 64) - 1  # keys below zero are the hot ones
MOST_EVENTS_PER_S = 2e5  # beyond, one simulated second costs more than a real one


def events_per_request(network: Network) -> list[float]:
    """Expected events of a first attempt that nothing goes wrong for, by class (arrival included)."""
    cost = [0.0] * (len(network.nodes) + 1)  # the last: of node -1
    for i in range(len(network.nodes) - 1, -1, -1):  # requests walk forward
        node = network.nodes[i]
        if node.kind == ENTER:
            live = [first for g, first in node.branches if network.groups[g].pods] or [node.branches[-1][1]]
            cost[i] = sum(cost[first] for first in live) / len(live)
        elif node.kind == SPLIT:
            weights = network.splits[node.split].weights
            cost[i] = sum(weights[n] * cost[first] for n, first in node.branches)
        else:
            inner = sum(cost[network.scopes[s].first] for s in node.scopes)
            cost[i] = inner + (0.0 if node.scopes else 1.0) + cost[node.next]
    return [1.0 + cost[c.first] for c in network.classes]


def simulated_classes(scenario: Scenario, network: Network) -> list[int]:
    """Indices of the classes that a run follows."""
    events = events_per_request(network)
    rate = sum(scenario.traffic.rps * c.share * n for c, n in zip(network.classes, events, strict=True))
    if rate <= MOST_EVENTS_PER_S:
        return list(range(len(network.classes)))
    return network.coupled_classes(scenario.sli.traffic_class)


def mean_and_p99(values: list[float]) -> tuple[float, float]:
    """(0, 0) without any value."""
    if not values:
        return 0.0, 0.0
    values = sorted(values)
    return math.fsum(values) / len(values), values[math.ceil(0.99 * len(values)) - 1]


class ExactPlane(Walk, Readings):
    """The data plane event by event."""

    def __init__(self, scenario: Scenario, network: Network, seed: int) -> None:
        super().__init__(scenario, network, seed)
        self.recorder = Recorder(network)
        self.p99: dict[str, array[float]] = {}
        self.failing_why: dict[str, str] = {}
        self.followed = simulated_classes(scenario, network)
        self.classes = [network.classes[c].name for c in self.followed]
        for c, spec in enumerate(network.classes):
            if c in self.followed and not spec.worker:
                self.rates[c] = spec.share * scenario.traffic.rps
                self._draw_arrival(c)
        for w in range(len(self.jobs)):
            self._at(0.0, WORKER_TURN, w)
        self._at(1.0, SECOND, None)

    # -- readings

    def _second(self, _what: object) -> None:
        """A simulated second has passed."""
        self.recorder.record(
            Second(
                offered=self.offered,
                ok=self.ok,
                declined=self.declined,
                failed=self.failed,
                entered=self.entered,
                rejected=self.rejected,
                errors=self.errors,
                drained=self.drained,
                queries=self.queries,
                pool_timeouts=self.pool_timeouts,
                in_flight=[float(n) for n in self.busy],
                pods=[len(p) for p in self.pods],
                pool_busy=[float(x.active) for x in self.runs],
                pool_open=[float(x.open) for x in self.runs],
                pool_waiting=[float(len(x.queue)) for x in self.runs],
                pool_wait_s=[self.now_s - x.queue[0].since if x.queue else 0.0 for x in self.runs],
                pool_refused=[float(x.refused) for x in self.runs],
                pool_limit=[float(x.limit) for x in self.runs],
                database_slow=[max(1.0, len(s.jobs) / s.cores) if s.cores else 1.0 for s in self.stores],
                backlog=[float(j.backlog) for j in self.jobs],
                breaker=[j.breaker.state for j in self.jobs],
                in_flight_s=self._areas(self.busy_area, self.busy),
                pool_busy_s=self._areas(self.active_area, [x.active for x in self.runs]),
                waiting=[float(n) for n in self.queued],
                shed=self.shed,
                late=self.late,
                scope_calls=self.scope_calls,
                scope_failed=self.scope_failed,
                scope_retries=self.scope_retries,
                scope_breaker=[c.breaker.state if c.breaker else 0 for c in self.clocks],
                split_taken=self.split_taken,
                turned=self.turned,
            )
        )
        self._clear()
        self.second_s = self.now_s
        self._at(self.now_s + 1.0, SECOND, None)

    def _areas(self, moved: list[float], held: list[int]) -> list[float]:
        """Time integrals over the second: what is held at its end, less what came late, and what left."""
        seconds = self.now_s - self.second_s
        return [max(0.0, area + n * seconds) for area, n in zip(moved, held, strict=True)]

    def latency_s(self, class_name: str, from_s: float, to_s: float) -> tuple[float, float]:
        """Mean and p99 of the successful requests that finished in the whole seconds around a window."""
        return mean_and_p99(self._finished(class_name, int(from_s), math.ceil(to_s)))

    def _finished(self, class_name: str, first: int, last: int) -> list[float]:
        """Latencies in seconds `first` … `last` - 1."""
        c = self._class(class_name)
        return [x for s in range(max(0, first), last) for cls, x in self.latencies.get(s, ()) if cls == c]

    def p99_series_ms(self, class_name: str, most: int | None = None) -> "array[float]":
        """p99 of successful requests over the trailing window, one value a finished second; `most` as for tracers."""
        series = self.p99.setdefault(class_name, array("d"))
        last = self.history.seconds if most is None else min(self.history.seconds, len(series) + most)
        for second in range(len(series), last):
            found = self._finished(class_name, second - WINDOW_S + 1, second + 1)
            series.append(mean_and_p99(found)[1] * 1000)
        return series

    def finished(self, class_name: str) -> list[tuple[float, float, float]]:
        """(finished at, latency in seconds, how many) of all successful requests so far."""
        c = self._class(class_name)
        return [(s + 0.5, x, 1.0) for s in sorted(self.latencies) for cls, x in self.latencies[s] if cls == c]

    def sample_request(self, class_name: str, start_s: float, index: int) -> list[Span]:
        """The exact engine keeps no traces: it is the oracle, not the engine of play."""
        return []

    def pool_full_since(self, pool: str) -> float | None:
        return self.runs[self.network.pool_index(pool)].full_s

    def breaker_changes(self) -> list[tuple[float, str, str]]:
        """(time, name, state): workers' breakers by the worker, callers' by the scope."""
        return list(self.changes)

    def live_pods(self, group: int) -> int:
        return len(self.pods[group])

    # -- control

    def _class(self, name: str) -> int:
        return [c.name for c in self.network.classes].index(name)

    def rate(self, class_name: str) -> float:
        """Fresh requests a second of a class, retries not counted."""
        return self.rates[self._class(class_name)]

    def set_rate(self, class_name: str, per_s: float) -> None:
        """Arrivals a second from now on; a class that is left out stays so."""
        c = self._class(class_name)
        if c not in self.followed or per_s == self.rates[c] or self.network.classes[c].worker:
            return
        self.rates[c] = per_s
        self._draw_arrival(c)

    def set_pods(self, service: str, version: str, pods: int, place: str = "") -> None:
        """Pods that were removed drain; who waits in them is refused."""
        for g, count in shares_of(self.network, service, version, pods, place):
            while len(self.pods[g]) < count:
                self.pods[g].append(self._new_pod(g))
            removed = self.pods[g][: len(self.pods[g]) - count]
            del self.pods[g][: len(removed)]
            self._list_candidates()
            for pod in removed:
                pod.live = False
                for r in self._empty_line(pod):
                    self.rejected[g] += 1
                    self._fail(r, REJECTED)
        self._settle()

    def kill_pods(self, service: str, version: str, pods: int, place: str = "") -> None:
        """The newest pods die, place by place; what they had in hand fails."""
        dead: list[Pod] = []
        for g in self.network.group_indices(service, version, place):
            while self.pods[g] and len(dead) < pods:
                dead.append(self.pods[g].pop())
        self._list_candidates()
        for pod in dead:
            pod.live = False
        self._kill(dead)
        self._settle()

    def _empty_line(self, pod: Pod) -> list[Attempt]:
        """Take everybody out of a pod's queue."""
        line = self.lines.pop(pod.number, None)
        self.queued[pod.group] -= pod.queued
        pod.queued = 0
        return list(line) if line else []

    def _kill(self, dead: list[Pod]) -> None:
        """Attempts that hold a slot of dead pods, run or wait in them fail; their queries are cancelled."""
        doomed: dict[Attempt, None] = {}
        for pod in dead:
            line = self._empty_line(pod)
            self.errors[pod.group] += len(line)
            doomed.update(dict.fromkeys(line))
        for r in self.alive:
            if r.home in dead or any(pod in dead for pod in r.path):
                doomed[r] = None
        for number, others in self.lines.items():
            for r in [r for r in others if r in doomed]:
                others.remove(r)
                self.all_pods[number].queued -= 1
                self.queued[self.all_pods[number].group] -= 1
        for run in self.runs:
            for r in [r for r in run.queue if r in doomed]:
                run.queue.remove(r)
        for store in [*self.stores, *self.cpus.values()]:
            self._cancel(store, doomed)
        for r in doomed:
            if r.node >= 0:
                self._fail(r, ERROR)

    def _cancel(self, store: Store, doomed: dict[Attempt, None]) -> None:
        lost = [job[2] for job in store.jobs if job[2] in doomed]
        if not lost:
            return
        store.advance(self.now_s)
        store.jobs = [job for job in store.jobs if job[2] not in doomed]
        heapq.heapify(store.jobs)
        if store.database >= 0:
            for r in lost:
                self._connection_free(self.spots[r.node].pool)
            for p, pool in enumerate(self.network.pools):
                if pool.database == store.database:
                    self._serve(p)
        store.due = math.inf
        self._watch(store)

    def set_speed(self, service: str, version: str, speed: float, place: str = "") -> None:
        """Pods of a version work `speed` times as fast from now on; at 0 their work stands still."""
        for g in self.network.group_indices(service, version, place):
            self._retime(g, speed)
            for pod in self.all_pods:
                if pod.group == g and pod.number in self.cpus:
                    store = self.cpus[pod.number]
                    self._set_store(store, store.cores, speed)
        self.uneven = True

    def _retime(self, g: int, speed: float) -> None:
        """Work under way in the pods of a group needs the same work, at another speed."""
        old = self.speeds[g]
        self.speeds[g] = speed
        if speed == old:
            return
        now, kept = self.now_s, []
        left = self.frozen[g]
        self.frozen[g] = []
        for event in self.heap:
            r = event[3]
            if event[2] == WORK_DONE and isinstance(r, Attempt) and self._works_in(r, g):
                left.append(((event[0] - now) * old, r))
            else:
                kept.append(event)
        if speed <= 0.0:
            self.frozen[g] = left
            left = []
        self.heap[:] = kept
        heapq.heapify(self.heap)
        for work, r in left:
            if r.node >= 0:
                self._at(now + work / speed, WORK_DONE, r)

    def _works_in(self, r: Attempt, g: int) -> bool:
        """Whether an attempt in a WORK node works in a pod of group `g`."""
        if r.node < 0 or self.spots[r.node].group < 0:
            return False
        pod = r.path[-1] if r.path else r.home
        return pod is not None and pod.group == g

    def _set_store(self, store: Store, cores: float, speed: float) -> None:
        store.advance(self.now_s)
        store.cores = cores
        store.speed = speed
        store.due = math.inf
        self._watch(store)

    def set_cores(self, database: str, cores: float) -> None:
        """Cores of a database, of each of its shards. Raises KeyError for an unknown one."""
        found = [d for d, spec in enumerate(self.network.databases) if database in (spec.family, spec.name)]
        if not found:
            raise KeyError(database)
        for d in found:
            if cores > 0.0:
                self.network.databases[d].cores = cores  # what the readings divide by
            self._set_store(self.stores[d], cores, 1.0)

    def set_retries(self, caller: str, retries: int) -> None:
        """As the cohort engine's: how often a class or a call tries again."""
        for _, spec in retrying(self.network, caller, retries):
            spec.retries = min(retries, spec.declared)

    def set_rate_limit(self, service: str, rps: float) -> None:
        """What a service's limiter lets through a second. Raises KeyError for a service without one."""
        self.network.limits[limiter(self.network, service)].rps = rps
        for spot in self.spots:
            if spot.limit is not None and spot.service == service:
                spot.limit.add(0.0, self.now_s)
                spot.limit.rate = rps

    def set_bulkhead(self, service: str, limit: int) -> None:
        """Concurrent requests each pod of a service admits."""
        for group in self.network.groups:
            if group.service == service:
                group.limit_per_pod = limit
        for pods in self.pods:
            for pod in pods:
                if self.network.groups[pod.group].service == service:
                    pod.limit = limit

    def set_cache_ttl(self, cache: str, ttl_s: float) -> None:
        """How long an entry lives from now on. Raises KeyError for one that nobody reads."""
        found = [n for n, s in enumerate(self.network.splits) if s.kind == "cache" and s.name == cache]
        if not found:
            raise KeyError(cache)
        for n in found:
            split = self.splits[n]
            assert isinstance(split, CacheRun)
            split.ttl_s = ttl_s

    def set_cache_capacity(self, cache: str, capacity: int | None) -> None:
        """How many keys a cache has room for. Raises KeyError for one that nobody reads."""
        for n in cached(self.network, cache):
            split = self.splits[n]
            assert isinstance(split, CacheRun)
            split.capacity = capacity
            while capacity is not None and len(split.filled) > capacity:
                split.filled.popitem(last=False)

    def set_cache_delay(self, cache: str, op_s: float) -> None:
        """How long an operation of a cache takes. Raises KeyError for one that nobody reads."""
        for i in cache_looks(self.network, cache):
            self.spots[i].mean_s = op_s

    def set_shard_weights(self, database: str, keys: str, weights: list[float]) -> None:
        """Shares of the queries by shard. Raises KeyError when none of a key space reach the database."""
        for number in sharded(self.network, database, keys):
            split = self.splits[number]
            assert isinstance(split, Weighted)
            self.network.splits[number].weights = list(weights)
            split.set(list(weights))

    def set_route(self, route: str, share: float) -> None:
        """`share` of the requests takes the new way of a route. Raises KeyError for an unknown one."""
        for number in routes(self.network, route):
            split = self.splits[number]
            assert isinstance(split, Weighted)
            split.set([1.0 - share, share])

    def set_link(self, source: str, target: str, *, latency_s: float, loss: float, up: bool) -> None:
        """One direction of a link. Raises KeyError for an unknown one."""
        number = next((n for n, x in enumerate(self.links) if (x.source, x.target) == (source, target)), None)
        if number is None:
            raise KeyError((source, target))
        link = self.links[number]
        link.latency_s = latency_s
        link.loss = loss
        self.network.links[number].up = up
        for spec, split in zip(self.network.splits, self.splits, strict=True):
            if spec.kind == "loss" and spec.name == f"{source}-{target}":
                assert isinstance(split, Weighted)
                split.set([1.0 - loss, loss])
        if up and not link.up:
            for seconds, r in link.held:
                if r.node >= 0:
                    self._at(self.now_s + seconds, WORK_DONE, r)
            link.held = []
        elif link.up and not up:
            self._hold(number)
        link.up = up

    def _hold(self, number: int) -> None:
        """Messages under way on a link stand still."""
        kept = []
        for event in self.heap:
            r = event[3]
            on_it = event[2] == WORK_DONE and isinstance(r, Attempt) and r.node >= 0
            if on_it and isinstance(r, Attempt) and self.spots[r.node].link == number:
                self.links[number].held.append((event[0] - self.now_s, r))
            else:
                kept.append(event)
        self.heap[:] = kept
        heapq.heapify(self.heap)

    def set_dns(self, weights: dict[str, float]) -> None:
        """Shares of the clients by data centre; one that is not named gets none. Raises as `Dns.change`."""
        self.dns.change(self.now_s, weights)

    def set_dns_ttl(self, ttl_s: float) -> None:
        """How long clients keep an answer from now on."""
        self.dns.set_ttl(self.now_s, ttl_s)

    def clear_link(self, source: str, target: str) -> None:
        """Whatever waits on a link that is down fails. Raises KeyError for an unknown one."""
        link = next((x for x in self.links if (x.source, x.target) == (source, target)), None)
        if link is None:
            raise KeyError((source, target))
        held, link.held = link.held, []
        for _, r in held:
            if r.node >= 0:
                self._fail(r, ERROR)
        self._settle()

    def set_keys(self, name: str, space: KeySpace) -> None:
        """Which keys of a key space are hot from now on: shards and caches follow."""
        for spec, split in zip(self.network.splits, self.splits, strict=True):
            if spec.keys != name:
                continue
            if isinstance(split, CacheRun):
                split.asked_for(space)
            elif spec.kind == "shard" and isinstance(split, Weighted):
                split.set(shard_shares(space, len(spec.weights)))

    def flush_cache(self, cache: str, share: float = 1.0) -> None:
        """Empty a cache, or so much of it by a hash of the keys. Raises KeyError for one that nobody reads."""
        for n in cached(self.network, cache):
            split = self.splits[n]
            assert isinstance(split, CacheRun)
            lost = [key for key in split.filled if (mix64(key & MASK) >> 11) / (1 << 53) < share]
            for key in lost:
                del split.filled[key]

    def set_failing(self, service: str, share: float, why: str) -> None:
        self.failing[service] = share
        self.failing_why[service] = why

    def set_pool_limit(self, database: str, pool: str, limit: int, opened: bool = False) -> None:
        """The limit of a pool, in every shard of its database, all `opened` or as needed. KeyError: an unknown one."""
        net = self.network
        found = [
            p
            for p, s in enumerate(net.pools)
            if pool in (s.family, s.name) and self._at_database(p, database)
        ]
        if not found:
            raise KeyError(pool)
        for p in found:
            run = self.runs[p]
            run.limit = self.pool_limits[p] = limit
            if not net.pools[p].transient:
                kept = limit if opened else min(run.open, limit)
                run.open = max(run.active, kept)  # busy ones close as they come back
            self._connect(p)

    def _at_database(self, pool: int, database: str) -> bool:
        spec = self.network.databases[self.network.pools[pool].database]
        return database in ("", spec.family, spec.name)  # "": wherever a pool of this name is

    def set_worker_rate(self, worker: str, per_s: float) -> None:
        w = self.worker_names.index(worker)
        self.worker_rates[w] = per_s
        if per_s > 0.0 and self.jobs[w].due == math.inf:
            self.jobs[w].due = self.now_s + 1.0 / per_s
            self._at(self.jobs[w].due, WORKER_TURN, w)
