"""pg_dump as a script: a table's definition and its rows for COPY. Nothing is changed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.postgres import copyin, psql, types
from simulator.postgres.catalog import Catalog, StoredRow, indexdef
from simulator.postgres.state import Column, Session, Table
from simulator.reply import Reply, failure
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

READ_BYTES_PER_S = 100_000_000.0
MAX_ROWS = 40_000
VALUED = {"-t": "table", "--table": "table", "-h": "host", "--host": "host", "-d": "dbname", "--dbname": "dbname",
          "-U": "username", "--username": "username", "-p": "port", "--port": "port", "-F": "format",
          "--format": "format"}  # fmt: skip
FLAGS = {"-a": "data", "--data-only": "data", "-s": "schema", "--schema-only": "schema", "-c": "clean", "--clean": "clean",
         "--if-exists": "exists", "-O": "no_owner", "--no-owner": "no_owner", "-x": "quiet", "-v": "quiet", "-w": "quiet",
         "--no-privileges": "quiet", "--verbose": "quiet"}  # fmt: skip
NOT_HERE = Text(
    ru="pg_dump {0} не моделируется; есть: -t TABLE, -h, -d, -U, -p, --data-only, --schema-only, --clean, --if-exists, простой формат",
    en="pg_dump {0} is not simulated; there are: -t TABLE, -h, -d, -U, -p, --data-only, --schema-only, --clean, --if-exists, plain format",
)
HEAD = """--
-- PostgreSQL database dump
--

-- Dumped from database version {0}
-- Dumped by pg_dump version {0}

SET statement_timeout = 0;
SET lock_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

"""
TITLE = "--\n-- {0}; Type: {1}; Schema: public; Owner: {2}\n--\n\n"


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    options, tables, flags, rest = {}, [], {}, list(argv[1:])
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if not word.startswith("--") and len(word) > 2 and word[:2] in VALUED:
            word, equals, value = word[:2], "=", word[2:] + equals + value
        if word in VALUED:
            if not equals and not rest:
                return _usage(f"option requires an argument -- '{word.lstrip('-')}'")
            value = value if equals else rest.pop(0)
            if VALUED[word] == "table":
                tables.append(value.removeprefix("public."))
            else:
                options[VALUED[word]] = value
        elif word in FLAGS:
            flags[FLAGS[word]] = True
        elif word.startswith("-"):
            return failure(NOT_HERE.of(world.language).format(word), 1)
        else:
            options.setdefault("dbname", word)
    if options.pop("format", "p") not in ("p", "plain"):
        return failure(NOT_HERE.of(world.language).format("-F"), 1)
    found = psql.connect(world, options)
    if isinstance(found, str):
        return failure(found.replace("psql: error:", "pg_dump: error:", 1), 1)
    return _dumped(world, found[0], tables, flags)


def _usage(why: str) -> Reply:
    return failure(f'pg_dump: {why}\npg_dump: hint: Try "pg_dump --help" for more information.', 1)


def _dumped(world: World, session: Session, wanted: list[str], flags: dict[str, bool]) -> Reply:
    catalog = Catalog(world, session)
    there = catalog.database.tables
    names = [n for n in (wanted or list(there)) if n in there]
    if not names:
        return failure("pg_dump: error: no matching tables were found", 1)
    out, size = HEAD.format(catalog.server.version), 0
    for name in names:
        table = there[name]
        owner = "-" if "no_owner" in flags else table.owner
        if "clean" in flags:
            out += f"DROP TABLE {'IF EXISTS ' if 'exists' in flags else ''}public.{name};\n"
        if "data" not in flags:
            out += TITLE.format(f"Name: {name}", "TABLE", owner) + _definition(table)
            out += (
                f"\n\nALTER TABLE public.{name} OWNER TO {table.owner};\n\n"
                if "no_owner" not in flags
                else "\n\n"
            )
        if "schema" not in flags:
            rows = catalog.rows(table, {})
            if len(rows) > MAX_ROWS:
                return failure(NOT_HERE.of(world.language).format(f"({len(rows)} rows)"), 1)
            out += TITLE.format(f"Data for Name: {name}", "TABLE DATA", owner) + _data(table, rows)
            size += catalog.heap_bytes(table)
        if "data" not in flags:
            out += _constraints(table)
    out += "--\n-- PostgreSQL database dump complete\n--\n\n"
    return Reply(out, cost_s=1.0 + size / READ_BYTES_PER_S)


def _definition(table: Table) -> str:
    lines = [f"    {_column(c)}" for c in table.columns]
    lines += [f"    CONSTRAINT {c.name} CHECK ({c.expression})" for c in table.checks]
    return f"CREATE TABLE public.{table.name} (\n" + ",\n".join(lines) + "\n);"


def _column(column: Column) -> str:
    text = f"{column.name} {column.type.shown}"
    if column.default is not None and "nextval" not in column.default:
        text += f" DEFAULT {column.default}"
    return text + (" NOT NULL" if column.not_null else "")


def _data(table: Table, rows: list[StoredRow]) -> str:
    names = [c.name for c in table.columns]
    sampled = [(w, r) for r, w, _ in rows if w > 1 or r < 0]
    out = ""
    if sampled:
        out += (
            copyin.SAMPLE.format(_lines(table, len(sampled)), _stands(table, sum(w for w, _ in sampled)))
            + "\n"
        )
    out += f"COPY public.{table.name} ({', '.join(names)}) FROM stdin;\n"
    for _, _, cells in sorted(rows, key=lambda row: (row[0] >= 0, abs(row[0]))):
        out += "\t".join(_cell(cells[c.name], c) for c in table.columns) + "\n"
    return out + "\\.\n\n\n"


def _lines(table: Table, count: int) -> int:
    return (
        min(table.entity.sample, table.entity.rows)
        if table.entity is not None and table.entity.rows
        else count
    )


def _stands(table: Table, count: int) -> int:
    return table.entity.rows if table.entity is not None and table.entity.rows else count


def _cell(value: object, column: Column) -> str:
    text = types.format_value(value, column.type)
    if text is None:
        return "\\N"
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _constraints(table: Table) -> str:
    out = ""
    for index in table.indexes:
        columns = ", ".join(index.columns)
        if index.constraint:
            kind = "PRIMARY KEY" if index.primary else "UNIQUE"
            out += f"ALTER TABLE ONLY public.{table.name}\n    ADD CONSTRAINT {index.name} {kind} ({columns});\n\n"
        else:
            out += indexdef(table, index) + ";\n\n"
    for key in table.foreign_keys:
        here, there = ", ".join(key.columns), ", ".join(key.references)
        out += (
            f"ALTER TABLE ONLY public.{table.name}\n    ADD CONSTRAINT {key.name} FOREIGN KEY ({here})"
            f" REFERENCES public.{key.table}({there});\n\n"
        )
    return out
