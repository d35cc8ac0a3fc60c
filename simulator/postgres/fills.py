"""Back-fills: an UPDATE in batches over a table's ids, with pauses and an eye on the replicas' lag."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulator.interventions.migrations import FILL_BATCH, FILL_FREE_GB, FILL_LAG_S, FILL_PAUSE_MS
from simulator.postgres import batches, dml, entity_writes, parser, pressure, storage
from simulator.postgres.catalog import Catalog
from simulator.postgres.errors import PgError
from simulator.postgres.notes import note
from simulator.postgres.state import Session, Table
from simulator.postgres.work import DONE, FAILED, RUNNING, Backfill, desk_of, work_of

if TYPE_CHECKING:
    from simulator.world import World

ROW_S = 6.7e-6  # FACTS 1.4: 150 k rows a second without pauses
COMMIT_S = 0.006  # round trip and flush of a batch
HOT_WAL, INDEXED_WAL = 270.0, 440.0  # bytes a row
PAGE_WAL = 60.0  # bytes a row of full pages after checkpoints


def statement(fill: Backfill, low: int, high: int) -> str:
    """The UPDATE of one stretch of ids, as the tool sends it."""
    more = f" AND ({fill.where})" if fill.where else ""
    return f"UPDATE {fill.table} SET {fill.assign} WHERE {fill.key} BETWEEN {low} AND {high}{more}"


def each_second(world: World) -> None:
    for fill in work_of(world).fills:
        if fill.state == RUNNING:
            _second(world, fill)
        else:
            fill.rate = 0.0


def _second(world: World, fill: Backfill) -> None:
    table = world.postgres.databases[fill.component].tables.get(fill.table)
    if table is None or table.entity is None:
        _end(world, fill, FAILED, f'relation "{fill.table}" does not exist')
        return
    fill.rate, fill.why = 0.0, hindrance(world, fill)
    if fill.why:
        return
    whole = pace(world, fill)
    low, high = fill.cursor + 1, min(fill.cursor + round(whole), table.entity.rows)
    last = high >= table.entity.rows
    try:
        if low <= high:
            _stretch(world, fill, table, low, high)
        if last:
            _change(world, fill, statement(fill, table.offset + 1, 1 << 50), table.offset + 1, 1 << 50)
    except PgError as error:
        table.changed.clear()
        _end(world, fill, FAILED, error.message)
        return
    fill.cursor = max(high, fill.cursor)
    if last:
        _end(world, fill, DONE, "")


def hindrance(world: World, fill: Backfill) -> str:
    """Why a back-fill stands this second; nothing if it runs."""
    if storage.down(world, fill.component):
        return storage.RECOVERING
    if fill.component in work_of(world).stores:
        lag, most = storage.worst_lag_s(world, fill.component), max_lag_s(world, fill)
        if most and lag > most:
            return f"replay lag {lag:.0f} s > {most:g} s"
        free, least = storage.free_gb(world, fill.component), world.policies.get(FILL_FREE_GB, 0.0)
        if free < least:
            return f"{free:.0f} GB left on the disk < {least:g} GB"
    desk = desk_of(world, fill.component)
    pid = pressure.blocker(desk, fill.table, "RowExclusiveLock")
    return f"waiting for RowExclusiveLock behind process {pid}" if pid is not None else ""


def max_lag_s(world: World, fill: Backfill) -> float:
    """The lag at which it stands: its own, and the company's where there is one; 0: none."""
    return min((s for s in (fill.max_lag_s, world.policies.get(FILL_LAG_S, 0.0)) if s), default=0.0)


def pace(world: World, fill: Backfill) -> float:
    """Rows a second at these settings, within the company's limits on batches."""
    batch = min(fill.batch, world.policies.get(FILL_BATCH, fill.batch))
    pause_ms = max(fill.pause_ms, world.policies.get(FILL_PAUSE_MS, 0.0))
    return float(batch / (batch * ROW_S + COMMIT_S + pause_ms / 1000))


def _stretch(world: World, fill: Backfill, table: Table, low: int, high: int) -> None:
    """The older rows between two ids: those in the sample by SQL, all of them in WAL and dead versions."""
    assert table.entity is not None
    rows, sample = table.entity.rows, min(table.entity.sample, table.entity.rows)
    first = (low * sample - 1) // rows
    sampled = any(
        low <= (n + 1) * rows // sample <= high for n in range(max(0, first - 1), high * sample // rows + 1)
    )
    count = high - low + 1
    if sampled:
        _change(world, fill, statement(fill, low, high), low, high)
    else:
        table.rewritten(count)
    names = [part.split("=")[0].strip() for part in fill.assign.split(",")]
    indexed = any(c.split()[0] in names for i in table.indexes for c in i.columns)
    storage.write(world, fill.component, count * ((INDEXED_WAL if indexed else HOT_WAL) + PAGE_WAL))
    fill.rows += count
    fill.batches += count / fill.batch
    fill.rate = float(count)


def _change(world: World, fill: Backfill, sql: str, low: int, high: int) -> None:
    """Run the UPDATE where rows are known one by one. Raises PgError."""
    session = Session(fill.component, world.postgres.databases[fill.component].name, application="backfill")
    catalog = Catalog(world, session, sql, ids=(low, high))
    tree = parser.parse(sql)
    result = dml.update(catalog, tree, sql)
    entity_writes.settle(catalog)
    if high >= 1 << 50:
        fill.rows += int(result.tag.split()[1])


def _end(world: World, fill: Backfill, state: str, why: str) -> None:
    fill.state, fill.why, fill.ended_s, fill.rate = state, why, world.now_s, 0.0
    note(world, f"fill {state}", fill.component, fill.number, fill.table, fill.rows, why)


def start(world: World, fill: Backfill) -> None:
    """Check the statement against the schema and begin. Raises PgError."""
    database = world.postgres.databases[fill.component]
    table = database.tables.get(fill.table)
    if table is None:
        raise PgError(f'relation "{fill.table}" does not exist')
    fill.key = batches.key_column(table)
    if not fill.key:
        raise PgError(f"a back-fill of {fill.table} is not simulated: it has no ids in order")
    sql = statement(fill, 1, 1)
    catalog = Catalog(world, Session(fill.component, database.name), sql, ids=(0, 0))
    tree = parser.parse(sql)
    dml.affected(catalog, tree)
    dml.checked(catalog, tree)
    work_of(world).fills.append(fill)
    note(world, "fill", fill.component, fill.number, fill.table)


def left_s(world: World, fill: Backfill) -> float:
    """Seconds to the end at this pace."""
    table = world.postgres.databases[fill.component].tables.get(fill.table)
    rows = table.entity.rows if table is not None and table.entity is not None else 0
    return math.inf if not fill.rate else max(0, rows - fill.cursor) / fill.rate
