"""Helm releases as the cluster knows them: upgrade and roll back through the Deployment controller.

A release's history says what was installed; `kubectl` may have changed the live objects since. How it
is printed is in console.py.
"""

from typing import TYPE_CHECKING

from simulator.kubernetes import controller
from simulator.kubernetes.release import record_chart
from simulator.kubernetes.state import ChartRevision, Deployment

if TYPE_CHECKING:
    from simulator.world import World


def history_of(world: "World", name: str) -> list[ChartRevision]:
    """The revisions of a release, oldest first; [] when there is no such release."""
    if name not in world.kubernetes.deployments:
        return []
    found: list[ChartRevision] = world.kubernetes.charts.get(name, [])
    return found


def chart_of(revision: ChartRevision, name: str) -> str:
    """The chart a revision was installed from; its version moves with every fifth revision."""
    return f"{name}-1.{revision.number // 5}.{revision.number % 5}"


def install(world: "World", deployment: Deployment, tag: str, replicas: int, description: str) -> None:
    """Bring the live deployment to a tag and a size and add a revision that says so."""
    image = deployment.template.image.rpartition(":")[0]
    controller.scale(world, deployment, replicas)
    controller.set_image(world, deployment, f"{image}:{tag}", cause=description)
    record_chart(world, deployment, description)


def target_of(history: list[ChartRevision], number: int) -> ChartRevision | None:
    """The revision to roll back to: `number`, or the one before the last for 0."""
    if number == 0:
        return history[-2] if len(history) > 1 else None
    return next((revision for revision in history if revision.number == number), None)


def last_size(history: list[ChartRevision], deployment: Deployment, target: ChartRevision) -> int:
    """Helm merges three ways: a size that the chart did not change stays as it is live."""
    return target.replicas if history[-1].replicas != target.replicas else deployment.replicas
