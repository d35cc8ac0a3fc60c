"""The room's state: plain picklable data. What a player changed in a database is all that is kept.

Sampled rows are functions of the seed (`rows`); views and query results are built per statement.
"""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from simulator.postgres import rows as sampling
from simulator.postgres import types
from simulator.postgres.schema import (
    BY_DATABASE,
    DEFAULT_TABLES,
    WELL_KNOWN,
    TableSpec,
    guessed,
    widened,
)
from simulator.postgres.types import PgType

if TYPE_CHECKING:
    from simulator.entities.store import Store
    from simulator.postgres.entity_rows import WriteTimes
    from simulator.scenario import EntityTable, Postgres, Scenario

PAGE = 8192
FIRST_OID = 16_390
NEW_ROWS = 1_000_000_000  # numbers of rows that statements add start here


@dataclass
class Column:
    """A column; `key` is its name when it was created, which rows are stored under.

    `filled` is what rows written before the column existed hold.
    """

    name: str
    type: PgType
    not_null: bool = False
    default: str | None = None
    key: str = ""
    filled: Any = None

    def __post_init__(self) -> None:
        self.key = self.key or self.name


@dataclass
class Index:
    """`columns` are the expressions as `pg_get_indexdef` prints them; `where` likewise or empty."""

    name: str
    oid: int
    columns: list[str]
    unique: bool = False
    primary: bool = False
    valid: bool = True
    constraint: bool = False
    method: str = "btree"
    where: str = ""
    created_s: float = 0.0


@dataclass
class ForeignKey:
    name: str
    columns: list[str]
    table: str
    references: list[str]
    action: str = ""


@dataclass
class Check:
    """`expression` as written by the player, `shown` as `\\d` prints it."""

    name: str
    expression: str
    shown: str
    validated: bool = True


@dataclass
class Table:
    """A table's metadata and the player's rows laid over the sampled ones.

    `changed` maps a row number to (weight, values by column key); `removed` holds row numbers that are
    gone. `emptied_s` is when it was truncated: sampled rows from before that are gone too.
    """

    name: str
    oid: int
    owner: str
    columns: list[Column]
    spec: TableSpec | None = None
    indexes: list[Index] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    changed: dict[int, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    removed: dict[int, bool] = field(default_factory=dict)
    next_rowid: int = NEW_ROWS
    emptied_s: float | None = None
    row_bytes: int = 80
    gained: int = 0  # rows the player added or removed, at full size
    dead: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    vacuumed_s: float | None = None
    analyzed_s: float | None = None
    entity: EntityTable | None = None  # its rows are the entities'
    source: str = ""  # the table's name in their store
    offset: int = 0  # ids of rows in play begin above those of older rows
    overlay: dict[int, dict[str, Any]] = field(default_factory=dict)  # what the store has no place for
    weighted: bool = False  # copied from a sample: some of its rows stand for many
    truncated: bool = False  # by a statement that has not been carried over to the store
    free: int = 0  # rows whose space VACUUM has made usable again
    autovacuumed_s: float | None = None

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    @property
    def base_rows(self) -> int:
        """Rows it held when the scenario began, as far as they are still there."""
        if self.emptied_s is not None:
            return 0
        if self.entity is not None:
            return self.entity.rows
        return sampling.total_rows(self.spec) if self.spec else 0

    @property
    def sampled(self) -> bool:
        """Whether some of its rows stand for many."""
        return self.spec is not None or self.weighted or (self.entity is not None and self.entity.rows > 0)

    @property
    def rows(self) -> int:
        return max(0, self.base_rows + self.gained)

    @property
    def heap_bytes(self) -> int:
        size = (self.rows + self.dead + self.free) * self.row_bytes
        return (size + PAGE - 1) // PAGE * PAGE

    def index_bytes(self, index: Index) -> int:
        share = 0.02 if index.where else 1.0
        size = int(self.rows * share * (24 + 8 * (len(index.columns) - 1)))
        return max(PAGE, size // PAGE * PAGE)

    def rewritten(self, rows: int) -> None:
        """So many rows got a new version: into free space first, the old ones are dead."""
        self.free = max(0, self.free - rows)
        self.dead += rows

    @property
    def primary(self) -> Index | None:
        return next((i for i in self.indexes if i.primary), None)


@dataclass
class Sequence:
    name: str
    last: int = 0
    called: bool = False
    owner_table: str = ""
    start: int = 1
    step: int = 1
    kind: str = "bigint"

    @property
    def value(self) -> int:
        """Its last_value: the first number, as long as none was taken."""
        return self.last if self.called or self.last else self.start

    @property
    def logged(self) -> int:
        """Its log_cnt: how many of the 32 numbers that were written ahead are left."""
        return 32 - (self.last - self.start) // self.step % 33 if self.called else 0


@dataclass
class Database:
    """One database of one server (a scenario's component)."""

    component: str
    name: str
    owner: str
    tables: dict[str, Table] = field(default_factory=dict)
    sequences: dict[str, Sequence] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)
    next_oid: int = FIRST_OID
    dropped: list[Table] = field(default_factory=list)  # tables over entities that a statement dropped
    emptied: list[tuple[Table, str]] = field(
        default_factory=list
    )  # likewise columns with a table of their own

    def new_oid(self) -> int:
        self.next_oid += 1
        return self.next_oid

    def copy(self) -> Database:
        """An independent copy, which a transaction works on."""
        copied: Database = pickle.loads(pickle.dumps(self))
        return copied


@dataclass
class Server:
    """What belongs to a server: settings and what was done to its backends."""

    component: str
    version: str
    settings: dict[str, str] = field(default_factory=dict)  # in force, base units
    pending: dict[str, str] = field(default_factory=dict)  # ALTER SYSTEM, not yet in force
    configured: dict[str, str] = field(default_factory=dict)  # postgresql.conf: what RESET goes back to
    overridden: dict[str, bool] = field(default_factory=dict)  # set by ALTER SYSTEM
    incarnations: dict[str, int] = field(default_factory=dict)  # "pool/slot": how often terminated
    restarted_s: dict[str, float] = field(default_factory=dict)  # "pool/slot": when it reconnected
    terminated: list[tuple[float, int, str]] = field(default_factory=list)  # (time, pid, pool)
    cancelled: list[tuple[float, int, str]] = field(default_factory=list)
    statements_reset_s: float = 0.0
    stats_reset_s: float = 0.0
    reloaded_s: float = 0.0


@dataclass
class Bouncer:
    """PgBouncer's own state: settings set from its console, paused databases."""

    settings: dict[str, str] = field(default_factory=dict)
    paused: dict[str, bool] = field(default_factory=dict)


@dataclass
class Session:
    """A connection. Bare SQL lines of a terminal share one, each `psql` run has its own."""

    component: str
    database: str
    user: str = "postgres"
    application: str = "psql"
    host: str = ""
    port: int = 5432
    via_bouncer: bool = False
    working: Database | None = None  # what an open transaction has made of the database
    implicit: bool = False  # the transaction is only that of a string with several statements
    savepoints: list[tuple[str, Database]] = field(default_factory=list)
    aborted: bool = False
    began_s: float = 0.0
    changed: bool = False
    last_query: str = ""
    pid: int = 0  # of a background job's session
    ready: bool = False  # its statement has waited and worked: only the effect is left
    settings: dict[str, str] = field(default_factory=dict)
    local_before: dict[str, str | None] = field(default_factory=dict)  # what SET LOCAL puts back
    display: dict[str, str] = field(default_factory=dict)  # \x, \timing, \pset of a terminal
    numbers: dict[str, int] = field(default_factory=dict)  # what nextval gave it, by sequence
    last_sequence: str = ""
    prepared: dict[str, str] = field(default_factory=dict)
    cursors: dict[str, Any] = field(default_factory=dict)  # name -> cursors.Cursor
    advisory: dict[str, int] = field(default_factory=dict)  # how often it took each advisory lock
    side: str = ""  # a restored copy of the database, on a machine of its own

    @property
    def in_transaction(self) -> bool:
        return self.working is not None


def _write_times() -> WriteTimes:
    from simulator.postgres.entity_rows import WriteTimes

    return WriteTimes()


@dataclass
class Side:
    """A copy of a database that was restored beside it: for reading.

    `refuses`: what a connection is told instead, empty when it is let in.
    """

    component: str
    database: Database
    stores: dict[str, Store] = field(default_factory=dict)
    refuses: str = ""
    paused: bool = False  # at its target, still in recovery


@dataclass
class PostgresState:
    """All PostgreSQL servers of a world, by component name."""

    seed: int
    start_us: int
    databases: dict[str, Database] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    bouncers: dict[str, Bouncer] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)  # service: why, as set by this room
    console: Session | None = None  # the session of bare SQL lines
    times: WriteTimes = field(default_factory=_write_times)
    sides: dict[str, Side] = field(default_factory=dict)  # restored copies, by machine
    versions: dict[str, list[tuple[float, bytes]]] = field(default_factory=dict)  # see `versions`


def build_postgres(scenario: Scenario, seed: int) -> PostgresState:
    """The room's state at the start of a scenario."""
    start = scenario.starts_at
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    start_us = int((start - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * types.US
    state = PostgresState(seed, start_us)
    for component, spec in scenario.databases().items():
        database = _build_database(scenario, component, spec)
        shards = [f"{component}-{n}" for n in range(spec.shards)] if spec.shards > 1 else []
        for name in (component, *shards):
            state.databases[name] = database if name == component else database.copy()
            state.servers[name] = _build_server(name, spec)
            state.bouncers[name] = Bouncer()
    return state


def _build_server(component: str, spec: Postgres) -> Server:
    memory_pages = spec.cores * 4 * 1024 * 128  # 4 GB of memory a core
    settings = {
        "max_connections": str(spec.max_connections),
        "superuser_reserved_connections": str(spec.superuser_reserved),
        "shared_buffers": str(memory_pages // 4),
        "effective_cache_size": str(memory_pages * 3 // 4),
        "max_wal_size": "16384",
        "random_page_cost": "1.1",
        "log_min_duration_statement": "1000",
        "shared_preload_libraries": "pg_stat_statements",
        **spec.settings,
    }
    return Server(component, spec.version, settings, configured=dict(settings))


def _build_database(scenario: Scenario, component: str, spec: Postgres) -> Database:
    from simulator.postgres import bound

    database = Database(component, spec.database, spec.pool.user)
    names = dict.fromkeys(BY_DATABASE.get(spec.database, DEFAULT_TABLES))
    mentioned = _mentioned(scenario, component)
    specs = {name: WELL_KNOWN[name] for name in names}
    for name, columns in mentioned.items():
        known = WELL_KNOWN.get(name)
        held = {s.name for s in known.columns} if known is not None else {}
        missing = tuple(c for c in columns if c not in held)
        if known is None:
            known = guessed(name, tuple(columns))
        elif missing:
            known = widened(known, missing)
            shard_key = (
                scenario.sharding.keys.removesuffix("s") + "_id" if scenario.sharding is not None else ""
            )
            known = replace(known, hot=shard_key if shard_key in missing else "")
        specs[name] = known
        if known.children_of:
            specs.setdefault(known.children_of, WELL_KNOWN[known.children_of])
    for table_spec in specs.values():
        if table_spec.name not in spec.tables:
            _add_table(database, table_spec)
    offset = max((t.rows for d in scenario.databases().values() for t in d.tables.values()), default=0)
    for name, over in spec.tables.items():
        bound.add_table(database, name, over, offset)
    return database


_TABLES = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE)\s+([a-z_][a-z0-9_]*)(?:\s+(?:AS\s+)?([a-z][a-z0-9_]*))?", re.I
)
_QUALIFIED = re.compile(r"\b([a-z_][a-z0-9_]*)\.([a-z_][a-z0-9_]*)", re.I)
_WORD = re.compile(r"(?<![\w.'$])([a-z_][a-z0-9_]*)(?![\w.(])", re.I)
_KEYWORDS = frozenset(
    "select from where join on and or order by desc asc limit offset group having insert into values update set"
    " delete left right inner outer full as in is not null like between for of skip locked returning now interval"
    " conflict do nothing using distinct count sum min max avg coalesce case when then else end true false"
    " union all exists with nowait".split()
)


def service_queries(scenario: Scenario, component: str) -> list[tuple[str, str]]:
    """(service, statement) of every query that services send to a database component."""
    found: dict[tuple[str, str], bool] = {}
    for name, service in scenario.services().items():
        for steps in service.endpoints.values():
            for step in steps:
                if step.query == component and step.sql:
                    found[(name, step.sql)] = True
    return list(found)


def _mentioned(scenario: Scenario, component: str) -> dict[str, dict[str, bool]]:
    """Tables that the services' statements name, with the columns they name."""
    tables: dict[str, dict[str, bool]] = {}
    for _, sql in service_queries(scenario, component):
        aliases = {}
        for table, alias in _TABLES.findall(sql):
            tables.setdefault(table.lower(), {})
            aliases[table.lower()] = table.lower()
            if alias and alias.lower() not in _KEYWORDS:
                aliases[alias.lower()] = table.lower()
        for alias, column in _QUALIFIED.findall(sql):
            if alias.lower() in aliases:
                tables[aliases[alias.lower()]][column.lower()] = True
        names = list(dict.fromkeys(aliases.values()))
        if len(names) == 1:
            for word in _WORD.findall(sql):
                if word.lower() not in _KEYWORDS and word.lower() not in aliases:
                    tables[names[0]][word.lower()] = True
    return tables


def _add_table(database: Database, spec: TableSpec) -> None:
    columns = [parse_column(c.name, c.definition) for c in spec.columns]
    table = Table(spec.name, database.new_oid(), database.owner, columns, spec, row_bytes=spec.row_bytes)
    table.dead = int(sampling.total_rows(spec) * spec.dead_share)
    key = columns[0].name
    table.indexes.append(
        Index(f"{spec.name}_pkey", database.new_oid(), [key], unique=True, primary=True, constraint=True)
    )
    for column in spec.unique:
        name = f"{spec.name}_{column}_key"
        table.indexes.append(Index(name, database.new_oid(), [column], unique=True, constraint=True))
    for suffix, expressions, where in spec.indexes:
        parts = [part.strip() for part in expressions.split(",")]
        table.indexes.append(Index(f"{spec.name}_{suffix}", database.new_oid(), parts, where=where))
    for column, other in spec.foreign_keys:
        table.foreign_keys.append(ForeignKey(f"{spec.name}_{column}_fkey", [column], other, ["id"]))
    for name, expression in spec.checks:
        table.checks.append(Check(name, expression, expression))
    database.tables[spec.name] = table
    if columns[0].default and "nextval" in columns[0].default:
        sequence = f"{spec.name}_id_seq"
        database.sequences[sequence] = Sequence(sequence, sampling.total_rows(spec), True, spec.name)
        database.new_oid()


_DEFINITION = re.compile(r"^(.*?)(?:\((\d+(?:,\d+)?)\))?(?: (not null))?(?: default (.*))?$")


def parse_column(name: str, definition: str) -> Column:
    """A column from `numeric(12,2) not null default 0`. Raises ValueError for an unknown type."""
    match = _DEFINITION.match(definition)
    assert match is not None  # the pattern matches every text
    base, args, not_null, default = match.groups()
    modifiers = tuple(int(a) for a in args.split(",")) if args else ()
    kind = types.named(base.strip(), modifiers)
    if kind is None:
        raise ValueError(f"column {name}: unknown type {base!r}")
    return Column(name, kind, bool(not_null), default)
