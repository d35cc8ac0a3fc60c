"""Checkers of single registers: staleness, the guarantees of a session, and linearizability.

They read `read` and `write` operations (`cas` as well for linearizability; its value is (old, new)) of any
key. The sessions are the processes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from simulator.entities.audit import VALUE, of_kind
from simulator.entities.conditions import FOREVER
from simulator.entities.history import FAIL, INFO, OK, Op, Pair, pairs
from simulator.entities.verdicts import Verdict, Violation, blame, verdict

READ, WRITE, CAS = "read", "write", "cas"
BUDGET = 200_000  # steps of the search for one key


@dataclass(slots=True)
class Access:
    """One operation on a register, from its beginning to its end. `version` of a read: the write it returned."""

    op: Op
    f: str
    key: Any
    value: Any
    begin: int  # places in the history
    end: int
    kind: str
    version: int = -1


def accesses(ops: Iterable[Op], reads: str = READ, writes: str = WRITE) -> list[Access]:
    """Operations on registers by their beginning; an `ok` without an `invoke` is of one instant."""
    open_ops: list[Op] = []
    found: list[Access] = []
    wanted = (reads, writes, CAS)
    chosen = [op for op in ops if op.f in wanted]
    begun = {pair.end.index for pair in pairs(chosen) if pair.end is not None}
    names = {reads: READ, writes: WRITE, CAS: CAS}
    for op in chosen:
        if op.type == OK and op.index not in begun:
            open_ops.append(op)
            found.append(Access(op, names[op.f], op.key, op.value, op.index, op.index, OK))
    for pair in pairs(chosen):
        if pair.kind != FAIL:
            found.append(_joined(pair, names))
    found.sort(key=lambda a: a.begin)
    return found


def _joined(pair: Pair, names: dict[str, str]) -> Access:
    end = pair.end if pair.end is not None and pair.end.type == OK else None
    value = end.value if end is not None else pair.begin.value
    last = end.index if end is not None else FOREVER
    shown = end if end is not None else pair.begin
    return Access(
        shown, names[pair.begin.f], pair.begin.key, value, pair.begin.index, last, OK if end else INFO
    )


def _versions(items: list[Access]) -> dict[Any, list[Access]]:
    """The writes of each key in the order of their ends; a read's version is the latest write it can have seen."""
    writes: dict[Any, list[Access]] = {}
    for item in sorted(items, key=lambda a: a.end):
        if item.f == WRITE:
            item.version = len(writes.setdefault(item.key, []))
            writes[item.key].append(item)
    for item in items:
        if item.f == READ:
            item.version = max(
                (
                    w.version
                    for w in writes.get(item.key, ())
                    if w.value == item.value and w.begin <= item.end
                ),
                default=-1,
            )
    return writes


def fresh_reads(ops: Iterable[Op]) -> Verdict:
    """A read returns no value older than a write that had ended before the read began."""
    items = accesses(ops)
    writes = _versions(items)
    found = []
    for item in items:
        if item.f == READ and item.kind == OK:
            done = [w for w in writes.get(item.key, ()) if w.end < item.begin]
            if done and item.version < done[-1].version:
                found.append(blame("stale-read", item.op, done[-1].value, item.value, (done[-1].op.index,)))
    return verdict(found)


def added_kept(ops: Iterable[Op], final: Iterable[Op], flow: str, store: str) -> Verdict:
    """Whatever `flow` added to a list and was acknowledged is in the list's newest version at the end."""
    held = {e for op in of_kind(final, VALUE) if op.key[0] == store for e in op.value or ()}
    added = (op for op in ops if op.type == OK and op.f == flow and not isinstance(op.process, str))
    return verdict([blame("overwritten", op, store, None) for op in added if op.entity not in held])


def read_your_writes(ops: Iterable[Op]) -> Verdict:
    """A session sees its own acknowledged writes."""
    items = accesses(ops)
    _versions(items)
    own: dict[tuple[Any, Any], Access] = {}
    found = []
    for item in items:
        session = (item.op.process, item.key)
        if item.f == WRITE and item.kind == OK:
            own[session] = item
        elif item.f == READ and item.kind == OK and session in own:
            mine = own[session]
            if item.version < mine.version:
                found.append(blame("own-write-missed", item.op, mine.value, item.value, (mine.op.index,)))
    return verdict(found)


def monotonic_reads(ops: Iterable[Op]) -> Verdict:
    """A session's reads of a key never go back to an older value."""
    items = accesses(ops)
    _versions(items)
    before: dict[tuple[Any, Any], Access] = {}
    found = []
    for item in items:
        if item.f == READ and item.kind == OK:
            session = (item.op.process, item.key)
            last = before.get(session)
            if last is not None and item.version < last.version:
                found.append(blame("backward-read", item.op, last.value, item.value, (last.op.index,)))
            else:
                before[session] = item
    return verdict(found)


def linearizable(ops: Iterable[Op], start: Any = None, budget: int = BUDGET) -> Verdict:
    """Every key behaves as one register (Wing & Gong 1993 with Lowe's memo, 2017). `ok` None: budget used up.

    Blames the operation that could not be placed in the longest order found. Operations of unknown outcome may
    take effect at any time after they began, or never.
    """
    keys: dict[Any, list[Access]] = {}
    for item in accesses(ops):
        if item.f == READ and item.kind != OK:
            continue  # nobody saw what it returned
        keys.setdefault(item.key, []).append(item)
    found: list[Violation] = []
    unknown = False
    for items in keys.values():
        bad, steps = _search(items, start, budget)
        unknown = unknown or steps > budget
        if bad is not None:
            state, item = bad
            found.append(blame("not-linearizable", item.op, state, f"{item.f} {item.value!r}"))
    if unknown and not found:
        return Verdict(None)
    return verdict(found)


def _search(items: list[Access], start: Any, budget: int) -> tuple[tuple[Any, Access] | None, int]:
    """Depth-first over (operations placed, value). The operation that blocks is the earliest end not placed."""
    must = sum(1 << i for i, item in enumerate(items) if item.kind == OK)
    stack: list[tuple[int, Any]] = [(0, start)]
    seen = {(0, repr(start))}
    steps, best = 0, -1
    blocked: tuple[Any, Access] | None = None
    while stack:
        placed, value = stack.pop()
        if placed & must == must:
            return None, steps
        limit, first = FOREVER + 1, None
        for i, item in enumerate(items):
            if not placed >> i & 1 and item.end < limit:
                limit, first = item.end, item
        done = (placed & must).bit_count()
        if done > best and first is not None:
            best, blocked = done, (value, first)
        for i in range(len(items) - 1, -1, -1):
            item = items[i]
            if placed >> i & 1 or item.begin > limit:
                continue
            steps += 1
            if steps > budget:
                return None, steps
            fits, after = _apply(item, value)
            state = (placed | 1 << i, repr(after))
            if fits and state not in seen:
                seen.add(state)
                stack.append((placed | 1 << i, after))
    return blocked, steps


def _apply(item: Access, value: Any) -> tuple[bool, Any]:
    """Whether an operation can happen while the register holds `value`, and what it holds then."""
    if item.f == READ:
        return item.value == value, value
    if item.f == WRITE:
        return True, item.value
    old, new = item.value
    return (old == value, new) if item.kind == OK or old == value else (False, value)
