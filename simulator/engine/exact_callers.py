"""Who starts attempts in the exact engine, and what becomes of them: clients, callers, branches, workers.

An attempt ends exactly once for whoever waits for it: done, failed or too late. What goes on after that is
of no consequence to them.
"""

import math
from heapq import heappush

from simulator.engine.exact_parts import Attempt, Pod
from simulator.engine.exact_state import ARRIVAL, ERROR, RETRY, TIMEOUT, TIMEOUTS, WORKER_TURN
from simulator.engine.exact_stations import Stations


class Callers(Stations):
    """Starts, time-outs, retries, ends."""

    # -- starts

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
