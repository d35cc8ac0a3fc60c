"""Locks of single orders as their database shows them: rows of `pg_locks`, backends, lines of the server's log.

A lock manager of the entities belongs to the database that `entities.calls` maps its name to, else to the first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.entities.locks import LockManager
from simulator.postgres.work import desk_of

if TYPE_CHECKING:
    from simulator.world import World


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
    waits = world.postgres.servers[component].settings.get("log_lock_waits", "off") == "on"
    for manager in managers(world, component):
        for line in manager.lines:
            if waits or line.startswith("ERROR"):
                found = re.search(r"[Pp]rocess (\d+)", line)
                desk_of(world, component).lines.append(
                    (world.now_s - 0.5, int(found.group(1)) if found else 0, line)
                )
        manager.lines = []


def find(world: World, component: str, pid: int) -> LockManager | None:
    """The manager that has a session of this number."""
    return next((m for m in managers(world, component) if pid in m.sessions), None)
