"""The one strict reader of scenario files: YAML in, frozen models out, errors name file and field.

This file knows the shape of a scenario, not what any of its parts does.
"""

import builtins
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulator.entities.groups import GroupSpec
from simulator.entities.log import TopicSpec
from simulator.entities.quorum import QuorumSpec
from simulator.entities.shards import ShardedSpec
from simulator.entities.spec import EntitiesSpec, Flow, SystemSpec
from simulator.entities.store import StoreSpec

SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"
BASES = SCENARIOS / "bases"  # topologies that several scenarios share
Language = Literal["ru", "en"]


class ScenarioError(ValueError):
    """A mistake in a scenario file or in a `--set` path: one line that names file and field."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Model):
    """A text for the player in both languages."""

    ru: str
    en: str

    def of(self, language: str) -> str:
        return self.ru if language == "ru" else self.en


class RetryBudget(_Model):
    """A token bucket for retries: `ratio` tokens a first attempt, `per_s` a second, at most `burst`."""

    ratio: float = Field(0.2, ge=0, le=10)
    per_s: float = Field(10.0, ge=0)
    burst: float = Field(100.0, ge=1)


class BreakerSpec(_Model):
    """resilience4j's count-based breaker; the defaults are the library's own (FACTS: sources)."""

    window: int = Field(default=100, gt=0, le=10_000)
    failure_rate: float = Field(default=0.5, gt=0, le=1)
    open_s: float = Field(default=60.0, gt=0)
    half_open_calls: int = Field(default=10, gt=0)


class Patience(_Model):
    """How a client calls: for how long, how often again, and when not at all."""

    retries: int = Field(0, ge=0, le=50)
    backoff_factor: float = Field(1.0, ge=1, le=10)  # of each further wait
    jitter: float = Field(0.0, ge=0, le=1)  # waits are uniform over (1 +- jitter) times the back-off
    retry_budget: RetryBudget | None = None


class TrafficClass(_Model):
    """A kind of request: `share` times `traffic.rps` arrivals a second along `path`."""

    share: float = Field(1.0, ge=0)
    path: str  # "component.endpoint" behind the entry
    decline: float = Field(0.0, ge=0, le=1)  # business refusals, neither parked nor retried


class Traffic(_Model):
    rps: float = Field(gt=0, le=1_000_000)
    entry: str
    classes: dict[str, TrafficClass] = Field(min_length=1)
    profile: list[tuple[float, float]] = []  # (second, factor of every rate), straight lines between

    @model_validator(mode="after")
    def _forward(self) -> "Traffic":
        times = [t for t, _ in self.profile]
        if times != sorted(set(times)) or any(t < 0 or f < 0 for t, f in self.profile):
            raise ValueError("profile: times must grow, and neither times nor factors be negative")
        return self


class KeySpace(_Model):
    """Keys that requests ask for: rank k is drawn in proportion to k^-zipf; `hot` adds hotter ones.

    `hot` holds shares of all requests for single further keys (a merchant on sale).
    """

    count: int = Field(gt=0, le=1_000_000_000)
    zipf: float = Field(0.0, ge=0, le=3)
    hot: list[Annotated[float, Field(gt=0, lt=1)]] = []

    @model_validator(mode="after")
    def _shares(self) -> "KeySpace":
        if sum(self.hot) >= 1:
            raise ValueError("hot: the shares of the hot keys must sum to less than 1")
        return self


class Step(Patience):
    """One step of an endpoint: work on the spot, a call, queries, a cached read, or branches in parallel."""

    work_ms: float | None = Field(None, gt=0, le=60_000)
    shape: int = Field(1, ge=1, le=16)  # Erlang stages of the work
    cpu: bool = False  # the work burns the pod's CPU, shared with whatever else runs in the pod
    call: str | None = None  # "component.endpoint"
    timeout_ms: float | None = Field(None, gt=0, le=600_000)  # of each attempt of the call
    backoff_ms: float = Field(50.0, gt=0, le=600_000)
    breaker: BreakerSpec | None = None
    optional: bool = False  # the caller goes on without the result when the call fails
    query: str | None = None  # a database component
    pool: str | None = None  # a pool of that database; default: its main pool
    times: int | Literal["queries"] = 1  # sequential queries, or the version's number
    cpu_ms: float | None = Field(None, gt=0)
    sql: str | None = None  # what the query looks like in pg_stat_*
    cache: str | None = None  # a cache component: a hit ends the step, a miss runs `miss`
    miss: list["Step"] = []
    keys: str | None = None  # which key space a cached read or a sharded query draws from
    parallel: list[list["Step"]] | None = Field(None, min_length=2, max_length=16)
    route: str | None = None  # a share of requests goes by `new`, the rest by `old`; at first none
    old: list["Step"] = []
    new: list["Step"] = []

    @model_validator(mode="after")
    def _one_kind(self) -> "Step":
        kinds = (self.work_ms, self.call, self.query, self.cache, self.parallel, self.route)
        if sum(x is not None for x in kinds) != 1:
            raise ValueError("a step is exactly one of work_ms, call, query, cache, parallel, route")
        if (self.route is not None) != bool(self.old and self.new):
            raise ValueError("a route needs the steps of old and new, and nothing else has them")
        if self.query is not None and self.cpu_ms is None:
            raise ValueError("a query needs cpu_ms")
        if self.cache is not None and (self.keys is None or not self.miss):
            raise ValueError("a cached read needs keys and miss")
        policy = self.timeout_ms is not None or self.retries or self.breaker or self.optional
        if policy and self.call is None:
            raise ValueError("timeout_ms, retries, breaker and optional belong to a call")
        return self

    @property
    def guarded(self) -> bool:
        """Whether the caller has a policy of its own for this call."""
        return bool(self.timeout_ms is not None or self.retries or self.breaker or self.optional)


class Bulkhead(_Model):
    """Concurrent requests a pod admits; `queue` more may wait in it (0: refused at once).

    `fifo` and `lifo` say who is served first (a full LIFO queue drops its oldest). `codel` is FIFO that
    drops whoever waited longer than `target_ms` once the queue has stood for `interval_ms`, and whoever
    waited longer than `interval_ms` before that (CoDel in the form Facebook published for servers).
    """

    name: str = "http"
    limit: int = Field(gt=0)
    queue: int = Field(0, ge=0)
    order: Literal["fifo", "lifo", "codel"] = "fifo"
    target_ms: float = Field(5.0, gt=0)
    interval_ms: float = Field(100.0, gt=0)


class RateLimit(_Model):
    """A token bucket before a service: what exceeds it is refused with 429."""

    rps: float = Field(gt=0)
    burst: float = Field(gt=0)


class Warmup(_Model):
    """A new pod works `factor` times slower at first; the factor falls to 1 in a line over `s` seconds."""

    s: float = Field(gt=0, le=3600)
    factor: float = Field(ge=1, le=100)


class Version(_Model):
    """`set`: settings (`simulator/settings.py`) that hold where this version runs.

    `columns` (`orders-db.orders.total`): columns its statements name; `omits`: those its INSERTs leave out.
    """

    queries: int = Field(default=1, ge=0, le=500)
    work_factor: float = Field(default=1.0, gt=0, le=100)
    set: dict[str, Any] = {}
    columns: list[str] = []
    omits: list[str] = []
    notes: Text | None = None


class Knob(_Model):
    """An environment variable that sets something: its number, or what `values` gives for its text."""

    path: str
    values: dict[str, Any] = {}


class Flag(_Model):
    """A feature flag: each state has settings of its own."""

    text: Text
    owner: str = "platform"
    default: str = "off"
    states: dict[str, dict[str, Any]] = {"off": {}, "on": {}}

    @model_validator(mode="before")
    @classmethod
    def _words(cls, raw: Any) -> Any:
        """YAML reads off and on as truth values."""
        word = {True: "on", False: "off"}
        if isinstance(raw, dict):
            raw = dict(raw)
            if isinstance(raw.get("default"), bool):
                raw["default"] = word[raw["default"]]
            if isinstance(raw.get("states"), dict):
                raw["states"] = {
                    word[k] if isinstance(k, bool) else k: v or {} for k, v in raw["states"].items()
                }
        return raw

    @model_validator(mode="after")
    def _known_default(self) -> "Flag":
        if self.default not in self.states:
            raise ValueError(f"default: no state {self.default!r} in states")
        return self


class Probe(_Model):
    """`shared`: the probe is served by the threads that serve requests, so it waits and is refused as they are."""

    path: str
    shared: bool = False
    period_s: float = 10
    timeout_s: float = 1
    failure_threshold: int = 3
    initial_delay_s: float = 0


class Hpa(_Model):
    """A HorizontalPodAutoscaler on CPU that is there from the start: `cpu` is per cent of the request."""

    min: int = Field(gt=0, le=1000)
    max: int = Field(gt=0, le=1000)
    cpu: int = Field(60, gt=0, le=1000)


class Resources(_Model):
    cpu_request: str = "500m"
    cpu_limit: str = "1"
    memory_request: str = "512Mi"
    memory_limit: str = "1Gi"


class Balancer(Patience):
    kind: Literal["balancer"]
    timeout_s: float = Field(5.0, gt=0, le=600)  # after that the client gets a 504
    backoff_s: float = Field(0.1, gt=0, le=600)
    deadline: bool = False  # the deadline travels along: services drop requests whose client has left


class Service(_Model):
    kind: Literal["service"]
    owner: str = "platform"
    language: str = "java"
    pods: int = Field(ge=0, le=5000)
    bulkhead: Bulkhead
    versions: dict[str, Version] = {"v1": Version()}
    current: str = "v1"
    startup_s: float = Field(35.0, gt=0)
    endpoints: dict[str, list[Step]]
    readiness: Probe = Probe(path="/actuator/health/readiness", period_s=5)
    liveness: Probe = Probe(path="/actuator/health/liveness")
    resources: Resources = Resources()
    env: dict[str, str] = {}
    # CPU a request burns in the pod itself, as its metrics and its autoscaler see it; left at 1: what `cpu: true`
    # steps take, where there are any
    cpu_ms: float = 1.0
    rate_limit: RateLimit | None = None
    warmup: Warmup | None = None
    placement: dict[str, int] = {}  # pods by data centre; empty: all in the first one
    knobs: dict[str, Knob] = {}  # what its environment variables set
    hpa: Hpa | None = None
    pdb: str | int | None = None  # minAvailable of its PodDisruptionBudget: pods, or "50%"

    @model_validator(mode="after")
    def _placed(self) -> "Service":
        if self.placement and sum(self.placement.values()) != self.pods:
            raise ValueError(f"placement: {sum(self.placement.values())} pods placed of {self.pods}")
        return self

    @model_validator(mode="after")
    def _current_exists(self) -> "Service":
        if self.current not in self.versions:
            raise ValueError(f"current: no version {self.current!r} in versions")
        return self


class Pool(_Model):
    """Server connections that one user of the database may hold; opened one after another."""

    limit: int = Field(gt=0, le=100_000)
    open: int = Field(1, ge=0)  # open at the start
    connect_ms: float = Field(110.0, gt=0)  # one login at a time
    acquire_timeout_s: float | None = Field(None, gt=0)
    user: str = "app"
    via: str | None = None  # "pgbouncer" when a pooler stands between
    transient: bool = False  # no pool at all: a connection a query, refused when no slot is free
    per_pod: int | None = Field(None, gt=0)  # each pod of `service` has so many: `limit` follows its pods
    service: str = ""


STORED = ("key", "number", "customer", "item", "amount", "value", "time", "changed", "text")
POSTED = ("key", "authorised", "captured", "refunded", "cancelled")
LOGGED = ("key", "partition", "offset", "time")


class TableColumn(_Model):
    """A column of a table over entities; written short as `customer` or `{value: {1: paid}}`.

    of      key (the row's number, above the ids of older rows), number (the same as it is: a customer's or an
            item's row), customer, item, amount (what the row's entity is like), value (what is stored), time and
            changed (when the row was first and last written), text (`format` alone)
    names   texts for numbers; `scale`: 2 shows kopecks as roubles; `format`: a text with {} for the number
    type    as in CREATE TABLE; default: by `of`
    part    another table of the same store: this column is its value, NULL where it has no such row
    absent  the column is not there before an ALTER TABLE adds it
    """

    of: Literal[
        "key", "number", "customer", "item", "amount", "value", "time", "changed", "text",
        "authorised", "captured", "refunded", "cancelled", "partition", "offset",
    ]  # fmt: skip
    names: dict[int, str] = {}
    scale: int = Field(0, ge=0, le=6)
    format: str = ""
    type: str = ""
    part: str = ""
    absent: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Any) -> Any:
        if isinstance(raw, str):
            return {"of": raw}
        if isinstance(raw, dict) and len(raw) == 1 and isinstance(next(iter(raw.values())), dict):
            of, names = next(iter(raw.items()))
            return {"of": of, "names": names}
        return raw


class ColumnReader(_Model):
    """How a service reads a table: `share` of its requests need the column that the setting `reads.DB.TABLE` names.

    `recent` of them look at rows in play, the rest at older ones; a NULL where a value is needed is a failure.
    """

    share: float = Field(1.0, gt=0, le=1)
    recent: float = Field(0.8, ge=0, le=1)


class EntityTable(_Model):
    """A table of a database whose rows are those of the entities: of a `store`, a payment `system` or a `topic`.

    table   its name in the store; default: its own
    flow    whose ranges customers, items and amounts come from; default: the first that writes the table
    rows    older rows beneath, which nobody plays: `old` are their stored values with weights, `span_s` how far
            they reach back; `sample` of them stand for all
    indexes column lists, `status, created_at`; `unique` likewise
    """

    store: str = ""
    system: str = ""
    topic: str = ""
    table: str = ""
    flow: str = ""
    columns: dict[str, TableColumn] = Field(min_length=1)
    rows: int = Field(0, ge=0, le=10_000_000_000)
    old: dict[int, float] = {}
    span_s: int = Field(30 * 86_400, gt=0)
    sample: int = Field(200, gt=0, le=2_000)
    row_bytes: int = Field(120, gt=0, le=8_000)
    indexes: list[str] = []
    unique: list[str] = []
    readers: dict[str, ColumnReader] = {}  # by service
    reads: str = ""  # the column they need at first
    required: list[str] = []  # columns that are NOT NULL
    references: dict[str, str] = {}  # foreign keys: column -> table

    @model_validator(mode="after")
    def _sound(self) -> "EntityTable":
        if sum(map(bool, (self.store, self.system, self.topic))) != 1:
            raise ValueError("a table is over exactly one of store, system, topic")
        allowed = STORED if self.store else POSTED if self.system else LOGGED
        for name, column in self.columns.items():
            if column.of not in allowed:
                raise ValueError(f"columns.{name}.of: one of {', '.join(allowed)}")
        if not any(c.of in ("key", "number") for c in self.columns.values()):
            raise ValueError("columns: one of them is the key or the number")
        for listed in (*self.indexes, *self.unique):
            for name in (part.split()[0] for part in listed.split(",")):
                if name not in self.columns:
                    raise ValueError(f"indexes: no column {name!r}")
        return self


class Replica(_Model):
    """A standby: it replays so much WAL a second (FACTS: 41 MB/s measured) and lags by what is left."""

    replay_mb_s: float = Field(41.0, gt=0)


class Slot(_Model):
    """A replication slot: while nobody reads it, the server keeps all WAL from where it stood."""

    active: bool = True
    retained_gb: float = Field(0.0, ge=0)


class LaggedReader(_Model):
    """A service that sends `share` of its requests to a replica for rows that are `age_s` old on average."""

    share: float = Field(gt=0, le=1)
    age_s: float = Field(10.0, gt=0)


class Storage(_Model):
    """The server's disk, its WAL and who follows it. Names of replicas are those of the store's nodes.

    `other_gb` is what else lies on the disk, `wal_mb_s` what the application writes at the scenario's usual rate.
    """

    disk_gb: float = Field(gt=0)
    other_gb: float = Field(0.0, ge=0)
    max_wal_gb: float = Field(16.0, gt=0)
    wal_mb_s: float = Field(1.0, ge=0)
    replicas: dict[str, Replica] = {}
    slots: dict[str, Slot] = {}
    readers: dict[str, LaggedReader] = {}


class LongSession(_Model):
    """A session of somebody else that stays: a report, or a transaction left open (`idle`).

    It holds AccessShareLock on the tables its statement names (RowExclusiveLock when it writes) for `for_s` seconds,
    from `at_s` on and again `every_s` seconds later. `rows`, by table and number, are locked against single orders.
    """

    user: str = "bi"
    application: str = "report"
    sql: str
    at_s: float = Field(ge=0)
    for_s: float = Field(gt=0)
    every_s: float = Field(0.0, ge=0)
    idle: bool = False
    rows: list[tuple[str, int]] = []


class Postgres(_Model):
    kind: Literal["postgres"]
    version: str = "15.8"
    database: str = "shop"
    cores: int = Field(gt=0, le=1024)
    max_connections: int = Field(100, gt=0)
    superuser_reserved: int = Field(3, ge=0)
    pool: Pool
    clients: dict[str, Pool] = {}  # further pools by service name
    shards: int = Field(1, ge=1, le=256)  # equal servers, each with these cores, slots and pools
    datacenter: str | None = None  # where the primary is; None: the first one
    standby: str | None = None  # the data centre that the primary can move to
    tables: dict[str, EntityTable] = {}  # tables whose rows are the entities'
    storage: Storage | None = None
    sessions: dict[str, LongSession] = {}
    settings: dict[str, str] = {}  # postgresql.conf, base units


class RedisSpec(_Model):
    """The Redis servers behind a cache (`simulator/redis`).

    mode        `standalone`; `sentinel`: a master, `replicas` and three Sentinels; `cluster`: `masters` share the
                16,384 slots, each with `replicas`
    key         what a cached key is called, `{}` is its number; `hot` names the keys of the key space's `hot` list
    ops_per_s   what the command thread of one node does (FACTS: 48-100 k)
    local       the setting `redis.NAME.local_s` gives pods a cache of their own for so long; `pods_of` names whose
    """

    mode: Literal["standalone", "sentinel", "cluster"] = "standalone"
    masters: int = Field(1, ge=1, le=32)
    replicas: int = Field(0, ge=0, le=5)
    maxmemory_mb: int = Field(0, ge=0)
    policy: Literal[
        "noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu",
        "volatile-random", "volatile-ttl",
    ] = "noeviction"  # fmt: skip
    key: str = "item:{}"
    hot: list[str] = []
    value_bytes: int = Field(512, ge=1, le=1_000_000)
    ops_per_s: float = Field(50_000, gt=0)
    ops_per_read: float = Field(1.0, gt=0, le=1000)  # commands that one cached read costs
    password: str = ""
    min_replicas: int = Field(0, ge=0)
    local_s: float = Field(0.0, ge=0)
    replica_reads: bool = False
    data: dict[str, str] = {}  # plain keys it holds at the start

    @model_validator(mode="after")
    def _nodes(self) -> "RedisSpec":
        if self.mode != "cluster" and self.masters != 1:
            raise ValueError("masters: only a cluster has several")
        if self.mode == "sentinel" and not self.replicas:
            raise ValueError("replicas: Sentinel needs at least one")
        return self


class Cache(_Model):
    """A read-through cache: an entry lives `ttl_s` from its fill; with `capacity` the least recent go.

    With `redis` it has servers; their `maxmemory_mb` then gives the capacity. `on` puts it on another's servers.
    """

    kind: Literal["cache"]
    ttl_s: float = Field(gt=0, le=1e7)
    capacity: int | None = Field(None, gt=0)
    op_ms: float = Field(0.3, gt=0, le=1000)
    redis: RedisSpec | None = None
    on: str = ""  # the cache whose Redis servers hold this one's keys too
    key: str = "item:{}"  # what they are called there


class Datacenter(_Model):
    weight: float = Field(1.0, ge=0)  # share of clients that DNS sends here
    nodes: int | None = Field(None, gt=0, le=500)  # machines of 16 cores; None: twice what the pods ask for


class Link(_Model):
    """The network between two data centres: one-way latency, and the share of messages lost.

    A lost message is sent again after 200 ms (TCP's least retransmission time-out).
    """

    between: tuple[str, str]
    latency_ms: float = Field(gt=0, le=10_000)
    loss: float = Field(0.0, ge=0, le=1)


class Patroni(_Model):
    """Patroni over a database's nodes: one agent a node, the leader's key in etcd (`Standby.etcd`, `ttl_s`).

    Defaults are Patroni's own. `watchdog`: whether a node whose agent does not answer is reset; without it
    PostgreSQL goes on as a primary. `pause`: maintenance mode from the start. `proxied`: clients come through a proxy
    that asks each agent's REST API (`GET /primary`) and sends writes only where the holder of the key answers.
    """

    scope: str = Field(min_length=1)
    loop_wait: int = Field(default=10, ge=1, le=600)
    retry_timeout: int = Field(default=10, ge=3, le=600)
    maximum_lag_on_failover: int = Field(default=1_048_576, ge=0)
    watchdog: Literal["off", "automatic", "required"] = "off"
    failsafe_mode: bool = False
    synchronous_mode: bool = False
    synchronous_mode_strict: bool = False
    use_pg_rewind: bool = False
    pause: bool = False
    proxied: bool = False
    hosts: dict[str, str] = {}  # of the members, as `patronictl list` shows them


class Standby(_Model):
    """How a database with a standby elsewhere fails over, and what plays its rows.

    `etcd`: members by place (data centres, or any other name for a third site); without a majority on the
    standby's side nothing moves by itself. `ttl_s` as Patroni's. `store` and `table` of the entities hold its
    rows; `evidence` is a step whose effects an outside system remembers, for reconciling what a failover lost.
    """

    etcd: dict[str, int] = {}
    ttl_s: float = Field(default=30.0, gt=0)
    store: str = ""
    table: str = ""
    evidence: str = ""
    patroni: Patroni | None = None  # what runs the failover; else a manager that only sees dead machines


class BackupSpec(_Model):
    """pgBackRest's stanza of one database: base backups, an archive of its WAL, and a spare machine to restore to.

    full_age_s, every_s   how old the last full backup is at the start, and how far apart they are; `keep` of them
    incr_s                how far apart the incremental ones are since the last full one
    size_gb               what a restore copies; copy_mb_s and replay_mb_s: how fast (FACTS: 300 and 41 measured)
    wal_mb_s              what the server writes
    spare, spare_path     the machine that takes a restored copy (`psql -h SPARE`) and its data directory
    """

    stanza: str
    path: str = "/var/lib/pgsql/15/data"
    spare: str = "restore"
    spare_path: str = "/var/lib/pgsql/restore"
    full_age_s: float = Field(6 * 3600.0, gt=0)
    every_s: float = Field(86_400.0, gt=0)
    incr_s: float = Field(3_600.0, ge=60)
    keep: int = Field(3, ge=1, le=30)
    size_gb: float = Field(40.0, gt=0)
    copy_mb_s: float = Field(300.0, gt=0)
    replay_mb_s: float = Field(41.0, gt=0)
    wal_mb_s: float = Field(1.0, gt=0)


class Dns(_Model):
    """Clients follow a change of weights within `ttl_s`, but for the share `stuck` that never re-resolves."""

    ttl_s: float = Field(default=60.0, gt=0, le=86_400)
    stuck: float = Field(default=0.05, ge=0, le=1)
    mode: Literal["auto", "manual"] = "auto"  # whether health checks move the weights by themselves
    check_s: float = Field(default=10.0, ge=1, le=600)
    fall: int = Field(default=3, ge=1, le=100)  # checks in a row
    rise: int = Field(default=3, ge=1, le=100)


class Worker(_Model):
    """Re-submits what failed for technical reasons from a durable queue, behind a breaker."""

    kind: Literal["worker"]
    parks: str  # the traffic class whose technical failures are parked
    path: str
    rate: float = Field(gt=0)
    breaker: BreakerSpec = BreakerSpec()


Component = Annotated[Balancer | Service | Postgres | Cache | Worker, Field(discriminator="kind")]


class Drive(_Model):
    """How often a flow starts: `share` of a traffic class's requests, and `per_s` beside it.

    `sites`: the client of each data centre; entities come by the requests' shares, as the GSLB sends them.
    """

    traffic: str = ""
    share: float = Field(1.0, ge=0)
    per_s: float = Field(0.0, ge=0)
    sites: dict[str, str] = {}


class CallRule(_Model):
    """What calls to a target do beside what the plane shows: shares 0-1, times in ms."""

    mean_ms: float = Field(0.0, ge=0)
    error: float = Field(0.0, ge=0, le=1)
    ambiguous: float = Field(0.0, ge=0, le=1)
    lost: float = Field(0.0, ge=0, le=1)


class Feed(_Model):
    """Failing and overdue runs of `flow` (over `timeout_s`) make calls to `service` fail in the data plane.

    Those that wait for row locks take time and connections there: the new way of `route`, which lasts `wait_s`, gets the
    share of requests with which their mean wait is the flow's, and what stands is missing from `pool`.
    """

    flow: str
    service: str
    timeout_s: float = Field(5.0, gt=0)
    why: str = "entities"
    route: str = ""
    wait_s: float = Field(1.0, gt=0)
    pool: str = ""


class Business(_Model):
    """The entities: flows, and the stores, topics, groups, systems and lock managers they run through.

    `calls` maps a target to the component whose waits and refusals its callers meet (default: of that name);
    `places` maps nodes and clients to data centres.
    """

    flows: list[Flow] = Field(min_length=1)
    stores: list[StoreSpec] = []
    topics: list[TopicSpec] = []
    groups: list[GroupSpec] = []
    systems: list[SystemSpec] = []
    locks: list[str] = []
    sharded: list[ShardedSpec] = []
    quorums: list[QuorumSpec] = []
    outbox_ms: int = Field(50, gt=0)
    lock_timeout_ms: int = Field(0, ge=0)
    drive: dict[str, Drive] = {}
    calls: dict[str, str] = {}
    places: dict[str, str] = {}
    rules: dict[str, CallRule] = {}
    feeds: list[Feed] = []
    keep: float = Field(1.0, gt=0, le=1)  # a thinner sample for replays; weights make up for it

    def spec(self) -> EntitiesSpec:
        return EntitiesSpec(
            flows=tuple(self.flows),
            stores=tuple(self.stores),
            topics=tuple(self.topics),
            groups=tuple(self.groups),
            systems=tuple(self.systems),
            locks=tuple(self.locks),
            sharded=tuple(self.sharded),
            quorums=tuple(self.quorums),
            outbox_ms=self.outbox_ms,
            lock_timeout_ms=self.lock_timeout_ms,
            keep=self.keep,
        )

    @model_validator(mode="after")
    def _playable(self) -> "Business":
        wrong = self.spec().check()
        flows = {f.name for f in self.flows}
        wrong += [f"drive.{name}: no flow of that name" for name in self.drive if name not in flows]
        wrong += [f"feeds: no flow {feed.flow!r}" for feed in self.feeds if feed.flow not in flows]
        if wrong:
            raise ValueError(wrong[0])
        return self


class Invariant(_Model):
    """What must hold of the entities: a checker of `simulator/invariants.py` by name, with its arguments."""

    check: str
    args: dict[str, Any] = {}
    text: Text


class Variant(_Model):
    """Another cause behind the same symptoms: fields of the file by path, as `--set` takes them."""

    id: str
    changes: dict[str, Any] = {}


class TimelineEntry(_Model):
    """What happens by itself at a second, and with `every_s` again and again, unless a flag stops it."""

    at_s: float = Field(ge=0)
    command: str
    every_s: float | None = Field(None, ge=10)
    unless: dict[str, str] = {}  # flag: state in which it does not happen


class Sli(_Model):
    traffic_class: str
    healthy: float = 0.99  # success rate that counts as healthy
    target: float = 0.995  # the SLO
    hold_s: float = 300.0


class AlertRule(_Model):
    """A Prometheus alerting rule; `severity` is the pager's priority."""

    expr: str
    for_s: float = 60
    severity: Literal["P1", "P2", "P3", "P4"]
    summary: Text
    service: str = ""


class Alerting(_Model):
    scrape_s: float = 15
    evaluate_s: float = 15
    group_wait_s: float = 30
    rules: dict[str, AlertRule]


class Clue(_Model):
    """A command whose output shows the fault.

    at_s      the second of the broken world at which it does (None: when a responder would come)
    match     what its output must hold then and not before the trigger: a text, or /a pattern/ (RE2)
    standing  code or settings that lie there before the trigger too: evidence, but not of when
    """

    command: str
    shows: Text
    at_s: float | None = Field(None, ge=0)
    match: str = ""
    standing: bool = False


class Trap(_Model):
    """A plausible wrong fix and what comes of it; `@T` before a command is its second, as in `reference`."""

    commands: list[str] = Field(min_length=1)
    text: Text


class Truth(_Model):
    """What a post-mortem is checked against."""

    trigger: Text
    mechanism: Text
    contributing: list[Text]


class Commit(_Model):
    """A commit of the simulated repository: what `git log` and `git show` print."""

    hash: str
    author: str
    date: datetime
    subject: str
    body: str = ""
    tag: str | None = None
    diff: str = ""


class Repository(_Model):
    name: str
    commits: list[Commit]


class ModuleSpec(_Model):
    """A module of a generated code base: who owns it, its share of the lines, how much of it tests run."""

    owner: str
    share: float = Field(gt=0, le=1)
    coverage: float = Field(ge=0, le=1)


class Planted(_Model):
    """A file that is as the scenario says; `calls` are its methods (`module.Class.method`) and what they call."""

    path: str
    module: str
    text: str
    calls: dict[str, list[str]] = {}


class CodebaseSpec(_Model):
    """A large code base that is generated (`simulator/codebase`); `traffic` maps its methods to flows.

    `hidden` are calls that no source shows (reflection, triggers, raw SQL): method -> what it reaches.
    """

    name: str
    package: str = "ru.shop"
    lines: int = Field(50_000, gt=1000, le=200_000)
    modules: dict[str, ModuleSpec]
    planted: list[Planted] = []
    traffic: dict[str, str] = {}  # method -> the flow whose starts are its calls at run time
    hidden: dict[str, list[str]] = {}

    def reaches(self, symbol: str) -> list[str]:
        """The instrumented methods that call `symbol`, in the sources or hidden from them."""
        shown = {m: calls for planted in self.planted for m, calls in planted.calls.items()}
        return [m for m in self.traffic if symbol in (*shown.get(m, []), *self.hidden.get(m, []))]

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


class Kind(_Model):
    """A kind of case: every entity whose number leaves `rest` when divided by `mod`."""

    mod: int = Field(gt=1)
    rest: int = Field(ge=0)
    text: Text


class Seam(_Model):
    """A place where the old code enters the part that is cut out: its method and the flow that runs through it."""

    method: str
    text: Text


class Extraction(_Model):
    """A part of a monolith that a new service takes over behind a facade.

    Flows in `seams` go the new way only once their place is behind the facade. `old`, `new`, `mirror_old` and
    `mirror_new` are what a flow's steps are then (`STEP.field`): on the old way, on the new way, and what dual
    writing adds on either. `versions` are further differences of the new way by the service's version.
    """

    service: str
    route: str  # the data plane's route that the share of new calls sets
    seams: dict[str, Seam] = Field(min_length=1)
    flows: list[str] = []  # behind the facade from the start
    step: str  # the step whose result the two ways are compared by
    old_table: str
    new_table: str
    old_store: str
    new_store: str
    new: dict[str, Any] = {}
    mirror_old: dict[str, Any] = {}
    mirror_new: dict[str, Any] = {}
    versions: dict[str, dict[str, Any]] = {}
    shadow: str = ""  # the traffic class that shadow calls are; at most as many as the SLI's class has
    seam_s: float = Field(120.0, gt=0)  # to change one place, test and release it
    kinds: list[Kind] = []


class HotKey(_Model):
    """A key with requests of its own: routes whose new way they take to the shards, caches whose misses reach
    them, and the key spaces they draw from.

    orders   the key space of its orders, which salting spreads by sub-key; `row` that of reads of its one row,
             which lives on one shard whatever is salted
    number   its number among the entities' keys; `limiter` the service whose rate limit is this key's
    """

    text: Text
    number: int = Field(ge=0)
    routes: list[str] = []
    caches: list[str] = []
    orders: str = ""
    row: str = ""
    limiter: str = ""
    rows: int = Field(1_000_000, ge=1)


class ShardingSpec(_Model):
    """A database of shards, of which `serving` hold keys and the rest are spares (`simulator/shards`).

    `store` is the sharded store of the entities. A copied row costs `copy_us` of CPU on either side.
    """

    database: str
    keys: str
    serving: int = Field(ge=1)
    store: str = ""
    key: str = "m-{}"
    rows_per_shard: int = Field(40_000_000, ge=1)
    row_bytes: int = Field(420, ge=1)
    copy_us: float = Field(20.0, gt=0)
    rate: float = Field(50_000.0, gt=0)  # rows a second that a move copies unless told otherwise
    spread_s: float = Field(5.0, ge=0)
    hot: dict[str, HotKey] = {}


class PlanStep(_Model):
    """A step that a written plan must hold: it is recognised by any of `words` (patterns, lower case).

    `remark` is what the reviewer asks when it is missing; `after` are steps that must be named before it.
    An `advice` is wanted, not required.
    """

    text: Text
    words: list[str] = Field(min_length=1)
    remark: Text
    after: list[str] = []
    advice: bool = False


class PlanSpec(_Model):
    """A plan that is written before anything is done, and who reviews it (`simulator/planning`)."""

    reviewer: Text
    steps: dict[str, PlanStep] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> "PlanSpec":
        for name, step in self.steps.items():
            for other in step.after:
                if other not in self.steps:
                    raise ValueError(f"steps.{name}.after: no step {other!r}")
        return self


class Reference(_Model):
    commands: list[str]


class Focus(_Model):
    """What the incident turns on: interventions act here unless they name something else."""

    service: str
    database: str = ""  # empty: the scenario has none
    good_version: str
    bad_version: str
    worker: str | None = None


NO_TEXT = Text(ru="", en="")
MERGE = "tag:yaml.org,2002:merge"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _likely_focus(raw: dict[str, Any], classes: dict[str, Any]) -> dict[str, Any] | None:
    """The service that the first class calls, or the first one; None without any service."""
    components = _mapping(raw.get("components"))
    services = {n: c for n, c in components.items() if _mapping(c).get("kind") == "service"}
    if not services:
        return None
    path = _mapping(next(iter(classes.values()), None)).get("path")
    head = str(path).partition(".")[0]
    name = head if head in services else next(iter(services))
    stores = [n for n, c in components.items() if _mapping(c).get("kind") == "postgres"]
    current = _mapping(services[name]).get("current", "v1")
    return {
        "service": name,
        "database": stores[0] if stores else "",
        "good_version": current,
        "bad_version": current,
    }


class Scenario(_Model):
    """A whole scenario. Times are simulated seconds from its start.

    A bare network needs `id`, `duration_s`, `traffic` and `components`; the rest makes it an incident.
    """

    id: str
    title: Text
    type: Literal["incident", "sandbox"] = (
        "incident"  # a sandbox has no incident: its faults are the player's
    )
    tier: Literal["free", "full"] = "full"
    topics: list[str] = []
    minutes: int = 30
    starts_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    duration_s: float = Field(gt=0, le=86_400)
    opens_s: float = Field(default=0.0, ge=0, le=3_600)  # when the player is called
    namespace: str = "prod"
    brief: Text = NO_TEXT
    traffic: Traffic
    components: dict[str, Component]
    keys: dict[str, KeySpace] = {}
    datacenters: dict[str, Datacenter] = {}
    links: list[Link] = []
    dns: Dns = Dns()
    standbys: dict[str, Standby] = {}  # by database
    backups: dict[str, BackupSpec] = {}  # by database
    timeline: list[TimelineEntry] = []
    sli: Sli
    alerting: Alerting = Alerting(rules={})
    clues: list[Clue] = []
    hints: list[Text] = []
    truth: Truth = Truth(trigger=NO_TEXT, mechanism=NO_TEXT, contributing=[])
    reference: Reference = Reference(commands=[])
    traps: list[Trap] = []
    premise: list[str] = []  # words of the answer that the brief gives away on purpose
    focus: Focus
    repositories: list[Repository] = []
    interventions: list[str] = []  # ids that matter here; empty: the whole catalogue
    themes: list[str] = []
    questions: list[Text] = []
    entities: Business | None = None
    flags: dict[str, Flag] = {}
    invariants: dict[str, Invariant] = {}
    codebase: CodebaseSpec | None = None
    extraction: Extraction | None = None
    sharding: ShardingSpec | None = None
    plan: PlanSpec | None = None
    variants: list[Variant] = []  # a seed chooses one of them or, first, the file as it stands

    @model_validator(mode="before")
    @classmethod
    def _bare_network(cls, raw: Any) -> Any:
        """What a bare network leaves out: its title is its id, its SLI the first class."""
        if not isinstance(raw, dict):
            return raw
        raw = dict(raw)
        if "title" not in raw and isinstance(raw.get("id"), str):
            raw["title"] = {"ru": raw["id"], "en": raw["id"]}
        classes = _mapping(_mapping(raw.get("traffic")).get("classes"))
        if "sli" not in raw and classes:
            raw["sli"] = {"traffic_class": next(iter(classes))}
        if "focus" not in raw:
            focus = _likely_focus(raw, classes)
            if focus:
                raw["focus"] = focus
        return raw

    @model_validator(mode="after")
    def _names_exist(self) -> "Scenario":
        """Every name that one part of the file uses for another."""
        self._places_exist()
        focus = self.focus
        service = self.components.get(focus.service)
        if not isinstance(service, Service):
            raise ValueError(f"focus.service: no service named {focus.service!r}")
        if focus.database and not isinstance(self.components.get(focus.database), Postgres):
            raise ValueError(f"focus.database: no database named {focus.database!r}")
        for field, version in (("good_version", focus.good_version), ("bad_version", focus.bad_version)):
            if version not in service.versions:
                raise ValueError(f"focus.{field}: {focus.service} has no version {version!r}")
        if focus.worker is not None and not isinstance(self.components.get(focus.worker), Worker):
            raise ValueError(f"focus.worker: no worker named {focus.worker!r}")
        if self.sli.traffic_class not in self.traffic.classes:
            raise ValueError(f"sli.traffic_class: no class named {self.sli.traffic_class!r}")
        for name, part in self.components.items():
            if isinstance(part, Worker) and part.parks not in self.traffic.classes:
                raise ValueError(f"components.{name}.parks: no class named {part.parks!r}")
        return self

    def _places_exist(self) -> None:
        """Data centres, links and key spaces that are named exist."""
        for name, part in self.components.items():
            places = list(part.placement) if isinstance(part, Service) else []
            if isinstance(part, Postgres):
                places = [p for p in (part.datacenter, part.standby) if p is not None]
            for place in places:
                if place not in self.datacenters:
                    raise ValueError(f"components.{name}: no data centre named {place!r} in datacenters")
        for name in self.backups:
            if not isinstance(self.components.get(name), Postgres):
                raise ValueError(f"backups.{name}: no database of that name")
        for name in self.standbys:
            found = self.components.get(name)
            if not isinstance(found, Postgres) or not found.standby:
                raise ValueError(f"standbys.{name}: no database of that name with a standby")
        for number, link in enumerate(self.links):
            for place in link.between:
                if place not in self.datacenters:
                    raise ValueError(f"links.{number}.between: no data centre named {place!r}")

    @model_validator(mode="after")
    def _tables_exist(self) -> "Scenario":
        """What tables over entities name exists."""
        business = self.entities
        for component, database in self.databases().items():
            for name, table in database.tables.items():
                where = f"components.{component}.tables.{name}"
                if business is None:
                    raise ValueError(f"{where}: the scenario has no entities")
                stores = [s.name for s in business.stores] + [s.name for s in business.sharded]
                for kind, wanted, known in (
                    ("store", table.store, stores),
                    ("system", table.system, [s.name for s in business.systems]),
                    ("topic", table.topic, [t.name for t in business.topics]),
                    ("flow", table.flow, [f.name for f in business.flows]),
                ):
                    if wanted and wanted not in known:
                        raise ValueError(f"{where}.{kind}: nothing is called {wanted!r}")
        return self

    @model_validator(mode="after")
    def _shards_exist(self) -> "Scenario":
        """What a sharding names exists."""
        spec = self.sharding
        if spec is None:
            return self
        database = self.components.get(spec.database)
        if not isinstance(database, Postgres) or database.shards < spec.serving:
            raise ValueError(f"sharding.database: {spec.database!r} has no {spec.serving} shards")
        spaces = [spec.keys, *(s for hot in spec.hot.values() for s in (hot.orders, hot.row) if s)]
        for space in spaces:
            if space not in self.keys:
                raise ValueError(f"sharding: no key space named {space!r} in keys")
        for name, hot in spec.hot.items():
            if hot.limiter and not isinstance(self.components.get(hot.limiter), Service):
                raise ValueError(f"sharding.hot.{name}.limiter: no service named {hot.limiter!r}")
        stores = [s.name for s in self.entities.sharded] if self.entities is not None else []
        if spec.store and spec.store not in stores:
            raise ValueError(f"sharding.store: no sharded store {spec.store!r} in entities")
        return self

    def component(self, name: str, kind: "builtins.type[Any]") -> Any:
        """The component `name` of a given kind. Raises ScenarioError."""
        found = self.components.get(name)
        if not isinstance(found, kind):
            raise ScenarioError(f"scenario {self.id}: no {kind.__name__.lower()} named {name!r}")
        return found

    def services(self) -> dict[str, Service]:
        return {n: c for n, c in self.components.items() if isinstance(c, Service)}

    def databases(self) -> dict[str, Postgres]:
        return {n: c for n, c in self.components.items() if isinstance(c, Postgres)}


def scenario_path(name: str) -> Path:
    """The file of a scenario given by id or by path. Raises ScenarioError."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else SCENARIOS / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in SCENARIOS.glob("*.yaml")))
        raise ScenarioError(f"no scenario {name!r}: give one of {known}, or a file's path")
    return path


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a key that is given twice: YAML's readers keep the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"{key.value!r} is given twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def read_raw(name: str) -> tuple[dict[str, Any], str]:
    """The YAML mapping of a scenario and the file's name for messages. Raises ScenarioError."""
    path = scenario_path(name)
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: bytes that are no text, a 13th month
        raise ScenarioError(f"{path.name}: not readable YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise ScenarioError(f"{path.name}: a scenario is a mapping of fields")
    if "base" in raw:
        raw = _over_base(raw, path.name)
    return raw, path.name


def _over_base(raw: dict[str, Any], file_name: str) -> dict[str, Any]:
    """A scenario laid over the base it names: mappings merge, everything else replaces, null removes.

    `base: sandbox` lays it over the sandbox, as the drafts of `break save` do.
    """
    name = raw.pop("base")
    if name == "sandbox":
        below, _ = read_raw(name)
        return _mapping(_merged({**below, "type": "incident"}, raw))
    path = BASES / f"{name}.yaml"
    if not isinstance(name, str) or "/" in name or not path.is_file():
        known = ", ".join(sorted(p.stem for p in BASES.glob("*.yaml")))
        raise ScenarioError(f"{file_name}: base: no base {name!r}; there are: {known}")
    merged: dict[str, Any] = _merged(yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader), raw)
    return merged


def _merged(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    kind = above.get("kind", below.get("kind"))
    if kind != below.get("kind"):
        return above  # another kind of component altogether
    result = {key: _merged(value, above[key]) if key in above else value for key, value in below.items()}
    result.update({key: value for key, value in above.items() if key not in below})
    return {key: value for key, value in result.items() if value is not None}


def parse(raw: dict[str, Any], file_name: str) -> Scenario:
    """Validate a mapping. Raises ScenarioError that names the file and the first wrong field."""
    try:
        return Scenario.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        where = f"{field}: " if field else ""
        message = first["msg"].removeprefix("Value error, ")
        raise ScenarioError(f"{file_name}: {where}{message}{more}") from None


def varied(scenario: Scenario, seed: int) -> Scenario:
    """The scenario with the cause that `seed` chooses: seed 1 is the file as it stands. Raises ScenarioError."""
    number = (seed - 1) % (len(scenario.variants) + 1)
    if number == 0:
        return scenario
    variant = scenario.variants[number - 1]
    raw = scenario.model_dump(mode="json")
    for path, value in variant.changes.items():
        assign(raw, path, value)
    raw["variants"] = []
    return parse(raw, f"{scenario.id}, variant {variant.id}")


def split_path(path: str) -> list[str]:
    """Split `a.b.c` at dots; a part in double quotes keeps its dots."""
    parts, current, quoted = [], "", False
    for char in path:
        if char == '"':
            quoted = not quoted
        elif char == "." and not quoted:
            parts.append(current)
            current = ""
        else:
            current += char
    return [*parts, current]


def assign(raw: dict[str, Any], path: str, value: Any) -> None:
    """Set a field by its path; the head may name a component; keys with dots match whole; a list takes a number.

    Raises ScenarioError when a mapping on the way has no such key.
    """
    parts = split_path(path)
    node: Any = raw
    if parts[0] not in raw and _take(raw.get("components"), parts)[0] is not None:
        node = raw["components"]
    while True:
        if isinstance(node, list) and parts[0].isdecimal() and int(parts[0]) < len(node):
            number, parts = int(parts[0]), parts[1:]
            if not parts:
                node[number] = value
                return
            node = node[number]
            continue
        key, rest = _take(node, parts)
        if not isinstance(node, dict) or (key is None and len(parts) > 1):
            raise ScenarioError(f"--set {path}: no field {parts[0]!r} there")
        if key is None:
            key, rest = parts[0], []
        if not rest:
            node[key] = value
            return
        node, parts = node[key], rest


def _take(node: Any, parts: list[str]) -> tuple[str | None, list[str]]:
    """The longest run of leading parts that is a key of `node`, and what is left."""
    if isinstance(node, dict):
        for length in range(len(parts), 0, -1):
            key = ".".join(parts[:length])
            if key in node:
                return key, parts[length:]
    return None, parts


def load(name: str, overrides: tuple[str, ...] = ()) -> Scenario:
    """Read a scenario by id or path and apply `path=value` overrides. Raises ScenarioError."""
    raw, file_name = read_raw(name)
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals or not path:
            raise ScenarioError(f"--set {override}: expected PATH=VALUE, e.g. traffic.rps=600")
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError):  # ValueError: a date like 2026-13-45
            raise ScenarioError(f"--set {override}: not readable YAML after the equals sign") from None
        assign(raw, path, value)
    label = f"{file_name} with --set" if overrides else file_name
    return parse(raw, label)


def digest(scenario: Scenario) -> str:
    """What identifies a scenario's content: 16 hex digits."""
    return hashlib.sha256(scenario.model_dump_json().encode()).hexdigest()[:16]
