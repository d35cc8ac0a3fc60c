"""The scenario saga-stuck: four causes, the way out of each, and what looks like one and is not."""

import pytest

from simulator import invariants
from simulator.lint import runs
from simulator.scenario import load, varied
from tests.depth import some
from tests.simulator.saga_scene import typed, world_at

SEEDS = (1, 2, 3, 4)
ACTS_S = 600


def books(world):
    found = invariants.check(world)
    return {name: found[name]["ok"] for name in ("whole", "paid")}


def played(seed, commands, more_s=120.0):
    world = world_at(seed, ACTS_S)
    planned = runs.lines(commands)
    for at_s, line in planned:
        world.advance_to(max(at_s, world.now_s))
        typed(world, line)
    world.advance(more_s)
    return world


@pytest.mark.parametrize("seed", some(SEEDS, 2))
def test_books_are_sound_before_and_broken_later(seed):
    assert all(books(world_at(seed, 80)).values())
    later = world_at(seed, ACTS_S)
    assert not books(later)["whole"]
    assert later.watch.broken_s is None  # the SLI never noticed


@pytest.mark.parametrize("seed", some(SEEDS, 2))
def test_the_reference_brings_every_order_to_its_end(seed):
    world = played(seed, varied(load("saga-stuck"), seed).reference.commands)
    assert world.watch.resolved_s is not None
    assert all(books(world).values())


@pytest.mark.parametrize("seed", some(SEEDS, 2))
def test_a_rollback_alone_is_not_enough(seed):
    world = played(seed, ["@600 kubectl rollout undo deployment/order-orchestrator -n prod"], 200.0)
    assert world.watch.resolved_s is None
    assert not books(world)["whole"]


def test_restarting_again_loses_more():
    traps = varied(load("saga-stuck"), 1).traps
    assert "restart" in traps[1].commands[0]
    calm, restarted = world_at(1, ACTS_S), played(1, traps[1].commands, 80.0)
    lost = len(calm.entities.domain.forgotten)
    assert len(restarted.entities.domain.forgotten) > lost + 5


def test_compensating_the_cancelled_ones_blindly_costs_money():
    trap = varied(load("saga-stuck"), 4).traps[2]
    world = played(4, trap.commands, 60.0)
    totals = world.entities.domain.systems["psp"].totals
    twice = [e for e, refunded in totals[2].items() if refunded > totals[1].get(e, 0)]
    assert len(twice) > 50
    assert not books(world)["paid"]
