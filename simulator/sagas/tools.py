"""`sagactl`: the orchestrator's console. It looks at sagas, and does to them by hand what the orchestrator would."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.reply import Reply, failure
from simulator.sagas import actions, views
from simulator.sagas.state import sagas_of
from simulator.sagas.views import Saga
from simulator.scenario import Text
from simulator.tool import Tool
from simulator.wording import Words, Wrong

if TYPE_CHECKING:
    from simulator.world import World

FORMS = (
    "sagactl status",
    "sagactl list [--state running|compensating|stuck|lost|done|compensated|all] [--flow F] [--older 5m] [--limit N] [-o wide|name|json]",
    "sagactl show ID",
    "sagactl retry ID...",
    "sagactl compensate ID...|--all-stuck|--all-lost [--key KEY]",
    "sagactl skip ID STEP",
    "sagactl resume --all-stuck [--older 5m] [--dry-run]",
    "sagactl reconcile [--older 60s] [--from participants]",
    "sagactl reclaim ID...|--all [--dry-run]",
)
STATES = ("running", "compensating", "stuck", "lost", "done", "compensated")
VALUES = ("--state", "--flow", "--older", "--limit", "--key", "--from", "-o", "--output")
SWITCHES = ("--all-stuck", "--all-lost", "--all", "--dry-run", "--help", "-h")
CHANGING = ("retry", "compensate", "skip", "resume", "reclaim")
LIMIT, MOST = 30, 500
EXAMPLES = 5
KEY = re.compile(r"[\w.:@-]{1,64}")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
T = {
    "help": Text(
        ru="sagactl: консоль оркестратора саг\n\nЧто есть что:\n"
        "  list, show      что помнит оркестратор, рядом с тем, что записано у участников\n"
        "  retry, resume   продолжить остановленную сагу с того места, которое помнит оркестратор\n"
        "  compensate      отправить компенсации с того места, которое помнит оркестратор; не помнит ничего — все\n"
        "  skip            считать текущий шаг сделанным\n"
        "  reconcile       сличить с участниками; --from participants записывает оркестратору то, что есть на деле\n"
        "  reclaim         отозвать возвраты сверх списанного\n\nформы:\n  {0}",
        en="sagactl: the console of the saga orchestrator\n\nWhat is what:\n"
        "  list, show      what the orchestrator remembers, beside what the participants have recorded\n"
        "  retry, resume   go on with a saga at rest from where the orchestrator remembers it\n"
        "  compensate      send the compensations from where the orchestrator remembers it; if it remembers nothing, all\n"
        "  skip            take the present step for done\n"
        "  reconcile       compare with the participants; --from participants gives the orchestrator what is really there\n"
        "  reclaim         call back refunds beyond what was charged\n\nforms:\n  {0}",
    ),
    "verb": Text(ru="sagactl: нет команды {0!r}; список: sagactl --help", en="sagactl: unknown command {0!r}; see sagactl --help"),
    "absent": Text(ru="sagactl: в этой системе нет оркестратора саг", en="sagactl: there is no saga orchestrator in this system"),
    "flag": Text(ru="sagactl: неизвестный флаг {0}", en="sagactl: unknown flag {0}"),
    "value": Text(ru="sagactl: у {0} нет значения", en="sagactl: {0} needs a value"),
    "args": Text(ru="sagactl {0}: не хватает аргументов: {1}", en="sagactl {0}: arguments are missing: {1}"),
    "id": Text(ru="sagactl: нет саги {0!r}", en="sagactl: no saga {0!r}"),
    "state": Text(ru="sagactl: нет состояния {0!r}; есть: {1}", en="sagactl: no state {0!r}; there are: {1}"),
    "flow": Text(ru="sagactl: нет потока {0!r}; есть: {1}", en="sagactl: no flow {0!r}; there are: {1}"),
    "number": Text(ru="sagactl: {0!r}: нужно число 1 … {1}", en="sagactl: {0!r}: expected a number 1 … {1}"),
    "age": Text(ru="sagactl: {0!r}: нужен срок: 30s, 5m, 2h", en="sagactl: {0!r}: expected a duration: 30s, 5m, 2h"),
    "output": Text(ru="sagactl: нет вывода {0!r}; есть: wide, name, json", en="sagactl: no output {0!r}; there are: wide, name, json"),
    "from": Text(ru="sagactl: --from: только participants", en="sagactl: --from: participants only"),
    "key": Text(ru="sagactl: --key: до 64 букв, цифр и знаков . : @ _ -", en="sagactl: --key: up to 64 letters, digits and . : @ _ -"),
    "more": Text(ru="… и ещё {0} (--limit)", en="… and {0} more (--limit)"),
    "none": Text(ru="саг нет", en="no sagas"),
    "blind": Text(
        ru="об этих сагах оркестратор ничего не помнит; видны они только по записям участников",
        en="the orchestrator remembers nothing of these; only the participants' records show them",
    ),
    "running": Text(ru="{0}: выполняется ({1}), вмешательства не нужно", en="{0}: is running ({1}), nothing to do"),
    "ended": Text(ru="{0}: уже {1}", en="{0}: is {1} already"),
    "lost": Text(
        ru="{0}: оркестратор о ней ничего не помнит, продолжать не с чего; см. sagactl reconcile",
        en="{0}: the orchestrator remembers nothing of it, there is nowhere to go on from; see sagactl reconcile",
    ),
    "step": Text(ru="{0}: стоит на {1}, а не на {2!r}", en="{0}: stands at {1}, not at {2!r}"),
    "retried": Text(ru="{0}: продолжена с {1}", en="{0}: goes on from {1}"),
    "undoing": Text(ru="{0}: компенсации отправлены", en="{0}: compensations are sent"),
    "blindly": Text(
        ru="{0}: состояния нет, отправлены все компенсации", en="{0}: no state is known, every compensation is sent"
    ),
    "skipped": Text(ru="{0}: шаг {1} пропущен", en="{0}: step {1} is skipped"),
    "resumed": Text(ru="продолжено: {0}", en="resumed: {0}"),
    "would": Text(ru="будет продолжено: {0} (--dry-run)", en="would be resumed: {0} (--dry-run)"),
    "fits": Text(ru="расхождений нет", en="everything fits"),
    "rebuilt": Text(
        ru="записано по участникам: {0}; теперь они остановлены (stuck), продолжать: resume, retry или compensate",
        en="rebuilt from the participants: {0}; they are at rest now (stuck), go on with resume, retry or compensate",
    ),
    "report": Text(
        ru="это отчёт; записать оркестратору: --from participants", en="this is a report; to rebuild: --from participants"
    ),
    "young": Text(
        ru="{0} моложе {1}: их вызовы ещё могут дойти, они не учтены", en="{0} are younger than {1}: their calls may still land, they are left out"
    ),
    "reclaimed": Text(ru="отозвано лишних возвратов: {0}", en="superfluous refunds called back: {0}"),
    "reclaim": Text(ru="лишних возвратов: {0} (--dry-run)", en="superfluous refunds: {0} (--dry-run)"),
    "note": Text(ru="sagactl {0}: {1}", en="sagactl {0}: {1}"),
}  # fmt: skip


@dataclass
class Call:
    words: list[str]
    values: dict[str, str] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)


say = Words(T)


def read(world: World, argv: list[str]) -> Call:
    """Raises Wrong."""
    call, rest = Call([]), list(argv)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word in SWITCHES:
            call.switches.add(word)
        elif word.removeprefix("--") in STATES and word.startswith("--"):  # `--stuck` is `--state stuck`
            call.values["--state"] = word[2:]
        elif name in VALUES:
            if not equals and not rest:
                raise Wrong(say(world, "value", name))
            call.values["-o" if name == "--output" else name] = value if equals else rest.pop(0)
        elif word.startswith("-o") and word[2:] in ("json", "name", "wide"):
            call.values["-o"] = word[2:]
        elif word.startswith("-"):
            raise Wrong(say(world, "flag", word[:60]))
        else:
            call.words.append(word)
    return call


# -- arguments


def _age(world: World, text: str) -> float:
    match = re.fullmatch(r"(\d{1,6})([smh]?)", text, re.ASCII)
    if match is None:
        raise Wrong(say(world, "age", text[:40]))
    return int(match[1]) * UNITS[match[2]]


def _limit(world: World, call: Call) -> int:
    text = call.values.get("--limit", str(LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST):
        raise Wrong(say(world, "number", text[:40], MOST))
    return int(text)


def _flow(world: World, call: Call) -> str:
    name, known = call.values.get("--flow", ""), sagas_of(world).flows
    if name and name not in known:
        raise Wrong(say(world, "flow", name[:60], ", ".join(known)))
    return name


def _by_id(world: World) -> dict[str, Saga]:
    return {views.id_of(world, each): each for each in views.all_sagas(world).values()}


def _find(world: World, known: dict[str, Saga], text: str) -> Saga:
    """By its id or the order's number alone. Raises Wrong."""
    found = known.get(text.removeprefix("saga/"))
    if found is None:
        found = next(
            (known[f"{flow}-{text}"] for flow in sagas_of(world).flows if f"{flow}-{text}" in known), None
        )
    if found is None:
        raise Wrong(say(world, "id", text[:60]), 1)
    return found


def _old_enough(world: World, call: Call, usual: str = "0s") -> Callable[[Saga], bool]:
    least = _age(world, call.values.get("--older", usual))
    return lambda each: views.age_s(world, each) >= least


# -- looking


def _status(world: World, _call: Call) -> str:
    found = list(views.all_sagas(world).values())
    rows: list[tuple[str, ...]] = [("FLOW", *(s.upper() for s in views.STATES if s != views.LOST))]
    for flow in sagas_of(world).flows:
        counts = [
            sum(e.flow.name == flow and e.state == s for e in found) for s in views.STATES if s != views.LOST
        ]
        rows.append((flow, *map(str, counts)))
    return views.table(rows)


def _list(world: World, call: Call) -> str:
    wanted = call.values.get("--state", "open")
    if wanted not in (*views.STATES, "all", "open"):
        raise Wrong(say(world, "state", wanted[:40], ", ".join((*views.STATES, "all"))))
    states = {"open": views.OPEN, "all": views.STATES}.get(wanted, (wanted,))
    flow, limit, old, output = (
        _flow(world, call),
        _limit(world, call),
        _old_enough(world, call),
        call.values.get("-o", ""),
    )
    if output not in ("", "wide", "name", "json"):
        raise Wrong(say(world, "output", output[:40]))
    found = [
        each
        for each in views.all_sagas(world).values()
        if each.state in states and (not flow or each.flow.name == flow) and old(each)
        and (each.state != views.LOST or any(each.done.values()))
    ]  # fmt: skip
    shown = found[-limit:]
    if output == "json":
        return json.dumps([views.plain(world, each) for each in shown], indent=2) + "\n"
    if output == "name":
        return "".join(views.id_of(world, each) + "\n" for each in shown)
    if not found:
        return say(world, "none") + "\n"
    more = say(world, "more", len(found) - limit) + "\n" if len(found) > limit else ""
    blind = say(world, "blind") + "\n" if wanted == views.LOST else ""
    return blind + views.listed(world, shown) + more


def _show(world: World, call: Call) -> str:
    _need(world, call, 1)
    return views.shown(world, _find(world, _by_id(world), call.words[1]))


def _need(world: World, call: Call, least: int) -> None:
    if len(call.words) <= least:
        form = next(f for f in FORMS if f.split()[1] == call.words[0])
        raise Wrong(say(world, "args", call.words[0], form))


# -- acting


def _named(world: World, call: Call) -> list[Saga]:
    """The sagas that the words of a command name. Raises Wrong."""
    _need(world, call, 1)
    known = _by_id(world)
    return list(
        {each.number: each for each in (_find(world, known, w) for w in call.words[1 : MOST + 1])}.values()
    )


def _at_rest(world: World, each: Saga) -> None:
    """Raises Wrong for what cannot be gone on with."""
    name = views.id_of(world, each)
    if each.state == views.LOST:
        raise Wrong(say(world, "lost", name), 1)
    if each.state in (views.DONE, views.COMPENSATED):
        raise Wrong(say(world, "ended", name, each.state), 1)
    if each.state != views.STUCK:
        raise Wrong(say(world, "running", name, each.at_step), 1)


def _retry(world: World, call: Call) -> str:
    lines = []
    for each in _named(world, call):
        _at_rest(world, each)
        lines.append(say(world, "retried", views.id_of(world, each), each.at_step))
        actions.retry(world, each)
    return _done(world, "retry", lines)


def _compensate(world: World, call: Call) -> str:
    key = call.values.get("--key", "")
    if "--key" in call.values and KEY.fullmatch(key) is None:
        raise Wrong(say(world, "key"))
    lines = []
    for each in _chosen(world, call):
        name = views.id_of(world, each)
        if each.state in (views.RUNNING, views.COMPENSATING):
            raise Wrong(say(world, "running", name, each.at_step), 1)
        lines.append(say(world, "undoing" if each.known else "blindly", name))
        actions.compensate(world, each, key)
    return _done(world, "compensate", lines)


def _chosen(world: World, call: Call) -> list[Saga]:
    states = [
        s for s, flag in ((views.STUCK, "--all-stuck"), (views.LOST, "--all-lost")) if flag in call.switches
    ]
    if not states:
        return _named(world, call)
    return [
        e for e in views.all_sagas(world).values() if e.state in states and (e.known or any(e.done.values()))
    ][:MOST]


def _done(world: World, verb: str, lines: list[str]) -> str:
    if not lines:
        return say(world, "none") + "\n"
    world.note("saga", say(world, "note", verb, len(lines)))
    more = [say(world, "more", len(lines) - LIMIT).partition(" (")[0]] if len(lines) > LIMIT else []
    return "\n".join([*lines[:LIMIT], *more]) + "\n"


def _skip(world: World, call: Call) -> str:
    _need(world, call, 2)
    each = _find(world, _by_id(world), call.words[1])
    _at_rest(world, each)
    step = each.at_step
    if step != call.words[2]:
        raise Wrong(say(world, "step", views.id_of(world, each), step, call.words[2][:60]), 1)
    actions.skip(world, each)
    return _done(world, "skip", [say(world, "skipped", views.id_of(world, each), step)])


def _resume(world: World, call: Call) -> str:
    if "--all-stuck" not in call.switches:
        raise Wrong(say(world, "args", "resume", FORMS[6]))
    old = _old_enough(world, call)
    found = [e for e in views.all_sagas(world).values() if e.state == views.STUCK and old(e)]
    if "--dry-run" in call.switches:
        return say(world, "would", len(found)) + "\n" + (views.listed(world, found[:LIMIT]) if found else "")
    for each in found:
        actions.retry(world, each)
    if found:
        world.note("saga", say(world, "note", "resume", len(found)))
    return say(world, "resumed", len(found)) + "\n"


def _reconcile(world: World, call: Call) -> str:
    source = call.values.get("--from", "")
    if source not in ("", "participants"):
        raise Wrong(say(world, "from"))
    everyone = list(views.all_sagas(world).values())
    usual = call.values.get("--older", f"{actions.IN_DOUBT_S:g}s")
    old = _old_enough(world, call, usual)
    wrong = [e for e in everyone if views.mend(e) is not None]
    found, young = [e for e in wrong if old(e)], [e for e in wrong if not old(e)]
    kinds = {
        kind: [e for e in found if views.kind_of(e) == kind] for kind in ("lost", "misplaced", "half-done")
    }
    kinds["refunded-twice"] = [e for e in everyone if views.superfluous(e)]
    rows: list[tuple[str, ...]] = [("KIND", "SAGAS", "EXAMPLES")]
    for kind, those in kinds.items():
        rows.append(
            (kind, str(len(those)), " ".join(views.id_of(world, e) for e in those[-EXAMPLES:]) or "-")
        )
    lines = [views.table(rows).rstrip("\n")]
    if young:
        lines.append(say(world, "young", len(young), usual))
    if not any(kinds.values()):
        return "\n".join([*lines[1:], say(world, "fits")]) + "\n"
    if not source:
        return "\n".join([*lines, say(world, "report")]) + "\n"
    count = sum(actions.settle(world, each) for each in found)
    world.note("saga", say(world, "note", "reconcile", count))
    return "\n".join([*lines, say(world, "rebuilt", count)]) + "\n"


def _reclaim(world: World, call: Call) -> str:
    chosen = list(views.all_sagas(world).values()) if "--all" in call.switches else _named(world, call)
    if "--dry-run" in call.switches:
        return say(world, "reclaim", sum(views.superfluous(e) for e in chosen)) + "\n"
    count = sum(actions.reclaim(world, each) for each in chosen if views.superfluous(each))
    if count:
        world.note("saga", say(world, "note", "reclaim", count))
    return say(world, "reclaimed", count) + "\n"


VERBS: dict[str, Callable[[World, Call], str]] = {
    "status": _status,
    "list": _list,
    "show": _show,
    "retry": _retry,
    "compensate": _compensate,
    "skip": _skip,
    "resume": _resume,
    "reconcile": _reconcile,
    "reclaim": _reclaim,
}


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    try:
        call = read(world, argv[1:])
        verb = call.words[0] if call.words else ""
        if not verb or verb == "help" or call.switches & {"--help", "-h"}:
            return Reply(say(world, "help", "\n  ".join(FORMS)) + "\n")
        if verb not in VERBS:
            raise Wrong(say(world, "verb", verb[:40]))
        if "sagas" not in world.rooms:
            raise Wrong(say(world, "absent"), 1)
        return Reply(VERBS[verb](world, call))
    except Wrong as wrong:
        return failure(str(wrong), wrong.code)


def _changes(argv: list[str]) -> bool:
    if "--dry-run" in argv or "--help" in argv or "-h" in argv:
        return False
    return any(w in CHANGING for w in argv[1:2]) or (
        argv[1:2] == ["reconcile"] and any("--from" in w for w in argv)
    )


TOOLS = {
    "sagactl": Tool(
        "sagactl",
        run,
        Text(ru="саги: что помнит оркестратор и что есть у участников", en="sagas: what the orchestrator remembers, and what participants have"),
        FORMS,
        _changes,
    )
}  # fmt: skip
