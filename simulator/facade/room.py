"""The facade before a part of a monolith: which places go through it, which way calls take, what shadow calls show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator import bridge, settings
from simulator.entities.history import INVOKE
from simulator.entities.spec import Flow, amount_by
from simulator.interventions.strangler import GATE_CASES, RETURN_S, STEPS, SYNC_ROWS
from simulator.room import Room
from simulator.scenario import Extraction, Text
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

SYNC_EVERY_S = 10  # between two looks of a continuous sync
SAMPLES = 12  # differing cases kept for the report
T = {
    "routed": Text(ru="новым путём идёт {0:g} %", en="{0:g} % go the new way"),
    "moved": Text(ru="{0} теперь за фасадом", en="{0} is behind the facade now"),
    "copied": Text(
        ru="перенос истории завершён: {0} строк", en="the copy of the history is complete: {0} rows"
    ),
}


@dataclass
class Tally:
    """Shadow calls compared: how many, how many differ, and how many of each kind (by its index, -1: no kind)."""

    compared: int = 0
    differ: int = 0
    kinds: dict[int, int] = field(default_factory=dict)
    samples: list[tuple[int, int, int]] = field(default_factory=list)  # entity, old amount, new amount


@dataclass
class Facade:
    """`share` of calls goes the new way; `behind` are the flows whose place goes through the facade."""

    behind: list[str]
    coming: dict[str, float] = field(default_factory=dict)  # flow -> when its place is behind the facade
    share: float = 0.0
    dual: bool = False
    shadow: float = 0.0
    tally: Tally = field(default_factory=Tally)
    seen: int = 0
    golden: list[int] = field(default_factory=list)  # recorded cases: entities
    recording_to_s: float = 0.0
    copy_rate: float = 0.0
    copied: int = 0
    wanted: float = 0.0  # the share that was asked for, where the company moves in steps
    stepped_s: float = 0.0
    wrong: int = 0  # rows whose amounts differed at the last look of the automatic return


def spec_of(world: World) -> Extraction:
    assert world.scenario.extraction is not None
    return world.scenario.extraction


def version_of(world: World) -> str:
    """The version of the new service that most of its ready pods run."""
    running = settings.serving(world, spec_of(world).service)
    return max(running, key=running.__getitem__)[0] if running else ""


def _paths(flow: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {f"flow.{flow}.{path}": value for path, value in changes.items()}


def new_way(world: World, flow: Flow, version: str) -> Flow:
    """How a flow goes by the new service in one of its versions."""
    spec = spec_of(world)
    changes = {**_paths(flow.name, spec.new), **_paths(flow.name, spec.versions.get(version, {}))}
    return settings.varied(flow, changes)


def ways(world: World, state: Facade) -> dict[str, list[tuple[float, dict[str, Any]]]]:
    """Which share of each flow's new entities goes which way."""
    spec = spec_of(world)
    version = spec.versions.get(version_of(world), {})
    found = {}
    for flow in (*spec.flows, *spec.seams):
        share = state.share if flow in state.behind else 0.0
        old = dict(_paths(flow, spec.mirror_old)) if state.dual and flow in state.behind else {}
        new = {**_paths(flow, spec.new), **_paths(flow, version)}
        if state.dual:
            new.update(_paths(flow, spec.mirror_new))
        found[flow] = [(1.0 - share, old), (share, new)]
    return found


def differs(world: World, entity: int, amount: int, version: str) -> int:
    """What the new service makes of an amount."""
    assert world.entities is not None
    flow = world.entities.spec.flows[0]
    step = next(s for s in new_way(world, flow, version).steps if s.name == spec_of(world).step)
    return amount_by(step, entity, amount)


def kind_of(world: World, entity: int) -> int:
    for number, kind in enumerate(spec_of(world).kinds):
        if entity % kind.mod == kind.rest:
            return number
    return -1


def each_second(world: World) -> None:
    state: Facade = world.rooms["facade"]
    for flow, when in list(state.coming.items()):
        if world.now_s >= when:
            del state.coming[flow]
            state.behind.append(flow)
            carry(world, state)
            world.note("facade", T["moved"].of(world.language).format(spec_of(world).seams[flow].method))
    governed(world, state)
    world.settings.ways = ways(world, state)
    _watch(world, state)
    if state.copy_rate:
        _copy(world, state)
    elif SYNC_ROWS in world.policies and int(world.now_s) % SYNC_EVERY_S == 0:
        carry_over(world, state, world.policies[SYNC_ROWS] * SYNC_EVERY_S)


def carry(world: World, state: Facade) -> None:
    """Tell the plane which share of its calls goes the new way: of the flows that traffic drives, those behind."""
    business = world.scenario.entities
    assert business is not None
    driven = [
        flow for flow in spec_of(world).seams if flow in business.drive and business.drive[flow].traffic
    ]
    through = sum(business.drive[flow].share for flow in driven if flow in state.behind)
    total = sum(business.drive[flow].share for flow in driven)
    world.plane.set_route(spec_of(world).route, state.share * through / total if total else state.share)


def send(world: World, state: Facade, share: float) -> None:
    """Let this share of calls go the new way, and say so."""
    state.share = share
    carry(world, state)
    world.note("facade", T["routed"].of(world.language).format(share * 100))


def asked(world: World, state: Facade, share: float) -> None:
    """Somebody wants this share: at once, or by the company's steps."""
    state.wanted, state.stepped_s = share, world.now_s
    step = world.policies[STEPS][0] if STEPS in world.policies else 1.0
    send(world, state, min(share, state.share + step))


def governed(world: World, state: Facade) -> None:
    """What the company has decided about moving calls: the next step is due, or all go back the old way."""
    from simulator import facts

    hold_s = world.policies[STEPS][1] if STEPS in world.policies else math.inf
    if state.wanted > state.share and world.now_s - state.stepped_s >= hold_s:
        asked(world, state, state.wanted)
    period_s = world.policies.get(RETURN_S)
    if period_s is None or int(world.now_s) % period_s or not state.share:
        return
    before, state.wrong = state.wrong, compared(world)[3]
    history, sli = world.plane.history, world.scenario.sli
    level = facts.smoothed(history, sli.traffic_class, history.seconds - 1) if history.seconds else 1.0
    if state.wrong > before or level < sli.healthy:
        state.wanted = 0.0
        send(world, state, 0.0)


def refusal(world: World, state: Facade, share: float) -> tuple[int, int] | None:
    """Where no calls may move before recorded cases agree: (cases, those that differ); None: they may."""
    least = world.policies.get(GATE_CASES)
    if least is None or share <= state.share:
        return None
    cases, differ = cases_of(world, state, version_of(world))
    return (cases, len(differ)) if cases < least or differ else None


def cases_of(world: World, state: Facade, version: str) -> tuple[int, list[tuple[int, int, int]]]:
    """(recorded cases, those a version works out differently: entity, old amount, new amount)."""
    assert world.entities is not None
    amounts = world.entities.amounts()
    new = (
        (entity, amounts[entity], differs(world, entity, amounts[entity], version)) for entity in state.golden
    )
    return len(state.golden), [case for case in new if case[1] != case[2]]


def compared(world: World) -> tuple[int, int, int, int]:
    """(rows of the old table, of the new one, missing in the new, with another amount)."""
    assert world.entities is not None
    spec, stores = spec_of(world), world.entities.domain.stores
    old = stores[spec.old_store].final().get(spec.old_table, {})
    new = stores[spec.new_store].final().get(spec.new_table, {})
    lacks = sum(row not in new for row in old)
    wrong = sum(row in new and new[row] != value for row, value in old.items())
    return len(old), len(new), lacks, wrong


def _watch(world: World, state: Facade) -> None:
    """Compare what shadow calls would have billed, and record cases."""
    entities = world.entities
    assert entities is not None
    known = (*spec_of(world).flows, *spec_of(world).seams)
    version = version_of(world)
    for op in entities.history.since(state.seen):
        if op.type != INVOKE or op.f not in known:
            continue
        if world.now_s <= state.recording_to_s:
            state.golden.append(op.entity)
        if op.f in state.behind and state.shadow > 0 and op.entity % 100 < state.shadow * 100:
            _compare(world, state.tally, op.entity, op.value[0], version)
    state.seen = len(entities.history)


def _compare(world: World, tally: Tally, entity: int, amount: int, version: str) -> None:
    new = differs(world, entity, amount, version)
    tally.compared += 1
    if new == amount:
        return
    tally.differ += 1
    kind = kind_of(world, entity)
    tally.kinds[kind] = tally.kinds.get(kind, 0) + 1
    if len(tally.samples) < SAMPLES:
        tally.samples.append((entity, amount, new))


def missing(world: World) -> list[tuple[int, int]]:
    """(entity, amount) of rows the old table has and the new one lacks."""
    assert world.entities is not None
    spec, stores = spec_of(world), world.entities.domain.stores
    new = stores[spec.new_store].final().get(spec.new_table, {})
    old = stores[spec.old_store].final().get(spec.old_table, {})
    return [(row, value) for row, value in sorted(old.items()) if row not in new]


def _copy(world: World, state: Facade) -> None:
    """Copy what the new table lacks, so many rows a second, oldest first."""
    left = carry_over(world, state, state.copy_rate)
    if left is not None and left <= 0:
        state.copy_rate = 0.0
        world.note("facade", T["copied"].of(world.language).format(state.copied))


def carry_over(world: World, state: Facade, most: float) -> float | None:
    """Copy so many rows at most; how many are left, or None when nobody takes them."""
    meets = bridge.catch_up(world)
    assert world.entities is not None
    spec = spec_of(world)
    store = world.entities.domain.stores[spec.new_store]
    leader = store.leader_for("", meets)
    rows = missing(world)
    if leader is None:
        return None
    for row, value in rows[: int(most)]:
        world.entities.put_row(spec.new_store, spec.new_table, row, value, meets, "copy")
        state.copied += 1
    return len(rows) - most


def _build(world: World) -> Facade | None:
    spec = world.scenario.extraction
    return Facade(list(spec.flows)) if spec is not None else None


def _tools() -> Mapping[str, Tool]:
    from simulator.facade.tools import TOOLS

    return TOOLS


ROOM = Room("facade", _build, each_second=each_second, tools=_tools)
