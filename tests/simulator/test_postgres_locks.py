"""Lock queues in simulated time: an ALTER behind a report, what it does to the service, and how one gets out."""

import re

from simulator.telemetry import logs
from tests.simulator.migration_scene import ask, at, do, psql

ADD = "ALTER TABLE orders ADD COLUMN total_kop bigint"


def served(world, first: float, last: float, name: str = "buy") -> float:
    column = world.plane.history.column(f"class/{name}/ok")[int(first) : int(last)]
    return sum(column) / len(column)


def test_an_alter_behind_a_report_stops_everybody_and_all_go_on_when_the_report_ends():
    world = at(105)
    world.follow_limit_s = 300
    assert psql(world, ADD).out == "ALTER TABLE\n"
    assert 159 < world.now_s < 163  # the report ends at 160
    assert served(world, 110, 155) < 5
    assert served(world, 80, 100) > 35
    world.advance(10)
    assert served(world, world.now_s - 5, world.now_s) > 35
    assert max(world.plane.history.column("db/db/cpu")[110:155]) < 0.3  # a queue for a lock burns nothing


def test_what_the_views_and_the_log_say_while_the_queue_stands():
    world = at(105)
    do(world, f"dbrun start -d orders -c '{ADD}'")
    world.advance(5)
    report, job = (
        int(ask(world, f"SELECT pid FROM pg_stat_activity WHERE application_name = '{a}'"))
        for a in ("report", "dbrun")
    )
    assert (
        ask(world, f"SELECT wait_event_type, wait_event FROM pg_stat_activity WHERE pid = {job}")
        == "Lock|relation"
    )
    assert ask(world, f"SELECT pg_blocking_pids({job})") == f"{{{report}}}"
    waiting = ask(
        world, "SELECT pid FROM pg_stat_activity WHERE usename = 'app' AND wait_event = 'relation' LIMIT 1"
    )
    assert ask(world, f"SELECT pg_blocking_pids({waiting})") == f"{{{job}}}"  # the ALTER, not the report
    locks = ask(
        world, "SELECT mode, granted, pid FROM pg_locks WHERE relation = 'orders'::regclass"
    ).splitlines()
    assert f"AccessShareLock|t|{report}" in locks and f"AccessExclusiveLock|f|{job}" in locks
    text = "\n".join(line.text for line in logs.lines(world, ["db"], 0, world.now_s, 500)[::-1])
    assert re.search(
        rf"process {job} still waiting for AccessExclusiveLock on relation \d+ of database 5 after 1000\.000 ms",
        text,
    )
    assert f"Process holding the lock: {report}." in text


def test_a_lock_timeout_keeps_the_wait_short_and_the_statement_is_tried_again():
    world = at(105)
    reply = psql(world, f"SET lock_timeout = '500ms'; {ADD}")
    assert reply.err == "ERROR:  canceling statement due to lock timeout\n"
    assert 105.4 < world.now_s < 105.7
    do(world, f"dbrun start -d orders --lock-timeout 300ms --retries 20 -c '{ADD}'")
    world.advance(40)
    assert served(world, 110, 140) > 38
    world.advance_to(185)
    assert "done" in do(world, "dbrun list").out
    assert "lock timeout" in do(world, "dbrun log 1").out
    assert (
        ask(world, "SELECT count(*) FROM information_schema.columns WHERE column_name = 'total_kop'") == "1"
    )


def test_ending_the_report_lets_the_queue_go():
    world = at(105)
    do(world, f"dbrun start -d orders -c '{ADD}'")
    world.advance(3)
    report = ask(world, "SELECT pid FROM pg_stat_activity WHERE application_name = 'report'")
    assert ask(world, f"SELECT pg_terminate_backend({report})") == "t"
    world.advance(5)
    assert "done" in do(world, "dbrun list").out
    assert served(world, world.now_s - 2, world.now_s) > 30


def test_statement_timeout_and_the_terminal_end_a_wait():
    world = at(105)
    assert (
        psql(world, f"SET statement_timeout = '2s'; {ADD}").err
        == "ERROR:  canceling statement due to statement timeout\n"
    )
    world.follow_limit_s = 10
    assert psql(world, ADD).err == "ERROR:  canceling statement due to user request\n"
    assert world.now_s < 118
    world.advance(5)
    assert served(world, world.now_s - 3, world.now_s) > 30


def test_a_transaction_keeps_its_locks_and_lock_table_may_refuse_to_wait():
    world = at(20)
    do(world, "BEGIN;")
    do(world, "LOCK TABLE shipments IN ACCESS EXCLUSIVE MODE;")
    refused = psql(world, "BEGIN; LOCK TABLE shipments NOWAIT; COMMIT")
    assert 'could not obtain lock on relation "shipments"' in refused.err
    do(world, "COMMIT;")
    assert not psql(world, "BEGIN; LOCK TABLE shipments NOWAIT; COMMIT").err


def test_two_transactions_that_lock_crosswise_are_a_deadlock():
    world = at(20)
    do(world, "BEGIN;")
    do(world, "LOCK TABLE shipments;")
    # a job locks one table only, so the second party is the lock tables' own session
    from simulator.postgres import locking

    locking.ask(world, "db", 777, "stock", "AccessExclusiveLock", "lock stock")
    locking.ask(world, "db", 777, "shipments", "AccessExclusiveLock", "lock shipments")
    world.advance(0.2)
    mine = do(world, "LOCK TABLE stock;")
    # the first to have waited is the victim: the console goes on
    assert mine.code == 0, mine.err
    error = locking.failed(world, "db", 777)
    assert error is not None and error.message == "deadlock detected"
    assert re.match(
        r"Process 777 waits for AccessExclusiveLock on relation \d+ of database 5; blocked by process \d+\.",
        error.detail or "",
    )


def test_looking_leaves_no_trace_and_a_copy_goes_on_alike():
    world = at(20, db__sessions={})
    digest = world.digest()
    for sql in (
        "SELECT count(*) FROM orders",
        "SELECT * FROM pg_locks",
        "SELECT pid, pg_blocking_pids(pid) FROM pg_stat_activity",
    ):
        ask(world, sql)
    assert world.digest() == digest
    world = at(105)
    do(world, f"dbrun start -d orders --lock-timeout 300ms --retries 9 -c '{ADD}'")
    world.advance(2.4)
    copied = world.fork()
    for seconds in (0.3, 1.1, 30.0):
        copied.advance(seconds)
    world.advance(0.3 + 1.1 + 30.0)
    assert copied.digest() == world.digest()


def test_row_locks_of_single_orders_show_in_their_database():
    flow = {
        "name": "order", "host": "shop", "limit_per_s": 40, "items": 2, "amounts": [1000, 9000],
        "steps": [
            {"name": "create", "do": "write", "target": "orders", "table": "orders", "writes": "amount"},
            {"name": "create_kop", "do": "skip", "target": "orders", "table": "order_kop"},
            {"name": "take", "do": "move", "target": "orders", "table": "stock", "row": "item", "by": "one", "factor": -1, "mode": "locked"},
            {"name": "bill", "do": "move", "target": "orders", "table": "stock", "row": "customer", "mode": "locked"},
            {"name": "commit", "do": "commit", "target": "orders"},
        ],
        "customers": 2,
    }  # fmt: skip
    world = at(
        15, db__sessions={}, entities__flows=[flow], entities__groups=[], entities__locks=["rows"], invariants={},
        entities__rules={"orders": {"mean_ms": 60}},
    )  # fmt: skip
    world.advance(1)
    assert (
        int(ask(world, "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")) > 0
    )
    waiting = ask(world, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'transactionid' LIMIT 1")
    assert ask(world, f"SELECT pg_blocking_pids({waiting})") != "{}"
    text = "\n".join(line.text for line in logs.lines(world, ["db"], 0, world.now_s, 2000))
    assert "deadlock detected" in text and "waits for ShareLock on transaction" in text
