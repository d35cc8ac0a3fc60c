"""The compiler from PostgreSQL's SQL to SQLite's: the meeting point of its parts, without rules itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlglot import exp

from simulator.postgres import expressions, select
from simulator.postgres.errors import not_simulated
from simulator.postgres.scope import Compiled, Scope, Typed
from simulator.postgres.types import PgType


@dataclass(frozen=True)
class Relation:
    """A table or view as the compiler sees it: SQLite's name for it and its columns."""

    sql_name: str
    columns: dict[str, PgType]
    weighted: bool = False
    table: str = ""
    key: tuple[str, ...] = ()
    query: exp.Expression | None = None  # a player's view


class Names(Protocol):
    """Where the compiler asks what a relation is."""

    def relation(self, schema: str, name: str, position: int | None) -> Relation: ...

    def indexed(self, table: str, column: str) -> bool: ...

    def stands_for(self, table: str, column: str) -> float | None: ...

    def hot_values(self, table: str, column: str) -> tuple[int, ...]: ...


@dataclass
class Compiler:
    """Compiles one statement. `wanted` collects what a query asks for by key: table -> (column, number)."""

    names: Names
    now_us: int
    user: str
    database: str
    wanted: dict[str, dict[tuple[str, int], bool]] = field(default_factory=dict)
    linked: list[tuple[tuple[str, str], tuple[str, str]]] = field(default_factory=list)  # equal columns
    bounded: dict[str, bool] = field(default_factory=dict)  # tables read by an index or up to a LIMIT
    aliases: int = 0
    lenient_parameters: bool = False  # $1 in a prepared statement that is only checked

    def wanted_of(self, table: str) -> dict[tuple[str, int], bool]:
        """What a query asks of a table by key, also through columns it sets equal to other tables' keys."""
        found = dict(self.wanted.get(table, {}))
        for one, other in [*self.linked, *((b, a) for a, b in self.linked)]:
            if one[0] == table:
                asked = self.wanted.get(other[0], {})
                found.update({(one[1], number): True for column, number in asked if column == other[1]})
        return found

    def alias(self, prefix: str = "s") -> str:
        self.aliases += 1
        return f"{prefix}{self.aliases}"

    def expr(self, node: Any, scope: Scope) -> Typed:
        """Compile a scalar expression. Raises PgError."""
        grouped = scope.grouped
        if grouped and not isinstance(node, exp.Column) and node.sql(dialect="postgres") in grouped:
            mark = len(scope.loose)
            compiled = self._dispatch(node, scope)
            del scope.loose[mark:]
            return compiled
        return self._dispatch(node, scope)

    def _dispatch(self, node: Any, scope: Scope) -> Typed:
        handler = expressions.EXPRESSIONS.get(type(node))
        if handler is None:
            raise not_simulated(f"{type(node).__name__} in an expression")
        return handler(self, node, scope)

    def query(self, node: Any, scope: Scope | None = None, weighted: bool = False) -> Compiled:
        """Compile a SELECT, VALUES or set operation. Raises PgError."""
        return select.query(self, node, scope, weighted)
