"""What loses orders in Kafka and what does not: the scenario's causes, its repair and its wrong repairs, by their books."""

import pytest

from simulator import invariants
from simulator.commands import execute
from simulator.run import make_world, parse_commands, schedule
from simulator.scenario import load, varied
from simulator.world import World
from tests.depth import some

ID = "kafka-lost-orders"
UNTIL_S = 800


def played(seed: int, commands: list[str], until_s: float = UNTIL_S) -> World:
    world = make_world(load(ID), seed)
    for at_s, line in schedule(parse_commands("\n".join(commands))):
        world.advance_to(max(at_s, world.now_s))
        execute(world, line)
    world.advance_to(until_s)
    return world


def broken(world: World) -> dict[str, int]:
    found = invariants.check(world)
    return {name: found[name]["count"] for name in world.scenario.invariants}


@pytest.mark.parametrize("seed", some([1, 2, 3, 4], 3))
def test_every_cause_loses_orders_under_clean_metrics(seed: int) -> None:
    world = played(seed, [])
    books = broken(world)
    assert books["orders_shipped"] > 5
    assert books["shipped_once"] == books["one_parcel"] == 0
    history = world.plane.history
    ok, offered = history.column("class/order/ok"), history.column("class/order/offered")
    assert sum(ok) / sum(offered) > 0.99
    lags = history.column("kafka/group/warehouse/lag")
    assert sorted(lags)[len(lags) // 2] < 120  # a few seconds of work under way, never a backlog


def test_a_reset_to_earliest_doubles_what_is_not_idempotent() -> None:
    trap = varied(load(ID), 1).traps[1]
    books = broken(played(1, trap.commands))
    assert books["shipped_once"] > 500


def test_an_idempotent_handler_takes_the_same_reset() -> None:
    commands = varied(load(ID), 3).reference.commands
    assert broken(played(3, commands, 1000)) == {"orders_shipped": 0, "shipped_once": 0, "one_parcel": 0}


def test_acks_all_keeps_what_a_fallen_leader_had_not_replicated() -> None:
    """A producer that tries again after a change of leaders is not taken for one that has already written."""
    commands = varied(load(ID), 2).reference.commands
    assert broken(played(2, commands, 950))["orders_shipped"] == 0
