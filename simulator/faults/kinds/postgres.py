"""PostgreSQL: locks, jobs, CPU, pools, disk, WAL and replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.faults.fault import DOWN, TIMES, UP, Act, Fault, Moves
from simulator.faults.kinds import names
from simulator.faults.layers import WHY
from simulator.faults.params import Param, Wrong, say
from simulator.postgres import locking, pressure, storage, workload
from simulator.postgres.work import LIVE, Backend, desk_of, work_of
from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

DB = Param("db", names=names.databases)
TABLE = Param("table", names=names.tables)
FULL = 0.999  # of the disk that is left: the server finds it full in its next second
T = {"job": Text(ru="задача не пошла: {0}", en="the job did not start: {0}")}


def _home(world: World, table: str) -> str:
    """The database a table lies in, the scenario's focus first."""
    known = world.postgres.databases
    focus = world.scenario.focus.database
    every = [focus, *known] if focus in known else list(known)
    return next(d for d in every if table in known[d].tables)


def _lock(act: Act) -> None:
    world, table = act.world, act.name("table")
    component = _home(world, table)
    pid = work_of(world).new_pid()
    sql = f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
    desk_of(world, component).backends[pid] = Backend(pid, "migrator", "psql", sql, world.now_s, True)
    locking.ask(world, component, pid, table, "AccessExclusiveLock", sql)
    act.brought.memory.update(component=component, pid=pid)
    world.agenda.at(world.now_s + act.number("time"), "faults.end", priority=6, number=act.brought.number)
    pressure.apply(world, component)


def _unlock(act: Act) -> None:
    memory = act.brought.memory
    if memory["pid"] in desk_of(act.world, memory["component"]).backends:
        locking.end(act.world, memory["component"], memory["pid"])
        pressure.apply(act.world, memory["component"])


def _rewrite(act: Act) -> None:
    """A migration that rewrites a table under its strongest lock, in a session of its own."""
    from simulator.postgres.worktools import run_dbrun

    world, table = act.world, act.name("table")
    component = _home(world, table)
    sql = f"VACUUM FULL {table}"
    reply = run_dbrun(world, ["dbrun", "start", "-d", component, "-c", sql], "")
    if reply.code:
        raise Wrong(say(world, T["job"], " ".join(reply.text.split())[:160]))
    act.brought.memory["job"] = work_of(world).jobs[-1].number


def _cancel(act: Act) -> None:
    from simulator.postgres.worktools import run_dbrun

    number = act.brought.memory["job"]
    if any(j.number == number and j.state in LIVE for j in work_of(act.world).jobs):
        run_dbrun(act.world, ["dbrun", "cancel", str(number)], "")


def _crash(act: Act) -> None:
    """The server is away: whoever asks it gets an error, and its node takes no writes."""
    world, db = act.world, act.name("db")
    for service in dict.fromkeys(d.service for d in workload.demands(world.scenario, db)):
        act.put(f"failing/{service}", "join", 1.0)
    for store in _stores(world, db):
        leads = [c.name for c in world.entities.domain.stores[store].copies if c.leads]  # type: ignore[union-attr]
        for node in leads:
            act.put(f"down/{node}", "set", WHY)


def _stores(world: World, db: str) -> list[str]:
    """Stores of the entities that a database's tables show."""
    tables = world.scenario.databases()[db].tables.values()
    known = world.entities.domain.stores if world.entities is not None else {}
    return list(dict.fromkeys(t.store for t in tables if t.store in known))


def _disk(act: Act) -> None:
    world, db = act.world, act.name("db")
    used = storage.used(world, db)
    act.put(f"disk/{db}", "min", used * FULL)


def _of_replica(world: World, replica: str) -> str:
    found = world.scenario.databases().items()
    return next(n for n, d in found if d.storage is not None and replica in d.storage.replicas)


def _replay(act: Act) -> None:
    replica = act.name("replica")
    act.put(f"pace/{_of_replica(act.world, replica)}/{replica}", "min", act.number("rate"))


def _slot(act: Act) -> None:
    found = act.world.scenario.databases().items()
    db = next(n for n, d in found if d.storage is not None and act.name("slot") in d.storage.slots)
    act.put(f"slot/{db}/{act.name('slot')}", "set", False)


def _sync(act: Act) -> None:
    """Commits wait for a replica that is slow to have them."""
    world, store = act.world, act.name("store")
    act.put(f"setting/store.{store}.sync", "set", 1)
    replicas = [c.name for c in world.entities.domain.stores[store].copies if not c.leads]  # type: ignore[union-attr]
    for replica in replicas:
        act.put(f"down/{replica}", "set", WHY)


def _replica_down(act: Act) -> None:
    act.put(f"down/{act.name('replica')}", "set", WHY)


def _wal(world: World) -> bool:
    return bool(names.stored(world))


FAULTS = (
    Fault(
        "postgres.locks", "postgres", ("postgres locks", "postgres lock", "lock"),
        Text(ru="Чужая сессия держит таблицу в ACCESS EXCLUSIVE столько времени: все запросы к ней стоят.", en="Somebody's session holds a table in ACCESS EXCLUSIVE for so long: all queries of it stand."),
        "postgres locks orders 60s", _lock, Moves("success.order", DOWN, 0.3, run_s=40.0, last_s=20.0, after_s=90.0),
        (TABLE, Param("time", "s", 1.0, 3600.0, 60.0)), undo=_unlock,
    ),
    Fault(
        "postgres.rewrite", "postgres", ("postgres rewrite", "postgres vacuum-full"),
        Text(ru="VACUUM FULL большой таблицы среди дня: переписывает её под самой сильной блокировкой.", en="A VACUUM FULL of a big table in the day: it rewrites it under the strongest lock."),
        "postgres rewrite orders", _rewrite, Moves("success.order", DOWN, 0.1, run_s=20.0, last_s=15.0, after_s=90.0),
        (TABLE,), undo=_cancel,
    ),
    Fault(
        "postgres.cores", "postgres", ("postgres cores",),
        Text(ru="Серверу осталось столько ядер.", en="The server is left with so many cores."),
        "postgres cores payments-db 0.2", lambda act: act.put(f"cores/{act.name('db')}", "min", act.number("count")),
        Moves("wait.payments-db", TIMES, 3.0, after_s=90.0), (DB, Param("count", "", 0.01, 1024.0, 0.5)),
    ),
    Fault(
        "postgres.steal", "postgres", ("postgres steal",),
        Text(ru="Шумный сосед забирает долю CPU сервера.", en="A noisy neighbour takes a share of the server's CPU."),
        "postgres steal orders-db 97%", lambda act: act.put(f"cores/{act.name('db')}", "mul", 1.0 - act.number("share")),
        Moves("cpu.orders-db", UP, 0.3), (DB, Param("share", "%", 0.01, 0.999, 0.9)),
    ),
    Fault(
        "postgres.pool", "postgres", ("postgres pool", "pool"),
        Text(ru="В пуле соединений осталось столько: остальные ждут, как при утечке.", en="The connection pool is left with so many: the others wait, as after a leak."),
        "postgres pool payments-db 1", lambda act: act.put(f"setting/pool.{act.name('db')}", "min", int(act.number("count"))),
        Moves("wait.payments-db", UP, 3.0), (DB, Param("count", "int", 1, 10_000, 1)),
    ),
    Fault(
        "postgres.crash", "postgres", ("postgres crash", "postgres down"),
        Text(ru="Сервер упал и не принимает соединений.", en="The server has crashed and takes no connections."),
        "postgres crash payments-db", _crash, Moves("success.order", DOWN, 0.9), (DB,),
    ),
    Fault(
        "postgres.disk", "postgres", ("postgres disk",),
        Text(ru="Диск полон: сервер уходит в PANIC и не принимает соединений.", en="The disk is full: the server PANICs and takes no connections."),
        "postgres disk orders-db", _disk, Moves("success.order", DOWN, 0.5, after_s=120.0), (Param("db", names=names.stored),),
        fix="dbctl resize {db} 800", needs=_wal,
    ),
    Fault(
        "postgres.replay", "postgres", ("postgres replay", "postgres lag"),
        Text(ru="Реплика проигрывает WAL с такой скоростью и отстаёт.", en="A replica replays WAL at such a rate and lags."),
        "postgres replay orders-pg-2 1MB/s", _replay, Moves("replica.orders-pg-2", UP, 20.0, run_s=90.0, last_s=10.0, after_s=120.0),
        (Param("replica", names=names.replicas), Param("rate", "MB/s", 0.0, 1000.0, 1.0)), needs=_wal,
    ),
    Fault(
        "postgres.replica", "postgres", ("postgres replica",),
        Text(ru="Реплика выключена: отстаёт, пока не вернётся, а WAL для неё копится.", en="A replica is off: it lags until it is back, and the WAL for it is kept."),
        "postgres replica orders-pg-2", _replica_down, Moves("kept.orders-db", UP, 0.15, run_s=90.0, last_s=10.0, after_s=120.0),
        (Param("replica", names=names.replicas),), needs=_wal,
    ),
    Fault(
        "postgres.slot", "postgres", ("postgres slot",),
        Text(ru="Слот репликации никто не читает: сервер хранит WAL с того места.", en="Nobody reads a replication slot: the server keeps the WAL from there on."),
        "postgres slot analytics", _slot, Moves("kept.orders-db", UP, 0.15, run_s=90.0, last_s=10.0, after_s=60.0),
        (Param("slot", names=names.slots),), needs=lambda w: bool(names.slots(w)),
    ),
    Fault(
        "postgres.sync", "postgres", ("postgres sync",),
        Text(ru="synchronous_commit с единственной репликой, которая выключена: COMMIT ждёт.", en="synchronous_commit with a single replica, and that is off: COMMIT waits."),
        "postgres sync orders", _sync, Moves("done.create", DOWN, 2.0, after_s=120.0),
        (Param("store", names=names.stores),), needs=lambda w: bool(names.stores(w)),
    ),
)  # fmt: skip
