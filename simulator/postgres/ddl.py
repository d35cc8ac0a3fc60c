"""CREATE, DROP, TRUNCATE and ALTER: changes of tables, indexes, views and sequences in the state."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from simulator.interventions.backups import SOFT_DROP
from simulator.postgres import alter, entity_writes, execute_query, parser, rebound, rowcheck
from simulator.postgres.catalog import Catalog
from simulator.postgres.definitions import add_column, add_constraint, expression_text, unique_name
from simulator.postgres.errors import Notice, PgError, not_simulated
from simulator.postgres.notes import note
from simulator.postgres.result import Result
from simulator.postgres.scope import name_of, position_of
from simulator.postgres.state import Column, Index, Sequence, Table
from simulator.postgres.types import TEXT, UNKNOWN

_SEQUENCE_WORD = re.compile(r"\b(start|increment)(?:\s+(?:with|by))?\s+(-?\d{1,18})")
MAX_TABLES = 200
MAX_COLUMNS = 200


def create(catalog: Catalog, tree: exp.Create, text: str) -> Result:
    kind = str(tree.args.get("kind") or "").upper()
    handler = {
        "TABLE": _create_table,
        "INDEX": _create_index,
        "VIEW": _create_view,
        "SEQUENCE": _create_sequence,
    }.get(kind)
    if handler is None:
        raise not_simulated(f"CREATE {kind}".strip())
    if kind != "INDEX" and not catalog.is_superuser and catalog.session.user != catalog.database.owner:
        raise PgError("permission denied for schema public", find=name_of(tree.this))
    return handler(catalog, tree, text)


def _taken(catalog: Catalog, name: str, tree: exp.Create, tag: str) -> Result | None:
    """The answer when a relation of this name exists already. Raises PgError."""
    database = catalog.database
    indexes = {i.name for t in database.tables.values() for i in t.indexes}
    if name in database.tables or name in database.views or name in database.sequences or name in indexes:
        if tree.args.get("exists"):
            return Result(tag=tag, notices=[Notice(f'relation "{name}" already exists, skipping')])
        raise PgError(f'relation "{name}" already exists')
    return None


def _create_table(catalog: Catalog, tree: exp.Create, _text: str) -> Result:
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    name, database = name_of(target.this), catalog.database
    tag = "SELECT" if tree.args.get("expression") is not None else "CREATE TABLE"
    taken = _taken(catalog, name, tree, "CREATE TABLE")
    if taken is not None:
        return taken
    if len(database.tables) >= MAX_TABLES:
        raise not_simulated(f"more than {MAX_TABLES} tables")
    table = Table(name, database.new_oid(), catalog.session.user, [])
    if tree.args.get("expression") is not None:
        return _create_as(catalog, table, tree.args["expression"], tag)
    parts = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
    if len(parts) > MAX_COLUMNS:
        raise PgError("tables can have at most 1600 columns")
    for part in parts:
        if isinstance(part, exp.ColumnDef):
            add_column(catalog, table, part)
        elif isinstance(part, exp.LikeProperty | exp.Identifier):
            raise not_simulated("this form of CREATE TABLE")
    for part in parts:
        if not isinstance(part, exp.ColumnDef):
            add_constraint(catalog, table, part)
    rebound.bind(catalog, table)
    database.tables[name] = table
    return Result(tag="CREATE TABLE")


def _create_as(catalog: Catalog, table: Table, query: Any, tag: str) -> Result:
    found = execute_query.rows_of(catalog, query)
    for name, kind in found.columns:
        if table.column(name):
            raise PgError(f'column "{name}" specified more than once')
        table.columns.append(Column(name, TEXT if kind == UNKNOWN else kind))
    for row in found.rows:
        table.changed[table.next_rowid] = (1, dict(zip((c.key for c in table.columns), row, strict=True)))
        table.next_rowid += 1
    table.gained = len(found.rows)
    rebound.bind(catalog, table)
    catalog.database.tables[table.name] = table
    return Result(tag=f"{tag} {len(found.rows)}", cost_s=found.cost_s)


def _create_index(catalog: Catalog, tree: exp.Create, _text: str) -> Result:
    node = tree.this
    table_node = node.args["table"]
    table = catalog.table(name_of(table_node.this))
    catalog.owned(table)
    params = node.args.get("params")
    concurrently = bool(tree.args.get("concurrently"))
    if concurrently and catalog.session.in_transaction:
        raise PgError("CREATE INDEX CONCURRENTLY cannot run inside a transaction block")
    columns, labels = [], []
    for item in (params.args.get("columns") if params is not None else None) or []:
        inner = item.this if isinstance(item, exp.Ordered) else item
        if isinstance(inner, exp.Column | exp.Identifier):
            name = name_of(inner.this if isinstance(inner, exp.Column) else inner)
            if table.column(name) is None:
                raise PgError(f'column "{name}" does not exist')
            columns.append(name)
            labels.append(name)
        else:
            columns.append(expression_text(catalog, table, inner))
            labels.append(str(inner.this).lower() if isinstance(inner, exp.Anonymous) else "expr")
        if isinstance(item, exp.Ordered) and item.args.get("desc"):
            columns[-1] += " DESC" if item.args.get("nulls_first") else " DESC NULLS LAST"
    where = params.args.get("where") if params is not None else None
    name = name_of(node.this) if node.this is not None else unique_name(catalog, table.name, labels, "idx")
    taken = _taken(catalog, name, tree, "CREATE INDEX")
    if taken is not None:
        return taken
    method = name_of(params.args.get("using")) if params is not None and params.args.get("using") else "btree"
    if method not in ("btree", "hash", "gin", "gist", "brin", "spgist"):
        raise PgError(f'access method "{method}" does not exist')
    unique = bool(tree.args.get("unique"))
    if unique:
        _check_unique(catalog, table, name, columns, concurrently)
    condition = expression_text(catalog, table, where.this) if where is not None else ""
    created_s = max(catalog.world.now_s, 1e-6)
    table.indexes.append(
        Index(
            name,
            catalog.database.new_oid(),
            columns,
            unique,
            method=method,
            where=condition,
            created_s=created_s,
        )
    )
    return Result(tag="CREATE INDEX")


def _check_unique(catalog: Catalog, table: Table, name: str, columns: list[str], concurrently: bool) -> None:
    """Raises PgError when rows repeat; CONCURRENTLY leaves an invalid index behind."""
    if any(table.column(c) is None for c in columns):
        return
    seen: dict[tuple[Any, ...], bool] = {}
    for _, weight, cells in catalog.rows(table, {}):
        key = tuple(cells[c] for c in columns)
        # A sampled row stands for many: only its key is known not to repeat.
        if None not in key and (key in seen or (weight > 1 and columns != [table.columns[0].name])):
            values = {c.key: cells[c.name] for c in table.columns}
            names, shown = rowcheck.key_text(table, columns, values)
            error = PgError(
                f'could not create unique index "{name}"', detail=f"Key ({names})=({shown}) is duplicated."
            )
            if concurrently:
                oid = catalog.database.new_oid()
                table.indexes.append(Index(name, oid, columns, True, valid=False, created_s=1.0))
                error.leaves_index = table.name
            raise error
        seen[key] = True


def _create_view(catalog: Catalog, tree: exp.Create, text: str) -> Result:
    name = name_of(tree.this.this if isinstance(tree.this, exp.Table) else tree.this)
    if not tree.args.get("replace"):
        _taken(catalog, name, tree, "CREATE VIEW")
    elif name in catalog.database.tables:
        raise PgError(f'"{name}" is not a view')
    if tree.args.get("expression") is None:
        raise parser.syntax_error(text, None)
    execute_query.columns_of(catalog, tree.args["expression"])
    match = re.search(r"\bas\b\s*(.*)$", text.strip().rstrip(";"), re.I | re.S)
    if match is None or len(catalog.database.views) >= MAX_TABLES:
        raise not_simulated("this form of CREATE VIEW")
    catalog.database.views[name] = match.group(1)
    return Result(tag="CREATE VIEW")


def _create_sequence(catalog: Catalog, tree: exp.Create, _text: str) -> Result:
    name = name_of(tree.this.this if isinstance(tree.this, exp.Table) else tree.this)
    taken = _taken(catalog, name, tree, "CREATE SEQUENCE")
    if taken is not None:
        return taken
    made = Sequence(name)
    found = {word: int(number) for word, number in _SEQUENCE_WORD.findall(_text.lower())}
    made.start, made.step = found.get("start", 1), found.get("increment", 1) or 1
    catalog.database.sequences[name] = made
    return Result(tag="CREATE SEQUENCE")


# --- DROP and TRUNCATE -------------------------------------------------------------------------------


def drop(catalog: Catalog, tree: exp.Drop, _text: str) -> Result:
    kind = str(tree.args.get("kind") or "TABLE").upper()
    nodes = tree.args.get("tables") or ([tree.this] if tree.this is not None else [])
    names = [(name_of(n.this) if isinstance(n, exp.Table) else name_of(n)) for n in nodes]
    handler = {
        "TABLE": _drop_table,
        "INDEX": _drop_index,
        "VIEW": _drop_view,
        "SEQUENCE": _drop_sequence,
    }.get(kind)
    if kind == "DATABASE":
        raise _drop_database(catalog, names[0])
    if handler is None:
        raise not_simulated(f"DROP {kind}")
    if tree.args.get("concurrently") and catalog.session.in_transaction:
        raise PgError("DROP INDEX CONCURRENTLY cannot run inside a transaction block")
    notices: list[Notice] = []
    for name in names:
        if not handler(catalog, name, bool(tree.args.get("cascade")), notices):
            if not tree.args.get("exists"):
                raise PgError(f'{kind.lower()} "{name}" does not exist')
            notices.append(Notice(f'{kind.lower()} "{name}" does not exist, skipping'))
    return Result(tag=f"DROP {kind}", notices=notices)


def _drop_database(catalog: Catalog, name: str) -> PgError:
    if name != catalog.database.name:
        return PgError(f'database "{name}" does not exist')
    return PgError("cannot drop the currently open database")


def _drop_table(catalog: Catalog, name: str, cascade: bool, notices: list[Notice]) -> bool:
    database = catalog.database
    table = database.tables.get(name)
    if table is None:
        if name in database.views:
            raise PgError(f'"{name}" is not a table', hint="Use DROP VIEW to remove a view.")
        return False
    catalog.owned(table)
    dependants = _dependants(catalog, name)
    if dependants and not cascade:
        raise PgError(
            f"cannot drop table {name} because other objects depend on it",
            detail="\n".join(f"{what} depends on table {name}" for what, _, _ in dependants),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    if SOFT_DROP in catalog.world.policies:
        _set_aside(catalog, table, notices)
        return True
    if len(dependants) == 1:
        notices.append(Notice(f"drop cascades to {dependants[0][0]}"))
    elif dependants:
        listed = "\n".join(f"drop cascades to {what}" for what, _, _ in dependants)
        notices.append(Notice(f"drop cascades to {len(dependants)} other objects", detail=listed))
    for _, owner, object_name in dependants:
        if owner is None:
            database.views.pop(object_name, None)
        else:
            owner.foreign_keys = [k for k in owner.foreign_keys if k.name != object_name]
    del database.tables[name]
    entity_writes.mark_dropped(database, table)
    for sequence in [s for s in database.sequences.values() if s.owner_table == name]:
        del database.sequences[sequence.name]
    if table.spec is not None or table.entity is not None:
        note(catalog.world, "dropped", catalog.session.component, name)
    return True


def _set_aside(catalog: Catalog, table: Table, notices: list[Notice]) -> None:
    """The company's event trigger on DROP TABLE: the table gets another name and goes for good only days later."""
    name, component = table.name, catalog.session.component
    kept = next(
        k for n in range(MAX_TABLES + 1) if (k := f"{name}_dropped{n or ''}") not in catalog.database.tables
    )
    alter.rename_table(catalog, table, kept)
    catalog.world.policies[SOFT_DROP]["aside"].append((component, name, kept))
    notices.append(Notice(f'table "{name}" is kept as "{kept}"'))
    note(catalog.world, "set aside", component, name, kept)


def _dependants(catalog: Catalog, name: str) -> list[tuple[str, Table | None, str]]:
    """(description, table, name) of foreign keys and views that need a table."""
    found: list[tuple[str, Table | None, str]] = []
    for other in catalog.database.tables.values():
        for key in other.foreign_keys:
            if key.table == name and other.name != name:
                found.append((f"constraint {key.name} on table {other.name}", other, key.name))
    for view, sql in catalog.database.views.items():
        if any(name_of(t.this) == name for t in parser.parse(sql).find_all(exp.Table)):
            found.append((f"view {view}", None, view))
    return found


def _drop_index(catalog: Catalog, name: str, _cascade: bool, _notices: list[Notice]) -> bool:
    for table in catalog.database.tables.values():
        for index in table.indexes:
            if index.name == name:
                catalog.owned(table, "index")
                if index.constraint:
                    raise PgError(
                        f"cannot drop index {name} because constraint {name} on table {table.name} requires it",
                        hint=f"You can drop constraint {name} on table {table.name} instead.",
                    )
                table.indexes.remove(index)
                return True
    return False


def _drop_view(catalog: Catalog, name: str, _cascade: bool, _notices: list[Notice]) -> bool:
    if name in catalog.database.tables:
        raise PgError(f'"{name}" is not a view', hint="Use DROP TABLE to remove a table.")
    return catalog.database.views.pop(name, None) is not None


def _drop_sequence(catalog: Catalog, name: str, _cascade: bool, _notices: list[Notice]) -> bool:
    sequence = catalog.database.sequences.get(name)
    if sequence is not None and sequence.owner_table:
        owner = sequence.owner_table
        raise PgError(
            f"cannot drop sequence {name} because other objects depend on it",
            detail=f"default value for column id of table {owner} depends on sequence {name}",
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    return catalog.database.sequences.pop(name, None) is not None


def truncate(catalog: Catalog, tree: exp.TruncateTable, _text: str) -> Result:
    tables = [catalog.table(name_of(node.this), position_of(node)) for node in tree.expressions]
    named = {t.name for t in tables}
    cascade = str(tree.args.get("option") or "").upper() == "CASCADE"
    notices = []
    for table in list(tables):
        catalog.writable(table)
        for other in catalog.database.tables.values():
            if other.name not in named and any(k.table == table.name for k in other.foreign_keys):
                if not cascade:
                    raise PgError(
                        "cannot truncate a table referenced in a foreign key constraint",
                        detail=f'Table "{other.name}" references "{table.name}".',
                        hint=f'Truncate table "{other.name}" at the same time, or use TRUNCATE ... CASCADE.',
                    )
                notices.append(Notice(f'truncate cascades to table "{other.name}"'))
                named.add(other.name)
                tables.append(other)
    for table in tables:
        if table.sampled and table.rows:
            gone = catalog.live_rows(table)
            note(catalog.world, "truncated", catalog.session.component, table.name, gone)
        table.emptied_s = catalog.world.now_s
        table.truncated = table.entity is not None
        table.overlay.clear()
        table.changed.clear()
        table.removed.clear()
        table.gained = table.dead = 0
    return Result(tag="TRUNCATE TABLE", notices=notices)
