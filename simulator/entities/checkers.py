"""Checkers of what the business was promised: nothing acknowledged is lost, nothing happens twice, sums add up.

A checker reads a history (and, for the end state, the `final …` operations of an audit) and names the exact
operation that broke the promise. An effect is an `ok` record whose process is a name: a system, a node, a topic.
The flow's own records have its number as their process.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from simulator.entities.audit import LIVE, MONEY, RECORD, of_kind, rows_of
from simulator.entities.history import FAIL, INFO, INVOKE, OK, Op, folded
from simulator.entities.verdicts import Verdict, Violation, blame, verdict

# what the log, the groups and the elections record by themselves: no effects of a flow's steps
LOG_EVENTS = frozenset(("append", "deliver", "process", "commit", "assign", "lead"))

UNDER_WAY_NS = 300 * 10**9  # a running saga may be this old before its books are looked at


def _effect(op: Op) -> bool:
    return op.type == OK and isinstance(op.process, str) and op.f not in LOG_EVENTS


class _Acknowledged:
    """Acknowledgements of `flow`, and which effects wrote each row of `table`."""

    def __init__(self, flow: str, table: str) -> None:
        self.flow, self.table = flow, table
        self.written: dict[int, list[int]] = {}
        self.acknowledged: list[Op] = []

    def feed(self, op: Op) -> None:
        if op.type != OK:
            return
        if not isinstance(op.process, str):
            if op.f == self.flow:
                self.acknowledged.append(op)
        elif isinstance(op.key, tuple) and op.key[0] == self.table and op.f not in LOG_EVENTS:
            self.written.setdefault(op.key[1], []).append(op.index)


def nothing_lost(ops: Iterable[Op], final: Iterable[Op], flow: str, table: str) -> Verdict:
    """Every entity whose `flow` was acknowledged has its row in `table` at the end. Blames the acknowledgement."""
    rows = {key for _, key, _ in rows_of(final, table)}
    seen = folded(ops, ("nothing_lost", flow, table), lambda: _Acknowledged(flow, table))
    return verdict(
        [
            blame("lost", op, table, None, tuple(seen.written.get(op.entity, ())))
            for op in seen.acknowledged
            if op.entity not in rows
        ]
    )


def no_message_lost(ops: Iterable[Op], final: Iterable[Op], step: str, topic: str) -> Verdict:
    """Every message that `step` published is in the topic at the end. Blames the publication, names the offset."""
    kept = {op.value for op in of_kind(final, RECORD) if op.key[0] == topic}
    appended: dict[int, Op] = {}
    truncated: dict[int, int] = {}
    published: list[Op] = []
    for op in ops:
        if op.f == "append" and op.key[0] == topic:
            appended[op.entity] = op
        elif op.f == "truncate" and op.key[0] == topic:
            truncated[op.entity] = op.index
        elif op.f == step and _effect(op):
            published.append(op)
    found = []
    for op in published:
        if op.entity not in kept:
            append = appended.get(op.entity)
            at = place(append.key, append.value[0]) if append is not None else None
            others = [append.index] if append is not None else []
            if op.entity in truncated:
                others.append(truncated[op.entity])
            found.append(blame("lost", op, topic, at, tuple(others)))
    return verdict(found)


class _Standing:
    """Effects of `do` that stand, by entity, and what was undone without having been done."""

    def __init__(self, do: str, undo: str) -> None:
        self.do, self.undo = do, undo
        self.standing: dict[int, list[Op]] = {}
        self.repeated: set[int] = set()  # entities with more than one; most have not
        self.over: list[Violation] = []

    def feed(self, op: Op) -> None:
        if op.f not in (self.do, self.undo) or not op.f or not _effect(op):
            return
        done = self.standing.setdefault(op.entity, [])
        if op.f == self.do:
            done.append(op)
        elif done:
            done.pop()
        else:
            self.over.append(blame("double", op, f"{self.undo} x0", f"{self.undo} x1"))
        (self.repeated.add if len(done) > 1 else self.repeated.discard)(op.entity)


def at_most_once(ops: Iterable[Op], do: str, undo: str = "") -> Verdict:
    """`do` holds at most once for each entity when all is over, and is undone no more often than done.

    A repeated effect that was taken back later is no violation; blamed are the latest repetitions that stand.
    """
    seen = folded(ops, ("at_most_once", do, undo), lambda: _Standing(do, undo))
    over = list(seen.over)
    for entity in sorted(seen.repeated):
        done = seen.standing[entity]
        for times, op in enumerate(done[1:], 2):
            over.append(blame("double", op, f"{do} x1", f"{do} x{times}", (done[0].index,)))
    return verdict(over)


def amounts(ops: Iterable[Op], final: Iterable[Op], flows: Collection[str], table: str) -> Verdict:
    """In the end every row of `table` holds the amount its entity began with. Blames the entity's beginning."""
    begun = {op.entity: op for op in ops if op.type == INVOKE and op.f in flows}
    found = []
    for _, entity, value in rows_of(final, table):
        first = begun.get(entity)
        if first is not None and value != first.value[0]:
            found.append(blame("wrong-amount", first, first.value[0], value))
    return verdict(found)


def done_by(ops: Iterable[Op], do: str, who: str, now_ns: int, last_s: float = 120.0) -> Verdict:
    """Whatever was done of `do` in the last seconds was done by `who`, and something was."""
    recent = [op for op in ops if op.f == do and _effect(op) and op.time_ns >= now_ns - last_s * 1e9]
    found = [blame("elsewhere", op, who, op.process) for op in recent if op.process != who]
    return verdict(found) if recent else Verdict(False)


def balances(
    ops: Iterable[Op],
    table: str,
    start: dict[int, int] | int = 0,
    floor: int | None = 0,
    final: Iterable[Op] = (),
) -> Verdict:
    """Every change of a balance adds to the one before it, none goes below `floor`, and the end agrees.

    `start` is the balance of each row, or of all. Blames the operation that overwrote or overdrew.
    """
    last: dict[int, tuple[int, Op]] = {}
    found: list[Violation] = []
    for op in ops:
        if (
            not _effect(op)
            or not isinstance(op.value, tuple)
            or not isinstance(op.key, tuple)
            or op.key[0] != table
        ):
            continue
        row, (change, value) = op.key[1], op.value
        known = last.get(row)
        before = known[0] if known else start if isinstance(start, int) else start.get(row, 0)
        if value != before + change:
            others = (known[1].index,) if known else ()
            found.append(blame("lost-update", op, before + change, value, others))
        if floor is not None and change < 0 and value < floor:
            found.append(blame("below-floor", op, f">={floor}", value))
        last[row] = (value, op)
    for _, row, held in rows_of(final, table):
        if row in last and held != last[row][0]:
            found.append(blame("unbalanced", last[row][1], last[row][0], held))
    return verdict(found)


class _Changes:
    """Each entity's steps that changed a row of `table`, once each, and the last change of each row."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.last: dict[int, Op] = {}
        self.seen: set[tuple[int, str]] = set()
        self.changes: dict[int, dict[int, int]] = {}  # row -> entity -> what it was to change
        self.sums: dict[int, int] = {}  # row -> all of them

    def feed(self, op: Op) -> None:
        if not isinstance(op.value, tuple) or not isinstance(op.key, tuple) or op.key[0] != self.table:
            return
        if not _effect(op) or op.f.startswith("adjust "):
            return  # a person put the row right; whether it is right is what is asked
        row = op.key[1]
        self.last[row] = op
        if (op.entity, op.f) not in self.seen:
            self.seen.add((op.entity, op.f))
            changes = self.changes.setdefault(row, {})
            changes[op.entity] = changes.get(op.entity, 0) + op.value[0]
            self.sums[row] = self.sums.get(row, 0) + op.value[0]


def settled(ops: Iterable[Op], final: Iterable[Op], table: str, start: int, only: str = "") -> Verdict:
    """In the end each row holds `start` plus what its entities were to change, each entity's step once.

    Overwritten and repeated changes count as they should have been, so a row that was put right by hand passes. With
    `only`, an entity that has ended without a row of that table should have changed nothing: it was done by
    halves. Blames the last change of the row.
    """
    seen = folded(ops, ("settled", table), lambda: _Changes(table))
    due = seen.sums
    if only:
        whole = {op.entity for op in of_kind(final, LIVE)} | {key for _, key, _ in rows_of(final, only)}
        due = {
            row: sum(change for entity, change in changes.items() if entity in whole)
            for row, changes in seen.changes.items()
        }
    return verdict(
        [
            blame("unbalanced", seen.last[row], start + due[row], value)
            for _, row, value in rows_of(final, table)
            if row in due and value != start + due[row]
        ]
    )


def sums(ops: Iterable[Op], table: str, start: dict[int, int] | int, floor: int = 0) -> Verdict:
    """The true balance (start plus all changes) never falls below `floor`, whatever the rows said meanwhile.

    Finds overselling: a lost update leaves a row positive while more was handed out than there was.
    """
    true: dict[int, int] = {}
    found: list[Violation] = []
    for op in ops:
        if _effect(op) and isinstance(op.value, tuple) and isinstance(op.key, tuple) and op.key[0] == table:
            row, change = op.key[1], op.value[0]
            before = true.get(row, start if isinstance(start, int) else start.get(row, 0))
            true[row] = before + change
            if change < 0 and true[row] < floor:
                found.append(blame("below-floor", op, f">={floor}", true[row]))
    return verdict(found)


class _Sagas:
    """How often each step of `promises` holds for an entity, and what its flow was told."""

    def __init__(self, steps: Sequence[tuple[str, str]], flow: str) -> None:
        self.flow, self.count = flow, len(steps)
        self.moves = {undo: (n, -1) for n, (_, undo) in enumerate(steps)}
        self.moves |= {do: (n, 1) for n, (do, _) in enumerate(steps)}
        self.net: dict[int, list[int]] = {}
        self.last: dict[int, Op] = {}
        self.answers: dict[int, Op] = {}
        self.stuck: dict[int, Op] = {}
        self.begun: dict[int, int] = {}
        self.concerned = {*self.moves, flow, "stuck", "forgotten"}

    def feed(self, op: Op) -> None:
        if op.f not in self.concerned:
            return
        if op.type == INVOKE:
            self.begun[op.entity] = op.time_ns
        elif op.f in ("stuck", "forgotten") and op.type == INFO:
            self.stuck[op.entity] = op
        elif op.f == self.flow and op.type in (OK, FAIL) and not isinstance(op.process, str):
            self.answers[op.entity] = op
        elif op.f in self.moves and _effect(op):
            step, change = self.moves[op.f]
            self.net.setdefault(op.entity, [0] * self.count)[step] += change
            self.last[op.entity] = op


def saga_atomic(
    ops: Iterable[Op],
    promises: Iterable[tuple[str, str]],
    flow: str,
    now_ns: int,
    older_ns: int,
    final: Iterable[Op] = (),
) -> Verdict:
    """In the end all steps of `promises` (step, compensation) hold for an entity, or none does.

    All if `flow` was acknowledged, none if it was refused. Without an answer it may be on its way until its last
    effect is older than `older_ns`, or while it runs by `final`, up to five minutes. With `flow` empty (choreography: nobody answers) all or none will do.
    Blames the last effect; `happened` is how often each step holds.
    """
    steps = tuple((do, undo) for do, undo in promises)
    running = {op.entity for op in of_kind(final, LIVE) if op.key == flow}
    seen = folded(ops, ("saga_atomic", steps, flow), lambda: _Sagas(steps, flow))
    found = []
    for entity, counts in seen.net.items():
        answer, op = seen.answers.get(entity), seen.last[entity]
        if _agrees(counts, flow, answer):
            continue
        if entity in running and now_ns - seen.begun.get(entity, 0) < UNDER_WAY_NS:
            continue
        over = (answer is not None and answer.type == FAIL) or entity in seen.stuck
        if not over and now_ns - op.time_ns < older_ns:
            continue
        happened = ", ".join(f"{step} {count}" for (step, _), count in zip(steps, counts, strict=True))
        expected = " | ".join(", ".join(f"{step} {each}" for step, _ in steps) for each in (1, 0))
        kind = "stuck" if entity in seen.stuck or answer is None else "half-done"
        others = tuple(o.index for o in (answer, seen.stuck.get(entity)) if o is not None)
        found.append(blame(kind, op, expected, happened, others))
    return verdict(found)


def _agrees(counts: list[int], flow: str, answer: Op | None) -> bool:
    """Whether all or none hold, as the answer says; without one, none."""
    if not flow:
        return min(counts) == max(counts) and counts[0] in (0, 1)
    if answer is None:
        return not any(counts)
    wanted = 1 if answer.type == OK else 0
    return all(count == wanted for count in counts)


class _Begun:
    """Where each entity of a flow begins."""

    def __init__(self, flow: str) -> None:
        self.flow, self.begun = flow, dict[int, Op]()

    def feed(self, op: Op) -> None:
        if op.type == INVOKE and op.f == self.flow:
            self.begun[op.entity] = op


def paid_for(
    ops: Iterable[Op], final: Iterable[Op], flow: str, system: str, table: str, now_ns: int
) -> Verdict:
    """What a payment system keeps of an entity is its amount if its row of `table` stands (above 0), else nothing.

    Those under way are left out, up to five minutes. Blames the entity's beginning.
    """
    seen = folded(ops, ("begun", flow), lambda: _Begun(flow))
    stands = {key for _, key, value in rows_of(final, table) if value > 0}
    running = {op.entity for op in of_kind(final, LIVE) if op.key == flow}
    kept = {op.entity: op.value for op in of_kind(final, MONEY) if op.process == system}
    found = []
    for entity, first in seen.begun.items():
        due = first.value[0] if entity in stands else 0
        young = entity in running and now_ns - first.time_ns < UNDER_WAY_NS
        if not young and kept.get(entity, 0) != due:
            found.append(blame("unbalanced", first, due, kept.get(entity, 0)))
    return verdict(found)


def one_leader(ops: Iterable[Op], writes: Collection[str] = ()) -> Verdict:
    """One leader an epoch, and no effect at a node once a newer leader of its cluster has been chosen.

    `writes` are the steps that write to stores. Blames the write or the election; `expected` is the leader.
    """
    epochs: dict[tuple[Any, int], Op] = {}
    newest: dict[Any, Op] = {}
    clusters: dict[str, Any] = {}  # node of a store -> the store it has led
    found = []
    for op in ops:
        if op.f == "lead":
            other = epochs.setdefault((op.key, op.value), op)
            if other.process != op.process:
                found.append(blame("two-leaders", op, other.process, op.process, (other.index,)))
            newest[op.key] = op
            if isinstance(op.key, str):
                clusters[op.process] = op.key
            continue
        wrote = _effect(op) and op.f in writes and op.process in clusters
        cluster = op.key if op.f == "append" else clusters[op.process] if wrote else None
        lead = newest.get(cluster)
        if lead is not None and lead.process != op.process:
            found.append(blame("two-leaders", op, lead.process, op.process, (lead.index,)))
    return verdict(found)


def place(label: tuple[Any, ...], offset: int) -> str:
    """An offset of a partition, as `orders-0@17`."""
    return f"{label[0]}-{label[1]}@{offset}"
