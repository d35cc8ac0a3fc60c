"""The room of Redis: servers with keys of their own behind the data plane's caches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simulator.redis import failover, load
from simulator.redis.state import Redis, build, identity, redis_of
from simulator.room import Room
from simulator.telemetry.line import LogLine
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.telemetry.metrics import Family, Labels, Telemetry
    from simulator.world import World


def _build(world: World) -> Redis | None:
    found = build(world)
    for made in (found or {}).values():
        load.place(made)
    return found


def _tools() -> Mapping[str, Tool]:
    from simulator.redis.cli import TOOLS

    return TOOLS


GAUGES = {
    "redis_up": "up", "redis_instantaneous_ops_per_sec": "ops", "redis_memory_used_bytes": "memory",
    "redis_db_keys": "keys", "redis_evicted_keys_total": "evicted", "redis_expired_keys_total": "expired",
    "redis_keyspace_hits_total": "hits", "redis_keyspace_misses_total": "misses", "redis_slowlog_length": "slow",
    "redis_master_repl_offset": "offset", "redis_main_thread_busy_ratio": "busy",
}  # fmt: skip


def _gauge(what: str) -> Callable[[Telemetry], Iterator[tuple[Labels, Any]]]:
    def family(t: Telemetry) -> Iterator[tuple[Labels, Any]]:
        for made in redis_of(t.world).values():
            for node in made.nodes:
                yield {"instance": f"{node.name}:9121"}, t.column(f"redis/{node.name}/{what}")

    return family


def _commands(t: Telemetry) -> Iterator[tuple[Labels, Any]]:
    for made in redis_of(t.world).values():
        for node in made.nodes:
            yield {"instance": f"{node.name}:9121"}, t.total(f"redis/{node.name}/ops")


def _limits(t: Telemetry) -> Iterator[tuple[Labels, Any]]:
    for made in redis_of(t.world).values():
        for node in made.nodes:
            limit = float(node.get("maxmemory"))
            yield {"instance": f"{node.name}:9121"}, lambda _s, limit=limit: limit


def _metrics() -> Mapping[str, Family]:
    found: dict[str, Family] = {name: _gauge(what) for name, what in GAUGES.items()}
    return {**found, "redis_commands_processed_total": _commands, "redis_memory_max_bytes": _limits}


def logs(world: World, app: str, second: int) -> Iterator[LogLine]:
    """The Sentinels' and the cluster's log of what they decided."""
    made = redis_of(world).get(app)
    if made is None:
        return
    who = "sentinel" if made.spec.mode == "sentinel" else "redis"
    for t_s, text in made.journal:
        if int(t_s) == second and t_s <= world.now_s:
            stamp = world.at(t_s).strftime("%d %b %Y %H:%M:%S.%f")[:-3]
            yield LogLine(t_s, f"{app}-{who}-0", app, "warn", f"1:X {stamp} {text}")


ROOM = Room(
    "redis",
    _build,
    handlers={**failover.HANDLERS, **load.HANDLERS},
    each_second=load.each_second,
    identity=identity,
    tools=_tools,
    metrics=_metrics,
    logs=logs,
    apps=lambda world: list(redis_of(world)),
)
