"""Whether the interventions a scenario lists change what becomes of the incident.

It is replayed with one of them in place: with nobody responding, solved as the reference does it, then with each wrong
fix; a figure must differ in one of them, and in a whole proof an outcome. Entries that this world cannot measure are real advice and are left out. What
makes pages sooner needs one: where nothing pages, it is tried together with the alerts that the scenario lists.
"""

from __future__ import annotations

from typing import Any

from simulator import replay
from simulator.engine import streams
from simulator.interventions import CATALOGUE, Call, InterventionError, patched
from simulator.lint import runs
from simulator.lint.proof import Proof
from simulator.replay import Plan
from simulator.responder import called_s, split
from simulator.scenario import Scenario, ScenarioError, Text, varied

SAMPLED = 3  # interventions that a quick proof replays
ALONE_S = 600.0
FIGURE = 1e-6
LEAST = 1e-3  # of a figure, and of one: less is no difference that anybody would see
KEPT = 60  # baselines kept: the plans of a scenario's variants, and those with something that pages
# Settings, what follows from the length of a run, readings that nobody suffers from, and shares of what is counted.
NO_OUTCOMES = frozenset(
    "pool_limit rps queries_before queries_after queries_extra offered_requests curve_step_s deploy_s success_before"
    " database_cpu_max pending_max pending_typical pool_exhausted_s failed_share error_budget_burned".split()
)


def measurable(scenario: Scenario) -> list[str]:
    return [
        name
        for name in dict.fromkeys(scenario.interventions)
        if name in CATALOGUE and CATALOGUE[name].measurable
    ]


def sampled(scenario: Scenario, whole: bool) -> list[str]:
    """All of them, or a few that the scenario's name chooses."""
    names = measurable(scenario)
    if whole or len(names) <= SAMPLED:
        return names
    key = streams.key_of(1, "lint", scenario.id)
    chosen = sorted(range(len(names)), key=lambda n: streams.bits(key, n))[:SAMPLED]
    return [names[n] for n in sorted(chosen)]


def plans(scenario: Scenario) -> tuple[Plan, ...]:
    """With nobody responding, under the solution's commands, and under each wrong fix."""
    first_s = runs.trigger_s(scenario)
    alone = Plan((), min(scenario.duration_s, first_s + ALONE_S))
    commands = [scenario.reference.commands, *(trap.commands for trap in scenario.traps)]
    return alone, *(Plan(tuple(runs.lines(lines)), scenario.duration_s) for lines in commands)


def changed(before: dict[str, Any], after: dict[str, Any], whole: bool = True) -> dict[str, tuple[Any, Any]]:
    """The outcomes that differ, or if not `whole` any figures: {name: (before, after)}."""
    found = {}
    least = LEAST if whole else FIGURE
    for name, value in before.items():
        other = after.get(name)
        if (whole and name in NO_OUTCOMES) or isinstance(value, (list, str)):
            continue
        if isinstance(value, (int, float)) and isinstance(other, (int, float)):
            differs = abs(value - other) > least * max(1.0, abs(value), abs(other))
        else:
            differs = value != other
        if differs:
            found[name] = (value, other)
    return found


def check(scenario: Scenario, name: str, whole: bool = False) -> Proof:
    """One intervention's proof: in the file as it stands, or in the first variant where it matters."""
    proof = f"effect.{name}"
    found: dict[str, tuple[Any, Any]] = {}
    try:
        found = _first(scenario, Call(name), whole)
    except (
        InterventionError,
        ScenarioError,
        KeyError,
        AssertionError,
        IndexError,
        TypeError,
        ValueError,
    ) as error:
        why = f"{type(error).__name__}: {error}"
        return Proof(proof, False, Text(ru=f"здесь не применима: {why}", en=f"cannot be used here: {why}"))
    if not found:
        said = Text(ru="ни один показатель не меняется", en="changes no figure at all")
        if whole:
            said = Text(ru="ни один исход не меняется", en="changes no outcome at all")
        return Proof(proof, False, said)
    shown = next(iter(found))
    figures = {key: list(values) for key, values in found.items()}
    said = Text(
        ru=f"меняет показатели ({len(found)}), первый {shown}: {_pair(found[shown])}",
        en=f"changes {len(found)} figures, first {shown}: {_pair(found[shown])}",
    )
    return Proof(proof, True, said, figures=figures)


def _pair(values: tuple[Any, Any]) -> str:
    return " → ".join(f"{v:g}" if isinstance(v, (int, float)) else "–" for v in values)


def _first(scenario: Scenario, call: Call, whole: bool) -> dict[str, tuple[Any, Any]]:
    """The first effect there is, in any variant: a remedy may matter for one cause only. The short plans come first."""
    seeds = range(1, len(scenario.variants) + 2)
    worlds = [replay.thinned(varied(scenario, seed), runs.ENTITIES_A_RUN) for seed in seeds]
    worlds[1:] = [world for world in worlds[1:] if not CATALOGUE[call.id].missing(world.focus)]
    short = [(world, plans(world)[0]) for world in worlds]
    long = [(world, plan) for world in worlds for plan in plans(world)[1:]]
    for world, plan in short + long:
        found = _effect(world, call, plan, whole)
        if found:
            return found
    return {}


def _effect(scenario: Scenario, call: Call, plan: Plan, whole: bool = True) -> dict[str, tuple[Any, Any]]:
    beside = _paging(scenario, call, plan)
    plan = _moving(scenario, plan, _baseline(scenario, beside, plan)["detected_s"])
    return changed(_baseline(scenario, beside, plan), _played(scenario, (*beside, call), plan), whole)


def _moving(scenario: Scenario, plan: Plan, page_s: float | None) -> Plan:
    """The plan whose lines after the first call move with it, as the same person would act in a review."""
    before, acting = split(list(plan.planned), called_s(scenario, page_s))
    return Plan(tuple(before), plan.until_s, tuple(acting.after_page))


def _paging(scenario: Scenario, call: Call, plan: Plan) -> tuple[Call, ...]:
    """What is in place beside a remedy that only makes pages sooner: something that pages."""
    rules = scenario.alerting.rules.keys()
    if CATALOGUE[call.id].kind != "detect" or patched(scenario, (call,)).alerting.rules.keys() != rules:
        return ()
    if _baseline(scenario, (), plan)["detected_s"] is not None:
        return ()
    listed = [Call(name) for name in measurable(scenario) if CATALOGUE[name].kind == "detect"]
    return tuple(other for other in listed if patched(scenario, (other,)).alerting.rules.keys() != rules)


_known: dict[tuple[int, tuple[Call, ...], Plan], dict[str, Any]] = {}


def _baseline(scenario: Scenario, calls: tuple[Call, ...], plan: Plan) -> dict[str, Any]:
    """What a plan gives without the remedy: the same for every intervention of a proof."""
    key = (hash(scenario.model_dump_json()), calls, plan)
    if key not in _known:
        if len(_known) > KEPT:
            _known.clear()
        _known[key] = _played(scenario, calls, plan)
    return _known[key]


def _played(scenario: Scenario, calls: tuple[Call, ...], plan: Plan) -> dict[str, Any]:
    run = replay.start(scenario, 1, calls)
    told = run.finish(plan)
    return told | {"closed_s": run.world.watch.resolved_s}  # also of what only broke the books
