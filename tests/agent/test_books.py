"""Broken books count in feedback as failed requests do: measured, told in the scenario's words, weighed."""

from __future__ import annotations

from typing import Any

from agent import feedback, review_entry
from agent.counterfactual import ProcessReplayer
from agent.measure import books_share, measured
from agent.replay_port import Counterfactual, InterventionCall
from simulator.interventions import CATALOGUE
from simulator.scenario import load, varied
from tests.agent.replay_scenes import Here
from tests.simulator.test_any_scenario import bare

FACTS: dict[str, Any] = {
    "failed_requests": 0, "success_min": 1.0, "started_s": None, "p1_paged_s": None, "recovered_s": None,
    "error_budget_burned": 0.0, "others_failed": 0, "violations": 40, "violated.kept": 40,
}  # fmt: skip


def counted(before: int, after: int) -> Counterfactual:
    base, other = (dict(FACTS, **{"violations": n, "violated.kept": n}) for n in (before, after))
    return Counterfactual(
        "cf-1", base, other, {"violations": after - before}, {"baseline": base, "with": other}
    )


def test_the_share_of_violations_spared() -> None:
    assert books_share({"violations": 40}, {"violations": 10}) == 0.75
    assert books_share({"violations": 0}, {"violations": 3}) == -1.0
    assert books_share({}, {}) is None and books_share({"violations": 0}, {"violations": 0}) is None


def test_violations_decide_where_no_request_failed() -> None:
    assert measured(counted(40, 0)).effect == "strong"
    assert measured(counted(40, 30)).effect == "helps"
    assert measured(counted(40, 40)).effect == "nothing"
    assert measured(counted(40, 60)).effect == "harm"
    assert measured(counted(0, 5)).effect == "harm"


def test_feedback_tells_them_in_the_scenarios_words() -> None:
    run = counted(40, 0)
    told = feedback.Told(
        [], None, run.baseline, CATALOGUE, bare().starts_at, "en", (), {"violated.kept": "no order is lost"}
    )
    text = feedback.compose(told)
    assert "In the data: “no order is lost”, 40 violations." in text
    assert feedback._books(told, run) == ["   “no order is lost”: 0 violations instead of 40."]


def test_a_replay_of_single_orders_counts_violations() -> None:
    with ProcessReplayer(bare(books=True), 1, [(30.0, "status")], Here()) as replayer:
        found = replayer.counterfactual([InterventionCall("client_timeout")], "a")
    assert found.baseline["violated.charged_once"] == found.baseline["violations"] > 0
    assert "violated.charged_once" in found.effect


def test_a_replayer_plays_the_seeds_variant_thinned() -> None:
    file = load("payment-pool")
    assert ProcessReplayer(file, 3, [], Here()).scenario == varied(file, 3) != file
    many = bare(books=True, duration_s=3600)
    replayer = ProcessReplayer(many, 1, [], Here())
    assert replayer.scenario.entities is not None and replayer.scenario.entities.keep < 1.0


def test_a_review_of_any_scenario_works_from_end_to_end(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("DROPPROD_HOME", str(tmp_path))
    text = "- Resize the connection pool to 100\n- Client timeout of 1 s\n- Alert on burn rate"
    found = review_entry.review_text(bare(books=True), text, "action-items", "en")
    assert found["labels"] == {"violated.charged_once": "nobody is charged twice"}
    pool, timeout, alert = found["action_items"]
    assert pool["counterfactual"] is None  # this scenario has no pool
    assert timeout["counterfactual"] and alert["counterfactual"]
    assert "In the data: “nobody is charged twice”" in found["feedback"]
    told = review_entry.review_text(bare(), "The outage began at 00:00:20.", "postmortem", "en")
    assert told["overall"] >= 0.0 and told["labels"] == {}
