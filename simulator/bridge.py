"""Between the data plane and the entities: how long calls of single orders take and how they end, and back.

The plane drives the entities, second by second: a flow starts as often as its traffic class, and each call meets
the waiting, the refusals and the partitions that the plane had in that second. What the entities suffer by
themselves (locks, an orchestrator that lost its state) goes back as failures of the service that runs the flow.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator import lock_feed
from simulator.engine.streams import exponential, uniform
from simulator.entities import conditions as ends
from simulator.entities.conditions import MS, Outcome
from simulator.entities.engine import SECOND, Entities
from simulator.entities.history import FAIL, INVOKE
from simulator.scenario import Postgres, Scenario, Service

if TYPE_CHECKING:
    from simulator.scenario import Business
    from simulator.world import World

CALM_MS = 5.0  # a call to what the plane does not simulate
HOP_MS = 0.5  # between two nodes of one data centre, one way
FEED_S = 5  # over how many seconds the share of failing flows is taken


@dataclass
class Trouble:
    """What is wrong with calls to one target by itself (a fault), beside what the plane shows."""

    error: float = 0.0
    ambiguous: float = 0.0
    lost: float = 0.0
    mean_ms: float = 0.0


@dataclass
class Reach:
    """Nodes that are down, pairs that are cut off, slow pairs, and troubled targets: all by name."""

    down: dict[str, str] = field(default_factory=dict)  # node -> why
    cuts: dict[tuple[str, str], str] = field(default_factory=dict)  # either order counts
    delay_ms: dict[tuple[str, str], float] = field(default_factory=dict)
    trouble: dict[str, Trouble] = field(default_factory=dict)
    seen: int = 0  # records of the history that feeds have read
    open: dict[int, tuple[str, int]] = field(default_factory=dict)  # running flows: name, when they began
    ends: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)  # flow -> (ended, failed) a second
    rates: dict[str, float] = field(default_factory=dict)  # flow -> what a setting makes of its `per_s`
    standing: lock_feed.Standing = field(default_factory=lock_feed.Standing)


def build(scenario: Scenario, seed: int) -> Entities | None:
    """The entities of a scenario, or None. Raises ValueError for a spec that cannot be played."""
    if scenario.entities is None:
        return None
    return Entities(scenario.entities.spec(), seed)


class Conditions:
    """`entities.conditions.Conditions` over a world, as it stands when asked."""

    def __init__(self, world: World) -> None:
        assert world.scenario.entities is not None
        self.world = world
        self.business: Business = world.scenario.entities
        self.reach = world.reach
        self.history = world.plane.history
        self.known: dict[tuple[str, int], tuple[float, float]] = {}
        self.shards = {d.name for d in world.plane.network.databases if d.family != d.name}
        self.places: dict[str, str] = self.business.places
        self.broken: dict[tuple[str, str], bool] = {
            (x.source, x.target): not x.up for x in world.plane.network.links if not x.up
        }

    # calls

    def call(self, target: str, key: int, time_ns: int, luck: int, timeout_ms: float = 5_000.0) -> Outcome:
        """By the shares and means of that second; a call longer than its caller waits is ambiguous."""
        refused, mean_s = self._health(target, min(time_ns // SECOND, self.history.seconds - 1))
        rule = self.business.rules.get(target)
        timeout_ns = int(timeout_ms * MS)
        trouble = self.reach.trouble.get(target)
        error, ambiguous, lost = refused, 0.0, 0.0
        if rule is not None:
            error, ambiguous, lost = error + rule.error, rule.ambiguous, rule.lost
            mean_s += rule.mean_ms / 1000
        if trouble is not None:
            error, ambiguous, lost = error + trouble.error, ambiguous + trouble.ambiguous, lost + trouble.lost
            mean_s += trouble.mean_ms / 1000
        lot = uniform(luck, 0)
        if target in self.reach.down or lot < lost:
            return Outcome(ends.LOST, timeout_ns, timeout_ns)
        duration = int(exponential(luck, 1, mean_s) * SECOND) + 1
        if lot < lost + ambiguous or duration > timeout_ns:
            return Outcome(ends.AMBIGUOUS, timeout_ns, max(duration, timeout_ns))
        if lot < lost + ambiguous + error:
            return Outcome(ends.ERROR, min(duration, 10 * MS), duration)
        return Outcome(ends.OK, duration, duration)

    def _health(self, target: str, second: int) -> tuple[float, float]:
        """(share refused, mean seconds) of calls to a target in a second."""
        known = self.known.get((target, second))
        if known is not None:
            return known
        name = self.business.calls.get(target, target)
        part = self.world.scenario.components.get(name)
        found = (0.0, CALM_MS / 1000)
        if isinstance(part, Service):
            found = self._service(name, second)
        elif isinstance(part, Postgres) or name in self.shards:
            found = self._database(name, second)
        self.known[target, second] = found
        return found

    def _at(self, key: str, second: int) -> float:
        column = self.history.column(key)
        return column[second] if 0 <= second < len(column) else 0.0

    def _service(self, name: str, second: int) -> tuple[float, float]:
        asked = refused = inside = 0.0
        for group in self.world.plane.network.groups:
            if group.service == name:
                base = f"service/{group.label}/"
                asked += self._at(base + "requests", second)
                refused += self._at(base + "rejected", second) + self._at(base + "errors", second)
                inside += self._at(base + "in_flight", second)
        if asked <= 0:
            return (0.0, CALM_MS / 1000) if self._live(name) else (1.0, CALM_MS / 1000)
        served = max(asked - refused, 1e-9)
        return min(1.0, refused / asked), inside / served  # Little's law

    def _live(self, service: str) -> bool:
        return any(g.pods for g in self.world.plane.groups(service))

    def _database(self, name: str, second: int) -> tuple[float, float]:
        wait = self._at(f"pool/{name}/wait_s", second)
        return 0.0, wait + max(self._at(f"db/{name}/latency_s", second), 0.001)

    # nodes

    def up(self, node: str, time_ns: int) -> bool:
        return node not in self.reach.down

    def connected(self, a: str, b: str, time_ns: int) -> bool:
        if a == b:
            return True
        cuts = self.reach.cuts
        if cuts and ((a, b) in cuts or (b, a) in cuts):
            return False
        if not self.broken:
            return True
        here, there = self.places.get(a, a), self.places.get(b, b)
        return here == there or not (
            self.broken.get((here, there), False) or self.broken.get((there, here), False)
        )

    def delay_ns(self, a: str, b: str, time_ns: int, luck: int) -> int:
        pair = self.reach.delay_ms
        mean = pair.get((a, b), pair.get((b, a), -1.0)) if pair else -1.0
        if mean < 0:
            mean = self._link_ms(self.places.get(a, a), self.places.get(b, b))
        return int(mean * MS * (0.5 + uniform(luck, 2)))

    def _link_ms(self, here: str, there: str) -> float:
        if here == there:
            return HOP_MS
        for link in self.world.plane.network.links:
            if (link.source, link.target) == (here, there):
                return link.latency_s * 1000
        return HOP_MS


def each_second(world: World) -> None:
    """Let the entities live through the second that the plane has just finished."""
    if world.entities is None:
        return
    meets = Conditions(world)
    _rates(world)
    world.entities.advance(round(world.now_s * SECOND), meets)
    _feed(world)


def catch_up(world: World) -> Conditions:
    """Before something changes entities between two seconds: bring them to now. Returns what they meet."""
    assert world.entities is not None
    meets = Conditions(world)
    world.entities.advance(round(world.now_s * SECOND), meets)
    return meets


def _rates(world: World) -> None:
    assert world.entities is not None and world.scenario.entities is not None
    for flow, drive in world.scenario.entities.drive.items():
        per_s = world.reach.rates.get(flow, drive.per_s)
        if drive.traffic:
            per_s += world.plane.rate(drive.traffic) * drive.share
        world.entities.set_rate(flow, per_s)


def _feed(world: World) -> None:
    """Failing and overdue flows make the service that runs them fail, in the plane's numbers."""
    assert world.entities is not None and world.scenario.entities is not None
    feeds = world.scenario.entities.feeds
    if not feeds:
        return
    reach, entities = world.reach, world.entities
    tally: dict[str, list[int]] = {feed.flow: [0, 0] for feed in feeds}
    limits = {feed.flow: int(feed.timeout_s * SECOND) for feed in feeds}
    for op in entities.history.since(reach.seen):
        if op.f not in tally or isinstance(op.process, str):
            continue
        if op.type == INVOKE:
            reach.open[op.process] = (op.f, op.time_ns)
        elif op.process in reach.open:
            del reach.open[op.process]
            tally[op.f][0] += 1
            tally[op.f][1] += op.type == FAIL
    reach.seen = len(entities.history)
    for number, (flow, began) in list(reach.open.items()):
        if entities.now_ns - began > limits[flow]:
            del reach.open[number]
            tally[flow][0] += 1
            tally[flow][1] += 1
    for feed in feeds:
        recent = reach.ends.setdefault(feed.flow, deque(maxlen=FEED_S))
        recent.append((tally[feed.flow][0], tally[feed.flow][1]))
        ended, failed = sum(e for e, _ in recent), sum(f for _, f in recent)
        share = failed / ended if ended else 0.0
        world.plane.set_failing(feed.service, math.floor(share * 1000) / 1000, feed.why)
    lock_feed.each_second(world, reach.standing, feeds)
