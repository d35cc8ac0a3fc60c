"""Base backups, the archive of each database's WAL and what is being restored. Nothing is printed here.

WAL is counted in bytes at the server's usual pace; a segment is in the archive when it is full, or a minute old. An
`archive_command` that fails keeps its segments and goes on with them later; one that succeeds without doing
anything leaves a hole, behind which no restore comes from an older backup.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.entities.verdicts import Verdict, Violation
from simulator.postgres import storage, versions
from simulator.scenario import BackupSpec

if TYPE_CHECKING:
    from simulator.world import World

MB, SEGMENT = 1_000_000.0, 16 * 1_048_576
TIMEOUT_S = 60.0  # archive_timeout
RETRY_S = 60.0  # the archiver waits so long after three failures
CATCH_UP = 25.0  # seconds of WAL archived a second, when it may again
INCREMENT_S = 40.0  # an incremental backup of an hour
FIRST_SEGMENT = 0x4A  # of the timeline's second log file: servers that run for years have many


@dataclass
class Backup:
    """A backup: usable for times after `stop_s`."""

    label: str
    start_s: float
    stop_s: float


@dataclass
class Instance:
    """A data directory and what runs in it. `until_s`: the end of what goes on now (copying, or replaying WAL).

    state   empty, copying, restored, recovering, paused, up, failed, stopped
    """

    state: str = "empty"
    target_s: float | None = None  # None: to the end of the archive
    action: str = "pause"
    reach_s: float = 0.0  # how far the archive reached when it was copied
    label: str = ""
    began_s: float = 0.0
    until_s: float = 0.0
    streams: bool = False  # a delayed replica: its files are there, and its WAL comes from the primary
    lines: list[tuple[float, str]] = field(default_factory=list)


@dataclass
class Stanza:
    """One database's backups."""

    component: str
    backups: list[Backup]
    archived_s: float = 0.0  # everything written before this is in the archive, holes apart
    holes: list[tuple[float, float]] = field(default_factory=list)
    failed: int = 0
    failed_s: float | None = None
    failing_s: float | None = None
    stopped: bool = False  # `pgbackrest stop`
    stopped_s: float = 0.0
    main: Instance = field(default_factory=lambda: Instance("up"))
    side: Instance = field(default_factory=Instance)
    restored: list[tuple[float, float, float]] = field(default_factory=list)  # began, ended, target


@dataclass
class Backups:
    stanzas: dict[str, Stanza] = field(default_factory=dict)


def build(world: World) -> Backups | None:
    """One stanza for each database that has `backups`."""
    made = Backups()
    for component, spec in world.scenario.backups.items():
        copying_s = spec.size_gb * 1000 / spec.copy_mb_s
        taken = [
            Backup(
                _label(world, -spec.full_age_s - n * spec.every_s), -spec.full_age_s - n * spec.every_s, 0.0
            )
            for n in reversed(range(spec.keep))
        ]
        for backup in taken:
            backup.stop_s = backup.start_s + copying_s
        taken += _increments(world, taken[-1], spec)
        made.stanzas[component] = Stanza(component, taken, archived_s=-1.0)
        for settings in (
            world.postgres.servers[component].settings,
            world.postgres.servers[component].configured,
        ):
            settings.setdefault("archive_mode", "on")
            settings.setdefault("archive_command", f"pgbackrest --stanza={spec.stanza} archive-push %p")
            settings.setdefault("archive_timeout", str(int(TIMEOUT_S)))
        versions.keep(world, component)
        _journals(world, component)
    return made if made.stanzas else None


def _increments(world: World, full: Backup, spec: BackupSpec) -> list[Backup]:
    """The incremental backups since a full one, up to the start."""
    found = []
    for n in range(1, min(200, int(spec.full_age_s / spec.incr_s) + 1)):
        start_s = full.start_s + n * spec.incr_s
        if start_s < -60:
            found.append(
                Backup(f"{full.label}_{_label(world, start_s, 'I')}", start_s, start_s + INCREMENT_S)
            )
    return found


def _journals(world: World, component: str) -> None:
    """The stores of a database that is backed up remember what they write."""
    if world.entities is None:
        return
    from simulator.entities.journal import Journal

    for name in store_names(world, component):
        world.entities.domain.stores[name].journal = Journal()


def store_names(world: World, component: str) -> list[str]:
    """The stores whose rows a database's tables show."""
    assert world.entities is not None
    tables = world.scenario.databases()[component].tables.values()
    return [n for n in dict.fromkeys(t.store for t in tables) if n in world.entities.domain.stores]


def _label(world: World, t_s: float, kind: str = "F") -> str:
    return world.at(t_s).strftime("%Y%m%d-%H%M%S") + kind


def stanzas(world: World) -> dict[str, Stanza]:
    state: Backups | None = world.rooms.get("backups")
    return state.stanzas if state is not None else {}


def spec_of(world: World, component: str) -> BackupSpec:
    return world.scenario.backups[component]


# -- the archive


def each_second(world: World) -> None:
    """The archiver's second, and what of restores has come to its end."""
    from simulator.backups import instances

    for component, stanza in stanzas(world).items():
        _archive(world, component, stanza)
        instances.proceed(world, component, stanza)
        base = f"backups/{component}/"
        world.plane.history.append(base + "archive_lag_s", world.now_s - _kept_s(stanza))
        world.plane.history.append(base + "failed", float(stanza.failed))
        for name, rows in live_rows(world, component).items():
            world.plane.history.append(f"{base}rows/{name}", rows)


def _kept_s(stanza: Stanza) -> float:
    """Up to when the repository really has what was written."""
    if stanza.holes and stanza.holes[-1][1] >= stanza.archived_s:
        return stanza.holes[-1][0]
    return stanza.archived_s


def live_rows(world: World, component: str) -> dict[str, float]:
    """The rows of the tables that had older rows at first, as their statistics count them."""
    there = world.postgres.databases[component].tables
    found = {}
    for name, spec in world.scenario.databases()[component].tables.items():
        if spec.rows:
            table = there.get(name)
            found[name] = 0.0 if table is None else float(table.rows)
    return found


def command_of(world: World, component: str) -> str:
    return world.postgres.servers[component].settings.get("archive_command", "")


def _archive(world: World, component: str, stanza: Stanza) -> None:
    if stanza.main.state != "up" or storage.down(world, component):
        return
    now_s, command = world.now_s, command_of(world, component)
    pushes = "pgbackrest" in command and "archive-push" in command
    if pushes and stanza.stopped:
        if stanza.failing_s is None or now_s - (stanza.failed_s or 0.0) >= RETRY_S:
            stanza.failing_s = stanza.failing_s if stanza.failing_s is not None else now_s
            stanza.failed, stanza.failed_s = stanza.failed + 3, now_s
            _complain(world, component, stanza)
        return
    stanza.failing_s = None
    last_s = segment_end(world, component, now_s)
    if last_s <= stanza.archived_s:
        return
    until_s = min(last_s, stanza.archived_s + CATCH_UP)
    if not pushes:
        _hole(stanza, stanza.archived_s, last_s)
        until_s = last_s
    stanza.archived_s = until_s


def _hole(stanza: Stanza, from_s: float, to_s: float) -> None:
    """Segments that were recycled without a copy of them."""
    if stanza.holes and stanza.holes[-1][1] >= from_s:
        stanza.holes[-1] = (stanza.holes[-1][0], to_s)
    else:
        stanza.holes.append((from_s, to_s))


def segment_end(world: World, component: str, t_s: float) -> float:
    """Up to when the last finished segment reaches: full, or closed by archive_timeout."""
    each_s = segment_s(world, component)
    return t_s // each_s * each_s


def segment_s(world: World, component: str) -> float:
    """How long a segment takes to be finished."""
    return min(TIMEOUT_S, max(1.0, SEGMENT / (spec_of(world, component).wal_mb_s * MB)))


def segment_name(world: World, component: str, t_s: float, timeline: int = 1) -> str:
    """The file that holds what was written at a time."""
    number = FIRST_SEGMENT + 0x200 + int((t_s + 30 * 86_400) // segment_s(world, component))
    return f"{timeline:08X}{number >> 8:08X}{number & 0xFF:08X}"


def switch(world: World, component: str) -> None:
    """pg_switch_wal, as `pgbackrest check` and a backup do: what is open is closed and archived now."""
    stanza = stanzas(world)[component]
    fresh = world.now_s - stanza.archived_s < 2 * TIMEOUT_S + CATCH_UP
    if fresh and healthy(world, component):
        stanza.archived_s = world.now_s


def reach(stanza: Stanza, backup: Backup) -> float:
    """How far WAL without a gap goes from a backup on."""
    starts = [from_s for from_s, to_s in stanza.holes if to_s > backup.stop_s]
    return min([stanza.archived_s, *starts])


def recoverable(world: World, database: str, within_s: float = 300.0) -> Verdict:
    """A restore could bring the database back to what it was `within_s` seconds ago: backup and WAL are there."""
    stanza = stanzas(world)[database]
    done = [b for b in stanza.backups if b.stop_s <= world.now_s]
    furthest = max((reach(stanza, backup) for backup in done), default=-1.0)
    if furthest >= world.now_s - within_s:
        return Verdict(True)
    seconds, at_ns = world.plane.history.seconds, round(world.now_s * 1e9)
    wanted, there = f"{database}: restore to -{within_s:.0f}s", f"-{world.now_s - furthest:.0f}s"
    return Verdict(False, [Violation("below-level", seconds, at_ns, 0, wanted, there)])


def healthy(world: World, component: str) -> bool:
    """Whether what is written now gets into the archive."""
    stanza = stanzas(world)[component]
    return not stanza.stopped and "archive-push" in command_of(world, component)


def _complain(world: World, component: str, stanza: Stanza) -> None:
    """What the server's log says when archive_command fails."""
    from simulator.postgres.work import desk_of

    name = segment_name(world, component, stanza.archived_s)
    lines = desk_of(world, component).lines
    command = command_of(world, component).replace("%p", f"pg_wal/{name}")
    lines.append(
        (
            world.now_s - 0.4,
            71,
            f"LOG:  archive command failed with exit code 62\n\tDETAIL:  The failed archive command was: {command}",
        )
    )
    lines.append(
        (
            world.now_s - 0.3,
            71,
            f'WARNING:  archiving write-ahead log file "{name}" failed too many times, will try again later',
        )
    )


def archiver_row(world: World, component: str) -> dict[str, object] | None:
    """`pg_stat_archiver` of a database with backups. A command that does nothing counts as archiving."""
    stanza = stanzas(world).get(component)
    if stanza is None:
        return None
    start_us, us = world.postgres.start_us, 1_000_000
    failed = stanza.failed_s is not None
    return {
        "archived_count": int((stanza.archived_s + 40 * 86_400) // segment_s(world, component)),
        "last_archived_wal": segment_name(world, component, stanza.archived_s - 0.001),
        "last_archived_time": start_us + round((stanza.archived_s + 0.3) * us),
        "failed_count": stanza.failed,
        "last_failed_wal": segment_name(world, component, stanza.archived_s) if failed else None,
        "last_failed_time": start_us + round((stanza.failed_s or 0.0) * us) if failed else None,
    }
