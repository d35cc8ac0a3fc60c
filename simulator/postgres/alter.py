"""ALTER TABLE and ALTER INDEX: each action with the lock it holds and the time it takes."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from simulator.postgres import definitions, rebound, rowcheck
from simulator.postgres.catalog import Catalog
from simulator.postgres.errors import Notice, PgError, not_simulated
from simulator.postgres.expressions import datatype
from simulator.postgres.result import Result
from simulator.postgres.scope import name_of
from simulator.postgres.state import Check, Column, Table

VALIDATE_S_PER_ROW = 0.16e-6
_CHANGING = re.compile(r"\b(random|gen_random_uuid|clock_timestamp|nextval)\s*\(", re.I)


def alter(catalog: Catalog, tree: exp.Alter, _text: str) -> Result:
    kind = str(tree.args.get("kind") or "TABLE").upper()
    if kind == "INDEX":
        return _alter_index(catalog, tree)
    if kind != "TABLE":
        raise not_simulated(f"ALTER {kind}")
    name = name_of(tree.this.this)
    if name not in catalog.database.tables and tree.args.get("exists"):
        return Result(tag="ALTER TABLE", notices=[Notice(f'relation "{name}" does not exist, skipping')])
    table = catalog.table(name)
    catalog.owned(table)
    notices: list[Notice] = []
    for action in tree.args.get("actions") or []:
        _apply(catalog, table, action, notices, bool(tree.args.get("not_valid")))
    return Result(tag="ALTER TABLE", notices=notices)


def _apply(catalog: Catalog, table: Table, action: Any, notices: list[Notice], not_valid: bool) -> None:
    """Apply one action. Raises PgError."""
    if isinstance(action, exp.ColumnDef):
        return _add_column(catalog, table, action, notices)
    if isinstance(action, exp.Drop):
        return _drop(catalog, table, action, notices)
    if isinstance(action, exp.AlterColumn):
        return _alter_column(catalog, table, action)
    if isinstance(action, exp.RenameColumn):
        return _rename_column(table, action)
    if isinstance(action, exp.AlterRename):
        return rename_table(catalog, table, name_of(action.this.this))
    if isinstance(action, exp.AddConstraint):
        for constraint in action.expressions:
            definitions.add_constraint(catalog, table, constraint, valid=not not_valid)
            _check_rows(catalog, table, not_valid)
        return
    if isinstance(action, exp.AlterSet):
        return
    raise not_simulated("this form of ALTER TABLE")


def _check_rows(catalog: Catalog, table: Table, not_valid: bool) -> None:
    """Existing rows must meet the newest constraint unless it is NOT VALID. Raises PgError."""
    if not_valid or not table.checks:
        return
    rule = table.checks[-1]
    try:
        _meets(catalog, table, rule)
    except PgError:
        table.checks.pop()
        raise


def _meets(catalog: Catalog, table: Table, rule: Check) -> None:
    """Every row meets a rule. Raises PgError."""
    rows = [{c.key: cells[c.name] for c in table.columns} for _, _, cells in catalog.rows(table, {})]
    if rowcheck.first_broken(catalog, table, rule.expression, rows) is not None:
        raise PgError(f'check constraint "{rule.name}" of relation "{table.name}" is violated by some row')


def _add_column(catalog: Catalog, table: Table, node: exp.ColumnDef, notices: list[Notice]) -> None:
    name = name_of(node.this)
    if table.column(name) is not None:
        if node.args.get("exists"):
            notices.append(Notice(f'column "{name}" of relation "{table.name}" already exists, skipping'))
            return
        raise PgError(f'column "{name}" of relation "{table.name}" already exists')
    column = definitions.add_column(catalog, table, node)
    used = [c.key for c in table.columns[:-1]] + ([c.name for c in table.spec.columns] if table.spec else [])
    while column.key in used:
        column.key += "'"
    changing = bool(column.default and _CHANGING.search(column.default))
    if column.default and not changing:
        column.filled = rowcheck.evaluate(catalog, column.default, column.type)
    if column.not_null and column.default is None and table.rows:
        table.columns.remove(column)
        raise PgError(f'column "{name}" of relation "{table.name}" contains null values')
    return


def _drop(catalog: Catalog, table: Table, node: exp.Drop, notices: list[Notice]) -> None:
    target = (node.args.get("tables") or [node.this])[0]
    name = name_of(target.this if isinstance(target, exp.Column | exp.Table) else target)
    if str(node.args.get("kind")).upper() == "CONSTRAINT":
        return _drop_constraint(table, name, bool(node.args.get("exists")), notices)
    column = table.column(name)
    if column is None:
        if node.args.get("exists"):
            notices.append(Notice(f'column "{name}" of relation "{table.name}" does not exist, skipping'))
            return
        raise PgError(f'column "{name}" of relation "{table.name}" does not exist')
    table.columns.remove(column)
    if table.entity is not None and column.key in table.entity.columns:
        catalog.database.emptied.append((table, table.entity.columns[column.key].part))
    for kept in table.overlay.values():
        kept.pop(column.key, None)
    table.indexes = [i for i in table.indexes if name not in [c.split()[0] for c in i.columns]]
    table.foreign_keys = [k for k in table.foreign_keys if name not in k.columns]
    word = re.compile(rf"\b{re.escape(name)}\b")
    table.checks = [c for c in table.checks if not word.search(c.expression)]
    return


def _drop_constraint(table: Table, name: str, exists: bool, notices: list[Notice]) -> None:
    before = len(table.checks) + len(table.foreign_keys) + len(table.indexes)
    table.checks = [c for c in table.checks if c.name != name]
    table.foreign_keys = [k for k in table.foreign_keys if k.name != name]
    table.indexes = [i for i in table.indexes if not (i.constraint and i.name == name)]
    if before == len(table.checks) + len(table.foreign_keys) + len(table.indexes):
        text = f'constraint "{name}" of relation "{table.name}" does not exist'
        if not exists:
            raise PgError(text)
        notices.append(Notice(f"{text}, skipping"))


def _column(table: Table, name: str) -> Column:
    column = table.column(name)
    if column is None:
        raise PgError(f'column "{name}" of relation "{table.name}" does not exist')
    return column


def _alter_column(catalog: Catalog, table: Table, node: exp.AlterColumn) -> None:
    column = _column(table, name_of(node.this))
    if node.args.get("dtype") is not None:
        column.type = datatype(node.args["dtype"])
        return
    if node.args.get("default") is not None:
        definitions.set_default(catalog, column, node.args["default"])
        return
    if node.args.get("allow_null") is False:
        if any(cells[column.name] is None for _, _, cells in catalog.rows(table, {})):
            raise PgError(f'column "{column.name}" of relation "{table.name}" contains null values')
        column.not_null = True
        return
    if node.args.get("allow_null"):
        if table.primary and column.name in table.primary.columns:
            raise PgError(f'column "{column.name}" is in a primary key')
        column.not_null = False
        return
    if node.args.get("drop"):
        column.default = None
        return
    raise not_simulated("this form of ALTER COLUMN")


def _rename_column(table: Table, node: exp.RenameColumn) -> None:
    old, new = name_of(node.this.this), name_of(node.args["to"].this)
    column = table.column(old)
    if column is None:
        raise PgError(f'column "{old}" does not exist')
    if table.column(new) is not None:
        raise PgError(f'column "{new}" of relation "{table.name}" already exists')
    column.name = new
    for index in table.indexes:
        index.columns = [re.sub(rf"\b{re.escape(old)}\b", new, c) for c in index.columns]


def rename_table(catalog: Catalog, table: Table, name: str) -> None:
    """Give a table another name, and everything that refers to it. Raises PgError."""
    if name in catalog.database.tables:
        raise PgError(f'relation "{name}" already exists')
    catalog.database.tables = {
        (name if k == table.name else k): t for k, t in catalog.database.tables.items()
    }
    for other in catalog.database.tables.values():
        for key in other.foreign_keys:
            key.table = name if key.table == table.name else key.table
    for sequence in catalog.database.sequences.values():
        if sequence.owner_table == table.name:
            sequence.owner_table = name
    table.name = name
    rebound.bind(catalog, table)


def _alter_index(catalog: Catalog, tree: exp.Alter) -> Result:
    name = name_of(tree.this.this)
    for table in catalog.database.tables.values():
        for index in table.indexes:
            if index.name == name:
                action = (tree.args.get("actions") or [None])[0]
                if not isinstance(action, exp.AlterRename):
                    raise not_simulated("this form of ALTER INDEX")
                index.name = name_of(action.this.this)
                return Result(tag="ALTER INDEX")
    raise PgError(f'relation "{name}" does not exist')


_VALIDATE = re.compile(
    r"\s*alter\s+table\s+(?:only\s+)?([\w.]+)\s+validate\s+constraint\s+(\w+)\s*;?\s*$", re.I
)
_OWNER = re.compile(r"\s*alter\s+table\s+(?:only\s+)?([\w.]+)\s+owner\s+to\s+(\w+)\s*;?\s*$", re.I)


def by_words(text: str) -> re.Match[str] | None:
    """Whether this is a form that the parser passes through unread."""
    return _VALIDATE.match(text) or _OWNER.match(text)


def alter_by_words(catalog: Catalog, text: str) -> Result:
    """Carry out such a form. Raises PgError."""
    match = _VALIDATE.match(text)
    if match:
        table = catalog.table(match.group(1).removeprefix("public."))
        rule = next((c for c in table.checks if c.name == match.group(2)), None)
        foreign = any(k.name == match.group(2) for k in table.foreign_keys)
        if rule is None and not foreign:
            raise PgError(f'constraint "{match.group(2)}" of relation "{table.name}" does not exist')
        if rule is not None:
            _meets(catalog, table, rule)
            rule.validated = True
        return Result(tag="ALTER TABLE", cost_s=table.rows * VALIDATE_S_PER_ROW)
    match = _OWNER.match(text)
    assert match is not None  # the caller has asked `by_words`
    table = catalog.table(match.group(1).removeprefix("public."))
    catalog.owned(table)
    table.owner = match.group(2)
    return Result(tag="ALTER TABLE")
