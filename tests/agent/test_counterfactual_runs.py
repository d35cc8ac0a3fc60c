"""The replayer on the real simulator: responders move with the page, equal questions run once."""

from agent.counterfactual import ProcessReplayer, difference
from agent.measure import measured
from agent.replay_port import InterventionCall
from simulator.scenario import load
from tests.agent.replay_scenes import PLAYED, SHORT, Here

ROLLBACK = [(150.0, "kubectl rollout undo deployment/payment-service -n prod")]


def test_the_fix_prevents_and_is_run_once() -> None:
    here = Here()
    replayer = ProcessReplayer(load("payment-pool"), 1, ROLLBACK, here)
    call = [InterventionCall("fix_n_plus_one")]
    first = replayer.counterfactual(call, "a")
    runs = here.runs
    assert replayer.counterfactual(call, "b") == first
    assert here.runs == runs
    assert first.with_["failed_requests"] == 0
    assert measured(first).effect == "strong"


def test_an_alert_changes_nothing_when_nobody_responds() -> None:
    here = Here()
    replayer = ProcessReplayer(load("payment-pool", ("traffic.rps=300",)), 1, ROLLBACK, here)
    found = replayer.counterfactual([InterventionCall("alert_pool_saturation")], "a")
    assert found.no_responder["effect"]["failed_requests"] == 0


def test_what_both_plans_share_is_one_task() -> None:
    """The pair with and without a responder is one task; what only helps people changes nothing alone."""
    here = Here()
    replayer = ProcessReplayer(SHORT, 1, PLAYED, here)
    replayer.prefetch([[InterventionCall("pool_resize")], [InterventionCall("runbook_rollback")]])
    assert here.runs == 3  # baseline, pool, runbook with a responder
    found = replayer.counterfactual([InterventionCall("runbook_rollback")], "a")
    assert found.no_responder["with"] == found.no_responder["baseline"]
    assert here.runs == 3


def test_progress_counts_tasks_as_their_answers_come() -> None:
    replayer = ProcessReplayer(SHORT, 1, PLAYED, Here())
    heard: list[tuple[str, int, int]] = []
    replayer.counterfactual(
        [InterventionCall("pool_resize")], "item 1", lambda *progress: heard.append(progress)
    )
    assert heard[0] == heard[-1] == ("item 1", 2, 2)


def test_difference_needs_two_numbers() -> None:
    assert difference({"a": 1.0, "b": None}, {"a": 3.0, "b": 2.0}) == {"a": 2.0, "b": None}


def test_a_false_trail_is_not_where_the_repair_begins() -> None:
    """More pods only load the hot shard more; what the incident would be worse without is the salt."""
    scale = "kubectl scale deployment/order-service --replicas=40 -n prod"
    played = [(100.0, scale), (130.0, "shardctl salt m-48213 --parts 8")]
    repair = ProcessReplayer(load("hot-shard", ("duration_s=500",)), 1, played, Here()).repair()
    assert repair is not None and repair.line.startswith("shardctl salt") and repair.at_s == 130.0
