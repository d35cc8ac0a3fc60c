"""The cohort engine behind the data-plane interface: drives a kernel second by second and reads it."""

import math
from array import array
from typing import Any

from simulator.engine import codes, stations, streams
from simulator.engine import kernel as kn
from simulator.engine.keys import CacheFill, shard_shares
from simulator.engine.layout import Layout, delay_weights, lengthen, put
from simulator.engine.network import (
    FORK,
    RESEND_S,
    WORK,
    Network,
    cache_looks,
    cached,
    limiter,
    retrying,
    routes,
    sharded,
)
from simulator.engine.placement import Dns, shares_of
from simulator.engine.plane import BREAKER_NAMES, Span
from simulator.engine.readings import Readings, Recorder, Second
from simulator.engine.tracers import DENSE, PER_SECOND, Tracers, WalkTimes
from simulator.scenario import Cache, KeySpace, Scenario, Service, Worker

BUSY_ENOUGH = 4.0  # standard deviations of free slots below which randomness makes some wait
TRACE_SECONDS = 8  # room for so many seconds is added to the trace at a time
FILL_TICKS = 1  # of a quick fill
WAYS_MOVED = 0.03  # of the reads of a cache below a fork, from which on the fork is looked at anew
FILLING_S = 10.0  # how long after a flush (or the start) a cache fills quickly
MIX_ROUNDS, MIX_STEP = 60, 0.15  # of the balance between pods of unlike speed
STRETCH = 64.0  # work that is slowed further goes by a slow clock
CHANGES_KEPT = (
    64  # of a store's cores: a copy that burns changes them each second, and nobody looks back further
)
MOST_SLOTS = 4096  # ticks that a ring of WORK keeps apart when it is made longer
CLEARED = (
    "offered", "ok", "declined", "failed", "entered", "rejected", "errors", "turned", "shed", "late", "drained", "query_count",
    "pool_timeouts", "group_busy_s", "pool_busy_s", "scope_calls", "scope_failed_count", "scope_retries",
    "split_taken",
)  # fmt: skip


Shape = tuple[int, int | None, float, int]  # servers, room, spread, pods: arguments of `stations.table`


def few(pods: int) -> int:
    """A number of pods whose table serves: each rollout wave would want its own."""
    return max((n for n in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64) if n <= pods), default=1)


def _shape(servers: int, room: int, spread: float, pods: int) -> Shape:
    """The arguments of `stations.table` that serve a station: near ones share a table."""
    return servers, stations.finite(servers, room), round(spread, 3), few(pods)


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
        self.specs = {n: c for n, c in scenario.components.items() if isinstance(c, Service)}
        self.recorder = Recorder(network)
        layout = Layout(scenario, network, self.services, self.worker_names)
        self.kernel: Any = layout.fill()
        self.ticks_per_second = round(1.0 / layout.dt)
        self.cpu_store = layout.cpu_store
        self.split_at = layout.split_at
        self.table_of: dict[Shape, int] = {}  # what a table is for -> where the kernel has it
        self.spreads: dict[int, float] = {}
        self.dns = Dns(scenario)
        self.caches: dict[int, CacheFill] = {}  # by split
        for index, split in enumerate(network.splits):
            if split.kind == "cache":
                cache = scenario.component(split.name, Cache)
                self.caches[index] = CacheFill(scenario.keys[split.keys], cache.ttl_s, cache.capacity)
        self.delays_before: dict[int, list[tuple[float, float]]] = {}  # by WORK node: (until, mean) of old
        self.cores_before: dict[
            int, list[tuple[float, int, float]]
        ] = {}  # by database: (until, cores, speed)
        # by split but caches: (time, weights from then on), for whoever walks through it later
        self.split_log: dict[int, list[tuple[float, list[float]]]] = {}
        self.filled: dict[int, float] = {}  # reads of a cache in this second that its contents know of
        self.filling_until_s = FILLING_S if self.caches else 0.0
        self.speeds = [1.0] * len(network.groups)
        self.paces = [
            1.0
        ] * self.kernel.clocks  # by clock: how fast work goes, the warm-up of its pods included
        self.running = list(self.paces)  # the same, a pause left out
        self.stretches = list(self.paces)  # by clock: how many times longer its delay tables are
        self.own_weights: dict[int, tuple[int, int]] = {}  # delay table -> (where, room) of one of its own
        self.own_work: dict[int, float] = {}  # group -> mean work by its own clock
        self.young: dict[int, list[tuple[float, int]]] = {}  # group -> [(born, pods)] still warming up
        self.speed_changes: dict[int, list[tuple[float, float]]] = {}  # by clock: (time, speed from then on)
        self.mixes: dict[int, list[tuple[float, list[tuple[float, float]]]]] = {}  # by group, see `_mix`
        self.breaker_names = [*self.worker_names, *(s.name for s in network.scopes if s.breaker)]
        self.lucky = [0] * len(self.breaker_names)  # by breaker: draws handed to the kernel so far
        self.changes_read: list[tuple[float, str, str]] = []  # what the kernel has noted, in names
        self.tracers: dict[tuple[str, int], Tracers] = {}
        self.failing_why: dict[str, str] = {}
        self.fork_ways: dict[int, float] | None = None  # share of hits by cache below a fork, as last looked
        put(self.kernel, "fork_extra_s", [0.0] * len(network.nodes))
        self._second_starts()

    @property
    def now_s(self) -> float:
        return float(self.kernel.tick * self.kernel.dt)

    # -- time

    def advance(self, to_s: float) -> None:
        """Run to `to_s` (a change between ticks takes effect at the next one).

        While nothing stirs, the engine may lag a few ticks behind until a long step is due.
        """
        k = self.kernel
        self._log_splits()
        self._room_for_trace()  # a copy comes without any
        target = int(to_s / k.dt + 1e-6)
        while k.tick < target:
            second = (k.tick // self.ticks_per_second + 1) * self.ticks_per_second
            until = min(second, target)
            filling = self.now_s < self.filling_until_s
            if filling:
                until = min(until, (k.tick // FILL_TICKS + 1) * FILL_TICKS)
            before = k.tick
            kn.run(k, until)
            if filling and k.tick % FILL_TICKS == 0:
                self._fill_quickly()
            if k.tick == second:
                self.recorder.record(self._second())
                self._second_starts()
            elif k.tick == before:
                return

    def _log_splits(self) -> None:
        """Note the weights of choices that have changed; what a cache holds is in the history."""
        for n, spec in enumerate(self.network.splits):
            if spec.kind == "cache":
                continue
            weights = self._way_shares(n)
            log = self.split_log.setdefault(n, [])
            if not log or log[-1][1] != weights:
                log.append((self.now_s if log else -1.0, weights))

    def _second_starts(self) -> None:
        """What is settled once a second: cache contents, DNS, warm-up, tables, room for the trace."""
        k = self.kernel
        self._hand_luck()
        for index, cache in self.caches.items():
            self._fill_cache(index, cache)
        self._fork_extras()
        if self.dns.moving(self.now_s):
            self._apply_dns()
        for g in list(self.young):
            self._warm(g)
        for g in range(len(self.network.groups)):
            if k.group_table[g] == 0 and k.group_loss[g] == 0 and k.group_pods[g]:
                self._attach_group(g)
        for d in range(k.stores):
            if k.store_table[d] == 0:
                self._attach_store(d)
        for p in range(len(self.network.pools)):
            if k.pool_table[p] == 0 and not k.pool_transient[p]:
                self._attach_pool(p)
        self._room_for_trace()
        if 3 * (k.change_count + 64) > len(k.changes):
            lengthen(k, "changes", len(k.changes))

    def _room_for_trace(self) -> None:
        k, rows = self.kernel, self.ticks_per_second + 1
        if (k.trace_used + rows) * k.trace_width > len(k.trace):
            lengthen(k, "trace", TRACE_SECONDS * rows * k.trace_width + len(k.trace) // 2)

    def _hand_luck(self) -> None:
        """The kernel draws no numbers: each breaker has those of its coming verdicts ready."""
        k = self.kernel
        for n, name in enumerate(self.breaker_names):
            while self.lucky[n] < k.breaker_turn[n] + codes.LUCK:
                key = streams.key_of(self.seed, "half-open", name, n)
                k.breaker_luck[n * codes.LUCK + self.lucky[n] % codes.LUCK] = streams.uniform(
                    key, self.lucky[n]
                )
                self.lucky[n] += 1

    def _fill_quickly(self) -> None:
        """Soon after a flush contents change within a second: caches move every few ticks."""
        k = self.kernel
        span = FILL_TICKS * k.dt
        for index, cache in self.caches.items():
            at = self.split_at[index]
            taken = k.split_taken[at] + k.split_taken[at + 1]
            rate = (taken - self.filled.get(index, 0.0)) / span
            cache.step(rate, span)
            self.filled[index] = taken
            self._set_hits(index, cache.coming_hit_ratio(rate, span))

    def _fill_cache(self, index: int, cache: CacheFill) -> None:
        """Move the contents on by the second that was, and set the ways of the next."""
        name = self.network.splits[index].name
        reads = self.history.last(f"cache/{name}/hits") + self.history.last(f"cache/{name}/misses")
        self.filled[index] = 0.0
        if self.now_s <= self.filling_until_s:
            return  # moved on already
        if self.history.seconds:
            cache.step(reads, 1.0)
        self._set_hits(index, cache.coming_hit_ratio(reads))

    def _set_hits(self, index: int, share: float) -> None:
        """The share of a cache's reads that find their key from now on."""
        at = self.split_at[index]
        self.kernel.split_weight[at], self.kernel.split_weight[at + 1] = share, 1.0 - share

    def _second(self) -> Second:
        k = self.kernel
        pools = len(self.network.pools)
        groups = range(len(self.network.groups))
        taken = list(k.split_taken)
        ends = [*self.split_at[1:], len(taken)] if self.split_at else []
        second = Second(
            list(k.offered),
            list(k.ok),
            list(k.declined),
            list(k.failed),
            list(k.entered),
            list(k.rejected),
            list(k.errors),
            list(k.drained),
            list(k.query_count)[:pools],
            list(k.pool_timeouts)[:pools],
            [k.group_busy[g] + k.group_draining[g] for g in groups],
            list(k.group_pods),
            list(k.pool_busy)[:pools],
            [k.pool_busy[p] if k.pool_transient[p] else k.pool_open[p] for p in range(pools)],
            list(k.queue_total)[:pools],
            [self._wait_s(p) for p in range(pools)],
            list(k.pool_refused)[:pools],
            list(k.pool_limit)[:pools],
            list(k.store_slow)[: len(self.network.databases)],
            list(k.worker_backlog),
            list(k.breaker_state)[: len(self.worker_names)],
            list(k.group_busy_s),
            list(k.pool_busy_s)[:pools],
            [k.queue_total[k.group_station[g]] if k.group_station[g] >= 0 else 0.0 for g in groups],
            list(k.shed),
            list(k.late),
            list(k.scope_calls),
            list(k.scope_failed_count),
            list(k.scope_retries),
            [k.breaker_state[b] if b >= 0 else codes.CLOSED for b in k.scope_breaker],
            [taken[a:b] for a, b in zip(self.split_at, ends, strict=True)],
            list(k.turned),
        )
        for name in CLEARED:
            setattr(k, name, kn.floats(len(getattr(k, name))))
        return second

    def _wait_s(self, p: int) -> float:
        """How long the oldest request in a pool's queue has waited."""
        k = self.kernel
        head = k.queue_head[p]
        return float((k.tick - k.q_tick[head]) * k.dt) if head >= 0 else 0.0

    # -- stationary tables, made when a station gets busy enough to need them

    def _attach_group(self, g: int) -> None:
        k = self.kernel
        spec = self.network.groups[g]
        inside = max(0.0, k.group_busy[g] / k.group_pods[g])
        if spec.limit_per_pod - inside > BUSY_ENOUGH * math.sqrt(inside):
            return
        if k.group_station[g] < 0:
            if k.group_pods[g] == 1:
                k.group_loss[g] = self._copied(
                    (spec.limit_per_pod, 0, 0.0, 0), stations.loss_table(spec.limit_per_pod)
                )
            return
        if g not in self.spreads:
            self.spreads[g] = WalkTimes(self.network).spread(g)
            k.group_scatter[g] = 2.0 * self.spreads[g] - 1.0
        pods = int(k.group_pods[g])
        k.group_table[g] = self._copied(self._group_shape(g, pods), self.busy_table(g, pods))

    def _attach_store(self, d: int) -> None:
        k = self.kernel
        inside = sum(
            k.pool_busy[p] + k.queue_total[p] for p in range(k.pools) if k.pool_database[p] == d
        ) / max(k.store_units[d], 1.0)
        inside = max(0.0, inside)
        if d < len(self.network.databases):
            limits = [k.pool_limit[p] for p in range(k.pools) if k.pool_database[p] == d]
            if sum(limits) <= k.store_cores[d]:
                return  # never more at work than there are cores
        if k.store_cores[d] - inside > BUSY_ENOUGH * math.sqrt(inside):
            return
        shape = _shape(int(k.store_cores[d]), self._room(d), 1.0, int(k.store_units[d]))
        k.store_table[d] = self._copied(shape, stations.table(*shape))

    def _attach_pool(self, p: int) -> None:
        """A pool that is smaller than its store's cores is a station of its own."""
        k = self.kernel
        limit = int(k.pool_limit[p])
        inside = max(0.0, k.pool_busy[p] + k.queue_total[p])
        cores = self.network.databases[self.network.pools[p].database].cores
        if limit > cores or limit - inside > BUSY_ENOUGH * math.sqrt(inside):
            return
        briefest = min((n.mean_s for n in self.network.nodes if n.pool == p), default=0.0)
        if briefest * codes.BRISK >= k.dt:  # a brisker one turns over within a step, and its waits pass
            shape = _shape(limit, self._room(int(k.pool_database[p])), 1.0, 1)
            k.pool_table[p] = self._copied(shape, stations.table(*shape))

    def _room(self, d: int) -> int:
        """Requests that can be at a store at most: the slots of the pods that query it."""
        net, k = self.network, self.kernel
        groups = set()
        for i, node in enumerate(net.nodes):
            if k.pool_of[i] >= 0 and k.pool_database[k.pool_of[i]] == d and node.held:
                groups.add(node.held[-1])
        if d >= len(net.databases):
            return int(max(net.groups[g].limit_per_pod for g in groups)) if groups else 0
        return int(sum(net.groups[g].limit_per_pod * k.group_pods[g] for g in sorted(groups)))

    def busy_table(self, g: int, pods: int) -> tuple[float, ...]:
        """The stationary table of a group with so many pods (see `stations`)."""
        return stations.table(*self._group_shape(g, pods))

    def _group_shape(self, g: int, pods: int) -> Shape:
        """Requests choose among the pods of all versions in a data centre, so those share their luck."""
        k, spec = self.kernel, self.network.groups[g]
        others = [
            h
            for h, x in enumerate(self.network.groups)
            if h != g and (x.service, x.place) == (spec.service, spec.place)
        ]
        pods += sum(int(k.group_pods[h]) for h in others)
        queue = spec.queue_per_pod
        if spec.order == "codel":  # more than is served within its target does not wait for long
            queue = min(queue, math.ceil(spec.limit_per_pod * spec.target_s / k.group_hold_s[g]))
        return _shape(spec.limit_per_pod, spec.limit_per_pod + queue, self.spreads.get(g, 1.0), pods)

    def _copied(self, shape: Shape, values: tuple[float, ...]) -> int:
        """Where the kernel's copy of a table begins."""
        k = self.kernel
        at = self.table_of.get(shape)
        if at is None:
            at = self.table_of[shape] = len(k.table)
            put(k, "table", [*k.table, *values])
        return at

    def _drop_tables(self) -> None:
        """Pods or cores changed: stations get their tables anew."""
        k = self.kernel
        put(k, "group_table", [0] * len(k.group_table))
        put(k, "group_loss", [0] * len(k.group_loss))
        put(k, "store_table", [0] * len(k.store_table))
        put(k, "pool_table", [0] * len(k.pool_table))

    def _fork_extras(self) -> None:
        """What the spread of parallel branches adds to the wait for the slowest of them, as their ways are taken now.

        What a cache spares a branch changes with its contents: then it is found out anew.
        """
        if self.fork_ways is not None and not any(
            abs(self._way_shares(n)[0] - share) > WAYS_MOVED for n, share in self.fork_ways.items()
        ):
            return
        weights = [self._way_shares(n) for n in range(len(self.network.splits))]
        times = WalkTimes(self.network, weights)
        for i, node in enumerate(self.network.nodes):
            if node.kind == FORK:
                self.kernel.fork_extra_s[i] = times.fork_extra_s(i)
        self.fork_ways = {n: weights[n][0] for n in sorted(times.met) if n in self.caches}

    def _way_shares(self, split: int) -> list[float]:
        at = self.split_at[split]
        return list(self.kernel.split_weight[at : at + len(self.network.splits[split].weights)])

    # -- control

    def _sync(self) -> None:
        """Something is about to change: short steps from here on."""
        self.kernel.stirred = self.kernel.tick

    def set_rate(self, class_name: str, per_s: float) -> None:
        self.kernel.class_rate[self._class(class_name)] = float(per_s)

    def rate(self, class_name: str) -> float:
        """Fresh requests a second of a class, retries not counted."""
        return float(self.kernel.class_rate[self._class(class_name)])

    def _class(self, name: str) -> int:
        return [c.name for c in self.network.classes].index(name)

    def live_pods(self, group: int) -> int:
        return int(self.kernel.group_pods[group])

    def set_pods(self, service: str, version: str, pods: int, place: str = "") -> None:
        """Fewer pods: those removed drain what they hold, who waits in them is refused; more start empty."""
        for g, wanted in shares_of(self.network, service, version, pods, place):
            self._set_group(g, wanted)

    def _set_group(self, g: int, pods: int) -> None:
        k = self.kernel
        self._sync()
        before = int(k.group_pods[g])
        if pods < before:
            part = k.group_busy[g] * (before - pods) / before
            k.group_busy[g] -= part
            k.group_draining[g] += part
            refuse_waiting(k, g, (before - pods) / before)
        if before:  # new pods fill up at once, and give back accordingly
            k.group_flow[g] *= max(1.0, pods / before)
        else:
            k.group_flow[g] = pods * k.group_limit[g] * k.step_dt / k.group_hold_s[g]
            put(k, "group_lead", [-1.0] * len(k.group_lead))
        warmup = self.specs[self.network.groups[g].service].warmup
        if pods > before and warmup and self.now_s > 0:
            self.young.setdefault(g, []).append((self.now_s, pods - before))
        k.group_pods[g] = pods
        self._cpu_units(g)
        self._drop_tables()
        self._warm(g)

    def _cpu_units(self, g: int) -> None:
        store = self.cpu_store.get(g)
        if store is not None:
            self.kernel.store_units[store] = float(self.kernel.group_pods[g])

    def _warm(self, g: int) -> None:
        """The mean speed of a group's pods, those still warming up included."""
        pods = int(self.kernel.group_pods[g])
        warmup = self.specs[self.network.groups[g].service].warmup
        kept = []
        slow: list[tuple[int, float]] = []  # (pods, how many times longer work takes there)
        old = pods
        for born, count in self.young.get(g, []):
            age = self.now_s - born
            if warmup is not None and age < warmup.s and old > 0:
                slow.append((min(count, old), warmup.factor - (warmup.factor - 1.0) * age / warmup.s))
                old -= slow[-1][0]
                kept.append((born, count))
        self.young[g] = kept
        if not kept:
            self.young.pop(g)
        mean = 1.0
        if slow or self.mixes.get(g, [(0.0, [])])[-1][1]:
            mix = self._mix(g, [(old, 1.0), *slow]) if slow else []
            self.mixes.setdefault(g, []).append((self.now_s, mix))
            mean = 1.0 / math.fsum(share * factor for share, factor in mix) if mix else 1.0
        self._set_pace(g, self.speeds[g] * mean)
        if self.speeds[g] != self.speed_changes.get(g, [(0.0, 1.0)])[-1][1]:
            self.speed_changes.setdefault(g, []).append((self.now_s, self.speeds[g]))
        store = self.cpu_store.get(g)
        if store is not None:
            spec = self.network.groups[g].cpu_limit
            self.kernel.store_speed[store] = spec / self.kernel.store_cores[store] * self.paces[g]

    def _mix(self, g: int, parts: list[tuple[int, float]]) -> list[tuple[float, float]]:
        """(share of the requests, how many times longer they take), for pods of unlike speed.

        Slower pods have more in flight, so that two choices spare them, as `kernel.balance` has it.
        """
        k = self.kernel
        pods = sum(n for n, _ in parts)
        parts = [(n, factor) for n, factor in parts if n > 0]
        limit = float(k.group_limit[g])
        asked = float(k.group_busy[g]) * self.paces[g]
        shares = [n / pods for n, _ in parts]
        for _ in range(MIX_ROUNDS):
            loads = [
                min(limit, asked * share * factor / n)
                for share, (n, factor) in zip(shares, parts, strict=True)
            ]
            leads = leading(loads, limit, parts)
            for i, (n, factor) in enumerate(parts):
                if loads[i] >= limit:  # no more than it can do
                    wanted = n * limit / (asked * factor)
                else:
                    wanted = 0.0
                    for j, (m, _) in enumerate(parts):
                        wanted += (n / pods) * (m / pods) * (1.0 if i == j else 2.0 * leads[i][j])
                shares[i] += MIX_STEP * (wanted - shares[i])
            total = math.fsum(shares)
            shares = [share / total for share in shares]
        return [(share, factor) for share, (_, factor) in zip(shares, parts, strict=True)]

    def _set_pace(self, clock: int, pace: float) -> None:
        """Work by a clock goes at `pace` from now on: it takes longer, and what is under way is stretched.

        The clock itself runs on: a slow clock would give back what is done in lumps. It stands still in a
        pause only, and it is slow where work would have to be stretched beyond STRETCH.
        """
        k, before = self.kernel, self.paces[clock]
        if pace == before:
            return
        kn.short_steps(k)
        self.paces[clock] = pace
        if clock >= len(self.speeds):
            self.speed_changes.setdefault(clock, []).append((self.now_s, pace))
        stretch = self.stretches[clock]
        self._expect_back(clock, before, pace)
        if pace > 0.0:
            stretch = min(1.0 / pace, STRETCH)
        k.clock_speed[clock] = 1.0 if pace * STRETCH >= 1.0 else pace * STRETCH
        if stretch == self.stretches[clock]:
            return
        for i in range(k.nodes):
            if k.kind[i] == codes.WORK and k.clock_of[i] == clock:
                self._set_delay(i, float(k.mean_s[i]), stretch)
                self._stretch_future(i, stretch / self.stretches[clock])
        self.stretches[clock] = stretch

    def _expect_back(self, g: int, before: float, pace: float) -> None:
        """What a group whose pace changes gives back in a step from now on: admission counts on it.

        Else slots would stand empty after a pause until it has been learnt anew. `self.running` is the
        pace before a pause, the one that the kernel's mean hold is of.
        """
        k = self.kernel
        if before > 0.0:
            self.running[g] = before
        if g >= len(self.network.groups):
            return
        if pace <= 0.0:
            k.group_released[g] = k.group_flow[g] = 0.0
            return
        hold = float(k.group_hold_s[g])
        own = min(hold, self._own_s(g) / self.running[g])
        hold += own * self.running[g] / pace - own
        self.running[g] = pace
        k.group_hold_s[g] = hold
        k.group_released[g] = k.group_flow[g] = k.group_busy[g] * k.dt / hold
        k.group_before[g] = k.group_busy[g] + k.group_draining[g]

    def _own_s(self, g: int) -> float:
        """How much of the time that a group's slots are held is work by its own clock."""
        if g not in self.own_work:
            self.own_work[g] = WalkTimes(self.network).own_s(g)
        return self.own_work[g]

    def _stretch_future(self, i: int, ratio: float) -> None:
        """What is under way in a WORK node takes `ratio` times as long from now on.

        Slot m from the next one due stands for what is done m + 1 ticks from now, one tick earlier or
        later: a triangle, which is stretched and parted among the slots it lies between.
        """
        k = self.kernel
        width, ring = int(k.scope_cols[k.scope_of[i]]) + 1, int(k.ring[i])
        base, ranges = int(k.future_at[i]), int(k.range_at[i])
        due = int(k.clock_at[2 * k.clock_of[i]] + k.clock_at[2 * k.clock_of[i] + 1])
        cells = [0.0] * (ring * width)
        lows, highs = [codes.FAR] * ring, [-1] * ring
        for m in range(ring):
            source = (due + m) % ring
            at = base + source * width
            held = [(c, x) for c, x in enumerate(k.future[at : at + width]) if x > 0.0]
            for n, share in stretched(m, ratio, ring) if held else ():
                target = (due + n) % ring
                for column, x in held:
                    cells[target * width + column] += x * share
                lows[target] = min(lows[target], k.future_low[ranges + source])
                highs[target] = max(highs[target], k.future_high[ranges + source])
        for n, x in enumerate(cells):
            k.future[base + n] = x
        for n in range(ring):
            k.future_low[ranges + n], k.future_high[ranges + n] = lows[n], highs[n]

    def kill_pods(self, service: str, version: str, pods: int, place: str = "") -> None:
        """Pods die with everything in flight in them: those requests fail with an error."""
        k = self.kernel
        self._sync()
        for g in self.network.group_indices(service, version, place):
            if k.group_pods[g] <= 0 or pods <= 0:
                continue
            dead = min(pods, int(k.group_pods[g]))
            share = dead / k.group_pods[g]
            k.group_pods[g] -= dead
            pods -= dead
            kill_share(k, g, share)
            self._cpu_units(g)
        self._drop_tables()

    def set_speed(self, service: str, version: str, speed: float, place: str = "") -> None:
        """All pods of a version work at `speed` of their normal one; 0 is a pause."""
        self._sync()
        for g in self.network.group_indices(service, version, place):
            self.speeds[g] = speed
            self._warm(g)

    def set_failing(self, service: str, share: float, why: str) -> None:
        self._sync()
        self.kernel.service_failing[self.services.index(service)] = share
        self.failing_why[service] = why

    def set_pool_limit(self, database: str, pool: str, limit: int, opened: bool = False) -> None:
        """The limit of a pool; connections above a lower one are closed, busy ones as they come back.

        `opened`: all of them are open, as where each client fills its share when it starts.
        """
        self._sync()
        k = self.kernel
        for p, spec in enumerate(self.network.pools):
            if pool in (spec.name, spec.family):
                k.pool_limit[p] = float(limit)
                self.pool_limits[p] = limit
                if k.pool_transient[p] == 0 and (opened or k.pool_open[p] > limit):
                    k.pool_open[p] = float(limit)

    def set_cores(self, database: str, cores: float) -> None:
        """What a database (each of its shards) has of CPU now."""
        self._sync()
        k = self.kernel
        for d, spec in enumerate(self.network.databases):
            if database in (spec.name, spec.family):
                before = (self.now_s, int(k.store_cores[d]), float(k.store_speed[d]))
                known = self.cores_before.setdefault(d, [])
                known.append(before)
                del known[:-CHANGES_KEPT]
                spec.cores = cores
                k.store_cores[d] = max(1.0, math.ceil(cores - 1e-9))
                k.store_speed[d] = cores / k.store_cores[d]
        self._drop_tables()

    def set_worker_rate(self, worker: str, per_s: float) -> None:
        w = self.worker_names.index(worker)
        self.kernel.worker_rate[w] = self.worker_rates[w] = per_s

    def set_retries(self, caller: str, retries: int) -> None:
        """How often a client class, or whoever calls `service.endpoint`, tries again, at most as often as declared.

        Raises KeyError for an unknown one, ValueError for more than any of them declares.
        """
        self._sync()
        for s, spec in retrying(self.network, caller, retries):
            spec.retries = min(retries, spec.declared)
            self.kernel.scope_attempts[s] = min(spec.retries + 1, codes.MAX_ATTEMPTS + 1)

    def set_rate_limit(self, service: str, rps: float) -> None:
        """What a service's limiter lets through a second. Raises KeyError for a service without one."""
        self._sync()
        n = limiter(self.network, service)
        self.network.limits[n].rps = rps
        self.kernel.limit_rps[n] = rps

    def set_bulkhead(self, service: str, limit: int) -> None:
        """Concurrent requests each pod of a service admits."""
        self._sync()
        for g, group in enumerate(self.network.groups):
            if group.service == service:
                group.limit_per_pod = limit
                self.kernel.group_limit[g] = float(limit)
        self._drop_tables()

    def set_cache_ttl(self, cache: str, ttl_s: float) -> None:
        """How long an entry lives from now on. Raises KeyError when nothing reads the cache."""
        self._sync()
        found = [i for i, s in enumerate(self.network.splits) if s.kind == "cache" and s.name == cache]
        if not found:
            raise KeyError(cache)
        self.filling_until_s = math.floor(self.now_s) + FILLING_S
        for index in found:
            self.caches[index].ttl_s = ttl_s

    def set_cache_capacity(self, cache: str, capacity: int | None) -> None:
        """How many keys a cache has room for from now on. Raises KeyError when nothing reads it."""
        self._sync()
        found = cached(self.network, cache)
        self.filling_until_s = math.floor(self.now_s) + FILLING_S
        for index in found:
            self.caches[index].capacity = capacity

    def set_cache_delay(self, cache: str, op_s: float) -> None:
        """How long an operation of a cache takes from now on. Raises KeyError when nothing reads it."""
        self._sync()
        kn.short_steps(self.kernel)
        for i in cache_looks(self.network, cache):
            self.delays_before.setdefault(i, []).append((self.now_s, self.network.nodes[i].mean_s))
            self.network.nodes[i].mean_s = self.kernel.mean_s[i] = op_s
            self._set_delay(i, op_s, 1.0)

    def set_shard_weights(self, database: str, keys: str, weights: list[float]) -> None:
        """Shares of the queries by shard. Raises KeyError when none of a key space reach the database."""
        self._sync()
        for number in sharded(self.network, database, keys):
            self.network.splits[number].weights = list(weights)
            for way, weight in enumerate(weights):
                self.kernel.split_weight[self.split_at[number] + way] = weight

    def set_route(self, route: str, share: float) -> None:
        """`share` of the requests takes the new way of a route. Raises KeyError for an unknown one."""
        self._sync()
        for number in routes(self.network, route):
            self.kernel.split_weight[self.split_at[number]] = 1.0 - share
            self.kernel.split_weight[self.split_at[number] + 1] = share

    def set_link(self, source: str, target: str, *, latency_s: float, loss: float, up: bool) -> None:
        """One direction between two data centres. Raises KeyError when there is no such link."""
        self._sync()
        k, net = self.kernel, self.network
        found = [i for i, link in enumerate(net.links) if (link.source, link.target) == (source, target)]
        if not found:
            raise KeyError((source, target))
        for index in found:
            link = net.links[index]
            link.latency_s, link.loss, link.up = latency_s, loss, up
            self._set_pace(len(net.groups) + index, 1.0 if up else 0.0)
            for i, node in enumerate(net.nodes):
                if node.kind == WORK and node.link == index and node.mean_s not in (RESEND_S, latency_s):
                    self.delays_before.setdefault(i, []).append((self.now_s, node.mean_s))
                    node.mean_s = k.mean_s[i] = latency_s
                    self._set_delay(i, latency_s, 1.0)
        for number, split in enumerate(net.splits):
            if split.kind == "loss" and split.name == f"{source}-{target}":
                k.split_weight[self.split_at[number]] = 1.0 - loss
                k.split_weight[self.split_at[number] + 1] = loss

    def _set_delay(self, i: int, mean_s: float, stretch: float) -> None:
        """A WORK node takes another time from now on; what is under way keeps its own."""
        k, node = self.kernel, self.network.nodes[i]
        longest = 0
        for which, stride in enumerate((1, k.long_stride)):
            found = delay_weights(mean_s * stretch, node.shape, k.dt * stride, MOST_SLOTS // stride)
            found = [*found, 0.0] if len(found) == 1 else found
            self._put_weights(2 * i + which, found)
            longest = max(longest, len(found) * stride)
        if longest + 1 > k.ring[i]:
            self._longer_ring(i, -(-(longest + 1) // k.long_stride) * k.long_stride)

    def _put_weights(self, n: int, weights: list[float]) -> None:
        """Delay table `n` of the kernel from now on: where its last own one was, if there is room."""
        k = self.kernel
        at, room = self.own_weights.get(n, (0, 0))
        if len(weights) > room:
            at, room = len(k.weight), len(weights)
            self.own_weights[n] = at, room
            put(k, "weight", [*k.weight, *weights])
        k.weight_at[n], k.weight_size[n] = at, len(weights)
        for j, weight in enumerate(weights):
            k.weight[at + j] = weight

    def _longer_ring(self, i: int, size: int) -> None:
        """Move a node's future into a longer ring, slot by slot from the next one due."""
        k = self.kernel
        width = int(k.scope_cols[k.scope_of[i]]) + 1
        clock = int(k.clock_of[i])
        due = int(k.clock_at[2 * clock] + k.clock_at[2 * clock + 1])
        base, ranges, old = int(k.future_at[i]), int(k.range_at[i]), int(k.ring[i])
        begin, first = len(k.future), len(k.future_low)
        for name, more in (("future", size * width), ("future_low", size), ("future_high", size)):
            lengthen(k, name, more)
        future, low, high = k.future, k.future_low, k.future_high
        for slot in range(first, first + size):
            low[slot], high[slot] = codes.FAR, -1
        for step in range(old):
            source, target = (due + step) % old, (due + step) % size
            for column in range(width):
                future[begin + target * width + column] = future[base + source * width + column]
            low[first + target], high[first + target] = low[ranges + source], high[ranges + source]
        k.future_at[i], k.range_at[i], k.ring[i] = begin, first, size

    def set_dns(self, weights: dict[str, float]) -> None:
        """New weights of the data centres; clients follow within the TTL, some never."""
        self._sync()
        self.dns.change(self.now_s, weights)
        self._apply_dns()

    def set_dns_ttl(self, ttl_s: float) -> None:
        """How long clients keep an answer from now on."""
        self.dns.set_ttl(self.now_s, ttl_s)

    def clear_link(self, source: str, target: str) -> None:
        """Whatever is on its way over a link fails. Raises KeyError when there is no such link."""
        self._sync()
        k, links = self.kernel, self.network.links
        index = next((n for n, x in enumerate(links) if (x.source, x.target) == (source, target)), None)
        if index is None:
            raise KeyError((source, target))
        for i, node in enumerate(self.network.nodes):
            if node.kind == WORK and node.link == index:
                fail_node(k, i)

    def set_keys(self, name: str, space: KeySpace) -> None:
        """Which keys of a key space are hot from now on: shards and caches follow."""
        self._sync()
        for index, split in enumerate(self.network.splits):
            if split.keys != name:
                continue
            if split.kind == "cache":
                self.caches[index].asked_for(space)
                self.filling_until_s = math.floor(self.now_s) + FILLING_S
            elif split.kind == "shard":
                for way, share in enumerate(shard_shares(space, len(split.weights))):
                    self.kernel.split_weight[self.split_at[index] + way] = share

    def _apply_dns(self) -> None:
        for number, split in enumerate(self.network.splits):
            if split.kind == "dns":
                for way, share in enumerate(self.dns.shares(self.now_s)):
                    self.kernel.split_weight[self.split_at[number] + way] = share

    def flush_cache(self, cache: str, share: float = 1.0) -> None:
        """Empty a cache, or so much of it. Raises KeyError when nothing reads it."""
        self._sync()
        found = [i for i, s in enumerate(self.network.splits) if s.kind == "cache" and s.name == cache]
        if not found:
            raise KeyError(cache)
        self.filling_until_s = math.floor(self.now_s) + FILLING_S
        for index in found:
            self.filled[index] = self.kernel.split_taken[self.split_at[index]]
            self.filled[index] += self.kernel.split_taken[self.split_at[index] + 1]
            self.caches[index].flush(share)
            rate = self.history.last(f"cache/{cache}/hits") + self.history.last(f"cache/{cache}/misses")
            self._set_hits(index, self.caches[index].coming_hit_ratio(rate, FILL_TICKS * self.kernel.dt))

    # -- readings

    def pool_full_since(self, pool: str) -> float | None:
        since = self.kernel.pool_full_s[self.network.pool_index(pool)]
        return float(since) if since >= 0 else None

    def breaker_changes(self) -> list[tuple[float, str, str]]:
        k = self.kernel
        for n in range(len(self.changes_read), k.change_count):
            tick, breaker, state = k.changes[3 * n : 3 * n + 3]
            self.changes_read.append((float(tick * k.dt), self.breaker_names[breaker], BREAKER_NAMES[state]))
        return list(self.changes_read)

    def p99_series_ms(self, class_name: str, most: int | None = None) -> "array[float]":
        return self._tracer(class_name).p99_series_ms(most)

    def edge_p99_ms(self, class_name: str) -> float:
        return self._tracer(class_name).edge_p99_ms()

    def latency_s(self, class_name: str, from_s: float, to_s: float) -> tuple[float, float]:
        """(mean, p99) of successful requests that finished in the window, in seconds."""
        return self._tracer(class_name, PER_SECOND * DENSE).latency_s(from_s, to_s)

    def finished(self, class_name: str) -> list[tuple[float, float, float]]:
        """(finished at, latency in seconds, how many) of all successful requests so far."""
        return self._tracer(class_name).spread()

    def sample_request(self, class_name: str, start_s: float, index: int) -> list[Span]:
        return self._tracer(class_name).spans(start_s, index)

    def _tracer(self, class_name: str, per_second: int = PER_SECOND) -> Tracers:
        found = self.tracers.get((class_name, per_second))
        if found is None:
            found = self.tracers[class_name, per_second] = Tracers(self, class_name, per_second)
        return found

    def __getstate__(self) -> dict[str, object]:
        """Tracers are a view: they are rebuilt, never copied."""
        return {**self.__dict__, "tracers": {}}


def leading(loads: list[float], limit: float, parts: list[tuple[int, float]]) -> list[list[float]]:
    """By pairs of kinds of pods, (pods, how many times longer work takes): the chance that the first has less in flight."""
    pods = sum(n for n, _ in parts)
    columns = (
        loads,
        [limit - x for x in loads],
        [factor for _, factor in parts],
        [n / pods for n, _ in parts],
    )
    load, free, holds, shares = (array("d", x) if kn.COMPILED else list(x) for x in columns)
    sway = kn.floats(len(parts))
    kn.sways(sway, load, free, holds, shares, len(parts), pods)
    return [[kn.emptier(sway, load, free, j, m) for m in range(len(parts))] for j in range(len(parts))]


def stretched(m: int, ratio: float, ring: int) -> list[tuple[int, float]]:
    """Where the mass of slot `m` goes when everything takes `ratio` times as long: (slot, share)."""
    found: dict[int, float] = {}
    points = max(1, math.ceil(2.0 * ratio)) if ratio > 1.0 else 1
    for j in range(points):
        off = (2 * j + 1) / points - 1.0  # of a triangle from -1 to 1
        share = (1.0 - abs(off)) * 2.0 / (points + points % 2 / points) if points > 1 else 1.0
        ticks = (m + 1 + off) * ratio
        whole = int(ticks)
        for n, part in ((whole - 1, whole + 1 - ticks), (whole, ticks - whole)):
            slot = min(max(n, 0), ring - 1)
            found[slot] = found.get(slot, 0.0) + share * part
    return list(found.items())


def _waiting(k: Any, g: int, share: float, kind: int, everywhere: bool) -> None:
    """A share of those who wait for a slot of group `g` (or, everywhere, hold one) leave their queues."""
    for q in range(k.stations):
        inside = q == k.group_station[g]
        if not inside and not everywhere:
            continue
        e = k.queue_head[q]
        while e >= 0:
            following = k.q_next[e]
            i = k.q_node[e]
            if (inside or g in held_groups(k, i)) and k.q_mass[e] > 0.0:
                lost = k.q_mass[e] * share
                k.q_mass[e] -= lost
                k.queue_total[q] -= lost
                kn.fail(k, i, kn.entry_column(k, e), lost, kind)
                if inside:
                    (k.errors if kind == codes.ERROR else k.rejected)[g] += lost
                    k.group_admitted[g] += lost
            e = following


def held_groups(k: Any, i: int) -> list[int]:
    """Groups whose slots a request in node `i` holds, those of its callers included."""
    found: list[int] = []
    while i >= 0:
        found.extend(k.held[k.held_at[i] : k.held_at[i + 1]])
        i = int(k.scope_owner[k.scope_of[i]])
    return found


def refuse_waiting(k: Any, g: int, share: float) -> None:
    """Requests that wait inside removed pods are refused."""
    if k.group_station[g] >= 0:
        _waiting(k, g, share, codes.REJECTED, False)


def fail_node(k: Any, i: int) -> None:
    """Everything under way in a WORK node fails with an error."""
    width = int(k.scope_cols[k.scope_of[i]]) + 1
    for slot in range(k.ring[i]):
        for column in range(width):
            at = k.future_at[i] + slot * width + column
            lost = k.future[at]
            if lost > 0.0:
                k.future[at] = 0.0
                kn.fail(k, i, column, lost, codes.ERROR)


def kill_share(k: Any, g: int, share: float) -> None:
    """A share of everything that holds a slot of group `g`, or waits for one, fails with an error."""
    for i in range(k.nodes):
        if g not in list(k.held[k.held_at[i] : k.held_at[i + 1]]):
            continue  # an inner scope's server works on: its caller is what died
        s = int(k.scope_of[i])
        cols = int(k.scope_cols[s])
        if k.serving_row[i] >= 0:
            for column in range(cols + 1):
                lost = k.serving[k.serving_row[i] + column] * share
                if lost > 0.0:
                    k.serving[k.serving_row[i] + column] -= lost
                    if k.pool_of[i] >= 0:
                        k.pool_busy[k.pool_of[i]] -= lost
                    kn.fail(k, i, column, lost, codes.ERROR)
        if k.kind[i] == codes.WORK:
            for slot in range(k.ring[i]):
                for column in range(cols + 1):
                    at = k.future_at[i] + slot * (cols + 1) + column
                    lost = k.future[at] * share
                    if lost > 0.0:
                        k.future[at] -= lost
                        kn.fail(k, i, column, lost, codes.ERROR)
        elif k.kind[i] in (codes.CALL, codes.FORK):
            _orphan(k, i, cols, share)
    _waiting(k, g, share, codes.ERROR, True)


def _orphan(k: Any, i: int, cols: int, share: float) -> None:
    """Callers that die while they wait: they fail, and what they called works on for nobody."""
    child = int(k.child[k.child_at[i]])
    width = cols + 1
    for column in range(k.scope_cols[child] + 1):
        for mine in range(width):
            at = k.comp_at[child] + column * width + mine
            lost = k.comp[at] * share
            if lost > 0.0:
                k.comp[at] -= lost
                kn.fail(k, i, mine, lost, codes.ERROR)
    for slot in range(k.retry_size[child]):
        for mine in range(width):
            at = k.retry_column_at[child] + slot * width + mine
            lost = k.retry_columns[at] * share
            if lost > 0.0:
                k.retry_columns[at] -= lost
                kn.fail(k, i, mine, lost, codes.ERROR)
        for a in range(codes.ATTEMPTS):
            at = k.retry_at[child] + slot * codes.ATTEMPTS + a
            k.retry_total[child] -= k.retry_attempts[at] * share
            k.retry_attempts[at] *= 1.0 - share
    for j in range(k.child_at[i], k.child_at[i + 1]):
        s = int(k.child[j])
        moved = abandon(k, s, share)
        if k.kind[i] == codes.FORK:
            k.branch_left[s] += moved
            for column in range(k.scope_cols[s]):
                row = k.scope_row[s] + column
                for values in (k.fork_size, k.fork_joined, k.fork_failed, k.branch_done, k.branch_failed):
                    values[row] *= 1.0 - share


def abandon(k: Any, s: int, share: float) -> float:
    """A share of every attempt of a scope goes on as zombies: nobody waits for it. Returns its mass."""
    cols = int(k.scope_cols[s])
    moved = 0.0
    for j in range(k.scope_node_at[s], k.scope_node_at[s + 1]):
        i = int(k.scope_node[j])
        if k.serving_row[i] >= 0:
            moved += _to_zombies(k.serving, int(k.serving_row[i]), cols, share)
        if k.kind[i] == codes.WORK:
            for slot in range(k.ring[i]):
                moved += _to_zombies(k.future, int(k.future_at[i]) + slot * (cols + 1), cols, share)
        elif k.kind[i] in (codes.CALL, codes.FORK):
            child = int(k.child[k.child_at[i]])
            for column in range(k.scope_cols[child] + 1):
                moved += _to_zombies(k.comp, int(k.comp_at[child]) + column * (cols + 1), cols, share)
            for slot in range(k.retry_size[child]):
                at = int(k.retry_column_at[child]) + slot * (cols + 1)
                moved += _to_zombies(k.retry_columns, at, cols, share)
    for q in range(k.stations):
        e = k.queue_head[q]
        while e >= 0:
            following = k.q_next[e]
            if k.scope_of[k.q_node[e]] == s and k.q_bucket[e] >= k.scope_oldest[s]:
                part = k.q_mass[e] * share
                k.q_mass[e] -= part
                kn.insert_after(k, q, e, part)
                moved += part
            e = following
    return moved


def _to_zombies(values: Any, at: int, cols: int, share: float) -> float:
    """Move a share of a row's live columns to its last one."""
    moved = 0.0
    for column in range(cols):
        part = values[at + column] * share
        values[at + column] -= part
        moved += part
    values[at + cols] += moved
    return moved
