"""`break`: bring a fault, list and show kinds, take one back, the score, combinations, a draft of a scenario."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.faults import catalogue, combos, draft, score
from simulator.faults.catalogue import TECHNOLOGIES, Call
from simulator.faults.fault import Fault
from simulator.faults.ledger import MOST_ACTIVE, Brought, bring, known, take_back
from simulator.faults.params import Wrong, clip, say
from simulator.faults.probes import label
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

WIDTH = 100
FORMS = (
    "break list [TECHNOLOGY]",
    "break show KIND",
    "break KIND ARGUMENTS... [--for 60s]",
    "break undo N|all",
    "break active",
    "break score [N]",
    "break combo [NAME]",
    "break save NAME",
)
T = {
    "head": Text(ru="break: ломает что угодно; формы:", en="break: breaks anything; the forms:"),
    "count": Text(ru="{0} видов по технологиям: {1}", en="{0} kinds by technology: {1}"),
    "technology": Text(ru="нет технологии {0!r}; есть: {1}", en="no technology {0!r}; there are: {1}"),
    "show": Text(ru="break show: какой вид? например: break show {0}", en="break show: which kind? e.g. break show {0}"),
    "undo": Text(ru="break undo: номер или all; действуют: {0}", en="break undo: a number or all; acting: {0}"),
    "over": Text(ru="№{0} уже не действует", en="#{0} does not act any more"),
    "on": Text(ru="№{0} сломано: {1}", en="#{0} broken: {1}"),
    "once": Text(ru="№{0} случилось: {1}", en="#{0} happened: {1}"),
    "back": Text(ru="вернуть: break undo {0}{1}", en="to take it back: break undo {0}{1}"),
    "or": Text(ru=" или {0}", en=" or {0}"),
    "auto": Text(ru="снимется через {0:g} с", en="goes by itself in {0:g} s"),
    "stays": Text(ru="само не вернётся: {0}", en="does not come back by itself: {0}"),
    "heals": Text(ru="проходит само", en="heals by itself"),
    "off": Text(ru="№{0} снято: {1}", en="#{0} taken back: {1}"),
    "none": Text(ru="ничего не сломано", en="nothing is broken"),
    "many": Text(ru="break: уже действует {0} поломок, снимите что-нибудь: break undo N", en="break: {0} faults act already, take some back: break undo N"),
    "acts": Text(ru="с {0}", en="since {0}"),
    "ended": Text(ru="{0} – {1}", en="{0} – {1}"),
    "form": Text(ru="форма", en="form"),
    "example": Text(ru="пример", en="example"),
    "fix": Text(ru="возврат", en="way back"),
    "moves": Text(ru="двигает", en="moves"),
    "range": Text(ru="{0}: {1}", en="{0}: {1}"),
    "names": Text(ru="одно из: {0}", en="one of: {0}"),
    "usual": Text(ru="; если не указать, {0}", en="; if left out, {0}"),
    "for": Text(ru="--for ВРЕМЯ: снять само через столько", en="--for TIME: taken back by itself after so long"),
}  # fmt: skip


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    """One line of `break`. A wrong one changes nothing and is answered by one line."""
    words = argv[1:]
    try:
        if not words or words[0] in ("--help", "-h", "help"):
            return Reply(_usage(world), cost_s=0.0)
        verb = VERBS.get(words[0])
        return verb(world, words[1:]) if verb is not None else _break(world, words)
    except Wrong as wrong:
        return failure(f"{argv[0]}: {wrong}", 2)


def _usage(world: World) -> str:
    counted = ", ".join(f"{t} {len(catalogue.here(world, t))}" for t in TECHNOLOGIES)
    lines = [say(world, T["head"]), *(f"  {form}" for form in FORMS)]
    total = len(catalogue.here(world))
    return "\n".join([*lines, *_wrapped(say(world, T["count"], total, counted), "")]) + "\n"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _list(world: World, words: list[str]) -> Reply:
    if words and words[0] not in TECHNOLOGIES:
        raise Wrong(say(world, T["technology"], clip(words[0]), ", ".join(TECHNOLOGIES)))
    lines: list[str] = []
    for technology in words[:1] or TECHNOLOGIES:
        faults = catalogue.here(world, technology)
        if faults:
            lines.append(f"{technology} ({len(faults)})")
            lines += [f"  {f.synopsis.removeprefix('break '):<52} {_short(world, f)}" for f in faults]
    return Reply("\n".join(lines) + "\n", cost_s=1.0)


def _short(world: World, fault: Fault) -> str:
    """The first clause of what a kind does."""
    return fault.text.of(world.language).partition(";")[0].partition(". ")[0].rstrip(".")


def _show(world: World, words: list[str]) -> Reply:
    found = catalogue.find(words) if words else None
    if found is None:
        if words:
            catalogue.parse(world, words)  # says what is like it
        raise Wrong(say(world, T["show"], "kafka.broker"))
    fault = found[0]
    rows = [
        (say(world, T["form"]), fault.synopsis + (" [--for TIME]" if fault.lasts else "")),
        (say(world, T["example"]), f"break {fault.example}"),
        (say(world, T["fix"]), _way_back(world, fault)),
        (say(world, T["moves"]), label(fault.moves.probe, world.language)),
    ]
    lines = [fault.id, *_wrapped(fault.text.of(world.language), "  ")]
    lines += [f"  {head:<9} {text}" for head, text in rows]
    for param in fault.params:
        known_names = param.names(world) if param.names is not None else []
        said = say(world, T["names"], ", ".join(known_names)) if param.names else param.range(world)
        if param.default is not None:
            said += say(world, T["usual"], param.show(param.default))
        name = f"--{param.name}" if param.flag else param.name.upper()
        lines += _wrapped(say(world, T["range"], name, said), "  ")
    return Reply("\n".join(lines) + "\n", cost_s=1.0)


def _way_back(world: World, fault: Fault, number: int | None = None, brought: Brought | None = None) -> str:
    fix = (
        fault.fix.format(**{**brought.args, **brought.memory})
        if brought is not None and fault.fix
        else fault.fix
    )
    if not fault.lasts:
        return say(world, T["stays"], fix) if fix else say(world, T["heals"])
    more = say(world, T["or"], fix) if fix else ""
    return f"break undo {'N' if number is None else number}{more}"


def _break(world: World, words: list[str]) -> Reply:
    call = catalogue.parse(world, words)
    return Reply(brought_text(world, call), cost_s=2.0)


def brought_text(world: World, call: Call) -> str:
    """Bring a fault and say how it is taken back. Raises Wrong."""
    if len(known(world).active()) >= MOST_ACTIVE:
        raise Wrong(say(world, T["many"], MOST_ACTIVE).removeprefix("break: "))
    brought = bring(world, call.fault.id, call.line, call.args, call.for_s)
    lines = [say(world, T["on" if call.fault.lasts else "once"], brought.number, brought.line)]
    if call.for_s:
        lines.append(say(world, T["auto"], call.for_s))
    lines.append("  " + _way_back(world, call.fault, brought.number, brought))
    return "\n".join(lines) + "\n"


def _undo(world: World, words: list[str]) -> Reply:
    ledger = known(world)
    acting = ", ".join(str(b.number) for b in ledger.active()) or "-"
    if len(words) != 1 or not (words[0] == "all" or (words[0].isascii() and words[0].isdigit())):
        raise Wrong(say(world, T["undo"], acting).removeprefix("break "))
    if words[0] == "all":
        chosen = ledger.active()[::-1]
    else:
        found = ledger.find(int(words[0][:6]))
        if found is None:
            raise Wrong(say(world, T["undo"], acting).removeprefix("break "))
        if not found.acts:
            raise Wrong(say(world, T["over"], found.number))
        chosen = [found]
    if not chosen:
        return Reply(say(world, T["none"]) + "\n", cost_s=1.0)
    for brought in chosen:
        take_back(world, brought)
    return Reply("".join(say(world, T["off"], b.number, b.line) + "\n" for b in chosen))


def _active(world: World, _words: list[str]) -> Reply:
    found = known(world).brought
    if not found:
        return Reply(say(world, T["none"]) + "\n", cost_s=1.0)
    lines = [f"{b.number:>3}  {_when(world, b):<20} {b.line}" for b in found]
    return Reply("\n".join(lines) + "\n", cost_s=1.0)


def _when(world: World, brought: Brought) -> str:
    begins = world.at(brought.at_s).strftime("%H:%M:%S")
    if brought.ends_s is None:
        return say(world, T["acts"], begins)
    return say(world, T["ended"], begins, world.at(brought.ends_s).strftime("%H:%M:%S"))


def _combo(world: World, words: list[str]) -> Reply:
    if not words:
        return Reply(combos.listing(world), cost_s=1.0)
    calls = combos.calls(world, words)
    return Reply("".join(brought_text(world, call) for call in calls))


def _score(world: World, words: list[str]) -> Reply:
    return Reply(score.render(world, words), cost_s=1.0)


def _save(world: World, words: list[str]) -> Reply:
    return Reply(draft.save(world, words), cost_s=1.0)


VERBS: dict[str, Callable[[World, list[str]], Reply]] = {
    "list": _list,
    "show": _show,
    "undo": _undo,
    "active": _active,
    "score": _score,
    "combo": _combo,
    "save": _save,
}
LOOKING = ("list", "show", "active", "score", "save", "help", "--help", "-h")


def changes(argv: list[str]) -> bool:
    return not (len(argv) < 2 or argv[1] in LOOKING or argv[1:] == ["combo"])


SUMMARY = Text(ru="сломать что угодно: {0} видов поломок", en="break anything: {0} kinds of fault")
TOOLS = {
    "break": Tool(
        "break",
        run,
        Text(ru=SUMMARY.ru.format(len(catalogue.CATALOGUE)), en=SUMMARY.en.format(len(catalogue.CATALOGUE))),
        FORMS,
        changes,
    )
}
