"""psql's backslash commands. Listings live in `describe`, what statements do in `execute`."""

from __future__ import annotations

import re
from collections.abc import Callable

from simulator.postgres import describe, meta_more, script, types
from simulator.postgres.client import MAX_OUTPUT, Client, Piece, answer, run_script, statement
from simulator.scenario import Text

HELP = """General
  \\g                     execute query
  \\gx                    as \\g, but forces expanded output mode
  \\q                     quit psql
  \\watch [SEC]           execute query every SEC seconds

Help
  \\?                     show help on backslash commands
  \\h                     which SQL commands are understood here

Input/Output
  \\echo [STRING]         write string to standard output
  \\i FILE                execute commands from file

Informational
  \\d[+]                  list tables, views, and sequences
  \\d[+]  NAME            describe table, view, sequence, or index
  \\db \\df \\dn \\dp \\dx    list tablespaces, functions, schemas, privileges, extensions
  \\di[+] \\ds[+] \\dt[+]   list indexes, sequences, tables
  \\du \\dg                list roles
  \\dv[+]                 list views
  \\l[+]                  list databases

Formatting
  \\a                     toggle between unaligned and aligned output mode
  \\f [STRING]            show or set field separator for unaligned query output
  \\pset [NAME [VALUE]]   set table output option
  \\t [on|off]            show only rows
  \\x [on|off|auto]       toggle expanded output

Connection
  \\c [DBNAME]            connect to new database
  \\conninfo              display information about current connection
  \\encoding              show client encoding

Operating System
  \\timing [on|off]       toggle timing of commands
"""
SQL_HELP = """Available help:
  ALTER INDEX      CREATE INDEX     DELETE           EXPLAIN          RESET            START TRANSACTION
  ALTER SYSTEM     CREATE SEQUENCE  DISCARD          INSERT           ROLLBACK         TRUNCATE
  ALTER TABLE      CREATE TABLE     DROP INDEX       REINDEX          SAVEPOINT        UPDATE
  ANALYZE          CREATE VIEW      DROP SEQUENCE    RELEASE          SELECT           VACUUM
  BEGIN            COMMENT          DROP TABLE                        SET              VALUES
  CHECKPOINT       COMMIT           DROP VIEW                         SHOW             WITH
"""
NO_SHELL = Text(
    ru="\\!: команд хоста здесь нет; всё, что есть, — в самом терминале (help)",
    en="\\!: there are no host commands here; what there is, the terminal itself has (help)",
)
Command = Callable[[Client, str, bool], bool]


def run(client: Client, piece: Piece) -> bool:
    """One backslash command; the statement before it runs first where psql would send it."""
    name, arguments = piece.command, piece.arguments
    if name in ("\\g", "\\gx", "\\watch"):
        return _send(client, piece)
    if name in ("\\gset", "\\gexec"):
        return _taken(client, piece)
    # psql keeps a half-typed statement; a terminal line has nothing to complete it with.
    if piece.text and not statement(client, piece.text, piece.text, 0, piece.line):
        return False
    if name.startswith("\\!"):
        client.err += NO_SHELL.of(client.world.language) + "\n"
        return False
    if client.bouncer and name.startswith("\\d"):
        client.err += "FATAL:  failure\nserver closed the connection unexpectedly\n"
        client.code, client.finished = 2, True
        return False
    plus = name.endswith("+")
    bare = name.rstrip("+")
    command = COMMANDS.get(bare) or meta_more.COMMANDS.get(bare.removesuffix("S")) or meta_more.mixed(bare)
    if command is None:
        client.err += f"invalid command {name}\n" + ("Try \\? for help.\n" if client.interactive else "")
        return False
    return command(client, _unquoted(arguments), plus)


def _unquoted(text: str) -> str:
    bare = text.strip().rstrip(";").strip()
    return bare[1:-1] if len(bare) > 1 and bare[0] == bare[-1] == "'" else bare


def _send(client: Client, piece: Piece) -> bool:
    query = piece.text or client.last_query
    if not query:
        if piece.command == "\\watch":
            client.err += "\\watch cannot be used with an empty query\n"
            return False
        return True
    if piece.command == "\\watch":
        return _watch(client, query, piece.arguments)
    before = client.form.expanded
    if piece.command == "\\gx":
        client.form.expanded = "on"
    fine = statement(client, query, query, 0, piece.line)
    client.form.expanded = before
    return fine


def _taken(client: Client, piece: Piece) -> bool:
    """\\gset puts the only row into variables, \\gexec runs every cell as a statement of its own."""
    query = piece.text or client.last_query
    if not query:
        return True
    result = answer(client, query, piece.line)
    if result is None:
        return False
    if piece.command == "\\gexec":
        cells = [str(cell) for row in result.rows for cell in row if cell is not None]
        fine = True
        for cell in cells[:1_000]:
            fine = statement(client, cell, cell, 0, 1) and fine
        return fine
    if len(result.rows) != 1:
        client.err += ("no rows" if not result.rows else "more than one row") + " returned for \\gset\n"
        return False
    prefix = piece.arguments.strip()
    for (name, kind), cell in zip(result.columns, result.rows[0], strict=True):
        shown = types.format_value(cell, kind)
        if shown is None:
            client.variables.pop(prefix + name, None)
        else:
            client.variables[prefix + name] = shown
    return True


def _watch(client: Client, query: str, arguments: str) -> bool:
    """The query again and again in simulated time, as long as following is allowed."""
    match = re.match(r"(?:i=|interval=)?(\d+(?:\.\d+)?)", arguments.strip())
    every_s = max(0.5, float(match.group(1))) if match else 2.0
    left_s = client.world.follow_limit_s
    while True:
        stamp = client.world.at(client.world.now_s).strftime("%a %b %e %H:%M:%S %Y")
        client.out += f"{stamp} (every {every_s:g}s)\n\n"
        if not statement(client, query, query, 0, 1):
            return False
        left_s -= every_s
        if left_s < 0 or len(client.out) > MAX_OUTPUT:
            return True
        client.world.advance(every_s)


# --- settings of the client --------------------------------------------------------------------------


def _switch(current: bool, arguments: str) -> bool:
    found = script.boolean(arguments)
    return not current if found is None else found


def _refused(client: Client, arguments: str, name: str) -> bool:
    """Whether a word that should switch something is neither on nor off; then that is said."""
    if not arguments or script.boolean(arguments) is not None:
        return False
    expected = ": Boolean expected" if name != "expanded" else "\nAvailable values are: on, off, auto."
    client.err += f'unrecognized value "{arguments}" for "{name}"{expected}\n'
    return True


def _expanded(client: Client, arguments: str, plus: bool) -> bool:
    form = client.form
    if arguments.lower() != "auto" and _refused(client, arguments, "expanded"):
        return False
    if arguments.lower() == "auto":
        form.expanded = "auto"
    else:
        form.expanded = "on" if _switch(form.expanded != "off", arguments) else "off"
    texts = {"on": "Expanded display is on.", "off": "Expanded display is off.",
             "auto": "Expanded display is used automatically."}  # fmt: skip
    _say(client, texts[form.expanded])
    return True


def _say(client: Client, text: str) -> None:
    if not client.quiet:
        client.out += text + "\n"


def _timing(client: Client, arguments: str, plus: bool) -> bool:
    fine = not _refused(client, arguments, "\\timing")
    client.timing = _switch(client.timing, arguments) if fine else client.timing
    _say(client, f"Timing is {'on' if client.timing else 'off'}.")
    return fine


def _tuples(client: Client, arguments: str, plus: bool) -> bool:
    if _refused(client, arguments, "tuples_only"):
        return False
    client.form.tuples_only = _switch(client.form.tuples_only, arguments)
    _say(client, f"Tuples only is {'on' if client.form.tuples_only else 'off'}.")
    return True


def _align(client: Client, arguments: str, plus: bool) -> bool:
    client.form.aligned = not client.form.aligned
    _say(client, f"Output format is {'aligned' if client.form.aligned else 'unaligned'}.")
    return True


def _separator(client: Client, arguments: str, plus: bool) -> bool:
    if arguments:
        client.form.separator = arguments.replace("\\t", "\t")
    _say(client, f'Field separator is "{client.form.separator}".')
    return True


FORMATS = "aligned, asciidoc, csv, html, latex, latex-longtable, troff-ms, unaligned, wrapped"


def pset(client: Client, arguments: str, plus: bool) -> bool:
    name, _, value = arguments.partition(" ")
    value = _unquoted(value)
    form = client.form
    if not name:
        rows = {"border": str(form.border), "expanded": form.expanded, "fieldsep": f"'{form.separator}'",
                "footer": "on" if form.footer else "off", "null": f"'{form.null}'",
                "format": "csv" if form.csv else ("aligned" if form.aligned else "unaligned"),
                "tuples_only": "on" if form.tuples_only else "off"}  # fmt: skip
        client.out += "".join(f"{key:<24} {rows[key]}\n" for key in sorted(rows))
        return True
    if name == "null":
        form.null = value
        _say(client, f'Null display is "{value}".')
    elif name == "format" and value in ("aligned", "unaligned", "csv", "wrapped"):
        form.csv, form.aligned = value == "csv", value in ("aligned", "wrapped")
        _say(client, f"Output format is {value}.")
    elif name == "format":
        client.err += f"\\pset: allowed formats are {FORMATS}\n"
        return False
    elif name == "border" and value in ("0", "1", "2"):
        form.border = int(value)
        _say(client, f"Border style is {value}.")
    elif name == "footer":
        form.footer = _switch(form.footer, value)
    elif name in ("expanded", "x", "vertical"):
        return _expanded(client, value, plus)
    elif name in ("tuples_only", "t"):
        return _tuples(client, value, plus)
    elif name == "fieldsep":
        return _separator(client, value, plus)
    elif name in ("pager", "pager_min_lines", "linestyle", "title", "recordsep", "columns", "numericlocale"):
        _say(client, "Pager usage is off." if name == "pager" else f"{name} is not simulated.")
    else:
        client.err += f"\\pset: unknown option: {name}\n"
        return False
    return True


# --- connection, scripts, help -----------------------------------------------------------------------


def conninfo(client: Client, arguments: str, plus: bool) -> bool:
    s = client.session
    where = f'on host "{s.host}"' if s.host else 'via socket in "/var/run/postgresql"'
    client.out += (
        f'You are connected to database "{s.database}" as user "{s.user}" {where} at port "{s.port}".\n'
    )
    if arguments:
        client.err += f'\\conninfo: extra argument "{arguments}" ignored\n'
    return True


def _connect(client: Client, arguments: str, plus: bool) -> bool:
    from simulator.postgres import psql

    words = arguments.split()
    old = client.session
    options = {"dbname": words[0] if words else old.database, "host": old.host, "port": str(old.port),
               "username": words[1] if len(words) > 1 else ("" if client.bouncer else old.user)}  # fmt: skip
    found = psql.connect(client.world, {k: v for k, v in options.items() if v})
    if isinstance(found, str):
        client.err += found.replace("psql: error: ", "\\connect: ", 1) + "\n"
        if not client.interactive:  # a script ends where it lost its connection
            client.code, client.finished = 2, True
        return False
    session, client.bouncer = found
    if old is client.world.postgres.console:
        client.world.postgres.console = session
    client.session = session
    _say(client, f'You are now connected to database "{session.database}" as user "{session.user}".')
    return True


def _quit(client: Client, arguments: str, plus: bool) -> bool:
    client.finished = True
    return True


def _echo(client: Client, arguments: str, plus: bool) -> bool:
    client.out += arguments.removeprefix("-n ") + ("" if arguments.startswith("-n ") else "\n")
    return True


def _include(client: Client, arguments: str, plus: bool) -> bool:
    from simulator.postgres import psql

    text = psql.script_file(client.world, arguments)
    if text is None or client.depth >= 5:
        client.err += f"{arguments}: No such file or directory\n"
        return False
    client.depth += 1
    outer, client.file = client.file, arguments
    run_script(client, text)
    client.file = outer
    client.depth -= 1
    return True


def _set(client: Client, arguments: str, plus: bool) -> bool:
    name, _, value = arguments.partition(" ")
    if not name:
        known = {"DBNAME": client.session.database, "USER": client.session.user, "PORT": str(client.session.port),
                 "HOST": client.session.host or "/var/run/postgresql", **client.variables}  # fmt: skip
        client.out += "".join(f"{key} = '{known[key]}'\n" for key in sorted(known))
    elif len(client.variables) < 100:
        client.variables[name] = _unquoted(value)
        if name == "ON_ERROR_STOP":
            client.stop_on_error = _switch(False, _unquoted(value) or "on")
    return True


def _unset(client: Client, arguments: str, plus: bool) -> bool:
    if not arguments:
        client.err += "\\unset: missing required argument\n"
        return False
    client.variables.pop(arguments, None)
    return True


def _help(client: Client, arguments: str, plus: bool) -> bool:
    client.out += HELP
    return True


def _sql_help(client: Client, arguments: str, plus: bool) -> bool:
    words = arguments.upper().rstrip(";")
    if words and not any(words in line for line in SQL_HELP.splitlines()[1:]):
        client.out += (
            f'No help available for "{arguments}".\nTry \\h with no arguments to see available help.\n'
        )
        return True
    client.out += SQL_HELP
    return True


def _encoding(client: Client, arguments: str, plus: bool) -> bool:
    client.out += "UTF8\n"
    return True


def _tablespaces(client: Client, arguments: str, plus: bool) -> bool:
    rows: list[tuple[str, ...]] = [("pg_default", "postgres", ""), ("pg_global", "postgres", "")]
    describe.listing(client, "List of tablespaces", ["Name", "Owner", "Location"], rows)
    return True


def _relations(*kinds: str) -> Command:
    def command(client: Client, arguments: str, plus: bool) -> bool:
        return describe.list_relations(client, kinds, arguments, plus)

    return command


def _describe(client: Client, arguments: str, plus: bool) -> bool:
    if arguments:
        return describe.describe(client, arguments, plus)
    return describe.list_relations(client, ("table", "view", "sequence"), "", plus)


COMMANDS: dict[str, Command] = {
    "\\d": _describe, "\\dt": _relations("table"), "\\di": _relations("index"), "\\dv": _relations("view"),
    "\\ds": _relations("sequence"), "\\dti": _relations("table", "index"), "\\dn": describe.list_schemas,
    "\\du": describe.list_roles, "\\dg": describe.list_roles, "\\l": describe.list_databases,
    "\\list": describe.list_databases, "\\dx": describe.list_extensions, "\\df": describe.list_functions,
    "\\dp": describe.list_privileges, "\\z": describe.list_privileges, "\\db": _tablespaces, "\\x": _expanded,
    "\\timing": _timing, "\\t": _tuples, "\\a": _align, "\\f": _separator, "\\pset": pset, "\\conninfo": conninfo,
    "\\c": _connect, "\\connect": _connect, "\\q": _quit, "\\quit": _quit, "\\echo": _echo, "\\qecho": _echo,
    "\\i": _include, "\\include": _include, "\\set": _set, "\\unset": _unset, "\\?": _help, "\\h": _sql_help,
    "\\help": _sql_help, "\\encoding": _encoding,
}  # fmt: skip
