"""The first scenario end to end: the figures a reader can check with pencil and paper (FACTS of the seed).

1,200 payments/s at 6.9 ms each on 16 cores. v2.8.1 asks 16 times: 16/0.0069/16 = 144.9 payments/s = 12 %.
Each of the three runs is played once for all the tests of this file.
"""

from typing import Any

import pytest

from simulator import facts
from simulator.run import Command, run_scenario
from simulator.scenario import load

UNDO = "kubectl rollout undo deployment/payment-service -n prod"
DEPLOY_S = 60.0
FIRST_PODS_S = DEPLOY_S + 35.0  # a pod's start
PLATEAU = slice(160, 420)
SCENARIO = load("payment-pool")


def run(undo_at_s: float | None, until_s: float) -> dict[str, Any]:
    commands = [] if undo_at_s is None else [Command(undo_at_s, UNDO)]
    return run_scenario(SCENARIO, 1, commands, until_s)


@pytest.fixture(scope="module")
def late() -> dict[str, Any]:
    """The reference solution: six minutes after the release."""
    return run(420.0, 1000.0)


@pytest.fixture(scope="module")
def soon() -> dict[str, Any]:
    return run(180.0, 420.0)


@pytest.fixture(scope="module")
def idle() -> dict[str, Any]:
    """Nobody does anything."""
    return run(None, 400.0)


def series(run: dict[str, Any], name: str, part: slice) -> list[float]:
    return list(run["series"][name][part])


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def first(run: dict[str, Any], kind: str) -> float:
    return float(next(e["t"] for e in run["timeline"] if e["kind"] == kind))


# -- before


def test_before_the_release_only_declines_fail(late: dict[str, Any]) -> None:
    healthy = slice(5, 95)
    assert all(0.997 <= rate <= 0.999 for rate in series(late, "success_rate", healthy))
    assert mean(series(late, "db_cpu", healthy)) == pytest.approx(0.52, abs=0.01)
    assert mean(series(late, "pool_active", healthy)) == pytest.approx(8.3, abs=0.2)
    assert max(series(late, "pool_pending", healthy)) < 0.1
    assert max(series(late, "failed", healthy)) == 0.0
    assert all(200 < p99 < 500 for p99 in series(late, "p99_ms", slice(20, 90)))


# -- the release


def test_the_pool_is_full_seconds_after_the_first_pods(late: dict[str, Any]) -> None:
    rollout = first(late, "rollout")
    assert rollout == pytest.approx(FIRST_PODS_S, abs=0.5)
    assert 2.5 <= late["facts"]["pool_exhausted_s"] - rollout <= 3.3
    assert max(series(late, "pool_open", slice(0, 95))) < 50
    assert series(late, "pool_open", slice(100, 101)) == [50]


def test_the_release_completes_and_every_pod_is_new(late: dict[str, Any]) -> None:
    assert late["series"]["pods_v2.8.1"][140] == 18
    assert late["series"]["pods_v2.8.0"][140] == 0
    mixed = mean(series(late, "success_rate", slice(105, 128)))
    assert 0.35 < mixed < 0.60  # half old, half new


def test_the_plateau(late: dict[str, Any]) -> None:
    rates = series(late, "success_rate", PLATEAU)
    smooth = [mean(rates[s : s + 10]) for s in range(0, len(rates) - 10, 10)]
    assert all(0.10 <= rate <= 0.14 for rate in smooth)
    assert mean(rates) == pytest.approx(0.1205, abs=0.004)  # 144.9 x 0.998 / 1200
    pending = series(late, "pool_pending", PLATEAU)
    assert all(340 <= n <= 420 for n in pending)
    assert mean(pending) == pytest.approx(380, abs=8)
    assert mean(series(late, "pool_active", PLATEAU)) == pytest.approx(50, abs=0.1)
    assert mean(series(late, "db_cpu", PLATEAU)) == pytest.approx(1.0, abs=0.002)
    assert mean(series(late, "pool_wait_s", PLATEAU)) == pytest.approx(
        0.164, abs=0.05
    )  # 380 / 2319, by ticks
    assert mean(series(late, "pool_queries", PLATEAU)) == pytest.approx(2319, rel=0.005)
    assert all(2500 < p99 < 5000 for p99 in series(late, "p99_ms", slice(180, 420)))


def test_neighbours_and_connections_stay_whole(late: dict[str, Any]) -> None:
    assert late["facts"]["others_failed"] == 0
    assert late["facts"]["connections_refused"] == 0
    assert late["facts"]["database_cpu_max"] == 1.0


# -- people


def test_the_page_comes_within_two_and_a_half_minutes(late: dict[str, Any]) -> None:
    page = late["facts"]["p1_paged_s"]
    assert 90 <= page - DEPLOY_S <= 150
    assert page in [alert["t"] for alert in late["alerts"] if alert["severity"] == "P1"]
    assert late["facts"]["detected_s"] == page
    assert first(late, "alert") == page - SCENARIO.alerting.group_wait_s


def test_the_breaker_probes_every_minute_while_it_lasts(late: dict[str, Any]) -> None:
    opened = [
        e["t"] for e in late["timeline"] if e["kind"] == "breaker" and "OPEN" in e["text"].split("→")[1]
    ]
    half = [t for t in opened if t < 420]
    assert len(half) >= 8
    gaps = [b - a for a, b in zip(half, half[1:], strict=False)]
    assert sorted({round(gap) for gap in gaps}) == [3, 60]  # a probe takes as long as a payment, 3-4 s


# -- the way back


def test_the_rollback_resolves_it(late: dict[str, Any]) -> None:
    assert late["resolved"] is True
    assert all(check["ok"] for check in late["invariants"].values())
    assert any(e["kind"] == "resolved" for e in late["timeline"])
    assert late["series"]["pods_v2.8.0"][-1] == 18
    assert mean(series(late, "success_rate", slice(-60, None))) == pytest.approx(0.998, abs=1e-3)


def test_recovery_takes_eight_minutes(late: dict[str, Any]) -> None:
    """Two waves of pods, what is left of an open breaker's minute, then the backlog at 1,000/s."""
    found = late["facts"]
    assert found["recovered_s"] - 420 == pytest.approx(8 * 60, abs=60)
    assert found["mitigated_s"] - 420 == pytest.approx(71 + facts.SMOOTH_S, abs=5)
    drain_s = found["backlog_max"] / 1000
    closed = [e["t"] for e in late["timeline"] if e["kind"] == "breaker" and "CLOSED" in e["text"]][-1]
    assert found["recovered_s"] - closed == pytest.approx(drain_s, rel=0.02)
    assert found["backlog_max"] == pytest.approx(366_000, rel=0.03)


def test_every_failed_payment_is_parked_and_comes_back(late: dict[str, Any]) -> None:
    found = late["facts"]
    assert found["backlog_max"] == pytest.approx(found["failed_requests"], rel=0.002)
    assert late["series"]["backlog"][-1] < facts.DRAINED
    assert found["failed_share"] == pytest.approx(
        found["failed_requests"] / found["offered_requests"], abs=2e-6
    )
    assert found["offered_requests"] == 1_200_000


def test_sooner_is_cheaper(late: dict[str, Any], soon: dict[str, Any]) -> None:
    assert soon["facts"]["recovered_s"] - 180 < 5 * 60
    assert soon["facts"]["mitigated_s"] - 180 == pytest.approx(71 + facts.SMOOTH_S, abs=5)
    assert soon["facts"]["failed_requests"] < 0.4 * late["facts"]["failed_requests"]
    # the SLI has to hold five minutes before anybody may call it resolved
    assert soon["resolved"] is False


def test_both_runs_are_the_same_until_somebody_acts(late: dict[str, Any], soon: dict[str, Any]) -> None:
    for name, column in soon["series"].items():
        assert column[:180] == late["series"][name][:180], name


def test_doing_nothing_does_not_help(idle: dict[str, Any]) -> None:
    assert idle["resolved"] is False
    assert idle["facts"]["mitigated_s"] is None and idle["facts"]["recovered_s"] is None
    assert mean(series(idle, "success_rate", slice(-60, None))) < 0.14
    assert idle["facts"]["backlog_max"] == pytest.approx(idle["facts"]["failed_requests"], rel=0.01)
    assert all(check["ok"] for check in idle["invariants"].values())


# -- the report


def test_the_report_has_one_point_a_second(late: dict[str, Any]) -> None:
    assert late["sim_seconds"] == 1000
    assert {len(column) for column in late["series"].values()} == {1000}
    assert late["series"]["t"] == [float(s) for s in range(1000)]
    times = [e["t"] for e in late["timeline"]]
    assert times == sorted(times)
    assert (late["scenario"], late["seed"], late["engine"]) == ("payment-pool", 1, "cohort")
    assert len(late["digest"]) == 16
