"""Constraints of one row: NOT NULL, CHECK, uniqueness, foreign keys, with PostgreSQL's texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from simulator.postgres import operators as ops
from simulator.postgres import parser, runner, types
from simulator.postgres.catalog import Catalog, StoredRow
from simulator.postgres.compiler import Compiler
from simulator.postgres.errors import PgError
from simulator.postgres.expressions import condition
from simulator.postgres.scope import Scope, Source, Typed, ident, name_of
from simulator.postgres.state import NEW_ROWS, Table
from simulator.postgres.types import PgType

CHECKED_AT_ONCE = 400  # rows of one query: SQLite takes 500 parts of a UNION


def _compiler(catalog: Catalog) -> Compiler:
    return Compiler(catalog, catalog.now_us, catalog.session.user, catalog.session.database)


def evaluate(catalog: Catalog, text: str, kind: PgType) -> Any:
    """The value of an expression without columns, cast to a type. Raises PgError."""
    compiler = _compiler(catalog)
    piece = compiler.expr(parser.parse_expression(text), Scope())
    plain = PgType(kind.name, kind.args, kind.scale)
    return runner.run(catalog, compiler, f"SELECT {ops.cast(piece, plain, catalog.now_us).sql}").rows[0][0]


def first_broken(catalog: Catalog, table: Table, expression: str, rows: list[dict[str, Any]]) -> int | None:
    """The number of the first row for which a CHECK expression is false. Raises PgError if it cannot run."""
    compiler = _compiler(catalog)
    tree = parser.parse_expression(expression)
    used = list(dict.fromkeys(name_of(c.this) for c in tree.find_all(exp.Column)))
    columns = [c for c in table.columns if c.name in used]
    cells = {c.name: Typed(f"r.{ident(c.name)}", c.type) for c in columns}
    sql = condition(compiler, tree, Scope(sources=[Source(table.name, cells)]), "CHECK")
    for start in range(0, len(rows), CHECKED_AT_ONCE):
        part = rows[start : start + CHECKED_AT_ONCE]
        lines = []
        for number, values in enumerate(part):
            given = "".join(f", {ops.literal(values.get(c.key))} AS {ident(c.name)}" for c in columns)
            lines.append(f'SELECT {start + number} AS "?n"{given}')
        query = (
            f"""SELECT "?n" FROM ({" UNION ALL ".join(lines)}) AS r WHERE ({sql}) = 0 ORDER BY 1 LIMIT 1"""
        )
        found = runner.run(catalog, compiler, query).rows
        if found:
            return int(found[0][0])
    return None


def shown_row(table: Table, values: dict[str, Any]) -> str:
    cells = (types.format_value(values.get(c.key), c.type) for c in table.columns)
    return (
        "(" + ", ".join("null" if v is None else (v if len(v) <= 64 else v[:64] + "...") for v in cells) + ")"
    )


def check_length(table: Table, values: dict[str, Any]) -> None:
    """Texts must fit varchar(n) and numbers numeric(p,s). Raises PgError."""
    for column in table.columns:
        value, kind = values.get(column.key), column.type
        if value is None or not kind.args:
            continue
        if kind.name in ("character varying", "character") and len(str(value)) > kind.args[0]:
            raise PgError(f"value too long for type {kind.shown}")
        if kind.name == "numeric" and abs(float(value)) >= 10 ** (kind.args[0] - (kind.scale or 0)):
            whole = kind.args[0] - (kind.scale or 0)
            raise PgError(
                "numeric field overflow",
                detail=f"A field with precision {kind.args[0]}, scale {kind.scale or 0} must round to an absolute "
                f"value less than 10^{whole}.",
            )
        if kind.name == "numeric" and isinstance(value, float):
            values[column.key] = round(value, kind.scale or 0)


def check_rules(
    catalog: Catalog, table: Table, rows: list[dict[str, Any]], only: tuple[str, ...] | None
) -> None:
    """NOT NULL and CHECK of many rows; `only` are the keys that changed. Raises PgError for the first."""
    for values in rows:
        for column in table.columns:
            if column.not_null and values.get(column.key) is None:
                raise PgError(
                    f'null value in column "{column.name}" of relation "{table.name}" violates not-null constraint',
                    detail=f"Failing row contains {shown_row(table, values)}.",
                )
    for rule in table.checks:
        named = [
            key_of(table, name_of(c.this))
            for c in parser.parse_expression(rule.expression).find_all(exp.Column)
        ]
        if only is not None and not any(key in only for key in named):
            continue
        broken = first_broken(catalog, table, rule.expression, rows)
        if broken is not None:
            raise PgError(
                f'new row for relation "{table.name}" violates check constraint "{rule.name}"',
                detail=f"Failing row contains {shown_row(table, rows[broken])}.",
            )


def key_of(table: Table, name: str) -> str:
    column = table.column(name)
    return column.key if column else name


def key_text(table: Table, names: list[str], values: dict[str, Any]) -> tuple[str, str]:
    columns = [c for name in names if (c := table.column(name)) is not None]
    shown = ", ".join(types.format_value(values.get(c.key), c.type) or "null" for c in columns)
    return ", ".join(names), shown


@dataclass
class Keys:
    """The keys a table holds, looked up once for a statement and kept up with what it writes."""

    catalog: Catalog
    table: Table
    known: dict[tuple[str, ...], dict[tuple[Any, ...], StoredRow]] = field(default_factory=dict)

    def find(self, names: list[str], values: dict[str, Any]) -> StoredRow | None:
        """The stored row with the same values in these columns; NULL equals nothing."""
        columns = [self.table.column(name) for name in names]
        wanted = tuple(values.get(c.key) for c in columns if c is not None)
        if len(wanted) < len(names) or any(v is None for v in wanted):
            return None  # an index on an expression, or NULL
        held = self._held(tuple(names))
        if wanted in held:
            return held[wanted]
        if len(names) == 1 and isinstance(wanted[0], int):
            return self.catalog.by_key(self.table, names[0], wanted[0])
        return None

    def _held(self, names: tuple[str, ...]) -> dict[tuple[Any, ...], StoredRow]:
        if names not in self.known:
            rows = self.catalog.rows(self.table, {})
            self.known[names] = {tuple(row[2][n] for n in names): row for row in rows}
        return self.known[names]

    def put(self, rowid: int, weight: int, values: dict[str, Any]) -> None:
        """Take a written row into what is known."""
        cells = {c.name: values.get(c.key, c.filled) for c in self.table.columns}
        for names, held in self.known.items():
            for key in [k for k, row in held.items() if row[0] == rowid] if rowid < NEW_ROWS else []:
                del held[key]
            held[tuple(cells[n] for n in names)] = (rowid, weight, cells)

    def check(
        self, values: dict[str, Any], ignore: int | None = None, only: tuple[str, ...] | None = None
    ) -> None:
        """Raises PgError when a unique key is taken."""
        for index in self.table.indexes:
            if not index.unique or index.where:
                continue
            if only is not None and not any(key_of(self.table, n) in only for n in index.columns):
                continue
            hit = self.find(index.columns, values)
            if hit is not None and hit[0] != ignore:
                names, shown = key_text(self.table, index.columns, values)
                raise PgError(
                    f'duplicate key value violates unique constraint "{index.name}"',
                    detail=f"Key ({names})=({shown}) already exists.",
                )


@dataclass
class Parents:
    """Foreign keys of a table with the keys their parents hold."""

    catalog: Catalog
    table: Table
    keys: dict[str, Keys] = field(default_factory=dict)

    def check(self, values: dict[str, Any], only: tuple[str, ...] | None = None) -> None:
        """Raises PgError when a row refers to nothing."""
        for foreign in self.table.foreign_keys:
            if only is not None and not any(key_of(self.table, name) in only for name in foreign.columns):
                continue
            parent = self.catalog.database.tables.get(foreign.table)
            given = [values.get(key_of(self.table, name)) for name in foreign.columns]
            if parent is None or any(v is None for v in given):
                continue
            held = self.keys.setdefault(foreign.table, Keys(self.catalog, parent))
            probe = {key_of(parent, n): v for n, v in zip(foreign.references, given, strict=True)}
            itself = parent is self.table and all(values.get(k) == v for k, v in probe.items())
            if held.find(foreign.references, probe) is None and not itself:
                names, shown = key_text(self.table, foreign.columns, values)
                raise PgError(
                    f'insert or update on table "{self.table.name}" violates foreign key constraint "{foreign.name}"',
                    detail=f'Key ({names})=({shown}) is not present in table "{foreign.table}".',
                )


def check_referenced(catalog: Catalog, table: Table, old: dict[str, Any], new: dict[str, Any] | None) -> None:
    """A row that others refer to stays; ON DELETE CASCADE takes them along. Raises PgError."""
    for child in catalog.database.tables.values():
        for foreign in child.foreign_keys:
            if foreign.table != table.name:
                continue
            keys = [key_of(table, n) for n in foreign.references]
            if new is not None and all(new.get(k) == old.get(k) for k in keys):
                continue
            probe = [old.get(k) for k in keys]
            hits = [r for r in catalog.rows(child, {}) if [r[2][n] for n in foreign.columns] == probe]
            if hits and new is None and "CASCADE" in foreign.action:
                for rowid, weight, _ in hits:
                    child.changed.pop(rowid, None)
                    child.removed[rowid] = True
                    child.gained -= weight
            elif hits:
                names, shown = key_text(table, foreign.references, old)
                raise PgError(
                    f'update or delete on table "{table.name}" violates foreign key constraint "{foreign.name}" '
                    f'on table "{child.name}"',
                    detail=f'Key ({names})=({shown}) is still referenced from table "{child.name}".',
                )
