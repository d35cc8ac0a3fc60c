"""The exact engine's stations against the closed forms of queueing theory.

Tolerances are two to three standard errors of runs of about a hundred thousand requests.
"""

import math

import pytest

from benchmarks.closed_forms import erlang_b, erlang_c, quantile
from simulator.engine import streams
from simulator.engine.exact_parts import FEW_STAGES, Luck
from tests.depth import some
from tests.simulator.exact_scenes import (
    ROOMY,
    Tape,
    at_limit,
    database,
    exact,
    service,
    sojourn_survival,
    total,
)


def test_luck_is_the_stream_of_its_seed() -> None:
    luck, key = Luck(7), streams.key_of(7, "exact")
    assert [luck.uniform() for _ in range(5)] == [streams.uniform(key, n) for n in range(1, 6)]


@pytest.mark.parametrize("shape", some([1, FEW_STAGES, 16, 2, 5], 2))
def test_erlang_draws_have_their_moments(shape: int) -> None:
    luck = Luck(1)
    draws = [luck.erlang(shape, 2.0) for _ in range(20_000)]
    mean = sum(draws) / len(draws)
    assert mean == pytest.approx(2.0, rel=0.02 / math.sqrt(shape))
    assert sum((x - mean) ** 2 for x in draws) / len(draws) == pytest.approx(4.0 / shape, rel=0.05)
    third = sum((x - mean) ** 3 for x in draws) / len(draws)
    assert third == pytest.approx(2.0 * 8.0 / shape**2, rel=0.2)


@pytest.mark.parametrize(("servers", "rps"), some([(8, 700.0), (1, 70.0)], 2))
def test_first_come_first_served_waits_as_erlang_says(servers: int, rps: float) -> None:
    plane = exact({"s": service({"work_ms": 10.0}, limit=servers, queue=ROOMY)}, rps)
    seconds = round(100_000 / rps)
    plane.advance(seconds)
    mean, p99 = plane.latency_s("all", 20, seconds)
    wait = erlang_c(servers, rps * 0.01) / (servers * 100.0 - rps)
    assert mean == pytest.approx(0.01 + wait, rel=0.03)
    assert p99 == pytest.approx(quantile(sojourn_survival(servers, rps, 0.01)), rel=0.06)


@pytest.mark.parametrize("shape", some([4, 16, 1], 2))
def test_general_work_waits_as_pollaczek_and_khinchine_say(shape: int) -> None:
    means = []
    for seed in (1, 2):
        steps = {"work_ms": 10.0, "shape": shape}
        plane = exact({"s": service(steps, limit=1, queue=ROOMY)}, 70.0, seed)
        plane.advance(700)
        means.append(plane.latency_s("all", 20, 700)[0])
    wait = 0.7 * 0.01 * (1.0 + 1.0 / shape) / (2.0 * 0.3)
    assert sum(means) / 2 == pytest.approx(0.01 + wait, rel=0.03)


@pytest.mark.parametrize(("servers", "queue", "rps"), some([(10, 0, 900.0), (1, 3, 80.0), (4, 6, 500.0)], 2))
def test_refusals_at_the_limit(servers: int, queue: int, rps: float) -> None:
    plane = exact({"s": service({"work_ms": 10.0}, limit=servers, queue=queue)}, rps)
    plane.advance(round(60_000 / rps))
    refused = total(plane, "class/all/rejected") / total(plane, "class/all/offered")
    assert refused == pytest.approx(at_limit(servers, queue, rps * 0.01), rel=0.04)
    if queue == 0:
        assert refused == pytest.approx(erlang_b(servers, rps * 0.01), rel=0.04)


def test_refusals_do_not_depend_on_the_kind_of_work_without_a_queue() -> None:
    """Erlang's loss formula holds for any distribution of the work."""
    plane = exact({"s": service({"work_ms": 10.0, "shape": 16}, limit=5)}, 500.0)
    plane.advance(120)
    refused = total(plane, "class/all/rejected") / total(plane, "class/all/offered")
    assert refused == pytest.approx(erlang_b(5, 5.0), rel=0.03)


@pytest.mark.parametrize(("cores", "rps"), some([(4, 300.0), (1, 60.0)], 2))
def test_a_database_shares_its_cores(cores: int, rps: float) -> None:
    """With exponential work the number in a shared station is that of M/M/c: the mean follows (Little)."""
    parts = {"s": service({"query": "db", "cpu_ms": 10.0}), "db": database(cores)}
    plane = exact(parts, rps)
    tape = Tape(plane)
    seconds = round(80_000 / rps)
    plane.advance(seconds)
    mean = 0.01 + erlang_c(cores, rps * 0.01) / (cores * 100.0 - rps)
    assert plane.latency_s("all", 20, seconds)[0] == pytest.approx(mean, rel=0.04)
    assert tape.mean("pool_busy_s", 0, 20) == pytest.approx(rps * mean, rel=0.04)


def test_a_pool_serves_in_order() -> None:
    """As many cores as connections: the pool alone is M/M/c."""
    parts = {"s": service({"query": "db", "cpu_ms": 10.0}), "db": database(8, 8)}
    plane = exact(parts, 700.0)
    plane.advance(140)
    wait = erlang_c(8, 7.0) / 100.0
    assert plane.latency_s("all", 10, 140)[0] == pytest.approx(0.01 + wait, rel=0.03)


@pytest.mark.parametrize(
    ("limit", "servers", "work_s", "rps"), [("2", 2, 0.01, 120.0), ("500m", 1, 0.02, 30.0)]
)
def test_a_pod_shares_its_cpu(limit: str, servers: int, work_s: float, rps: float) -> None:
    """Half a core runs everything at half speed."""
    step = {"work_ms": 10.0, "cpu": True}
    plane = exact({"s": service(step, resources={"cpu_limit": limit})}, rps)
    seconds = round(80_000 / rps)
    plane.advance(seconds)
    mean = work_s + erlang_c(servers, rps * work_s) / (servers / work_s - rps)
    assert plane.latency_s("all", 20, seconds)[0] == pytest.approx(mean, rel=0.04)


def test_pods_share_nothing() -> None:
    """Two pods of one core each hold more than one pod of two: nobody helps the other out."""
    step = {"work_ms": 10.0, "cpu": True}
    means = []
    for pods, limit in ((2, "1"), (1, "2")):
        plane = exact({"s": service(step, pods=pods, resources={"cpu_limit": limit})}, 150.0)
        plane.advance(200)
        means.append(plane.latency_s("all", 10, 200)[0])
    assert means[1] < means[0] < 0.04  # M/M/1 with half of the traffic at random: 0.04


def test_who_leaves_a_queue_is_served_all_the_same() -> None:
    """The share of time-outs is the sojourn's tail: those who left still take their turn."""
    plane = exact({"s": service({"work_ms": 10.0}, limit=1, queue=ROOMY)}, 80.0, lb={"timeout_s": 0.05})
    tape = Tape(plane)
    plane.advance(800)
    late = total(plane, "class/all/timeout") / total(plane, "class/all/offered")
    assert late == pytest.approx(math.exp(-20.0 * 0.05), rel=0.03)
    assert tape.mean("in_flight_s") == pytest.approx(0.8, rel=0.02)


def test_a_deadline_spares_the_work_for_those_who_left() -> None:
    """In an overload who waits in vain is dropped at the head of the queue; else nobody is served in time."""
    lb = {"timeout_s": 0.5, "deadline": True}
    plane = exact({"s": service({"work_ms": 10.0}, limit=1, queue=ROOMY)}, 200.0, lb=lb)
    plane.advance(60)
    assert total(plane, "class/all/ok", 10) / 50 > 45  # of 100: the head has hardly any time left
    wasted = exact({"s": service({"work_ms": 10.0}, limit=1, queue=ROOMY)}, 200.0, lb={"timeout_s": 0.5})
    wasted.advance(60)
    assert total(wasted, "class/all/ok", 10) == 0


def test_newest_first_waits_as_long_in_the_mean_and_otherwise_not() -> None:
    parts = {"s": service({"work_ms": 10.0}, limit=1, queue=ROOMY, order="lifo")}
    plane = exact(parts, 70.0)
    plane.advance(1400)
    mean, p99 = plane.latency_s("all", 20, 1400)
    assert mean == pytest.approx(1 / 30, rel=0.04)
    assert p99 > 1.4 * math.log(100) / 30  # far longer tails than first come, first served


def test_newest_first_sheds_the_oldest() -> None:
    """Twice what it can serve: half is shed, and who is served has hardly waited."""
    parts = {"s": service({"work_ms": 10.0}, limit=1, queue=50, order="lifo")}
    plane = exact(parts, 200.0)
    tape = Tape(plane)
    plane.advance(100)
    assert tape.mean("shed", 0, 10) == pytest.approx(100, rel=0.03)
    assert tape.sum("rejected") == tape.sum("shed")
    assert total(plane, "class/all/rejected", 10) / 90 == pytest.approx(100, rel=0.03)
    fifo = exact({"s": service({"work_ms": 10.0}, limit=1, queue=50)}, 200.0)
    fifo.advance(100)
    middle = [sorted(x for s in range(10, 100) for _, x in p.latencies[s]) for p in (plane, fifo)]
    assert middle[0][len(middle[0]) // 2] < 0.04
    assert middle[1][len(middle[1]) // 2] > 0.4


@pytest.mark.parametrize(("rps", "longest_s"), some([(3000.0, 0.005), (1500.0, 0.1)], 2))
def test_codel_keeps_waits_short_in_an_overload(rps: float, longest_s: float) -> None:
    """A queue that stands has the target for its limit; one that falls empty now and then, the interval."""
    shape = {"order": "codel", "target_ms": 5.0, "interval_ms": 100.0}
    work = {"work_ms": 1.0, "shape": 16}
    plane = exact({"s": service(work, limit=1, queue=ROOMY, **shape)}, rps)
    tape = Tape(plane)
    plane.advance(20)
    assert tape.mean("shed", 0, 5) == pytest.approx(rps - 1000, rel=0.05)
    assert tape.sum("shed") == tape.sum("rejected")
    waits = sorted(x for s in range(5, 20) for _, x in plane.latencies[s])
    assert waits[-1] < longest_s + 0.003
    assert waits[len(waits) // 2] == pytest.approx(0.0057, rel=0.1)
    assert total(plane, "class/all/ok", 5) / 15 == pytest.approx(1000, rel=0.02)


def test_codel_lets_a_burst_wait_for_its_interval() -> None:
    """The queue has not stood for long: nobody is dropped before he has waited for the interval."""
    shape = {"order": "codel", "target_ms": 5.0, "interval_ms": 1000.0}
    plane = exact({"s": service({"work_ms": 1.0, "shape": 16}, limit=1, queue=ROOMY, **shape)}, 5000.0)
    tape = Tape(plane)
    plane.advance(0.1)
    plane.set_rate("all", 0.0)
    plane.advance(3)
    assert tape.sum("shed") == 0
    waits = [x for s in range(3) for _, x in plane.latencies.get(s, ())]
    assert max(waits) > 0.3


def test_a_rate_limit_lets_pass_what_its_bucket_holds() -> None:
    plane = exact({"s": service({"work_ms": 1.0}, rate_limit={"rps": 50, "burst": 30})}, 200.0)
    tape = Tape(plane)
    plane.advance(100)
    passed = total(plane, "class/all/offered") - total(plane, "class/all/rejected")
    assert passed == pytest.approx(50 * 100 + 30, abs=1)
    assert tape.sum("rejected") == total(plane, "class/all/rejected")


def test_a_rate_limit_below_its_rate_seldom_refuses() -> None:
    plane = exact({"s": service({"work_ms": 1.0}, rate_limit={"rps": 100, "burst": 100})}, 80.0)
    plane.advance(100)
    assert total(plane, "class/all/rejected") == 0


@pytest.mark.parametrize("rates", some([(1.0, 50.0), (0.0, 50.0), (50.0, 0.0), (500.0, 50.0)], 2))
def test_a_rate_counts_from_the_moment_it_is_set(rates: tuple[float, float]) -> None:
    """Arrivals have no memory: the first second under a new rate is as full as any other."""
    arrived, gaps = 0.0, []
    for seed in range(1, 41):
        plane = exact({"s": service({"work_ms": 1.0})}, 20.0, seed)
        plane.set_rate("all", rates[0])
        plane.advance(2)
        plane.set_rate("all", rates[1])
        plane.advance(3)
        arrived += plane.history.column("class/all/offered")[2]
        gaps.append(plane.arrival_due[0])
    assert arrived / 40 == pytest.approx(rates[1], abs=3.5 * math.sqrt(rates[1] / 40))
    assert all((gap < math.inf) == (rates[1] > 0) for gap in gaps)


def test_a_rate_of_zero_and_back_waits_for_nobody() -> None:
    """The first arrival after a pause is exponential, not at a whole second."""
    firsts = []
    for seed in range(1, 201):
        plane = exact({"s": service({"work_ms": 1.0})}, 20.0, seed)
        plane.set_rate("all", 0.0)
        plane.advance(1)
        plane.set_rate("all", 2.0)
        firsts.append(plane.arrival_due[0] - 1.0)
    assert sum(firsts) / 200 == pytest.approx(0.5, rel=0.2)
    assert sum(x > 0.5 for x in firsts) / 200 == pytest.approx(math.exp(-1.0), abs=0.1)


def test_integrals_are_exact_within_the_second() -> None:
    """One request at a time is in flight for exactly as long as it takes."""
    plane = exact({"s": service({"work_ms": 50.0}, {"query": "db", "cpu_ms": 50.0}), "db": database()}, 2.0)
    tape = Tape(plane)
    plane.advance(60)
    plane.set_rate("all", 0.0)
    plane.advance(70)
    spent = math.fsum(x for s in plane.latencies.values() for _, x in s)
    assert tape.sum("in_flight_s") == pytest.approx(spent, rel=1e-9)
    assert 0 < tape.sum("pool_busy_s") < spent


def test_a_pool_gives_up_on_time() -> None:
    """A connection for ever taken: everybody behind it fails after exactly the time-out."""
    parts = {
        "s": service({"query": "db", "cpu_ms": 50_000.0}),
        "db": database(1, 1, pool={"acquire_timeout_s": 0.75}),
    }
    plane = exact(parts, 10.0)
    plane.advance(40)
    failed = total(plane, "class/all/error")
    assert failed > 300
    assert total(plane, "pool/db/timeouts") == failed == total(plane, "service/s/v1/errors")
    assert all(r.since > 40 - 0.75 for r in plane.runs[0].queue)


def test_cores_change_the_work_under_way() -> None:
    parts = {"s": service({"query": "db", "cpu_ms": 10.0}), "db": database(4)}
    plane = exact(parts, 300.0)
    plane.advance(20)
    plane.set_cores("db", 0.0)
    plane.advance(25)
    assert total(plane, "class/all/ok", 21, 25) == 0
    plane.set_cores("db", 8.0)
    plane.advance(120)
    mean = 0.01 + erlang_c(8, 3.0) / 500.0
    assert plane.latency_s("all", 40, 120)[0] == pytest.approx(mean, rel=0.03)
