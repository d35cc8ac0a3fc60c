"""What the room keeps beside the entities' topics and groups, and what of it everybody asks.

Records and offsets are the entities' (`simulator/entities/log`, `groups`); here are only the seats of members in
pods and the journal of what brokers and clients have logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.engine.streams import bits, key_of
from simulator.telemetry.line import LogLine

if TYPE_CHECKING:
    from simulator.entities.domain import Domain
    from simulator.entities.groups import Group, Member
    from simulator.entities.log import Partition, Topic
    from simulator.world import World

PORT = 9092
APP = "kafka"
JOURNAL = 4000  # lines kept


@dataclass
class Kafka:
    """`seats`: group -> member -> the pod that runs it, "" for none. `seen`: records of the history followed."""

    brokers: tuple[str, ...]
    seats: dict[str, dict[str, str]] = field(default_factory=dict)
    journal: list[LogLine] = field(default_factory=list)
    seen: int = 0
    held: dict[str, dict[str, str]] = field(default_factory=dict)  # topic -> settings that are only kept


def build(world: World) -> Kafka | None:
    """The room is there where entities have topics."""
    if world.entities is None or not world.entities.domain.topics:
        return None
    names = [name for topic in world.entities.domain.topics.values() for name in topic.spec.brokers]
    return Kafka(tuple(dict.fromkeys(names)))


def identity(made: Kafka) -> Any:
    return made.seats, len(made.journal)


def kafka_of(world: World) -> Kafka:
    found: Kafka = world.rooms["kafka"]
    return found


def domain_of(world: World) -> Domain:
    assert world.entities is not None  # the room is only there with entities
    return world.entities.domain


def topics_of(world: World) -> dict[str, Topic]:
    return dict(sorted(domain_of(world).topics.items()))


def groups_of(world: World) -> dict[str, Group]:
    return dict(sorted(domain_of(world).groups.items()))


# -- names and numbers as tools show them


def broker_id(world: World, name: str) -> int:
    """A broker's number: that at the end of its name, if all differ; else its place, from 1."""
    brokers = kafka_of(world).brokers
    ends = [n.rpartition("-")[2] for n in brokers]
    if len(set(ends)) == len(ends) and all(end.isdigit() for end in ends):
        return int(name.rpartition("-")[2])
    return brokers.index(name) + 1


def broker_named(world: World, text: str) -> str | None:
    """The broker a person means: by its number or its name."""
    for name in kafka_of(world).brokers:
        if text in (name, str(broker_id(world, name))):
            return name
    return None


def up(world: World, broker: str) -> bool:
    return broker not in world.reach.down


def first_up(world: World) -> str | None:
    """Who answers a client that asks the bootstrap address."""
    return next((name for name in kafka_of(world).brokers if up(world, name)), None)


def leader_of(part: Partition) -> str | None:
    leader = part.newest_leader()
    return leader.name if leader is not None else None


def coordinator(world: World, group: str) -> str | None:
    """The broker that leads the partition of __consumer_offsets a group falls into."""
    running = [name for name in kafka_of(world).brokers if up(world, name)]
    return running[bits(0x67726F7570, sum(group.encode())) % len(running)] if running else None


def topic_id(world: World, topic: str) -> str:
    """22 letters, as Kafka writes its UUIDs."""
    import base64

    key = key_of(world.seed, "topic id", topic)
    raw = bits(key, 1).to_bytes(8, "big") + bits(key, 2).to_bytes(8, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def consumer_id(world: World, member: Member) -> str:
    """Client id and a UUID that a new life changes."""
    key = key_of(world.seed, "consumer", member.name, member.life)
    digits = f"{bits(key, 1):016x}{bits(key, 2):016x}"
    parts = (digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:32])
    return f"{member.name}-{'-'.join(parts)}"


def address(world: World, group: str, member: Member) -> str:
    """The address of the pod a member runs in."""
    pod = world.kubernetes.pods.get(kafka_of(world).seats.get(group, {}).get(member.name, ""))
    if pod is not None and pod.ip:
        return pod.ip
    luck = bits(key_of(world.seed, "host", member.name), 0)
    return f"10.42.{luck % 200 + 1}.{(luck >> 8) % 250 + 2}"


def host_of(world: World, group: str) -> str:
    """The service whose pods consume for a group, or nothing."""
    for flow in domain_of(world).flows:
        if flow.group == group:
            return flow.host
    return ""


def group_state(group: Group) -> str:
    """The state `kafka-consumer-groups --state` shows."""
    from simulator.entities.groups import JOINING, OUT, STABLE

    inside = [m for m in group.members if m.state in (STABLE, JOINING, OUT)]
    if group.rebalancing:
        return "PreparingRebalance" if inside else "Empty"
    return "Stable" if any(m.state == STABLE for m in inside) or _expected(group) else "Empty"


def _expected(group: Group) -> bool:
    """A crashed member counts until its session is over."""
    from simulator.entities.groups import CRASHED

    return any(m.state == CRASHED and m.gone_ns >= 0 for m in group.members)


def inside(group: Group) -> list[Member]:
    """Members the coordinator believes in: a crashed one until its session is over."""
    from simulator.entities.groups import CRASHED, LEFT

    return [m for m in group.members if m.state != LEFT and not (m.state == CRASHED and m.gone_ns < 0)]
