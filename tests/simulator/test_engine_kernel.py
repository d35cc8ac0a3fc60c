"""The cohort kernel: nothing is lost or made up, and its numbers are those of textbooks."""

import math
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import codes, network
from simulator.engine.cohort import CohortPlane, delay_weights
from simulator.engine.network import QUERY
from simulator.scenario import parse
from tests.simulator.engine_scenes import (
    DATABASE,
    SERVICE,
    bare_raw,
    check_books,
    digest,
    failed,
    mass_at_nodes,
    mean,
    plane_of,
    service,
    small,
    total,
)

HORIZON_S = 8

# -- what must hold for any network and any hands on it


pools = st.fixed_dictionaries(
    {
        "limit": st.integers(1, 40),
        "open": st.integers(0, 40),
        "connect_ms": st.sampled_from([20, 100, 700]),
        "acquire_timeout_s": st.sampled_from([None, 0.1, 1.0]),
    }
)
networks = st.fixed_dictionaries(
    {
        "rps": st.floats(5, 300),
        "queries": st.integers(0, 3),
        "bad_queries": st.integers(1, 8),
        "cpu_ms": st.floats(1, 40),
        "cores": st.integers(1, 6),
        "work_ms": st.floats(1, 120),
        "shape": st.integers(1, 4),
        "pods": st.integers(0, 5),
        "limit": st.integers(1, 40),
        "queue": st.integers(0, 20),
        "pool": pools,
        "slots": st.integers(1, 60),
        "timeout_s": st.sampled_from([0.3, 1.0, 2.5]),
        "retries": st.integers(0, 3),
        "backoff_s": st.sampled_from([0.05, 0.4]),
        "worker_rate": st.sampled_from([0.0, 60.0]),
        "neighbour_rps": st.sampled_from([0.0, 25.0]),
        "behind": st.sampled_from([None, "mail"]),
    }
)
versions = st.sampled_from(["v1", "v2"])
actions = st.one_of(
    st.tuples(st.just("set_pods"), st.just(SERVICE), versions, st.integers(0, 5)),
    st.tuples(st.just("kill_pods"), st.just(SERVICE), versions, st.integers(0, 5)),
    st.tuples(st.just("set_failing"), st.just(SERVICE), st.sampled_from([0.0, 0.3, 1.0]), st.just("broken")),
    st.tuples(st.just("set_pool_limit"), st.just(DATABASE), st.just(DATABASE), st.integers(1, 60)),
    st.tuples(st.just("set_rate"), st.just("buy"), st.floats(0, 400)),
)
plans = st.lists(st.tuples(st.integers(0, HORIZON_S * 20 - 1), actions), max_size=6)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(numbers=networks, plan=plans)
def test_nothing_is_lost_whatever_anybody_does(numbers: dict[str, Any], plan: list[Any]) -> None:
    plane = plane_of(small(**numbers))
    due = sorted(plan, key=lambda entry: entry[0])
    for second in range(1, HORIZON_S + 1):
        while due and due[0][0] < second * 20:
            tick, (what, *args) = due.pop(0)
            plane.advance(tick / 20)
            getattr(plane, what)(*args)
        plane.advance(second)
        check_books(plane)


def test_a_network_comes_to_rest_when_nobody_asks() -> None:
    """After an overload with zombies, retries and a death, no slot or connection stays taken."""
    plane = plane_of(small(bad_queries=8, timeout_s=0.5, retries=2, behind="mail", queue=5, neighbour_rps=20))
    plane.advance(2)
    plane.set_pods(SERVICE, "v2", 4)
    plane.advance(6)
    plane.kill_pods(SERVICE, "v2", 3)
    plane.set_pods(SERVICE, "v1", 1)
    plane.advance(8)
    for name in ("buy", "report"):
        plane.set_rate(name, 0.0)
    plane.advance(20)
    k = plane.kernel
    for masses in (k.group_busy, k.group_draining, k.pool_busy, k.queue_total, k.outstanding):
        assert max(map(abs, masses)) < 1e-6


def test_a_fork_continues_as_its_original() -> None:
    plane = plane_of(small(bad_queries=6, worker_rate=50, retries=1, behind="mail"))
    plane.advance(3.05)  # between seconds and between buckets
    copy = pickle.loads(pickle.dumps(plane))
    for one in (plane, copy):
        one.set_pods(SERVICE, "v2", 3)
        one.advance(9)
    assert digest(plane) == digest(copy)


@pytest.mark.parametrize("steps", [[9.0], [0.05 * n for n in range(181)], [0.51, 2.0, 7.77, 9.0]])
def test_the_size_of_the_steps_does_not_matter(steps: list[float]) -> None:
    scenario = small(queries=4, worker_rate=50)
    whole, other = plane_of(scenario), plane_of(scenario)
    whole.advance(9)
    for to_s in steps:
        other.advance(to_s)
    assert digest(whole) == digest(other)


# -- the delay kernel


@settings(max_examples=80, deadline=None, derandomize=True)
@given(mean_s=st.floats(1e-5, 2.0), shape=st.integers(1, 16), dt_s=st.sampled_from([0.01, 0.05, 0.1]))
def test_delays_keep_mass_and_mean(mean_s: float, shape: int, dt_s: float) -> None:
    """Departures count in the tick they happen in, so a delay of j ticks means j * dt on average."""
    weights = delay_weights(mean_s, shape, dt_s)
    assert math.fsum(weights) == pytest.approx(1.0, abs=1e-12)
    assert min(weights) > -1e-9
    assert math.fsum(j * dt_s * w for j, w in enumerate(weights)) == pytest.approx(mean_s, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("shape", [1, 3, 16])
def test_delays_keep_the_spread(shape: int) -> None:
    """Variance: the Erlang one plus that of where in its tick a request comes and goes (dt² / 6)."""
    mean_s, dt = 0.4, 0.05
    weights = delay_weights(mean_s, shape, dt)
    middle = math.fsum(j * dt * w for j, w in enumerate(weights))
    variance = math.fsum((j * dt - middle) ** 2 * w for j, w in enumerate(weights))
    assert variance == pytest.approx(mean_s**2 / shape + dt**2 / 6, rel=0.01)


# -- closed forms


def test_a_healthy_service_obeys_little_and_utilisation() -> None:
    """60 requests/s of 20 ms + 10 ms on 2 cores: an M/M/2 at rho = 0.3 behind 1.2 at work."""
    inside = 2 * 0.3 / (1 - 0.3**2)
    plane = plane_of(small(rps=60))
    plane.advance(20)
    assert mean(plane, f"db/{DATABASE}/cpu", 5) == pytest.approx(60 * 0.010 / 2, rel=0.005)
    assert mean(plane, f"pool/{DATABASE}/active", 5) == pytest.approx(inside, rel=0.005)
    assert mean(plane, f"service/{SERVICE}/v1/in_flight", 5) == pytest.approx(1.2 + inside, rel=0.005)
    assert mean(plane, "class/buy/ok", 5) == pytest.approx(60, rel=1e-6)
    assert failed(plane) == 0.0


@pytest.mark.parametrize(("cores", "cpu_ms", "queries"), [(2, 10.0, 4), (3, 25.0, 2), (8, 6.9, 16)])
def test_a_saturated_database_serves_cores_over_cpu(cores: int, cpu_ms: float, queries: int) -> None:
    capacity = cores / (cpu_ms / 1000)
    rps = 3 * capacity / queries
    plane = plane_of(small(rps=rps, queries=queries, cores=cores, cpu_ms=cpu_ms, limit=40, timeout_s=20))
    plane.advance(40)
    assert mean(plane, f"pool/{DATABASE}/queries", 20) == pytest.approx(capacity, rel=0.01)
    assert mean(plane, f"db/{DATABASE}/cpu", 20) == pytest.approx(1.0, abs=0.01)
    assert mean(plane, "class/buy/ok", 20) == pytest.approx(capacity / queries, rel=0.06)
    # a connection of n shares the cores with n - 1 others: that is how long its query takes
    latency = mean(plane, f"db/{DATABASE}/latency_s", 20)
    assert latency == pytest.approx(20 / cores * cpu_ms / 1000, rel=0.01)


def test_a_full_pool_obeys_little_on_its_plateau() -> None:
    """waiting = throughput x wait, and the requests inside are those that wait, run or work."""
    plane = plane_of(small(rps=150, queries=4, limit=50, timeout_s=20))
    plane.advance(60)
    pool = f"pool/{DATABASE}/"
    waiting, wait_s = mean(plane, pool + "waiting", 30), mean(plane, pool + "wait_s", 30)
    queries, active = mean(plane, pool + "queries", 30), mean(plane, pool + "active", 30)
    assert waiting > 100
    assert waiting == pytest.approx(queries * wait_s, rel=0.03)
    inside = waiting + active + mean(plane, "class/buy/ok", 30) * 0.020
    assert mean(plane, f"service/{SERVICE}/v1/in_flight", 30) == pytest.approx(inside, rel=0.01)


def test_processor_sharing_slows_everybody_alike() -> None:
    """Two pools share the cores in proportion to their busy connections."""
    plane = plane_of(small(rps=150, queries=4, neighbour_rps=100))
    plane.advance(30)
    own = mean(plane, f"pool/{DATABASE}/queries", 15) * 0.010
    other = mean(plane, "pool/reports/queries", 15) * 0.002
    assert own + other == pytest.approx(2.0, rel=0.005)
    shares = mean(plane, f"pool/{DATABASE}/active", 15) / mean(plane, "pool/reports/active", 15)
    assert own / other == pytest.approx(shares, rel=0.02)


def test_a_refusing_bulkhead_lets_in_what_its_slots_can_turn_over() -> None:
    """Without a database: c slots of 0.5 s each serve 2 c a second at most, the rest is refused at once."""
    plane = plane_of(small(rps=100, queries=0, bad_queries=0, work_ms=500, pods=4, limit=5))
    plane.advance(30)
    served = mean(plane, "class/buy/ok", 10)
    assert 0.9 * 40 < served <= 40.5
    assert mean(plane, "class/buy/rejected", 10) == pytest.approx(100 - served, rel=0.01)
    assert total(plane, "class/buy/timeout") == 0.0


# -- clients that leave, retry and are parked


def test_clients_leave_and_the_servers_work_on() -> None:
    """With a wait above the time-out nearly nobody is served in time, yet the database is never idle."""
    plane = plane_of(small(rps=60, queries=8, limit=50, timeout_s=1.0))
    plane.advance(30)
    assert mean(plane, f"db/{DATABASE}/cpu", 15) == pytest.approx(1.0, abs=0.01)
    assert mean(plane, "class/buy/ok", 15) < 0.5
    live, zombies = mass_at_nodes(plane.kernel)
    assert math.fsum(zombies) > math.fsum(live)
    patient = plane_of(small(rps=60, queries=8, limit=50, timeout_s=20.0))
    patient.advance(30)
    assert mean(patient, "class/buy/ok", 15) > 20


def test_a_time_out_comes_when_it_is_due() -> None:
    """The first clients leave after the time-out, within one bucket of 0.1 s and a tick."""
    plane = plane_of(
        small(rps=100, queries=0, bad_queries=0, work_ms=60_000, shape=16, limit=1000, timeout_s=2.0)
    )
    for tick in range(1, 60):
        plane.advance(tick * 0.05)
        if sum(plane.kernel.failed) > 0 or total(plane, "class/buy/timeout") > 0:
            break
    assert 2.0 <= tick * 0.05 <= 2.2


@pytest.mark.parametrize("retries", [0, 1, 3, 20])
def test_retries_multiply_the_offered_load(retries: int) -> None:
    """When everything fails at once, every request is offered 1 + retries times (eight counted at most)."""
    plane = plane_of(small(rps=50, retries=retries, backoff_s=0.1, worker_rate=1.0))
    plane.set_failing(SERVICE, 1.0, "broken")
    plane.advance(8)
    offered = mean(plane, "class/buy/offered", 4)
    if retries < codes.MAX_ATTEMPTS:
        assert offered == pytest.approx(50 * (1 + retries), rel=1e-6)
        assert plane.history.last("worker/courier/backlog") == pytest.approx(
            50 * (8 - 0.1 * retries), rel=0.02
        )
    else:
        assert offered > 50 * codes.MAX_ATTEMPTS  # it never stops
    assert mean(plane, "class/buy/error", 4) == pytest.approx(offered, rel=0.05)


def test_half_failing_halves() -> None:
    plane = plane_of(small(rps=80))
    plane.set_failing(SERVICE, 0.5, "relation dropped")
    plane.advance(10)
    assert mean(plane, "class/buy/error", 3) == pytest.approx(40, rel=1e-6)
    assert mean(plane, f"service/{SERVICE}/v1/errors", 3) == pytest.approx(40, rel=1e-6), "its pods answered"
    assert mean(plane, "class/buy/ok", 3) == pytest.approx(40, rel=1e-3)


# -- the worker and its breaker


def changes_of(plane: CohortPlane) -> list[tuple[float, str]]:
    return [(t, state) for t, _, state in plane.breaker_changes()]


def test_a_breaker_stays_open_for_its_minute() -> None:
    plane = plane_of(small(rps=50, worker_rate=40, breaker={"window": 20}))
    plane.advance(5)
    plane.set_failing(SERVICE, 1.0, "broken")
    plane.advance(130)
    states = changes_of(plane)
    assert [state for _, state in states[:4]] == ["OPEN", "HALF_OPEN", "OPEN", "HALF_OPEN"]
    assert states[0][0] == pytest.approx(5 + 20 / 40, abs=0.2)  # twenty calls at 40/s
    assert states[1][0] - states[0][0] == pytest.approx(60.0, abs=0.1)
    opened = int(states[0][0]) + 2
    backlog = plane.history.column("worker/courier/backlog")
    assert backlog[opened + 40] - backlog[opened] == pytest.approx(40 * 50, rel=1e-6)


def test_a_probe_that_succeeds_closes_the_breaker_and_drains() -> None:
    plane = plane_of(
        small(rps=20, worker_rate=40, breaker={"window": 20, "open_s": 10, "half_open_calls": 5})
    )
    plane.advance(5)
    plane.set_failing(SERVICE, 1.0, "broken")
    plane.advance(12)
    plane.set_failing(SERVICE, 0.0, "")
    plane.advance(40)
    states = changes_of(plane)
    assert [state for _, state in states] == ["OPEN", "HALF_OPEN", "CLOSED"]
    assert 0.1 <= states[2][0] - states[1][0] <= 0.5  # five calls at 40/s and their answers
    drained = plane.history.column("worker/courier/drained")
    assert max(drained) == pytest.approx(40, rel=0.01)
    assert plane.history.last("worker/courier/backlog") == pytest.approx(0.0, abs=1e-3)
    assert sum(drained) == pytest.approx(20 * 7, rel=0.01)  # all that failed between seconds 5 and 12


def test_declined_requests_are_not_parked() -> None:
    raw = small(rps=50, worker_rate=40).model_dump(mode="json")
    raw["traffic"]["classes"]["buy"]["decline"] = 0.1
    plane = plane_of(type(small()).model_validate(raw))
    plane.advance(10)
    assert mean(plane, "class/buy/declined", 2) == pytest.approx(5, rel=1e-3)
    assert plane.history.last("worker/courier/backlog") == 0.0


# -- connections


def test_a_pool_opens_one_connection_after_another() -> None:
    """From one open connection, with 200 ms a login: one more every 200 ms while somebody waits."""
    numbers: dict[str, Any] = {"limit": 30, "open": 1, "connect_ms": 200}
    plane = plane_of(small(rps=400, queries=4, limit=200, timeout_s=20, pool=numbers))
    opened = []
    for tick in range(1, 101):
        plane.advance(tick * 0.05)
        opened.append(plane.kernel.pool_open[0])
    assert max(b - a for a, b in zip(opened, opened[1:], strict=False)) == 1.0
    first, last = opened.index(2.0), opened.index(20.0)
    assert (last - first) * 0.05 == pytest.approx(18 * 0.2, abs=0.05)


def test_a_quiet_pool_opens_nothing() -> None:
    plane = plane_of(small(rps=20, pool={"limit": 30, "open": 10}))
    plane.advance(20)
    assert plane.history.last(f"pool/{DATABASE}/open") == 10


def test_logins_beyond_the_slots_are_refused() -> None:
    plane = plane_of(small(rps=300, queries=4, pool={"limit": 30, "open": 5}, slots=12))
    plane.advance(15)
    assert plane.history.last(f"pool/{DATABASE}/open") == 12
    refused = plane.history.column(f"pool/{DATABASE}/refused")
    assert refused[14] - refused[4] == pytest.approx(10 / 0.1, rel=0.02)  # it tries again every 100 ms


def test_an_acquire_time_out_fails_those_who_wait() -> None:
    plane = plane_of(small(rps=150, queries=4, timeout_s=10, pool={"acquire_timeout_s": 0.2}))
    plane.advance(20)
    assert mean(plane, "class/buy/error", 10) == pytest.approx(
        mean(plane, f"pool/{DATABASE}/timeouts", 10), rel=0.01
    )
    assert max(plane.history.column(f"pool/{DATABASE}/wait_s")) <= 0.25
    assert mean(plane, f"db/{DATABASE}/cpu", 10) == pytest.approx(1.0, abs=0.02)


def test_a_pool_is_called_full_when_it_is() -> None:
    plane = plane_of(small(rps=60, bad_queries=6))
    plane.advance(4)
    assert plane.pool_full_since(DATABASE) is None
    plane.set_pods(SERVICE, "v1", 0)
    plane.set_pods(SERVICE, "v2", 4)
    plane.advance(14)
    since = plane.pool_full_since(DATABASE)
    assert since is not None and 4.0 < since < 6.0
    plane.set_pods(SERVICE, "v2", 0)
    plane.set_pods(SERVICE, "v1", 4)
    plane.advance(30)
    assert plane.pool_full_since(DATABASE) is None


# -- pods


def test_removed_pods_finish_what_they_hold() -> None:
    plane = plane_of(small(rps=100, queries=0, bad_queries=0, work_ms=400))
    plane.advance(5)
    plane.set_pods(SERVICE, "v2", 4)
    plane.set_pods(SERVICE, "v1", 0)
    plane.advance(12)
    assert failed(plane) == pytest.approx(0.0, abs=1e-6)
    column = plane.history.column(f"service/{SERVICE}/v1/in_flight")
    assert column[5] > 0.5 and column[11] < 1e-3
    assert plane.group(SERVICE, "v1").pods == 0


def test_killed_pods_take_their_requests_with_them() -> None:
    plane = plane_of(small(rps=100, queries=0, bad_queries=0, work_ms=400))
    plane.advance(5)
    inside = plane.kernel.group_busy[0]
    plane.kill_pods(SERVICE, "v1", 1)
    plane.advance(6)
    assert total(plane, "class/buy/error") == pytest.approx(inside / 4, rel=1e-6)
    assert plane.group(SERVICE, "v1").pods == 3


def test_new_pods_take_what_full_ones_refuse() -> None:
    plane = plane_of(small(rps=100, queries=0, bad_queries=0, work_ms=500, pods=2, limit=10))
    plane.advance(10)
    before = mean(plane, "class/buy/rejected", 5)
    plane.set_pods(SERVICE, "v1", 8)
    plane.advance(20)
    assert before > 50
    assert mean(plane, "class/buy/rejected", 15) < 1.0  # two full ones are drawn now and then


WAITING: dict[str, Any] = {
    "rps": 100,
    "queries": 0,
    "bad_queries": 0,
    "work_ms": 500,
    "pods": 2,
    "limit": 10,
    "queue": 50,
}


def test_requests_that_wait_inside_a_killed_pod_fail_with_it() -> None:
    plane = plane_of(small(**WAITING))
    plane.advance(6)
    station = plane.kernel.group_station[0]
    waiting = plane.kernel.queue_total[station]
    assert waiting > 20
    plane.kill_pods(SERVICE, "v1", 1)
    assert plane.kernel.queue_total[station] == pytest.approx(waiting / 2, rel=1e-6)
    plane.kill_pods(SERVICE, "v1", 1)
    plane.advance(7)
    assert plane.kernel.queue_total[station] == pytest.approx(0.0, abs=1e-6)
    check_books(plane)


def test_requests_that_wait_inside_a_removed_pod_are_refused() -> None:
    plane = plane_of(small(**WAITING))
    plane.advance(6)
    station = plane.kernel.group_station[0]
    waiting = plane.kernel.queue_total[station]
    assert waiting > 20
    plane.set_pods(SERVICE, "v1", 1)
    assert plane.kernel.queue_total[station] == pytest.approx(waiting / 2, rel=1e-6)
    plane.set_pods(SERVICE, "v1", 0)
    plane.advance(7)
    assert plane.kernel.queue_total[station] == pytest.approx(0.0, abs=1e-6)
    check_books(plane)


def test_nodes_of_a_version_run_its_number_of_queries() -> None:
    plane = plane_of(small(queries=2, bad_queries=5, cpu_ms=5))
    nodes = [n for n in plane.network.nodes if n.kind == QUERY]
    assert len(nodes) == 7
    plane.advance(10)
    assert mean(plane, f"pool/{DATABASE}/queries", 3) == pytest.approx(200, rel=0.01)


def test_two_data_centres_share_no_doors() -> None:
    """What comes to the pods of one place asks nothing of the other's, however fast their slots turn over."""
    raw = {
        "id": "places",
        "duration_s": 30,
        "traffic": {"rps": 250_000, "entry": "lb", "classes": {"a": {"path": "s.do"}}},
        "datacenters": {"d1": {}, "d2": {}},
        "links": [{"between": ["d1", "d2"], "latency_ms": 5.0}],
        "components": {
            "lb": {"kind": "balancer", "timeout_s": 3},
            "s": {
                "kind": "service",
                "pods": 40,
                "placement": {"d1": 20, "d2": 20},
                "bulkhead": {"limit": 64, "queue": 64},
                "endpoints": {"do": [{"work_ms": 5, "shape": 2}]},
            },
        },
    }
    scenario = parse(raw, "places")
    plane = CohortPlane(scenario, network.build(scenario), 1)
    plane.advance(10)
    history = plane.history
    assert history.last("class/a/rejected") == 0.0
    for place in ("d1", "d2"):
        assert history.last(f"service/s/v1@{place}/in_flight") == pytest.approx(625, rel=0.01)


@pytest.mark.parametrize(("rps", "work_ms"), [(1200, 40), (1500, 40), (1200, 10)])
def test_in_overload_a_deadline_leaves_little_time_to_those_who_are_served(
    rps: float, work_ms: float
) -> None:
    """M/M/c+D: the rest is exponential, one over the rate of those who are dropped; the work has to fit into it."""
    capacity = 1000
    slots = round(capacity * work_ms / 1000)
    parts = {"s": service({"work_ms": work_ms}, limit=slots, queue=2000)}
    scenario = parse(bare_raw(parts, rps, {"timeout_s": 1.0, "deadline": True}), "late")
    plane = CohortPlane(scenario, network.build(scenario), 1)
    plane.advance(40)
    rest_ms = 1000 / (rps - capacity)
    expected = rest_ms / (rest_ms + work_ms) * capacity / rps
    assert total(plane, "class/all/ok", 15) / total(plane, "class/all/offered", 15) == pytest.approx(
        expected, abs=0.02
    )
    assert total(plane, "service/s/v1/late", 15) / 25 == pytest.approx(rps - capacity, rel=0.05)
    assert plane.latency_s("all", 15, 40)[0] == pytest.approx(
        1.0 - rest_ms * work_ms / (rest_ms + work_ms) / 1000, abs=0.004
    )
    check_books(plane)
