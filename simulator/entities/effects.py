"""What a flow's steps do to the world: post, write, read, move, publish, commit.

Called when a call takes effect, whether or not its caller still waits. An effect knows nothing of tries and
compensations, except that whoever undoes an operation that has not happened yet forbids it to happen later.
"""

from typing import Any

from simulator.engine.streams import bits
from simulator.entities import saga
from simulator.entities.conditions import Conditions
from simulator.entities.history import OK, History
from simulator.entities.locks import LockManager
from simulator.entities.locktypes import GRANTED
from simulator.entities.log import Topic
from simulator.entities.payments import PaymentSystem
from simulator.entities.quorum import Quorum
from simulator.entities.shards import ShardMap
from simulator.entities.spec import (
    ASCENDING,
    CALL,
    DESCENDING,
    LOCK,
    MOVE,
    PUBLISH,
    READ,
    WRITE,
    EntitiesSpec,
    Flow,
    Step,
    amount_by,
)
from simulator.entities.store import PENDING, REFUSED, Store
from simulator.entities.timers import MS, Timers

# the fields of a running flow
(FLOW, STEP, PHASE, ATTEMPT, ENTITY, ITEM, AMOUNT, SEEN, TURN, DOUBT, SAID, SAVED, SOURCE, MOVES, ABORTS) = (
    range(15)
)
# TURN counts what it waited for: an answer to an earlier wait is ignored. SAID: the customer has been answered.
# SAVED: 8 x step + phase, which outlive the host. SOURCE: (group, member, life, partition, offset) or None.
# MOVES: changes that wait for their commit, (store, table, row, change). ABORTS: of its present transaction.

APPLIED, CANCELLED = 1, 2  # what a row of done operations says
TURN_BITS = 16


class Effects:
    """The systems, stores, topics and locks, and what steps do to them."""

    __slots__ = (
        "flows", "hand_keys", "history", "locks", "lucks", "outbox", "quorums", "shards", "spec", "stores", "systems", "timers", "topics", "undoes",
    )  # fmt: skip

    def __init__(self, spec: EntitiesSpec, lucks: list[int], timers: Timers, history: History) -> None:
        self.spec, self.lucks, self.timers, self.history = spec, lucks, timers, history
        self.flows: tuple[Flow, ...] = spec.flows
        self.stores: dict[str, Store] = {}
        self.topics: dict[str, Topic] = {}
        self.quorums: dict[str, Quorum] = {}
        self.shards: dict[str, ShardMap] = {}  # stores that are many
        self.locks: dict[str, LockManager] = {}
        self.systems: dict[str, PaymentSystem] = {s.name: PaymentSystem(s) for s in spec.systems}
        self.undoes = {s.undo.name: s.name for flow in self.flows for s in flow.steps if s.undo is not None}
        self.hand_keys: dict[int, str] = {}  # entity -> the key a person gave for its compensations
        self.outbox: dict[str, list[tuple[int, int]]] = {}  # topic -> (key, entity), oldest first

    def _effect(self, conditions: Conditions, number: int, record: list[Any], step: Step) -> str:
        """Do what a step does: saga's OK, REFUSED or FAILED, or PENDING."""
        entity = record[ENTITY]
        if step.do == CALL:
            key = step.name if step.idempotent == "entity" else self._hand_key(record, step)
            amount = amount_by(step, entity, record[AMOUNT]) if step.wrong else record[AMOUNT]
            posted = self.systems[step.target].post(step.operation, entity, amount, key, self.timers.now)
            if posted == "posted":
                self.history.add(self.timers.now, OK, step.target, step.name, entity, amount, entity)
            return saga.REFUSED if posted == "refused" else saga.OK
        if step.do == MOVE:
            return self._move(conditions, number, record, step)
        if step.do == LOCK:
            return self._lock(conditions, number, record, step)
        if step.do == PUBLISH:
            return self._publish(conditions, number, record, step)
        if self.quorums and step.target in self.quorums:
            return self._ask(conditions, number, record, step)
        if step.do == WRITE:
            return self._write(conditions, number, record, step)
        if step.do == READ:
            return self._read(conditions, record, step)
        return self._commit(conditions, number, record, step)

    def _hand_key(self, record: list[Any], step: Step) -> str:
        """The key of an operation that declares none."""
        given = self.hand_keys.get(record[ENTITY], "") if record[PHASE] == saga.BACKWARD else ""
        return f"{step.name}/{given}" if given else ""

    def _publish(self, conditions: Conditions, number: int, record: list[Any], step: Step) -> str:
        entity = record[ENTITY]
        producer = step.name if step.idempotent == "entity" else ""
        client = self._client(record)
        result = (
            self.topics[step.target]
            .of(entity)
            .produce(conditions, entity, entity, client, producer, *self._token(number, record))
        )
        if result == REFUSED:
            return saga.FAILED  # the producer retries: a retriable error
        self.history.add(self.timers.now, OK, step.target, step.name, entity, entity, entity)
        return PENDING if result == PENDING else saga.OK

    def _write(self, conditions: Conditions, number: int, record: list[Any], step: Step) -> str:
        store = self._store(record, step)
        leader = store.leader_for(self._client(record), conditions) if store is not None else None
        if store is None or leader is None or step.table in store.gone:
            return saga.FAILED
        row, entity = self._row(record, step), record[ENTITY]
        value = step.value if step.writes == "value" else amount_by(step, entity, record[AMOUNT])
        result = store.write(leader, step.table, row, value, conditions, *self._token(number, record))
        self.history.add(self.timers.now, OK, leader.name, step.name, (step.table, row), value, entity)
        if self.shards and step.target in self.shards:
            self._mirror(conditions, record, step, row, value)
        if step.outbox:
            box = self.outbox.setdefault(step.outbox, [])
            box.append((entity, entity))
            if len(box) == 1:
                self.timers.at(self.timers.now + self.spec.outbox_ms * MS, "domain", "relay", step.outbox)
        return PENDING if result == PENDING else saga.OK

    def _ask(self, conditions: Conditions, number: int, record: list[Any], step: Step) -> str:
        """A store without a leader: the nearest node coordinates, the answer comes later."""
        store, entity, row = self.quorums[step.target], record[ENTITY], self._row(record, step)
        via = store.coordinator(self._client(record), conditions)
        if via < 0:
            return saga.FAILED
        token, process = self._token(number, record)[1], number or -entity
        if step.do == READ:
            store.read(conditions, process, row, via, token)
            return PENDING
        value = (*(record[SEEN] or ()), entity) if step.writes == "append" else step.value
        store.write(conditions, process, row, value, via, token)
        return PENDING

    def _read(self, conditions: Conditions, record: list[Any], step: Step) -> str:
        store = self._store(record, step)
        if store is None or step.table in store.gone:
            return saga.FAILED
        node = store.choose(
            step.policy, self._client(record), bits(self._luck(record), 1 << 16 | record[TURN]), conditions
        )
        if node is None:
            return saga.FAILED
        row = self._row(record, step)
        record[SEEN] = store.read(node, step.table, row, 0)
        name = store.copies[node].name
        self.history.add(
            self.timers.now, OK, name, step.name, (step.table, row), record[SEEN], record[ENTITY]
        )
        return saga.OK

    def _change(self, record: list[Any], step: Step) -> int:
        return step.factor * (record[AMOUNT] if step.by == "amount" else 1)

    def _move(self, conditions: Conditions, number: int, record: list[Any], step: Step) -> str:
        if step.mode == "locked":
            return self._lock(conditions, number, record, step)
        store = self._store(record, step)
        leader = store.leader_for(self._client(record), conditions) if store is not None else None
        if store is None or leader is None or step.table in store.gone:
            return saga.FAILED
        row, entity = self._row(record, step), record[ENTITY]
        if step.idempotent == "unique" and store.read(leader.index, step.table, row) is not None:
            return saga.OK  # ON CONFLICT DO NOTHING
        done = "done:" + step.name
        if step.idempotent == "entity":  # the row of this operation is in the same transaction as the change
            known = store.read(leader.index, done, entity)
            if known is not None:
                return saga.REFUSED if known == CANCELLED else saga.OK
            undone = self.undoes.get(step.name)
            if undone is not None and store.read(leader.index, "done:" + undone, entity) is None:
                # nothing to undo yet: what is still on its way must not land
                store.write(leader, "done:" + undone, entity, CANCELLED, conditions)
                return saga.OK
        change = self._change(record, step)
        balance = store.read(leader.index, step.table, row, 0)
        if step.mode == "versioned" and record[SEEN] not in (None, balance):
            record[SEEN] = balance  # somebody was faster: the next try goes on from what is there now
            return saga.FAILED
        seen = (record[SEEN] or 0) if step.mode == "from_read" else balance
        if step.floor is not None and change < 0 and seen + change < step.floor:
            return saga.REFUSED
        if step.idempotent == "entity":
            store.write(leader, done, entity, APPLIED, conditions)
        value = seen + change
        result = store.write(leader, step.table, row, value, conditions, *self._token(number, record))
        self.history.add(
            self.timers.now, OK, leader.name, step.name, (step.table, row), (change, value), entity
        )
        return PENDING if result == PENDING else saga.OK

    # rows over shards

    def where(self, record: list[Any], step: Step) -> str:
        """The system, store or shard that a step calls, by the placement that its router knows."""
        shards = self.shards.get(step.target) if self.shards else None
        if shards is None:
            return step.target
        entity, key = record[ENTITY], self._key(record, step)
        return shards.store_name(shards.known_to(entity, self.timers.now).shard(key, entity))

    def _store(self, record: list[Any], step: Step) -> Store | None:
        """The store of a step's row; None when its writes are locked out. A row that is there already stays."""
        shards = self.shards.get(step.target) if self.shards else None
        if shards is None:
            return self.stores[step.target]
        entity, key, row = record[ENTITY], self._key(record, step), self._row(record, step)
        placement = shards.known_to(entity, self.timers.now)
        if key in placement.locked:
            return None
        shards.keys.setdefault(row, key)
        wanted = placement.shard(key, entity)
        for shard in placement.homes(key):
            store = self.stores[shards.store_name(shard)]
            leader = store.newest_leader()
            if shard != wanted and leader and store.read(leader.index, step.table, row) is not None:
                return store
        return self.stores[shards.store_name(wanted)]

    def _mirror(self, conditions: Conditions, record: list[Any], step: Step, row: int, value: int) -> None:
        """Write a row of a key that is being moved to where it goes as well."""
        shards = self.shards[step.target]
        placement = shards.known_to(record[ENTITY], self.timers.now)
        other = dict(placement.mirror).get(self._key(record, step))
        if other is None:
            return
        store = self.stores[shards.store_name(other)]
        leader = store.leader_for(self._client(record), conditions)
        if leader is not None:
            store.write(leader, step.table, row, value, conditions)

    @staticmethod
    def _key(record: list[Any], step: Step) -> int:
        key: int = step.shard_key if step.shard_key >= 0 else record[ITEM]
        return key

    # locked moves

    def _lock(self, conditions: Conditions, number: int, record: list[Any], step: Step) -> str:
        """Lock the row first; the change waits for the commit step. Fails when the pool has no connection left."""
        if self._manager().full(number):
            return saga.FAILED
        row = self._row(record, step)
        query = step.sql.replace("{row}", str(row)) or step.name
        label = self.flows[record[FLOW]].name
        answer = self._manager().lock_row(
            number, step.table, row, step.lock, owner="domain", query=query, label=label
        )
        return self._hold(record, step, conditions) if answer == GRANTED else PENDING

    def _hold(self, record: list[Any], step: Step, conditions: Conditions) -> str:
        if step.do == LOCK:
            return saga.OK
        store = self.stores[step.target]
        leader = store.leader_for(self._client(record), conditions)
        if leader is None:
            return saga.FAILED
        row, change = self._row(record, step), self._change(record, step)
        moves = record[MOVES] = record[MOVES] or []
        own = sum(m[4] for m in moves if m[1] == step.table and m[2] == row)
        left = store.read(leader.index, step.table, row, 0) + own + change
        if step.floor is not None and change < 0 and left < step.floor:
            return saga.REFUSED
        moves.append((step.target, step.table, row, step.name, change))
        return saga.OK

    def _commit(self, conditions: Conditions, number: int, record: list[Any], step: Step) -> str:
        """Apply the locked moves and give up the locks."""
        client = self._client(record)
        leaders = [self.stores[move[0]].leader_for(client, conditions) for move in record[MOVES] or []]
        if any(leader is None for leader in leaders):
            return saga.FAILED
        for move, leader in zip(record[MOVES] or [], leaders, strict=True):
            assert leader is not None
            target, table, row, name, change = move
            store = self.stores[target]
            value = store.read(leader.index, table, row, 0) + change
            store.write(leader, table, row, value, conditions)
            self.history.add(
                self.timers.now, OK, leader.name, name, (table, row), (change, value), record[ENTITY]
            )
        record[MOVES], record[ABORTS] = None, 0
        self._manager().end(number)
        return saga.OK

    def _manager(self) -> LockManager:
        return self.locks[self.spec.locks[0]]

    # of the running flow

    @staticmethod
    def _token(number: int, record: list[Any]) -> tuple[str, int]:
        """Whom to answer; nobody if the caller has gone (number 0)."""
        return ("domain", number << TURN_BITS | record[TURN]) if number else ("", 0)

    def _client(self, record: list[Any]) -> str:
        """Where this entity's customer is."""
        clients = self.flows[record[FLOW]].clients
        return (
            clients[0] if len(clients) == 1 else clients[bits(self.lucks[-1], record[ENTITY]) % len(clients)]
        )

    def _luck(self, record: list[Any]) -> int:
        return bits(self.lucks[record[FLOW]], record[ENTITY])

    def _row(self, record: list[Any], step: Step) -> int:
        if step.row == "customer":
            return (bits(self.lucks[-1], record[ENTITY]) >> 40) % self.flows[record[FLOW]].customers
        if step.row == "entity":
            entity: int = record[ENTITY]
            return entity
        return self._items(record)[step.row == "item 2"]

    def _items(self, record: list[Any]) -> tuple[int, int]:
        """The two items an entity is about, in the order in which its flow goes through them."""
        flow, first = self.flows[record[FLOW]], record[ITEM]
        further = 1 + (bits(self.lucks[-1], record[ENTITY]) >> 16) % max(1, flow.items - 1)
        both = (first, (first + further) % flow.items)
        if flow.rows_by == ASCENDING:
            return min(both), max(both)
        return (max(both), min(both)) if flow.rows_by == DESCENDING else both
