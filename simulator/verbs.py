"""The verbs of an incident that belong to no technology: help, hint, status, wait, timeline, ack, sev, deploy."""

from __future__ import annotations

import math
import re
import textwrap
from typing import TYPE_CHECKING

from simulator import facts
from simulator.lock_feed import held
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.telemetry import pager
from simulator.tool import Tool
from simulator.wording import Words

if TYPE_CHECKING:
    from simulator.world import World

WAIT_LIMIT_S = 1800.0

T = {
    "wait_usage": Text(
        ru="wait: сколько секунд? например: wait 30 (не больше {0:.0f})",
        en="wait: how many seconds? for example: wait 30 (at most {0:.0f})",
    ),
    "no_hints": Text(ru="Подсказок больше нет.", en="No more hints."),
    "hint": Text(ru="Подсказка {0} из {1}: {2}", en="Hint {0} of {1}: {2}"),
    "waited": Text(ru="Прошло {0:.0f} с, сейчас {1}.", en="{0:.0f} s passed, it is {1} now."),
    "help_head": Text(
        ru="Команды этого мира (примеры; у каждого инструмента есть свой --help):",
        en="Commands of this world (examples; each tool has its own --help):",
    ),
    "help_tail": Text(
        ru="Можно и словами: «откати payment-service», «покажи поды». Разбор: postmortem, план: actions.",
        en="Plain words work too: “roll back payment-service”, “show the pods”. Write-up: postmortem, plan: actions.",
    ),
    "unknown_topic": Text(
        ru="help: нет команды {0!r}; список: help", en="help: no command {0!r}; the list: help"
    ),
}

STATUS = {
    "success": Text(ru="успешность {0}", en="success of {0}"),
    "rps": Text(ru="запросов/с", en="requests/s"),
    "p99": Text(ru="p99, мс", en="p99, ms"),
    "pool": Text(ru="{0}: занято / ждут", en="{0}: busy / waiting"),
    "cpu": Text(ru="{0}: CPU", en="{0}: CPU"),
    "backlog": Text(ru="{0}: отложено, breaker", en="{0}: parked, breaker"),
    "versions": Text(ru="{0}: поды", en="{0}: pods"),
    "alerts": Text(ru="открытые алерты", en="open alerts"),
    "none": Text(ru="нет", en="none"),
    "state": Text(ru="инцидент", en="incident"),
    "calm": Text(ru="всё спокойно", en="all quiet"),
    "open": Text(ru="идёт с {0}", en="open since {0}"),
    "watching": Text(
        ru="SLI в норме с {0}, нужно {1:.0f} мин подряд и пустая очередь",
        en="SLI healthy since {0}; needs {1:.0f} min in a row and an empty queue",
    ),
    "held": Text(
        ru="SLI в норме с {0}, но инцидент не закрыт: исправить нужно не только SLI",
        en="SLI healthy since {0}, yet not over: the SLI is not all that has to be put right",
    ),
    "resolved": Text(ru="закрыт в {0}", en="resolved at {0}"),
}


say = Words(T)


def names(world: World) -> list[str]:
    """Names a phrase may mention: services and databases."""
    return list(world.scenario.components)


def clock(world: World, t_s: float) -> str:
    return world.at(t_s).strftime("%H:%M:%S")


SPOKEN = re.compile(r"(?:(\d{1,6}(?:\.\d+)?)|an?)?\s*([a-zа-я]*)\.?")
UNITS_S = {"": 1.0, "s": 1.0, "с": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "сек": 1.0, "секунд": 1.0, "секунду": 1.0,
           "секунды": 1.0, "m": 60.0, "м": 60.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0, "мин": 60.0, "минут": 60.0,
           "минуту": 60.0, "минуты": 60.0}  # fmt: skip


def _spoken_s(text: str) -> float:
    """`30`, `30s`, `2 min`, `a minute`: seconds; not a number for anything else."""
    found = SPOKEN.fullmatch(text.strip())
    if (
        found is None
        or not text.strip()
        or found[2] not in UNITS_S
        or (found[1] is None and UNITS_S[found[2]] < 60)
    ):
        return math.nan
    return float(found[1] or 1) * UNITS_S[found[2]]


def run_wait(world: World, argv: list[str], _stdin: str) -> Reply:
    seconds = _spoken_s(" ".join(argv[1:]).lower())
    if not 0 < seconds <= WAIT_LIMIT_S:
        return failure(say(world, "wait_usage", WAIT_LIMIT_S), 2)
    world.advance(seconds)
    return Reply(say(world, "waited", seconds, clock(world, world.now_s)) + "\n", cost_s=0.0)


def run_hint(world: World, _argv: list[str], _stdin: str) -> Reply:
    hints = world.scenario.hints
    if world.hints_shown >= len(hints):
        return Reply(say(world, "no_hints") + "\n", cost_s=0.0)
    world.hints_shown += 1
    text = hints[world.hints_shown - 1].of(world.language)
    return Reply(say(world, "hint", world.hints_shown, len(hints), text) + "\n", cost_s=0.0)


def run_status(world: World, _argv: list[str], _stdin: str) -> Reply:
    """The dashboard in a dozen lines, all from the last finished second of the run."""
    history, sli = world.plane.history, world.scenario.sli
    second = history.seconds - 1
    rows = [("", f"{clock(world, world.now_s)} UTC  t+{world.now_s:.0f} s  {_state(world)}")]
    if second >= 0:
        base = f"class/{sli.traffic_class}/"
        rows.append(
            (
                _label(world, "success", sli.traffic_class),
                f"{facts.smoothed(history, sli.traffic_class, second):.2%}",
            )
        )
        rows.append((_label(world, "rps"), f"{history.last(base + 'offered'):.0f}"))
        rows.append((_label(world, "p99"), f"{world.plane.edge_p99_ms(sli.traffic_class):.0f}"))
        for name in world.scenario.databases():
            shards = world.scenario.databases()[name].shards
            own = world.plane.pools(name)
            main = own[:: len(own) // shards]  # the main pool of each shard
            busy, waiting = (
                max(0.0, sum(v)) for v in zip(*((p.active, p.waiting) for p in main), strict=True)
            )
            locked = sum(held(world, p.name) for p in main)
            limit = sum(p.limit for p in main) + locked
            rows.append((_label(world, "pool", name), f"{busy + locked:.0f}/{limit} / {waiting:.0f}"))
            rows.append((_label(world, "cpu", name), f"{world.plane.database(name).cpu:.0%}"))
        worker = world.scenario.focus.worker
        if worker:
            state = world.plane.worker(worker)
            rows.append((_label(world, "backlog", worker), f"{state.backlog:.0f}, {state.breaker}"))
        focus = world.scenario.focus.service
        pods = ", ".join(f"{g.version} × {g.pods}" for g in world.plane.groups(focus) if g.pods)
        rows.append((_label(world, "versions", focus), pods or "0"))
    alerts = [f"{i.severity} {i.alert}" for i in world.pager.incidents if i.resolved_s is None]
    rows.append((_label(world, "alerts"), ", ".join(alerts) or STATUS["none"].of(world.language)))
    width = max(len(label) for label, _ in rows)
    lines = [f"{label:<{width}}  {value}".strip() if label else value for label, value in rows]
    return Reply("\n".join(lines) + "\n", cost_s=1.0)


def _label(world: World, key: str, *values: object) -> str:
    return STATUS[key].of(world.language).format(*values)


def _state(world: World) -> str:
    watch = world.watch
    head = STATUS["state"].of(world.language) + ": "
    if watch.resolved_s is not None:
        return head + _label(world, "resolved", clock(world, watch.resolved_s))
    if watch.broken_s is None:
        return STATUS["calm"].of(world.language)
    if watch.healthy_since_s is not None:
        hold_s, queued = (
            world.scenario.sli.hold_s,
            facts.backlog(world.plane.history, world.scenario) >= facts.DRAINED,
        )
        held = world.now_s >= watch.healthy_since_s + hold_s and not queued
        return head + _label(
            world, "held" if held else "watching", clock(world, watch.healthy_since_s), hold_s / 60
        )
    return head + _label(world, "open", clock(world, watch.broken_s))


def run_timeline(world: World, argv: list[str], _stdin: str) -> Reply:
    """What happened so far. `timeline -a` shows the player's commands too; after the end, all that was behind it."""
    show_all = len(argv) > 1 and argv[1] in ("-a", "--all")
    behind = [e for e in world.secret if e.kind != "command"] if world.resolved else []
    lines = [
        f"{clock(world, e.t_s)}  t+{e.t_s:6.1f}  {e.kind:<9} {e.text}"
        for e in sorted([*world.events, *behind], key=lambda e: e.t_s)
        if show_all or e.kind != "command"
    ]
    return Reply("\n".join(lines) + "\n" if lines else "", cost_s=1.0)


def run_ack(world: World, argv: list[str], _stdin: str) -> Reply:
    return pager.ack(world, argv[1] if len(argv) > 1 else None)


def run_sev(world: World, argv: list[str], _stdin: str) -> Reply:
    return pager.set_severity(world, argv[1] if len(argv) > 1 else "")


def run_page(world: World, argv: list[str], _stdin: str) -> Reply:
    words = [word for word in argv[1:] if word.lower() not in ("the", "team", "команду", "команда")]
    return pager.page(world, words[0] if words else "")


def _absent(world: World) -> set[str]:
    """Tools of technologies that this world does not have. They still say so themselves when they are typed."""
    from simulator.rooms import ROOMS

    return {name for room in ROOMS if room.name not in world.rooms for name in room.tools()}


def run_help(world: World, argv: list[str], _stdin: str) -> Reply:
    from simulator.commands import tools
    from simulator.shell.tools import TOOLS as SHELL

    registry = tools()
    if len(argv) > 1:
        tool = registry.get(argv[1])
        if tool is None:
            return failure(say(world, "unknown_topic", argv[1]), 1)
        lines = [f"{tool.name} — {tool.summary.of(world.language)}", *(f"  {form}" for form in tool.forms)]
        return Reply("\n".join(lines) + "\n", cost_s=0.0)
    lines = [say(world, "help_head")]
    absent = _absent(world)
    main = [
        name
        for name, tool in registry.items()
        if tool.forms
        and name not in SHELL
        and name not in absent
        and not (name.endswith(".sh") and name[:-3] in registry)
    ]
    width = max(len(name) for name in main)
    for name in sorted(main):
        lines.append(f"  {name:<{width}}  {registry[name].summary.of(world.language)}")
    lines += textwrap.wrap(
        " ".join(n for n in sorted(registry) if n not in main and n not in absent and not n.endswith(".sh")),
        96,
        initial_indent="  ",
        subsequent_indent="  ",
    )
    return Reply("\n".join([*lines, say(world, "help_tail")]) + "\n", cost_s=0.0)


def _always(_argv: list[str]) -> bool:
    return True


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("help", run_help, Text(ru="список команд или справка по одной", en="the list of commands, or help on one"), ("help", "help kubectl")),
        Tool("hint", run_hint, Text(ru="следующая подсказка", en="the next hint"), ("hint",)),
        Tool("status", run_status, Text(ru="сводка: SLI, пул, база, поды, алерты", en="summary: SLI, pool, database, pods, alerts"), ("status",)),
        Tool("wait", run_wait, Text(ru="подождать столько секунд", en="let so many seconds pass"), ("wait 30",), _always),
        Tool("timeline", run_timeline, Text(ru="что происходило", en="what happened"), ("timeline", "timeline -a")),
        Tool("ack", run_ack, Text(ru="принять алерт", en="acknowledge a page"), ("ack", "ack P-1001"), _always),
        Tool("sev", run_sev, Text(ru="сменить важность инцидента", en="change the incident's severity"), ("sev P1", "sev 2"), _always),
        Tool("page", run_page, Text(ru="позвать команду", en="page a team"), ("page payments", "page dba"), _always),
    )
}  # fmt: skip
