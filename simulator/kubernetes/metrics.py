"""The metrics API as the API server passes it on: what pods and nodes use now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.kubernetes.state import Pod

if TYPE_CHECKING:
    from simulator.world import World

ROOT = "/apis/metrics.k8s.io/v1beta1"


def page(world: World, path: str) -> dict[str, Any] | None:
    """The list at a path of the metrics API, None for another path."""
    parts = path.removeprefix(ROOT).strip("/").split("/")
    if not path.startswith(ROOT):
        return None
    if parts == ["nodes"]:
        return _list("NodeMetricsList", [_node(world, name) for name in world.kubernetes.nodes])
    if parts[-1] == "pods":
        from simulator.kubernetes.inspect import is_measured

        wanted = parts[1] if parts[0] == "namespaces" and len(parts) == 3 else ""
        pods = [
            p
            for p in world.kubernetes.pods.values()
            if p.active and p.namespace in (wanted or p.namespace, "") and is_measured(world, p)
        ]
        return _list("PodMetricsList", [_pod(world, pod) for pod in pods])
    return None


def _list(kind: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": rows}


def _pod(world: World, pod: Pod) -> dict[str, Any]:
    from simulator.kubernetes.inspect import pod_usage

    millicores, mib = pod_usage(world, pod)
    usage = {"cpu": f"{millicores}m", "memory": f"{mib * 1024}Ki"}
    return {
        "metadata": {"name": pod.name, "namespace": pod.namespace, "labels": pod.labels},
        "containers": [{"name": pod.template.container, "usage": usage}],
    }


def _node(world: World, name: str) -> dict[str, Any]:
    from simulator.kubernetes.inspect import node_usage

    millicores, mib = node_usage(world, world.kubernetes.nodes[name])
    return {"metadata": {"name": name}, "usage": {"cpu": f"{millicores}m", "memory": f"{mib * 1024}Ki"}}
