"""The log and its consumers: what acks, elections, commits and rebalances promise, and what they lose."""

from dataclasses import replace
from typing import Any

import pytest

from simulator.entities import checkers, delivery, log
from simulator.entities.conditions import Rule, TableConditions
from simulator.entities.engine import Entities
from simulator.entities.groups import Group, GroupSpec
from simulator.entities.history import FAIL, INFO, OK, History
from simulator.entities.log import Partition, TopicSpec
from simulator.entities.timers import MS, SECOND, Timers, run
from tests.simulator import entities_scenes as scenes

BROKERS = ("a", "b", "c")


class Bench:
    """One topic and perhaps a group, driven by hand."""

    def __init__(self, conditions: TableConditions | None = None, **topic: Any) -> None:
        self.conditions = conditions or TableConditions()
        self.timers, self.history = Timers(), History()
        spec = TopicSpec("t", **{"brokers": BROKERS, "min_insync": 2, **topic})
        self.topic = log.build(spec, 7, self.timers, self.history)
        self.machines: dict[str, Any] = {part.name: part for part in self.topic.partitions}
        self.machines["client"] = self
        self.answers: list[tuple[int, str]] = []

    @property
    def part(self) -> Partition:
        return self.topic.partitions[0]

    def resume(self, conditions: TableConditions, number: int, result: str) -> None:
        self.answers.append((number, result))

    def send(self, value: int, **more: Any) -> str:
        return self.part.produce(self.conditions, value, value, owner="client", number=value, **more)

    def to(self, seconds: float) -> None:
        run(self.timers, self.machines, round(seconds * SECOND), self.conditions)

    def values(self) -> list[int]:
        records = [self.part.record(offset) for offset in range(self.part.watermark)]
        return [record.value for record in records if record is not None]


def test_acks_decide_when_the_producer_hears_back() -> None:
    slow = TableConditions(delay_ms=10)
    assert Bench(slow, acks="1").send(1) == log.WRITTEN
    bench = Bench(slow, acks="all")
    assert bench.send(1) == log.PENDING and bench.part.record(0) is None  # not below the high watermark yet
    bench.to(0.004)
    assert bench.answers == []
    bench.to(0.02)
    assert bench.answers == [(1, "ok")] and bench.values() == [1]
    gone = TableConditions(outages=[("a", 0, SECOND)])
    assert Bench(gone, acks="0").send(1) == log.WRITTEN  # nobody had it, nobody is told
    assert Bench(gone, acks="1").send(1) == log.REFUSED


def test_too_few_in_sync_replicas_refuse_writes_until_one_returns() -> None:
    bench = Bench(
        TableConditions(outages=[("b", SECOND, 30 * SECOND), ("c", SECOND, 60 * SECOND)]), session_ms=3_000
    )
    assert bench.send(1) == log.PENDING
    bench.to(6)
    assert log.rows(bench.topic)[0]["isr"] == ["a"]
    assert bench.send(2) == log.REFUSED
    bench.to(29.9)
    assert bench.send(3) == log.REFUSED
    bench.to(33)
    assert set(log.rows(bench.topic)[0]["isr"]) == {"a", "b"}
    assert bench.send(4) == log.PENDING
    assert bench.values() == [1]


def test_a_lagging_replica_leaves_the_isr_and_holds_up_acks_until_then() -> None:
    cut = [("a", "c", SECOND, 20 * SECOND)]
    bench = Bench(TableConditions(cuts=cut), lag_max_ms=5_000)
    bench.to(2)
    assert bench.send(1) == log.PENDING
    bench.to(5)
    assert bench.answers == []
    bench.to(9)
    assert bench.answers == [(1, "ok")] and log.rows(bench.topic)[0]["isr"] == ["a", "b"]
    bench.to(21)
    assert log.rows(bench.topic)[0]["isr"] == ["a", "b", "c"]


@pytest.mark.parametrize("unclean", [False, True])
def test_an_unclean_election_loses_exactly_the_truncated_offsets(unclean: bool) -> None:
    """b and c are cut off and leave the ISR; a takes more writes, dies; c is all that is left."""
    conditions = TableConditions(
        cuts=[("a", "b", 10 * SECOND, 99 * SECOND), ("a", "c", 10 * SECOND, 99 * SECOND)],
        outages=[("a", 40 * SECOND, 80 * SECOND), ("b", 40 * SECOND, 200 * SECOND)],
    )
    bench = Bench(conditions, acks="all", min_insync=1, unclean=unclean, lag_max_ms=5_000)
    for value in range(50):
        bench.send(value, producer="p")
    bench.to(30)
    for value in range(50, 80):
        bench.send(value, producer="p")
    bench.to(39)
    assert (
        len(bench.answers) == 80 or bench.part.watermark == 80
    )  # all acknowledged: the ISR was the leader alone
    bench.to(55)
    leader = log.rows(bench.topic)[0]["leader"]
    assert leader == ("c" if unclean else "a")
    bench.to(100)
    final = bench.values()
    assert final == list(range(50)) if unclean else final == list(range(80))
    truncated = [op.value for op in bench.history if op.f == "truncate"]
    assert sorted(truncated) == ([(n, n) for n in range(50, 80)] if unclean else [])
    ops = list(bench.history)
    sent = [op._replace(f="send", process="t", entity=op.value[1]) for op in ops if op.f == "append"]
    kept = [op._replace(f="final record", value=v) for v in final for op in ops[:1]]
    kept = [op._replace(key=("t", 0, v)) for op, v in zip(kept, final, strict=True)]
    verdict = checkers.no_message_lost([*ops, *sent], kept, "send", "t")
    assert [v.happened for v in verdict.violations] == (
        [f"t-0@{n}" for n in range(50, 80)] if unclean else []
    )


def test_acks_one_loses_what_followers_had_not_fetched() -> None:
    slow = [("a", b, 300.0, 0, 1 << 62) for b in ("b", "c")]
    conditions = TableConditions(delays=slow, outages=[("a", SECOND, 30 * SECOND)])
    for acks, lost in (("1", True), ("all", False)):
        bench = Bench(conditions, acks=acks)
        told: list[int] = []
        for value in range(100):
            bench.to(value / 100)
            if bench.send(value) == log.WRITTEN:
                told.append(value)
        bench.to(40)
        told += [number for number, result in bench.answers if result == "ok"]
        assert bool(set(told) - set(bench.values())) is lost
        assert sorted(set(bench.values()) - set(range(100))) == []


def test_a_producer_that_retries_writes_twice_unless_it_is_idempotent() -> None:
    for idempotent, count in ((True, 1), (False, 2)):
        bench = Bench(idempotent=idempotent)
        bench.send(5, producer="p")
        bench.send(5, producer="p")
        bench.to(1)
        assert bench.values() == [5] * count


def test_a_deposed_leader_gives_up_what_only_it_had() -> None:
    bench = Bench(TableConditions(cuts=[("a", b, SECOND, 20 * SECOND) for b in ("b", "c")]), acks="1")
    for value in range(5):
        bench.send(value)
    bench.to(2)
    for value in range(5, 9):
        bench.send(value)
    bench.part.step_down("a")
    bench.part.lead("b", bench.conditions)
    bench.to(3)
    bench.send(100)
    bench.to(30)
    assert [copy.end for copy in bench.part.copies] == [6, 6, 6]
    assert bench.values()[-1] == 100
    assert [op.value[1] for op in bench.history if op.f == "truncate"] == [8, 7, 6, 5]


# consumers


def consume(
    seconds: float,
    events: list[tuple[float, str, str]],
    *,
    rate: float = 60,
    ship_ms: float = 20,
    **group: Any,
) -> Entities:
    """A shop whose shipping group meets crashes and stops: (second, crash/close/restart, member)."""
    topic = {"partitions": 4}
    spec = scenes.shop((scenes.CREATE, scenes.NOTIFY), topic=topic, group=group)
    conditions = TableConditions(rules=[Rule("db", mean_ms=ship_ms, timeout_ms=60_000)])
    entities = Entities(spec, 3)
    entities.set_rate("order", rate)
    for second, verb, member in events:
        entities.advance(round(second * SECOND), conditions)
        getattr(entities, verb)(f"shipping/{member}", conditions)
    entities.advance(round(seconds * SECOND), conditions)
    scenes.finish(entities, conditions, 120)
    return entities


def lost(entities: Entities) -> list[str]:
    return [v.expected for v in delivery.at_least_once(entities.history, "orders").violations]


def repeated(entities: Entities) -> list[str]:
    return [v.expected for v in delivery.at_most_once(entities.history, "orders").violations]


CRASHES = [(5.0, "crash", "c-0"), (6.0, "restart", "c-0"), (9.0, "crash", "c-1"), (12.0, "restart", "c-1")]
QUICK = {"session_ms": 3_000, "heartbeat_ms": 500}


def test_committing_after_processing_repeats_and_never_loses() -> None:
    entities = consume(15, CRASHES, ship_ms=30, **QUICK)
    assert lost(entities) == [] and repeated(entities)
    assert delivery.in_order(entities.history, "orders").ok
    assert entities.domain.groups["shipping"].lag() == 0


def test_committing_before_processing_loses_the_offsets_in_hand_and_never_repeats() -> None:
    entities = consume(15, CRASHES, ship_ms=30, commit="before", **QUICK)
    assert repeated(entities) == []
    ops = list(entities.history)
    done = {(op.key, op.value[0]) for op in ops if op.f == "process"}
    expected = sorted(
        checkers.place(op.key, op.value[0])
        for op in ops
        if op.f == "append" and (op.key, op.value[0]) not in done
    )
    assert expected and sorted(lost(entities)) == expected
    verdict = delivery.at_least_once(ops, "orders")
    for violation in verdict.violations:  # the guilty commit is that of the member that held the record
        commit, append = ops[violation.index], ops[violation.others[0]]
        assert commit.f == "commit" and commit.value > append.value[0] and commit.key == append.key
        assert violation.entity == append.entity
        crash = next(op for op in ops if op.f == "crash" and op.index > commit.index)
        assert crash.process == commit.process
    assert entities.domain.groups["shipping"].lag() == 0  # and the lag says all is well


def test_a_pool_of_workers_behind_auto_commit_loses_what_they_held() -> None:
    """Lost on a graceful stop: service rate times time in service, plus what was queued."""
    stops = [(5.0, "close", "c-0"), (8.0, "restart", "c-0")]
    pool = {"workers": 16, "members": ("c-0",), "commit": "auto", "auto_commit_ms": 1_000, **QUICK}
    entities = consume(12, stops, ship_ms=150, **pool)
    assert 2 <= len(lost(entities)) <= 25  # 60/s x 150 ms = 9
    one_by_one = consume(12, stops, ship_ms=5, **{**pool, "workers": 1})
    assert lost(one_by_one) == []
    contiguous = consume(12, stops, ship_ms=150, **{**pool, "commit": "after"})
    assert lost(contiguous) == []
    assert 1 <= len(repeated(contiguous)) <= 16  # finished, but above one that was not
    highest = consume(
        12, [(5.0, "crash", "c-0"), (8.0, "restart", "c-0")], ship_ms=150, **{**pool, "commit": "highest"}
    )
    assert lost(highest)


def test_workers_finish_out_of_order() -> None:
    entities = consume(8, [], ship_ms=100, workers=8)
    keys = {op.entity: op.entity % 5 for op in entities.history if op.f == "append"}
    verdict = delivery.in_order(entities.history, "orders", keys)
    ops = list(entities.history)
    assert verdict.violations
    for violation in verdict.violations:
        first, older = ops[violation.index], ops[violation.others[0]]
        assert first.f == older.f == "process" and first.index < older.index
        assert keys[first.entity] == keys[older.entity]
    one = consume(8, [], ship_ms=5, workers=1, members=("c-0",))
    label_keys = {op.entity: op.key[1] for op in one.history if op.f == "append"}
    assert delivery.in_order(one.history, "orders", label_keys).ok


def test_a_slow_handler_is_thrown_out_its_commit_fails_and_others_repeat_its_work() -> None:
    entities = consume(
        20, [], rate=10, ship_ms=900, max_poll_ms=4_000, max_poll_records=20, heartbeat_ms=500, commit="after"
    )
    ops = list(entities.history)
    thrown = [op for op in ops if op.f == "leave" and op.value == "poll interval"]
    failed = [op for op in ops if op.f == "commit" and op.type == FAIL]
    assert thrown and failed and failed[0].process == thrown[0].process
    assert repeated(entities) and lost(entities) == []


def test_eager_rebalances_stop_everybody_and_static_members_avoid_them() -> None:
    def generations(**group: Any) -> tuple[int, list[Any]]:
        entities = consume(15, [(5.0, "crash", "c-0"), (6.0, "restart", "c-0")], ship_ms=5, **group)
        assert lost(entities) == []
        ops = list(entities.history)
        return entities.domain.groups["shipping"].generation, [op for op in ops if op.f == "assign"]

    dynamic, assigned = generations(heartbeat_ms=2_000)
    static, _ = generations(heartbeat_ms=2_000, static=True)
    assert static == 1 and dynamic > 1
    second = [op for op in assigned if op.value[0] == 2]
    assert sorted(n for op in second for n in op.value[1:]) == [0, 1, 2, 3]


def test_nobody_reads_while_the_slowest_poll_is_awaited() -> None:
    entities = consume(
        30, [(10.0, "crash", "c-0"), (10.5, "restart", "c-0")], rate=10, ship_ms=400, max_poll_records=10,
        members=("c-0", "c-1", "c-2"), heartbeat_ms=100,
    )  # fmt: skip
    ops = list(entities.history)
    new = next(op for op in ops if op.f == "assign" and op.value[0] == 2)
    between = [op.process for op in ops if op.f == "deliver" and 10.7 * SECOND < op.time_ns < new.time_ns]
    assert new.time_ns > 11 * SECOND and "c-0" not in between


def test_partitions_of_a_dead_member_freeze_for_the_session_timeout() -> None:
    entities = consume(30, [(5.0, "crash", "c-0")], ship_ms=2, session_ms=10_000, heartbeat_ms=500)
    ops = list(entities.history)
    mine = next(op.value[1:] for op in ops if op.f == "assign" and op.process == "c-0")
    times = [op.time_ns / SECOND for op in ops if op.f == "deliver" and op.key[1] in mine]
    gap = max(b - a for a, b in zip(times, times[1:], strict=False))
    assert 9.5 < gap < 13


def test_effectively_once_needs_a_key_in_the_effects_transaction() -> None:
    give = replace(scenes.BONUS, name="gift", by="one", undo=None, attempts=8)
    for key, fine in (("entity", True), ("none", False)):
        consumer = replace(scenes.SHIP, steps=(replace(give, idempotent=key),))
        spec = scenes.shop((scenes.CREATE, scenes.NOTIFY), consumer=consumer, group={**QUICK})
        conditions = TableConditions(rules=[Rule("db", mean_ms=30)])
        entities = Entities(spec, 3)
        entities.set_rate("order", 60)
        entities.advance(5 * SECOND, conditions)
        entities.crash("shipping/c-0", conditions)
        entities.advance(6 * SECOND, conditions)
        entities.restart("shipping/c-0", conditions)
        scenes.finish(entities, conditions)
        verdict = checkers.at_most_once(entities.history, "gift")
        assert verdict.ok is fine and repeated(entities)


def test_a_reader_beyond_the_end_of_a_truncated_log_is_reset() -> None:
    conditions = TableConditions(
        cuts=[("a", b, 10 * SECOND, 99 * SECOND) for b in ("b", "c")],
        outages=[("a", 30 * SECOND, 60 * SECOND)],
    )
    bench = Bench(conditions, min_insync=1, unclean=True, lag_max_ms=3_000)
    group = Group(GroupSpec("g", "t", ("m",)), bench.topic, "sink", 1, bench.timers, bench.history)
    bench.machines["g"] = group

    class Sink:
        def deliver(
            self, c: TableConditions, _: str, member: str, life: int, number: int, offset: int, e: int
        ) -> None:
            group.done(c, member, life, number, offset, e)

    bench.machines["sink"] = Sink()
    for value in range(10):
        bench.send(value)
    bench.to(20)
    for value in range(10, 20):
        bench.send(value)
    bench.to(29)
    assert group.committed[0] == 20
    bench.to(50)
    reset = [op for op in bench.history if op.f == "reset" and op.type == INFO]
    assert [op.value for op in reset] == [10]
    bench.send(99)
    bench.to(55)
    assert [op.value for op in bench.history if op.f == "process" and op.type == OK][-1] == (10, 99)


def test_old_records_leave_memory_and_stay_readable() -> None:
    bench = Bench()
    for value in range(1_000):
        bench.send(value)
        if value % 10 == 0:
            bench.to(value / 100)
    bench.to(20)
    assert len(bench.part.copies[0].entries) < 200 and bench.part.base > 800
    assert bench.values() == list(range(1_000))
    record = bench.part.record(5)
    assert record is not None and 0 <= record.time_ns <= 10 * MS * 100
