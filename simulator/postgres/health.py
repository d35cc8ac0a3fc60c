"""Which services a change of the schema breaks, found by compiling what they send. No SQL is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.postgres import parser, pressure, workload
from simulator.postgres.catalog import Catalog
from simulator.postgres.compiler import Compiler
from simulator.postgres.errors import PgError
from simulator.postgres.state import Session

if TYPE_CHECKING:
    from simulator.world import World


def check(world: World, component: str) -> None:
    """Tell the plane which services fail because of the schema, and which no longer do."""
    state = world.postgres
    broken = _broken(world, component)
    for service, why in broken.items():
        if state.failing.get(service) != why:
            state.failing[service] = why
            pressure.fail(world, service, "schema", 1.0, why)
            world.note("fault", f"{service}: {why}")
    users = {d.service for d in workload.demands(world.scenario, component)}
    for service in [s for s in state.failing if s not in broken and s in users]:
        del state.failing[service]
        pressure.fail(world, service, "schema", 0.0, "")
        world.note("database", f"{service}: its queries run again")


def _broken(world: World, component: str) -> dict[str, str]:
    """Service → the server's complaint about one of its statements."""
    found: dict[str, str] = {}
    session = Session(component, world.postgres.databases[component].name)
    current = {
        (g.service, g.version)
        for name in world.scenario.services()
        for g in world.plane.groups(name)
        if g.pods or g.rps > 0
    }
    for demand in workload.demands(world.scenario, component):
        if demand.service in found or (current and (demand.service, demand.version) not in current):
            continue
        catalog = Catalog(world, session)
        compiler = Compiler(catalog, catalog.now_us, session.user, session.database, lenient_parameters=True)
        try:
            compiler.query(parser.parse(demand.sql))
        except PgError as error:
            # What the compiler cannot model says nothing about the service.
            if error.message.endswith("does not exist"):
                found[demand.service] = error.message
    return found
