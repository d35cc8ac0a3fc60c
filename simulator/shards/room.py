"""The room of shards: which shard a key lives on, what moves between shards, and what each of them bears."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simulator.room import Room
from simulator.shards import jobs
from simulator.shards.state import Shards, build, spec_of, state_of, top_keys
from simulator.telemetry.line import LogLine
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Family, Labels, Telemetry
    from simulator.world import World

APP = "shard-router"


def each_second(world: World) -> None:
    jobs.each_second(world)
    state, put = state_of(world), world.plane.history.append
    for shard, rows in enumerate(state.rows):
        put(f"shards/{shard}/rows", rows)
    moving = [job for job in state.jobs if job.phase == "copy"]
    put("shards/moves", float(len(state.jobs)))
    put("shards/copied", sum(job.rate for job in moving))


def _identity(state: Shards) -> Any:
    return repr((state.map.now, state.jobs, state.limits))


def _tools() -> Mapping[str, Tool]:
    from simulator.shards.tools import TOOLS

    return TOOLS


def _metrics() -> Mapping[str, Family]:
    def rows(t: Telemetry) -> Iterator[tuple[Labels, Any]]:
        name = spec_of(t.world).database
        for shard in range(len(state_of(t.world).rows)):
            yield {"db": f"{name}-{shard}"}, t.column(f"shards/{shard}/rows")

    def queries(t: Telemetry) -> Iterator[tuple[Labels, Any]]:
        name = spec_of(t.world).database
        for shard in range(len(state_of(t.world).rows)):
            yield {"db": f"{name}-{shard}"}, t.total(f"db/{name}-{shard}/queries")

    def waiting(t: Telemetry) -> Iterator[tuple[Labels, Any]]:
        name = spec_of(t.world).database
        for shard in range(len(state_of(t.world).rows)):
            yield {"db": f"{name}-{shard}"}, t.column(f"pool/{name}-{shard}/waiting")

    return {
        "shard_rows": rows,
        "shard_router_queries_total": queries,
        "shard_router_waiting": waiting,
        "shard_moves_running": lambda t: iter([({}, t.column("shards/moves"))]),
        "shard_moves_rows_copied_total": lambda t: iter([({}, t.total("shards/copied"))]),
    }


def logs(world: World, app: str, second: int) -> Iterator[LogLine]:
    """The router's complaints: shards whose queue stands, with the keys it has sampled there."""
    if app != APP:
        return
    spec, history = spec_of(world), world.plane.history
    stamp = world.at(second).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    busiest = top_keys(world, 3) if second >= int(world.now_s) - 30 else []
    for shard in range(len(state_of(world).rows)):
        name = f"{spec.database}-{shard}"
        column = history.column(f"pool/{name}/wait_s")
        wait = column[second] if second < len(column) else 0.0
        if wait < 0.5:
            continue
        keys = ",".join(f"{key}={rps:.0f}/s" for key, rps, homes in busiest if shard in homes)
        text = f"{stamp} WARN shard-router shard={name} oldest_wait={wait * 1000:.0f}ms"
        yield LogLine(second, f"{APP}-0", APP, "warn", text + (f" sampled_keys={keys}" if keys else ""))


ROOM = Room(
    "shards",
    build,
    each_second=each_second,
    identity=_identity,
    tools=_tools,
    metrics=_metrics,
    logs=logs,
    apps=lambda _world: [APP],
)
