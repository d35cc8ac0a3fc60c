"""The `psql` command: its options, where they connect to, and the order in which scripts run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.postgres import entity_rows, storage
from simulator.postgres.backends import connections, roles
from simulator.postgres.client import Client, run_script, run_string
from simulator.postgres.state import Session
from simulator.reply import Reply, failure
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

BOUNCER = "pgbouncer"
BOUNCER_PORT, SERVER_PORT = 6432, 5432
BOUNCER_ADDRESS, SERVER_ADDRESS, SIDE_ADDRESS = "10.0.2.31", "10.0.2.20", "10.0.2.41"
MAX_COST_S = 900.0
INTERACTIVE = Text(
    ru="Здесь нет вложенной оболочки psql: передайте запрос через psql -c '…' или пишите SQL и \\команды прямо в строке.",
    en="There is no nested psql prompt here: pass a query with psql -c '…', or type SQL and \\commands as a line.",
)
USAGE = """psql is the PostgreSQL interactive terminal.

Usage:
  psql [OPTION]... [DBNAME [USERNAME]]

General options:
  -c, --command=COMMAND    run only single command (SQL or internal) and exit
  -d, --dbname=DBNAME      database name to connect to
  -f, --file=FILENAME      execute commands from file, then exit
  -l, --list               list available databases, then exit
  -v, --set=NAME=VALUE     set psql variable NAME to VALUE (e.g., -v ON_ERROR_STOP=1)
  -V, --version            output version information, then exit
  -X, --no-psqlrc          do not read startup file (~/.psqlrc)
  -1, --single-transaction execute as a single transaction (if non-interactive)

Output format options:
  -A, --no-align           unaligned table output mode
      --csv                CSV (Comma-Separated Values) table output mode
  -F, --field-separator=STRING
                           field separator for unaligned output (default: "|")
  -P, --pset=VAR[=ARG]     set printing option VAR to ARG (see \\pset command)
  -q, --quiet              run quietly (no messages, only query output)
  -t, --tuples-only        print rows only
  -x, --expanded           turn on expanded table output

Connection options:
  -h, --host=HOSTNAME      database server host
  -p, --port=PORT          database server port
  -U, --username=USERNAME  database user name
"""
WITH_VALUE = {"c": "command", "d": "dbname", "f": "file", "h": "host", "p": "port", "U": "username", "v": "set",
              "F": "field-separator", "P": "pset", "R": "record-separator", "o": "output", "L": "log-file",
              "T": "table-attr"}  # fmt: skip
FLAGS = {"A": "no-align", "t": "tuples-only", "x": "expanded", "q": "quiet", "l": "list", "V": "version",
         "X": "no-psqlrc", "1": "single-transaction", "a": "echo-all", "b": "echo-errors", "e": "echo-queries",
         "E": "echo-hidden", "n": "no-readline", "w": "no-password", "W": "password", "z": "field-separator-zero",
         "0": "record-separator-zero", "S": "single-line", "s": "single-step", "H": "html"}  # fmt: skip
LONG = {**dict.fromkeys(WITH_VALUE.values(), True), **dict.fromkeys(FLAGS.values(), False), "csv": False, "help": False,
        "variable": True}  # fmt: skip


@dataclass
class Arguments:
    """What the words of a psql command line say, in their order."""

    options: dict[str, str] = field(default_factory=dict)
    scripts: list[tuple[str, str]] = field(default_factory=list)  # ("command"|"file", text)
    settings: list[tuple[str, str]] = field(default_factory=list)  # ("set"|"pset", text)
    operands: list[str] = field(default_factory=list)


class BadOption(ValueError):
    """A word psql does not take; the message is psql's."""


def read_arguments(words: list[str]) -> Arguments:
    """Raises BadOption."""
    found, rest = Arguments(), list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            found.operands += rest
            break
        if word in ("-?", "--help") or word.startswith("--help="):
            found.options["help"] = ""
        elif word.startswith("--"):
            _long(found, word[2:], rest)
        elif word.startswith("-") and len(word) > 1:
            _short(found, word[1:], rest)
        else:
            found.operands.append(word)
    return found


def _long(found: Arguments, text: str, rest: list[str]) -> None:
    name, equals, value = text.partition("=")
    near = [n for n in LONG if n.startswith(name)] if name not in LONG else [name]
    if len(near) != 1:
        raise BadOption(f"unrecognized option '--{name}'")
    if LONG[near[0]] and not equals:
        if not rest:
            raise BadOption(f"option '--{near[0]}' requires an argument")
        value = rest.pop(0)
    _give(found, "set" if near[0] == "variable" else near[0], value)


def _short(found: Arguments, letters: str, rest: list[str]) -> None:
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter in FLAGS:
            _give(found, FLAGS[letter], "")
        elif letter in WITH_VALUE:
            if not letters and not rest:
                raise BadOption(f"option requires an argument -- '{letter}'")
            _give(found, WITH_VALUE[letter], letters or rest.pop(0))
            return
        else:
            raise BadOption(f"invalid option -- '{letter}'")


def _give(found: Arguments, name: str, value: str) -> None:
    if name in ("command", "file"):
        found.scripts.append((name, value))
    elif name in ("set", "pset"):
        found.settings.append((name, value))
    else:
        found.options[name] = value


def main(world: World, argv: list[str], stdin: str) -> Reply:
    """The `psql` tool."""
    try:
        given = read_arguments(argv[1:])
    except BadOption as error:
        return failure(f'psql: {error}\npsql: hint: Try "psql --help" for more information.', 1)
    if "help" in given.options:
        return Reply(USAGE)
    if "version" in given.options:
        return Reply("psql (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n")
    warnings = "".join(
        f'psql: warning: extra command-line argument "{w}" ignored\n' for w in given.operands[2:]
    )
    for name, value in zip(("dbname", "username"), given.operands[:2], strict=False):
        given.options.setdefault(name, value)
    found = connect(world, given.options)
    if isinstance(found, str):
        return failure(warnings + found, 2)
    client = _client(world, given, *found)
    client.err = warnings
    if "list" in given.options:
        run_string(client, "\\l")
    elif given.scripts:
        _run_scripts(client, given, stdin)
    elif stdin:
        run_script(client, stdin)
    else:
        run_string(client, "\\conninfo")
        client.out += INTERACTIVE.of(world.language) + "\n"
    if client.session.in_transaction:
        client.session.working = None  # the connection closes: what was not committed is rolled back
    return Reply(client.out, client.err, client.code, min(client.cost_s, MAX_COST_S))


def _client(world: World, given: Arguments, session: Session, bouncer: bool) -> Client:
    from simulator.postgres import meta

    options = given.options
    client = Client(world, session, quiet=True, bouncer=bouncer)
    client.form.columns = world.columns
    client.form.tuples_only = "tuples-only" in options
    client.form.aligned = "no-align" not in options
    client.form.csv = "csv" in options
    client.form.expanded = "on" if "expanded" in options else "off"
    client.form.separator = options.get("field-separator", "|").replace("\\t", "\t")
    client.form.record_separator = options.get("record-separator", "\n")
    for name, value in given.settings:
        meta.COMMANDS["\\set" if name == "set" else "\\pset"](client, value.replace("=", " ", 1), False)
    client.quiet = "quiet" in options
    return client


def _run_scripts(client: Client, given: Arguments, stdin: str) -> None:
    for kind, text in given.scripts:
        if kind == "command":
            run_string(client, text)
            if client.code:
                return
            continue
        script = stdin if text == "-" else script_file(client.world, text)
        if script is None:
            client.err += f"psql: error: {text}: No such file or directory\n"
            client.code = 1
            return
        client.file = "<stdin>" if text == "-" else text
        run_script(client, script)
        client.file = ""
        if client.finished:
            return


def script_file(world: World, name: str) -> str | None:
    """A script of the session's own small file system."""
    from simulator.shell import files

    try:
        return files.read(world, name)
    except files.FileProblem:
        return None


# --- where to connect --------------------------------------------------------------------------------

_URI = re.compile(r"postgres(?:ql)?://(?:([^:@/]*)(?::[^@/]*)?@)?([^:/?]*)(?::(\d+))?(?:/([^?]*))?(?:\?.*)?$")


def _spread(options: dict[str, str]) -> dict[str, str]:
    """Options with a connection string in the database's place spread out."""
    found, name = dict(options), options.get("dbname", "")
    match = _URI.match(name)
    if match:
        keys = ("username", "host", "port", "dbname")
        found["dbname"] = ""
        found.update({k: v for k, v in zip(keys, match.groups(), strict=True) if v})
    elif "=" in name:
        pairs = dict(part.split("=", 1) for part in name.split() if "=" in part)
        found["dbname"] = ""
        known = {"user": "username", "hostaddr": "host"}
        found.update({known.get(k, k): v for k, v in pairs.items()})
    return found


def connect(world: World, options: dict[str, str]) -> tuple[Session, bool] | str:
    """(session, whether it is PgBouncer's console), or psql's complaint."""
    options = _spread(options)
    databases = world.scenario.databases()
    host, port, name = options.get("host", ""), options.get("port", ""), options.get("dbname", "")
    if not databases:
        return _refused(host or "localhost", "127.0.0.1", port or str(SERVER_PORT))
    if port and not port.isdigit():
        return f'psql: error: invalid integer value "{port}" for connection option "port"'
    component = _component(world, host, name)
    if component is None:
        return f'psql: error: could not translate host name "{host}" to address: Name or service not known'
    pooled = any(p.via for p in world.plane.pools(component))
    to_bouncer = pooled and (port == str(BOUNCER_PORT) or host.split(".")[0] == BOUNCER or name == BOUNCER)
    number = int(port or (BOUNCER_PORT if to_bouncer else SERVER_PORT))
    if number != (BOUNCER_PORT if to_bouncer else SERVER_PORT):
        return _refused(host, SERVER_ADDRESS, str(number))
    address = BOUNCER_ADDRESS if to_bouncer else SERVER_ADDRESS
    where = f'connection to server at "{host}" ({address}), port {number} failed: '
    if not host:
        where = f'connection to server on socket "/var/run/postgresql/.s.PGSQL.{number}" failed: '
    if to_bouncer:
        database = name or world.postgres.databases[component].name
        return _to_bouncer(world, component, database, host, number, where)
    return _to_server(world, component, options, host, where)


def _refused(host: str, address: str, port: str) -> str:
    if not host:
        return (
            f'psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.{port}" failed: No such file or '
            "directory\n\tIs the server running locally and accepting connections on that socket?"
        )
    return (
        f'psql: error: connection to server at "{host}" ({address}), port {port} failed: Connection refused\n'
        "\tIs the server running on that host and accepting TCP/IP connections?"
    )


def _component(world: World, host: str, name: str) -> str | None:
    """The database component that a host or, without one, a database's name means."""
    databases = world.scenario.databases()
    first = next(iter(databases))
    by_name = next((d for d, spec in databases.items() if name in (d, spec.database)), first)
    bare = host.split(".", maxsplit=1)[0]
    if bare in world.postgres.databases:  # a shard, too
        return bare
    for component, spec in world.scenario.backups.items():
        if spec.spare == bare:
            return component
    member, _ = entity_rows.member_of(world, bare)
    if member:
        return member
    node = entity_rows.component_of(world, bare) if bare and world.entities is not None else None
    if node is not None:
        return node
    return by_name if bare in ("", BOUNCER, "localhost", "127", "10") else None


def _to_bouncer(
    world: World, component: str, name: str, host: str, port: int, where: str
) -> tuple[Session, bool] | str:
    if name == BOUNCER:
        return Session(component, BOUNCER, BOUNCER, host=host, port=port), True
    database = world.postgres.databases[component].name
    if name not in (database, component):
        return f"psql: error: {where}FATAL:  bouncer config error"
    pool = next(p for p in world.plane.pools(component) if p.via)
    return Session(component, database, pool.user, host=host, port=port, via_bouncer=True), False


def _to_side(
    world: World, side: str, component: str, user: str, name: str, where: str
) -> tuple[Session, bool] | str:
    """A restored copy beside the server: nobody else is connected to it."""
    known = world.postgres.sides.get(side)
    why = known.refuses if known is not None else "refused"
    if why.startswith("FATAL"):
        return f"psql: error: {where}{why}"
    if why:
        return _refused(side, SIDE_ADDRESS, str(SERVER_PORT))
    return Session(component, name, user, host=side, side=side), False


def _to_server(
    world: World, component: str, options: dict[str, str], host: str, where: str
) -> tuple[Session, bool] | str:
    database = world.postgres.databases[component].name
    user, name = options.get("username", "") or "postgres", options.get("dbname", "") or database
    if user not in roles(world, component):
        return f'psql: error: {where}FATAL:  role "{user}" does not exist'
    if name not in (database, component, "postgres", "template1"):
        return f'psql: error: {where}FATAL:  database "{name}" does not exist'
    side = host.partition(".")[0]
    if any(spec.spare == side for spec in world.scenario.backups.values()):
        return _to_side(world, side, component, user, name, where)
    if entity_rows.down(world, component, host):
        return _refused(host, SERVER_ADDRESS, options.get("port", "") or str(SERVER_PORT))
    if storage.down(world, component):
        return f"psql: error: {where}FATAL:  {storage.RECOVERING}"
    state = world.plane.database(component)
    spec = world.scenario.databases().get(component)
    slots = state.max_connections * (spec.shards if spec is not None else 1)  # of all shards together
    left = slots - connections(world, component)
    if left <= 0:
        return f"psql: error: {where}FATAL:  sorry, too many clients already"
    if user != "postgres" and left <= state.superuser_reserved:
        return (
            f"psql: error: {where}FATAL:  remaining connection slots are reserved for non-replication "
            "superuser connections"
        )
    return Session(component, database, user, host=host), False
