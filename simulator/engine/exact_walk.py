"""How the exact engine moves: its event loop, and the walk of an attempt from node to node.

Order of simultaneous events: (time, sequence). A slot that falls free passes to whoever waits at once; the
walk of that attempt goes on (`ready`) when the present one has come to rest, so that no chain of failures
nests. Control actions and readings are in exact.py.
"""

import heapq
import math
from collections import deque
from heapq import heappush

from simulator.engine.exact_parts import (
    Attempt,
    Breaker,
    Bucket,
    CacheRun,
    Clients,
    Clock,
    LinkRun,
    Luck,
    Pod,
    PoolRun,
    Spot,
    Store,
    Weighted,
    WorkerRun,
)
from simulator.engine.network import CALL, ENTER, FORK, QUERY, RESEND_S, SPLIT, WORK, Network
from simulator.engine.placement import Dns
from simulator.scenario import Cache, Scenario, Service, Worker

REJECTED, TIMEOUT, ERROR = 0, 1, 2
ENDED, RESTS, SHED, DROPPED = -1, -2, -3, -4  # where else than to a node a walk may lead
WORK_DONE, ARRIVAL, STORE, TIMEOUTS, RETRY, WORKER_TURN, CONNECTED, GIVE_UP, SECOND = range(9)
STOPS = (ENTER, CALL, QUERY)  # where a request that nobody waits for may be dropped
FULL_AGAIN = 0.9  # a pool that was exhausted counts as relieved below this share of its limit


class Walk:
    """The state of a run and everything that happens by itself."""

    def __init__(self, scenario: Scenario, network: Network, seed: int) -> None:
        self.network = network
        self.seed = seed
        self.luck = Luck(seed)
        self.now_s = 0.0
        self.second_s = 0.0  # when the present second began
        self.sequence = 0
        self.heap: list[tuple[float, int, int, object]] = []
        self.ready: deque[tuple[Attempt, int]] = deque()  # attempts that walk on now, and where
        self.alive: dict[Attempt, None] = {}  # every attempt that has not ended, in the order of starts
        self.changes: list[tuple[float, str, str]] = []
        self.latencies: dict[int, list[tuple[int, float]]] = {}  # by second: (class, seconds)
        self.rates = [0.0] * len(network.classes)
        self.arrival_due = [math.inf] * len(network.classes)
        self._init_pods(scenario)
        self._init_stores()
        self._init_scopes(scenario)
        self._init_splits(scenario)
        self._init_spots()
        self._clear()

    def _init_pods(self, scenario: Scenario) -> None:
        groups = self.network.groups
        self.services = sorted({g.service for g in groups})
        self.failing = dict.fromkeys(self.services, 0.0)
        self.all_pods: list[Pod] = []
        self.lines: dict[int, deque[Attempt]] = {}  # who waits in a pod, by its number
        self.cpus: dict[int, Store] = {}  # by the pod's number, once it has burnt CPU
        self.speeds = [1.0] * len(groups)
        self.frozen: list[list[tuple[float, Attempt]]] = [[] for _ in groups]  # work that stands still
        self.warmups = [scenario.component(g.service, Service).warmup for g in groups]
        self.uneven = False  # some pod has not always worked at speed 1
        self.busy = [0] * len(groups)  # slots held, in draining pods too
        self.queued = [0] * len(groups)
        self.pods: list[list[Pod]] = [[] for _ in groups]
        for g, spec in enumerate(groups):
            for _ in range(spec.pods):
                self.pods[g].append(self._new_pod(g))

    def _new_pod(self, g: int) -> Pod:
        warmup = self.warmups[g]
        warm_until_s = self.now_s + warmup.s if warmup and self.now_s > 0.0 else 0.0
        if warm_until_s > 0.0:
            self.uneven = True
        pod = Pod(len(self.all_pods), g, self.network.groups[g].limit_per_pod, self.now_s, warm_until_s)
        self.all_pods.append(pod)
        return pod

    def _init_stores(self) -> None:
        net = self.network
        self.pool_limits = [p.limit for p in net.pools]
        self.runs = [PoolRun(p.limit, p.open) for p in net.pools]
        self.stores = [
            Store(d.cores, n, d.max_connections - d.superuser_reserved) for n, d in enumerate(net.databases)
        ]
        self.members = [
            [run for run, p in zip(self.runs, net.pools, strict=True) if p.database == d]
            for d in range(len(net.databases))
        ]
        self.links = [LinkRun(spec) for spec in net.links]

    def _init_scopes(self, scenario: Scenario) -> None:
        self.clocks = [Clock(spec, self.changes) for spec in self.network.scopes]
        self.clients = len(self.network.classes)
        self.worker_names = [c.name for c in self.network.classes if c.worker]
        self.worker_classes = [c for c, spec in enumerate(self.network.classes) if spec.worker]
        workers: list[Worker] = [scenario.component(n, Worker) for n in self.worker_names]
        self.worker_rates = [w.rate for w in workers]
        self.jobs = [
            WorkerRun(Breaker(w.breaker, n, self.changes))
            for n, w in zip(self.worker_names, workers, strict=True)
        ]

    def _init_splits(self, scenario: Scenario) -> None:
        self.dns = Dns(scenario)
        self.splits: list[Weighted | Clients | CacheRun] = []
        for spec in self.network.splits:
            if spec.kind == "cache":
                cache = scenario.component(spec.name, Cache)
                self.splits.append(CacheRun(cache, scenario.keys[spec.keys]))
            elif spec.kind == "dns":
                self.splits.append(Clients(self.dns))
            else:
                self.splits.append(Weighted(spec.weights))

    def _init_spots(self) -> None:
        net = self.network
        limits = {limit.service: Bucket(limit.rps, limit.burst) for limit in net.limits}
        self.candidates: dict[tuple[int, ...], list[Pod]] = {}  # live pods by the groups of an ENTER
        self.spots = []
        for node in net.nodes:
            groups = tuple(g for g, _ in node.branches) if node.kind == ENTER else ()
            pods = self.candidates.setdefault(groups, [])
            limit = limits.get(node.service) if node.kind == ENTER else None
            spot = Spot(node, net.scopes[node.scope].drops, pods, limit)
            spot.resends = node.link >= 0 and node.mean_s == RESEND_S
            self.spots.append(spot)
        self._list_candidates()

    def _list_candidates(self) -> None:
        """After a change of pods: whom an ENTER may choose."""
        for groups, pods in self.candidates.items():
            pods[:] = [pod for g in groups for pod in self.pods[g]]

    def _clear(self) -> None:
        """Zero what is counted by the second."""
        net = self.network
        classes, groups, scopes = len(net.classes), len(net.groups), len(net.scopes)
        self.offered, self.ok, self.declined = [0.0] * classes, [0.0] * classes, [0.0] * classes
        self.failed = [0.0] * (classes * 3)
        self.entered, self.rejected, self.errors = [0.0] * groups, [0.0] * groups, [0.0] * groups
        self.shed, self.busy_area = [0.0] * groups, [0.0] * groups
        self.drained = [0.0] * len(self.jobs)
        self.queries, self.pool_timeouts = [0.0] * len(net.pools), [0.0] * len(net.pools)
        self.active_area = [0.0] * len(net.pools)
        self.scope_calls, self.scope_failed = [0.0] * scopes, [0.0] * scopes
        self.scope_retries = [0.0] * scopes
        self.split_taken = [[0.0] * len(s.weights) for s in net.splits]

    # -- events

    def _at(self, time: float, kind: int, what: object) -> None:
        self.sequence += 1
        heappush(self.heap, (time, self.sequence, kind, what))

    def advance(self, to_s: float) -> None:
        """Run every event up to and including `to_s`."""
        heap, ready, spots = self.heap, self.ready, self.spots
        pop = heapq.heappop
        handlers = (
            None,
            self._arrival,
            self._store_due,
            self._timeouts,
            self._retry,
            self._worker_turn,
            self._connected,
            self._give_up,
            self._second,
        )
        while heap[0][0] <= to_s:
            event = pop(heap)
            self.now_s = event[0]
            kind = event[2]
            what = event[3]
            if kind == WORK_DONE:
                i = what.node  # type: ignore[attr-defined]
                if i >= 0:  # its pod may have died
                    node = spots[i]
                    for _ in range(node.releases):
                        self._release(what.path.pop())  # type: ignore[attr-defined]
                    self._walk(what, node.next)  # type: ignore[arg-type]
            else:
                handlers[kind](what)  # type: ignore[misc, arg-type]
            while ready:
                r, i = ready.popleft()
                if r.node >= 0:
                    self._walk(r, i)
        self.now_s = to_s

    def _settle(self) -> None:
        """Let everybody walk on whom a control action has set free."""
        ready = self.ready
        while ready:
            r, i = ready.popleft()
            if r.node >= 0:
                self._walk(r, i)

    def _second(self, _what: object) -> None:
        raise NotImplementedError  # the readings' affair

    # -- clients

    def _arrival(self, what: object) -> None:
        assert isinstance(what, int)
        now = self.now_s
        if now != self.arrival_due[what]:
            return  # the rate has changed since
        due = self.arrival_due[what] = now + self.luck.exponential(1.0 / self.rates[what])
        self.sequence += 1
        heappush(self.heap, (due, self.sequence, ARRIVAL, what))
        self.offered[what] += 1
        self._send(what, 1, None, None)

    def _draw_arrival(self, c: int) -> None:
        """The next arrival of a Poisson stream whose rate has just become what it is: it has no memory."""
        rate = self.rates[c]
        self.arrival_due[c] = self.now_s + self.luck.exponential(1.0 / rate) if rate > 0.0 else math.inf
        if rate > 0.0:
            self._at(self.arrival_due[c], ARRIVAL, c)

    def _send(self, s: int, number: int, parent: Attempt | None, home: Pod | None) -> Attempt:
        """Start an attempt of scope `s`: it walks as soon as the present one rests."""
        clock = self.clocks[s]
        first = clock.first
        now = self.now_s
        r = Attempt(s, now, number, parent, home, first)
        self.alive[r] = None
        self.scope_calls[s] += 1
        if number > 1:
            self.scope_retries[s] += 1
        elif clock.budget is not None and parent is None:
            clock.budget.add(clock.ratio, now)
        if clock.timeout_s < math.inf:
            clock.waiting.append(r)
            if not clock.timer:
                clock.timer = True
                self._at(now + clock.timeout_s, TIMEOUTS, s)
        self.ready.append((r, first))
        return r

    def _timeouts(self, what: object) -> None:
        """The oldest attempts of a scope have waited long enough."""
        assert isinstance(what, int)
        clock = self.clocks[what]
        timeout = clock.timeout_s
        waiting, now = clock.waiting, self.now_s
        while waiting:
            r = waiting[0]
            if not r.gone and r.node >= 0:
                if r.start + timeout > now:
                    self._at(r.start + timeout, TIMEOUTS, what)
                    return
                r.gone = True
                self._failure(r, TIMEOUT)
            waiting.popleft()
        clock.timer = False

    def _retry(self, what: object) -> None:
        assert isinstance(what, tuple)
        parent, s, number = what
        if parent is None:
            self.offered[s] += 1
            self._send(s, number, None, None)
        elif parent.node == self.clocks[s].owner:
            if self.network.scopes[s].drops and self._abandoned(parent):
                self._drop(parent)
            else:
                self._try(s, number, parent)

    # -- the walk

    def _walk(self, r: Attempt, i: int) -> None:
        """Move an attempt to node `i`, and on until it has to wait for time, a slot or others."""
        spots = self.spots
        while i >= 0:
            node = spots[i]
            kind = node.kind
            r.node = i
            if kind == WORK:
                seconds = self.luck.erlang(node.shape, node.mean_s)
                if node.link >= 0 or (self.uneven and node.group >= 0):
                    self._uneven_work(r, node, seconds)
                    return
                self.sequence += 1
                heappush(self.heap, (self.now_s + seconds, self.sequence, WORK_DONE, r))
                return
            if node.drops and kind in STOPS and self._abandoned(r):
                self._drop(r)
                return
            if kind == ENTER:
                i = self._enter(r, node)
            elif kind == QUERY:
                r.since = self.now_s
                self._check_out(node.pool, r)
                return
            elif kind == SPLIT:
                n = self.splits[node.split].way(self.luck, self.now_s)
                self.split_taken[node.split][n] += 1
                i = node.firsts[n]
            elif kind == CALL:
                self._try(node.scopes[0], 1, r)
                return
            elif kind == FORK:
                r.pending = len(node.scopes)
                home = r.path[-1] if r.path else r.home
                for s in node.scopes:
                    self._send(s, 1, r, home)
                return
            else:  # CPU
                self._burn(r, node)
                return
        if i == ENDED:
            self._finish(r)
        elif i == SHED:
            self._fail(r, REJECTED)
        elif i == DROPPED:
            self._drop(r)

    def _enter(self, r: Attempt, node: Spot) -> int:
        """The node that an attempt goes on to in the pod it finds; RESTS when it waits or has failed."""
        pods = node.candidates
        live = len(pods)
        if not live and node.fallback >= 0:
            return node.fallback
        if node.limit is not None and not node.limit.take(self.now_s):
            self.rejected[node.last_group] += 1
            self._fail(r, REJECTED)
            return RESTS
        share = self.failing[node.service]
        if share > 0.0 and self.luck.uniform() < share:
            self.errors[node.last_group] += 1
            self._fail(r, ERROR)
            return RESTS
        if live > 1:  # two choices, with replacement, from one draw
            draw = int(self.luck.uniform() * live * live)
            pod = pods[draw // live]
            other = pods[draw % live]
            if other.busy < pod.busy:
                pod = other
        elif live:
            pod = pods[0]
        else:
            self.rejected[node.last_group] += 1
            self._fail(r, REJECTED)
            return RESTS
        if pod.busy >= pod.limit:
            self._line_up(r, pod)
            return RESTS
        g = pod.group
        pod.busy += 1
        self.busy[g] += 1
        self.busy_area[g] -= self.now_s - self.second_s
        self.entered[g] += 1
        r.path.append(pod)
        return node.first[g]

    def _line_up(self, r: Attempt, pod: Pod) -> None:
        """Every slot of the pod is taken: wait in it if its queue allows."""
        g = pod.group
        spec = self.network.groups[g]
        line = self.lines.get(pod.number)
        if line is None:
            line = self.lines[pod.number] = deque()
        if pod.queued >= spec.queue_per_pod:
            if spec.order != "lifo" or not line:
                self.rejected[g] += 1
                self._fail(r, REJECTED)
                return
            oldest = line.popleft()
            self.shed[g] += 1
            self.rejected[g] += 1
            line.append(r)
            r.since = self.now_s
            self._fail(oldest, REJECTED)
            return
        if not pod.queued:
            pod.stands_since_s = self.now_s
        line.append(r)
        pod.queued += 1
        self.queued[g] += 1
        r.since = self.now_s

    def _release(self, pod: Pod) -> None:
        """A slot of a pod falls free: it passes to who waits there, or back to the pod."""
        if pod.queued:
            r = self._next_in_line(pod)
            if r is not None:
                self.entered[pod.group] += 1
                r.path.append(pod)
                self.ready.append((r, self.spots[r.node].first[pod.group]))
                return
        pod.busy -= 1
        g = pod.group
        self.busy[g] -= 1
        self.busy_area[g] += self.now_s - self.second_s

    def _next_in_line(self, pod: Pod) -> Attempt | None:
        g = pod.group
        spec = self.network.groups[g]
        line = self.lines[pod.number]
        now = self.now_s
        order = spec.order
        patience = spec.target_s if now - pod.stands_since_s > spec.interval_s else spec.interval_s
        while line:
            r = line.pop() if order == "lifo" else line.popleft()
            pod.queued -= 1
            self.queued[g] -= 1
            if self.spots[r.node].drops and self._abandoned(r):
                self.ready.append((r, DROPPED))
            elif order == "codel" and now - r.since > patience:
                self.shed[g] += 1
                self.rejected[g] += 1
                self.ready.append((r, SHED))
            else:
                return r
        return None

    def _uneven_work(self, r: Attempt, node: Spot, seconds: float) -> None:
        """Work on a link, or in a pod that may not work at speed 1."""
        now = self.now_s
        if node.link >= 0:
            link = self.links[node.link]
            if not node.resends:
                seconds *= link.latency_s / node.mean_s
            if not link.up:
                link.held.append((seconds, r))
                return
        else:
            pod = r.path[-1] if r.path else r.home
            assert pod is not None
            if pod.warm_until_s > now:
                seconds *= self._warming(pod)
            speed = self.speeds[pod.group]
            if speed <= 0.0:
                self.frozen[pod.group].append((seconds, r))
                return
            seconds /= speed
        self._at(now + seconds, WORK_DONE, r)

    def _warming(self, pod: Pod) -> float:
        """How many times longer work takes that a new pod begins now."""
        warmup = self.warmups[pod.group]
        if warmup is None or self.now_s >= pod.warm_until_s:
            return 1.0
        return 1.0 + (warmup.factor - 1.0) * (pod.warm_until_s - self.now_s) / warmup.s

    def _burn(self, r: Attempt, node: Spot) -> None:
        """Work that shares the CPU of its pod."""
        pod = r.path[-1] if r.path else r.home
        assert pod is not None
        store = self.cpus.get(pod.number)
        if store is None:
            store = self.cpus[pod.number] = Store(self.network.groups[pod.group].cpu_limit, -1)
            store.speed = self.speeds[pod.group]
        work = self.luck.exponential(node.mean_s) * self._warming(pod)
        store.advance(self.now_s)
        self.sequence += 1
        heappush(store.jobs, (store.virtual + work, self.sequence, r))
        self._watch(store)

    def _after(self, r: Attempt) -> None:
        """A node that an attempt rested in is done: give back what ends with it, and walk on in a moment."""
        node = self.spots[r.node]
        for _ in range(node.releases):
            self._release(r.path.pop())
        self.ready.append((r, node.next))

    # -- stores and pools

    def _watch(self, store: Store) -> None:
        """After a change: have an event when the next job may be done (one that comes early asks again)."""
        due = store.share()
        if due < store.due:
            store.due = due
            self.sequence += 1
            heappush(self.heap, (due, self.sequence, STORE, store))

    def _store_due(self, what: object) -> None:
        assert isinstance(what, Store)
        store = what
        now = self.now_s
        if now != store.due:
            return  # stale
        store.due = math.inf
        if store.at + (store.jobs[0][0] - store.virtual) / store.rate > now:
            self._watch(store)
            return
        store.advance(now)
        r = heapq.heappop(store.jobs)[2]
        if store.database >= 0:
            self._check_in(self.spots[r.node].pool)
        self._watch(store)
        node = self.spots[r.node]
        for _ in range(node.releases):
            self._release(r.path.pop())
        self._walk(r, node.next)

    def _check_out(self, p: int, r: Attempt) -> None:
        run = self.runs[p]
        spec = self.network.pools[p]
        if spec.transient:
            if run.open < run.limit and self._slot_left(spec.database):
                run.open += 1
                self._query(p, r)
                self._watch(self.stores[spec.database])
            else:
                run.refused += 1
                self._no_connection(r)
            return
        if run.active < run.open:
            self._query(p, r)
            self._watch(self.stores[spec.database])
            return
        run.queue.append(r)
        if not run.timer and spec.acquire_timeout_s < math.inf:
            run.timer = True
            self._at(self.now_s + spec.acquire_timeout_s, GIVE_UP, p)
        self._connect(p)

    def _slot_left(self, d: int) -> bool:
        return sum([run.open for run in self.members[d]]) < self.stores[d].slots

    def _no_connection(self, r: Attempt) -> None:
        pod = r.path[-1] if r.path else r.home
        assert pod is not None
        self.errors[pod.group] += 1
        self._fail(r, ERROR)

    def _query(self, p: int, r: Attempt) -> None:
        """Take a connection and begin (the caller watches the store afterwards)."""
        run = self.runs[p]
        run.active += 1
        self.active_area[p] -= self.now_s - self.second_s
        if run.queue and run.active >= run.limit and run.full_s is None:
            run.full_s = self.now_s
        store = self.stores[self.network.pools[p].database]
        store.advance(self.now_s)
        work = self.luck.exponential(self.spots[r.node].mean_s)
        self.sequence += 1
        heappush(store.jobs, (store.virtual + work, self.sequence, r))

    def _check_in(self, p: int) -> None:
        """A query is done: its connection serves the next in the queue."""
        run = self.runs[p]
        self.queries[p] += 1
        self._connection_free(p)
        if run.queue:
            self._serve(p)

    def _connection_free(self, p: int) -> None:
        run = self.runs[p]
        run.active -= 1
        self.active_area[p] += self.now_s - self.second_s
        if run.full_s is not None and run.active < FULL_AGAIN * run.limit:
            run.full_s = None
        if self.network.pools[p].transient:
            run.open -= 1

    def _serve(self, p: int) -> None:
        """Free connections go to who waits (the caller watches the store afterwards)."""
        run = self.runs[p]
        while run.queue and run.active < run.open:
            r = run.queue.popleft()
            if self.spots[r.node].drops and self._abandoned(r):
                self._drop(r)
            else:
                self._query(p, r)

    def _connect(self, p: int) -> None:
        run = self.runs[p]
        if run.queue and not run.connecting and run.open < run.limit:
            run.connecting = True
            self._at(self.now_s + self.network.pools[p].connect_s, CONNECTED, p)

    def _connected(self, what: object) -> None:
        assert isinstance(what, int)
        run = self.runs[what]
        run.connecting = False
        d = self.network.pools[what].database
        if self._slot_left(d):
            run.open += 1
            self._serve(what)
            self._watch(self.stores[d])
        else:
            run.refused += 1
        self._connect(what)

    def _give_up(self, what: object) -> None:
        """Whoever waits longest for a connection has waited long enough."""
        assert isinstance(what, int)
        run, patience = self.runs[what], self.network.pools[what].acquire_timeout_s
        while run.queue:
            r = run.queue[0]
            if r.since + patience > self.now_s:
                self._at(r.since + patience, GIVE_UP, what)
                return
            run.queue.popleft()
            self.pool_timeouts[what] += 1
            self._no_connection(r)
        run.timer = False

    # -- ends

    def _finish(self, r: Attempt) -> None:
        """An attempt has walked to its end; whoever waits for it goes on."""
        r.node = -1
        del self.alive[r]
        if r.gone:
            return
        r.gone = True
        s = r.scope
        if s < self.clients:
            self._served(r)
            return
        clock = self.clocks[s]
        parent = r.parent
        assert parent is not None
        breaker = clock.breaker
        if parent.node != clock.owner:
            if breaker is not None:
                breaker.forgo(r.epoch)
            return
        if breaker is not None and r.epoch == breaker.epoch:
            breaker.result(True, self.now_s)
        if parent.pending > 1:
            parent.pending -= 1
        else:
            parent.pending = 0
            self._after(parent)

    def _served(self, r: Attempt) -> None:
        c = r.scope
        spec = self.network.classes[c]
        if spec.worker:
            w = self.worker_names.index(spec.worker)
            self.drained[w] += 1
            self.jobs[w].breaker.result(True, self.now_s)
            return
        if spec.decline > 0.0 and self.luck.uniform() < spec.decline:
            self.declined[c] += 1
            return
        self.ok[c] += 1
        now = self.now_s
        second = int(now)
        found = self.latencies.get(second)
        if found is None:
            found = self.latencies[second] = []
        found.append((c, now - r.start))

    def _end(self, r: Attempt) -> None:
        """An attempt ends before its time: it gives back what it holds."""
        r.node = -1
        r.gone = True
        del self.alive[r]
        path = r.path
        while path:
            self._release(path.pop())

    def _fail(self, r: Attempt, kind: int) -> None:
        waits = not r.gone
        self._end(r)
        if waits:
            self._failure(r, kind)

    def _failure(self, r: Attempt, kind: int) -> None:
        """Whoever waits for an attempt learns that it has failed or taken too long (once)."""
        s = r.scope
        if s < self.clients:
            self._client_failure(r, kind)
            return
        spec = self.network.scopes[s]
        clock = self.clocks[s]
        parent = r.parent
        assert parent is not None
        if parent.node != clock.owner:
            if clock.breaker is not None:
                clock.breaker.forgo(r.epoch)
            return
        self.scope_failed[s] += 1
        if clock.breaker is not None and r.epoch == clock.breaker.epoch:
            clock.breaker.result(False, self.now_s)
        if r.number <= spec.retries and not (spec.drops and self._abandoned(parent)) and self._may_retry(s):
            self._at(self.now_s + self._backoff(s, r.number), RETRY, (parent, s, r.number + 1))
            return
        self._call_failed(parent, s, kind)

    def _call_failed(self, parent: Attempt, s: int, kind: int) -> None:
        """A call has failed for good."""
        if self.network.scopes[s].optional:
            self._after(parent)
        else:
            self._fail(parent, ERROR if kind == TIMEOUT else kind)

    def _try(self, s: int, number: int, parent: Attempt) -> None:
        """An attempt of a call, if its breaker permits. Refused or not, a first one feeds the retry budget."""
        clock = self.clocks[s]
        breaker = clock.breaker
        if number == 1 and clock.budget is not None:
            clock.budget.add(clock.ratio, self.now_s)
        if breaker is None:
            self._send(s, number, parent, None)
        elif breaker.permits(self.now_s):
            self._send(s, number, parent, None).epoch = breaker.epoch
        else:
            self._call_failed(parent, s, ERROR)

    def _may_retry(self, s: int) -> bool:
        budget = self.clocks[s].budget
        return budget is None or budget.take(self.now_s)

    def _backoff(self, s: int, number: int) -> float:
        """Seconds between attempt `number` and the next."""
        spec = self.network.scopes[s]
        wait = spec.backoff_s * spec.backoff_factor ** (number - 1)
        return wait * (1.0 + spec.jitter * (2.0 * self.luck.uniform() - 1.0)) if spec.jitter > 0.0 else wait

    def _client_failure(self, r: Attempt, kind: int) -> None:
        c = r.scope
        spec = self.network.classes[c]
        self.scope_failed[c] += 1
        if spec.worker:
            w = self.worker_names.index(spec.worker)
            self.jobs[w].backlog += 1
            self.jobs[w].breaker.result(False, self.now_s)
            return
        self.failed[c * 3 + kind] += 1  # every attempt is a request of its own at the edge
        if r.number <= spec.retries and self._may_retry(c):
            self._at(self.now_s + self._backoff(c, r.number), RETRY, (None, c, r.number + 1))
        elif spec.parks_to:
            self.jobs[self.worker_names.index(spec.parks_to)].backlog += 1

    def _abandoned(self, r: Attempt) -> bool:
        """Whether somebody between an attempt and its client has left."""
        found: Attempt | None = r
        while found is not None:
            if found.gone:
                return True
            found = found.parent
        return False

    def _drop(self, r: Attempt) -> None:
        """End an attempt that is of no use, and those who wait for it up to the one that was left."""
        while True:
            waits = not r.gone
            self._end(r)
            parent = r.parent
            if not waits or parent is None:
                return
            breaker = self.clocks[r.scope].breaker
            if breaker is not None:
                breaker.forgo(r.epoch)
            if parent.node != self.clocks[r.scope].owner:
                return
            r = parent

    # -- retry workers

    def _worker_turn(self, what: object) -> None:
        assert isinstance(what, int)
        job = self.jobs[what]
        if self.now_s != job.due:
            return
        if job.backlog > 0 and job.breaker.permits(self.now_s):
            job.backlog -= 1
            self._send(self.worker_classes[what], 1, None, None)
        rate = self.worker_rates[what]
        job.due = self.now_s + 1.0 / rate if rate > 0.0 else math.inf
        if rate > 0.0:
            self._at(job.due, WORKER_TURN, what)
