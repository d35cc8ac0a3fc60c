"""Steps longer than the work: what a station starts, keeps waiting and refuses when its speed or its load changes."""

from __future__ import annotations

import heapq
import math
from random import Random

import pytest

from benchmarks.conformance_cases import database, network, perform, service, slow, work
from benchmarks.conformance_drawn import drawn
from simulator.engine import stations
from simulator.engine.closed import sole_callers
from simulator.engine.codes import GRID, NEAR
from simulator.engine.network import build
from tests.simulator.engine_scenes import plane_of


def test_slowed_brisk_pods_start_as_many_as_fit_into_a_step() -> None:
    """They had 12 of 39 slots busy and need 27 from now on: nobody has to wait for more than a step."""
    parts = {"app": service([work(5.7, 4), {"query": "db", "cpu_ms": 3}], 13, 3), "db": database(10, 10)}
    plane = plane_of(network(1429, parts, {"timeout_s": 4.0})())
    assert plane.kernel.dt > 3 * 0.0087  # a request is done several times in a step
    perform(plane, slow("app", 0.36, 20, 40), 23)
    assert max(plane.history.column("service/app/v1/waiting")[20:23]) < 15


def test_paused_pods_hold_no_more_than_they_have_slots() -> None:
    plane = plane_of(network(568, {"app": service([work(4.1, 2)], 10, queue=11)}, {"timeout_s": 3.2})())
    perform(plane, slow("app", 0.0, 20, 21.5), 21)
    assert plane.history.column("service/app/v1/in_flight_s")[20] == pytest.approx(10.0, abs=0.2)
    assert plane.history.column("service/app/v1/waiting")[20] == pytest.approx(11.0)


def test_only_those_who_found_room_waited_for_the_end_of_a_pause() -> None:
    """21 got in at its beginning and took as long as it; all others of those seconds were refused."""
    plane = plane_of(network(568, {"app": service([work(4.1, 2)], 10, queue=11)}, {"timeout_s": 3.2})())
    perform(plane, slow("app", 0.0, 20, 21.5), 26)
    late = [(took, mass) for _, took, mass in plane.finished("all") if took > 0.3]
    assert math.fsum(mass for _, mass in late) == pytest.approx(21, rel=0.25)
    assert math.fsum(took * mass for took, mass in late) / math.fsum(m for _, m in late) > 1.2


def test_more_that_come_find_the_free_slots_in_their_first_step() -> None:
    """From 43 to 61 of 62 slots: the exact engine has some 15 waiting after a second and refuses nobody."""
    parts = {"app": service([work(60, 2)], 31, 2, 51)}
    plane = plane_of(network(714, parts, {"timeout_s": 3.0})())
    plane.advance(20)
    plane.set_rate("all", 1000.0)
    plane.advance(22)
    assert plane.history.column("service/app/v1/waiting")[20] < 30
    assert sum(plane.history.column("class/all/rejected")[20:22]) < 1


@pytest.mark.parametrize("missing", [0.1, 0.9])
def test_a_fork_waits_for_what_its_branches_do_now(missing: float) -> None:
    """How often a branch misses its cache decides which of them is the slowest, and by how much."""
    keys = {"goods": {"count": 20_000, "zipf": 0.9}}
    branch = [work(2), {"cache": "redis", "keys": "goods", "miss": [{"query": "db", "cpu_ms": 60}]}]
    parts = {
        "app": service([work(2), {"parallel": [[{"call": "one.go"}], [{"call": "two.go"}]]}], 400),
        "one": service(branch, 200),
        "two": service([work(30, 2)], 200),
        "redis": {"kind": "cache", "ttl_s": 200.0 * (1 - missing) + 0.01, "op_ms": 0.5},
        "db": database(100, 100),
    }
    plane = plane_of(network(400, parts, keys=keys)())
    plane.advance(80)
    held = math.fsum(plane.history.column("service/app/v1/in_flight_s")[40:80]) / 40
    mean_s, _ = plane.latency_s("all", 40, 80)
    assert held / 400 == pytest.approx(mean_s, rel=0.03)  # Little's law


def test_callers_hold_their_slots_while_a_brisk_callee_keeps_them_waiting() -> None:
    """12 ms of work in steps of 50: at 84 % some wait there, and their callers with them."""
    parts = {"front": service([work(15), {"call": "app.go"}], 80), "app": service([work(12)], 10)}
    plane = plane_of(network(700, parts, {"timeout_s": 5.0})())
    plane.advance(60)
    held = math.fsum(plane.history.column("service/front/v1/in_flight_s")[20:60]) / 40
    wait_s = stations.erlang_c(10, 8.4) * 0.012 / (10 - 8.4)
    assert held == pytest.approx(700 * (0.015 + 0.012 + wait_s), rel=0.01)


def test_a_queue_with_room_refuses_nobody() -> None:
    """Two pods of two slots at 87 %: a queue of six in the mean, with room for 96."""
    parts = {"front": service([work(4), {"call": "app.go"}], 184, 4), "app": service([work(7)], 2, 2, 48)}
    plane = plane_of(network(497, parts, {"timeout_s": 2.0})())
    plane.advance(30)
    assert sum(plane.history.column("service/app/v1/rejected")) == pytest.approx(0.0, abs=0.5)


def test_a_class_that_nobody_asks_for_any_more_has_no_latency() -> None:
    plane = plane_of(network(300, {"app": service([work(20)], 10)}, {"timeout_s": 2.0})())
    plane.advance(10)
    plane.set_rate("all", 0.0)
    plane.advance(40)
    assert plane.latency_s("all", 20, 40) == (0.0, 0.0)
    series = plane.p99_series_ms("all")
    assert series[12] > 20.0  # of those who finished in the last 15 s
    assert list(series[30:]) == [0.0] * 10


def simulated_queue(slots: int, pods: int, rho: float, arrivals: int) -> float:
    """What waits in a pod in the mean when the emptier of two random pods is taken, event by event."""
    rng = Random(7)
    rate = rho * slots * pods
    busy, waiting, ends = [0] * pods, [0] * pods, list[tuple[float, int]]()
    now = area = 0.0
    coming = rng.expovariate(rate)
    while arrivals:
        leaving = bool(ends) and ends[0][0] < coming
        until = ends[0][0] if leaving else coming
        area, now = area + sum(waiting) * (until - now), until
        if leaving:
            pod = heapq.heappop(ends)[1]
            busy[pod] -= waiting[pod] == 0
            if waiting[pod]:
                waiting[pod] -= 1
                heapq.heappush(ends, (now + rng.expovariate(1.0), pod))
            continue
        arrivals -= 1
        coming = now + rng.expovariate(rate)
        one, other = rng.randrange(pods), rng.randrange(pods)
        pod = other if busy[other] < busy[one] else one
        if busy[pod] < slots:
            busy[pod] += 1
            heapq.heappush(ends, (now + rng.expovariate(1.0), pod))
        else:
            waiting[pod] += 1
    return area / now / pods


@pytest.mark.parametrize(
    ("slots", "pods", "rho"), [(1, 2, 0.8), (4, 2, 0.85), (10, 2, 0.9), (1, 3, 0.8), (4, 3, 0.85), (4, 4, 0.85), (5, 6, 0.85)]
)  # fmt: skip
def test_few_pods_wait_as_long_as_simulated_ones(slots: int, pods: int, rho: float) -> None:
    busy = stations.table(slots, 60 * slots, 1.0, pods)
    step = next(n for n, share in enumerate(busy) if share >= rho)
    part = (rho - busy[step - 1]) / (busy[step] - busy[step - 1])
    queue = slots * ((step - 1 + part) * NEAR / GRID - rho)
    assert queue == pytest.approx(simulated_queue(slots, pods, rho, 300_000), rel=0.2)


def test_a_sole_caller_is_one_whose_slots_all_hold() -> None:
    inner = service([work(20)], 10)
    chain = {"front": service([work(2), {"call": "app.go"}], 50), "app": inner}
    net = build(network(100, chain)())
    named = {g.service: n for n, g in enumerate(net.groups)}
    found = sole_callers(net, [0.02] * len(net.groups))
    assert found[named["app"]] == named["front"]
    assert found[named["front"]] == -1  # clients hold nothing
    hasty = {"front": service([{"call": "app.go", "timeout_ms": 60}], 50), "app": inner}
    net = build(network(100, hasty)())
    assert sole_callers(net, [0.02] * 2) == [-1, -1]  # who left after 60 ms is inside still
    both = {
        "front": service([{"parallel": [[{"call": "left.go"}], [{"call": "right.go"}]]}], 50),
        "left": service([{"call": "app.go"}], 50),
        "right": service([{"call": "app.go"}], 50),
        "app": inner,
    }
    net = build(network(100, both)())
    named = {g.service: n for n, g in enumerate(net.groups)}
    assert sole_callers(net, [0.02] * len(net.groups))[named["app"]] == -1


@pytest.mark.parametrize("rps", [255, 270])
def test_a_queue_in_a_closed_loop_neither_runs_empty_nor_over_by_chance(rps: int) -> None:
    """38 callers, of whom a dozen are elsewhere, keep ten slots busy, and the others find room for 50."""
    parts = {
        "front": service([work(18), {"call": "app.go"}, work(30)], 38, queue=87),
        "app": service([work(40)], 10, queue=40),
    }
    plane = plane_of(network(rps, parts, {"timeout_s": 60.0})())
    plane.advance(40)
    busy = plane.history.column("service/app/v1/in_flight_s")[15:40]
    assert math.fsum(busy) / 25 == pytest.approx(10.0, abs=0.02)
    assert sum(plane.history.column("service/app/v1/rejected")) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("number", range(1, 30))
def test_a_drawn_network_is_always_the_same_and_large_enough(number: int) -> None:
    case = drawn(number)
    assert case.build() == drawn(number).build()
    assert case.actions == drawn(number).actions
    assert all(g.limit_per_pod > 8 for g in build(case.build()).groups)
