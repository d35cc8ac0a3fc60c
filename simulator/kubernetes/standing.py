"""Objects that stand since the cluster was made and follow from others: DaemonSets, volumes, storage classes, accounts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.kubernetes.layout import age

if TYPE_CHECKING:
    from simulator.kubernetes.state import Cluster
    from simulator.world import World

CLASS = "fast-ssd"
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system", "monitoring")
KUBE_DNS = "kube-dns"
HEADERS = {
    "daemonsets": ("NAME|DESIRED|CURRENT|READY|UP-TO-DATE|AVAILABLE|NODE SELECTOR|AGE", ""),
    "persistentvolumes": (
        "NAME|CAPACITY|ACCESS MODES|RECLAIM POLICY|STATUS|CLAIM|STORAGECLASS|VOLUMEATTRIBUTESCLASS|REASON|AGE",
        "VOLUMEMODE",
    ),
    "serviceaccounts": ("NAME|SECRETS|AGE", ""),
    "storageclasses": ("NAME|PROVISIONER|RECLAIMPOLICY|VOLUMEBINDINGMODE|ALLOWVOLUMEEXPANSION|AGE", ""),
}
Listed = Iterable[tuple[str, str, dict[str, str], "Standing"]]


@dataclass(frozen=True)
class Standing:
    """A row of such an object, but for its age."""

    cells: tuple[str, ...]
    created_s: float
    wide: tuple[str, ...] = ()


def row(world: World, found: Standing) -> tuple[list[str], list[str]]:
    return [*found.cells, age(max(0.0, world.now_s - found.created_s))], list(found.wide)


def _made(cluster: Cluster) -> float:
    return min(node.created_s for node in cluster.nodes.values())


def daemonsets(cluster: Cluster) -> Listed:
    pods = [pod for pod in cluster.system_pods.values() if pod.owner_kind == "DaemonSet"]
    for name in dict.fromkeys(pod.app for pod in pods):
        count = str(sum(pod.app == name for pod in pods))
        namespace = next(pod.namespace for pod in pods if pod.app == name)
        cells = (name, count, count, count, count, count, "kubernetes.io/os=linux")
        yield namespace, name, {"k8s-app": name}, Standing(cells, _made(cluster))


def volumes(cluster: Cluster) -> Listed:
    for stateful in cluster.statefulsets.values():
        for ordinal in range(stateful.replicas):
            name = f"pvc-{stateful.name}-{ordinal}"
            claim = f"{cluster.namespace}/data-{stateful.name}-{ordinal}"
            cells = (name, stateful.storage, "RWO", "Retain", "Bound", claim, CLASS, "<unset>", "")
            yield "", name, {}, Standing(cells, stateful.created_s, ("Filesystem",))


def classes(cluster: Cluster) -> Listed:
    if cluster.statefulsets:
        cells = (f"{CLASS} (default)", "csi.example.com", "Retain", "WaitForFirstConsumer", "true")
        yield "", CLASS, {}, Standing(cells, _made(cluster))


def accounts(cluster: Cluster) -> Listed:
    for namespace in sorted({*NAMESPACES, cluster.namespace}):
        yield namespace, "default", {}, Standing(("default", "0"), _made(cluster))


def system_labels(app: str, labels: dict[str, str]) -> dict[str, str]:
    """A system pod's labels: the DNS servers keep the name they had before."""
    return {**labels, "k8s-app": KUBE_DNS if app == "coredns" else app}
