"""What both engines let the world change about places and keys: hot keys, dead links, a primary that moves."""

from typing import Any

import pytest

from simulator import invariants
from simulator.engine.network import home_route
from simulator.scenario import parse
from simulator.world import World
from tests.simulator.places_scene import last, two_raw
from tests.simulator.shop_scene import do

ENGINES = ("cohort", "exact")


def made(raw: dict[str, Any], engine: str) -> World:
    world = World(parse(raw, "places.yaml"), 1, "en", engine)
    world.turn_based = False
    return world


def sharded_raw() -> dict[str, Any]:
    raw = two_raw()
    raw["keys"] = {"skus": {"count": 1000, "zipf": 0.4}}
    raw["components"]["db"] = {"kind": "postgres", "cores": 4, "shards": 4, "pool": {"limit": 20, "open": 20}}
    query = {"query": "db", "keys": "skus", "cpu_ms": 3}
    raw["components"]["near"] = {"kind": "cache", "ttl_s": 0.001}
    raw["components"]["shop"]["endpoints"] = {
        "buy": [{"work_ms": 2}, {"cache": "near", "keys": "skus", "miss": [query]}]
    }
    del raw["standbys"]
    return raw


@pytest.mark.parametrize("engine", ENGINES)
def test_a_hot_key_is_one_shard_s_load_and_a_cache_takes_it(engine: str) -> None:
    world = made(sharded_raw(), engine)
    world.advance_to(20)
    calm = [last(world, f"db/db-{n}/queries") for n in range(4)]
    assert max(calm) < 2.0 * min(calm)
    do(world, "chaos hot skus 0.6")
    world.advance_to(40)
    busy = [last(world, f"db/db-{n}/queries") for n in range(4)]
    assert max(busy) > 3.0 * sorted(busy)[2]
    world.plane.set_cache_ttl("near", 60.0)
    world.advance_to(70)
    assert last(world, "cache/near/hits") > 0.6 * last(world, "class/buy/offered")
    do(world, "chaos hot skus 0")
    world.plane.set_cache_ttl("near", 0.001)
    world.advance_to(90)
    after = [last(world, f"db/db-{n}/queries") for n in range(4)]
    assert max(after) < 2.0 * min(after)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_hung_on_a_dead_link_never_arrives(engine: str) -> None:
    world = made(two_raw(), engine)
    world.advance_to(10)
    do(world, "chaos dc dc-1 down")
    world.advance_to(60)
    do(world, "chaos dc dc-1 up")
    world.advance_to(61)
    assert last(world, "class/buy/error") > 0  # whoever still waited learns of it at once
    world.advance_to(63)  # the queues that stood behind hung queries are gone
    asked = last(world, "service/shop/v1@dc-2/requests")
    assert asked < 1.2 * last(world, "class/buy/offered")
    world.advance_to(140)
    assert last(world, "class/buy/ok") == pytest.approx(last(world, "class/buy/offered"), rel=0.15)
    assert all(found["ok"] for found in invariants.check(world).values())


@pytest.mark.parametrize("engine", ENGINES)
def test_queries_follow_the_primary(engine: str) -> None:
    world = made(two_raw(), engine)
    world.advance_to(10)
    assert last(world, f"route/{home_route('db')}/new") == 0
    world.plane.set_route(home_route("db"), 1.0)
    world.advance_to(15)
    assert last(world, f"route/{home_route('db')}/old") == 0
    assert last(world, "class/buy/ok") == pytest.approx(last(world, "class/buy/offered"), rel=0.3)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sum_over_places_is_the_service(engine: str) -> None:
    world = made(two_raw(), engine)
    world.advance_to(20)
    for what in ("pods", "requests", "in_flight"):
        parts = [last(world, f"service/shop/v1@{place}/{what}") for place in ("dc-1", "dc-2")]
        assert last(world, f"service/shop/v1/{what}") == pytest.approx(sum(parts))
    assert "zone" in do(world, "promql 'http_requests_in_flight{service=\"shop\"}'")
