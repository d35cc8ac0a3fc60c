"""Checkers of what the business was promised: nothing acknowledged is lost, nothing happens twice, sums add up.

A checker reads a history (and, for the end state, the `final …` operations of an audit) and names the exact
operation that broke the promise. An effect is an `ok` record whose process is a name: a system, a node, a topic.
The flow's own records have its number as their process.
"""

from collections.abc import Collection, Iterable
from typing import Any

from simulator.entities.history import FAIL, INFO, INVOKE, OK, Op
from simulator.entities.verdicts import Verdict, Violation, blame, verdict

# what the log, the groups and the elections record by themselves: no effects of a flow's steps
LOG_EVENTS = frozenset(("append", "deliver", "process", "commit", "assign", "lead"))

UNDER_WAY_NS = 300 * 10**9  # a running saga may be this old before its books are looked at


def _effect(op: Op) -> bool:
    return op.type == OK and isinstance(op.process, str) and op.f not in LOG_EVENTS


def nothing_lost(ops: Iterable[Op], final: Iterable[Op], flow: str, table: str) -> Verdict:
    """Every entity whose `flow` was acknowledged has its row in `table` at the end. Blames the acknowledgement."""
    rows = {op.key[1] for op in final if op.f == "final row" and op.key[0] == table}
    written: dict[int, list[int]] = {}
    acknowledged: list[Op] = []
    for op in ops:
        if _effect(op) and isinstance(op.key, tuple) and op.key[0] == table:
            written.setdefault(op.key[1], []).append(op.index)
        elif op.type == OK and op.f == flow and not isinstance(op.process, str):
            acknowledged.append(op)
    return verdict(
        [
            blame("lost", op, table, None, tuple(written.get(op.entity, ())))
            for op in acknowledged
            if op.entity not in rows
        ]
    )


def no_message_lost(ops: Iterable[Op], final: Iterable[Op], step: str, topic: str) -> Verdict:
    """Every message that `step` published is in the topic at the end. Blames the publication, names the offset."""
    kept = {op.value for op in final if op.f == "final record" and op.key[0] == topic}
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


def at_most_once(ops: Iterable[Op], do: str, undo: str = "") -> Verdict:
    """`do` holds at most once for each entity when all is over, and is undone no more often than done.

    A repeated effect that was taken back later is no violation; blamed are the latest repetitions that stand.
    """
    standing: dict[int, list[Op]] = {}
    over: list[Violation] = []
    for op in ops:
        if not _effect(op):
            continue
        if op.f == do:
            standing.setdefault(op.entity, []).append(op)
        elif undo and op.f == undo:
            done = standing.get(op.entity)
            if done:
                done.pop()
            else:
                over.append(blame("double", op, f"{undo} x0", f"{undo} x1"))
    for done in standing.values():
        for times, op in enumerate(done[1:], 2):
            over.append(blame("double", op, f"{do} x1", f"{do} x{times}", tuple(o.index for o in done[:1])))
    return verdict(over)


def amounts(ops: Iterable[Op], final: Iterable[Op], flows: Collection[str], table: str) -> Verdict:
    """In the end every row of `table` holds the amount its entity began with. Blames the entity's beginning."""
    begun = {op.entity: op for op in ops if op.type == INVOKE and op.f in flows}
    found = []
    for op in final:
        if op.f == "final row" and op.key[0] == table and op.entity in begun:
            first = begun[op.entity]
            if op.value != first.value[0]:
                found.append(blame("wrong-amount", first, first.value[0], op.value))
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
    for op in final:
        if op.f == "final row" and op.key[0] == table and op.key[1] in last:
            value, changed = last[op.key[1]]
            if op.value != value:
                found.append(blame("unbalanced", changed, value, op.value))
    return verdict(found)


def settled(ops: Iterable[Op], final: Iterable[Op], table: str, start: int, only: str = "") -> Verdict:
    """In the end each row holds `start` plus what its entities were to change, each entity's step once.

    Overwritten and repeated changes count as they should have been, so a row that was put right by hand passes. With
    `only`, an entity that has ended without a row of that table should have changed nothing: it was done by
    halves. Blames the last change of the row.
    """
    final = list(final)
    whole = {op.entity for op in final if op.f == "final live"}
    whole.update(op.key[1] for op in final if op.f == "final row" and op.key[0] == only)
    due: dict[int, int] = {}
    last: dict[int, Op] = {}
    seen: set[tuple[int, str]] = set()
    for op in ops:
        if (
            not _effect(op)
            or not isinstance(op.value, tuple)
            or not isinstance(op.key, tuple)
            or op.key[0] != table
        ):
            continue
        if op.f.startswith("adjust "):
            continue  # a person put the row right; whether it is right is what is asked
        row = op.key[1]
        last[row] = op
        if (op.entity, op.f) not in seen:
            seen.add((op.entity, op.f))
            counts = not only or op.entity in whole
            due[row] = due.get(row, start) + (op.value[0] if counts else 0)
    found = []
    for op in final:
        if op.f == "final row" and op.key[0] == table and op.key[1] in due and op.value != due[op.key[1]]:
            found.append(blame("unbalanced", last[op.key[1]], due[op.key[1]], op.value))
    return verdict(found)


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
    steps = list(promises)
    plus, minus = {d: i for i, (d, _) in enumerate(steps)}, {u: i for i, (_, u) in enumerate(steps)}
    net: dict[int, list[int]] = {}
    last: dict[int, Op] = {}
    answers: dict[int, Op] = {}
    stuck: dict[int, Op] = {}
    running = {op.entity for op in final if op.f == "final live" and op.key == flow}
    begun: dict[int, int] = {}
    concerned = {*plus, *minus, flow, "stuck", "forgotten"}
    for op in ops:
        if op.f not in concerned:
            continue
        if op.type == INVOKE:
            begun[op.entity] = op.time_ns
        elif op.f in ("stuck", "forgotten") and op.type == INFO:
            stuck[op.entity] = op
        elif op.f == flow and op.type in (OK, FAIL) and not isinstance(op.process, str):
            answers[op.entity] = op
        elif _effect(op) and (op.f in plus or op.f in minus):
            counts = net.setdefault(op.entity, [0] * len(steps))
            if op.f in plus:
                counts[plus[op.f]] += 1
            else:
                counts[minus[op.f]] -= 1
            last[op.entity] = op
    found = []
    for entity, counts in net.items():
        answer, op = answers.get(entity), last[entity]
        if entity in running and now_ns - begun.get(entity, 0) < UNDER_WAY_NS:
            continue
        wanted = (0, 1) if not flow else () if answer is None else (1,) if answer.type == OK else (0,)
        if any(all(c == each for c in counts) for each in wanted) or (answer is None and not any(counts)):
            continue
        over = (answer is not None and answer.type == FAIL) or entity in stuck
        if not over and now_ns - op.time_ns < older_ns:
            continue
        happened = ", ".join(f"{step} {count}" for (step, _), count in zip(steps, counts, strict=True))
        expected = (
            ", ".join(f"{step} 1" for step, _ in steps) + " | " + ", ".join(f"{step} 0" for step, _ in steps)
        )
        kind = "stuck" if entity in stuck or answer is None else "half-done"
        others = tuple(o.index for o in (answer, stuck.get(entity)) if o is not None)
        found.append(blame(kind, op, expected, happened, others))
    return verdict(found)


def paid_for(
    ops: Iterable[Op], final: Iterable[Op], flow: str, system: str, table: str, now_ns: int
) -> Verdict:
    """What a payment system keeps of an entity is its amount if its row of `table` stands (above 0), else nothing.

    Those under way are left out, up to five minutes. Blames the entity's beginning.
    """
    begun = {op.entity: op for op in ops if op.type == INVOKE and op.f == flow}
    stands: set[int] = set()
    running: set[int] = set()
    kept: dict[int, int] = {}
    for op in final:
        if op.f == "final row" and op.key[0] == table and op.value > 0:
            stands.add(op.entity)
        elif op.f == "final live" and op.key == flow:
            running.add(op.entity)
        elif op.f == "final money" and op.process == system:
            kept[op.entity] = op.value
    found = []
    for entity, first in begun.items():
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
