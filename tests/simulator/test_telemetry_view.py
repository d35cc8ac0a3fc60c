"""What the exporters remember between two looks never shows: a view is always that of the present."""

import pytest

from simulator.run import make_world
from simulator.telemetry import alerts
from simulator.telemetry.metrics import FAMILIES, SELECTIONS, Telemetry
from simulator.world import World
from tests.agent.replay_scenes import SHORT


@pytest.fixture(scope="module")
def world() -> World:
    """Asked for everything at every moment, from before the first scrape on."""
    found = make_world(SHORT)
    for second in (0.0, 4.0, 5.0, 11.0, 20.0):
        found.advance_to(second)
        for name in FAMILIES:
            found.telemetry.select(name, [], 0.0, second)
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_a_remembered_selection_reads_like_a_new_one(world: World, name: str) -> None:
    matchers = [("code", "=~", "2..|5..")] if name == "http_requests_total" else []
    for _ in range(2):
        assert world.telemetry.select(name, matchers, 0.0, 20.0) == Telemetry(world).select(
            name, matchers, 0.0, 20.0
        )


def test_a_limit_is_the_one_in_force(world: World) -> None:
    copy = world.fork()
    for limit in (50, 70):
        copy.plane.set_pool_limit("payments-db", "payments-db", limit)
        rows = copy.telemetry.select("pgbouncer_databases_pool_size", [], 0.0, 20.0)
        assert {value for _, samples in rows for _, value in samples} == {float(limit)}


def test_not_every_selection_is_remembered(world: World) -> None:
    copy = world.fork()
    for n in range(2 * SELECTIONS):
        copy.telemetry.select("up", [("job", "=", str(n))], 0.0, 20.0)
    assert len(copy.telemetry.chosen) <= SELECTIONS


def test_rules_are_evaluated_at_their_moments() -> None:
    world = make_world(SHORT)
    expected = list(alerts.moments(SHORT.alerting, 20.0))
    seen = []
    while world.now_s < 20.0:
        due_s = next(r[0] for r in sorted(world.agenda.heap) if r[3] == "telemetry.evaluate") / 1e9
        if due_s <= 20.0:
            seen.append(due_s)
        world.advance_to(min(due_s, 20.0))
    assert seen == expected
