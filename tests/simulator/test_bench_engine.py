"""`dropprod bench engine` and `bench conformance` measure what they say: workloads, closed forms, comparisons, reports."""

import math
import pickle
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks import conformance, conformance_cases, conformance_report, engine, engine_shop
from benchmarks.closed_forms import erlang_b, erlang_c
from benchmarks.conformance import Found
from benchmarks.conformance_cases import CASES, Case, mek1, mmc
from simulator.engine import network
from simulator.scenario import parse

KEYS = {"utilisation_err", "mean_err", "p99_err", "failed_err", "metastable_disagreements", "cases"}


def silent(_what: str) -> None:
    pass


# --- engine


def test_the_shop_has_15_components_six_routes_and_the_load_it_says() -> None:
    raw = engine_shop.raw(engine_shop.HEALTHY)
    parts = {n: c for n, c in raw["components"].items() if c["kind"] != "balancer"}
    assert len(parts) == 15
    assert len(raw["traffic"]["classes"]) == 6
    assert sum(c["share"] for c in raw["traffic"]["classes"].values()) == pytest.approx(1.0)
    held, connections = engine_shop.sizes(engine_shop.HEALTHY)
    for name, slots in held.items():
        part = parts[name]
        assert slots / (part["pods"] * part["bulkhead"]["limit"]) == pytest.approx(0.75, abs=0.04)
    assert connections / parts["pg"]["pool"]["limit"] == pytest.approx(0.75, abs=0.01)
    network.build(parse(raw, "shop"))


def test_slots_of_the_gateway_follow_from_the_routes() -> None:
    held, _ = engine_shop.sizes(engine_shop.HEALTHY)
    per_request_s = {
        "home": 0.4 + 1 + 3 + 0.5 + 2 + 6,
        "search": 0.4 + 8 + 3 + 0.5,
        "product": 0.4 + 3 + 0.5 + 2 + 2 + 6,
        "cart": 0.4 + 1 + 3 + 0.5 + 2,
        "order": 0.4 + 1 + 5 + 3 + 4 + 10 + 4 + 2,
        "account": 0.4 + 1 + 3 + 4 + 4 + 3,
    }
    wanted = sum(engine_shop.ROUTES[n][0] * 100_000 * ms / 1000 for n, ms in per_request_s.items())
    assert held["gateway"] == pytest.approx(wanted)


def test_speed_is_that_of_a_copy_and_leaves_the_plane_alone() -> None:
    case = conformance.case_of("mmc-50-70")
    scenario = case.build()
    plane = conformance.CohortPlane(scenario, network.build(scenario), 1)
    plane.advance(5)
    frozen = pickle.dumps(plane)
    assert engine.alone(engine.copy_of(frozen), 3) > 0
    assert engine.recorded(engine.copy_of(frozen), 3) > 0
    assert pickle.dumps(plane) == frozen


def test_the_kernel_alone_reaches_the_state_that_a_plane_reaches() -> None:
    case = conformance.case_of("mmc-50-70")
    scenario = case.build()
    plane = conformance.CohortPlane(scenario, network.build(scenario), 1)
    plane.advance(10)
    copy = engine.copy_of(pickle.dumps(plane))
    engine.alone(copy, 4)
    plane.advance(14)
    assert copy.kernel.tick == plane.kernel.tick
    assert copy.kernel.group_busy[0] == plane.kernel.group_busy[0]


def test_the_world_to_fork_has_its_orders_under_way() -> None:
    world = engine.busy_world(at_s=62.0)
    assert world.entities.counts()["live"] >= engine.LIVE_ORDERS
    assert world.kubernetes.deployments["payment-service"].template.version == "v2.8.1"


def test_a_missing_replay_benchmark_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(engine, "import_module", missing)
    found = engine.replays(silent)
    assert found["replays36_s"] is None and "not there yet" in found["replays_note"]


def test_start_is_measured_on_a_terminal() -> None:
    assert 0.05 < engine.start_s() < engine.START_LIMIT_S


# --- conformance: closed forms


def test_erlang_formulas_are_the_textbook_ones() -> None:
    assert erlang_c(1, 0.5) == pytest.approx(0.5)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert erlang_b(1, 1.0) == pytest.approx(0.5)
    assert erlang_b(2, 2.0) == pytest.approx(0.4)


def test_mm1_has_an_exponential_sojourn() -> None:
    found = mmc(1, 75.0, 0.01)
    assert found["mean_s"] == pytest.approx(0.04)
    assert found["p99_s"] == pytest.approx(0.04 * math.log(100))


def test_the_transform_of_an_erlang_station_with_one_stage_is_mm1() -> None:
    found, known = mek1(75.0, 0.01, 1), mmc(1, 75.0, 0.01)
    assert found["mean_s"] == pytest.approx(known["mean_s"])
    assert found["p99_s"] == pytest.approx(known["p99_s"], rel=1e-6)


def test_more_stages_wait_less() -> None:
    assert mek1(75.0, 0.01, 4)["p99_s"] < mek1(75.0, 0.01, 2)["p99_s"] < mmc(1, 75.0, 0.01)["p99_s"]


@pytest.mark.parametrize("name", ["mmc-50-90", "loss-50"])
def test_the_exact_engine_agrees_with_closed_forms(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = replace(conformance.case_of(name), until_s=60.0)
    monkeypatch.setattr(conformance, "case_of", lambda _: case)
    found, closed = conformance.measure(name, "exact", 1), case.closed
    assert closed is not None and found.mean is not None and found.p99 is not None
    assert found.stations["app/v1"] == pytest.approx(closed["utilisation"], abs=0.02)
    assert found.mean == pytest.approx(closed["mean_s"], rel=0.03)
    assert found.p99 == pytest.approx(closed["p99_s"], rel=0.06)
    assert found.failed == pytest.approx(closed["failed"], abs=0.01)


# --- conformance: cases and comparison


def test_cases_have_names_of_their_own_and_networks_that_build() -> None:
    assert len({c.name for c in CASES}) == len(CASES)
    for case in CASES:
        network.build(case.build())
        assert case.warm_s + conformance.TAIL_S <= case.until_s
        assert all(0 < a.at_s < case.until_s for a in case.actions)


def found_of(**more: Any) -> Found:
    return Found(**{"stations": {"app/v1": 0.8, "pool db": 0.3}, "mean": 0.1, "p99": 0.4, "failed": 0.0,
                    "success": 1.0, "series": (), "took_s": 1.0, **more})  # fmt: skip


def small(**more: Any) -> Case:
    return Case("x", "", conformance_cases.network(1, {"app": conformance_cases.service([], 1)}), **more)


def test_errors_are_differences_of_shares_and_relative_ones_of_latencies() -> None:
    ours = found_of(stations={"app/v1": 0.81, "pool db": 0.9}, mean=0.11, p99=0.3, failed=0.02)
    row = conformance.compare(small(), "cohort", [ours], [found_of(), found_of(mean=0.1)])
    assert row["station"] == "app/v1"  # the most loaded one of the reference
    errors = row["errors"]
    assert errors["utilisation"] == pytest.approx(0.01)
    assert errors["mean"] == pytest.approx(0.1)
    assert errors["p99"] == pytest.approx(-0.25)
    assert errors["failed"] == pytest.approx(0.02)
    assert row["verdicts"]["agree"]


def test_noise_is_the_standard_error_over_the_seeds() -> None:
    row = conformance.compare(small(), "cohort", [found_of()], [found_of(mean=0.09), found_of(mean=0.11)])
    assert row["reference"]["mean"]["standard_error"] == pytest.approx(0.01)
    assert row["noise"]["mean"] == pytest.approx(0.1)


def test_near_a_threshold_only_what_leaves_the_spread_counts() -> None:
    exact = [found_of(failed=0.1, success=1.0), found_of(failed=0.9, success=0.0)]
    inside = conformance.compare(small(near=True), "cohort", [found_of(failed=0.5, success=0.0)], exact)
    assert inside["errors"]["failed"] == 0.0 and inside["verdicts"]["agree"]
    outside = conformance.compare(small(near=True), "cohort", [found_of(failed=0.95)], exact)
    assert outside["errors"]["failed"] == pytest.approx(0.05)


def test_a_verdict_that_differs_is_counted() -> None:
    row = conformance.compare(small(), "cohort", [found_of(success=0.99)], [found_of(success=0.1)] * 3)
    assert not row["verdicts"]["agree"]
    assert conformance.summary([row])["metastable_disagreements"] == 1


def test_latency_without_enough_successes_is_left_out() -> None:
    row = conformance.compare(small(), "cohort", [found_of(mean=None, p99=None)], [found_of()])
    assert row["errors"]["mean"] is None and row["errors"]["utilisation"] == 0.0
    assert conformance.summary([row])["mean_err"] is None


def test_small_stations_do_not_count_for_the_cohort_engine() -> None:
    row = conformance.compare(small(small=True), "cohort", [found_of(mean=9.0)], [found_of()])
    assert not row["counted"] and row["why"]
    assert conformance.summary([row])["mean_err"] is None


def test_kept_reference_runs_are_used_again(tmp_path: Path) -> None:
    path = tmp_path / "exact.jsonl"
    job = ("nested-pool", "exact", 1)
    conformance.Kept(path).add(job, found_of())
    conformance.Kept(path).add(("nested-pool", "cohort", 1), found_of())
    kept = conformance.Kept(path)
    again = kept.get(job)
    assert again is not None and again.stations == found_of().stations
    assert kept.get(("nested-pool", "exact", 2)) is None
    assert kept.get(("nested-pool", "cohort", 1)) is None


def test_a_quick_run_has_its_keys_and_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(conformance_report, "REPORT", tmp_path / "CONFORMANCE.md")
    monkeypatch.setattr(conformance_report, "PLOTS", tmp_path / "plots")
    found = conformance.main(names=("mmc-50-70", "storm-below"), seeds=1, write=True)
    assert found.keys() >= KEYS
    row = next(c for c in found["cases"] if c["name"] == "mmc-50-70")
    assert row["kind"] == "closed_form" and row["counted"] and row["engine"] in ("cohort", "exact")
    assert "mmc-50-70" in capsys.readouterr().out
    report = (tmp_path / "CONFORMANCE.md").read_text()
    assert f"{abs(found['mean_err']):.2%}" in report
    if find_spec("matplotlib"):
        pictures = list((tmp_path / "plots").iterdir())
        assert len(pictures) == 2 and all(p.stat().st_size < 150_000 for p in pictures)
