"""What must hold at the end of any run, whoever played it. Each check names its violations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from simulator.scenario import Worker

if TYPE_CHECKING:
    from simulator.world import World

SLACK = 2.0  # requests: what starts or ends inside the last second


def check(world: World) -> dict[str, dict[str, Any]]:
    """{name: {ok, violations}} for a world at rest."""
    return {
        "requests_accounted": _result(_requests(world)),
        "parked_accounted": _result(_parked(world)),
        "connections_within_limit": _result(_connections(world)),
    }


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
    for name, database in world.scenario.databases().items():
        used = max(world.plane.history.column(f"db/{name}/connections"), default=0.0)
        limit = database.max_connections - database.superuser_reserved
        if used > limit + 1:
            found.append(f"{name}: {used:.1f} connections with {limit} slots")
    return found
