"""`pg_ctl` for the data directories that the backups' databases have: the live one and the spare machine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.backups import instances
from simulator.backups.state import Instance, Stanza, spec_of, stanzas
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

VERBS = ("start", "stop", "restart", "status", "promote")
OTHERS = ("init", "initdb", "reload", "logrotate", "kill")
FORMS = ("pg_ctl -D PATH start|stop|restart|status|promote [-m smart|fast|immediate] [-w] [-t SECONDS]",)
NOT_HERE = Text(
    ru="pg_ctl {0} не моделируется; есть start, stop, restart, status, promote",
    en="pg_ctl {0} is not simulated; there are start, stop, restart, status, promote",
)
WITH_VALUE = {"-D": "path", "--pgdata": "path", "-m": "mode", "--mode": "mode", "-t": "timeout", "-o": "options", "-l": "log",
              "--timeout": "timeout", "--options": "options", "--log": "log"}  # fmt: skip


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    found, verb, rest = {}, "", list(argv[1:])
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word in WITH_VALUE:
            if not equals and not rest:
                return _usage(f"option requires an argument -- '{word.lstrip('-')[:1]}'")
            found[WITH_VALUE[word]] = value if equals else rest.pop(0)
        elif word in ("-w", "-W", "-s", "--wait", "--no-wait", "--silent"):
            continue
        elif not word.startswith("-") and not verb:
            verb = word
        else:
            return _usage(f'too many command-line arguments (first is "{word}")')
    if verb in OTHERS:
        return failure(NOT_HERE.of(world.language).format(verb), 1)
    if verb not in VERBS:
        return _usage(f'unrecognized operation mode "{verb}"' if verb else "no operation specified")
    path = found.get("path", "").rstrip("/")
    if not path:
        return _usage("no database directory specified and environment variable PGDATA unset")
    return _on_directory(world, verb, path)


def _usage(why: str) -> Reply:
    return failure(f'pg_ctl: {why}\nTry "pg_ctl --help" for more information.', 1)


def _on_directory(world: World, verb: str, path: str) -> Reply:
    for component, stanza in stanzas(world).items():
        spec = spec_of(world, component)
        if path == spec.path:
            return _act(world, verb, path, component, stanza, stanza.main, False)
        if path == spec.spare_path:
            return _act(world, verb, path, component, stanza, stanza.side, True)
    return failure(f'pg_ctl: directory "{path}" does not exist', 4 if verb == "status" else 1)


def _act(
    world: World, verb: str, path: str, component: str, stanza: Stanza, made: Instance, beside: bool
) -> Reply:
    if made.state in ("empty", "copying"):
        return failure(
            f'pg_ctl: directory "{path}" is not a database cluster directory', 4 if verb == "status" else 1
        )
    running = made.state in ("up", "recovering")
    if verb == "status":
        if running:
            return Reply(
                f'pg_ctl: server is running (PID: {4100 + beside})\n/usr/pgsql-15/bin/postgres "-D" "{path}"\n'
            )
        return Reply("pg_ctl: no server running\n", code=3)
    if verb == "start":
        return _start(world, path, component, made, beside)
    if not running:
        return failure(f'pg_ctl: PID file "{path}/postmaster.pid" does not exist\nIs server running?', 1)
    if verb == "promote":
        return _promote(world, component, made, beside)
    if made.state == "recovering":
        return failure("pg_ctl: server does not shut down\nThe restored WAL is being replayed.", 1)
    (instances.stop_side if beside else instances.stop_main)(world, component)
    out = "waiting for server to shut down.... done\nserver stopped\n"
    if verb == "stop":
        return Reply(out, cost_s=3.0)
    again = _start(world, path, component, made, beside)
    return Reply(out + again.out, again.err, again.code, cost_s=5.0)


def _start(world: World, path: str, component: str, made: Instance, beside: bool) -> Reply:
    if made.state in ("up", "recovering"):
        return failure(
            "pg_ctl: another server might be running; trying to start server anyway\n"
            f'FATAL:  lock file "postmaster.pid" already exists\nHINT:  Is another postmaster (PID {4100 + beside})'
            f' running in data directory "{path}"?\npg_ctl: could not start server\nExamine the log output.',
            1,
        )
    if made.state == "failed":
        return failure(
            "waiting for server to start.... stopped waiting\npg_ctl: could not start server\nExamine the log output.\n"
            + _tail(made),
            1,
        )
    seen = len(made.lines)
    (instances.start_side if beside else instances.start_main)(world, component)
    until_s = min(made.until_s + 1.0, world.now_s + world.follow_limit_s)
    while made.state == "recovering" and world.now_s < until_s:
        world.advance(1.0)
    if made.state == "failed":
        return failure(
            "waiting for server to start.... stopped waiting\npg_ctl: could not start server\nExamine the log output.\n"
            + _tail(made),
            1,
        )
    if made.state == "recovering":
        return Reply(
            "waiting for server to start.... stopped waiting\npg_ctl: server did not start in time\n"
            + _tail(made),
            code=1,
        )
    return Reply(f"waiting for server to start.... done\n{_tail(made, seen)}server started\n")


def _tail(made: Instance, seen: int = 0) -> str:
    """What the server wrote since it was started."""
    return "".join(text + "\n" for _, text in made.lines[seen:][-8:])


def _promote(world: World, component: str, made: Instance, beside: bool) -> Reply:
    if made.state == "recovering" or made.action != "pause" or made.target_s is None:
        return failure("pg_ctl: cannot promote server; server is not in standby mode", 1)
    made.action = "promote"
    if beside:
        world.postgres.sides[spec_of(world, component).spare].paused = False
    return Reply("waiting for server to promote.... done\nserver promoted\n")


TOOLS = {
    "pg_ctl": Tool(
        "pg_ctl",
        run,
        Text(
            ru="запуск и остановка сервера PostgreSQL в каталоге данных",
            en="start and stop PostgreSQL in a data directory",
        ),
        FORMS,
        lambda argv: "status" not in argv,
    )
}
