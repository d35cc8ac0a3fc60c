"""Checkers of consumption: what became of every offset of a topic."""

from collections.abc import Iterable
from typing import Any

from simulator.entities.audit import ROW, of_kind, rows_of
from simulator.entities.checkers import place
from simulator.entities.history import OK, Op, folded
from simulator.entities.timers import SECOND
from simulator.entities.verdicts import Verdict, Violation, blame, verdict


def at_least_once(ops: Iterable[Op], topic: str, members: tuple[str, ...] = ()) -> Verdict:
    """No committed offset passes a record that is never processed. Blames the commit, names the offset.

    Records below a committed offset that were in somebody's hands when it was committed and were finished
    later are not lost. `members` limits the check to one group's.
    """
    processed: set[tuple[Any, int]] = set()
    commits: dict[Any, list[Op]] = {}
    entities: dict[tuple[Any, int], Op] = {}
    for op in ops:
        if not isinstance(op.key, tuple) or op.key[0] != topic or op.type != OK:
            continue
        if op.f == "append":
            entities[op.key, op.value[0]] = op
        elif members and op.process not in members:
            continue
        elif op.f == "process":
            processed.add((op.key, op.value[0]))
        elif op.f == "commit":
            commits.setdefault(op.key, []).append(op)
    found: list[Violation] = []
    for label, series in commits.items():
        reached = 0
        for commit in series:
            for offset in range(reached, commit.value):
                append = entities.get((label, offset))
                if (label, offset) not in processed and append is not None:
                    at = place(label, offset)
                    found.append(
                        Violation(
                            "skipped",
                            commit.index,
                            commit.time_ns,
                            append.entity,
                            at,
                            None,
                            (append.index,),
                        )
                    )
            reached = max(reached, commit.value)
    return verdict(found)


def at_most_once(ops: Iterable[Op], topic: str, members: tuple[str, ...] = ()) -> Verdict:
    """No offset is processed twice. Blames the second time."""
    first: dict[tuple[Any, int], Op] = {}
    found = []
    for op in ops:
        if op.f == "process" and op.key[0] == topic and op.type == OK:
            if members and op.process not in members:
                continue
            offset = op.value[0]
            before = first.setdefault((op.key, offset), op)
            if before is not op:
                at = place(op.key, offset)
                found.append(blame("redelivered", op, at, op.process, (before.index,)))
    return verdict(found)


def in_order(ops: Iterable[Op], topic: str, keys: dict[int, int] | None = None) -> Verdict:
    """First processing follows the order of appending, for every key. `keys` maps entities to keys (default: itself).

    The order of appending is that of the whole topic: a key whose partition changed is followed across.
    """
    rank: dict[tuple[Any, int], int] = {}
    latest: dict[int, tuple[int, Op]] = {}
    seen: set[tuple[Any, int]] = set()
    found = []
    for op in ops:
        if op.type != OK or not isinstance(op.key, tuple) or op.key[0] != topic:
            continue
        if op.f == "append":
            rank[op.key, op.value[0]] = op.index
        elif op.f == "process" and (op.key, op.value[0]) not in seen:
            seen.add((op.key, op.value[0]))
            key = keys.get(op.entity, op.entity) if keys is not None else op.entity
            at = rank.get((op.key, op.value[0]), -1)
            before = latest.get(key)
            if before is not None and at < before[0]:
                guilty = before[1]  # the newer record that was processed first
                found.append(
                    blame(
                        "reordered",
                        guilty,
                        place(op.key, op.value[0]),
                        place(guilty.key, guilty.value[0]),
                        (op.index,),
                    )
                )
            else:
                latest[key] = (at, op)
    return verdict(found)


class _Promised:
    """Acknowledgements of a flow."""

    def __init__(self, flow: str) -> None:
        self.flow, self.acknowledged = flow, list[Op]()

    def feed(self, op: Op) -> None:
        if op.type == OK and op.f == self.flow and not isinstance(op.process, str):
            self.acknowledged.append(op)


def delivered(
    ops: Iterable[Op], final: Iterable[Op], flow: str, table: str, now_ns: int, within_s: float = 60.0
) -> Verdict:
    """Every entity whose `flow` was acknowledged longer than `within_s` ago has its row in `table`. Blames that."""
    rows = {key for _, key, _ in rows_of(final, table)}
    due = now_ns - within_s * SECOND
    seen = folded(ops, ("delivered", flow), lambda: _Promised(flow))
    late = (op for op in seen.acknowledged if op.time_ns <= due)
    return verdict([blame("lost", op, table, None) for op in late if op.entity not in rows])


def at_most(ops: Iterable[Op], final: Iterable[Op], table: str, most: int = 1) -> Verdict:
    """In the end no row of `table` holds more than `most`."""
    rows = [op for op in of_kind(final, ROW) if op.key[0] == table]
    return verdict([blame("double", op, most, op.value) for op in rows if op.value > most])
