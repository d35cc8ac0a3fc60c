"""The verdict on a canary: compare its error ratio with the plan's limit, go on or take it back."""

from typing import TYPE_CHECKING

from simulator.kubernetes import events
from simulator.kubernetes.controller import reconcile, rollout_undo
from simulator.kubernetes.notes import say
from simulator.kubernetes.state import CanaryPlan, Deployment

if TYPE_CHECKING:
    from simulator.world import World


def on_canary_check(world: "World", deployment: str, replicaset: str, stuck: bool = False) -> None:
    """The soak is over (or, `stuck`, the canary never became ready): judge it."""
    found = world.kubernetes.deployments.get(deployment)
    if found is None or found.canary is None or found.canary.passed:
        return
    plan = found.strategy.canary
    if plan is None or found.canary.replicaset != replicaset:
        return
    version = found.template.version
    if stuck:
        say(world, "rollout", "canary_stuck", service=deployment, version=version)
        _take_back(world, found, "the canary never became ready")
        return
    rate = error_rate(world, deployment, version, plan.soak_s)
    shown = {"service": deployment, "version": version, "rate": f"{rate:.1%}"}
    if rate > plan.max_error_rate:
        say(world, "rollout", "canary_failed", **shown, limit=f"{plan.max_error_rate:.1%}")
        _take_back(world, found, _verdict(rate, plan))
        return
    say(world, "rollout", "canary_passed", **shown)
    found.canary.passed = True
    found.progressed_s = world.now_s
    reconcile(world, found)


def _verdict(rate: float, plan: CanaryPlan) -> str:
    return f'metric "error-rate" {rate:.4f} exceeds {plan.max_error_rate:.4f}'


def _take_back(world: "World", deployment: Deployment, why: str) -> None:
    version = deployment.template.version
    text = f"Rollout aborted update to revision {deployment.revision}: {why}"
    about = ("Deployment", deployment.name)
    events.record(world, about, "RolloutAborted", text, "canary-analysis", warning=True)
    deployment.strategy.paused = False
    rollout_undo(world, deployment)
    deployment.rolled_back = version


def error_rate(world: "World", service: str, version: str, window_s: float) -> float:
    """Failed share of a version's requests over the last `window_s` finished seconds; 0 without any."""
    span = max(1, round(window_s))

    def total(what: str) -> float:
        column = world.plane.history.column(f"service/{service}/{version}/{what}")
        return sum(column[-span:])

    failed = total("rejected") + total("errors")
    requests = max(total("requests"), failed)
    return failed / requests if requests > 0 else 0.0
