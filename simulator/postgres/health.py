"""Which services a change of the schema breaks, found by compiling what they send. No SQL is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from simulator.postgres import parser, pressure, rebound, workload
from simulator.postgres.catalog import Catalog
from simulator.postgres.compiler import Compiler
from simulator.postgres.errors import PgError
from simulator.postgres.notes import note
from simulator.postgres.scope import name_of
from simulator.postgres.state import Session, build_postgres

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
            note(world, "failing", service, why)
    users = {d.service for d in workload.demands(world.scenario, component)}
    for service in [s for s in state.failing if s not in broken and s in users]:
        del state.failing[service]
        pressure.fail(world, service, "schema", 0.0, "")
        note(world, "well", service)


def _broken(world: World, component: str) -> dict[str, str]:
    """Service → the server's complaint about one of its statements."""
    current = {
        (g.service, g.version)
        for name in world.scenario.services()
        for g in world.plane.groups(name)
        if g.pods or g.rps > 0
    }
    demands = [
        d
        for d in workload.demands(world.scenario, component)
        if not current or (d.service, d.version) in current
    ]
    found = [(d.service, d.sql, why) for d in demands if (why := _complaint(world, component, d.sql))]
    strange = _never_fitted(world, component, {sql for _, sql, _ in found}) if found else set()
    broken: dict[str, str] = {}
    for service, sql, why in found:
        if sql not in strange:
            broken.setdefault(service, why)
    return broken


def _never_fitted(world: World, component: str, statements: set[str]) -> set[str]:
    """Those that the first schema refused, too: tables that the scenario does not model break nothing."""
    now = world.postgres
    world.postgres = build_postgres(world.scenario, world.seed)
    try:
        return {sql for sql in sorted(statements) if _complaint(world, component, sql)}
    finally:
        world.postgres = now


def _complaint(world: World, component: str, sql: str) -> str:
    """What the server says of a statement whose table or column is not there; empty: nothing."""
    session = Session(component, world.postgres.databases[component].name)
    catalog = Catalog(world, session)
    compiler = Compiler(catalog, catalog.now_us, session.user, session.database, lenient_parameters=True)
    try:
        tree = parser.parse(sql)
        if isinstance(tree, exp.Insert | exp.Update | exp.Delete):
            _writes(catalog, tree)
        else:
            compiler.query(tree)
    except PgError as error:
        # What the compiler cannot model says nothing about the service.
        return error.message if error.message.endswith("does not exist") else ""
    return ""


def _writes(catalog: Catalog, tree: Any) -> None:
    """Whether the table of a write is there, with the columns it had at first. Raises PgError."""
    target = tree.this
    table = catalog.table(name_of(target.this.this if isinstance(target, exp.Schema) else target.this))
    known = rebound.bound_of(catalog.world, catalog.session.component).get(table.name)
    listed = target.expressions if isinstance(target, exp.Schema) else []
    for name in (name_of(node) for node in listed):
        if known is not None and name in known.columns and table.column(name) is None:
            raise PgError(f'column "{name}" of relation "{table.name}" does not exist')
