"""What waiting for row locks means for the data plane: time in the service that waits, connections of its pool.

The sessions that stand on average, divided by the rate at which their flow starts, are its mean wait (Little's
law). Each stands for as many in the world as its flow's weight says, and every one of them keeps a connection.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.entities.timers import SECOND

if TYPE_CHECKING:
    from simulator.entities.engine import Entities
    from simulator.scenario import Feed
    from simulator.world import World

FEWEST = 2  # sessions that are played at once even if each stands for a whole pool
OVER_S = 10  # seconds over which waits are averaged: single orders come a few a second
HELD = "held/{}"  # column of a history
STEP = 50  # shares are multiples of 1/STEP: moments of waiting, as healthy systems have them, are left out


@dataclass
class Standing:
    """`recent`: how many sessions of each flow stood, second by second; `given` and `usual`: limits of pools."""

    recent: dict[str, deque[float]] = field(default_factory=dict)
    share: dict[str, float] = field(default_factory=dict)
    given: dict[str, int] = field(default_factory=dict)
    usual: dict[str, int] = field(default_factory=dict)


def each_second(world: World, state: Standing, feeds: Sequence[Feed]) -> None:
    """Tell the plane what stands now."""
    entities = world.entities
    if entities is None or not any(feed.route or feed.pool for feed in feeds):
        return
    counts = standing(entities)
    held: dict[str, float] = {}
    stands_for: dict[str, float] = {}
    for feed in feeds:
        recent = state.recent.setdefault(feed.flow, deque(maxlen=OVER_S))
        recent.append(counts.get(feed.flow, 0.0))
        mean = sum(recent) / OVER_S
        played, weight = _pace(entities, feed.flow)
        if feed.route:
            share = mean / played / feed.wait_s if played > 0 else 0.0
            _slow(world, state, feed.route, share)
        if feed.pool:
            held[feed.pool] = held.get(feed.pool, 0.0) + mean * weight
            stands_for[feed.pool] = max(weight, stands_for.get(feed.pool, 0.0))
    for pool, connections in held.items():
        _hold(world, state, pool, connections)
        for manager in entities.domain.locks.values():
            manager.most = max(FEWEST, int(state.usual[pool] / max(1.0, stands_for[pool])))


def standing(entities: Entities) -> dict[str, float]:
    """How many runs of each flow waited for a lock, on average over the second."""
    found: dict[str, float] = {}
    for manager in entities.domain.locks.values():
        for flow, waited_ns in manager.take_waits().items():
            found[flow] = found.get(flow, 0.0) + waited_ns / SECOND
    return found


def _pace(entities: Entities, flow: str) -> tuple[float, float]:
    """(runs a second that are played, what each stands for)."""
    streams = [s for index, _, _, s in entities.arrivals if entities.spec.flows[index].name == flow]
    played = sum(s.played() * s.keep for s in streams)
    return played, sum(s.rate for s in streams) / played if played > 0 else 0.0


def _slow(world: World, state: Standing, route: str, share: float) -> None:
    share = min(1.0, math.floor(share * STEP) / STEP)
    if state.share.get(route, 0.0) != share:
        state.share[route] = share
        world.plane.set_route(route, share)


def _hold(world: World, state: Standing, pool: str, connections: float) -> None:
    """Take held connections out of a pool; somebody else's change of its limit is the new usual one."""
    names = [p.family or p.name for p in world.plane.network.pools]
    now = world.plane.pool_limits[names.index(pool)]
    if state.given.get(pool) != now:
        state.usual[pool] = now
    left = max(1, state.usual[pool] - math.floor(connections))
    if left != now:
        world.plane.set_pool_limit("", pool, left)
    state.given[pool] = left
    history = world.plane.history
    while len(history.column(HELD.format(pool))) < history.seconds:
        history.append(HELD.format(pool), state.usual[pool] - left)


def held(world: World, pool: str) -> int:
    """Connections of a pool that are busy with waiting for row locks: the plane's own numbers lack them."""
    return round(world.plane.history.last(HELD.format(pool)))
