"""Tracer requests: single requests sent through what the cohort engine recorded step by step.

They give what masses cannot: a percentile, a trace, a log line of one request. They are a view, computed
when somebody looks; observing changes nothing. Their luck is counter-based.
"""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

from simulator.engine import codes, stations, streams
from simulator.engine.network import CALL, CPU, ENTER, FORK, QUERY, SPLIT, WORK, Network, Node
from simulator.engine.plane import Span
from simulator.engine.readings import WINDOW_S

if TYPE_CHECKING:
    from simulator.engine.cohort import CohortPlane

PER_SECOND = 40  # tracers that start in one second
DENSE = 20  # times as many where a whole window is asked for, which is rare: a p99 of few is luck
RATE_ROWS = 6  # steps that a rate is taken over
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
          103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199)  # fmt: skip
ALPHAS = [math.sqrt(p) % 1.0 for p in PRIMES]  # Kronecker sequence: even cover with few points
STEADY_QUEUE = 0.97  # busier stations queue for lack of capacity: then all wait alike, else by chance
LONG_QUEUE = 3.0  # so many waiting for each slot are no chance either
NORMAL = NormalDist()
NOTICED = 0.01  # sharing of cores that slows by less is not looked at closely
POINTS = 1024  # of an unloaded walk
BUSY_EVENTS = 2000  # of a busy period that hardly ends


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


def pick(shares: list[float], mark: float) -> int:
    """Which of adjoining shares a mark falls into; the last one if it lies beyond them all."""
    for n, share in enumerate(shares):
        mark -= share
        if mark < 0.0:
            return n
    return len(shares) - 1


class Luck:
    """The coordinates of one point: an even sequence first, hashed draws when it runs out."""

    __slots__ = ("draw", "index", "key", "marks", "shifts")

    def __init__(self, key: int, shifts: list[float], index: int) -> None:
        self.key = key
        self.shifts = shifts
        self.index = index
        self.draw = 0
        self.marks: dict[int, float] = {}

    def mark(self, store: int) -> float:
        """How busy a store happens to be: the same for all that one request asks of it."""
        if store not in self.marks:
            self.marks[store] = self.uniform()
        return self.marks[store]

    def uniform(self) -> float:
        draw = self.draw
        self.draw += 1
        if draw < len(ALPHAS):
            return (self.index * ALPHAS[draw] + self.shifts[draw]) % 1.0
        return streams.uniform(self.key, (self.index << 10) + draw)


def luck_of(key: int) -> list[float]:
    """The shifts of a key's even sequence."""
    return [streams.uniform(key, draw) for draw in range(len(ALPHAS))]


class WalkTimes:
    """How long requests take in an empty system: for what depends on the spread of service times."""

    def __init__(self, network: Network, weights: Sequence[Sequence[float]] | None = None) -> None:
        """`weights`: the shares of each split's ways now, else those that the network starts with."""
        self.net = network
        self.weights = [s.weights for s in network.splits] if weights is None else weights
        self.key = streams.key_of(0, "unloaded")
        self.shifts = luck_of(self.key)
        self.met: set[int] = set()  # splits that the walks have come to

    def mean_s(self, group: int) -> float:
        """How long the group's slots are held, about."""
        times = self._holds(group, 32)
        return math.fsum(times) / len(times) if times else 0.0

    def own_s(self, group: int) -> float:
        """How long requests work by the group's own clock while they hold its slots, about."""
        nodes = self.net.nodes
        held = [n for n in nodes if n.kind == WORK and n.group == group and n.link < 0 and group in n.held]
        doors = sum(1 for n in nodes if n.kind == ENTER for g, _ in n.branches if g == group)
        return math.fsum(n.mean_s for n in held) / max(1, doors)

    def _holds(self, group: int, points: int) -> list[float]:
        times = []
        starts = [first for n in self.net.nodes if n.kind == ENTER for g, first in n.branches if g == group]
        each = max(points // 16, points // max(1, len(starts)), 2)
        for first in starts:
            times += [self._time(first, group, Luck(self.key, self.shifts, n)) for n in range(each)]
        return times

    def spread(self, group: int) -> float:
        """(1 + squared coefficient of variation) / 2 of how long the group's slots are held."""
        times = self._holds(group, POINTS)
        mean = math.fsum(times) / len(times) if times else 0.0
        if mean <= 0.0:
            return 1.0
        variance = math.fsum((t - mean) * (t - mean) for t in times) / len(times)
        return 0.5 * (1.0 + variance / (mean * mean))

    def fork_extra_s(self, fork: int) -> float:
        """Mean of the slowest branch less the slowest mean of a branch."""
        scopes = [self.net.scopes[s].first for s in self.net.nodes[fork].scopes]
        totals = [0.0] * len(scopes)
        slowest = 0.0
        for n in range(POINTS):
            luck = Luck(self.key, self.shifts, n)
            times = [self._time(first, -1, luck) for first in scopes]
            totals = [a + b for a, b in zip(totals, times, strict=True)]
            slowest += max(times)
        return max(0.0, (slowest - max(totals)) / POINTS)

    def _time(self, i: int, until_group: int, luck: Luck) -> float:
        """From node `i` to where `until_group` is given back, or to the end of the scope."""
        t = 0.0
        while i >= 0:
            node = self.net.nodes[i]
            if node.kind == ENTER:
                live = [first for g, first in node.branches if self.net.groups[g].pods]
                i = (live or [first for _, first in node.branches])[0]
                continue
            if node.kind == SPLIT:
                weights = self.weights[node.split]
                self.met.add(node.split)
                n = pick([weights[way] for way, _ in node.branches], luck.uniform())
                i = node.branches[n][1]
                continue
            if node.kind == CALL:
                t += min(
                    self._time(self.net.scopes[node.scopes[0]].first, -1, luck),
                    self.net.scopes[node.scopes[0]].timeout_s,
                )
            elif node.kind == FORK:
                t += max(self._time(self.net.scopes[s].first, -1, luck) for s in node.scopes)
            else:
                t += node.mean_s * erlang_quantile(node.shape, luck.uniform())
            if until_group in node.release:
                return t
            i = node.next
        return t


def busy_period(coming: float, served: float, luck: Luck) -> float:
    """A draw of how long M/M/1 is busy from one request on, event by event."""
    t, inside = 0.0, 1
    rate = coming + served
    for _ in range(BUSY_EVENTS):
        t -= math.log(1.0 - luck.uniform()) / rate
        inside += 1 if luck.uniform() * rate < coming else -1
        if not inside:
            break
    return t


@lru_cache(maxsize=4096)
def chance_to_wait(servers: int, queue: float) -> float:
    """The chance to wait at M/M/c whose mean queue is `queue`."""
    low, high = 0.0, 1.0
    for _ in range(24):
        rho = 0.5 * (low + high)
        if stations.erlang_c(servers, rho * servers) * rho / (1.0 - rho) < queue:
            low = rho
        else:
            high = rho
    return stations.erlang_c(servers, low * servers) if low > 0.0 else 0.0


class Tracers:
    """Tracers of one traffic class of one cohort plane."""

    def __init__(self, plane: "CohortPlane", class_name: str, per_second: int = PER_SECOND) -> None:
        self.plane = plane
        self.per_second = per_second
        self.net = plane.network
        self.spec = next(c for c in plane.network.classes if c.name == class_name)
        self.key = streams.key_of(plane.seed, "tracer", class_name)
        self.shifts = luck_of(self.key)
        self.series: array[float] = array("d")
        self.started = 0  # seconds whose tracers have been sent
        self.walked_s = -1  # the record's length when those under way were walked
        self.pending: list[int] = []  # tracers that are still under way
        self.finished: dict[int, list[tuple[float, float]]] = {}  # by second of completion
        self.all: list[tuple[float, float, float]] = []  # (finished at, latency, weight)
        self.sent: dict[int, float] = {}  # by second of completion: the weight of the tracers
        k = plane.kernel
        self.width = int(k.trace_width)
        self.pools = int(k.pools)
        self.coming = self.width - int(k.classes) + plane.network.classes.index(self.spec)
        self.ticks: list[float] = []
        self.columns: dict[int, list[float]] = {}
        self.rows = 0
        self.failed = False
        self.passed: dict[tuple[int, int], float] = {}  # by first group and second, see `_passed`
        self.edge = (-1, 0.0)  # a second whose value was found out without those before it, and the value

    # -- what the kernel recorded

    def _refresh(self) -> None:
        k = self.plane.kernel
        rows = int(k.trace_used)
        if rows == self.rows:
            return
        fresh = list(k.trace[self.rows * self.width : rows * self.width])
        self.ticks.extend(fresh[0 :: self.width])
        for column, values in self.columns.items():
            values.extend(fresh[column :: self.width])
        self.rows = rows

    def _column(self, column: int) -> list[float]:
        found = self.columns.get(column)
        if found is None:
            k = self.plane.kernel
            found = self.columns[column] = list(k.trace[: self.rows * self.width][column :: self.width])
        return found

    def _row(self, t: float) -> int:
        """The record of the step in which time `t` lies."""
        at = bisect_left(self.ticks, t / self.plane.kernel.dt + 1e-9) - 1
        return max(0, min(len(self.ticks) - 1, at))

    # -- percentiles

    def _send(self, before: int | None = None) -> None:
        """Walk what started in finished seconds, or in those before one. A walk counts once it ends inside the record.

        Until then it is walked again: else a percentile would depend on when somebody looked.
        """
        self._refresh()
        seconds = self.plane.history.seconds
        last = seconds if before is None else min(before, seconds)
        if last <= self.started and seconds == self.walked_s:
            return  # nothing new could be found out: the walks under way would only be walked again
        self.walked_s = seconds
        for start in range(self.started, last):
            self.pending.extend(range(start * self.per_second, (start + 1) * self.per_second))
        self.started = max(self.started, last)
        waiting = []
        for index in self.pending:
            at = (index + 0.5) / self.per_second
            self.failed = False
            latency, weight = self._walk(self.spec.first, at, Luck(self.key, self.shifts, index))
            if at + latency >= seconds:
                if at + self.spec.timeout_s >= seconds:
                    waiting.append(index)
            elif latency <= self.spec.timeout_s and not self.failed and weight > 0.0:
                second = int(at + latency)
                weight *= self._column(self.coming)[self._row(at)]
                self.finished.setdefault(second, []).append((latency, weight))
                self.sent[second] = self.sent.get(second, 0.0) + weight
                self.all.append((at + latency, latency, weight))
        self.pending = waiting

    def p99_series_ms(self, most: int | None = None) -> "array[float]":
        """p99 of successful requests, one value a finished second, over a trailing window.

        A second costs some milliseconds the first time: `most` is how many seconds more may be found out now.
        """
        last = self.plane.history.seconds
        if most is not None:
            last = min(last, len(self.series) + most)
        self._send(last)
        for second in range(len(self.series), last):
            self.series.append(self._p99_ms(second))
            self.finished.pop(second - WINDOW_S - 1, None)
        return self.series

    def edge_p99_ms(self) -> float:
        """The last value of the series; without those before it, where most of them have not been found out yet."""
        last = self.plane.history.seconds
        enough = WINDOW_S + math.ceil(self.spec.timeout_s)  # nobody who started earlier is in the last window
        if last - len(self.series) <= enough:
            series = self.p99_series_ms()
            return series[-1] if series else 0.0
        if self.edge[0] == last:
            return self.edge[1]
        late = self._late(last - enough)
        late._send()
        self.edge = (last, late._p99_ms(last - 1))
        return self.edge[1]

    def _late(self, second: int) -> "Tracers":
        """The same, but none has started before a second."""
        self._refresh()
        late = copy(self)
        late.started, late.walked_s = second, -1
        late.pending, late.finished, late.all, late.sent = [], {}, [], {}
        return late

    def _p99_ms(self, second: int) -> float:
        pairs: list[tuple[float, float]] = []
        for s in range(max(0, second - WINDOW_S + 1), second + 1):
            each = self._each(s)
            pairs.extend((latency, w * each) for latency, w in self.finished.get(s, ()))
        return weighted_quantile(pairs, 0.99) * 1000

    def _each(self, second: int) -> float:
        """The requests that a tracer of weight 1 stands for that finished in a second.

        As many tracers start in every second, but not as many requests finish in every one.
        """
        base = f"class/{self.spec.name}/"
        column = self.plane.history.column
        fine = (
            column(base + "ok")[second] + column(base + "declined")[second] if not self.spec.worker else 1.0
        )
        sent = self.sent.get(second, 0.0)  # of a class that nobody asks for the tracers weigh nothing
        return fine / sent if sent > 0.0 else 0.0

    def spread(self) -> list[tuple[float, float, float]]:
        """(finished at, latency, requests it stands for) of everything that has finished."""
        self._send()
        return [(end, latency, w * self._each(int(end))) for end, latency, w in self.all]

    def latency_s(self, from_s: float, to_s: float) -> tuple[float, float]:
        """(mean, p99) of what finished in the window."""
        first = math.floor(from_s - self.spec.timeout_s)  # nobody who started earlier finishes in the window
        sent = self if first <= self.started else self._late(first)
        sent._send()
        pairs = [(latency, w * sent._each(int(end))) for end, latency, w in sent.all if from_s <= end < to_s]
        total = math.fsum(w for _, w in pairs)
        if total <= 0.0:
            return 0.0, 0.0
        return math.fsum(v * w for v, w in pairs) / total, weighted_quantile(pairs, 0.99)

    def _walk(self, i: int, start: float, luck: Luck) -> tuple[float, float]:
        """How long one request takes from node `i` on, and the mass it stands for."""
        t = start
        weight = 1.0
        nodes = self.net.nodes
        while i >= 0:
            node = nodes[i]
            if node.kind == ENTER:
                wait, first, admitted = self._enter(i, t, luck)
                t += self._in_time(node, start, t, wait, luck)
                i = first
                weight *= admitted
                continue
            if node.kind == WORK:
                t += self._work_s(i, t, luck)
            elif node.kind == SPLIT:
                i = self._way(node.split, node.branches, luck.uniform(), t)
                continue
            elif node.kind == CALL:
                took, part = self._call(node.scopes[0], t, luck)
                t += took
                weight *= part
            elif node.kind == FORK:
                slowest = 0.0
                for s in node.scopes:
                    took, part = self._walk(self.net.scopes[s].first, t, luck)
                    slowest = max(slowest, took)
                    weight *= part
                t += slowest
            else:
                wait, took = self._query(i, t, luck)
                t += wait + took
            i = node.next
        return t - start, weight

    def _call(self, s: int, start: float, luck: Luck) -> tuple[float, float]:
        """A call with its caller's time-out and retries; its last failure fails the request."""
        scope = self.net.scopes[s]
        took = 0.0
        weight = 1.0
        wait = scope.backoff_s
        for attempt in range(scope.retries + 1):
            latency, weight = self._walk(scope.first, start + took, luck)
            if latency <= scope.timeout_s:
                return took + latency, weight
            took += scope.timeout_s
            if attempt < scope.retries and luck.uniform() >= self._retried(s, start):
                break
            if attempt < scope.retries:
                took += wait * (1.0 + scope.jitter * (2.0 * luck.uniform() - 1.0))
                wait *= scope.backoff_factor
        if not scope.optional:
            self.failed = True
        return took, weight

    def _retried(self, s: int, t: float) -> float:
        """Which share of the failed attempts of a call was retried in the second of time t."""
        scope = self.net.scopes[s]
        if scope.budget is None:
            return 1.0
        base = f"call/{s}/{scope.name}/"
        column = self.plane.history.column(base + "failed")
        second = min(int(t), len(column) - 1)
        if second < 0 or column[second] <= 0.0:
            return 1.0
        return min(1.0, self.plane.history.column(base + "retries")[second] / column[second])

    def _work_s(self, i: int, t: float, luck: Luck) -> float:
        """How long a request that begins at time t is in a WORK node."""
        node = self.net.nodes[i]
        mean_s = node.mean_s
        for when, before in reversed(self.plane.delays_before.get(i, ())):
            if t < when:
                mean_s = before
        work = mean_s * erlang_quantile(node.shape, luck.uniform())
        mixes = self.plane.mixes.get(node.group) if node.link < 0 else None
        if mixes:
            at = bisect_left(mixes, t, key=lambda mix: mix[0]) - 1
            if at >= 0 and mixes[at][1]:
                shares = [share for share, _ in mixes[at][1]]
                work *= mixes[at][1][pick(shares, luck.uniform())][1]
        return self._stretched(i, t, work)

    def _stretched(self, i: int, t: float, work: float) -> float:
        """How long work takes from time t on, by the speeds its clock had then and later."""
        changes = self.plane.speed_changes.get(int(self.plane.kernel.clock_of[i]))
        if not changes:
            return work
        at = bisect_left(changes, (t, math.inf)) - 1
        speed = changes[at][1] if at >= 0 else 1.0
        start = t
        for when, following in changes[at + 1 :]:
            if work <= (when - t) * speed:
                break
            work -= (when - t) * speed
            t, speed = when, following
        return t - start + (work / speed if speed > 1e-6 else 1e6)

    def _way(self, split: int, branches: list[tuple[int, int]], mark: float, t: float) -> int:
        """The way a request takes at time t, by what others took in that second."""
        k = self.plane.kernel
        at = self.plane.split_at[split]
        spec = self.net.splits[split]
        if spec.kind == "cache":
            second = min(int(t), self.plane.history.seconds - 1)
            hits, misses = (self.plane.history.column(f"cache/{spec.name}/{x}") for x in ("hits", "misses"))
            if second >= 0 and hits[second] + misses[second] > 0.0:
                return branches[0 if mark < hits[second] / (hits[second] + misses[second]) else 1][1]
        weights = self.plane.split_log.get(split, [])
        then = bisect_left(weights, t, key=lambda change: change[0]) - 1
        if then >= 0:
            return branches[pick([weights[then][1][way] for way, _ in branches], mark)][1]
        return branches[pick([k.split_weight[at + way] for way, _ in branches], mark)][1]

    def _enter(self, i: int, t: float, luck: Luck) -> tuple[float, int, float]:
        """Wait inside the pod, the branch taken, and the chance to get in at all."""
        k = self.plane.kernel
        node = self.net.nodes[i]
        branches, row = node.branches, self._row(t)
        if len(branches) == 1 and node.fallback < 0:
            g, first = branches[0]
            return self._group_wait(g, t, row, luck), first, self._let_in(branches, t, row)
        before = max(0, row - 4)  # admissions of a few steps: those of one are too few to divide
        flows = []
        for g, _ in branches:
            if k.group_trace[g] < 0:
                flows.append(1.0 if k.group_pods[g] else 0.0)
                continue
            entered = self._column(int(k.group_trace[g]))
            gained = max(0.0, entered[row] - (entered[before] if row > before else 0.0))
            flows.append(gained / max(1.0, self.ticks[row] - self.ticks[before]))  # steps differ in length
        total = math.fsum(flows)
        if total <= 0.0:
            if node.fallback >= 0:
                return 0.0, node.fallback, 1.0
            return 0.0, branches[-1][1], 0.0
        g, first = branches[pick(flows, luck.uniform() * total)]
        return self._group_wait(g, t, row, luck), first, self._let_in(branches, t, row)

    def _in_time(self, node: Node, start: float, t: float, wait: float, luck: Luck) -> float:
        """The wait of those who get a slot where servers drop whom nobody waits for (see `kernel.last_ticks`)."""
        scope = self.net.scopes[node.scope]
        if not scope.drops or wait <= 0.0:
            return wait
        late = pods = 0.0
        for g, _ in node.branches:
            base = f"service/{self.net.groups[g].label}/"
            column = self.plane.history.column(base + "late")
            second = min(int(t), len(column) - 1)
            if second >= 0:
                late += column[second]
                pods += self.plane.history.column(base + "pods")[second]
        if late * scope.timeout_s <= 4.0 * pods:
            return wait
        left = -math.log(1.0 - luck.uniform()) * pods / late
        return max(0.0, start + scope.timeout_s - t - left)

    def _let_in(self, branches: list[tuple[int, int]], t: float, row: int) -> float:
        """Which share of those who came to a service at time t got through it, time-outs aside.

        Whether there is room changes from step to step; what else fails there is taken by the second.
        """
        second = min(int(t), self.plane.history.seconds - 1)
        if second < 0:
            return 1.0
        came = refused = 0.0
        for g, _ in branches:
            one, other = self._at_door(g, row - 1, row)
            came, refused = came + one, refused + other
        passed = self._passed(branches, second)
        return passed * max(0.0, 1.0 - refused / came) if came > 0.0 else passed

    def _passed(self, branches: list[tuple[int, int]], second: int) -> float:
        """Which share of those for whom there was room in a second got through a service."""
        known = self.passed.get((branches[0][0], second))
        if known is not None:
            return known
        first, last = (
            bisect_right(self.ticks, (second + more) / self.plane.kernel.dt - 1e-6) - 1 for more in (0, 1)
        )
        asked = refused = 0.0
        for g, _ in branches:
            base = f"service/{self.net.groups[g].label}/"
            full = self._at_door(g, first, last)[1]
            asked += self.plane.history.column(base + "requests")[second] - full
            refused += self.plane.history.column(base + "rejected")[second] - full
            refused += self.plane.history.column(base + "errors")[second]
        found = min(1.0, max(0.0, 1.0 - refused / asked)) if asked > 1e-9 else 1.0
        self.passed[branches[0][0], second] = found
        return found

    def _at_door(self, g: int, before: int, row: int) -> tuple[float, float]:
        """Who came to a group between two rows of the record, and who of them found it full."""
        trace = int(self.plane.kernel.group_trace[g])
        if trace < 0:
            return 0.0, 0.0
        came, refused = self._column(trace + 4), self._column(trace + 5)
        if before < 0:
            return came[row], refused[row]
        return came[row] - came[before], refused[row] - refused[before]

    def _group_wait(self, g: int, t: float, row: int, luck: Luck) -> float:
        k = self.plane.kernel
        if k.group_station[g] < 0:
            return 0.0
        column = int(k.group_trace[g])
        spec = self.net.groups[g]
        then = self.plane.history.column(f"service/{spec.label}/pods")
        pods = then[min(int(t), len(then) - 1)] if then else float(k.group_pods[g])
        slots = max(1.0, spec.limit_per_pod * pods)
        hold = self._column(column + 2)[row]
        if hold > 0.0 and hold * codes.BRISK < k.dt and self._column(column + 1)[row] < 0.5:
            table = self.plane.busy_table(g, max(1, int(pods)))
            return self._brisk_wait(column, row, luck, table, slots, spec.limit_per_pod, hold)
        if spec.order == "lifo":
            return self._lifo_wait(g, column, row, luck, slots, spec.limit_per_pod)
        if spec.order == "codel":
            return self._codel_wait(g, t, row, slots, luck)
        calm = self._column(column + 3)[row]  # a queue that never runs empty is no matter of chance
        chance = calm >= 1.0 or luck.uniform() < calm
        wait = self._wait(column, row, luck, int(chance), slots, spec.limit_per_pod)[0]
        each = self._column(column + 1)[row] * spec.limit_per_pod / slots
        if wait <= 0.0 or (chance and each < LONG_QUEUE * spec.limit_per_pod):
            return wait
        return wait * max(0.0, 1.0 + self._uneven(g, each) * NORMAL.inv_cdf(max(1e-9, luck.uniform())))

    def _uneven(self, g: int, each: float) -> float:
        """Standard deviation of the wait behind `each` others in a pod's long queue, as a share of it.

        How long those ahead take is a sum of as many times; and of several pods that stand full one has more
        in its queue than another, by as much as there is room on average (see `kernel.fitting`).
        """
        spec = self.net.groups[g]
        variance = (2.0 * self.plane.spreads.get(g, 1.0) - 1.0) / each
        room = max(0.0, spec.queue_per_pod - each)
        if self.plane.kernel.group_pods[g] > 1 and room < 0.5 * spec.queue_per_pod:
            variance += room * room / (each * each)
        return math.sqrt(max(0.0, variance))

    def _codel_wait(self, g: int, t: float, row: int, slots: float, luck: Luck) -> float:
        """Who waits longer than the target is dropped: in overload waits are exponential from there down.

        Their mean below the target is one over the rate of those a pod drops.
        """
        spec = self.net.groups[g]
        column = self.plane.history.column(f"service/{spec.label}/shed")
        second = min(int(t), len(column) - 1)
        trace = int(self.plane.kernel.group_trace[g])
        if second < 0 or column[second] * spec.limit_per_pod <= slots:  # less than one a pod and second
            wait = self._wait(trace, row, luck, 1, slots, spec.limit_per_pod)[0]
            return min(wait, 2 * spec.target_s)
        wait = self._wait(trace, row, luck, 0, slots, spec.limit_per_pod)[0]
        below = -math.log(1.0 - luck.uniform()) * slots / spec.limit_per_pod / column[second]
        return max(0.0, min(wait, spec.target_s) - below)

    def _lifo_wait(self, g: int, column: int, row: int, luck: Luck, slots: float, servers: int) -> float:
        """Wait where the newest is served first, of those who are served at all.

        Whoever finds all slots busy waits until all who came later have gone: a busy period. Of an overloaded
        station the busy periods that end are those of one with its rates changed over.
        """
        queue = self._column(column + 1)
        if queue[row] <= 1e-9:
            return 0.0
        dt = self.plane.kernel.dt
        before = max(0, row - 40)
        grown = (queue[row] - queue[before]) / max(1.0, self.ticks[row] - self.ticks[before]) / dt
        pods = max(1.0, slots / servers)
        coming = (self._rate(column, row) + grown) / pods  # who has been served or shed, and who waits
        most = self._capacity(g, self.ticks[row] * dt, slots) / pods
        chance = 1.0
        if coming < most:
            chance = chance_to_wait(max(1, min(servers, round(slots))), float(f"{queue[row] / pods:.2g}"))
        if most <= 0.0 or luck.uniform() >= chance:
            return 0.0
        return busy_period(min(coming, most), max(coming, most), luck)

    def _capacity(self, g: int, t: float, slots: float) -> float:
        """Requests a second that a group's slots can serve, by how long they were held in the second of time t."""
        base = f"service/{self.net.groups[g].label}/"
        column = self.plane.history.column
        second = min(int(t), self.plane.history.seconds - 1)
        if second < 0 or column(base + "in_flight_s")[second] <= 0.0:
            return 0.0
        entered = column(base + "requests")[second] - column(base + "rejected")[second]
        return slots * entered / column(base + "in_flight_s")[second]

    def _brisk_wait(
        self,
        column: int,
        row: int,
        luck: Luck,
        table: tuple[float, ...],
        slots: float,
        servers: int,
        hold: float,
    ) -> float:
        """Wait at a station that turns over within a step: the stationary one at its present load."""
        rate = self._rate(column, row)
        busy = min(0.995, rate * hold / slots)
        step = int(busy * codes.GRID / codes.NEAR)  # content is at least what is busy
        while step < codes.GRID - 1 and table[step] < busy:
            step += 1
        low, high = table[step - 1] if step else 0.0, table[step]
        part = (busy - low) / (high - low) if high > low else 0.0
        content = (step - 1 + part) * codes.NEAR / codes.GRID
        queue = max(0.0, content - busy) * slots
        if queue <= 1e-6 or rate <= 0.0:
            return 0.0
        chance = chance_to_wait(
            max(1, min(servers, round(slots))), float(f"{queue * min(1.0, servers / slots):.2g}")
        )
        u = luck.uniform()
        return -queue / rate / chance * math.log(u / chance) if 0.0 < u < chance else 0.0

    def _wait(
        self, column: int, row: int, luck: Luck, table: int, slots: float, servers: int
    ) -> tuple[float, int]:
        """Wait in a queue when joining in the step of `row`; and the row at its end.

        In overload everybody waits as long as those before: by the curves of admissions and queue. Else
        the mean wait falls on a few by chance, exponentially.
        """
        queue = self._column(column + 1)
        if queue[row] <= 1e-9:
            return 0.0, row
        admitted = self._column(column)
        target = admitted[row] + queue[row]
        at = bisect_left(admitted, target, row)
        k = self.plane.kernel
        if at >= len(admitted):
            rate = self._rate(column, row)
            wait = (target - admitted[-1]) / rate if rate > 0 else 1e6
            at = len(admitted) - 1
            wait += (self.ticks[at] - self.ticks[row]) * k.dt
        else:
            gained = admitted[at] - admitted[at - 1] if at > 0 else 0.0
            part = (target - admitted[at - 1]) / gained if gained > 0 else 1.0
            wait = max(
                0.0, (self.ticks[at - 1] - self.ticks[row]) + part * (self.ticks[at] - self.ticks[at - 1])
            )
            wait *= k.dt
        if table:
            rate = self._rate(column, row)
            each = queue[row] * min(1.0, servers / slots)
            chance = chance_to_wait(max(1, min(servers, round(slots))), float(f"{each:.2g}"))
            if chance < STEADY_QUEUE and each < LONG_QUEUE * min(servers, slots) and rate > 0.0:
                mean = queue[row] / rate
                u = luck.uniform()
                return (-mean / chance * math.log(u / chance) if 0.0 < u < chance else 0.0), row
        return wait, at

    def _rate(self, column: int, row: int) -> float:
        """Admissions a second in the steps up to a row."""
        admitted = self._column(column)
        before = max(0, row - RATE_ROWS)
        ticks = self.ticks[row] - self.ticks[before]
        return (admitted[row] - admitted[before]) / max(1.0, ticks) / self.plane.kernel.dt

    def _query(self, i: int, t: float, luck: Luck) -> tuple[float, float]:
        """Wait for a connection when joining at time t, and how long the query takes afterwards."""
        k = self.plane.kernel
        p = int(k.pool_of[i])
        row = self._row(t)
        column = 1 + 2 * p
        wait = 0.0
        mean_s = self.net.nodes[i].mean_s
        if not k.pool_virtual[p]:
            limit = float(k.pool_limit[p])
            cores = self.net.databases[self.net.pools[p].database].cores
            if limit <= cores and mean_s * codes.BRISK < k.dt and self._column(column + 1)[row] < 0.5:
                table = stations.table(int(limit), None, 1.0, 1)
                wait = self._brisk_wait(column, row, luck, table, limit, int(limit), mean_s)
            else:
                wait, row = self._wait(column, row, luck, int(k.pool_table[p]), limit, int(limit))
                wait = min(wait, self.net.pools[p].acquire_timeout_s)  # who waits longer is not served
        return wait, mean_s * self._slowed(p, row, luck)

    def _slowed(self, p: int, row: int, luck: Luck) -> float:
        """How many times its mean alone a query takes that begins in the step of a row.

        Whoever finds more others there takes longer; where all connections are in use their number is what it is.
        """
        k = self.plane.kernel
        d = int(k.pool_database[p])
        slow = self._column(1 + 2 * self.pools + d)[row]
        alone = -math.log(1.0 - luck.uniform())
        cores, speed = self._cores(d, self.ticks[row] * k.dt)
        more = slow * speed - 1.0  # by how much sharing slows
        if d >= len(self.net.databases) or more < NOTICED or self._column(2 + 2 * p)[row] > 1e-9:
            return slow * alone
        likely, times = stations.shared_times(cores, 1.0 + float(f"{more:.2g}"))
        return slow * alone * times[min(bisect_left(likely, luck.mark(d)), len(times) - 1)]

    def _cores(self, d: int, t: float) -> tuple[int, float]:
        """Cores of a store at time t, and the speed of each."""
        for when, cores, speed in self.plane.cores_before.get(d, ()):
            if t < when:
                return cores, speed
        return int(self.plane.kernel.store_cores[d]), float(self.plane.kernel.store_speed[d])

    # -- one request, span by span

    def spans(self, start_s: float, index: int) -> list[Span]:
        """One request that starts at `start_s`, span by span."""
        self._refresh()
        found: list[Span] = [Span("client", self.spec.name, start_s, 0.0, None, -1)]
        if not self.rows:  # before the first step nobody has got anywhere
            return found
        luck = Luck(
            streams.key_of(self.plane.seed, "trace", self.spec.name, index), luck_of(self.key + index), index
        )
        end = self._trace(found, self.spec.first, start_s, 0, luck)
        root = found[0]
        late = end - root.start_s > self.spec.timeout_s
        failed = next((s.error for s in found if s.error), None)
        error = failed or ("504 gateway timeout" if late else None)
        found[0] = Span(root.service, root.name, root.start_s, end - root.start_s, error, -1)
        return found

    def _trace(self, found: list[Span], i: int, t: float, root: int, luck: Luck) -> float:
        """Spans from node `i` on, as children of span `root`; returns when they end."""
        nodes = self.net.nodes
        open_spans = [root]
        while i >= 0:
            node = nodes[i]
            parent = open_spans[-1]
            if node.kind == ENTER:
                refusal = self._refused(i, t, luck.uniform())
                found.append(Span(node.service, "handle", t, 0.0, refusal, parent))
                if refusal:
                    break
                open_spans.append(len(found) - 1)
                wait, i, _ = self._enter(i, t, luck)
                t += wait
                continue
            if node.kind == SPLIT:
                i = self._way(node.split, node.branches, luck.uniform(), t)
                continue
            took = 0.0
            if node.kind == WORK:
                took = self._work_s(i, t, luck)
                found.append(Span(node.service, "work", t, took, None, parent))
            elif node.kind == CALL:
                scope = self.net.scopes[node.scopes[0]]
                end = self._trace(found, scope.first, t, parent, luck)
                took = min(end - t, scope.timeout_s)
                if end - t > scope.timeout_s:
                    found.append(
                        Span(
                            node.service,
                            f"timed out after {scope.timeout_s * 1000:.0f} ms",
                            t,
                            took,
                            "timeout",
                            parent,
                        )
                    )
                    if not scope.optional:
                        return t + took
            elif node.kind == FORK:
                ends = [self._trace(found, self.net.scopes[s].first, t, parent, luck) for s in node.scopes]
                took = max(ends) - t
            else:
                wait, took = self._query(i, t, luck)
                took += wait
                if node.kind == QUERY:
                    name = self.net.pools[node.pool].name
                    found.append(Span(name, f"query (waited {wait * 1000:.0f} ms)", t, took, None, parent))
                else:
                    assert node.kind == CPU
                    found.append(Span(node.service, "cpu", t, took, None, parent))
            t += took
            for _ in node.release:
                if len(open_spans) > 1:
                    closing = open_spans.pop()
                    s = found[closing]
                    found[closing] = Span(s.service, s.name, s.start_s, t - s.start_s, s.error, s.parent)
            i = node.next
        return t

    def _refused(self, i: int, t: float, u: float) -> str | None:
        """Why a request would be refused at an ENTER node in the second of time t, by the run's shares."""
        second = int(t)
        asked = refused = failed = 0.0
        column = self.plane.history.column
        for g, _ in self.net.nodes[i].branches:
            group = self.net.groups[g]
            base = f"service/{group.label}/"
            requests = column(base + "requests")
            if second < len(requests):
                asked += requests[second]
                refused += column(base + "rejected")[second]
                failed += column(base + "errors")[second]
        if asked <= 0.0:
            return None
        bulkhead = self.net.groups[self.net.nodes[i].branches[0][0]].bulkhead
        if u < refused / asked:
            return f"503 Bulkhead '{bulkhead}' is full and does not permit further calls"
        if u < (refused + failed) / asked:
            service = self.net.nodes[i].service
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
