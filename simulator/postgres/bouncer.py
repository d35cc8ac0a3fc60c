"""PgBouncer's admin console: SHOW commands from the plane, and the few commands that change something."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from simulator.postgres.errors import PgError
from simulator.postgres.execute import Result
from simulator.postgres.types import INT8, TEXT

if TYPE_CHECKING:
    from simulator.engine.plane import PoolState
    from simulator.world import World

POOLS = ("database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel "
         "sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode").split()  # fmt: skip
STATS = ("database total_xact_count total_query_count total_received total_sent total_xact_time total_query_time "
         "total_wait_time avg_xact_count avg_query_count avg_recv avg_sent avg_xact_time avg_query_time avg_wait_time").split()  # fmt: skip
CONFIG = {
    "default_pool_size": "20", "max_client_conn": "2000", "pool_mode": "transaction", "query_wait_timeout": "120",
    "reserve_pool_size": "0", "reserve_pool_timeout": "5", "server_idle_timeout": "600", "server_lifetime": "3600",
    "server_login_retry": "15", "listen_port": "6432", "ignore_startup_parameters": "extra_float_digits",
}  # fmt: skip
TEXTS = {
    "database",
    "user",
    "pool_mode",
    "name",
    "host",
    "type",
    "state",
    "addr",
    "key",
    "value",
    "default",
    "changeable",
    "list",
}


def run(world: World, component: str, text: str) -> Result:
    """One console command. Raises PgError with PgBouncer's text."""
    words = re.findall(r"[\w.]+|=", text.strip().rstrip(";"))
    command = " ".join(words[:2]).upper()
    pool = world.plane.pools(component)[0]
    database = world.scenario.databases()[component].database
    if words and words[0].upper() == "SHOW" and len(words) > 1:
        table = SHOWS.get(words[1].upper())
        if table is None:
            raise PgError(f"invalid command '{text.strip()}', use SHOW HELP;")
        return table(world, component, pool, database)
    if words and words[0].upper() == "SET":
        return _set(world, component, pool, words)
    if command.split(" ")[0] in ("PAUSE", "RESUME", "RELOAD"):
        state = world.postgres.bouncers[component]
        verb = command.split(" ")[0]
        if verb == "RELOAD":
            return Result(tag="RELOAD")
        if verb == "PAUSE":
            state.paused[database] = True
        elif state.paused.pop(database, None) is None:
            raise PgError("pooler is not paused/suspended")
        world.plane.set_pool_limit(
            component, pool.name, 0 if verb == "PAUSE" else pool.limit or _size(world, component)
        )
        return Result(tag=verb)
    raise PgError(f"invalid command '{text.strip()}', use SHOW HELP;")


def _size(world: World, component: str) -> int:
    given = world.postgres.bouncers[component].settings.get("default_pool_size")
    return int(given) if given else world.scenario.databases()[component].pool.limit


def _set(world: World, component: str, pool: PoolState, words: list[str]) -> Result:
    name, value = (words[1].lower(), words[-1]) if len(words) >= 3 else ("", "")
    if name not in CONFIG:
        raise PgError("SET failed")
    if name == "default_pool_size":
        if not value.isdigit() or not 1 <= int(value) <= 100_000:
            raise PgError("SET failed")
        world.plane.set_pool_limit(component, pool.name, int(value))
        world.note("change", f"pgbouncer: default_pool_size = {value}")
    world.postgres.bouncers[component].settings[name] = value
    return Result(tag="SET")


def _table(names: list[str], rows: list[tuple[Any, ...]]) -> Result:
    return Result([(n, TEXT if n in TEXTS else INT8) for n in names], rows, "SHOW")


def _pools(world: World, component: str, pool: PoolState, database: str) -> Result:
    active, waiting = round(pool.active), round(pool.waiting)
    wait_us = round(pool.wait_s * 1e6)
    row = (database, pool.user, active, waiting, 0, 0, active, 0, 0, max(0, pool.open - active), 0, 0, 0,
           wait_us // 1_000_000, wait_us % 1_000_000, "transaction")  # fmt: skip
    admin = ("pgbouncer", "pgbouncer", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "statement")
    return _table(POOLS, [row, admin])


def _stats(world: World, component: str, pool: PoolState, database: str) -> Result:
    history = world.plane.history
    queries = history.column(f"pool/{pool.name}/queries")
    total, rate = round(sum(queries)), round(history.last(f"pool/{pool.name}/queries"))
    state = world.plane.database(component)
    query_us, wait_us = round(state.latency_s * 1e6), round(pool.wait_s * 1e6)
    waited = round(
        sum(w * q for w, q in zip(history.column(f"pool/{pool.name}/wait_s"), queries, strict=True)) * 1e6
    )
    row = (database, total, total, total * 210, total * 860, total * query_us, total * query_us, waited, rate, rate,
           rate * 210, rate * 860, query_us, query_us, wait_us)  # fmt: skip
    return _table(STATS, [row])


def _databases(world: World, component: str, pool: PoolState, database: str) -> Result:
    names = ["name", "host", "port", "database", "force_user", "pool_size", "min_pool_size", "reserve_pool", "pool_mode",
             "max_connections", "current_connections", "paused", "disabled"]  # fmt: skip
    paused = int(database in world.postgres.bouncers[component].paused)
    rows = [(database, "10.0.2.20", 5432, database, None, pool.limit, 0, 0, "transaction", 0, pool.open, paused, 0),
            ("pgbouncer", None, 6432, "pgbouncer", None, 2, 0, 0, "statement", 0, 0, 0, 0)]  # fmt: skip
    return _table(names, rows)


def _servers(world: World, component: str, pool: PoolState, database: str) -> Result:
    names = ["type", "user", "database", "state", "addr", "port", "wait", "wait_us"]
    active = round(pool.active)
    rows = [
        ("S", pool.user, database, "active" if n < active else "idle", "10.0.2.20", 5432, 0, 0)
        for n in range(pool.open)
    ]
    return _table(names, rows)


def _clients(world: World, component: str, pool: PoolState, database: str) -> Result:
    names = ["type", "user", "database", "state", "addr", "port", "wait", "wait_us"]
    active, waiting = round(pool.active), round(pool.waiting)
    rows = []
    for n in range(min(200, active + waiting)):
        state = "active" if n < active else "waiting"
        wait_us = 0 if n < active else round(pool.wait_s * 1e6 * (n - active + 1) / max(1, waiting))
        rows.append(
            ("C", pool.user, database, state, f"10.244.{1 + n % 6}.{10 + n % 18}", 40_000 + n, 0, wait_us)
        )
    return _table(names, rows)


def _config(world: World, component: str, pool: PoolState, database: str) -> Result:
    given = world.postgres.bouncers[component].settings
    values = {**CONFIG, "default_pool_size": str(pool.limit), **given}
    rows = [(k, v, CONFIG[k], "yes" if k != "listen_port" else "no") for k, v in sorted(values.items())]
    return _table(["key", "value", "default", "changeable"], rows)


def _lists(world: World, component: str, pool: PoolState, database: str) -> Result:
    used = round(pool.active + pool.waiting)
    rows = [("databases", 2), ("users", 2), ("pools", 2), ("free_clients", 50), ("used_clients", used),
            ("free_servers", max(0, pool.limit - pool.open)), ("used_servers", pool.open)]  # fmt: skip
    return _table(["list", "items"], rows)


def _version(world: World, component: str, pool: PoolState, database: str) -> Result:
    return Result([("version", TEXT)], [("PgBouncer 1.18.0",)], "SHOW")


SHOWS = {"POOLS": _pools, "STATS": _stats, "DATABASES": _databases, "SERVERS": _servers, "CLIENTS": _clients,
         "CONFIG": _config, "LISTS": _lists, "VERSION": _version}  # fmt: skip
