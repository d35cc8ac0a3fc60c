"""Lays a network out in the kernel's flat arrays: what the cohort engine starts from."""

import math
from array import array
from collections.abc import Sequence
from typing import Any

from simulator.engine import codes
from simulator.engine import kernel as kn
from simulator.engine.closed import sole_callers
from simulator.engine.network import CPU, ENTER, FORK, QUERY, SPLIT, WORK, Network
from simulator.engine.ticks import pace
from simulator.engine.tracers import WalkTimes, erlang_survival
from simulator.scenario import Scenario, Worker

WEIGHT_CUT = 1e-7  # a tail below this share of an arrival is put into the last tick kept
BUCKETS_PER_TIMEOUT = 25
LONGEST_WAIT_S = 120.0  # retries wait no longer
QUIET_S = 10.0  # so long after anything stirred, steps get longer
NO_TIMEOUT_S = 60.0  # how long a scope without any time-out above it keeps ages apart
ORDERS = {"fifo": codes.FIFO, "lifo": codes.LIFO, "codel": codes.CODEL}
STORED = (QUERY, CPU, FORK)


def put(k: Any, name: str, values: Sequence[float]) -> None:
    """Set one of the kernel's arrays."""
    if name in kn.FLOATS:
        setattr(k, name, array("d", values) if kn.COMPILED else [float(v) for v in values])
    else:
        setattr(k, name, array("q", values) if kn.COMPILED else list(values))


def lengthen(k: Any, name: str, more: int) -> None:
    """Add `more` zeros to one of the kernel's arrays, without a detour through Python numbers."""
    values = getattr(k, name)
    if kn.COMPILED:
        grown = array("d" if name in kn.FLOATS else "q", bytes(values))
        grown.frombytes(bytes(8 * more))
        setattr(k, name, grown)
    else:
        values.extend([0.0 if name in kn.FLOATS else 0] * more)


def rows(lists: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Ragged lists as (offsets, values)."""
    offsets, values = [0], list[int]()
    for row in lists:
        values.extend(row)
        offsets.append(len(values))
    return offsets, values or [0]


def erlang_cdf(shape: int, x: float) -> float:
    """P(Erlang(shape, rate 1) <= x)."""
    return 1.0 - erlang_survival(shape, x)


def delay_weights(mean_s: float, shape: int, dt_s: float, most: int = 1 << 30) -> list[float]:
    """Share of an arrival, uniform over its step, that is done 0, 1, 2, … steps later, `most` at most.

    Second differences of the integral of the Erlang distribution function; the mean is kept exactly.
    """
    rate = shape / mean_s

    def integral(x: float) -> float:
        return x - sum(erlang_cdf(n + 1, rate * x) for n in range(shape)) / rate if x > 0 else 0.0

    weights = []
    j = 0
    while True:
        low = integral((j - 1) * dt_s) if j else 0.0
        w = (integral((j + 1) * dt_s) - 2 * integral(j * dt_s) + low) / dt_s
        weights.append(w)
        if ((j + 1) * dt_s > mean_s and w < WEIGHT_CUT) or j + 1 >= most:
            break
        j += 1
    weights[0] += 1.0 - math.fsum(weights)
    return weights


def bucket_ticks(limit: int) -> int:
    """Ticks of a bucket for a time-out of `limit` ticks: even, so that its middle is a tick."""
    return max(2, 2 * (limit // (2 * BUCKETS_PER_TIMEOUT)))


class Layout:
    """Fills one kernel."""

    def __init__(
        self, scenario: Scenario, net: Network, services: list[str], worker_names: list[str]
    ) -> None:
        self.scenario = scenario
        self.net = net
        self.services = services
        self.worker_names = worker_names
        self.k: Any = kn.Kernel()
        times = WalkTimes(net)
        self.holds_s = [max(1e-5, times.mean_s(g)) for g in range(len(net.groups))]
        rates = {n: c.share * scenario.traffic.rps for n, c in scenario.traffic.classes.items()}
        self.dt, self.long_stride = pace(net, rates, self.holds_s)
        self.cpu_store: dict[int, int] = {}  # group -> store, for pods whose CPU is shared
        self.workers = {n: c for n, c in scenario.components.items() if isinstance(c, Worker)}

    def fill(self) -> Any:
        k, net = self.k, self.net
        k.dt = k.step_dt = self.dt
        k.stride, k.long_stride = 1, self.long_stride
        k.quiet_ticks = round(QUIET_S / self.dt)
        k.free_entry = -1
        k.nodes, k.groups = len(net.nodes), len(net.groups)
        k.services, k.scopes = len(self.services), len(net.scopes)
        k.limits, k.workers = len(net.limits), len(self.worker_names)
        self._scopes()
        self._stores()
        self._groups()
        self._nodes()
        self._work()
        self._policies()
        self._counts()
        return k

    # -- scopes: how their attempts are bucketed

    def _scopes(self) -> None:
        k, net = self.k, self.net
        width: list[int] = []
        ticks: list[int] = []
        waits: list[int] = []
        for spec in net.scopes:
            endless = spec.timeout_s == math.inf
            if not endless:
                limit = round(spec.timeout_s / self.dt)
                width.append(bucket_ticks(limit))
            elif spec.parent >= 0:
                limit = ticks[spec.parent] + 2 * width[spec.parent]
                width.append(width[spec.parent])
            else:
                limit = round(NO_TIMEOUT_S / self.dt)
                width.append(bucket_ticks(limit))
            ticks.append(max(1, limit))
            waits.append(int(endless))
        cols = [t // w + 3 + -(-self.long_stride // w) for t, w in zip(ticks, width, strict=True)]
        put(k, "scope_kind", [self._scope_kind(i) for i in range(len(net.scopes))])
        put(k, "scope_class", [s.cls for s in net.scopes])
        put(k, "scope_owner", [s.owner for s in net.scopes])
        put(k, "scope_parent", [s.parent for s in net.scopes])
        put(k, "scope_first", [s.first for s in net.scopes])
        put(k, "scope_width", width)
        put(k, "scope_ticks", ticks)
        put(k, "scope_cols", cols)
        put(k, "scope_waits", waits)
        put(k, "scope_optional", [int(s.optional) for s in net.scopes])
        put(k, "scope_drops", [int(s.drops) for s in net.scopes])
        put(k, "scope_oldest", [0] * len(cols))
        put(k, "scope_now", [-1] * len(cols))
        at, offsets = 0, []
        for c in cols:
            offsets.append(at)
            at += c + 1
        put(k, "scope_row", offsets)
        put(k, "outstanding", [0.0] * at)
        put(k, "attempt_mass", [0.0] * (at * codes.ATTEMPTS))
        put(k, "comp_low", [codes.FAR] * at)
        put(k, "comp_high", [-1] * at)
        for name in ("fork_size", "fork_joined", "fork_failed", "branch_done", "branch_failed"):
            put(k, name, [0.0] * at)
        put(k, "branch_left", [0.0] * len(cols))
        comp_at, size = [], 0
        for i, spec in enumerate(net.scopes):
            first = spec.owner < 0 or net.nodes[spec.owner].scopes[0] == i
            comp_at.append(size)
            if spec.parent >= 0 and first:
                size += (cols[i] + 1) * (cols[spec.parent] + 1)
        put(k, "comp_at", comp_at)
        put(k, "comp", [0.0] * size)
        self.cols = cols

    def _scope_kind(self, i: int) -> int:
        net = self.net
        if i < len(net.classes):
            return codes.WORKER if net.classes[i].worker else codes.CLIENT
        return codes.BRANCH if net.nodes[net.scopes[i].owner].kind == FORK else codes.CALLER

    # -- stores and pools; a group whose pods' CPU is shared is a store with a pool that never runs short

    def _stores(self) -> None:
        k, net = self.k, self.net
        pools = [(p.database, float(p.limit), float(p.open), p) for p in net.pools]
        cores = [float(d.cores) for d in net.databases]
        slots = [float(d.max_connections - d.superuser_reserved) for d in net.databases]
        units = [1.0] * len(cores)
        for node in net.nodes:
            if node.kind == CPU and node.group not in self.cpu_store:
                self.cpu_store[node.group] = len(cores)
                group = net.groups[node.group]
                cores.append(group.cpu_limit)
                slots.append(codes.INFINITE)
                units.append(float(group.pods))
        k.stores = len(cores)
        k.pools = len(pools) + len(self.cpu_store)
        virtual = [0] * len(pools) + [1] * len(self.cpu_store)
        databases = [d for d, _, _, _ in pools] + list(self.cpu_store.values())
        put(k, "pool_database", databases)
        put(k, "pool_virtual", virtual)
        endless = [codes.INFINITE] * len(self.cpu_store)
        put(k, "pool_limit", [limit for _, limit, _, _ in pools] + endless)
        put(k, "pool_open", [opened for _, _, opened, _ in pools] + endless)
        put(k, "pool_connect_s", [p.connect_s for p in net.pools] + [0.0] * len(endless))
        waits = [
            p.acquire_timeout_s / self.dt if p.acquire_timeout_s < math.inf else codes.INFINITE
            for p in net.pools
        ]
        put(k, "pool_timeout", waits + endless)
        put(k, "pool_transient", [int(p.transient) for p in net.pools] + [0] * len(endless))
        put(k, "pool_opens_at_s", [-1.0] * k.pools)
        put(k, "pool_full_s", [-1.0] * k.pools)
        put(k, "pool_clear", [1] * k.pools)
        put(k, "pool_table", [0] * k.pools)
        for name in (
            "pool_inside",
            "pool_lost",
            "pool_busy",
            "pool_refused",
            "pool_expected",
            "pool_arrived",
            "pool_busy_s",
            "admitted",
        ):
            put(k, name, [0.0] * k.pools)
        put(k, "query_count", [0.0] * k.pools)
        put(k, "pool_timeouts", [0.0] * k.pools)
        # fewer than one core: one core that works so much slower
        servers = [max(1.0, math.ceil(c - 1e-9)) for c in cores]
        put(k, "store_cores", servers)
        put(k, "store_speed", [c / n for c, n in zip(cores, servers, strict=True)])
        put(k, "store_units", units)
        put(k, "store_slots", slots)
        put(k, "store_slow", [1.0] * k.stores)
        put(k, "store_table", [0] * k.stores)

    def _groups(self) -> None:
        k, net = self.k, self.net
        groups = net.groups
        put(k, "group_limit", [float(g.limit_per_pod) for g in groups])
        put(k, "group_queue", [float(g.queue_per_pod) for g in groups])
        put(k, "group_pods", [g.pods for g in groups])
        put(k, "group_order", [ORDERS[g.order] for g in groups])
        put(k, "group_target", [round(g.target_s / self.dt) for g in groups])
        put(k, "group_interval", [round(g.interval_s / self.dt) for g in groups])
        put(k, "group_empty", [0] * len(groups))
        put(k, "group_calm", [0] * len(groups))
        put(k, "group_caller", sole_callers(net, self.holds_s))
        put(k, "group_scatter", [1.0] * len(groups))
        put(k, "group_lead", [-1.0] * len(groups))
        put(k, "group_table", [0] * len(groups))
        put(k, "group_loss", [0] * len(groups))
        stations, station = [], k.pools
        for g in groups:
            stations.append(station if g.queue_per_pod else -1)
            station += bool(g.queue_per_pod)
        put(k, "group_station", stations)
        k.stations = station
        put(k, "queue_head", [-1] * station)
        put(k, "queue_tail", [-1] * station)
        put(k, "queue_total", [0.0] * station)
        put(k, "group_hold_s", list(self.holds_s))
        names = (
            "late", "flow", "held", "before", "busy", "draining", "released", "budget", "busy_s", "admitted",
            "came", "door", "refused", "inside", "room", "spread", "wanted", "mixed", "asked", "expected",
        )  # fmt: skip
        doors = ("door_expected", "door_arrived")  # by the first group behind a door
        for name in (
            *(f"group_{n}" for n in names),
            *doors,
            "entered",
            "rejected",
            "errors",
            "turned",
            "shed",
            "late",
        ):
            put(k, name, [0.0] * len(groups))
        offsets, _ = rows([[g for g, x in enumerate(groups) if x.service == s] for s in self.services])
        put(k, "service_at", offsets)
        put(k, "service_of_group", [self.services.index(g.service) for g in groups])
        for name in ("service_expected", "service_arrived", "service_failing"):
            put(k, name, [0.0] * len(self.services))
        limited = {limit.service: n for n, limit in enumerate(net.limits)}
        put(k, "limit_of", [limited.get(s, -1) for s in self.services])
        put(k, "limit_rps", [x.rps for x in net.limits])
        put(k, "limit_burst", [x.burst for x in net.limits])
        put(k, "limit_tokens", [x.burst for x in net.limits])
        widest = max([k.stores, 1, *(len(n.branches) for n in net.nodes)])
        put(k, "share", [0.0] * widest)
        put(k, "wait_share", [0.0] * widest)
        for name in ("sway", "sway_load", "sway_free", "sway_hold", "sway_part"):
            put(k, name, [0.0] * widest)
        put(k, "table", [min(1.0, j * codes.NEAR / codes.GRID) for j in range(codes.GRID + codes.WIDE)])

    # -- nodes

    def _nodes(self) -> None:
        k, net, cols = self.k, self.net, self.cols
        nodes = net.nodes
        cpu_pool = {g: len(net.pools) + n for n, g in enumerate(self.cpu_store)}
        put(k, "kind", [n.kind for n in nodes])
        put(k, "next", [n.next for n in nodes])
        put(k, "scope_of", [n.scope for n in nodes])
        put(k, "pool_of", [cpu_pool[n.group] if n.kind == CPU else n.pool for n in nodes])
        put(k, "service_of", [self.services.index(n.service) if n.kind == ENTER else -1 for n in nodes])
        put(k, "mean_s", [n.mean_s for n in nodes])
        put(k, "fallback", [n.fallback for n in nodes])
        for name, lists in (
            ("release", [n.release for n in nodes]),
            ("held", [n.held for n in nodes]),
            ("child", [n.scopes for n in nodes]),
            ("branch", [[g for g, _ in n.branches] for n in nodes]),
        ):
            offsets, values = rows(lists)
            put(k, f"{name}_at", offsets)
            put(k, "branch_group" if name == "branch" else name, values)
        put(k, "branch_first", rows([[f for _, f in n.branches] for n in nodes])[1])
        by_scope = rows([[i for i, n in enumerate(nodes) if n.scope == s] for s in range(len(net.scopes))])
        put(k, "scope_node_at", by_scope[0])
        put(k, "scope_node", by_scope[1])
        flow_rows, serving_rows, flow, serving = [], [], 0, 0
        for n in nodes:
            flow_rows.append(flow)
            flow += cols[n.scope] + 1
            serving_rows.append(serving if n.kind in STORED else -1)
            serving += (cols[n.scope] + 1) * (n.kind in STORED)
        put(k, "row", flow_rows)
        put(k, "serving_row", serving_rows)
        put(k, "flow", [0.0] * flow)
        put(k, "serving", [0.0] * serving)
        for name in ("flow", "serving"):
            put(k, f"{name}_low", [codes.FAR] * len(nodes))
            put(k, f"{name}_high", [-1] * len(nodes))
        offsets, weights = [], list[float]()
        for spec in net.splits:
            offsets.append(len(weights))
            weights.extend(spec.weights)
        self.split_at = offsets
        put(k, "split_of", [offsets[n.split] if n.kind == SPLIT else -1 for n in nodes])
        put(k, "split_weight", weights)
        put(k, "split_taken", [0.0] * len(weights))
        order: list[int] = []
        joins: dict[int, list[int]] = {}
        for i, n in enumerate(nodes):
            if n.kind == FORK:
                last = max(m for s in n.scopes for m in net.walk(net.scopes[s].first))
                joins.setdefault(last, []).append(i)
        for i in range(len(nodes)):
            order.append(i)
            order.extend(-f - 1 for f in reversed(joins.get(i, [])))
        put(k, "order", order)
        k.orders = len(order)

    def _work(self) -> None:
        """Delay tables and rings of WORK nodes; clocks: one a group, one a link, one for the rest."""
        k, net = self.k, self.net
        clocks = len(net.groups) + len(net.links) + 1
        k.clocks = clocks
        put(k, "clock_speed", [1.0] * clocks)
        put(k, "clock_rest", [0.0] * clocks)
        put(k, "clock_at", [0] * (2 * clocks))
        put(k, "clock_of", [self._clock(n.group, n.link) for n in net.nodes])
        tables: dict[tuple[float, int, int], tuple[int, int]] = {}
        weights: list[float] = []
        at, size, ring, future, ranges = [], [], [], [], []
        cells = slots = 0
        for n in net.nodes:
            longest = 2
            for stride in (1, self.long_stride):
                if n.kind != WORK:
                    at.append(0)
                    size.append(0)
                    continue
                key = (n.mean_s, n.shape, stride)
                if key not in tables:
                    found = delay_weights(n.mean_s, n.shape, self.dt * stride)
                    if len(found) == 1:
                        found.append(0.0)
                    tables[key] = (len(weights), len(found))
                    weights.extend(found)
                at.append(tables[key][0])
                size.append(tables[key][1])
                longest = max(longest, tables[key][1] * stride)
            longest = -(-(longest + 1) // self.long_stride) * self.long_stride
            ring.append(longest if n.kind == WORK else 0)
            future.append(cells)
            ranges.append(slots)
            cells += ring[-1] * (self.cols[n.scope] + 1)
            slots += ring[-1]
        put(k, "weight", weights)
        put(k, "weight_at", at)
        put(k, "weight_size", size)
        put(k, "ring", ring)
        put(k, "future_at", future)
        put(k, "range_at", ranges)
        put(k, "future", [0.0] * cells)
        put(k, "future_low", [codes.FAR] * slots)
        put(k, "future_high", [-1] * slots)

    def _clock(self, group: int, link: int) -> int:
        if link >= 0:
            return len(self.net.groups) + link
        return group if group >= 0 else self.k.clocks - 1

    # -- policies of callers, workers and their breakers

    def _policies(self) -> None:
        k, net = self.k, self.net
        specs = net.scopes
        put(k, "scope_attempts", [min(s.retries + 1, codes.MAX_ATTEMPTS + 1) for s in specs])
        put(k, "scope_backoff", [s.backoff_s / self.dt for s in specs])
        put(k, "scope_factor", [s.backoff_factor for s in specs])
        put(k, "scope_jitter", [s.jitter for s in specs])
        put(k, "scope_ratio", [s.budget.ratio if s.budget else 0.0 for s in specs])
        put(k, "scope_per_s", [s.budget.per_s if s.budget else 0.0 for s in specs])
        put(k, "scope_burst", [s.budget.burst if s.budget else codes.INFINITE for s in specs])
        put(k, "scope_tokens", [s.budget.burst if s.budget else 0.0 for s in specs])
        sizes, at, column_at, attempts, columns = [], [], [], 0, 0
        for s in specs:
            longest = s.backoff_s
            for _ in range(1, min(s.retries, codes.MAX_ATTEMPTS)):
                longest *= s.backoff_factor
            ticks = round(min(longest * (1 + s.jitter), LONGEST_WAIT_S) / self.dt) + 2 * self.long_stride + 2
            sizes.append(ticks if s.retries else 0)
            at.append(attempts)
            column_at.append(columns)
            attempts += sizes[-1] * codes.ATTEMPTS
            if s.parent >= 0:
                columns += sizes[-1] * (self.cols[s.parent] + 1)
        put(k, "retry_size", sizes)
        put(k, "retry_at", at)
        put(k, "retry_column_at", column_at)
        put(k, "retry_attempts", [0.0] * attempts)
        put(k, "retry_columns", [0.0] * columns)
        put(k, "retry_total", [0.0] * len(specs))
        breakers = [self.workers[n].breaker for n in self.worker_names]
        scope_breaker = []
        for s in specs:
            scope_breaker.append(len(breakers) if s.breaker else -1)
            if s.breaker:
                breakers.append(s.breaker)
        put(k, "scope_breaker", scope_breaker)
        put(k, "breaker_state", [codes.CLOSED] * len(breakers))
        put(k, "breaker_size", [float(b.window) for b in breakers])
        put(k, "breaker_rate", [b.failure_rate for b in breakers])
        put(k, "breaker_open_s", [b.open_s for b in breakers])
        put(k, "breaker_calls", [float(b.half_open_calls) for b in breakers])
        for name in ("until", "sent", "good", "bad"):
            put(k, f"breaker_{name}", [0.0] * len(breakers))
        put(k, "breaker_turn", [0] * len(breakers))
        put(k, "breaker_luck", [0.0] * (codes.LUCK * len(breakers)))
        put(k, "window_good", [0.0] * (codes.WINDOW * len(breakers)))
        put(k, "window_bad", [0.0] * (codes.WINDOW * len(breakers)))
        put(k, "window_head", [0] * len(breakers))
        put(k, "window_count", [0] * len(breakers))
        put(k, "changes", [0] * (3 * 256))
        names = self.worker_names
        put(k, "worker_breaker", list(range(len(names))))
        put(k, "worker_rate", [self.workers[n].rate for n in names])
        put(k, "worker_backlog", [0.0] * len(names))
        put(k, "worker_last", [0.0] * len(names))
        put(k, "drained", [0.0] * len(names))
        index = {n: w for w, n in enumerate(names)}
        clients = net.classes
        parks = [index[c.parks_to] if c.parks_to and not c.worker else -1 for c in clients]
        put(k, "scope_parks", parks + [-1] * (len(specs) - len(clients)))
        workers = [index[c.worker] if c.worker else -1 for c in clients]
        put(k, "scope_worker", workers + [-1] * (len(specs) - len(clients)))

    def _counts(self) -> None:
        k, net = self.k, self.net
        put(k, "class_rate", [c.share * self.scenario.traffic.rps for c in net.classes])
        put(k, "class_came", [0.0] * len(net.classes))
        put(k, "class_decline", [c.decline for c in net.classes])
        for name, size in (("offered", 1), ("ok", 1), ("declined", 1), ("failed", 3)):
            put(k, name, [0.0] * (size * len(net.classes)))
        for name in ("scope_calls", "scope_failed_count", "scope_retries"):
            put(k, name, [0.0] * len(net.scopes))
        shown = [g.queue_per_pod > 0 or self._versions(g.service) > 1 for g in net.groups]
        width = 1 + 2 * k.pools + k.stores
        trace_at = []
        for traced in shown:
            trace_at.append(width if traced else -1)
            width += 6 * traced
        put(k, "group_trace", trace_at)
        k.classes = len(net.classes)
        k.trace_width = width + k.classes
        put(k, "trace", [])

    def _versions(self, service: str) -> int:
        return sum(g.service == service for g in self.net.groups)
