"""pg_locks as a view of the lock manager (PostgreSQL 15 manual, 54.12). Looking changes nothing."""

from typing import Any

from simulator.entities.locks import LockManager
from simulator.entities.locktypes import DATABASE


def pg_locks(manager: LockManager) -> list[dict[str, Any]]:
    """One row for each lock held or waited for, by target in the order in which they were first asked for."""
    oids = manager.oids
    found: list[dict[str, Any]] = []
    for target, queue in manager.queues.items():
        kind = target[0]
        table = target[1] if kind in ("relation", "tuple") else None
        row = target[2] if kind == "tuple" else None
        for granted, entries in ((True, queue.granted), (False, queue.waiting)):
            for pid, mode in entries:
                found.append(
                    {
                        "locktype": kind,
                        "database": DATABASE if table is not None else None,
                        "relation": oids[table] if table is not None else None,
                        "page": row >> 7 if row is not None else None,
                        "tuple": (row & 127) + 1 if row is not None else None,
                        "transactionid": target[1] if kind == "transactionid" else None,
                        "mode": mode,
                        "granted": granted,
                        "pid": pid,
                        "waitstart_ns": None if granted else manager.sessions[pid].wait_since_ns,
                    }
                )
    return found
