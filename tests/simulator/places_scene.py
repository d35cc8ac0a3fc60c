"""A small shop in two data centres, for tests of what happens when one of them is lost."""

from typing import Any

from simulator.scenario import Scenario, assign, parse
from simulator.world import World

TWO = {"dc-1": 4, "dc-2": 4}


def two_raw() -> dict[str, Any]:
    return {
        "id": "two-places",
        "duration_s": 1200,
        "traffic": {"rps": 80, "entry": "lb", "classes": {"buy": {"path": "shop.buy"}}},
        "datacenters": {"dc-1": {"weight": 50, "nodes": 2}, "dc-2": {"weight": 50, "nodes": 2}},
        "links": [{"between": ["dc-1", "dc-2"], "latency_ms": 2}],
        "dns": {"ttl_s": 60, "stuck": 0.05},
        "components": {
            "lb": {"kind": "balancer", "timeout_s": 5},
            "shop": {
                "kind": "service",
                "pods": 8,
                "placement": dict(TWO),
                "pdb": "50%",
                "startup_s": 10,
                "bulkhead": {"limit": 100, "queue": 100},
                "endpoints": {"buy": [{"work_ms": 5}, {"query": "db", "cpu_ms": 3}]},
            },
            "db": {
                "kind": "postgres",
                "cores": 16,
                "datacenter": "dc-1",
                "standby": "dc-2",
                "pool": {"limit": 60, "open": 60},
            },
        },
        "standbys": {"db": {"etcd": {"dc-1": 2, "dc-2": 1}}},
    }


def two_scenario(**changes: Any) -> Scenario:
    """`changes` by path, with `__` for dots."""
    raw = two_raw()
    for path, value in changes.items():
        assign(raw, path.replace("__", "."), value)
    return parse(raw, "two-places.yaml")


def two(seed: int = 1, language: str = "en", **changes: Any) -> World:
    made = World(two_scenario(**changes), seed, language, engine="cohort")
    made.turn_based = False
    return made


def last(world: World, key: str) -> float:
    return world.plane.history.last(key)
