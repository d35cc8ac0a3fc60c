"""What a statement can name: the data tables and the `pg_*` views, both as rows for one statement.

Views are read from the world at that moment. No SQL is run here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.engine import streams
from simulator.postgres import rows as sampling
from simulator.postgres import settings as server_settings
from simulator.postgres.compiler import Relation
from simulator.postgres.errors import PgError
from simulator.postgres.state import Database, Server, Session, Table, service_queries
from simulator.postgres.types import (
    BOOL,
    FLOAT8,
    INET,
    INT4,
    INT8,
    NAME,
    NUMERIC,
    OID,
    TEXT,
    TIMESTAMPTZ,
    US,
    PgType,
)

if TYPE_CHECKING:
    from simulator.world import World

FIRST_PID = 20_100
LOOKUP = "SELECT sku, qty, price FROM payment_items WHERE payment_id = $1"
Cells = tuple[Any, ...]


@dataclass
class Catalog:
    """The names of one database for one statement; `used` collects what has to be loaded."""

    world: World
    session: Session
    used: dict[str, bool] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.session.working or self.world.postgres.databases[self.session.component]

    @property
    def server(self) -> Server:
        return self.world.postgres.servers[self.session.component]

    @property
    def now_us(self) -> int:
        return self.world.postgres.start_us + round(self.world.now_s * US)

    def relation(self, schema: str, name: str, position: int | None) -> Relation:
        """Raises PgError for a name the database does not have."""
        shown = f"{schema}.{name}" if schema else name
        table = self.database.tables.get(name)
        if table is not None and schema in ("", "public"):
            self.used[name] = True
            key = tuple(table.primary.columns) if table.primary else ()
            columns = {c.name: c.type for c in table.columns}
            return Relation(f"t_{name}", columns, True, name, key)
        view = VIEWS.get(f"information_schema.{name}" if schema == "information_schema" else name)
        if view is not None and schema in ("", "pg_catalog", "information_schema"):
            self.used[shown] = True
            return Relation(f"v_{name}", dict(view.columns))
        raise PgError(f'relation "{shown}" does not exist', position=position)

    def view_rows(self, shown: str) -> tuple[str, View, list[Cells]]:
        name = shown.rpartition(".")[2]
        view = VIEWS[shown if shown.startswith("information_schema.") else name]
        return f"v_{name}", view, list(view.rows(self))

    def table_rows(
        self, table: Table, wanted: dict[tuple[str, int], bool]
    ) -> list[tuple[int, int, dict[str, Any]]]:
        """(row number, weight, values by column name) of everything a statement can see of a table."""
        state = self.world.postgres
        found: dict[int, tuple[int, dict[str, Any]]] = {}
        spec = table.spec
        if spec is not None:
            rows = list(sampling.sampled(state.seed, spec, state.start_us))
            if spec.live or spec.children_of:
                rows += sampling.live(state.seed, spec, state.start_us, self._slices())
            for column, ident in wanted:
                if column == "id":
                    rows += sampling.by_id(state.seed, spec, state.start_us, ident)
                elif spec.children_of and column.endswith("_id"):
                    rows += sampling.children_by_parent(state.seed, spec, state.start_us, ident)
            names = [c.name for c in spec.columns]
            seen: dict[Any, bool] = {}
            for row in rows:
                if table.emptied_s is not None and row.t_s <= table.emptied_s:
                    continue
                if row.values[0] in seen:
                    continue
                seen[row.values[0]] = True
                found[row.rowid] = (row.weight, dict(zip(names, row.values, strict=True)))
        found.update(table.changed)
        result = []
        for rowid, (weight, values) in found.items():
            if rowid not in table.removed:
                cells = {c.name: values.get(c.key, c.filled) for c in table.columns}
                result.append((rowid, weight, cells))
        return result

    def _slices(self) -> list[sampling.Slice]:
        """What the main traffic class added to live tables since the start, by slice."""
        history = self.world.plane.history
        base = f"class/{self.world.scenario.sli.traffic_class}/"
        ok, declined = history.column(base + "ok"), history.column(base + "declined")
        step = sampling.LIVE_SLICE_S
        found, before = [], 0
        for index in range(len(ok) // step):
            part = slice(index * step, (index + 1) * step)
            good, bad = round(sum(ok[part])), round(sum(declined[part]))
            found.append(sampling.Slice(index, good, bad, before))
            before += good + bad
        return found


@dataclass(frozen=True)
class View:
    columns: tuple[tuple[str, PgType], ...]
    rows: Callable[[Catalog], Iterator[Cells]]


def statements(catalog: Catalog) -> list[tuple[str, str, float, float]]:
    """(user, statement, calls, CPU seconds a call) that services have sent since the start."""
    world, component = catalog.world, catalog.session.component
    history = world.plane.history
    scenario = world.scenario
    found: dict[tuple[str, str], list[float]] = {}
    pools = {p.name: p for p in world.plane.pools(component)}
    for service, sql in service_queries(scenario, component):
        pool = pools.get(service) or pools[component]
        for version, spec in scenario.services()[service].versions.items():
            base = f"service/{service}/{version}/"
            asked = sum(history.column(base + "requests")) - sum(history.column(base + "rejected"))
            if asked <= 0:
                continue
            step = next(
                s for steps in scenario.services()[service].endpoints.values() for s in steps if s.sql == sql
            )
            cpu = (step.cpu_ms or 0.0) / 1000
            loops = spec.queries - 1 if step.times == "queries" else 0
            found.setdefault((pool.user, sql), [0.0, cpu])[0] += asked
            if loops > 0:
                done = max(
                    0.0,
                    sum(history.column(f"pool/{pool.name}/queries")) - _single(catalog, service, pool.name),
                )
                found.setdefault((pool.user, LOOKUP), [0.0, cpu])[0] = done
    return [(user, sql, calls, cpu) for (user, sql), (calls, cpu) in found.items()]


def _single(catalog: Catalog, service: str, pool: str) -> float:
    """Calls of a pool that were a request's first query."""
    world = catalog.world
    total = 0.0
    for version in world.scenario.services()[service].versions:
        base = f"service/{service}/{version}/"
        column = world.plane.history.column
        total += sum(column(base + "requests")) - sum(column(base + "rejected"))
    return total


def _looping(catalog: Catalog, pool: str) -> float:
    """Share of a pool's running queries that are look-ups in a loop, by the versions that run now."""
    focus = catalog.world.scenario.focus
    if pool != focus.database:
        return 0.0
    one = many = 0.0
    for group in catalog.world.plane.groups(focus.service):
        queries = catalog.world.scenario.services()[focus.service].versions[group.version].queries
        one += group.rps
        many += group.rps * max(0, queries - 1)
    return many / (one + many) if one + many > 0 else 0.0


def _activity(catalog: Catalog) -> Iterator[Cells]:
    world, component = catalog.world, catalog.session.component
    latency = max(0.0005, world.plane.database(component).latency_s)
    now = catalog.now_us
    slot = 0
    sent = dict(service_queries(world.scenario, component))
    for pool in world.plane.pools(component):
        active = round(min(pool.active, pool.open))
        main = pool.name == component
        service = world.scenario.focus.service if main else pool.name
        host = "10.244.7.2" if pool.via else "10.244.3.14"
        loop = _looping(catalog, pool.name)
        for n in range(pool.open):
            slot += 1
            key = streams.key_of(world.seed, "backend", pool.name, n)
            born = now - int((600 + 3000 * streams.uniform(key)) * US)
            name = f"{pool.name}/{n}"
            pid = FIRST_PID + slot + 1000 * catalog.server.incarnations.get(name, 0)
            draw = streams.uniform(key, int(world.now_s))
            running = n < active
            ago = int(latency * draw * US) if running else int((0.05 + draw) * US)
            first = sent.get(service, "SELECT 1")
            query = LOOKUP if draw < loop else first
            yield (
                16_384, catalog.database.name, pid, 16_400 + len(pool.user), pool.user,
                "pgbouncer" if pool.via else service, host, 40_000 + slot, born, now - ago if running else None,
                now - ago, now - ago, None if running else "Client", None if running else "ClientRead",
                "active" if running else "idle", query, "client backend",
            )  # fmt: skip
    yield (
        16_384, catalog.database.name, FIRST_PID, 10, catalog.session.user, catalog.session.application, None, -1,
        now - 2 * US, now, now, now, None, None, "active", catalog.session.last_query, "client backend",
    )  # fmt: skip
    for n, kind in enumerate(
        (
            "checkpointer",
            "background writer",
            "walwriter",
            "autovacuum launcher",
            "logical replication launcher",
        )
    ):
        yield (None, None, 61 + n, None, None, "", None, None, now - 86_400 * US, None, None, None, "Activity",
               kind.title().replace(" ", "") + "Main", None, "", kind)  # fmt: skip


def backends(catalog: Catalog) -> dict[int, str]:
    """pid → pool/slot of every client backend."""
    found: dict[int, str] = {}
    slot = 0
    for pool in catalog.world.plane.pools(catalog.session.component):
        for n in range(pool.open):
            slot += 1
            name = f"{pool.name}/{n}"
            found[FIRST_PID + slot + 1000 * catalog.server.incarnations.get(name, 0)] = name
    return found


def _stat_statements(catalog: Catalog) -> Iterator[Cells]:
    latency = catalog.world.plane.database(catalog.session.component)
    slow = latency.latency_s
    for user, sql, calls, cpu in statements(catalog):
        mean = max(cpu, slow if calls else cpu) * 1000
        ident = streams.key_of(1, sql) >> 1
        yield (16_400 + len(user), 16_384, ident, sql, round(calls), mean * calls, cpu * 1000 * 0.2, mean * 9, mean,
               mean * 0.9, round(calls), round(calls * 4), round(calls * 0.01))  # fmt: skip


def _stat_database(catalog: Catalog) -> Iterator[Cells]:
    history = catalog.world.plane.history
    total = round(sum(history.column(f"db/{catalog.session.component}/queries")))
    state = catalog.world.plane.database(catalog.session.component)
    yield (16_384, catalog.database.name, state.connections + 1, 8_123_456_000 + total, 4_211, 91_234_567 + total // 90,
           40_123_456_789 + total * 4, 0, 0.0)  # fmt: skip


def _locks(catalog: Catalog) -> Iterator[Cells]:
    for row in _activity(catalog):
        if row[14] == "active" and row[2] != FIRST_PID:
            name = "payment_items" if row[15] == LOOKUP else "payments"
            table = catalog.database.tables.get(name)
            if table is not None:
                yield ("relation", 16_384, table.oid, row[2], "AccessShareLock", True, True, None)


def _user_tables(catalog: Catalog) -> Iterator[Cells]:
    for table in catalog.database.tables.values():
        yield (table.oid, "public", table.name, 12, table.rows * 3, table.rows, table.inserted, table.updated,
               table.deleted, table.rows, table.dead, None, catalog.now_us - 3_600 * US)  # fmt: skip


def _settings(catalog: Catalog) -> Iterator[Cells]:
    server = catalog.server
    for name, setting in server_settings.catalogue().items():
        value = catalog.session.settings.get(name, server.settings.get(name, setting.boot))
        yield (
            name,
            value,
            setting.unit or None,
            setting.context,
            "configuration file" if name in server.settings else "default",
        )


def _tables(catalog: Catalog) -> Iterator[Cells]:
    for table in catalog.database.tables.values():
        yield ("public", table.name, table.owner, None, bool(table.indexes), False, False, False)


def indexdef(table: Table, number: int) -> str:
    index = table.indexes[number]
    unique = "UNIQUE " if index.unique else ""
    where = f" WHERE {index.where}" if index.where else ""
    columns = ", ".join(index.columns)
    return f"CREATE {unique}INDEX {index.name} ON public.{table.name} USING {index.method} ({columns}){where}"


def _indexes(catalog: Catalog) -> Iterator[Cells]:
    for table in catalog.database.tables.values():
        for n, index in enumerate(table.indexes):
            yield ("public", table.name, index.name, None, indexdef(table, n))


def _replication(catalog: Catalog) -> Iterator[Cells]:
    yield (902, "replicator", f"{catalog.session.component}-1", "10.0.2.21", "streaming", "async", 0)


def _info_tables(catalog: Catalog) -> Iterator[Cells]:
    for table in catalog.database.tables.values():
        yield (catalog.database.name, "public", table.name, "BASE TABLE")


def _info_columns(catalog: Catalog) -> Iterator[Cells]:
    for table in catalog.database.tables.values():
        for n, column in enumerate(table.columns, 1):
            yield (catalog.database.name, "public", table.name, column.name, n, column.default,
                   "NO" if column.not_null else "YES", column.type.name)  # fmt: skip


def _class(catalog: Catalog) -> Iterator[Cells]:
    for table in catalog.database.tables.values():
        yield (table.oid, table.name, 2200, "r", float(table.rows), table.heap_bytes // 8192)
        for index in table.indexes:
            yield (index.oid, index.name, 2200, "i", float(table.rows), table.index_bytes(index) // 8192)


def _roles(catalog: Catalog) -> Iterator[Cells]:
    users = {
        "postgres": True,
        **{p.user: False for p in catalog.world.plane.pools(catalog.session.component)},
    }
    for n, (name, superuser) in enumerate(users.items()):
        yield (name, superuser, True, 16_399 + n, -1)


def _databases(catalog: Catalog) -> Iterator[Cells]:
    for n, name in enumerate((catalog.database.name, "postgres", "template1")):
        yield (16_384 + n, name, True, -1)


VIEWS: dict[str, View] = {
    "pg_stat_activity": View(
        (("datid", OID), ("datname", NAME), ("pid", INT4), ("usesysid", OID), ("usename", NAME), ("application_name", TEXT),
         ("client_addr", INET), ("client_port", INT4), ("backend_start", TIMESTAMPTZ), ("xact_start", TIMESTAMPTZ),
         ("query_start", TIMESTAMPTZ), ("state_change", TIMESTAMPTZ), ("wait_event_type", TEXT), ("wait_event", TEXT),
         ("state", TEXT), ("query", TEXT), ("backend_type", TEXT)), _activity),
    "pg_stat_statements": View(
        (("userid", OID), ("dbid", OID), ("queryid", INT8), ("query", TEXT), ("calls", INT8), ("total_exec_time", FLOAT8),
         ("min_exec_time", FLOAT8), ("max_exec_time", FLOAT8), ("mean_exec_time", FLOAT8), ("stddev_exec_time", FLOAT8),
         ("rows", INT8), ("shared_blks_hit", INT8), ("shared_blks_read", INT8)), _stat_statements),
    "pg_stat_database": View(
        (("datid", OID), ("datname", NAME), ("numbackends", INT4), ("xact_commit", INT8), ("xact_rollback", INT8),
         ("blks_read", INT8), ("blks_hit", INT8), ("deadlocks", INT8), ("blk_read_time", FLOAT8)), _stat_database),
    "pg_locks": View(
        (("locktype", TEXT), ("database", OID), ("relation", OID), ("pid", INT4), ("mode", TEXT), ("granted", BOOL),
         ("fastpath", BOOL), ("waitstart", TIMESTAMPTZ)), _locks),
    "pg_stat_user_tables": View(
        (("relid", OID), ("schemaname", NAME), ("relname", NAME), ("seq_scan", INT8), ("seq_tup_read", INT8),
         ("idx_scan", INT8), ("n_tup_ins", INT8), ("n_tup_upd", INT8), ("n_tup_del", INT8), ("n_live_tup", INT8),
         ("n_dead_tup", INT8), ("last_vacuum", TIMESTAMPTZ), ("last_autovacuum", TIMESTAMPTZ)), _user_tables),
    "pg_settings": View(
        (("name", TEXT), ("setting", TEXT), ("unit", TEXT), ("context", TEXT), ("source", TEXT)), _settings),
    "pg_tables": View(
        (("schemaname", NAME), ("tablename", NAME), ("tableowner", NAME), ("tablespace", NAME), ("hasindexes", BOOL),
         ("hasrules", BOOL), ("hastriggers", BOOL), ("rowsecurity", BOOL)), _tables),
    "pg_indexes": View(
        (("schemaname", NAME), ("tablename", NAME), ("indexname", NAME), ("tablespace", NAME), ("indexdef", TEXT)), _indexes),
    "pg_stat_replication": View(
        (("pid", INT4), ("usename", NAME), ("application_name", TEXT), ("client_addr", INET), ("state", TEXT),
         ("sync_state", TEXT), ("replay_lag_bytes", NUMERIC)), _replication),
    "pg_class": View(
        (("oid", OID), ("relname", NAME), ("relnamespace", OID), ("relkind", TEXT), ("reltuples", FLOAT8), ("relpages", INT4)),
        _class),
    "pg_roles": View(
        (("rolname", NAME), ("rolsuper", BOOL), ("rolcanlogin", BOOL), ("oid", OID), ("rolconnlimit", INT4)), _roles),
    "pg_database": View((("oid", OID), ("datname", NAME), ("datallowconn", BOOL), ("datconnlimit", INT4)), _databases),
    "information_schema.tables": View(
        (("table_catalog", NAME), ("table_schema", NAME), ("table_name", NAME), ("table_type", TEXT)), _info_tables),
    "information_schema.columns": View(
        (("table_catalog", NAME), ("table_schema", NAME), ("table_name", NAME), ("column_name", NAME),
         ("ordinal_position", INT4), ("column_default", TEXT), ("is_nullable", TEXT), ("data_type", TEXT)), _info_columns),
}  # fmt: skip
