"""The `deploy` verb: what a release pipeline does, and how a release stands."""

from typing import TYPE_CHECKING

from simulator.kubernetes.controller import set_image
from simulator.kubernetes.notes import text
from simulator.kubernetes.state import ChartRevision, Cluster, Deployment, counts
from simulator.reply import Reply, failure

if TYPE_CHECKING:
    from simulator.world import World

MAX_CHART_REVISIONS = 10  # helm's --history-max


def deploy(world: "World", service: str, version: str) -> Reply:
    """Release `version` of `service` by its deployment's strategy."""
    found, refused = _find(world, service)
    if found is None:
        return refused
    if version not in found.tags:
        known = ", ".join(found.tags)
        return failure(text(world, "no_version", service=service, version=version, known=known))
    old = found.template.version
    if old == version:
        return Reply(out=text(world, "same_version", service=service, version=version) + "\n")
    if found.strategy.paused:
        return failure(text(world, "paused_release", service=service))
    image = found.template.image.rpartition(":")[0]
    set_image(world, found, f"{image}:{version}", cause=f"release {version}")
    record_chart(world, found, "Upgrade complete")
    answer = text(
        world,
        "released",
        service=service,
        old=old,
        new=version,
        pods=found.replicas,
        how=_how(world, found),
        namespace=world.kubernetes.namespace,
    )
    return Reply(out=answer + "\n")


def record_chart(world: "World", deployment: Deployment, description: str, status: str = "deployed") -> None:
    """Append what the pipeline just installed to the release's Helm history."""
    history = world.kubernetes.charts.setdefault(deployment.name, [])
    number = history[-1].number + 1 if history else 1
    for revision in history:
        if revision.status == "deployed" and status == "deployed":
            revision.status = "superseded"
    tag, size = deployment.template.version, deployment.replicas
    history.append(ChartRevision(number, world.now_s, status, tag, size, description))
    del history[:-MAX_CHART_REVISIONS]


def _find(world: "World", service: str) -> tuple[Deployment | None, Reply]:
    cluster: Cluster = world.kubernetes
    found = cluster.deployments.get(service)
    known = ", ".join(sorted(cluster.deployments))
    return found, failure(text(world, "no_service", service=service, known=known))


def _how(world: "World", deployment: Deployment) -> str:
    strategy = deployment.strategy
    if deployment.canary is not None and strategy.canary is not None:
        plan = strategy.canary
        limit = f"{plan.max_error_rate:.1%}"
        return text(world, "how_canary", pods=plan.pods, seconds=round(plan.soak_s), limit=limit)
    return text(
        world,
        "how_rolling",
        surge=strategy.surge(deployment.replicas),
        unavailable=strategy.unavailable(deployment.replicas),
    )


def release_status(world: "World", service: str) -> Reply:
    """How the newest release of `service` stands."""
    found, refused = _find(world, service)
    if found is None:
        return refused
    status = counts(world.kubernetes, found, world.now_s)
    answer = text(
        world,
        "status",
        service=service,
        version=found.template.version,
        revision=found.revision,
        state=text(world, "state_" + _state(found, status.complete)),
        desired=status.desired,
        updated=status.updated,
        total=status.total,
        available=status.available,
    )
    if found.rolled_back:
        answer += "\n" + text(world, "rolled_back", version=found.rolled_back)
    return Reply(out=answer + "\n")


def _state(deployment: Deployment, complete: bool) -> str:
    if deployment.strategy.paused:
        return "paused"
    if deployment.canary is not None and not deployment.canary.passed:
        return "canary"
    if complete:
        return "complete"
    return "stalled" if deployment.progress == "ProgressDeadlineExceeded" else "rolling"
