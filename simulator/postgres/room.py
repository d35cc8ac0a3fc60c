"""The room of the running servers: locks, long statements, back-fills, WAL and disk, second by second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simulator.postgres import entity_locks, fills, fits, jobs, locking, pressure, storage
from simulator.postgres.work import LIVE, Desk, Work, desk_of, work_of
from simulator.room import Room
from simulator.telemetry.line import LogLine
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Family, Labels, Telemetry
    from simulator.world import World


def build(world: World) -> Work | None:
    if not world.scenario.databases():
        return None
    work = Work()
    for component in world.postgres.databases:
        work.desks[component] = Desk(component)
        entity_locks.name_tables(world, component)
    for component in world.scenario.databases():
        store = storage.build(world, component)
        if store is not None:
            work.stores[component] = store
    return work


def each_second(world: World) -> None:
    """Each server that has something going on."""
    work = work_of(world)
    if work.jobs:
        jobs.catch_up(world)
    if work.fills:
        fills.each_second(world)
    fits.each_second(world)
    for component, spec in world.scenario.databases().items():
        desk = work.desks[component]
        if spec.sessions:
            locking.sessions_each_second(world, component)
        if desk.manager.sessions:
            locking.follow(world, desk)
        if spec.storage is not None:
            jobs.vacuums_each_second(world, component)
            storage.each_second(world, component)
        entity_locks.collect(world, component)
        pressure.apply(world, component)
        pressure.honest_cpu(world, component)
        locking.log_app_waits(world, component)


def _identity(work: Work) -> Any:
    """What of it is state: not the views' reading aids."""
    desks = [(d.component, sorted(d.manager.sessions), d.since_s, d.stalled) for d in work.desks.values()]
    running = [(j.number, j.state, j.left_s) for j in work.jobs]
    filled = [(f.number, f.state, f.cursor, f.rows) for f in work.fills]
    stores = [(n, s.position, s.panic_s, sorted(s.replayed.items())) for n, s in work.stores.items()]
    return repr((desks, running, filled, stores, work.failing, work.reads))


def _tools() -> Mapping[str, Tool]:
    from simulator.postgres.worktools import TOOLS

    return TOOLS


def _metrics() -> Mapping[str, Family]:
    def stores(t: Telemetry) -> Iterator[str]:
        return iter(work_of(t.world).stores)

    def lag(t: Telemetry) -> Iterator[tuple[Labels, Any]]:
        for name in stores(t):
            for replica in work_of(t.world).stores[name].replayed:
                yield {"db": name, "instance": replica}, t.column(f"postgres/{name}/lag/{replica}")

    def column(what: str) -> Family:
        def read(t: Telemetry) -> Iterator[tuple[Labels, Any]]:
            for name in stores(t):
                yield {"db": name}, t.column(f"postgres/{name}/{what}")

        return read

    def locks(what: str) -> Family:
        def read(t: Telemetry) -> Iterator[tuple[Labels, Any]]:
            for name in t.world.scenario.databases():
                if entity_locks.managers(t.world, name):
                    yield {"db": name}, t.column(f"postgres/{name}/{what}")

        return read

    return {
        "pg_stat_database_deadlocks": locks("deadlocks"),
        "pg_lock_waiting_sessions": locks("lock_waits"),
        "pg_replication_lag_seconds": lag,
        "pg_wal_size_bytes": column("kept"),
        "pg_wal_written_bytes": column("wal"),
        "pg_disk_used_bytes": column("disk"),
    }


def logs(world: World, app: str, second: int) -> Iterator[LogLine]:
    """What a server wrote about locks in a second, as its log_line_prefix has it."""
    desk = work_of(world).desks.get(app)
    if desk is None:
        return
    pod = next((p.name for p in world.kubernetes.pods.values() if p.app == app), app)
    for t_s, pid, text in desk.lines:
        if int(t_s) != second:
            continue
        stamp = world.at(t_s).strftime("%Y-%m-%d %H:%M:%S.") + f"{int(t_s * 1000) % 1000:03d} UTC"
        for line in text.split("\n"):
            lead = "\t" if line.startswith("\t") else f"{stamp} [{pid}] "
            yield LogLine(t_s, pod, app, "LOG", lead + line.lstrip("\t"))


def busy(world: World) -> bool:
    """Whether any server has a statement or a back-fill that goes on."""
    work = work_of(world)
    return any(j.state in LIVE for j in work.jobs) or any(f.state == "running" for f in work.fills)


ROOM = Room(
    "postgres",
    build,
    {"postgres.tick": jobs.tick},
    each_second=each_second,
    identity=_identity,
    tools=_tools,
    metrics=_metrics,
    logs=logs,
    apps=lambda world: [c for c in work_of(world).desks if desk_of(world, c).lines],
)
