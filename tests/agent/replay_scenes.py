"""A short incident for replays: the release at second 2, pods that start in 5, a page at second 26."""

from concurrent.futures import Executor, Future
from typing import Any

from agent.counterfactual import ProcessReplayer
from agent.replay_port import Counterfactual, InterventionCall
from simulator.scenario import Scenario, TimelineEntry, load

UNDO = "kubectl rollout undo deployment/payment-service -n prod"
PLAYED = [(35.0, "ack"), (40.0, UNDO)]
PLAIN = load(
    "payment-pool",
    (
        "duration_s=60",
        "payment-service.startup_s=5",
        "alerting.scrape_s=5",
        "alerting.evaluate_s=5",
        "alerting.group_wait_s=5",
        "alerting.rules.PaymentSuccessRateLow.for_s=10",
    ),
)
SHORT: Scenario = PLAIN.model_copy(
    update={"timeline": [TimelineEntry(at_s=2, command="deploy payment-service v2.8.1")]}
)


class Here(Executor):
    """Runs at once, in this process, and counts."""

    def __init__(self) -> None:
        self.runs = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        self.runs += 1
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def questions(count: int) -> list[list[InterventionCall]]:
    """So many different ones; with the baseline, two replays each."""
    return [[InterventionCall("pool_resize", {"limit": 51 + n})] for n in range(count)]


def answered(replayer: ProcessReplayer, count: int) -> list[Counterfactual]:
    asked = questions(count)
    replayer.prefetch(asked)
    return [replayer.counterfactual(q, f"item {n}") for n, q in enumerate(asked)]
