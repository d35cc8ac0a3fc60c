"""What a scenario declares about its entities: flows of steps, and the stores, topics, groups and systems below.

Data only. A flow is an ordered list of steps with optional compensations; everything that goes wrong comes from
how the steps are declared (idempotent or not, from which node they read, what is committed when) and from the
conditions they meet.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.entities.groups import GroupSpec
from simulator.entities.lockmodes import ROW_MODES
from simulator.entities.log import TopicSpec
from simulator.entities.quorum import QuorumSpec
from simulator.entities.shards import ShardedSpec
from simulator.entities.store import StoreSpec
from simulator.entities.strict import STRICT

CALL, WRITE, READ, MOVE, PUBLISH, COMMIT, ACKNOWLEDGE, SKIP, LOCK = (
    "call", "write", "read", "move", "publish", "commit", "acknowledge", "skip", "lock",
)  # fmt: skip
KINDS = (CALL, WRITE, READ, MOVE, PUBLISH, COMMIT, ACKNOWLEDGE, SKIP, LOCK)
ROWS = ("entity", "customer", "item", "item 2")
AS_ASKED, ASCENDING, DESCENDING = "as asked", "ascending", "descending"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a flow; its `name` is the history's name for its effect.

    do          call (a payment system's `operation`: authorise, capture, charge, void, refund, cancel), write, read, move (change a balance), publish, commit (of the
                locked moves before it), acknowledge (tell the customer yes), skip (nothing: a step that a
                setting turns on or off), lock (SELECT … FOR …: the row stays locked until the commit)
    target      system, store, topic or lock manager
    table, row  which row: of the `entity`, its `customer`, its `item` or the second one it is about (`item 2`)
    lock        lock, locked move: the row lock that is taken
    sql         lock, locked move: the statement as the server shows it; `{row}` stands for the row
    value       write: what is written, if `writes` is `value`; with `amount` the entity's amount is
    wrong       call, write: (mod, rest, difference): entities whose number leaves `rest` get an amount that is off
    factor, by  move: the change is factor x the entity's `amount` (or 1 with by="one")
    floor       move: refused if the balance would fall below it
    mode        move: `atomic` (one statement), `from_read` (what the last read step saw, plus the change: a race),
                `versioned` (the same, only if the row is still as it was read; else the next try reads it again),
                `locked` (row lock, applied at commit)
    idempotent  `entity`: one effect however often it is tried; `attempt`: a new key each time; `none`;
                move: `unique`: a row that is there already stays as it is (ON CONFLICT DO NOTHING)
    attempts, backoff_ms   tries in all; the pause doubles each time
    outbox      write: the topic whose message is stored in the same transaction
    policy      read: `leader`, `any` or a node
    shard_key   target a sharded store: the key that places the row (-1: the entity's item)
    undo        the compensating step
    """

    __pydantic_config__ = STRICT

    name: str
    do: str
    target: str
    table: str = ""
    row: str = "entity"
    lock: str = "FOR NO KEY UPDATE"
    sql: str = ""
    value: int = 1
    writes: str = "value"
    wrong: tuple[tuple[int, int, int], ...] = ()
    factor: int = 1
    by: str = "amount"
    floor: int | None = None
    mode: str = "atomic"
    operation: str = "charge"
    idempotent: str = "entity"
    attempts: int = 1
    backoff_ms: int = 100
    timeout_ms: int = 5_000
    outbox: str = ""
    policy: str = "leader"
    shard_key: int = -1
    undo: Step | None = None

    @property
    def locks(self) -> bool:
        """Whether it takes a row lock of its transaction."""
        return self.do == LOCK or self.mode == "locked"


def amount_by(step: Step, entity: int, amount: int) -> int:
    """An entity's amount as a step works it out."""
    return amount + sum(off for mod, rest, off in step.wrong if entity % mod == rest)


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow starts at a rate (`group` empty) or for every record a consumer group delivers.

    host        the service whose crash takes the running flows with it
    persist     what survives that crash: `each_step`, `behind` (one step behind), `none`
    on_unknown  what follows when a step's last try timed out: `undo` it too, or `assume_failed`
    customers, items, amounts   the ranges entities are drawn from
    hot         (item, share): streams of their own whose every entity is played, weight 1
    clients     where the customers are (node names; a partition separates them from nodes)
    rows_by     in which order a flow goes through its items: `as asked` (as the customer put them into the
                cart), `ascending` or `descending` by number
    """

    __pydantic_config__ = STRICT

    name: str
    steps: tuple[Step, ...]
    group: str = ""
    host: str = ""
    persist: str = "each_step"
    on_unknown: str = "undo"
    customers: int = 10_000
    items: int = 1_000
    amounts: tuple[int, int] = (1, 100)
    hot: tuple[tuple[int, float], ...] = ()
    clients: tuple[str, ...] = ("",)
    rows_by: str = AS_ASKED
    limit_per_s: float = 150.0


@dataclass(frozen=True, slots=True)
class SystemSpec:
    """A payment system. `key_ttl_s`: how long it remembers idempotency keys. `guarded`: refuses to refund twice."""

    __pydantic_config__ = STRICT

    name: str
    key_ttl_s: float = 86_400.0
    guarded: bool = True


@dataclass(frozen=True, slots=True)
class EntitiesSpec:
    """All of it. `outbox_ms` is the relay's period; `lock_timeout_ms` 0 waits for ever, as PostgreSQL does."""

    flows: tuple[Flow, ...]
    stores: tuple[StoreSpec, ...] = ()
    topics: tuple[TopicSpec, ...] = ()
    groups: tuple[GroupSpec, ...] = ()
    systems: tuple[SystemSpec, ...] = ()
    locks: tuple[str, ...] = ()
    sharded: tuple[ShardedSpec, ...] = ()
    quorums: tuple[QuorumSpec, ...] = ()
    outbox_ms: int = 50
    lock_timeout_ms: int = 0
    keep: float = 1.0

    def check(self) -> list[str]:
        """What is wrong with it: one text for each fault, naming flow and field; empty if it can be played."""
        named: list[str] = [s.name for s in self.stores] + [t.name for t in self.topics]
        named += [s.name for s in self.systems] + list(self.locks) + [s.name for s in self.sharded]
        named += [q.name for q in self.quorums]
        sharded, quorums = {s.name for s in self.sharded}, {q.name for q in self.quorums}
        known = set(named)
        topics, groups = {t.name for t in self.topics}, {g.name for g in self.groups}
        found = [f"groups.{g.name}.topic: no topic {g.topic!r}" for g in self.groups if g.topic not in topics]
        for flow in self.flows:
            if flow.group and flow.group not in groups:
                found.append(f"flows.{flow.name}.group: no group {flow.group!r}")
            for step in (s for each in flow.steps for s in (each, each.undo) if s is not None):
                where = f"flows.{flow.name}.steps.{step.name}"
                if step.do not in KINDS:
                    found.append(f"{where}.do: unknown kind {step.do!r}")
                if step.do != ACKNOWLEDGE and step.target not in known:
                    found.append(f"{where}.target: nothing is called {step.target!r}")
                if step.outbox and step.outbox not in topics:
                    found.append(f"{where}.outbox: no topic {step.outbox!r}")
                if step.target in quorums and step.do not in (READ, WRITE):
                    found.append(f"{where}.do: a store without a leader is read and written, no more")
                if step.attempts < 1:
                    found.append(f"{where}.attempts: at least 1")
                if step.target in sharded and step.mode == "locked":
                    found.append(f"{where}.mode: no locked moves over shards")
                if step.locks and not self.locks:
                    found.append(f"{where}.mode: locked needs a lock manager")
                if step.row not in ROWS:
                    found.append(f"{where}.row: unknown row {step.row!r}")
                if step.lock not in ROW_MODES:
                    found.append(f"{where}.lock: unknown row lock {step.lock!r}")
        names = named + [g.name for g in self.groups]
        found += [f"{name}: used twice" for name in sorted({n for n in names if names.count(n) > 1})]
        return found
