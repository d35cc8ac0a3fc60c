"""The replayer on the real simulator: responders move with the page, equal questions run once."""

from concurrent.futures import Executor, Future
from typing import Any

from agent.counterfactual import ProcessReplayer, difference
from agent.measure import measured
from agent.replay_port import InterventionCall
from simulator.scenario import load

ROLLBACK = [(150.0, "kubectl rollout undo deployment/payment-service -n prod")]


class Here(Executor):
    """Runs at once, in this process, and counts."""

    def __init__(self) -> None:
        self.runs = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        self.runs += 1
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


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


def test_difference_needs_two_numbers() -> None:
    assert difference({"a": 1.0, "b": None}, {"a": 3.0, "b": 2.0}) == {"a": 2.0, "b": None}
