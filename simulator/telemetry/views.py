"""A running world as plain values for a page: what there is, how it fares, what happened. Looking changes nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from simulator import facts
from simulator.scenario import Cache, Postgres, Scenario, Service, Step, Worker

if TYPE_CHECKING:
    from simulator.world import World

SPAN_S = 10  # the health of a part is that of its last seconds
WARM, HOT = 0.75, 0.95  # of a pool, a CPU, a queue
BAD_SHARE, POOR_SHARE = 0.05, 0.01  # of requests that fail


def topology(scenario: Scenario) -> dict[str, Any]:
    """The parts and who asks whom: {nodes: [{id, kind, owner, places}], edges: [{from, to, kind}]}."""
    nodes = []
    edges: dict[tuple[str, str], str] = {}
    for name, part in scenario.components.items():
        places = list(part.placement) if isinstance(part, Service) else []
        nodes.append({"id": name, "kind": part.kind, "owner": getattr(part, "owner", ""), "places": places})
        if isinstance(part, Service):
            for steps in part.endpoints.values():
                _walk(name, steps, edges)
        elif isinstance(part, Worker):
            edges[name, part.path.partition(".")[0]] = "call"
    entry = scenario.traffic.entry
    for cls in scenario.traffic.classes.values():
        edges.setdefault((entry, cls.path.partition(".")[0]), "call")
    known = set(scenario.components)
    return {
        "entry": entry,
        "nodes": nodes,
        "edges": [
            {"from": a, "to": b, "kind": kind} for (a, b), kind in edges.items() if b in known and a != b
        ],
    }


def _walk(caller: str, steps: list[Step], edges: dict[tuple[str, str], str]) -> None:
    for step in steps:
        if step.call:
            edges[caller, step.call.partition(".")[0]] = "call"
        elif step.query:
            edges[caller, step.query] = "query"
        elif step.cache:
            edges[caller, step.cache] = "cache"
            _walk(caller, step.miss, edges)
        for branch in (step.parallel or [], [step.old], [step.new]):
            for inner in branch:
                _walk(caller, inner, edges)


def health(world: World) -> dict[str, dict[str, Any]]:
    """By part: its state (ok, warn, bad, idle) and the figures behind it."""
    found = {}
    for name, part in world.scenario.components.items():
        if isinstance(part, Service):
            found[name] = _service(world, name)
        elif isinstance(part, Postgres):
            found[name] = _database(world, name)
        elif isinstance(part, Cache):
            found[name] = _cache(world, name)
        elif isinstance(part, Worker):
            found[name] = _worker(world, name)
        else:
            found[name] = _balancer(world)
    return found


def _recent(world: World, key: str) -> float:
    values = world.plane.history.column(key)[-SPAN_S:]
    return math.fsum(values) / len(values) if values else 0.0


def _state(*severities: int) -> str:
    return ("ok", "warn", "bad")[max(severities, default=0)]


def _level(value: float, poor: float, bad: float) -> int:
    return 2 if value >= bad else 1 if value >= poor else 0


def _service(world: World, name: str) -> dict[str, Any]:
    groups = [g for g in world.plane.network.groups if g.service == name]
    rows = dict.fromkeys(("pods", "requests", "rejected", "errors", "in_flight"), 0.0)
    slots = 0.0
    for group in groups:
        for what in rows:
            rows[what] += _recent(world, f"service/{group.label}/{what}")
        slots += group.limit_per_pod * _recent(world, f"service/{group.label}/pods")
    asked = rows["requests"]
    bad = (rows["errors"] + rows["rejected"]) / asked if asked > 0.0 else 0.0
    busy = rows["in_flight"] / slots if slots > 0.0 else 0.0
    state = _state(_level(bad, POOR_SHARE, BAD_SHARE), _level(busy, WARM, HOT), 0 if rows["pods"] else 2)
    return {
        "state": state,
        "pods": round(rows["pods"], 1),
        "rps": round(asked, 1),
        "failing": round(min(1.0, bad), 4),
        "busy": round(min(1.0, busy), 3),
    }


def _database(world: World, name: str) -> dict[str, Any]:
    pools = [p.name for p in world.plane.network.pools if name in (p.database, p.name)]
    cpu = _recent(world, f"db/{name}/cpu")
    waiting = math.fsum(_recent(world, f"pool/{p}/waiting") for p in pools)
    active = math.fsum(_recent(world, f"pool/{p}/active") for p in pools)
    queries = math.fsum(_recent(world, f"pool/{p}/queries") for p in pools)
    state = _state(_level(cpu, WARM, HOT), _level(waiting, 1.0, 10.0))
    return {
        "state": state,
        "cpu": round(min(1.0, cpu), 3),
        "active": round(active, 1),
        "waiting": round(waiting, 1),
        "qps": round(queries, 1),
    }


def _cache(world: World, name: str) -> dict[str, Any]:
    hits, misses = (_recent(world, f"cache/{name}/{what}") for what in ("hits", "misses"))
    share = hits / (hits + misses) if hits + misses > 0.0 else 1.0
    return {"state": _state(_level(1.0 - share, 0.4, 0.8)), "hit_share": round(share, 3)}


def _worker(world: World, name: str) -> dict[str, Any]:
    backlog = _recent(world, f"worker/{name}/backlog")
    return {"state": _state(_level(backlog, 100.0, 10_000.0)), "backlog": round(backlog)}


def _balancer(world: World) -> dict[str, Any]:
    name = world.scenario.sli.traffic_class
    base = f"class/{name}/"
    offered = _recent(world, base + "offered")
    good = facts.success(world.plane.history, name, max(0, world.plane.history.seconds - SPAN_S))
    failing = 1.0 - math.fsum(good) / len(good) if good else 0.0
    return {
        "state": _state(_level(failing, POOR_SHARE, BAD_SHARE)),
        "rps": round(offered, 1),
        "failing": round(failing, 4),
    }


def alerts(world: World) -> list[dict[str, Any]]:
    """Every alert so far: {name, severity, fired_s, paged_s, acked_s, resolved_s}."""
    return [
        {
            "name": i.alert,
            "severity": i.severity,
            "fired_s": i.fired_s,
            "paged_s": i.paged_s,
            "acked_s": i.acked_s,
            "resolved_s": i.resolved_s,
        }
        for i in world.pager.incidents
    ]


def timeline(world: World, first: int = 0) -> list[dict[str, Any]]:
    """What happened, from event number `first` on: {n, t, kind, text}."""
    return [
        {"n": n, "t": e.t_s, "kind": e.kind, "text": e.text}
        for n, e in enumerate(world.events[first:], first)
    ]
