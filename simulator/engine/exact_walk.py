"""How the exact engine moves: its event loop, and the walk of an attempt from node to node.

Order of simultaneous events: (time, sequence).
"""

import heapq
from heapq import heappush

from simulator.engine.exact_callers import Callers
from simulator.engine.exact_parts import Attempt, Spot
from simulator.engine.exact_state import DROPPED, ENDED, ERROR, REJECTED, RESTS, SHED, WORK_DONE
from simulator.engine.network import CALL, ENTER, FORK, QUERY, SPLIT, WORK

STOPS = (ENTER, CALL, QUERY)  # where a request that nobody waits for may be dropped


class Walk(Callers):
    """Everything that happens by itself."""

    def advance(self, to_s: float) -> None:
        """Run every event up to and including `to_s`."""
        heap, ready, spots = self.heap, self.ready, self.spots
        pop = heapq.heappop
        handlers = (
            self._arrival,  # never: WORK_DONE is handled on the spot
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
                i = what.node
                if i >= 0:  # its pod may have died
                    node = spots[i]
                    for _ in range(node.releases):
                        self._release(what.path.pop())
                    self._walk(what, node.next)
            else:
                handlers[kind](what)
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
            self.turned[pods[self.turns % live].group if live else node.last_group] += 1
            self.turns += 1
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
