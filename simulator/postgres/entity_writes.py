"""What a statement changed in tables over entities is carried over to their stores, as operations of a person.

Statements work on the tables' own overlay (`changed`, `removed`, `truncated`), as on any table; that is what a
rollback throws away. `settle` turns it into writes to the stores once it is certain, and into records of the
history, so that invariants see the repair. What the stores have no place for (a column a player added, another
customer) stays in the table's overlay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator import bridge
from simulator.entities import repairs
from simulator.postgres import entity_rows, rebound, versions
from simulator.postgres.catalog import Catalog
from simulator.postgres.errors import PgError
from simulator.postgres.state import NEW_ROWS, Database, Table

if TYPE_CHECKING:
    from simulator.scenario import TableColumn
    from simulator.world import World

PLAYER = "player"


@dataclass(frozen=True)
class Write:
    """A row of a store to write, or (value None) to remove."""

    store: str
    table: str
    row: int
    value: int | None


def check(catalog: Catalog) -> None:
    """Whether everything that is changed can be carried over. Raises PgError."""
    for table in catalog.database.tables.values():
        if table.entity is not None:
            _planned(catalog, table)


def settle(catalog: Catalog) -> None:
    """Carry over what the database as it now stands has changed. Raises PgError before anything is done."""
    database, world = catalog.database, catalog.world
    dropped, database.dropped = database.dropped, []
    emptied, database.emptied = database.emptied, []
    bound = [t for t in database.tables.values() if t.entity is not None]
    touched = [t for t in bound if t.changed or t.removed or t.truncated]
    if not touched and not dropped and not emptied:
        rebound.follow(world, catalog.session.component)
        versions.committed(world, catalog.session.component)
        return
    meets = bridge.catch_up(world)  # first: what is written up to now is there to be removed
    planned = [(t, *_planned(catalog, t)) for t in touched]
    entities = entity_rows.entities_of(world)
    for table in dropped:
        table.truncated = True
        planned.append((table, *_planned(catalog, table)))
    for table, part in emptied:
        for write in _column_gone(catalog, table, part):
            repairs.put(entities, write.store, write.table, write.row, None, meets, PLAYER)
    for table, writes, overlay in planned:
        for write in writes:
            repairs.put(entities, write.store, write.table, write.row, write.value, meets, PLAYER)
        _rest(table, overlay)
    rebound.follow(world, catalog.session.component)
    versions.committed(world, catalog.session.component)


def _column_gone(catalog: Catalog, table: Table, part: str) -> list[Write]:
    """A dropped column takes the values it had a table of its own for."""
    if not part:
        return []
    stores = entity_rows.stores_of(catalog.world, table, catalog.session.component)
    return [
        Write(s.name, part, row, None) for s in stores for row, _ in entity_rows.shelf(s, "", part).items()
    ]


def _rest(table: Table, overlay: dict[int, dict[str, Any]]) -> None:
    """Keep of a table what the stores do not hold."""
    rebound.take_back(table, overlay)
    for row in table.removed:
        table.overlay.pop(row, None)
    table.overlay.update(overlay)
    for row in [r for r, kept in table.overlay.items() if not kept]:
        del table.overlay[row]
    table.changed.clear()
    table.removed = {row: True for row in table.removed if row < 0}
    table.gained = -sum(entity_rows.stands_for(table, -row) for row in table.removed)
    table.truncated = False


def _planned(catalog: Catalog, table: Table) -> tuple[list[Write], dict[int, dict[str, Any]]]:
    """The writes that a table's changes mean, and what of them no store has a place for. Raises PgError."""
    world, spec = catalog.world, table.entity
    assert spec is not None
    if not (table.changed or table.removed or table.truncated):
        return [], {}
    if not spec.store:
        raise PgError(
            f"permission denied for table {table.name}",
            hint=f"Its rows are those of {spec.system or spec.topic}; no statement here changes them.",
        )
    writes: list[Write] = []
    gone = [row for row in table.removed if 0 <= row < NEW_ROWS]
    if table.truncated:
        stores = entity_rows.stores_of(world, table, catalog.session.component)
        gone = list(
            dict.fromkeys(row for s in stores for row, _ in entity_rows.shelf(s, "", table.source).items())
        )
    overlay: dict[int, dict[str, Any]] = {}
    for number, (_, values) in table.changed.items():
        if number < 0:
            overlay[number] = values
            continue
        older = rebound.older(table, values)
        if older:
            overlay[older] = rebound.beside_sample(world, table, -older, values)
            continue
        row = _row_of(table, values)
        if number < NEW_ROWS and row != number:
            gone.append(number)
        writes += _row_writes(catalog, table, row, values)
        overlay[row] = _not_stored(catalog, table, row, values)
    kept = {w.row for w in writes}
    removals = [w for row in gone if row not in kept for w in _removals(catalog, table, row)]
    return removals + writes, overlay


def _row_of(table: Table, values: dict[str, Any]) -> int:
    """The row's number in the store. Raises PgError for a key no row can have."""
    assert table.entity is not None
    for column in table.columns:
        source = table.entity.columns.get(column.key)
        if source is not None and source.of in ("key", "number") and not source.format:
            row = int(values[column.key]) - (table.offset if source.of == "key" else 0)
            if row < 0 or row >= NEW_ROWS:
                raise PgError(
                    f"{table.name}.{column.name} = {values[column.key]} is not simulated",
                    hint="Rows beneath the ones in play exist as samples and are not inserted.",
                )
            return row
    raise PgError(f"rows without their key in {table.name} is not simulated")


def _store_for(catalog: Catalog, table: Table, row: int) -> str:
    """The store that holds a row, or the one a new row goes to. Raises PgError."""
    stores = entity_rows.stores_of(catalog.world, table, catalog.session.component)
    for store in stores:
        if entity_rows.shelf(store, "", table.source).get(row) is not None:
            return store.name
    if len(stores) > 1:
        raise PgError(
            f"INSERT into {table.name} over all shards is not simulated",
            hint="Connect to the shard the row belongs to: psql -h NAME-N.",
        )
    return stores[0].name


def _row_writes(catalog: Catalog, table: Table, row: int, values: dict[str, Any]) -> list[Write]:
    """Writes for what a row's values say and the store does not."""
    assert table.entity is not None
    name = _store_for(catalog, table, row)
    store = entity_rows.entities_of(catalog.world).domain.stores[name]
    writes, own = [], False
    for column in table.columns:
        source = table.entity.columns.get(column.key)
        if source is None or source.of != "value":
            continue
        place = source.part or table.source
        own = own or not source.part
        now = entity_rows.shelf(store, "", place).get(row)
        new = (
            None
            if values[column.key] is None and source.part
            else stored(table, column.name, source, values[column.key])
        )
        if new != now:
            writes.append(Write(name, place, row, new))
    if not own and entity_rows.shelf(store, "", table.source).get(row) is None:
        writes.append(Write(name, table.source, row, _usual(catalog.world, table)))
    return writes


def _usual(world: World, table: Table) -> int:
    """What the flow writes into a table that shows no stored value."""
    spec = table.entity
    assert spec is not None
    for flow in entity_rows.entities_of(world).spec.flows:
        for step in flow.steps:
            if (step.target, step.table) == (spec.store, table.source):
                return step.value
    return 1


def stored(table: Table, name: str, source: TableColumn, value: Any) -> int:
    """The number a store keeps for a cell. Raises PgError for a text that stands for none."""
    if value is None:
        raise PgError(
            f'null value in column "{name}" of relation "{table.name}" violates not-null constraint'
        )
    if source.names:
        for number, text in source.names.items():
            if text == value:
                return number
        raise PgError(
            f'new row for relation "{table.name}" violates check constraint "{table.name}_{name}_check"',
            hint=f"One of: {', '.join(source.names.values())}.",
        )
    if source.format:
        raise PgError(f"writing to {table.name}.{name} is not simulated")
    return round(float(value) * 10**source.scale)


def _removals(catalog: Catalog, table: Table, row: int) -> list[Write]:
    assert table.entity is not None
    try:
        name = _store_for(catalog, table, row)
    except PgError:
        return []
    places = [table.source, *(c.part for c in table.entity.columns.values() if c.part)]
    return [Write(name, place, row, None) for place in dict.fromkeys(places)]


def _not_stored(catalog: Catalog, table: Table, row: int, values: dict[str, Any]) -> dict[str, Any]:
    """Cells that do not follow from the row's number and the stored values."""
    assert table.entity is not None
    name = _store_for(catalog, table, row)
    store = entity_rows.entities_of(catalog.world).domain.stores[name]
    left: dict[str, Any] = {}
    for column in table.columns:
        source = table.entity.columns.get(column.key)
        value = values.get(column.key)
        if source is None:
            if value != column.filled:
                left[column.key] = value
        elif source.of in ("customer", "item", "amount") and value != entity_rows.maker(
            catalog.world, table, store, source
        )(row, 0):
            left[column.key] = value
    return left


def mark_dropped(database: Database, table: Table) -> None:
    """DROP TABLE: its rows go with it."""
    if table.entity is not None and table.entity.store:
        database.dropped.append(table)
