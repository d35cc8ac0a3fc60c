"""The HorizontalPodAutoscaler on CPU, as autoscaling/v2 behaves by default."""

import math
from typing import TYPE_CHECKING

from simulator.kubernetes import events
from simulator.kubernetes.controller import autoscale_to
from simulator.kubernetes.state import Autoscaler, Cluster, Deployment, cpu_m

if TYPE_CHECKING:
    from simulator.world import World

SYNC_S = 15.0
TOLERANCE = 0.1
STABILISATION_S = 300.0  # a lower size must have been right for this long
SCALE_UP_SHARE, SCALE_UP_PODS = 2.0, 4  # per sync: double, or four more
SOURCE = "horizontal-pod-autoscaler"
DEFAULT_TARGET = 80  # what `kubectl autoscale` means without --cpu-percent


def create(
    world: "World", deployment: Deployment, bounds: tuple[int, int], target: int, name: str = ""
) -> Autoscaler:
    """A new autoscaler between (min, max) pods; it looks for the first time after one period."""
    name = name or deployment.name
    size = deployment.replicas
    made = Autoscaler(name, deployment.name, bounds[0], bounds[1], target, world.now_s, desired=size)
    world.kubernetes.hpas[name] = made
    world.agenda.at(world.now_s + SYNC_S, "kubernetes.hpa_sync", hpa=name, created_s=world.now_s)
    return made


def on_hpa_sync(world: "World", hpa: str, created_s: float) -> None:
    """One look of the autoscaler."""
    cluster: Cluster = world.kubernetes
    found = cluster.hpas.get(hpa)
    if found is None or found.created_s != created_s:
        return
    world.agenda.at(world.now_s + SYNC_S, "kubernetes.hpa_sync", hpa=hpa, created_s=created_s)
    deployment = cluster.deployments.get(found.deployment)
    if deployment is None or deployment.replicas == 0:
        found.percent = None
        return
    wanted = _bounded(found, deployment.replicas, _recommend(world, found, deployment))
    wanted = _stabilised(found, deployment.replicas, wanted, world.now_s)
    found.desired = wanted
    if wanted != deployment.replicas:
        _rescale(world, found, deployment, wanted)


def usage(world: "World", deployment: Deployment) -> tuple[float, int, int]:
    """(mean millicores of a ready pod, ready pods, pods that are not ready)."""
    cluster: Cluster = world.kubernetes
    limit = cpu_m(deployment.template.cpu_limit)
    total, ready = 0.0, 0
    for group in world.plane.groups(deployment.name):
        total += group.cpu_share * limit * group.pods
        ready += group.pods
    waiting = sum(
        pod.app == deployment.name and pod.active and not pod.ready for pod in cluster.pods.values()
    )
    return (total / ready if ready else 0.0), ready, waiting


def _recommend(world: "World", hpa: Autoscaler, deployment: Deployment) -> int:
    """ceil(pods x usage / target); pods that are not ready count as idle when scaling up."""
    mean_m, ready, waiting = usage(world, deployment)
    request = cpu_m(deployment.template.cpu_request)
    if ready == 0 or request == 0:
        hpa.percent = None
        return deployment.replicas
    hpa.usage_m = math.ceil(mean_m)
    hpa.percent = round(100 * mean_m / request)
    ratio = 100 * mean_m / request / hpa.target
    if abs(ratio - 1) <= TOLERANCE:
        return deployment.replicas
    if ratio > 1 and waiting:
        ratio = ratio * ready / (ready + waiting)
        if ratio <= 1 + TOLERANCE:
            return deployment.replicas
        return math.ceil(round(ratio * (ready + waiting), 6))
    return math.ceil(round(ratio * ready, 6))


def _bounded(hpa: Autoscaler, current: int, wanted: int) -> int:
    """Within min and max, and not faster than the default scale-up policy."""
    hpa.limited = ""
    fastest = max(math.ceil(current * SCALE_UP_SHARE), current + SCALE_UP_PODS)
    if wanted > fastest:
        hpa.limited, wanted = "ScaleUpLimit", fastest
    if wanted > hpa.maximum:
        hpa.limited, wanted = "TooManyReplicas", hpa.maximum
    if wanted < hpa.minimum:
        hpa.limited, wanted = "TooFewReplicas", hpa.minimum
    return wanted


def _stabilised(hpa: Autoscaler, current: int, wanted: int, now_s: float) -> int:
    """Going down takes the highest recommendation of the last five minutes."""
    hpa.recommendations = [(t, n) for t, n in hpa.recommendations if now_s - t <= STABILISATION_S]
    hpa.recommendations.append((now_s, wanted))
    highest = max(n for _, n in hpa.recommendations)
    hpa.stabilized = wanted < current and highest > wanted
    if wanted >= current:
        return wanted
    # Before a full window has been seen the present size counts as a recommendation too.
    if now_s - hpa.created_s < STABILISATION_S:
        highest = max(highest, min(current, hpa.maximum))
    return min(current, highest)


def _rescale(world: "World", hpa: Autoscaler, deployment: Deployment, wanted: int) -> None:
    grows = wanted > deployment.replicas
    reason = "cpu resource utilization (percentage of request) above target"
    if not grows:
        reason = "All metrics below target"
    if hpa.limited == "TooFewReplicas" and grows:
        reason = "Current number of replicas below Spec.MinReplicas"
    elif hpa.limited == "TooManyReplicas" and not grows:
        reason = "Current number of replicas above Spec.MaxReplicas"
    text = f"New size: {wanted}; reason: {reason}"
    events.record(world, ("HorizontalPodAutoscaler", hpa.name), "SuccessfulRescale", text, SOURCE)
    hpa.scaled_s = world.now_s
    autoscale_to(world, deployment, wanted)
