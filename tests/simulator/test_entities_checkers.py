"""The checkers against histories written by hand, and the linearizability search against brute force."""

import itertools
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.entities import anomalies, checkers, delivery, registers
from simulator.entities.history import CHUNK, FAIL, INFO, INVOKE, OK, History, Op, pairs
from simulator.entities.verdicts import TEXTS, Violation


def history(*records: tuple[Any, ...]) -> list[Op]:
    """(type, process, f, key, value[, entity]), a millisecond apart."""
    made = History()
    for at, record in enumerate(records):
        made.add(at * 10**6, *record)
    return list(made)


def test_pairs_join_by_process_and_an_open_operation_is_of_unknown_outcome() -> None:
    ops = history(
        (INVOKE, 1, "write", "x", 1), (INVOKE, 2, "read", "x", None), (OK, 2, "read", "x", 1), (INFO, 1, "write", "x", 1),
        (INVOKE, 3, "read", "x", None),
    )  # fmt: skip
    assert [(p.begin.process, p.kind) for p in pairs(ops)] == [(1, INFO), (2, OK), (3, INFO)]


def test_a_long_history_is_kept_in_closed_chunks_and_reads_back_whole() -> None:
    made = History()
    for i in range(3 * CHUNK + 7):
        made.add(i, OK, "p", "f", ("k", i), (i, "я"), i)
    assert len(made.closed) == 3 and len(made) == 3 * CHUNK + 7
    assert [op.index for op in made] == [op.entity for op in made] == list(range(3 * CHUNK + 7))
    assert [op.index for op in made.since(2 * CHUNK + 3)] == list(range(2 * CHUNK + 3, 3 * CHUNK + 7))
    buffers: list[Any] = []
    packed = pickle.dumps(made, 5, buffer_callback=buffers.append)
    fork = pickle.loads(packed, buffers=buffers)
    assert fork.digest() == made.digest() == pickle.loads(pickle.dumps(made, 4)).digest()
    assert fork.closed[0] is made.closed[0]  # shared, not copied
    fork.add(1, OK, "p", "f", 0, 0)
    assert fork.digest() != made.digest()


def test_two_leaders_of_one_epoch_are_named() -> None:
    ops = history((OK, "a", "lead", "db", 1), (OK, "b", "lead", "db", 2), (OK, "c", "lead", "db", 2))
    (found,) = checkers.one_leader(ops).violations
    assert (found.index, found.expected, found.happened, found.others) == (2, "b", "c", (1,))


def test_a_write_by_a_deposed_leader_is_named() -> None:
    ops = history(
        (OK, "a", "lead", "db", 1), (OK, "a", "create", ("t", 1), 1, 1), (OK, "b", "lead", "db", 2),
        (OK, "a", "look", ("t", 1), 1, 1), (OK, "a", "create", ("t", 2), 1, 2),
    )  # fmt: skip
    assert [v.index for v in checkers.one_leader(ops, ("create",)).violations] == [4]


def test_a_balance_that_was_overdrawn_overwritten_or_changed_behind_the_history() -> None:
    ops = history(
        (OK, "n", "take", ("s", 1), (-3, 2), 1),
        (OK, "n", "take", ("s", 1), (-3, -1), 2),
        (OK, "n", "give", ("s", 1), (5, 7), 3),
        (OK, "kafka", "append", ("s", 1), (9, 9), 9),  # a topic of the same name is not the table
    )
    final = [Op(9, 0, OK, "n", "final row", ("s", 1), 6, 1)]
    found = [
        (v.kind, v.index, v.expected, v.happened) for v in checkers.balances(ops, "s", 5, 0, final).violations
    ]
    assert found == [("below-floor", 1, ">=0", -1), ("lost-update", 2, 4, 7), ("unbalanced", 2, 7, 6)]


def test_a_saga_must_match_its_answer() -> None:
    promises = (("pay", "refund"), ("pack", "unpack"))
    second = 10**9

    def kinds(*records: tuple[Any, ...], now_s: float = 100) -> list[str]:
        verdict = checkers.saga_atomic(history(*records), promises, "order", int(now_s * second), second)
        return [f"{v.kind}: {v.happened}" for v in verdict.violations]

    paid, packed, refunded = ((OK, "x", f, 1, 1, 1) for f in ("pay", "pack", "refund"))
    yes, no = (OK, 7, "order", 1, 1, 1), (FAIL, 7, "order", 1, 1, 1)
    assert kinds(paid, packed, yes) == kinds(paid, refunded, no) == []
    assert kinds(paid, packed, no) == ["half-done: pay 1, pack 1"]
    assert kinds(paid, refunded, yes) == ["half-done: pay 0, pack 0"]
    assert kinds(paid) == ["stuck: pay 1, pack 0"]
    assert kinds(paid, now_s=0.5) == []  # still on its way
    assert kinds(paid, (INFO, "saga/1", "stuck", 0, None, 1), now_s=0.5) == ["stuck: pay 1, pack 0"]


def test_delivery_checkers_name_partition_and_offset() -> None:
    label = ("t", 3)
    ops = history(
        (OK, "k", "append", label, (0, 10), 10), (OK, "k", "append", label, (1, 11), 11),
        (OK, "k", "append", label, (2, 12), 12), (OK, "c", "process", label, (1, 11), 11),
        (OK, "c", "process", label, (0, 10), 10), (OK, "c", "process", label, (1, 11), 11),
        (OK, "c", "commit", label, 3), (OK, "c", "commit", label, 3),
    )  # fmt: skip
    (skipped,) = delivery.at_least_once(ops, "t").violations
    assert (skipped.index, skipped.entity, skipped.expected) == (6, 12, "t-3@2")
    (again,) = delivery.at_most_once(ops, "t").violations
    assert (again.index, again.entity, again.others) == (5, 11, (3,))
    (early,) = delivery.in_order(ops, "t", {10: 1, 11: 1, 12: 1}).violations
    assert (early.index, early.expected, early.happened) == (3, "t-3@0", "t-3@1")
    assert delivery.in_order(ops, "t").ok  # different keys
    assert delivery.at_least_once(ops, "t", members=("d",)).ok


def txn(*steps: tuple[str, str, int]) -> tuple[Any, ...]:
    return (OK, "db", "txn", "", steps)


@pytest.mark.parametrize(
    ("name", "records", "guilty"),
    [
        ("G1a", [(FAIL, "db", "txn", "", (("w", "x", 1),)), txn(("r", "x", 1))], 1),
        ("G1b", [txn(("w", "x", 1), ("w", "x", 2)), txn(("r", "x", 1))], 1),
        ("G1c", [txn(("w", "x", 1), ("r", "y", 2)), txn(("w", "y", 2), ("r", "x", 1))], 1),
        ("G-single", [txn(("w", "x", 1), ("w", "y", 1)), txn(("r", "x", 1), ("r", "y", 0))], 1),
        ("G2", [txn(("r", "x", 0), ("w", "y", 1)), txn(("r", "y", 0), ("w", "x", 1))], 1),
    ],
)
def test_each_anomaly_has_its_name(name: str, records: list[tuple[Any, ...]], guilty: int) -> None:
    verdict = anomalies.serialisable(history(*records))
    assert (name, guilty) in [(v.expected, v.index) for v in verdict.violations]
    assert {v.expected for v in verdict.violations} <= {name, "G-single"}
    assert anomalies.serialisable(history(*records), allowed=(name, "G-single")).ok


def test_g0_is_a_cycle_of_writes() -> None:
    # versions follow the commits, so a cycle of overwriting needs orders of different keys that disagree
    graph: anomalies.Graph = {0: {1: "ww"}, 1: {0: "ww"}}
    assert anomalies._cycles(graph) == [("G0", [0, 1])]


def test_a_serial_history_passes() -> None:
    rows = {"x": 0, "y": 0}
    records = []
    for i in range(1, 60):
        key, other = ("x", "y") if i % 3 else ("y", "x")
        records.append(txn(("r", key, rows[key]), ("r", other, rows[other]), ("w", key, i)))
        rows[key] = i
    assert anomalies.serialisable(history(*records)).ok


def test_linearizability_names_the_operation_that_no_order_explains() -> None:
    ops = history(
        (INVOKE, 1, "write", "x", 1), (OK, 1, "write", "x", 1), (INVOKE, 1, "write", "x", 2), (OK, 1, "write", "x", 2),
        (INVOKE, 2, "read", "x", None), (OK, 2, "read", "x", 1),
    )  # fmt: skip
    (found,) = registers.linearizable(ops).violations
    assert (found.index, found.expected, found.happened) == (5, 2, "read 1")
    overlapping = [ops[0], ops[1], ops[2], ops[4], ops[5], ops[3]]
    again = [op._replace(index=i) for i, op in enumerate(overlapping)]
    assert registers.linearizable(again).ok


def test_a_search_that_runs_out_of_budget_says_so() -> None:
    many = [(INVOKE, i, "write", "x", i) for i in range(14)] + [(OK, i, "write", "x", i) for i in range(14)]
    ops = history(*many, (INVOKE, 99, "read", "x", None), (OK, 99, "read", "x", 77))
    assert registers.linearizable(ops, budget=50).ok is None
    assert registers.linearizable(history(*many), budget=50_000).ok is True


@st.composite
def register_histories(draw: Any) -> list[Op]:
    """Up to six operations of three processes on one register; some end, fail or stay open."""
    made = History()
    begun: dict[int, tuple[str, Any]] = {}
    for at in range(draw(st.integers(0, 12))):
        process = draw(st.integers(0, 2))
        if process not in begun:
            f = draw(st.sampled_from(["read", "write", "cas"]))
            values = st.integers(0, 2)
            value = None if f == "read" else draw(values) if f == "write" else (draw(values), draw(values))
            begun[process] = (f, value)
            made.add(at, INVOKE, process, f, "x", value)
        else:
            f, value = begun.pop(process)
            kind = draw(st.sampled_from([OK, OK, OK, FAIL, INFO]))
            if f == "read":
                value = draw(st.sampled_from([None, 0, 1, 2]))
            made.add(at, kind, process, f, "x", value)
    return list(made)


def _brute(ops: list[Op]) -> bool:
    """Try every order of every choice of the operations of unknown outcome."""
    items = [i for i in registers.accesses(ops) if not (i.f == "read" and i.kind != OK)]
    sure, unsure = [i for i in items if i.kind == OK], [i for i in items if i.kind != OK]
    for size in range(len(unsure) + 1):
        for chosen in itertools.combinations(unsure, size):
            for order in itertools.permutations([*sure, *chosen]):
                if any(b.end < a.begin for a, b in itertools.combinations(order, 2)):
                    continue
                value: Any = None
                for item in order:
                    if item.f == "read" and item.value != value:
                        break
                    if item.f == "cas":
                        if item.value[0] != value and item.kind == OK:
                            break
                        value = item.value[1] if item.value[0] == value else value
                    elif item.f == "write":
                        value = item.value
                else:
                    return True
    return False


@settings(max_examples=250, deadline=None)
@given(register_histories())
def test_the_search_agrees_with_brute_force(ops: list[Op]) -> None:
    verdict = registers.linearizable(ops)
    assert verdict.ok is _brute(ops)
    if not verdict.ok:
        assert ops[verdict.violations[0].index].type == OK


LEVELS = ("below-level",)  # a share that is too low is no single operation's fault


@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_every_violation_speaks_both_languages_and_names_its_operation(kind: str) -> None:
    violation = Violation(kind, 4711, 5, 6, "X1", "H1", (1,))
    shown = violation.as_dict()
    for language in ("ru", "en"):
        assert ("4711" if kind not in LEVELS else "X1") in shown["text"][language]
    assert any("а" <= letter <= "я" for letter in shown["text"]["ru"])
    assert not any("а" <= letter <= "я" for letter in shown["text"]["en"])
    assert shown["others"] == [1] and shown["index"] == 4711
