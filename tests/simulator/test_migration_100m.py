"""The scenario migration-100m: the reference solution passes, traps have their real consequences."""

import pytest

from simulator import invariants
from simulator.commands import execute
from simulator.run import parse_commands
from simulator.scenario import load, varied
from simulator.world import World
from tests.depth import some

BASE = load("migration-100m")


def played(seed: int, lines: list[str], until: float) -> World:
    world = World(BASE, seed)
    world.turn_based = False
    for line in lines:
        at, _, command = line.removeprefix("@").partition(" ")
        if float(at) > until:
            break
        world.advance_to(float(at))
        execute(world, command)
    world.advance_to(until)
    return world


def broken(world: World) -> list[str]:
    return [name for name, found in invariants.check(world).items() if not found["ok"]]


@pytest.mark.parametrize("seed", some((1, 3), 2))  # all of them: dropprod lint
def test_the_reference_migrates_everything_within_the_budget(seed: int):
    commands = varied(BASE, seed).reference.commands
    assert len(parse_commands("\n".join(commands))) == len(commands)
    world = played(seed, commands, 5600)
    assert broken(world) == []
    assert world.resolved


def test_doing_nothing_leaves_everything_to_do():
    assert set(broken(played(1, [], 300))) == {"plan_reviewed", "migrated", "reads_switched", "contracted"}


def test_an_alter_without_lock_timeout_stops_orders_behind_the_report():
    world = played(1, ["@60 psql -d orders -c 'ALTER TABLE orders ADD COLUMN total_kop bigint'"], 200)
    assert "within_budget" in broken(world)
    assert min(world.plane.history.column("class/order/ok")[70:100]) < 5
    without = played(2, ["@60 psql -d orders -c 'ALTER TABLE orders ADD COLUMN total_kop bigint'"], 100)
    assert min(without.plane.history.column("class/order/ok")[40:]) > 60


def test_the_new_version_before_the_column_fails():
    world = played(2, ["@30 deploy order-service v9.5.0"], 150)
    assert "within_budget" in broken(world)


EXPANDED = [
    "@60 psql -d orders -c 'ALTER TABLE orders ADD COLUMN total_kop bigint'",
    "@70 deploy order-service v9.5.0",
]
FULL_SPEED = "@200 backfill start --db orders --table orders --set 'total_kop = (total * 100)::bigint' --batch 20000 --pause 0"


def test_the_abandoned_slot_fills_the_disk():
    world = played(2, [*EXPANDED, FULL_SPEED], 1300)
    assert any("PANIC" in e.text for e in world.events)
    safe = played(
        2,
        [
            "@50 psql -d orders -c \"SELECT pg_drop_replication_slot('debezium_orders')\"",
            *EXPANDED,
            FULL_SPEED,
        ],
        1300,
    )
    assert not any("PANIC" in e.text for e in safe.events)


def test_the_weak_replica_shows_old_orders():
    world = played(3, [*EXPANDED, FULL_SPEED], 500)
    assert max(world.plane.history.column("postgres/orders-db/lag/orders-db-1")) > 30
    assert min(world.plane.history.column("class/view/ok")[300:]) < 170


def test_the_write_that_was_forgotten_is_found_by_comparing():
    world = played(4, EXPANDED, 900)
    assert "no_divergence" in broken(world)
    sql = 'psql -d orders -At -c "SELECT count(*) FROM orders WHERE total_kop IS NOT NULL AND total_kop <> (total * 100)::bigint"'
    assert int(execute(world, sql).out) > 0
    assert "no_divergence" not in broken(played(1, [EXPANDED[0].replace("@60", "@20"), EXPANDED[1]], 900))
