"""The resource types of the API: their names, and how words of a command become objects.

What an object looks like is in tables.py, describe.py and objects.py.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.engine import streams
from simulator.kubernetes import standing
from simulator.kubernetes.parse import Call, Refused
from simulator.kubernetes.state import Cluster

if TYPE_CHECKING:
    from simulator.world import World

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system", "monitoring")
MIXED = (
    "error: there is no need to specify a resource type as a separate argument when passing arguments in "
    "resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource "
    "resource/<resource_name>'"
)


@dataclass(frozen=True)
class ResourceType:
    plural: str
    kind: str
    group: str  # "" is the core group
    version: str
    shorts: tuple[str, ...]
    namespaced: bool

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def qualified(self) -> str:
        """`deployments.apps`, as in error messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def prefix(self) -> str:
        """`deployment.apps`, as in results."""
        return f"{self.singular}.{self.group}" if self.group else self.singular

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True)
class Item:
    """One object of a type: `source` is its state."""

    type: ResourceType
    namespace: str
    name: str
    labels: dict[str, str]
    source: Any

    @property
    def path(self) -> str:
        return f"{self.type.prefix}/{self.name}"


_SPEC = """
componentstatuses ComponentStatus - v1 cs n
configmaps ConfigMap - v1 cm y
endpoints Endpoints - v1 ep y
events Event - v1 ev y
limitranges LimitRange - v1 limits y
namespaces Namespace - v1 ns n
nodes Node - v1 no n
persistentvolumeclaims PersistentVolumeClaim - v1 pvc y
persistentvolumes PersistentVolume - v1 pv n
pods Pod - v1 po y
replicationcontrollers ReplicationController - v1 rc y
resourcequotas ResourceQuota - v1 quota y
secrets Secret - v1 - y
serviceaccounts ServiceAccount - v1 sa y
services Service - v1 svc y
controllerrevisions ControllerRevision apps v1 - y
daemonsets DaemonSet apps v1 ds y
deployments Deployment apps v1 deploy y
replicasets ReplicaSet apps v1 rs y
statefulsets StatefulSet apps v1 sts y
horizontalpodautoscalers HorizontalPodAutoscaler autoscaling v2 hpa y
cronjobs CronJob batch v1 cj y
jobs Job batch v1 - y
leases Lease coordination.k8s.io v1 - y
certificatesigningrequests CertificateSigningRequest certificates.k8s.io v1 csr n
customresourcedefinitions CustomResourceDefinition apiextensions.k8s.io v1 crd n
endpointslices EndpointSlice discovery.k8s.io v1 - y
mutatingwebhookconfigurations MutatingWebhookConfiguration admissionregistration.k8s.io v1 - n
validatingwebhookconfigurations ValidatingWebhookConfiguration admissionregistration.k8s.io v1 - n
volumeattachments VolumeAttachment storage.k8s.io v1 - n
ingressclasses IngressClass networking.k8s.io v1 - n
ingresses Ingress networking.k8s.io v1 ing y
networkpolicies NetworkPolicy networking.k8s.io v1 netpol y
poddisruptionbudgets PodDisruptionBudget policy v1 pdb y
clusterrolebindings ClusterRoleBinding rbac.authorization.k8s.io v1 - n
clusterroles ClusterRole rbac.authorization.k8s.io v1 - n
rolebindings RoleBinding rbac.authorization.k8s.io v1 - y
roles Role rbac.authorization.k8s.io v1 - y
priorityclasses PriorityClass scheduling.k8s.io v1 pc n
storageclasses StorageClass storage.k8s.io v1 sc n
"""


def _types() -> dict[str, ResourceType]:
    found = {}
    for line in _SPEC.split("\n"):
        if line:
            plural, kind, group, version, short, namespaced = line.split()
            shorts = () if short == "-" else (short,)
            group = "" if group == "-" else group
            found[plural] = ResourceType(plural, kind, group, version, shorts, namespaced == "y")
    return found


TYPES = _types()
_NAMES: dict[str, ResourceType] = {}
for _type in TYPES.values():
    for _name in (_type.plural, _type.singular, *_type.shorts):
        _NAMES[_name] = _type
ALL = (
    "pods",
    "replicationcontrollers",
    "services",
    "daemonsets",
    "deployments",
    "replicasets",
    "statefulsets",
    "horizontalpodautoscalers",
    "cronjobs",
    "jobs",
)


def resource_type(word: str) -> ResourceType:
    """The type a word names (`po`, `Pods`, `deployment.apps`). Raises Refused."""
    name, _, group = word.lower().partition(".")
    found = _NAMES.get(name)
    known = found is not None and group in ("", found.group, f"{found.version}.{found.group}")
    if found is None or not known:
        raise Refused(f'error: the server doesn\'t have a resource type "{word}"')
    return found


def resource_types(word: str) -> list[ResourceType]:
    """The types of a comma-separated word; `all` is the usual category."""
    found: list[ResourceType] = []
    for part in word.split(","):
        found += [TYPES[plural] for plural in ALL] if part.lower() == "all" else [resource_type(part)]
    return found


def namespace_of(world: "World", call: Call) -> str:
    """The namespace a call speaks of: -n, or the context's own."""
    cluster: Cluster = world.kubernetes
    return call.text("namespace") or cluster.namespace_default or cluster.namespace


def _pods(cluster: Cluster) -> Iterable[tuple[str, str, dict[str, str], Any]]:
    for pod in cluster.pods.values():
        yield pod.namespace, pod.name, pod.labels, pod
    for pod in cluster.system_pods.values():
        yield pod.namespace, pod.name, standing.system_labels(pod.app, pod.labels), pod


def _labelled(attribute: str) -> Callable[[Cluster], Iterable[tuple[str, str, dict[str, str], Any]]]:
    """Objects of the scenario's namespace with their own labels."""

    def listing(cluster: Cluster) -> Iterable[tuple[str, str, dict[str, str], Any]]:
        for name, source in getattr(cluster, attribute).items():
            labels = getattr(source, "labels", {})
            yield cluster.namespace, name, labels, source

    return listing


def _replicasets(cluster: Cluster) -> Iterable[tuple[str, str, dict[str, str], Any]]:
    for name, source in cluster.replicasets.items():
        owner = cluster.deployments.get(source.deployment)
        labels = {**(owner.labels if owner else {}), "pod-template-hash": source.hash}
        yield cluster.namespace, name, labels, source


def _nodes(cluster: Cluster) -> Iterable[tuple[str, str, dict[str, str], Any]]:
    for name, node in cluster.nodes.items():
        yield "", name, node_labels(name, node.zone), node


def _budgets(cluster: Cluster) -> Iterable[tuple[str, str, dict[str, str], Any]]:
    for name, deployment in cluster.deployments.items():
        if deployment.min_available:
            yield cluster.namespace, name, deployment.labels, deployment


def node_labels(name: str, zone: str) -> dict[str, str]:
    return {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": zone,
    }


def _namespaces(cluster: Cluster) -> Iterable[tuple[str, str, dict[str, str], Any]]:
    for name in sorted({*NAMESPACES, cluster.namespace}):
        yield "", name, {"kubernetes.io/metadata.name": name}, name


def _claims(cluster: Cluster) -> Iterable[tuple[str, str, dict[str, str], Any]]:
    for stateful in cluster.statefulsets.values():
        for ordinal in range(stateful.replicas):
            yield cluster.namespace, f"data-{stateful.name}-{ordinal}", stateful.labels, stateful


def _ingresses(cluster: Cluster) -> Iterable[tuple[str, str, dict[str, str], Any]]:
    service = cluster.services.get(cluster.entry)
    if service is not None:
        yield cluster.namespace, cluster.entry, service.labels, service


def _slices(cluster: Cluster) -> Iterable[tuple[str, str, dict[str, str], Any]]:
    for name, service in cluster.services.items():
        labels = {**service.labels, "kubernetes.io/service-name": name}
        ending = streams.suffix(streams.key_of(cluster.seed, "endpointslice", name), 5)
        yield cluster.namespace, f"{name}-{ending}", labels, service


_LISTINGS: dict[str, Callable[[Cluster], Iterable[tuple[str, str, dict[str, str], Any]]]] = {
    "pods": _pods,
    "deployments": _labelled("deployments"),
    "replicasets": _replicasets,
    "statefulsets": _labelled("statefulsets"),
    "services": _labelled("services"),
    "endpoints": _labelled("services"),
    "endpointslices": _slices,
    "configmaps": _labelled("configmaps"),
    "secrets": _labelled("secrets"),
    "horizontalpodautoscalers": _labelled("hpas"),
    "nodes": _nodes,
    "poddisruptionbudgets": _budgets,
    "namespaces": _namespaces,
    "persistentvolumeclaims": _claims,
    "ingresses": _ingresses,
    "daemonsets": standing.daemonsets,
    "persistentvolumes": standing.volumes,
    "serviceaccounts": standing.accounts,
    "storageclasses": standing.classes,
}


def items(world: "World", kind: ResourceType, namespace: str | None) -> list[Item]:
    """The objects of a type in a namespace (None: all), in the API's order."""
    cluster: Cluster = world.kubernetes
    if kind.plural == "events":
        return _event_items(world, kind, namespace)
    listing = _LISTINGS.get(kind.plural)
    found = [
        Item(kind, where, name, labels, source)
        for where, name, labels, source in (listing(cluster) if listing else ())
        if namespace is None or not kind.namespaced or where == namespace
    ]
    return sorted(found, key=lambda item: (item.namespace, item.name))


def _event_items(world: "World", kind: ResourceType, namespace: str | None) -> list[Item]:
    from simulator.kubernetes.events import visible

    cluster: Cluster = world.kubernetes
    if namespace not in (None, cluster.namespace):
        return []
    found = []
    for event in visible(cluster, world.now_s):
        nanoseconds = int((world.at(event.first_s).timestamp()) * 1e9)
        found.append(Item(kind, cluster.namespace, f"{event.name}.{nanoseconds:016x}", {}, event))
    return sorted(found, key=lambda item: item.name)


@dataclass(frozen=True)
class Request:
    """What a command asks for: whole types, or named objects."""

    types: tuple[ResourceType, ...]
    named: tuple[tuple[ResourceType, str], ...] = ()


def request(args: list[str], missing: str) -> Request:
    """Read `TYPE[,TYPE] [NAME…]` or `TYPE/NAME…`. Raises Refused; `missing` is said for no words."""
    if not args:
        raise Refused(missing)
    if any("/" in word for word in args):
        if not all("/" in word for word in args):
            raise Refused(MIXED)
        pairs = []
        for word in args:
            kind, _, name = word.partition("/")
            if not kind or not name or "/" in name:
                raise Refused(
                    "error: arguments in resource/name form may not have more than one slash"
                    if "/" in name
                    else "error: arguments in resource/name form must have a single resource and name"
                )
            pairs.append((resource_type(kind), name))
        return Request((), tuple(pairs))
    types = tuple(resource_types(args[0]))
    return Request(types, tuple((kind, name) for name in args[1:] for kind in types))


def not_found(kind: ResourceType, name: str) -> str:
    return f'Error from server (NotFound): {kind.qualified} "{name}" not found'


def find(world: "World", kind: ResourceType, name: str, namespace: str) -> Item:
    """One object by name. Raises Refused with the server's message."""
    for item in items(world, kind, namespace):
        if item.name == name:
            return item
    raise Refused(not_found(kind, name))
