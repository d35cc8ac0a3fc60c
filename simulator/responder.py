"""A responder replayed: the player's commands, those after the first call moved with the call.

A call is a page, or what a session opens with: support's letter, a colleague's question. If an alert comes a
minute sooner in a counterfactual, the same person with the same speed acts a minute sooner; without any call
nobody acts. What was done before the first call happens at its own time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.scenario import Scenario
    from simulator.world import World

HELLO_S = 1.0  # whoever is called by people types no sooner than this


@dataclass
class Responder:
    """`after_page`: (seconds after the first call, command)."""

    after_page: list[tuple[float, str]] = field(default_factory=list)
    started: bool = False
    typed: list[str] = field(default_factory=list)  # the line under way, and those that wait for its end


def split(
    commands: list[tuple[float, str]], called_s: float | None
) -> tuple[list[tuple[float, str]], Responder]:
    """Commands before the first call keep their time, later ones become relative to it."""
    if called_s is None:
        return commands, Responder()
    before = [(t, line) for t, line in commands if t <= called_s]
    after = [(t - called_s, line) for t, line in commands if t > called_s]
    return before, Responder(after)


def called_s(scenario: Scenario, page_s: float | None) -> float | None:
    """When the player is first called: by the first page, or by people just before the session opens."""
    opens_s = scenario.opens_s - HELLO_S if scenario.opens_s > 0 else None
    return min((t for t in (page_s, opens_s) if t is not None), default=None)


def watch(world: World) -> None:
    """Once a second: the responder wakes with the first page."""
    responder = world.responder
    if responder is None or responder.started:
        return
    first_s = called(world)
    if first_s is None:
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
        world.agenda.at(max(world.now_s, first_s + max(0.0, delta - shift)), "responder.act", line=line)


def called(world: World) -> float | None:
    """When the first call came; None: not yet."""
    pages = [i.paged_s for i in world.pager.incidents if i.paged_s is not None]
    first_s = called_s(world.scenario, min(pages, default=None))
    return first_s if first_s is not None and first_s <= world.now_s else None


def first_change_s(lines: list[tuple[float, str]]) -> float:
    """When the first line comes that changes anything: where no release is undone, that is the repair."""
    from simulator.commands import changes

    return next((t for t, line in lines if changes(line)), lines[0][0])


def repairs(line: str) -> bool:
    """Whether a line undoes a release."""
    spoken = line.lower().startswith(("откат", "верни", "roll back", "revert"))
    return spoken or "undo" in line or "rollback" in line or "set image" in line


def act(world: World, line: str) -> None:
    """Type a line; who still waits for the one before types it after that."""
    from simulator.commands import execute

    responder = world.responder
    if responder is None:
        return
    responder.typed.append(line)
    if len(responder.typed) > 1:
        return
    while responder.typed:  # what falls due while a line takes its time joins the end
        prepare(world, responder.typed[0])
        execute(world, responder.typed[0])
        del responder.typed[0]


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
