"""Lock queues in simulated time: who holds a table, who waits for it, and what waiting does to a player's statement."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from simulator import bridge
from simulator.entities.history import History
from simulator.entities.locktypes import GRANTED
from simulator.entities.timers import SECOND, run
from simulator.postgres import pressure, workload
from simulator.postgres.errors import PgError
from simulator.postgres.notes import note
from simulator.postgres.work import FIRST_LONG_PID, LIVE, Backend, Desk, desk_of, work_of

if TYPE_CHECKING:
    from simulator.entities.conditions import Conditions
    from simulator.postgres.catalog import Catalog
    from simulator.scenario import LongSession
    from simulator.world import World

NO_CONDITIONS = cast("Conditions", None)  # table locks ask nothing of the world
STEP_S = 1.0
KEPT_LINES = 400


def follow(world: World, desk: Desk) -> None:
    """Bring a server's lock tables to now: time-outs and deadlocks that fell due."""
    run(desk.timers, {desk.manager.name: desk.manager}, round(world.now_s * SECOND), NO_CONDITIONS)
    if _logs_waits(world, desk.component):
        for line in desk.manager.lines[desk.said :]:
            found = re.search(r"process (\d+)", line)
            desk.lines.append((world.now_s, int(found.group(1)) if found else 0, line))
    desk.manager.lines.clear()
    desk.said = 0
    del desk.lines[:-KEPT_LINES]
    desk.manager.history = History()  # nobody reads it


def _logs_waits(world: World, component: str) -> bool:
    return world.postgres.servers[component].settings.get("log_lock_waits", "off") == "on"


def say(world: World, component: str, pid: int, text: str) -> None:
    """A line of the server's log."""
    desk_of(world, component).lines.append((world.now_s, pid, text))


def ask(
    world: World,
    component: str,
    pid: int,
    table: str,
    mode: str,
    sql: str,
    lock_timeout_ms: int = 0,
    nowait: bool = False,
) -> bool:
    """Ask for a table lock; False: it waits. Raises PgError with `nowait`."""
    desk = desk_of(world, component)
    follow(world, desk)
    known = world.postgres.databases[component].tables.get(table)
    if known is not None:
        desk.manager.oids[table] = known.oid
    answer = desk.manager.lock_table(
        pid, table, mode, query=sql, nowait=nowait, lock_timeout_ms=lock_timeout_ms
    )
    if nowait and answer != GRANTED:
        raise PgError(f'could not obtain lock on relation "{table}"')
    if answer != GRANTED:
        _wake_autovacuum(world, desk, table, mode)
    pressure.apply(world, component)
    return answer == GRANTED


def _wake_autovacuum(world: World, desk: Desk, table: str, mode: str) -> None:
    """An autovacuum that stands in somebody's way is cancelled (after deadlock_timeout; here at once)."""
    for job in work_of(world).jobs:
        if (
            job.kind == "autovacuum"
            and job.state in LIVE
            and (job.component, job.table) == (desk.component, table)
        ):
            job.state, job.ended_s = "cancelled", world.now_s
            say(world, desk.component, job.pid, "ERROR:  canceling autovacuum task")
            release(world, desk.component, job.pid)


def release(world: World, component: str, pid: int) -> None:
    """A transaction is over."""
    desk = desk_of(world, component)
    if pid in desk.manager.sessions:
        follow(world, desk)
        desk.manager.end(pid)
        pressure.apply(world, component)


def waits(world: World, component: str, pid: int) -> bool:
    session = desk_of(world, component).manager.sessions.get(pid)
    return session is not None and session.waits is not None


def failed(world: World, component: str, pid: int) -> PgError | None:
    """The error that ended a wait (and the transaction with it), taken once."""
    error = desk_of(world, component).manager.errors.pop(pid, None)
    if error is None:
        return None
    return PgError(
        error.message, detail=error.detail or None, hint=error.hint or None, context=error.context or None
    )


def wait_for(world: World, component: str, pid: int) -> None:
    """Let time pass until a lock is granted. Raises PgError; the terminal interrupts what takes too long."""
    until_s = world.now_s + world.follow_limit_s
    desk = desk_of(world, component)
    while waits(world, component, pid):
        if world.now_s >= until_s - 1e-9:
            release(world, component, pid)
            raise PgError("canceling statement due to user request")
        due = desk.timers.next_ns()
        step = STEP_S if due is None else min(STEP_S, max(0.001, due / SECOND - world.now_s))
        world.advance(min(step, until_s - world.now_s))
        follow(world, desk)
        error = failed(world, component, pid)
        if error is not None:
            pressure.apply(world, component)
            raise error


def take(
    world: World, component: str, pid: int, table: str, mode: str, sql: str, limits: tuple[int, int]
) -> None:
    """Lock a table for a player's session and wait for it. `limits`: lock_timeout, statement_timeout. Raises PgError."""
    lock_ms, statement_ms = limits
    shortest = min((ms for ms in limits if ms), default=0)
    if ask(world, component, pid, table, mode, sql, shortest):
        return
    try:
        wait_for(world, component, pid)
    except PgError as error:
        if (
            error.message.endswith("lock timeout")
            and statement_ms
            and shortest == statement_ms
            and shortest != lock_ms
        ):
            raise PgError("canceling statement due to statement timeout") from None
        raise


def sessions(world: World, component: str) -> dict[int, bool]:
    """The pids of the sessions that any lock table knows."""
    from simulator.postgres import entity_locks

    managers = [desk_of(world, component).manager, *entity_locks.managers(world, component)]
    return {pid: True for manager in managers for pid in manager.sessions}


def blocking(world: World, component: str, pid: int) -> list[int]:
    """pg_blocking_pids, for sessions of the lock tables and for the application's."""
    desk = desk_of(world, component)
    if pid in desk.manager.sessions:
        return desk.manager.blocking_pids(pid)
    from simulator.postgres import backends, entity_locks

    manager = entity_locks.find(world, component, pid)
    if manager is not None:
        return manager.blocking_pids(pid)
    found = backends.find(world, component, pid)
    stop = pressure.stopped_by(world, component, found.query) if found and found.state == "active" else None
    return [stop[2]] if stop else []


def join(catalog: Catalog, statement: str) -> None:
    """The table locks of a query or a change of rows: in a transaction it keeps them, alone it only waits."""
    from simulator.postgres.backends import own_pid
    from simulator.postgres.jobs import limits

    world, session, mode = catalog.world, catalog.session, pressure.mode_of(statement)
    desk = desk_of(world, session.component)
    for table in workload.tables_of(statement):
        if table not in catalog.database.tables:
            continue
        if session.in_transaction or pressure.blocker(desk, table, mode) is not None:
            pid = own_pid(world, session)
            take(world, session.component, pid, table, mode, catalog.statement, limits(catalog))


# -- sessions of others


def sessions_each_second(world: World, component: str) -> None:
    """Reports and forgotten transactions come and go as the scenario says."""
    spec = world.scenario.databases().get(component)
    desk = desk_of(world, component)
    for number, (name, long) in enumerate((spec.sessions if spec else {}).items()):
        late = world.now_s - long.at_s
        turn = int(late // long.every_s) if long.every_s and late >= 0 else 0
        begins = long.at_s + turn * long.every_s
        pid = FIRST_LONG_PID + 211 * number + 7 * turn
        if abs(world.now_s - begins) < 0.5 and pid not in desk.backends:
            desk.backends[pid] = Backend(
                pid,
                long.user,
                long.application,
                long.sql,
                world.now_s,
                long.idle,
                world.now_s + long.for_s,
                name,
            )
            for table in workload.tables_of(long.sql):
                ask(world, component, pid, table, pressure.mode_of(long.sql), long.sql)
            _hold_rows(world, component, pid, long)
    _end_idle(world, component)
    for pid, backend in list(desk.backends.items()):
        if backend.ends_s is not None and world.now_s >= backend.ends_s and not waits(world, component, pid):
            end(world, component, pid)


def _hold_rows(world: World, component: str, pid: int, long: LongSession) -> None:
    """What a session has changed and not committed stands in the way of single orders."""
    from simulator.postgres import entity_locks

    for manager in entity_locks.managers(world, component)[:1]:
        for table, row in long.rows:
            if manager.lock_row(pid, table, row, query=long.sql) != GRANTED:
                break  # it waits in the queue like anybody; nobody goes on from here


def _end_idle(world: World, component: str) -> None:
    """idle_in_transaction_session_timeout."""
    settings = world.postgres.servers[component].settings
    limit_s = int(settings.get("idle_in_transaction_session_timeout", 0)) / 1000
    for pid, backend in list(desk_of(world, component).backends.items()):
        if limit_s and backend.idle and world.now_s - backend.began_s >= limit_s:
            say(world, component, pid, "FATAL:  terminating connection due to idle-in-transaction timeout")
            end(world, component, pid)


def end(world: World, component: str, pid: int) -> None:
    """A long session is over, by itself or by pg_terminate_backend."""
    from simulator.postgres import entity_locks

    desk_of(world, component).backends.pop(pid, None)
    manager = entity_locks.find(world, component, pid)
    if manager is not None:
        bridge.catch_up(world)
        manager.end(pid)
    release(world, component, pid)


def signal(world: World, component: str, pid: int, terminate: bool) -> bool:
    """pg_cancel_backend and pg_terminate_backend for sessions of the lock tables; False: it is none of them."""
    desk = desk_of(world, component)
    job = next((j for j in work_of(world).jobs if j.pid == pid and j.state in LIVE), None)
    if job is not None:
        job.state, job.ended_s = "cancelled", world.now_s
        job.output += (
            "FATAL:  terminating connection due to administrator command\n"
            if terminate
            else "ERROR:  canceling statement due to user request\n"
        )
        release(world, component, pid)
        return True
    backend = desk.backends.get(pid)
    if backend is None:
        from simulator.postgres import entity_locks

        return entity_locks.signal(world, component, pid, terminate)
    if backend.idle and not terminate:
        return True  # there is no statement to cancel
    end(world, component, pid)
    note(world, "terminated" if terminate else "cancelled", component, pid, backend.user, backend.application)
    return True


# -- views


def app_waiters(world: World, component: str) -> list[tuple[Any, tuple[str, str, int]]]:
    """(backend, what it waits for) of the application's connections that stand now."""
    from simulator.postgres import backends

    if not desk_of(world, component).since_s:
        return []
    found = []
    for backend in backends.pool_backends(world, component):
        stop = pressure.stopped_by(world, component, backend.query) if backend.state == "active" else None
        if stop is not None:
            found.append((backend, stop))
    return found


def log_app_waits(world: World, component: str) -> None:
    """After a second of standing still the server writes who waits (log_lock_waits)."""
    desk = desk_of(world, component)
    if not desk.since_s or desk.logged or world.now_s - desk.since_s < 1.0:
        return
    desk.logged = True
    if not _logs_waits(world, component):
        return
    waiting = app_waiters(world, component)[:3]
    queue = ", ".join(str(b.pid) for b, _ in waiting)
    for backend, (table, mode, pid) in waiting:
        oid = desk.manager.oids.get(table, 0)
        waited_ms = (world.now_s - desk.since_s) * 1000
        text = f"LOG:  process {backend.pid} still waiting for {mode} on relation {oid} of database 5 after {waited_ms:.3f} ms"
        holders = desk.manager.queues.get(("relation", table))
        held = ", ".join(str(p) for p, _ in holders.granted) if holders else str(pid)
        ahead = ", ".join(str(p) for p, _ in holders.waiting) if holders else ""
        line = ", ".join(x for x in (ahead, queue) if x)
        say(
            world,
            component,
            backend.pid,
            f"{text}\nDETAIL:  Process holding the lock: {held}. Wait queue: {line}.",
        )
