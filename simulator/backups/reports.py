"""What pgBackRest prints: the report of `info`, and lines of its log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.backups.state import Backup, Stanza, segment_name, spec_of

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


def completed(world: World, command: str, seconds: float, at_s: float | None = None) -> str:
    text = f"{command} command end: completed successfully ({round(seconds * 1000)}ms)"
    return line(world, "INFO", text, at_s)


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


def as_text(world: World, stanzas: dict[str, Stanza], name: str) -> str:
    """`pgbackrest info`: all stanzas, or the one that is named."""
    shown = [
        info(world, component, stanza)
        for component, stanza in stanzas.items()
        if name in ("", spec_of(world, component).stanza)
    ]
    return "\n".join(shown)


def as_json(world: World, stanzas: dict[str, Stanza], name: str) -> str:
    """The same with --output=json."""
    found = [
        described(world, component, stanza)
        for component, stanza in stanzas.items()
        if name in ("", spec_of(world, component).stanza)
    ]
    return json.dumps(found, separators=(",", ":")) + "\n"


def described(world: World, component: str, stanza: Stanza) -> dict[str, object]:
    """`pgbackrest info --output=json` of one stanza."""
    spec = spec_of(world, component)
    version = world.scenario.databases()[component].version.split(".")[0]
    oldest = segment_name(world, component, stanza.backups[0].start_s)
    newest = segment_name(world, component, stanza.archived_s - 0.001)
    return {
        "name": spec.stanza,
        "status": {"code": 0, "message": "ok", "lock": {"backup": {"held": False}}},
        "cipher": "none",
        "db": [{"id": 1, "repo-key": 1, "version": version}],
        "archive": [
            {"database": {"id": 1, "repo-key": 1}, "id": f"{version}-1", "min": oldest, "max": newest}
        ],
        "backup": [_backup_described(world, component, backup) for backup in stanza.backups],
    }


def _backup_described(world: World, component: str, backup: Backup) -> dict[str, object]:
    full, size = backup.label.endswith("F"), int(spec_of(world, component).size_gb * 1024**3)
    own = size if full else size // 50
    first, last = (segment_name(world, component, t) for t in (backup.start_s, backup.stop_s))
    start, stop = (int(world.at(t).timestamp()) for t in (backup.start_s, backup.stop_s))
    return {
        "label": backup.label,
        "type": "full" if full else "incr",
        "prior": None if full else backup.label.split("_")[0],
        "reference": None if full else [backup.label.split("_")[0]],
        "timestamp": {"start": start, "stop": stop},
        "archive": {"start": first, "stop": last},
        "info": {"size": size, "delta": own, "repository": {"size": size * 3 // 10, "delta": own * 3 // 10}},
        "error": False,
    }
