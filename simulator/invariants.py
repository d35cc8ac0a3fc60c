"""What must hold at the end of any run, whoever played it. Each check names its violations.

Three are of the data plane and hold in every world; the rest a scenario declares over the history of its entities.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from simulator.entities import anomalies, books, checkers, delivery, registers, shard_checks
from simulator.entities.history import Op
from simulator.entities.timers import SECOND
from simulator.entities.verdicts import Verdict
from simulator.plane_checks import WORLD_CHECKERS
from simulator.scenario import Invariant, Scenario, ScenarioError, Worker

if TYPE_CHECKING:
    from simulator.world import World

SLACK = 2.0  # requests: what starts or ends inside the last second


# name -> (checker of a history, whether it also reads the state as it stands)
CHECKERS: dict[str, tuple[Callable[..., Verdict], bool]] = {
    "nothing_lost": (checkers.nothing_lost, True),
    "no_message_lost": (checkers.no_message_lost, True),
    "stored_once": (shard_checks.stored_once, True),
    "at_home": (shard_checks.at_home, True),
    "at_most_once": (checkers.at_most_once, False),
    "amounts": (checkers.amounts, True),
    "done_by": (checkers.done_by, False),
    "balances": (checkers.balances, False),
    "settled": (checkers.settled, True),
    "sums": (checkers.sums, False),
    "saga_atomic": (checkers.saga_atomic, True),
    "paid_for": (checkers.paid_for, True),
    "one_leader": (checkers.one_leader, False),
    "consumed": (delivery.at_least_once, False),
    "consumed_once": (delivery.at_most_once, False),
    "delivered": (delivery.delivered, True),
    "ledger": (books.ledger, True),
    "undisturbed": (books.undisturbed, False),
    "at_most": (delivery.at_most, True),
    "in_order": (delivery.in_order, False),
    "added_kept": (registers.added_kept, True),
    "fresh_reads": (registers.fresh_reads, False),
    "read_your_writes": (registers.read_your_writes, False),
    "monotonic_reads": (registers.monotonic_reads, False),
    "linearizable": (registers.linearizable, False),
    "serialisable": (anomalies.serialisable, False),
}
# They keep what they have read (`History.folded`); the others go through all records, decoded once.
FOLDED = {"nothing_lost", "at_most_once", "settled", "saga_atomic", "paid_for", "delivered", "ledger"}
OPEN_S = 60.0  # a saga without an answer may be on its way this long


def check(world: World) -> dict[str, dict[str, Any]]:
    """{name: {ok, violations}} for a world at rest."""
    found = {
        "requests_accounted": _result(_requests(world)),
        "parked_accounted": _result(_parked(world)),
        "connections_within_limit": _result(_connections(world)),
    }
    final: Iterable[Op] = world.entities.audit() if world.entities is not None else []
    for name, spec in world.scenario.invariants.items():
        answer = judge(world, spec, final)
        shown = [v.text(world.language) for v in answer.violations[:SHOWN]]
        weighted = answer.weighted(world.entities.weights()) if world.entities is not None else 0.0
        found[name] = {"ok": bool(answer.ok), "violations": shown, "count": round(weighted)}
    return found


SHOWN = 20  # violations spelt out in a report


def judge(world: World, spec: Invariant, final: Iterable[Op] | None = None) -> Verdict:
    """One declared invariant over the history so far; `final` is the audit, if there is one already."""
    if spec.check in WORLD_CHECKERS:
        return WORLD_CHECKERS[spec.check](world, **spec.args)
    assert world.entities is not None
    checker, needs_final = CHECKERS[spec.check]
    more: dict[str, Any] = {}
    if needs_final:
        more = {"final": world.entities.audit() if final is None else final}
    if spec.check == "saga_atomic":
        more |= {"now_ns": world.entities.now_ns, "older_ns": int(OPEN_S * SECOND)}
    elif spec.check == "done_by":
        more = {"now_ns": world.entities.now_ns}
    elif spec.check in ("delivered", "paid_for", "ledger", "undisturbed"):
        more["now_ns"] = world.entities.now_ns
    ops = world.entities.history if spec.check in FOLDED else world.ops
    return checker(ops, **more, **spec.args)


def first_broken(world: World, suspect: str = "") -> str:
    """The name of a declared invariant that does not hold now, or nothing; `suspect` is looked at first."""
    final: Iterable[Op] = world.entities.audit() if world.entities is not None else []
    for name in sorted(world.scenario.invariants, key=lambda n: n != suspect):
        if not judge(world, world.scenario.invariants[name], final).ok:
            return name
    return ""


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
        checker = of_world or CHECKERS[spec.check][0]
        known = list(inspect.signature(checker).parameters)[1:]
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
