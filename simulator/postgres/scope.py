"""Names and typed pieces of SQL while a statement is compiled. No rule of any operator lives here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from simulator.postgres.errors import PgError
from simulator.postgres.types import OID, UNKNOWN, XID, PgType
from simulator.spelling import distance


@dataclass(frozen=True)
class Typed:
    """A compiled expression: SQLite text and PostgreSQL type.

    `literal` is the text of a string literal whose type is still open.
    """

    sql: str
    type: PgType
    literal: str | None = None


@dataclass
class Source:
    """Something in FROM: its columns by name, each an SQLite expression with a type.

    `weight` is the SQLite expression for how many real rows a row stands for, or None for one.
    """

    alias: str
    columns: dict[str, Typed]
    weight: str | None = None
    table: str = ""  # the base table's name, if it is one
    key: tuple[str, ...] = ()  # its primary key's columns
    merged: dict[str, bool] = field(default_factory=dict)  # columns a USING join shows once
    twice: dict[str, bool] = field(default_factory=dict)  # names that two of its columns have
    row: str = ""  # SQL of a base table's row number, which its system columns follow from
    locker: str = "0"  # SQL of the transaction that has replaced the row


@dataclass
class Compiled:
    """A query in SQLite's dialect with the names and types of its result columns.

    When `weighted`, it has one more, hidden column at the end: the row's weight. `direct` is the table to
    name instead of the query: SQLite wants a recursive reference bare.
    """

    sql: str
    columns: list[tuple[str, PgType]]
    weighted: bool = False
    direct: str = ""
    open: dict[int, str] = field(default_factory=dict)  # columns that are literals of a still open type


SYSTEM = {  # columns that every table has and no star shows
    "ctid": ("('(' || (abs({row}) / 58) || ',' || (abs({row}) % 58 + 1) || ')')", PgType("tid")),
    "xmin": ("(pg_txid() - 1 - abs({row}) % 5000)", XID),
    "xmax": ("({locker})", XID),
    "cmin": ("0", PgType("cid")),
    "cmax": ("0", PgType("cid")),
    "tableoid": ("pg_to_regclass({table})", OID),
}


@dataclass
class Scope:
    """What names mean inside one SELECT."""

    parent: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    ctes: dict[str, Compiled] = field(default_factory=dict)
    aggregates_forbidden: str = ""  # the clause that may not hold aggregates
    in_aggregate: bool = False
    has_aggregate: bool = False
    grouped: dict[str, bool] | None = None  # texts of GROUP BY expressions
    loose: list[tuple[Source, str, int | None]] = field(default_factory=list)  # ungrouped columns
    per_group: str = ""  # SQL of how many real groups a sampled group stands for, if groups are that fine

    @property
    def weight(self) -> str | None:
        """The weight of a joined row: the largest of its parts', since samples join along keys."""
        parts = [s.weight for s in self.sources if s.weight]
        if not parts:
            return None
        whole = self.whole_weight
        # Grouped by something each sampled row has its own of: its weight is shared out over real groups.
        return f"({whole} * 1.0 / {self.per_group})" if self.per_group else whole

    @property
    def whole_weight(self) -> str:
        """The weight of a row whatever it is grouped by."""
        parts = [s.weight for s in self.sources if s.weight]
        if len(parts) == 1:
            return f"coalesce({parts[0]}, 1)"
        return "max(" + ", ".join(f"coalesce({p}, 1)" for p in parts) + ")"

    def find_cte(self, name: str) -> Compiled | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.ctes:
                return scope.ctes[name]
            scope = scope.parent
        return None

    def column(self, node: exp.Column) -> Typed:
        """Resolve a column reference. Raises PgError with its position."""
        name, qualifier = name_of(node.this), name_of(node.args.get("table"))
        position = position_of(node)
        scope: Scope | None = self
        while scope is not None:
            found = scope._local(name, qualifier, position)
            if found is not None:
                return found
            if qualifier and any(s.alias == qualifier for s in scope.sources):
                raise PgError(
                    f"column {qualifier}.{name} does not exist",
                    position=position,
                    hint=self._alias_hint(name, qualifier),
                )
            scope = scope.parent
        renamed = next((s for s in self.sources if s.table == qualifier and s.alias != qualifier), None)
        if qualifier and renamed is not None:
            raise PgError(
                f'invalid reference to FROM-clause entry for table "{qualifier}"',
                position=position,
                hint=f'Perhaps you meant to reference the table alias "{renamed.alias}".',
            )
        if qualifier:
            raise PgError(f'missing FROM-clause entry for table "{qualifier}"', position=position)
        raise PgError(f'column "{name}" does not exist', position=position, hint=self._alias_hint(name))

    def _local(self, name: str, qualifier: str, position: int | None) -> Typed | None:
        hits = [
            s
            for s in self.sources
            if name in s.columns and ((not qualifier and name not in s.merged) or s.alias == qualifier)
        ]
        if not hits:
            return self._system(name, qualifier)
        if len(hits) > 1 or name in hits[0].twice:
            raise PgError(f'column reference "{name}" is ambiguous', position=position)
        if not self.in_aggregate:
            self.loose.append((hits[0], name, position))
        return hits[0].columns[name]

    def _system(self, name: str, qualifier: str) -> Typed | None:
        """A system column of the one base table that is meant."""
        found = [s for s in self.sources if s.row and qualifier in ("", s.alias)]
        if name not in SYSTEM or not found:
            return None
        if len(found) > 1:
            raise PgError(f'column reference "{name}" is ambiguous', find=name)
        sql = SYSTEM[name][0].format(row=found[0].row, locker=found[0].locker, table=quote(found[0].table))
        return Typed(sql, SYSTEM[name][1])

    def _alias_hint(self, name: str, qualifier: str = "") -> str | None:
        """The nearest column names, as far as PostgreSQL looks: three edits, and no more than half of the letters."""
        best, near = 4, list[str]()
        for source in self.sources:
            far = 1 if qualifier and source.alias != qualifier else 0
            for column in source.columns:
                edits = distance(column, name)
                if edits > len(name) // 2 or edits + far > best or edits + far > 3:
                    continue
                near = near if edits + far == best else []
                best = edits + far
                near.append(f'"{source.alias}.{column}"')
        if len(near) in (1, 2):
            return "Perhaps you meant to reference the column " + " or the column ".join(near) + "."
        return None


def name_of(node: Any) -> str:
    """An identifier's name as PostgreSQL folds it: lower case unless quoted."""
    if node is None:
        return ""
    if isinstance(node, exp.Identifier):
        return str(node.this) if node.args.get("quoted") else str(node.this).lower()
    if isinstance(node, str):
        return node.lower()
    if isinstance(node, exp.Star):
        return "*"
    inner = node.args.get("this")
    return name_of(inner) if isinstance(inner, str) or hasattr(inner, "args") else ""


def position_of(node: Any) -> int | None:
    """The offset where a node's first identifier stands, if the parser kept it."""
    best: int | None = None
    for found in node.find_all(exp.Identifier):
        start = found.meta.get("start")
        if start is not None and (best is None or start < best):
            best = int(start)
    return best


def end_of(node: Any) -> int | None:
    """The offset behind a node's last identifier."""
    ends = [f.meta["end"] for f in node.find_all(exp.Identifier) if "end" in f.meta]
    return max(ends) + 1 if ends else None


def quote(text: str) -> str:
    """A string as an SQLite literal; a NUL cannot be part of any PostgreSQL text."""
    return "'" + text.replace("\0", "").replace("'", "''") + "'"


def ident(name: str) -> str:
    """A name as an SQLite identifier."""
    return '"' + name.replace("\0", "").replace('"', '""') + '"'


def untyped(text: str) -> Typed:
    return Typed(quote(text), UNKNOWN, literal=text)


Handler = Callable[[Any, Any, Scope], Typed]
