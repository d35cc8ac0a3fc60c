"""Rows on a leader and its followers: asynchronous, semi-synchronous or quorum replication, and failover.

A write is acknowledged when the leader and `sync` followers have it (0: at once, as with PostgreSQL's
synchronous_commit = local; half of the nodes: a quorum). Reads go to any node and so may be stale, run
backwards or miss one's own write. A failover promotes the most advanced node that a majority reaches; what only
the old leader had is lost, acknowledged or not. Without `fenced` the old leader goes on leading whom it reaches.

One file, one mechanism: what rows mean is told by the domain, when nodes fail by the conditions.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from simulator.entities.columns import Column
from simulator.entities.conditions import Conditions
from simulator.entities.history import OK, History
from simulator.entities.journal import Journal, Record, replayed
from simulator.entities.replication import Copy, Entry, Replicated
from simulator.entities.strict import STRICT
from simulator.entities.timers import MS, Timers

WRITTEN, PENDING, REFUSED = "written", "pending", "refused"


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """How a store replicates and fails over. `ttl_ms` as Patroni's ttl: 30 s."""

    __pydantic_config__ = STRICT

    name: str
    nodes: tuple[str, ...] = ("db-0",)
    sync: int = 0
    failover: bool = True
    fenced: bool = True
    ttl_ms: int = 30_000
    check_ms: int = 1_000
    heal: str = (
        "rewind"  # "merge": the last writer's divergent rows win; "keep": a person decides, nothing is undone
    )
    nearest: bool = False  # clients stay with the leader that is nearest, as long as it takes writes
    start: tuple[tuple[str, int, int, int], ...] = ()  # table, first key, last key, value


class Store(Replicated):
    """Tables of integer keys and integer values. A payload is (table, key, value, value before)."""

    __slots__ = ("gone", "history", "journal", "missed_ns", "rows", "spec", "waiting")

    def __init__(self, spec: StoreSpec, luck: int, timers: Timers, history: History) -> None:
        super().__init__(spec.name, spec.nodes, luck, timers)
        self.spec = spec
        self.history = history
        self.rows: list[dict[str, Column]] = [{} for _ in spec.nodes]
        self.waiting: list[tuple[int, int, str, int]] = []  # position, epoch, owner, its number
        self.gone: dict[str, float] = {}  # tables that somebody dropped, and when: steps that need them fail
        self.journal: Journal | None = None  # kept where there are backups
        self.missed_ns = -1  # since when the leader has not been reached by a majority
        for table, first, last, value in spec.start:
            for rows in self.rows:
                shelf = rows.setdefault(table, Column())
                for key in range(first, last + 1):
                    shelf.put(key, value)
        history.add(timers.now, OK, spec.nodes[0], "lead", spec.name, 1)
        if len(spec.nodes) > 1:
            timers.at(timers.now + spec.check_ms * MS, spec.name, "check")

    # reading and writing

    def read(self, node: int, table: str, key: int, default: Any = None) -> Any:
        """What a node holds right now."""
        shelf = self.rows[node].get(table)
        return default if shelf is None else shelf.get(key, default)

    def choose(self, policy: str, client: str, luck: int, conditions: Conditions) -> int | None:
        """The node a reader asks: `leader`, `any` or a node's name; None if it cannot be reached."""
        now = self.timers.now
        if policy == "leader":
            leader = self.leader_for(client, conditions)
            return None if leader is None else leader.index
        candidates = [
            copy.index
            for copy in self.copies
            if policy in ("any", copy.name)
            and conditions.up(copy.name, now)
            and (not client or conditions.connected(client, copy.name, now))
        ]
        return candidates[luck % len(candidates)] if candidates else None

    def write(
        self,
        leader: Copy,
        table: str,
        key: int,
        value: int | None,
        conditions: Conditions,
        owner: str = "",
        number: int = 0,
    ) -> str:
        """Write a row at a leader, or (value None) remove it. `PENDING`: `owner.resume(conditions, number, "ok")` follows, or never."""
        before = self.read(leader.index, table, key)
        position = self.append(leader, (table, key, value, before), conditions)
        if not self.acknowledged_by(leader):
            return WRITTEN
        self.waiting.append((position, leader.leads, owner, number))
        return PENDING

    def acknowledged_by(self, leader: Copy) -> int:
        """How many followers must have a write of this leader before it is acknowledged."""
        return leader.sync if leader.sync >= 0 else self.spec.sync

    def applied(self, copy: Copy, entry: Entry) -> None:
        table, key, value, _ = entry[3]
        rows = self.rows[copy.index]
        shelf = rows.get(table)
        if shelf is None:
            shelf = rows[table] = Column()
        if value is None:
            shelf.drop(key)
        else:
            shelf.put(key, value)

    def taken_back(self, copy: Copy, entry: Entry) -> None:
        table, key, _, before = entry[3]
        if before is None:
            self.rows[copy.index][table].drop(key)
        else:
            self.rows[copy.index][table].put(key, before)

    def settled(self, entries: list[Entry]) -> None:
        if self.journal is not None:
            for _, _, time_ns, (table, key, value, _) in entries:
                self.journal.add(time_ns, table, key, value)

    def as_of(self, time_ns: int) -> dict[str, Column]:
        """Every table as it was just before a time; needs the journal from the start."""
        assert self.journal is not None
        leader = self.newest_leader() or self.copies[0]
        recent: list[Record] = [(t, p[0], p[1], p[2]) for _, _, t, p in leader.entries]
        return replayed(self.spec.start, [*self.journal, *recent], time_ns)

    def progressed(self, conditions: Conditions, leader: Copy) -> None:
        """Answer the writers whose write has reached enough followers."""
        if not self.waiting:
            return
        ends = sorted(
            (c.end for c in self.copies if c is not leader and c.follows == leader.leads), reverse=True
        )
        sync = self.acknowledged_by(leader)
        safe = leader.end if not sync else ends[sync - 1] if len(ends) >= sync else 0
        left = []
        for waiter in self.waiting:
            if waiter[1] == leader.leads and waiter[0] <= safe:
                if waiter[2]:
                    self.timers.at(self.timers.now, waiter[2], "resume", waiter[3], "ok")
            elif waiter[1] >= leader.leads or self._still_leads(waiter[1]):
                left.append(waiter)
        self.waiting = left

    def _still_leads(self, epoch: int) -> bool:
        return any(copy.leads == epoch for copy in self.copies)

    def leader_for(self, client: str, conditions: Conditions) -> Copy | None:
        """Whom a client writes to: the newest leader it reaches, or the nearest."""
        if not self.spec.nearest or not client:
            return super().leader_for(client, conditions)
        now, found, best = self.timers.now, None, 0
        for copy in self.copies:
            taken = copy.leads and not copy.shunned and conditions.up(copy.name, now)
            if taken and conditions.connected(client, copy.name, now):
                far = conditions.delay_ns(client, copy.name, now, 0)
                if found is None or far < best:
                    found, best = copy, far
        return found

    def keeps(self, copy: Copy, leader: Copy) -> bool:
        return self.spec.heal == "keep" and bool(self.divergent(copy, leader))

    # failover

    def check(self, conditions: Conditions) -> None:
        """The failover manager's round: promote after `ttl_ms` without a leader that a majority reaches."""
        now = self.timers.now
        self.timers.at(now + self.spec.check_ms * MS, self.name, "check")
        if self.spec.heal == "keep":
            return
        leader = self.newest_leader()
        if leader is not None and self.majority_reached(leader, conditions):
            self.missed_ns = -1
            self.meet(conditions)
            return
        if self.missed_ns < 0:
            self.missed_ns = now
        if now - self.missed_ns < self.spec.ttl_ms * MS:
            return
        if self.spec.fenced:
            for copy in self.copies:
                if copy.leads and not self.majority_reached(copy, conditions):
                    self.step_down(copy.name)
        if self.spec.failover:
            self._promote_best(conditions)

    def _promote_best(self, conditions: Conditions) -> None:
        best: Copy | None = None
        for copy in self.copies:
            further = best is None or (copy.follows, copy.end) > (best.follows, best.end)
            if further and not copy.leads and self.majority_reached(copy, conditions):
                best = copy
        if best is not None:
            self.promote(best.name, conditions)

    def promote(self, node: str, conditions: Conditions) -> int:
        """Make `node` lead, by the manager or by hand; a crashed leader is no leader when it returns, if fenced."""
        epoch = self.lead(node, conditions)
        self.missed_ns = -1
        self.history.add(self.timers.now, OK, node, "lead", self.name, epoch)
        if self.spec.fenced:
            for copy in self.copies:
                if copy.leads and copy.name != node:
                    self.step_down(copy.name)
        return epoch

    def meet(self, conditions: Conditions) -> None:
        """Leaders that reach each other again: the older one follows the newer, in the way of `heal`."""
        newest, now = self.newest_leader(), self.timers.now
        for copy in self.copies:
            if newest is None or not copy.leads or copy is newest:
                continue
            if conditions.up(copy.name, now) and conditions.connected(copy.name, newest.name, now):
                copy.leads = 0
                lost = self.agree(copy, newest)
                self.step_down(copy.name)
                if self.spec.heal == "merge":
                    self._merge(newest, lost, conditions)

    def _merge(self, leader: Copy, lost: list[Entry], conditions: Conditions) -> None:
        """Write the divergent rows again where they are the later ones: the last writer wins, the other loses."""
        written: dict[tuple[str, int], int] = {}
        for entry in leader.entries:
            written[entry[3][0], entry[3][1]] = entry[2]
        for _, _, time_ns, payload in lost:
            if time_ns >= written.get((payload[0], payload[1]), -1):
                self.write(leader, payload[0], payload[1], payload[2], conditions)

    def final(self) -> dict[str, dict[int, Any]]:
        """{table: {key: value}} as the newest leader holds them."""
        return {table: dict(shelf.items()) for table, shelf in sorted(self._held().items())}

    def final_of(self, table: str) -> Iterable[tuple[int, Any]]:
        """(key, value) of one table as the newest leader holds it."""
        shelf = self._held().get(table)
        return () if shelf is None else shelf.items()

    def _held(self) -> Any:
        leader = self.newest_leader() or max(self.copies, key=lambda c: (c.follows, c.end))
        return self.rows[leader.index]
