"""Transactions on one node under PostgreSQL's isolation levels, exact enough for every race between them.

READ COMMITTED sees at each statement what is committed; a writer waits for the other writer of a row and then
goes on with the new version. REPEATABLE READ sees its snapshot; the second writer of a row fails. SERIALIZABLE adds
the tracking of read-write dependencies: a transaction with one coming in and one going out is aborted
(Cahill 2008; PostgreSQL 15 manual, 13.2). Like PostgreSQL it may abort one that would have been harmless.
Callers step through `read`, `write`, `commit`; nothing here takes time, waiting is answered with `WAIT`.
"""

from dataclasses import dataclass, field
from typing import Any

from simulator.entities.history import FAIL, OK, History

READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE = "read committed", "repeatable read", "serializable"

DONE, WAIT, ABORTED = "done", "wait", "aborted"

CONCURRENT_UPDATE = "could not serialize access due to concurrent update"
DEPENDENCIES = "could not serialize access due to read/write dependencies among transactions"


@dataclass(slots=True)
class Transaction:
    """`seen` is the commit number its snapshot was taken at; `steps` what the history will show."""

    number: int
    level: str
    seen: int
    writes: dict[Any, Any] = field(default_factory=dict)
    reads: list[Any] = field(default_factory=list)
    steps: list[tuple[str, Any, Any]] = field(default_factory=list)
    came_in: bool = False  # somebody concurrent read what this one overwrote
    went_out: bool = False  # this one read what somebody concurrent overwrote
    committed: int = 0  # its commit number
    error: str = ""


class Transactions:
    """Rows as version chains: key -> [(commit number, value)], oldest first."""

    __slots__ = ("commits", "done", "history", "number", "open", "rows")

    def __init__(self, history: History, rows: dict[Any, Any] | None = None) -> None:
        self.history = history
        self.rows: dict[Any, list[tuple[int, Any]]] = {k: [(0, v)] for k, v in (rows or {}).items()}
        self.open: dict[int, Transaction] = {}
        self.done: list[Transaction] = []  # committed serializable ones that some open one is concurrent with
        self.commits = 0
        self.number = 0

    def begin(self, level: str = READ_COMMITTED) -> int:
        self.number += 1
        self.open[self.number] = Transaction(self.number, level, self.commits)
        return self.number

    def read(self, number: int, key: Any) -> Any:
        """The value the transaction sees, its own writes included; None if there is no row."""
        txn = self._of(number)
        value = txn.writes[key] if key in txn.writes else self._at(key, self._snapshot(txn))
        if key not in txn.writes:
            txn.reads.append(key)
            if txn.level == SERIALIZABLE:
                for other in self._concurrent(txn):
                    if key in other.writes and other.committed != 0:
                        txn.went_out = other.came_in = True
        txn.steps.append(("r", key, value))
        return value

    def write(self, number: int, key: Any, value: Any) -> str:
        """`done`, `wait` (another open transaction has written the row: try again when it ends) or `aborted`."""
        txn = self._of(number)
        if any(key in other.writes for other in self.open.values() if other is not txn):
            return WAIT
        if txn.level != READ_COMMITTED and self._latest(key) > txn.seen:
            return self._abort(txn, CONCURRENT_UPDATE)
        txn.writes[key] = value
        txn.steps.append(("w", key, value))
        return DONE

    def commit(self, number: int, time_ns: int = 0) -> str:
        """`done` or `aborted`; afterwards the transaction is gone."""
        txn = self._of(number)
        if txn.level == SERIALIZABLE and self._dangerous(txn):
            return self._abort(txn, DEPENDENCIES, time_ns)
        self.commits += 1
        txn.committed = self.commits
        for key, value in txn.writes.items():
            self.rows.setdefault(key, []).append((self.commits, value))
        del self.open[number]
        self.history.add(time_ns, OK, number, "txn", txn.level, tuple(txn.steps), number)
        if txn.level == SERIALIZABLE:
            self.done.append(txn)
        self._forget()
        return DONE

    def rollback(self, number: int, time_ns: int = 0) -> None:
        self._abort(self._of(number), "", time_ns)

    def _dangerous(self, txn: Transaction) -> bool:
        """Note the dependencies that this commit completes; whether it would be, or make, a pivot."""
        others = self._concurrent(txn)
        readers = [o for o in others if any(key in txn.writes for key in o.reads)]
        overwriters = [o for o in others if any(key in o.writes and o.committed for key in txn.reads)]
        came_in = txn.came_in or bool(readers)
        went_out = txn.went_out or bool(overwriters)
        if came_in and went_out:
            return True
        # an earlier commit would become the pivot: it can no longer be aborted, so this one is
        if any(o.committed and o.came_in for o in readers) or any(
            o.committed and o.went_out for o in overwriters
        ):
            return True
        txn.came_in, txn.went_out = came_in, went_out
        for other in readers:
            other.went_out = True
        for other in overwriters:
            other.came_in = True
        return False

    def _concurrent(self, txn: Transaction) -> list[Transaction]:
        """Serializable transactions whose lives overlap this one's."""
        others = [o for o in self.open.values() if o is not txn and o.level == SERIALIZABLE]
        return others + [o for o in self.done if o.committed > txn.seen]

    def _of(self, number: int) -> Transaction:
        return self.open[number]

    def _snapshot(self, txn: Transaction) -> int:
        return self.commits if txn.level == READ_COMMITTED else txn.seen

    def _at(self, key: Any, commit: int) -> Any:
        for number, value in reversed(self.rows.get(key, [])):
            if number <= commit:
                return value
        return None

    def _latest(self, key: Any) -> int:
        chain = self.rows.get(key)
        return chain[-1][0] if chain else 0

    def _abort(self, txn: Transaction, error: str, time_ns: int = 0) -> str:
        del self.open[txn.number]
        txn.error = error
        self.history.add(time_ns, FAIL, txn.number, "txn", error or "rollback", tuple(txn.steps), txn.number)
        self._forget()
        return ABORTED

    def _forget(self) -> None:
        """Drop versions and committed transactions that no open snapshot needs."""
        oldest = min((t.seen for t in self.open.values()), default=self.commits)
        self.done = [t for t in self.done if t.committed > oldest]
        for key, chain in self.rows.items():
            if len(chain) > 1 and chain[1][0] <= oldest:
                keep = max(i for i, (number, _) in enumerate(chain) if number <= oldest)
                self.rows[key] = chain[keep:]
