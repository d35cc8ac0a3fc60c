"""Pods of unlike speed behind one door, and jobs that share cores: what masses alone do not say."""

from __future__ import annotations

import math
from array import array

import pytest

from simulator.engine import kernel as kn
from simulator.engine import stations
from simulator.scenario import parse
from tests.simulator.engine_scenes import bare_raw, database, mean, plane_of, service


def fixed_point(pods: tuple[int, int], slower: float, slots: int, load: float) -> tuple[list[float], float]:
    """Two kinds of pods under two choices, in the mean field: (what a pod of each holds, who leads)."""
    whole = sum(pods)
    coming = load * slots * (pods[0] + pods[1] / slower) / whole
    shares = [[1.0 / (slots + 1)] * (slots + 1) for _ in pods]
    for _ in range(400):
        for kind, pace in enumerate((1.0, 1.0 / slower)):
            others = [(pods[h] - (h == kind)) / whole for h in (0, 1)]
            found = [1.0]
            for n in range(slots):
                more = sum(w * (sum(p[n + 1 :]) + 0.5 * p[n]) for w, p in zip(others, shares, strict=True))
                found.append(found[-1] * coming * (2.0 * more + 1.0 / whole) / (pace * (n + 1)))
            all_ = math.fsum(found)
            shares[kind] = [0.7 * p + 0.3 * x / all_ for p, x in zip(shares[kind], found, strict=True)]
    first, second = shares
    lead = sum(p * (sum(second[n + 1 :]) + 0.5 * second[n]) for n, p in enumerate(first))
    return [sum(n * x for n, x in enumerate(p)) for p in shares], lead


@pytest.mark.parametrize("pods", [(4, 2), (3, 9), (1, 1)])
@pytest.mark.parametrize(("slots", "slower"), [(12, 1.7), (30, 1.2), (30, 3.0)])
def test_the_less_busy_pod_of_two_is_found_as_often_as_the_mean_field_says(
    pods: tuple[int, int], slots: int, slower: float
) -> None:
    loads, lead = fixed_point(pods, slower, slots, 0.5)
    columns = (loads, [slots - x for x in loads], [1.0, slower], [n / sum(pods) for n in pods])
    held, free, holds, parts = (array("d", x) if kn.COMPILED else list(x) for x in columns)
    sway = kn.floats(2)
    kn.sways(sway, held, free, holds, parts, 2, sum(pods))
    assert kn.emptier(sway, held, free, 0, 1) == pytest.approx(lead, abs=0.03)
    assert kn.emptier(sway, held, free, 0, 1) + kn.emptier(sway, held, free, 1, 0) == pytest.approx(1.0)


def test_of_pods_that_are_nearly_always_full_neither_is_preferred_for_long() -> None:
    loads = [11.98, 11.99]
    columns = (loads, [12 - x for x in loads], [1.0, 1.7], [0.5, 0.5])
    held, free, holds, parts = (array("d", x) if kn.COMPILED else list(x) for x in columns)
    sway = kn.floats(2)
    kn.sways(sway, held, free, holds, parts, 2, 6)
    assert 0.5 < kn.emptier(sway, held, free, 0, 1) < 0.52


def test_versions_of_unlike_speed_hold_what_single_requests_hold() -> None:
    part = service({"work_ms": 30}, pods=6, limit=12, queue=100)
    part |= {"versions": {"v1": {}, "v2": {"work_factor": 1.7}}, "current": "v1"}
    scenario = parse(bare_raw({"api": part}, rps=1500.0), "bare")
    held = {}
    for engine in ("cohort", "exact"):
        plane = plane_of(scenario, engine)
        plane.set_pods("api", "v2", 4)
        plane.set_pods("api", "v1", 2)
        plane.advance(42.0)
        held[engine] = [mean(plane, f"service/api/{v}/in_flight_s", 2, 42) for v in ("v1", "v2")]
    assert held["cohort"] == pytest.approx(held["exact"], rel=0.02)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
def test_a_job_that_shares_one_core_takes_as_long_as_theory_says(load: float) -> None:
    """M/M/1 with processor sharing: who finds n others takes (n + 2) / (2 - load) times as long as alone."""
    likely, times = stations.shared_times(1, 1.0 / (1.0 - load))
    assert likely[:3] == pytest.approx([1.0 - load ** (n + 1) for n in range(3)], rel=1e-3)
    assert times[:9] == pytest.approx([(n + 2) * (1 - load) / (2 - load) for n in range(9)], rel=1e-3)
    chances = [b - a for a, b in zip([0.0, *likely], likely, strict=False)]
    assert sum(p * t for p, t in zip(chances, times, strict=True)) == pytest.approx(1.0)


def test_the_slowest_queries_are_those_that_found_many_at_work() -> None:
    parts = {
        "api": service({"query": "db", "cpu_ms": 40}, limit=400),
        "db": database(16, 200),
    }
    scenario = parse(bare_raw(parts, rps=350.0), "bare")
    exact = [plane_of(scenario, "exact", seed) for seed in range(1, 5)]
    for plane in exact:
        plane.advance(60.0)
    cohort = plane_of(scenario)
    cohort.advance(60.0)
    p99 = sum(plane.latency_s("all", 10, 60)[1] for plane in exact) / len(exact)
    assert cohort.latency_s("all", 10, 60)[1] == pytest.approx(p99, rel=0.05)


@pytest.mark.parametrize("engine", ["cohort", "exact"])
def test_what_fails_at_a_door_counts_for_the_pods_it_came_to(engine: str) -> None:
    part = service({"work_ms": 5}, pods=4) | {"versions": {"v1": {}, "v2": {}}, "current": "v1"}
    plane = plane_of(parse(bare_raw({"api": part}, rps=400.0), "bare"), engine)
    plane.set_pods("api", "v2", 1)
    plane.set_pods("api", "v1", 3)
    plane.set_failing("api", 0.25, "bad")
    plane.advance(20.0)
    errors, asked = (
        [mean(plane, f"service/api/{v}/{what}") for v in ("v1", "v2")] for what in ("errors", "requests")
    )
    assert errors == pytest.approx([75.0, 25.0], rel=0.05)
    assert asked == pytest.approx([300.0, 100.0], rel=0.05)
    assert sum(errors) == pytest.approx(mean(plane, "class/all/error"))
