"""A small shop behind a Redis, in the shapes the tests need."""

import copy
from typing import Any

from simulator import commands
from simulator.scenario import parse
from simulator.world import World

RAW: dict[str, Any] = {
    "id": "cached-shop",
    "duration_s": 300,
    "traffic": {"rps": 1000, "entry": "lb", "classes": {"page": {"path": "shop.page"}}},
    "keys": {"items": {"count": 20_000, "zipf": 0.8}},
    "components": {
        "lb": {"kind": "balancer", "timeout_s": 3},
        "shop": {
            "kind": "service",
            "pods": 10,
            "bulkhead": {"limit": 40, "queue": 40},
            "endpoints": {"page": [{"work_ms": 4}, {"cache": "pages", "keys": "items", "miss": [{"query": "db", "cpu_ms": 2.0}]}]},
        },
        "pages": {"kind": "cache", "ttl_s": 60, "redis": {"key": "page:{}", "value_bytes": 2000}},
        "db": {"kind": "postgres", "cores": 4, "pool": {"limit": 20, "open": 20}},
    },
}  # fmt: skip


def shop(seed: int = 1, rps: float = 1000, **redis: Any) -> World:
    raw = copy.deepcopy(RAW)
    raw["traffic"]["rps"] = rps
    raw["components"]["pages"]["redis"].update(redis)
    world = World(parse(raw, "cached-shop"), seed, engine="cohort")
    world.turn_based = False
    return world


def say(world: World, line: str) -> str:
    return commands.execute(world, line).text


# What the recorded commands of the real server found in it (`recorders/redis.py`).
SETUP = (
    "SET str 1",
    "SET other abc",
    "MSET k1 ohmytext k2 mynewtext",
    "RPUSH list a b c b",
    "RPUSH nums 3 1 2",
    "HSET hash f1 v1 f2 2",
    "SADD set a",
    "SADD ints 1 2 3",
    "ZADD zset 1 a 2 b 3 c",
    "GEOADD places 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
    "SET bits \\xf0",
    "XADD stream 5-1 f v",
    "XADD stream 6-1 f w",
    "XGROUP CREATE stream workers 0",
)
