"""SQL functions that look at the session, the server or the world, and the few that change something."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.engine import streams
from simulator.postgres import activity_views as activity
from simulator.postgres import (
    advisory,
    backends,
    control_views,
    entity_rows,
    locking,
    settings,
    static_views,
    storage,
)
from simulator.postgres.catalog import Catalog, indexdef
from simulator.postgres.errors import Notice, PgError
from simulator.postgres.functions import quote_ident
from simulator.postgres.state import Index, Server, Table

if TYPE_CHECKING:
    from simulator.postgres.runner import Run

Known = dict[str, tuple[int, Callable[..., Any]]]


def session_functions(catalog: Catalog, notices: list[Notice], state: Run) -> Known:
    """SQLite functions by name for one statement."""
    return {
        **_random(catalog),
        **_identity(catalog),
        **_relations(catalog),
        **_control(catalog, notices, state),
        **advisory.functions(catalog, notices),
    }


def _random(catalog: Catalog) -> Known:
    """Draws are a function of the simulated time and the statement, never of what was drawn before."""
    key = streams.key_of(catalog.world.seed, "sql", round(catalog.world.now_s * 1000), catalog.statement)
    drawn = [0]

    def bits() -> int:
        drawn[0] += 1
        return streams.bits(key, drawn[0])

    def uuid() -> str:
        text = f"{bits():016x}{bits():016x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    return {"pg_random": (0, lambda: (bits() >> 11) / (1 << 53)), "pg_uuid": (0, uuid)}


def _identity(catalog: Catalog) -> Known:
    server = catalog.server
    build = "on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit"
    names = {oid: name for name, oid in backends.roles(catalog.world, catalog.session.component).items()}
    return {
        "pg_version": (0, lambda: f"PostgreSQL {server.version} {build}"),
        "pg_database": (0, lambda: catalog.database.name),
        "pg_backend_pid": (0, lambda: backends.own_pid(catalog.world, catalog.session)),
        "pg_started": (0, lambda: activity.boot_us(catalog)),
        "pg_conf_load_time": (
            0,
            lambda: (
                activity.at_us(catalog, server.reloaded_s) if server.reloaded_s else activity.boot_us(catalog)
            ),
        ),
        "pg_current_wal_lsn": (0, lambda: _current_lsn(catalog)),
        "pg_txid": (0, lambda: activity.transaction_id(catalog)),
        "pg_walfile_name": (1, lambda at: control_views.file_of(catalog, str(at))),
        "pg_snapshot": (0, lambda: control_views.snapshot(catalog)),
        "pg_xid_age": (1, lambda xid: activity.transaction_id(catalog) - int(xid)),
        "pg_server_addr": (0, lambda: None),
        "pg_server_port": (0, lambda: None),
        "pg_regrole": (1, lambda name: _role(names, name)),
        "pg_get_userbyid": (1, lambda oid: names.get(int(oid), f"unknown (OID={oid})")),
        "pg_current_setting": (
            -1,
            lambda name, *missing: current_setting(catalog, name, bool(missing and missing[0])),
        ),
    }


def current_setting(catalog: Catalog, name: str, missing_ok: bool = False) -> str | None:
    """A setting as SHOW prints it. Raises PgError."""
    value = static_views.value_of(catalog, name)
    if value is None:
        if missing_ok:
            return None
        raise PgError(f'unrecognized configuration parameter "{name}"')
    setting = settings.catalogue().get(name.lower())
    return settings.shown(setting, value) if setting else value


def find_relation(catalog: Catalog, text: str) -> int | None:
    """The oid of a table, index or system view by name."""
    name = text.removeprefix("public.").removeprefix("pg_catalog.").strip('"')
    for table in catalog.database.tables.values():
        if table.name == name:
            return table.oid
        for index in table.indexes:
            if index.name == name:
                return index.oid
    return activity.LOCKS_VIEW_OID if catalog.view_name("", name) else None


def _by_oid(catalog: Catalog, oid: int) -> tuple[Table | None, Index | None]:
    for table in catalog.database.tables.values():
        if table.oid == oid:
            return table, None
        for index in table.indexes:
            if index.oid == oid:
                return table, index
    return None, None


def _relations(catalog: Catalog) -> Known:
    def regclass(value: Any) -> int:
        if str(value).isdigit():
            return int(value)
        oid = find_relation(catalog, str(value))
        if oid is None:
            raise PgError(f'relation "{value}" does not exist', find=f"'{value}'")
        return oid

    def name_of(oid: Any) -> str:
        table, index = _by_oid(catalog, int(oid))
        if int(oid) == activity.LOCKS_VIEW_OID:
            return "pg_locks"
        return quote_ident(index.name if index else table.name) if table else str(oid)

    def size(which: str) -> Callable[..., int | None]:
        def measure(oid: Any, *_: Any) -> int | None:
            table, index = _by_oid(catalog, int(oid))
            if table is None:
                return 0 if int(oid) == activity.LOCKS_VIEW_OID else None
            heap, whole = catalog.heap_bytes(table), catalog.total_bytes(table)
            if index is not None:
                return table.index_bytes(index)
            return {"heap": heap, "whole": whole, "indexes": whole - heap}[which]

        return measure

    def database_size(name: Any) -> int:
        known = {str(k): n for n, oid, _ in static_views.database_names(catalog) for k in (n, oid)}
        if str(name) not in known:
            raise PgError(f'database "{name}" does not exist')
        return bytes_of_database(catalog, known[str(name)])

    def index_definition(oid: Any, *_: Any) -> str | None:
        table, index = _by_oid(catalog, int(oid))
        return indexdef(table, index) if table and index else None

    def constraint_definition(oid: Any, *_: Any) -> str | None:
        return next((body for *_, n, body in static_views.constraints(catalog) if n == int(oid)), None)

    return {
        "pg_regclass": (1, regclass), "pg_regclass_name": (1, name_of),
        "pg_to_regclass": (1, lambda text: find_relation(catalog, text)), "pg_relation_size": (-1, size("heap")),
        "pg_table_size": (1, size("heap")), "pg_total_relation_size": (1, size("whole")),
        "pg_indexes_size": (1, size("indexes")), "pg_database_size": (-1, database_size),
        "pg_get_indexdef": (-1, index_definition), "pg_get_constraintdef": (-1, constraint_definition),
        "pg_get_serial_sequence": (2, lambda table, column: f"public.{table}_{column}_seq"),
        "pg_format_type": (2, _format_type),
    }  # fmt: skip


def _format_type(oid: Any, _modifier: Any) -> str:
    from simulator.postgres.types import TYPE_OIDS

    return next((name for name, number in TYPE_OIDS.items() if number == oid), "???")


def _control(catalog: Catalog, notices: list[Notice], state: Run) -> Known:
    world, component, server = catalog.world, catalog.session.component, catalog.server

    def signal(pid: Any, act: Callable[..., None]) -> int:
        number = int(pid)
        if locking.signal(world, component, number, act is backends.end):
            return 1
        backend = backends.find(world, component, number)
        if backend is not None:
            _may_signal(catalog, backend.user)
            act(world, component, backend)
            return 1
        console = world.postgres.console
        if number == backends.CONSOLE_PID and console is not None and console.in_transaction:
            console.working, console.aborted = None, False
            locking.release(world, component, number)
            return 1
        known = any(b.pid == number for b in activity.backends(catalog))
        if not known:
            notices.append(Notice(f"PID {number} is not a PostgreSQL backend process", "WARNING"))
        return int(known)

    def sleep(seconds: float) -> str:
        if seconds > world.follow_limit_s:
            # The terminal interrupts what blocks longer than it may follow.
            state.cost_s += world.follow_limit_s
            raise PgError("canceling statement due to user request")
        state.cost_s += max(0.0, float(seconds))
        return ""

    blockers: dict[int, str] = {}  # within a statement nobody comes or goes
    there: dict[int, bool] = {}

    def blocking(pid: Any) -> str:
        number = int(pid)
        if not there:
            there.update(
                {b.pid: True for b in activity.backends(catalog)} | locking.sessions(world, component)
            )
        if number not in there:
            return "{}"
        if number not in blockers:
            blockers[number] = "{" + ",".join(map(str, locking.blocking(world, component, number))) + "}"
        return blockers[number]

    def drop_slot(name: str) -> str:
        _superuser(catalog, "pg_drop_replication_slot")
        complaint = storage.drop_slot(world, component, name)
        if complaint:
            raise PgError(complaint)
        return ""

    def reset_statements(*_: Any) -> str:
        _superuser(catalog, "pg_stat_statements_reset")
        server.statements_reset_s = world.now_s
        return ""

    def reset_statistics() -> str:
        _superuser(catalog, "pg_stat_reset")
        server.stats_reset_s = world.now_s
        return ""

    return {
        "pg_terminate_backend": (-1, lambda pid, *_: signal(pid, backends.end)),
        "pg_cancel_backend": (1, lambda pid: signal(pid, backends.cancel)),
        "pg_reload_conf": (0, lambda: reload_settings(server, world.now_s)),
        "pg_blocking_pids": (1, blocking),
        "pg_drop_slot": (1, drop_slot),
        "pg_received_lsn": (0, lambda: _standby_lsn(catalog, 0)),
        "pg_replayed_lsn": (0, lambda: _standby_lsn(catalog, activity.REPLAY_LAG_BYTES)),
        "pg_replayed_at": (0, lambda: _replayed_us(catalog)),
        "pg_in_recovery": (0, lambda: int(_recovers(catalog))),
        "pg_replay_resume": (0, lambda: _resume(catalog)),
        "pg_switch_wal": (0, lambda: _switch(catalog)),
        "pg_sleep": (1, sleep),
        "pg_stat_reset": (0, reset_statistics),
        "pg_stmts_reset": (-1, reset_statements),
        "pg_set_config": (3, lambda name, value, _local: _set_config(catalog, name, value)),
        "pg_nextval": (1, lambda name: nextval(catalog, name)),
        "pg_currval": (-1, lambda *name: _currval(catalog, *name)),
        "pg_setval": (-1, lambda name, value, *called: _setval(catalog, name, value, *called)),
    }


def bytes_of_database(catalog: Catalog, name: str) -> int:
    """What pg_database_size says of a database of this server."""
    if name != catalog.database.name:
        return 7_783_215
    return sum(catalog.total_bytes(t) for t in catalog.database.tables.values()) + 9_112_354


STANDBY_LAG_US = 3_600  # of a standby that follows closely: as pg_stat_replication shows it


def _standby_lsn(catalog: Catalog, behind: int) -> str | None:
    """How far a standby's WAL goes; nothing on a primary."""
    if catalog.session.side or not _recovers(catalog):
        return None
    stands_s, queries = _standby_at_s(catalog), f"db/{catalog.session.component}/queries"
    missing = sum(catalog.world.plane.history.column(queries)[int(stands_s) + 1 :])
    return activity.lsn(
        (activity.wal_position(catalog) - behind - int(missing) * activity.WAL_BYTES_PER_QUERY) // 8 * 8
    )


def _standby_at_s(catalog: Catalog) -> float:
    """When the standby of this session last had all its primary had."""
    world, close = catalog.world, catalog.world.now_s - STANDBY_LAG_US / 1e6
    node = entity_rows.node_of(catalog.session)
    for store in world.entities.domain.stores.values() if world.entities is not None else ():
        for copy in store.copies:
            if copy.name == node:
                return min(close, copy.caught_up_ns / 1e9) if copy.caught_up_ns else close
    return close


def _current_lsn(catalog: Catalog) -> str:
    if not catalog.session.side and _recovers(catalog):
        raise PgError(
            "recovery is in progress",
            hint="WAL control functions cannot be executed during recovery.",
        )
    return activity.lsn(activity.wal_position(catalog))


def _replayed_us(catalog: Catalog) -> int | None:
    """On a replica: when what it shows last was committed."""
    world, session = catalog.world, catalog.session
    node = entity_rows.node_of(session)
    spec = storage.spec_of(world, session.component)
    if spec is None or node not in spec.replicas:
        if session.side or not _recovers(catalog):
            return None
        return catalog.clock_us - round((world.now_s - _standby_at_s(catalog)) * 1_000_000)
    return catalog.clock_us - round(storage.lag_s(world, session.component, node) * 1_000_000)


def _recovers(catalog: Catalog) -> bool:
    """On a replica, or on a restored copy that has paused at its target."""
    world, session = catalog.world, catalog.session
    return (
        world.postgres.sides[session.side].paused if session.side else entity_rows.is_replica(world, session)
    )


def _resume(catalog: Catalog) -> str:
    """pg_wal_replay_resume: a copy that has paused is promoted."""
    _superuser(catalog, "pg_wal_replay_resume")
    if not _recovers(catalog):
        raise PgError(
            "recovery is not in progress",
            hint="Recovery control functions can only be executed during recovery.",
        )
    if catalog.session.side:
        catalog.world.postgres.sides[catalog.session.side].paused = False
    return ""


def _switch(catalog: Catalog) -> str:
    """pg_switch_wal: the open segment goes to the archive, where there is one."""
    from simulator.backups import state as backups
    from simulator.postgres.activity_views import wal_position

    _superuser(catalog, "pg_switch_wal")
    if catalog.session.component in backups.stanzas(catalog.world):
        backups.switch(catalog.world, catalog.session.component)
    position = wal_position(catalog)
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _may_signal(catalog: Catalog, owner: str | None) -> None:
    if not catalog.is_superuser and catalog.session.user != owner:
        raise PgError(
            "must be a member of the role whose process is being terminated or member of pg_signal_backend"
        )


def _superuser(catalog: Catalog, function: str) -> None:
    if not catalog.is_superuser:
        raise PgError(f"permission denied for function {function}")


def reload_settings(server: Server, now_s: float) -> int:
    """What ALTER SYSTEM recorded comes into force, except what needs a restart."""
    for name in list(server.pending):
        if settings.catalogue()[name].context != "postmaster":
            server.settings[name] = server.pending.pop(name)
    server.reloaded_s = now_s
    return 1


def _set_config(catalog: Catalog, name: str, value: str) -> str | None:
    setting = settings.catalogue().get(name.lower())
    if setting is None:
        raise PgError(f'unrecognized configuration parameter "{name}"')
    stored, complaint = settings.normalise(setting, value)
    if stored is None:
        raise PgError(complaint)
    catalog.session.settings[name.lower()] = stored
    return current_setting(catalog, name)


def _role(names: dict[int, str], name: str) -> str:
    """`'name'::regrole` prints as the name again."""
    if name not in names.values():
        raise PgError(f'role "{name}" does not exist', find=f"'{name}'")
    return name


def _sequence(catalog: Catalog, name: str) -> Any:
    bare = name.removeprefix("public.").strip('"')
    found = catalog.database.sequences.get(bare)
    if found is None:
        raise PgError(f'relation "{bare}" does not exist', find=f"'{name}'")
    return found


def nextval(catalog: Catalog, name: str) -> int:
    """The next number of a sequence; those that traffic took since the start are gone."""
    sequence = _sequence(catalog, name)
    owner = catalog.database.tables.get(sequence.owner_table)
    taken = owner.base_rows + catalog.gained(owner) if owner is not None and owner.spec is not None else 0
    if sequence.called:
        sequence.last = max(sequence.last, taken) + sequence.step
    else:
        sequence.last = sequence.last or sequence.start
    sequence.called = True
    catalog.session.numbers[sequence.name] = sequence.last
    catalog.session.last_sequence = sequence.name
    return int(sequence.last)


def _currval(catalog: Catalog, *name: str) -> int:
    numbers = catalog.session.numbers
    if not name and catalog.session.last_sequence not in numbers:
        raise PgError("lastval is not yet defined in this session")
    found = _sequence(catalog, name[0]).name if name else catalog.session.last_sequence
    if found not in numbers:
        raise PgError(f'currval of sequence "{found}" is not yet defined in this session')
    return numbers[found]


def _setval(catalog: Catalog, name: str, value: int, called: int = 1) -> int:
    sequence = _sequence(catalog, name)
    sequence.last, sequence.called = int(value), bool(called)
    return int(value)
