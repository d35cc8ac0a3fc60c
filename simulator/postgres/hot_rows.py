"""Rows of a sharded table that belong to its hot keys: how many of what a slice of time brought are theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.scenario import HotKey
    from simulator.world import World


def hot_ids(world: World, table: str, column: str) -> tuple[int, ...]:
    """The values of a column that are hot keys of this table."""
    return tuple(ident for ident, _ in _hot(world, table) if column == _column(world))


def _column(world: World) -> str:
    """The column that the keys of a sharded database stand in: that of the key space's name."""
    spec = world.scenario.sharding
    return f"{spec.keys.removesuffix('s')}_id" if spec is not None else ""


def _hot(world: World, table: str) -> list[tuple[int, HotKey]]:
    """(value, key) of the hot keys that services insert rows of this table for."""
    spec = world.scenario.sharding
    if spec is None:
        return []
    spaces = [
        step.keys
        for service in world.scenario.services().values()
        for steps in service.endpoints.values()
        for step in steps
        if step.query == spec.database
        and (step.sql or "").upper().startswith(f"INSERT INTO {table.upper()} ")
    ]
    found = []
    for name, key in spec.hot.items():
        digits = "".join(char for char in name if char.isdigit())
        if key.orders in spaces and digits:
            found.append((int(digits), key))
    return found


def shares(world: World, table: str, part: slice, stored: int) -> tuple[tuple[int, int], ...]:
    """(value, rows) of the hot keys in a slice of seconds: what their routes asked for, as far as their shards did it."""
    spec, history = world.scenario.sharding, world.plane.history
    if spec is None:
        return ()
    done = [sum(history.column(f"db/{spec.database}-{n}/queries")[part]) for n in range(spec.serving)]
    usual = sorted(done)[len(done) // 2]  # of a shard without a hot key
    found, left = [], stored
    for ident, key in _hot(world, table):
        asked = sum(history.column(f"route/{next(iter(key.routes), '')}/new")[part])
        rows = min(round(asked), round(max(0.0, max(done) - usual)), left)
        if rows > 0:
            found.append((ident, rows))
            left -= rows
    return tuple(found)
