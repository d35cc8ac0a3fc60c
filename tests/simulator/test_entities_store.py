"""Rows on several nodes, with a leader and without, and transactions on one: the anomalies that really occur."""

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.entities import anomalies, registers
from simulator.entities.columns import Column
from simulator.entities.conditions import TableConditions
from simulator.entities.history import INFO, INVOKE, OK, History
from simulator.entities.quorum import Quorum, QuorumSpec
from simulator.entities.store import PENDING, WRITTEN, Store, StoreSpec
from simulator.entities.timers import MS, SECOND, Timers, run
from simulator.entities.transactions import (
    ABORTED,
    CONCURRENT_UPDATE,
    DEPENDENCIES,
    DONE,
    READ_COMMITTED,
    REPEATABLE_READ,
    SERIALIZABLE,
    WAIT,
    Transactions,
)

NODES = ("a", "b", "c")


class Cluster:
    """A store driven by hand; clients record what they read and write."""

    def __init__(self, conditions: TableConditions | None = None, **spec: Any) -> None:
        self.conditions = conditions or TableConditions()
        self.timers, self.history = Timers(), History()
        self.store = Store(StoreSpec("db", **{"nodes": NODES, **spec}), 5, self.timers, self.history)
        self.machines: dict[str, Any] = {"db": self.store, "client": self}
        self.acknowledged: list[tuple[float, int]] = []

    def resume(self, conditions: TableConditions, number: int, result: str) -> None:
        self.acknowledged.append((self.timers.now / SECOND, number))

    def to(self, seconds: float) -> None:
        run(self.timers, self.machines, round(seconds * SECOND), self.conditions)

    def write(self, value: int, client: str = "", session: str = "w", key: int = 1) -> str:
        leader = self.store.leader_for(client, self.conditions)
        assert leader is not None
        self.history.add(self.timers.now, OK, session, "write", key, value)
        return self.store.write(leader, "t", key, value, self.conditions, "client", value)

    def read(self, node: str, session: str = "r", key: int = 1) -> Any:
        value = self.store.read(NODES.index(node), "t", key)
        self.history.add(self.timers.now, OK, session, "read", key, value)
        return value


def lagging(ms: float = 500) -> TableConditions:
    return TableConditions(delays=[("a", "b", ms, 0, 1 << 62), ("a", "c", 5, 0, 1 << 62)])


def test_a_lagging_replica_gives_stale_backward_and_unowned_reads_each_named() -> None:
    cluster = Cluster(lagging())
    cluster.write(1)
    cluster.to(2)
    assert cluster.read("b") == 1
    cluster.write(2, session="me")
    cluster.to(2.1)
    assert (cluster.read("c"), cluster.read("b")) == (2, 1)
    assert cluster.read("b", session="me") == 1
    cluster.to(4)
    assert cluster.read("b", session="me") == 2
    ops = list(cluster.history)
    reads = [op.index for op in ops if op.f == "read"]
    write = next(op.index for op in ops if op.f == "write" and op.value == 2)
    stale = registers.fresh_reads(ops).violations
    assert [(v.index, v.expected, v.happened, v.others) for v in stale] == [
        (reads[2], 2, 1, (write,)),
        (reads[3], 2, 1, (write,)),
    ]
    assert [v.index for v in registers.monotonic_reads(ops).violations] == [reads[2]]
    assert [v.index for v in registers.read_your_writes(ops).violations] == [reads[3]]
    assert not registers.linearizable(ops).ok


def test_reads_at_the_leader_are_fresh() -> None:
    cluster = Cluster(lagging())
    for value in range(20):
        cluster.write(value, session=f"s{value % 3}")
        cluster.to(value / 50)
        assert cluster.read("a", session=f"s{value % 2}") == value
    ops = list(cluster.history)
    for checker in (registers.fresh_reads, registers.monotonic_reads, registers.read_your_writes):
        assert checker(ops).ok
    assert registers.linearizable(ops).ok


@pytest.mark.parametrize(("sync", "after"), [(0, 0.0), (1, 0.005), (2, 0.5)])
def test_an_acknowledgement_waits_for_as_many_followers_as_declared(sync: int, after: float) -> None:
    cluster = Cluster(lagging(), sync=sync)
    assert cluster.write(1) == (WRITTEN if sync == 0 else PENDING)
    cluster.to(2)
    if sync:
        ((second, _),) = cluster.acknowledged
        assert after * 0.5 <= second <= after * 1.5


def test_a_synchronous_commit_hangs_while_the_standby_is_away_and_the_row_is_there() -> None:
    cut = [("a", b, 0, 10 * SECOND) for b in ("b", "c")]
    cluster = Cluster(TableConditions(cuts=cut), sync=1, failover=False, fenced=False)
    assert cluster.write(1) == PENDING
    cluster.to(9)
    assert cluster.acknowledged == [] and cluster.read("a") == 1
    cluster.to(11)
    assert [number for _, number in cluster.acknowledged] == [1]


def test_failover_promotes_the_most_advanced_node_after_the_ttl() -> None:
    conditions = lagging(2_000)
    conditions.outages = [("a", 5 * SECOND, 60 * SECOND)]
    cluster = Cluster(conditions, ttl_ms=10_000)
    for value in range(1, 50):
        cluster.to(value / 10)
        cluster.write(value)
    cluster.to(14)
    assert [op.process for op in cluster.history if op.f == "lead"] == ["a"]
    cluster.to(17)
    leads = [(op.process, op.value) for op in cluster.history if op.f == "lead"]
    assert leads == [("a", 1), ("c", 2)]
    assert cluster.read("c") == 49
    cluster.to(70)
    assert {cluster.read(node) for node in NODES} == {49}
    assert cluster.store.newest_leader() is cluster.store.copies[2]


def test_without_a_majority_nobody_is_promoted() -> None:
    down = [("a", SECOND, 40 * SECOND), ("b", SECOND, 40 * SECOND)]
    cluster = Cluster(TableConditions(outages=down), ttl_ms=3_000)
    cluster.to(30)
    assert [op.process for op in cluster.history if op.f == "lead"] == ["a"]
    assert cluster.store.leader_for("", cluster.conditions) is None


@pytest.mark.parametrize("heal", ["rewind", "merge"])
def test_two_leaders_diverge_and_heal_by_rewinding_or_by_the_last_writer(heal: str) -> None:
    cut = [("a", other, 5 * SECOND, 20 * SECOND) for other in ("b", "c", "east")]
    cut += [(other, "west", 5 * SECOND, 20 * SECOND) for other in ("b", "c")]
    cluster = Cluster(TableConditions(cuts=cut), ttl_ms=3_000, fenced=False, heal=heal)
    cluster.write(1, key=1)
    cluster.to(12)
    cluster.write(10, client="west", key=1)
    cluster.write(20, client="west", key=2)
    cluster.to(13)
    cluster.write(11, client="east", key=1)
    cluster.to(19)
    assert (cluster.read("a"), cluster.read("b")) == (10, 11)
    cluster.to(25)
    assert {cluster.read(node) for node in NODES} == {11}  # the later write
    assert {cluster.read(node, key=2) for node in NODES} == ({20} if heal == "merge" else {None})


@settings(max_examples=40, deadline=None)
@given(
    writes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=30),
    cuts=st.lists(
        st.tuples(st.sampled_from(NODES), st.sampled_from(NODES), st.integers(0, 30), st.integers(1, 20)),
        max_size=4,
    ),
    fenced=st.booleans(),
)
def test_all_nodes_agree_once_the_network_is_whole(writes: Any, cuts: Any, fenced: bool) -> None:
    conditions = TableConditions(cuts=[(a, b, s * SECOND, (s + d) * SECOND) for a, b, s, d in cuts])
    cluster = Cluster(conditions, ttl_ms=2_000, fenced=fenced)
    for value, (key, second) in enumerate(sorted(writes, key=lambda w: w[1])):
        cluster.to(second)
        if cluster.store.leader_for("", conditions) is not None:
            cluster.write(value, key=key)
    cluster.to(120)
    for key in range(4):
        assert len({cluster.store.read(node, "t", key) for node in range(3)}) == 1
    assert len({(copy.end, copy.follows) for copy in cluster.store.copies}) == 1


# leaderless


def quorum(write: int, read: int, conditions: TableConditions, **spec: Any) -> list[Any]:
    """Two clients at two coordinators; one writes 1, 2, 3, …, the other reads."""
    timers, history = Timers(), History()
    store = Quorum(QuorumSpec("q", NODES, write, read, **spec), 3, timers, history)
    for turn in range(60):
        run(timers, {"q": store}, turn * 40 * MS, conditions)
        store.write(conditions, "writer", "k", turn, via=0)
        run(timers, {"q": store}, turn * 40 * MS + 20 * MS, conditions)
        store.read(conditions, "reader", "k", via=2)
    run(timers, {"q": store}, 60 * SECOND, conditions)
    return list(history)


SLOW_LINKS = TableConditions(
    delays=[("a", "c", 300, 0, 1 << 62), ("b", "c", 300, 0, 1 << 62), ("a", "b", 2, 0, 1 << 62)]
)


def test_overlapping_quorums_read_every_acknowledged_write_and_others_do_not() -> None:
    weak = registers.fresh_reads(quorum(1, 1, SLOW_LINKS))
    assert weak.violations and weak.violations[0].kind == "stale-read"
    near = TableConditions(delay_ms=3)
    strong = quorum(2, 2, near)
    assert registers.fresh_reads(strong).ok
    assert sum(1 for op in strong if op.f == "read" and op.type == OK) == 60


def test_a_write_that_reached_too_few_is_of_unknown_outcome_and_may_be_read() -> None:
    cut = [("a", other, 0, 3 * SECOND) for other in ("b", "c")]
    conditions = TableConditions(cuts=cut)
    timers, history = Timers(), History()
    store = Quorum(QuorumSpec("q", NODES, 2, 1), 3, timers, history)
    store.write(conditions, "w", "k", 7, via=0)
    run(timers, {"q": store}, 2 * SECOND, conditions)
    store.read(conditions, "r", "k", via=0)
    run(timers, {"q": store}, 4 * SECOND, conditions)
    ops = list(history)
    assert [op.type for op in ops if op.f == "write"] == [INVOKE, INFO]
    assert [op.value for op in ops if op.f == "read" and op.type == OK] == [7]
    assert registers.linearizable(ops).ok  # unknown writes may have happened


def test_a_coordinator_whose_clock_is_behind_loses_its_writes() -> None:
    conditions, timers, history = TableConditions(), Timers(), History()
    store = Quorum(QuorumSpec("q", NODES, 2, 2, clock_skew_ms=(0, 0, -5_000)), 3, timers, history)
    for turn, (via, value) in enumerate([(0, 1), (2, 2)]):
        run(timers, {"q": store}, turn * SECOND, conditions)
        store.write(conditions, "w", "k", value, via=via)
    run(timers, {"q": store}, 3 * SECOND, conditions)
    store.read(conditions, "w", "k", via=1)
    run(timers, {"q": store}, 9 * SECOND, conditions)
    ops = list(history)
    assert [op.type for op in ops if op.f == "write"] == [INVOKE, OK, INVOKE, OK]
    (missed,) = registers.read_your_writes(ops).violations
    assert (missed.expected, missed.happened) == (2, 1)


# transactions


def test_read_committed_loses_an_update_and_the_snapshot_levels_refuse_it() -> None:
    for level, fine in ((READ_COMMITTED, False), (REPEATABLE_READ, True), (SERIALIZABLE, True)):
        history = History()
        rows = Transactions(history, {"stock": 10})
        one, two = rows.begin(level), rows.begin(level)
        assert rows.read(one, "stock") == rows.read(two, "stock") == 10
        assert rows.write(one, "stock", 9) == DONE
        assert rows.write(two, "stock", 8) == WAIT
        assert rows.commit(one) == DONE
        if fine:
            assert rows.write(two, "stock", 8) == ABORTED
            assert [op.key for op in history if op.type == "fail"] == [CONCURRENT_UPDATE]
            assert anomalies.serialisable(history).ok
        else:
            assert rows.write(two, "stock", 8) == DONE and rows.commit(two) == DONE
            (found,) = anomalies.serialisable(history).violations
            assert found.expected == "G-single" and (found.index, found.others) == (1, (0,))
            assert "1 -rw-> 0" in found.happened and "0 -ww-> 1" in found.happened


def test_write_skew_passes_repeatable_read_is_named_g2_and_serializable_refuses_it() -> None:
    for level, fine in ((REPEATABLE_READ, False), (SERIALIZABLE, True)):
        history = History()
        rows = Transactions(history, {"alice": 1, "bob": 1})
        one, two = rows.begin(level), rows.begin(level)
        for number in (one, two):
            assert rows.read(number, "alice") + rows.read(number, "bob") == 2
        rows.write(one, "alice", 0)
        rows.write(two, "bob", -1)
        assert rows.commit(one) == DONE
        assert rows.commit(two) == (ABORTED if fine else DONE)
        verdict = anomalies.serialisable(history)
        assert verdict.ok is fine
        if fine:
            assert [op.key for op in history if op.type == "fail"] == [DEPENDENCIES]
        else:
            assert [v.expected for v in verdict.violations] == ["G2"]
            assert anomalies.serialisable(history, allowed=("G2",)).ok


def test_read_committed_sees_each_statement_anew_and_repeatable_read_does_not() -> None:
    for level, seen in ((READ_COMMITTED, 2), (REPEATABLE_READ, 1)):
        rows = Transactions(History(), {"x": 1})
        reader, writer = rows.begin(level), rows.begin()
        assert rows.read(reader, "x") == 1
        rows.write(writer, "x", 2)
        assert rows.read(reader, "x") == 1  # never what is not committed
        rows.commit(writer)
        assert rows.read(reader, "x") == seen


Plan = list[tuple[int, str, int]]


def _play(level: str, plan: Plan) -> History:
    """Interleave three transactions at a time; a transaction commits after three steps."""
    history = History()
    rows = Transactions(history, {})
    open_ones: dict[int, list[int]] = {}  # slot -> [number, steps]
    value = 0
    for slot, kind, key in plan:
        if slot not in open_ones:
            open_ones[slot] = [rows.begin(level), 0]
        number = open_ones[slot][0]
        if kind == "r":
            rows.read(number, key)
        else:
            value += 1
            result = rows.write(number, key, value)
            if result == WAIT:
                continue
            if result == ABORTED:
                del open_ones[slot]
                continue
        open_ones[slot][1] += 1
        if open_ones[slot][1] == 3:
            rows.commit(number)
            del open_ones[slot]
    for number, _ in open_ones.values():
        rows.commit(number)
    assert not rows.open
    return history


plans = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("rw"), st.integers(0, 2)), max_size=40)


@settings(max_examples=300, deadline=None)
@given(plans)
def test_no_level_shows_more_than_it_may(plan: Plan) -> None:
    assert anomalies.serialisable(_play(SERIALIZABLE, plan)).ok
    # snapshot isolation shows write skew (G2) and nothing else; read committed no dirty reads or writes
    assert anomalies.serialisable(_play(REPEATABLE_READ, plan), allowed=("G2",)).ok
    assert anomalies.serialisable(_play(READ_COMMITTED, plan), allowed=("G2", "G-single", "G1b")).ok


# what keeps rows small


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9_000), st.integers(-5, 5)), max_size=200))
def test_columns_are_maps(changes: list[tuple[int, int]]) -> None:
    column, plain = Column(2), dict[int, int]()
    for key, value in changes:
        if value == 0:
            column.drop(key)
            plain.pop(key, None)
        else:
            column.put(key, value)
            plain[key] = value
        assert column.get(key) == plain.get(key)
    for copy in (column, pickle.loads(pickle.dumps(column, 5)), pickle.loads(pickle.dumps(column, 4))):
        assert list(copy.items()) == sorted(plain.items())
        assert [copy.get(key) for key in range(0, 9_000, 7)] == [plain.get(key) for key in range(0, 9_000, 7)]
