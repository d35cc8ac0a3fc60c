"""A table that comes again under the name that entities' rows go by: created anew, restored, or renamed back.

Steps of flows write to it as soon as it is there, whatever it holds; older rows come back with the sampled ones
that stand for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.postgres import entity_rows
from simulator.postgres.errors import not_simulated
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.postgres.catalog import Catalog
    from simulator.postgres.state import Table
    from simulator.scenario import EntityTable
    from simulator.world import World


BACK = Text(
    ru="{0}: таблица {1} снова есть, её не было {2:.0f} с",
    en="{0}: table {1} is there again, it was away for {2:.0f} s",
)


def bound_of(world: World, component: str) -> dict[str, EntityTable]:
    """The tables over entities that a database had at first."""
    database = world.scenario.databases().get(component.partition(":")[0])
    return database.tables if database is not None else {}


def key_of(table: Table) -> str:
    """The column that holds the row's number."""
    assert table.entity is not None
    return next(n for n, c in table.entity.columns.items() if c.of in ("key", "number") and not c.part)


def bind(catalog: Catalog, table: Table) -> None:
    """Let a new table of a known name be that of the entities, empty as it is. Raises PgError."""
    spec = bound_of(catalog.world, catalog.session.component).get(table.name)
    if spec is None or not spec.store or table.entity is not None:
        return
    for other in catalog.database.tables.values():
        if other.entity is not None and other.source == (spec.table or table.name) and other is not table:
            raise not_simulated(f"a second table over the rows of {other.name}")
    key = next(n for n, c in spec.columns.items() if c.of in ("key", "number") and not c.part)
    if table.column(key) is None:
        return
    databases = catalog.world.scenario.databases().values()
    table.offset = max(t.rows for database in databases for t in database.tables.values())
    table.entity, table.source, table.row_bytes = spec, spec.table or table.name, spec.row_bytes
    table.weighted = False
    _empty(table)


def _empty(table: Table) -> None:
    """No older row is there (yet)."""
    assert table.entity is not None
    table.emptied_s = None
    table.overlay.clear()
    for ident in entity_rows.old_ids(table) if table.entity.rows else []:
        table.removed[-ident] = True
    table.gained = -table.entity.rows


def older(table: Table, values: dict[str, Any]) -> int:
    """The number (below zero) of the sampled older row that a new row is; 0: it is none. Others are refused later."""
    if table.entity is None or not table.entity.rows:
        return 0
    ident = values.get(key_of(table))
    if not isinstance(ident, int) or not 0 < ident <= table.entity.rows:
        return 0
    return -ident if ident in _ids(table) else 0


def _ids(table: Table) -> range | list[int]:
    assert table.entity is not None
    if table.entity.rows % min(table.entity.sample, table.entity.rows) == 0:
        step = table.entity.rows // min(table.entity.sample, table.entity.rows)
        return range(step, table.entity.rows + 1, step)
    return entity_rows.old_ids(table)


def beside_sample(world: World, table: Table, ident: int, values: dict[str, Any]) -> dict[str, Any]:
    """What an older row's cells hold that does not follow from its number."""
    flow = entity_rows.flow_of(entity_rows.entities_of(world).domain, table)
    usual = entity_rows.old_values(world, table, flow, ident)
    return {
        c.key: values.get(c.key) for c in table.columns if values.get(c.key) != usual.get(c.key, c.filled)
    }


def take_back(table: Table, overlay: dict[int, dict[str, Any]]) -> None:
    """Older rows that were written again are there again, with all they stand for."""
    back = [row for row in overlay if row < 0]
    if not back:
        return
    if table.emptied_s is not None:
        kept = dict(table.overlay)
        _empty(table)
        table.overlay.update(kept)
    for row in back:
        table.removed.pop(row, None)


def follow(world: World, component: str) -> None:
    """Tell the stores which of their tables exist."""
    if world.entities is None:
        return
    there = world.postgres.databases[component].tables
    for name, spec in bound_of(world, component).items():
        if not spec.store or spec.store not in world.entities.domain.stores:
            continue
        store, source = world.entities.domain.stores[spec.store], spec.table or name
        table = there.get(name)
        if table is not None and table.entity is not None:
            since_s = store.gone.pop(source, None)
            if since_s is not None:
                world.note("database", BACK.of(world.language).format(component, name, world.now_s - since_s))
        else:
            store.gone.setdefault(source, world.now_s)
