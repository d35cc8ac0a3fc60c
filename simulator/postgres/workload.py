"""What services send to a database: statements, who sends them and how often, from the world's history.

Nothing here is SQL that runs; these are the texts and counts that `pg_stat_*` views show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.postgres.schema import LOOP_QUERIES

if TYPE_CHECKING:
    from simulator.scenario import Scenario, Service, Step
    from simulator.world import World

_TABLE_NAMES = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+([a-z_][a-z0-9_]*)", re.IGNORECASE)
# Finer sums than this many points a column change no digit anyone reads.
MAX_POINTS = 3600


@dataclass(frozen=True)
class Demand:
    """Queries that one version of a service sends through one pool for each request.

    `route` and `way` are set when only requests that go that way send them; `keys` is what places them on shards.
    """

    service: str
    version: str
    pool: str
    sql: str
    per_request: int
    keys: str = ""
    route: str = ""
    way: str = ""


@dataclass
class Executed:
    """What `pg_stat_statements` knows of one statement of one user."""

    user: str
    sql: str
    calls: float = 0.0
    total_ms: float = 0.0
    square_ms: float = 0.0
    min_ms: float = float("inf")
    max_ms: float = 0.0

    def add(self, calls: float, mean_ms: float) -> None:
        self.calls += calls
        self.total_ms += calls * mean_ms
        self.square_ms += calls * mean_ms * mean_ms
        # Service times are spread about exponentially around their mean.
        self.min_ms = min(self.min_ms, mean_ms * 0.04)
        self.max_ms = max(self.max_ms, mean_ms * 7.5)


def tables_of(sql: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.lower() for name in _TABLE_NAMES.findall(sql)))


def loop_query(sql: str) -> str:
    """The statement that a loop over a query's rows sends: one look-up in its innermost table."""
    names = tables_of(sql)
    for name in reversed(names):
        if name in LOOP_QUERIES:
            return LOOP_QUERIES[name]
    return f"SELECT * FROM {names[-1]} WHERE id = $1" if names else "SELECT 1"


def demands(scenario: Scenario, component: str) -> list[Demand]:
    """Everything the services' versions send to a database component, or to one shard of it."""
    found: dict[tuple[str, str, str, str, str, str, str], int] = {}
    family = component if component in scenario.databases() else component.rpartition("-")[0]
    shard = component.removeprefix(family)
    for name, service in scenario.services().items():
        for steps in service.endpoints.values():
            for step, route, way in _with_routes(steps):
                if step.query == family:
                    for version in service.versions:
                        for sql, times in _statements(service, version, step):
                            pool = (step.pool or family) + shard
                            key = (name, version, pool, sql, step.keys or "", route, way)
                            found[key] = found.get(key, 0) + times
    return [Demand(*key[:4], times, *key[4:]) for key, times in found.items() if times]


def _with_routes(steps: list[Step]) -> Iterator[tuple[Step, str, str]]:
    """Steps of an endpoint and those on the two ways of its routes: (step, route, way)."""
    for step in steps:
        yield step, "", ""
        for way, inner in (("old", step.old), ("new", step.new)):
            for each in inner:
                yield each, step.route or "", way


def on_shard(world: World, component: str, demand: Demand) -> float:
    """The share of a demand's queries that goes to a shard; 1 for a whole database."""
    family, _, number = component.rpartition("-")
    if component in world.scenario.databases() or not number.isdigit():
        return 1.0
    name = f"{family} by {demand.keys or 'chance'}"
    split = next((s for s in world.plane.network.splits if s.kind == "shard" and s.name == name), None)
    return split.weights[int(number)] if split is not None else 1.0


def _statements(service: Service, version: str, step: Step) -> list[tuple[str, int]]:
    sql = step.sql or "SELECT 1"
    if step.times != "queries":
        return [(sql, int(step.times))]
    usual = min(v.queries for v in service.versions.values())
    extra = service.versions[version].queries - usual
    if (
        extra > 0 and usual > 0
    ):  # a version that asks what no other does, asks this; more of the same is a loop
        return [(sql, usual), (loop_query(sql), extra)]
    return [(sql, service.versions[version].queries)]


def mix(world: World, component: str, pool: str) -> list[tuple[Demand, float]]:
    """(demand, share) of the queries that a pool runs now; shares add up to 1."""
    found = []
    for demand in demands(world.scenario, component):
        if demand.pool == pool:
            rps = sum(g.rps for g in world.plane.groups(demand.service) if g.version == demand.version)
            if demand.route:
                rps = world.plane.history.last(f"route/{demand.route}/{demand.way}")
            found.append((demand, rps * demand.per_request * on_shard(world, component, demand)))
    total = sum(weight for _, weight in found)
    if total <= 0:
        current = [d for d, _ in found if world.scenario.services()[d.service].current == d.version]
        return [(d, 1 / len(current)) for d in current]
    return [(d, weight / total) for d, weight in found if weight > 0]


def executed(world: World, component: str, since_s: float) -> list[Executed]:
    """Statements with their calls and times since a simulated second, by first appearance."""
    history = world.plane.history
    found: dict[tuple[str, str], Executed] = {}
    users = {p.name: p.user for p in world.plane.pools(component)}
    latency = history.column(f"db/{component}/latency_s")
    by_pool: dict[str, list[Demand]] = {}
    for demand in demands(world.scenario, component):
        by_pool.setdefault(demand.pool, []).append(demand)
    start, end = int(since_s), len(latency)
    step = max(1, (end - start) // MAX_POINTS)
    for pool, members in by_pool.items():
        queries = history.column(f"pool/{pool}/queries")
        arrivals = [_admitted(world, d) for d in members]
        placed = [on_shard(world, component, d) for d in members]
        user = users.get(pool, "app")
        records = [found.setdefault((user, d.sql), Executed(user, d.sql)) for d in members]
        for second in range(start, end, step):
            part = slice(second, min(second + step, end))
            done = sum(queries[part])
            weights = [
                sum(a[part]) * d.per_request * share
                for a, d, share in zip(arrivals, members, placed, strict=True)
            ]
            total = sum(weights)
            mean_ms = 1000 * sum(latency[part]) / max(1, len(latency[part]))
            for record, weight in zip(records, weights, strict=True):
                if done > 0 and total > 0 and weight > 0:
                    record.add(done * weight / total, mean_ms)
    return [record for record in found.values() if record.calls >= 1]


def _admitted(world: World, demand: Demand) -> list[float]:
    history = world.plane.history
    if demand.route:
        return list(history.column(f"route/{demand.route}/{demand.way}"))
    base = f"service/{demand.service}/{demand.version}/"
    asked, refused = history.column(base + "requests"), history.column(base + "rejected")
    return [max(0.0, a - r) for a, r in zip(asked, refused, strict=False)]
