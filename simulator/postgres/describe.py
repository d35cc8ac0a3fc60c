"""psql's listings: `\\d`, `\\dt`, `\\di`, `\\l`, `\\du` and their kin, from metadata. No SQL is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import re2

from simulator.postgres import layout, static_views
from simulator.postgres.catalog import Catalog, index_body
from simulator.postgres.functions import size_pretty
from simulator.postgres.result import Result
from simulator.postgres.session_functions import bytes_of_database
from simulator.postgres.state import Index, Table
from simulator.postgres.types import INT8, TEXT

if TYPE_CHECKING:
    from simulator.postgres.client import Client

Cells = tuple[str, ...]


def catalog_of(client: Client) -> Catalog:
    return Catalog(client.world, client.session)


def listing(
    client: Client, title: str, names: list[str], rows: list[Cells], footers: list[str] | None = None
) -> None:
    result = Result([(n, TEXT) for n in names], [tuple(row) for row in rows])
    client.out += layout.render(result, client.form, title, footers)


def matcher(pattern: str) -> Any:
    """psql's name pattern as a compiled expression: `*` and `?` are wild, a schema may stand before."""
    body = pattern.rpartition(".")[2] if pattern.startswith(("public.", "*.")) else pattern
    text = body[1:-1] if body.startswith('"') and body.endswith('"') else body.lower()
    return re2.compile("^" + "".join({"*": ".*", "?": "."}.get(c) or re2.escape(c) for c in text) + "$")


def _relations(catalog: Catalog) -> list[tuple[str, str, str, str, Table | None]]:
    """(name, type, owner, of which table, table) of everything that `\\d` lists, by name."""
    database = catalog.database
    found: list[tuple[str, str, str, str, Table | None]] = []
    for t in database.tables.values():
        found.append((t.name, "table", t.owner, "", t))
        found += [(i.name, "index", t.owner, t.name, t) for i in t.indexes]
    found += [(s.name, "sequence", database.owner, s.owner_table, None) for s in database.sequences.values()]
    found += [(v, "view", database.owner, "", None) for v in database.views]
    found += [(v, "view", "postgres", "", None) for v in ("pg_stat_statements", "pg_stat_statements_info")]
    return sorted(found, key=lambda r: r[0])


def list_relations(client: Client, kinds: tuple[str, ...], pattern: str, plus: bool) -> bool:
    catalog = catalog_of(client)
    test = matcher(pattern) if pattern else None
    rows: list[Cells] = []
    with_table = kinds == ("index",)
    for name, kind, owner, of, table in _relations(catalog):
        if kind in kinds and (test is None or test.match(name)):
            row: Cells = ("public", name, kind, owner, *((of,) if with_table else ()))
            if plus:
                method = {"table": ("heap",), "index": ("btree",)}.get(kind, ("",))
                row = (
                    *row,
                    "permanent",
                    *(method if "table" in kinds or with_table else ()),
                    _size(catalog, name, kind, table),
                    "",
                )
            rows.append(row)
    if not rows:
        wanted = f'Did not find any relation named "{pattern}".' if pattern else "Did not find any relations."
        client.err += wanted + "\n"
        return bool(not pattern)
    names = ["Schema", "Name", "Type", "Owner", *(["Table"] if with_table else [])]
    if plus:
        names += [
            "Persistence",
            *(["Access method"] if "table" in kinds or with_table else []),
            "Size",
            "Description",
        ]
    listing(client, "List of relations", names, rows)
    return True


def _size(catalog: Catalog, name: str, kind: str, table: Table | None) -> str:
    if kind == "sequence":
        return "8192 bytes"
    if table is None:
        return "0 bytes"
    if kind == "index":
        return size_pretty(next(table.index_bytes(i) for i in table.indexes if i.name == name))
    return size_pretty(catalog.heap_bytes(table))


# --- \d NAME -----------------------------------------------------------------------------------------


def describe(client: Client, pattern: str, plus: bool) -> bool:
    catalog = catalog_of(client)
    test, hit = matcher(pattern), False
    for name, kind, _, _, table in _relations(catalog):
        if test.match(name):
            hit = True
            if kind == "table" and table is not None:
                _describe_table(client, catalog, table, plus)
            elif kind == "index" and table is not None:
                _describe_index(client, table, next(i for i in table.indexes if i.name == name))
            elif kind == "sequence":
                _describe_sequence(client, catalog, name)
            else:
                _describe_view(client, catalog, name)
    if not hit and catalog.view_name("", pattern.removeprefix("pg_catalog.")):
        _describe_view(client, catalog, pattern.removeprefix("pg_catalog."))
        hit = True
    if not hit:
        client.err += f'Did not find any relation named "{pattern}".\n'
    return hit


_STORAGE = {"text": "extended", "character varying": "extended", "character": "extended", "numeric": "main",
            "jsonb": "extended", "json": "extended", "inet": "main", "bytea": "extended"}  # fmt: skip


def _describe_table(client: Client, catalog: Catalog, table: Table, plus: bool) -> None:
    rows: list[Cells] = []
    for c in table.columns:
        row: Cells = (c.name, c.type.shown, "", "not null" if c.not_null else "", c.default or "")
        if plus:
            storage = "extended" if c.type.is_array else _STORAGE.get(c.type.name, "plain")
            row = (*row, storage, "", "", "")
        rows.append(row)
    names = ["Column", "Type", "Collation", "Nullable", "Default"]
    names += ["Storage", "Compression", "Stats target", "Description"] if plus else []
    footers: list[str] = []
    if table.indexes:
        footers.append("Indexes:")
        footers += [
            f"    {_index_line(i)}" for i in sorted(table.indexes, key=lambda i: (not i.primary, i.name))
        ]
    if table.checks:
        footers.append("Check constraints:")
        for check in sorted(table.checks, key=lambda c: c.name):
            footers.append(
                f'    "{check.name}" CHECK ({check.shown}){"" if check.validated else " NOT VALID"}'
            )
    if table.foreign_keys:
        footers.append("Foreign-key constraints:")
        footers += [f'    "{k.name}" {_foreign(k)}' for k in sorted(table.foreign_keys, key=lambda k: k.name)]
    referring = [
        f'    TABLE "{t.name}" CONSTRAINT "{k.name}" {_foreign(k)}'
        for t in sorted(catalog.database.tables.values(), key=lambda t: t.name)
        for k in t.foreign_keys
        if k.table == table.name
    ]
    if referring:
        footers += ["Referenced by:", *referring]
    if plus:
        footers.append("Access method: heap")
    listing(client, f'Table "public.{table.name}"', names, rows, footers)


def _index_line(index: Index) -> str:
    if index.constraint:
        kind = "PRIMARY KEY, " if index.primary else "UNIQUE CONSTRAINT, "
    else:
        kind = "UNIQUE, " if index.unique else ""
    return f'"{index.name}" {kind}{index_body(index, "{}")}{"" if index.valid else " INVALID"}'


def _foreign(key: Any) -> str:
    columns, others = ", ".join(key.columns), ", ".join(key.references)
    return f"FOREIGN KEY ({columns}) REFERENCES {key.table}({others}){key.action}"


def _describe_index(client: Client, table: Table, index: Index) -> None:
    rows: list[Cells] = []
    for text in index.columns:
        name = text.split()[0]
        column = table.column(name)
        label = name if column else text.partition("(")[0]
        rows.append((label, column.type.shown if column else "text", "yes", name if column else text))
    word = "primary key, " if index.primary else ("unique, " if index.unique else "")
    condition = f", predicate ({index.where})" if index.where else ""
    footers = [
        f'{word}{index.method}, for table "public.{table.name}"{condition}{"" if index.valid else ", invalid"}'
    ]
    listing(client, f'Index "public.{index.name}"', ["Column", "Type", "Key?", "Definition"], rows, footers)


def _describe_sequence(client: Client, catalog: Catalog, name: str) -> None:
    sequence = catalog.database.sequences[name]
    owner = catalog.database.tables.get(sequence.owner_table)
    column = (
        next((c for c in owner.columns if c.default and f"'{name}'" in c.default), None) if owner else None
    )
    kind = column.type.name if column else "bigint"
    top = {"integer": 2**31, "smallint": 2**15}.get(kind, 2**63) - 1
    heads = (("Type", TEXT), ("Start", INT8), ("Minimum", INT8), ("Maximum", INT8), ("Increment", INT8),
             ("Cycles?", TEXT), ("Cache", INT8))  # fmt: skip
    footers = [f"Owned by: public.{owner.name}.{column.name}"] if owner and column else []
    result = Result(list(heads), [(kind, sequence.start, 1, top, sequence.step, "no", 1)])
    client.out += layout.render(result, client.form, f'Sequence "public.{name}"', footers)


def _describe_view(client: Client, catalog: Catalog, name: str) -> None:
    from simulator.postgres import execute_query, parser
    from simulator.postgres.view_columns import view_columns

    if name in catalog.database.views:
        columns = execute_query.columns_of(catalog, parser.parse(catalog.database.views[name]))
    else:
        columns = list(view_columns()[catalog.view_name("", name)].items())
    rows: list[Cells] = [(column, kind.shown, "", "", "") for column, kind in columns]
    schema = (
        "public" if name in catalog.database.views or name.startswith("pg_stat_statements") else "pg_catalog"
    )
    listing(
        client, f'View "{schema}.{name}"', ["Column", "Type", "Collation", "Nullable", "Default"], rows, []
    )


# --- the server's own lists --------------------------------------------------------------------------


ABOUT = {
    "postgres": "default administrative connection database",
    "template0": "unmodifiable empty database",
    "template1": "default template for new databases",
}


def list_databases(client: Client, pattern: str, plus: bool) -> bool:
    catalog = catalog_of(client)
    rows: list[Cells] = []
    for name, _, owner in sorted(static_views.database_names(catalog)):
        rights = "=c/postgres\npostgres=CTc/postgres" if name.startswith("template") else ""
        if not pattern or matcher(pattern).match(name):
            more = (size_pretty(bytes_of_database(catalog, name)), "pg_default", ABOUT.get(name, ""))
            rows.append(
                (name, owner, "UTF8", "C.UTF-8", "C.UTF-8", "", "libc", rights, *(more if plus else ()))
            )
    names = [
        "Name",
        "Owner",
        "Encoding",
        "Collate",
        "Ctype",
        "ICU Locale",
        "Locale Provider",
        "Access privileges",
        *(("Size", "Tablespace", "Description") if plus else ()),
    ]
    listing(client, "List of databases", names, rows)
    return True


def list_roles(client: Client, pattern: str, plus: bool) -> bool:
    catalog = catalog_of(client)
    attributes = {
        "postgres": "Superuser, Create role, Create DB, Replication, Bypass RLS",
        "replicator": "Replication",
    }
    names = sorted(static_views.roles(catalog.world, catalog.session.component))
    rows: list[Cells] = [
        (n, attributes.get(n, ""), "{}") for n in names if not pattern or matcher(pattern).match(n)
    ]
    listing(client, "List of roles", ["Role name", "Attributes", "Member of"], rows, [])
    return True


def list_schemas(client: Client, pattern: str, plus: bool) -> bool:
    listing(client, "List of schemas", ["Name", "Owner"], [("public", "pg_database_owner")])
    return True


def list_extensions(client: Client, pattern: str, plus: bool) -> bool:
    rows: list[Cells] = [e for e in static_views.EXTENSIONS if not pattern or matcher(pattern).match(e[0])]
    listing(client, "List of installed extensions", ["Name", "Version", "Schema", "Description"], rows)
    return True


def list_functions(client: Client, pattern: str, plus: bool) -> bool:
    names = ["Schema", "Name", "Result data type", "Argument data types", "Type"]
    rows: list[Cells] = [
        (
            "public",
            "pg_stat_statements_info",
            "record",
            "OUT dealloc bigint, OUT stats_reset timestamp with time zone",
            "func",
        ),
        (
            "public",
            "pg_stat_statements_reset",
            "void",
            "userid oid DEFAULT 0, dbid oid DEFAULT 0, queryid bigint DEFAULT 0",
            "func",
        ),
    ]
    listing(
        client, "List of functions", names, [r for r in rows if not pattern or matcher(pattern).match(r[1])]
    )
    return True


def list_privileges(client: Client, pattern: str, plus: bool) -> bool:
    test = matcher(pattern) if pattern else None
    rows: list[Cells] = [
        ("public", t.name, "table", "", "", "")
        for t in catalog_of(client).database.tables.values()
        if test is None or test.match(t.name)
    ]
    names = ["Schema", "Name", "Type", "Access privileges", "Column privileges", "Policies"]
    listing(client, "Access privileges", names, sorted(rows))
    return True
