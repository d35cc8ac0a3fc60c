"""Objects as the API would return them: what -o yaml, -o json and jsonpath see. Plain dicts."""

from typing import TYPE_CHECKING, Any

from simulator.kubernetes import pods as lives
from simulator.kubernetes.build import uid_of
from simulator.kubernetes.layout import stamp
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
    Template,
    counts,
    is_available,
)
from simulator.scenario import Probe

if TYPE_CHECKING:
    from simulator.world import World

Object = dict[str, Any]
VERSION = "v1.32.4"


def as_object(world: "World", item: Item) -> Object:
    """The API object of an item."""
    build = _BUILDERS.get(item.type.plural)
    body: Object = build(world, item.source) if build else {}
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


def _probe(probe: Probe) -> Object:
    return {
        "failureThreshold": probe.failure_threshold,
        "httpGet": {"path": probe.path, "port": 8080, "scheme": "HTTP"},
        "periodSeconds": int(probe.period_s),
        "successThreshold": 1,
        "timeoutSeconds": int(probe.timeout_s),
    }


def _container(template: Template, deployment: Deployment | None) -> Object:
    found: Object = {
        "image": template.image,
        "imagePullPolicy": "IfNotPresent",
        "name": template.container,
        "ports": [{"containerPort": template.port, "protocol": "TCP"}],
        "resources": {
            "limits": {"cpu": template.cpu_limit, "memory": template.memory_limit},
            "requests": {"cpu": template.cpu_request, "memory": template.memory_request},
        },
    }
    if template.env:
        found["env"] = [{"name": name, "value": value} for name, value in template.env]
    if deployment is not None and deployment.readiness is not None:
        found["readinessProbe"] = _probe(deployment.readiness)
    if deployment is not None and deployment.liveness is not None:
        found["livenessProbe"] = _probe(deployment.liveness)
    return found


def _pod_spec(template: Template, deployment: Deployment | None) -> Object:
    return {
        "containers": [_container(template, deployment)],
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
    }


def _template(template: Template, labels: dict[str, str], deployment: Deployment | None) -> Object:
    meta: Object = {"labels": dict(labels)}
    if template.restarted_at:
        meta["annotations"] = {"kubectl.kubernetes.io/restartedAt": template.restarted_at}
    return {"metadata": meta, "spec": _pod_spec(template, deployment)}


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
        "template": _template(found.template, found.labels, found),
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


PROGRESS = {
    "NewReplicaSetAvailable": ("True", 'ReplicaSet "{rs}" has successfully progressed.'),
    "ReplicaSetUpdated": ("True", 'ReplicaSet "{rs}" is progressing.'),
    "ProgressDeadlineExceeded": ("False", 'ReplicaSet "{rs}" has timed out progressing.'),
    "DeploymentPaused": ("Unknown", "Deployment is paused"),
    "DeploymentResumed": ("Unknown", "Deployment is resumed"),
}


def conditions(world: "World", found: Deployment) -> list[Object]:
    """The Available and Progressing conditions of a deployment."""
    status = counts(world.kubernetes, found, world.now_s)
    enough = status.available >= found.replicas - found.strategy.unavailable(found.replicas)
    verdict, text = PROGRESS[found.progress]
    names = [rs.name for rs in world.kubernetes.revisions(found.name)]
    moment = stamp(world.at(found.progressed_s))
    return [
        {
            "lastTransitionTime": moment,
            "lastUpdateTime": moment,
            "message": f"Deployment {'has' if enough else 'does not have'} minimum availability.",
            "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            "status": "True" if enough else "False",
            "type": "Available",
        },
        {
            "lastTransitionTime": moment,
            "lastUpdateTime": moment,
            "message": text.format(rs=names[-1] if names else ""),
            "reason": found.progress,
            "status": verdict,
            "type": "Progressing",
        },
    ]


def _owner(kind: str, name: str) -> list[Object]:
    return [{"apiVersion": "apps/v1", "controller": True, "kind": kind, "name": name}]


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
        "metadata": {"annotations": annotations, "ownerReferences": _owner("Deployment", found.deployment)},
        "spec": {
            "replicas": found.replicas,
            "selector": {"matchLabels": {"app": found.deployment, "pod-template-hash": found.hash}},
            "template": _template(found.template, labels, owner),
        },
        "status": {"replicas": len(owned), **{name: n for name, n in status.items() if n}},
    }


def _statefulset(world: "World", found: StatefulSet) -> Object:
    ready = sum(pod.ready for pod in world.kubernetes.owned(found.name))
    return {
        "spec": {
            "replicas": found.replicas,
            "selector": {"matchLabels": {"app": found.name}},
            "serviceName": found.name,
            "template": _template(found.template, found.labels, None),
        },
        "status": {"readyReplicas": ready, "replicas": found.replicas},
    }


def pod_conditions(pod: Pod) -> list[tuple[str, bool]]:
    """The condition types of a pod in kubectl's order."""
    placed = bool(pod.node)
    running = placed and not pod.image_missing
    return [
        ("PodReadyToStartContainers", running),
        ("Initialized", placed),
        ("Ready", pod.ready),
        ("ContainersReady", pod.ready),
        ("PodScheduled", placed),
    ]


def running_since(pod: Pod) -> float:
    """When the present container of a pod started."""
    return pod.restarted_s if pod.restarts else pod.started_s


def container_state(world: "World", pod: Pod) -> Object:
    """The `state` of a pod's container."""
    if world.now_s >= pod.started_s:
        return {"running": {"startedAt": stamp(world.at(running_since(pod)))}}
    shown = lives.status(pod, world.now_s)
    waiting: Object = {"reason": shown if shown not in ("Pending", "Terminating") else "ContainerCreating"}
    if shown == "ImagePullBackOff":
        waiting["message"] = f'Back-off pulling image "{pod.template.image}"'
    return {"waiting": waiting}


def _pod(world: "World", pod: Pod) -> Object:
    cluster = world.kubernetes
    deployment = cluster.deployments.get(pod.app)
    meta: Object = {"ownerReferences": _owner(pod.owner_kind, pod.owner)}
    meta["generateName"] = pod.owner + "-"
    if pod.template.restarted_at:
        meta["annotations"] = {"kubectl.kubernetes.io/restartedAt": pod.template.restarted_at}
    if pod.deleted_s is not None:
        meta["deletionGracePeriodSeconds"] = 30
        meta["deletionTimestamp"] = stamp(world.at(pod.deleted_s + 30))
    spec = _pod_spec(pod.template, deployment)
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
        status["containerStatuses"] = [
            {
                "image": pod.template.image,
                "name": pod.template.container,
                "ready": pod.ready,
                "restartCount": pod.restarts,
                "started": world.now_s >= pod.started_s,
                "state": container_state(world, pod),
            }
        ]
    return {"metadata": meta, "spec": spec, "status": status}


def _service(world: "World", found: KubeService) -> Object:
    return {
        "spec": {
            "clusterIP": found.cluster_ip,
            "ports": [
                {"name": "http", "port": found.port, "protocol": "TCP", "targetPort": found.target_port}
            ],
            "selector": {"app": found.name},
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


def _address(pod: Pod) -> Object:
    target = {"kind": "Pod", "name": pod.name, "namespace": pod.namespace}
    return {"ip": pod.ip, "nodeName": pod.node, "targetRef": target}


def endpoint_pods(world: "World", app: str) -> tuple[list[Pod], list[Pod]]:
    """(ready, not ready) pods behind a service, by address."""
    found = [pod for pod in world.kubernetes.pods.values() if pod.app == app and pod.active and pod.ip]
    ordered = sorted(found, key=lambda pod: tuple(int(part) for part in pod.ip.split(".")))
    return [pod for pod in ordered if pod.ready], [pod for pod in ordered if not pod.ready]


def _node(world: "World", node: Node) -> Object:
    spec: Object = {"podCIDR": f"10.244.{node.index}.0/24"}
    if node.unschedulable:
        spec["unschedulable"] = True
        taint = {"effect": "NoSchedule", "key": "node.kubernetes.io/unschedulable"}
        spec["taints"] = [taint]
    size = {"cpu": str(node.cpu_m // 1000), "memory": f"{node.memory_mi}Mi", "pods": str(node.max_pods)}
    return {
        "spec": spec,
        "status": {
            "addresses": [
                {"address": node.internal_ip, "type": "InternalIP"},
                {"address": node.name, "type": "Hostname"},
            ],
            "allocatable": size,
            "capacity": size,
            "conditions": [{"reason": "KubeletReady", "status": "True", "type": "Ready"}],
            "nodeInfo": {"kubeletVersion": VERSION, "operatingSystem": "linux"},
        },
    }


def _autoscaler(world: "World", found: Autoscaler) -> Object:
    metric = {"name": "cpu", "target": {"averageUtilization": found.target, "type": "Utilization"}}
    status: Object = {"currentReplicas": replicas_of(world, found), "desiredReplicas": found.desired}
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
    return {"metadata": {"created_s": found[2]}, "type": found[0]}


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
    "events": _event,
    "horizontalpodautoscalers": _autoscaler,
    "namespaces": _namespace,
    "nodes": _node,
    "pods": _pod,
    "replicasets": _replicaset,
    "secrets": _secret,
    "services": _service,
    "statefulsets": _statefulset,
}
