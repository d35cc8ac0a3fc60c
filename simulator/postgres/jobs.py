"""Statements that take time: they wait for their lock, work second by second, and have their effect at the end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulator.entities.timers import SECOND
from simulator.postgres import locking, pressure, storage
from simulator.postgres.errors import PgError
from simulator.postgres.notes import note
from simulator.postgres.online import Plan
from simulator.postgres.work import (
    CANCELLED,
    DONE,
    FAILED,
    LIVE,
    READY,
    RUNNING,
    WAITING,
    Job,
    desk_of,
    work_of,
)

if TYPE_CHECKING:
    from simulator.postgres.catalog import Catalog
    from simulator.world import World

BUSY = 0.95  # a server this busy gives a statement half of its pace
RETRY_S = 10.0
AUTO_SHARE, AUTO_ROWS, AUTO_BYTES_PER_S = (
    0.2,
    50,
    60_000_000,
)  # autovacuum's threshold, and its pace with cost delay


def perform(catalog: Catalog, plan: Plan | None) -> bool:
    """Let a player's statement wait and work; False when it takes no time. Its locks stay held. Raises PgError."""
    from simulator.postgres.backends import own_pid

    session, world = catalog.session, catalog.world
    if plan is None or session.ready:
        return session.ready
    pid, component = own_pid(world, session), session.component
    locking.take(world, component, pid, plan.table, plan.mode, catalog.statement, limits(catalog))
    if plan.seconds < 0.2 and not plan.snapshots:
        return True
    job = started(world, component, pid, catalog.statement, plan)
    job.state = RUNNING
    pressure.apply(world, component)
    _follow(catalog, job)
    return True


def limits(catalog: Catalog) -> tuple[int, int]:
    """(lock_timeout, statement_timeout) of a session in ms."""
    from simulator.postgres.static_views import value_of

    return int(value_of(catalog, "lock_timeout") or 0), int(value_of(catalog, "statement_timeout") or 0)


def started(world: World, component: str, pid: int, sql: str, plan: Plan) -> Job:
    work = work_of(world)
    number = max((j.number for j in work.jobs), default=0) + 1
    job = Job(
        number, component, pid, sql, plan.table, plan.mode, plan.kind, plan.seconds, plan.rows, plan.wal,
        snapshots=plan.snapshots, held_rows=plan.held_rows,
    )  # fmt: skip
    job.left_s, job.at_s, job.started_s, job.building_s = plan.seconds, world.now_s, world.now_s, world.now_s
    work.jobs.append(job)
    return job


def _follow(catalog: Catalog, job: Job) -> None:
    """Let time pass until a statement of the terminal has done its work. Raises PgError."""
    world = catalog.world
    until_s, statement_ms = world.now_s + world.patience_s, limits(catalog)[1]
    late_s = world.now_s + statement_ms / 1000 if statement_ms else float("inf")
    while job.state in LIVE and job.state != READY:
        left = job.left_s if job.left_s > 1e-6 else 1.0
        if world.now_s >= min(until_s, late_s) - 1e-9:
            job.state, job.ended_s = CANCELLED, world.now_s
            locking.release(world, job.component, job.pid)
            why = "statement timeout" if world.now_s >= late_s - 1e-9 else "user request"
            raise PgError(f"canceling statement due to {why}")
        world.advance(max(0.001, min(1.0, left, until_s - world.now_s, late_s - world.now_s)))
        catch_up(world)
    if job.state != READY:
        locking.release(world, job.component, job.pid)
        raise PgError("canceling statement due to user request")
    job.state, job.ended_s = DONE, world.now_s


def catch_up(world: World) -> None:
    """Bring every job to now."""
    for job in work_of(world).jobs:
        if job.state == WAITING:
            _waits(world, job)
        if job.state == RUNNING:
            _works(world, job)
        if job.state == READY and job.session is not None:
            _finish(world, job)
    _plan_tick(world)


def _plan_tick(world: World) -> None:
    """Have the agenda look again when something is over before the next second."""
    work, due_s = work_of(world), float("inf")
    for job in work.jobs:
        if job.state == RUNNING and job.left_s > 0:
            due_s = min(due_s, world.now_s + job.left_s)
        elif job.state == WAITING:
            next_ns = desk_of(world, job.component).timers.next_ns()
            due_s = min(due_s, next_ns / SECOND if next_ns is not None else due_s)
    due_s = max(due_s, world.now_s + 0.001)
    if due_s < math.floor(world.now_s + 1) and not world.now_s < work.tick_s <= due_s:
        work.tick_s = due_s
        world.agenda.at(due_s, "postgres.tick", priority=8)


def tick(world: World) -> None:
    """Between two seconds: a lock time-out falls due, a short statement is done."""
    for desk in work_of(world).desks.values():
        if desk.manager.sessions:
            locking.follow(world, desk)
    catch_up(world)
    for component in work_of(world).desks:
        pressure.apply(world, component)


def _waits(world: World, job: Job) -> None:
    """A background job whose lock is not there yet."""
    if job.at_s > world.now_s:
        return  # between two tries
    desk = desk_of(world, job.component)
    if job.pid not in desk.manager.sessions:
        error = locking.failed(world, job.component, job.pid)
        if error is not None:
            _refused(world, job, error)
            return
        if not locking.ask(world, job.component, job.pid, job.table, job.mode, job.sql, job.lock_timeout_ms):
            return
    locking.follow(world, desk)
    if job.pid in desk.manager.sessions and not locking.waits(world, job.component, job.pid):
        job.state, job.at_s, job.building_s = RUNNING, world.now_s, world.now_s


def _refused(world: World, job: Job, error: PgError) -> None:
    """A lock time-out: once more after a pause, or the end."""
    from simulator.postgres.errors import render

    job.output += render(error, job.sql)
    pressure.apply(world, job.component)
    if job.retries > 0:
        job.retries -= 1
        job.at_s = world.now_s + RETRY_S
        return
    job.state, job.ended_s = FAILED, world.now_s


def _works(world: World, job: Job) -> None:
    elapsed, job.at_s = max(0.0, world.now_s - job.at_s), world.now_s
    if job.left_s > 0:
        standing = desk_of(world, job.component).stalled  # then the plane's reading says nothing
        busy = not standing and world.plane.history.last(f"db/{job.component}/cpu") > BUSY
        part = min(job.left_s, elapsed * (0.5 if busy else 1.0))
        job.left_s -= part
        if job.seconds > 0:
            storage.write(world, job.component, job.wal * part / job.seconds)
        if job.left_s > 1e-9:
            return
        job.left_s = 0.0
    if job.snapshots and older(world, job):
        return
    job.state = READY


def older(world: World, job: Job) -> list[int]:
    """Transactions that began before a concurrent index build took its snapshot."""
    found = [
        pid
        for pid, backend in desk_of(world, job.component).backends.items()
        if backend.began_s < job.building_s
    ]
    console = world.postgres.console
    if console is not None and console.in_transaction and console.component == job.component:
        from simulator.postgres.backends import CONSOLE_PID

        if console.began_s < job.building_s and job.pid != CONSOLE_PID:
            found.append(CONSOLE_PID)
    return found


def phase(world: World, job: Job) -> str:
    """What pg_stat_progress_create_index calls the present part."""
    if job.state == WAITING:
        return "initializing"
    if job.left_s <= 0:
        return "waiting for old snapshots"
    done = job.done
    if done < 0.55:
        return "building index: scanning table"
    if done < 0.75 or not job.snapshots:
        return "building index: loading tuples in tree"
    return "index validation: scanning table"


def _finish(world: World, job: Job) -> None:
    """A background job's work is done: its effect."""
    from simulator.postgres import client as clients

    assert job.session is not None
    job.session.ready = True
    client = clients.Client(world, job.session)
    clients.run_string(client, job.sql)
    job.session.ready = False
    job.output += client.out + client.err
    job.state = FAILED if client.code else DONE
    job.ended_s = world.now_s
    locking.release(world, job.component, job.pid)
    note(world, f"job {job.state}", job.component, job.number, job.sql[:80])


def vacuums_each_second(world: World, component: str) -> None:
    """Autovacuum comes by where enough rows are dead, and makes their space free again."""
    work = work_of(world)
    for table in world.postgres.databases[component].tables.values():
        mine = next(
            (j for j in work.jobs if j.kind == "autovacuum" and j.table == table.name and j.state in LIVE),
            None,
        )
        if mine is not None:
            if mine.state == READY:
                mine.state, mine.ended_s = DONE, world.now_s
                table.free, table.dead = table.free + table.dead, 0
                table.autovacuumed_s = world.now_s
                locking.release(world, component, mine.pid)
            continue
        settings = world.postgres.servers[component].settings
        share = float(settings.get("autovacuum_vacuum_scale_factor", AUTO_SHARE))
        due = table.dead > table.rows * share + AUTO_ROWS and settings.get("autovacuum", "on") == "on"
        stalled = any(
            j.kind == "autovacuum" and j.table == table.name and world.now_s - (j.ended_s or 0) < 60
            for j in work.jobs
        )
        if not due or stalled or not table.rows:
            continue
        size = (table.rows + table.dead + table.free) * table.row_bytes
        plan = Plan(
            table.name,
            "ShareUpdateExclusiveLock",
            "autovacuum",
            size / AUTO_BYTES_PER_S,
            table.rows,
            table.dead * 15.0,
        )
        job = started(world, component, work.new_pid(), f"autovacuum: VACUUM public.{table.name}", plan)
        job.cores = 0.5
        if locking.ask(world, component, job.pid, table.name, job.mode, job.sql):
            job.state = RUNNING
        else:
            job.state, job.ended_s = CANCELLED, world.now_s
            locking.release(world, component, job.pid)
