"""The history checker as a tool: read what operations there were, run a checker, name an anomaly and have it judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simulator.entities.history import Op
from simulator.entities.spec import CALL, MOVE
from simulator.entities.verdicts import Verdict, Violation
from simulator.invariants import CHECKERS, first_broken, judge, parameters
from simulator.reply import Reply, failure
from simulator.room import Room
from simulator.scenario import Invariant, Text
from simulator.tool import Tool
from simulator.wording import Words, Wrong

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Column, Family, Labels, Telemetry
    from simulator.world import World

SHOWN = 15  # violations or operations of an answer
RECONCILED = "reconciliation/broken"
MOST_OPS = 400  # operations of one entity
NOTHING = Text(ru="", en="")
# what an engineer calls it -> the kinds of violations that prove it
ANOMALIES: dict[str, tuple[str, ...]] = {
    "lost-update": ("lost-update", "overwritten"),
    "oversell": ("below-floor",),
    "duplicate": ("double", "redelivered"),
    "lost-write": ("lost",),
    "skipped-commit": ("skipped",),
    "reordering": ("reordered",),
    "stale-read": ("stale-read", "own-write-missed", "backward-read"),
    "split-brain": ("two-leaders",),
    "half-done-saga": ("half-done",),
    "stuck-saga": ("stuck",),
    "not-linearizable": ("not-linearizable",),
    "wrong-amount": ("wrong-amount",),
    "cycle": ("anomaly",),
}
FORMS = (
    "histcheck list",
    "histcheck run NAME [KEY=VALUE ...]",
    "histcheck ops --entity N",
    "histcheck claim ANOMALY",
)
T = {
    "none": Text(ru="histcheck: в этой системе операции не записываются", en="histcheck: no operations are recorded here"),
    "usage": Text(ru="histcheck: {0}\nформы: {1}", en="histcheck: {0}\nforms: {1}"),
    "verb": Text(ru="нет действия {0!r}", en="no action {0!r}"),
    "args": Text(ru="{0}: не хватает аргумента", en="{0}: an argument is missing"),
    "name": Text(ru="нет проверки {0!r}; есть: {1}", en="no check {0!r}; there are: {1}"),
    "pair": Text(ru="{0!r}: нужно КЛЮЧ=ЗНАЧЕНИЕ; ключи: {1}", en="{0!r}: expected KEY=VALUE; the keys: {1}"),
    "bad": Text(ru="{0}: так не проверить ({1})", en="{0}: cannot be checked so ({1})"),
    "ok": Text(ru="{0}: нарушений нет ({1} операций)", en="{0}: holds ({1} operations)"),
    "open": Text(ru="{0}: не решено за отведённый объём", en="{0}: undecided within its budget"),
    "broken": Text(ru="{0}: нарушений {1}", en="{0}: {1} violations"),
    "more": Text(ru="… и ещё {0}", en="… and {0} more"),
    "number": Text(ru="{0!r}: нужен номер сущности", en="{0!r}: expected an entity's number"),
    "no_ops": Text(ru="у сущности {0} операций нет", en="entity {0} has no operations"),
    "declared": Text(ru="Правила этой системы:", en="The rules of this system:"),
    "checkers": Text(ru="Проверки (аргументы):", en="Checkers (arguments):"),
    "anomalies": Text(ru="Аномалии для claim: {0}", en="Anomalies for claim: {0}"),
    "confirmed": Text(ru="{0}: подтверждено, {1} случаев (правило {2})", en="{0}: confirmed, {1} cases (rule {2})"),
    "refuted": Text(
        ru="{0}: не подтверждается: в {1} операциях такого нет", en="{0}: refuted: nothing of the kind in {1} operations"
    ),
    "anomaly": Text(ru="нет аномалии {0!r}; есть: {1}", en="no anomaly {0!r}; there are: {1}"),
}  # fmt: skip


say = Words(T)


def _violations(world: World, found: list[Violation]) -> list[str]:
    lines = [
        f"  {world.at(v.time_ns / 1e9).strftime('%H:%M:%S.%f')[:-3]}  {v.text(world.language)}"
        for v in found[:SHOWN]
    ]
    return [*lines, "  " + say(world, "more", len(found) - SHOWN)] if len(found) > SHOWN else lines


def _arguments(name: str) -> list[str]:
    given = ("ops", "final", "world", "now_ns", "older_ns")
    return [p for p in parameters(CHECKERS[name].run) if p not in given]


def _list(world: World, _words: list[str]) -> str:
    lines = []
    if world.scenario.invariants:
        lines.append(say(world, "declared"))
        lines += [f"  {n}: {spec.text.of(world.language)}" for n, spec in world.scenario.invariants.items()]
    lines.append(say(world, "checkers"))
    lines += [f"  {name} {' '.join(_arguments(name))}".rstrip() for name in CHECKERS]
    lines.append(say(world, "anomalies", ", ".join(ANOMALIES)))
    return "\n".join(lines) + "\n"


def _value(text: str) -> Any:
    if "," in text:
        return [_value(part) for part in text.split(",")]
    return int(text) if text.lstrip("-").isdigit() else text


def _spec(world: World, words: list[str]) -> Invariant:
    name, rest = words[0], words[1:]
    if name in world.scenario.invariants and not rest:
        return world.scenario.invariants[name]
    if name not in CHECKERS:
        known = ", ".join([*world.scenario.invariants, *CHECKERS])
        raise Wrong(say(world, "name", name[:60], known))
    keys = _arguments(name)
    args: dict[str, Any] = {}
    for word in rest:
        key, equals, value = word.partition("=")
        if not equals or key not in keys:
            raise Wrong(say(world, "pair", word[:60], ", ".join(keys) or "-"))
        args[key] = _value(value[:200])
    return Invariant(check=name, args=args, text=NOTHING)


def _verdict(world: World, name: str, spec: Invariant) -> Verdict:
    try:
        return judge(world, spec)
    except (TypeError, ValueError, KeyError, AttributeError) as error:  # arguments of a person, not of a file
        raise Wrong(say(world, "bad", name, str(error)[:120])) from None


def _run(world: World, words: list[str]) -> str:
    found = _verdict(world, words[0], _spec(world, words))
    if found.ok is None:
        return say(world, "open", words[0]) + "\n"
    if found.ok:
        return say(world, "ok", words[0], len(world.ops)) + "\n"
    lines = [say(world, "broken", words[0], len(found.violations)), *_violations(world, found.violations)]
    return "\n".join(lines) + "\n"


def _ops(world: World, words: list[str]) -> str:
    text = words[-1]
    if not text.isdigit():
        raise Wrong(say(world, "number", text[:40]))
    entity = int(text)
    found = [op for op in world.ops if op.entity == entity][:MOST_OPS]
    if not found:
        return say(world, "no_ops", entity) + "\n"
    return "".join(_shown(world, op) + "\n" for op in found)


def _shown(world: World, op: Op) -> str:
    clock = world.at(op.time_ns / 1e9).strftime("%H:%M:%S.%f")[:-3]
    key = "/".join(str(k) for k in op.key) if isinstance(op.key, tuple) else op.key
    return f"{op.index:>8}  {clock}  {op.type:<6}  {op.process!s:<18}  {op.f:<20}  {key}  {op.value}"


def _claim(world: World, words: list[str]) -> str:
    """The player names it; the rules of this system decide."""
    name = words[0].lower().replace("_", "-")
    if name not in ANOMALIES:
        raise Wrong(say(world, "anomaly", name[:40], ", ".join(ANOMALIES)))
    for rule, spec in _rules(world):
        found = [v for v in judge(world, spec).violations if v.kind in ANOMALIES[name]]
        if found:
            lines = [say(world, "confirmed", name, len(found), rule), *_violations(world, found)]
            return "\n".join(lines) + "\n"
    return say(world, "refuted", name, len(world.ops)) + "\n"


def _rules(world: World) -> Iterator[tuple[str, Invariant]]:
    """The declared rules, then what can be asked of any system: are changes overwritten, are effects repeated?"""
    assert world.entities is not None
    yield from world.scenario.invariants.items()
    for spec in world.scenario.invariants.values():
        if {"table", "start"} <= set(spec.args):
            args = {"table": spec.args["table"], "start": spec.args["start"], "floor": None}
            yield f"balances {args['table']}", Invariant(check="balances", args=args, text=NOTHING)
    if world.entities.domain.quorums:
        yield "fresh_reads", Invariant(check="fresh_reads", args={}, text=NOTHING)
    for flow in world.entities.spec.flows:
        for step in flow.steps:
            if step.do in (CALL, MOVE):
                once = Invariant(check="at_most_once", args={"do": step.name}, text=NOTHING)
                yield f"at_most_once {step.name}", once


VERBS: dict[str, tuple[int, Callable[[World, list[str]], str]]] = {
    "list": (0, _list),
    "run": (1, _run),
    "ops": (1, _ops),
    "claim": (1, _claim),
}


def run(world: World, argv: list[str], _stdin: str) -> Reply:
    if world.entities is None:
        return failure(say(world, "none"), 1)
    verb, rest = (argv[1], argv[2:]) if len(argv) > 1 else ("list", [])
    try:
        if verb not in VERBS:
            raise Wrong(say(world, "verb", verb[:40]))
        least, act = VERBS[verb]
        if len(rest) < least:
            raise Wrong(say(world, "args", verb))
        return Reply(act(world, rest))
    except Wrong as wrong:
        return failure(say(world, "usage", wrong, "; ".join(FORMS)), 2)


def each_second(world: World) -> None:
    """The reconciliation job, where the company has one: do the books add up, once a period?"""
    period_s = world.policies.get("reconcile_s")
    if period_s is None:
        return
    broken = world.plane.history.last(RECONCILED)
    if int(world.now_s) % int(period_s) == 0:
        broken = 1.0 if first_broken(world) else 0.0
    world.plane.history.append(RECONCILED, broken)


def _metrics() -> Mapping[str, Family]:
    def reconciled(telemetry: Telemetry) -> Iterator[tuple[Labels, Column]]:
        yield {"job": "reconciliation"}, telemetry.column(RECONCILED)

    return {"reconciliation_books_broken": reconciled}


def _build(world: World) -> Any:
    return {} if world.entities is not None else None  # it only reads


ROOM = Room(
    "histories",
    _build,
    each_second=each_second,
    metrics=_metrics,
    tools=lambda: {
        "histcheck": Tool(
            "histcheck",
            run,
            Text(
                ru="проверка истории операций: правила, аномалии",
                en="checks the history of operations: rules, anomalies",
            ),
            FORMS,
        )
    },
)
