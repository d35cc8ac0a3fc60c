"""What a statement can name: data tables with their rows, and the system views. No SQL is run here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.postgres import entity_rows, hot_rows, parser
from simulator.postgres import rows as sampling
from simulator.postgres.compiler import Relation
from simulator.postgres.errors import PgError
from simulator.postgres.schema import WELL_KNOWN, TableSpec
from simulator.postgres.state import Database, Index, Server, Session, Table
from simulator.postgres.types import INTEGERS, US
from simulator.postgres.view_columns import ALIASES, view_columns

if TYPE_CHECKING:
    from simulator.world import World

MAX_LOAD = 8.0
StoredRow = tuple[int, int, dict[str, Any]]  # (row number, weight, values by column name)


@dataclass
class Catalog:
    """The names of one database for one statement; `used` collects what has to be loaded."""

    world: World
    session: Session
    statement: str = ""
    used: dict[str, bool] = field(default_factory=dict)
    ids: tuple[int, int] | None = None  # a statement that looks only between two ids
    looks: bool = False  # a query, which may see single rows of what is kept as a sample

    @property
    def database(self) -> Database:
        if self.session.side:
            return self.world.postgres.sides[self.session.side].database
        return self.session.working or self.world.postgres.databases[self.session.component]

    @property
    def server(self) -> Server:
        return self.world.postgres.servers[self.session.component]

    @property
    def now_us(self) -> int:
        """The time of the transaction, as now() gives it."""
        at_s = self.session.began_s if self.session.in_transaction else self.world.now_s
        return self.world.postgres.start_us + round(at_s * US)

    @property
    def clock_us(self) -> int:
        return self.world.postgres.start_us + round(self.world.now_s * US)

    @property
    def is_superuser(self) -> bool:
        return self.session.user == "postgres"

    def relation(self, schema: str, name: str, position: int | None) -> Relation:
        """Raises PgError for a name the database does not have."""
        if schema in ("", "public"):
            table = self.database.tables.get(name)
            if table is not None:
                self.used[f"table {name}"] = True
                key = tuple(table.primary.columns) if table.primary else ()
                columns = {c.name: c.type for c in table.columns}
                return Relation(f"t_{name}", columns, table.sampled, name, key)
            if name in self.database.views:
                return Relation("", {}, query=parser.parse(self.database.views[name]))
            if name in self.database.sequences:
                return self._sequence(name)
        view = self.view_name(schema, name)
        if view:
            self.used[f"view {view}"] = True
            return Relation(f"v_{view}", view_columns()[view])
        shown = f"{schema}.{name}" if schema else name
        raise PgError(f'relation "{shown}" does not exist', position=position)

    def _sequence(self, name: str) -> Relation:
        """A sequence as the one row that it is; the numbers that traffic took are gone."""
        sequence = self.database.sequences[name]
        owner = self.database.tables.get(sequence.owner_table)
        taken = owner.base_rows + self.gained(owner) if owner is not None and owner.spec is not None else 0
        last, called = max(sequence.value, taken), sequence.called or taken > 0
        return Relation(
            "",
            {},
            query=parser.parse(
                f"select {last}::bigint as last_value, {sequence.logged}::bigint as log_cnt, {str(called).lower()} as is_called"
            ),
        )

    def view_name(self, schema: str, name: str) -> str:
        """The system view a name means, or an empty text."""
        full = f"information_schema.{name}" if schema == "information_schema" else name
        full = ALIASES.get(full, full)
        allowed = schema in ("", "pg_catalog", "information_schema") or (
            schema == "public" and full.startswith("pg_stat_statements")
        )
        return full if allowed and full in view_columns() else ""

    def load(self) -> float:
        """How much longer a query takes than on an idle server: its share of busy processors."""
        state = self.world.plane.database(self.session.component)
        return min(MAX_LOAD, max(1.0, state.active / max(1, state.cores)))

    def stands_for(self, table: str, column: str) -> float | None:
        """How many real values one sampled value of a column stands for: 0 if each row has its own, None
        for a column of few values."""
        found = self.database.tables.get(table)
        if found is not None and found.entity is not None:
            bound = found.entity.columns.get(column)
            return 0.0 if bound is not None and bound.of in ("key", "number", "time") else None
        key = next((c.key for c in found.columns if c.name == column), "") if found and found.spec else ""
        spec = found.spec if found else None
        maker = next((c.maker for c in spec.columns if c.name == key), "") if spec else ""
        how, _, of = maker.partition(" ")
        if how == "ref":
            other = WELL_KNOWN[of]
            return other.rows / max(1, other.sample)
        return (
            0.0
            if how in ("id", "parent", "ref_text", "uuid", "email", "phone", "payload", "merchant")
            else None
        )

    def hot_values(self, table: str, column: str) -> tuple[int, ...]:
        """Values of a column that are a hot key's: rows with them are no sample of others' rows."""
        found = self.database.tables.get(table)
        hot = found is not None and found.spec is not None and found.spec.hot == column
        return hot_rows.hot_ids(self.world, table, column) if hot else ()

    def indexed(self, table: str, column: str) -> bool:
        """Whether an index leads with this column."""
        found = self.database.tables.get(table)
        return found is not None and any(
            i.valid and not i.where and i.columns[0] == column for i in found.indexes
        )

    def table(self, name: str, position: int | None = None, what: str = "relation") -> Table:
        """A data table by name. Raises PgError."""
        table = self.database.tables.get(name)
        if table is None:
            if self.view_name("", name):
                raise PgError(f'permission denied: "{name}" is a system catalog')
            raise PgError(f'{what} "{name}" does not exist', position=position)
        return table

    def owned(self, table: Table, kind: str = "table") -> None:
        """Raises PgError unless the session may change the table's definition."""
        if not self.is_superuser and self.session.user != table.owner:
            raise PgError(f"must be owner of {kind} {table.name}")

    def writable(self, table: Table) -> None:
        """Raises PgError unless the session may write to the table."""
        if not self.is_superuser and self.session.user != table.owner:
            raise PgError(f"permission denied for table {table.name}")

    def rows(self, table: Table, wanted: dict[tuple[str, int], bool]) -> list[StoredRow]:
        """Everything a statement can see of a table; `wanted` are (column, number) it asks for by key."""
        found: dict[int, tuple[int, dict[str, Any]]] = {}
        seen: dict[Any, bool] = {}
        if table.spec is not None:
            names = [c.name for c in table.spec.columns]
            for row in self._sampled(table, wanted):
                gone = table.emptied_s is not None and row.t_s <= table.emptied_s
                if not gone and row.values[0] not in seen:
                    seen[row.values[0]] = True
                    found[row.rowid] = (row.weight, dict(zip(names, row.values, strict=True)))
        if table.entity is not None:
            found = entity_rows.rows(self.world, table, self.session, self.ids)
            if self.looks:
                found |= entity_rows.asked_for(self.world, table, wanted)
        found.update(table.changed)
        columns = [(c.name, c.key, c.filled) for c in table.columns]
        return [
            (rowid, weight, {name: values.get(key, filled) for name, key, filled in columns})
            for rowid, (weight, values) in found.items()
            if rowid not in table.removed
        ]

    def _sampled(self, table: Table, wanted: dict[tuple[str, int], bool]) -> list[sampling.Row]:
        state, spec = self.world.postgres, table.spec
        assert spec is not None
        rows = list(sampling.sampled(state.seed, spec, state.start_us))
        if spec.live:
            rows += sampling.live(state.seed, spec, state.start_us, self.slices(spec))
        serial = bool(table.columns) and table.columns[0].type.name in INTEGERS
        for column, ident in wanted:
            if serial and column == table.columns[0].name:
                rows += sampling.by_id(state.seed, spec, state.start_us, ident)
            elif serial and spec.children_of and column == f"{spec.children_of.removesuffix('s')}_id":
                rows += sampling.children_by_parent(state.seed, spec, state.start_us, ident)
        return rows

    def by_key(self, table: Table, column: str, ident: int) -> StoredRow | None:
        """The row of a sampled table with this id, if it is no sampled one; None otherwise."""
        serial = bool(table.columns) and table.columns[0].type.name in INTEGERS
        if table.entity is not None:
            held = entity_rows.asked_for(self.world, table, {(column, ident): True})
            for number, (weight, values) in held.items():
                if number not in table.removed:
                    return number, weight, {c.name: values.get(c.key, c.filled) for c in table.columns}
            return None
        if table.spec is None or table.emptied_s is not None or not serial or column != table.columns[0].name:
            return None
        state = self.world.postgres
        for row in sampling.by_id(state.seed, table.spec, state.start_us, ident):
            if row.rowid not in table.removed and row.rowid not in table.changed:
                names = [c.name for c in table.spec.columns]
                return row.rowid, row.weight, dict(zip(names, row.values, strict=True))
        return None

    def slices(self, spec: TableSpec | None = None) -> list[sampling.Slice]:
        """What the main traffic class added to live tables since the start, by slice of time."""
        history = self.world.plane.history
        base = f"class/{self.world.scenario.sli.traffic_class}/"
        ok, declined = history.column(base + "ok"), history.column(base + "declined")
        step = sampling.LIVE_SLICE_S
        found, before = [], 0
        for index in range((len(ok) + step - 1) // step):
            part = slice(index * step, (index + 1) * step)
            good, bad = round(sum(ok[part])), round(sum(declined[part]))
            hot = hot_rows.shares(self.world, spec.name, part, good) if spec is not None and spec.hot else ()
            found.append(sampling.Slice(index, good, bad, before, hot))
            before += good + bad
        return found

    def gained(self, table: Table) -> int:
        """Rows the traffic has added to a table since the scenario began."""
        spec = table.spec
        if spec is None or not spec.live:
            return 0
        total = sum(
            s.ok + s.declined
            for s in self.slices()
            if table.emptied_s is None or s.index * sampling.LIVE_SLICE_S > table.emptied_s
        )
        return total * (spec.per_parent if spec.children_of else 1)

    def live_rows(self, table: Table) -> int:
        return table.rows + self.gained(table) + entity_rows.count(self.world, table, self.session.component)

    def heap_bytes(self, table: Table) -> int:
        return table.heap_bytes + self.gained(table) * table.row_bytes // 8192 * 8192

    def total_bytes(self, table: Table) -> int:
        return self.heap_bytes(table) + sum(table.index_bytes(i) for i in table.indexes)


def indexdef(table: Table, index: Index, schema: str = "public.") -> str:
    """`pg_get_indexdef`."""
    unique = "UNIQUE " if index.unique else ""
    return f"CREATE {unique}INDEX {index.name} ON {schema}{table.name} USING {index_body(index)}"


def index_body(index: Index, where: str = "({})") -> str:
    """`btree (columns) WHERE (condition)`; `\\d` leaves the outer parentheses of the condition out."""
    condition = f" WHERE {where.format(index.where)}" if index.where else ""
    return f"{index.method} ({', '.join(index.columns)}){condition}"
