"""`dropprod bench peers`: every engine simulates the workloads it says it does, and nothing is left out silently.

Runs are tiny, so the tolerances are of the sampling kind: a few thousand requests, strongly correlated.
"""

from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peers, peers_ours
from benchmarks.closed_forms import erlang_c
from benchmarks.peers_table import table
from benchmarks.peers_workloads import (
    CHAIN,
    MMC,
    SHOP,
    SHOP_ROUTES,
    STORM,
    closed_form,
    shop_slots,
    work_s,
)
from simulator.engine import layout, network
from simulator.engine.cohort import CohortPlane
from simulator.engine.ticks import Pace

PEERS = ("simpy", "asimpy", "ciw", "cimba", "salabim")
SPANS_S = {
    "cohort": 20.0,
    "exact": 3.0,
    "simpy": 3.0,
    "asimpy": 3.0,
    "ciw": 3.0,
    "cimba": 20.0,
    "salabim": 1.0,
}
ROW = {
    "runs",
    "span_s",
    "x_real_time",
    "x_with_percentiles",
    "requests_per_cpu_s",
    "utilisation",
    "mean_ms",
    "p99_ms",
    "failed",
    "good_before",
    "good_after",
    "attempts_after",
    "ratio_to_simpy",
    "cohort_is_faster_by",
    "error",
    "same_system",
}


def have(name: str) -> None:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed: pip install 'dropprod[bench]'")


def test_closed_forms_are_the_textbook_ones() -> None:
    assert erlang_c(1, 0.5) == pytest.approx(0.5)  # M/M/1: the chance to wait is the load
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    found = closed_form(MMC)
    assert found["utilisation"] == pytest.approx(0.8)
    assert found["mean_ms"] == pytest.approx(6.859, abs=0.001)
    assert closed_form(SHOP) == closed_form(STORM) == {}


def test_the_shop_has_15_services_that_calls_may_fill_to_three_quarters() -> None:
    assert len(shop_slots()) == 15
    assert sum(share for share, _ in SHOP_ROUTES.values()) == pytest.approx(1.0)
    assert sum(share * work_s(root) for share, root in SHOP_ROUTES.values()) == pytest.approx(0.011025)


SLOW = {("cimba", MMC), ("salabim", MMC)}  # one compilation, one slow library less
RUNS = [
    (e, w) for e in ("exact", *PEERS) for w in (MMC, CHAIN) if (e, w) != ("cimba", MMC)
]  # compiling is slow


@pytest.mark.parametrize(("engine", "workload"), RUNS)
def test_a_request_by_request_engine_agrees_with_the_closed_form(engine: str, workload: str) -> None:
    if engine in PEERS:
        have(engine)
    found, theory = peers.run(engine, workload, SPANS_S[engine], 1), closed_form(workload)
    assert found.utilisation == pytest.approx(theory["utilisation"], rel=0.08)
    assert found.mean_ms == pytest.approx(theory["mean_ms"], rel=0.15)
    assert found.p99_ms == pytest.approx(theory["p99_ms"], rel=0.25)
    assert found.failed == pytest.approx(0.0, abs=0.001)
    assert found.cpu_s > 0


@pytest.mark.parametrize("workload", [MMC, CHAIN])
def test_the_cohort_engine_agrees_with_the_closed_form(workload: str) -> None:
    found, theory = peers.run("cohort", workload, SPANS_S["cohort"], 1), closed_form(workload)
    assert found.utilisation == pytest.approx(theory["utilisation"], rel=0.005)
    assert found.mean_ms == pytest.approx(theory["mean_ms"], rel=0.15)
    assert found.p99_ms == pytest.approx(theory["p99_ms"], rel=0.25)


def test_a_shop_takes_its_work_and_little_more() -> None:
    have("asimpy")
    found = peers.run("asimpy", SHOP, 0.02, 1)
    assert found.mean_ms == pytest.approx(11.1, rel=0.1)
    assert found.failed == 0.0


def test_what_cannot_be_measured_is_listed_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(peers.metadata, "version", missing)
    found = small_run(engines=("cohort", "simpy", "happysim"))
    assert found["engines"]["simpy"]["status"] == "not installed: pip install 'dropprod[bench]'"
    assert "Python 3.13" in found["engines"]["happysim"]["status"]
    assert list(found["workloads"][MMC]["engines"]) == ["cohort"]
    printed = capsys.readouterr().out
    assert "SimPy" in printed and "not installed: pip install 'dropprod[bench]'" in printed


def test_the_report_has_its_keys_and_a_row_for_every_engine() -> None:
    found = small_run(engines=("cohort", "exact"))
    assert {"python", "backend", "repetitions", "engines", "workloads", "models", "plot"} <= found.keys()
    assert found["plot"] is None
    rows = found["workloads"][MMC]["engines"]
    assert list(rows) == ["cohort", "exact"]
    assert all(row.keys() == ROW for row in rows.values())
    assert rows["cohort"]["cohort_is_faster_by"] == 1.0
    assert rows["exact"]["ratio_to_simpy"] is None
    assert all(set(row) == {"cohort", "exact"} for row in found["models"].values())
    assert "DropProd exact" in table(found)


def test_results_far_off_are_put_in_brackets() -> None:
    found = small_run(engines=("cohort", "exact"))
    row = found["workloads"][MMC]["engines"]["exact"]
    row["same_system"] = False
    assert "in brackets: results far from the reference (closed form)" in table(found)


def test_the_plot_is_drawn_where_matplotlib_is(tmp_path: Path) -> None:
    have("matplotlib")
    found = small_run(engines=("cohort", "exact"), plot=tmp_path / "plots" / "peers.svg")
    picture = Path(found["plot"])
    assert picture.stat().st_size < 150_000
    assert "</svg>" in picture.read_text()


def small_run(engines: tuple[str, ...], plot: Path | None = None) -> dict[str, Any]:
    """A report on one workload, one short repetition, no processes started."""
    return peers.main(
        repetitions=1, scale=0.1, workloads=(MMC,), engines=engines, plot=plot, hash_seeds=False
    )


def test_a_short_step_after_long_ones_finds_the_work_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is late because steps got shorter: a queue grew out of that once, and it never went away."""
    monkeypatch.setattr(layout, "pace", lambda *_: Pace(0.05, 4))  # with this tick no queue keeps steps short
    found = peers_ours.scenario(SHOP)
    plane = CohortPlane(found, network.build(found), 1)
    peers_ours._bring_up(plane, found)
    kernel, now_s = plane.kernel, 15.0
    while kernel.stride == 1 and now_s < 40.0:
        now_s += 0.2
        plane.advance(now_s)
    assert kernel.stride > 1, "the load is even: sooner or later steps are long"
    before = list(kernel.group_busy)
    kernel.stirred = kernel.tick
    for tick in range(1, 9):
        plane.advance(now_s + tick * kernel.dt)
        assert kernel.stride == 1
        assert list(kernel.group_busy) == pytest.approx(before, rel=1e-3)
