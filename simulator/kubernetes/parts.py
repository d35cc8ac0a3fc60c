"""The parts of API objects that several printers share: containers, conditions, identities.

Plain dicts and tuples; whole objects are put together in objects.py, text in describe.py and tables.py.
"""

from typing import TYPE_CHECKING, Any

from simulator.kubernetes import pods as lives
from simulator.kubernetes.build import uid_of
from simulator.kubernetes.layout import stamp
from simulator.kubernetes.state import NEVER, Autoscaler, Deployment, Ended, Node, Pod, Template, counts
from simulator.scenario import Probe

if TYPE_CHECKING:
    from simulator.world import World

Object = dict[str, Any]
VERSION = "v1.32.4"


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


def pod_spec(template: Template, deployment: Deployment | None) -> Object:
    return {
        "containers": [_container(template, deployment)],
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
    }


TOLERATIONS = [
    {
        "effect": "NoExecute",
        "key": f"node.kubernetes.io/{key}",
        "operator": "Exists",
        "tolerationSeconds": 300,
    }
    for key in ("not-ready", "unreachable")
]


def pod_template(template: Template, labels: dict[str, str], deployment: Deployment | None) -> Object:
    meta: Object = {"labels": dict(labels)}
    if template.restarted_at:
        meta["annotations"] = {"kubectl.kubernetes.io/restartedAt": template.restarted_at}
    return {"metadata": meta, "spec": pod_spec(template, deployment)}


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


def container_state(world: "World", pod: Pod) -> Object:
    """The `state` of a pod's container."""
    shown = lives.status(pod, world.now_s)
    if shown in ("Error", "CrashLoopBackOff"):
        minutes, seconds = divmod(round(pod.began_s - pod.crashed_s), 60)
        wait = f"back-off {f'{minutes}m' if minutes else ''}{seconds}s restarting failed"
        box = f"container={pod.template.container} pod={pod.name}_{pod.namespace}({pod.uid})"
        return {"waiting": {"message": f"{wait} {box}", "reason": "CrashLoopBackOff"}}
    if world.now_s >= pod.started_s:
        return {"running": {"startedAt": stamp(world.at(pod.since_s))}}
    waiting: Object = {"reason": shown if shown not in ("Pending", "Terminating") else "ContainerCreating"}
    if shown == "ImagePullBackOff":
        waiting["message"] = f'Back-off pulling image "{pod.template.image}"'
    return {"waiting": waiting}


def container_ids(world: "World", pod: Pod) -> tuple[str, str]:
    """(container ID, image ID), both "" before the container runs."""
    if world.now_s < pod.started_s:
        return "", ""
    digest = pod.uid.replace("-", "")
    image = f"{pod.template.image.rpartition(':')[0]}@sha256:{digest[::-1]}{digest}"
    return f"containerd://{digest}{digest}", image


def last_state(world: "World", pod: Pod) -> Object:
    """What the container before the present one ended with; {} when there was none."""
    if not pod.restarts:
        return {}
    was = former(pod)
    ended, began = stamp(world.at(was.ended_s)), stamp(world.at(was.began_s))
    return {"terminated": {"exitCode": was.code, "finishedAt": ended, "reason": "Error", "startedAt": began}}


def former(pod: Pod) -> Ended:
    """The container before the present one of a pod that has restarted; one of before the start stood a moment."""
    if pod.ended:
        return pod.ended[-1]
    return Ended(pod.started_s, NEVER, pod.restarted_s - 1, 143, "")


def container_status(world: "World", pod: Pod) -> Object:
    container, image = container_ids(world, pod)
    found: Object = {
        "image": pod.template.image,
        "imageID": image,
        "lastState": last_state(world, pod),
        "name": pod.template.container,
        "ready": pod.ready,
        "restartCount": pod.restarts,
        "started": world.now_s >= pod.started_s,
        "state": container_state(world, pod),
    }
    return {"containerID": container, **found} if container else found


def endpoint_pods(world: "World", app: str) -> tuple[list[Pod], list[Pod]]:
    """(ready, not ready) pods behind a service, by address."""
    found = [pod for pod in world.kubernetes.pods.values() if pod.app == app and pod.active and pod.ip]
    ordered = sorted(found, key=lambda pod: tuple(int(part) for part in pod.ip.split(".")))
    return [pod for pod in ordered if pod.ready], [pod for pod in ordered if not pod.ready]


def node_conditions(node: Node) -> list[Object]:
    """The conditions of a node, without their times; of one that is silent the API server knows nothing."""
    if not node.ready:
        return [
            {
                "message": "Kubelet stopped posting node status.",
                "reason": "NodeStatusUnknown",
                "status": "Unknown",
                "type": kind,
            }
            for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
        ]
    facts = (
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    )
    return [
        {"message": message, "reason": reason, "status": status, "type": kind}
        for kind, status, reason, message in facts
    ]


FIRMWARE_KI = 1_323_844  # what the kernel never sees of a machine's memory


def memory_of(node: Node) -> str:
    """A node's memory as the kubelet reports it."""
    return f"{node.memory_mi * 1024 - FIRMWARE_KI}Ki"


def node_info(world: "World", node: Node) -> Object:
    ids = {name: uid_of(world.kubernetes, name, node.name) for name in ("machineID", "systemUUID", "bootID")}
    return {
        **ids,
        "architecture": "amd64",
        "containerRuntimeVersion": "containerd://1.7.24",
        "kernelVersion": "6.1.0-28-amd64",
        "kubeProxyVersion": "",
        "kubeletVersion": VERSION,
        "operatingSystem": "linux",
        "osImage": "Debian GNU/Linux 12 (bookworm)",
    }


def hpa_conditions(found: Autoscaler) -> list[tuple[str, str, str, str]]:
    """(type, status, reason, message) of an autoscaler's conditions."""
    able = ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")
    if found.stabilized:
        text = (
            "recent recommendations were higher than current one, applying the highest recent recommendation"
        )
        able = ("AbleToScale", "True", "ScaleDownStabilized", text)
    elif found.scaled_s is not None:
        text = f"the HPA controller was able to update the target scale to {found.desired}"
        able = ("AbleToScale", "True", "SucceededRescale", text)
    if found.percent is None:
        text = (
            "the HPA was unable to compute the replica count: failed to get cpu utilization: "
            "unable to get metrics for resource cpu: no metrics returned from resource metrics API"
        )
        return [able, ("ScalingActive", "False", "FailedGetResourceMetric", text)]
    active = (
        "the HPA was able to successfully calculate a replica count from cpu resource utilization "
        "(percentage of request)"
    )
    limits = {
        "": ("False", "DesiredWithinRange", "the desired count is within the acceptable range"),
        "ScaleUpLimit": (
            "True",
            "ScaleUpLimit",
            "the desired replica count is increasing faster than the maximum scale rate",
        ),
        "TooManyReplicas": (
            "True",
            "TooManyReplicas",
            "the desired replica count is more than the maximum replica count",
        ),
        "TooFewReplicas": (
            "True",
            "TooFewReplicas",
            "the desired replica count is less than the minimum replica count",
        ),
    }
    return [
        able,
        ("ScalingActive", "True", "ValidMetricFound", active),
        ("ScalingLimited", *limits[found.limited]),
    ]
