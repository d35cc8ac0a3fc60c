"""The state of the entities as it stands, as `final …` operations for the checkers.

They are no part of the history and are made when they are asked for: a checker of one table does not pay for the
log. So an audit is to be read before the world moves on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from simulator.entities.history import OK, Op

if TYPE_CHECKING:
    from simulator.entities.engine import Entities

ROW, VALUE, END, RECORD = "final row", "final value", "final end", "final record"
STRAY = "final stray"  # a row that its key's placement does not find
COMMITTED, MONEY, LIVE = "final commit", "final money", "final live"
Said = tuple[str, Any, Any, int]  # process, key, value, entity


class Audit:
    """Iterating gives all of it, `of` one kind."""

    def __init__(self, entities: Entities) -> None:
        self.entities = entities
        self._kinds: dict[str, list[Op]] = {}
        self._sources: dict[str, Callable[[], Iterator[Said]]] = {
            ROW: self._rows,
            STRAY: self._strays,
            VALUE: self._values,
            END: self._ends,
            RECORD: self._records,
            COMMITTED: self._commits,
            MONEY: self._money,
            LIVE: self._live,
        }

    def __iter__(self) -> Iterator[Op]:
        for f in self._sources:
            yield from self.of(f)

    def of(self, f: str) -> list[Op]:
        """Its operations of one kind; every one has the index that the history's next record will get."""
        if f not in self._kinds:
            index, now = len(self.entities.history), self.entities.timers.now
            self._kinds[f] = [
                Op(index, now, OK, process, f, key, value, entity)
                for process, key, value, entity in self._sources[f]()
            ]
        return self._kinds[f]

    def rows(self, table: str) -> Iterator[tuple[str, int, Any]]:
        """(store, key, value) of each row."""
        for store in self.entities.domain.stores.values():
            yield from ((store.name, key, value) for key, value in store.final_of(table))

    def _rows(self) -> Iterator[Said]:
        for store in self.entities.domain.stores.values():
            for table, rows in store.final().items():
                if not table.startswith("done:"):  # the idempotency keys
                    for key, value in rows.items():
                        yield store.name, (table, key), value, key

    def _strays(self) -> Iterator[Said]:
        for shards in self.entities.domain.shards.values():
            for name, table, row, key in self.entities.strays(shards):
                homes = " ".join(shards.store_name(n) for n in shards.now.homes(key))
                yield name, (table, row), homes, row

    def _values(self) -> Iterator[Said]:
        for quorum in self.entities.domain.quorums.values():
            for key, value in quorum.final().items():
                yield quorum.name, (quorum.name, key), value, 0

    def _ends(self) -> Iterator[Said]:
        for topic in self.entities.domain.topics.values():
            for part in topic.partitions:
                yield "log", part.label, part.log_end_offset, 0

    def _records(self) -> Iterator[Said]:
        for topic in self.entities.domain.topics.values():
            for part in topic.partitions:
                for offset in range(part.watermark):
                    record = part.record(offset)
                    if record is not None:
                        yield "log", (*part.label, offset), record.value, record.value

    def _commits(self) -> Iterator[Said]:
        for group in self.entities.domain.groups.values():
            for number, offset in sorted(group.committed.items()):
                yield group.name, (group.topic.spec.name, number), offset, 0

    def _money(self) -> Iterator[Said]:
        for system in self.entities.domain.systems.values():
            _, captured, refunded, _ = system.totals
            for entity in sorted({e for column in (captured, refunded) for e, _ in column.items()}):
                yield system.name, entity, captured.get(entity, 0) - refunded.get(entity, 0), entity

    def _live(self) -> Iterator[Said]:
        domain = self.entities.domain
        for flow in domain.live.values():
            yield "domain", domain.flows[flow[0]].name, flow[1], flow[4]


def of_kind(final: Iterable[Op], f: str) -> list[Op]:
    """Operations `f` of an audit, or of operations written down."""
    return final.of(f) if isinstance(final, Audit) else [op for op in final if op.f == f]


def rows_of(final: Iterable[Op], table: str) -> Iterable[tuple[Any, int, Any]]:
    """(store, key, value) of each row of `table`."""
    if isinstance(final, Audit):
        return final.rows(table)
    return [(op.process, op.key[1], op.value) for op in final if op.f == ROW and op.key[0] == table]
