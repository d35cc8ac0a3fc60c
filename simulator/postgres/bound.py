"""Tables over entities as a database has them: columns with types, keys, indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.postgres.state import Database, ForeignKey, Index, Table, parse_column

if TYPE_CHECKING:
    from simulator.scenario import EntityTable, TableColumn

_ENTITY_TYPES = {"time": "timestamp with time zone", "changed": "timestamp with time zone", "text": "text"}


def add_table(database: Database, name: str, bound: EntityTable, offset: int) -> None:
    """A table over entities: keys are numbers, what has `names` or a `format` is text."""
    table = Table(name, database.new_oid(), database.owner, [], row_bytes=bound.row_bytes)
    table.entity, table.source, table.offset = bound, bound.table or name, offset
    for label, column in bound.columns.items():
        if not column.absent:
            table.columns.append(parse_column(label, entity_type(column)))
    for each in table.columns:
        each.not_null = each.not_null or each.name in bound.required
    key = next(n for n, c in bound.columns.items() if c.of in ("key", "number") and not c.part)
    oid = database.new_oid()
    table.indexes.append(Index(f"{name}_pkey", oid, [key], unique=True, primary=True, constraint=True))
    for unique, listed in ((False, bound.indexes), (True, bound.unique)):
        for text in listed:
            parts = [part.strip() for part in text.split(",")]
            label = "_".join(part.split()[0] for part in parts)
            ending = "key" if unique else "idx"
            table.indexes.append(
                Index(f"{name}_{label}_{ending}", database.new_oid(), parts, unique, constraint=unique)
            )
    for column_name, other in bound.references.items():
        table.foreign_keys.append(ForeignKey(f"{name}_{column_name}_fkey", [column_name], other, ["id"]))
    database.tables[name] = table


def entity_type(column: TableColumn) -> str:
    """The definition of a column over entities."""
    if column.type:
        return column.type
    if column.names or column.format:
        return "text"
    if column.scale:
        return f"numeric(14,{column.scale})"
    needed = " not null" if column.of in ("key", "number") and not column.part else ""
    return _ENTITY_TYPES.get(column.of, "bigint") + needed
