"""The console `pgbackrest`: options as the tool reads them, and its commands."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from simulator.backups import instances, reports
from simulator.backups.state import (
    INCREMENT_S,
    Backup,
    Stanza,
    command_of,
    healthy,
    segment_name,
    segment_s,
    spec_of,
    stanzas,
    switch,
)
from simulator.reply import Reply
from simulator.scenario import Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

FORMS = (
    "pgbackrest info [--stanza=S]",
    "pgbackrest --stanza=S check",
    "pgbackrest --stanza=S --type=full|incr backup",
    "pgbackrest --stanza=S [--pg1-path=P] [--delta] [--set=L] --type=time --target='T' --target-action=promote restore",
    "pgbackrest --stanza=S stop|start|verify|expire",
)
VALUED = (
    "stanza", "type", "target", "target-action", "set", "pg1-path", "process-max", "log-level-console", "repo",
    "target-timeline", "output", "repo1-retention-full", "config", "db-include", "recovery-option",
)  # fmt: skip
FLAGS = ("delta", "force", "target-exclusive", "archive-check", "no-archive-check")
COMMANDS = ("info", "check", "backup", "restore", "stop", "start", "expire", "verify", "version", "help")
OTHERS = (
    "archive-get", "archive-push", "annotate", "repo-get", "repo-ls", "server", "server-ping", "stanza-create",
    "stanza-delete", "stanza-upgrade",
)  # fmt: skip
NOT_HERE = Text(
    ru="pgbackrest {0} не моделируется; есть: info, check, backup, restore, stop, start, expire, verify",
    en="pgbackrest {0} is not simulated; there are: info, check, backup, restore, stop, start, expire, verify",
)
NONE = Text(
    ru="pgbackrest: у баз этой системы нет резервных копий", en="pgbackrest: no database here is backed up"
)
ON = Text(
    ru="восстановление идёт дальше, ещё около {0:.0f} с; pgbackrest info и pg_ctl status покажут состояние",
    en="the restore goes on, about {0:.0f} s more; pgbackrest info and pg_ctl status show how it stands",
)
STOPPED = "stop file exists for stanza {0}"


class Wrong(Exception):
    """An error of the tool: its number and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


@dataclass
class Line:
    """A command line as it was read."""

    command: str = ""
    options: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


def _read(argv: list[str]) -> Line:
    """Raises Wrong."""
    found, rest = Line(words=argv[1:]), list(argv[1:])
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            if found.command and found.command != "help":
                raise Wrong(31 if word.startswith("-") else 43, "command does not allow parameters")
            found.command = found.command or word
            continue
        name, equals, value = word[2:].partition("=")
        if name in FLAGS or name.removeprefix("no-") in FLAGS:
            found.options[name] = "y"
        elif name in VALUED:
            if not equals and not rest:
                raise Wrong(31, f"option '--{name}' requires an argument")
            found.options[name] = value if equals else rest.pop(0)
        else:
            raise Wrong(31, f"invalid option '--{name}'")
    if found.command and found.command not in (*COMMANDS, *OTHERS):
        raise Wrong(48, f"invalid command '{found.command}'")
    return found


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    if not stanzas(world):
        return Reply(err=NONE.of(world.language) + "\n", code=1)
    given = Line()
    try:
        given = _read(argv)
        if given.command in ("", "help"):
            return Reply(_help())
        if given.command == "version":
            return Reply(f"pgBackRest {reports.VERSION}\n")
        if given.command in OTHERS:
            return Reply(err=NOT_HERE.of(world.language).format(given.command) + "\n", code=1)
        if given.command == "info":
            return _info(world, given)
        component = _component(world, given)
        return VERBS[given.command](world, component, stanzas(world)[component], given)
    except Wrong as wrong:
        lead = reports.begin(world, given.command, given.words) if given.command in VERBS else ""
        text = reports.error(world, given.command, wrong.code, wrong.text)
        if not lead:
            text = text.splitlines()[0].partition(" P00  ")[2].strip() + "\n"
        return Reply(lead, text, wrong.code)


def _help() -> str:
    lines = "".join(f"    {c}\n" for c in (*COMMANDS[:8], "version"))
    return f"pgBackRest {reports.VERSION} - General help\n\nUsage:\n    pgbackrest [options] [command]\n\nCommands:\n{lines}"


def _component(world: World, given: Line) -> str:
    """The database of the stanza that is named. Raises Wrong."""
    name = given.options.get("stanza", "")
    if not name:
        raise Wrong(37, f"{given.command} command requires option: stanza")
    for component in stanzas(world):
        if spec_of(world, component).stanza == name:
            return component
    path = f"/var/lib/pgbackrest/backup/{name}/backup.info"
    raise Wrong(55, f"unable to load info file '{path}' or '{path}.copy'")


def _info(world: World, given: Line) -> Reply:
    name, form = given.options.get("stanza", ""), given.options.get("output", "text")
    if form == "json":
        return Reply(reports.as_json(world, stanzas(world), name))
    if form != "text":
        raise Wrong(32, f"'{form[:40]}' is not allowed for 'output' option")
    out = reports.as_text(world, stanzas(world), name)
    return Reply(out or f"stanza: {name}\n    status: error (missing stanza path)\n", code=0)


def _check(world: World, component: str, stanza: Stanza, given: Line) -> Reply:
    out = reports.begin(world, "check", given.words)
    if stanza.stopped:
        raise Wrong(62, STOPPED.format(spec_of(world, component).stanza))
    if stanza.main.state != "up":
        raise Wrong(
            56,
            "unable to find primary cluster - cannot proceed\n            HINT: are all available clusters in recovery?",
        )
    command = command_of(world, component)
    if "pgbackrest" not in command:
        raise Wrong(68, f"archive_command '{command}' must contain pgbackrest")
    out += reports.line(world, "INFO", "check repo1 configuration (primary)")
    out += reports.line(world, "INFO", "check repo1 archive for WAL (primary)")
    if not healthy(world, component):
        raise Wrong(
            82,
            f"WAL segment {segment_name(world, component, world.now_s)} was not archived before the 60000ms timeout",
        )
    name = segment_name(world, component, world.now_s)
    switch(world, component)
    spec = spec_of(world, component)
    where = f"/var/lib/pgbackrest/archive/{spec.stanza}/15-1/{name[:16]}/{name}.gz"
    out += reports.line(world, "INFO", f"WAL segment {name} successfully archived to '{where}' on repo1")
    return Reply(out + reports.completed(world, "check", 1.412))


def _backup(world: World, component: str, stanza: Stanza, given: Line) -> Reply:
    kind = given.options.get("type", "incr")
    if kind not in ("full", "incr", "diff"):
        raise Wrong(32, f"'{kind}' is not allowed for 'type' option")
    spec = spec_of(world, component)
    if stanza.stopped:
        raise Wrong(62, STOPPED.format(spec.stanza))
    if stanza.main.state != "up" or not healthy(world, component):
        name = segment_name(world, component, world.now_s)
        raise Wrong(82, f"WAL segment {name} was not archived before the 60000ms timeout")
    out = reports.begin(world, "backup", given.words)
    took_s = spec.size_gb * 1000 / spec.copy_mb_s if kind == "full" else INCREMENT_S
    base = next(b for b in reversed(stanza.backups) if b.label.endswith("F"))
    stamp = world.at(world.now_s).strftime("%Y%m%d-%H%M%S")
    label = f"{stamp}F" if kind == "full" else f"{base.label}_{stamp}{kind[0].upper()}"
    stanza.backups.append(Backup(label, world.now_s, world.now_s + took_s))
    switch(world, component)
    out += reports.line(
        world,
        "INFO",
        "execute non-exclusive backup start: backup begins after the next regular checkpoint completes",
    )
    out += reports.line(world, "INFO", f"new backup label = {label}", world.now_s + took_s)
    return Reply(out + reports.completed(world, "backup", took_s, world.now_s + took_s))


def _expire(world: World, component: str, stanza: Stanza, given: Line) -> Reply:
    out = reports.begin(world, "expire", given.words)
    keep = given.options.get("repo1-retention-full", "")
    if not keep:
        text = "option 'repo1-retention-full' is not set for 'repo1-retention-full-type=count', the repository may run out of space"
        return Reply(reports.line(world, "WARN", text) + out + reports.completed(world, "expire", 0.2))
    if not keep.isdigit() or int(keep) < 1 or len(keep) > 4:
        raise Wrong(32, f"'{keep[:20]}' is not allowed for 'repo1-retention-full' option")
    fulls = [b.label for b in stanza.backups if b.label.endswith("F")]
    for label in fulls[: max(0, len(fulls) - int(keep))]:
        out += reports.line(world, "INFO", f"repo1: expire full backup {label}")
        stanza.backups = [b for b in stanza.backups if not b.label.startswith(label)]
    return Reply(out + reports.completed(world, "expire", 0.4))


def _verify(world: World, component: str, stanza: Stanza, given: Line) -> Reply:
    spec = spec_of(world, component)
    out = f"stanza: {spec.stanza}\nstatus: {'error' if stanza.holes else 'ok'}\n"
    each_s = segment_s(world, component)
    whole = int((stanza.archived_s - stanza.backups[0].start_s) / each_s)
    lost = sum(max(1, round((to_s - from_s) / each_s)) for from_s, to_s in stanza.holes)
    out += f"  archiveId: 15-1, total WAL checked: {whole - lost}, total valid WAL: {whole - lost}\n"
    if stanza.holes:
        out += "    missing: " + ", ".join(
            f"{segment_name(world, component, a)} to {segment_name(world, component, b - 0.001)}"
            for a, b in stanza.holes
        )
        return Reply(out + "\n")
    for backup in stanza.backups:
        out += f"  backup: {backup.label}, status: valid\n"
    return Reply(out)


def _stop(world: World, component: str, stanza: Stanza, given: Line) -> Reply:
    out = reports.begin(world, "stop", given.words)
    if stanza.stopped:
        text = f"stop file already exists for stanza {spec_of(world, component).stanza}"
        return Reply(out + reports.line(world, "WARN", text) + reports.completed(world, "stop", 0.01))
    stanza.stopped = True
    return Reply(out + reports.completed(world, "stop", 0.01))


def _start(world: World, component: str, stanza: Stanza, given: Line) -> Reply:
    out = reports.begin(world, "start", given.words)
    if not stanza.stopped:
        text = f"stop file does not exist for stanza {spec_of(world, component).stanza}"
        return Reply(out + reports.line(world, "WARN", text) + reports.completed(world, "start", 0.01))
    stanza.stopped = False
    return Reply(out + reports.completed(world, "start", 0.01))


# -- restore


def _restore(world: World, component: str, stanza: Stanza, given: Line) -> Reply:
    spec, options = spec_of(world, component), given.options
    path = options.get("pg1-path", spec.path).rstrip("/")
    if path not in (spec.path, spec.spare_path):
        raise Wrong(
            73,
            f"unable to list file info for missing path '{path}'\n            HINT: there are {spec.path} and {spec.spare_path}",
        )
    beside = path == spec.spare_path
    made = stanza.side if beside else stanza.main
    target_s, action = _target(world, options)
    backup = _chosen(world, stanza, options.get("set", ""), target_s)
    if made.state in ("up", "recovering"):
        raise Wrong(
            38,
            "unable to restore while PostgreSQL is running\n"
            f"            HINT: presence of 'postmaster.pid' in '{path}' indicates PostgreSQL is running.\n"
            "            HINT: remove 'postmaster.pid' only if PostgreSQL is not running.",
        )
    if made.state == "copying":
        raise Wrong(
            50,
            f"unable to acquire lock on file '/tmp/pgbackrest/{spec.stanza}-restore.lock': Resource temporarily unavailable\n            HINT: is another pgBackRest process running?",
        )
    if made.state != "empty" and not {"delta", "force"} & set(options):
        raise Wrong(
            40,
            f"unable to restore to path '{path}' because it contains files\n            HINT: try using --delta if this is what you intended.",
        )
    out = reports.begin(world, "restore", given.words)
    started = world.at(backup.start_s).strftime("%Y-%m-%d %H:%M:%S")
    out += reports.line(
        world, "INFO", f"repo1: restore backup set {backup.label}, recovery will start at {started}"
    )
    began_s = world.now_s
    instances.restore(world, component, beside, backup, target_s, action)
    _follow(world, made.until_s)
    if world.now_s < made.until_s - 1e-6:
        return Reply(out + ON.of(world.language).format(made.until_s - world.now_s) + "\n")
    instances.proceed(world, component, stanza)
    out += reports.line(world, "INFO", f"write updated {path}/postgresql.auto.conf")
    out += reports.line(
        world,
        "INFO",
        "restore global/pg_control (performed last to ensure aborted restores cannot be started)",
    )
    out += reports.line(world, "INFO", f"restore size = {spec.size_gb:.1f}GB, file total = 1264")
    return Reply(out + reports.completed(world, "restore", world.now_s - began_s))


def _follow(world: World, until_s: float) -> None:
    world.advance_to(min(until_s, world.now_s + world.follow_limit_s))


def _target(world: World, options: dict[str, str]) -> tuple[float | None, str]:
    """(the second to restore to, or None for the end; what then). Raises Wrong."""
    kind, text = options.get("type", "default"), options.get("target", "")
    if kind in ("immediate", "lsn", "name", "xid", "preserve", "standby", "none"):
        raise Wrong(32, f"'{kind}' is not simulated for 'type' option here: default and time are")
    if kind not in ("default", "time"):
        raise Wrong(32, f"'{kind}' is not allowed for 'type' option")
    if kind == "default" and text:
        raise Wrong(31, "option 'target' not valid without option 'type' in ('lsn', 'name', 'time', 'xid')")
    if kind == "time" and not text:
        raise Wrong(37, "restore command requires option: target")
    action = options.get("target-action", "pause" if kind == "time" else "promote")
    if action not in ("pause", "promote", "shutdown"):
        raise Wrong(32, f"'{action}' is not allowed for 'target-action' option")
    return (moment(world, text) if text else None), action


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$",
    re.I,
)


def moment(world: World, text: str) -> float:
    """A target's time as a second of the world. Raises Wrong."""
    match = _TIME.match(text.strip()[:60])
    bad = Wrong(
        29,
        f"automatic backup set selection cannot be performed with provided time '{text[:60]}'\n            HINT: time format must be YYYY-MM-DD HH:MM:SS with optional msec and optional timezone (+/- HH or HHMM or HH:MM) - if timezone is omitted, local time is assumed (for UTC use +00)",
    )
    if match is None:
        raise bad
    year, month, day, hour, minute, second, part, zone = match.groups()
    offset = timedelta(0)
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0)) * (
            -1 if zone[0] == "-" else 1
        )
    try:
        found = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second or 0), int((part or "0").ljust(6, "0")),
            tzinfo=timezone(offset) if offset else UTC,
        )  # fmt: skip
    except ValueError:
        raise bad from None
    return (found - world.at(0.0)).total_seconds()


def _chosen(world: World, stanza: Stanza, label: str, target_s: float | None) -> Backup:
    """The set that is named, or the newest that ended before the target. Raises Wrong."""
    done = [b for b in stanza.backups if b.stop_s <= world.now_s]
    if label and label != "latest":
        for backup in done:
            if backup.label == label:
                return backup
        raise Wrong(75, f"backup set {label[:60]} is not valid")
    fitting = [b for b in done if target_s is None or b.stop_s <= target_s]
    if not fitting:
        assert target_s is not None
        text = world.at(target_s).strftime("%Y-%m-%d %H:%M:%S")
        raise Wrong(75, f"unable to find backup set with stop time less than '{text}'")
    return fitting[-1]


VERBS: dict[str, Callable[[World, str, Stanza, Line], Reply]] = {
    "check": _check,
    "backup": _backup,
    "restore": _restore,
    "stop": _stop,
    "start": _start,
    "expire": _expire,
    "verify": _verify,
}
TOOLS = {
    "pgbackrest": Tool(
        "pgbackrest",
        run,
        Text(
            ru="резервные копии PostgreSQL: копии, архив WAL, восстановление на момент времени",
            en="PostgreSQL backups: base backups, the WAL archive, point-in-time recovery",
        ),
        FORMS,
        lambda argv: bool({"backup", "restore", "stop", "start", "expire", "check"} & set(argv)),
    )
}
