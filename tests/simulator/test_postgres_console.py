"""The PostgreSQL room as play: what an engineer on call sees, what changes, what it breaks."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.postgres import tools
from simulator.postgres.backends import pool_backends
from simulator.scenario import load
from simulator.world import World
from tests.simulator.postgres_scene import COMPONENT, ask, calm, drowned, psql

# --- what the server shows ---------------------------------------------------------------------------


def test_the_loop_shows_in_pg_stat_statements() -> None:
    world = drowned()
    rows = ask(world, "SELECT calls, query FROM pg_stat_statements ORDER BY calls DESC LIMIT 2").splitlines()
    (loop_calls, loop), (first_calls, first) = (row.split("|", 1) for row in rows)
    assert loop == "SELECT sku, qty, price FROM payment_items WHERE payment_id = $1"
    assert first.startswith("SELECT p.id, p.amount")
    assert int(loop_calls) > int(first_calls)
    assert (
        ask(calm(), "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%FROM payment_items WHERE%'")
        == "0"
    )


def test_fifteen_look_ups_a_payment_once_only_the_bad_version_runs() -> None:
    world = drowned()
    ask(world, "SELECT pg_stat_statements_reset()")
    world.advance(30)
    rows = ask(world, "SELECT query, calls FROM pg_stat_statements").splitlines()
    calls = {row.rpartition("|")[0]: int(row.rpartition("|")[2]) for row in rows}
    main = next(n for q, n in calls.items() if q.startswith("SELECT p.id"))
    loop = next(n for q, n in calls.items() if q.startswith("SELECT sku"))
    assert loop == pytest.approx(15 * main, rel=0.02)


def test_activity_agrees_with_the_pools() -> None:
    for world in (calm(), drowned()):
        rows = ask(
            world,
            "SELECT usename, count(*) FILTER (WHERE state = 'active'), count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND client_addr IS NOT NULL GROUP BY 1",
        ).splitlines()
        shown = {r.split("|")[0]: tuple(map(int, r.split("|")[1:])) for r in rows}
        for pool in world.plane.pools(COMPONENT):
            if pool.open:
                assert shown[pool.user] == (round(min(pool.active, pool.open)), pool.open)


def test_nobody_runs_longer_than_queries_take() -> None:
    world = drowned()
    longest = ask(
        world,
        "SELECT max(extract(epoch FROM now() - query_start)) FROM pg_stat_activity"
        " WHERE state = 'active' AND usename = 'payments'",
    )
    assert 0 < float(longest) <= world.plane.database(COMPONENT).latency_s


def test_show_pools_has_the_real_columns_and_the_planes_values() -> None:
    world = drowned()
    pool = world.plane.pools(COMPONENT)[0]
    out = psql(world, "-A", "-c", "SHOW POOLS", "pgbouncer").out.splitlines()
    assert out[0] == (
        "database|user|cl_active|cl_waiting|cl_active_cancel_req|cl_waiting_cancel_req|sv_active|sv_active_cancel"
        "|sv_being_canceled|sv_idle|sv_used|sv_tested|sv_login|maxwait|maxwait_us|pool_mode"
    )
    row = dict(zip(out[0].split("|"), out[1].split("|"), strict=True))
    assert (row["cl_active"], row["sv_active"], row["maxwait"]) == ("50", "50", "0")
    assert int(row["cl_waiting"]) == round(pool.waiting) > 300
    assert int(row["maxwait_us"]) == pytest.approx(pool.wait_s * 1e6, rel=0.01)


@pytest.mark.parametrize("line", ["SHOW POOLS;", "show stats", "SHOW CLIENTS", "show servers", "show config"])
def test_bouncer_commands_work_as_a_line_and_on_its_port(line: str) -> None:
    world = drowned()
    bare = tools.run_sql(world, line)
    connected = psql(world, "-p", "6432", "-h", "pgbouncer", "pgbouncer", "-c", line)
    assert bare.code == connected.code == 0
    assert bare.out == connected.out and "rows)" in bare.out


def test_the_table_grows_by_what_the_traffic_pays() -> None:
    world = calm()
    before = int(ask(world, "SELECT count(*) FROM payments"))
    world.advance(20)
    gained = int(ask(world, "SELECT count(*) FROM payments")) - before
    history = world.plane.history
    paid = sum(sum(history.column(f"class/pay/{kind}")[20:]) for kind in ("ok", "declined"))
    assert gained == pytest.approx(paid, abs=25)
    assert int(ask(world, "SELECT count(*) FROM payment_items")) == 2 * (before + gained)


def test_counts_by_minute_show_the_collapse() -> None:
    rows = ask(
        drowned(),
        "SELECT date_trunc('minute', created_at), count(*) FROM payments"
        " WHERE created_at >= now() - interval '4 minutes' GROUP BY 1 ORDER BY 1",
    ).splitlines()
    counts = [int(row.split("|")[1]) for row in rows]
    assert counts[0] > 60_000 and counts[3] < 0.3 * counts[0]


def test_a_row_of_the_big_table_is_there_by_its_key_and_so_are_its_items() -> None:
    world = calm()
    assert ask(world, "SELECT count(*) FROM payments WHERE id = 12345678") == "1"
    joined = ask(
        world,
        "SELECT p.id, count(*) FROM payments p JOIN payment_items i ON i.payment_id = p.id WHERE p.id = 77 GROUP BY 1",
    )
    assert joined == "77|2"
    assert ask(world, "SELECT count(*) FROM payments WHERE id = 999999999999") == "0"


def test_groups_as_fine_as_keys_are_not_blown_up() -> None:
    world = calm()
    assert (
        ask(world, "SELECT avg(n) FROM (SELECT payment_id, count(*) n FROM payment_items GROUP BY 1) t")
        == "2.0000000000000000"
    )
    assert ask(world, "SELECT order_id FROM payments GROUP BY order_id HAVING count(*) > 1") == ""
    top = int(ask(world, "SELECT count(*) FROM payments GROUP BY user_id ORDER BY 1 DESC LIMIT 1"))
    assert 1 <= top < 1000


def test_a_scan_of_a_hundred_million_rows_takes_time_and_a_key_does_not() -> None:
    world = calm()
    assert psql(world, "-c", "SELECT count(*) FROM payments").cost_s > 10
    assert psql(world, "-c", "SELECT * FROM payments WHERE id = 5").cost_s < 2
    slow = psql(world, "-c", "SET statement_timeout = '1s'", "-c", "SELECT count(*) FROM payments")
    assert slow.err == "ERROR:  canceling statement due to statement timeout\n"


def test_plans_tell_an_index_from_a_scan() -> None:
    world = drowned()
    assert (
        "Index Scan using payments_order_id_idx"
        in psql(world, "-c", "EXPLAIN SELECT 1 FROM payments WHERE order_id = 5").out
    )
    full = psql(world, "-c", "EXPLAIN (ANALYZE, BUFFERS) SELECT count(*) FROM payments WHERE method = 'card'")
    assert (
        "Parallel Seq Scan on payments" in full.out
        and "Execution Time:" in full.out
        and "Buffers:" in full.out
    )
    assert full.cost_s > 10


def test_catalogues_name_the_same_tables() -> None:
    world = calm()
    tables = ask(world, "SELECT tablename FROM pg_tables ORDER BY 1")
    assert tables == ask(
        world, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    )
    assert tables == ask(world, "SELECT relname FROM pg_class WHERE relkind = 'r' ORDER BY 1")
    assert "payment_items" in tables


# --- what a player changes ---------------------------------------------------------------------------


def test_dropping_the_table_breaks_payments_and_creating_it_again_repairs_them() -> None:
    world = calm()
    assert psql(world, "-c", "DROP TABLE payments").out == "DROP TABLE\n"
    assert world.postgres.failing["payment-service"] == 'relation "payments" does not exist'
    assert any(e.kind == "fault" and "payments" in e.text for e in world.events)
    world.advance(5)
    assert world.plane.history.last("class/pay/ok") < 50
    assert 'relation "payments" does not exist' in psql(world, "-c", "SELECT 1 FROM payments").err
    psql(world, "-c", "CREATE TABLE payments (id bigint PRIMARY KEY, order_id bigint, user_id bigint, amount numeric,"
                      " status text, created_at timestamptz)")  # fmt: skip
    assert not world.postgres.failing
    world.advance(5)
    assert world.plane.history.last("class/pay/ok") > 1000


def test_a_dropped_column_breaks_who_asks_for_it() -> None:
    world = calm()
    psql(world, "-c", "ALTER TABLE payment_items DROP COLUMN sku")
    assert world.postgres.failing == {"payment-service": "column i.sku does not exist"}


def test_a_rolled_back_drop_breaks_nothing() -> None:
    world = calm()
    reply = psql(
        world,
        stdin="BEGIN; DROP TABLE payments; SELECT 1 FROM payments; ROLLBACK; SELECT count(*) > 0 FROM payments;",
    )
    assert reply.out.splitlines()[:3] == ["BEGIN", "DROP TABLE", "ROLLBACK"]
    assert not world.postgres.failing and " t\n" in reply.out


def test_a_string_of_statements_stands_or_falls_together() -> None:
    world = calm()
    reply = psql(world, "-c", "CREATE TABLE a (i int); CREATE TABLE a (i int)")
    assert (reply.out, reply.code) == ("CREATE TABLE\n", 1)
    assert "does not exist" in psql(world, "-c", "SELECT * FROM a").err


def test_a_failed_insert_leaves_nothing_behind() -> None:
    world = calm()
    psql(world, "-c", "CREATE TABLE a (i int PRIMARY KEY)")
    assert psql(world, "-c", "INSERT INTO a VALUES (1), (2), (1)").code == 1
    assert ask(world, "SELECT count(*) FROM a") == "0"


def test_bare_lines_share_a_transaction_that_others_see_as_idle_in_it() -> None:
    world = calm()
    assert tools.run_sql(world, "BEGIN;").out == "BEGIN\n"
    assert tools.run_sql(world, "UPDATE merchants SET is_active = false WHERE id = 302").out.startswith(
        "UPDATE"
    )
    assert ask(world, "SELECT state, query FROM pg_stat_activity WHERE state LIKE 'idle in%'") == (
        "idle in transaction|UPDATE merchants SET is_active = false WHERE id = 302"
    )
    assert ask(world, "SELECT is_active FROM merchants WHERE id = 302") == "t"
    assert tools.run_sql(world, "COMMIT").out == "COMMIT\n"
    assert ask(world, "SELECT is_active FROM merchants WHERE id = 302") == "f"


def test_alter_system_waits_for_a_reload_or_a_restart() -> None:
    world = calm()
    psql(world, "-c", "ALTER SYSTEM SET work_mem = '64MB'")
    psql(world, "-c", "ALTER SYSTEM SET max_connections = 500")
    assert ask(world, "SHOW work_mem") == "4MB"
    assert ask(world, "SELECT pg_reload_conf()") == "t"
    assert ask(world, "SHOW work_mem") == "64MB"
    before = ask(calm(), "SHOW max_connections")
    assert (
        ask(world, "SELECT setting, pending_restart FROM pg_settings WHERE name = 'max_connections'")
        == f"{before}|t"
    )


def test_a_terminated_backend_comes_back_as_another() -> None:
    world = drowned()
    victim = pool_backends(world, COMPONENT)[0]
    assert ask(world, f"SELECT pg_terminate_backend({victim.pid})") == "t"
    assert world.postgres.servers[COMPONENT].terminated == [(world.now_s, victim.pid, COMPONENT)]
    pids = [b.pid for b in pool_backends(world, COMPONENT)]
    assert victim.pid not in pids and len(pids) == len(set(pids)) == 50
    gone = psql(world, "-At", "-c", f"SELECT pg_terminate_backend({victim.pid})")
    assert (gone.out, gone.err) == (
        "f\n",
        f"WARNING:  PID {victim.pid} is not a PostgreSQL backend process\n",
    )


def test_a_bigger_pool_lets_more_connections_open() -> None:
    world = drowned()
    assert tools.run_sql(world, "SET default_pool_size = 80").out == "SET default_pool_size=80\n"
    world.advance(10)
    assert world.plane.pools(COMPONENT)[0].open == 80
    assert int(ask(world, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'payments'")) == 80


def test_pause_stops_payments_and_resume_lets_them_go() -> None:
    world = calm()
    assert psql(world, "pgbouncer", "-c", "PAUSE").out == "PAUSE\n"
    assert psql(world, "pgbouncer", "-c", "PAUSE").err == "ERROR:  already suspended/paused\n"
    world.advance(5)
    assert world.plane.history.last("class/pay/ok") < 50
    assert psql(world, "pgbouncer", "-c", "RESUME").out == "RESUME\n"
    world.advance(5)
    assert world.plane.history.last("class/pay/ok") > 1000


def test_an_index_built_in_place_blocks_writers_while_one_built_concurrently_does_not() -> None:
    world = calm()
    world.follow_limit_s = 400.0
    start_s = world.now_s
    assert psql(world, "-c", "CREATE INDEX CONCURRENTLY ON refunds (reason)").out == "CREATE INDEX\n"
    assert world.now_s > start_s + 3
    assert not any("statements wait" in e.text for e in world.events)
    start_s = world.now_s
    assert psql(world, "-c", "CREATE INDEX ON payments (status)").out == "CREATE INDEX\n"
    assert world.now_s > start_s + 100
    assert any("wait for RowExclusiveLock on payments" in e.text for e in world.events)
    assert min(world.plane.history.column("class/pay/ok")[int(start_s) + 5 : int(start_s) + 50]) < 50


def test_owners_and_others() -> None:
    world = calm()
    assert (
        psql(world, "-U", "orders", "-c", "DROP TABLE payments").err
        == "ERROR:  must be owner of table payments\n"
    )
    denied = psql(world, "-U", "orders", "-c", "DELETE FROM payments").err
    assert denied == "ERROR:  permission denied for table payments\n"
    assert psql(world, "-U", "payments", "-c", "CREATE INDEX CONCURRENTLY i ON refunds (status)").code == 0
    assert (
        'permission denied to set parameter "work_mem"'
        in psql(world, "-U", "orders", "-c", "ALTER SYSTEM SET work_mem = '1GB'").err
    )


# --- connecting --------------------------------------------------------------------------------------


def _crowded(open_connections: int) -> World:
    """The calm world with a pool so wide that it takes the server's slots."""
    world = World(load("payment-pool", (f"payments-db.max_connections={open_connections}",)), seed=1)
    world.advance_to(3.0)
    return world


def test_the_last_slots_are_the_superusers() -> None:
    world = _crowded(100)
    held = sum(p.open for p in world.plane.pools(COMPONENT)) + 1
    tight = _crowded(held + 2)
    refused = psql(tight, "-U", "orders", "-c", "SELECT 1")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        'psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  '
        "remaining connection slots are reserved for non-replication superuser connections\n"
    )
    assert psql(tight, "-c", "SELECT 1").code == 0
    full = _crowded(held)
    assert "FATAL:  sorry, too many clients already" in psql(full, "-h", "payments-db", "-c", "SELECT 1").err
    assert tools.TOOLS["pg_isready"].run(full, ["pg_isready"], "").code == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-d", "nope"], 'FATAL:  database "nope" does not exist'),
        (["-U", "nope"], 'FATAL:  role "nope" does not exist'),
        (["-h", "nope"], 'could not translate host name "nope" to address: Name or service not known'),
        (
            ["-h", "payments-db", "-p", "1"],
            'connection to server at "payments-db" (10.0.2.20), port 1 failed: Connection refused',
        ),
        (["-p", "6432", "nope"], "FATAL:  bouncer config error"),
    ],
)
def test_what_cannot_be_reached(words: list[str], text: str) -> None:
    reply = psql(calm(), *words, "-c", "SELECT 1")
    assert reply.code == 2 and text in reply.err and reply.err.startswith("psql: error: ")


def test_client_options() -> None:
    world = calm()
    assert psql(world, "-At", "-F", ",", "-c", "SELECT 1, NULL, true").out == "1,,t\n"
    assert psql(world, "--csv", "-c", "SELECT 1 AS a, 'x,y' AS b").out == 'a,b\n1,"x,y"\n'
    assert psql(world, "-x", "-c", "SELECT 1 AS a").out == "-[ RECORD 1 ]\na | 1\n\n"
    assert psql(world, "-q", "-c", "CREATE TABLE t (i int)").out == ""
    assert psql(world, "-c", "SELECT 1 AS a", "-c", "\\echo hi").out == " a \n---\n 1\n(1 row)\n\nhi\n"
    assert (
        psql(world, "postgresql://payments@payments-db:5432/payments", "-Atc", "SELECT current_user").out
        == "payments\n"
    )
    assert psql(world, "-v", "ON_ERROR_STOP=1", stdin="SELECT x;\nSELECT 1;").code == 3
    assert psql(world, "-f", "nosuch.sql").err == "psql: error: nosuch.sql: No such file or directory\n"
    assert psql(world, "-Z").err.startswith("psql: invalid option -- 'Z'\n")
    assert psql(world, "--version").out.startswith("psql (PostgreSQL) 15")


def test_a_script_file_names_itself_in_errors() -> None:
    world = calm()
    world.files["/tmp/a.sql"] = "SELECT 1;\n\nSELECT nosuch;\n"
    reply = psql(world, "-f", "/tmp/a.sql")
    assert (
        reply.err
        == 'psql:/tmp/a.sql:3: ERROR:  column "nosuch" does not exist\nLINE 1: SELECT nosuch;\n               ^\n'
    )


def test_long_lines_are_cut_as_libpq_cuts_them() -> None:
    sql = (
        "SELECT 'padding padding padding padding padding padding padding', nosuch FROM payments WHERE id = 1"
    )
    assert psql(calm(), "-c", sql).err == (
        'ERROR:  column "nosuch" does not exist\n'
        "LINE 1: ...padding padding padding padding padding padding', nosuch FRO...\n"
        "                                                             ^\n"
    )


def test_without_a_command_it_tells_what_to_do_in_the_players_language() -> None:
    world = calm()
    assert 'connected to database "payments"' in psql(world).out and "psql -c" in psql(world).out
    world.language = "ru"
    assert "передайте запрос" in psql(world).out


def test_watch_follows_in_simulated_time_and_stops() -> None:
    world = calm()
    start_s = world.now_s
    reply = tools.run_sql(world, "SELECT count(*) FROM pg_stat_activity \\watch 5")
    assert reply.out.count("(every 5s)") == 3 and world.now_s == start_s + 10


def test_expanded_and_timing_last_over_lines() -> None:
    world = calm()
    assert tools.run_sql(world, "\\x").out == "Expanded display is on.\n"
    tools.run_sql(world, "\\timing on")
    out = tools.run_sql(world, "SELECT 1 AS a").out
    assert out.startswith("-[ RECORD 1 ]\na | 1\n") and "Time: " in out
    assert tools.run_sql(world, "\\foo").err == "invalid command \\foo\nTry \\? for help.\n"


# --- what may not happen -----------------------------------------------------------------------------

LOOKS = [
    "SELECT * FROM pg_stat_activity", "SELECT * FROM pg_stat_statements", "SELECT count(*) FROM payments", "\\d payments",
    "SELECT nosuch", "SELECT * FROM pg_locks", "EXPLAIN ANALYZE SELECT * FROM users", "SHOW ALL", "\\dt+", "\\l",
    "SELECT now(), random(), gen_random_uuid()", "SHOW POOLS",
]  # fmt: skip


def _state(world: World) -> tuple[bytes, Any]:
    return pickle.dumps(world.postgres), [world.now_s, len(world.events), pickle.dumps(world.plane)]


def test_looking_changes_nothing() -> None:
    world = drowned()
    before = _state(world)
    for line in LOOKS:
        tools.run_sql(world, line)
        psql(world, "-c", line)
        assert _state(world) == before, line


def test_the_same_world_answers_the_same() -> None:
    one, other = drowned(), drowned()
    for line in LOOKS:
        first = tools.run_sql(one, line)
        assert first == tools.run_sql(other, line)
        assert first == tools.run_sql(one.fork(), line)


def test_a_fork_keeps_the_changes_and_parts_ways() -> None:
    world = calm()
    psql(world, "-c", "CREATE TABLE a AS SELECT 1 AS i")
    fork = world.fork()
    psql(fork, "-c", "INSERT INTO a VALUES (2)")
    assert (ask(world, "SELECT count(*) FROM a"), ask(fork, "SELECT count(*) FROM a")) == ("1", "2")


def test_what_counts_as_changing() -> None:
    changes = tools.TOOLS["psql"].changes
    assert changes(["psql", "-c", "DROP TABLE payments"]) and changes(
        ["psql", "-c", "SELECT pg_terminate_backend(1)"]
    )
    assert not changes(["psql", "-c", "SELECT 1"])


def test_every_tool_tells_what_it_is_in_both_languages() -> None:
    for tool in tools.TOOLS.values():
        assert tool.summary.ru and tool.summary.en
    world = calm()
    assert "traffic is the load" in tools.TOOLS["pgbench"].run(world, ["pgbench"], "").err


def test_a_terminal_starts_without_the_sql_parser() -> None:
    code = "import sys, simulator.postgres.tools; sys.exit('sqlglot' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
