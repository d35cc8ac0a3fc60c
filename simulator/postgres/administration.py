"""Statements of administration that this world has no effects of: roles, privileges, extensions, channels, COPY TO STDOUT.

Each is checked as the server checks it. What is accepted says in a notice that nothing here follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from simulator.postgres import copyout, prepared, settings
from simulator.postgres.backends import roles
from simulator.postgres.catalog import Catalog
from simulator.postgres.errors import Notice, PgError
from simulator.postgres.lexer import one_line
from simulator.postgres.result import Result
from simulator.postgres.static_views import EXTENSIONS

NEW_SESSIONS = Notice("new sessions take the setting; those that the pool holds keep theirs")
NO_PRIVILEGES = Notice("privileges are not checked in this world")
Handler = Callable[[Catalog, re.Match[str]], Result]


def answer(catalog: Catalog, text: str) -> Result | None:
    """The result of such a statement, None for any other. Raises PgError."""
    line = one_line(text).strip().rstrip(";").strip()
    for pattern, handler in FORMS:
        found = pattern.match(line)
        if found is not None:
            return handler(catalog, found)
    return None


def _role(catalog: Catalog, name: str) -> None:
    name = name.strip('"')
    if name not in roles(catalog.world, catalog.session.component) and name.lower() not in (
        "current_user",
        "all",
        "public",
    ):
        raise PgError(f'role "{name}" does not exist')


def _setting(name: str, value: str) -> None:
    known = settings.catalogue().get(name.lower())
    if known is None and "." not in name:
        raise PgError(f'unrecognized configuration parameter "{name}"')
    if known is not None and value.lower() not in ("", "default"):
        stored, complaint = settings.normalise(known, value.strip("'\""))
        if stored is None:
            raise PgError(complaint)


def _alter_role(catalog: Catalog, found: re.Match[str]) -> Result:
    _role(catalog, found[1])
    if found[2]:
        _setting(found[2], found[3])
    return Result(tag="ALTER ROLE", notices=[NEW_SESSIONS])


def _alter_role_limits(catalog: Catalog, found: re.Match[str]) -> Result:
    _role(catalog, found[1])
    return Result(tag="ALTER ROLE", notices=[NEW_SESSIONS])


def _alter_database(catalog: Catalog, found: re.Match[str]) -> Result:
    if found[1].strip('"') not in (catalog.database.name, "postgres", "template1"):
        raise PgError(f'database "{found[1]}" does not exist')
    if found[2]:
        _setting(found[2], found[3] or "")
    return Result(tag="ALTER DATABASE", notices=[NEW_SESSIONS])


def _privileges(catalog: Catalog, found: re.Match[str]) -> Result:
    table = found[2].strip('"').removeprefix("public.")
    if re.fullmatch(r"\w+", table) and table.lower() not in (
        "all",
        "schema",
        "database",
        "sequence",
        "function",
    ):
        catalog.table(table)
    _role(catalog, found[3].split()[0])
    return Result(tag=found[1].upper(), notices=[NO_PRIVILEGES])


def _create_extension(catalog: Catalog, found: re.Match[str]) -> Result:
    name = found[2].strip('"')
    if name in [extension[0] for extension in EXTENSIONS]:
        if not found[1]:
            raise PgError(f'extension "{name}" already exists')
        return Result(
            tag="CREATE EXTENSION", notices=[Notice(f'extension "{name}" already exists, skipping')]
        )
    raise PgError(
        f'extension "{name}" is not available',
        detail=f'Could not open extension control file "/usr/share/postgresql/15/extension/{name}.control": No such file or directory.',
        hint="The extension must first be installed on the system where PostgreSQL is running.",
    )


def _refused(text: str) -> Handler:
    def handler(_catalog: Catalog, _found: re.Match[str]) -> Result:
        raise PgError(text)

    return handler


def _tagged(tag: str) -> Handler:
    return lambda _catalog, _found: Result(tag=tag)


def _execute(catalog: Catalog, found: re.Match[str]) -> Result:
    return prepared.execute(catalog, found[0])


def _prepare(catalog: Catalog, found: re.Match[str]) -> Result:
    return prepared.prepare(catalog, found[0])


def _deallocate(catalog: Catalog, found: re.Match[str]) -> Result:
    return prepared.deallocate(catalog, found[1])


def _set_role(catalog: Catalog, found: re.Match[str]) -> Result:
    if found[1].lower() != "none":
        _role(catalog, found[1].strip("'"))
    return Result(tag="SET")


def _set_transaction(catalog: Catalog, _found: re.Match[str]) -> Result:
    outside = not catalog.session.in_transaction or catalog.session.implicit
    notices = [Notice("SET TRANSACTION can only be used in transaction blocks", "WARNING")] if outside else []
    return Result(tag="SET", notices=notices)


def _sequence(catalog: Catalog, found: re.Match[str]) -> Result:
    sequence = catalog.database.sequences.get(found[1].strip('"'))
    if sequence is None:
        raise PgError(f'relation "{found[1]}" does not exist')
    restart = re.search(r"\brestart(?:\s+with)?\s+(-?\d{1,18})|\brestart\b", found[0], re.I)
    step = re.search(r"\bincrement(?:\s+by)?\s+(-?\d{1,9})", found[0], re.I)
    if restart is not None:
        sequence.last, sequence.called = int(restart[1] or sequence.start), False
    if step is not None and int(step[1]):
        sequence.step = int(step[1])
    return Result(tag="ALTER SEQUENCE")


def _triggers(catalog: Catalog, found: re.Match[str]) -> Result:
    catalog.table(found[1].strip('"').removeprefix("public."))
    if found[2].lower() not in ("all", "user"):
        raise PgError(f'trigger "{found[2]}" for table "{found[1]}" does not exist')
    return Result(tag="ALTER TABLE")


def _statistics(catalog: Catalog, found: re.Match[str]) -> Result:
    """How much ANALYZE samples of a column; within an incident no plan changes by it."""
    table = catalog.table(found[1].strip('"').removeprefix("public."))
    if table.column(found[2].strip('"').lower()) is None:
        raise PgError(f'column "{found[2]}" of relation "{table.name}" does not exist')
    notices = [Notice("lowering statistics target to 10000", "WARNING")] if int(found[3]) > 10_000 else []
    return Result(tag="ALTER TABLE", notices=notices)


def _cluster(catalog: Catalog, found: re.Match[str]) -> Result:
    catalog.table(found[1].strip('"').removeprefix("public."))
    raise PgError(f'there is no previously clustered index for table "{found[1]}"')


def _refresh(catalog: Catalog, found: re.Match[str]) -> Result:
    name = found[1].strip('"').removeprefix("public.")
    if name in catalog.database.tables or name in catalog.database.views:
        raise PgError(f'"{name}" is not a materialized view')
    raise PgError(f'relation "{name}" does not exist')


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern + "$", re.I | re.S)


ANY = r"[\s\S]*"
FORMS: tuple[tuple[re.Pattern[str], Handler], ...] = (
    (_form(r'alter (?:role|user) ([\w"]+)(?: in database \w+)? set ([\w.]+)(?: ?= ?| to )(.+)'), _alter_role),
    (_form(r'alter (?:role|user) ([\w"]+)(?: in database \w+)? reset ([\w.]+)()'), _alter_role),
    (_form(rf'alter (?:role|user) ([\w"]+) (?:with )?(?:connection limit|password|valid until|login|nologin|superuser|nosuperuser|createdb){ANY}'), _alter_role_limits),
    (_form(r'alter database ([\w"]+) set ([\w.]+)(?: ?= ?| to )(.+)'), _alter_database),
    (_form(r'alter database ([\w"]+) (?:reset ([\w.]+)()|(?:with )?connection limit -?\d+)'), _alter_database),
    (_form(r'alter sequence (?:if exists )?([\w"]+) (?:restart|increment|owned|cache|minvalue|maxvalue)' + ANY), _sequence),
    (_form(r'alter table (?:only )?([\w."]+) (?:disable|enable) trigger (\w+)'), _triggers),
    (_form(r'alter table (?:only )?([\w."]+) alter (?:column )?([\w"]+) set statistics (-?\d{1,6})'), _statistics),
    (_form(r"alter default privileges " + ANY), lambda _c, _f: Result(tag="ALTER DEFAULT PRIVILEGES", notices=[NO_PRIVILEGES])),
    (_form(r'(grant|revoke) (?:[\w, ]+) on (?:table )?([\w."]+)[\w\s,]* (?:to|from) ([\w", ]+)'), _privileges),
    (_form(r'(?:create|drop) (?:user|role) (?:if exists )?([\w"]+)' + ANY), _refused("permission denied to create or drop a role")),
    (_form(r'create extension (if not exists )?([\w"-]+)' + ANY), _create_extension),
    (_form(rf"create (?:or replace )?(?:function|procedure|trigger|event trigger|rule){ANY}"), _refused("permission denied for language plpgsql")),
    (_form(rf"(?:do|call)\b{ANY}"), _refused("permission denied for language plpgsql")),
    (_form(rf"(?:create|drop) (?:database|tablespace)\b{ANY}"), _refused("permission denied to create database")),
    (_form(rf"create statistics\b{ANY}"), _tagged("CREATE STATISTICS")),
    (_form(r"notify \w+" + ANY), _tagged("NOTIFY")),
    (_form(r"listen \w+"), _tagged("LISTEN")),
    (_form(r"unlisten (?:\w+|\*)"), _tagged("UNLISTEN")),
    (_form(r"prepare (\w+)" + ANY), _prepare),
    (_form(r"execute (\w+)" + ANY), _execute),
    (_form(r"deallocate (?:prepare )?(\w+)"), _deallocate),
    (_form(r"set (?:session |local )?role (?:to )?([\w'\"]+)"), _set_role),
    (_form(r"set (?:session characteristics as )?transaction " + ANY), _set_transaction),
    (_form(r"set session authorization (\w+)"), _set_role),
    (_form(r"set constraints " + ANY), _tagged("SET CONSTRAINTS")),
    (_form(r"cluster(?: verbose)? ([\w.\"]+)"), _cluster),
    (_form(r"refresh materialized view (?:concurrently )?([\w.\"]+)" + ANY), _refresh),
    (_form(r"copy (\(.*\)|[\w.\"]+\s*(?:\([^()]*\))?) to stdout\b(.*)"), copyout.to_stdout),
)  # fmt: skip
