"""The exact engine: the same network event by event, request by request. The oracle of the cohort engine.

Order of simultaneous events: (time, sequence). Random draws come from one counter-based stream, so a run
is a function of scenario, seed and control actions. Classes that share no database with the scenario's
SLI are left out (they meet it only at stations with ample slots); `classes` names those simulated.
"""

import heapq
import math
from array import array
from collections import deque

from simulator.engine import streams
from simulator.engine.network import ENTER, QUERY, WORK, Network
from simulator.engine.plane import BREAKER_NAMES, Span
from simulator.engine.readings import Readings, Recorder, Second
from simulator.engine.tracers import WINDOW_S, weighted_quantile
from simulator.scenario import Scenario, Worker

REJECTED, TIMEOUT, ERROR = 0, 1, 2
CLOSED, HALF_OPEN, OPEN = 0, 1, 2


class Luck:
    """Draws in the order of events: number n of this engine's stream."""

    __slots__ = ("key", "n")

    def __init__(self, seed: int) -> None:
        self.key = streams.key_of(seed, "exact")
        self.n = 0

    def uniform(self) -> float:
        self.n += 1
        return streams.uniform(self.key, self.n)

    def exponential(self, mean: float) -> float:
        return -mean * math.log(1.0 - self.uniform())

    def erlang(self, shape: int, mean: float) -> float:
        product = 1.0
        for _ in range(shape):
            product *= 1.0 - self.uniform()
        return -mean / shape * math.log(product)


class Pod:
    """One pod: what it has in flight and who waits inside it."""

    __slots__ = ("busy", "group", "live", "waiting")

    def __init__(self, group: int) -> None:
        self.group = group
        self.busy = 0
        self.live = True
        self.waiting: deque[Request] = deque()


class Request:
    __slots__ = ("attempt", "cls", "gone", "node", "path", "since", "start")

    def __init__(self, cls: int, start: float, attempt: int) -> None:
        self.cls = cls
        self.start = start
        self.attempt = attempt
        self.gone = False  # its client has left, or it has failed
        self.node = -1
        self.path: list[Pod] = []  # pods held, outermost first
        self.since = 0.0


class Store:
    """A database under processor sharing: virtual time runs at min(1, cores/active)."""

    __slots__ = ("active", "at", "cores", "heap", "slots", "version", "virtual")

    def __init__(self, cores: float, slots: int) -> None:
        self.cores = cores
        self.slots = slots
        self.virtual = 0.0
        self.at = 0.0
        self.active = 0
        self.heap: list[tuple[float, int, Request]] = []
        self.version = 0

    def advance(self, now: float) -> None:
        if self.active:
            self.virtual += (now - self.at) * min(1.0, self.cores / self.active)
        self.at = now


class PoolRun:
    __slots__ = ("active", "connecting", "full_s", "limit", "open", "queue", "refused")

    def __init__(self, limit: int, opened: int) -> None:
        self.limit = limit
        self.open = opened
        self.active = 0
        self.connecting = False
        self.queue: deque[Request] = deque()
        self.refused = 0
        self.full_s: float | None = None  # since when every connection is busy and somebody waits


class WorkerRun:
    __slots__ = ("backlog", "bad", "due", "good", "ring", "sent", "state", "until")

    def __init__(self, window: int) -> None:
        self.backlog = 0
        self.state = CLOSED
        self.until = 0.0
        self.sent = 0
        self.good = 0
        self.bad = 0
        self.ring: deque[bool] = deque(maxlen=window)
        self.due = 0.0


class ExactPlane(Readings):
    """The data plane event by event."""

    def __init__(self, scenario: Scenario, network: Network, seed: int) -> None:
        self.network = network
        self.seed = seed
        self.luck = Luck(seed)
        self.recorder = Recorder(network)
        self.workers = {n: c for n, c in scenario.components.items() if isinstance(c, Worker)}
        self.worker_names = [c.name for c in network.classes if c.worker]
        self.pool_limits = [p.limit for p in network.pools]
        self.worker_rates = [self.workers[n].rate for n in self.worker_names]
        self.services = sorted({g.service for g in network.groups})
        self.failing = dict.fromkeys(self.services, 0.0)
        self.failing_why: dict[str, str] = {}
        coupled = network.coupled_classes(scenario.sli.traffic_class)
        self.classes = [network.classes[c].name for c in coupled]
        self.rates = [
            c.share * scenario.traffic.rps if i in coupled and not c.worker else 0.0
            for i, c in enumerate(network.classes)
        ]
        self.pods: list[list[Pod]] = [[Pod(g) for _ in range(s.pods)] for g, s in enumerate(network.groups)]
        self.draining: list[list[Pod]] = [[] for _ in network.groups]
        self.runs = [PoolRun(p.limit, p.open) for p in network.pools]
        self.stores = [Store(d.cores, d.max_connections - d.superuser_reserved) for d in network.databases]
        self.jobs = [WorkerRun(self.workers[n].breaker.window) for n in self.worker_names]
        self.changes: list[tuple[float, str, str]] = []
        self.latencies: dict[int, list[tuple[int, float]]] = {}  # by second: (class, latency)
        self.p99: dict[str, array[float]] = {}
        self.heap: list[tuple[float, int, int, object]] = []
        self.sequence = 0
        self.now_s = 0.0
        self._clear()
        for c, rate in enumerate(self.rates):
            if rate > 0:
                self._at(self.luck.exponential(1.0 / rate), ARRIVAL, c)
        for w in range(len(self.jobs)):
            self._at(0.0, WORKER_TURN, w)
        self._at(1.0, SECOND, None)

    def _clear(self) -> None:
        net = self.network
        classes, groups = len(net.classes), len(net.groups)
        self.offered, self.ok, self.declined = [0.0] * classes, [0.0] * classes, [0.0] * classes
        self.failed = [0.0] * (classes * 3)
        self.entered, self.rejected, self.errors = [0.0] * groups, [0.0] * groups, [0.0] * groups
        self.drained = [0.0] * len(self.jobs)
        self.queries, self.pool_timeouts = [0.0] * len(net.pools), [0.0] * len(net.pools)

    def _at(self, time: float, kind: int, what: object) -> None:
        self.sequence += 1
        heapq.heappush(self.heap, (time, self.sequence, kind, what))

    def advance(self, to_s: float) -> None:
        """Run every event up to and including `to_s`."""
        while True:
            next_event = self.heap[0][0] if self.heap else math.inf
            store, done_at = self._next_completion()
            if min(next_event, done_at) > to_s:
                break
            if store is not None and done_at <= next_event:
                self.now_s = max(self.now_s, done_at)
                self._complete(store)
                continue
            self.now_s, _, kind, what = heapq.heappop(self.heap)
            HANDLERS[kind](self, what)
        self.now_s = to_s

    def _next_completion(self) -> tuple[Store | None, float]:
        best: Store | None = None
        at = math.inf
        for store in self.stores:
            if store.heap:
                rate = min(1.0, store.cores / store.active)
                t = store.at + (store.heap[0][0] - store.virtual) / rate
                if t < at:
                    best, at = store, t
        return best, at

    # -- the walk of a request

    def _arrival(self, what: object) -> None:
        assert isinstance(what, int)
        c = what
        if self.rates[c] > 0:
            self.offered[c] += 1
            self._start(Request(c, self.now_s, 1))
            self._at(self.now_s + self.luck.exponential(1.0 / self.rates[c]), ARRIVAL, c)
        else:
            self._at(self.now_s + 1.0, ARRIVAL, c)

    def _start(self, r: Request) -> None:
        spec = self.network.classes[r.cls]
        self._at(self.now_s + spec.timeout_s, CLIENT_LEAVES, r)
        self._go(r, spec.first)

    def _retry(self, what: object) -> None:
        assert isinstance(what, tuple)
        self.offered[what[0]] += 1
        self._start(Request(what[0], self.now_s, what[1]))

    def _go(self, r: Request, i: int) -> None:
        """Move a request to node `i`, and on until it has to wait for time or a slot."""
        if i < 0:
            self._finish(r)
            return
        node = self.network.nodes[i]
        r.node = i
        if node.kind == WORK:
            self._at(self.now_s + self.luck.erlang(node.shape, node.mean_s), WORK_DONE, r)
        elif node.kind == QUERY:
            r.since = self.now_s
            self._check_out(node.pool, r)
        else:
            self._enter(r, i)

    def _enter(self, r: Request, i: int) -> None:
        node = self.network.nodes[i]
        candidates = [p for g, _ in node.branches for p in self.pods[g]]
        share = self.failing[node.service]
        if share > 0.0 and self.luck.uniform() < share:
            self.errors[node.branches[-1][0]] += 1
            self._fail(r, ERROR)
            return
        if not candidates:
            self.rejected[node.branches[-1][0]] += 1
            self._fail(r, REJECTED)
            return
        pod = candidates[int(self.luck.uniform() * len(candidates))]
        other = candidates[int(self.luck.uniform() * len(candidates))]
        if other.busy < pod.busy:
            pod = other
        group = self.network.groups[pod.group]
        if pod.busy < group.limit_per_pod:
            self._admit(r, pod)
        elif len(pod.waiting) < group.queue_per_pod:
            pod.waiting.append(r)
        else:
            self.rejected[pod.group] += 1
            self._fail(r, REJECTED)

    def _admit(self, r: Request, pod: Pod) -> None:
        pod.busy += 1
        self.entered[pod.group] += 1
        r.path.append(pod)
        for g, first in self.network.nodes[r.node].branches:
            if g == pod.group:
                self._go(r, first)
                return

    def _release(self, pod: Pod) -> None:
        pod.busy -= 1
        if not pod.live and pod.busy == 0 and pod in self.draining[pod.group]:
            self.draining[pod.group].remove(pod)
        while pod.live and pod.waiting and pod.busy < self.network.groups[pod.group].limit_per_pod:
            waiting = pod.waiting.popleft()
            self._admit(waiting, pod)

    def _leave_node(self, r: Request) -> None:
        node = self.network.nodes[r.node]
        for _ in node.release:
            self._release(r.path.pop())
        self._go(r, node.next)

    def _work_done(self, what: object) -> None:
        assert isinstance(what, Request)
        if what.node >= 0:
            self._leave_node(what)

    def _check_out(self, p: int, r: Request) -> None:
        run = self.runs[p]
        if self.network.pools[p].transient:
            self._connect_once(p, r)
            return
        if run.active < run.open:
            self._run_query(p, r)
            return
        run.queue.append(r)
        timeout = self.network.pools[p].acquire_timeout_s
        if timeout < math.inf:
            self._at(self.now_s + timeout, GIVE_UP, (p, r, r.node))
        self._connect(p)

    def _used(self, d: int) -> int:
        """Connection slots of a database that are taken."""
        return sum(x.open for q, x in enumerate(self.runs) if self.network.pools[q].database == d)

    def _connect_once(self, p: int, r: Request) -> None:
        """A connection for one query, if the database has a slot left."""
        run = self.runs[p]
        d = self.network.pools[p].database
        if run.open < run.limit and self._used(d) < self.stores[d].slots:
            run.open += 1
            self._run_query(p, r)
            return
        run.refused += 1
        self.errors[r.path[-1].group] += 1
        self._fail(r, ERROR)

    def _run_query(self, p: int, r: Request) -> None:
        run = self.runs[p]
        run.active += 1
        if run.active >= run.limit and run.full_s is None and run.queue:
            run.full_s = self.now_s
        store = self.stores[self.network.pools[p].database]
        store.advance(self.now_s)
        store.active += 1
        self.sequence += 1
        work = self.luck.exponential(self.network.nodes[r.node].mean_s)
        heapq.heappush(store.heap, (store.virtual + work, self.sequence, r))

    def _complete(self, store: Store) -> None:
        store.advance(self.now_s)
        _, _, r = heapq.heappop(store.heap)
        store.active -= 1
        p = self.network.nodes[r.node].pool
        self.queries[p] += 1
        run = self.runs[p]
        run.active -= 1
        if run.active < 0.9 * run.limit:
            run.full_s = None
        if self.network.pools[p].transient:
            run.open -= 1
        if run.queue and run.active < run.open:
            self._run_query(p, run.queue.popleft())
        self._leave_node(r)

    def _connect(self, p: int) -> None:
        run = self.runs[p]
        if run.queue and not run.connecting and run.open < run.limit:
            run.connecting = True
            self._at(self.now_s + self.network.pools[p].connect_s, CONNECTED, p)

    def _connected(self, what: object) -> None:
        assert isinstance(what, int)
        p = what
        run = self.runs[p]
        run.connecting = False
        d = self.network.pools[p].database
        if self._used(d) >= self.stores[d].slots:
            run.refused += 1
        else:
            run.open += 1
            if run.queue and run.active < run.open:
                self._run_query(p, run.queue.popleft())
        self._connect(p)

    def _give_up(self, what: object) -> None:
        assert isinstance(what, tuple)
        p, r, node = what
        if r.node == node and r in self.runs[p].queue:
            self.runs[p].queue.remove(r)
            self.pool_timeouts[p] += 1
            self.errors[r.path[-1].group] += 1
            self._fail(r, ERROR)

    def _fail(self, r: Request, kind: int) -> None:
        r.node = -1
        path, r.path = r.path, []
        for pod in reversed(path):
            self._release(pod)
        self._client_failure(r, kind)

    def _client_failure(self, r: Request, kind: int) -> None:
        """The client of a request learns of its failure (once)."""
        if r.gone:
            return
        r.gone = True
        spec = self.network.classes[r.cls]
        if spec.worker:
            w = self.worker_names.index(spec.worker)
            self.jobs[w].backlog += 1
            self._breaker_result(w, False)
            return
        self.failed[r.cls * 3 + kind] += 1  # every attempt is a request of its own at the edge
        if r.attempt <= spec.retries:
            self._at(self.now_s + spec.backoff_s, RETRY, (r.cls, r.attempt + 1))
            return
        if spec.parks_to:
            self.jobs[self.worker_names.index(spec.parks_to)].backlog += 1

    def _client_leaves(self, what: object) -> None:
        assert isinstance(what, Request)
        self._client_failure(what, TIMEOUT)

    def _finish(self, r: Request) -> None:
        if r.gone:
            return
        r.gone = True
        spec = self.network.classes[r.cls]
        if spec.worker:
            w = self.worker_names.index(spec.worker)
            self.drained[w] += 1
            self._breaker_result(w, True)
            return
        if spec.decline > 0.0 and self.luck.uniform() < spec.decline:
            self.declined[r.cls] += 1
            return
        self.ok[r.cls] += 1
        self.latencies.setdefault(int(self.now_s), []).append((r.cls, self.now_s - r.start))

    # -- the retry worker and its breaker

    def _worker_turn(self, what: object) -> None:
        assert isinstance(what, int)
        w = what
        job = self.jobs[w]
        if job.backlog > 0:
            breaker = self.workers[self.worker_names[w]].breaker
            if job.state == OPEN and self.now_s >= job.until:
                self._move(w, HALF_OPEN)
            if job.state == CLOSED or (job.state == HALF_OPEN and job.sent < breaker.half_open_calls):
                job.sent += 1
                job.backlog -= 1
                c = [x.name for x in self.network.classes].index(self.worker_names[w])
                self._start(Request(c, self.now_s, 1))
        self._at(self.now_s + 1.0 / self.worker_rates[w], WORKER_TURN, w)

    def _breaker_result(self, w: int, good: bool) -> None:
        job = self.jobs[w]
        spec = self.workers[self.worker_names[w]].breaker
        if job.state == CLOSED:
            job.ring.append(good)
            if len(job.ring) == spec.window and job.ring.count(False) >= spec.failure_rate * spec.window:
                self._move(w, OPEN)
        elif job.state == HALF_OPEN:
            job.good += good
            job.bad += not good
            if job.good + job.bad >= spec.half_open_calls:
                failed = job.bad >= spec.failure_rate * spec.half_open_calls
                self._move(w, OPEN if failed else CLOSED)

    def _move(self, w: int, state: int) -> None:
        job = self.jobs[w]
        job.state = state
        job.until = self.now_s + self.workers[self.worker_names[w]].breaker.open_s
        job.sent = job.good = job.bad = 0
        job.ring.clear()
        self.changes.append((self.now_s, self.worker_names[w], BREAKER_NAMES[state]))

    # -- recording

    def _second(self, _what: object) -> None:
        waits = [self.now_s - x.queue[0].since if x.queue else 0.0 for x in self.runs]
        in_flight = [
            float(sum(p.busy for p in self.pods[g]) + sum(p.busy for p in self.draining[g]))
            for g in range(len(self.pods))
        ]
        slow = [max(1.0, s.active / s.cores) for s in self.stores]
        self.recorder.record(
            Second(
                self.offered,
                self.ok,
                self.declined,
                self.failed,
                self.entered,
                self.rejected,
                self.errors,
                self.drained,
                self.queries,
                self.pool_timeouts,
                in_flight,
                [len(p) for p in self.pods],
                [float(x.active) for x in self.runs],
                [float(x.open) for x in self.runs],
                [float(len(x.queue)) for x in self.runs],
                waits,
                [float(x.refused) for x in self.runs],
                [float(x.limit) for x in self.runs],
                slow,
                [float(j.backlog) for j in self.jobs],
                [j.state for j in self.jobs],
            )
        )
        self._clear()
        self._at(self.now_s + 1.0, SECOND, None)

    def p99_series_ms(self, class_name: str) -> "array[float]":
        """p99 of successful requests over the trailing window, one value a finished second."""
        series = self.p99.setdefault(class_name, array("d"))
        c = [x.name for x in self.network.classes].index(class_name)
        for second in range(len(series), self.history.seconds):
            pairs = [
                (latency, 1.0)
                for s in range(max(0, second - WINDOW_S + 1), second + 1)
                for cls, latency in self.latencies.get(s, ())
                if cls == c
            ]
            series.append(weighted_quantile(pairs, 0.99) * 1000)
        return series

    def sample_request(self, class_name: str, start_s: float, index: int) -> list[Span]:
        """The exact engine keeps no traces: it is the oracle, not the engine of play."""
        return []

    def pool_full_since(self, pool: str) -> float | None:
        return self.runs[self.network.pool_index(pool)].full_s

    def breaker_changes(self) -> list[tuple[float, str, str]]:
        return list(self.changes)

    # -- control

    def live_pods(self, group: int) -> int:
        return len(self.pods[group])

    def set_rate(self, class_name: str, per_s: float) -> None:
        self.rates[[c.name for c in self.network.classes].index(class_name)] = per_s

    def set_pods(self, service: str, version: str, pods: int) -> None:
        g = self.network.group_index(service, version)
        while len(self.pods[g]) < pods:
            self.pods[g].append(Pod(g))
        while len(self.pods[g]) > pods:
            pod = self.pods[g].pop(0)
            pod.live = False
            for r in list(pod.waiting):
                self._fail(r, REJECTED)
            pod.waiting.clear()
            if pod.busy:
                self.draining[g].append(pod)

    def kill_pods(self, service: str, version: str, pods: int) -> None:
        g = self.network.group_index(service, version)
        for _ in range(min(pods, len(self.pods[g]))):
            pod = self.pods[g].pop()
            pod.live = False
            self._kill(pod)

    def _kill(self, pod: Pod) -> None:
        """Every request that holds a slot of the pod or waits in it fails; queries it runs are cancelled."""
        while pod.waiting:
            self._fail(pod.waiting.popleft(), ERROR)
        for p, run in enumerate(self.runs):
            for r in [r for r in run.queue if pod in r.path]:
                run.queue.remove(r)
                self._fail(r, ERROR)
            store = self.stores[self.network.pools[p].database]
            store.advance(self.now_s)
            doomed = [e for e in store.heap if pod in e[2].path and self.network.nodes[e[2].node].pool == p]
            for entry in doomed:
                store.heap.remove(entry)
                store.active -= 1
                run.active -= 1
                run.open -= self.network.pools[p].transient
                self._fail(entry[2], ERROR)
            heapq.heapify(store.heap)
        for _, _, kind, what in list(self.heap):
            if kind == WORK_DONE and isinstance(what, Request) and pod in what.path:
                self._fail(what, ERROR)

    def set_failing(self, service: str, share: float, why: str) -> None:
        self.failing[service] = share
        self.failing_why[service] = why

    def set_pool_limit(self, database: str, pool: str, limit: int) -> None:
        p = self.network.pool_index(pool)
        self.runs[p].limit = self.pool_limits[p] = limit
        self._connect(p)

    def set_worker_rate(self, worker: str, per_s: float) -> None:
        self.worker_rates[self.worker_names.index(worker)] = per_s


ARRIVAL, WORK_DONE, CLIENT_LEAVES, RETRY, WORKER_TURN, CONNECTED, GIVE_UP, SECOND = range(8)
HANDLERS = {
    ARRIVAL: ExactPlane._arrival,
    WORK_DONE: ExactPlane._work_done,
    CLIENT_LEAVES: ExactPlane._client_leaves,
    RETRY: ExactPlane._retry,
    WORKER_TURN: ExactPlane._worker_turn,
    CONNECTED: ExactPlane._connected,
    GIVE_UP: ExactPlane._give_up,
    SECOND: ExactPlane._second,
}
assert ENTER == 0
