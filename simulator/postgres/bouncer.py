"""PgBouncer 1.18's admin console: SHOW commands from the plane, and the few commands that change something."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from simulator.engine import streams
from simulator.postgres.errors import Notice, PgError
from simulator.postgres.lexer import one_line
from simulator.postgres.notes import note
from simulator.postgres.result import Result
from simulator.postgres.types import INT8, TEXT, US, format_timestamp

if TYPE_CHECKING:
    from simulator.engine.plane import PoolState
    from simulator.kubernetes.state import Pod
    from simulator.world import World

ADDRESS, SERVER = "10.0.2.31", "10.0.2.20"
MAX_LISTED = 500  # rows of SHOW CLIENTS
POOLS = (
    "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel"
    " sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode"
)
TOTALS = "total_xact_count total_query_count total_received total_sent total_xact_time total_query_time total_wait_time"
AVERAGES = "avg_xact_count avg_query_count avg_recv avg_sent avg_xact_time avg_query_time avg_wait_time"
SOCKETS = (
    "type user database state addr port local_addr local_port connect_time request_time wait wait_us close_needed"
    " ptr link remote_pid tls application_name"
)
DATABASES = (
    "name host port database force_user pool_size min_pool_size reserve_pool pool_mode max_connections"
    " current_connections paused disabled"
)
TEXTS = frozenset(
    "database user pool_mode name host force_user type state addr local_addr connect_time request_time ptr link tls"
    " application_name key value default changeable list".split()
)
# (value here or empty for the default, default, changeable)
CONFIG: dict[str, tuple[str, str, str]] = {
    "admin_users": ("postgres,pgbouncer", "", "yes"), "auth_type": ("scram-sha-256", "md5", "yes"),
    "client_idle_timeout": ("", "0", "yes"), "client_login_timeout": ("", "60", "yes"),
    "default_pool_size": ("", "20", "yes"), "idle_transaction_timeout": ("", "0", "yes"),
    "ignore_startup_parameters": ("extra_float_digits", "", "yes"), "listen_addr": ("0.0.0.0", "", "no"),
    "listen_port": ("", "6432", "no"), "log_connections": ("0", "1", "yes"), "log_disconnections": ("0", "1", "yes"),
    "log_pooler_errors": ("", "1", "yes"), "max_client_conn": ("2000", "100", "yes"),
    "max_db_connections": ("", "0", "yes"), "max_user_connections": ("", "0", "yes"),
    "min_pool_size": ("", "0", "yes"), "pool_mode": ("transaction", "session", "yes"),
    "query_timeout": ("", "0", "yes"), "query_wait_timeout": ("", "120", "yes"),
    "reserve_pool_size": ("", "0", "yes"), "reserve_pool_timeout": ("", "5", "yes"),
    "server_check_delay": ("", "30", "yes"), "server_connect_timeout": ("", "15", "yes"),
    "server_idle_timeout": ("", "600", "yes"), "server_lifetime": ("", "3600", "yes"),
    "server_login_retry": ("", "15", "yes"), "server_reset_query": ("", "DISCARD ALL", "yes"),
    "stats_period": ("", "60", "yes"), "tcp_keepalive": ("", "1", "yes"), "verbose": ("0", "", "yes"),
}  # fmt: skip
HELP = (
    "\n\tSHOW HELP|CONFIG|DATABASES|POOLS|CLIENTS|SERVERS|USERS|VERSION\n\tSHOW LISTS\n"
    "\tSHOW STATS|STATS_TOTALS|STATS_AVERAGES\n\tSET key = arg\n\tRELOAD\n\tPAUSE [<db>]\n\tRESUME [<db>]"
)


def run(world: World, component: str, text: str) -> Result:
    """One console command. Raises PgError with PgBouncer's text."""
    bare = one_line(text[:1000])
    words = bare.split()
    first = words[0].lower() if words else ""
    pools = [p for p in world.plane.pools(component) if p.via]
    if first == "show" and len(words) == 2:
        if words[1].lower() == "help":
            return Result(tag="SHOW", notices=[Notice("Console usage", detail=HELP)])
        shown = SHOWS.get(words[1].lower())
        if shown is not None:
            return shown(world, component, pools)
    if first == "set":
        return _set(world, component, pools, bare)
    if first in ("pause", "resume") and len(words) <= 2:
        return _pause(world, component, pools, words)
    if first in ("reload", "reconnect") and len(words) == 1:
        return Result(tag=first.upper())
    raise PgError(f"invalid command '{bare}', use SHOW HELP;")


_SET = re.compile(r"set (\w+)(?: ?= ?| to )'?([^']*)'?$", re.I)


def _set(world: World, component: str, pools: list[PoolState], text: str) -> Result:
    match = _SET.match(text)
    name, value = (match.group(1).lower(), match.group(2)) if match else ("", "")
    if name not in CONFIG or CONFIG[name][2] == "no":
        raise PgError("SET failed")
    numeric = CONFIG[name][1].isdigit()
    if numeric and not (value.isdigit() and int(value) <= 100_000):
        raise PgError("SET failed")
    if name == "default_pool_size":
        if int(value) < 1:
            raise PgError("SET failed")
        for pool in pools:
            world.plane.set_pool_limit(component, pool.name, int(value))
        world.note("change", f"pgbouncer: default_pool_size = {value}")
    world.postgres.bouncers[component].settings[name] = value
    return Result(tag=f"SET {name}={value}")


def _pause(world: World, component: str, pools: list[PoolState], words: list[str]) -> Result:
    state, database = world.postgres.bouncers[component], world.postgres.databases[component].name
    verb = words[0].lower()
    if len(words) == 2 and words[1] != database:
        raise PgError(f"no such database: {words[1]}")
    if verb == "pause":
        if state.paused:
            raise PgError("already suspended/paused")
        state.paused[database] = True
        for service in _clients_of(world, component, pools):
            world.plane.set_failing(service, 1.0, "pgbouncer: the database is paused")
        note(world, "paused", database)
    else:
        if not state.paused:
            raise PgError("pooler is not paused/suspended")
        state.paused.clear()
        for service in _clients_of(world, component, pools):
            if service not in world.postgres.failing:
                world.plane.set_failing(service, 0.0, "")
        note(world, "resumed", database)
    return Result(tag=verb.upper())


def _clients_of(world: World, component: str, pools: list[PoolState]) -> list[str]:
    """Services whose queries go through PgBouncer."""
    from simulator.postgres import workload

    names = [p.name for p in pools]
    demands = workload.demands(world.scenario, component)
    return list(dict.fromkeys(d.service for d in demands if d.pool in names))


def _table(names: str, rows: list[tuple[Any, ...]]) -> Result:
    return Result([(n, TEXT if n in TEXTS else INT8) for n in names.split()], rows, "SHOW")


def _pools(world: World, component: str, pools: list[PoolState]) -> Result:
    database = world.postgres.databases[component].name
    rows: list[tuple[Any, ...]] = []
    for pool in pools:
        active, wait_us = round(pool.active), round(pool.wait_s * US)
        growing = int(round(pool.waiting) > 0 and pool.open < pool.limit)
        rows.append((
            database, pool.user, active, round(pool.waiting), 0, 0, active, 0, 0, max(0, pool.open - active), 0, 0,
            growing, wait_us // US, wait_us % US, "transaction",
        ))  # fmt: skip
    rows.append(("pgbouncer", "pgbouncer", 1, *[0] * 12, "statement"))
    return _table(POOLS, rows)


def _sums(world: World, component: str, pools: list[PoolState]) -> tuple[list[int], list[int]]:
    """Totals since the start and averages of the last stats period (60 s)."""
    history = world.plane.history
    latency = history.column(f"db/{component}/latency_s")
    totals, averages = [0] * 5, [0] * 5
    for pool in pools:
        queries = history.column(f"pool/{pool.name}/queries")
        waits = history.column(f"pool/{pool.name}/wait_s")
        worked = [q * s for q, s in zip(queries, latency, strict=True)]
        waited = [q * w for q, w in zip(queries, waits, strict=True)]
        for found, part, span in (
            (totals, slice(None), 1),
            (averages, slice(-60, None), min(60, max(1, len(queries)))),
        ):
            count = sum(queries[part])
            per = 1 if found is totals else max(1.0, count)
            values = (count / span, count * 210 / span, count * 860 / span, sum(worked[part]) * US / per,
                      sum(waited[part]) * US / per)  # fmt: skip
            for n, value in enumerate(values):
                found[n] += round(value)
    spread = [[f[0], f[0], f[1], f[2], f[3], f[3], f[4]] for f in (totals, averages)]
    return spread[0], spread[1]


def _stats(world: World, component: str, pools: list[PoolState]) -> Result:
    totals, averages = _sums(world, component, pools)
    name = world.postgres.databases[component].name
    return _table(f"database {TOTALS} {AVERAGES}", [(name, *totals, *averages), ("pgbouncer", *[0] * 14)])


def _stats_totals(world: World, component: str, pools: list[PoolState]) -> Result:
    totals, _ = _sums(world, component, pools)
    names = "database xact_count query_count bytes_received bytes_sent xact_time query_time wait_time"
    return _table(names, [(world.postgres.databases[component].name, *totals), ("pgbouncer", *[0] * 7)])


def _stats_averages(world: World, component: str, pools: list[PoolState]) -> Result:
    _, averages = _sums(world, component, pools)
    names = "database xact_count query_count bytes_received bytes_sent xact_time query_time wait_time"
    return _table(names, [(world.postgres.databases[component].name, *averages), ("pgbouncer", *[0] * 7)])


def _databases(world: World, component: str, pools: list[PoolState]) -> Result:
    state, name = world.postgres.bouncers[component], world.postgres.databases[component].name
    size, open_now = sum(p.limit for p in pools), sum(p.open for p in pools)
    paused = int(bool(state.paused))
    return _table(DATABASES, [
        (name, SERVER, 5432, name, None, size, 0, 0, None, 0, open_now, paused, 0),
        ("pgbouncer", None, 6432, "pgbouncer", "pgbouncer", 2, 0, 0, "statement", 0, 0, 0, 0),
    ])  # fmt: skip


def _time(world: World, ago_us: int) -> str:
    micros = world.postgres.start_us + round(world.now_s * US) - ago_us
    return format_timestamp(micros // US * US)[:-3] + " UTC"


def _socket(
    world: World,
    kind: str,
    pool: PoolState,
    database: str,
    n: int,
    state: str,
    wait_us: int,
    pods: Sequence[Pod] = (),
) -> tuple[Any, ...]:
    key = streams.key_of(world.seed, "bouncer", kind, pool.name, n)
    client = kind == "C"
    peer, oldest_s = SERVER, 3600.0
    if client:
        peer = f"10.244.{1 + streams.below(key, 1, 6)}.{10 + streams.below(key, 2, 200)}"
    if pods:  # a connection is no older than its pod
        peer, oldest_s = pods[n % len(pods)].ip, min(oldest_s, world.now_s - pods[n % len(pods)].started_s)
    pointer = f"0x{0x5581A0000000 + streams.below(key, 3, 1 << 28) * 16:x}"
    linked = f"0x{0x5581B0000000 + streams.below(key, 4, 1 << 28) * 16:x}" if state == "active" else ""
    return (
        kind, pool.user, database, state, peer, 32_768 + streams.below(key, 5, 28_000) if client else 5432, ADDRESS,
        6432 if client else 40_000 + n, _time(world, int(oldest_s * streams.uniform(key, 6)) * US), _time(world, wait_us),
        wait_us // US, wait_us % US, 0, pointer, linked, 0 if client else 20_100 + n * 3, "",
        "PostgreSQL JDBC Driver" if client else "",
    )  # fmt: skip


def _pods_of(world: World, pool: PoolState) -> list[Pod]:
    """The ready pods of the services that query through a pool, by name."""
    users = [
        name
        for name, spec in world.scenario.services().items()
        if any(
            pool.name == (s.pool or s.query) for steps in spec.endpoints.values() for s in steps if s.query
        )
    ]
    pods = [p for p in world.kubernetes.pods.values() if p.app in users and p.ready and p.active and p.ip]
    return sorted(pods, key=lambda pod: pod.name)


def _clients(world: World, component: str, pools: list[PoolState]) -> Result:
    database, rows = world.postgres.databases[component].name, []
    for pool in pools:
        active, waiting = round(pool.active), round(pool.waiting)
        pods = _pods_of(world, pool)
        for n in range(min(MAX_LISTED, active + waiting)):
            # The queue is first in, first out: the next to be served has waited longest.
            wait_us = 0 if n < active else round(pool.wait_s * US * (1 - (n - active) / max(1, waiting)))
            rows.append(
                _socket(world, "C", pool, database, n, "active" if n < active else "waiting", wait_us, pods)
            )
    return _table(SOCKETS, rows)


def _servers(world: World, component: str, pools: list[PoolState]) -> Result:
    database = world.postgres.databases[component].name
    rows = [
        _socket(world, "S", pool, database, n, "active" if n < round(pool.active) else "idle", 0)
        for pool in pools
        for n in range(min(MAX_LISTED, pool.open))
    ]
    return _table(SOCKETS, rows)


def _config(world: World, component: str, pools: list[PoolState]) -> Result:
    given = dict(world.postgres.bouncers[component].settings)
    if pools:
        given["default_pool_size"] = str(pools[0].limit)
    rows = [
        (key, given.get(key, value or default), default, can) for key, (value, default, can) in CONFIG.items()
    ]
    return _table("key value default changeable", rows)


def _lists(world: World, component: str, pools: list[PoolState]) -> Result:
    used = sum(round(p.active + p.waiting) for p in pools) + 1
    held = sum(p.open for p in pools)
    values = {"databases": 2, "users": len(pools) + 1, "pools": len(pools) + 1, "free_clients": 64, "used_clients": used,
              "login_clients": 0, "free_servers": max(0, sum(p.limit for p in pools) - held), "used_servers": held,
              "dns_names": 1, "dns_zones": 0, "dns_queries": 0, "dns_pending": 0}  # fmt: skip
    return _table("list items", list(values.items()))


def _users(world: World, component: str, pools: list[PoolState]) -> Result:
    return _table(
        "name pool_mode", [(name, None) for name in dict.fromkeys([*(p.user for p in pools), "pgbouncer"])]
    )


def _version(world: World, component: str, pools: list[PoolState]) -> Result:
    return Result([("version", TEXT)], [("PgBouncer 1.18.0",)], "SHOW")


Shown = Callable[["World", str, "list[PoolState]"], Result]
SHOWS: dict[str, Shown] = {
    "pools": _pools, "stats": _stats, "stats_totals": _stats_totals, "stats_averages": _stats_averages,
    "databases": _databases, "servers": _servers, "clients": _clients, "config": _config, "lists": _lists,
    "users": _users, "version": _version,
}  # fmt: skip
