"""Whether the interventions a scenario lists change anything in it.

An incident solved as the reference does it is replayed with one of them in place, then with nobody responding, then
with each wrong fix; a figure must differ in one of them. Entries that this world cannot measure are real advice and are left out.
"""

from __future__ import annotations

from typing import Any

from simulator import replay
from simulator.engine import streams
from simulator.interventions import CATALOGUE, Call, InterventionError
from simulator.lint import runs
from simulator.lint.proof import Proof
from simulator.replay import Plan
from simulator.scenario import Scenario, ScenarioError, Text, varied

SAMPLED = 3  # interventions that a quick proof replays
ALONE_S = 600.0
FIGURE = 1e-6
KEPT = 4  # baselines: two plans of a scenario, and of the one before
KEPT = 8  # baselines kept: a scenario's plans


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
    """Under the solution's commands, with nobody responding, and under each wrong fix."""
    first_s = runs.trigger_s(scenario)
    acting = Plan(tuple(runs.lines(scenario.reference.commands)), scenario.duration_s)
    wrong = (Plan(tuple(runs.lines(trap.commands)), scenario.duration_s) for trap in scenario.traps)
    return acting, Plan((), min(scenario.duration_s, first_s + ALONE_S)), *wrong


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The figures that differ: {name: (before, after)}."""
    found = {}
    for name, value in before.items():
        other = after.get(name)
        both = isinstance(value, (int, float)) and isinstance(other, (int, float))
        if (abs(value - other) > FIGURE * max(1.0, abs(value))) if both else value != other:
            found[name] = (value, other)
    return found


def check(scenario: Scenario, name: str) -> Proof:
    """One intervention's proof: in the file as it stands, or in the first variant where it matters."""
    proof = f"effect.{name}"
    calls = (Call(name),)
    found: dict[str, tuple[Any, Any]] = {}
    try:
        for seed in range(1, len(scenario.variants) + 2):  # a remedy may matter for one cause only
            found = _effect(replay.thinned(varied(scenario, seed), runs.ENTITIES_A_RUN), calls)
            if found:
                break
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
        return Proof(proof, False, said)
    shown = next(iter(found))
    figures = {key: list(values) for key, values in found.items()}
    said = Text(
        ru=f"меняет {len(found)} показателей, первый {shown}: {_pair(found[shown])}",
        en=f"changes {len(found)} figures, first {shown}: {_pair(found[shown])}",
    )
    return Proof(proof, True, said, figures=figures)


def _pair(values: tuple[Any, Any]) -> str:
    return " → ".join(f"{v:g}" if isinstance(v, (int, float)) else "–" for v in values)


def _effect(scenario: Scenario, calls: tuple[Call, ...]) -> dict[str, tuple[Any, Any]]:
    for plan in plans(scenario):
        before = _baseline(scenario, plan)
        found = changed(before, _with(scenario, calls, plan))
        if found:
            return found
    return {}


_known: dict[tuple[int, Plan], dict[str, Any]] = {}


def _baseline(scenario: Scenario, plan: Plan) -> dict[str, Any]:
    """What nothing in place gives: the same for every intervention of a proof."""
    key = (hash(scenario.model_dump_json()), plan)
    if key not in _known:
        if len(_known) > KEPT:
            _known.clear()
        _known[key] = replay.replay_facts(scenario, 1, (), plan)
    return _known[key]


def _with(scenario: Scenario, calls: tuple[Call, ...], plan: Plan) -> dict[str, Any]:
    if plan.planned:  # who acts after the page moves with it, as in a review
        base = _page_s(scenario, plan)
        from simulator.responder import split

        before, acting = split(list(plan.planned), base)
        plan = Plan(tuple(before), plan.until_s, tuple(acting.after_page))
    return replay.replay_facts(scenario, 1, calls, plan)


def _page_s(scenario: Scenario, plan: Plan) -> float | None:
    page = _baseline(scenario, plan)["detected_s"]
    return None if page is None else float(page)
