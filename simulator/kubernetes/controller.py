"""The Deployment controller and the commands that change deployments and pods.

Every change goes through here, whoever asks: a console, a release, an intervention. What a pod does
by itself is in pods.py, the arithmetic in rolling.py, the wording of consoles nowhere near.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator.kubernetes import canary, containers, events, pods
from simulator.kubernetes.build import template_hash
from simulator.kubernetes.notes import say
from simulator.kubernetes.rolling import Step, View, rollout_step, scale_step
from simulator.kubernetes.state import (
    Cluster,
    Deployment,
    Pod,
    ReplicaSet,
    Template,
    counts,
    current_replicaset,
    is_available,
)

if TYPE_CHECKING:
    from simulator.world import World

REACTION_S = 0.4  # a pod's new state to the controller's next look: kubelet, API server, informer
MAX_STEPS = 200  # looks in a row; the real arithmetic settles within a handful
SOURCE = "deployment-controller"


class RollbackError(ValueError):
    """A rollback that cannot be done; the message is kubectl's."""


def apply_template(world: "World", deployment: Deployment, template: Template, cause: str = "") -> bool:
    """Give a deployment a new pod template and start its rollout. False: it was the same."""
    if template == deployment.template:
        return False
    old = deployment.template.version
    _note_change(world, deployment, old, template.version)
    _switch(world, deployment, template, cause or deployment.change_cause)
    deployment.on_trial = True
    reconcile(world, deployment)
    return True


def _note_change(world: "World", deployment: Deployment, old: str, new: str) -> None:
    name = "deploy_started" if old != new else "template_changed"
    say(world, "deploy", name, service=deployment.name, old=old, new=new, pods=deployment.replicas)


def _switch(world: "World", deployment: Deployment, template: Template, cause: str) -> None:
    deployment.template = template
    deployment.change_cause = cause
    deployment.generation += 1
    deployment.canary = None
    deployment.on_trial = False
    deployment.rolled_back = ""
    _progress(world, deployment, "ReplicaSetUpdated")


def set_image(world: "World", deployment: Deployment, image: str, cause: str = "") -> bool:
    """Change the image, e.g. `registry.local/payment-service:v2.8.1`. False: it was the same."""
    return apply_template(world, deployment, replace(deployment.template, image=image), cause)


def restart(world: "World", deployment: Deployment) -> None:
    """`kubectl rollout restart`: the same image in new pods, by the same strategy."""
    stamp = world.at(world.now_s).strftime("%Y-%m-%dT%H:%M:%SZ")
    if stamp == deployment.template.restarted_at:  # twice within a second: still one restart
        return
    apply_template(world, deployment, replace(deployment.template, restarted_at=stamp))


def rollout_undo(world: "World", deployment: Deployment, to_revision: int = 0) -> int | None:
    """Return to an earlier revision (0: the one before). The new revision's number, None if the same.

    Raises RollbackError when there is no such revision or the deployment is paused.
    """
    name = deployment.name
    if deployment.strategy.paused:
        hint = f"kubectl rollout resume deployment/{name}"
        raise RollbackError(
            f"you cannot rollback a paused deployment; resume it first with '{hint}' and try again"
        )
    target = _rollback_target(world.kubernetes, deployment, to_revision)
    if target.template == deployment.template:
        return None
    old = deployment.template.version
    _switch(world, deployment, target.template, target.change_cause)
    _new_replicaset(world, deployment)
    say(
        world,
        "deploy",
        "rollback_started",
        service=name,
        old=old,
        new=target.template.version,
        revision=deployment.revision,
    )
    reconcile(world, deployment)
    return deployment.revision


def _rollback_target(cluster: Cluster, deployment: Deployment, to_revision: int) -> ReplicaSet:
    revisions = cluster.revisions(deployment.name)
    if to_revision != 0:
        for replicaset in revisions:
            if replicaset.revision == to_revision:
                return replicaset
        raise RollbackError(f"unable to find specified revision {to_revision} in history")
    if len(revisions) < 2:
        raise RollbackError(f'no rollout history found for deployment "{deployment.name}"')
    return revisions[-2]


def scale(world: "World", deployment: Deployment, replicas: int) -> None:
    """Set spec.replicas; during a rollout the ReplicaSets share the change in proportion."""
    if replicas == deployment.replicas:
        return
    service = deployment.name
    say(world, "rollout", "scaled", service=service, old=deployment.replicas, new=replicas)
    _resize(world, deployment, replicas)


def autoscale_to(world: "World", deployment: Deployment, replicas: int) -> None:
    """The same, asked for by an autoscaler."""
    service = deployment.name
    say(world, "rollout", "autoscaled", service=service, old=deployment.replicas, new=replicas)
    _resize(world, deployment, replicas)


def _resize(world: "World", deployment: Deployment, replicas: int) -> None:
    deployment.replicas = replicas
    deployment.generation += 1
    reconcile(world, deployment)


def set_paused(world: "World", deployment: Deployment, paused: bool) -> None:
    deployment.strategy.paused = paused
    deployment.generation += 1
    say(world, "rollout", "rollout_paused" if paused else "rollout_resumed", service=deployment.name)
    if paused:
        deployment.progress = "DeploymentPaused"
        return
    _progress(world, deployment, "DeploymentResumed")
    reconcile(world, deployment)


def delete_pod(world: "World", pod: Pod, grace_s: float = pods.GRACE_S, force: bool = False) -> None:
    """Delete a pod; its ReplicaSet replaces it at once."""
    cluster: Cluster = world.kubernetes
    say(world, "pod", "pod_killed" if force else "pod_deleted", pod=pod.name)
    if force:
        pods.kill(world, pod)
    else:
        pods.terminate(world, pod, grace_s)
    deployment = cluster.deployments.get(pod.app)
    if deployment is not None:
        pods.publish(world, deployment)
        if pod.owner in cluster.replicasets:
            _fill(world, deployment, cluster.replicasets[pod.owner])
        sync_soon(world, deployment)


def replace_pods(world: "World", deployment: Deployment) -> None:
    """Pods have gone by themselves: each ReplicaSet fills up, and the controller looks again."""
    pods.publish(world, deployment)
    for replicaset in world.kubernetes.revisions(deployment.name):
        _fill(world, deployment, replicaset)
    sync_soon(world, deployment)


def delete_deployment(world: "World", deployment: Deployment) -> None:
    """Delete a deployment with its ReplicaSets and pods."""
    cluster: Cluster = world.kubernetes
    say(world, "deploy", "deployment_deleted", service=deployment.name)
    for pod in list(cluster.pods.values()):
        if pod.app == deployment.name and pod.owner_kind == "ReplicaSet":
            pods.terminate(world, pod)
    pods.publish(world, deployment)
    for replicaset in cluster.revisions(deployment.name):
        del cluster.replicasets[replicaset.name]
    del cluster.deployments[deployment.name]


def delete_replicaset(world: "World", replicaset: ReplicaSet) -> None:
    """Delete a ReplicaSet with its pods; the deployment makes the one it needs again."""
    cluster: Cluster = world.kubernetes
    for pod in cluster.owned(replicaset.name):
        pods.terminate(world, pod)
    del cluster.replicasets[replicaset.name]
    deployment = cluster.deployments.get(replicaset.deployment)
    if deployment is not None:
        pods.publish(world, deployment)
        reconcile(world, deployment)


def sync_soon(world: "World", deployment: Deployment, delay_s: float = REACTION_S) -> None:
    """The controller looks again after its reaction time; looks that are due anyway are shared."""
    due_s = world.now_s + delay_s
    if deployment.sync_due_s is None or deployment.sync_due_s > due_s:
        deployment.sync_due_s = due_s
        world.agenda.at(due_s, "kubernetes.sync", deployment=deployment.name)


def reconcile(world: "World", deployment: Deployment) -> None:
    """Look until there is nothing more to do right now, then tell the data plane."""
    for _ in range(MAX_STEPS):
        new = _newest(world, deployment)
        step = _next_step(world, deployment, new)
        if not step:
            break
        for replicaset, size in step:
            _resize_replicaset(world, deployment, replicaset, size)
    pods.publish(world, deployment)
    _conclude(world, deployment)
    _await_availability(world, deployment)


def _newest(world: "World", deployment: Deployment) -> ReplicaSet:
    """The ReplicaSet this look works towards; a paused deployment makes no new revision."""
    cluster: Cluster = world.kubernetes
    revisions = cluster.revisions(deployment.name)
    if deployment.strategy.paused and revisions:
        return current_replicaset(cluster, deployment) or revisions[-1]
    new = _new_replicaset(world, deployment)
    if deployment.on_trial:
        deployment.on_trial = False
        canary.begin(world, deployment, new)
    return new


def _next_step(world: "World", deployment: Deployment, new: ReplicaSet) -> Step:
    view = _view(world, deployment, new)
    step = scale_step(view)
    if step or deployment.strategy.paused:
        return step
    held = canary.hold(world, view)
    if held is not None:
        return held
    if deployment.strategy.kind == "Recreate" and _terminating_old(world.kubernetes, new):
        return []
    return rollout_step(view)


def _await_availability(world: "World", deployment: Deployment) -> None:
    """With minReadySeconds a ready pod counts later: look again when the next one does."""
    minimum = deployment.strategy.min_ready_s
    if minimum <= 0:
        return
    ripe = [
        pod.ready_s + minimum
        for pod in world.kubernetes.pods.values()
        if pod.app == deployment.name and pod.active and pod.ready
    ]
    later = [when for when in ripe if when > world.now_s + 1e-6]
    if later:
        sync_soon(world, deployment, min(later) - world.now_s)


def _terminating_old(cluster: Cluster, new: ReplicaSet) -> bool:
    """Recreate waits for the last old pod to be gone."""
    return any(
        pod.owner_kind == "ReplicaSet" and pod.owner != new.name and not pod.active
        for pod in cluster.pods.values()
        if pod.app == new.deployment
    )


def _view(world: "World", deployment: Deployment, new: ReplicaSet) -> View:
    cluster: Cluster = world.kubernetes
    available: dict[str, int] = {}
    for pod in cluster.pods.values():
        if pod.app == deployment.name and is_available(pod, deployment.strategy.min_ready_s, world.now_s):
            available[pod.owner] = available.get(pod.owner, 0) + 1
    olds = [rs for rs in cluster.revisions(deployment.name) if rs is not new]
    return View(deployment, new, olds, available)


def _new_replicaset(world: "World", deployment: Deployment) -> ReplicaSet:
    """The ReplicaSet of the present template, found (and made the newest revision) or created."""
    cluster: Cluster = world.kubernetes
    found = current_replicaset(cluster, deployment)
    revisions = cluster.revisions(deployment.name)
    number = (revisions[-1].revision if revisions else deployment.revision) + 1
    if found is not None:
        if revisions[-1] is not found:
            found.earlier.append(found.revision)
            found.revision = number
        deployment.revision = found.revision
        return found
    code = template_hash(cluster, deployment.template)
    wanted = deployment.replicas
    created = ReplicaSet(
        name=f"{deployment.name}-{code}",
        deployment=deployment.name,
        hash=code,
        template=deployment.template,
        revision=number,
        replicas=0,
        created_s=world.now_s,
        change_cause=deployment.change_cause,
        desired=wanted,
        ceiling=wanted + deployment.strategy.surge(wanted),
    )
    cluster.replicasets[created.name] = created
    deployment.revision = number
    return created


def _resize_replicaset(world: "World", deployment: Deployment, replicaset: ReplicaSet, size: int) -> None:
    word = "up" if size > replicaset.replicas else "down"
    text = f"Scaled {word} replica set {replicaset.name} from {replicaset.replicas} to {size}"
    about = ("Deployment", deployment.name)
    events.record(world, about, "ScalingReplicaSet", text, SOURCE)
    replicaset.replicas = size
    wanted = deployment.replicas
    replicaset.desired = wanted
    replicaset.ceiling = wanted + deployment.strategy.surge(wanted)
    _fill(world, deployment, replicaset)
    if deployment.progress != "DeploymentPaused":
        _progress(world, deployment, "ReplicaSetUpdated")


def _fill(world: "World", deployment: Deployment, replicaset: ReplicaSet) -> None:
    """The ReplicaSet controller: as many active pods as wanted."""
    cluster: Cluster = world.kubernetes
    owned = cluster.owned(replicaset.name)
    for _ in range(replicaset.replicas - len(owned)):
        pods.create_pod(world, deployment, replicaset)
    surplus = len(owned) - replicaset.replicas
    if surplus > 0:
        about = ("ReplicaSet", replicaset.name)
        for pod in sorted(owned, key=_victim_order(owned, world.now_s))[:surplus]:
            pods.terminate(world, pod)
            text = f"Deleted pod: {pod.name}"
            events.record(world, about, "SuccessfulDelete", text, "replicaset-controller")


def _victim_order(owned: list[Pod], now_s: float) -> Callable[[Pod], Any]:
    """Who goes first: unplaced, not running, not ready, crowded on a node, youngest."""
    on_node: dict[str, int] = {}
    rank: dict[str, int] = {}
    for pod in owned:
        on_node[pod.node] = on_node.get(pod.node, 0) + 1
        rank[pod.name] = on_node[pod.node]

    def order(pod: Pod) -> tuple[Any, ...]:
        running = pods.phase(pod, now_s) == "Running"
        youth = -pod.ready_s if pod.ready else 0.0
        return bool(pod.node), running, pod.ready, -rank[pod.name], youth, -pod.restarts, -pod.created_s

    return order


def _progress(world: "World", deployment: Deployment, reason: str) -> None:
    deployment.progress = reason
    deployment.progressed_s = world.now_s
    if not deployment.deadline_armed:
        deployment.deadline_armed = True
        due_s = world.now_s + deployment.strategy.progress_deadline_s
        world.agenda.at(due_s, "kubernetes.progress_check", deployment=deployment.name)


def _conclude(world: "World", deployment: Deployment) -> None:
    """After a look: is the rollout done, is enough available?"""
    now_s, cluster = world.now_s, world.kubernetes
    status = counts(cluster, deployment, now_s)
    if status.complete and deployment.canary is not None and deployment.canary.passed:
        deployment.canary = None
    rolling = deployment.progress in ("ReplicaSetUpdated", "ProgressDeadlineExceeded", "DeploymentResumed")
    if not status.complete or not rolling:
        return
    deployment.progress = "NewReplicaSetAvailable"
    deployment.progressed_s = now_s
    version = deployment.template.version
    say(world, "rollout", "rollout_complete", service=deployment.name, version=version, pods=status.desired)
    _forget_history(cluster, deployment)


def _forget_history(cluster: Cluster, deployment: Deployment) -> None:
    empty = [
        rs
        for rs in cluster.revisions(deployment.name)
        if rs.replicas == 0 and rs.template != deployment.template
    ]
    for replicaset in empty[: max(0, len(empty) - deployment.strategy.revision_history)]:
        del cluster.replicasets[replicaset.name]


def on_pod_ready(world: "World", pod: str, uid: str) -> None:
    """A container answered its readiness probe for the first time."""
    cluster: Cluster = world.kubernetes
    found = cluster.pods.get(pod)
    if found is None or found.uid != uid or not found.active or found.lost:
        return
    deployment = cluster.deployments.get(found.app)
    if deployment is not None and containers.refused(world, deployment, found):
        return
    found.ready, found.ready_s, found.crash, found.misses = True, world.now_s, "", 0
    if deployment is None:
        return
    if deployment.progress == "ReplicaSetUpdated":
        deployment.progressed_s = world.now_s
    pods.publish(world, deployment)
    sync_soon(world, deployment)


def on_pod_gone(world: "World", pod: str, uid: str) -> None:
    """A terminating pod's last container ended."""
    cluster: Cluster = world.kubernetes
    found = cluster.pods.get(pod)
    if found is None or found.uid != uid:
        return
    pods.remove(world, found)
    deployment = cluster.deployments.get(found.app)
    if deployment is not None and deployment.strategy.kind == "Recreate":
        sync_soon(world, deployment)


def on_sync(world: "World", deployment: str) -> None:
    """The controller's look."""
    found = world.kubernetes.deployments.get(deployment)
    if found is None or found.sync_due_s is None or found.sync_due_s > world.now_s + 1e-6:
        return
    found.sync_due_s = None
    reconcile(world, found)


def on_progress_check(world: "World", deployment: str) -> None:
    """Has the rollout moved within its deadline? If not, its condition says so; nothing rolls back."""
    found: Deployment | None = world.kubernetes.deployments.get(deployment)
    if found is None:
        return
    found.deadline_armed = False
    waits = found.canary is not None and found.canary.ready_s is not None
    if found.progress != "ReplicaSetUpdated" or found.strategy.paused or waits:
        return
    deadline_s = found.strategy.progress_deadline_s
    if world.now_s - found.progressed_s < deadline_s - 1e-6:
        found.deadline_armed = True
        world.agenda.at(found.progressed_s + deadline_s, "kubernetes.progress_check", deployment=deployment)
        return
    if found.canary is not None:
        name = found.canary.replicaset
        world.agenda.at(
            world.now_s, "kubernetes.canary_check", deployment=deployment, replicaset=name, stuck=True
        )
        return
    found.progress = "ProgressDeadlineExceeded"
    version, seconds = found.template.version, round(deadline_s)
    say(world, "rollout", "rollout_stalled", service=deployment, version=version, seconds=seconds)
