"""What `sagactl` sees: the orchestrator's records on one side, the participants' journals on the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.entities import orchestration, saga
from simulator.entities.effects import AMOUNT, ATTEMPT, FLOW, PHASE, STEP
from simulator.entities.history import FAIL, INVOKE, OK, Op
from simulator.entities.timers import SECOND
from simulator.kafka.messages import number_offset
from simulator.sagas.state import declared, domain_of, entities_of, sagas_of

if TYPE_CHECKING:
    from simulator.entities.spec import Flow
    from simulator.world import World

RUNNING, COMPENSATING, STUCK, LOST, DONE, COMPENSATED = (
    "running", "compensating", "stuck", "lost", "done", "compensated",
)  # fmt: skip
STATES = (RUNNING, COMPENSATING, STUCK, LOST, DONE, COMPENSATED)
OPEN = (RUNNING, COMPENSATING, STUCK)


@dataclass
class Saga:
    """A saga as it is now: `step` and `phase` are the orchestrator's view, `done` the participants'."""

    number: int
    flow: Flow
    entity: int
    amount: int
    begun_ns: int
    state: str = LOST
    step: int = 0
    phase: int = saga.FORWARD
    attempt: int = 0
    done: Mapping[str, int] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether the orchestrator knows anything of it."""
        return self.state != LOST

    @property
    def at_step(self) -> str:
        if self.state == LOST:
            return "?"
        if self.phase > saga.BACKWARD or self.step >= len(self.flow.steps):
            return "-"
        return saga.step_of(self.flow, self.step, self.phase).name


def saga_id(world: World, flow: str, entity: int) -> str:
    """The order's number, as SQL and messages show it."""
    return f"{flow}-{entity + number_offset(world)}"


def id_of(world: World, found: Saga) -> str:
    return saga_id(world, found.flow.name, found.entity)


def all_sagas(world: World) -> dict[int, Saga]:
    """Every saga that has begun, by its number, oldest first."""
    found: dict[int, Saga] = {}
    flows = {name: declared(world, name) for name in sagas_of(world).flows}
    journals = {name: orchestration.journal(world.ops, flow) for name, flow in flows.items()}
    last: dict[int, Op] = {}
    for op in world.ops:
        if op.f not in flows or isinstance(op.process, str):
            continue
        if op.type == INVOKE:
            done = journals[op.f].get(op.entity, {})
            found[op.process] = Saga(op.process, flows[op.f], op.entity, op.value[0], op.time_ns, done=done)
        else:
            last[op.process] = op
    for number, each in found.items():
        _stand(world, each, last.get(number))
    return found


def _stand(world: World, each: Saga, answer: Op | None) -> None:
    """What the orchestrator says of it."""
    domain = domain_of(world)
    record = domain.live.get(each.number) or domain.stuck.get(each.number)
    if record is not None:
        each.flow = domain.flows[record[FLOW]]
        each.step, each.phase, each.attempt = record[STEP], record[PHASE], record[ATTEMPT]
        stuck = each.number in domain.stuck
        each.phase = saga.BACKWARD if each.phase == saga.STUCK else each.phase
        each.state = STUCK if stuck else COMPENSATING if each.phase == saga.BACKWARD else RUNNING
    elif each.number in domain.forgotten:
        each.state = LOST
    elif answer is not None and answer.type == OK:
        each.state, each.step, each.phase = DONE, len(each.flow.steps), saga.DONE
    elif answer is not None and answer.type == FAIL:
        each.state, each.phase = COMPENSATED, saga.COMPENSATED
    else:  # saved, and waiting for its host to come back
        each.state = RUNNING


def age_s(world: World, each: Saga) -> float:
    return (entities_of(world).now_ns - each.begun_ns) / SECOND


def age_text(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m" if hours else f"{minutes}m{rest}s" if minutes else f"{rest}s"


# -- what does not fit together


def mend(each: Saga) -> tuple[int, int] | None:
    """Where a saga that is at rest stands by its participants, if that is not where it is thought to stand."""
    flow, done = each.flow, each.done
    if each.state == LOST:
        return orchestration.true_place(flow, done, False) if any(done.values()) else None
    if each.state == STUCK:
        place = orchestration.true_place(flow, done, each.phase in (saga.BACKWARD, saga.COMPENSATED))
        return place if place != (each.step, each.phase) else None
    if each.state in (DONE, COMPENSATED) and any(
        orchestration.held(s, done) != (1 if each.state == DONE else 0) for s in flow.steps
    ):
        place = orchestration.true_place(flow, done, each.state == COMPENSATED)
        return place if place[1] <= saga.BACKWARD else None
    return None


def superfluous(each: Saga) -> int:
    """How many compensations were sent beyond what was done."""
    return sum(times for _, times in orchestration.over(each.flow, each.done))


def kind_of(each: Saga) -> str:
    """What is wrong with it: lost, misplaced, half done."""
    return {LOST: "lost", STUCK: "misplaced"}.get(each.state, "half-done")


# -- tables


def table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) + 3 for i in range(len(rows[0]))]
    return "".join(
        "".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def listed(world: World, found: list[Saga]) -> str:
    rows: list[tuple[str, ...]] = [("SAGA", "STATE", "STEP", "ATTEMPT", "AGE", "AMOUNT", "POD")]
    seats = sagas_of(world).seats
    for each in found:
        seat = seats.get(each.number)
        rows.append(
            (id_of(world, each), each.state, each.at_step, str(each.attempt + 1), age_text(age_s(world, each)),
             str(each.amount), seat[0] if seat is not None else "-")
        )  # fmt: skip
    return table(rows)


def plain(world: World, each: Saga) -> dict[str, Any]:
    """For `-o json`."""
    return {
        "id": id_of(world, each),
        "flow": each.flow.name,
        "state": each.state,
        "step": each.at_step if each.at_step not in "-?" else None,
        "attempt": each.attempt + 1,
        "startedAt": world.at(each.begun_ns / SECOND).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "amount": each.amount,
        "participants": dict(sorted(each.done.items())),
    }


def _view(each: Saga, place: int) -> str:
    """What the orchestrator believes of a step."""
    if each.state == LOST:
        return "unknown"
    if each.state == DONE:
        return "done"
    if each.state == COMPENSATED or (each.phase == saga.COMPENSATED):
        return "undone"
    if each.phase == saga.BACKWARD:
        last = each.flow.steps[place].undo is not None
        at = "waiting" if each.state == STUCK else "undoing"
        return at if place == each.step else "done" if place < each.step else "undone" if last else "-"
    if place == each.step:
        return "waiting" if each.state == STUCK else "running"
    return "done" if place < each.step else "-"


def _truth(each: Saga, place: int) -> str:
    step = each.flow.steps[place]
    did = each.done.get(step.name, 0)
    if step.undo is None:
        return f"done {did}"
    return f"done {did}, undone {each.done.get(step.undo.name, 0)}"


def shown(world: World, each: Saga) -> str:
    """One saga in full."""
    record = domain_of(world).live.get(each.number) or domain_of(world).stuck.get(each.number)
    amount = record[AMOUNT] if record is not None else each.amount
    begun = world.at(each.begun_ns / SECOND).strftime("%H:%M:%S")
    seat = sagas_of(world).seats.get(each.number)
    head = [
        ("Saga:", id_of(world, each)),
        ("Flow:", f"{each.flow.name} (state kept: {each.flow.persist})"),
        ("State:", each.state if each.at_step in "-?" else f"{each.state} at {each.at_step}, attempt {each.attempt + 1}"),
        ("Started:", f"{begun} ({age_text(age_s(world, each))} ago)"),
        ("Amount:", str(amount)),
        ("Pod:", seat[0] if seat is not None else "-"),
    ]  # fmt: skip
    rows: list[tuple[str, ...]] = [("STEP", "COMPENSATION", "TARGET", "ORCHESTRATOR", "PARTICIPANT")]
    for place, step in enumerate(each.flow.steps):
        undo = step.undo.name if step.undo is not None else "-"
        rows.append((step.name, undo, step.target, _view(each, place), _truth(each, place)))
    return table([*head]) + "\n" + table(rows) + "\n" + _events(world, each)


EVENTS = 40


def _events(world: World, each: Saga) -> str:
    mine = [op for op in world.ops if op.entity == each.entity and _concerns(op, each)][-EVENTS:]
    rows: list[tuple[str, ...]] = [("TIME", "WHO", "WHAT", "RESULT")]
    for op in mine:
        clock = world.at(op.time_ns / SECOND).strftime("%H:%M:%S.%f")[:-3]
        who = op.process if isinstance(op.process, str) else "orchestrator"
        result = {"invoke": "sent", "ok": "ok", "fail": "refused", "info": "unknown"}[op.type]
        rows.append((clock, who.replace(f"saga/{each.number}", "orchestrator"), op.f, result))
    return table(rows)


def _concerns(op: Op, each: Saga) -> bool:
    if op.f == "forgotten":  # nobody was there to write that down
        return False
    return isinstance(op.process, str) or op.process == each.number
