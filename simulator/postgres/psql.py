"""The psql client: options, backslash commands, scripts. What a statement does is decided in `execute`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.postgres import bouncer, execute, layout, parser
from simulator.postgres.catalog import indexdef
from simulator.postgres.errors import PgError, render, render_notice
from simulator.postgres.execute import Result
from simulator.postgres.state import Session, Table
from simulator.postgres.types import TEXT
from simulator.reply import Reply, failure
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

MAX_TEXT = 200_000
USAGE = 'Try "psql --help" for more information.'
INTERACTIVE = Text(
    ru="Соединение есть. Запросы передавайте через psql -c '…' или пишите SQL прямо в строке терминала.",
    en="Connected. Pass statements with psql -c '…', or type SQL straight at the terminal.",
)
HELP = """General
  \\q                     quit psql
  \\watch [SEC]           execute query every SEC seconds
Informational
  \\d[+]                  list tables
  \\d[+]  NAME            describe table or index
  \\di[+] \\dt[+] \\du     list indexes, tables, roles
  \\l                     list databases
Formatting
  \\x [on|off]            toggle expanded output
  \\timing [on|off]       toggle timing of commands
  \\pset null STRING      how NULL is shown
Connection
  \\conninfo              display information about current connection
"""


@dataclass
class Client:
    """One psql run: where it is connected and how it prints."""

    session: Session
    form: layout.Format = field(default_factory=layout.Format)
    quiet: bool = False
    timing: bool = False
    bouncer: bool = False
    out: str = ""
    err: str = ""
    cost_s: float = 1.0
    code: int = 0


OPTIONS_WITH_VALUE = {"c": "command", "d": "dbname", "h": "host", "p": "port", "U": "username", "f": "file", "F": "field-separator",
                      "v": "set", "P": "pset", "o": "output", "R": "record-separator"}  # fmt: skip
FLAGS = {"x": "expanded", "t": "tuples-only", "A": "no-align", "q": "quiet", "l": "list", "w": "no-password", "W": "password",
         "X": "no-psqlrc", "a": "echo-all", "e": "echo-queries", "1": "single-transaction", "b": "echo-errors", "n": "no-readline"}  # fmt: skip


def read_options(argv: list[str]) -> tuple[list[tuple[str, str]], list[str], str | None]:
    """([(long name, value)], operands, error text)."""
    longs = {
        **dict.fromkeys(OPTIONS_WITH_VALUE.values(), True),
        **dict.fromkeys(FLAGS.values(), False),
        "csv": False,
        "help": False,
        "version": False,
    }
    given: list[tuple[str, str]] = []
    operands: list[str] = []
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            if name not in longs:
                return [], [], f"psql: unrecognized option '--{name}'\n{USAGE}"
            if longs[name] and not equals:
                if not words:
                    return [], [], f"psql: option '--{name}' requires an argument\n{USAGE}"
                value = words.pop(0)
            given.append((name, value))
        elif word.startswith("-") and len(word) > 1:
            rest = word[1:]
            while rest:
                letter, rest = rest[0], rest[1:]
                if letter in FLAGS:
                    given.append((FLAGS[letter], ""))
                elif letter in OPTIONS_WITH_VALUE:
                    if not rest and not words:
                        return [], [], f"psql: option requires an argument -- '{letter}'\n{USAGE}"
                    given.append((OPTIONS_WITH_VALUE[letter], rest or words.pop(0)))
                    rest = ""
                else:
                    return [], [], f"psql: invalid option -- '{letter}'\n{USAGE}"
        else:
            operands.append(word)
    return given, operands, None


def main(world: World, argv: list[str], stdin: str) -> Reply:
    """The `psql` tool."""
    given, operands, error = read_options(argv)
    if error:
        return failure(error, 2)
    options = dict(given)
    if "version" in options:
        return Reply("psql (PostgreSQL) 15.8\n")
    if "help" in options:
        return Reply(
            "psql is the PostgreSQL interactive terminal.\n\nUsage:\n  psql [OPTION]... [DBNAME [USERNAME]]\n\n"
            + HELP
        )
    client, refused = connect(world, options, operands)
    if client is None:
        return failure(refused, 2)
    _print_options(client, options)
    scripts = [value for name, value in given if name == "command"]
    for name, value in given:
        if name == "file" and value != "-":
            text = world.files.get(value)
            if text is None:
                return failure(f"psql: error: {value}: No such file or directory", 1)
            scripts.append(text)
    if "list" in options:
        scripts.append("\\l")
    if not scripts and stdin:
        scripts.append(stdin)
    if not scripts:
        return Reply(INTERACTIVE.of(world.language) + "\n")
    for script in scripts:
        run_script(world, client, script, one_string=bool(options.get("command")))
    return Reply(client.out, client.err, client.code, min(client.cost_s, 180.0))


def _print_options(client: Client, options: dict[str, str]) -> None:
    client.form.expanded = "expanded" in options
    client.form.tuples_only = "tuples-only" in options
    client.form.aligned = "no-align" not in options
    client.form.csv = "csv" in options
    client.form.separator = options.get("field-separator", "|")
    client.quiet = "quiet" in options


def connect(world: World, options: dict[str, str], operands: list[str]) -> tuple[Client | None, str]:
    """A session on the named database, or libpq's reason why not."""
    name = options.get("dbname") or (operands[0] if operands else "")
    user = options.get("username") or (operands[1] if len(operands) > 1 else "postgres")
    host, port = options.get("host", ""), options.get("port", "5432")
    if "=" in name or "://" in name:
        found = re.search(r"dbname=(\w+)", name) or re.search(r"/(\w+)(?:\?|$)", name)
        name = found.group(1) if found else ""
    databases = world.scenario.databases()
    where = f'connection to server at "{host or "payments-db"}", port {port} failed: '
    if not port.isdigit() or port not in ("5432", "6432"):
        return (
            None,
            f"psql: error: {where}Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
        )
    known = (
        "",
        "localhost",
        "127.0.0.1",
        "pgbouncer",
        *databases,
        *(f"{d}-0" for d in databases),
        *(f"{d}-1" for d in databases),
    )
    if host.split(".")[0] not in known and host not in known:
        return (
            None,
            f'psql: error: could not translate host name "{host}" to address: Name or service not known',
        )
    component = next((d for d in databases if host.startswith(d)), next(iter(databases)))
    if name == "pgbouncer":
        return Client(Session(component, name, "pgbouncer", port=6432), bouncer=True), ""
    component = next((d for d, spec in databases.items() if name in (spec.database, d)), component)
    database = databases[component].database
    if name not in ("", "postgres", database, component):
        return None, f'psql: error: {where}FATAL:  database "{name}" does not exist'
    state = world.plane.database(component)
    left = state.max_connections - state.connections
    if left <= 0 or (user != "postgres" and left <= state.superuser_reserved):
        text = "remaining connection slots are reserved for non-replication superuser connections"
        reason = "sorry, too many clients already" if left <= 0 else text
        return None, f"psql: error: {where}FATAL:  {reason}"
    return Client(Session(component, database, user, host=host, port=int(port))), ""


def run_script(world: World, client: Client, text: str, one_string: bool = False) -> None:
    """Statements and backslash commands of a text, in order; a -c string ends at its first error."""
    if len(text) > MAX_TEXT:
        client.err += f"psql: error: the text is longer than {MAX_TEXT} characters\n"
        client.code = 1
        return
    for piece, is_meta in _pieces(text):
        ok = _meta(world, client, piece) if is_meta else _statement(world, client, piece, text)
        if not ok and one_string:
            client.code = 1
            return


def _pieces(text: str) -> list[tuple[str, bool]]:
    """The text cut into statements and backslash commands (to the end of their line)."""
    pieces: list[tuple[str, bool]] = []
    buffer = ""
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("\\") and not buffer.strip():
            pieces.append((bare, True))
            continue
        at = line.find("\\watch")
        if at >= 0:
            buffer += line[:at]
            pieces.append((buffer.strip().rstrip(";") + "\\watch" + line[at + 6 :], True))
            buffer = ""
            continue
        buffer += line + "\n"
    for statement in parser.split(buffer):
        pieces.append((statement.text, False))
    return pieces


def _statement(world: World, client: Client, text: str, whole: str) -> bool:
    try:
        if client.bouncer:
            result = bouncer.run(world, client.session.component, text)
        else:
            result = execute.run(world, client.session, text)
    except PgError as error:
        client.err += render(error, text)
        client.code = client.code or 0
        return False
    for notice in result.notices:
        client.err += render_notice(notice)
    client.cost_s += result.cost_s
    if result.is_query:
        client.out += layout.render(result, client.form)
    elif not client.quiet:
        client.out += result.tag + "\n"
    if client.timing:
        took = (world.plane.database(client.session.component).latency_s + result.cost_s) * 1000
        client.out += f"Time: {took:.3f} ms\n"
    return True


# -- backslash commands


def _meta(world: World, client: Client, text: str) -> bool:
    if "\\watch" in text and not text.startswith("\\watch"):
        return _watch(world, client, text)
    words = text.split()
    name, arguments = words[0], words[1:]
    if name.startswith("\\!"):
        client.err += "\\!: no shell here\n"
        return False
    plus = name.endswith("+")
    command = METAS.get(name.rstrip("+"))
    if command is None:
        client.err += f"invalid command {name}\nTry \\? for help.\n"
        return False
    return bool(command(world, client, arguments, plus))


def _watch(world: World, client: Client, text: str) -> bool:
    """The query again and again, in simulated time, as long as following is allowed."""
    query, _, rest = text.partition("\\watch")
    try:
        every = max(0.5, float(rest.strip() or 2))
    except ValueError:
        every = 2.0
    left = world.follow_limit_s
    while left >= 0:
        stamp = world.at(world.now_s).strftime("%a %b %e %H:%M:%S %Y")
        client.out += f"{stamp} (every {every:g}s)\n\n"
        if not _statement(world, client, query, query):
            return False
        world.advance(every)
        left -= every
    return True


def _listing(title: str, names: list[str], rows: list[tuple[object, ...]], client: Client) -> None:
    result = Result(
        [(n, TEXT) for n in names], [tuple(None if c is None else str(c) for c in row) for row in rows]
    )
    body = layout.render(result, client.form)
    if title and client.form.aligned and not client.form.tuples_only and not client.form.expanded:
        wide = max(layout.width(line) for line in body.splitlines())
        title = " " * max(0, (wide - len(title)) // 2) + title + "\n"
    client.out += title + body if title.endswith("\n") else body


def _tables_of(world: World, client: Client) -> list[Table]:
    database = client.session.working or world.postgres.databases[client.session.component]
    return sorted(database.tables.values(), key=lambda t: t.name)


def _describe(world: World, client: Client, arguments: list[str], plus: bool) -> bool:
    if not arguments:
        return _list_tables(world, client, arguments, plus)
    name = arguments[0].removeprefix("public.").strip('"')
    table = next((t for t in _tables_of(world, client) if t.name == name), None)
    if table is None:
        client.err += f'Did not find any relation named "{arguments[0]}".\n'
        return False
    rows: list[tuple[object, ...]] = [
        (c.name, c.type.shown, "", "not null" if c.not_null else "", c.default or "") for c in table.columns
    ]
    _listing(f'Table "public.{name}"', ["Column", "Type", "Collation", "Nullable", "Default"], rows, client)
    client.out = client.out.rsplit("(", 1)[0]
    if table.indexes:
        client.out += "Indexes:\n"
        for n, index in enumerate(table.indexes):
            kind = "PRIMARY KEY, " if index.primary else ("UNIQUE CONSTRAINT, " if index.constraint else "")
            body = indexdef(table, n).partition(" USING ")[2]
            client.out += f'    "{index.name}" {kind}{body}\n'
    if table.checks:
        client.out += "Check constraints:\n"
        client.out += "".join(f'    "{c.name}" CHECK ({c.shown})\n' for c in table.checks)
    if table.foreign_keys:
        client.out += "Foreign-key constraints:\n"
        for key in table.foreign_keys:
            columns, others = ", ".join(key.columns), ", ".join(key.references)
            client.out += f'    "{key.name}" FOREIGN KEY ({columns}) REFERENCES {key.table}({others})\n'
    client.out += "\n"
    return True


def _list_tables(world: World, client: Client, arguments: list[str], plus: bool) -> bool:
    from simulator.postgres.functions import size_pretty

    names = ["Schema", "Name", "Type", "Owner"] + (
        ["Persistence", "Access method", "Size", "Description"] if plus else []
    )
    rows: list[tuple[object, ...]] = []
    for table in _tables_of(world, client):
        row: tuple[object, ...] = ("public", table.name, "table", table.owner)
        rows.append((*row, "permanent", "heap", size_pretty(table.heap_bytes), "") if plus else row)
    _listing("List of relations", names, rows, client)
    return True


def _list_indexes(world: World, client: Client, arguments: list[str], plus: bool) -> bool:
    rows: list[tuple[object, ...]] = [
        ("public", i.name, "index", t.owner, t.name) for t in _tables_of(world, client) for i in t.indexes
    ]
    _listing("List of relations", ["Schema", "Name", "Type", "Owner", "Table"], sorted(rows, key=str), client)
    return True


def _list_roles(world: World, client: Client, arguments: list[str], plus: bool) -> bool:
    users = sorted({p.user for p in world.plane.pools(client.session.component)})
    rows: list[tuple[object, ...]] = [(u, "", "{}") for u in users]
    rows.append(("postgres", "Superuser, Create role, Create DB, Replication, Bypass RLS", "{}"))
    _listing("List of roles", ["Role name", "Attributes", "Member of"], rows, client)
    return True


def _list_databases(world: World, client: Client, arguments: list[str], plus: bool) -> bool:
    names = [spec.database for spec in world.scenario.databases().values()]
    rows: list[tuple[object, ...]] = [
        (n, "postgres", "UTF8", "C.UTF-8", "C.UTF-8", None) for n in [*names, "postgres", "template1"]
    ]
    _listing(
        "List of databases",
        ["Name", "Owner", "Encoding", "Collate", "Ctype", "Access privileges"],
        rows,
        client,
    )
    return True


def _toggle(what: str) -> Any:
    def run(world: World, client: Client, arguments: list[str], plus: bool) -> bool:
        target = client.form if what == "expanded" else client
        value = (arguments[0] in ("on", "1", "true")) if arguments else not getattr(target, what)
        setattr(target, what, value)
        state = "on" if value else "off"
        client.out += f"Expanded display is {state}.\n" if what == "expanded" else f"Timing is {state}.\n"
        return True

    return run


def _pset(world: World, client: Client, arguments: list[str], plus: bool) -> bool:
    if arguments[:1] == ["null"]:
        client.form.null = arguments[1].strip("'") if len(arguments) > 1 else ""
        client.out += f'Null display is "{client.form.null}".\n'
        return True
    client.err += f"\\pset: unknown option: {arguments[0] if arguments else ''}\n"
    return False


def _conninfo(world: World, client: Client, arguments: list[str], plus: bool) -> bool:
    s = client.session
    client.out += f'You are connected to database "{s.database}" as user "{s.user}" on host "{s.host or "payments-db"}" at port "{s.port}".\n'
    return True


def _quit(world: World, client: Client, arguments: list[str], plus: bool) -> bool:
    return True


def _help(world: World, client: Client, arguments: list[str], plus: bool) -> bool:
    client.out += HELP
    return True


def _extensions(world: World, client: Client, arguments: list[str], plus: bool) -> bool:
    rows: list[tuple[object, ...]] = [
        (
            "pg_stat_statements",
            "1.10",
            "public",
            "track planning and execution statistics of all SQL statements executed",
        ),
        ("plpgsql", "1.0", "pg_catalog", "PL/pgSQL procedural language"),
    ]
    _listing("List of installed extensions", ["Name", "Version", "Schema", "Description"], rows, client)
    return True


METAS: dict[str, Any] = {
    "\\d": _describe, "\\dt": _list_tables, "\\di": _list_indexes, "\\du": _list_roles, "\\l": _list_databases,
    "\\list": _list_databases, "\\x": _toggle("expanded"), "\\timing": _toggle("timing"), "\\pset": _pset,
    "\\conninfo": _conninfo, "\\q": _quit, "\\?": _help, "\\h": _help, "\\dx": _extensions,
}  # fmt: skip
