"""Column and constraint definitions, as CREATE TABLE and ALTER TABLE share them."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from simulator.postgres import rowcheck, types
from simulator.postgres.catalog import Catalog
from simulator.postgres.compiler import Compiler
from simulator.postgres.errors import PgError, not_simulated
from simulator.postgres.expressions import datatype
from simulator.postgres.scope import Scope, Source, Typed, name_of, position_of
from simulator.postgres.state import Check, Column, ForeignKey, Index, Sequence, Table

SERIALS = {"BIGSERIAL": types.INT8, "SERIAL": types.INT4, "SMALLSERIAL": types.INT2}


def expression_text(catalog: Catalog, table: Table, node: Any) -> str:
    """An expression over a table's columns as metadata keeps it. Raises PgError if it does not compile."""
    compiler = Compiler(catalog, catalog.now_us, catalog.session.user, catalog.session.database)
    cells = {c.name: Typed("NULL", c.type) for c in table.columns}
    compiler.expr(node, Scope(sources=[Source(table.name, cells)]))
    return deparse(table, node)


def deparse(table: Table, node: Any) -> str:
    """Roughly how the server prints a kept expression: text literals carry their cast."""

    def decorate(item: Any) -> Any:
        if (
            isinstance(item, exp.Literal)
            and item.is_string
            and not isinstance(item.parent, exp.Cast | exp.Interval)
        ):
            return exp.Cast(this=item.copy(), to=exp.DataType.build("text"))
        if isinstance(item, exp.Literal) and not item.is_string and _beside_numeric(table, item):
            return exp.Cast(this=item.copy(), to=exp.DataType.build("numeric"))
        return item

    made = node.copy().transform(decorate)
    text = made.transform(_in_brackets).sql(dialect="postgres", normalize_functions=False)
    text = _INTERVAL.sub(_interval, text)
    return re.sub(r"CAST\(('(?:[^']|'')*'|[\d.]+) AS (TEXT|DECIMAL)\)", _short_cast, text)


_INTERVAL = re.compile(r"INTERVAL '([^']*)'( [A-Z]+)?")


def _interval(match: re.Match[str]) -> str:
    """`INTERVAL '1 DAY'` as the server prints the value it has read."""
    try:
        us = types.parse_interval(match[1] + (match[2] or "").lower())
    except PgError:
        us = None
    return f"'{match[1] if us is None else types.format_interval(us)}'::interval"


def _in_brackets(item: Any) -> Any:
    """Arithmetic inside anything else stands in brackets."""
    parent = item.parent
    inner = isinstance(parent, exp.Expression) and not isinstance(parent, exp.Paren | exp.Anonymous)
    arithmetic = isinstance(item, exp.Add | exp.Sub | exp.Mul | exp.Div)
    return exp.Paren(this=item.copy()) if inner and arithmetic else item


def _short_cast(match: re.Match[str]) -> str:
    return f"{match.group(1)}::{'text' if match.group(2) == 'TEXT' else 'numeric'}"


def _beside_numeric(table: Table, item: Any) -> bool:
    """Whether a number is compared with a numeric column."""
    parent = item.parent
    if not isinstance(parent, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE):
        return False
    other = parent.expression if parent.this is item else parent.this
    column = table.column(name_of(other.this)) if isinstance(other, exp.Column) else None
    return column is not None and column.type.name == "numeric" and "." not in str(item.this)


def unique_name(catalog: Catalog, table: str, parts: list[str], ending: str) -> str:
    """The name PostgreSQL makes up for an index or constraint."""
    taken = {i.name for t in catalog.database.tables.values() for i in t.indexes} | set(
        catalog.database.tables
    )
    base = "_".join([table, *parts, ending])
    name, number = base[:63], 0
    while name in taken:
        number += 1
        name = f"{base[:60]}{number}"
    return name


def add_column(catalog: Catalog, table: Table, node: exp.ColumnDef) -> Column:
    """Append a column with its own constraints. Raises PgError."""
    name, kind_node = name_of(node.this), node.args.get("kind")
    if table.column(name) is not None:
        raise PgError(f'column "{name}" specified more than once')
    if kind_node is None or not name:
        raise PgError("syntax error at end of input")
    serial = SERIALS.get(str(getattr(kind_node.this, "name", kind_node.this)).upper())
    column = Column(name, serial or datatype(kind_node))
    table.columns.append(column)
    if serial is not None:
        _add_serial(catalog, table, column)
    for constraint in node.args.get("constraints") or []:
        _column_constraint(catalog, table, column, constraint)
    return column


def _add_serial(catalog: Catalog, table: Table, column: Column) -> None:
    sequence = f"{table.name}_{column.name}_seq"
    catalog.database.sequences[sequence] = Sequence(sequence, owner_table=table.name, kind=column.type.name)
    column.default, column.not_null = f"nextval('{sequence}'::regclass)", True


def _column_constraint(catalog: Catalog, table: Table, column: Column, node: Any) -> None:
    kind, name = node.args.get("kind"), name_of(node.this) if node.args.get("this") is not None else ""
    if isinstance(kind, exp.NotNullColumnConstraint):
        column.not_null = not kind.args.get("allow_null")
    elif isinstance(kind, exp.DefaultColumnConstraint):
        set_default(catalog, column, kind.this)
    elif isinstance(kind, exp.PrimaryKeyColumnConstraint):
        add_key(catalog, table, [column.name], True, name)
    elif isinstance(kind, exp.UniqueColumnConstraint):
        add_key(catalog, table, [column.name], False, name)
    elif isinstance(kind, exp.CheckColumnConstraint):
        add_check(catalog, table, kind.this, name, column.name)
    elif isinstance(kind, exp.Reference):
        add_foreign_key(catalog, table, [column.name], kind, name)
    elif isinstance(kind, exp.GeneratedAsIdentityColumnConstraint):
        _add_serial(catalog, table, column)
    elif not isinstance(kind, exp.CollateColumnConstraint):
        raise not_simulated("this column constraint")


def set_default(catalog: Catalog, column: Column, node: Any) -> None:
    """A column's default; it must be a value of the column's type. Raises PgError."""
    if isinstance(node, exp.Null):
        column.default = None
        return
    text = node.sql(dialect="postgres")
    if not text.lower().startswith("nextval("):
        rowcheck.evaluate(catalog, text, column.type)
    if isinstance(node, exp.CurrentTimestamp):
        column.default = "CURRENT_TIMESTAMP"
    elif isinstance(node, exp.Literal) and node.is_string:
        short = "bpchar" if column.type.name == "character" else column.type.name
        column.default = f"{text}::{short}"
    else:
        column.default = text.lower() if isinstance(node, exp.Boolean | exp.Anonymous) else text


def add_key(catalog: Catalog, table: Table, names: list[str], primary: bool, name: str = "") -> None:
    """A primary key or unique constraint with its index. Raises PgError."""
    for each in names:
        if table.column(each) is None:
            raise PgError(f'column "{each}" named in key does not exist')
    if primary and table.primary is not None:
        raise PgError(f'multiple primary keys for table "{table.name}" are not allowed')
    if primary:
        for each in names:
            column = table.column(each)
            assert column is not None
            column.not_null = True
    name = name or unique_name(catalog, table.name, [] if primary else names, "pkey" if primary else "key")
    index = Index(name, catalog.database.new_oid(), names, True, primary, constraint=True)
    table.indexes.insert(0, index) if primary else table.indexes.append(index)


def add_check(
    catalog: Catalog, table: Table, node: Any, name: str = "", column: str = "", valid: bool = True
) -> None:
    compiler = Compiler(catalog, catalog.now_us, catalog.session.user, catalog.session.database)
    cells = {c.name: Typed("NULL", c.type) for c in table.columns}
    piece = compiler.expr(node, Scope(sources=[Source(table.name, cells)]))
    if piece.type.name != "boolean":
        raise PgError(
            f"argument of CHECK must be type boolean, not type {piece.type.name}", position=position_of(node)
        )
    if not column:
        used = list(dict.fromkeys(name_of(c.this) for c in node.find_all(exp.Column)))
        column = used[0] if len(used) == 1 else ""
    name = name or _check_name(table, column)
    table.checks.append(Check(name, node.sql(dialect="postgres"), deparse(table, node), valid))


def _check_name(table: Table, column: str) -> str:
    base = "_".join(part for part in (table.name, column, "check") if part)
    taken = [c.name for c in table.checks]
    number = 0
    name = base
    while name in taken:
        number += 1
        name = f"{base}{number}"
    return name


def add_foreign_key(
    catalog: Catalog, table: Table, names: list[str], reference: exp.Reference, name: str = ""
) -> ForeignKey:
    """A foreign key; the other table's columns must be unique. Raises PgError."""
    schema = reference.this
    other_node = schema.this if isinstance(schema, exp.Schema) else schema
    other_name = name_of(other_node.this)
    other = table if other_name == table.name else catalog.table(other_name)
    columns = [name_of(c) for c in schema.expressions] if isinstance(schema, exp.Schema) else []
    if not columns and other.primary is None:
        raise PgError(f'there is no primary key for referenced table "{other_name}"')
    columns = columns or list(other.primary.columns if other.primary else [])
    for each, owner in [(n, table) for n in names] + [(n, other) for n in columns]:
        if owner.column(each) is None:
            raise PgError(f'column "{each}" referenced in foreign key constraint does not exist')
    if not any(i.unique and sorted(i.columns) == sorted(columns) for i in other.indexes):
        raise PgError(
            f'there is no unique constraint matching given keys for referenced table "{other_name}"'
        )
    options = " ".join(str(o).upper() for o in reference.args.get("options") or [])
    action = " ON DELETE CASCADE" if "ON DELETE CASCADE" in options else ""
    key = ForeignKey(name or f"{table.name}_{'_'.join(names)}_fkey", names, other_name, columns, action)
    table.foreign_keys.append(key)
    return key


def add_constraint(catalog: Catalog, table: Table, node: Any, valid: bool = True) -> None:
    """A table constraint, named or not. Raises PgError."""
    name = ""
    if isinstance(node, exp.Constraint):
        name, node = name_of(node.this), node.expressions[0]
    if isinstance(node, exp.PrimaryKey):
        add_key(
            catalog,
            table,
            [name_of(e.this if isinstance(e, exp.Ordered) else e) for e in node.expressions],
            True,
            name,
        )
    elif isinstance(node, exp.UniqueColumnConstraint):
        inner = node.this
        columns = inner.expressions if isinstance(inner, exp.Schema) else [inner]
        add_key(catalog, table, [name_of(e) for e in columns], False, name)
    elif isinstance(node, exp.CheckColumnConstraint):
        add_check(catalog, table, node.this, name, valid=valid)
    elif isinstance(node, exp.ForeignKey):
        add_foreign_key(catalog, table, [name_of(e) for e in node.expressions], node.args["reference"], name)
    else:
        raise not_simulated("this table constraint")
