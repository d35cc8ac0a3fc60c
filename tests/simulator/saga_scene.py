"""Worlds of the scenario saga-stuck at moments that several tests look at; each test gets a copy of its own."""

from functools import lru_cache

from simulator import snapshots
from simulator.commands import execute
from simulator.reply import Reply
from simulator.run import make_world
from simulator.scenario import load
from simulator.world import World

MEMORY, REFUNDS, OUTAGE, LATE = 1, 2, 3, 4


@lru_cache(maxsize=8)
def _at(seed: int, second: float) -> snapshots.Snapshot:
    world = make_world(load("saga-stuck"), seed)
    world.language, world.turn_based = "en", False
    world.advance_to(second)
    return snapshots.take(world)


def world_at(seed: int, second: float) -> World:
    world = _at(seed, second).world()
    world.language = "en"
    return world


def typed(world: World, line: str) -> Reply:
    return execute(world, line)


def ids(world: World, state: str) -> list[str]:
    return typed(world, f"sagactl list --state {state} --limit 500 -o name").out.split()
