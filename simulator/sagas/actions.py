"""What a person does to sagas at rest, with its real consequences: the same compensations, sent by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import bridge
from simulator.entities import orchestration, saga
from simulator.sagas import views
from simulator.sagas.state import domain_of, entities_of, sagas_of
from simulator.sagas.views import Saga

if TYPE_CHECKING:
    from simulator.world import World

IN_DOUBT_S = 60.0  # a call that was on its way when its saga was lost may still land


def _go(world: World, each: Saga, place: tuple[int, int]) -> None:
    orchestration.go_on(domain_of(world), bridge.catch_up(world), each.number, place)


def _adopt(world: World, each: Saga, place: tuple[int, int]) -> None:
    made = sagas_of(world)
    orchestration.adopt(entities_of(world), each.number, each.flow.name, each.entity, place)
    made.stuck[each.number] = made.weights.pop(each.number, made.stuck.get(each.number, 1.0))


def retry(world: World, each: Saga) -> None:
    """Go on where the orchestrator's record stands."""
    _go(world, each, (each.step, each.phase))


def compensate(world: World, each: Saga, key: str) -> None:
    """Send the compensations back from where the orchestrator believes it stands; knowing nothing, all of them."""
    if each.state != views.STUCK:
        _adopt(world, each, (len(each.flow.steps) - 1, saga.FORWARD))
    step, phase = (each.step, each.phase) if each.state == views.STUCK else (len(each.flow.steps) - 1, 0)
    keys = domain_of(world).hand_keys
    if key:
        keys[each.entity] = key
    else:
        keys.pop(each.entity, None)
    _go(world, each, orchestration.backwards(each.flow, step, phase))


def skip(world: World, each: Saga) -> None:
    """Take the present step for done."""
    _go(world, each, orchestration.skipped(each.flow, each.step, each.phase))


def settle(world: World, each: Saga) -> bool:
    """Give the orchestrator the record that the participants' journals call for; False: it fits already.

    It knows from then on which steps stand, and leaves alone what is done or undone.
    """
    place = views.mend(each)
    if place is None:
        return False
    _adopt(world, each, place)
    domain_of(world).standing[each.number] = orchestration.standing(each.flow, each.done)
    return True


def reclaim(world: World, each: Saga) -> int:
    """Call back superfluous refunds."""
    bridge.catch_up(world)
    return orchestration.reclaim(domain_of(world), each.flow, each.entity, each.amount, each.done)


def sweep(world: World) -> None:
    """The watchdog, where the company has one: what is at rest and old is rebuilt and goes on."""
    bridge.catch_up(world)
    for each in views.all_sagas(world).values():
        if views.age_s(world, each) >= IN_DOUBT_S and each.state in (views.LOST, views.STUCK):
            settle(world, each)
    for each in views.all_sagas(world).values():
        if views.age_s(world, each) >= IN_DOUBT_S and each.state == views.STUCK:
            retry(world, each)
