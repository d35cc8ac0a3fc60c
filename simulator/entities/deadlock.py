"""The graph of waits between lock holders: who blocks whom, its cycles, and those that reordering a queue resolves.

A hard edge leads to the holder of a conflicting lock; a soft edge to a waiter that merely stands ahead in the same
queue with a conflicting request (PostgreSQL, src/backend/storage/lmgr/README, "The Deadlock Detection
Algorithm"). Where PostgreSQL searches all reorderings of the soft edges, this tries them one at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.entities.lockmodes import CONFLICTS

if TYPE_CHECKING:
    from simulator.entities.locks import LockManager

Target = tuple[Any, ...]  # ("relation", table), ("tuple", table, row), ("transactionid", xid)
Edge = tuple[int, Target, str, int, bool]  # waiter, target, mode, blocker, soft


def blockers(locks: LockManager, pid: int) -> list[tuple[int, bool]]:
    """(process, soft) that keep `pid` waiting, holders first."""
    session = locks.sessions.get(pid)
    if session is None or session.waits is None:
        return []
    target, mode = session.waits
    queue = locks.queues[target]
    found = [(p, False) for p, m in queue.granted if p != pid and m in CONFLICTS[mode]]
    for p, m in queue.waiting:
        if p == pid:
            break
        if m in CONFLICTS[mode]:
            found.append((p, True))
    return list(dict.fromkeys(found))


def cycle(locks: LockManager, pid: int) -> list[Edge]:
    """A cycle of waits through `pid`, or nothing."""
    path: list[Edge] = []
    seen: dict[int, bool] = {}

    def walk(at: int) -> bool:
        seen[at] = True
        session = locks.sessions.get(at)
        if session is None or session.waits is None:
            return False
        for other, soft in blockers(locks, at):
            path.append((at, *session.waits, other, soft))
            if other == pid or (other not in seen and walk(other)):
                return True
            path.pop()
        return False

    return path if walk(pid) else []


def reorder(locks: LockManager, pid: int, found: list[Edge]) -> bool:
    """Let a waiter of a cycle pass the one that only stands ahead of it, if no cycle is left then."""
    for waiter, target, mode, blocker, soft in found:
        if not soft:
            continue
        queue = locks.queues[target]
        before = list(queue.waiting)
        queue.waiting.remove((waiter, mode))
        at = next(i for i, (p, _) in enumerate(queue.waiting) if p == blocker)
        queue.waiting.insert(at, (waiter, mode))
        if not cycle(locks, pid) and not cycle(locks, blocker):
            locks.move_on(target)
            return True
        queue.waiting[:] = before
    return False
