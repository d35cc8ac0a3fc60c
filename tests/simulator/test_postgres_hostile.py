"""Statements that mean harm, and statements that mean nothing: answered in bounded time, never a crash."""

from __future__ import annotations

import functools
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.postgres import tools
from simulator.world import World
from tests.depth import some
from tests.simulator.postgres_scene import calm, psql

BOUND_S = 4.0  # a loaded two-core machine; alone none takes half of it

ENDLESS = [
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
    "SELECT count(*) FROM payments a, payments b, payments c, payments d",
    "SELECT max(md5(a.psp_ref || b.psp_ref)) FROM payments a, payments b, payments c",
    "SELECT sum(g) FROM generate_series(1, 1000000000000) g, generate_series(1, 1000000) h",
    "SELECT repeat('x', 2000000000)",
    "SELECT repeat(repeat('x', 900000), 900000)",
    "SELECT string_agg(repeat('x', 900000), '') FROM generate_series(1, 100000)",
    "SELECT lpad('x', 2147483647), rpad('x', 2147483647)",
    "SELECT array_agg(a.id) FROM payments a, payments b, payments c",
    "SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' ~ '^(a+)+$'",
    "SELECT psp_ref ~ '(((((.*)*)*)*)*)x' FROM payments",
    "SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' LIKE '%a%a%a%a%a%a%a%a%a%a%a%b'",
    "SELECT regexp_replace(repeat('a', 100000), '(a*)*b', 'x', 'g')",
    "SELECT 10 ^ 1000000, 2 ^ 99999",
    "SELECT power(9, 9e9), exp(99999)",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT " + "NOT " * 5000 + "true",
    "SELECT " + "-" * 3001 + "1",
    "SELECT " + "1 + " * 5000 + "1",
    "SELECT " + "CASE WHEN true THEN " * 500 + "1" + " END" * 500,
    "SELECT * FROM " + "(SELECT * FROM " * 300 + "payments" + ") q" * 300,
    "SELECT '" + "x" * 1_000_000 + "'",
    "x" * 1_000_000,
    "SELECT 1;" * 100_000,
    "SELECT pg_sleep(1e12)",
    "SELECT " + ",".join(str(n) for n in range(5000)),
    "INSERT INTO merchants (name, category) VALUES " + ",".join("('a', 'b')" for _ in range(3000)),
]  # fmt: skip

FORBIDDEN = [
    "PRAGMA table_info(payments)", "ATTACH DATABASE '/etc/passwd' AS x", "DETACH DATABASE main", "VACUUM INTO '/tmp/x'",
    "SELECT load_extension('x')", "SELECT readfile('/etc/passwd')", "SELECT writefile('/tmp/x', 'y')",
    "SELECT pg_read_file('/etc/passwd')", "SELECT pg_ls_dir('/')", "SELECT lo_import('/etc/passwd')",
    "COPY payments TO PROGRAM 'id'", "COPY payments FROM PROGRAM 'id'", "COPY payments FROM '/etc/passwd'",
    "COPY (SELECT 1) TO '/tmp/x'", "CREATE EXTENSION plpython3u", "DO $$ BEGIN END $$", "LOAD 'x'",
    "CREATE FUNCTION f() RETURNS int AS 'x' LANGUAGE c", "SELECT * FROM sqlite_master", "SELECT sqlite_version()",
    "SELECT * FROM pragma_table_info('payments')", "CREATE VIRTUAL TABLE x USING fts5(a)", "SELECT zeroblob(1000000000)",
    "SELECT randomblob(100)", "SELECT printf('%1000000000d', 1)", "SELECT hex(1)", "SELECT char(65)", "SELECT typeof(1)",
    "SELECT fts3_tokenizer('x')", "SELECT * FROM json_each('[1]')", 'SELECT "row number" FROM payments',
    'SELECT "row weight" FROM payments', "SELECT rowid FROM payments", "SELECT c0 FROM payments", "SELECT s1.id FROM payments",
    "SELECT dblink('x', 'y')", "EXPLAIN QUERY PLAN SELECT 1", "SELECT 1 /* ' */; PRAGMA x", "REINDEX DATABASE payments",
]  # fmt: skip
COMMANDS = [
    "\\! id", "\\!id", "\\i /etc/passwd", "\\o /tmp/x", "\\w /tmp/x", "\\copy payments from '/etc/passwd'", "\\e", "\\cd /",
    "\\setenv A b", "\\lo_import /etc/passwd", "\\g /tmp/x", "\\g |id", "\\ir ../x", "\\c " + "x" * 5000, "\\", "\\\\", "\\d \\d",
    "\\d " + "*" * 2000, "\\watch", "SELECT 1 \\watch -5", "SELECT 1 \\watch 1e400", "\\pset", "\\pset null", "\\x maybe", "\\set",
]  # fmt: skip


@functools.cache
def _world() -> World:
    return calm()


def _answer(line: str) -> str:
    """Both ways to run a line, on a fork, within the bound."""
    texts = []
    for way in ("bare", "client"):
        world = _world().fork()
        began = time.process_time()
        reply = tools.run_sql(world, line) if way == "bare" else psql(world, "-c", line)
        assert time.process_time() - began < BOUND_S
        assert len(reply.out) + len(reply.err) < 3_000_000
        texts.append(reply.text)
    return "\n".join(texts)


@pytest.mark.parametrize("line", some(ENDLESS, 2), ids=lambda line: line[:40])
def test_endless_work_ends(line: str) -> None:
    assert _answer(line)


@pytest.mark.parametrize("line", FORBIDDEN)
def test_what_lies_outside_is_not_reached(line: str) -> None:
    text = _answer(line)
    assert "ERROR" in text
    assert "root:" not in text and "payments_pkey" not in text


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: line[:20])
def test_backslash_commands_reach_no_host(line: str) -> None:
    text = _answer(line)
    assert "root:" not in text and "uid=" not in text


def test_a_megabyte_of_script_is_refused_at_once() -> None:
    began = time.process_time()
    assert psql(_world().fork(), stdin="SELECT 1;\n" * 200_000).code == 1
    assert time.process_time() - began < BOUND_S


WORDS = (
    "SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT OFFSET DISTINCT ON AS JOIN LEFT USING UNION ALL WITH RECURSIVE VALUES INSERT"
    " INTO UPDATE SET DELETE CREATE TABLE INDEX DROP ALTER ADD COLUMN TRUNCATE BEGIN COMMIT ROLLBACK EXPLAIN ANALYZE SHOW RESET"
    " payments payment_items users id status amount created_at nosuch p i count sum avg max now lower round coalesce interval"
    " CASE WHEN THEN ELSE END AND OR NOT NULL IS IN LIKE ILIKE BETWEEN EXISTS ANY ARRAY OVER PARTITION FILTER CAST"
    " pg_stat_activity pg_locks generate_series int text numeric timestamptz true false \\d \\x \\watch \\gx"
).split()
MARKS = ["(", ")", ",", ";", "*", ".", "=", "<", ">", "+", "-", "/", "%", "||", "::", "'", '"', "'a'", "'1 day'", "1", "0",
         "2.5", "$1", "->>", "~", "[", "]", "{", "}", "--", "/*", "\n", "é", "\t", "e'\\n'", "$$"]  # fmt: skip
soup = st.lists(st.sampled_from(WORDS + MARKS), max_size=25).map(" ".join)
shaped = st.builds(
    "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {}".format,
    st.sampled_from(
        ["*", "id", "count(*)", "max(amount)", "status, count(*)", "p.*", "1/0", "id::text", "nosuch(id)"]
    ),
    st.sampled_from(
        ["payments p", "payments", "users u JOIN payments p ON p.user_id = u.id", "(SELECT 1) q", "pg_locks"]
    ),
    st.sampled_from(
        ["true", "id = 5", "id = 'x'", "status IN ('a')", "created_at > now() - '1 hour'", "NOT id", "amount"]
    ),
    st.sampled_from(["1", "id", "2 DESC", "nosuch", "random()"]),
    st.sampled_from(["1", "ALL", "-1", "'x'", "1.5", "NULL"]),
)
fuzzing = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)


@fuzzing
@given(st.one_of(soup, shaped, st.text(max_size=60)))
def test_any_text_is_answered(text: str) -> None:
    world = _world().fork()
    began = time.process_time()
    tools.run_sql(world, text)
    psql(world, "-c", text)
    psql(world, stdin=text)
    assert time.process_time() - began < 3 * BOUND_S


@fuzzing
@given(
    st.lists(
        st.one_of(
            st.text(max_size=8),
            st.sampled_from(["-c", "-d", "-f", "-x", "-At", "--csv", "-p", "6432", "-h", "-U"]),
        ),
        max_size=6,
    )
)
def test_any_words_are_answered(words: list[str]) -> None:
    reply = psql(_world().fork(), *words, stdin="SELECT 1;")
    assert reply.code in (0, 1, 2, 3)


SLOW_PATTERNS = [
    "/**/" * 10_000 + "!", "SET work_mem = x" + " " * 60_000 + "y", "LOCK TABLE " + " " * 60_000 + "!", "SET" + " " * 60_000,
    "COMMENT ON TABLE users IS '" + "''" * 25_000, "SELECT '" + "9" * 60_000 + "x'::numeric", "SELECT " + "9" * 5_000,
    "SELECT '" + "9" * 60_000 + ":00'::interval", "SELECT '1e999'::numeric(10,2)", "SELECT '" + "9" * 50 + " days'::interval",
    "SELECT 1" + "0" * 250, "ALTER TABLE users VALIDATE CONSTRAINT " + " " * 60_000, "EXPLAIN " + "ANALYZE " * 8_000,
    "SELECT '" + "(" * 30_000 + "' ~ 'x'", "SELECT 'x' ~ '" + "(" * 30_000 + "'", "SELECT '" + "[" * 30_000 + "'::jsonb",
    "REINDEX (" + "(" * 60_000, "SAVEPOINT", "SELECT '{" + "," * 60_000 + "}'::int[]", "ROLLBACK TO" + " " * 60_000 + ";x",
    "SELECT make_interval(99999999999)", "SELECT now() + interval '99999999 years'", "SELECT to_timestamp(1e300)",
    "SELECT chr(-5), chr(999999999)", "SELECT 9223372036854775807 + 1", "SELECT -9223372036854775808 / -1",
    "SELECT substring('x', -2147483648, 2147483647)", "SELECT '0001-01-01'::timestamptz - interval '1 day'",
    "SELECT extract(year FROM '0001-01-01'::date - 400)", "SELECT date_trunc('week', '0001-01-01'::timestamp)",
    "SELECT to_char('9999-12-31'::date + 5, 'YYYY')", "SELECT round(1e300, 10), round(5, -400), trunc(1.5, 99999)",
]  # fmt: skip


@pytest.mark.parametrize("line", SLOW_PATTERNS, ids=lambda line: line[:40])
def test_no_text_makes_a_pattern_or_a_number_run_away(line: str) -> None:
    _answer(line)
