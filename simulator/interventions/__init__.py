"""The closed catalogue of remedies: one visible registry, one file a kind of remedy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulator.interventions import (
    backups,
    capacity,
    concurrency,
    consensus,
    data_rules,
    integrity,
    locking,
    migrations,
    overload,
    places,
    process,
    release,
    resilience,
    response,
    schema,
    sharding,
    strangler,
)
from simulator.interventions.base import Call, Intervention, InterventionError, Raw
from simulator.scenario import Focus, Scenario, parse

if TYPE_CHECKING:
    from simulator.world import World

CATALOGUE: dict[str, Intervention] = {
    entry.id: entry
    for room in (
        release,
        capacity,
        resilience,
        response,
        process,
        overload,
        places,
        schema,
        migrations,
        sharding,
        data_rules,
        integrity,
        strangler,
        concurrency,
        locking,
        backups,
        consensus,
    )
    for entry in room.ENTRIES
}
HANDLERS = {**release.HANDLERS, **integrity.HANDLERS, **backups.HANDLERS}

__all__ = [
    "CATALOGUE",
    "HANDLERS",
    "Call",
    "Intervention",
    "InterventionError",
    "applies",
    "install",
    "patched",
    "read_call",
]


def read_call(text: str) -> Call:
    """Read `id` or `id:name=number,name=number`. Raises InterventionError."""
    name, _, rest = text.partition(":")
    entry = CATALOGUE.get(name)
    if entry is None:
        raise InterventionError(f"no intervention {name!r}; known: {', '.join(sorted(CATALOGUE))}")
    params = []
    for part in filter(None, rest.split(",")):
        key, _, value = part.partition("=")
        if key not in entry.parameters:
            known = ", ".join(entry.parameters) or "none"
            raise InterventionError(f"{name}: no parameter {key!r}; its parameters: {known}")
        try:
            params.append((key, float(value)))
        except ValueError:
            params.append((key, math.nan))
        if not math.isfinite(params[-1][1]):
            raise InterventionError(f"{name}: {key} must be a number, not {value!r}")
    return Call(name, tuple(params))


def parameters(call: Call) -> dict[str, float]:
    """A call's parameters over its entry's defaults. Raises InterventionError."""
    entry = CATALOGUE.get(call.id)
    if entry is None:
        raise InterventionError(f"no intervention {call.id!r}")
    return {**entry.parameters, **dict(call.params)}


def applies(scenario: Scenario, name: str) -> bool:
    """Whether a remedy can be measured in this scenario: it has what the remedy acts on."""
    entry = CATALOGUE.get(name)
    return entry is not None and entry.measurable and not entry.missing(scenario.focus)


def patched(scenario: Scenario, calls: tuple[Call, ...]) -> Scenario:
    """The scenario with the interventions' numbers in it. Raises InterventionError, ScenarioError."""
    for call in calls:
        parameters(call)
        missing = CATALOGUE[call.id].missing(scenario.focus)
        if missing:
            raise InterventionError(
                f"{call.id}: needs a {missing[0]}, and scenario {scenario.id} turns on none"
            )
    if not any(CATALOGUE[c.id].patch for c in calls):
        return scenario
    raw = scenario.model_dump(mode="json")
    for call in calls:
        patch = CATALOGUE[call.id].patch
        if patch is not None:
            patch(raw, scenario.focus, _fitted(call, raw, scenario.focus))
    return parse(raw, f"{scenario.id} with {', '.join(c.id for c in calls)}")


def _fitted(call: Call, raw: Raw, focus: Focus) -> dict[str, float]:
    """A call's numbers: those it names, else what fits the scenario, else the entry's defaults."""
    sized = CATALOGUE[call.id].sized
    return {**parameters(call), **(sized(raw, focus) if sized else {}), **dict(call.params)}


def install(world: World, calls: tuple[Call, ...]) -> None:
    """Let the interventions that act while the world runs take their place."""
    for call in calls:
        act = CATALOGUE[call.id].install
        if act is not None:
            act(world, parameters(call))
