"""How long a tick of the cohort engine is, and how many of them a long step has.

A tick resolves the shortest time-out of a network. It also resolves slots that are held across calls where both the
caller and the called have long queues: masses go down and up a chain of calls in one step, so stations that turn over
many times a step see each other's queues a step late, and behind such queues a burst makes them swing against each
other until the queues live on their own. That does not happen while they turn over at most `TURNS` times a tick.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from simulator.engine.codes import CALL, ENTER, FORK, STRIDE
from simulator.engine.network import Network, Node, one_walk

TICKS = (0.05, 0.025, 0.02, 0.01, 0.005, 0.002)  # seconds; the longest that resolves everything
TICKS_PER_TIMEOUT = 20
TICKS_PER_DEADLINE = 50  # where servers drop what is too late, its last moments decide
TURNS = 2.0  # a tick up to which stations that wait for each other keep step
LOADED = 0.2  # busy share of the slots from which on a burst of five times fills them


class Pace(NamedTuple):
    """A tick in seconds, and the ticks of a long step: long steps are as long as time-outs alone allow."""

    tick_s: float
    long_stride: int


def pace(net: Network, rates: Mapping[str, float], holds_s: Sequence[float]) -> Pace:
    """`rates`: requests/s by traffic class; `holds_s`: by group, how long its slots are held, about."""
    coarse = next((tick for tick in TICKS if _resolves_timeouts(net, tick)), TICKS[-1])
    shortest = min((holds_s[g] for g in _swinging(net, rates, holds_s, coarse)), default=math.inf)
    fine = next((tick for tick in TICKS if tick <= min(coarse, TURNS * shortest)), TICKS[-1])
    return Pace(fine, round(STRIDE * coarse / fine))


def _resolves_timeouts(net: Network, tick_s: float) -> bool:
    return all(
        tick_s * (TICKS_PER_DEADLINE if s.drops else TICKS_PER_TIMEOUT) <= s.timeout_s + 1e-9
        for s in net.scopes
    )


def _swinging(
    net: Network, rates: Mapping[str, float], holds_s: Sequence[float], tick_s: float
) -> Iterator[int]:
    """Groups that may swing against each other: caller and called, each with a queue to hide in."""
    held = [(g, node) for node in net.nodes for g in node.held]
    across = {g for g, n in held if n.held[-1] != g or n.pool >= 0 or n.kind in (CALL, FORK)}
    able = across.intersection(g for g in _loaded(net, rates, holds_s) if TURNS * holds_s[g] < tick_s)
    for node in net.nodes:
        for inner in able.intersection(g for g, _ in node.branches if node.kind == ENTER):
            if net.groups[inner].queue_per_pod <= net.groups[inner].limit_per_pod:
                continue  # full at once: it refuses
            for outer in able.intersection(_holding(net, node)):
                if 2.0 * _wait_s(net, outer, holds_s[outer]) > tick_s:
                    yield from (outer, inner)


def _loaded(net: Network, rates: Mapping[str, float], holds_s: Sequence[float]) -> Iterator[int]:
    """Groups whose slots are `LOADED` at these rates when nobody waits."""
    visits: dict[str, float] = {}
    for spec in net.classes:
        for i in one_walk(net, spec.first):
            if net.nodes[i].kind == ENTER:
                name = net.nodes[i].service
                visits[name] = visits.get(name, 0.0) + rates.get(spec.name, 0.0)
    slots: dict[str, float] = {}
    for group in net.groups:
        slots[group.service] = slots.get(group.service, 0.0) + group.pods * group.limit_per_pod
    for g, group in enumerate(net.groups):
        if group.pods and visits.get(group.service, 0.0) * holds_s[g] > LOADED * slots[group.service]:
            yield g


def _holding(net: Network, node: Node) -> Iterator[int]:
    """Groups whose slots a request in a node holds, those of its callers included."""
    while True:
        yield from node.held
        owner = net.scopes[node.scope].owner
        if owner < 0:
            return
        node = net.nodes[owner]


def _wait_s(net: Network, g: int, hold_s: float) -> float:
    """How long the last of a full queue in a pod waits."""
    group = net.groups[g]
    return group.queue_per_pod * hold_s / max(1, group.limit_per_pod)
