"""The console of an extraction: what is behind the facade, which way calls go, how the two ways compare."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.facade import room
from simulator.interventions.strangler import GATE_CASES
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool
from simulator.wording import Words, Wrong

if TYPE_CHECKING:
    from simulator.facade.room import Facade
    from simulator.world import World

MOST_RECORD_S = 3600.0
MOST_COPY = 100_000.0

FORMS = (
    "facade status",
    "facade add METHOD",
    "facade remove METHOD",
    "facade characterise SECONDS",
    "facade replay [VERSION]",
    "facade shadow PERCENT",
    "facade report",
    "facade dual-write on|off",
    "facade copy ROWS_PER_S|stop",
    "facade verify",
    "facade route PERCENT",
)
T = {
    "none": Text(
        ru="facade: здесь ничего не вырезают из монолита", en="facade: nothing is being cut out here"
    ),
    "usage": Text(ru="facade: {0}\nформы: {1}", en="facade: {0}\nforms: {1}"),
    "verb": Text(ru="нет действия {0!r}", en="no action {0!r}"),
    "args": Text(ru="{0}: не хватает аргумента", en="{0}: an argument is missing"),
    "number": Text(
        ru="{0!r}: нужно число от {1:g} до {2:g}", en="{0!r}: expected a number from {1:g} to {2:g}"
    ),
    "onoff": Text(ru="{0!r}: on или off", en="{0!r}: on or off"),
    "not_seam": Text(
        ru="{0}: отсюда в вырезаемую часть не входят (или место не найдено). Где входы: cgraph, grep, runtime.",
        en="{0}: this is no place where calls enter the part (or there is none such). Find them: cgraph, grep, runtime.",
    ),
    "already": Text(ru="{0} уже за фасадом", en="{0} is behind the facade already"),
    "coming": Text(
        ru="{0}: правка собирается и выкатывается, готово через {1:.0f} с",
        en="{0}: the change is being built and released, ready in {1:.0f} s",
    ),
    "removed": Text(ru="{0} больше не ходит через фасад", en="{0} no longer goes through the facade"),
    "nothing_behind": Text(
        ru="новым путём пойдёт {0:g} % того, что за фасадом; пока за ним ничего нет: facade add METHOD",
        en="{0:g} % of what is behind the facade will go the new way; nothing is behind it yet: facade add METHOD",
    ),
    "routed": Text(ru="новым путём идёт {0:g} %", en="{0:g} % go the new way"),
    "gate": Text(
        ru="перевод закрыт: у {0} записано случаев {1}, отличается {2}; нужно не меньше {3}, и ни одного отличия",
        en="moving is closed: {0} has {1} recorded cases, {2} differ; it takes {3} at least, and none that differs",
    ),
    "shadow": Text(ru="теневых вызовов: {0:g} %", en="shadow calls: {0:g} %"),
    "dual": Text(ru="двойная запись: {0}", en="dual writing: {0}"),
    "copying": Text(
        ru="перенос истории: {0:g} строк/с, осталось {1}", en="copying history: {0:g} rows/s, {1} to go"
    ),
    "stopped": Text(ru="перенос истории остановлен", en="the copy is stopped"),
    "recording": Text(
        ru="записываю случаи {0:.0f} с; сравнить: facade replay",
        en="recording cases for {0:.0f} s; to compare: facade replay",
    ),
    "no_cases": Text(
        ru="случаев не записано: facade characterise 300", en="no cases recorded: facade characterise 300"
    ),
    "replayed": Text(
        ru="{0} {1}: случаев {2}, совпало {3}, отличается {4}",
        en="{0} {1}: {2} cases, {3} equal, {4} different",
    ),
    "case": Text(ru="  {0}: было {1}, стало {2}{3}", en="  {0}: {1} before, {2} now{3}"),
    "no_version": Text(ru="нет версии {0!r}; есть: {1}", en="no version {0!r}; there are: {1}"),
    "no_shadow": Text(
        ru="теневых вызовов ещё не было: facade shadow 10", en="no shadow calls yet: facade shadow 10"
    ),
    "report": Text(
        ru="сравнено {0}, отличается {1} ({2:.3%}), версия {3}",
        en="{0} compared, {1} differ ({2:.3%}), version {3}",
    ),
    "kind": Text(ru="  {0}: {1}", en="  {0}: {1}"),
    "other": Text(ru="прочее", en="other"),
    "verify": Text(
        ru="{0}: {1} строк; {2}: {3} строк; нет в новой: {4}; суммы расходятся: {5}",
        en="{0}: {1} rows; {2}: {3} rows; missing in the new: {4}; amounts that differ: {5}",
    ),
    "behind": Text(ru="за фасадом", en="behind the facade"),
    "in_work": Text(ru="в работе", en="in work"),
}


say = Words(T)


def _number(world: World, text: str, least: float, most: float) -> float:
    try:
        value = float(text.rstrip("%"))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise Wrong(say(world, "number", text[:40], least, most))
    return value


def _seam(world: World, name: str) -> str:
    """The flow of a place given by its method or an ending of it."""
    for flow, seam in room.spec_of(world).seams.items():
        if seam.method == name or seam.method.endswith("." + name):
            return flow
    raise Wrong(say(world, "not_seam", name[:100]))


def _status(world: World, state: Facade, _words: list[str]) -> str:
    spec = room.spec_of(world)
    lines = [
        say(world, "routed", state.share * 100),
        say(world, "dual", "on" if state.dual else "off"),
        say(world, "shadow", state.shadow * 100),
    ]
    for flow, seam in spec.seams.items():
        if flow in state.behind or flow in state.coming:
            label = say(world, "behind" if flow in state.behind else "in_work")
            lines.append(f"  {seam.method}  {label}  {seam.text.of(world.language)}")
    if state.copy_rate:
        lines.append(say(world, "copying", state.copy_rate, len(room.missing(world))))
    return "\n".join(lines) + "\n"


def _add(world: World, state: Facade, words: list[str]) -> str:
    flow = _seam(world, words[0])
    method = room.spec_of(world).seams[flow].method
    if flow in state.behind:
        return say(world, "already", method) + "\n"
    state.coming.setdefault(flow, world.now_s + room.spec_of(world).seam_s)
    return say(world, "coming", method, state.coming[flow] - world.now_s) + "\n"


def _remove(world: World, state: Facade, words: list[str]) -> str:
    flow = _seam(world, words[0])
    state.coming.pop(flow, None)
    if flow in state.behind:
        state.behind.remove(flow)
        room.carry(world, state)
    return say(world, "removed", room.spec_of(world).seams[flow].method) + "\n"


def _characterise(world: World, state: Facade, words: list[str]) -> str:
    seconds = _number(world, words[0], 1, MOST_RECORD_S)
    state.recording_to_s = world.now_s + seconds
    return say(world, "recording", seconds) + "\n"


def _case(world: World, entity: int, old: int, new: int) -> str:
    number = room.kind_of(world, entity)
    kinds = room.spec_of(world).kinds
    label = f" ({kinds[number].text.of(world.language)})" if number >= 0 else ""
    return say(world, "case", entity, old, new, label)


def _replay(world: World, state: Facade, words: list[str]) -> str:
    """The recorded cases against a version of the new service."""
    spec = room.spec_of(world)
    known = list(world.scenario.services()[spec.service].versions)
    version = words[0] if words else room.version_of(world)
    if version not in known:
        raise Wrong(say(world, "no_version", version, ", ".join(known)))
    if not state.golden:
        raise Wrong(say(world, "no_cases"))
    total, differ = room.cases_of(world, state, version)
    found = [_case(world, *case) for case in differ]
    head = say(world, "replayed", spec.service, version, total, total - len(found), len(found))
    return "\n".join([head, *found[: room.SAMPLES]]) + "\n"


def _shadow(world: World, state: Facade, words: list[str]) -> str:
    state.shadow = _number(world, words[0], 0, 100) / 100
    name = room.spec_of(world).shadow
    if name:
        scenario = world.scenario
        full = scenario.traffic.rps * scenario.traffic.classes[scenario.sli.traffic_class].share
        world.plane.set_rate(name, full * state.shadow)
    world.note("facade", say(world, "shadow", state.shadow * 100))
    return say(world, "shadow", state.shadow * 100) + "\n"


def _report(world: World, state: Facade, _words: list[str]) -> str:
    tally = state.tally
    if not tally.compared:
        raise Wrong(say(world, "no_shadow"))
    share = tally.differ / tally.compared
    lines = [say(world, "report", tally.compared, tally.differ, share, room.version_of(world))]
    kinds = room.spec_of(world).kinds
    for number, count in sorted(tally.kinds.items(), key=lambda item: (-item[1], item[0])):
        label = kinds[number].text.of(world.language) if number >= 0 else say(world, "other")
        lines.append(say(world, "kind", label, count))
    lines += [_case(world, *sample) for sample in tally.samples]
    return "\n".join(lines) + "\n"


def _dual(world: World, state: Facade, words: list[str]) -> str:
    if words[0] not in ("on", "off"):
        raise Wrong(say(world, "onoff", words[0][:40]))
    state.dual = words[0] == "on"
    world.note("facade", say(world, "dual", words[0]))
    return say(world, "dual", words[0]) + "\n"


def _copy(world: World, state: Facade, words: list[str]) -> str:
    if words[0] == "stop":
        state.copy_rate = 0.0
        return say(world, "stopped") + "\n"
    state.copy_rate = _number(world, words[0], 1, MOST_COPY)
    return say(world, "copying", state.copy_rate, len(room.missing(world))) + "\n"


def _verify(world: World, _state: Facade, _words: list[str]) -> str:
    spec, (old, new, lacks, wrong) = room.spec_of(world), room.compared(world)
    return say(world, "verify", spec.old_table, old, spec.new_table, new, lacks, wrong) + "\n"


def _route(world: World, state: Facade, words: list[str]) -> str:
    share = _number(world, words[0], 0, 100) / 100
    refused = room.refusal(world, state, share)
    if refused is not None:
        raise Wrong(say(world, "gate", room.version_of(world), *refused, world.policies[GATE_CASES]))
    room.asked(world, state, share)
    return (
        say(world, "routed" if state.behind or not state.share else "nothing_behind", state.share * 100)
        + "\n"
    )


Act = Callable[["World", "Facade", list[str]], str]
VERBS: dict[str, tuple[int, Act]] = {
    "status": (0, _status),
    "add": (1, _add),
    "remove": (1, _remove),
    "characterise": (1, _characterise),
    "characterize": (1, _characterise),
    "replay": (0, _replay),
    "shadow": (1, _shadow),
    "report": (0, _report),
    "dual-write": (1, _dual),
    "copy": (1, _copy),
    "verify": (0, _verify),
    "route": (1, _route),
}
READS = ("status", "replay", "report", "verify")


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    if "facade" not in world.rooms:
        return failure(say(world, "none"), 1)
    verb, rest = (argv[1], argv[2:]) if len(argv) > 1 else ("status", [])
    try:
        if verb not in VERBS:
            raise Wrong(say(world, "verb", verb[:40]))
        least, act = VERBS[verb]
        if len(rest) < least:
            raise Wrong(say(world, "args", verb))
        return Reply(act(world, world.rooms["facade"], rest))
    except Wrong as wrong:
        return failure(say(world, "usage", wrong, "; ".join(FORMS)), 2)


def _changes(argv: list[str]) -> bool:
    return len(argv) > 1 and argv[1] not in READS


TOOLS = {
    "facade": Tool(
        "facade",
        run,
        Text(
            ru="вырезать часть монолита: фасад, тень, двойная запись",
            en="cut a part out: facade, shadow, dual write",
        ),
        FORMS,
        _changes,
    )
}
