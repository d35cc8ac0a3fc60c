"""The tools of this room: psql, pg_isready, and SQL typed straight at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.postgres import client as clients
from simulator.postgres import psql
from simulator.postgres.backends import connections
from simulator.postgres.bouncer import CONFIG
from simulator.postgres.state import Session
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.shell import files
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

KEYWORDS = frozenset(
    "select with insert update delete explain create alter drop truncate begin commit rollback vacuum analyze show"
    " values table copy grant revoke start abort savepoint release reindex checkpoint merge lock discard comment cluster"
    " notify listen unlisten prepare deallocate refresh reassign".split()
)
ALSO_WORDS = frozenset(  # statements that begin like plain words: "show the pods", "start a back-up"
    "show update delete create alter drop table start abort release lock comment cluster listen notify move".split()
)
CHANGING = (
    "insert", "update", "delete", "drop", "alter", "truncate", "create", "set ", "terminate_backend",
    "cancel_backend", "pg_reload_conf", "reset", "vacuum", "reindex", "pause", "resume",
)  # fmt: skip
BOUNCER_SHOWS = frozenset("pools stats servers clients databases lists config version users help".split())
NOT_HERE = Text(
    ru="pgbench: нагрузку здесь задаёт трафик сценария; что выдерживает база: pg_stat_statements, promql",
    en="pgbench: the scenario's traffic is the load here; what the database bears: pg_stat_statements, promql",
)


def is_sql(line: str) -> bool:
    """Whether a line is SQL or a psql backslash command rather than a shell command."""
    if line.startswith("\\"):
        return True
    words = line.split(None, 2)
    first = words[0].lower().rstrip(";") if words else ""
    if first == "set" and len(words) > 1 and words[1].lower() in ("role", "transaction", "constraints"):
        return True
    if first in ("do", "execute"):
        return len(words) > 1 and (
            words[1].startswith("$") or words[1].lower() == "language" or first == "execute"
        )
    if first in ("declare", "fetch", "move", "close"):  # "close the incident" is no cursor's business
        return line.rstrip().endswith(";") or (first == "declare" and " cursor " in line.lower())
    if first == "set":
        return len(words) > 1 and ("=" in line or " to " in line.lower()) and not words[1].startswith("-")
    return first in KEYWORDS or (first == "reset" and len(words) > 1 and not words[1].startswith("-"))


def may_be_words(line: str, error: str) -> bool:
    """Whether a line that failed as SQL may have been plain words; a statement's own error stays its answer."""
    words = line.lower().split()
    if words[0] not in ALSO_WORDS or line.rstrip().endswith(";"):
        return False
    if words[0] == "update" and "set" not in words:
        return True
    return "syntax error" in error or "unrecognized configuration parameter" in error


def _for_bouncer(line: str) -> bool:
    """SHOW POOLS and SET default_pool_size mean PgBouncer's console wherever they are typed."""
    words = line.lower().replace("=", " ").rstrip("; ").split()
    if words[:1] == ["show"]:
        return len(words) == 2 and words[1] in BOUNCER_SHOWS
    return words[:1] == ["set"] and len(words) > 1 and words[1] in CONFIG


def run_sql(world: World, line: str) -> Reply:
    """Bare SQL: one shared session, so that a transaction and `\\x` last over lines."""
    databases = world.scenario.databases()
    if not databases:
        return failure(str(psql.connect(world, {})), 2)
    component = next(iter(databases))
    if _for_bouncer(line) and any(p.via for p in world.plane.pools(component)):
        client = clients.Client(world, Session(component, psql.BOUNCER, psql.BOUNCER), bouncer=True)
        clients.run_string(client, line)
        return Reply(client.out, client.err, client.code, client.cost_s)
    session = world.postgres.console
    if session is None:
        found = psql.connect(world, {})
        if isinstance(found, str):
            return failure(found, 2)
        session = found[0]
    client = clients.Client(world, session, interactive=True)
    _restore(client)
    before = session.in_transaction
    if before or line.lstrip().startswith("\\"):
        clients.run_script(client, line)
    else:
        _run_line(client, line)
    _keep(world, client)
    code = client.code or int(bool(client.err) and not client.out)
    return Reply(client.out, client.err, code, min(client.cost_s, psql.MAX_COST_S))


def _run_line(client: clients.Client, line: str) -> None:
    """A line stops at its first error, as a `-c` string does, yet may end in `\\watch` or `\\gx`."""
    client.stop_on_error = True
    clients.run_script(client, line)
    client.code = 1 if client.code == 3 else client.code


def _restore(client: clients.Client) -> None:
    display, form = client.session.display, client.form
    form.columns = client.world.columns
    form.expanded = display.get("expanded", "off")
    form.null = display.get("null", "")
    form.tuples_only = display.get("tuples_only") == "on"
    form.aligned = display.get("aligned", "on") == "on"
    client.timing = display.get("timing") == "on"


def _keep(world: World, client: clients.Client) -> None:
    """Keep the session only if it differs from a fresh one: looking leaves no trace."""
    form = client.form
    shown = {
        "expanded": form.expanded, "null": form.null, "tuples_only": "on" if form.tuples_only else "off",
        "aligned": "on" if form.aligned else "off", "timing": "on" if client.timing else "off",
    }  # fmt: skip
    usual = {"expanded": "off", "null": "", "tuples_only": "off", "aligned": "on", "timing": "off"}
    session = client.session
    session.display = {k: v for k, v in shown.items() if v != usual[k]}
    other = (session.user, session.via_bouncer) != ("postgres", False)
    named = bool(session.prepared or session.cursors or session.advisory)
    changed = session.in_transaction or session.display or session.settings or named or other
    world.postgres.console = session if changed and not client.bouncer else None


def changes_data(argv: list[str]) -> bool:
    return any(word in " ".join(argv).lower() for word in CHANGING)


def run_isready(world: World, argv: list[str], _stdin: str) -> Reply:
    """`pg_isready [-h HOST] [-p PORT] [-U USER] [-q]`: 0 accepting, 1 rejecting, 2 no response."""
    try:
        options = psql.read_arguments(argv[1:]).options
    except psql.BadOption as error:
        return failure(
            f'pg_isready: {error}\npg_isready: hint: Try "pg_isready --help" for more information.', 3
        )
    found = psql.connect(world, {**options, "username": "postgres"})
    port = options.get("port", "5432")
    where = f"{options.get('host') or '/var/run/postgresql'}:{port}"
    full = isinstance(found, str) and "too many clients" in found
    if not isinstance(found, str):
        state = world.plane.database(found[0].component)
        full = connections(world, found[0].component) >= state.max_connections
    missing = isinstance(found, str) and "FATAL" not in found
    text = "no response" if missing else ("rejecting connections" if full else "accepting connections")
    return Reply("" if "quiet" in options else f"{where} - {text}\n", code=2 if missing else int(full))


def run_dump(world: World, argv: list[str], stdin: str) -> Reply:
    from simulator.postgres import dump

    return dump.run(world, argv, stdin)


def run_restore(world: World, argv: list[str], stdin: str) -> Reply:
    """What pg_dump writes here is text, and pg_restore says so of it; of the other formats there is no file."""
    names, skip = [], False
    for word in argv[1:]:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in (
                "-d",
                "-h",
                "-p",
                "-U",
                "-j",
                "-t",
                "-n",
                "-F",
                "-L",
                "-I",
                "-S",
                "-N",
                "-T",
                "-f",
            )
        else:
            names.append(word)
    if not names:
        if not stdin:
            return failure("pg_restore: error: one of -d/--dbname and -f/--file must be specified")
        text = stdin
    else:
        try:
            text = files.read(world, names[0], stdin)
        except files.FileProblem as problem:
            return failure(
                f'pg_restore: error: could not open input file "{names[0][:200]}": {problem.reason}'
            )
    if "PostgreSQL database dump" in text[:2000]:
        return failure("pg_restore: error: input file appears to be a text format dump. Please use psql.")
    return failure("pg_restore: error: input file does not appear to be a valid archive")


def run_pgbench(world: World, argv: list[str], _stdin: str) -> Reply:
    return failure(NOT_HERE.of(world.language))


TOOLS: dict[str, Tool] = {
    "pg_dump": Tool(
        "pg_dump",
        run_dump,
        Text(ru="таблицы в виде скрипта SQL", en="tables as an SQL script"),
        ("pg_dump -h HOST -t TABLE DB | psql -h OTHER DB", "pg_dump -h HOST -t TABLE --data-only DB"),
    ),
    "pg_restore": Tool(
        "pg_restore",
        run_restore,
        Text(ru="вместо него psql: см. pg_dump", en="psql does it: see pg_dump"),
        (),
    ),
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
