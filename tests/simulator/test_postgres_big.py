"""Online DDL, back-fills, WAL, replicas and disk: durations and consequences, measured in small worlds."""

import pytest

from tests.simulator.migration_scene import ask, at, do, psql

BASE = 10_000_000
QUIET = {"db__sessions": {}}


def lag(world) -> float:
    return max(world.plane.history.column("postgres/db/lag/db-1") or [0.0])


@pytest.mark.parametrize(
    ("sql", "least_s", "most_s", "stops"),
    [
        ("CREATE INDEX CONCURRENTLY ON orders (user_id)", 12, 17, False),
        ("CREATE INDEX ON orders (user_id)", 10, 13, True),
        ("ALTER TABLE orders ADD COLUMN a bigint", 0, 0.2, False),
        ("ALTER TABLE orders ADD COLUMN b bigint DEFAULT 7", 0, 0.2, False),
        ("ALTER TABLE orders ADD COLUMN c uuid DEFAULT gen_random_uuid()", 45, 56, True),
        ("ALTER TABLE orders ALTER COLUMN user_id SET NOT NULL", 2.5, 3.6, True),
        ("ALTER TABLE orders ADD CONSTRAINT pos CHECK (total > 0) NOT VALID", 0, 0.2, False),
        ("ALTER TABLE orders ALTER COLUMN user_id TYPE numeric", 38, 43, True),
        ("VACUUM orders", 2, 5, False),
        ("VACUUM FULL orders", 28, 33, True),
    ],
)
def test_durations_and_locks_on_ten_million_rows(sql: str, least_s: float, most_s: float, stops: bool):
    world = at(20, **QUIET)
    began = world.now_s
    reply = psql(world, sql)
    assert not reply.err, reply.err
    took = world.now_s - began
    assert least_s <= took <= most_s
    world.advance(2)
    worst = min(world.plane.history.column("class/buy/ok")[int(began) :], default=40.0)
    assert (worst < 10) == stops


def test_a_concurrent_index_waits_for_older_transactions_and_shows_its_phase():
    world = at(99.5)
    world.advance(1)  # the report has begun
    do(world, "dbrun start -d orders -c 'CREATE INDEX CONCURRENTLY total_idx ON orders (total)'")
    world.advance(5)
    assert ask(world, "SELECT phase FROM pg_stat_progress_create_index") == "building index: scanning table"
    world.advance(25)
    assert (
        ask(world, "SELECT phase, lockers_total FROM pg_stat_progress_create_index")
        == "waiting for old snapshots|1"
    )
    assert ask(world, "SELECT count(*) FROM pg_indexes WHERE indexname = 'total_idx'") == "0"
    world.advance_to(165)
    assert ask(world, "SELECT count(*) FROM pg_indexes WHERE indexname = 'total_idx'") == "1"


def test_not_null_by_a_check_needs_no_scan():
    world = at(20, **QUIET)
    psql(world, "ALTER TABLE orders ADD CONSTRAINT nn CHECK (user_id IS NOT NULL) NOT VALID")
    began = world.now_s
    psql(world, "ALTER TABLE orders VALIDATE CONSTRAINT nn")
    assert 1.4 < world.now_s - began < 2.2
    began = world.now_s
    psql(world, "ALTER TABLE orders ALTER COLUMN user_id SET NOT NULL")
    assert world.now_s - began < 0.2
    world.advance(5)
    assert min(world.plane.history.column("class/buy/ok")[21:]) > 30


def test_one_update_of_everything_writes_gigabytes_and_leaves_the_table_twice_as_big():
    world = at(20, **QUIET)
    psql(world, "ALTER TABLE orders ADD COLUMN total_kop bigint")
    before = int(ask(world, "SELECT pg_relation_size('orders')"))
    start = world.plane.history.last("postgres/db/wal")
    do(world, "dbrun start -d orders -c 'UPDATE orders SET total_kop = 1'")
    world.advance(120)
    assert min(world.plane.history.column("class/buy/ok")[80:120]) < 5  # others meet the rows it holds
    world.advance(60)
    assert "done" in do(world, "dbrun list").out
    assert 4.2e9 < world.plane.history.last("postgres/db/wal") - start < 5.2e9
    assert int(ask(world, "SELECT pg_relation_size('orders')")) > 1.9 * before


def test_a_backfill_fills_and_the_sample_follows_its_cursor():
    world = at(20, **QUIET)
    psql(world, "ALTER TABLE orders ADD COLUMN total_kop bigint")
    reply = do(
        world,
        "backfill start --db orders --table orders --set 'total_kop = (total * 100)::bigint' --where 'total_kop IS NULL' --batch 5000 --pause 50",
    )
    assert reply.code == 0, reply.err
    world.advance(60)
    half = int(ask(world, f"SELECT count(*) FROM orders WHERE total_kop IS NULL AND id <= {BASE}"))
    assert 6_000_000 < half < 7_500_000  # about 56,000 rows a second
    do(world, "backfill pause 1")
    world.advance(1)
    stood = do(world, "backfill status").out
    world.advance(10)
    assert do(world, "backfill status").out == stood
    do(world, "backfill resume 1")
    world.advance(150)
    assert "done" in do(world, "backfill status").out
    wrong = (
        f"SELECT count(*) FROM orders WHERE total_kop IS DISTINCT FROM (total * 100)::bigint AND id <= {BASE}"
    )
    assert ask(world, wrong) == "0"
    assert int(ask(world, "SELECT count(*) FROM orders WHERE total_kop IS NULL")) > 0  # nobody writes both


def test_batches_by_hand_count_rows_at_full_size():
    world = at(20, **QUIET)
    psql(world, "ALTER TABLE orders ADD COLUMN total_kop bigint")
    assert psql(world, "UPDATE orders SET total_kop = 1 WHERE id BETWEEN 1 AND 20000").out == "UPDATE 20000\n"
    assert (
        psql(world, "UPDATE orders SET total_kop = 1 WHERE id BETWEEN 20001 AND 100000").out
        == "UPDATE 80000\n"
    )
    assert ask(world, "SELECT count(*) FROM orders WHERE total_kop = 1") == "100000"


def test_a_weak_replica_lags_readers_fail_and_max_lag_holds_the_backfill_back():
    world = at(20, **QUIET, db__storage__replicas={"db-1": {"replay_mb_s": 8}})
    psql(world, "ALTER TABLE orders ADD COLUMN total_kop bigint")
    start = "backfill start --db orders --table orders --set 'total_kop = 1' --batch 5000 --pause 50"
    do(world, start)
    world.advance(40)
    assert lag(world) > 15
    assert world.plane.history.last("class/look/ok") < 16  # of 20
    stale = ask(world, "SELECT extract(epoch FROM replay_lag) FROM pg_stat_replication")
    assert float(stale) > 10
    do(world, "backfill tune 1 --max-lag 1")
    world.advance(120)
    assert world.plane.history.last("postgres/db/lag/db-1") <= 2
    assert world.plane.history.last("class/look/ok") > 17


def test_reads_can_be_moved_from_the_replica_by_a_setting():
    flag = {
        "text": {"ru": "основная", "en": "primary"},
        "states": {"off": {}, "on": {"replica_reads.db.viewer": 0}},
    }
    slow = {"db-1": {"replay_mb_s": 8}}
    world = at(20, **QUIET, db__storage__replicas=slow, flags__primary=flag)
    psql(world, "ALTER TABLE orders ADD COLUMN total_kop bigint")
    do(world, "backfill start --db orders --table orders --set 'total_kop = 1' --pause 50")
    world.advance(40)
    assert world.plane.history.last("class/look/ok") < 16
    do(world, "flags set primary on")
    world.advance(5)
    assert world.plane.history.last("class/look/ok") > 19


def test_a_slot_without_a_reader_fills_the_disk_and_more_room_brings_the_server_back():
    world = at(20, **QUIET)
    used = do(world, "dbctl status orders").out
    assert "slot cdc" in used and "inactive" in used
    psql(world, "ALTER TABLE orders ADD COLUMN total_kop bigint")
    size = world.plane.history.last("postgres/db/disk") / 1e9
    do(world, "backfill start --db orders --table orders --set 'total_kop = 1' --batch 20000 --pause 0")
    from simulator.postgres.work import work_of

    work_of(world).stores["db"].disk = (size + 1.5) * 1e9
    world.advance(60)
    assert any("PANIC" in e.text and "No space left on device" in e.text for e in world.events)
    assert world.plane.history.last("class/buy/ok") < 1
    assert "the database system is in recovery mode" in psql(world, "SELECT 1").err
    do(world, "dbctl resize orders 200")
    world.advance(60)
    assert world.plane.history.last("class/buy/ok") > 35
    assert ask(world, "SELECT pg_drop_replication_slot('cdc')") == ""
    world.advance(2)
    assert world.plane.history.last("postgres/db/kept") < 3e9


def test_autovacuum_frees_space_and_steps_aside_for_ddl():
    world = at(20, **QUIET)
    table = world.postgres.databases["db"].tables["orders"]
    table.rewritten(4_000_000)
    world.advance(2)
    assert ask(world, "SELECT phase FROM pg_stat_progress_vacuum") == "scanning heap"
    assert psql(world, "ALTER TABLE orders ADD CONSTRAINT pos CHECK (total > 0)").out == "ALTER TABLE\n"
    assert ask(world, "SELECT count(*) FROM pg_stat_progress_vacuum") == "0"
    world.advance(120)
    assert table.dead == 0 and table.free == 4_000_000
    table.rewritten(1_000_000)
    assert table.free == 3_000_000


def test_versions_fail_in_the_share_of_their_pods_until_the_column_is_there():
    world = at(20, **QUIET)
    do(world, "deploy shop v2")
    world.advance(40)
    assert world.plane.history.last("class/buy/ok") < 1
    psql(world, "ALTER TABLE orders ADD COLUMN total_kop bigint")
    world.advance(5)
    assert world.plane.history.last("class/buy/ok") > 35
    do(world, "deploy shop v3")
    world.advance(40)
    assert world.plane.history.last("class/buy/ok") < 1  # total is NOT NULL and v3 leaves it out
    psql(world, "ALTER TABLE orders ALTER COLUMN total DROP NOT NULL")
    world.advance(5)
    assert world.plane.history.last("class/buy/ok") > 35


def test_reads_of_a_column_fail_where_it_is_null():
    world = at(20, **QUIET)
    psql(world, "ALTER TABLE orders ADD COLUMN total_kop bigint")
    do(world, "flags set kop on")
    world.advance(8)
    assert world.plane.history.last("class/look/ok") < 1
    do(world, "flags set kop off")
    world.advance(8)
    assert world.plane.history.last("class/look/ok") > 17


@pytest.mark.parametrize(
    "line",
    [
        "dbrun", "dbrun start", "dbrun start -d nowhere -c 'SELECT 1'", "dbrun start -d orders -c 'SELECT 1; SELECT 2'",
        "dbrun start -d orders -c 'ALTER TABLE nope ADD COLUMN a int'", "dbrun log 99", "dbrun cancel x", "dbrun --x",
        "backfill start", "backfill start --db orders --table nope --set 'a = 1'", "backfill pause 9",
        "backfill start --db orders --table orders --set 'nope = 1'", "backfill start --db orders --table stock --set 'left_over = 1'",
        "backfill start --db orders --table orders --set 'total = 1' --batch -5", "backfill tune 1 --batch x",
        "backfill start --db orders --table orders --set 'total = 1; DROP TABLE orders'", "dbctl", "dbctl resize orders 1",
        "dbctl resize orders nan", "dbctl status nowhere", "dbrun start -d orders -c \"\"",
    ],
)  # fmt: skip
def test_tools_answer_nonsense_in_words(line: str):
    world = at(5, **QUIET)
    reply = do(world, line)
    world.advance(3)
    assert reply.text.strip() and "Traceback" not in reply.text
    assert "orders" in world.postgres.databases["db"].tables
