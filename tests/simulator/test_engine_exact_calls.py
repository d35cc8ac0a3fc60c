"""The exact engine's callers: time-outs, retries and their budgets, breakers, optional calls, branches."""

import math
from typing import Any

import pytest

from simulator.engine.exact_parts import Breaker, Bucket
from simulator.scenario import BreakerSpec
from tests.simulator.exact_scenes import Tape, database, exact, service, total

CALL: dict[str, Any] = {"call": "b.go"}


def pair(work_ms: float = 100.0, callee: dict[str, Any] | None = None, **policy: Any) -> dict[str, Any]:
    """Service `a` that calls service `b` with a policy."""
    return {"a": service({**CALL, **policy}), "b": service({"work_ms": work_ms}, **(callee or {}))}


def scope_of(plane: Any, name: str = "b.go") -> int:
    return next(n for n, s in enumerate(plane.network.scopes) if s.name == name)


def test_a_hop_times_out_as_often_as_it_takes_longer() -> None:
    plane = exact(pair(timeout_ms=150), 200.0)
    tape = Tape(plane)
    plane.advance(200)
    offered = total(plane, "class/all/offered")
    late = math.exp(-1.5)
    assert total(plane, "class/all/error") / offered == pytest.approx(late, rel=0.03)
    assert total(plane, "class/all/timeout") == 0
    s = scope_of(plane)
    assert tape.sum("scope_failed", s) / tape.sum("scope_calls", s) == pytest.approx(late, rel=0.03)
    busy = {g.service: tape.mean("in_flight_s", n, 5) for n, g in enumerate(plane.network.groups)}
    assert busy["b"] == pytest.approx(200 * 0.1, rel=0.03)  # the server works on for a caller that left
    assert busy["a"] == pytest.approx(200 * 0.1 * (1 - late), rel=0.03)  # E[min(T, t)]


def test_retries_multiply_what_the_callee_does() -> None:
    plane = exact(pair(timeout_ms=100, retries=2, backoff_ms=40), 100.0)
    tape = Tape(plane)
    plane.advance(300)
    late, s = math.exp(-1.0), scope_of(plane)
    offered = total(plane, "class/all/offered")
    assert total(plane, "class/all/error") / offered == pytest.approx(late**3, rel=0.06)
    assert tape.sum("scope_calls", s) / offered == pytest.approx(1 + late + late**2, rel=0.02)
    assert tape.sum("scope_retries", s) / offered == pytest.approx(late + late**2, rel=0.04)


def test_an_optional_call_does_no_harm() -> None:
    plane = exact(pair(timeout_ms=50, optional=True), 100.0)
    plane.advance(60)
    assert total(plane, "class/all/error") == 0
    assert plane.latency_s("all", 5, 60)[1] == pytest.approx(0.05, rel=1e-6)


def test_kinds_of_failure_travel_up() -> None:
    """A refusal stays a refusal, a time-out of a hop is the caller's error."""
    plane = exact(pair(callee={"limit": 1}, timeout_ms=10_000), 100.0)
    plane.advance(30)
    assert total(plane, "class/all/rejected") > 100
    assert total(plane, "class/all/error") == 0
    for policy in ({}, {"retries": 1}):
        plane = exact(pair(**policy), 100.0)
        plane.set_failing("b", 1.0, "broken")
        plane.advance(10)
        assert total(plane, "class/all/error") > 900
        assert total(plane, "class/all/ok") == 0


def test_a_callers_slots_are_held_while_it_waits() -> None:
    plane = exact(pair(timeout_ms=60_000), 100.0)
    tape = Tape(plane)
    plane.advance(100)
    sums = [tape.mean("in_flight_s", g, 5) for g in range(2)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-9)


def test_waits_between_attempts_grow_and_scatter() -> None:
    plane = exact(pair(retries=3, backoff_ms=100, backoff_factor=2.0, jitter=0.5), 1.0)
    s = scope_of(plane)
    for number, mean in ((1, 0.1), (2, 0.2), (3, 0.4)):
        waits = [plane._backoff(s, number) for _ in range(4000)]
        assert min(waits) == pytest.approx(0.5 * mean, rel=0.02)
        assert max(waits) == pytest.approx(1.5 * mean, rel=0.02)
        assert sum(waits) / 4000 == pytest.approx(mean, rel=0.02)


def test_a_retry_waits_for_its_back_off() -> None:
    plane = exact(pair(1.0, retries=1, backoff_ms=300), 50.0)
    plane.set_failing("b", 1.0, "broken")
    plane.advance(0.5)
    plane.set_failing("b", 0.0, "")
    plane.advance(5)
    early = [x for s in range(5) for _, x in plane.latencies.get(s, ()) if x > 0.2]
    assert len(early) > 5
    assert all(0.3 < x < 0.33 for x in early)


def budget_limits(tape: Tape, s: int, ratio: float, per_s: float, burst: float) -> None:
    """At no time have there been more retries than the bucket ever held."""
    first = retries = 0.0
    for second, row in enumerate(tape.seconds, start=1):
        first += row.scope_calls[s] - row.scope_retries[s]
        retries += row.scope_retries[s]
        assert retries <= burst + ratio * first + per_s * second + 1e-9
    assert retries == pytest.approx(burst + ratio * first + per_s * len(tape.seconds), rel=0.02)


def test_a_retry_budget_is_never_exceeded() -> None:
    budget = {"ratio": 0.1, "per_s": 2, "burst": 20}
    plane = exact(pair(1.0, retries=5, backoff_ms=20, retry_budget=budget), 100.0)
    tape = Tape(plane)
    plane.set_failing("b", 1.0, "broken")
    plane.advance(60)
    budget_limits(tape, scope_of(plane), 0.1, 2, 20)


def test_clients_have_budgets_too() -> None:
    lb = {"retries": 3, "backoff_s": 0.05, "retry_budget": {"ratio": 0.2, "per_s": 1, "burst": 10}}
    plane = exact({"a": service({"work_ms": 1.0})}, 100.0, lb=lb)
    tape = Tape(plane)
    plane.set_failing("a", 1.0, "broken")
    plane.advance(60)
    budget_limits(tape, 0, 0.2, 1, 10)
    assert tape.sum("scope_calls") == total(plane, "class/all/offered")
    assert tape.sum("scope_failed") == total(plane, "class/all/error")


def test_clients_without_a_budget_try_as_often_as_they_may() -> None:
    plane = exact({"a": service({"work_ms": 1.0})}, 50.0, lb={"retries": 3, "backoff_s": 0.05})
    tape = Tape(plane)
    plane.set_failing("a", 1.0, "broken")
    plane.advance(30)
    plane.set_rate("all", 0.0)
    plane.advance(32)
    first = tape.sum("scope_calls") - tape.sum("scope_retries")
    assert tape.sum("scope_retries") == 3 * first


def test_a_bucket_by_itself() -> None:
    bucket = Bucket(2.0, 3.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(0.49) and bucket.take(0.5)
    bucket.add(10.0, 0.5)
    assert [bucket.take(0.5) for _ in range(4)] == [True, True, True, False]


def test_a_breaker_by_itself() -> None:
    changes: list[tuple[float, str, str]] = []
    spec = BreakerSpec(window=4, failure_rate=0.5, open_s=10, half_open_calls=2)
    breaker = Breaker(spec, "x", changes)
    for good in (True, False, True):
        breaker.result(good, 1.0)
    assert breaker.permits(1.0) and not changes  # the window is not full
    breaker.result(False, 2.0)
    assert not breaker.permits(11.9)
    assert breaker.permits(12.0) and breaker.permits(12.0) and not breaker.permits(12.0)
    breaker.forgo(breaker.epoch)
    assert breaker.permits(13.0) and not breaker.permits(13.0)
    breaker.result(True, 14.0)
    breaker.result(False, 14.0)
    assert not breaker.permits(15.0)
    assert breaker.permits(24.0) and breaker.permits(24.0)
    breaker.result(True, 25.0)
    breaker.result(True, 25.0)
    assert breaker.permits(25.0)
    assert [(t, s) for t, _, s in changes] == [
        (2.0, "OPEN"),
        (12.0, "HALF_OPEN"),
        (14.0, "OPEN"),
        (24.0, "HALF_OPEN"),
        (25.0, "CLOSED"),
    ]


def test_a_breaker_before_a_call_opens_probes_and_closes() -> None:
    breaker = {"window": 20, "failure_rate": 0.5, "open_s": 5, "half_open_calls": 4}
    plane = exact(pair(5.0, breaker=breaker, retries=1, backoff_ms=10), 100.0)
    tape, s = Tape(plane), scope_of(plane)
    plane.advance(2)
    plane.set_failing("b", 1.0, "broken")
    plane.advance(10)
    plane.set_failing("b", 0.0, "")
    plane.advance(20)
    changes = plane.breaker_changes()
    assert {name for _, name, _ in changes} == {"b.go"}
    states = [state for _, _, state in changes]
    assert states == ["OPEN", "HALF_OPEN", "OPEN", "HALF_OPEN", "CLOSED"]
    assert changes[1][0] - changes[0][0] == pytest.approx(5, abs=0.1)
    assert changes[3][0] - changes[2][0] == pytest.approx(5, abs=0.1)
    calls = [row.scope_calls[s] for row in tape.seconds]
    assert sum(calls[3:7]) == 0 and sum(calls[8:11]) == 0
    assert calls[7] == 4  # the probes alone
    assert [row.scope_breaker[s] for row in tape.seconds[2:6]] == [2, 2, 2, 2]
    assert total(plane, "class/all/error", 3, 7) == total(plane, "class/all/offered", 3, 7)
    assert total(plane, "class/all/ok", 14) > 500


def test_late_results_do_not_count_for_a_breaker_that_has_moved() -> None:
    """Calls that began before it opened end well while it is half open: its probes decide alone."""
    breaker = {"window": 10, "failure_rate": 0.5, "open_s": 1, "half_open_calls": 5}
    plane = exact(pair(3000.0, breaker=breaker), 20.0)
    plane.advance(2)
    plane.set_failing("b", 1.0, "broken")
    plane.advance(20)
    states = [state for _, _, state in plane.breaker_changes()]
    assert "CLOSED" not in states
    assert states.count("OPEN") > 3


def test_a_callee_that_dies_with_its_callers_gives_probes_back() -> None:
    breaker = {"window": 10, "failure_rate": 0.5, "open_s": 1, "half_open_calls": 5}
    parts = pair(50.0, breaker=breaker)
    plane = exact({"a": {**parts["a"], "pods": 3}, "b": parts["b"]}, 50.0)
    clock = plane.clocks[scope_of(plane)]
    plane.advance(1)
    plane.set_failing("b", 1.0, "broken")
    plane.advance(2)
    plane.set_failing("b", 0.0, "")
    assert clock.breaker is not None
    while not (clock.breaker.state == 1 and clock.breaker.sent == 5):
        plane.advance(plane.now_s + 0.001)
    plane.kill_pods("a", "v1", 2)
    plane.advance(10)
    assert [state for _, _, state in plane.breaker_changes()][-1] == "CLOSED"


@pytest.mark.parametrize("branches", [2, 5])
def test_branches_take_as_long_as_the_longest(branches: int) -> None:
    steps = [[{"work_ms": 20.0}] for _ in range(branches)]
    plane = exact({"a": service({"parallel": steps})}, 100.0)
    plane.advance(200)
    mean, p99 = plane.latency_s("all", 1, 200)
    assert mean == pytest.approx(0.02 * sum(1 / n for n in range(1, branches + 1)), rel=0.02)
    assert p99 == pytest.approx(-0.02 * math.log(1 - 0.99 ** (1 / branches)), rel=0.05)


def test_branches_run_in_the_pod_that_forked() -> None:
    """Four branches of the same CPU work share the pod's two cores: four times the work on two cores."""
    steps = [[{"work_ms": 20.0, "cpu": True}] for _ in range(4)]
    plane = exact({"a": service({"parallel": steps}, resources={"cpu_limit": "2"})}, 0.5)
    plane.advance(4000)
    # stages of 4, 3, 2 and 1 branches left; with four or three left, two cores' worth of work leaves a second
    assert plane.latency_s("all", 1, 4000)[0] == pytest.approx(0.01 + 0.01 + 0.01 + 0.02, rel=0.05)
    plane.set_speed("a", "v1", 0.0)
    plane.advance(4020)
    assert total(plane, "class/all/ok", 4001) == 0


def test_the_first_branch_that_fails_fails_the_caller() -> None:
    """The others work on for nobody."""
    slow = [{"call": "slow.go"}]
    parts = {
        "a": service({"parallel": [[{"call": "bad.go"}], slow]}, limit=100),
        "slow": service({"work_ms": 2000.0}),
        "bad": service({"work_ms": 1.0}),
    }
    plane = exact(parts, 50.0)
    tape = Tape(plane)
    plane.set_failing("bad", 1.0, "broken")
    plane.advance(60)
    assert total(plane, "class/all/error") == total(plane, "class/all/offered")
    assert plane.busy[0] == 0
    assert tape.mean("in_flight_s", 1, 10) == pytest.approx(50 * 2.0, rel=0.05)


def test_queries_in_branches_hold_connections_of_their_own() -> None:
    steps = [[{"query": "db", "cpu_ms": 10.0}] for _ in range(3)]
    plane = exact({"a": service({"parallel": steps}), "db": database(1000, 1000)}, 100.0)
    tape = Tape(plane)
    plane.advance(100)
    assert plane.latency_s("all", 1, 100)[0] == pytest.approx(0.01 * (1 + 1 / 2 + 1 / 3), rel=0.03)
    assert tape.mean("pool_busy_s", 0, 1) == pytest.approx(3.0, rel=0.03)


def test_a_deadline_travels_with_the_call() -> None:
    """The client has left: what it asked for ends at the next door, and callers upward with it."""
    parts = {
        "a": service({"work_ms": 200.0}, {**CALL, "timeout_ms": 60_000}, {"call": "c.go"}),
        "b": service({"work_ms": 100.0}, {"call": "c.go"}),
        "c": service({"work_ms": 1.0}),
    }
    entered = []
    for deadline in (False, True):
        plane = exact(parts, 50.0, lb={"timeout_s": 0.1, "deadline": deadline})
        tape = Tape(plane)
        plane.advance(40)
        plane.set_rate("all", 0.0)
        plane.advance(60)
        entered.append([tape.sum("entered", g) / tape.sum("entered", 0) for g in range(3)])
        assert not plane.alive
        assert plane.busy == [0, 0, 0]
    assert entered[0] == [1.0, 1.0, 2.0]
    assert entered[1][1] == pytest.approx(1 - math.exp(-0.5), rel=0.05)
    in_time = 1 - 2 * math.exp(-0.5) + math.exp(-1.0)  # both works within the time-out
    assert entered[1][2] == pytest.approx(2 * in_time, rel=0.1)


def test_nobody_retries_for_a_client_that_left() -> None:
    """With a deadline a call that fails after its client has left is not made again."""
    again = []
    for deadline in (False, True):
        plane = exact(
            pair(200.0, timeout_ms=150, retries=5), 50.0, lb={"timeout_s": 0.1, "deadline": deadline}
        )
        tape = Tape(plane)
        plane.advance(30)
        again.append(tape.sum("scope_retries", scope_of(plane)))
        plane.set_rate("all", 0.0)
        plane.advance(60)
        assert not plane.alive
    assert again[0] > 1000 and again[1] == 0


def test_a_dropped_probe_is_given_back() -> None:
    """Probes whose client leaves end at the next door without a result: others may probe instead."""
    breaker = {"window": 10, "failure_rate": 0.5, "open_s": 1, "half_open_calls": 3}
    parts = {
        "a": service({**CALL, "breaker": breaker}),
        "b": service({"work_ms": 100.0}, {"call": "c.go"}),
        "c": service({"work_ms": 1.0}),
    }
    for seed in range(1, 6):
        plane = exact(parts, 50.0, seed, lb={"timeout_s": 0.1, "deadline": True})
        plane.advance(1)
        plane.set_failing("b", 1.0, "broken")
        plane.advance(2)
        plane.set_failing("b", 0.0, "")
        plane.advance(20)
        assert [state for _, _, state in plane.breaker_changes()][-1] == "CLOSED"


# -- pods that die


def test_a_pod_takes_its_branches_and_its_waits_elsewhere_with_it() -> None:
    """Branches at work in it, its places in other pods' queues, in pools and at stores; not what it called."""
    waits = [{"call": "full.go"}]
    parts = {
        "a": service(
            {"parallel": [[{"work_ms": 5000.0}], [{"work_ms": 5000.0, "cpu": True}]]}, *waits, pods=2
        ),
        "q": service({"query": "db", "cpu_ms": 60_000.0}, pods=2),
        "f": service(*waits, pods=2),
        "p": service({"work_ms": 9000.0, "cpu": True}, pods=2),
        "g": service({**CALL, "timeout_ms": 60_000}, pods=2),
        "b": service({"work_ms": 30_000.0}),
        "full": service({"work_ms": 60_000.0}, limit=3, queue=1000, order="lifo"),
        "db": database(1, 3),
    }
    names = ("a", "q", "f", "p", "g")
    classes = {n: {"path": f"{n}.go", "share": 0.2} for n in names}
    plane = exact(parts, 200.0, classes=classes)
    plane.advance(2)
    for name in names:
        plane.set_rate(name, 0.0)
    whole = len(plane.alive)
    groups = [plane.network.group_index(n, "v1") for n in (*names, "full", "b")]
    before = [plane.busy[g] for g in groups]
    for name in names:
        plane.kill_pods(name, "v1", 2)
    busy = [plane.busy[g] for g in groups]
    assert min(before[:5]) > 30 and busy[:5] == [0] * 5
    assert before[5] == 3 and busy[5] == 0  # slots in other pods that the dead held
    assert plane.queued[groups[5]] == 0
    assert busy[6] == before[6] > 30  # what was called by itself works on
    assert len(plane.alive) == busy[6] < whole
    run = plane.runs[0]
    assert (run.active, len(run.queue), len(plane.stores[0].jobs)) == (0, 0, 0)
    assert not any(store.jobs for store in plane.cpus.values())
    plane.advance(3)
    for name in names:
        ended = sum(total(plane, f"class/{name}/{kind}") for kind in ("ok", "error"))
        assert ended == total(plane, f"class/{name}/offered") > 40


def test_removed_pods_drain_and_refuse_who_waits() -> None:
    plane = exact({"a": service({"work_ms": 3000.0, "shape": 16}, pods=2, limit=5, queue=20)}, 100.0)
    plane.advance(1)
    assert (plane.busy, plane.queued) == ([10], [40])
    refused = total(plane, "class/all/rejected")
    plane.set_rate("all", 0.0)
    plane.set_pods("a", "v1", 1)
    assert (plane.busy, plane.queued) == ([10], [20])
    plane.advance(2)
    assert total(plane, "class/all/rejected") == refused + 20
    plane.advance(60)
    assert total(plane, "class/all/ok") == 10 + 20
    assert total(plane, "service/a/v1/rejected") == total(plane, "class/all/rejected")


def test_many_failures_at_once_do_not_nest() -> None:
    """A thousand wait behind one slot before a service that refuses at once: each takes its turn."""
    parts = {
        "a": service({"work_ms": 500.0}, CALL, limit=1, queue=5000),
        "b": service({"work_ms": 1.0}, pods=0),
    }
    plane = exact(parts, 4000.0)
    plane.advance(1)
    plane.set_rate("all", 0.0)
    plane.set_speed("a", "v1", 1e9)
    plane.advance(1.5)
    assert not plane.alive
    chain = [{**CALL, "optional": True} for _ in range(400)]
    plane = exact({"a": service(*chain), "b": service({"work_ms": 1.0}, pods=0)}, 20.0)
    plane.advance(5)
    assert total(plane, "class/all/ok") == total(plane, "class/all/offered")


def test_connections_are_opened_one_by_one_for_those_who_wait() -> None:
    pool = {"limit": 10, "open": 2, "connect_ms": 100}
    plane = exact({"a": service({"query": "db", "cpu_ms": 1.0}), "db": database(8, 10, pool=pool)}, 100.0)
    plane.advance(5)
    assert 2 <= plane.runs[0].open <= 3  # a tenth of a connection is busy
    plane.set_cores("db", 0.001)
    plane.advance(5.45)
    assert 4 <= plane.runs[0].open <= 7
    plane.advance(8)
    assert plane.runs[0].open == plane.runs[0].active == 10
    plane.set_pool_limit("db", "db", 12)
    plane.advance(8.15)
    assert plane.runs[0].open == 11
