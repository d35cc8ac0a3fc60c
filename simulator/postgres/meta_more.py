"""psql's rarer backslash commands: listings of what this database has none of, the query buffer, \\copy, \\sf."""

from __future__ import annotations

import re
from collections.abc import Callable

from simulator.postgres import describe
from simulator.postgres.client import Client, statement
from simulator.postgres.static_views import value_of
from simulator.shell import files

Command = Callable[[Client, str, bool], bool]
EMPTY = {  # command -> title, columns of a listing that is empty in any plain database
    "\\dm": ("List of relations", "Schema,Name,Type,Owner"),
    "\\dE": ("List of relations", "Schema,Name,Type,Owner"),
    "\\dT": ("List of data types", "Schema,Name,Description"),
    "\\dD": ("List of domains", "Schema,Name,Type,Collation,Nullable,Default,Check"),
    "\\do": ("List of operators", "Schema,Name,Left arg type,Right arg type,Result type,Description"),
    "\\da": ("List of aggregate functions", "Schema,Name,Result data type,Argument data types,Description"),
    "\\dO": ("List of collations", "Schema,Name,Collate,Ctype,ICU Locale,Provider,Deterministic?"),
    "\\dc": ("List of conversions", "Schema,Name,Source,Destination,Default?"),
    "\\dC": ("List of casts", "Source type,Target type,Function,Implicit?"),
    "\\dF": ("List of text search configurations", "Schema,Name,Description"),
    "\\dL": ("List of languages", "Name,Owner,Trusted,Description"),
    "\\dA": ("List of access methods", "Name,Type"),
    "\\dy": ("List of event triggers", "Name,Event,Owner,Enabled,Function,Tags"),
    "\\ddp": ("Default access privileges", "Owner,Schema,Type,Access privileges"),
    "\\dd": ("Object descriptions", "Schema,Name,Object,Description"),
    "\\des": ("List of foreign servers", "Name,Owner,Foreign-data wrapper"),
    "\\det": ("List of foreign tables", "Schema,Table,Server"),
    "\\dew": ("List of foreign-data wrappers", "Name,Owner,Handler,Validator"),
    "\\deu": ("List of user mappings", "Server,User name"),
    "\\dRp": ("List of publications", "Name,Owner,All tables,Inserts,Updates,Deletes,Truncates,Via root"),
    "\\dRs": ("List of subscriptions", "Name,Owner,Enabled,Publication"),
    "\\drds": ("List of settings", "Role,Database,Settings"),
    "\\dl": ("Large objects", "ID,Owner,Description"),
    "\\lo_list": ("Large objects", "ID,Owner,Description"),
    "\\dX": ("List of extended statistics", "Schema,Name,Definition,Ndistinct,Dependencies,MCV"),
    "\\dP": ("List of partitioned relations", "Schema,Name,Owner,Type,Table"),
}
KINDS = {"t": "table", "i": "index", "s": "sequence", "v": "view", "m": "", "E": ""}


def _empty(title: str, names: str) -> Command:
    def command(client: Client, arguments: str, plus: bool) -> bool:
        describe.listing(client, title, names.split(","), [])
        return True

    return command


def mixed(name: str) -> Command | None:
    """`\\dtvs`, `\\dS`, `\\dtS`: relations by letters; None when they are others."""
    letters = name.removeprefix("\\d").replace("S", "")
    if not name.startswith("\\d") or not set(letters) <= set(KINDS):
        return None
    kinds = tuple(KINDS[letter] for letter in letters if KINDS[letter]) or ("table", "view", "sequence")
    return lambda client, arguments, plus: describe.list_relations(client, kinds, arguments, plus)


def _quiet(client: Client, arguments: str, plus: bool) -> bool:
    """Settings of a terminal session that ends with the line."""
    return True


def _say(text: str) -> Command:
    def command(client: Client, arguments: str, plus: bool) -> bool:
        client.out += text
        return True

    return command


def _warn(client: Client, arguments: str, plus: bool) -> bool:
    client.err += arguments + "\n"
    return True


def _config(client: Client, arguments: str, plus: bool) -> bool:
    """`\\dconfig NAME`: settings by pattern; without one those that differ from their defaults."""
    from simulator.postgres import settings

    test = describe.matcher(arguments) if arguments else None
    catalog = describe.catalog_of(client)
    rows: list[tuple[str, ...]] = [
        (found.name, settings.shown(found, str(value_of(catalog, key) or "")))
        for key, found in sorted(settings.catalogue().items())
        if (test.match(key) if test is not None else key in catalog.session.settings)
    ]
    if not rows and arguments:
        client.out += f'Did not find any configuration parameters matching "{arguments}".\n'
    describe.listing(client, "List of configuration parameters", ["Parameter", "Value"], rows)
    return True


def _source(kind: str) -> Command:
    def command(client: Client, arguments: str, plus: bool) -> bool:
        name = arguments.strip()
        if not name:
            client.err += f"{kind} name is required\n"
        else:
            client.err += (
                f'ERROR:  {"relation" if kind == "view" else "function"} "{name[:100]}" does not exist\n'
            )
        return False

    return command


def _copy(client: Client, arguments: str, plus: bool) -> bool:
    """`\\copy … TO FILE|STDOUT`; what goes in comes by psql's standard input, COPY … FROM STDIN."""
    found = re.match(r"(.+?)\s+to\s+('[^']+'|\S+)(.*)$", arguments, re.I | re.S)
    if found is None:
        client.err += (
            "\\copy: arguments required\n"
            if not arguments
            else "\\copy: COPY … FROM STDIN takes rows from standard input here\n"
        )
        return False
    target = found[2].strip("'")
    before, quiet = client.out, client.quiet
    client.out, client.quiet = "", True
    line = f"COPY {found[1]} TO STDOUT{found[3]}"
    fine = statement(client, line, line, 0, 1)
    rows, client.out, client.quiet = client.out, before, quiet
    if not fine:
        return False
    if target.lower() in ("stdout", "pstdout"):
        client.out += rows
        return True
    try:
        files.write(client.world, target, rows)
    except files.FileProblem as problem:
        client.err += f"{target[:200]}: {problem.reason}\n"
        return False
    client.out += f"COPY {rows.count(chr(10)) - (' header' in found[3].lower())}\n"
    return True


def _denied(text: str) -> Command:
    def command(client: Client, arguments: str, plus: bool) -> bool:
        client.err += text
        return False

    return command


COMMANDS: dict[str, Command] = {
    **{name: _empty(title, names) for name, (title, names) in EMPTY.items()},
    "\\dconfig": _config, "\\sf": _source("function"), "\\sv": _source("view"), "\\copy": _copy, "\\warn": _warn,
    "\\o": _quiet, "\\out": _quiet, "\\H": _say("Output format is html.\n"), "\\C": _quiet, "\\T": _quiet, "\\cd": _quiet,
    "\\setenv": _quiet, "\\getenv": _quiet, "\\if": _quiet, "\\elif": _quiet, "\\else": _quiet, "\\endif": _quiet, "\\s": _quiet,
    "\\r": _say("Query buffer reset (cleared).\n"), "\\reset": _say("Query buffer reset (cleared).\n"),
    "\\p": _say("Query buffer is empty.\n"), "\\print": _say("Query buffer is empty.\n"), "\\w": _quiet, "\\gset": _quiet,
    "\\gdesc": _say("The command has no result, or the result has no columns.\n"), "\\gexec": _quiet, "\\bind": _quiet,
    "\\errverbose": _say("There is no previous error.\n"), "\\crosstabview": _denied("\\crosstabview: statement did not return a result set\n"),
    "\\copyright": _say("PostgreSQL Database Management System\n(formerly known as Postgres, then as Postgres95)\n\nPortions Copyright (c) 1996-2022, PostgreSQL Global Development Group\n"),
    "\\password": _denied("\\password: passwords of roles are kept by the vault, not by psql\n"), "\\prompt": _denied("\\prompt: there is nobody to ask: use \\set NAME VALUE\n"),
    "\\e": _denied("\\e: there is no editor: type the statement as a line\n"), "\\edit": _denied("\\e: there is no editor: type the statement as a line\n"),
    "\\ef": _denied("\\ef: there is no editor here\n"), "\\ev": _denied("\\ev: there is no editor here\n"),
}  # fmt: skip
