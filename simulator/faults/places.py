"""Faults of whole places: a node without power, a data centre lost, and other keys becoming hot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes import nodes
from simulator.scenario import KeySpace, Text

if TYPE_CHECKING:
    from simulator.world import World

SAYS = {
    "down": Text(ru="дата-центр {0}: питание потеряно", en="data centre {0}: power lost"),
    "up": Text(
        ru="дата-центр {0}: питание и сеть вернулись", en="data centre {0}: power and network are back"
    ),
}
POWER = "power"


def node_down(world: World, name: str) -> None:
    nodes.lose(world, world.kubernetes.nodes[name])


def node_up(world: World, name: str) -> None:
    nodes.restore(world, world.kubernetes.nodes[name])


def place_down(world: World, place: str) -> None:
    """Everything in a data centre stops at once: machines, links to it, and the entities' nodes there."""
    world.note("place", SAYS["down"].of(world.language).format(place))
    for node in world.kubernetes.nodes.values():
        if node.zone == place:
            nodes.lose(world, node)
    _links(world, place, up=False)
    for name in _inhabitants(world, place):
        world.reach.down.setdefault(name, POWER)


def place_up(world: World, place: str) -> None:
    """Power returns: machines start, links carry again, nodes of the entities answer."""
    world.note("place", SAYS["up"].of(world.language).format(place))
    _links(world, place, up=True)
    for node in world.kubernetes.nodes.values():
        if node.zone == place:
            nodes.restore(world, node)
    for name in _inhabitants(world, place):
        if world.reach.down.get(name) == POWER:
            del world.reach.down[name]


def _inhabitants(world: World, place: str) -> list[str]:
    """Nodes of the entities in a data centre: stores' members, brokers."""
    business = world.scenario.entities
    return [name for name, where in business.places.items() if where == place] if business else []


def _links(world: World, place: str, up: bool) -> None:
    for link in world.scenario.links:
        if place not in link.between:
            continue
        for source, target in (link.between, link.between[::-1]):
            if up:
                world.plane.clear_link(source, target)  # nobody waits for what was on its way so long ago
            world.plane.set_link(source, target, latency_s=link.latency_ms / 1000, loss=link.loss, up=up)


def hot(world: World, keys: str, share: float) -> None:
    """One more key of a key space takes `share` of all requests; 0: the declared ones alone are hot."""
    space = world.scenario.keys[keys]
    shares = list(space.hot)
    if share > 0:
        rest = 1.0 - share
        shares = [share, *(s * rest for s in shares)]
    world.plane.set_keys(keys, KeySpace(count=space.count, zipf=space.zipf, hot=shares))
