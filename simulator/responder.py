"""A responder replayed: the player's commands, those after the first page moved with the page.

If an alert comes a minute sooner in a counterfactual, the same person with the same speed acts a minute
sooner; without any page nobody acts. What was done before the first page happens at its own time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.world import World


@dataclass
class Responder:
    """`after_page`: (seconds after the first page, command)."""

    after_page: list[tuple[float, str]] = field(default_factory=list)
    started: bool = False


def split(
    commands: list[tuple[float, str]], first_page_s: float | None
) -> tuple[list[tuple[float, str]], Responder]:
    """Commands before the first page keep their time, later ones become relative to it."""
    if first_page_s is None:
        return commands, Responder()
    before = [(t, line) for t, line in commands if t <= first_page_s]
    after = [(t - first_page_s, line) for t, line in commands if t > first_page_s]
    return before, Responder(after)


def watch(world: World) -> None:
    """Once a second: the responder wakes with the first page."""
    responder = world.responder
    if responder is None or responder.started:
        return
    pages = [i.paged_s for i in world.pager.incidents if i.paged_s is not None]
    if not pages:
        return
    responder.started = True
    reaction = world.policies.get("reaction_s")
    shift = 0.0
    if reaction is not None and responder.after_page:
        first_repair = next(
            (t for t, line in responder.after_page if repairs(line)), first_change_s(responder.after_page)
        )
        shift = max(0.0, first_repair - reaction)
    for delta, line in responder.after_page:
        world.agenda.at(max(world.now_s, min(pages) + max(0.0, delta - shift)), "responder.act", line=line)


def first_change_s(lines: list[tuple[float, str]]) -> float:
    """When the first line comes that changes anything: where no release is undone, that is the repair."""
    from simulator.commands import changes

    return next((t for t, line in lines if changes(line)), lines[0][0])


def repairs(line: str) -> bool:
    """Whether a line undoes a release."""
    spoken = line.lower().startswith(("откат", "верни", "roll back", "revert"))
    return spoken or "undo" in line or "rollback" in line or "set image" in line


def act(world: World, line: str) -> None:
    from simulator.commands import execute

    prepare(world, line)
    execute(world, line)


def prepare(world: World, line: str) -> None:
    """One-click rollback and kill switch change how fast the way back is, when it is taken."""
    if not repairs(line):
        return
    words = line.replace("/", " ").split()
    named = next((w for w in words if w in world.kubernetes.deployments), world.scenario.focus.service)
    deployment = world.kubernetes.deployments[named]
    if world.policies.get("rollback_surge"):
        deployment.strategy.max_surge = "100%"
    if "flag_s" in world.policies:
        deployment.strategy.max_surge = "100%"
        deployment.startup_s = float(world.policies["flag_s"])


HANDLERS = {"responder.act": act}
