"""What pgBackRest prints: the report of `info`, and lines of its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.backups.state import Backup, Stanza, healthy, segment_name, spec_of

if TYPE_CHECKING:
    from simulator.world import World

VERSION = "2.51"


def line(world: World, level: str, text: str, at_s: float | None = None) -> str:
    """One line of the log on the console: `2026-11-20 09:20:00.123 P00   INFO: text`."""
    moment = world.at(world.now_s if at_s is None else at_s).strftime("%Y-%m-%d %H:%M:%S.%f")[:23]
    return f"{moment} P00 {level:>6}: {text}\n"


def begin(world: World, command: str, words: list[str]) -> str:
    shown = " ".join(w for w in words if w.startswith("--"))
    return line(world, "INFO", f"{command} command begin {VERSION}: {shown}")


def completed(world: World, command: str, seconds: float) -> str:
    return line(world, "INFO", f"{command} command end: completed successfully ({round(seconds * 1000)}ms)")


def error(world: World, command: str, code: int, text: str) -> str:
    """The error and its end; the exit code is the error's number."""
    first = line(world, "ERROR", f"[{code:03d}]: {text}")
    return first + line(world, "INFO", f"{command} command end: aborted with exception [{code:03d}]")


def _gb(number: float) -> str:
    return f"{number:.1f}GB" if number >= 1 else f"{number * 1024:.1f}MB"


def info(world: World, component: str, stanza: Stanza) -> str:
    """`pgbackrest info` of one stanza."""
    spec = spec_of(world, component)
    database = world.scenario.databases()[component]
    oldest = segment_name(world, component, stanza.backups[0].start_s)
    newest = segment_name(world, component, stanza.archived_s - 0.001)
    out = [
        f"stanza: {spec.stanza}",
        "    status: ok",
        "    cipher: none",
        "",
        "    db (current)",
        f"        wal archive min/max ({database.version.split('.')[0]}): {oldest}/{newest}",
    ]
    for backup in stanza.backups:
        out += ["", *_backup(world, component, backup, stanza)]
    return "\n".join(out) + "\n"


def _backup(world: World, component: str, backup: Backup, stanza: Stanza) -> list[str]:
    spec, full = spec_of(world, component), backup.label.endswith("F")
    size = spec.size_gb
    start, stop = (world.at(t).strftime("%Y-%m-%d %H:%M:%S+00") for t in (backup.start_s, backup.stop_s))
    first, last = (segment_name(world, component, t) for t in (backup.start_s, backup.stop_s))
    own = size if full else size * 0.02
    found = [
        f"        {'full' if full else 'incr'} backup: {backup.label}",
        f"            timestamp start/stop: {start} / {stop}",
        f"            wal start/stop: {first} / {last}",
        f"            database size: {_gb(size)}, database backup size: {_gb(own)}",
        f"            repo1: backup set size: {_gb(size * 0.3)}, backup size: {_gb(own * 0.3)}",
    ]
    if not full:
        base = backup.label.split("_")[0]
        found.append(f"            backup reference list: {base}")
    return found


def archived(world: World, component: str, stanza: Stanza) -> bool:
    """Whether `check` sees its segment arrive."""
    return healthy(world, component) and stanza.main.state == "up"
