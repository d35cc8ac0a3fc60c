"""Small worlds for tests of SQL over entities, lock queues, long statements and back-fills."""

from __future__ import annotations

from typing import Any

from simulator.commands import execute
from simulator.postgres import tools
from simulator.reply import Reply
from simulator.scenario import Scenario, assign, parse
from simulator.world import World

ORDERS: dict[str, Any] = {
    "id": "orders",
    "duration_s": 600,
    "traffic": {
        "rps": 40,
        "entry": "lb",
        "classes": {"buy": {"path": "shop.buy"}, "look": {"share": 0.5, "path": "viewer.look"}},
    },
    "components": {
        "lb": {"kind": "balancer", "timeout_s": 5},
        "shop": {
            "kind": "service",
            "pods": 2,
            "bulkhead": {"limit": 50, "queue": 50},
            "versions": {
                "v1": {"columns": ["db.orders.total"]},
                "v2": {
                    "columns": ["db.orders.total", "db.orders.total_kop"],
                    "set": {"flow.order.create_kop.do": "write"},
                },
                "v3": {"columns": ["db.orders.total_kop"], "omits": ["db.orders.total"]},
            },
            "current": "v1",
            "startup_s": 5,
            "endpoints": {"buy": [{"query": "db", "cpu_ms": 3, "sql": "UPDATE orders SET status = $1 WHERE id = $2"}]},
        },
        "viewer": {
            "kind": "service",
            "pods": 2,
            "bulkhead": {"limit": 50},
            "endpoints": {"look": [{"work_ms": 2}]},
        },
        "db": {
            "kind": "postgres",
            "database": "orders",
            "cores": 4,
            "pool": {"limit": 20, "open": 20},
            "settings": {"log_lock_waits": "on"},
            "storage": {
                "disk_gb": 60,
                "other_gb": 2,
                "max_wal_gb": 4,
                "wal_mb_s": 1,
                "replicas": {"db-1": {"replay_mb_s": 41}},
                "slots": {"cdc": {"active": False, "retained_gb": 1}},
                "readers": {"viewer": {"share": 0.5, "age_s": 5}},
            },
            "sessions": {
                "report": {"sql": "SELECT sum(total) FROM orders", "at_s": 100, "for_s": 60},
            },
            "tables": {
                "orders": {
                    "store": "orders",
                    "rows": 10_000_000,
                    "old": {2: 1.0},
                    "sample": 100,
                    "columns": {
                        "id": "key",
                        "user_id": "customer",
                        "sku": {"of": "item", "format": "SKU-{}"},
                        "status": {"of": "text", "format": "paid"},
                        "total": {"of": "value", "scale": 2},
                        "total_kop": {"of": "value", "part": "order_kop", "absent": True},
                        "created_at": "time",
                        "updated_at": "changed",
                    },
                    "required": ["total"],
                    "readers": {"viewer": {"share": 1.0}},
                    "reads": "total",
                },
                "shipments": {"store": "orders", "columns": {"order_id": "key", "amount": {"of": "value", "scale": 2}}},
                "stock": {"store": "orders", "columns": {"sku": "number", "left_over": "value"}},
                "ledger": {"system": "psp", "columns": {"order_id": "key", "captured": {"of": "captured", "scale": 2}}},
                "events": {"topic": "events", "columns": {"part": "partition", "pos": "offset", "order_id": "key"}},
            },
        },
    },
    "entities": {
        "flows": [
            {
                "name": "order",
                "host": "shop",
                "limit_per_s": 5,
                "amounts": [1000, 9000],
                "items": 50,
                "steps": [
                    {"name": "create", "do": "write", "target": "orders", "table": "orders", "writes": "amount", "outbox": "events"},
                    {"name": "create_kop", "do": "skip", "target": "orders", "table": "order_kop", "writes": "amount"},
                    {"name": "take", "do": "move", "target": "orders", "table": "stock", "row": "item", "factor": -1, "by": "one"},
                    {"name": "charge", "do": "call", "target": "psp"},
                ],
            },
            {
                "name": "ship",
                "group": "shipping",
                "steps": [{"name": "ship", "do": "write", "target": "orders", "table": "shipments", "writes": "amount"}],
            },
        ],
        "stores": [{"name": "orders", "nodes": ["db-0", "db-1"], "start": [["stock", 0, 49, 1000]]}],
        "systems": [{"name": "psp"}],
        "topics": [{"name": "events"}],
        "groups": [{"name": "shipping", "topic": "events", "members": ["a"]}],
        "drive": {"order": {"traffic": "buy"}},
        "calls": {"orders": "db"},
    },
    "flags": {"kop": {"text": {"ru": "копейки", "en": "kopecks"}, "states": {"off": {}, "on": {"reads.db.orders": "total_kop"}}}},
    "invariants": {
        "stock": {"check": "balances", "args": {"table": "stock", "start": 1000}, "text": {"ru": "остатки", "en": "stock"}},
        "shipped": {"check": "nothing_lost", "args": {"flow": "order", "table": "shipments"}, "text": {"ru": "отгрузка", "en": "shipped"}},
    },
}  # fmt: skip


def scenario(**changes: Any) -> Scenario:
    """The scene with fields changed by path; `__` stands for a dot."""
    import copy

    raw = copy.deepcopy(ORDERS)
    for path, value in changes.items():
        assign(raw, path.replace("__", "."), value)
    return parse(raw, "orders.yaml")


def at(seconds: float, **changes: Any) -> World:
    world = World(scenario(**changes), 1)
    world.turn_based = False
    world.advance_to(seconds)
    return world


def psql(world: World, sql: str, *words: str) -> Reply:
    return tools.TOOLS["psql"].run(world, ["psql", "-d", "orders", *words, "-c", sql], "")


def ask(world: World, sql: str, *words: str) -> str:
    """The bare answer to a query; fails the test on an error."""
    reply = tools.TOOLS["psql"].run(world, ["psql", "-d", "orders", "-At", *words, "-c", sql], "")
    assert not reply.err, reply.err
    return reply.out.strip()


def do(world: World, line: str) -> Reply:
    return execute(world, line)
