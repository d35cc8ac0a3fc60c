"""A candidate's design as a network that the simulator's data plane can run. Reads and draws nothing, judges nothing."""

from __future__ import annotations

from typing import Any

from agent.interview.design import Design, Part

WRITERS, WRITER_MS = (
    100,
    1.0,
)  # what takes events from a queue to a store: enough, the store is what is asked about
PASS_MS = 0.05  # a step that does nothing still has to be one


def network(design: Design, rps: float, duration_s: float, hot: float = 0.0) -> dict[str, Any]:
    """The raw scenario of a design under a load; `hot` is the share of one single key."""
    entry = design.entry
    assert entry is not None
    places = [f"dc-{n + 1}" for n in range(design.places)]
    components: dict[str, Any] = {"edge": {"kind": "balancer", "timeout_s": 3.0, "retries": 0}}
    classes: dict[str, Any] = {}
    first: Part | None = entry
    while first is not None and first.kind == "balancer":
        first = next(iter(design.children(first.name, True)), None)
    if first is None or first.kind not in ("service", "worker"):
        first = Part("front", "service", 40, 0.5)
        components["front"] = _service(first, _steps(design, entry.name), places)
    classes["all"] = {"path": f"{first.name}.do"}
    for part in design.parts.values():
        if part.kind in ("service", "worker"):
            components[part.name] = _service(part, _own(part) + _steps(design, part.name), places)
        elif part.kind == "store":
            components[part.name] = _store(part)
    for name, share in design.handed().items():
        if design.parts[name].kind in ("service", "worker") and name != first.name:
            classes[f"async-{name}"] = {"path": f"{name}.do", "share": share}
        elif (
            design.parts[name].kind == "store"
        ):  # nobody is drawn between queue and store, and somebody has to write
            writer = f"{name}-writer"
            steps = [{"work_ms": WRITER_MS}, _query(design, design.parts[name])]
            components[writer] = _service(Part(writer, "worker", WRITERS, WRITER_MS), steps, places)
            classes[f"async-{name}"] = {"path": f"{writer}.do", "share": share}
    if entry.kind == "balancer" and entry.limit_rps:
        components[first.name]["rate_limit"] = _limiter(entry)
    raw: dict[str, Any] = {
        "id": "design",
        "duration_s": duration_s,
        "traffic": {"rps": rps, "entry": "edge", "classes": classes},
        "components": components,
        "keys": {"keys": {"count": 1_000_000, "zipf": 0.0, "hot": [hot] if hot else []}},
    }
    if design.places == 2:
        raw["datacenters"] = {place: {} for place in places}
        raw["links"] = [{"between": places, "latency_ms": 5.0}]
        raw["dns"] = {"ttl_s": 10, "stuck": 0.0}
    return raw


def route_shares(design: Design) -> dict[str, float]:
    """How many requests a cache answers (reads that hit; a write always goes on), and how many reach a queue."""
    hits = {p.name: p.hit * design.reads for p in design.parts.values() if p.kind == "cache"}
    return hits | {n: s for n, s in design.handed().items() if design.parts[n].kind == "queue"}


def _own(part: Part) -> list[dict[str, Any]]:
    return [{"work_ms": part.time_ms, "shape": 2}]


def _service(part: Part, steps: list[dict[str, Any]], places: list[str]) -> dict[str, Any]:
    pods = max(part.count, len(places))
    found: dict[str, Any] = {
        "kind": "service",
        "pods": pods,
        "bulkhead": {"limit": part.slots, "queue": part.slots},
        "endpoints": {"do": steps or _own(part)},
    }
    if len(places) == 2:
        found["placement"] = {places[0]: pods - pods // 2, places[1]: pods // 2}
    if part.limit_rps:
        found["rate_limit"] = _limiter(part)
    return found


def _limiter(part: Part) -> dict[str, float]:
    return {"rps": part.limit_rps, "burst": max(1.0, part.limit_rps / 10)}


def _store(part: Part) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": "postgres",
        "cores": part.cores,
        "max_connections": part.pool + 50,
        "pool": {"limit": part.pool, "open": part.pool, "acquire_timeout_s": 2.0},
    }
    if part.count > 1:
        found["shards"] = min(256, part.count)
    return found


def _steps(design: Design, name: str) -> list[dict[str, Any]]:
    """What a part does below itself: reads go through the cache that stands beside a store or before it."""
    below = _below(design, name)
    caches = [p for p in below if p.kind == "cache"]
    behind = {p.name: _steps(design, p.name) for p in caches}
    stores = [p for p in below if p.kind == "store"]
    stores = [p for p in stores if not any(_reads(steps, p.name) for steps in behind.values())]
    steps: list[dict[str, Any]] = [_call(p) for p in below if p.kind in ("service", "worker")]
    queries = [_query(design, part) for part in stores]
    for cache in caches:
        look = {"work_ms": cache.time_ms}
        miss = behind[cache.name] or queries or [{"work_ms": 1.0}]
        steps.append({"route": cache.name, "old": [look, *miss], "new": [look]})
    if all(behind.values()):
        steps += queries
    for edge in design.edges:
        if edge.source == name and not edge.waits and design.parts[edge.target].kind == "queue":
            steps.append(_publish(design.parts[edge.target]))
    return steps


def _below(design: Design, name: str) -> list[Part]:
    """The parts that one waits for; a balancer between them only passes on."""
    found: list[Part] = []
    for part in design.children(name, True):
        for one in _below(design, part.name) if part.kind == "balancer" else [part]:
            if one not in found:
                found.append(one)
    return found


def _reads(steps: list[dict[str, Any]], store: str) -> bool:
    """Whether steps query a store, in a branch or at once."""
    return any(step.get("query") == store or _reads(step.get("old", []), store) for step in steps)


def _publish(queue: Part) -> dict[str, Any]:
    """Those that hand something over wait for the queue to take it; the others pass."""
    return {
        "route": queue.name,
        "old": [{"work_ms": PASS_MS}],
        "new": [{"work_ms": queue.time_ms, "shape": 2}],
    }


def _call(part: Part) -> dict[str, Any]:
    step: dict[str, Any] = {"call": f"{part.name}.do"}
    if part.timeout_ms:
        step["timeout_ms"] = part.timeout_ms
    if part.retries:
        step["retries"] = part.retries
    if part.optional:
        step["optional"] = True
    return step


def _query(design: Design, part: Part) -> dict[str, Any]:
    step: dict[str, Any] = {"query": part.name, "cpu_ms": part.time_ms}
    if part.count > 1:
        step["keys"] = "keys"
    return step
