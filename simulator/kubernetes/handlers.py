"""The one table of this room's agenda records: name to `handler(world, **payload)`."""

from collections.abc import Callable

from simulator.kubernetes import analysis, autoscaler, containers, controller, nodes

HANDLERS: dict[str, Callable[..., None]] = {
    "kubernetes.canary_check": analysis.on_canary_check,
    "kubernetes.container_back": containers.on_container_back,
    "kubernetes.container_died": containers.on_container_died,
    "kubernetes.hpa_sync": autoscaler.on_hpa_sync,
    "kubernetes.node_evict": nodes.on_evict,
    "kubernetes.node_unreachable": nodes.on_unreachable,
    "kubernetes.pod_gone": controller.on_pod_gone,
    "kubernetes.pod_ready": controller.on_pod_ready,
    "kubernetes.progress_check": controller.on_progress_check,
    "kubernetes.sync": controller.on_sync,
}
