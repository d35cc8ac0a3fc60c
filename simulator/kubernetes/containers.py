"""Containers that do not stay: refused by their database at start, or killed by a liveness probe.

Also the probes that share their threads with requests: what a saturated pod answers too late, or not at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.kubernetes import events, pods
from simulator.kubernetes.notes import say
from simulator.kubernetes.state import NEVER, Cluster, Deployment, Ended, Pod
from simulator.scenario import Probe
from simulator.settings import knob_value

if TYPE_CHECKING:
    from simulator.world import World

BACKOFF_S, BACKOFF_CAP_S = 10.0, 300.0  # CrashLoopBackOff: doubles up to the cap
KEPT_ENDS = 20  # former containers of a pod whose logs can still be read
KUBELET = "kubelet"
NO_SLOT = "remaining connection slots are reserved for non-replication superuser connections"


# -- the wall of max_connections


def refused(world: World, deployment: Deployment, pod: Pod) -> bool:
    """Whether the database has no slots left for this pod's pool: the container dies of it and backs off."""
    if not shut_out(world, deployment, pod):
        return False
    crash(world, deployment, pod, f"FATAL:  {NO_SLOT}", 1)
    return True


def shut_out(world: World, deployment: Deployment, pod: Pod) -> bool:
    """Whether the pools of the other pods leave too few of the database's slots for this pod's."""
    if deployment.pooled is None:
        return False
    return held(world, deployment) + pool_of(world, deployment, pod) > deployment.pooled[2]


def pool_of(world: World, deployment: Deployment, pod: Pod) -> int:
    """Connections that one pod keeps: by its own environment, or as the deployment says."""
    assert deployment.pooled is not None
    database, each, _ = deployment.pooled
    env = dict(pod.template.env)
    for name, knob in world.scenario.services()[deployment.name].knobs.items():
        value = knob_value(knob, env[name]) if name in env and knob.path == f"per_pod.{database}" else None
        each = max(1, int(value)) if value is not None else each
    return each


def held(world: World, deployment: Deployment) -> int:
    """Connections that the ready pods of a deployment keep together; those that still drain keep theirs."""
    name, total = deployment.name, 0
    each: dict[tuple[tuple[str, str], ...], int] = {}  # by environment: nearly all pods have the same
    for pod in world.kubernetes.pods.values():
        if pod.app == name and pod.ready and not pod.lost:
            env = pod.template.env
            if env not in each:
                each[env] = pool_of(world, deployment, pod)
            total += each[env]
    return total


def crash(world: World, deployment: Deployment, pod: Pod, why: str, code: int) -> None:
    """The container ended; the kubelet starts it again after its back-off."""
    wait_s = min(BACKOFF_S * 2**pod.restarts, BACKOFF_CAP_S) if pod.crash or code == 1 else 0.0
    was = Ended(pod.since_s, pod.ready_s if pod.ready else NEVER, world.now_s, code, why)
    pod.ended, pod.began_s = (*pod.ended[-KEPT_ENDS:], was), world.now_s + wait_s
    pod.ready = False
    pod.crash, pod.crashed_s = (why if code == 1 else ""), world.now_s
    pod.restarts += 1
    pod.restarted_s = world.now_s
    about = ("Pod", pod.name)
    if wait_s:
        text = f"Back-off restarting failed container {pod.template.container} in pod {pod.name}_{pod.namespace}({pod.uid})"
        events.record(world, about, "BackOff", text, KUBELET, warning=True)
    jitter = streams.uniform(streams.key_of(world.kubernetes.seed, "restart", pod.name), pod.restarts)
    due_s = world.now_s + wait_s + deployment.startup_s + jitter
    pod.ready_s = due_s
    world.agenda.at(due_s, "kubernetes.container_back", pod=pod.name, uid=pod.uid, restarts=pod.restarts)


def on_container_back(world: World, pod: str, uid: str, restarts: int) -> None:
    """A restarted container is up: it is ready, or dies again."""
    from simulator.kubernetes.controller import on_pod_ready

    found = world.kubernetes.pods.get(pod)
    if found is not None and found.restarts == restarts:
        on_pod_ready(world, pod, uid)


def follow_pools(world: World) -> None:
    """A pool of so many connections a pod is as large as its pods make it."""
    for name, database in world.scenario.databases().items():
        for client, pool in (("", database.pool), *database.clients.items()):
            deployment = world.kubernetes.deployments.get(pool.service)
            if not pool.per_pod or deployment is None or deployment.pooled is None:
                continue
            wanted = max(1, min(deployment.pooled[2], held(world, deployment)))
            names = [p.family or p.name for p in world.plane.network.pools]
            if world.plane.pool_limits[names.index(client or name)] != wanted:
                world.plane.set_pool_limit(name, client or name, wanted, opened=True)  # kept full by pods


# -- probes that requests hold up


def probe(world: World) -> None:
    """Once a second: the probes that are due, of the services whose probes share the request threads."""
    for name, service in world.scenario.services().items():
        if not (service.readiness.shared or service.liveness.shared):
            continue
        deployment = world.kubernetes.deployments.get(name)
        if deployment is None:
            continue
        changed = False
        late = _lateness(world, name)
        for pod in list(world.kubernetes.pods.values()):
            if pod.app == name and pod.active and not pod.lost and world.now_s >= pod.started_s:
                changed |= _probe_pod(world, deployment, pod, late)
        if changed:
            pods.publish(world, deployment)


def _lateness(world: World, service: str) -> dict[str, tuple[float, float]]:
    """(share refused, seconds that a request waits) by version: what a probe among the requests meets."""
    found = {}
    for group in world.plane.groups(service):
        labels = [
            g.label for g in world.plane.network.groups if (g.service, g.version) == (service, group.version)
        ]
        waiting = math.fsum(world.plane.history.last(f"service/{label}/waiting") for label in labels)
        asked = group.rps + group.rejected_per_s
        refused_share = group.rejected_per_s / asked if asked > 0 else 0.0
        served = max(group.rps, 1e-9)
        found[group.version] = refused_share, (waiting / served if waiting > 0 else 0.0)
    return found


def _probe_pod(world: World, deployment: Deployment, pod: Pod, late: dict[str, tuple[float, float]]) -> bool:
    """Carry out what is due for one pod. True: its readiness changed."""
    share, wait_s = late.get(pod.version, (0.0, 0.0)) if pod.ready else (0.0, 0.0)
    changed = False
    for kind, spec in (("readiness", deployment.readiness), ("liveness", deployment.liveness)):
        if spec is None or not spec.shared or not _due(world, pod, kind, spec):
            continue
        missed = wait_s > spec.timeout_s or _luck(world, pod, kind) < share
        if kind == "readiness":
            changed |= _readiness(world, pod, spec, missed)
        elif pod.ready or pod.liveness_misses:
            changed |= _liveness(world, deployment, pod, spec, missed)
    return changed


def _due(world: World, pod: Pod, kind: str, spec: Probe) -> bool:
    phase = streams.uniform(streams.key_of(world.kubernetes.seed, kind, pod.name)) * spec.period_s
    return math.floor((world.now_s - phase) / spec.period_s) > math.floor(
        (world.now_s - 1 - phase) / spec.period_s
    )


def _luck(world: World, pod: Pod, kind: str) -> float:
    return streams.uniform(streams.key_of(world.kubernetes.seed, kind, "luck", pod.name), int(world.now_s))


def _readiness(world: World, pod: Pod, spec: Probe, missed: bool) -> bool:
    if pod.ready:
        pod.misses = pod.misses + 1 if missed else 0
        if missed:
            _unhealthy(world, pod, "Readiness", spec)
        if pod.misses < spec.failure_threshold:
            return False
        pod.ready = False
        return True
    if pod.misses >= spec.failure_threshold and not pod.crash and world.now_s >= pod.ready_s:
        pod.ready, pod.ready_s, pod.misses = True, world.now_s, 0
        return True
    return False


def _liveness(world: World, deployment: Deployment, pod: Pod, spec: Probe, missed: bool) -> bool:
    pod.liveness_misses = pod.liveness_misses + 1 if missed else 0
    if missed:
        _unhealthy(world, pod, "Liveness", spec)
    if pod.liveness_misses < spec.failure_threshold:
        return False
    about = ("Pod", pod.name)
    text = f"Container {pod.template.container} failed liveness probe, will be restarted"
    events.record(world, about, "Killing", text, KUBELET)
    _end(world, deployment, pod, 143)
    say(world, "pod", "liveness_killed", pod=pod.name)
    return True


def on_container_died(world: World, pod: str, uid: str) -> None:
    """The process of a running container was killed; the kubelet starts it again."""
    found = world.kubernetes.pods.get(pod)
    deployment = world.kubernetes.deployments.get(found.app) if found is not None else None
    if found is None or deployment is None or found.uid != uid or not found.active or found.lost:
        return
    _end(world, deployment, found, 137)
    pods.publish(world, deployment)


def _end(world: World, deployment: Deployment, pod: Pod, code: int) -> None:
    if pod.ready and deployment.routed:
        zone = pods.zone_of(world.kubernetes, deployment, pod)
        world.plane.kill_pods(pod.app, pod.version, 1, zone)
        _count_out(world.kubernetes, deployment, pod)
    pod.misses = pod.liveness_misses = 0
    crash(world, deployment, pod, "", code)


def _count_out(cluster: Cluster, deployment: Deployment, pod: Pod) -> None:
    """The plane knows already that this endpoint is gone."""
    zone = pods.zone_of(cluster, deployment, pod)
    for shelf, key in ((deployment.serving, pod.version), (deployment.served, f"{pod.version}@{zone}")):
        if shelf.get(key, 0) > 0:
            shelf[key] -= 1


def _unhealthy(world: World, pod: Pod, kind: str, spec: Probe) -> None:
    url = f"http://{pod.ip}:{pod.template.port}{spec.path}"
    text = f'{kind} probe failed: Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
    events.record(world, ("Pod", pod.name), "Unhealthy", text, KUBELET, warning=True)
