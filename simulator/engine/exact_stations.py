"""Where attempts of the exact engine wait and work: slots of pods, processor sharing, connections.

A slot that falls free passes to whoever waits for it at once; the walk of that attempt goes on (`ready`)
when the present one has come to rest, so that no chain of failures nests.
"""

import heapq
import math
from collections import deque
from heapq import heappush

from simulator.engine.exact_parts import Attempt, Pod, Spot, Store
from simulator.engine.exact_state import (
    CONNECTED,
    DROPPED,
    ERROR,
    GIVE_UP,
    REJECTED,
    SHED,
    STORE,
    WORK_DONE,
    State,
)

FULL_AGAIN = 0.9  # a pool that was exhausted counts as relieved below this share of its limit


class Stations(State):
    """Queues and servers."""

    def _fail(self, r: Attempt, kind: int) -> None:
        raise NotImplementedError  # the callers' affair, like the next

    def _drop(self, r: Attempt) -> None:
        raise NotImplementedError

    def _abandoned(self, r: Attempt) -> bool:
        raise NotImplementedError

    # -- pods

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
                self.late[g] += 1
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
        self._after(r)

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
        if self.network.pools[p].transient or run.open > run.limit:
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
