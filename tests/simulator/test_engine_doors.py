"""Full doors and long queues: who asks first in a step gets no more, and no storm comes of a burst."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import peers_ours
from benchmarks.peers_workloads import SHOP
from simulator.engine import layout, network
from simulator.engine.cohort import CohortPlane
from simulator.engine.ticks import Pace, pace
from simulator.scenario import parse
from tests.simulator.engine_scenes import bare, bare_raw, mean, service

CLASSES = ("first", "second", "third", "fourth")


def door(pods: int, rps: float, queue: int) -> Any:
    """Four classes with the same work before pods that can do 400 requests a second each."""
    part = service(pods=pods, limit=4, queue=queue)
    part["endpoints"] = {name: [{"work_ms": 10}] for name in CLASSES}
    return bare(
        {"api": part}, rps, classes={name: {"share": 0.25, "path": f"api.{name}"} for name in CLASSES}
    )


@pytest.mark.parametrize("tick_s", [0.05, 0.02, 0.01])
@pytest.mark.parametrize("queue", [0, 6, 60])
def test_a_full_door_asks_nobody_who_came_first(
    tick_s: float, queue: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "pace", lambda *_: Pace(tick_s, 4))
    plane = door(pods=5, rps=3000.0, queue=queue)  # they can do 2,000
    plane.advance(12.0)
    served = [mean(plane, f"class/{name}/ok", 6, 12) for name in CLASSES]
    assert served == pytest.approx([sum(served) / 4] * 4, rel=0.01)
    assert sum(served) == pytest.approx(2000, rel=0.03)


@pytest.mark.parametrize(("times", "burst_s"), [(1.6, 0.5), (2.5, 1.0)])
def test_a_burst_leaves_no_storm_behind(times: float, burst_s: float) -> None:
    """Endless queues before stations held across calls: they empty when the burst is over."""
    found = peers_ours.scenario(SHOP)
    plane = CohortPlane(found, network.build(found), 1)
    peers_ours._bring_up(plane, found)
    began = plane.now_s
    for factor, until_s in ((times, began + burst_s), (1.0, began + 16.0)):
        for name, spec in found.traffic.classes.items():
            plane.set_rate(name, spec.share * found.traffic.rps * factor)
        plane.advance(until_s)
    assert sum(plane.kernel.queue_total) < 1.0
    assert sum(plane.history.column(f"class/{n}/ok")[-1] for n in found.traffic.classes) == pytest.approx(
        found.traffic.rps, rel=0.01
    )


def nested(outer_queue: int = 100_000, inner_queue: int = 100_000, work_ms: float = 4.0, **more: Any) -> Pace:
    """The pace of a front that holds 100 slots while it calls another service, half loaded."""
    parts = {
        "front": service({"work_ms": work_ms}, {"call": "back.go"}, limit=100, queue=outer_queue),
        "back": service({"work_ms": work_ms}, {"call": "leaf.go"}, limit=100, queue=inner_queue),
        "leaf": service({"work_ms": work_ms}, limit=100, queue=100_000),
    }
    found = parse(bare_raw(parts, more.get("rps", 20_000 / work_ms)), "bare")
    return pace(network.build(found), {"all": found.traffic.rps}, [work_ms * n / 1000 for n in (3, 2, 1)])


def test_a_tick_resolves_slots_held_across_calls_behind_long_queues() -> None:
    assert nested() == Pace(0.01, 20)  # back holds its slots for 8 ms
    assert nested(outer_queue=50) == nested(inner_queue=50) == Pace(0.05, 4)
    assert nested(rps=200.0) == Pace(0.05, 4)
    assert nested(work_ms=40.0) == Pace(0.05, 4)
