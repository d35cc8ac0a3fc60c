"""Which services a change of the schema breaks, found by compiling what they send. No SQL is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from simulator.postgres import parser, pressure, rebound, workload
from simulator.postgres.catalog import Catalog
from simulator.postgres.compiler import Compiler
from simulator.postgres.errors import PgError
from simulator.postgres.scope import name_of
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
            tree = parser.parse(demand.sql)
            if isinstance(tree, exp.Insert | exp.Update | exp.Delete):
                _writes(catalog, tree)
            else:
                compiler.query(tree)
        except PgError as error:
            # What the compiler cannot model says nothing about the service.
            if error.message.endswith("does not exist"):
                found[demand.service] = error.message
    return found


def _writes(catalog: Catalog, tree: Any) -> None:
    """Whether the table of a write is there, with the columns it had at first. Raises PgError."""
    target = tree.this
    table = catalog.table(name_of(target.this.this if isinstance(target, exp.Schema) else target.this))
    known = rebound.bound_of(catalog.world, catalog.session.component).get(table.name)
    listed = target.expressions if isinstance(target, exp.Schema) else []
    for name in (name_of(node) for node in listed):
        if known is not None and name in known.columns and table.column(name) is None:
            raise PgError(f'column "{name}" of relation "{table.name}" does not exist')
