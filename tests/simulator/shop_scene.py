"""A small shop with entities beside its data plane, for tests of what ties the two together."""

from typing import Any

from simulator.commands import execute
from simulator.scenario import Scenario, assign, parse
from simulator.world import World

TEXT = {"ru": "текст", "en": "text"}


def shop_raw() -> dict[str, Any]:
    steps = [
        {"name": "create", "do": "write", "target": "store", "table": "orders"},
        {"name": "look", "do": "read", "target": "store", "table": "stock", "row": "item"},
        {"name": "reserve", "do": "move", "target": "store", "table": "stock", "row": "item", "factor": -1, "by": "one"},
        {"name": "charge", "do": "call", "target": "psp", "timeout_ms": 50_000},
        {"name": "notify", "do": "publish", "target": "orders"},
    ]  # fmt: skip
    return {
        "id": "shop",
        "duration_s": 120,
        "traffic": {"rps": 40, "entry": "lb", "classes": {"buy": {"path": "shop.buy"}}},
        "components": {
            "lb": {"kind": "balancer", "timeout_s": 5, "retries": 2},
            "shop": {
                "kind": "service",
                "pods": 4,
                "bulkhead": {"limit": 100, "queue": 100},
                "versions": {"v1": {"set": {"flow.order.reserve.mode": "from_read"}}, "v2": {}},
                "current": "v1",
                "startup_s": 10,
                "knobs": {
                    "RETRIES": {"path": "retries.buy"},
                    "COMMIT": {"path": "group.shipping.commit", "values": {"manual": "after"}},
                },
                "endpoints": {"buy": [{"work_ms": 5}, {"query": "db", "cpu_ms": 3}]},
            },
            "psp-gateway": {
                "kind": "service",
                "pods": 2,
                "bulkhead": {"limit": 50},
                "endpoints": {"pay": [{"work_ms": 40}]},
            },
            "db": {"kind": "postgres", "cores": 16, "pool": {"limit": 40, "open": 40}},
        },
        "entities": {
            "flows": [
                {"name": "order", "host": "shop", "items": 20, "customers": 50, "steps": steps},
                {
                    "name": "ship",
                    "group": "shipping",
                    "steps": [{"name": "ship", "do": "write", "target": "store", "table": "shipments"}],
                },
            ],
            "stores": [{"name": "store", "nodes": ["db-0"], "start": [["stock", 0, 19, 100000]]}],
            "topics": [{"name": "orders", "brokers": ["kafka-0"], "partitions": 3}],
            "groups": [
                {"name": "shipping", "topic": "orders", "members": ["c-0", "c-1"], "commit": "auto", "reset": "earliest"}
            ],
            "systems": [{"name": "psp"}],
            "calls": {"store": "db"},
            "drive": {"order": {"traffic": "buy"}},
        },
        "invariants": {
            "stock": {"check": "balances", "args": {"table": "stock", "start": 100000}, "text": TEXT},
            "shipped": {"check": "nothing_lost", "args": {"flow": "order", "table": "shipments"}, "text": TEXT},
        },
        "flags": {"calm": {"text": TEXT, "states": {"off": {}, "on": {"retries.buy": 0}}}},
    }  # fmt: skip


def shop_scenario(**changes: Any) -> Scenario:
    """`changes` by path, with `__` for dots."""
    raw = shop_raw()
    for path, value in changes.items():
        assign(raw, path.replace("__", "."), value)
    return parse(raw, "shop.yaml")


def shop(seed: int = 1, **changes: Any) -> World:
    world = World(shop_scenario(**changes), seed)
    world.turn_based = False
    return world


def do(world: World, line: str) -> str:
    reply = execute(world, line)
    assert reply.code == 0, reply.text
    return reply.out
