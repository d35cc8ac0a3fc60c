"""The workloads of `dropprod bench peers` on DropProd's own engines, the public way: a scenario, a network, a plane."""

import time
from collections.abc import Callable
from typing import Any

from benchmarks.peers_workloads import (
    CHAIN,
    CHAIN_ACQUIRE_S,
    CHAIN_API_S,
    CHAIN_CLIENT_S,
    CHAIN_EDGE_S,
    CHAIN_POOL,
    CHAIN_QUERY_S,
    CHAIN_RPS,
    CHAIN_SLOTS,
    MMC,
    MMC_RPS,
    MMC_SERVERS,
    MMC_SERVICE_S,
    SHOP,
    SHOP_CLIENT_S,
    SHOP_ROUTES,
    SHOP_RPS,
    STORES,
    STORM,
    STORM_BACKOFF_S,
    STORM_CLIENT_S,
    STORM_POOL,
    STORM_QUERY_S,
    STORM_RETRIES,
    STORM_RPS,
    STORM_SPIKE_S,
    STORM_TAIL_S,
    WARM_S,
    Call,
    Outcome,
    shop_slots,
    steady,
    storm_rate,
)
from simulator.engine import network
from simulator.engine.cohort import CohortPlane
from simulator.engine.exact import ExactPlane
from simulator.engine.plane import Plane
from simulator.scenario import Scenario, parse

ROOMY = 100_000  # slots of a station that the workload does not limit
RAMP_S = 10  # the cohort engine is brought up to full load over this time, in steps of 0.1 s
SETTLED_S = 15  # and timed from here on
SAMPLES = 4000  # traced requests behind the cohort engine's figures over several classes
BOTH = {"ru": "нагрузка", "en": "workload"}


def _service(slots: int, endpoints: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """One pod with `slots` slots and a long queue: the same FIFO station as a peer's resource."""
    return {
        "kind": "service",
        "pods": 1,
        "bulkhead": {"limit": slots, "queue": ROOMY},
        "versions": {"v1": {}},
        "current": "v1",
        "endpoints": endpoints,
    }


def _store(slots: int, acquire_s: float | None = None) -> dict[str, Any]:
    """A database with a core for every connection: nobody shares, so that its pool is an M/M/c station."""
    pool = {"limit": slots, "open": slots, "acquire_timeout_s": acquire_s}
    return {"kind": "postgres", "cores": slots, "max_connections": slots + 10, "pool": pool}


def _scenario(
    name: str,
    rps: float,
    parts: dict[str, Any],
    classes: dict[str, tuple[float, str]],
    client: dict[str, Any],
    duration_s: float = 3600,
) -> Scenario:
    services = [n for n, part in parts.items() if part["kind"] == "service"]
    stores = [n for n, part in parts.items() if part["kind"] == "postgres"]
    raw = {
        "id": name,
        "title": BOTH,
        "topics": [],
        "minutes": 1,
        "starts_at": "2026-01-01T00:00:00Z",
        "duration_s": duration_s,
        "brief": BOTH,
        "traffic": {
            "rps": rps,
            "entry": "edge",
            "classes": {n: {"share": share, "path": path} for n, (share, path) in classes.items()},
        },
        "components": {"edge": {"kind": "balancer", **client}, **parts},
        "sli": {"traffic_class": next(iter(classes))},
        "alerting": {"rules": {}},
        "clues": [],
        "hints": [],
        "truth": {"trigger": BOTH, "mechanism": BOTH, "contributing": []},
        "reference": {"commands": []},
        "focus": {
            "service": services[0],
            "database": stores[0],
            "good_version": "v1",
            "bad_version": "v1",
        },
    }
    return parse(raw, f"{name} (benchmark)")


def scenario(workload: str) -> Scenario:
    """A workload as a scenario of this project."""
    return _SCENARIOS[workload]()


def _mmc() -> Scenario:
    step = {"query": "station", "cpu_ms": 1000 * MMC_SERVICE_S}
    parts = {"front": _service(ROOMY, {"go": [step]}), "station": _store(MMC_SERVERS)}
    return _scenario(MMC, MMC_RPS, parts, {"all": (1.0, "front.go")}, {"timeout_s": 5.0})


def _chain() -> Scenario:
    balance = [{"work_ms": 1000 * CHAIN_EDGE_S}, {"call": "api.go"}]
    serve = [{"work_ms": 1000 * CHAIN_API_S}, {"query": "station", "cpu_ms": 1000 * CHAIN_QUERY_S}]
    parts = {
        "balancer": _service(ROOMY, {"go": balance}),
        "api": _service(CHAIN_SLOTS, {"go": serve}),
        "station": _store(CHAIN_POOL, CHAIN_ACQUIRE_S),
    }
    return _scenario(CHAIN, CHAIN_RPS, parts, {"all": (1.0, "balancer.go")}, {"timeout_s": CHAIN_CLIENT_S})


def _storm() -> Scenario:
    step = {"query": "station", "cpu_ms": 1000 * STORM_QUERY_S}
    parts = {"front": _service(ROOMY, {"go": [step]}), "station": _store(STORM_POOL)}
    client = {"timeout_s": STORM_CLIENT_S, "retries": STORM_RETRIES, "backoff_s": STORM_BACKOFF_S}
    return _scenario(STORM, STORM_RPS, parts, {"all": (1.0, "front.go")}, client)


def _shop() -> Scenario:
    endpoints: dict[str, dict[str, list[dict[str, Any]]]] = {}

    def visit(call: Call, name: str) -> dict[str, Any]:
        if call.station in STORES:
            return {"query": call.station, "cpu_ms": 1000 * call.work_s}
        steps = [{"work_ms": 1000 * call.work_s}, *(visit(inner, name) for inner in call.calls)]
        endpoints.setdefault(call.station, {})[name] = steps
        return {"call": f"{call.station}.{name}"}

    for name, (_, root) in SHOP_ROUTES.items():
        visit(root, name)
    slots = shop_slots()
    parts: dict[str, Any] = {n: _service(slots[n], found) for n, found in endpoints.items()}
    parts.update({n: _store(slots[n]) for n in STORES})
    classes = {n: (share, f"{root.station}.{n}") for n, (share, root) in SHOP_ROUTES.items()}
    return _scenario(SHOP, SHOP_RPS, parts, classes, {"timeout_s": SHOP_CLIENT_S})


_SCENARIOS: dict[str, Callable[[], Scenario]] = {MMC: _mmc, CHAIN: _chain, SHOP: _shop, STORM: _storm}


def run(engine: str, workload: str, seconds: float, seed: int) -> Outcome:
    """One run of `cohort` or `exact`, timed once it has settled."""
    found = scenario(workload)
    if workload == STORM:
        return _run_storm(engine, found, seconds, seed)
    if engine == "exact":
        return _run_exact(found, workload, seconds, seed)
    return _run_cohort(found, seconds, seed)


def _timed(plane: Plane, to_s: float) -> float:
    began = time.process_time()
    plane.advance(to_s)
    return time.process_time() - began


def _bottleneck(plane: Plane, first: int, last: int, seconds: float) -> float:
    """Share of the first database's pool in use: throughput times the mean time of a query."""
    pool = plane.network.pools[0]
    mean_s = next(n.mean_s for n in plane.network.nodes if n.pool == 0)
    return sum(plane.history.column(f"pool/{pool.name}/queries")[first:last]) * mean_s / pool.limit / seconds


def _run_exact(found: Scenario, workload: str, seconds: float, seed: int) -> Outcome:
    """Whole seconds for the utilisation, single requests for the rest."""
    plane = ExactPlane(found, network.build(found), seed)
    warm = WARM_S[workload]
    plane.advance(warm)
    plane.latencies.clear()
    cpu_s = _timed(plane, warm + seconds)
    latencies = [latency for second in plane.latencies.values() for _, latency in second]
    first, last = int(warm), int(warm + seconds)
    whole = last - first
    busy = _bottleneck(plane, first, last, whole) if workload != SHOP and whole else None
    failed = sum(
        sum(plane.history.column(f"class/{c.name}/{kind}")[first:last])
        for c in plane.network.classes
        for kind in ("rejected", "timeout", "error")
    )
    return steady(seconds, cpu_s, latencies, busy, round(failed))


def _run_cohort(found: Scenario, seconds: float, seed: int) -> Outcome:
    plane = CohortPlane(found, network.build(found), seed)
    _bring_up(plane, found)
    cpu_s = _timed(plane, SETTLED_S + seconds)
    first, last = SETTLED_S, int(SETTLED_S + seconds)
    classes = plane.network.classes
    began = time.process_time()
    for spec in classes:
        plane.p99_series_ms(spec.name)
    views = time.process_time() - began
    if len(classes) == 1:
        mean, p99 = (1000 * figure for figure in plane.latency_s("all", first, last))
    else:
        mean, p99 = _mixed(_traced(plane, seconds))
    column = plane.history.column
    offered = sum(sum(column(f"class/{c.name}/offered")[first:last]) for c in classes)
    ok = sum(sum(column(f"class/{c.name}/ok")[first:last]) for c in classes)
    return Outcome(
        seconds,
        cpu_s,
        offered,
        _bottleneck(plane, first, last, last - first) if len(classes) == 1 else None,
        mean,
        p99,
        max(0.0, 1.0 - ok / offered),
        cpu_views_s=views * seconds / (SETTLED_S + seconds),
    )


def _bring_up(plane: CohortPlane, found: Scenario) -> None:
    """Raise the load step by step: a cold start at full load fills queues that say nothing of the steady state."""
    steps = 10 * RAMP_S
    for step in range(1, steps + 1):
        for name, spec in found.traffic.classes.items():
            plane.set_rate(name, spec.share * found.traffic.rps * step / steps)
        plane.advance(step / 10)
    plane.advance(SETTLED_S)


def _traced(plane: CohortPlane, seconds: float) -> list[tuple[float, float]]:
    """(latency in ms, weight) of traced requests, spread over the settled part of the run."""
    classes = plane.network.classes
    each = SAMPLES // len(classes)
    pairs = []
    for spec in classes:
        for n in range(each):
            start = SETTLED_S + (n + 0.5) / each * max(0.0, seconds - 1.0)
            root = plane.sample_request(spec.name, start, n)[0]
            pairs.append((1000 * root.duration_s, spec.share))
    return pairs


def _mixed(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Mean and p99 of weighted values."""
    total = sum(share for _, share in pairs)
    mean = sum(latency * share for latency, share in pairs) / total
    rest = 0.01 * total
    for latency, share in sorted(pairs, reverse=True):
        rest -= share
        if rest <= 0.0:
            return mean, latency
    return mean, 0.0


def _run_storm(engine: str, found: Scenario, seconds: float, seed: int) -> Outcome:
    plane: Plane = (ExactPlane if engine == "exact" else CohortPlane)(found, network.build(found), seed)
    cpu_s = 0.0
    for at in (*STORM_SPIKE_S, seconds):
        cpu_s += _timed(plane, at)
        plane.set_rate("all", storm_rate(at))
    ok, tried = plane.history.column("class/all/ok"), plane.history.column("class/all/offered")
    calm, tail = int(STORM_SPIKE_S[0]), int(STORM_TAIL_S)
    return Outcome(
        seconds,
        cpu_s,
        sum(tried),
        good_before=sum(ok[:calm]) / (calm * STORM_RPS),
        good_after=sum(ok[-tail:]) / (tail * STORM_RPS),
        attempts_after=sum(tried[-tail:]) / (tail * STORM_RPS),
    )
