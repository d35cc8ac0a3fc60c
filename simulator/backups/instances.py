"""A data directory's life: stopped, copied back from a backup, started, recovered. What that does to rows and services.

In place the rows go back to the target with everything that was written since; beside, a copy for reading comes up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import bridge
from simulator.backups.state import (
    Backup,
    Instance,
    Stanza,
    reach,
    segment_name,
    spec_of,
    stanzas,
    store_names,
)
from simulator.entities import repairs
from simulator.entities.history import History
from simulator.entities.store import Store, StoreSpec
from simulator.entities.timers import SECOND, Timers
from simulator.interventions.backups import DELAYED_S
from simulator.postgres import entity_rows, health, pressure, rebound, versions, workload
from simulator.postgres.state import Side
from simulator.scenario import Text
from simulator.wording import Words

if TYPE_CHECKING:
    from simulator.world import World

BY = "pgbackrest"
COMMIT_EVERY_S = 0.0033  # the first commit after a target comes about so soon
SAYS = {
    "stopped": Text(ru="{0}: сервер остановлен", en="{0}: the server was stopped"),
    "started": Text(ru="{0}: сервер принимает соединения", en="{0}: the server accepts connections"),
    "copied": Text(
        ru="{0}: файлы копии {1} восстановлены за {2:.0f} с",
        en="{0}: files of backup {1} restored in {2:.0f} s",
    ),
    "in_place": Text(
        ru="{0}: база восстановлена на {1} поверх рабочей; записи за {2:.0f} с после этого момента потеряны (RPO), восстановление заняло {3:.0f} с (RTO)",
        en="{0}: restored to {1} over the live database; what was written in the {2:.0f} s since is lost (RPO), the restore took {3:.0f} s (RTO)",
    ),
    "beside": Text(
        ru="{0}: копия на {1} доступна для чтения на машине {2} через {3:.0f} с после начала восстановления",
        en="{0}: a copy as of {1} can be read on machine {2}, {3:.0f} s after the restore began",
    ),
    "failed": Text(
        ru="{0}: архив WAL кончается раньше цели {1}", en="{0}: the WAL archive ends before the target {1}"
    ),
}
STARTING = "FATAL:  the database system is starting up"


say = Words(SAYS)


def stamp(world: World, t_s: float) -> str:
    """A time as the server's log has it."""
    return world.at(t_s).strftime("%Y-%m-%d %H:%M:%S.%f") + "+00"


# -- stopping and starting


def stop_main(world: World, component: str) -> None:
    """The live server goes down: nobody reaches it."""
    stanza = stanzas(world)[component]
    stanza.main.state, stanza.stopped_s = "stopped", world.now_s
    _nodes_down(world, component, True)
    _services(world, component, "connection refused")
    world.note("fault", say(world, "stopped", component))


def start_main(world: World, component: str) -> None:
    """It comes up again, or recovers first what was restored."""
    stanza = stanzas(world)[component]
    if stanza.main.state == "restored":
        _recover(world, component, stanza, stanza.main)
        return
    _main_up(world, component)


def _main_up(world: World, component: str) -> None:
    stanza = stanzas(world)[component]
    stanza.main.state = "up"
    _nodes_down(world, component, False)
    _services(world, component, "")
    health.check(world, component)
    world.note("database", say(world, "started", component))


def _nodes_down(world: World, component: str, down: bool) -> None:
    if world.entities is None:
        return
    for name in store_names(world, component):
        for copy in world.entities.domain.stores[name].copies:
            if down:
                world.reach.down[copy.name] = "stopped"
            elif world.reach.down.get(copy.name) == "stopped":
                del world.reach.down[copy.name]


def _services(world: World, component: str, why: str) -> None:
    for service in dict.fromkeys(d.service for d in workload.demands(world.scenario, component)):
        pressure.fail(world, service, f"stopped {component}", 1.0 if why else 0.0, why)


def start_side(world: World, component: str) -> None:
    """The restored copy starts to replay WAL."""
    stanza = stanzas(world)[component]
    side, machine = stanza.side, spec_of(world, component).spare
    if side.state == "stopped":
        side.state = "up"
        world.postgres.sides[machine].refuses = ""
        return
    _recover(world, component, stanza, side)
    copy = world.postgres.databases[component].copy()
    copy.tables = {}
    world.postgres.sides[machine] = Side(component, copy, refuses=STARTING)


def stop_side(world: World, component: str) -> None:
    stanza = stanzas(world)[component]
    stanza.side.state = "stopped"
    world.postgres.sides[spec_of(world, component).spare].refuses = "refused"


# -- restoring


def restore(
    world: World, component: str, beside: bool, backup: Backup, target_s: float | None, action: str
) -> Instance:
    """Begin to copy a backup's files into a data directory."""
    stanza, spec = stanzas(world)[component], spec_of(world, component)
    made = stanza.side if beside else stanza.main
    made.state, made.target_s, made.action, made.label = "copying", target_s, action, backup.label
    made.began_s, made.lines = world.now_s, []
    made.streams = beside and _within_delay(world, target_s)
    made.until_s = world.now_s + (0.0 if made.streams else spec.size_gb * 1000 / spec.copy_mb_s)
    if beside:
        world.postgres.sides.pop(spec.spare, None)
    return made


def _within_delay(world: World, target_s: float | None) -> bool:
    """Whether the spare machine keeps a delayed replica that has not replayed beyond a target yet."""
    delay_s = world.policies.get(DELAYED_S)
    return delay_s is not None and target_s is not None and target_s >= world.now_s - delay_s


def _reach(world: World, stanza: Stanza, made: Instance) -> float:
    """How far WAL without a gap goes: a delayed replica has it from the primary, whatever the archive lacks."""
    return made.began_s if made.streams else reach(stanza, backup_of(stanza, made.label))


def backup_of(stanza: Stanza, label: str) -> Backup:
    return next(b for b in stanza.backups if b.label == label)


def _recover(world: World, component: str, stanza: Stanza, made: Instance) -> None:
    """Begin to replay WAL from the backup on."""
    spec, backup = spec_of(world, component), backup_of(stanza, made.label)
    end_s = min(_reach(world, stanza, made), world.now_s if made.target_s is None else made.target_s)
    from_s = made.began_s - world.policies[DELAYED_S] if made.streams else backup.start_s
    took_s = max(0.0, end_s - from_s) * spec.wal_mb_s / spec.replay_mb_s
    made.state, made.until_s = "recovering", world.now_s + 2.0 + took_s
    if made.target_s is None:
        _log(world, made, "LOG:  starting archive recovery")
    else:
        _log(world, made, f"LOG:  starting point-in-time recovery to {stamp(world, made.target_s)}")
    first = segment_name(world, component, backup.start_s)
    _log(world, made, f'LOG:  restored log file "{first}" from archive')
    _log(world, made, "LOG:  consistent recovery state reached")


def _log(world: World, made: Instance, text: str) -> None:
    made.lines.append((world.now_s, text))


def proceed(world: World, component: str, stanza: Stanza) -> None:
    """What of copying and recovering has come to its end."""
    for made in (stanza.main, stanza.side):
        if made.state == "copying" and world.now_s >= made.until_s - 1e-6:
            made.state = "restored"
            took_s = world.now_s - made.began_s
            world.note("database", say(world, "copied", component, made.label, took_s))
        elif made.state == "recovering" and world.now_s >= made.until_s - 1e-6:
            _recovered(world, component, stanza, made)


def _recovered(world: World, component: str, stanza: Stanza, made: Instance) -> None:
    """The end of the WAL that is there, or the target."""
    end_s = _reach(world, stanza, made)
    spec = spec_of(world, component)
    if made.target_s is not None and made.target_s > end_s:
        missing = segment_name(world, component, end_s)
        _log(world, made, f"LOG:  last completed transaction was at log time {stamp(world, end_s)}")
        _log(world, made, f"LOG:  could not find {missing} in the archive")
        _log(world, made, "FATAL:  recovery ended before configured recovery target was reached")
        made.state = "failed"
        world.postgres.sides.pop(spec.spare if made is stanza.side else "", None)
        world.note("database", say(world, "failed", component, stamp(world, made.target_s)))
        return
    at_s = end_s if made.target_s is None else made.target_s
    if made.target_s is not None:
        soon = at_s + COMMIT_EVERY_S
        late = min([t for t in versions.changes(world, component) if t > at_s] + [soon])
        number = 650_000 + int((late + 86_400) * 3) % 1_000_000
        _log(
            world,
            made,
            f"LOG:  recovery stopping before commit of transaction {number}, time {stamp(world, late)}",
        )
    paused = made.target_s is not None and made.action == "pause"
    if paused:
        _log(world, made, "LOG:  pausing at the end of recovery")
        _log(world, made, "HINT:  Execute pg_wal_replay_resume() to promote.")
    else:
        _log(world, made, "LOG:  archive recovery complete")
        _log(world, made, "LOG:  database system is ready to accept connections")
    if made is stanza.side:
        _side_up(world, component, made, at_s)
        world.postgres.sides[spec.spare].paused = paused
    else:
        _put_back(world, component, stanza, at_s)


def _side_up(world: World, component: str, made: Instance, at_s: float) -> None:
    spec, database = spec_of(world, component), versions.as_of(world, component, at_s)
    side = Side(component, database)
    if world.entities is not None:
        domain = world.entities.domain
        for name in store_names(world, component):
            copy = Store(StoreSpec(name, (spec.spare,)), 0, Timers(), History())
            copy.rows[0] = domain.stores[name].as_of(round(at_s * SECOND))
            side.stores[name] = copy
        for table in database.tables.values():
            if table.entity is not None and table.entity.store:
                flow = entity_rows.flow_of(domain, table).name
                place = f"{spec.spare}:{table.entity.store}"
                table.entity = table.entity.model_copy(update={"store": place, "flow": flow})
    made.state = "up"
    world.postgres.sides[spec.spare] = side
    took_s = world.now_s - made.began_s
    world.note("database", say(world, "beside", component, stamp(world, at_s), spec.spare, took_s))


def _put_back(world: World, component: str, stanza: Stanza, at_s: float) -> None:
    """Over the live database: rows and definitions as they were, and the servers' clients may come again."""
    meets = bridge.catch_up(world)
    _nodes_down(world, component, False)
    lost_s = stanza.stopped_s - at_s
    if world.entities is not None:
        for name in store_names(world, component):
            _rows_back(world, name, at_s, meets)
    world.postgres.databases[component] = versions.as_of(world, component, at_s)
    rebound.follow(world, component)
    versions.committed(world, component)
    _main_up(world, component)
    took_s = world.now_s - stanza.stopped_s
    stanza.restored.append((stanza.stopped_s, world.now_s, at_s))
    world.note("database", say(world, "in_place", component, stamp(world, at_s), lost_s, took_s))


def _rows_back(world: World, name: str, at_s: float, meets: bridge.Conditions) -> None:
    assert world.entities is not None
    store = world.entities.domain.stores[name]
    leader = store.newest_leader() or store.copies[0]
    then, now = store.as_of(round(at_s * SECOND)), store.rows[leader.index]
    for name_of in sorted({**then, **now}):
        before = dict(then[name_of].items()) if name_of in then else {}
        after = dict(now[name_of].items()) if name_of in now else {}
        for row in sorted({**before, **after}):
            wanted = before.get(row)
            if wanted == after.get(row):
                continue
            if name_of.startswith("done:"):  # keys of operations: no effect of their own
                store.write(leader, name_of, row, wanted, meets)
            else:
                repairs.put(world.entities, name, name_of, row, wanted, meets, BY)
