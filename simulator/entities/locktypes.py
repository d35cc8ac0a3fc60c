"""What a lock table consists of: queues, sessions, errors, and how PostgreSQL's messages name what is locked."""

from dataclasses import dataclass, field
from typing import Any

GRANTED, WAITING, FAILED = "granted", "waiting", "failed"

DATABASE, FIRST_OID, FIRST_XID = 5, 16384, 750

Target = tuple[
    Any, ...
]  # ("relation", table), ("tuple", table, row), ("transactionid", xid), ("advisory", key)


@dataclass(slots=True)
class Queue:
    """Who holds a target and who waits for it, first come first."""

    granted: list[tuple[int, str]] = field(default_factory=list)
    waiting: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Session:
    """One backend's transaction. `goal` is the row or table it is after: (table, row or None, mode)."""

    pid: int
    owner: str = ""
    query: str = ""
    xid: int = 0
    held: list[tuple[Target, str]] = field(default_factory=list)
    rows: list[tuple[str, int]] = field(default_factory=list)
    goal: tuple[str, int | None, str] | None = None
    waits: tuple[Target, str] | None = None
    wait_since_ns: int = 0
    turn: int = 0  # of its present wait: a timer set for another one has no effect
    asked: int = 0  # of its present statement
    label: str = ""
    lock_timeout_ms: int = 0


@dataclass(frozen=True, slots=True)
class LockError:
    """What the client gets."""

    time_ns: int
    pid: int
    sqlstate: str
    message: str
    detail: str = ""
    hint: str = ""
    context: str = ""


def ctid(row: int) -> str:
    return f"({row >> 7},{(row & 127) + 1})"  # 128 rows a page


def described(target: Target, oids: dict[str, int]) -> str:
    """A lock's target as in PostgreSQL's messages."""
    if target[0] == "relation":
        return f"relation {oids[target[1]]} of database {DATABASE}"
    if target[0] == "tuple":
        return f"tuple {ctid(target[2])} of relation {oids[target[1]]} of database {DATABASE}"
    return f"transaction {target[1]}"


def deadlock_lines(
    session: Session, error: LockError, queries: list[tuple[int, str]], waits: str
) -> list[str]:
    """What the server's log has about a deadlock (log_lock_waits on): `waits` is what its victim waited for."""
    named = "".join(f"\n\tProcess {pid}: {query}" for pid, query in queries)
    logged = error.detail.replace("\n", "\n\t") + named
    rest = f"\nCONTEXT:  {error.context}" if error.context else ""
    rest += f"\nSTATEMENT:  {session.query}" if session.query else ""
    return [
        f"LOG:  process {session.pid} detected deadlock while waiting for {waits}",
        f"ERROR:  {error.message}\nDETAIL:  {logged}\nHINT:  {error.hint}{rest}",
    ]
