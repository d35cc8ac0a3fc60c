"""Traffic that grows and falls by a profile: straight lines between (second, factor of every rate).

A rate that somebody set by hand (`chaos rate`) is set again by the profile only while that moves.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from simulator.room import Room

if TYPE_CHECKING:
    from simulator.world import World


def factor_at(profile: list[tuple[float, float]], t_s: float) -> float:
    """The factor at a time: that of the first point before it, of the last one after it."""
    if not profile:
        return 1.0
    times = [t for t, _ in profile]
    after = bisect_right(times, t_s)
    if after == 0:
        return profile[0][1]
    if after == len(profile):
        return profile[-1][1]
    (t0, f0), (t1, f1) = profile[after - 1], profile[after]
    return f0 + (f1 - f0) * (t_s - t0) / (t1 - t0)


def _build(world: World) -> dict[str, float] | None:
    profile = world.scenario.traffic.profile
    if not profile:
        return None
    state = {"factor": 1.0}
    _follow(world, state)
    return state


def _follow(world: World, state: dict[str, float]) -> None:
    traffic = world.scenario.traffic
    factor = factor_at(traffic.profile, world.now_s)
    if factor != state["factor"]:
        state["factor"] = factor
        for name, spec in traffic.classes.items():
            world.plane.set_rate(name, traffic.rps * spec.share * factor)


def _each_second(world: World) -> None:
    _follow(world, world.rooms["traffic"])


ROOM = Room("traffic", _build, each_second=_each_second)
