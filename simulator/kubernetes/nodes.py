"""Machines that die and come back: what the API server learns of it, when, and what becomes of the pods.

The machine's death is at once, the cluster's view is late: the node is NotReady after the monitor's grace, its
pods are evicted after their toleration, and their objects stay Terminating until the node answers again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.engine import streams
from simulator.kubernetes import events, pods
from simulator.kubernetes.notes import say
from simulator.kubernetes.state import NEVER, Cluster, Node, Pod

if TYPE_CHECKING:
    from simulator.world import World

GRACE_S = 50.0  # --node-monitor-grace-period since v1.32; the kubelet's last word is up to 10 s old
HEARTBEAT_S = 10.0
TOLERATION_S = 300.0  # of not-ready and unreachable, what the API server gives every pod
MONITOR = "node-controller"


def lose(world: World, node: Node) -> None:
    """A machine loses power: its containers are gone, and nobody is told."""
    if node.down_s is not None:
        return
    node.down_s = world.now_s
    dead: dict[tuple[str, str, str], int] = {}
    for pod in _on(world, node):
        if pod.active and pod.ready and not pod.lost:
            deployment = world.kubernetes.deployments.get(pod.app)
            if deployment is not None and deployment.routed:
                zone = pods.zone_of(world.kubernetes, deployment, pod)
                dead[pod.app, pod.version, zone] = dead.get((pod.app, pod.version, zone), 0) + 1
        pod.lost = True
    for (app, version, zone), count in dead.items():
        world.plane.kill_pods(app, version, count, zone)
    for deployment in _owners(world, node):
        pods.publish(world, deployment)
    beat = streams.uniform(streams.key_of(world.kubernetes.seed, "heartbeat", node.name)) * HEARTBEAT_S
    due_s = world.now_s + GRACE_S - beat
    world.agenda.at(due_s, "kubernetes.node_unreachable", node=node.name, down_s=node.down_s)


def on_unreachable(world: World, node: str, down_s: float) -> None:
    """The node controller has not heard of the kubelet for its grace period."""
    found = world.kubernetes.nodes.get(node)
    if found is None or found.down_s != down_s:
        return
    found.ready, found.changed_s = False, world.now_s
    text = f"Node {node} status is now: NodeNotReady"
    events.record(world, ("Node", node), "NodeNotReady", text, MONITOR)
    say(world, "node", "node_not_ready", node=node)
    for pod in _on(world, found):
        if pod.active:
            pod.ready = False
            events.record(
                world, ("Pod", pod.name), "NodeNotReady", "Node is not ready", MONITOR, warning=True
            )
    for deployment in _owners(world, found):
        pods.publish(world, deployment)
    due_s = world.now_s + float(world.policies.get("toleration_s", TOLERATION_S))
    world.agenda.at(due_s, "kubernetes.node_evict", node=node, down_s=down_s)


def on_evict(world: World, node: str, down_s: float) -> None:
    """The pods' toleration has run out: they are marked for deletion and their owners replace them."""
    from simulator.kubernetes.controller import replace_pods

    found = world.kubernetes.nodes.get(node)
    if found is None or found.down_s != down_s:
        return
    evicted = [pod for pod in _on(world, found) if pod.active and pod.owner_kind == "ReplicaSet"]
    for pod in evicted:
        text = f"Marking for deletion Pod {pod.namespace}/{pod.name}"
        events.record(world, ("Pod", pod.name), "TaintManagerEviction", text, "taint-eviction-controller")
        pod.deleted_s, pod.gone_s = world.now_s, NEVER
    if evicted:
        say(world, "node", "node_evicted", node=node, pods=len(evicted))
    for deployment in _owners(world, found):
        replace_pods(world, deployment)


def restore(world: World, node: Node) -> None:
    """Power is back: evicted pods go, the others start their containers again."""
    if node.down_s is None:
        return
    cluster: Cluster = world.kubernetes
    away, node.down_s = not node.ready, None
    if away:
        node.ready, node.changed_s = True, world.now_s
        text = f"Node {node.name} status is now: NodeReady"
        events.record(world, ("Node", node.name), "NodeReady", text, "kubelet")
        say(world, "node", "node_ready", node=node.name)
    for pod in _on(world, node):
        pod.lost = False
        if not pod.active:
            pods.remove(world, pod)
            continue
        deployment = cluster.deployments.get(pod.app)
        pod.restarts, pod.restarted_s, pod.began_s = pod.restarts + 1, world.now_s, world.now_s
        pod.ready, pod.ready_s = False, world.now_s + (deployment.startup_s if deployment else 20.0)
        if deployment is None:
            pod.ready = True
            continue
        world.agenda.at(
            pod.ready_s, "kubernetes.container_back", pod=pod.name, uid=pod.uid, restarts=pod.restarts
        )
    pods.start_pending(world)


def _on(world: World, node: Node) -> list[Pod]:
    return [pod for pod in world.kubernetes.pods.values() if pod.node == node.name]


def _owners(world: World, node: Node) -> list[pods.Deployment]:
    """The deployments that have pods on a node, in the cluster's order."""
    apps = {pod.app for pod in _on(world, node)}
    return [d for name, d in world.kubernetes.deployments.items() if name in apps]
