"""Checkers of rows laid over shards: each on one shard only, and on the one where it is looked for."""

from collections.abc import Iterable

from simulator.entities.audit import STRAY, of_kind, rows_of
from simulator.entities.history import Op
from simulator.entities.verdicts import Verdict, blame, verdict


def stored_once(ops: Iterable[Op], final: Iterable[Op], table: str) -> Verdict:
    """No row of `table` is on two stores at once. Blames the write that made the second copy."""
    where: dict[int, list[str]] = {}
    for store, row, _ in rows_of(final, table):
        where.setdefault(row, []).append(store)
    doubled = {row: stores for row, stores in where.items() if len(stores) > 1}
    if not doubled:
        return verdict([])
    last: dict[int, Op] = {}
    for op in ops:
        if isinstance(op.key, tuple) and op.key[0] == table and op.key[1] in doubled:
            last[op.key[1]] = op
    return verdict(
        [blame("double", last[row], f"{table} x1", " ".join(stores)) for row, stores in doubled.items()]
    )


def at_home(ops: Iterable[Op], final: Iterable[Op], table: str) -> Verdict:
    """Every row of `table` is where its key's placement looks for it. Blames the write."""
    astray = {op.key[1]: op for op in of_kind(final, STRAY) if op.key[0] == table}
    if not astray:
        return verdict([])
    last: dict[int, Op] = {}
    for op in ops:
        if isinstance(op.key, tuple) and op.key[0] == table and op.key[1] in astray:
            last[op.key[1]] = op
    return verdict([blame("elsewhere", last[row], op.value, op.process) for row, op in astray.items()])
