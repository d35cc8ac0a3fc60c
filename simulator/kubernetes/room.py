"""What the cluster does by itself once a second, and what a scenario has running in it from the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.kubernetes import autoscaler, containers
from simulator.room import Room

if TYPE_CHECKING:
    from simulator.world import World


def _build(world: World) -> Any:
    """Start the declared autoscalers. The cluster itself is in `world.kubernetes`."""
    for name, service in world.scenario.services().items():
        if service.hpa is not None:
            deployment = world.kubernetes.deployments[name]
            autoscaler.create(world, deployment, (service.hpa.min, service.hpa.max), service.hpa.cpu)
    pooled = any(d.pooled for d in world.kubernetes.deployments.values())
    shared = any(s.readiness.shared or s.liveness.shared for s in world.scenario.services().values())
    return {"pooled": pooled, "shared": shared} if pooled or shared else None


def _each_second(world: World) -> None:
    state = world.rooms["kubernetes"]
    if state["pooled"]:
        containers.follow_pools(world)
    if state["shared"]:
        containers.probe(world)


ROOM = Room("kubernetes", _build, each_second=_each_second)
