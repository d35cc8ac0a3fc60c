"""What exporters see once a second, and what brokers and clients write into their logs. Texts: Apache Kafka 3.7."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.entities.history import FAIL, Op
from simulator.kafka.state import (
    APP,
    JOURNAL,
    broker_id,
    consumer_id,
    coordinator,
    groups_of,
    host_of,
    inside,
    kafka_of,
    leader_of,
    topics_of,
    up,
)
from simulator.telemetry.line import LogLine

if TYPE_CHECKING:
    from simulator.entities.groups import Group
    from simulator.world import World

COMMIT_FAILED = (
    "Offset commit cannot be completed since the consumer is not part of an active group for auto partition "
    "assignment; it is likely that the consumer was kicked out of the group."
)


def each_second(world: World) -> None:
    _columns(world)
    _journal(world)


def _columns(world: World) -> None:
    history = world.plane.history
    history.append("kafka/brokers", float(sum(up(world, name) for name in kafka_of(world).brokers)))
    for name, topic in topics_of(world).items():
        for number, part in enumerate(topic.partitions):
            base = f"kafka/topic/{name}/{number}/"
            insync = sum(up(world, part.copies[i].name) for i in part.isr)
            history.append(base + "end", float(part.log_end_offset))
            history.append(base + "isr", float(insync))
            history.append(base + "under", float(insync < len(part.copies)))
            history.append(base + "leader", float(_leads(world, leader_of(part))))
    for name, group in groups_of(world).items():
        base = f"kafka/group/{name}/"
        history.append(base + "members", float(len(inside(group))))
        history.append(base + "lag", float(group.lag()))
        for number, offset in sorted(group.committed.items()):
            end = group.topic.partitions[number].log_end_offset
            history.append(f"{base}{number}/offset", float(offset))
            history.append(f"{base}{number}/lag", float(max(0, end - offset)))


def _leads(world: World, leader: str | None) -> int:
    return broker_id(world, leader) if leader is not None and up(world, leader) else -1


# -- logs


def _journal(world: World) -> None:
    """Read what has happened since the last second and write it down as the parts concerned would."""
    made = kafka_of(world)
    assert world.entities is not None
    owners = {m.name: name for name, group in groups_of(world).items() for m in group.members}
    for op in world.entities.history.since(made.seen):
        write = WRITERS.get(op.f)
        if write is not None:
            write(world, op, owners)
    made.seen = len(world.entities.history)
    del made.journal[:-JOURNAL]


def _say(world: World, op: Op, app: str, pod: str, level: str, text: str) -> None:
    t_s = op.time_ns / 1e9
    stamp = world.at(t_s).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
    kafka_of(world).journal.append(LogLine(t_s, pod, app, level, f"[{stamp}] {level} {text}"))


def _broker_says(world: World, op: Op, broker: str, level: str, text: str) -> None:
    _say(world, op, APP, broker, level, text)


def _client_says(world: World, op: Op, group: str, level: str, text: str) -> None:
    member = next((m for m in groups_of(world)[group].members if m.name == op.process), None)
    pod = kafka_of(world).seats.get(group, {}).get(op.process, "") or str(op.process)
    head = f"[Consumer clientId={member.name if member else op.process}, groupId={group}]"
    _say(world, op, host_of(world, group), pod, level, f"{head} {text}")


def _coordinated(world: World, op: Op, group: str, text: str) -> None:
    broker = coordinator(world, group)
    if broker is not None:
        head = f"[GroupCoordinator {broker_id(world, broker)}]:"
        _broker_says(world, op, broker, "INFO", f"{head} {text} (kafka.coordinator.group.GroupCoordinator)")


def _assign(world: World, op: Op, owners: dict[str, str]) -> None:
    group = owners.get(op.process)
    if group is None:
        return
    generation, numbers = op.value[0], op.value[1:]
    found = groups_of(world)[group]
    if op.process == min(m.name for m in found.members if m.partitions or m.name == op.process):
        members = sum(1 for m in found.members if m.state == "stable")
        _coordinated(
            world, op, group, f"Stabilized group {group} generation {generation} with {members} members."
        )
    added = ", ".join(f"{op.key}-{n}" for n in numbers)
    _client_says(world, op, group, "INFO", f"Adding newly assigned partitions: {added}")


def _leave(world: World, op: Op, owners: dict[str, str]) -> None:
    group = owners.get(op.process)
    if group is None:
        return
    why = "the consumer is being closed" if op.value == "close" else "consumer poll timeout has expired."
    who = f"Member {_id(world, group, op)}"
    _client_says(world, op, group, "INFO", f"{who} sending LeaveGroup request to coordinator due to {why}")
    _preparing(world, op, group, f"removing member {op.process} on LeaveGroup")


def _commit(world: World, op: Op, owners: dict[str, str]) -> None:
    group = owners.get(op.process)
    if group is not None and op.type == FAIL:
        text = f"org.apache.kafka.clients.consumer.CommitFailedException: {COMMIT_FAILED}"
        _client_says(world, op, group, "ERROR", text)


def _reset(world: World, op: Op, owners: dict[str, str]) -> None:
    group = owners.get(op.process)
    if group is not None:
        part = f"{op.key[0]}-{op.key[1]}"
        text = f"Resetting offset for partition {part} to position FetchPosition{{offset={op.value}}}."
        _client_says(world, op, group, "INFO", text)


def _lead(world: World, op: Op, _owners: dict[str, str]) -> None:
    if isinstance(op.key, tuple) and op.key[0] in topics_of(world) and op.value > 1:
        part = f"{op.key[0]}-{op.key[1]}"
        head = f"[Broker id={broker_id(world, op.process)}]"
        text = f"{head} Leader {part} starts at leader epoch {op.value - 1} (state.change.logger)"
        _broker_says(world, op, op.process, "INFO", text)


def _truncate(world: World, op: Op, _owners: dict[str, str]) -> None:
    if isinstance(op.key, tuple) and op.key[0] in topics_of(world):
        part, offset = f"{op.key[0]}-{op.key[1]}", op.value[0]
        text = (
            f"[Log partition={part}, dir=/var/lib/kafka] Truncating to offset {offset} (kafka.log.UnifiedLog)"
        )
        _broker_says(world, op, op.process, "INFO", text)


def _preparing(world: World, op: Op, group: str, why: str) -> None:
    found: Group = groups_of(world)[group]
    old = found.generation
    text = (
        f"Preparing to rebalance group {group} in state PreparingRebalance with old generation {old} "
        f"(reason: {why})."
    )
    _coordinated(world, op, group, text)


def _id(world: World, group: str, op: Op) -> str:
    member = next(m for m in groups_of(world)[group].members if m.name == op.process)
    return consumer_id(world, member)


WRITERS: dict[str, Callable[..., None]] = {
    "assign": _assign,
    "leave": _leave,
    "commit": _commit,
    "reset": _reset,
    "lead": _lead,
    "truncate": _truncate,
}
