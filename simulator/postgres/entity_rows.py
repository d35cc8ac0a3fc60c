"""Rows of tables that are the entities': what a store, a payment system or a topic holds, seen as SQL sees it.

A row's number is the entity's (or the customer's, or the item's), and what the entity is like follows from that
number, as it does in `entities.domain`. Nothing here changes anything: `entity_writes` carries changes over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.engine.streams import bits, key_of, uniform
from simulator.entities.columns import Column as Cells
from simulator.entities.history import OK
from simulator.postgres.state import Table
from simulator.postgres.types import DAY_US, US

if TYPE_CHECKING:
    from simulator.entities.domain import Domain
    from simulator.entities.engine import Entities
    from simulator.entities.spec import Flow, Step
    from simulator.entities.store import Store
    from simulator.postgres.state import Session
    from simulator.scenario import EntityTable, TableColumn
    from simulator.world import World

Values = dict[str, Any]
Maker = Callable[[int, int], Any]  # (row, stored value) -> cell
OLD = 1 << 62  # the numbers older rows draw their luck with


@dataclass
class WriteTimes:
    """When rows were first and last written, read out of the history as far as anybody has looked.

    Only a reading aid: it is not part of the state and a copy of a world begins without it.
    """

    seen: int = 0
    first: dict[tuple[str, str], Cells] = field(default_factory=dict)
    last: dict[tuple[str, str], Cells] = field(default_factory=dict)

    def __reduce__(self) -> tuple[type[WriteTimes], tuple[()]]:
        return WriteTimes, ()

    def follow(self, entities: Entities) -> None:
        """Read what has been written since the last time."""
        domain = entities.domain
        nodes = {copy.name: store.name for store in domain.stores.values() for copy in store.copies}
        steps = {(s.name, s.table): s.target for f in domain.flows for s in _steps(f) if s.table}
        for op in entities.history.since(self.seen):
            if op.type != OK or not isinstance(op.key, tuple) or not isinstance(op.process, str):
                continue
            table, row = op.key
            store = nodes.get(op.process) or steps.get((op.f, table), "")
            if not isinstance(row, int) or not isinstance(table, str):
                continue
            place = (store, table)
            first = self.first.setdefault(place, Cells(64))
            if first.get(row) is None:
                first.put(row, op.time_ns)
            self.last.setdefault(place, Cells(64)).put(row, op.time_ns)
        self.seen = len(entities.history)


def _steps(flow: Flow) -> Iterator[Step]:
    for step in flow.steps:
        yield step
        if step.undo is not None:
            yield step.undo


def entities_of(world: World) -> Entities:
    assert world.entities is not None  # the scenario's check: no table over entities without entities
    return world.entities


def flow_of(domain: Domain, table: Table) -> Flow:
    """The flow whose ranges a table's customers, items and amounts come from."""
    spec = table.entity
    assert spec is not None
    named = [f for f in domain.flows if f.name == spec.flow]
    writing = [
        f
        for f in domain.flows
        if any(s.target in (spec.store, spec.system) and s.table in (table.source, "") for s in f.steps)
    ]
    return next(iter(named or writing or domain.flows))


# -- where rows are


def stores_of(world: World, table: Table, component: str) -> list[Store]:
    """The stores behind a table: one, or one a shard; only that shard's when the session is on one."""
    spec, domain = table.entity, entities_of(world).domain
    assert spec is not None
    machine, colon, name = spec.store.partition(":")
    if colon:  # a restored copy
        return [world.postgres.sides[machine].stores[name]]
    many = domain.shards.get(spec.store)
    if many is None:
        return [domain.stores[spec.store]]
    names = list(many.names())
    if component not in world.scenario.databases():
        names = names[int(component.rpartition("-")[2]) :][:1]
    return [domain.stores[name] for name in names]


def shelf(store: Store, node: str, table: str) -> Cells:
    """A table's rows at a node of a store, or at its leader."""
    wanted = next((c for c in store.copies if c.name == node), None)
    copy = wanted or store.newest_leader() or max(store.copies, key=lambda c: (c.follows, c.end))
    return store.rows[copy.index].get(table, Cells())


def node_of(session: Session) -> str:
    """The node a session asks by name; nobody's name means the leader."""
    return session.host.partition(".")[0]


def component_of(world: World, host: str) -> str | None:
    """The database whose tables lie on a node of a store."""
    for name, database in world.postgres.databases.items():
        for table in database.tables.values():
            if table.entity is not None and table.entity.store:
                for store in stores_of(world, table, name):
                    if any(copy.name == host for copy in store.copies):
                        return name
    return None


def member_of(world: World, host: str) -> tuple[str, int]:
    """The database and the number of the StatefulSet's pod a host names: `payments-db-1`; nothing: ("", 0)."""
    name, _, number = host.partition(".")[0].rpartition("-")
    stateful = world.kubernetes.statefulsets.get(name)
    known = (
        stateful is not None and number.isdecimal() and len(number) < 4 and int(number) < stateful.replicas
    )
    if (
        not known
        or host.partition(".")[0] in world.postgres.databases
        or name not in world.postgres.databases
    ):
        return "", 0
    return name, int(number)


def is_replica(world: World, session: Session) -> bool:
    """Whether a session is on a node that follows another."""
    node = node_of(session)
    if member_of(world, node)[1] > 0:
        return True
    if world.entities is None or not node or node in world.postgres.databases:
        return False
    for store in world.entities.domain.stores.values():
        for copy in store.copies:
            if copy.name == node:
                return not copy.leads
    return False


def down(world: World, component: str, host: str) -> bool:
    """Whether nobody answers there: the node is down, or no store of this database has a leader that runs."""
    node = host.partition(".")[0]
    if world.entities is None or node in world.reach.down:
        return node in world.reach.down
    names = [c.name for s in world.entities.domain.stores.values() for c in s.copies]
    if node in names and node != component:
        return False
    for table in world.postgres.databases[component].tables.values():
        if table.entity is not None and table.entity.store:
            leaders = [s.newest_leader() for s in stores_of(world, table, component)]
            return all(leader is None or leader.name in world.reach.down for leader in leaders)
    return False


# -- what is in them


def rows(
    world: World, table: Table, session: Session, ids: tuple[int, int] | None = None
) -> dict[int, tuple[int, Values]]:
    """Every row: {row number: (weight, values by column key)}; older ones have numbers below zero.

    With `ids` only those between two ids.
    """
    spec = table.entity
    assert spec is not None
    if table.truncated:
        return {}
    found: dict[int, tuple[int, Values]] = {}
    low, high = ids or (0, 1 << 62)
    for number, weight, values in old_rows(world, table, low, high):
        found[number] = (weight, values)
    if high <= table.offset:
        return _laid_over(table, found)
    source = _stored if spec.store else _posted if spec.system else _logged
    for number, values in source(world, table, session):
        found[number] = (1, values)
    return _laid_over(table, found)


def _laid_over(table: Table, found: dict[int, tuple[int, Values]]) -> dict[int, tuple[int, Values]]:
    """What the table keeps of its rows beside the store."""
    for number, kept in table.overlay.items():
        if number in found:
            weight, values = found[number]
            found[number] = (weight, {**values, **kept})
    return found


def count(world: World, table: Table, component: str) -> int:
    """How many rows the entities hold."""
    spec = table.entity
    if spec is None or world.entities is None or table.truncated:
        return 0
    if not spec.store:
        from simulator.postgres.state import Session

        source = _posted if spec.system else _logged
        return sum(1 for _ in source(world, table, Session(component, "")))
    return sum(shelf(s, "", table.source).size() for s in stores_of(world, table, component))


def _stored(world: World, table: Table, session: Session) -> Iterator[tuple[int, Values]]:
    spec, node = table.entity, node_of(session)
    assert spec is not None
    columns = [(name, c) for name, c in spec.columns.items()]
    for store in stores_of(world, table, session.component):
        makers = [
            (name, maker(world, table, store, c), shelf(store, node, c.part) if c.part else None)
            for name, c in columns
        ]
        plain = [(name, make) for name, make, part in makers if part is None]
        parts = [(name, make, part) for name, make, part in makers if part is not None]
        for row, value in shelf(store, node, table.source).items():
            values = {name: make(row, value) for name, make in plain}
            for name, make, part in parts:
                other = part.get(row)
                values[name] = None if other is None else make(row, other)
            yield row, values


def _posted(world: World, table: Table, session: Session) -> Iterator[tuple[int, Values]]:
    spec = table.entity
    assert spec is not None
    totals = entities_of(world).domain.systems[spec.system].totals
    kinds = dict(zip(("authorised", "captured", "refunded", "cancelled"), totals, strict=True))
    numbers = sorted({row for column in totals for row, _ in column.items()})
    for row in numbers:
        values: Values = {}
        for name, c in spec.columns.items():
            number = row + table.offset if c.of == "key" else kinds[c.of].get(row, 0)
            values[name] = shown(c, number)
        yield row, values


def _logged(world: World, table: Table, session: Session) -> Iterator[tuple[int, Values]]:
    spec, start_us = table.entity, world.postgres.start_us
    assert spec is not None
    for part in entities_of(world).domain.topics[spec.topic].partitions:
        for offset in range(part.watermark):
            record = part.record(offset)
            if record is None:
                continue
            cells = {
                "key": record.value + table.offset,
                "partition": part.label[1],
                "offset": offset,
                "time": start_us + record.time_ns // 1000,
            }
            yield (
                offset * len(spec.columns) * 64 + int(part.label[1]),
                {name: shown(c, cells[c.of]) for name, c in spec.columns.items()},
            )


def shown(column: TableColumn, number: int) -> Any:
    """A number as a column shows it."""
    if column.names:
        return column.names.get(number, str(number))
    if column.format:
        return column.format.replace("{}", str(number))
    return round(number / 10**column.scale, column.scale) if column.scale else number


def maker(world: World, table: Table, store: Store, column: TableColumn) -> Maker:
    """How a column's cell follows from a row's number and its stored value."""
    of, domain, start_us = column.of, entities_of(world).domain, world.postgres.start_us
    offset = table.offset if of == "key" else 0
    plain = not column.names and not column.format and not column.scale
    if of in ("key", "number"):
        return (lambda row, _: row + offset) if plain else (lambda row, _: shown(column, row + offset))
    if of == "value":
        return (lambda _, value: value) if plain else (lambda _, value: shown(column, value))
    if of == "text":
        return lambda _, __: column.format
    if of in ("time", "changed"):
        times = world.postgres.times
        times.follow(entities_of(world))
        place = (store.name, column.part or table.source)
        known = (times.first if of == "time" else times.last).get(place, Cells())
        before = key_of(world.seed, "before", *place)

        def when(row: int, _: int) -> int:
            time_ns = known.get(row)
            if time_ns is None:  # there from the start
                return start_us - 1 - int(uniform(before, row) * DAY_US)
            return start_us + int(time_ns) // 1000

        return when
    like = likeness(entities_of(world), flow_of(domain, table), of)
    return (lambda row, _: like(row)) if plain else (lambda row, _: shown(column, like(row)))


def likeness(entities: Entities, flow: Flow, of: str) -> Callable[[int], int]:
    """What an entity's number says of it, as `Domain.begin` reads it."""
    luck, (low, high) = entities.domain.lucks[-1], flow.amounts
    if of == "customer":
        return lambda row: (bits(luck, row) >> 40) % flow.customers
    if of == "amount":
        return lambda row: low + (bits(luck, row) >> 24) % (high - low + 1)
    hot = [item for _, item, _, _ in entities.arrivals]

    def thing(row: int) -> int:
        item = hot[(row - 1) % len(hot)] if hot else -1
        return item if item >= 0 else (bits(luck, row) >> 8) % flow.items

    return thing


# -- older rows, which nobody plays


def old_rows(
    world: World, table: Table, low: int = 0, high: int = 1 << 62
) -> Iterator[tuple[int, int, Values]]:
    """(row number below zero, how many it stands for, values): evenly over the ids 1 to `rows`."""
    spec = table.entity
    if spec is None or not spec.rows or table.emptied_s is not None:
        return
    sample = min(spec.sample, spec.rows)
    flow = flow_of(entities_of(world).domain, table)
    for n in range(sample):
        ident, before = (n + 1) * spec.rows // sample, n * spec.rows // sample
        if not low <= ident <= high:
            continue
        yield -ident, ident - before, old_values(world, table, flow, ident)


def asked_for(
    world: World, table: Table, wanted: dict[tuple[str, int], bool]
) -> dict[int, tuple[int, Values]]:
    """The older rows with these keys, in the sample or not: each stands for itself."""
    spec = table.entity
    if spec is None or not spec.rows or table.emptied_s is not None or table.truncated:
        return {}
    keys = [c.name for c in table.columns if c.key in spec.columns and spec.columns[c.key].of == "key"]
    idents = [number for column, number in wanted if column in keys and 0 < number <= spec.rows]
    flow, sampled = flow_of(entities_of(world).domain, table), dict.fromkeys(old_ids(table)) if idents else {}
    return _laid_over(table, {-i: (1, old_values(world, table, flow, i)) for i in idents if i not in sampled})


def old_ids(table: Table) -> list[int]:
    """The ids of the older rows that are in the sample."""
    assert table.entity is not None
    sample = min(table.entity.sample, table.entity.rows)
    return [(n + 1) * table.entity.rows // sample for n in range(sample)]


def stands_for(table: Table, ident: int) -> int:
    """How many older rows the sampled one with this id stands for."""
    assert table.entity is not None
    sample = min(table.entity.sample, table.entity.rows)
    n = -(-ident * sample // table.entity.rows) - 1
    return ident - n * table.entity.rows // sample


def old_values(world: World, table: Table, flow: Flow, ident: int) -> Values:
    """What the older row with this id holds."""
    spec = table.entity
    assert spec is not None
    luck = key_of(world.seed, "older", table.source)
    stored = _old_value(spec, luck, ident)
    made_us = world.postgres.start_us - int(spec.span_s * US * (1 - (ident - 0.5) / spec.rows)) - US
    like = {of: likeness(entities_of(world), flow, of) for of in ("customer", "item", "amount")}
    values: Values = {}
    for name, c in spec.columns.items():
        if c.part:
            continue
        if c.of in ("key", "number"):
            values[name] = shown(c, ident)
        elif c.of in like:
            values[name] = shown(c, like[c.of](OLD + ident * len(entities_of(world).arrivals)))
        elif c.of == "value":
            amounts = not spec.old
            values[name] = shown(
                c, like["amount"](OLD + ident * len(entities_of(world).arrivals)) if amounts else stored
            )
        elif c.of == "text":
            values[name] = c.format
        else:
            values[name] = made_us
    return values


def _old_value(spec: EntityTable, luck: int, ident: int) -> int:
    draw = uniform(luck, ident) * sum(spec.old.values())
    for value, weight in spec.old.items():
        draw -= weight
        if draw < 0:
            return value
    return next(reversed(spec.old), 1)
