"""Whether a table says what a payment system says: each captured charge once, with its amount, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.entities.audit import ROW, of_kind
from simulator.entities.history import OK, Op, folded
from simulator.entities.timers import SECOND
from simulator.entities.verdicts import Verdict, blame, verdict


class _Charges:
    """The first charge of each entity."""

    def __init__(self, do: str) -> None:
        self.do, self.first = do, dict[int, Op]()

    def feed(self, op: Op) -> None:
        if op.type == OK and op.f == self.do and isinstance(op.value, int):
            self.first.setdefault(op.entity, op)


def ledger(
    ops: Iterable[Op], final: Iterable[Op], do: str, table: str, now_ns: int, within_s: float = 30.0
) -> Verdict:
    """Every charge `do` older than `within_s` has a row of `table` with its amount, and every row has a charge."""
    charges = folded(ops, ("ledger", do), lambda: _Charges(do)).first
    rows = {op.entity: op for op in of_kind(final, ROW) if op.key[0] == table}
    found = []
    for entity, op in charges.items():
        row = rows.get(entity)
        if row is None and now_ns - op.time_ns < within_s * SECOND:
            continue
        if row is None or row.value != op.value:
            kind = "lost" if row is None else "wrong-amount"
            found.append(
                blame(kind, op, table if row is None else op.value, op.value if row is None else row.value)
            )
    found += [blame("wrong-amount", row, 0, row.value) for e, row in rows.items() if e not in charges]
    return verdict(found)


def undisturbed(ops: Iterable[Op], table: str, now_ns: int, last_s: float) -> Verdict:
    """Nothing removed rows of `table` in the last seconds: whatever did so does not come again. Blames one removal."""
    found: dict[int, Op] = {}
    for op in ops:
        if op.f == f"delete {table}" and now_ns - op.time_ns < last_s * SECOND:
            found.setdefault(op.time_ns, op)
    return verdict([blame("lost", op, table, op.entity) for op in found.values()])
