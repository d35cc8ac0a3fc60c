"""The verdict on a canary: compare its errors and its speed with the plan, go on or take it back."""

from typing import TYPE_CHECKING

from simulator.invariants import first_broken
from simulator.kubernetes import events
from simulator.kubernetes.controller import reconcile, rollout_undo
from simulator.kubernetes.notes import say
from simulator.kubernetes.state import Deployment

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
    slower = slowdown(world, found, plan.soak_s)
    shown = {"service": deployment, "version": version, "rate": f"{rate:.1%}", "slower": f"{slower:.1f}"}
    if rate > plan.max_error_rate:
        say(world, "rollout", "canary_failed", **shown, limit=f"{plan.max_error_rate:.1%}")
        _take_back(world, found, f'metric "error-rate" {rate:.4f} exceeds {plan.max_error_rate:.4f}')
        return
    if 0 < plan.max_slowdown < slower:
        say(world, "rollout", "canary_slow", **shown, limit=f"{plan.max_slowdown:.1f}")
        _take_back(world, found, f'metric "latency-ratio" {slower:.2f} exceeds {plan.max_slowdown:.2f}')
        return
    broken = first_broken(world) if world.policies.get("canary_books") else ""
    if broken:
        rule = world.scenario.invariants[broken].text.of(world.language)
        say(world, "rollout", "canary_books", **shown, rule=rule)
        _take_back(world, found, 'metric "reconciliation" failed')
        return
    say(world, "rollout", "canary_passed", **shown)
    found.canary.passed = True
    found.progressed_s = world.now_s
    reconcile(world, found)


def _take_back(world: "World", deployment: Deployment, why: str) -> None:
    version = deployment.template.version
    text = f"Rollout aborted update to revision {deployment.revision}: {why}"
    about = ("Deployment", deployment.name)
    events.record(world, about, "RolloutAborted", text, "canary-analysis", warning=True)
    deployment.strategy.paused = False
    rollout_undo(world, deployment)
    deployment.rolled_back = version


def _total(world: "World", service: str, version: str, what: str, window_s: float) -> float:
    column = world.plane.history.column(f"service/{service}/{version}/{what}")
    return sum(column[-max(1, round(window_s)) :])


def error_rate(world: "World", service: str, version: str, window_s: float) -> float:
    """Failed share of a version's requests over the last `window_s` finished seconds; 0 without any."""
    failed = sum(_total(world, service, version, what, window_s) for what in ("rejected", "errors"))
    requests = max(_total(world, service, version, "requests", window_s), failed)
    return failed / requests if requests > 0 else 0.0


def mean_time_s(world: "World", service: str, versions: list[str], window_s: float) -> float:
    """Mean time a request spends in the pods of these versions, by Little's law; 0 without any."""
    held = sum(_total(world, service, version, "in_flight", window_s) for version in versions)
    asked = sum(_total(world, service, version, "requests", window_s) for version in versions)
    refused = sum(_total(world, service, version, "rejected", window_s) for version in versions)
    return held / (asked - refused) if asked > refused else 0.0


def slowdown(world: "World", deployment: Deployment, window_s: float) -> float:
    """How many times longer a request takes in the canary than in the pods beside it; 0 if unknown."""
    new = deployment.template.version
    others = [version for version in deployment.serving if version != new]
    stable = mean_time_s(world, deployment.name, others, window_s)
    return mean_time_s(world, deployment.name, [new], window_s) / stable if stable > 0 else 0.0
