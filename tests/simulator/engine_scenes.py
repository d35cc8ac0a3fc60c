"""Small scenarios for tests of the engines: one service before one database, every number a parameter.

Nothing here knows what an engine should answer; the tests do.
"""

from typing import Any

from simulator.engine import network
from simulator.engine.cohort import CohortPlane
from simulator.engine.exact import ExactPlane
from simulator.scenario import Scenario, parse

BOTH = {"ru": "т", "en": "t"}
ENGINES = {"cohort": CohortPlane, "exact": ExactPlane}
SERVICE = "shop"
DATABASE = "shop-db"


def small_raw(
    rps: float = 100.0,
    queries: int = 1,
    bad_queries: int = 4,
    cpu_ms: float = 10.0,
    cores: int = 2,
    work_ms: float = 20.0,
    shape: int = 2,
    pods: int = 4,
    limit: int = 50,
    queue: int = 0,
    pool: dict[str, Any] | None = None,
    slots: int = 100,
    timeout_s: float = 5.0,
    retries: int = 0,
    backoff_s: float = 0.1,
    worker_rate: float = 0.0,
    breaker: dict[str, Any] | None = None,
    neighbour_rps: float = 0.0,
    behind: str | None = None,
) -> dict[str, Any]:
    """A balancer, a service with versions v1 and v2, a database; on request a retry worker, a neighbour
    without a pool of its own (`neighbour_rps`), and a second service called after the queries (`behind`)."""
    steps: list[dict[str, Any]] = [
        {"work_ms": work_ms, "shape": shape},
        {"query": DATABASE, "times": "queries", "cpu_ms": cpu_ms},
    ]
    if queries == 0 and bad_queries == 0:
        steps = steps[:1]
    components: dict[str, Any] = {
        "lb": {"kind": "balancer", "timeout_s": timeout_s, "retries": retries, "backoff_s": backoff_s},
        DATABASE: {
            "kind": "postgres",
            "cores": cores,
            "max_connections": slots,
            "superuser_reserved": 0,
            "pool": {"limit": 20, "open": 20, "connect_ms": 100, **(pool or {})},
        },
    }
    classes: dict[str, Any] = {"buy": {"share": 1.0, "path": f"{SERVICE}.buy"}}
    if behind:
        steps.append({"call": f"{behind}.go"})
        components[behind] = service_raw([{"work_ms": 5.0, "shape": 2}], {"go": 1}, 2, 30, 10)
    components[SERVICE] = service_raw(steps, {"v1": queries, "v2": bad_queries}, pods, limit, queue, "buy")
    if neighbour_rps > 0:
        components[DATABASE]["clients"] = {"reports": {"limit": 10, "open": 0, "transient": True}}
        step = {"query": DATABASE, "pool": "reports", "cpu_ms": 2.0}
        components["reports"] = service_raw([step], {"r1": 1}, 2, 50, 0)
        classes["report"] = {"share": neighbour_rps / rps, "path": "reports.go"}
    if worker_rate > 0:
        components["courier"] = {
            "kind": "worker",
            "parks": "buy",
            "path": f"{SERVICE}.buy",
            "rate": worker_rate,
            "breaker": breaker or {},
        }
    return {
        "id": "small",
        "title": BOTH,
        "topics": [],
        "minutes": 1,
        "starts_at": "2026-01-01T00:00:00Z",
        "duration_s": 60,
        "brief": BOTH,
        "traffic": {"rps": rps, "entry": "lb", "classes": classes},
        "components": components,
        "sli": {"traffic_class": "buy"},
        "alerting": {"rules": {}},
        "clues": [],
        "hints": [],
        "truth": {"trigger": BOTH, "mechanism": BOTH, "contributing": []},
        "reference": {"commands": []},
        "focus": {"service": SERVICE, "database": DATABASE, "good_version": "v1", "bad_version": "v2"},
    }


def service_raw(
    steps: list[dict[str, Any]],
    versions: dict[str, int],
    pods: int,
    limit: int,
    queue: int,
    endpoint: str = "go",
) -> dict[str, Any]:
    return {
        "kind": "service",
        "pods": pods,
        "bulkhead": {"limit": limit, "queue": queue},
        "versions": {name: {"queries": number} for name, number in versions.items()},
        "current": next(iter(versions)),
        "endpoints": {endpoint: steps},
    }


def small(**numbers: Any) -> Scenario:
    return parse(small_raw(**numbers), "small")


def plane_of(scenario: Scenario, engine: str = "cohort", seed: int = 1) -> Any:
    """A data plane of a scenario; typed loosely, since tests also look inside."""
    return ENGINES[engine](scenario, network.build(scenario), seed)


def total(plane: Any, key: str, first: int = 0, last: int | None = None) -> float:
    """Sum of a history column over seconds first … last - 1."""
    return float(sum(plane.history.column(key)[first:last]))


def mean(plane: Any, key: str, first: int = 0, last: int | None = None) -> float:
    part = plane.history.column(key)[first:last]
    return float(sum(part)) / len(part)


def failed(plane: Any, name: str = "buy", first: int = 0, last: int | None = None) -> float:
    return sum(total(plane, f"class/{name}/{kind}", first, last) for kind in ("rejected", "timeout", "error"))
