"""The server's log of statements: definitions by `log_statement`, long ones by `log_min_duration_statement`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from simulator.postgres.backends import own_pid
from simulator.postgres.work import desk_of, work_of

if TYPE_CHECKING:
    from simulator.postgres.catalog import Catalog

DDL = (exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)
MAX_SHOWN = 400


def write(catalog: Catalog, tree: Any, text: str, began_s: float) -> None:
    """After a statement that changed something."""
    world, session = catalog.world, catalog.session
    settings = world.postgres.servers[session.component].settings
    wanted, least_ms = (
        settings.get("log_statement", "none"),
        float(settings.get("log_min_duration_statement", -1)),
    )
    logged = (wanted == "ddl" and isinstance(tree, DDL)) or (wanted in ("mod", "all") and tree is not None)
    pid = own_pid(world, session)
    if session.ready:
        began_s = min([j.started_s for j in work_of(world).jobs if j.pid == pid] or [began_s])
    took_ms = (world.now_s - began_s) * 1000
    shown = " ".join(text.split())[:MAX_SHOWN]
    lines = desk_of(world, session.component).lines
    if logged:
        lines.append((began_s, pid, f"LOG:  statement: {shown}"))
    if 0 <= least_ms < took_ms:
        lines.append((world.now_s, pid, f"LOG:  duration: {took_ms:.3f} ms  statement: {shown}"))
