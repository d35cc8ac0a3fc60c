"""COPY ... FROM stdin: rows that a script carries along, as pg_dump writes them.

A table that exists here as a sample is dumped as one: a comment before the COPY says how many rows the lines stand
for, and whoever loads them gets as many back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.postgres import entity_rows, jobs, rowcheck, types
from simulator.postgres.catalog import Catalog
from simulator.postgres.errors import PgError
from simulator.postgres.online import Plan
from simulator.postgres.result import Result

if TYPE_CHECKING:
    from simulator.postgres.client import Client
    from simulator.postgres.state import Column, Table

COPY_S = 4e-6  # seconds a row: 250,000 a second in one session with one index
COPY_WAL = 180.0  # bytes a row
MAX_ROWS = 60_000
MAX_DATA = 8_000_000  # characters of all blocks of a script
SAMPLE = "-- sample: {0} lines stand for {1} rows"
_SAMPLE = re.compile(r"-- sample: (\d{1,6}) lines stand for (\d{1,12}) rows$", re.M)
_COPY = re.compile(
    r"^copy\s+(?:only\s+)?(?:public\.)?\"?(\w+)\"?\s*(\([^()]*\))?\s+from\s+stdin\b[^;\n]*;[ \t]*$",
    re.I | re.M,
)


@dataclass
class Block:
    """A part of a script: SQL, or (with a table) the lines of one COPY."""

    text: str = ""
    table: str = ""
    columns: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    sample: tuple[int, int] = (0, 0)  # lines, rows they stand for


def cut(text: str) -> list[Block]:
    """A script's SQL and its COPY blocks, in order."""
    found, start = [], 0
    while (match := _COPY.search(text, start)) is not None:
        before = text[start : match.start()]
        found.append(Block(before))
        end = text.find("\n\\.", match.end())
        stop = len(text) if end < 0 else end
        names = [n.strip(' "') for n in (match.group(2) or "").strip("()").split(",") if n.strip()]
        lines = text[match.end() : stop].split("\n")[1:]
        if end < 0 and lines and not lines[-1]:
            lines.pop()
        sampled = _SAMPLE.search(before)
        sample = (int(sampled.group(1)), int(sampled.group(2))) if sampled else (0, 0)
        found.append(Block(match.group(0).strip(), match.group(1).lower(), names, lines, sample))
        start = len(text) if end < 0 else min(len(text), end + 3)
    found.append(Block(text[start:]))
    return found


def run(client: Client, block: Block) -> bool:
    """Load a block; prints the tag or the error."""
    from simulator.postgres import client as clients
    from simulator.postgres import execute

    catalog = Catalog(client.world, client.session, block.text)
    try:
        if client.session.aborted:
            raise PgError(execute.BLOCK)
        result = execute.changing(catalog, lambda c, _tree, _text: _load(c, block), None, block.text)
        clients.show(client, result)
    except PgError as error:
        client.session.aborted = client.session.in_transaction
        clients.report(client, error, block.text, block.text, 0, 1)
        return False
    return True


def _load(catalog: Catalog, block: Block) -> Result:
    table = catalog.table(block.table)
    catalog.writable(table)
    columns = _columns(table, block)
    if len(block.lines) > MAX_ROWS:
        raise PgError(f"COPY of more than {MAX_ROWS} lines is not simulated")
    rows = [_row(catalog, table, columns, line, n) for n, line in enumerate(block.lines, 1)]
    weights = [_weight(table, block, values, columns) for values in rows]
    total = sum(weights)
    jobs.perform(
        catalog, Plan(table.name, "RowExclusiveLock", "COPY", total * COPY_S, total, total * COPY_WAL)
    )
    _put(catalog, table, rows, weights)
    table.inserted += total
    table.gained += total
    return Result(tag=f"COPY {total}")


def _put(catalog: Catalog, table: Table, rows: list[dict[str, Any]], weights: list[int]) -> None:
    """Keep the rows in the table. Raises PgError for a key that is there already."""
    names = table.primary.columns if table.primary is not None else []
    keys = [c for name in names if (c := table.column(name)) is not None]
    taken: dict[tuple[Any, ...], bool] = {}
    if keys:
        taken = {tuple(cells[c.name] for c in keys): True for _, _, cells in catalog.rows(table, {})}
    for number, (values, weight) in enumerate(zip(rows, weights, strict=True), 1):
        key = tuple(values[c.key] for c in keys)
        if key and key in taken:
            shown, given = rowcheck.key_text(table, names, values)
            assert table.primary is not None
            raise PgError(
                f'duplicate key value violates unique constraint "{table.primary.name}"',
                detail=f"Key ({shown})=({given}) already exists.",
                context=f"COPY {table.name}, line {number}",
            )
        taken[key] = True
        table.changed[table.next_rowid] = (weight, values)
        table.next_rowid += 1
    if table.entity is None and any(w > 1 for w in weights):
        table.weighted = True


def _columns(table: Table, block: Block) -> list[Column]:
    found = []
    for name in block.columns or [c.name for c in table.columns]:
        column = table.column(name)
        if column is None:
            raise PgError(f'column "{name}" of relation "{table.name}" does not exist')
        found.append(column)
    return found


_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


def _cell(text: str) -> str | None:
    if text == "\\N":
        return None
    if "\\" not in text:
        return text
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m.group(1), m.group(1)), text)


def _row(catalog: Catalog, table: Table, columns: list[Column], line: str, number: int) -> dict[str, Any]:
    """One line's values by column key; columns it leaves out are NULL. Raises PgError."""
    cells = line.rstrip("\r").split("\t")
    where = f'COPY {table.name}, line {number}: "{line[:100]}"'
    if len(cells) < len(columns):
        raise PgError(f'missing data for column "{columns[len(cells)].name}"', context=where)
    if len(cells) > len(columns):
        raise PgError("extra data after last expected column", context=where)
    values: dict[str, Any] = {c.key: None for c in table.columns}
    for column, text in zip(columns, cells, strict=True):
        cell = _cell(text)
        try:
            values[column.key] = None if cell is None else types.parse(cell, column.type, catalog.now_us)
        except (ValueError, PgError) as error:
            at = f'COPY {table.name}, line {number}, column {column.name}: "{text[:100]}"'
            message = error.message if isinstance(error, PgError) else str(error)
            raise PgError(message, context=at) from None
        if cell is None and column.not_null:
            raise PgError(
                f'null value in column "{column.name}" of relation "{table.name}" violates not-null constraint',
                context=where,
            )
    return values


def _weight(table: Table, block: Block, values: dict[str, Any], columns: list[Column]) -> int:
    """How many rows a line stands for."""
    ident = values.get(columns[0].key) if columns else None
    if not isinstance(ident, int) or ident <= 0:
        return 1
    if table.entity is not None:
        known = table.entity.rows and ident <= table.entity.rows and ident in entity_rows.old_ids(table)
        return entity_rows.stands_for(table, ident) if known else 1
    lines, stands = block.sample
    if not lines or ident > stands:
        return 1
    n = -(-ident * lines // stands) - 1
    return ident - n * stands // lines if ident == (n + 1) * stands // lines else 1
