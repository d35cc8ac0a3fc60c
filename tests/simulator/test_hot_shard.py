"""The scenario hot-shard: every cause hurts by itself, its reference ends it, and what looks right elsewhere does not."""

import math
from functools import cache

import pytest

from simulator import commands, invariants, scenario
from simulator.world import World
from tests.depth import some

SEEDS = (1, 2, 3, 4, 5)
UNTOUCHED_S = 240.0
LONG_S = 420  # after the last command: an incident is over when its SLI has held for 300 s


@cache
def untouched(seed: int, until_s: float) -> World:
    """Before anybody does anything: to be forked."""
    world = World(scenario.load("hot-shard"), seed)
    world.turn_based = False
    world.advance_to(until_s)
    return world


def play(seed: int, lines: list[str], until_s: float) -> World:
    world = untouched(seed, min(UNTOUCHED_S, float(lines[0].split()[0][1:]))).fork()
    for line in lines:
        at, _, command = line.partition(" ")
        world.advance_to(float(at[1:]))
        commands.execute(world, command)
    world.advance_to(until_s)
    return world


def success(world: World, start: int, end: int) -> float:
    name = world.scenario.sli.traffic_class
    history = world.plane.history
    ended = math.fsum(history.column(f"class/{name}/offered")[start:end])
    return math.fsum(history.column(f"class/{name}/ok")[start:end]) / ended


@pytest.mark.parametrize("seed", some(SEEDS, 2))
def test_each_cause_hurts_and_its_reference_ends_it(seed: int) -> None:
    reference = list(scenario.varied(scenario.load("hot-shard"), seed).reference.commands)
    world = play(seed, reference, float(reference[-1].split()[0][1:]) + LONG_S)
    assert success(world, 20, 55) > 0.99
    assert success(world, 120, 230) < 0.97
    assert world.watch.resolved_s is not None
    assert all(found["ok"] for found in invariants.check(world).values())


@pytest.mark.parametrize(
    ("seed", "line"),
    [
        (1, "@240 shardctl isolate m-48213"),  # more than one server has
        (1, "@240 shardctl split 0"),  # the key stays whole
        (1, "@240 kubectl scale deployment/order-service --replicas=400 -n prod"),
        (1, "@240 shardctl limit m-48213 300"),  # customers are turned away
        (2, "@240 shardctl salt m-48213 --parts 8"),  # it is one row that is read
        (3, "@240 shardctl salt m-77120 --parts 8"),  # the useless load reaches more shards
        (5, "@240 shardctl salt m-48213 --parts 8"),
    ],
)
def test_plausible_remedies_that_do_not_help(seed: int, line: str) -> None:
    world = play(seed, [line], 240 + LONG_S)
    assert world.watch.resolved_s is None
    assert success(world, 480, 600) < 0.99


def test_a_rollback_alone_leaves_orders_where_nobody_finds_them() -> None:
    world = play(5, ["@300 kubectl rollout undo deployment/order-service -n prod"], 300 + LONG_S)
    assert success(world, 540, 660) > 0.99
    assert world.watch.resolved_s is None
    assert not invariants.check(world)["orders_at_home"]["ok"]
