"""A database under Patroni in two data centres, small and quick, for tests of who leads and what that costs."""

from typing import Any

from simulator.scenario import Scenario, assign, parse
from simulator.world import World
from tests.simulator.places_scene import two_raw

PLACES = {"pg-1": "dc-1", "pg-2": "dc-2", "shop-1": "dc-1", "shop-2": "dc-2"}
CARTS = {"carts-1": "dc-1", "carts-2": "dc-2", "carts-3": "dc-2"}


def patroni_raw() -> dict[str, Any]:
    raw = two_raw()
    raw["standbys"] = {
        "db": {
            "etcd": {"dc-1": 1, "dc-2": 2},
            "store": "orders",
            "table": "orders",
            "patroni": {"scope": "shop"},
        }
    }
    steps = [
        {"name": "create", "do": "write", "target": "orders", "table": "orders"},
        {
            "name": "reserve",
            "do": "move",
            "target": "orders",
            "table": "stock",
            "row": "item",
            "factor": -1,
            "by": "one",
        },
    ]
    raw["entities"] = {
        "flows": [{"name": "order", "limit_per_s": 4, "items": 5, "clients": ["shop-1", "shop-2"], "steps": steps}],
        "stores": [
            {
                "name": "orders", "nodes": ["pg-1", "pg-2"], "failover": False, "fenced": False,
                "heal": "keep", "nearest": True, "start": [["stock", 0, 4, 1000]],
            }
        ],
        "places": dict(PLACES),
        "drive": {"order": {"traffic": "buy", "sites": {"dc-1": "shop-1", "dc-2": "shop-2"}}},
    }  # fmt: skip
    raw["invariants"] = {
        "kept": {
            "check": "nothing_lost",
            "args": {"flow": "order", "table": "orders"},
            "text": {"ru": "а", "en": "a"},
        },
        "stock": {
            "check": "settled",
            "args": {"table": "stock", "start": 1000},
            "text": {"ru": "б", "en": "b"},
        },
        "one": {"check": "one_timeline", "args": {"store": "orders"}, "text": {"ru": "в", "en": "c"}},
    }
    return raw


def carts_raw(write: int = 1, read: int = 1) -> dict[str, Any]:
    """Beside the orders, carts in a store without a leader."""
    raw = patroni_raw()
    business = raw["entities"]
    business["places"].update(CARTS)
    business["quorums"] = [{"name": "carts", "nodes": list(CARTS), "write": write, "read": read}]
    steps = [
        {"name": "open", "do": "read", "target": "carts", "row": "customer", "timeout_ms": 1500},
        {
            "name": "add",
            "do": "write",
            "target": "carts",
            "row": "customer",
            "writes": "append",
            "timeout_ms": 1500,
        },
    ]
    business["flows"].append(
        {"name": "cart", "limit_per_s": 4, "customers": 12, "clients": ["shop-1", "shop-2"], "steps": steps}
    )
    business["drive"]["cart"] = {"traffic": "buy", "sites": {"dc-1": "shop-1", "dc-2": "shop-2"}}
    raw["invariants"]["carts"] = {
        "check": "added_kept", "args": {"flow": "cart", "store": "carts"}, "text": {"ru": "г", "en": "d"},
    }  # fmt: skip
    return raw


def scenario(raw: dict[str, Any], **changes: Any) -> Scenario:
    """`changes` by path, with `__` for dots."""
    for path, value in changes.items():
        assign(raw, path.replace("__", "."), value)
    return parse(raw, "patroni.yaml")


def scene(raw: dict[str, Any] | None = None, language: str = "en", **changes: Any) -> World:
    made = World(scenario(raw or patroni_raw(), **changes), 1, language, engine="cohort")
    made.turn_based = False
    return made
