"""One pod's life: placed, started, ready, deleted, gone; and who of them takes traffic.

Which pods should exist is decided in controller.py; how a pod is printed is decided by the console.
"""

from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.kubernetes import events
from simulator.kubernetes.build import REGISTRY, new_pod, place, pod_name
from simulator.kubernetes.notes import say
from simulator.kubernetes.state import NEVER, Cluster, Deployment, Pod, ReplicaSet, cpu_m

if TYPE_CHECKING:
    from simulator.world import World

GRACE_S = 30.0  # terminationGracePeriodSeconds, the API's default
JITTER_S = 0.15  # between pods of one wave: scheduling and container start are not simultaneous
CACHED_START_S, PULLED_START_S = 0.8, 2.6  # creation to running container, image present or pulled
DRAIN_S = 10.0  # preStop sleep of 5 s and what the process still finishes
ERROR_SHOWN_S = 3.0  # between a container's end and the kubelet's back-off
ABORT_S = 0.7  # a container that never became ready stops at once
BACKOFF_S, BACKOFF_CAP_S = 10.0, 300.0  # image pulls, as for restarts
KUBELET, SCHEDULER = "kubelet", "default-scheduler"


def phase(pod: Pod, now_s: float) -> str:
    """status.phase of a pod."""
    return "Running" if now_s >= pod.started_s else "Pending"


def status(pod: Pod, now_s: float) -> str:
    """The STATUS column of a pod."""
    if not pod.active:
        return "Terminating"
    if not pod.node:
        return "Pending"
    if pod.crash and now_s < pod.began_s:
        return "Error" if now_s - pod.crashed_s < ERROR_SHOWN_S else "CrashLoopBackOff"
    if now_s >= pod.started_s:
        return "Running"
    if pod.image_missing and now_s - pod.created_s >= CACHED_START_S:
        return "ErrImagePull" if _since_pull(pod, now_s) < 2.0 else "ImagePullBackOff"
    return "ContainerCreating"


def _since_pull(pod: Pod, now_s: float) -> float:
    """Seconds since the last attempt to pull an image that does not exist."""
    age, step = now_s - pod.created_s - CACHED_START_S, BACKOFF_S
    while age >= step:
        age -= step
        step = min(2 * step, BACKOFF_CAP_S)
    return age


def image_exists(deployment: Deployment, image: str) -> bool:
    """Whether the registry (or its default mirror for bare names) has the image."""
    name, _, tag = image.rpartition(":")
    own = deployment.template.container
    return name in (f"{REGISTRY}/{own}", own) and tag in deployment.tags


def create_pod(world: "World", deployment: Deployment, replicaset: ReplicaSet) -> None:
    """One more pod of a ReplicaSet, placed if a node has room."""
    cluster: Cluster = world.kubernetes
    name = pod_name(cluster, replicaset)
    pod = new_pod(cluster, deployment, replicaset, name, world.now_s)
    pod.image_missing = not image_exists(deployment, pod.template.image)
    about = ("ReplicaSet", replicaset.name)
    events.record(world, about, "SuccessfulCreate", f"Created pod: {name}", "replicaset-controller")
    if not _start(world, deployment, pod):
        about = ("Pod", name)
        events.record(world, about, "FailedScheduling", no_room(cluster), SCHEDULER, warning=True)


def no_room(cluster: Cluster) -> str:
    """Why no node took a pod, as the scheduler says it."""
    nodes = cluster.nodes.values()
    closed = sum(node.unschedulable for node in nodes)
    why: list[str] = []
    tainted: dict[str, int] = {}
    for node in nodes:
        found = [(k, v) for k, v, effect in node.all_taints() if effect != "PreferNoSchedule"]
        if found and not node.unschedulable:
            key, value = found[0]
            tainted[f"{{{key}: {value}}}"] = tainted.get(f"{{{key}: {value}}}", 0) + 1
    full = len(cluster.nodes) - closed - sum(tainted.values())
    why += [f"{full} Insufficient cpu"] if full else []
    why += [f"{n} node(s) had untolerated taint {taint}" for taint, n in sorted(tainted.items())]
    why += [f"{closed} node(s) were unschedulable"] if closed else []
    return f"0/{len(cluster.nodes)} nodes are available: {', '.join(why)}."


def _start(world: "World", deployment: Deployment, pod: Pod) -> bool:
    """Bind a pod to a node and set the times of what follows. False: no node has room."""
    cluster: Cluster = world.kubernetes
    if not place(cluster, pod, _zones(cluster, deployment, pod)):
        return False
    now_s, about, image = world.now_s, ("Pod", pod.name), pod.template.image
    where = f"{pod.namespace}/{pod.name}"
    events.record(world, about, "Scheduled", f"Successfully assigned {where} to {pod.node}", SCHEDULER)
    if pod.image_missing:
        _fail_pulls(world, pod)
        return True
    known = any(rs.template.image == image and rs.created_s < 0 for rs in cluster.replicasets.values())
    cached = known or f"{pod.node} {image}" in cluster.pulled
    pod.started_s = now_s + (CACHED_START_S if cached else PULLED_START_S)
    cluster.pulled.setdefault(f"{pod.node} {image}", now_s)
    jitter = streams.uniform(streams.key_of(cluster.seed, "pod-start", pod.name)) * JITTER_S
    pod.ready_s = max(now_s + deployment.startup_s + jitter, pod.started_s)
    _write_start(world, deployment, pod, cached)
    world.agenda.at(pod.ready_s, "kubernetes.pod_ready", pod=pod.name, uid=pod.uid)
    return True


def _zones(cluster: Cluster, deployment: Deployment, pod: Pod) -> list[str] | None:
    """Where a pod may go, the zone that is shortest of pods first (a topology spread that yields)."""
    if not deployment.placement:
        return None
    held = dict.fromkeys(deployment.placement, 0)
    for other in cluster.pods.values():
        if other.app == deployment.name and other.active and other is not pod and other.node:
            zone = cluster.nodes[other.node].zone
            held[zone] = held.get(zone, 0) + 1
    wanted = deployment.placement
    return sorted(wanted, key=lambda z: ((held[z] + 1) / max(wanted[z], 0.01), list(wanted).index(z)))


def _write_start(world: "World", deployment: Deployment, pod: Pod, cached: bool) -> None:
    about, image, container = ("Pod", pod.name), pod.template.image, pod.template.container
    pulled_s = world.now_s + CACHED_START_S - 0.3
    text = f'Container image "{image}" already present on machine'
    if not cached:
        events.record(world, about, "Pulling", f'Pulling image "{image}"', KUBELET, at_s=pulled_s)
        size = 180_000_000 + streams.below(streams.key_of(0, "image", image), 0, 60_000_000)
        took = f"{PULLED_START_S - CACHED_START_S:.1f}s"
        text = (
            f'Successfully pulled image "{image}" in {took} ({took} including waiting). '
            f"Image size: {size} bytes."
        )
        pulled_s += PULLED_START_S - CACHED_START_S
    events.record(world, about, "Pulled", text, KUBELET, at_s=pulled_s)
    events.record(world, about, "Created", f"Created container: {container}", KUBELET, at_s=pulled_s + 0.1)
    events.record(world, about, "Started", f"Started container {container}", KUBELET, at_s=pod.started_s)
    probe = deployment.readiness
    if probe is not None and pod.started_s + probe.period_s < pod.ready_s:
        url = f"http://{pod.ip}:{pod.template.port}{probe.path}"
        text = (
            f'Readiness probe failed: Get "{url}": dial tcp {pod.ip}:{pod.template.port}: '
            "connect: connection refused"
        )
        first = pod.started_s + max(probe.initial_delay_s, probe.period_s)
        events.record(
            world,
            about,
            "Unhealthy",
            text,
            KUBELET,
            warning=True,
            at_s=first,
            repeat_s=probe.period_s,
            until_s=pod.ready_s - 0.01,
        )


def _fail_pulls(world: "World", pod: Pod) -> None:
    about, image = ("Pod", pod.name), pod.template.image
    first = world.now_s + CACHED_START_S
    text = (
        f'Failed to pull image "{image}": rpc error: code = NotFound desc = failed to pull and unpack '
        f'image "{image}": failed to resolve reference "{image}": {image}: not found'
    )
    for reason, message, warning, delay, every in (
        ("Pulling", f'Pulling image "{image}"', False, -0.3, 60.0),
        ("Failed", text, True, 0.0, 60.0),
        ("Failed", "Error: ErrImagePull", True, 0.0, 60.0),
        ("BackOff", f'Back-off pulling image "{image}"', False, 2.0, 15.0),
        ("Failed", "Error: ImagePullBackOff", True, 2.0, 15.0),
    ):
        events.record(
            world, about, reason, message, KUBELET, warning=warning, at_s=first + delay, repeat_s=every
        )


def start_pending(world: "World") -> None:
    """Room may have been made: bind what waits for a node, oldest first."""
    cluster: Cluster = world.kubernetes
    for pod in list(cluster.pods.values()):
        deployment = cluster.deployments.get(pod.app)
        waits = deployment is not None and not pod.node and pod.active
        if deployment is not None and waits and not _start(world, deployment, pod):
            return


def terminate(world: "World", pod: Pod, grace_s: float = GRACE_S) -> None:
    """Graceful deletion: out of the endpoints now, the process ends when drained or after the grace."""
    if not pod.active:
        return
    cluster: Cluster = world.kubernetes
    pod.deleted_s = world.now_s
    events.silence(world, "Pod", pod.name)
    if phase(pod, world.now_s) == "Running":
        about = ("Pod", pod.name)
        events.record(world, about, "Killing", f"Stopping container {pod.template.container}", KUBELET)
    jitter = streams.uniform(streams.key_of(cluster.seed, "pod-stop", pod.name))
    takes = DRAIN_S + 2 * jitter if pod.ready else ABORT_S + jitter / 2
    patience_s = float(world.policies.get("finish_s", 0.0))
    own = patience_s > 0 and pod.app == world.scenario.focus.service
    if own and pod.ready and grace_s == GRACE_S:  # the manifest allows what its preStop hook needs
        takes, grace_s = max(takes, patience_s), max(grace_s, patience_s)
    pod.gone_s = world.now_s + min(takes, max(grace_s, 1.0))
    world.agenda.at(pod.gone_s, "kubernetes.pod_gone", pod=pod.name, uid=pod.uid)


def remove(world: "World", pod: Pod) -> None:
    """The pod object is gone and its place on the node is free."""
    cluster: Cluster = world.kubernetes
    events.silence(world, "Pod", pod.name)
    cluster.pods.pop(pod.name, None)
    node = cluster.nodes.get(pod.node)
    if node is not None:
        node.requested_m -= cpu_m(pod.template.cpu_request)
        node.pods -= 1
    pod.gone_s = min(pod.gone_s, world.now_s)
    pod.ready, pod.ready_s = False, NEVER
    start_pending(world)


def kill(world: "World", pod: Pod) -> None:
    """Forced deletion: the pod dies with everything it holds."""
    cluster: Cluster = world.kubernetes
    deployment = cluster.deployments.get(pod.app)
    if pod.active and pod.ready and not pod.lost and deployment is not None and deployment.routed:
        world.plane.kill_pods(pod.app, pod.version, 1, zone_of(world.kubernetes, deployment, pod))
    if pod.active:
        pod.deleted_s = world.now_s
    remove(world, pod)


def publish(world: "World", deployment: Deployment) -> None:
    """Tell the data plane how many ready endpoints each version has, or how fast a worker works."""
    if not deployment.routed and not deployment.rate_per_pod:
        return
    if deployment.placement and deployment.routed:
        _publish_places(world, deployment)
        return
    cluster: Cluster = world.kubernetes
    ready: dict[str, int] = dict.fromkeys(deployment.serving, 0)
    for pod in cluster.pods.values():
        if pod.app == deployment.name and pod.active and pod.ready and not pod.lost:
            ready[pod.version] = ready.get(pod.version, 0) + 1
    changes = [(v, n) for v, n in ready.items() if n != deployment.serving.get(v, 0)]
    # More first: a swap of the last pod must not leave an instant without any.
    for version, number in sorted(changes, key=lambda c: (deployment.serving.get(c[0], 0) - c[1], c[0])):
        first = deployment.serving.get(version, 0) == 0
        deployment.serving[version] = number
        if not deployment.routed:
            rate = deployment.rate_per_pod * sum(deployment.serving.values())
            world.plane.set_worker_rate(deployment.name, rate)
            continue
        world.plane.set_pods(deployment.name, version, number)
        if first and version == deployment.template.version and len(ready) > 1:
            say(world, "rollout", "first_traffic", service=deployment.name, version=version)
    deployment.serving = {v: n for v, n in deployment.serving.items() if n > 0}


def zone_of(cluster: Cluster, deployment: Deployment, pod: Pod) -> str:
    """The data centre of the plane that a pod counts in; empty where there is only one."""
    node = cluster.nodes.get(pod.node)
    return node.zone if deployment.placement and node is not None else ""


def _publish_places(world: "World", deployment: Deployment) -> None:
    """The same for each data centre a service is placed in."""
    cluster: Cluster = world.kubernetes
    ready: dict[str, int] = dict.fromkeys(deployment.served, 0)
    for pod in cluster.pods.values():
        if pod.app == deployment.name and pod.active and pod.ready and not pod.lost:
            key = f"{pod.version}@{zone_of(cluster, deployment, pod)}"
            ready[key] = ready.get(key, 0) + 1
    changes = [(k, n) for k, n in ready.items() if n != deployment.served.get(k, 0)]
    seen = {key.partition("@")[0] for key, n in deployment.served.items() if n}
    for key, number in sorted(changes, key=lambda c: (deployment.served.get(c[0], 0) - c[1], c[0])):
        version, _, zone = key.partition("@")
        deployment.served[key] = number
        world.plane.set_pods(deployment.name, version, number, zone)
        if version not in seen and version == deployment.template.version:
            seen.add(version)
            say(world, "rollout", "first_traffic", service=deployment.name, version=version)
    deployment.serving = {}
    for key, number in deployment.served.items():
        version = key.partition("@")[0]
        if number:
            deployment.serving[version] = deployment.serving.get(version, 0) + number
