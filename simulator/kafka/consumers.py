"""Consumers live in the pods of the service that hosts their flow: a pod that goes takes its consumer with it.

A pod that is deleted (a release, a restart, scaling) closes its consumer in order; one that dies does not. Pods
beyond the number of declared members consume nothing, as consumers beyond the number of partitions do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import bridge
from simulator.entities.groups import CRASHED, LEFT
from simulator.kafka.state import groups_of, host_of, kafka_of

if TYPE_CHECKING:
    from simulator.entities.groups import Group
    from simulator.world import World

RESTART_S = 3.0  # until a dead consumer that no pod runs is back


def follow_pods(world: World) -> None:
    """Close, kill and start members as their pods go and come."""
    for name, group in groups_of(world).items():
        host = host_of(world, name)
        if host in world.scenario.components:
            _follow(world, name, group, host)


def _follow(world: World, name: str, group: Group, host: str) -> None:
    seats = kafka_of(world).seats.setdefault(name, {})
    living = [p for p in world.kubernetes.pods.values() if p.app == host and p.active and p.ready]
    here = {p.name for p in living}
    for member in group.members:
        seat = seats.get(member.name, "")
        if seat and seat not in here:
            _stop(world, name, group, member.name, seat)
            seats[member.name] = ""
    taken = set(seats.values())
    free = [p.name for p in sorted(living, key=lambda p: (p.created_s, p.name)) if p.name not in taken]
    for member in group.members:
        waits = member.closing and not group.gone(member.name)  # it finishes its batch first
        if not seats.get(member.name) and free and not waits:
            seats[member.name] = free.pop(0)
            if member.state in (CRASHED, LEFT):
                restart(world, f"{name}/{member.name}")


def _stop(world: World, name: str, group: Group, member: str, seat: str) -> None:
    if group.gone(member):
        return
    pod = world.kubernetes.pods.get(seat)
    orderly = pod is not None and pod.deleted_s is not None and not pod.lost
    if orderly:
        close(world, f"{name}/{member}")
    else:
        crash(world, f"{name}/{member}")


def crash(world: World, what: str) -> None:
    """`GROUP/MEMBER` dies without a word."""
    meets = bridge.catch_up(world)
    assert world.entities is not None
    world.entities.crash(what, meets)


def die(world: World, what: str) -> None:
    """The process of `GROUP/MEMBER` dies. With its container it starts again, else as soon as a process can."""
    crash(world, what)
    group, _, member = what.partition("/")
    seat = kafka_of(world).seats.get(group, {}).get(member, "")
    pod = world.kubernetes.pods.get(seat)
    if pod is None:
        world.agenda.at(world.now_s + RESTART_S, "kafka.start", priority=6, what=what)
    else:
        world.agenda.at(world.now_s, "kubernetes.container_died", pod=seat, uid=pod.uid)


def close(world: World, what: str) -> None:
    meets = bridge.catch_up(world)
    assert world.entities is not None
    world.entities.close(what, meets)


def restart(world: World, what: str) -> None:
    meets = bridge.catch_up(world)
    assert world.entities is not None
    world.entities.restart(what, meets)
