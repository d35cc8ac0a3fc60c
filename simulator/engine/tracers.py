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
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
          103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199)  # fmt: skip
ALPHAS = [math.sqrt(p) % 1.0 for p in PRIMES]  # Kronecker sequence: even cover with few points
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
        self.shifts = [streams.uniform(self.key, draw) for draw in range(len(ALPHAS))]
        self.noise: dict[tuple[int, int], float] = {}  # by (database, second)
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
                at = start + (n + 0.5) / PER_SECOND
                latency, weight = self._latency(at, start * PER_SECOND + n)
                if latency <= self.spec.timeout_s:
                    self.finished.setdefault(int(at + latency), []).append((latency, weight))
            self.started += 1
        for second in range(len(self.series), seconds):
            pairs: list[tuple[float, float]] = []
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
                if len(node.branches) == 1:
                    i = node.branches[0][1]
                    continue
                i, admitted = self._branch(i, t, self._even(index, draw))
                weight *= admitted
                draw += 1
                continue
            u = self._even(index, draw)
            draw += 1
            if node.kind == WORK:
                t += node.mean_s * erlang_quantile(node.shape, u)
            else:
                wait, slow = self._query(node.pool, t)
                t += wait - node.mean_s * slow * math.log(1.0 - u)
            i = node.next
        return t - at_s, weight

    def _even(self, index: int, draw: int) -> float:
        """Coordinate `draw` of point `index` of an evenly spread sequence, shifted by the seed."""
        if draw >= len(ALPHAS):
            return streams.uniform(self.key, (index << 8) + draw)
        shift = self.shifts[draw]
        return (index * ALPHAS[draw] + shift) % 1.0

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
        second = int(tick * k.dt)
        found = self.noise.get((d, second))
        if found is None:
            found = self.noise[d, second] = self._noise_at(d, int(second / k.dt))
        return found

    def _noise_at(self, d: int, tick: int) -> float:
        k = self.plane.kernel
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
                took = streams.erlang(
                    streams.mix64(self.key ^ (index << 9) ^ draw), 0, node.shape, node.mean_s
                )
                found.append(Span(node.service, "work", t, took, None, open_spans[-1]))
            else:
                wait, slow = self._query(node.pool, t)
                took = wait - node.mean_s * slow * math.log(1.0 - u)
                name = self.plane.network.pools[node.pool].name
                found.append(
                    Span(name, f"query (waited {wait * 1000:.0f} ms)", t, took, None, open_spans[-1])
                )
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


_QUANTILES: dict[int, list[float]] = {}
QUANTILE_STEP = 0.02  # grid in v = -ln(1 - u), so that the tail is as fine as the body
QUANTILE_STEPS = 1100


def erlang_quantile(shape: int, u: float) -> float:
    """The u-quantile of an Erlang distribution with mean 1, interpolated on a fixed grid."""
    v = -math.log(1.0 - u)
    if shape == 1:
        return v
    table = _QUANTILES.get(shape)
    if table is None:
        table = _QUANTILES[shape] = _quantile_table(shape)
    at = v / QUANTILE_STEP
    j = min(int(at), QUANTILE_STEPS - 2)
    return table[j] + (table[j + 1] - table[j]) * (at - j)


def _quantile_table(shape: int) -> list[float]:
    table = [0.0]
    x = 0.0
    for step in range(1, QUANTILE_STEPS):
        survival = math.exp(-step * QUANTILE_STEP)
        low, high = x, x + 1.0
        while erlang_survival(shape, high * shape) > survival:
            high += 1.0
        for _ in range(50):
            middle = 0.5 * (low + high)
            if erlang_survival(shape, middle * shape) > survival:
                low = middle
            else:
                high = middle
        x = 0.5 * (low + high)
        table.append(x)
    return table


def erlang_survival(shape: int, x: float) -> float:
    """P(Erlang(shape, rate 1) > x)."""
    term = total = math.exp(-x)
    for n in range(1, shape):
        term *= x / n
        total += term
    return total


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
