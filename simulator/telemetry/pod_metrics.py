"""What kube-state-metrics tells of pods: a series a pod for as long as the API server has it, by the pod's own times.

Pods come and go, so these series are worked out at each look, where those of the exporters follow from the scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.kubernetes.state import Pod
    from simulator.world import World

Labels = dict[str, str]
At = Callable[[float], float]  # the value at a moment
NAMES = (
    "kube_pod_container_status_ready",
    "kube_pod_container_status_restarts_total",
    "kube_pod_info",
    "kube_pod_status_phase",
    "kube_pod_status_ready",
)


def series(world: World, name: str | None) -> Iterator[tuple[Labels, At, Pod]]:
    """The series of a name, or all: labels, values, and the pod that they are of."""
    if name is not None and name not in NAMES:
        return
    for pod in world.kubernetes.pods.values():
        own = {"namespace": pod.namespace, "pod": pod.name}
        box = {**own, "container": pod.template.container}
        for metric, labels, value in _of(pod, own, box):
            if name in (None, metric):
                yield {"__name__": metric, "job": "kube-state-metrics", **labels}, value, pod


def _of(pod: Pod, own: Labels, box: Labels) -> Iterator[tuple[str, Labels, At]]:
    yield "kube_pod_container_status_ready", box, lambda t: float(_ready(pod, t))
    yield "kube_pod_container_status_restarts_total", box, lambda t: float(_restarts(pod, t))
    owner = {"created_by_kind": pod.owner_kind or "<none>", "created_by_name": pod.owner or "<none>"}
    yield "kube_pod_info", {**own, "node": pod.node, "pod_ip": pod.ip, **owner}, lambda _t: 1.0
    for phase in ("Failed", "Pending", "Running", "Succeeded", "Unknown"):
        yield "kube_pod_status_phase", {**own, "phase": phase}, _phase(pod, phase)
    for condition in ("false", "true", "unknown"):
        yield "kube_pod_status_ready", {**own, "condition": condition}, _condition(pod, condition)


def _phase(pod: Pod, phase: str) -> At:
    return lambda t: float(phase == ("Running" if pod.started_s <= t else "Pending"))


def _condition(pod: Pod, condition: str) -> At:
    return lambda t: float(condition == ("true" if _ready(pod, t) else "false"))


def _ready(pod: Pod, t_s: float) -> bool:
    """Whether it was ready then: its present container, or the one that ran at that time."""
    for was in pod.ended:
        if was.began_s <= t_s < was.ended_s:
            return was.ready_s <= t_s
    return pod.ready and pod.ready_s <= t_s


def _restarts(pod: Pod, t_s: float) -> int:
    return pod.restarts - sum(was.ended_s > t_s for was in pod.ended)


def present(pod: Pod, t_s: float) -> bool:
    return pod.created_s <= t_s < pod.gone_s
