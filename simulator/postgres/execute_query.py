"""A query's rows for statements that use them; for a player's own queries see `execute`."""

from __future__ import annotations

from typing import Any

from simulator.postgres import runner
from simulator.postgres.catalog import Catalog
from simulator.postgres.compiler import Compiler
from simulator.postgres.result import Result
from simulator.postgres.types import PgType


def rows_of(catalog: Catalog, tree: Any) -> Result:
    """Run a query tree. Raises PgError."""
    compiler = Compiler(catalog, catalog.now_us, catalog.session.user, catalog.session.database)
    compiled = compiler.query(tree)
    before, catalog.looks = catalog.looks, True
    found = runner.run(catalog, compiler, compiled.sql)
    catalog.looks = before
    rows = [row[: len(compiled.columns)] for row in found.rows]
    return Result(list(compiled.columns), rows, f"SELECT {len(rows)}", found.notices, found.cost_s)


def columns_of(catalog: Catalog, tree: Any) -> list[tuple[str, PgType]]:
    """A query's result columns, without running it. Raises PgError."""
    compiler = Compiler(catalog, catalog.now_us, catalog.session.user, catalog.session.database)
    return compiler.query(tree).columns
