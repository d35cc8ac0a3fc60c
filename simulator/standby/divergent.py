"""What a node of a store has and the leader lacks, and carrying it over.

Rows that are missing are written as they are. A balance was changed on both sides: its change is added to what
the leader holds; copying the value instead would undo the leader's own changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator import bridge
from simulator.entities import repairs
from simulator.entities.replication import Copy, Entry
from simulator.entities.spec import MOVE
from simulator.standby.state import spec_of, weight

if TYPE_CHECKING:
    from simulator.entities.store import Store
    from simulator.world import World

MARKS = "done:"  # the idempotency keys


@dataclass
class Tally:
    """Of one table: rows that are missing, balances that changed, rows that differ on the two sides."""

    rows: int = 0
    balances: int = 0
    conflicts: int = 0


@dataclass
class Found:
    """Played rows by table; `weight` is how many orders each stands for."""

    tables: dict[str, Tally] = field(default_factory=dict)
    weight: float = 1.0

    def of(self, table: str) -> Tally:
        return self.tables.setdefault(table, Tally())


def store_of(world: World, database: str) -> Store:
    assert world.entities is not None
    return world.entities.domain.stores[spec_of(world, database).store]


def balances(world: World, store: str) -> set[str]:
    """Tables whose rows are balances."""
    assert world.entities is not None
    flows = world.entities.spec.flows
    return {s.table for f in flows for s in f.steps if s.do == MOVE and s.target == store}


def entries(world: World, database: str, node: str) -> tuple[Copy | None, list[Entry]]:
    """The newest other leader, and what `node` has beyond it that nobody has carried over yet."""
    store = store_of(world, database)
    copy = store.copy_of(node)
    leaders = [c for c in store.copies if c.leads and c is not copy and c.name not in world.reach.down]
    if not leaders:
        return None, []
    leader = max(leaders, key=lambda c: c.leads)
    done = world.rooms["standby"].merged.get((database, node), (0, 0))
    found = [e for e in store.divergent(copy, leader) if (e[1], e[0]) > done]
    return leader, found


def count(world: World, database: str, node: str) -> Found:
    """What a comparison shows; nothing is changed."""
    leader, found = entries(world, database, node)
    return _gone_through(world, database, leader, found, "", node)


def merge(world: World, database: str, node: str, mode: str) -> Found:
    """Carry it over (`mode`: add or copy the balances)."""
    bridge.catch_up(world)
    leader, found = entries(world, database, node)
    done = _gone_through(world, database, leader, found, mode, node)
    if found:
        world.rooms["standby"].merged[database, node] = (found[-1][1], found[-1][0])
    return done


def _gone_through(
    world: World, database: str, leader: Copy | None, found: list[Entry], mode: str, node: str
) -> Found:
    made = Found(weight=weight(world))
    if leader is None:
        return made
    store = store_of(world, database)
    sums = balances(world, store.name)
    latest: dict[tuple[str, int], int | None] = {}
    change: dict[tuple[str, int], int] = {}
    for _, _, _, (table, key, value, before) in found:
        latest[table, key] = value
        if table in sums:
            change[table, key] = change.get((table, key), 0) + (value or 0) - (before or 0)
    for (table, key), value in latest.items():
        there = store.read(leader.index, table, key)
        if table in sums:
            made.of(table).balances += 1
            value = value if mode == "copy" else (there or 0) + change[table, key]
        elif there is None or value is None:
            made.of(table).rows += there != value
        elif there != value:
            made.of(table).conflicts += 1
            continue
        if mode and there != value:
            _write(world, store, leader, table, key, value)
    return made


def _write(world: World, store: Store, leader: Copy, table: str, key: int, value: int | None) -> None:
    assert world.entities is not None
    meets = bridge.Conditions(world)
    if table.startswith(MARKS):
        store.write(leader, table, key, value, meets)
    else:
        repairs.put(world.entities, store.name, table, key, value, meets, "merge")
