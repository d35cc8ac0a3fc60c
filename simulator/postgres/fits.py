"""Whether what services send fits the schema as it is now: columns by version, and the column that readers need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.postgres import entity_rows, pressure
from simulator.postgres.work import work_of
from simulator.scenario import Service

if TYPE_CHECKING:
    from simulator.postgres.state import Column, Table
    from simulator.world import World

LOOK_EVERY_S, READ_EVERY_S = 2, 6


def column_of(world: World, path: str) -> tuple[Table | None, Column | None]:
    """The table and column of `DB.TABLE.COLUMN`, as they are now."""
    component, name, column = path.rsplit(".", 2)
    table = (
        world.postgres.databases[component].tables.get(name)
        if component in world.postgres.databases
        else None
    )
    return table, table.column(column) if table is not None else None


def complaint(world: World, columns: list[str], omits: list[str]) -> str:
    """What the server says to statements that name these columns and leave those out; nothing if all is well."""
    for path in columns:
        _, name, column = path.rsplit(".", 2)
        if column_of(world, path)[1] is None:
            return f'column "{column}" of relation "{name}" does not exist'
    for path in omits:
        _, name, label = path.rsplit(".", 2)
        found = column_of(world, path)[1]
        if found is not None and found.not_null and found.default is None:
            return f'null value in column "{label}" of relation "{name}" violates not-null constraint'
    return ""


def each_second(world: World) -> None:
    """Versions whose statements the schema refuses fail in the share of their pods; looked at every other second."""
    if int(world.now_s) % LOOK_EVERY_S:
        return
    for name, service in world.scenario.services().items():
        if isinstance(service, Service) and any(v.columns or v.omits for v in service.versions.values()):
            _versions(world, name, service)
    if int(world.now_s) % READ_EVERY_S == 0:
        for component, database in world.scenario.databases().items():
            for table, bound in database.tables.items():
                if bound.readers:
                    readers(world, component, table)


def _versions(world: World, name: str, service: Service) -> None:
    pods, bad, why = 0, 0, ""
    for group in world.plane.groups(name):
        version = service.versions[group.version]
        text = complaint(world, version.columns, version.omits) if group.pods else ""
        pods += group.pods
        bad += group.pods if text else 0
        why = text or why
    pressure.fail(world, name, "columns", bad / pods if pods else 0.0, why)


def needed(world: World, component: str, table: str) -> str:
    """The column that readers of a table need now."""
    bound = world.scenario.databases()[component].tables[table]
    return work_of(world).reads.get(f"{component}.{table}", bound.reads)


def readers(world: World, component: str, name: str) -> None:
    """Readers fail where the column they need is NULL, or not there at all."""
    bound = world.scenario.databases()[component].tables[name]
    column = needed(world, component, name)
    if not column:
        return
    table, found = column_of(world, f"{component}.{name}.{column}")
    recent, older = (1.0, 1.0) if table is None or found is None else nulls(world, component, table, column)
    for service, reader in bound.readers.items():
        share = reader.share * (reader.recent * recent + (1 - reader.recent) * older)
        why = (
            f'column "{column}" does not exist'
            if found is None
            else f"{name}.{column} is NULL where a value is needed"
        )
        pressure.fail(world, service, f"reads {component}.{name}", share, why)


def nulls(world: World, component: str, table: Table, column: str) -> tuple[float, float]:
    """(share of the rows in play, share of the older ones) in which a column is NULL."""
    found = table.column(column)
    assert table.entity is not None and found is not None
    source = table.entity.columns.get(found.key)
    if source is None:
        return _overlaid(world, component, table, found)
    if not source.part:
        return 0.0, 0.0
    stores = entity_rows.stores_of(world, table, component)
    here = sum(entity_rows.shelf(s, "", table.source).size() for s in stores)
    there = sum(entity_rows.shelf(s, "", source.part).size() for s in stores)
    left = max(0, here - there) / here if here else 0.0
    return left, older_nulls(world, table, found)


def _overlaid(world: World, component: str, table: Table, column: Column) -> tuple[float, float]:
    """A column that somebody added beyond what services know."""
    if column.filled is not None:
        return 0.0, 0.0
    kept = sum(1 for row, cells in table.overlay.items() if row >= 0 and cells.get(column.key) is not None)
    here = entity_rows.count(world, table, component)
    return max(0.0, 1.0 - kept / here) if here else 0.0, older_nulls(world, table, column)


def older_nulls(world: World, table: Table, column: Column) -> float:
    """The share of older rows in which a column is NULL, by the sample."""
    assert table.entity is not None
    if not table.entity.rows or table.emptied_s is not None or column.filled is not None:
        return 0.0
    left = whole = 0
    for ident in entity_rows.old_ids(table):
        row, weight = -ident, entity_rows.stands_for(table, ident)
        whole += weight
        if row not in table.removed and table.overlay.get(row, {}).get(column.key) is None:
            left += weight
    return left / whole if whole else 0.0
