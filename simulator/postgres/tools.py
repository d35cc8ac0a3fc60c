"""The tools of this room: psql, pg_isready, and SQL typed straight at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.postgres import psql
from simulator.postgres.state import Session
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

KEYWORDS = frozenset(
    "select with insert update delete explain create alter drop truncate begin commit rollback vacuum analyze show "
    "values table copy grant revoke start abort".split()
)
CHANGING = (
    "insert",
    "update",
    "delete",
    "drop",
    "alter",
    "truncate",
    "create",
    "set ",
    "terminate_backend",
    "pause",
    "resume",
)
BOUNCER_SHOWS = ("pools", "stats", "servers", "clients", "databases", "lists", "config", "version")
NOT_HERE = Text(
    ru="pgbench не моделируется; нагрузку задаёт трафик мира. Есть: psql, pg_isready",
    en="pgbench is not simulated; the world's traffic is the load. Here are: psql, pg_isready",
)


def is_sql(line: str) -> bool:
    """Whether a line is SQL or a psql backslash command rather than a shell command."""
    if line.startswith("\\"):
        return True
    words = line.split(None, 2)
    first = words[0].lower().rstrip(";") if words else ""
    if first == "set":
        return len(words) > 1 and ("=" in line or " to " in line.lower()) and not words[1].startswith("-")
    return first in KEYWORDS


def run_sql(world: World, line: str) -> Reply:
    """Bare SQL: one shared session, so that a transaction spans lines. `SHOW POOLS` goes to PgBouncer."""
    component = next(iter(world.scenario.databases()))
    words = line.lower().rstrip("; ").split()
    if words[:1] == ["show"] and words[1:2] and words[1] in BOUNCER_SHOWS:
        client = psql.Client(Session(component, "pgbouncer", "pgbouncer"), bouncer=True)
    else:
        if world.postgres.console is None:
            world.postgres.console = Session(component, world.scenario.databases()[component].database)
        client = psql.Client(world.postgres.console)
        client.form.expanded = client.session.display.get("expanded") == "on"
        client.timing = client.session.display.get("timing") == "on"
    psql.run_script(world, client, line, one_string=True)
    if not client.bouncer:
        client.session.display["expanded"] = "on" if client.form.expanded else "off"
        client.session.display["timing"] = "on" if client.timing else "off"
    return Reply(client.out, client.err, client.code, min(client.cost_s, 180.0))


def changes_data(argv: list[str]) -> bool:
    return any(word in " ".join(argv).lower() for word in CHANGING)


def run_isready(world: World, argv: list[str], _stdin: str) -> Reply:
    state = world.plane.database(next(iter(world.scenario.databases())))
    full = state.connections >= state.max_connections
    return Reply(f"payments-db:5432 - {'rejecting' if full else 'accepting'} connections\n", code=int(full))


def run_pgbench(world: World, argv: list[str], _stdin: str) -> Reply:
    return failure(NOT_HERE.of(world.language))


TOOLS: dict[str, Tool] = {
    "psql": Tool(
        "psql",
        psql.main,
        Text(ru="PostgreSQL и консоль PgBouncer", en="PostgreSQL, and PgBouncer's console"),
        (
            "psql -c 'SHOW POOLS' pgbouncer",
            "psql -d payments -c '\\dt+'",
            "psql -d payments -c 'SELECT state, count(*) FROM pg_stat_activity GROUP BY 1'",
            "SELECT query, calls FROM pg_stat_statements ORDER BY calls DESC LIMIT 5;",
        ),
        changes_data,
    ),
    "pg_isready": Tool(
        "pg_isready",
        run_isready,
        Text(ru="принимает ли сервер соединения", en="whether the server accepts connections"),
    ),
    "pgbench": Tool("pgbench", run_pgbench, Text(ru="не моделируется", en="not simulated")),
}
