"""PodDisruptionBudgets: how many pods may be evicted. They bind evictions only, never a machine's death."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes.state import Deployment, Pod, amount

if TYPE_CHECKING:
    from simulator.world import World

REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


def status(world: World, deployment: Deployment) -> tuple[int, int, int]:
    """(healthy pods, pods that must stay, pods expected)."""
    healthy = sum(p.app == deployment.name and p.active and p.ready for p in world.kubernetes.pods.values())
    return healthy, amount(deployment.min_available, deployment.replicas, up=True), deployment.replicas


def allowed(world: World, deployment: Deployment) -> int:
    """How many more pods may be evicted now."""
    healthy, wanted, _ = status(world, deployment)
    return max(0, healthy - wanted)


def forbids(world: World, pod: Pod) -> bool:
    """Whether the budget of a pod's deployment refuses its eviction."""
    deployment = world.kubernetes.deployments.get(pod.app)
    if deployment is None or not deployment.min_available or not pod.ready:
        return False
    return allowed(world, deployment) < 1
