"""`chaos kafka …`: brokers without power, consumers that die, stop or come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.entities.groups import CRASHED, LEFT
from simulator.kafka import consumers
from simulator.kafka.state import broker_id, broker_named, groups_of, kafka_of
from simulator.wording import Unknown

if TYPE_CHECKING:
    from simulator.world import World

POWER = "chaos kafka"


def bring(world: World, words: list[str]) -> list[str]:
    """One fault; the commands that take it back. Raises Unknown."""
    kind = words[0]
    if kind == "broker":
        return _broker(world, words)
    if kind not in ("crash", "stop", "start"):
        raise Unknown(kind, ["broker", "crash", "stop", "start"])
    group, _, member = words[1].partition("/")
    groups = groups_of(world) if "kafka" in world.rooms else {}
    known = [f"{name}/{m.name}" for name, found in groups.items() for m in found.members]
    if words[1] not in known:
        raise Unknown(words[1], known)
    gone = groups[group].gone(member)
    if kind == "crash" and not gone:
        consumers.die(world, words[1])
    elif kind == "stop" and not gone:
        consumers.close(world, words[1])
        return [f"chaos kafka start {words[1]}"]
    elif kind == "start" and gone:
        consumers.restart(world, words[1])
    return []


def _broker(world: World, words: list[str]) -> list[str]:
    known = [str(broker_id(world, n)) for n in kafka_of(world).brokers] if "kafka" in world.rooms else []
    name = broker_named(world, words[1]) if known else None
    if name is None:
        raise Unknown(words[1], known)
    state = words[2] if len(words) > 2 else ""
    if state not in ("down", "up"):
        raise Unknown(state, ["down", "up"])
    if state == "down":
        world.reach.down.setdefault(name, POWER)
        return [f"chaos kafka broker {words[1]} up"]
    if world.reach.down.get(name) == POWER:
        del world.reach.down[name]
    return []


def on_start(world: World, what: str) -> None:
    """The container of a consumer that died runs again, unless its pod has gone."""
    group, _, name = what.partition("/")
    found = groups_of(world)[group]
    member = next(m for m in found.members if m.name == name)
    seats = kafka_of(world).seats.get(group)
    if member.state in (CRASHED, LEFT) and (seats is None or seats.get(name)):
        consumers.restart(world, what)


HANDLERS: dict[str, Callable[..., Any]] = {"kafka.start": on_start}
