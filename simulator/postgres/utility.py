"""Statements told by their first word: settings, maintenance, locks. No rows of data are changed here."""

from __future__ import annotations

import re
from typing import Any

from simulator.entities.lockmodes import MODES
from simulator.postgres import settings, types
from simulator.postgres.catalog import Catalog
from simulator.postgres.errors import Notice, PgError, not_simulated
from simulator.postgres.expressions import ZONES_MIN
from simulator.postgres.lexer import one_line, strip_comments
from simulator.postgres.parser import syntax_error, tokens_of
from simulator.postgres.result import Result
from simulator.postgres.session_functions import current_setting
from simulator.postgres.state import Table
from simulator.postgres.static_views import value_of

# Pages a second that VACUUM reads with cost delay off, and rows a second that ANALYZE samples.
VACUUM_BYTES_PER_S = 400_000_000
ANALYZE_S = 2.0


def check_timeout(catalog: Catalog, cost_s: float) -> None:
    """Raises PgError when a statement works longer than statement_timeout."""
    limit_ms = float(value_of(catalog, "statement_timeout") or 0)
    if limit_ms and cost_s * 1000 > limit_ms:
        raise PgError("canceling statement due to statement timeout")


def check_where(catalog: Catalog, tree: Any, verb: str) -> None:
    """The library safeupdate, where a server loads it, refuses a change without WHERE. Raises PgError."""
    name, session = "safeupdate.enabled", catalog.session
    said = session.settings.get(name, catalog.server.settings.get(name, "off"))
    if said in ("on", "1", "true") and tree.args.get("where") is None:
        raise PgError(f"{verb} requires a WHERE clause")


_SHOW_NAMES = {"time zone": "TimeZone", "transaction isolation level": "transaction_isolation"}


def show(catalog: Catalog, text: str) -> Result:
    words = " ".join(text.strip().rstrip(";").split()[1:])
    if not words:
        raise syntax_error(text, None)
    name = _SHOW_NAMES.get(words.lower(), words.strip('"'))
    if name.lower() == "all":
        rows = [(s.name, current_setting(catalog, key), "") for key, s in settings.catalogue().items()]
        return Result([(n, types.TEXT) for n in ("name", "setting", "description")], rows, "SHOW")
    value = current_setting(catalog, name)
    known = settings.catalogue().get(name.lower())
    return Result([(known.name if known else name.lower(), types.TEXT)], [(value,)], "SHOW")


_ASSIGN = re.compile(r"set (session |local )?([\w.]+)(?: ?= ?| to )(.+)$", re.I)
_ZONE = re.compile(r"set (?:session |local )?time zone (.+)$", re.I)


def set_value(catalog: Catalog, text: str) -> Result:
    line = one_line(text)
    zone, match = _ZONE.match(line), _ASSIGN.match(line)
    if zone:
        local, name, value = "", "timezone", zone.group(1)
    elif match:
        local, name, value = (match.group(1) or "").strip().lower(), match.group(2).lower(), match.group(3)
    elif re.match(r"set (session|transaction|constraints|role)\b", line, re.I):
        raise not_simulated("this form of SET")
    else:
        tokens = tokens_of(text)
        raise syntax_error(text, tokens[2] if len(tokens) > 2 else None)
    notices = []
    if local == "local" and not (catalog.session.in_transaction and not catalog.session.implicit):
        notices.append(Notice("SET LOCAL can only be used in transaction blocks", "WARNING"))
        return Result(tag="SET", notices=notices)
    bare = value.strip("'\"")
    if bare.lower() == "default" and value[0] not in "'\"":
        catalog.session.settings.pop(name, None)
        return Result(tag="SET")
    if local == "local":
        catalog.session.local_before.setdefault(name, catalog.session.settings.get(name))
    catalog.session.settings[name] = _changeable(catalog, name, bare)
    return Result(tag="SET")


def _changeable(catalog: Catalog, name: str, value: str) -> str:
    """The value to store for a session. Raises PgError."""
    setting = settings.catalogue().get(name)
    if setting is None:
        if "." in name or name == "application_name":
            return value
        raise PgError(f'unrecognized configuration parameter "{name}"')
    if setting.context in ("postmaster", "internal"):
        how = (
            "cannot be changed without restarting the server"
            if setting.context == "postmaster"
            else "cannot be changed"
        )
        raise PgError(f'parameter "{setting.name}" {how}')
    if setting.context == "sighup":
        raise PgError(f'parameter "{setting.name}" cannot be changed now')
    if setting.context.startswith("superuser") and not catalog.is_superuser:
        raise PgError(f'permission denied to set parameter "{setting.name}"')
    if name == "timezone" and value.lower() not in ZONES_MIN:
        raise PgError(f'invalid value for parameter "TimeZone": "{value}"')
    return _normalised(setting, value)


def _normalised(setting: settings.Setting, value: str) -> str:
    stored, complaint = settings.normalise(setting, value)
    if stored is None:
        raise PgError(complaint)
    return stored


def reset(catalog: Catalog, text: str) -> Result:
    words = text.strip().rstrip(";").split()
    if len(words) < 2:
        raise syntax_error(text, None)
    if words[1].lower() == "all":
        catalog.session.settings.clear()
    elif value_of(catalog, words[1]) is None:
        raise PgError(f'unrecognized configuration parameter "{words[1]}"')
    catalog.session.settings.pop(words[1].lower(), None)
    return Result(tag="RESET")


_SYSTEM_SET = re.compile(r"alter system set ([\w.]+)(?: ?= ?| to )(.+)$", re.I)
_SYSTEM_RESET = re.compile(r"alter system reset ([\w.]+)$", re.I)


def alter_system(catalog: Catalog, text: str) -> Result:
    """Recorded; in force after pg_reload_conf(), or never here if it needs a restart."""
    if catalog.session.in_transaction:
        raise PgError("ALTER SYSTEM cannot run inside a transaction block")
    match, reset_match = _SYSTEM_SET.match(text), _SYSTEM_RESET.match(text)
    if not match and not reset_match:
        raise syntax_error(text, None)
    name = (match or reset_match).group(1).lower()  # type: ignore[union-attr]
    setting = settings.catalogue().get(name)
    if setting is None:
        raise PgError(f'unrecognized configuration parameter "{name}"')
    if not catalog.is_superuser:
        raise PgError(f'permission denied to set parameter "{setting.name}"')
    if setting.context == "internal":
        raise PgError(f'parameter "{setting.name}" cannot be changed')
    usual = catalog.server.configured.get(name, setting.boot)
    value = usual if not match else _normalised(setting, match.group(2).strip("'\""))
    catalog.server.pending[name] = value
    catalog.server.overridden[name] = True
    catalog.world.note(
        "database",
        f"{catalog.session.component}: ALTER SYSTEM {setting.name} = {settings.shown(setting, value)}",
    )
    return Result(tag="ALTER SYSTEM")


_VACUUM_WORDS = frozenset(
    "vacuum analyze full verbose freeze skip_locked true false on off parallel index_cleanup".split()
)


def vacuum(catalog: Catalog, text: str) -> Result:
    words = re.findall(r"\w+", strip_comments(text)[:10_000].lower())
    first = words[0].upper()
    if catalog.session.in_transaction and first == "VACUUM":
        raise PgError("VACUUM cannot run inside a transaction block")
    names = [w.lower() for w in words if w.lower() not in _VACUUM_WORDS and w.lower() != "public"]
    tables = [catalog.table(n) for n in names] or list(catalog.database.tables.values())
    full, cost_s = "full" in [w.lower() for w in words], 0.0
    for table in tables:
        catalog.owned(table)
        if first == "VACUUM":
            cost_s += catalog.heap_bytes(table) / VACUUM_BYTES_PER_S
            table.free, table.dead = (0 if full else table.free + table.dead), 0
            table.vacuumed_s = catalog.world.now_s
        if first == "ANALYZE" or "analyze" in [w.lower() for w in words]:
            table.analyzed_s = catalog.world.now_s
            cost_s += ANALYZE_S
    told = [n for t in tables for n in _told(catalog, t, first, words)] if "verbose" in words else []
    return Result(tag=first, cost_s=cost_s, notices=told)


def _told(catalog: Catalog, table: Table, first: str, words: list[str]) -> list[Notice]:
    """VERBOSE: what was done to a table, as INFO."""
    name = f"{catalog.database.name}.public.{table.name}"
    pages, rows = max(1, catalog.heap_bytes(table) // 8192), catalog.live_rows(table)
    found = []
    if first == "VACUUM":
        found.append(Notice(f'vacuuming "{name}"', "INFO"))
        text = (
            f'finished vacuuming "{name}": index scans: 1\npages: 0 removed, {pages} remain, {pages} scanned (100.00% '
            f"of total)\ntuples: {table.free} removed, {rows} remain, 0 are dead but not yet removable"
        )
        found.append(Notice(text, "INFO"))
    if first == "ANALYZE" or "analyze" in words:
        scanned = min(pages, 30_000)
        sampled = min(30_000, rows)
        text = (
            f'"{table.name}": scanned {scanned} of {pages} pages, containing {rows * scanned // pages} live rows and '
            f"{table.dead} dead rows; {sampled} rows in sample, {rows} estimated total rows"
        )
        found += [Notice(f'analyzing "public.{table.name}"', "INFO"), Notice(text, "INFO")]
    return found


_LOCK = re.compile(
    r"\s*lock\s+(?:table\s+)?(?:only\s+)?([\w.]+)(?:\s+in\s+([\w\s]+?)\s+mode)?(\s+nowait)?\s*;?\s*$", re.I
)


def lock(catalog: Catalog, text: str) -> Result:
    match = _LOCK.match(one_line(text))
    if match is None:
        raise syntax_error(text, None)
    if not catalog.session.in_transaction or catalog.session.implicit:
        raise PgError("LOCK TABLE can only be used in transaction blocks")
    from simulator.postgres import locking
    from simulator.postgres.backends import own_pid
    from simulator.postgres.jobs import limits

    table = catalog.table(match.group(1).removeprefix("public.").lower())
    mode = "".join(w.capitalize() for w in (match.group(2) or "access exclusive").split()) + "Lock"
    if mode not in MODES:
        raise syntax_error(text, None)
    session = catalog.session
    pid = own_pid(catalog.world, session)
    if match.group(3):
        locking.ask(catalog.world, session.component, pid, table.name, mode, text, nowait=True)
    else:
        locking.take(catalog.world, session.component, pid, table.name, mode, text, limits(catalog))
    return Result(tag="LOCK TABLE")


def checkpoint(catalog: Catalog, _text: str) -> Result:
    if not catalog.is_superuser:
        raise PgError("must be superuser or have privileges of pg_checkpoint to do CHECKPOINT")
    return Result(tag="CHECKPOINT", cost_s=4.0)


def discard(catalog: Catalog, text: str) -> Result:
    if catalog.session.in_transaction:
        raise PgError("DISCARD ALL cannot run inside a transaction block")
    catalog.session.settings.clear()
    return Result(tag=" ".join(text.upper().rstrip(";").split()[:2]))


_REINDEX = re.compile(
    r"\s*reindex\s+(?:\([^)]*\)\s*)?(index|table)\s+(concurrently\s+)?([\w.]+)\s*;?\s*$", re.I
)


def reindex(catalog: Catalog, text: str) -> Result:
    match = _REINDEX.match(one_line(text))
    if match is None:
        raise not_simulated("this form of REINDEX")
    kind, concurrently, name = (
        match.group(1).lower(),
        bool(match.group(2)),
        match.group(3).removeprefix("public."),
    )
    tables = catalog.database.tables.values()
    table = next((t for t in tables if t.name == name or any(i.name == name for i in t.indexes)), None)
    if table is None or (kind == "table") != (table.name == name):
        raise PgError(f'relation "{name}" does not exist')
    seconds = table.rows * 1.1e-6 * (1 if kind == "index" else len(table.indexes))
    for index in table.indexes:
        index.valid = index.valid or index.name == name or kind == "table"
    return Result(tag="REINDEX", cost_s=seconds * (1.4 if concurrently else 1.0))


_COMMENT = re.compile(
    r"\s*comment\s+on\s+(table|column)\s+([\w.]+)\s+is\s+('(?:[^']|'')*'|null)\s*;?\s*$", re.I
)


def comment(catalog: Catalog, text: str) -> Result:
    match = _COMMENT.match(one_line(text))
    if match is None:
        raise not_simulated("this form of COMMENT")
    name = match.group(2).removeprefix("public.").split(".")[0]
    catalog.owned(catalog.table(name))
    return Result(tag="COMMENT")


def refused(_catalog: Catalog, text: str) -> Result:
    raise not_simulated(text.split(None, 1)[0].strip(";").upper())
