"""System catalogues and information_schema: what the database consists of, and the table of all views.

Each function gives rows as dictionaries by column; a column left out is NULL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.postgres import activity_views as activity
from simulator.postgres import control_views, functions, types
from simulator.postgres import settings as server_settings
from simulator.postgres.activity_views import DATABASE_OID, Rows
from simulator.postgres.backends import roles
from simulator.postgres.catalog import indexdef
from simulator.postgres.state import Table
from simulator.postgres.view_columns import view_columns
from simulator.standby.state import stream

if TYPE_CHECKING:
    from simulator.postgres.catalog import Catalog

EXTENSIONS = (
    ("pg_stat_statements", "1.10", "public", "track planning and execution statistics of all SQL statements executed"),
    ("plpgsql", "1.0", "pg_catalog", "PL/pgSQL procedural language"),
)  # fmt: skip
SCHEMAS = {"pg_catalog": 11, "public": 2200, "information_schema": 13_207, "pg_toast": 99}


def value_of(catalog: Catalog, name: str) -> str | None:
    """A setting's value in base units as this session sees it, or None for an unknown one."""
    key, session = name.lower(), catalog.session
    if key in session.settings:
        return session.settings[key]
    version = catalog.server.version
    major, _, minor = version.partition(".")
    fixed = {
        "application_name": session.application, "is_superuser": "on" if catalog.is_superuser else "off",
        "session_authorization": session.user, "server_version": version, "cluster_name": session.component,
        "server_version_num": f"{major}{minor.rjust(4, '0')}",
    }  # fmt: skip
    if key in fixed:
        return fixed[key]
    if key == "synchronous_standby_names" and (stream(catalog.world, session.component) or (True, False))[1]:
        return f'"{session.component}-replica-1"'
    setting = server_settings.catalogue().get(key)
    return catalog.server.settings.get(key, setting.boot) if setting else None


def _settings(catalog: Catalog) -> Rows:
    found, server = [], catalog.server
    for key, setting in server_settings.catalogue().items():
        source = "configuration file" if key in server.settings else "default"
        pending = key in server.pending and setting.context == "postmaster" and bool(server.reloaded_s)
        found.append({
            "name": setting.name, "setting": value_of(catalog, key), "unit": setting.unit or None,
            "category": setting.category, "short_desc": "", "context": setting.context, "vartype": setting.vartype,
            "source": "session" if key in catalog.session.settings else source, "min_val": setting.low or None,
            "max_val": setting.high or None, "boot_val": setting.boot,
            "enumvals": functions.array(*setting.choices) if setting.choices else None,
            "reset_val": server.settings.get(key, setting.boot), "pending_restart": int(pending),
        })  # fmt: skip
    return found


def _tables(catalog: Catalog) -> Rows:
    return [
        {"schemaname": "public", "tablename": t.name, "tableowner": t.owner, "hasindexes": int(bool(t.indexes)),
         "hasrules": 0, "hastriggers": int(bool(t.foreign_keys)), "rowsecurity": 0}
        for t in catalog.database.tables.values()
    ]  # fmt: skip


def _indexes(catalog: Catalog) -> Rows:
    return [
        {"schemaname": "public", "tablename": t.name, "indexname": i.name, "indexdef": indexdef(t, i)}
        for t in catalog.database.tables.values()
        for i in t.indexes
    ]


def _views(catalog: Catalog) -> Rows:
    return [
        {
            "schemaname": "public",
            "viewname": name,
            "viewowner": catalog.database.owner,
            "definition": f" {sql};",
        }
        for name, sql in catalog.database.views.items()
    ]


def _sequences(catalog: Catalog) -> Rows:
    fixed = {"schemaname": "public", "sequenceowner": catalog.database.owner, "data_type": "bigint",
             "start_value": 1, "min_value": 1, "max_value": 2**63 - 1, "increment_by": 1, "cycle": 0,
             "cache_size": 1}  # fmt: skip
    tops = {"integer": 2**31, "smallint": 2**15}
    return [
        {**fixed, "sequencename": s.name, "last_value": s.last if s.called else None, "data_type": s.kind,
         "start_value": s.start, "increment_by": s.step, "max_value": tops.get(s.kind, 2**63) - 1}
        for s in catalog.database.sequences.values()
    ]  # fmt: skip


def _class(catalog: Catalog) -> Rows:
    owner = roles(catalog.world, catalog.session.component).get(catalog.database.owner, 10)
    zero = (
        "reltype reloftype reltablespace relallvisible reltoastrelid relisshared relchecks relhasrules relhastriggers"
        " relhassubclass relrowsecurity relforcerowsecurity relispartition relrewrite"
    )
    base: dict[str, Any] = {
        **dict.fromkeys(zero.split(), 0), "relnamespace": 2200, "relowner": owner, "relpersistence": "p",
        "relispopulated": 1, "relreplident": "d", "relminmxid": 1,
    }  # fmt: skip
    found = []
    for t in catalog.database.tables.values():
        pages = catalog.heap_bytes(t) // 8192
        known = t.rows > 0 or t.analyzed_s is not None
        found.append({
            **base, "oid": t.oid, "relname": t.name, "relam": 2, "relfilenode": t.oid, "relpages": pages,
            "reltuples": float(t.rows) if known else -1.0, "relallvisible": int(pages * 0.9),
            "relhasindex": int(bool(t.indexes)), "relkind": "r", "relnatts": len(t.columns),
            "relchecks": len(t.checks), "relfrozenxid": 574_201_118,
        })  # fmt: skip
        for i in t.indexes:
            found.append({
                **base, "oid": i.oid, "relname": i.name, "relam": 403, "relfilenode": i.oid, "relhasindex": 0,
                "relpages": t.index_bytes(i) // 8192, "reltuples": float(t.rows), "relkind": "i",
                "relnatts": len(i.columns), "relfrozenxid": 0,
            })  # fmt: skip
    for number, (name, kind) in enumerate(
        [*((s, "S") for s in catalog.database.sequences), *((v, "v") for v in catalog.database.views)]
    ):
        found.append({**base, "oid": 90_000 + number, "relname": name, "relkind": kind, "relhasindex": 0})
    return found


def _attributes(catalog: Catalog) -> Rows:
    fixed = {"atttypmod": -1, "attisdropped": 0, "attlen": -1, "attndims": 0, "attidentity": "", "attgenerated": "",
             "attstattarget": -1}  # fmt: skip
    return [
        {**fixed, "attrelid": t.oid, "attname": c.name, "atttypid": types.TYPE_OIDS.get(c.type.name, 25),
         "attnum": n, "attnotnull": int(c.not_null), "atthasdef": int(c.default is not None)}
        for t in catalog.database.tables.values()
        for n, c in enumerate(t.columns, 1)
    ]  # fmt: skip


def _index(catalog: Catalog) -> Rows:
    fixed = {"indisready": 1, "indislive": 1, "indimmediate": 1, "indisclustered": 0, "indisexclusion": 0}
    return [
        {**fixed, "indexrelid": i.oid, "indrelid": t.oid, "indnatts": len(i.columns),
         "indnkeyatts": len(i.columns), "indisunique": int(i.unique), "indisprimary": int(i.primary),
         "indisvalid": int(i.valid)}
        for t in catalog.database.tables.values()
        for i in t.indexes
    ]  # fmt: skip


def constraints(catalog: Catalog) -> list[tuple[Table, str, str, int, str]]:
    """(table, name, kind letter, oid, definition) of every constraint."""
    found: list[tuple[Table, str, str, int, str]] = []
    for t in catalog.database.tables.values():
        for i in t.indexes:
            if i.constraint:
                word = "PRIMARY KEY" if i.primary else "UNIQUE"
                found.append(
                    (t, i.name, "p" if i.primary else "u", i.oid, f"{word} ({', '.join(i.columns)})")
                )
        for n, k in enumerate(t.foreign_keys):
            body = f"FOREIGN KEY ({', '.join(k.columns)}) REFERENCES {k.table}({', '.join(k.references)}){k.action}"
            found.append((t, k.name, "f", t.oid + 500_000 + n, body))
        for n, c in enumerate(t.checks):
            valid = "" if c.validated else " NOT VALID"
            found.append((t, c.name, "c", t.oid + 600_000 + n, f"CHECK (({c.shown})){valid}"))
    return found


def _constraint(catalog: Catalog) -> Rows:
    fixed = {"connamespace": 2200, "condeferrable": 0, "condeferred": 0, "confrelid": 0, "conparentid": 0}
    return [
        {**fixed, "oid": oid, "conname": name, "contype": kind, "conrelid": t.oid,
         "convalidated": int(not body.endswith("NOT VALID")), "conindid": oid if kind in "pu" else 0}
        for t, name, kind, oid, body in constraints(catalog)
    ]  # fmt: skip


def _roles(catalog: Catalog) -> Rows:
    found = []
    for name, oid in roles(catalog.world, catalog.session.component).items():
        top = int(name == "postgres")
        found.append({
            "rolname": name, "rolsuper": top, "rolinherit": 1, "rolcreaterole": top, "rolcreatedb": top,
            "rolcanlogin": 1, "rolreplication": int(name in ("postgres", "replicator")), "rolconnlimit": -1,
            "rolpassword": "********", "rolbypassrls": top, "oid": oid,
        })  # fmt: skip
    return found


def _users(catalog: Catalog) -> Rows:
    return [
        {"usename": r["rolname"], "usesysid": r["oid"], "usecreatedb": r["rolcreatedb"], "usesuper": r["rolsuper"],
         "userepl": r["rolreplication"], "usebypassrls": r["rolbypassrls"], "passwd": "********"}
        for r in _roles(catalog)
    ]  # fmt: skip


def database_names(catalog: Catalog) -> list[tuple[str, int, str]]:
    """(name, oid, owner) of the server's databases."""
    return [
        (catalog.database.name, DATABASE_OID, catalog.database.owner), ("postgres", 5, "postgres"),
        ("template0", 4, "postgres"), ("template1", 1, "postgres"),
    ]  # fmt: skip


def _databases(catalog: Catalog) -> Rows:
    oids = roles(catalog.world, catalog.session.component)
    fixed = {"encoding": 6, "datlocprovider": "c", "datconnlimit": -1, "datfrozenxid": 574_201_118, "datminmxid": 1,
             "dattablespace": 1663, "datcollate": "C.UTF-8", "datctype": "C.UTF-8"}  # fmt: skip
    return [
        {**fixed, "oid": oid, "datname": name, "datdba": oids.get(owner, 10),
         "datistemplate": int(name.startswith("template")), "datallowconn": int(name != "template0")}
        for name, oid, owner in database_names(catalog)
    ]  # fmt: skip


def _namespaces(catalog: Catalog) -> Rows:
    return [{"oid": oid, "nspname": name, "nspowner": 10} for name, oid in SCHEMAS.items()]


def _types(catalog: Catalog) -> Rows:
    return [
        {"oid": oid, "typname": name.strip('"'), "typnamespace": 11, "typtype": "b"}
        for name, oid in types.TYPE_OIDS.items()
    ]


def _extensions(catalog: Catalog) -> Rows:
    return [
        {"oid": 16_370 + n, "extname": name, "extowner": 10, "extnamespace": SCHEMAS[schema], "extrelocatable": 1,
         "extversion": version}
        for n, (name, version, schema, _) in enumerate(EXTENSIONS)
    ]  # fmt: skip


def _info_tables(catalog: Catalog) -> Rows:
    base = {"table_catalog": catalog.database.name, "table_schema": "public", "is_typed": "NO"}
    table = {**base, "table_type": "BASE TABLE", "is_insertable_into": "YES"}
    view = {**base, "table_type": "VIEW", "is_insertable_into": "NO"}
    found: Rows = [{**table, "table_name": name} for name in catalog.database.tables]
    found += [{**view, "table_name": name} for name in catalog.database.views]
    for full in view_columns():
        schema, _, bare = full.rpartition(".")
        found.append({**view, "table_schema": schema or "pg_catalog", "table_name": bare})
    return found


_UDT = {"bigint": "int8", "integer": "int4", "smallint": "int2", "boolean": "bool", "character varying": "varchar",
        "character": "bpchar", "timestamp with time zone": "timestamptz", "double precision": "float8",
        "timestamp without time zone": "timestamp"}  # fmt: skip
_PRECISION = {
    "bigint": (64, 2, 0),
    "integer": (32, 2, 0),
    "smallint": (16, 2, 0),
    "double precision": (53, 2, None),
}


def _info_columns(catalog: Catalog) -> Rows:
    found = []
    for t in catalog.database.tables.values():
        for n, c in enumerate(t.columns, 1):
            precision: tuple[int | None, int | None, int | None] = _PRECISION.get(
                c.type.name, (None, None, None)
            )
            if c.type.name == "numeric" and c.type.args:
                precision = (c.type.args[0], 10, c.type.scale)
            sized = c.type.name.startswith("character") and c.type.args
            found.append({
                "table_catalog": catalog.database.name, "table_schema": "public", "table_name": t.name,
                "column_name": c.name, "ordinal_position": n, "column_default": c.default,
                "is_nullable": "NO" if c.not_null else "YES", "data_type": "ARRAY" if c.type.is_array else c.type.name,
                "character_maximum_length": c.type.args[0] if sized else None, "numeric_precision": precision[0],
                "numeric_precision_radix": precision[1], "numeric_scale": precision[2],
                "datetime_precision": 6 if c.type.name.startswith("timestamp") else None,
                "udt_catalog": catalog.database.name, "udt_schema": "pg_catalog",
                "udt_name": _UDT.get(c.type.name, c.type.name), "is_identity": "NO", "is_generated": "NEVER",
                "is_updatable": "YES",
            })  # fmt: skip
    return found


def _info_constraints(catalog: Catalog) -> Rows:
    kinds = {"p": "PRIMARY KEY", "u": "UNIQUE", "f": "FOREIGN KEY", "c": "CHECK"}
    name = catalog.database.name
    fixed = {"constraint_catalog": name, "constraint_schema": "public", "table_catalog": name,
             "table_schema": "public", "is_deferrable": "NO", "initially_deferred": "NO", "enforced": "YES"}  # fmt: skip
    return [
        {**fixed, "constraint_name": conname, "table_name": t.name, "constraint_type": kinds[kind]}
        for t, conname, kind, _, _ in constraints(catalog)
    ]


def _nothing(catalog: Catalog) -> Rows:
    return []


def _ssl(catalog: Catalog) -> Rows:
    return [
        {"pid": row["pid"], "ssl": False} for row in activity.stat_activity(catalog) if row.get("client_addr")
    ]


def _available(catalog: Catalog) -> Rows:
    return [{"name": name, "default_version": version, "installed_version": version, "comment": text}
            for name, version, _, text in EXTENSIONS]  # fmt: skip


def _stats(catalog: Catalog) -> Rows:
    """What ANALYZE found, as far as a column's description tells it."""
    return [
        {"schemaname": "public", "tablename": t.name, "attname": c.name, "inherited": False, "null_frac": 0.0, "avg_width": 8,
         "n_distinct": -1.0 if c.name == "id" else 200.0, "correlation": 1.0 if c.name == "id" else 0.02}
        for t in catalog.database.tables.values()
        for c in t.columns
    ]  # fmt: skip


def _conflicts(catalog: Catalog) -> Rows:
    names = ("confl_tablespace", "confl_lock", "confl_snapshot", "confl_bufferpin", "confl_deadlock")
    return [{"datid": DATABASE_OID, "datname": catalog.database.name, **dict.fromkeys(names, 0)}]


VIEWS: dict[str, Callable[[Catalog], Rows]] = {
    "pg_stat_activity": activity.stat_activity, "pg_stat_statements": activity.stat_statements,
    "pg_stat_statements_info": activity.stat_statements_info, "pg_stat_database": activity.stat_database,
    "pg_locks": activity.locks, "pg_stat_user_tables": activity.stat_user_tables,
    "pg_stat_user_indexes": activity.stat_user_indexes, "pg_statio_user_tables": activity.statio_user_tables,
    "pg_stat_replication": activity.stat_replication, "pg_replication_slots": activity.replication_slots,
    "pg_stat_bgwriter": activity.stat_bgwriter, "pg_stat_wal": activity.stat_wal,
    "pg_control_checkpoint": control_views.control_checkpoint, "pg_control_system": control_views.control_system,
    "pg_stat_archiver": activity.stat_archiver, "pg_settings": _settings, "pg_tables": _tables,
    "pg_indexes": _indexes, "pg_views": _views, "pg_sequences": _sequences, "pg_class": _class,
    "pg_attribute": _attributes, "pg_index": _index, "pg_constraint": _constraint, "pg_roles": _roles,
    "pg_user": _users, "pg_database": _databases, "pg_namespace": _namespaces, "pg_type": _types,
    "pg_extension": _extensions, "pg_stat_progress_vacuum": activity.progress_vacuum, "pg_prepared_xacts": _nothing,
    "pg_stat_ssl": _ssl, "pg_available_extensions": _available, "pg_stats": _stats, "pg_stat_database_conflicts": _conflicts,
    **dict.fromkeys(
        ("pg_stat_wal_receiver", "pg_stat_subscription", "pg_stat_slru", "pg_stat_progress_analyze", "pg_stat_progress_copy",
         "pg_hba_file_rules", "pg_file_settings", "pg_timezone_names", "pg_stat_user_functions", "pg_cursors", "pg_trigger",
         "pg_prepared_statements", "pg_publication", "pg_stat_progress_basebackup"), _nothing,
    ),
    "pg_stat_progress_create_index": activity.progress_create_index, "information_schema.tables": _info_tables,
    "information_schema.columns": _info_columns, "information_schema.table_constraints": _info_constraints,
}  # fmt: skip
