"""Deadlocks of single orders: in the server's log, its statistics, the data plane and the books; and the remedies."""

import re
from dataclasses import replace
from typing import Any

import pytest

from simulator import invariants, lock_feed
from simulator.commands import execute
from simulator.entities.conditions import Rule, TableConditions
from simulator.entities.history import History
from simulator.entities.locks import LockManager
from simulator.entities.locktypes import GRANTED, WAITING
from simulator.entities.spec import ASCENDING, DESCENDING, Step
from simulator.entities.timers import SECOND, Timers, run
from simulator.interventions import CATALOGUE, patched, read_call
from simulator.run import make_world
from simulator.scenario import Scenario, load, varied
from simulator.world import World
from tests.simulator import entities_scenes as scenes

UNFILLED = (
    "SELECT count(*) FROM holds h LEFT JOIN orders o ON o.id = h.order_id"
    " WHERE o.id IS NULL AND h.created_at < now() - interval '20 seconds'"
)


def scenario(seed: int = 1) -> Scenario:
    return varied(load("deadlock"), seed)


def world_at(seconds: float, seed: int = 1) -> World:
    world = make_world(scenario(seed), seed)
    world.advance_to(seconds)
    return world


def ask(world: World, line: str) -> str:
    return execute(world, line).text


def success(world: World, since_s: int) -> float:
    history = world.plane.history
    served, offered = (sum(history.column(f"class/order/{what}")[since_s:]) for what in ("ok", "offered"))
    return served / offered


@pytest.fixture(scope="module")
def broken() -> World:
    return world_at(360)


# what one sees


def test_the_log_has_what_postgres_writes_about_a_deadlock(broken: World) -> None:
    text = ask(broken, "kubectl logs orders-db-0 -n prod --tail=3000")
    blocks = text.split("ERROR:  deadlock detected")[1:]
    assert len(blocks) > 5
    for block in blocks:
        assert re.search(
            r"DETAIL:  Process \d+ waits for \w+ on (transaction|tuple) .*; blocked by process \d+\.", block
        )
        assert re.search(r"\tProcess \d+: UPDATE stock SET left_qty = left_qty - 1 WHERE item_id = \d", block)
        assert "HINT:  See server log for query details." in block
        assert re.search(r'CONTEXT:  while updating tuple \(0,\d\) in relation "stock"', block)
        assert "STATEMENT:  UPDATE stock" in block
    assert "still waiting for ShareLock on transaction" in text


def test_without_log_lock_waits_the_log_has_only_errors() -> None:
    raw = scenario().model_dump(mode="json")
    raw["components"]["orders-db"]["settings"] = {}
    world = make_world(Scenario.model_validate(raw), 1)
    world.advance_to(300)
    text = ask(world, "kubectl logs orders-db-0 -n prod --tail=3000")
    assert "ERROR:  deadlock detected" in text and "still waiting" not in text


def test_the_server_counts_its_deadlocks(broken: World) -> None:
    (manager,) = broken.entities.domain.locks.values()  # type: ignore[union-attr]
    assert manager.deadlocks > 5
    shown = int(ask(broken, "psql -tAc 'SELECT deadlocks FROM pg_stat_database' orders"))
    assert shown == 7 + manager.deadlocks
    column = broken.plane.history.column("postgres/orders-db/deadlocks")
    assert len(column) == broken.plane.history.seconds and column[-1] == manager.deadlocks
    assert "pg_stat_database_deadlocks" in ask(broken, "promql pg_stat_database_deadlocks")


def test_before_the_release_nothing_of_it_is_there() -> None:
    world = world_at(110)
    assert "deadlock" not in ask(world, "kubectl logs orders-db-0 -n prod --tail=3000")
    assert int(ask(world, f'psql -tAc "{UNFILLED}" orders')) == 0
    assert success(world, 20) > 0.997
    assert max(world.plane.p99_series_ms("order")[20:]) < 400


def test_orders_suffer_and_the_books_break(broken: World) -> None:
    assert success(broken, 200) < 0.97
    p99 = sorted(broken.plane.p99_series_ms("order")[200:])
    assert p99[len(p99) // 2] > 1000  # deadlock_timeout shows in it
    assert int(ask(broken, f'psql -tAc "{UNFILLED}" orders')) > 5
    found = invariants.check(broken)
    assert not found["wallets_true"]["ok"] and found["stock_true"]["ok"]
    assert min(broken.reach.standing.given.values()) <= broken.reach.standing.usual["orders-db"] == 120


def test_looking_changes_nothing(broken: World) -> None:
    before = (broken.plane.history.seconds, broken.entities.history.digest())  # type: ignore[union-attr]
    for line in (
        "psql -c 'SELECT * FROM pg_locks' orders",
        "psql -c 'SELECT * FROM pg_stat_activity' orders",
    ):
        ask(broken, line)
    assert (broken.plane.history.seconds, broken.entities.history.digest()) == before  # type: ignore[union-attr]


# settings of the server, and who can be ended


def test_settings_of_the_server_reach_the_lock_tables() -> None:
    world = world_at(20)
    (manager,) = world.entities.domain.locks.values()  # type: ignore[union-attr]
    assert manager.deadlock_timeout_ms == 1000
    for line in (
        "psql -c \"ALTER SYSTEM SET deadlock_timeout = '10s'\" orders",
        "psql -c \"ALTER SYSTEM SET lock_timeout = '300ms'\" orders",
    ):
        ask(world, line)
    world.advance(2)
    assert manager.deadlock_timeout_ms == 1000  # not reloaded yet
    ask(world, "psql -c 'SELECT pg_reload_conf()' orders")
    world.advance(2)
    assert (manager.deadlock_timeout_ms, manager.lock_timeout_ms) == (10_000, 300)


def test_a_forgotten_session_is_found_and_ended() -> None:
    world = world_at(200, seed=4)
    shown = ask(
        world, "psql -c \"SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'\" orders"
    )
    (pid,) = re.findall(r"^ *(25\d{3})$", shown, re.M)
    waiting = ask(world, "psql -c 'SELECT pid, pg_blocking_pids(pid) FROM pg_stat_activity' orders")
    assert "{" + pid + "}" in waiting
    assert success(world, 190) < 0.6
    ask(world, f"psql -c 'SELECT pg_terminate_backend({pid})' orders")
    world.advance(60)
    assert success(world, 245) > 0.99


def test_idle_in_transaction_session_timeout_ends_it() -> None:
    world = make_world(scenario(4), 4)
    world.advance_to(100)
    ask(world, "psql -c \"ALTER SYSTEM SET idle_in_transaction_session_timeout = '5s'\" orders")
    ask(world, "psql -c 'SELECT pg_reload_conf()' orders")
    world.advance_to(165)
    log = ask(world, "kubectl logs orders-db-0 -n prod --tail=3000")
    assert "terminating connection due to idle-in-transaction timeout" in log
    (manager,) = world.entities.domain.locks.values()  # type: ignore[union-attr]
    assert not any(25_000 < pid < 26_000 for pid in manager.sessions)


# remedies


@pytest.mark.parametrize(
    ("seed", "remedy"), [(1, "sorted_lock_order"), (2, "shorter_transactions"), (3, "strongest_lock_first")]
)
def test_each_remedy_takes_its_own_cause_away(seed: int, remedy: str) -> None:
    world = make_world(patched(scenario(seed), (read_call(remedy),)), seed)
    world.advance_to(320)
    (manager,) = world.entities.domain.locks.values()  # type: ignore[union-attr]
    assert manager.deadlocks == 0
    assert success(world, 200) > 0.99


def test_the_remedy_of_another_cause_does_not_help() -> None:
    world = make_world(patched(scenario(3), (read_call("sorted_lock_order"),)), 3)
    world.advance_to(260)
    (manager,) = world.entities.domain.locks.values()  # type: ignore[union-attr]
    assert manager.deadlocks > 3


def test_every_remedy_that_is_listed_is_known_and_can_be_applied() -> None:
    played = scenario()
    assert all(name in CATALOGUE for name in played.interventions)
    patched(played, tuple(read_call(name) for name in played.interventions))


# the mechanisms by themselves


class Answers:
    def __init__(self) -> None:
        self.got: list[tuple[int, str]] = []

    def resume_lock(self, _conditions: Any, pid: int, result: str) -> None:
        self.got.append((pid, result))


def test_two_shared_locks_that_both_want_more_are_a_deadlock() -> None:
    timers, answers = Timers(), Answers()
    locks = LockManager("pg", timers, History())
    for pid in (1, 2):
        assert (
            locks.lock_row(pid, "stock", 3, "FOR SHARE", owner="app", query="SELECT 1 FOR SHARE") == GRANTED
        )
    for pid in (1, 2):
        assert locks.lock_row(pid, "stock", 3, owner="app", query=f"UPDATE {pid}") == WAITING
    run(timers, {"pg": locks, "app": answers}, 2 * SECOND, TableConditions())
    assert answers.got == [(1, "aborted"), (2, "ok")] and locks.deadlocks == 1
    assert (
        "waits for ExclusiveLock on tuple (0,4)" in locks.errors[1].detail
    )  # the second queued behind the first


def test_waiting_is_counted_however_often_it_is_read() -> None:
    def total(reads: list[float]) -> int:
        timers, answers = Timers(), Answers()
        locks = LockManager("pg", timers, History(), deadlock_timeout_ms=60_000)
        locks.lock_row(1, "stock", 3, owner="app", label="a")
        locks.lock_row(2, "stock", 3, owner="app", label="b")
        counted = 0
        for second in [*reads, 5.0]:
            run(timers, {"pg": locks, "app": answers}, round(second * SECOND), TableConditions())
            counted += locks.take_waits().get("b", 0)
        locks.end(1)
        return counted + locks.take_waits().get("b", 0)

    assert total([]) == total([1.0, 2.5, 3.0]) == 5 * SECOND


def test_no_more_transactions_than_connections() -> None:
    locks = LockManager("pg", Timers(), History())
    locks.most = 1
    assert not locks.full(1)
    locks.lock_row(1, "stock", 3)
    assert locks.full(2) and not locks.full(1)


def test_a_terminated_session_lets_the_next_one_through() -> None:
    timers, answers = Timers(), Answers()
    locks = LockManager("pg", timers, History())
    locks.lock_row(1, "stock", 3, owner="app")
    locks.lock_row(2, "stock", 3, owner="app")
    assert locks.interrupt(1, terminate=False) and 1 in locks.sessions  # nothing runs there: no effect
    assert locks.interrupt(1, terminate=True)
    run(timers, {"pg": locks, "app": answers}, SECOND, TableConditions())
    assert answers.got == [(1, "aborted"), (2, "ok")]
    assert locks.errors[1].sqlstate == "57P01" and not locks.interrupt(7, terminate=True)


def test_an_aborted_transaction_begins_at_its_first_lock_and_gives_up_after_its_tries() -> None:
    def play(rows_by: str, tries: int) -> tuple[int, int]:
        steps = (
            Step("first", "move", "db", table="stock", row="item", by="one", mode="locked"),
            Step("ask", "call", "psp"),
            Step(
                "second", "move", "db", table="stock", row="item 2", by="one", mode="locked", attempts=tries
            ),
            Step("done", "commit", "db", attempts=5),
        )
        base = scenes.shop(
            steps, consumer=None, locks=("pg",), flow={"customers": 6, "items": 3, "rows_by": rows_by}
        )
        entities = scenes.Entities(base, 5)
        conditions = TableConditions(default=Rule("*", mean_ms=60))
        entities.set_rate("order", 4)
        entities.advance(60 * SECOND, conditions)
        entities.set_rate("order", 0)
        entities.advance(400 * SECOND, conditions)
        assert not entities.domain.live and not entities.domain.locks["pg"].sessions
        ops = list(entities.history)
        failed = sum(op.f == "order" and op.type == "fail" for op in ops)
        return entities.domain.locks["pg"].deadlocks, failed

    once, often = play("as asked", 1), play("as asked", 6)
    assert once[0] > 0 and once[1] == once[0]
    assert often[0] > 0 and often[1] < often[0]
    assert play(ASCENDING, 1) == play(DESCENDING, 1) == (0, 0)


def test_specs_that_make_no_sense_are_refused() -> None:
    base = scenes.shop((Step("x", "lock", "db", table="stock", row="item 3"),), consumer=None, locks=("pg",))
    assert any("unknown row 'item 3'" in text for text in base.check())
    wrong = replace(base.flows[0], steps=(Step("x", "lock", "db", table="stock", lock="FOR FUN"),))
    assert any("unknown row lock" in text for text in replace(base, flows=(wrong,)).check())


def test_a_flow_that_waits_takes_connections_and_gives_them_back(broken: World) -> None:
    standing = broken.reach.standing
    assert standing.recent["order"].maxlen == lock_feed.OVER_S
    world = world_at(150)
    ask(world, "kubectl rollout undo deployment/order-service -n prod")
    world.advance(60)
    assert world.reach.standing.given["orders-db"] == 120
