"""Objects as the API would return them: what -o yaml, -o json and jsonpath see. Plain dicts."""

import base64
from typing import TYPE_CHECKING, Any

from simulator.kubernetes import objects_more
from simulator.kubernetes import pods as lives
from simulator.kubernetes.build import uid_of
from simulator.kubernetes.layout import stamp
from simulator.kubernetes.parts import (
    TOLERATIONS,
    Object,
    conditions,
    container_status,
    endpoint_pods,
    hpa_conditions,
    memory_of,
    node_conditions,
    node_info,
    pod_conditions,
    pod_spec,
    pod_template,
)
from simulator.kubernetes.resources import NAMESPACES, Item
from simulator.kubernetes.state import (
    Autoscaler,
    Deployment,
    KubeEvent,
    KubeService,
    Node,
    Pod,
    ReplicaSet,
    StatefulSet,
    counts,
    is_available,
)

if TYPE_CHECKING:
    from simulator.world import World


def as_object(world: "World", item: Item) -> Object:
    """The API object of an item."""
    build = _BUILDERS.get(item.type.plural)
    body: Object = build(world, item.source) if build else {}
    if item.type.plural == "persistentvolumeclaims":
        body = objects_more.claim(world, item.source, item.name)
    meta: Object = body.pop("metadata", {})
    created = meta.pop("created_s", getattr(item.source, "created_s", None))
    head: Object = {"name": item.name}
    if item.namespace:
        head["namespace"] = item.namespace
    if item.labels:
        head["labels"] = dict(item.labels)
    if created is None:
        created = min(node.created_s for node in world.kubernetes.nodes.values())
    head["creationTimestamp"] = stamp(world.at(created))
    head["uid"] = getattr(item.source, "uid", "") or uid_of(world.kubernetes, item.type.plural, item.name)
    head["resourceVersion"] = str(48_120_000 + int(world.now_s * 10))
    return {
        "apiVersion": item.type.api_version,
        "kind": item.type.kind,
        "metadata": {**head, **meta},
        **body,
    }


def list_object(world: "World", found: list[Item]) -> Object:
    """The List that `get -o json` prints for more than one."""
    return {
        "apiVersion": "v1",
        "items": [as_object(world, item) for item in found],
        "kind": "List",
        "metadata": {"resourceVersion": ""},
    }


def _amount(value: str | int) -> str | int:
    return int(value) if str(value).lstrip("-").isdigit() else value


def _deployment(world: "World", found: Deployment) -> Object:
    now_s = world.now_s
    status = counts(world.kubernetes, found, now_s)
    annotations = {"deployment.kubernetes.io/revision": str(found.revision)}
    if found.change_cause:
        annotations["kubernetes.io/change-cause"] = found.change_cause
    strategy: Object = {"type": found.strategy.kind}
    if found.strategy.kind == "RollingUpdate":
        strategy["rollingUpdate"] = {
            "maxSurge": _amount(found.strategy.max_surge),
            "maxUnavailable": _amount(found.strategy.max_unavailable),
        }
    spec: Object = {
        "progressDeadlineSeconds": int(found.strategy.progress_deadline_s),
        "replicas": found.replicas,
        "revisionHistoryLimit": found.strategy.revision_history,
        "selector": {"matchLabels": {"app": found.name}},
        "strategy": strategy,
        "template": pod_template(found.template, found.labels, found),
    }
    if found.strategy.min_ready_s:
        spec["minReadySeconds"] = int(found.strategy.min_ready_s)
    if found.strategy.paused:
        spec["paused"] = True
    numbers = {
        "availableReplicas": status.available,
        "readyReplicas": status.ready,
        "replicas": status.total,
        "unavailableReplicas": status.unavailable,
        "updatedReplicas": status.updated,
    }
    return {
        "metadata": {"annotations": annotations, "generation": found.generation},
        "spec": spec,
        "status": {
            "conditions": conditions(world, found),
            "observedGeneration": found.generation,
            **{name: value for name, value in numbers.items() if value},
        },
    }


def _owner(world: "World", kind: str, name: str) -> list[Object]:
    uid = uid_of(world.kubernetes, kind.lower() + "s", name)
    return [{"apiVersion": "apps/v1", "controller": True, "kind": kind, "name": name, "uid": uid}]


def _replicaset(world: "World", found: ReplicaSet) -> Object:
    cluster = world.kubernetes
    owner = cluster.deployments.get(found.deployment)
    owned = cluster.owned(found.name)
    ready = sum(pod.ready for pod in owned)
    minimum = owner.strategy.min_ready_s if owner else 0.0
    available = sum(is_available(pod, minimum, world.now_s) for pod in owned)
    annotations = {
        "deployment.kubernetes.io/desired-replicas": str(found.desired),
        "deployment.kubernetes.io/max-replicas": str(found.ceiling),
        "deployment.kubernetes.io/revision": str(found.revision),
    }
    if found.earlier:
        annotations["deployment.kubernetes.io/revision-history"] = ",".join(map(str, found.earlier))
    if found.change_cause:
        annotations["kubernetes.io/change-cause"] = found.change_cause
    labels = {**(owner.labels if owner else {}), "pod-template-hash": found.hash}
    status = {"availableReplicas": available, "readyReplicas": ready}
    return {
        "metadata": {
            "annotations": annotations,
            "ownerReferences": _owner(world, "Deployment", found.deployment),
        },
        "spec": {
            "replicas": found.replicas,
            "selector": {"matchLabels": {"app": found.deployment, "pod-template-hash": found.hash}},
            "template": pod_template(found.template, labels, owner),
        },
        "status": {"replicas": len(owned), **{name: n for name, n in status.items() if n}},
    }


def _claim(found: StatefulSet) -> Object:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": found.storage}},
        "storageClassName": "fast-ssd",
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}


def _statefulset(world: "World", found: StatefulSet) -> Object:
    ready = sum(pod.ready for pod in world.kubernetes.owned(found.name))
    return {
        "spec": {
            "replicas": found.replicas,
            "selector": {"matchLabels": {"app": found.name}},
            "serviceName": found.name,
            "template": pod_template(found.template, found.labels, None),
            "updateStrategy": {"type": "OnDelete"},
            "volumeClaimTemplates": [_claim(found)],
        },
        "status": {"readyReplicas": ready, "replicas": found.replicas},
    }


def _pod(world: "World", pod: Pod) -> Object:
    cluster = world.kubernetes
    deployment = cluster.deployments.get(pod.app)
    meta: Object = {"ownerReferences": _owner(world, pod.owner_kind, pod.owner)} if pod.owner else {}
    meta["generateName"] = (pod.owner or pod.name.rpartition("-")[0]) + "-"
    if pod.template.restarted_at:
        meta["annotations"] = {"kubectl.kubernetes.io/restartedAt": pod.template.restarted_at}
    if pod.deleted_s is not None:
        meta["deletionGracePeriodSeconds"] = 30
        meta["deletionTimestamp"] = stamp(world.at(pod.deleted_s + 30))
    extra = {"priority": 0, "serviceAccountName": "default", "tolerations": TOLERATIONS}
    spec = {**pod_spec(pod.template, deployment), **extra}
    status: Object = {
        "conditions": [
            {"status": "True" if holds else "False", "type": kind} for kind, holds in pod_conditions(pod)
        ],
        "phase": lives.phase(pod, world.now_s),
        "qosClass": "Burstable",
        "startTime": stamp(world.at(pod.created_s)),
    }
    if pod.node:
        spec["nodeName"] = pod.node
        node = cluster.nodes.get(pod.node)
        status["hostIP"] = node.internal_ip if node else ""
        status["podIP"] = pod.ip
        status["podIPs"] = [{"ip": pod.ip}]
        status["containerStatuses"] = [container_status(world, pod)]
    return {"metadata": meta, "spec": spec, "status": status}


def _service(world: "World", found: KubeService) -> Object:
    return {
        "spec": {
            "clusterIP": found.cluster_ip,
            "clusterIPs": [found.cluster_ip],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [
                {"name": "http", "port": found.port, "protocol": "TCP", "targetPort": found.target_port}
            ],
            "selector": {"app": found.name},
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
        "status": {"loadBalancer": {}},
    }


def _endpoints(world: "World", found: KubeService) -> Object:
    ready, waiting = endpoint_pods(world, found.name)
    subset: Object = {"ports": [{"name": "http", "port": found.target_port, "protocol": "TCP"}]}
    if ready:
        subset["addresses"] = [_address(pod) for pod in ready]
    if waiting:
        subset["notReadyAddresses"] = [_address(pod) for pod in waiting]
    return {"subsets": [subset]} if ready or waiting else {}


def _slice(world: "World", found: KubeService) -> Object:
    ready, waiting = endpoint_pods(world, found.name)
    return {
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [pod.ip], "conditions": {"ready": pod.ready, "serving": pod.ready}}
            for pod in (*ready, *waiting)
        ],
        "ports": [{"name": "http", "port": found.target_port, "protocol": "TCP"}],
    }


def _address(pod: Pod) -> Object:
    target = {"kind": "Pod", "name": pod.name, "namespace": pod.namespace}
    return {"ip": pod.ip, "nodeName": pod.node, "targetRef": target}


def _node(world: "World", node: Node) -> Object:
    spec: Object = {"podCIDR": f"10.244.{node.index}.0/24"}
    if node.unschedulable:
        spec["unschedulable"] = True
    taints = [
        {"effect": effect, "key": key, **({"value": value} if value else {})}
        for key, value, effect in node.all_taints()
    ]
    if taints:
        spec["taints"] = taints
    size = {"cpu": str(node.cpu_m // 1000), "memory": memory_of(node), "pods": str(node.max_pods)}
    beat = stamp(world.at(world.now_s if node.down_s is None else node.down_s))
    since = stamp(world.at(node.changed_s or node.created_s))
    return {
        "spec": spec,
        "status": {
            "addresses": [
                {"address": node.internal_ip, "type": "InternalIP"},
                {"address": node.name, "type": "Hostname"},
            ],
            "allocatable": size,
            "capacity": size,
            "conditions": [
                {"lastHeartbeatTime": beat, "lastTransitionTime": since, **condition}
                for condition in node_conditions(node)
            ],
            "nodeInfo": node_info(world, node),
        },
    }


def _autoscaler(world: "World", found: Autoscaler) -> Object:
    metric = {"name": "cpu", "target": {"averageUtilization": found.target, "type": "Utilization"}}
    status: Object = {"currentReplicas": replicas_of(world, found), "desiredReplicas": found.desired}
    status["conditions"] = [
        {"message": message, "reason": reason, "status": verdict, "type": kind}
        for kind, verdict, reason, message in hpa_conditions(found)
    ]
    if found.percent is not None:
        current = {"averageUtilization": found.percent, "averageValue": f"{found.usage_m}m"}
        status["currentMetrics"] = [{"resource": {"current": current, "name": "cpu"}, "type": "Resource"}]
    return {
        "spec": {
            "maxReplicas": found.maximum,
            "metrics": [{"resource": metric, "type": "Resource"}],
            "minReplicas": found.minimum,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": found.deployment},
        },
        "status": status,
    }


def replicas_of(world: "World", found: Autoscaler) -> int:
    deployment = world.kubernetes.deployments.get(found.deployment)
    return counts(world.kubernetes, deployment, world.now_s).total if deployment else 0


def _event(world: "World", event: KubeEvent) -> Object:
    last_s, times = event.seen(world.now_s)
    return {
        "metadata": {"created_s": event.first_s},
        "count": times,
        "firstTimestamp": stamp(world.at(event.first_s)),
        "involvedObject": {"kind": event.kind, "name": event.name, "namespace": world.kubernetes.namespace},
        "lastTimestamp": stamp(world.at(last_s)),
        "message": event.message,
        "reason": event.reason,
        "reportingComponent": event.source,
        "source": {"component": event.source},
        "type": event.type,
    }


def _configmap(world: "World", found: Any) -> Object:
    return {"data": dict(found.data)}


def _secret(world: "World", found: tuple[str, int, float]) -> Object:
    names = ("username", "password")[: found[1]]
    held = {name: base64.b64encode(HELD_BACK[name].encode()).decode() for name in names}
    return {"data": held, "metadata": {"created_s": found[2]}, "type": found[0]}


HELD_BACK = {
    "username": "payments",
    "password": "kept-in-the-vault",
}  # what the cluster holds leads on to the vault


def _namespace(world: "World", name: str) -> Object:
    nodes = world.kubernetes.nodes.values()
    created = min(node.created_s for node in nodes)
    state = {"phase": "Active"}
    known = name in NAMESPACES or name == world.kubernetes.namespace
    return {"metadata": {"created_s": created}, "status": state if known else {}}


_BUILDERS: dict[str, Any] = {
    "configmaps": _configmap,
    "deployments": _deployment,
    "endpoints": _endpoints,
    "endpointslices": _slice,
    "events": _event,
    "horizontalpodautoscalers": _autoscaler,
    "ingresses": objects_more.ingress,
    "namespaces": _namespace,
    "nodes": _node,
    "pods": _pod,
    "replicasets": _replicaset,
    "secrets": _secret,
    "services": _service,
    "statefulsets": _statefulset,
}
