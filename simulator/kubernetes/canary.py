"""A release's trial: one or a few surge pods of the new version, held until a verdict.

This file holds the rollout; the verdict itself, which may roll back, is in analysis.py.
"""

from typing import TYPE_CHECKING

from simulator.kubernetes.notes import say
from simulator.kubernetes.rolling import Step, View
from simulator.kubernetes.state import CanaryRun, Deployment, ReplicaSet

if TYPE_CHECKING:
    from simulator.world import World


def begin(world: "World", deployment: Deployment, new: ReplicaSet) -> None:
    """Put a new ReplicaSet on trial if the strategy asks for it and other pods carry the load."""
    plan = deployment.strategy.canary
    others = sum(rs.replicas for rs in world.kubernetes.revisions(deployment.name) if rs.name != new.name)
    if plan is None or new.replicas > 0 or others == 0:
        return
    deployment.canary = CanaryRun(new.name)
    version, seconds = new.template.version, round(plan.soak_s)
    service = deployment.name
    say(world, "rollout", "canary_started", service=service, version=version, pods=plan.pods, seconds=seconds)


def hold(world: "World", view: View) -> Step | None:
    """Sizes during a trial; None when there is none and the rollout may go on."""
    deployment, run = view.deployment, view.deployment.canary
    plan = deployment.strategy.canary
    if run is None or run.passed:
        return None
    if plan is None or run.replicaset != view.new.name:
        deployment.canary = None
        return None
    size = min(plan.pods, deployment.replicas)
    step = [(view.new, size)] if view.new.replicas != size else []
    step += _fill_stable(view)
    if not step and run.ready_s is None and view.available.get(view.new.name, 0) >= size:
        run.ready_s = world.now_s
        due_s = world.now_s + plan.soak_s
        world.agenda.at(
            due_s, "kubernetes.canary_check", deployment=deployment.name, replicaset=run.replicaset
        )
    return step


def _fill_stable(view: View) -> Step:
    """The versions before keep the full strength between them."""
    active = [rs for rs in view.olds if rs.replicas > 0]
    missing = view.deployment.replicas - sum(rs.replicas for rs in active)
    if not active or missing == 0:
        return []
    stable = max(active, key=lambda rs: (view.available.get(rs.name, 0), rs.revision))
    size = max(0, stable.replicas + missing)
    return [(stable, size)] if size != stable.replicas else []
