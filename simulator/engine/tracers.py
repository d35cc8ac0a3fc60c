"""Tracer requests: single requests sent through what the cohort engine recorded tick by tick.

They give what masses cannot: a percentile, a trace, a log line of one request. They are a view, computed
when somebody looks; observing changes nothing. Their luck is counter-based.
"""

import math
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.engine.network import ENTER, WORK
from simulator.engine.plane import Span

if TYPE_CHECKING:
    from simulator.engine.cohort import CohortPlane

PER_SECOND = 40  # tracers that start in one second
WINDOW_S = 15  # a percentile is over the requests that finished in the last 15 s, as both engines do


def weighted_quantile(pairs: list[tuple[float, float]], q: float) -> float:
    """The q-quantile of (value, weight) pairs; 0 without any weight."""
    pairs = sorted(pairs)
    total = math.fsum(w for _, w in pairs)
    if total <= 0.0:
        return 0.0
    reached = 0.0
    for value, weight in pairs:
        reached += weight
        if reached >= q * total:
            return value
    return pairs[-1][0]


class Tracers:
    """Tracers of one traffic class of one cohort plane."""

    def __init__(self, plane: "CohortPlane", class_name: str) -> None:
        self.plane = plane
        self.spec = next(c for c in plane.network.classes if c.name == class_name)
        self.key = streams.key_of(plane.seed, "tracer", class_name)
        self.series: array[float] = array("d")
        self.started = 0  # seconds whose tracers have been sent
        self.finished: dict[int, list[tuple[float, float]]] = {}  # by second of completion

    def p99_series_ms(self) -> "array[float]":
        """p99 of successful requests, one value a finished second, over a trailing window."""
        seconds = self.plane.history.seconds
        served = self.plane.history.column(f"class/{self.spec.name}/ok")
        while self.started < seconds:
            start = self.started
            for n in range(PER_SECOND):
                index = start * PER_SECOND + n
                at = start + (n + streams.uniform(self.key, 4 * index)) / PER_SECOND
                latency, weight = self._latency(at, index)
                if latency <= self.spec.timeout_s:
                    self.finished.setdefault(int(at + latency), []).append((latency, weight))
            self.started += 1
        for second in range(len(self.series), seconds):
            pairs = []
            for s in range(max(0, second - WINDOW_S + 1), second + 1):
                pairs.extend(self.finished.get(s, ()))
            self.finished.pop(second - WINDOW_S - 1, None)
            value = weighted_quantile(pairs, 0.99) if served[second] > 0 or pairs else 0.0
            self.series.append(value * 1000)
        return self.series

    def _latency(self, at_s: float, index: int) -> tuple[float, float]:
        """Latency of one tracer and the mass it stands for (what is admitted at its start)."""
        weight = 1.0
        t = at_s
        i = self.spec.first
        draw = 0
        nodes = self.plane.network.nodes
        while i >= 0:
            node = nodes[i]
            if node.kind == ENTER:
                i, admitted = self._branch(i, t, streams.uniform(self.key, (index << 8) + draw))
                weight *= admitted
                draw += 1
                continue
            if node.kind == WORK:
                t += streams.erlang(streams.mix64(self.key ^ (index << 8) ^ draw), 0, node.shape, node.mean_s)
            else:
                wait, slow = self._query(node.pool, t)
                u = streams.uniform(self.key, (index << 8) + draw)
                t += wait - node.mean_s * slow * math.log(1.0 - u)
            draw += 1
            i = node.next
        return t - at_s, weight

    def _tick(self, t: float) -> int:
        return max(0, min(self.plane.kernel.tick - 1, int(t / self.plane.kernel.dt)))

    def _branch(self, i: int, t: float, u: float) -> tuple[int, float]:
        """The branch an admitted request takes at time t, and the mass admitted then (relative)."""
        branches = self.plane.network.nodes[i].branches
        if len(branches) == 1:
            return branches[0][1], 1.0
        k = self.plane.kernel
        tick = self._tick(t)
        before = max(0, tick - 4)  # admissions of a few ticks: those of one are too few to divide
        flows = []
        for g, _ in branches:
            entered = k.trace_entered[g]
            flows.append(max(0.0, entered[tick] - (entered[before] if tick > before else 0.0)))
        total = math.fsum(flows)
        if total <= 0.0:
            return branches[-1][1], 0.0
        mark = u * total
        for (_, first), flow in zip(branches, flows, strict=True):
            mark -= flow
            if mark < 0.0:
                return first, total
        return branches[-1][1], total

    def _query(self, p: int, t: float) -> tuple[float, float]:
        """Wait for a connection when joining at time t, and the slow-down of the query afterwards."""
        k = self.plane.kernel
        tick = self._tick(t)
        target = k.trace_admitted[p][tick] + k.trace_queue[p][tick]
        wait = 0.0
        if k.trace_queue[p][tick] > 1e-9:
            admitted = k.trace_admitted[p]
            at = bisect_left(admitted, target, tick)
            if at >= len(admitted):
                rate = self._rate(p, tick)
                wait = (target - admitted[-1]) / rate if rate > 0 else 1e6
                at = len(admitted) - 1
            else:
                gained = admitted[at] - admitted[at - 1] if at > 0 else 0.0
                part = (target - admitted[at - 1]) / gained if gained > 0 else 1.0
                wait = max(0.0, (at - 1 - tick + part) * k.dt)
            tick = at
        d = k.pool_database[p]
        slow = k.trace_slow[d][min(tick, len(k.trace_slow[d]) - 1)]
        return wait, max(slow, self._noise(p, tick))

    def _rate(self, p: int, tick: int) -> float:
        admitted = self.plane.kernel.trace_admitted[p]
        before = max(0, tick - 40)
        return (admitted[tick] - admitted[before]) / max(1, tick - before) / self.plane.kernel.dt

    def _noise(self, p: int, tick: int) -> float:
        """Mean slow-down of M/M/c processor sharing at the present load: 1 + C(c, a) / (c (1 - rho))."""
        k = self.plane.kernel
        d = k.pool_database[p]
        cores = int(k.database_cores[d])
        load = 0.0
        for q, pool in enumerate(self.plane.network.pools):
            if pool.database == d:
                load += self._rate(q, tick) * self.plane.recorder.cpu_s(q)
        rho = load / cores
        if rho <= 0.3 or rho >= 0.999:
            return 1.0
        return 1.0 + erlang_c(cores, round(load, 1)) / (cores * (1.0 - rho))

    def spans(self, start_s: float, index: int) -> list[Span]:
        """One request that starts at `start_s`, span by span."""
        found: list[Span] = [Span("client", self.spec.name, start_s, 0.0, None, -1)]
        nodes = self.plane.network.nodes
        t = start_s
        i = self.spec.first
        draw = 0
        open_spans: list[int] = [0]
        while i >= 0:
            node = nodes[i]
            u = streams.uniform(self.key, ((index + 7919) << 8) + draw)
            draw += 1
            if node.kind == ENTER:
                refusal = self._refused(i, t, u)
                found.append(Span(node.service, "handle", t, 0.0, refusal, open_spans[-1]))
                if refusal:
                    break
                open_spans.append(len(found) - 1)
                i, _ = self._branch(i, t, streams.uniform(self.key, ((index + 104729) << 8) + draw))
                continue
            if node.kind == WORK:
                took = streams.erlang(streams.mix64(self.key ^ (index << 9) ^ draw), 0, node.shape, node.mean_s)
                found.append(Span(node.service, "work", t, took, None, open_spans[-1]))
            else:
                wait, slow = self._query(node.pool, t)
                took = wait - node.mean_s * slow * math.log(1.0 - u)
                name = self.plane.network.pools[node.pool].name
                found.append(Span(name, f"query (waited {wait * 1000:.0f} ms)", t, took, None, open_spans[-1]))
            t += took
            for _ in node.release:
                closing = open_spans.pop()
                s = found[closing]
                found[closing] = Span(s.service, s.name, s.start_s, t - s.start_s, s.error, s.parent)
            i = node.next
        return self._close(found, t)

    def _close(self, found: list[Span], t: float) -> list[Span]:
        root = found[0]
        late = t - root.start_s > self.spec.timeout_s
        failed = next((s.error for s in found if s.error), None)
        error = failed or ("504 gateway timeout" if late else None)
        found[0] = Span(root.service, root.name, root.start_s, t - root.start_s, error, -1)
        return found

    def _refused(self, i: int, t: float, u: float) -> str | None:
        """Why a request would be refused at an ENTER node in the second of time t, by the run's shares."""
        second = int(t)
        asked = refused = failed = 0.0
        column = self.plane.history.column
        for g, _ in self.plane.network.nodes[i].branches:
            group = self.plane.network.groups[g]
            base = f"service/{group.service}/{group.version}/"
            requests = column(base + "requests")
            if second < len(requests):
                asked += requests[second]
                refused += column(base + "rejected")[second]
                failed += column(base + "errors")[second]
        if asked + failed <= 0.0:
            return None
        bulkhead = self.plane.network.groups[self.plane.network.nodes[i].branches[0][0]].bulkhead
        if u < refused / (asked + failed):
            return f"503 Bulkhead '{bulkhead}' is full and does not permit further calls"
        if u < (refused + failed) / (asked + failed):
            service = self.plane.network.nodes[i].service
            return f"500 {self.plane.failing_why.get(service, 'internal error')}"
        return None


_ERLANG: dict[tuple[int, float], float] = {}


def erlang_c(servers: int, load: float) -> float:
    """Erlang's C: the chance to wait in M/M/c with offered load `load` < servers (a pure function)."""
    found = _ERLANG.get((servers, load))
    if found is None:
        blocked = 1.0
        for n in range(1, servers + 1):
            blocked = load * blocked / (n + load * blocked)
        rho = load / servers
        found = _ERLANG[servers, load] = blocked / (1.0 - rho * (1.0 - blocked))
    return found
