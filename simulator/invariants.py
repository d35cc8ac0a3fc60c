"""What must hold at the end of any run, whoever played it. Each check names its violations.

Three are of the data plane and hold in every world; the rest a scenario declares over the history of its entities.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.entities import anomalies, books, checkers, delivery, registers, shard_checks
from simulator.entities.history import Op
from simulator.entities.timers import SECOND
from simulator.entities.verdicts import Verdict
from simulator.plane_checks import WORLD_CHECKERS
from simulator.scenario import Invariant, Scenario, ScenarioError, Worker

if TYPE_CHECKING:
    from simulator.world import World

SLACK = 2.0  # requests: what starts or ends inside the last second


class Checker(NamedTuple):
    """A checker of a history, whether it also reads the state as it stands, and whether it keeps what it has read.

    One that does (`History.folded`) is given the history, the others all records, decoded once. `sized`: what it
    compares are amounts, so there is also by how much they are off.
    """

    run: Callable[..., Verdict]
    final: bool = False
    keeps: bool = False
    sized: bool = False


CHECKERS: dict[str, Checker] = {
    "nothing_lost": Checker(checkers.nothing_lost, final=True, keeps=True),
    "no_message_lost": Checker(checkers.no_message_lost, final=True),
    "stored_once": Checker(shard_checks.stored_once, final=True),
    "at_home": Checker(shard_checks.at_home, final=True),
    "at_most_once": Checker(checkers.at_most_once, keeps=True),
    "amounts": Checker(checkers.amounts, final=True, sized=True),
    "done_by": Checker(checkers.done_by),
    "balances": Checker(checkers.balances, sized=True),
    "settled": Checker(checkers.settled, final=True, keeps=True, sized=True),
    "sums": Checker(checkers.sums),
    "saga_atomic": Checker(checkers.saga_atomic, final=True, keeps=True),
    "paid_for": Checker(checkers.paid_for, final=True, keeps=True, sized=True),
    "one_leader": Checker(checkers.one_leader),
    "consumed": Checker(delivery.at_least_once),
    "consumed_once": Checker(delivery.at_most_once),
    "delivered": Checker(delivery.delivered, final=True, keeps=True),
    "ledger": Checker(books.ledger, final=True, keeps=True, sized=True),
    "undisturbed": Checker(books.undisturbed),
    "at_most": Checker(delivery.at_most, final=True),
    "in_order": Checker(delivery.in_order),
    "added_kept": Checker(registers.added_kept, final=True),
    "fresh_reads": Checker(registers.fresh_reads),
    "read_your_writes": Checker(registers.read_your_writes),
    "monotonic_reads": Checker(registers.monotonic_reads),
    "linearizable": Checker(registers.linearizable),
    "serialisable": Checker(anomalies.serialisable),
}
OPEN_S = 60.0  # a saga without an answer may be on its way this long


def check(world: World) -> dict[str, dict[str, Any]]:
    """{name: {ok, violations, count}} for a world at rest; `off_by` where amounts are compared."""
    found = {
        "requests_accounted": _result(_requests(world)),
        "parked_accounted": _result(_parked(world)),
        "connections_within_limit": _result(_connections(world)),
    }
    final: Iterable[Op] = world.entities.audit() if world.entities is not None else []
    amounts = sized(world.scenario)
    for name, spec in world.scenario.invariants.items():
        answer = judge(world, spec, final)
        shown = [v.text(world.language) for v in answer.violations[:SHOWN]]
        weights = world.entities.weights() if world.entities is not None else {}
        count = round(answer.weighted(weights)) if world.entities is not None else 0
        found[name] = {"ok": bool(answer.ok), "violations": shown, "count": count}
        if name in amounts:
            found[name]["off_by"] = round(answer.off_by(weights))
    return found


SHOWN = 20  # violations spelt out in a report


def judge(world: World, spec: Invariant, final: Iterable[Op] | None = None) -> Verdict:
    """One declared invariant over the history so far; `final` is the audit, if there is one already."""
    if spec.check in WORLD_CHECKERS:
        return WORLD_CHECKERS[spec.check](world, **spec.args)
    assert world.entities is not None
    checker = CHECKERS[spec.check]
    moment = {"now_ns": world.entities.now_ns, "older_ns": int(OPEN_S * SECOND)}
    more: dict[str, Any] = {k: v for k, v in moment.items() if k in parameters(checker.run)}
    if checker.final:
        more["final"] = world.entities.audit() if final is None else final
    return checker.run(world.entities.history if checker.keeps else world.ops, **more, **spec.args)


@lru_cache(maxsize=64)
def parameters(checker: Callable[..., Verdict]) -> tuple[str, ...]:
    """What it can be told, beginning with what it checks."""
    return tuple(inspect.signature(checker).parameters)


def first_broken(world: World, suspect: str = "") -> str:
    """The name of a declared invariant that does not hold now, or nothing; `suspect` is looked at first."""
    final: Iterable[Op] = world.entities.audit() if world.entities is not None else []
    for name in sorted(world.scenario.invariants, key=lambda n: n != suspect):
        if not judge(world, world.scenario.invariants[name], final).ok:
            return name
    return ""


def sized(scenario: Scenario) -> list[str]:
    """The declared invariants that compare amounts."""
    known = scenario.invariants.items()
    return [name for name, spec in known if spec.check in CHECKERS and CHECKERS[spec.check].sized]


def prepared(scenario: Scenario) -> None:
    """Every declared invariant names a checker and its arguments. Raises ScenarioError."""
    for name, spec in scenario.invariants.items():
        where = f"scenario {scenario.id}: invariants.{name}"
        of_world = WORLD_CHECKERS.get(spec.check)
        if scenario.entities is None and of_world is None:
            raise ScenarioError(f"{where}: the scenario has no entities")
        if spec.check not in CHECKERS and of_world is None:
            known = [*CHECKERS, *WORLD_CHECKERS]
            raise ScenarioError(f"{where}.check: no checker {spec.check!r}; known: {', '.join(known)}")
        known = list(parameters(of_world or CHECKERS[spec.check].run))[1:]
        for argument in spec.args:
            if argument not in known:
                raise ScenarioError(f"{where}.args: {spec.check} has no argument {argument!r}")


def _result(violations: list[str]) -> dict[str, Any]:
    return {"ok": not violations, "violations": violations}


def _requests(world: World) -> list[str]:
    """Every request ended once: finished counts never exceed what was offered, and few are still inside."""
    found = []
    history = world.plane.history
    for name in world.scenario.traffic.classes:
        offered = math.fsum(history.column(f"class/{name}/offered"))
        kinds = ("ok", "declined", "rejected", "timeout", "error")
        ended = math.fsum(math.fsum(history.column(f"class/{name}/{k}")) for k in kinds)
        if ended > offered + SLACK:
            found.append(f"{name}: {ended:.1f} requests ended, only {offered:.1f} were offered")
    return found


def _parked(world: World) -> list[str]:
    """No parked request is lost: parked = drained + still parked + on its way right now."""
    found = []
    history = world.plane.history
    for name, worker in world.scenario.components.items():
        if not isinstance(worker, Worker):
            continue
        kinds = ("rejected", "timeout", "error")
        parked = math.fsum(math.fsum(history.column(f"class/{worker.parks}/{k}")) for k in kinds)
        drained = math.fsum(history.column(f"worker/{name}/drained"))
        left = history.last(f"worker/{name}/backlog")
        flying = parked - drained - left
        limit = worker.rate * 60  # no call of the worker lives longer than a minute
        if flying < -SLACK or flying > limit:
            found.append(f"{name}: {parked:.1f} parked, {drained:.1f} drained, {left:.1f} left")
    return found


def _connections(world: World) -> list[str]:
    found = []
    for database in world.plane.network.databases:  # each shard for itself
        used = max(world.plane.history.column(f"db/{database.name}/connections"), default=0.0)
        limit = database.max_connections - database.superuser_reserved
        if used > limit + 1:
            found.append(f"{database.name}: {used:.1f} connections with {limit} slots")
    return found
