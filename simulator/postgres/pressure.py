"""What locks, jobs and missing columns mean for the services: the one place that tells the data plane.

A service's waits are the plane's own: a server whose statements all stand has next to no processor, so that its
connections fill up and everybody behind them waits. Failures by different causes add up here, since the plane
takes one share a service.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulator.entities.lockmodes import CONFLICTS
from simulator.postgres import workload
from simulator.postgres.notes import note
from simulator.postgres.work import LIVE, RUNNING, Desk, desk_of, work_of

if TYPE_CHECKING:
    from simulator.world import World

STANDING = 0.01  # cores of a server whose statements all wait: next to nothing, and latencies stay finite
NEWS_S = 0.5
MOST = 0.7  # the server stands as a whole when pools with this share of its queries do
NOTICED = 0.02  # a pool stands when this share of its statements waits: the rest queue behind them
HELD_ROWS = 0.2  # a bulk UPDATE has changed so much of a table before others meet its rows


def fail(world: World, service: str, cause: str, share: float, why: str) -> None:
    """`share` of a service's requests fails by this cause from now on; 0 takes it back."""
    failing = work_of(world).failing
    causes = failing.setdefault(service, {})
    share = math.floor(min(1.0, share) * 1000) / 1000
    if causes.get(cause, (0.0, ""))[0] == share:
        return
    if share > 0:
        causes[cause] = (share, why)
    else:
        causes.pop(cause, None)
    left = math.prod(1.0 - s for s, _ in causes.values())
    main = max(causes.values(), default=(0.0, ""))[1]
    world.plane.set_failing(service, 1.0 - left, main)


def blocker(desk: Desk, table: str, mode: str) -> int | None:
    """Whom a statement that wants this lock waits for: a holder, or a waiter ahead of it."""
    queue = desk.manager.queues.get(("relation", table))
    if queue is None:
        return None
    for pid, held in (*queue.waiting, *queue.granted):
        if held in CONFLICTS[mode]:
            return pid
    return None


def mode_of(sql: str) -> str:
    """The lock a statement of the application takes."""
    words = sql.lstrip().lower()
    if not words.startswith(("select", "with")):
        return "RowExclusiveLock"
    return "RowShareLock" if " for update" in words else "AccessShareLock"


def stopped_by(world: World, component: str, sql: str) -> tuple[str, str, int] | None:
    """(table, mode, pid) that a statement of the application waits for, or None."""
    desk, plain = desk_of(world, component), mode_of(sql)
    for table in workload.tables_of(sql):
        mode = "RowExclusiveLock" if _grows(world, component, table, sql) else plain
        pid = blocker(desk, table, mode)
        if pid is not None:
            return table, mode, pid
        if sql.lstrip().lower().startswith("update"):
            for job in work_of(world).jobs:
                bulk = job.held_rows and job.state in LIVE and job.done > HELD_ROWS
                if bulk and (job.component, job.table) == (component, table):
                    return table, "ShareLock", job.pid
    return None


def _grows(world: World, component: str, table: str, sql: str) -> bool:
    """Whether the request that sends this statement also adds rows to the table, as sampled tables grow."""
    known = world.postgres.databases[component].tables.get(table)
    if known is None or known.spec is None or not known.spec.live:
        return False
    focus = world.scenario.focus.service
    return any(d.sql == sql and d.service == focus for d in workload.demands(world.scenario, component))


def apply(world: World, component: str) -> None:
    """Let pools stand whose statements wait, and take from the server what jobs use."""
    desk = desk_of(world, component)
    work = work_of(world)
    if not (_in_the_way(desk) or desk.since_s or desk.given != desk.cores) and not (
        any(j.state in LIVE for j in work.jobs) or any(f.rate for f in work.fills)
    ):
        return
    standing: dict[str, float] = {}  # pool -> the share of the server's queries it sends
    cause: tuple[str, str, int] | None = None
    if _in_the_way(desk) or any(j.held_rows for j in work.jobs if j.state in LIVE):
        history = world.plane.history
        sent = {p.name: history.last(f"pool/{p.name}/queries") for p in world.plane.pools(component)}
        if not desk.stalled:
            desk.sent = sent  # a pool that stands sends nothing
        for name in sent:
            shares = workload.mix(world, component, name)
            found = [(share, stopped_by(world, component, d.sql)) for d, share in shares]
            if sum(share for share, stop in found if stop) > NOTICED:
                standing[name] = desk.sent.get(name, 0.0)
                cause = cause or next(stop for _, stop in found if stop)
    whole = sum(standing.values()) >= MOST * sum(desk.sent.values()) if standing else False
    _services(world, desk, [] if whole else list(standing), cause)
    _cores(world, desk, whole)
    _notice(world, desk, cause)


def _in_the_way(desk: Desk) -> bool:
    """Whether any lock is held or waited for that can stop the application at all."""
    queues = desk.manager.queues.values()
    return any(mode in CONFLICTS["RowExclusiveLock"] for q in queues for _, mode in (*q.granted, *q.waiting))


def _services(world: World, desk: Desk, standing: list[str], cause: tuple[str, str, int] | None) -> None:
    """Where only some of the pools stand, their services fail at once: the plane has no waiting for one table."""
    why = f"waiting for {cause[1]} on {cause[0]}" if cause else ""
    users = {d.service: d.pool in standing for d in workload.demands(world.scenario, desk.component)}
    for demand in workload.demands(world.scenario, desk.component):
        users[demand.service] = users[demand.service] or demand.pool in standing
    for service, stands in users.items():
        fail(world, service, f"locks {desk.component}", 1.0 if stands else 0.0, why)


def _cores(world: World, desk: Desk, whole: bool) -> None:
    """Processors left to the application. Somebody else's change of them is kept as the new measure."""
    servers = world.plane.network.databases
    now = float(next(d.cores for d in servers if desk.component in (d.name, d.family)))
    if not desk.given or now != desk.given:
        desk.cores = now
    busy = sum(j.cores for j in work_of(world).jobs if j.component == desk.component and j.state == RUNNING)
    busy += sum(f.rate * 6.7e-6 for f in work_of(world).fills if f.component == desk.component)
    left = STANDING if whole else max(desk.cores / 4, desk.cores - busy)
    if left != now:
        world.plane.set_cores(desk.component, left)
    desk.given = left
    desk.stalled = whole


def _notice(world: World, desk: Desk, cause: tuple[str, str, int] | None) -> None:
    """Mark when a stall began and ended; one of less than half a second is nobody's news."""
    if cause is not None:
        desk.since_s = desk.since_s or world.now_s
        if not desk.noted and world.now_s - desk.since_s >= NEWS_S:
            desk.noted = True
            table, mode, pid = cause
            note(world, "stand", desk.component, mode, table, pid)
    elif desk.since_s:
        if desk.noted:
            note(world, "free", desk.component, world.now_s - desk.since_s)
        desk.since_s, desk.logged, desk.noted = 0.0, False, False


def honest_cpu(world: World, component: str) -> None:
    """A server whose statements wait for locks burns nothing: the plane's reading of this second is put right."""
    column = world.plane.history.columns.get(f"db/{component}/cpu")
    desk = desk_of(world, component)
    if column and desk.stalled:
        busy = sum(j.cores for j in work_of(world).jobs if j.component == component and j.state == RUNNING)
        column[-1] = min(1.0, (busy + 0.1) / max(1.0, desk.cores))
