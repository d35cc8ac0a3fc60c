"""An orchestrator's sagas from outside: the host that dies under them, what participants have, and a person's hand.

The orchestrator's view is where its records say a saga stands; the truth is what the participants have done and
undone. Both can differ: a time-out that was an effect, a memory that is gone, a compensation that was sent twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from simulator.entities import saga
from simulator.entities.conditions import Conditions
from simulator.entities.domain import Domain
from simulator.entities.effects import (
    ATTEMPT,
    DOUBT,
    ENTITY,
    FLOW,
    MOVES,
    PHASE,
    SAID,
    SAVED,
    STEP,
    TURN,
)
from simulator.entities.engine import Entities
from simulator.entities.history import OK, Op
from simulator.entities.spec import CALL, Flow, Step
from simulator.entities.timers import MS

Done = Mapping[str, int]  # step or compensation -> how often it took effect
TAKEN_UP_MS = 5_000  # until another pod notices that a saga has lost its host
RECLAIM = "reclaim"


def names(flow: Flow) -> dict[str, str]:
    """Every step and compensation with an effect, by name: itself."""
    return {s.name: s.name for step in flow.steps for s in (step, step.undo) if s is not None}


def journal(ops: Iterable[Op], flow: Flow) -> dict[int, dict[str, int]]:
    """What the participants' own records say: entity -> step or compensation -> how often."""
    wanted = names(flow)
    found: dict[int, dict[str, int]] = {}
    for op in ops:
        if op.type == OK and isinstance(op.process, str) and op.f in wanted:
            mine = found.setdefault(op.entity, {})
            mine[op.f] = mine.get(op.f, 0) + 1
    return found


def held(step: Step, done: Done) -> int:
    """How often a step stands in the end."""
    return done.get(step.name, 0) - (done.get(step.undo.name, 0) if step.undo is not None else 0)


def undone(flow: Flow, done: Done) -> bool:
    """Whether any compensation has taken effect."""
    return any(step.undo is not None and done.get(step.undo.name, 0) > 0 for step in flow.steps)


def over(flow: Flow, done: Done) -> list[tuple[Step, int]]:
    """Steps that were undone more often than done, and how much more often."""
    return [(s, -held(s, done)) for s in flow.steps if s.undo is not None and held(s, done) < 0]


def whole(flow: Flow, done: Done) -> bool:
    """Whether all steps stand once, or nothing stands."""
    counts = [held(step, done) for step in flow.steps]
    return all(c == 1 for c in counts) or not any(counts)


def true_place(flow: Flow, done: Done, backward: bool) -> tuple[int, int]:
    """Where a saga really stands, (step, phase), by what participants have; one that turned back goes on back."""
    if backward or undone(flow, done):
        standing = [n for n, s in enumerate(flow.steps) if s.undo is not None and held(s, done) > 0]
        return (standing[-1], saga.BACKWARD) if standing else (0, saga.COMPENSATED)
    missing = [n for n, s in enumerate(flow.steps) if held(s, done) <= 0]
    return (missing[0], saga.FORWARD) if missing else (len(flow.steps), saga.DONE)


# -- the host


def lose_host(domain: Domain, number: int) -> bool:
    """The pod of a running saga is gone. Another takes it up from what was saved; False: nothing was."""
    record = domain.live[number]
    domain.abandon(number)
    if domain.flows[record[FLOW]].persist == "none":
        domain.forget(number, record)
        return False
    record[STEP], record[PHASE] = divmod(record[SAVED], 8)
    record[ATTEMPT], record[DOUBT], record[MOVES] = 0, 1, None  # what was in flight may have happened
    record[TURN] += 1
    domain.live[number] = record
    domain.timers.at(domain.timers.now + TAKEN_UP_MS * MS, "domain", "again", number, record[TURN])
    return True


# -- a person's hand


def kept(domain: Domain, number: int) -> list[Any] | None:
    """The record of a saga that is at rest and not at its end."""
    return domain.stuck.get(number)


def standing(flow: Flow, done: Done) -> tuple[int, ...]:
    """The numbers of the steps that stand by the participants."""
    return tuple(n for n, step in enumerate(flow.steps) if held(step, done) > 0)


def adopt(entities: Entities, number: int, flow: str, entity: int, place: tuple[int, int]) -> None:
    """Give the orchestrator a record of a saga again, as standing at a place; it waits there."""
    domain = entities.domain
    record = domain.stuck.get(number) or domain.forgotten.pop(number, None)
    if record is None:
        index = next(i for i, f in enumerate(entities.spec.flows) if f.name == flow)
        hot = [item for i, item, _, _ in entities.arrivals]
        record = domain.fresh(index, entity, hot[(entity - 1) % len(hot)] if hot else -1)
    record[STEP], record[PHASE] = place
    record[ATTEMPT], record[DOUBT], record[MOVES] = 0, 0, None
    domain.stuck[number] = record


def go_on(domain: Domain, conditions: Conditions, number: int, place: tuple[int, int]) -> None:
    """A saga at rest runs again from a place, by the code that serves now, and answers anew."""
    record = domain.stuck.pop(number)
    record[FLOW] = domain.present(domain.family(record[FLOW]), record[ENTITY])
    record[STEP], record[PHASE] = place
    record[ATTEMPT], record[DOUBT], record[SAID], record[MOVES] = 0, 0, 0, None
    record[TURN] += 1
    domain.live[number] = record
    if place[1] > saga.BACKWARD:
        domain.end(conditions, number, record, place[1])
        return
    record[SAVED] = place[0] * 8 + place[1]
    domain.run(conditions, number, record)


def backwards(flow: Flow, step: int, phase: int) -> tuple[int, int]:
    """Where compensation begins for a saga that the orchestrator believes to stand at a place."""
    last = step if phase == saga.BACKWARD else min(step, len(flow.steps) - 1)
    return saga.back_from(flow, last)[:2]


def skipped(flow: Flow, step: int, phase: int) -> tuple[int, int]:
    """The place after a step that nobody runs."""
    return saga.after(flow, step, phase, 0, 0, saga.OK)[:2]


def reclaim(domain: Domain, flow: Flow, entity: int, amount: int, done: Done) -> int:
    """Call back what was given back beyond what was taken; returns how many operations. The taking stands again."""
    times = 0
    for step, excess in over(flow, done):
        if step.do != CALL:
            continue
        system = domain.systems[step.target]
        for _ in range(excess):
            if system.post(RECLAIM, entity, amount, "", domain.timers.now) == "posted":
                domain.history.add(domain.timers.now, OK, step.target, step.name, entity, amount, entity)
                times += 1
    return times
