"""SQL over the entities: what is shown, what is written through, what a rollback and a replica mean."""

import pickle
import time

import pytest

from simulator import invariants
from simulator.entities.history import INVOKE
from simulator.scenario import ScenarioError
from tests.simulator.migration_scene import ask, at, psql, scenario

BASE = 10_000_000  # ids of rows in play begin above the older ones


def test_rows_are_those_of_the_store_and_say_what_their_entity_is_like():
    world = at(20)
    assert world.entities is not None
    begun = {op.entity: op.value[0] for op in world.ops if op.f == "order" and op.type == INVOKE}
    shown = dict(
        line.split("|") for line in ask(world, f"SELECT id, total FROM orders WHERE id > {BASE}").split()
    )
    assert len(shown) > 50
    for number, total in shown.items():
        assert round(float(total) * 100) == begun[int(number) - BASE]
    customers = ask(world, f"SELECT count(*) FROM orders WHERE user_id BETWEEN 0 AND 9999 AND id > {BASE}")
    assert int(customers) == len(shown)


def test_an_item_in_sql_is_the_one_whose_stock_the_flow_took():
    world = at(20)
    taken = {op.entity: op.key[1] for op in world.ops if op.f == "take"}
    lines = ask(world, f"SELECT id, sku FROM orders WHERE id > {BASE}").split()
    for line in lines:
        number, sku = line.split("|")
        entity = int(number) - BASE
        if entity in taken:
            assert sku == f"SKU-{taken[entity]}"


def test_older_rows_lie_beneath_with_weights():
    world = at(5)
    assert int(ask(world, f"SELECT count(*) FROM orders WHERE id <= {BASE}")) == BASE
    assert int(ask(world, "SELECT count(*) FROM shipments")) < 200


def test_reconciliation_finds_what_is_missing_and_a_repair_is_seen_by_the_invariants():
    world = at(30)
    world.plane.set_rate("buy", 0)
    world.advance_to(40)
    lost = f"SELECT count(*) FROM orders o LEFT JOIN shipments s ON s.order_id = o.id WHERE s.order_id IS NULL AND o.id > {BASE}"
    assert ask(world, lost) == "0"
    assert psql(world, f"DELETE FROM shipments WHERE order_id < {BASE + 11}").out.startswith("DELETE ")
    missing = int(ask(world, lost))
    assert missing == 10
    exists = f"SELECT count(*) FROM orders o WHERE id > {BASE} AND NOT EXISTS (SELECT 1 FROM shipments s WHERE s.order_id = o.id)"
    assert int(ask(world, exists)) == missing
    assert not invariants.check(world)["shipped"]["ok"]
    repaired = psql(
        world,
        "INSERT INTO shipments SELECT o.id, o.total FROM orders o LEFT JOIN shipments s ON s.order_id = o.id"
        f" WHERE s.order_id IS NULL AND o.id > {BASE}",
    )
    assert repaired.out == "INSERT 0 10\n"
    assert invariants.check(world)["shipped"]["ok"]
    mine = [op for op in world.ops if op.process == "player"]
    assert {op.f for op in mine} == {"delete shipments", "ship"}


def test_a_repaired_balance_keeps_its_ledger():
    world = at(20)
    assert psql(world, "UPDATE stock SET left_over = left_over + 5 WHERE sku = 7").out == "UPDATE 1\n"
    world.advance_to(30)
    assert invariants.check(world)["stock"]["ok"]
    change = next(op for op in world.ops if op.process == "player")
    assert change.f == "adjust stock" and change.value[0] == 5


def test_looking_changes_nothing_and_rolled_back_writes_never_were():
    world = at(20)
    digest, records = world.digest(), len(world.ops)
    ask(world, "SELECT min(created_at), max(updated_at), count(*) FROM orders")
    assert world.digest() == digest
    reply = psql(world, f"BEGIN; UPDATE orders SET total = 1 WHERE id = {BASE + 1}; ROLLBACK")
    assert "UPDATE 1" in reply.out
    assert len(world.ops) == records
    psql(world, f"BEGIN; UPDATE orders SET total = 1 WHERE id = {BASE + 1}; COMMIT")
    assert len(world.ops) == records + 1
    assert ask(world, f"SELECT total FROM orders WHERE id = {BASE + 1}") == "1.00"


def test_a_replica_shows_its_own_rows_and_refuses_writes():
    world = at(20)
    world.reach.cuts["db-0", "db-1"] = "test"
    world.advance_to(30)
    count = f"SELECT count(*) FROM orders WHERE id > {BASE}"
    assert (
        int(ask(world, count, "-h", "db-1")) < int(ask(world, count, "-h", "db-0")) == int(ask(world, count))
    )
    assert (
        "cannot execute UPDATE in a read-only transaction"
        in psql(world, "UPDATE orders SET total = 1", "-h", "db-1").err
    )
    assert ask(world, "SELECT pg_is_in_recovery()", "-h", "db-1") == "t"
    world.reach.down["db-1"] = "test"
    assert "Connection refused" in psql(world, count, "-h", "db-1").err


def test_what_stores_have_no_place_for_stays_in_the_table():
    world = at(20)
    psql(world, "ALTER TABLE orders ADD COLUMN note text")
    psql(world, f"UPDATE orders SET note = 'x' WHERE id = {BASE + 3}")
    psql(world, f"UPDATE orders SET user_id = 42 WHERE id = {BASE + 3}")
    assert ask(world, f"SELECT note, user_id FROM orders WHERE id = {BASE + 3}") == "x|42"
    copied = pickle.loads(pickle.dumps(world))
    assert ask(copied, f"SELECT note, user_id FROM orders WHERE id = {BASE + 3}") == "x|42"


def test_ledgers_and_topics_are_read_only_and_join():
    world = at(20)
    world.plane.set_rate("buy", 0)
    world.advance_to(40)
    wrong = "SELECT count(*) FROM orders o JOIN ledger l ON l.order_id = o.id WHERE l.captured <> o.total"
    assert ask(world, wrong) == "0"
    assert ask(world, "SELECT count(*) FROM events") == ask(
        world, f"SELECT count(*) FROM orders WHERE id > {BASE}"
    )
    assert "permission denied for table ledger" in psql(world, "UPDATE ledger SET captured = 0").err


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        (f"INSERT INTO shipments VALUES ({BASE + 1}, 5)", "duplicate key value violates unique constraint"),
        ("INSERT INTO shipments VALUES (5, 5)", "is not simulated"),
        ("INSERT INTO shipments (amount) VALUES (5)", "violates not-null constraint"),
        ("UPDATE orders SET sku = 'X' WHERE id = 10000001", ""),
        ("TRUNCATE ledger", "permission denied for table ledger"),
        ("UPDATE orders SET total = total WHERE id IN (SELECT id FROM orders LIMIT 5)", "is not simulated"),
    ],
)
def test_statements_that_make_no_sense_of_the_entities(sql: str, says: str):
    world = at(10)
    reply = psql(world, sql)
    assert says in reply.err and bool(reply.err) == bool(says)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("db__tables__x", {"store": "nowhere", "columns": {"id": "key"}}, "nothing is called 'nowhere'"),
        ("db__tables__x", {"store": "orders", "system": "psp", "columns": {"id": "key"}}, "exactly one of"),
        ("db__tables__x", {"store": "orders", "columns": {"id": "captured"}}, "one of key, number"),
        ("db__tables__x", {"store": "orders", "columns": {"a": "value"}}, "the key or the number"),
        (
            "db__tables__x",
            {"store": "orders", "columns": {"id": "key"}, "indexes": ["nope"]},
            "no column 'nope'",
        ),
    ],
)
def test_names_are_checked_when_a_scenario_is_read(path: str, value: object, says: str):
    with pytest.raises(ScenarioError, match=says):
        scenario(**{path: value})


def test_fifty_thousand_rows_join_within_a_bounded_time():
    world = at(10)
    assert world.entities is not None
    store = world.entities.domain.stores["orders"]
    for shelf in store.rows:
        for row in range(1, 50_001):
            shelf["orders"].put(row, 1000)
            if row % 100:
                shelf["shipments"].put(row, 1000)
    began = time.process_time()
    lost = f"SELECT count(*) FROM orders o LEFT JOIN shipments s ON s.order_id = o.id WHERE s.order_id IS NULL AND o.id > {BASE}"
    assert int(ask(world, lost)) >= 500
    assert time.process_time() - began < 6.0
