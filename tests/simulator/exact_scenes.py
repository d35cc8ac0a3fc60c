"""Bare networks for tests of the exact engine, and the closed forms of queueing theory they are held against.

Every number of a network is a parameter; nothing here knows what an engine should answer.
"""

import math
from collections.abc import Callable
from typing import Any

from benchmarks.closed_forms import erlang_c
from simulator.engine import network
from simulator.engine.exact import ExactPlane
from simulator.scenario import Scenario, parse

ROOMY = 1_000_000  # slots of a station that a test does not limit


def service(*steps: dict[str, Any], pods: int = 1, limit: int = ROOMY, queue: int = 0, **more: Any) -> dict:
    """A service with one endpoint `go`; keys of a bulkhead go into it, the rest into the service."""
    shape = {k: more.pop(k) for k in ("order", "target_ms", "interval_ms") if k in more}
    return {
        "kind": "service",
        "pods": pods,
        "bulkhead": {"limit": limit, "queue": queue, **shape},
        "endpoints": {"go": list(steps)},
        **more,
    }


def database(cores: int = 1, limit: int = 1000, **more: Any) -> dict[str, Any]:
    """A database whose pool is open from the start."""
    pool = {"limit": limit, "open": limit, **more.pop("pool", {})}
    return {"kind": "postgres", "cores": cores, "max_connections": 100_000, "pool": pool, **more}


def scenario(
    parts: dict[str, Any],
    rps: float = 100.0,
    lb: dict[str, Any] | None = None,
    classes: dict[str, Any] | None = None,
    **more: Any,
) -> Scenario:
    """A network whose class `all` asks the first service."""
    first = next(n for n, part in parts.items() if part["kind"] == "service")
    raw = {
        "id": "x",
        "duration_s": 3600,
        "traffic": {"rps": rps, "entry": "lb", "classes": classes or {"all": {"path": f"{first}.go"}}},
        "components": {"lb": {"kind": "balancer", "timeout_s": 600.0, **(lb or {})}, **parts},
        **more,
    }
    return parse(raw, "x")


def exact(parts: dict[str, Any], rps: float = 100.0, seed: int = 1, **more: Any) -> ExactPlane:
    found = scenario(parts, rps, **more)
    return ExactPlane(found, network.build(found), seed)


def total(plane: ExactPlane, key: str, first: int = 0, last: int | None = None) -> float:
    """Sum of a history column over seconds first … last - 1."""
    return float(sum(plane.history.column(key)[first:last]))


class Tape:
    """Every finished second of a plane as the engine filled it, in the order of seconds."""

    def __init__(self, plane: ExactPlane) -> None:
        self.seconds: list[Any] = []
        record = plane.recorder.record

        def keep(second: Any) -> None:
            self.seconds.append(second)
            record(second)

        plane.recorder.record = keep  # type: ignore[method-assign]

    def sum(self, name: str, index: int = 0, first: int = 0, last: int | None = None) -> float:
        return math.fsum(getattr(s, name)[index] for s in self.seconds[first:last])

    def mean(self, name: str, index: int = 0, first: int = 0, last: int | None = None) -> float:
        return self.sum(name, index, first, last) / len(self.seconds[first:last])


def sojourn_survival(servers: int, rate: float, work_s: float) -> Callable[[float], float]:
    """P(wait + work > t) of M/M/c, first come first served."""
    mu = 1.0 / work_s
    waits = erlang_c(servers, rate * work_s)
    drain = servers * mu - rate

    def survival(t: float) -> float:
        if math.isclose(drain, mu):
            both = (1.0 + mu * t) * math.exp(-mu * t)
        else:
            both = (drain * math.exp(-mu * t) - mu * math.exp(-drain * t)) / (drain - mu)
        return (1.0 - waits) * math.exp(-mu * t) + waits * both

    return survival


def at_limit(servers: int, places: int, load: float) -> float:
    """Share refused by M/M/c/K with `places` in the queue."""
    weights = [1.0]
    for n in range(1, servers + places + 1):
        weights.append(weights[-1] * load / min(n, servers))
    return weights[-1] / math.fsum(weights)
