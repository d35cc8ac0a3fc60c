"""What the exact engine is made of: its luck, attempts, pods, stores, pools, breakers, buckets and splits.

State and its own arithmetic only; who moves it is in exact_walk.py. Times are simulated seconds. Nothing
here refers back to whoever refers to it (pods know no attempts), so that a pickle never nests deeply.
"""

import math
from bisect import bisect_right
from collections import OrderedDict, deque
from itertools import accumulate

from simulator.engine import streams
from simulator.engine.keys import bins
from simulator.engine.network import LinkSpec, Node, ScopeSpec
from simulator.engine.placement import Dns
from simulator.engine.plane import BREAKER_NAMES
from simulator.scenario import BreakerSpec, Cache, KeySpace

CLOSED, HALF_OPEN, OPEN = 0, 1, 2
MASK = (1 << 64) - 1
STEP = 0xD1342543DE82EF95  # from one draw of a stream to the next, and SplitMix64's constant: streams.py
GOLDEN = 0x9E3779B97F4A7C15
TO_UNIT = 1.0 / (1 << 53)
FEW_STAGES = 4  # up to here an Erlang draw is one uniform a stage; beyond, Marsaglia and Tsang are cheaper


class Luck:
    """Draws in the order of events: draw n is `streams.uniform(key, n)`, written out for speed."""

    __slots__ = ("state",)

    def __init__(self, seed: int) -> None:
        self.state = streams.key_of(seed, "exact")

    def uniform(self) -> float:
        """A float in [0, 1)."""
        state = self.state = (self.state + STEP) & MASK
        value = (state + GOLDEN) & MASK
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
        return ((value ^ (value >> 31)) >> 11) * TO_UNIT

    def exponential(self, mean: float) -> float:
        return -mean * math.log(1.0 - self.uniform())

    def erlang(self, shape: int, mean: float) -> float:
        """A gamma draw with an integer shape (many stages: Marsaglia and Tsang, ACM TOMS 26, 2000)."""
        if shape <= FEW_STAGES:
            product = 1.0
            for _ in range(shape):
                product *= 1.0 - self.uniform()
            return -mean / shape * math.log(product)
        d = shape - 1.0 / 3.0
        c = 1.0 / math.sqrt(9.0 * d)
        while True:
            radius = math.sqrt(-2.0 * math.log(1.0 - self.uniform()))
            x = radius * math.cos(2.0 * math.pi * self.uniform())
            v = (1.0 + c * x) ** 3
            if v > 0.0 and math.log(1.0 - self.uniform()) < 0.5 * x * x + d - d * v + d * math.log(v):
                return d * v * mean / shape


class Pod:
    """One pod. `busy` slots are held; `queued` requests wait inside it."""

    __slots__ = (
        "born_s",
        "busy",
        "group",
        "limit",
        "live",
        "number",
        "queued",
        "stands_since_s",
        "warm_until_s",
    )

    def __init__(self, number: int, group: int, limit: int, born_s: float, warm_until_s: float) -> None:
        self.number = number
        self.group = group
        self.limit = limit
        self.busy = 0
        self.queued = 0
        self.live = True
        self.born_s = born_s
        self.warm_until_s = warm_until_s
        self.stands_since_s = 0.0  # since when its queue has not been empty


class Attempt:
    """One attempt of a scope: a request on its walk, or waiting for attempts of its own.

    `gone`: nobody waits for it any more. `node` is -1 once it has ended. `path`: the pods whose slots it
    holds, outermost first. `home`: the pod a branch runs in, held by the attempt that forked.
    """

    __slots__ = (
        "epoch",
        "gone",
        "home",
        "node",
        "number",
        "parent",
        "path",
        "pending",
        "scope",
        "since",
        "start",
    )

    def __init__(
        self, scope: int, start: float, number: int, parent: "Attempt | None", home: Pod | None, node: int
    ) -> None:
        self.scope = scope
        self.start = start
        self.number = number
        self.parent = parent
        self.home = home
        self.node = node
        self.path: list[Pod] = []
        self.gone = False
        self.since = 0.0
        self.pending = 0  # branches that are not done
        self.epoch = -1  # the breaker's, when it let this attempt pass


class Store:
    """Cores shared by processor sharing (a database's, a pod's): virtual time runs at min(1, cores/active).

    `speed` is the cores' own: at half of it a lone job takes twice as long too. `due` is the time of the one event in the engine's heap that is not stale.
    """

    __slots__ = ("at", "cores", "database", "due", "jobs", "rate", "slots", "speed", "virtual")

    def __init__(self, cores: float, database: int, slots: int = 0) -> None:
        self.cores = cores
        self.database = database  # -1: a pod's CPU
        self.slots = slots  # connections a database accepts
        self.virtual = 0.0
        self.at = 0.0
        self.speed = 1.0
        self.rate = 1.0
        self.due = math.inf
        self.jobs: list[tuple[float, int, Attempt]] = []  # a heap by virtual finish

    def advance(self, now: float) -> None:
        """Let virtual time pass up to `now`."""
        if self.jobs:
            self.virtual += (now - self.at) * self.rate
        self.at = now

    def share(self) -> float:
        """Set the speed of virtual time to the present number of jobs. Returns when the next is done."""
        active = len(self.jobs)
        if not active:
            return math.inf
        self.rate = rate = self.speed if active <= self.cores else self.speed * self.cores / active
        left = self.jobs[0][0] - self.virtual
        if rate <= 0.0:
            return math.inf
        return self.at + left / rate if left > 0.0 else self.at


class PoolRun:
    """A connection pool. The head of the queue times out first, since every wait has the same limit."""

    __slots__ = ("active", "connecting", "full_s", "limit", "open", "queue", "refused", "timer")

    def __init__(self, limit: int, opened: int) -> None:
        self.limit = limit
        self.open = opened
        self.active = 0
        self.connecting = False
        self.queue: deque[Attempt] = deque()
        self.refused = 0
        self.full_s: float | None = None  # since when every connection is busy and somebody waits
        self.timer = False  # an event for the head's time-out is in the heap


class Bucket:
    """A token bucket, full at first: `rate` tokens a second, at most `cap`."""

    __slots__ = ("at", "cap", "rate", "tokens")

    def __init__(self, rate: float, cap: float) -> None:
        self.rate = rate
        self.cap = cap
        self.tokens = cap
        self.at = 0.0

    def add(self, tokens: float, now: float) -> None:
        self.tokens = min(self.cap, self.tokens + (now - self.at) * self.rate + tokens)
        self.at = now

    def take(self, now: float) -> bool:
        """Take a token if there is a whole one."""
        self.tokens = min(self.cap, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return True
        return False


class Breaker:
    """A count-based breaker as resilience4j's: a window of the last calls, a wait, probes, and again.

    `epoch` counts its moves, so that a caller can tell results of calls let through before the last one.
    """

    __slots__ = (
        "bad",
        "changes",
        "epoch",
        "failures",
        "good",
        "name",
        "ring",
        "sent",
        "spec",
        "state",
        "until",
    )

    def __init__(self, spec: BreakerSpec, name: str, changes: list[tuple[float, str, str]]) -> None:
        self.spec = spec
        self.name = name
        self.changes = changes
        self.state = CLOSED
        self.until = 0.0
        self.epoch = 0
        self.sent = 0  # probes let through while half open
        self.good = 0
        self.bad = 0
        self.failures = 0  # in the ring
        self.ring: deque[bool] = deque()

    def permits(self, now: float) -> bool:
        """Whether a call may go now; counts it if so."""
        if self.state == OPEN and now >= self.until:
            self.move(HALF_OPEN, now)
        if self.state == CLOSED:
            return True
        if self.state == HALF_OPEN and self.sent < self.spec.half_open_calls:
            self.sent += 1
            return True
        return False

    def result(self, good: bool, now: float) -> None:
        """A call's result."""
        spec = self.spec
        if self.state == CLOSED:
            if len(self.ring) == spec.window:
                self.failures -= not self.ring.popleft()
            self.ring.append(good)
            self.failures += not good
            if len(self.ring) == spec.window and self.failures >= spec.failure_rate * spec.window:
                self.move(OPEN, now)
        elif self.state == HALF_OPEN:
            self.good += good
            self.bad += not good
            if self.good + self.bad >= spec.half_open_calls:
                failed = self.bad >= spec.failure_rate * spec.half_open_calls
                self.move(OPEN if failed else CLOSED, now)

    def forgo(self, epoch: int) -> None:
        """A call that will have no result gives its permission back."""
        if epoch == self.epoch and self.state == HALF_OPEN:
            self.sent -= 1

    def move(self, state: int, now: float) -> None:
        self.state = state
        self.until = now + self.spec.open_s
        self.epoch += 1
        self.sent = self.good = self.bad = self.failures = 0
        self.ring.clear()
        self.changes.append((now, self.name, BREAKER_NAMES[state]))


class WorkerRun:
    """A retry worker: what it has parked, its breaker, and when its next turn is."""

    __slots__ = ("backlog", "breaker", "due")

    def __init__(self, breaker: Breaker) -> None:
        self.backlog = 0
        self.breaker = breaker
        self.due = 0.0


class LinkRun:
    """One direction between two data centres. Messages on a link that is down wait in `held`."""

    __slots__ = ("held", "latency_s", "loss", "source", "target", "up")

    def __init__(self, spec: LinkSpec) -> None:
        self.source = spec.source
        self.target = spec.target
        self.latency_s = spec.latency_s
        self.loss = spec.loss
        self.up = True
        self.held: list[tuple[float, Attempt]] = []  # (remaining seconds, whose)


class Weighted:
    """A choice by fixed weights: shards, and lost messages."""

    def __init__(self, weights: list[float]) -> None:
        self.set(weights)

    def set(self, weights: list[float]) -> None:
        self.marks = list(accumulate(weights))

    def way(self, luck: Luck, now: float) -> int:
        return min(bisect_right(self.marks, luck.uniform() * self.marks[-1]), len(self.marks) - 1)


class Clients:
    """The choice of a data centre by DNS."""

    def __init__(self, dns: Dns) -> None:
        self.dns = dns

    def way(self, luck: Luck, now: float) -> int:
        mark = luck.uniform()
        shares = self.dns.shares(now)
        for n, share in enumerate(shares):
            mark -= share
            if mark < 0.0:
                return n
        return max(n for n, share in enumerate(shares) if share > 0.0)


class CacheRun:
    """A cache key by key. Way 0 is a hit, 1 a miss.

    A miss fills its entry at once, not when the value has been fetched: both engines do so. An entry
    lives for the TTL from its fill; with a capacity the least recently read go first.
    """

    def __init__(self, spec: Cache, space: KeySpace) -> None:
        self.ttl_s = spec.ttl_s
        self.capacity = spec.capacity
        self.filled: OrderedDict[int, float] = OrderedDict()  # key's rank: when it was filled
        self.asked_for(space)

    def asked_for(self, space: KeySpace) -> None:
        """How often each key is asked for from now on."""
        found = bins(space)
        self.ranks = found.rank
        self.sizes = found.keys
        self.marks = list(accumulate(found.share))

    def way(self, luck: Luck, now: float) -> int:
        b = min(bisect_right(self.marks, luck.uniform() * self.marks[-1]), len(self.marks) - 1)
        key, size = self.ranks[b], self.sizes[b]
        if size > 1:
            key += int(luck.uniform() * size)
        filled = self.filled
        since = filled.get(key)
        if since is not None and now < since + self.ttl_s:
            if self.capacity is not None:
                filled.move_to_end(key)
            return 0
        filled[key] = now
        filled.move_to_end(key)
        if self.capacity is None:  # in the order of their fills: forget the dead
            while next(iter(filled.values())) + self.ttl_s <= now:
                filled.popitem(last=False)
        elif len(filled) > self.capacity:
            filled.popitem(last=False)
        return 1


class Spot:
    """A node of the network with what the walk needs at hand."""

    __slots__ = (
        "candidates",
        "drops",
        "fallback",
        "first",
        "firsts",
        "group",
        "kind",
        "last_group",
        "limit",
        "link",
        "mean_s",
        "next",
        "pool",
        "releases",
        "resends",
        "scopes",
        "service",
        "shape",
        "split",
    )

    def __init__(self, node: Node, drops: bool, candidates: list[Pod], limit: Bucket | None) -> None:
        self.kind = node.kind
        self.mean_s = node.mean_s
        self.shape = node.shape
        self.service = node.service
        self.candidates = candidates  # ENTER: live pods of all its branches, shared by nodes alike
        self.firsts = [first for _, first in node.branches]
        self.first = dict(node.branches)  # ENTER: by group
        self.last_group = node.branches[-1][0] if node.branches else -1
        self.limit = limit
        self.pool = node.pool
        self.group = node.group
        self.link = node.link
        self.resends = False
        self.split = node.split
        self.scopes = node.scopes
        self.fallback = node.fallback
        self.next = node.next
        self.releases = len(node.release)
        self.drops = drops


class Clock:
    """A scope at run time: its policies, and the queue of its time-outs (all alike, so in order of starts)."""

    __slots__ = ("breaker", "budget", "first", "owner", "ratio", "timeout_s", "timer", "waiting")

    def __init__(self, spec: ScopeSpec, changes: list[tuple[float, str, str]]) -> None:
        self.first = spec.first
        self.owner = spec.owner
        self.timeout_s = spec.timeout_s
        self.budget = Bucket(spec.budget.per_s, spec.budget.burst) if spec.budget else None
        self.ratio = spec.budget.ratio if spec.budget else 0.0  # tokens a first attempt
        self.breaker = Breaker(spec.breaker, spec.name, changes) if spec.breaker else None
        self.waiting: deque[Attempt] = deque()
        self.timer = False  # an event for the first of them is in the heap
