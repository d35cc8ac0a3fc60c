"""The exact engine, and the cohort engine against it on scenarios small enough for seconds of CPU.

Tolerances are of the sampling kind: an exact run of a minute has a few thousand requests.
"""

import pickle
from typing import Any

import pytest

from simulator.engine import network
from simulator.engine.exact import ExactPlane, events_per_request
from simulator.scenario import Scenario, parse
from tests.simulator.engine_scenes import (
    DATABASE,
    SERVICE,
    failed,
    mean,
    plane_of,
    service_raw,
    small,
    small_raw,
    total,
)

SEEDS = (1, 2)
WARM_S = 15
END_S = 60

HEALTHY: dict[str, Any] = {"rps": 60}
PLATEAU: dict[str, Any] = {"rps": 60, "queries": 8, "limit": 20, "timeout_s": 5.0}
IMPATIENT: dict[str, Any] = {"rps": 60, "queries": 8, "limit": 20, "timeout_s": 2.0}
RETRYING: dict[str, Any] = {"rps": 40, "queries": 8, "limit": 20, "retries": 2, "backoff_s": 0.5}
ABANDONED: dict[str, Any] = {"rps": 40, "queries": 8, "limit": 50, "timeout_s": 1.0}


def run(scenario: Scenario, engine: str, seed: int = 1, to_s: float = END_S) -> Any:
    plane = plane_of(scenario, engine, seed)
    plane.advance(to_s)
    return plane


def per_request(plane: Any, key: str) -> float:
    """A column over what was offered: the luck of arrivals (1.4 % over both seeds) cancels out."""
    return total(plane, key, WARM_S) / total(plane, "class/buy/offered", WARM_S)


def failed_share(plane: Any) -> float:
    return failed(plane, "buy", WARM_S) / total(plane, "class/buy/offered", WARM_S)


# -- the oracle by itself


def test_a_run_is_a_function_of_its_seed() -> None:
    scenario = small(bad_queries=6, worker_rate=30, retries=1)
    runs = [run(scenario, "exact", seed, 10).history.columns for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_steps_and_forks_change_nothing() -> None:
    scenario = small(queries=4, worker_rate=30)
    whole = run(scenario, "exact", to_s=8)
    stepped = plane_of(scenario, "exact")
    for tick in range(1, 60):
        stepped.advance(tick * 0.1)
    forked = pickle.loads(pickle.dumps(stepped))
    for plane in (stepped, forked):
        plane.advance(8)
        assert plane.history.columns == whole.history.columns


def books(plane: ExactPlane) -> None:
    """Counts agree with what the engine holds: pods, pools, stores."""
    for g, pods in enumerate(plane.pods):
        limit = plane.network.groups[g].limit_per_pod
        assert all(0 <= pod.busy <= limit for pod in pods)
    for p, pool in enumerate(plane.runs):
        running = [r for _, _, r in plane.stores[plane.network.pools[p].database].jobs]
        assert pool.active == sum(plane.network.nodes[r.node].pool == p for r in running)
        assert 0 <= pool.active <= pool.open
        assert not pool.queue or pool.active == pool.open
    for store in plane.stores:
        assert all(r.node >= 0 for _, _, r in store.jobs)


def test_its_books_balance_through_deaths_and_changes() -> None:
    numbers: dict[str, Any] = {
        "queries": 3,
        "queue": 5,
        "behind": "mail",
        "neighbour_rps": 30,
        "timeout_s": 1.0,
    }
    plane = plane_of(small(rps=80, **numbers), "exact")
    acts = {
        2: ("set_pods", SERVICE, "v2", 3),
        4: ("kill_pods", SERVICE, "v1", 2),
        5: ("kill_pods", "reports", "r1", 1),
        6: ("set_pods", SERVICE, "v1", 0),
        7: ("set_failing", SERVICE, 0.5, "broken"),
        8: ("kill_pods", "mail", "go", 1),
    }
    for second in range(1, 12):
        plane.advance(second)
        books(plane)
        if second in acts:
            what, *args = acts[second]
            getattr(plane, what)(*args)
    for name in ("buy", "report"):
        plane.set_rate(name, 0.0)
    plane.advance(30)
    books(plane)
    assert [pool.active for pool in plane.runs] == [0, 0]
    assert all(pod.busy == 0 for pods in plane.pods for pod in pods)
    assert plane.runs[1].open == 0  # the neighbour holds a connection only while it asks
    for name in ("buy", "report"):
        kinds = ("ok", "declined", "rejected", "timeout", "error")
        ended = sum(total(plane, f"class/{name}/{kind}") for kind in kinds)
        assert ended == total(plane, f"class/{name}/offered")


def test_a_dead_pod_holds_no_connection() -> None:
    plane = plane_of(small(rps=60, neighbour_rps=400, slots=60), "exact")
    plane.advance(5)
    while plane.runs[1].active < 2:
        plane.advance(plane.now_s + 0.01)
    plane.kill_pods("reports", "r1", 2)
    assert (plane.runs[1].active, plane.runs[1].open) == (0, 0)


@pytest.mark.parametrize(("engine", "tolerance"), [("cohort", 0.02), ("exact", 0.1)])
def test_a_pod_that_dies_fails_those_who_wait_in_it(engine: str, tolerance: float) -> None:
    numbers: dict[str, Any] = {
        "queries": 0,
        "bad_queries": 0,
        "work_ms": 500,
        "pods": 2,
        "limit": 10,
        "queue": 50,
    }
    plane = plane_of(small(rps=100, timeout_s=60.0, **numbers), engine)
    plane.advance(6)
    plane.set_rate("buy", 0.0)
    plane.kill_pods(SERVICE, "v1", 2)
    plane.advance(12)
    assert total(plane, "class/buy/error") == pytest.approx(20 + 100, rel=tolerance)
    assert total(plane, "class/buy/timeout") == 0


def test_two_choices_keep_pods_alike() -> None:
    """The fullest of ten pods is a few requests above the mean; a single random choice would be far off."""
    plane = plane_of(small(rps=400, queries=0, bad_queries=0, work_ms=500, pods=10, limit=200), "exact")
    widest = []
    for tick in range(20, 60):
        plane.advance(tick * 0.2)
        busy = [pod.busy for pod in plane.pods[0]]
        widest.append(max(busy) - sum(busy) / len(busy))
    # one random choice: Poisson(20) in every pod, the fullest of ten at +1.5 sigma = +7
    assert sum(widest) / len(widest) < 4.5


def test_a_breaker_opens_for_its_time_and_probes() -> None:
    breaker = {"window": 20, "open_s": 10, "half_open_calls": 5}
    plane = plane_of(small(rps=50, worker_rate=40, breaker=breaker), "exact")
    plane.advance(3)
    plane.set_failing(SERVICE, 1.0, "broken")
    plane.advance(20)
    plane.set_failing(SERVICE, 0.0, "")
    plane.advance(45)
    states = [(t, state) for t, _, state in plane.breaker_changes()]
    assert [s for _, s in states] == ["OPEN", "HALF_OPEN", "OPEN", "HALF_OPEN", "CLOSED"]
    assert states[1][0] - states[0][0] == pytest.approx(10, abs=0.1)
    assert states[3][0] - states[2][0] == pytest.approx(10, abs=0.1)
    parked = total(plane, "class/buy/error")
    assert total(plane, "worker/courier/drained") + plane.history.last(
        "worker/courier/backlog"
    ) == pytest.approx(parked, abs=5)


def test_every_class_is_simulated_unless_that_takes_too_long() -> None:
    numbers: dict[str, Any] = {"behind": "mail", "neighbour_rps": 30}
    raw = small_raw(rps=100, **numbers)
    raw["components"]["alone"] = service_raw([{"work_ms": 5.0}], {"v1": 1}, 2, 30, 10)
    raw["traffic"]["classes"]["look"] = {"share": 0.5, "path": "alone.go"}
    assert plane_of(parse(raw, "x"), "exact").classes == ["buy", "report", "look"]
    found = network.build(parse(raw, "x"))
    assert events_per_request(found) == pytest.approx([1 + 1 + 1 + 1, 1 + 1, 1 + 1])
    raw["traffic"]["rps"] = 50_000
    plane = plane_of(parse(raw, "x"), "exact")
    assert plane.classes == ["buy", "report"]  # they share the database
    plane.set_rate("look", 10.0)
    assert plane.rates[2] == 0.0


# -- the cohort engine against it


@pytest.mark.parametrize("numbers", [HEALTHY, {"rps": 120, "cores": 2}, {"rps": 30, "queries": 5}])
def test_utilisation(numbers: dict[str, Any]) -> None:
    scenario = small(**numbers)
    cohort, exact = run(scenario, "cohort"), [run(scenario, "exact", seed) for seed in SEEDS]
    for key in (f"db/{DATABASE}/cpu", f"service/{SERVICE}/v1/cpu_share", "class/buy/ok"):
        expected = sum(per_request(plane, key) for plane in exact) / len(exact)
        assert per_request(cohort, key) == pytest.approx(expected, rel=0.01), key


@pytest.mark.parametrize("numbers", [PLATEAU, IMPATIENT, RETRYING, ABANDONED])
def test_failed_share_on_a_plateau(numbers: dict[str, Any]) -> None:
    scenario = small(**numbers)
    cohort = failed_share(run(scenario, "cohort"))
    exact = sum(failed_share(run(scenario, "exact", seed)) for seed in SEEDS) / len(SEEDS)
    assert exact > 0.3
    assert cohort == pytest.approx(exact, abs=0.03)


@pytest.mark.parametrize("numbers", [PLATEAU, IMPATIENT, ABANDONED])
def test_who_waits_on_a_plateau(numbers: dict[str, Any]) -> None:
    scenario = small(**numbers)
    cohort, exact = run(scenario, "cohort"), [run(scenario, "exact", seed) for seed in SEEDS]
    pool = f"pool/{DATABASE}/"
    for key, tolerance in (("waiting", 0.06), ("active", 0.01), ("queries", 0.03), ("wait_s", 0.08)):
        expected = sum(mean(plane, pool + key, WARM_S) for plane in exact) / len(exact)
        assert mean(cohort, pool + key, WARM_S) == pytest.approx(expected, rel=tolerance), key


def test_a_mixed_rollout_sends_the_same_share_to_each_version() -> None:
    """Two choices prefer the emptier pods: the slow version gets less than its share of pods."""
    scenario = small(rps=100, queries=1, bad_queries=6, cores=8, pods=4, limit=25)
    shares, failures = [], []
    for engine in ("cohort", "exact"):
        plane = plane_of(scenario, engine)
        plane.set_pods(SERVICE, "v2", 4)
        plane.advance(40)
        requests = [mean(plane, f"service/{SERVICE}/{v}/requests", WARM_S) for v in ("v1", "v2")]
        shares.append(requests[1] / sum(requests))
        failures.append(failed(plane, "buy", WARM_S) / total(plane, "class/buy/offered", WARM_S))
    assert shares[1] < 0.45
    assert shares[0] == pytest.approx(shares[1], abs=0.04)
    assert failures[0] == pytest.approx(failures[1], abs=0.02)


@pytest.mark.parametrize(("rps", "low", "high"), [(40, 0.0, 0.01), (72, 0.07, 0.12), (120, 1 / 3, 0.4)])
def test_admission_near_the_limit(rps: float, low: float, high: float) -> None:
    """Work alone on 40 slots. Erlang's loss formula gives 0, 7 and 34 % for one pod of 40; pods of ten
    refuse somewhat more, and the cohort engine errs towards the single pod by up to five points."""
    scenario = small(rps=rps, queries=0, bad_queries=0, work_ms=500, pods=4, limit=10)
    shares = []
    for engine in ("cohort", "exact"):
        shares.append(per_request(run(scenario, engine), "class/buy/rejected"))
        assert low <= shares[-1] + 0.005 and shares[-1] <= high, engine
    assert shares[0] == pytest.approx(shares[1], abs=0.06)


@pytest.mark.parametrize("engine", ["cohort", "exact"])
def test_no_slot_left_refuses_who_has_no_pool(engine: str) -> None:
    """The pool holds every slot of the database: each query of the neighbour fails at once."""
    plane = plane_of(small(rps=60, neighbour_rps=30, pool={"limit": 20, "open": 20}, slots=20), engine)
    plane.advance(20)
    assert total(plane, "class/report/ok") == 0
    assert total(plane, "class/report/error") == pytest.approx(total(plane, "class/report/offered"), abs=1)
    assert plane.history.last("pool/reports/refused") == pytest.approx(
        total(plane, "class/report/error"), abs=1
    )
    assert failed(plane, "buy") == 0
    assert plane.history.last(f"db/{DATABASE}/connections") == pytest.approx(20, abs=1e-6)


@pytest.mark.parametrize("engine", ["cohort", "exact"])
def test_a_slot_left_serves_who_has_no_pool(engine: str) -> None:
    plane = plane_of(small(rps=60, neighbour_rps=30, pool={"limit": 20, "open": 20}, slots=30), engine)
    plane.advance(20)
    assert failed(plane, "report") == 0
    assert plane.history.last("pool/reports/refused") == 0


def test_connections_grow_alike() -> None:
    numbers: dict[str, Any] = {"limit": 40, "open": 2, "connect_ms": 150}
    scenario = small(rps=200, queries=4, limit=100, pool=numbers, timeout_s=20)
    opened = [
        run(scenario, engine, to_s=5).history.column(f"pool/{DATABASE}/open")
        for engine in ("cohort", "exact")
    ]
    for cohort, exact in zip(*opened, strict=True):
        assert cohort == pytest.approx(exact, abs=1.5)


@pytest.mark.parametrize(("numbers", "tolerance"), [(HEALTHY, 0.12), (PLATEAU, 0.12)])
def test_p99(numbers: dict[str, Any], tolerance: float) -> None:
    scenario = small(**numbers)
    cohort = run(scenario, "cohort").p99_series_ms("buy")[30:]
    exact = [run(scenario, "exact", seed).p99_series_ms("buy")[30:] for seed in SEEDS]
    expected = sum(map(sum, exact)) / sum(map(len, exact))
    assert sum(cohort) / len(cohort) == pytest.approx(expected, rel=tolerance)
