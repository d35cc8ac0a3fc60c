"""Who is on call, notes for the record, and when an incident counts as over: `oncall`, `note`, `resolve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.telemetry import pager, people
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

NOTE_LIMIT = 500

T = {
    "head": Text(ru="КОМАНДА|ВЛАДЕЕТ|НА ДЕЖУРСТВЕ|ВЫЗОВ", en="TEAM|OWNS|ON CALL|PAGED"),
    "me": Text(ru="вы", en="you"),
    "other": Text(ru="{team}-oncall (page {team})", en="{team}-oncall (page {team})"),
    "never": Text(ru="-", en="-"),
    "coming": Text(ru="вызван в {at}, едет", en="paged at {at}, on the way"),
    "answered": Text(ru="ответил в {at}", en="answered at {at}"),
    "unknown": Text(ru="oncall: команды {team!r} нет. Есть: {teams}", en="oncall: no team {team!r}. There are: {teams}"),
    "empty": Text(ru="note: что записать? например: note откатываем v2.8.1", en="note: what to write? for example: note rolling back v2.8.1"),
    "noted": Text(ru="записано в {at}: {text}", en="noted at {at}: {text}"),
    "resolve": Text(
        ru="Инцидент закрывается сам: SLI в норме {hold:.0f} мин подряд и очередь пуста. Как сейчас: status",
        en="An incident closes by itself: SLI healthy for {hold:.0f} min in a row and nothing parked. As it stands: status",
    ),
    "later": Text(
        ru="{name}: пишется в самой сессии, когда инцидент позади (dropprod play, слово {name}), а не командой оболочки",
        en="{name}: is written in the session itself once the incident is over (dropprod play, the word {name}), not as a shell command",
    ),
}  # fmt: skip


def _say(world: World, key: str, **values: object) -> str:
    return T[key].of(world.language).format(**values)


def run_oncall(world: World, argv: list[str], _stdin: str) -> Reply:
    """The teams, what they own and whether they were paged; the first one on call is the player."""
    chosen = people.teams(world)
    asked = " ".join(argv[1:])
    if asked:
        team = people.team_of(world, asked)
        if team is None:
            return failure(_say(world, "unknown", team=asked[:40], teams=", ".join(chosen)))
        chosen = [team]
    rows = [tuple(T["head"].of(world.language).split("|"))]
    rows += [(team, _owns(world, team), _who(world, team), _paged(world, team)) for team in chosen]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return Reply("\n".join(lines) + "\n", cost_s=2.0)


def _owns(world: World, team: str) -> str:
    if team == people.DBA:
        return ", ".join(world.scenario.databases())
    return ", ".join(name for name, spec in world.scenario.services().items() if spec.owner == team)


def _who(world: World, team: str) -> str:
    focus = world.scenario.services().get(world.scenario.focus.service)
    mine = focus is not None and focus.owner == team
    return _say(world, "me") if mine else _say(world, "other", team=team)


def _paged(world: World, team: str) -> str:
    calls = [call for call in world.pager.calls if call.team == team]
    if not calls:
        return _say(world, "never")
    last = calls[-1]
    key, t_s = ("coming", last.paged_s) if last.answered_s is None else ("answered", last.answered_s)
    return _say(world, key, at=pager.clock(world, t_s))


def run_note(world: World, argv: list[str], _stdin: str) -> Reply:
    """A line of the player's own for the timeline, and for the open incident's log."""
    text = " ".join(argv[1:]).strip()[:NOTE_LIMIT]
    if not text:
        return failure(_say(world, "empty"), 2)
    opened = world.pager.open()
    if opened:
        pager.log(world, opened[0], pager.ME, text)
    else:
        world.note("note", text)
    return Reply(_say(world, "noted", at=pager.clock(world, world.now_s), text=text) + "\n", cost_s=2.0)


def run_resolve(world: World, _argv: list[str], _stdin: str) -> Reply:
    return Reply(_say(world, "resolve", hold=world.scenario.sli.hold_s / 60) + "\n", cost_s=1.0)


def run_later(world: World, argv: list[str], _stdin: str) -> Reply:
    """What only the doors take: where it is written."""
    return failure(_say(world, "later", name=argv[0]))


def _always(_argv: list[str]) -> bool:
    return True


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("oncall", run_oncall, Text(ru="кто дежурит и чем владеет", en="who is on call and owns what"), ("oncall", "oncall payments")),
        Tool("note", run_note, Text(ru="записать в таймлайн", en="write into the timeline"), ("note rolling back v2.8.1",), _always),
        Tool("resolve", run_resolve, Text(ru="когда инцидент закрыт", en="when the incident is over"), ("resolve",)),
        Tool("postmortem", run_later, Text(ru="разбор инцидента", en="the write-up"), ("postmortem",)),
        Tool("actions", run_later, Text(ru="что изменить, чтобы не повторилось", en="what to change so that it stays away"), ("actions",)),
    )
}  # fmt: skip
