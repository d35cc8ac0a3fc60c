"""Checkers of migrations: is the new column there and filled, do old and new agree, is the old one gone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulator.entities.verdicts import Verdict, Violation
from simulator.postgres import entity_rows, fits
from simulator.scenario import TableColumn

if TYPE_CHECKING:
    from simulator.postgres.state import Table
    from simulator.world import World


def _unmet(world: World, expected: str, happened: str) -> Verdict:
    at_ns = round(world.now_s * 1e9)
    return Verdict(
        False, [Violation("below-level", world.plane.history.seconds, at_ns, 0, expected, happened)]
    )


def column_filled(world: World, column: str, not_null: bool = False) -> Verdict:
    """A column is there and no row has a NULL in it; with `not_null` the schema says so, too."""
    table, found = fits.column_of(world, column)
    if table is None or found is None:
        return _unmet(world, column, "-")
    recent, older = fits.nulls(world, column.rsplit(".", 2)[0], table, found.name)
    if recent > 0 or older > 0:
        return _unmet(world, f"{column} NULL 0%", f"{max(recent, older):.3%}")
    if not_null and not found.not_null:
        return _unmet(world, f"{column} NOT NULL", "NULL")
    return Verdict(True)


def columns_agree(world: World, table: str, left: str, right: str) -> Verdict:
    """Rows in play hold the same in two columns of a table (`DB.TABLE`). Blames each row that differs."""
    component, name = table.rsplit(".", 1)
    known = world.postgres.databases[component].tables.get(name)
    bound = world.scenario.databases()[component].tables[name]
    if known is None or known.entity is None:
        return _unmet(world, table, "-")
    found = []
    for store in entity_rows.stores_of(world, known, component):
        shelves = [entity_rows.shelf(store, "", _place(known, bound.columns[c])) for c in (left, right)]
        for row, value in shelves[1].items():
            before = shelves[0].get(row)
            if before is not None and before != value:
                found.append(Violation("diverged", row, round(world.now_s * 1e9), row, before, value))
    return Verdict(not found, found)


def _place(table: Table, column: TableColumn) -> str:
    return column.part or table.source


def column_gone(world: World, column: str) -> Verdict:
    """A column has been dropped."""
    table, found = fits.column_of(world, column)
    if table is not None and found is None:
        return Verdict(True)
    return _unmet(world, f"DROP {column}", column)


def reads_from(world: World, table: str, column: str) -> Verdict:
    """Services read this column of a table (`DB.TABLE`) now."""
    component, name = table.rsplit(".", 1)
    now = fits.needed(world, component, name)
    return Verdict(True) if now == column else _unmet(world, f"{table}: {column}", now)


def failed_within(world: World, classes: list[str], share: float) -> Verdict:
    """Of these classes' requests no more than a share failed technically in all: the budget of a change."""
    history = world.plane.history
    bad = asked = 0.0
    for name in classes:
        asked += math.fsum(history.column(f"class/{name}/offered"))
        bad += sum(math.fsum(history.column(f"class/{name}/{k}")) for k in ("rejected", "timeout", "error"))
    spent = bad / asked if asked else 0.0
    return Verdict(True) if spent <= share else _unmet(world, f"<={share:.2%}", f"{spent:.2%} ({bad:.0f})")


def older_kept(world: World, table: str) -> Verdict:
    """The rows from before the scenario are all in a table (`DB.TABLE`), with the values they had."""
    component, name = table.rsplit(".", 1)
    found = world.postgres.databases[component].tables.get(name)
    if found is None or found.entity is None:
        return _unmet(world, f"{table}", "-")
    if not found.entity.rows:
        return Verdict(True)
    idents = entity_rows.old_ids(found)
    gone = idents if found.emptied_s is not None else [i for i in idents if -i in found.removed]
    missing = sum(entity_rows.stands_for(found, ident) for ident in gone)
    if missing:
        return _unmet(world, f"{table}: {found.entity.rows} older rows", str(found.entity.rows - missing))
    told = [n for n, c in found.entity.columns.items() if c.of in ("value", "amount", "customer", "item")]
    changed = [row for row, cells in found.overlay.items() if row < 0 and any(n in cells for n in told)]
    wrong = sum(entity_rows.stands_for(found, -row) for row in changed if _differs(world, found, row, told))
    if wrong:
        return _unmet(world, f"{table}: older rows as they were", f"{wrong} changed")
    return Verdict(True)


def _differs(world: World, table: Table, row: int, told: list[str]) -> bool:
    """Whether an older row's cells are not what they were."""
    flow = entity_rows.flow_of(entity_rows.entities_of(world).domain, table)
    usual, cells = entity_rows.old_values(world, table, flow, -row), table.overlay[row]
    return any(n in usual and cells.get(n, usual[n]) != usual[n] for n in told)
