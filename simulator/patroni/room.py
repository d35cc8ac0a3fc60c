"""The room of Patroni: built where a database's standby is run by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from simulator.engine.network import home_route
from simulator.patroni import agents, proxy, state
from simulator.room import Room
from simulator.scenario import Service
from simulator.telemetry.line import LogLine
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.patroni.state import Cluster
    from simulator.telemetry.metrics import Column, Family, Labels, Telemetry
    from simulator.world import World

APP = "patroni"


def each_second(world: World) -> None:
    """The agents' rounds, and what the data plane has of them."""
    for cluster in state.rooms(world).values():
        agents.each_second(world, cluster)
        proxy.each_second(world, cluster)
        _lead_where(world, cluster)
        _record(world, cluster)


def _lead_where(world: World, cluster: Cluster) -> None:
    """Each data centre's queries go to the primary there, else to the newest elsewhere; without any they fail."""
    spec = world.scenario.databases()[cluster.database]
    leaders = sorted(proxy.served(world, cluster), key=lambda c: c.leads)
    found = [cluster.agents[c.name].place for c in leaders]
    for here in world.scenario.datacenters:
        near = here if here in found else found[-1] if found else ""
        if near and cluster.routes.get(here) != near:
            if cluster.routes:
                _close_sessions(world, here)
            cluster.routes[here] = near
            world.plane.set_route(home_route(cluster.database, here), 1.0 if near == spec.standby else 0.0)
    if found:
        world.rooms["standby"].clusters[cluster.database].home = found[-1]
    if cluster.failing == bool(found):
        cluster.failing = not found
        for service in _users(world, cluster.database):
            world.plane.set_failing(service, float(cluster.failing), cluster.database)


def _close_sessions(world: World, here: str) -> None:
    """What hangs in dead connections to where the primary was."""
    for link in world.plane.network.links:
        if here in (link.source, link.target) and not link.up:
            world.plane.clear_link(link.source, link.target)


def _users(world: World, database: str) -> list[str]:
    """Services with a query of the database."""

    def asks(service: Service) -> bool:
        return any(step.query == database for steps in service.endpoints.values() for step in steps)

    return [name for name, service in world.scenario.services().items() if asks(service)]


def _record(world: World, cluster: Cluster) -> None:
    put = world.plane.history.append
    for copy in state.store_of(world, cluster).copies:
        up = state.runs(world, copy.name)
        put(f"patroni/{copy.name}/replica", float(not copy.leads))
        put(f"patroni/{copy.name}/up", float(up))
        put(f"patroni/{copy.name}/timeline", float(copy.leads or copy.follows))


def _gauge(what: str) -> Family:
    def make(telemetry: Telemetry) -> Iterator[tuple[Labels, Column]]:
        for scope, cluster in state.rooms(telemetry.world).items():
            for member, agent in cluster.agents.items():
                labels = {"scope": scope, "server": member, "datacenter": agent.place}
                yield labels, telemetry.column(f"patroni/{member}/{what}")

    return make


def _metrics() -> Mapping[str, Family]:
    return {
        "pg_replication_is_replica": _gauge("replica"),
        "pg_up": _gauge("up"),
        "patroni_postgres_timeline": _gauge("timeline"),
    }


def _tools() -> Mapping[str, Tool]:
    from simulator.patroni.tools import TOOLS

    return TOOLS


def _logs(world: World, app: str, second: int) -> Iterator[LogLine]:
    for cluster in state.rooms(world).values() if app == APP else ():
        for member, agent in cluster.agents.items():
            for t_s, level, text in agent.lines:
                if int(t_s) == second:
                    stamp = world.at(t_s).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
                    yield LogLine(t_s, member, APP, level, f"{stamp} {level}: {text}")


ROOM = Room(
    "patroni",
    state.build,
    each_second=each_second,
    tools=_tools,
    metrics=_metrics,
    logs=_logs,
    apps=lambda world: [APP],
)
