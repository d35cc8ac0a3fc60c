"""Lock queues and deadlocks against what PostgreSQL 15 does (manual 13.3 and observed behaviour)."""

import pickle
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.entities import checkers
from simulator.entities.conditions import Rule, TableConditions
from simulator.entities.history import FAIL, OK, History
from simulator.entities.lockmodes import CONFLICTS, MODES, ROW_CONFLICTS, ROW_MODES
from simulator.entities.locks import LockManager
from simulator.entities.locktypes import GRANTED, WAITING
from simulator.entities.lockviews import pg_locks
from simulator.entities.spec import Step
from simulator.entities.timers import SECOND, Timers, run
from tests.simulator import entities_scenes as scenes

# PostgreSQL 15 manual, table 13.2, typed from the page as pairs; the code holds it as rows of marks
PUBLISHED = {
    "AccessShareLock": ["AccessExclusiveLock"],
    "RowShareLock": ["ExclusiveLock", "AccessExclusiveLock"],
    "RowExclusiveLock": ["ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"],
    "ShareUpdateExclusiveLock": [
        "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
    ],
    "ShareLock": [
        "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
    ],
    "ShareRowExclusiveLock": [
        "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock",
        "AccessExclusiveLock",
    ],
    "ExclusiveLock": [mode for mode in MODES if mode != "AccessShareLock"],
    "AccessExclusiveLock": list(MODES),
}  # fmt: skip
PUBLISHED_ROWS = {
    "FOR KEY SHARE": ["FOR UPDATE"],
    "FOR SHARE": ["FOR NO KEY UPDATE", "FOR UPDATE"],
    "FOR NO KEY UPDATE": ["FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"],
    "FOR UPDATE": list(ROW_MODES),
}


class Server:
    """A lock manager and a clock; answers are collected as (second, pid, result)."""

    def __init__(self, **settings: Any) -> None:
        self.timers, self.history = Timers(), History()
        self.locks = LockManager("pg", self.timers, self.history, **settings)
        self.answers: list[tuple[float, int, str]] = []
        self.machines: dict[str, Any] = {"pg": self.locks, "app": self}

    def resume_lock(self, conditions: TableConditions, pid: int, result: str) -> None:
        self.answers.append((round(self.timers.now / SECOND, 3), pid, result))

    def row(self, pid: int, row: int, **more: Any) -> str:
        return self.locks.lock_row(pid, "payments", row, owner="app", query=f"update {row}", **more)

    def table(self, pid: int, mode: str, **more: Any) -> str:
        return self.locks.lock_table(pid, "payments", mode, owner="app", **more)

    def to(self, seconds: float) -> None:
        run(self.timers, self.machines, round(seconds * SECOND), TableConditions())


@pytest.mark.parametrize("held", MODES)
@pytest.mark.parametrize("asked", MODES)
def test_table_modes_conflict_as_published(held: str, asked: str) -> None:
    server = Server()
    assert server.table(1, held) == GRANTED
    assert server.table(2, asked) == (WAITING if asked in PUBLISHED[held] else GRANTED)
    assert (asked in CONFLICTS[held]) == (held in CONFLICTS[asked])


@pytest.mark.parametrize("held", ROW_MODES)
@pytest.mark.parametrize("asked", ROW_MODES)
def test_row_modes_conflict_as_published(held: str, asked: str) -> None:
    server = Server()
    assert server.row(1, 5, mode=held) == GRANTED
    assert server.row(2, 5, mode=asked) == (WAITING if asked in PUBLISHED_ROWS[held] else GRANTED)
    assert server.row(3, 6, mode=asked) == GRANTED
    assert (asked in ROW_CONFLICTS[held]) == (held in ROW_CONFLICTS[asked])


def test_a_waiting_alter_table_stops_everybody_behind_it() -> None:
    """A report reads for six seconds, ALTER TABLE waits for it, and every later SELECT waits for ALTER TABLE."""
    server = Server()
    assert server.table(1, "AccessShareLock") == GRANTED
    server.to(1)
    assert server.table(2, "AccessExclusiveLock") == WAITING
    for pid in (3, 4, 5):
        server.to(1 + pid / 10)
        assert server.table(pid, "AccessShareLock") == WAITING
    assert server.locks.blocking_pids(2) == [1]
    assert server.locks.blocking_pids(3) == [2]  # not the report: that one it does not conflict with
    assert server.locks.graph() == {2: [1], 3: [2], 4: [2], 5: [2]}
    waiting = [(row["pid"], row["mode"]) for row in pg_locks(server.locks) if not row["granted"]]
    assert waiting == [(2, "AccessExclusiveLock"), *((pid, "AccessShareLock") for pid in (3, 4, 5))]
    server.to(6)
    line = server.locks.lines[0]
    assert line == (
        "LOG:  process 2 still waiting for AccessExclusiveLock on relation 16384 of database 5 after 1000.000 ms\n"
        "DETAIL:  Process holding the lock: 1. Wait queue: 2, 3, 4, 5."
    )
    assert "Process holding the lock: 1" in server.locks.lines[1]  # the log names the holder
    server.locks.end(1)
    server.to(6)
    assert server.answers == [(6, 2, "ok")]
    assert server.locks.lines[-1].endswith(
        "acquired AccessExclusiveLock on relation 16384 of database 5 after 5000.000 ms"
    )
    server.locks.end(2)
    server.to(6)
    assert [pid for _, pid, _ in server.answers] == [2, 3, 4, 5]


def test_lock_timeout_on_the_ddl_frees_the_readers() -> None:
    server = Server()
    server.table(1, "AccessShareLock")
    assert server.table(2, "AccessExclusiveLock", lock_timeout_ms=500) == WAITING
    server.to(0.1)
    assert server.table(3, "AccessShareLock") == WAITING
    server.to(2)
    assert server.answers == [(0.5, 2, "aborted"), (0.5, 3, "ok")]
    error = server.locks.errors[2]
    assert (error.sqlstate, error.message) == ("55P03", "canceling statement due to lock timeout")


def test_statement_timeout_counts_from_the_statement() -> None:
    server = Server()
    server.row(1, 1)
    server.to(1)
    assert server.row(2, 1, statement_timeout_ms=700) == WAITING
    server.to(3)
    assert server.answers == [(1.7, 2, "aborted")]
    assert server.locks.errors[2].message == "canceling statement due to statement timeout"
    server.row(3, 1, statement_timeout_ms=700)
    server.to(3.5)
    server.locks.end(1)
    server.to(9)
    assert server.answers[-1] == (3.5, 3, "ok")  # its time-out passes without effect


def test_nowait_fails_at_once_on_rows_and_tables_but_a_row_still_waits_for_its_table() -> None:
    server = Server()
    server.row(1, 1)
    assert server.row(2, 1, nowait=True) == "failed"
    assert server.locks.errors[2].message == 'could not obtain lock on row in relation "payments"'
    assert server.table(3, "ShareLock", nowait=True) == "failed"
    assert server.locks.errors[3].message == 'could not obtain lock on relation "payments"'
    server.locks.end(1)
    server.table(4, "AccessExclusiveLock")
    assert server.row(5, 1, nowait=True) == WAITING


def test_a_deadlock_of_two_ends_the_first_waiter_after_one_second() -> None:
    server = Server()
    server.row(5722, 1)
    server.row(5723, 2)
    server.to(0.4)
    assert server.row(5722, 2) == WAITING
    server.to(0.6)
    assert server.row(5723, 1) == WAITING
    server.to(5)
    assert server.answers == [(1.4, 5722, "aborted"), (1.4, 5723, "ok")]
    error = server.locks.errors[5722]
    assert (error.sqlstate, error.message) == ("40P01", "deadlock detected")
    assert error.detail == (
        "Process 5722 waits for ShareLock on transaction 751; blocked by process 5723.\n"
        "Process 5723 waits for ShareLock on transaction 750; blocked by process 5722."
    )
    assert error.hint == "See server log for query details."
    assert error.context == 'while updating tuple (0,3) in relation "payments"'
    (logged,) = (line for line in server.locks.lines if line.startswith("ERROR"))
    assert "\n\tProcess 5723: update 1" in logged
    (named,) = [op for op in server.history if op.f == "deadlock"]
    assert named.value == (5722, 5723)


def test_a_deadlock_of_three_names_all_three() -> None:
    server = Server()
    for pid in (1, 2, 3):
        server.row(pid, pid)
    for pid in (1, 2, 3):
        server.to(pid / 10)
        server.row(pid, pid % 3 + 1)
    server.to(1.05)
    assert server.locks.graph() == {1: [2], 2: [3], 3: [1]}
    server.to(5)
    assert server.answers == [(1.1, 1, "aborted"), (1.1, 3, "ok")]
    assert server.locks.errors[1].detail.count("waits for ShareLock on transaction") == 3
    server.locks.end(3)
    server.to(5)
    assert server.answers[-1] == (5, 2, "ok")


def test_waiters_for_a_row_queue_behind_its_tuple_lock() -> None:
    server = Server()
    server.row(1, 9)
    server.row(2, 9)
    server.row(3, 9)
    kinds = [
        (r["pid"], r["locktype"], r["mode"], r["granted"]) for r in pg_locks(server.locks) if r["pid"] != 1
    ]
    assert (2, "tuple", "ExclusiveLock", True) in kinds
    assert (2, "transactionid", "ShareLock", False) in kinds
    assert (3, "tuple", "ExclusiveLock", False) in kinds
    assert server.locks.blocking_pids(3) == [2]
    server.locks.end(1)
    server.to(0)
    assert server.answers == [(0, 2, "ok")]
    server.locks.end(2)
    server.to(0)
    assert server.answers[-1] == (0, 3, "ok")
    server.locks.end(3)
    assert pg_locks(server.locks) == [] and server.locks.queues == {} and server.locks.rows == {}


def test_a_cycle_made_only_by_queue_order_is_resolved_without_a_victim() -> None:
    """B waits behind C for the table though A would let it in, and A waits for B's row."""
    server = Server()
    server.locks.lock_table(1, "t", "RowShareLock", owner="app")
    server.locks.lock_table(2, "u", "AccessExclusiveLock", owner="app")
    server.locks.lock_table(3, "t", "AccessExclusiveLock", owner="app")  # waits for 1
    server.to(0.1)
    server.locks.lock_table(2, "t", "AccessShareLock", owner="app")  # waits behind 3 only
    server.to(0.2)
    server.locks.lock_table(1, "u", "AccessShareLock", owner="app")  # waits for 2
    server.to(4)
    assert server.answers == [(1.0, 2, "ok")]
    assert not server.locks.errors
    server.locks.end(2)
    server.to(4)
    assert server.answers[-1] == (4, 1, "ok")


def test_a_holder_that_asks_for_more_passes_those_who_wait_for_it() -> None:
    server = Server()
    server.table(1, "AccessShareLock")
    assert server.table(2, "AccessExclusiveLock") == WAITING
    assert server.table(1, "RowExclusiveLock") == GRANTED  # behind 2 it would wait for itself


class Workers:
    """Random sessions: each wants some rows in its own order, holds them a while, then commits."""

    @staticmethod
    def run(plans: list[list[int]]) -> tuple[Server, int]:
        server = Server()
        pending = {pid: list(plan) for pid, plan in enumerate(plans, 1)}
        aborted = 0
        for turn in range(1, 400):
            server.to(turn * 0.05)
            for _, pid, result in server.answers:
                aborted += result == "aborted"
                if result == "aborted":
                    pending.pop(pid, None)
            server.answers.clear()
            for pid in list(pending):
                session = server.locks.sessions.get(pid)
                if session is not None and session.waits is not None:
                    continue
                if not pending[pid]:
                    server.locks.end(pid)
                    del pending[pid]
                else:
                    server.row(pid, pending[pid].pop(0))
            for holders in server.locks.rows.values():
                assert len(holders) == 1
            if not pending:
                break
        assert not pending, "somebody waits for ever"
        return server, aborted


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=1, max_size=5))
def test_everybody_ends_and_only_cycles_have_victims(plans: list[list[int]]) -> None:
    server, aborted = Workers.run(plans)
    deadlocks = [op for op in server.history if op.f == "deadlock"]
    assert aborted == len(deadlocks)
    assert server.locks.queues == {} and server.locks.sessions == {}
    _, ordered = Workers.run([sorted(plan) for plan in plans])
    assert ordered == 0  # one order for all: no deadlock


def _transfers(first: str, second: str) -> tuple[Step, ...]:
    rows = {"customer": ("wallet", -1, 0), "item": ("shop", 1, None)}
    steps = [
        Step(f"{row}-{first}", "move", "db", table=rows[row][0], row=row, factor=rows[row][1], mode="locked",
             floor=rows[row][2], attempts=20, backoff_ms=20)
        for row in (first, second)
    ]  # fmt: skip
    return (*steps, Step("done", "commit", "db", attempts=5))


def test_flows_that_lock_in_different_orders_deadlock_and_their_balances_still_add_up() -> None:
    def play(order: tuple[str, str]) -> tuple[int, list[Any], Any]:
        base = scenes.shop(
            _transfers("customer", "item"), consumer=None, locks=("pg",), flow={"customers": 6, "items": 6}
        )
        other = replace(base.flows[0], name="back", steps=_transfers(*order))
        spec = replace(
            base,
            flows=(base.flows[0], other),
            stores=(replace(base.stores[0], start=(("wallet", 0, 5, 10_000),)),),
        )
        entities = scenes.Entities(spec, 5)
        conditions = TableConditions(default=Rule("*", mean_ms=40))
        entities.set_rate("order", 8)
        entities.set_rate("back", 8)
        entities.advance(8 * SECOND, conditions)
        blob = pickle.dumps(entities, 5)
        for flow in ("order", "back"):
            entities.set_rate(flow, 0)
        entities.advance(120 * SECOND, conditions)
        assert pickle.loads(blob).history.digest() != entities.history.digest()
        ops, final = list(entities.history), entities.audit()
        assert checkers.balances(ops, "wallet", 10_000, 0, final).ok
        assert checkers.balances(ops, "shop", 0, None, final).ok
        left = {
            t: sum(o.value for o in final if o.f == "final row" and o.key[0] == t) for t in ("wallet", "shop")
        }
        assert left["wallet"] + left["shop"] == 60_000
        assert not entities.domain.live and not entities.domain.locks["pg"].sessions
        answered = [op for op in ops if op.f in ("order", "back") and op.type in (OK, FAIL)]
        return sum(1 for op in ops if op.f == "deadlock"), answered, left

    crossed, answered, _ = play(("item", "customer"))
    assert crossed >= 3 and sum(1 for op in answered if op.type == OK) > 100
    same, _, left = play(("customer", "item"))
    assert same == 0 and left["shop"] > 0
