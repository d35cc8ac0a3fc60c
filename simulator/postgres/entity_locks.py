"""Locks of single orders as their database shows them: rows of `pg_locks`, backends, lines of the server's log.

A lock manager of the entities belongs to the database that `entities.calls` maps its name to, else to the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import bridge
from simulator.entities.locks import LockManager
from simulator.entities.timers import SECOND
from simulator.postgres.work import desk_of

if TYPE_CHECKING:
    from simulator.world import World

DEADLOCK_MS = 1_000  # deadlock_timeout as it is shipped
KEPT_LINES = 3_000


def managers(world: World, component: str) -> list[LockManager]:
    """The entities' lock managers that are this database's."""
    business = world.scenario.entities
    if world.entities is None or business is None:
        return []
    first = next(iter(world.scenario.databases()), "")
    return [
        manager
        for name, manager in world.entities.domain.locks.items()
        if (business.calls.get(name) or (name if name in world.scenario.databases() else first)) == component
    ]


def name_tables(world: World, component: str) -> None:
    """At the start: relations in messages have the tables' own numbers."""
    for manager in managers(world, component):
        for table in world.postgres.databases[component].tables.values():
            manager.oids.setdefault(table.source or table.name, table.oid)


def collect(world: World, component: str) -> None:
    """Each second: what the managers have said goes into the server's log; waits only with log_lock_waits."""
    settings, desk = world.postgres.servers[component].settings, desk_of(world, component)
    waits = settings.get("log_lock_waits", "off") == "on"
    found = managers(world, component)
    for manager in found:
        manager.deadlock_timeout_ms = max(1, int(settings.get("deadlock_timeout", DEADLOCK_MS)))
        manager.lock_timeout_ms = int(settings.get("lock_timeout", _declared_ms(world)))
        for (said_ns, pid), line in zip(manager.said, manager.lines, strict=True):
            if waits or not line.startswith("LOG"):
                desk.lines.append((said_ns / SECOND, pid, line))
        manager.lines, manager.said = [], []
    if found:
        del desk.lines[:-KEPT_LINES]
        history = world.plane.history
        history.append(f"postgres/{component}/deadlocks", float(sum(m.deadlocks for m in found)))
        history.append(f"postgres/{component}/lock_waits", float(waiting(world, component)))


def _declared_ms(world: World) -> int:
    business = world.scenario.entities
    return business.lock_timeout_ms if business is not None else 0


def waiting(world: World, component: str) -> int:
    """Sessions of single orders that wait for a lock now."""
    return sum(
        session.waits is not None
        for manager in managers(world, component)
        for session in manager.sessions.values()
    )


def deadlocks(world: World, component: str) -> int:
    """How many there have been since the start."""
    return sum(manager.deadlocks for manager in managers(world, component))


def signal(world: World, component: str, pid: int, terminate: bool) -> bool:
    """Cancel or terminate a session of a single order; False: there is none of this number."""
    manager = find(world, component, pid)
    if manager is not None:
        bridge.catch_up(world)
    return manager is not None and manager.interrupt(pid, terminate)


def find(world: World, component: str, pid: int) -> LockManager | None:
    """The manager that has a session of this number."""
    return next((m for m in managers(world, component) if pid in m.sessions), None)
