"""Runs compiled SQL on an SQLite view made for it and thrown away. Nothing here changes the state.

The connection holds nothing but the rows that were loaded, may only read and call known functions, and
stops after a bounded number of steps and function calls.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.postgres import aggregates, functions, more_functions
from simulator.postgres.catalog import Catalog
from simulator.postgres.compiler import Compiler
from simulator.postgres.errors import Notice, PgError, not_simulated
from simulator.postgres.scope import ident
from simulator.postgres.session_functions import session_functions
from simulator.postgres.sources import ROW_COLUMN, WEIGHT_COLUMN
from simulator.postgres.static_views import VIEWS
from simulator.postgres.view_columns import view_columns

MAX_ROWS = 10_000
MAX_CHANGED = 500_000  # rows that one statement may change
INDEXED_ROWS = 1_000  # from this size on joins get an index to go by
STEP = 10_000
MAX_STEPS = 1_200  # progress callbacks of STEP instructions: about half a second of SQLite
MAX_CALLS = 250_000  # function calls of a statement, long texts counted for more
MAX_VALUE = 2_000_000  # bytes of one value
ROWS_PER_S = 8_000_000  # a parallel sequential scan on a busy 16-core server
ACTIONS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
BUILT_IN = frozenset(
    "abs round coalesce nullif max min sum count avg length substr replace instr trim ltrim rtrim row_number rank dense_rank"
    " ntile percent_rank cume_dist lag lead first_value last_value nth_value like".split()
)


@dataclass
class Run:
    """One statement's run: what functions may spend, say and cost."""

    catalog: Catalog
    failure: PgError | None = None
    calls: int = 0
    notices: list[Notice] = field(default_factory=list)
    cost_s: float = 0.0

    def spend(self, amount: int) -> None:
        """Raises PgError when the statement has done more work than one may."""
        self.calls += amount
        if self.calls > MAX_CALLS:
            raise PgError("canceling statement due to statement timeout")


@dataclass(frozen=True)
class Found:
    """Rows of a query, as many as were asked for at most."""

    rows: list[tuple[Any, ...]]
    cost_s: float
    notices: list[Notice]


def run(catalog: Catalog, compiler: Compiler, sql: str, limit: int = MAX_ROWS) -> Found:
    """Rows of a compiled query, at most `limit`. Raises PgError."""
    state = Run(catalog)
    connection = sqlite3.connect(":memory:")
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
        known = _register(connection, state)
        state.cost_s += _load(connection, catalog, compiler)
        connection.execute("SELECT key FROM json_each('[]')")  # declared before anything is forbidden
        connection.set_authorizer(_authorizer(known))
        connection.set_progress_handler(_ticker(), STEP)
        try:
            rows = connection.execute(sql).fetchmany(limit)
        except sqlite3.Error as error:
            raise state.failure or _translated(error) from None
        return Found(rows, state.cost_s, state.notices)
    finally:
        connection.close()


def _authorizer(known: frozenset[str]) -> Callable[..., int]:
    def allow(action: int, _first: str | None, second: str | None, *_: Any) -> int:
        function = action == sqlite3.SQLITE_FUNCTION
        fine = action in ACTIONS and (not function or second in known or second in BUILT_IN)
        return sqlite3.SQLITE_OK if fine else sqlite3.SQLITE_DENY

    return allow


def _ticker() -> Callable[[], int]:
    left = [MAX_STEPS]

    def tick() -> int:
        left[0] -= 1
        return int(left[0] < 0)

    return tick


def _translated(error: sqlite3.Error) -> PgError:
    text = str(error)
    if "interrupted" in text:
        return PgError("canceling statement due to statement timeout")
    if "out of memory" in text or "too big" in text:
        return PgError("out of memory", detail="Failed on request of size 1073741824 in memory context.")
    if "integer overflow" in text:
        return PgError("bigint out of range")
    if "parser stack overflow" in text or "Expression tree is too large" in text:
        return PgError("stack depth limit exceeded")
    return not_simulated("this combination")


def _register(connection: sqlite3.Connection, state: Run) -> frozenset[str]:
    known = {
        **functions.PURE,
        **more_functions.PURE,
        **session_functions(state.catalog, state.notices, state),
    }
    for name, (count, function) in known.items():
        aware = name in functions.NULL_AWARE or name in more_functions.NULL_AWARE
        connection.create_function(name, count, _guarded(function, aware, state))
    for name, (count, kind) in aggregates.AGGREGATES.items():
        connection.create_aggregate(name, count, _counted(kind, state))
    return frozenset(known) | frozenset(aggregates.AGGREGATES)


def _guarded(function: Callable[..., Any], null_aware: bool, state: Run) -> Callable[..., Any]:
    """NULL in gives NULL out; PostgreSQL's own errors survive the way through SQLite."""

    def call(*args: Any) -> Any:
        if not null_aware and any(a is None for a in args):
            return None
        try:
            result = function(*args)
            state.spend(1 + sum(len(a) for a in (*args, result) if isinstance(a, str)) // 512)
        except PgError as error:
            state.failure = state.failure or error
            raise
        except (ValueError, TypeError, OverflowError, ArithmeticError, LookupError, AttributeError):
            # A value outside what the function's model covers; PostgreSQL says which, this cannot.
            state.failure = state.failure or PgError("value out of range")
            raise
        return result

    return call


def _counted(kind: type, state: Run) -> type:
    class Counted(kind):
        def step(self, *args: Any) -> None:
            try:
                state.spend(1)
                super().step(*args)
            except PgError as error:
                state.failure = state.failure or error
                raise

    return Counted


def _load(connection: sqlite3.Connection, catalog: Catalog, compiler: Compiler) -> float:
    """Create and fill what the statement names; returns the simulated seconds of reading it."""
    cost_s = 0.0
    for used in catalog.used:
        kind, _, name = used.partition(" ")
        if kind == "view":
            columns = list(view_columns()[name])
            rows = [tuple(row.get(c) for c in columns) for row in VIEWS[name](catalog)]
            _create(connection, f"v_{name}", columns, rows)
            continue
        table = catalog.database.tables[name]
        columns = [c.name for c in table.columns]
        wanted = compiler.wanted_of(name)
        loaded = [
            (*(cells[c] for c in columns), rowid, weight)
            for rowid, weight, cells in catalog.rows(table, wanted)
        ]
        _create(connection, f"t_{name}", [*columns, ROW_COLUMN, WEIGHT_COLUMN], loaded)
        if len(loaded) >= INDEXED_ROWS:
            leads = dict.fromkeys(i.columns[0] for i in table.indexes if i.columns[0] in columns)
            for number, lead in enumerate(leads):
                connection.execute(
                    f"CREATE INDEX {ident(f'i_{name}_{number}')} ON {ident(f't_{name}')} ({ident(lead)})"
                )
        if not wanted and name not in compiler.bounded:
            cost_s += catalog.live_rows(table) / ROWS_PER_S * catalog.load()
    return cost_s


def _create(
    connection: sqlite3.Connection, name: str, columns: list[str], rows: list[tuple[Any, ...]]
) -> None:
    connection.execute(f"CREATE TABLE {ident(name)} ({', '.join(ident(c) for c in columns)})")
    marks = ", ".join("?" * len(columns))
    connection.executemany(f"INSERT INTO {ident(name)} VALUES ({marks})", rows)
