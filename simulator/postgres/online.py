"""How long a statement on a big table takes, under which lock, and what WAL it leaves (FACTS 1.4). Estimates only.

Nothing is changed here: `jobs` lets the time pass, and the statement's own handler has the effect at the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from simulator.postgres import dml
from simulator.postgres.catalog import Catalog
from simulator.postgres.lexer import one_line, strip_comments
from simulator.postgres.scope import name_of
from simulator.postgres.state import Table
from simulator.postgres.types import STRINGS

# seconds a row on 5 M rows of 92 bytes, two processors
INDEX_S, INDEX_WIDE_S, CONCURRENT = 1.1e-6, 3.5e-6, 1.3
REWRITE_S, RETYPE_S, SCAN_NULL_S, VALIDATE_S, FULL_S = 5e-6, 4e-6, 0.3e-6, 0.16e-6, 3e-6
UPDATE_S, DELETE_S = 14e-6, 1e-6
# bytes of WAL a row
INDEX_WAL, INDEX_WIDE_WAL, REWRITE_WAL, UPDATE_WAL, DELETE_WAL = 10.2, 28.0, 180.0, 440.0, 27.0
VACUUM_BYTES_PER_S = 400_000_000
CATALOGUE_S = 0.06  # what ALTER TABLE takes that only touches the catalogue
LONG_S = 0.5  # a change of rows that takes less is over at once
ACCESS_EXCLUSIVE, SHARE, SHARE_UPDATE = "AccessExclusiveLock", "ShareLock", "ShareUpdateExclusiveLock"
SHARE_ROW = "ShareRowExclusiveLock"
_CHANGING = re.compile(r"\b(random|gen_random_uuid|clock_timestamp|nextval)\s*\(", re.I)
_WIDER = {("character varying", "text"), ("character varying", "character varying")}


@dataclass(frozen=True)
class Plan:
    """`kind` names the work; `snapshots`: older transactions are waited for at the end."""

    table: str
    mode: str
    kind: str
    seconds: float = CATALOGUE_S
    rows: int = 0
    wal: float = 1024.0
    snapshots: bool = False
    held_rows: bool = False


def of_tree(catalog: Catalog, tree: Any) -> Plan | None:
    """The plan of a parsed statement; None: it takes no time worth telling, or its handler refuses it."""
    if isinstance(tree, exp.Create) and str(tree.args.get("kind") or "").upper() == "INDEX":
        return _index(catalog, tree)
    if isinstance(tree, exp.Alter):
        return _alter(catalog, tree)
    if isinstance(tree, exp.Drop):
        return _drop(catalog, tree)
    if isinstance(tree, exp.TruncateTable):
        table = _table(catalog, tree.expressions[0])
        return Plan(table.name, ACCESS_EXCLUSIVE, "truncate") if table else None
    if isinstance(tree, exp.Update | exp.Delete):
        return _rows(catalog, tree)
    return None


def _table(catalog: Catalog, node: Any) -> Table | None:
    return catalog.database.tables.get(name_of(node.this)) if isinstance(node, exp.Table) else None


def _index(catalog: Catalog, tree: exp.Create) -> Plan | None:
    table = _table(catalog, tree.this.args.get("table"))
    if table is None:
        return None
    params = tree.this.args.get("params")
    columns = (params.args.get("columns") if params is not None else None) or []
    where = params is not None and params.args.get("where") is not None
    rows, wide = catalog.live_rows(table), len(columns) > 1
    concurrently = bool(tree.args.get("concurrently"))
    seconds = rows * (INDEX_WIDE_S if wide else INDEX_S) * (CONCURRENT if concurrently else 1.0)
    wal = rows * (INDEX_WIDE_WAL if wide else INDEX_WAL)
    if where:
        seconds, wal = rows * VALIDATE_S, wal * 0.02
    mode = SHARE_UPDATE if concurrently else SHARE
    kind = "CREATE INDEX CONCURRENTLY" if concurrently else "CREATE INDEX"
    return Plan(table.name, mode, kind, max(seconds, 0.01), rows, wal, concurrently)


def _alter(catalog: Catalog, tree: exp.Alter) -> Plan | None:
    if str(tree.args.get("kind") or "TABLE").upper() != "TABLE":
        return None
    table = catalog.database.tables.get(name_of(tree.this.this))
    if table is None:
        return None
    rows, seconds, wal, mode = catalog.live_rows(table), CATALOGUE_S, 1024.0, ACCESS_EXCLUSIVE
    for action in tree.args.get("actions") or []:
        one = _action(table, action, bool(tree.args.get("not_valid")))
        seconds += rows * one[0]
        wal += rows * one[1]
        if isinstance(action, exp.AddConstraint) and action.find(exp.ForeignKey):
            mode = SHARE_ROW
    return Plan(table.name, mode, "ALTER TABLE", seconds, rows, wal)


def _action(table: Table, action: Any, not_valid: bool) -> tuple[float, float]:
    """(seconds, bytes of WAL) a row that one action of ALTER TABLE takes."""
    if isinstance(action, exp.ColumnDef):
        changing = any(_CHANGING.search(c.sql(dialect="postgres")) for c in action.constraints)
        return (REWRITE_S, REWRITE_WAL) if changing else (0.0, 0.0)
    if isinstance(action, exp.AddConstraint):
        if not_valid:
            return 0.0, 0.0
        keyed = action.find(exp.PrimaryKey, exp.UniqueColumnConstraint)
        return (INDEX_S, INDEX_WAL) if keyed else (VALIDATE_S, 0.0)
    if isinstance(action, exp.AlterColumn):
        column = table.column(name_of(action.this))
        if column is None:
            return 0.0, 0.0
        if action.args.get("dtype") is not None:
            wanted = action.args["dtype"].sql(dialect="postgres").lower().split("(")[0]
            free = column.type.name in STRINGS and wanted in ("text", "varchar")
            return (0.0, 0.0) if free else (RETYPE_S, REWRITE_WAL)
        if action.args.get("allow_null") is False:
            return (0.0, 0.0) if proven_not_null(table, column.name) else (SCAN_NULL_S, 0.0)
    return 0.0, 0.0


def proven_not_null(table: Table, column: str) -> bool:
    """Whether a validated CHECK says that a column is never NULL: SET NOT NULL then need not look."""
    shapes = (f"not {column} is null", f"{column} is not null")
    return any(c.validated and c.expression.lower().strip("() ") in shapes for c in table.checks)


def _drop(catalog: Catalog, tree: exp.Drop) -> Plan | None:
    kind = str(tree.args.get("kind") or "TABLE").upper()
    nodes = tree.args.get("tables") or ([tree.this] if tree.this is not None else [])
    if len(nodes) != 1 or kind not in ("TABLE", "INDEX"):
        return None
    name = name_of(nodes[0].this) if isinstance(nodes[0], exp.Table) else name_of(nodes[0])
    for table in catalog.database.tables.values():
        if kind == "TABLE" and table.name == name:
            return Plan(name, ACCESS_EXCLUSIVE, "DROP TABLE")
        if kind == "INDEX" and any(i.name == name for i in table.indexes):
            slow = bool(tree.args.get("concurrently"))
            return Plan(table.name, SHARE_UPDATE if slow else ACCESS_EXCLUSIVE, "DROP INDEX", snapshots=slow)
    return None


def _rows(catalog: Catalog, tree: Any) -> Plan | None:
    """UPDATE or DELETE of many rows in one transaction."""
    node = tree.this
    table = _table(catalog, node)
    if table is None or not table.sampled:
        return None
    rows = dml.affected(catalog, tree)
    update = isinstance(tree, exp.Update)
    seconds = rows * (UPDATE_S if update else DELETE_S)
    if seconds < LONG_S:
        return None
    kind = "UPDATE" if update else "DELETE"
    wal = rows * (UPDATE_WAL if update else DELETE_WAL)
    return Plan(table.name, "RowExclusiveLock", kind, seconds, rows, wal, held_rows=True)


_VALIDATE = re.compile(r"alter\s+table\s+(?:only\s+)?(?:public\.)?(\w+)\s+validate\s+constraint\s", re.I)
_MAINTAIN = re.compile(
    r"(vacuum|reindex|analyze)\b\s*(\([^)]*\))?\s*((?:full|freeze|verbose|analyze|index|table|concurrently)\s+)*"
    r"(?:public\.)?(\w+)?",
    re.I,
)


def of_words(catalog: Catalog, text: str) -> Plan | None:
    """The plan of VACUUM, REINDEX and VALIDATE CONSTRAINT."""
    line = one_line(strip_comments(text)).rstrip(";").strip()
    valid = _VALIDATE.match(line)
    if valid:
        table = catalog.database.tables.get(valid.group(1).lower())
        if table is None:
            return None
        rows = catalog.live_rows(table)
        return Plan(table.name, SHARE_UPDATE, "VALIDATE", max(rows * VALIDATE_S, 0.01), rows)
    found = _MAINTAIN.match(line)
    if found is None or not found.group(4):
        return None
    word, name, lower = found.group(1).lower(), found.group(4).lower(), line.lower()
    tables = catalog.database.tables
    table = tables.get(name) or next(
        (t for t in tables.values() if any(i.name == name for i in t.indexes)), None
    )
    if table is None or word == "analyze":
        return None
    rows = catalog.live_rows(table)
    if word == "vacuum" and re.search(r"\bfull\b", lower):
        return Plan(table.name, ACCESS_EXCLUSIVE, "VACUUM FULL", rows * FULL_S, rows, rows * REWRITE_WAL)
    if word == "vacuum":
        seconds = catalog.heap_bytes(table) / VACUUM_BYTES_PER_S
        return Plan(table.name, SHARE_UPDATE, "VACUUM", max(seconds, 0.01), rows, table.dead * 15.0)
    slow = "concurrently" in lower
    count = 1 if " index " in f" {lower} " else max(1, len(table.indexes))
    seconds = rows * INDEX_S * count * (CONCURRENT if slow else 1.0)
    kind = "REINDEX CONCURRENTLY" if slow else "REINDEX"
    return Plan(
        table.name, SHARE_UPDATE if slow else SHARE, kind, max(seconds, 0.01), rows, rows * INDEX_WAL, slow
    )
