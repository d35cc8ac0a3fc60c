"""The columns of `kubectl get` for each type. One function a type; no flags are read here."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.kubernetes import budgets, standing
from simulator.kubernetes import pods as lives
from simulator.kubernetes.layout import age, since
from simulator.kubernetes.objects import replicas_of
from simulator.kubernetes.parts import VERSION, endpoint_pods
from simulator.kubernetes.resources import Item
from simulator.kubernetes.state import Autoscaler, Deployment, Pod, counts

if TYPE_CHECKING:
    from simulator.world import World

Row = tuple[list[str], list[str]]  # cells, and what -o wide adds


def _age(world: "World", created_s: float) -> str:
    return since(world, created_s)


def restarts(world: "World", pod: Pod) -> str:
    """The RESTARTS column: `5 (31s ago)`."""
    if not pod.restarts:
        return "0"
    return f"{pod.restarts} ({age(world.now_s - pod.restarted_s)} ago)"


def _pod(world: "World", pod: Pod) -> Row:
    shown = lives.status(pod, world.now_s)
    ready = "1/1" if pod.ready else "0/1"
    cells = [pod.name, ready, shown, restarts(world, pod), _age(world, pod.created_s)]
    return cells, [pod.ip or "<none>", pod.node or "<none>", "<none>", "<none>"]


def _deployment(world: "World", found: Deployment) -> Row:
    status = counts(world.kubernetes, found, world.now_s)
    cells = [
        found.name,
        f"{status.ready}/{found.replicas}",
        str(status.updated),
        str(status.available),
        _age(world, found.created_s),
    ]
    return cells, [found.template.container, found.template.image, f"app={found.name}"]


def _replicaset(world: "World", found: Any) -> Row:
    owned = world.kubernetes.owned(found.name)
    ready = sum(pod.ready for pod in owned)
    numbers = [str(found.replicas), str(len(owned)), str(ready)]
    selector = f"app={found.deployment},pod-template-hash={found.hash}"
    wide = [found.template.container, found.template.image, selector]
    return [found.name, *numbers, _age(world, found.created_s)], wide


def _statefulset(world: "World", found: Any) -> Row:
    ready = sum(pod.ready for pod in world.kubernetes.owned(found.name))
    cells = [found.name, f"{ready}/{found.replicas}", _age(world, found.created_s)]
    return cells, [found.template.container, found.template.image]


def _service(world: "World", found: Any) -> Row:
    cells = [found.name, "ClusterIP", found.cluster_ip, "<none>", f"{found.port}/TCP"]
    return [*cells, _age(world, found.created_s)], [f"app={found.name}"]


def _endpoints(world: "World", found: Any) -> Row:
    ready, _ = endpoint_pods(world, found.name)
    shown = ",".join(f"{pod.ip}:{found.target_port}" for pod in ready[:3])
    if len(ready) > 3:
        shown += f" + {len(ready) - 3} more..."
    return [found.name, shown or "<none>", _age(world, found.created_s)], []


def _slice(world: "World", found: Any) -> Row:
    ready, _ = endpoint_pods(world, found.name)
    shown = ",".join(pod.ip for pod in ready[:3])
    if len(ready) > 3:
        shown += f" + {len(ready) - 3} more..."
    return ["", "IPv4", str(found.target_port), shown or "<unset>", _age(world, found.created_s)], []


def _node(world: "World", node: Any) -> Row:
    status = ("Ready" if node.ready else "NotReady") + (",SchedulingDisabled" if node.unschedulable else "")
    cells = [node.name, status, "<none>", _age(world, node.created_s), VERSION]
    system = ["Debian GNU/Linux 12 (bookworm)", "6.1.0-28-amd64", "containerd://1.7.24"]
    return cells, [node.internal_ip, "<none>", *system]


def _event(world: "World", event: Any) -> Row:
    last_s, times = event.seen(world.now_s)
    target = f"{event.kind.lower()}/{event.name}"
    cells = [since(world, last_s), event.type, event.reason, target, event.message]
    place = f"spec.containers{{{event.name.rsplit('-', 2)[0]}}}" if event.source == "kubelet" else ""
    return cells, [place, event.source, since(world, event.first_s), str(times)]


def targets(found: Autoscaler) -> str:
    """The TARGETS column: `cpu: 100%/60%`."""
    current = "<unknown>" if found.percent is None else f"{found.percent}%"
    return f"cpu: {current}/{found.target}%"


def _autoscaler(world: "World", found: Autoscaler) -> Row:
    cells = [
        found.name,
        f"Deployment/{found.deployment}",
        targets(found),
        str(found.minimum),
        str(found.maximum),
        str(replicas_of(world, found)),
        _age(world, _scaled_since(world, found)),
    ]
    return cells, []


def _scaled_since(world: "World", found: Autoscaler) -> float:
    """One that the scenario brings along is as old as what it scales."""
    deployment = world.kubernetes.deployments.get(found.deployment)
    return deployment.created_s if deployment is not None and found.created_s <= 0 else found.created_s


def _budget(world: "World", found: Any) -> Row:
    allowed = budgets.allowed(world, found)
    return [found.name, found.min_available, "N/A", str(allowed), _age(world, found.created_s)], []


def _configmap(world: "World", found: Any) -> Row:
    return [found.name, str(len(found.data)), _age(world, found.created_s)], []


def _oldest(world: "World") -> float:
    return min(node.created_s for node in world.kubernetes.nodes.values())


def _claim(world: "World", found: Any) -> Row:
    cells = ["", "Bound", "", found.storage, "RWO", "fast-ssd", "<unset>", _age(world, found.created_s)]
    return cells, ["Filesystem"]


def _ingress(world: "World", found: Any) -> Row:
    cells = [found.name, "nginx", "shop.example.com", "10.0.1.2", "80, 443"]
    return [*cells, _age(world, found.created_s)], []


HEADERS: dict[str, tuple[str, str]] = {
    "pods": ("NAME|READY|STATUS|RESTARTS|AGE", "IP|NODE|NOMINATED NODE|READINESS GATES"),
    "deployments": ("NAME|READY|UP-TO-DATE|AVAILABLE|AGE", "CONTAINERS|IMAGES|SELECTOR"),
    "replicasets": ("NAME|DESIRED|CURRENT|READY|AGE", "CONTAINERS|IMAGES|SELECTOR"),
    "statefulsets": ("NAME|READY|AGE", "CONTAINERS|IMAGES"),
    "services": ("NAME|TYPE|CLUSTER-IP|EXTERNAL-IP|PORT(S)|AGE", "SELECTOR"),
    "endpoints": ("NAME|ENDPOINTS|AGE", ""),
    "endpointslices": ("NAME|ADDRESSTYPE|PORTS|ENDPOINTS|AGE", ""),
    "nodes": (
        "NAME|STATUS|ROLES|AGE|VERSION",
        "INTERNAL-IP|EXTERNAL-IP|OS-IMAGE|KERNEL-VERSION|CONTAINER-RUNTIME",
    ),
    "events": ("LAST SEEN|TYPE|REASON|OBJECT|MESSAGE", "SUBOBJECT|SOURCE|FIRST SEEN|COUNT"),
    "horizontalpodautoscalers": ("NAME|REFERENCE|TARGETS|MINPODS|MAXPODS|REPLICAS|AGE", ""),
    "poddisruptionbudgets": ("NAME|MIN AVAILABLE|MAX UNAVAILABLE|ALLOWED DISRUPTIONS|AGE", ""),
    "configmaps": ("NAME|DATA|AGE", ""),
    "secrets": ("NAME|TYPE|DATA|AGE", ""),
    "namespaces": ("NAME|STATUS|AGE", ""),
    "persistentvolumeclaims": (
        "NAME|STATUS|VOLUME|CAPACITY|ACCESS MODES|STORAGECLASS|VOLUMEATTRIBUTESCLASS|AGE",
        "VOLUMEMODE",
    ),
    "ingresses": ("NAME|CLASS|HOSTS|ADDRESS|PORTS|AGE", ""),
    **standing.HEADERS,
}
_ROWS: dict[str, Callable[["World", Any], Row]] = {
    "pods": _pod,
    "deployments": _deployment,
    "replicasets": _replicaset,
    "statefulsets": _statefulset,
    "services": _service,
    "endpoints": _endpoints,
    "endpointslices": _slice,
    "nodes": _node,
    "events": _event,
    "horizontalpodautoscalers": _autoscaler,
    "poddisruptionbudgets": _budget,
    "configmaps": _configmap,
    "secrets": lambda world, found: (["", found[0], str(found[1]), _age(world, found[2])], []),
    "namespaces": lambda world, name: ([name, "Active", _age(world, _oldest(world))], []),
    "persistentvolumeclaims": _claim,
    "ingresses": _ingress,
    **dict.fromkeys(standing.HEADERS, standing.row),
}


def header(plural: str, wide: bool) -> list[str]:
    short, more = HEADERS.get(plural, ("NAME|AGE", ""))
    if wide and plural == "events":
        short = short.replace("MESSAGE", "SUBOBJECT|SOURCE|MESSAGE|FIRST SEEN|COUNT|NAME")
        return short.split("|")
    return short.split("|") + (more.split("|") if wide and more else [])


def row(world: "World", item: Item, wide: bool) -> list[str]:
    """The cells of an item's line."""
    make = _ROWS.get(item.type.plural)
    if make is None:
        return [item.name, "<unknown>"]
    cells, more = make(world, item.source)
    if item.type.plural == "events":
        if not wide:
            return cells
        return [*cells[:4], *more[:2], cells[4], *more[2:], item.name]
    if not cells[0] or item.type.plural == "persistentvolumeclaims":
        cells[0] = item.name
        if item.type.plural == "persistentvolumeclaims":
            cells[2] = f"pvc-{item.name.removeprefix('data-')}"
    return cells + more if wide else cells
