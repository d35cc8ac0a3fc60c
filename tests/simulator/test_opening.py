"""When the player is called, and what the scenario does behind his back."""

from typing import Any

from simulator.commands import execute
from simulator.run import make_session, make_world
from simulator.scenario import Scenario, parse
from simulator.world import World

SHOP: dict[str, Any] = {
    "id": "shop",
    "duration_s": 300,
    "opens_s": 40,
    "traffic": {"rps": 20, "entry": "lb", "classes": {"buy": {"path": "shop.buy"}}},
    "components": {
        "lb": {"kind": "balancer", "timeout_s": 2},
        "shop": {
            "kind": "service",
            "pods": 2,
            "bulkhead": {"limit": 20},
            "versions": {"v1": {}, "v2": {}},
            "current": "v1",
            "endpoints": {"buy": [{"work_ms": 3}]},
        },
    },
    "timeline": [
        {"at_s": 10, "command": "deploy shop v2"},
        {"at_s": 20, "command": "chaos slow shop 3 --for 30"},
        {"at_s": 45, "command": "kubectl scale deployment/shop --replicas=3 -n prod"},
    ],
}


def shop() -> Scenario:
    return parse(SHOP, "shop")


def told(world: World) -> str:
    world.turn_based = False
    return execute(world, "timeline -a").out + execute(world, "history").out + execute(world, "graph rps").out


def test_a_session_begins_when_the_player_is_called() -> None:
    world = make_session(shop(), 1, "ru")
    assert (world.now_s, world.language) == (40.0, "ru")
    assert make_world(shop()).now_s == 0.0


def test_the_scenario_keeps_its_faults_to_itself() -> None:
    world = make_session(shop())
    world.advance_to(60)
    shown = told(world)
    assert "chaos" not in shown
    assert "replicas=3" not in shown
    assert "v1 -> v2" in shown  # a release has a feed of its own
    assert [e.t_s for e in world.secret if e.kind == "chaos"] == [20.0, 50.0]  # its end is as quiet


def test_the_players_own_faults_are_told() -> None:
    world = make_session(shop())
    execute(world, "chaos slow shop 2")
    assert "chaos slow shop 2" in told(world)


def test_after_the_end_all_is_told() -> None:
    world = make_session(shop())
    world.watch.resolved_s = world.now_s
    assert "chaos slow shop 3" in execute(world, "timeline").out


STRANGE = {
    **SHOP,
    "components": {
        **SHOP["components"],
        "shop": {
            **SHOP["components"]["shop"],
            "endpoints": {
                "buy": [{"query": "db", "cpu_ms": 1, "sql": "UPDATE orders SET status = $1 WHERE id = $2"}]
            },
        },
        "offers": {
            "kind": "service",
            "pods": 1,
            "bulkhead": {"limit": 5},
            "endpoints": {"push": [{"query": "db", "cpu_ms": 1, "sql": "UPDATE offers SET stock = $1"}]},
        },
        "db": {"kind": "postgres", "database": "orders", "cores": 4, "pool": {"limit": 10, "open": 10}},
    },
    "timeline": [],
}


def test_a_table_that_never_was_breaks_nobody() -> None:
    world = make_session(parse(STRANGE, "strange"), 1, "ru")
    assert execute(world, "psql -h db -c 'DROP TABLE orders CASCADE' orders").code == 0
    assert set(world.postgres.failing) == {"shop"}
    assert any(e.text == "db: таблица orders удалена" for e in world.events)
