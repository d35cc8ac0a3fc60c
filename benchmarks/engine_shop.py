"""The workload of `dropprod bench engine`: a shop of 15 components at 100,000 requests a second, three ways to run it.

Sizes come from the offered load alone (Little's law on the nominal times), never from a run.
"""

import math
import pickle
from dataclasses import dataclass, field
from typing import Any

from simulator.engine import network
from simulator.engine.cohort import CohortPlane
from simulator.scenario import parse

RPS, LOAD, TIMEOUT_S = 100_000.0, 0.75, 1.0
SLOTS = 48  # of a pod at most; so many more may wait in it
RAMP_S, SETTLED_S = 10, 20  # the load rises over this time: a cold start at full load leaves queues behind
STORM_SERVICE, STORM_SPEED, TRIGGER_S, STORM_S = "catalog", 0.5, 20, 20
DATABASE, FRONT = "pg", "gateway"


@dataclass(frozen=True)
class Visit:
    """Work in a service, then its calls one after another; `query_ms` is a query to pg, `queries` of them."""

    service: str
    work_ms: float
    calls: tuple["Visit", ...] = ()
    query_ms: float = 0.0
    queries: int = 1


def _v(service: str, work_ms: float, *calls: Visit, query_ms: float = 0.0, queries: int = 1) -> Visit:
    return Visit(service, work_ms, calls, query_ms, queries)


AUTH, CACHE = _v("auth", 1), _v("redis", 0.5)
PRICING, RECO, NOTIF = _v("pricing", 2), _v("reco", 6), _v("notif", 2)
ROUTES: dict[str, tuple[float, Visit]] = {
    "home": (0.30, _v("gateway", 0.4, AUTH, _v("catalog", 3, CACHE, query_ms=2), RECO)),
    "search": (0.20, _v("gateway", 0.4, _v("search", 8, _v("catalog", 3, CACHE)))),
    "product": (0.25, _v("gateway", 0.4, _v("catalog", 3, CACHE, PRICING, query_ms=2), RECO)),
    "cart": (0.12, _v("gateway", 0.4, AUTH, _v("cart", 3, CACHE, PRICING))),
    "order": (
        0.08,
        _v(
            "gateway",
            0.4,
            AUTH,
            _v("order", 5, _v("inventory", 3, query_ms=4), _v("payment", 10, query_ms=4), NOTIF),
        ),
    ),
    "account": (0.05, _v("gateway", 0.4, AUTH, _v("user", 3, query_ms=4), _v("shipping", 4, query_ms=3))),
}


@dataclass(frozen=True)
class Shape:
    """How the shop is run: what clients and callers do about failures, and how much it is overloaded."""

    rps: float = RPS
    queries: int = 1  # times the queries of every visit
    client: dict[str, Any] = field(default_factory=lambda: {"timeout_s": TIMEOUT_S})
    call: dict[str, Any] = field(default_factory=dict)  # policy of every call between services
    stages: int = 1  # Erlang stages of all work
    load: float = LOAD
    front: float = 1.0  # the front's share of that load: below 1 it lets through what overloads the rest


HEALTHY = Shape()
STORM = Shape(
    client={"timeout_s": TIMEOUT_S, "retries": 3, "backoff_s": 0.1, "backoff_factor": 2, "jitter": 0.5}
)
WORSTS = tuple(  # the slowest of them is the worst case: which one that is depends on the engine
    Shape(
        queries=16,
        client={"timeout_s": TIMEOUT_S, "retries": 3, "backoff_s": 0.1, "backoff_factor": 2, "jitter": 1.0},
        call={"timeout_ms": call_ms, "retries": 2, "backoff_ms": 100, "jitter": 1.0},
        load=load,
        front=front,
    )
    for load, front, call_ms in (
        (1.05, 0.5, 900),
        (1.3, 0.1, 900),
        (1.3, 0.1, 3000),
        (2.0, 0.02, 900),
        (2.0, 0.01, 900),
        (4.0, 0.02, 900),
    )
)


def sizes(shape: Shape) -> tuple[dict[str, float], float]:
    """Slots in use by service, and connections, when nobody waits."""
    held: dict[str, float] = {}
    connections = 0.0

    def visit(v: Visit, per_s: float) -> float:
        nonlocal connections
        asked = v.query_ms / 1000 * v.queries * (shape.queries if v.query_ms else 1)
        connections += per_s * asked
        s = v.work_ms / 1000 + asked + sum(visit(inner, per_s) for inner in v.calls)
        held[v.service] = held.get(v.service, 0.0) + per_s * s
        return s

    for share, root in ROUTES.values():
        visit(root, share * shape.rps)
    return held, connections


def raw(shape: Shape) -> dict[str, Any]:
    held, connections = sizes(shape)
    endpoints: dict[str, dict[str, list[dict[str, Any]]]] = {}

    def visit(v: Visit, route: str) -> str:
        steps: list[dict[str, Any]] = [{"work_ms": v.work_ms, "shape": shape.stages}]
        steps += [{"call": visit(inner, route), **shape.call} for inner in v.calls]
        if v.query_ms:
            steps.append({"query": DATABASE, "times": v.queries * shape.queries, "cpu_ms": v.query_ms})
        endpoints.setdefault(v.service, {})[route] = steps
        return f"{v.service}.{route}"

    classes = {name: {"share": share, "path": visit(root, name)} for name, (share, root) in ROUTES.items()}
    parts: dict[str, Any] = {"edge": {"kind": "balancer", **shape.client}}
    for name, found in endpoints.items():
        wanted = held[name] / shape.load / (1.0 if name != FRONT else shape.front)
        pods = max(2, math.ceil(wanted / SLOTS))
        slots = max(1, round(wanted / pods))
        bulkhead = {"limit": slots, "queue": SLOTS}
        parts[name] = {"kind": "service", "pods": pods, "bulkhead": bulkhead, "endpoints": found}
    limit = math.ceil(connections / shape.load)
    parts[DATABASE] = {
        "kind": "postgres",
        "cores": min(1024, limit),
        "max_connections": limit + 10,
        "pool": {"limit": limit, "open": limit},
    }
    return {
        "id": "shop",
        "duration_s": 86_400,
        "traffic": {"rps": shape.rps, "entry": "edge", "classes": classes},
        "components": parts,
    }


def settled(shape: Shape) -> CohortPlane:
    """A plane under its full load."""
    scenario = parse(raw(shape), "bench engine")
    plane = CohortPlane(scenario, network.build(scenario), 1)
    steps = 10 * RAMP_S
    for step in range(1, steps + 1):
        for name, spec in scenario.traffic.classes.items():
            plane.set_rate(name, spec.share * shape.rps * step / steps)
        plane.advance(step / 10)
    plane.advance(SETTLED_S)
    return plane


def in_a_storm(shape: Shape = STORM) -> tuple[CohortPlane, CohortPlane]:
    """A plane while the trigger lasts, and one long after it has gone: a storm that feeds itself."""
    plane = settled(shape)
    plane.set_speed(STORM_SERVICE, "v1", STORM_SPEED)
    plane.advance(SETTLED_S + TRIGGER_S)
    during: CohortPlane = pickle.loads(pickle.dumps(plane))
    plane.set_speed(STORM_SERVICE, "v1", 1.0)
    plane.advance(SETTLED_S + TRIGGER_S + STORM_S)
    return during, plane


def share_served(plane: CohortPlane, seconds: int = 5) -> float:
    """Good answers a first attempt, over the last seconds."""
    column = plane.history.column
    good = offered = 0.0
    for spec in plane.network.classes:
        good += math.fsum(column(f"class/{spec.name}/ok")[-seconds:])
        offered += math.fsum(column(f"class/{spec.name}/offered")[-seconds:])
    return good / offered if offered else 0.0


def extent(plane: CohortPlane) -> dict[str, int]:
    """How large the network is."""
    return {
        "services": len({g.service for g in plane.network.groups}) + len(plane.network.databases),
        "nodes": len(plane.network.nodes),
        "scopes": len(plane.network.scopes),
    }
