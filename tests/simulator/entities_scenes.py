"""Small worlds for the tests of the entities: a shop with everything declared right, and ways to spoil it."""

from dataclasses import replace
from typing import Any

from simulator.entities.conditions import Rule, TableConditions
from simulator.entities.engine import Entities
from simulator.entities.groups import GroupSpec
from simulator.entities.log import TopicSpec
from simulator.entities.spec import EntitiesSpec, Flow, Step, SystemSpec
from simulator.entities.store import StoreSpec
from simulator.entities.timers import SECOND

CHARGE = Step(
    "charge", "call", "psp", attempts=3, undo=Step("refund", "call", "psp", operation="cancel", attempts=9)
)
BONUS = Step(
    "bonus", "move", "db", table="bonus", row="customer", attempts=4,
    undo=Step("unbonus", "move", "db", table="bonus", row="customer", factor=-1, attempts=6),
)  # fmt: skip
STOCK = Step(
    "reserve", "move", "db", table="stock", row="item", factor=-1, by="one", floor=0, attempts=4,
    undo=Step("release", "move", "db", table="stock", row="item", by="one", attempts=6),
)  # fmt: skip
CREATE = Step("create", "write", "db", table="orders", attempts=4)
NOTIFY = Step("notify", "publish", "orders", attempts=4)
SHIP = Flow("ship", (Step("ship", "write", "db", table="shipments", attempts=10),), group="shipping")

BROKERS = ("kafka-0", "kafka-1", "kafka-2")
NODES = ("db-0", "db-1", "db-2")


def shop(
    steps: tuple[Step, ...] = (CREATE, STOCK, CHARGE, BONUS, NOTIFY),
    *,
    flow: dict[str, Any] | None = None,
    store: dict[str, Any] | None = None,
    topic: dict[str, Any] | None = None,
    group: dict[str, Any] | None = None,
    consumer: Flow | None = SHIP,
    stock: int = 1_000_000,
    **more: Any,
) -> EntitiesSpec:
    order = replace(Flow("order", steps, host="checkout", items=20, customers=50), **(flow or {}))
    start = (("stock", 0, 19, stock),)
    return EntitiesSpec(
        flows=(order,) if consumer is None else (order, consumer),
        stores=(replace(StoreSpec("db", NODES, sync=0, start=start), **(store or {})),),
        topics=(replace(TopicSpec("orders", BROKERS, 3, min_insync=2), **(topic or {})),),
        groups=(replace(GroupSpec("shipping", "orders", ("c-0", "c-1"), reset="earliest"), **(group or {})),),
        systems=more.pop("systems", (SystemSpec("psp"),)),
        **more,
    )


def rough(**change: float) -> TableConditions:
    """A payment system and a database that time out now and then, in both ways."""
    shares: dict[str, Any] = {
        "error": 0.06,
        "ambiguous": 0.06,
        "lost": 0.06,
        "timeout_ms": 300,
        "late_ms": 40,
        **change,
    }
    return TableConditions(rules=[Rule("psp", mean_ms=40, **shares), Rule("db", mean_ms=3, error=0.01)])


def play(
    spec: EntitiesSpec,
    seconds: float,
    conditions: TableConditions | None = None,
    rate: float = 60,
    seed: int = 1,
) -> tuple[Entities, TableConditions]:
    """Run for a time, then let what is under way come to an end."""
    conditions = conditions or TableConditions()
    entities = Entities(spec, seed)
    entities.set_rate("order", rate)
    entities.advance(round(seconds * SECOND), conditions)
    finish(entities, conditions)
    return entities, conditions


def finish(entities: Entities, conditions: TableConditions, seconds: float = 60) -> None:
    entities.set_rate("order", 0)
    entities.advance(entities.now_ns + round(seconds * SECOND), conditions)
