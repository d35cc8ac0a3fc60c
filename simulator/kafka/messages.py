"""Messages as text: a record holds an entity, and what the entity is like follows from its number, as in SQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator import bridge
from simulator.entities.history import OK
from simulator.entities.log import REFUSED
from simulator.kafka.state import domain_of, topics_of
from simulator.postgres.entity_rows import likeness

if TYPE_CHECKING:
    from simulator.entities.log import Partition, Record
    from simulator.world import World

LARGEST = 1 << 40  # an order number beyond this is a typing error
LONGEST = 65_536  # characters of a message
PLAYER = "player"


class NotAnOrder(ValueError):
    """A message that names no order: topics here carry orders and nothing else."""


class NotWritten(Exception):
    """The broker refused; its error's name and text."""


def number_offset(world: World) -> int:
    """What SQL adds to an entity's number, so that both show the same id."""
    tables = (t for d in world.postgres.databases.values() for t in d.tables.values())
    return max((t.offset for t in tables if t.entity is not None), default=0)


def writer(world: World, topic: str) -> Callable[[Record], str]:
    """Makes the JSON text of a topic's records."""
    assert world.entities is not None
    flows = domain_of(world).flows
    flow = next((f for f in flows if any(s.target == topic for s in f.steps)), flows[0])
    customer, item, amount = (likeness(world.entities, flow, of) for of in ("customer", "item", "amount"))
    offset = number_offset(world)

    def text(record: Record) -> str:
        entity = record.value
        shown = {
            "order_id": entity + offset,
            "customer_id": customer(entity),
            "item": item(entity),
            "amount": amount(entity),
        }
        return json.dumps(shown, separators=(",", ":"))

    return text


def key_text(world: World, record: Record) -> str:
    return str(record.key + number_offset(world))


def entity_in(world: World, key: str | None, value: str) -> int:
    """The entity a typed message is about. Raises NotAnOrder."""
    found: object = None
    if len(value) <= LONGEST:
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            read = None
        if isinstance(read, dict):
            found = read.get("order_id", read.get("id"))
        elif isinstance(read, int):
            found = read
    if found is None and key is not None:
        found = key
    try:
        number = int(str(found)) - number_offset(world)
    except ValueError:
        raise NotAnOrder(value[:60]) from None
    if not 0 < number < LARGEST:
        raise NotAnOrder(value[:60])
    return number


def produce(world: World, topic: str, entity: int, partition: int | None = None) -> None:
    """Write a record as a person would: acknowledged as the topic's producers are. Raises NotWritten."""
    meets = bridge.catch_up(world)
    assert world.entities is not None
    found = topics_of(world)[topic]
    part = found.of(entity) if partition is None else found.partitions[partition]
    if part.produce(meets, entity, entity) == REFUSED:
        raise NotWritten(_refusal(part))
    world.entities.history.add(
        world.entities.timers.now, OK, PLAYER, f"produce {topic}", part.label, entity, entity
    )


def _refusal(part: Partition) -> str:
    if len(part.isr) < part.spec.min_insync:
        return "NotEnoughReplicasException: Messages are rejected since there are fewer in-sync replicas than required."
    return f"TimeoutException: Expiring 1 record(s) for {part.name}:120000 ms has passed since batch creation"
