"""Pods that change hands by their labels: what a selector no longer matches leaves its ReplicaSet and its service.

It goes on running with what it holds, gets no requests any more, and its ReplicaSet starts another in its place. With
its labels back it is adopted again, and the ReplicaSet has one too many.
"""

from typing import TYPE_CHECKING

from simulator.kubernetes import controller
from simulator.kubernetes.state import Cluster, Pod

if TYPE_CHECKING:
    from simulator.world import World

HASH = "pod-template-hash"


def movable(pod: object) -> bool:
    """Whether a pod's selector labels may change: those of a ReplicaSet's pods, and of pods that were."""
    return isinstance(pod, Pod) and pod.owner_kind in ("ReplicaSet", "")


def follow_labels(world: "World", pod: Pod) -> None:
    """A pod's labels have changed: who owns it and whom it serves now."""
    cluster: Cluster = world.kubernetes
    app, code, served = pod.labels.get("app", ""), pod.labels.get(HASH, ""), pod.app
    owner = next((rs for rs in cluster.replicasets.values() if (rs.deployment, rs.hash) == (app, code)), None)
    pod.owner, pod.owner_kind = (owner.name, "ReplicaSet") if owner is not None else ("", "")
    pod.app = app if app == pod.template.container else ""
    if served and not pod.app:
        pod.left = (served, world.now_s)
    elif pod.app:
        pod.left = None
    for name in dict.fromkeys((served, pod.app)):
        deployment = cluster.deployments.get(name)
        if deployment is not None:
            controller.replace_pods(world, deployment)
