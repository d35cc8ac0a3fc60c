"""SQL, logs, traces and curl over one run: what they show is what the run did, and looking changes nothing."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.commands import execute
from simulator.run import make_world, play
from simulator.scenario import load
from simulator.world import World


def world_at(second: float) -> World:
    world = make_world(load("payment-pool"), 1)
    play(world, (), second)
    world.follow_limit_s = 10
    return world


@pytest.fixture(scope="module")
def calm() -> World:
    return world_at(50)


@pytest.fixture(scope="module")
def burning() -> World:
    return world_at(150)


def said(world: World, line: str) -> str:
    return execute(world.fork(), line).text


# -- PostgreSQL


def test_pools_show_the_queue(calm: World, burning: World) -> None:
    quiet = said(calm, "psql -At -c 'SHOW POOLS' pgbouncer").split("|")
    full = said(burning, "psql -At -c 'SHOW POOLS' pgbouncer")
    assert "|0|" in "|".join(quiet)
    row = next(line for line in full.splitlines() if line.startswith("payments|")).split("|")
    assert (row[2], row[6]) == ("50", "50")
    assert 340 <= int(row[3]) <= 440


def test_aligned_layout_is_psql_s(calm: World) -> None:
    assert said(calm, "psql -c \"SELECT 1 AS one, 'x' AS letter\"") == (
        " one | letter \n-----+--------\n   1 | x\n(1 row)\n\n"
    )


def test_the_loop_shows_in_pg_stat_statements(burning: World) -> None:
    text = said(burning, "psql -At -c 'SELECT query, calls FROM pg_stat_statements ORDER BY calls DESC'")
    calls = {
        line.rpartition("|")[0]: int(line.rpartition("|")[2]) for line in text.splitlines() if "|" in line
    }
    lookups = next(n for q, n in calls.items() if "payment_items WHERE payment_id" in q and "JOIN" not in q)
    assert lookups > 10_000


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("psql -c 'selct 1'", 'syntax error at or near "selct"\nLINE 1: selct 1\n        ^'),
        ("psql -c 'select * from nope'", 'relation "nope" does not exist'),
        ("psql -c 'select nope from payments'", 'column "nope" does not exist'),
        ("psql -d nope -c 'select 1'", 'FATAL:  database "nope" does not exist'),
        ("psql -c '\\foo'", "invalid command \\foo"),
        ("psql --foo", "unrecognized option '--foo'"),
    ],
)
def test_errors_are_the_real_ones(calm: World, line: str, words: str) -> None:
    assert words in said(calm, line)


HOSTILE = [
    "PRAGMA table_info(payments)",
    "ATTACH DATABASE '/etc/passwd' AS x",
    "COPY payments FROM PROGRAM 'id'",
    "COPY payments TO '/tmp/x'",
    "SELECT load_extension('x')",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT readfile('/etc/passwd')",
    "\\! id",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    "SELECT " + "(" * 500 + "1" + ")" * 500,
    "SELECT '" + "a" * 200_000 + "'",
    "SELECT repeat('x', 2000000000)",
    "SELECT * FROM generate_series(1, 1000000000)",
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: line[:24])
def test_hostile_sql_reaches_nothing(calm: World, line: str) -> None:
    text = said(calm, line)
    assert "root:" not in text and "uid=" not in text
    assert (
        "ERROR" in text
        or "no shell" in text
        or "longer" in text
        or "not simulated" in text
        or len(text) < 300_000
    )


def test_looking_changes_nothing_and_dropping_breaks_payments(calm: World) -> None:
    world = calm.fork()
    before = pickle.dumps((world.postgres.databases, world.postgres.servers))
    execute(world, "psql -d payments -c 'SELECT count(*) FROM payments'")
    assert pickle.dumps((world.postgres.databases, world.postgres.servers)) == before
    for line in ("BEGIN", "DROP TABLE payments", "ROLLBACK"):
        execute(world, line)
    assert not world.postgres.failing
    execute(world, "DROP TABLE payments")
    assert world.postgres.failing["payment-service"] == 'relation "payments" does not exist'
    world.advance(5)
    assert world.plane.history.last("class/pay/ok") < 60


WORDS = st.sampled_from(
    "select from where payments id status count ( ) * , = 'x' 1 and or not null group by order limit join on "
    "with as union insert into values update set delete drop table begin ; \\d \\x $$ -- /* 'unfinished".split(
        " "
    )
)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=12))
def test_any_words_get_an_answer(words: list[str]) -> None:
    world = _FUZZED
    assert isinstance(execute(world, 'psql -c "' + " ".join(words).replace('"', "") + '"').text, str)


_FUZZED = world_at(20)

# -- logs, traces


def test_refusals_are_in_the_log_only_when_there_were_any(calm: World, burning: World) -> None:
    query = 'logcli query \'{app="payment-service"} |= "Bulkhead"\' --limit 20 --quiet'
    assert said(calm, query) == ""
    assert said(burning, query).count("is full and does not permit further calls") == 20
    assert said(burning, "kubectl logs deploy/payment-service --tail=5").count("\n") >= 5


def test_counting_follows_the_level(burning: World) -> None:
    text = said(
        burning, "logcli instant-query 'sum by (level) (count_over_time({app=\"payment-service\"}[30s]))'"
    )
    counts = {found["metric"]["level"]: int(found["value"][1]) for found in json.loads(text)}
    assert counts["warn"] > 4 * counts["info"]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='{}="app|~!()[]1mrate \\`', max_size=40))
def test_any_logql_gets_an_answer(text: str) -> None:
    from simulator.telemetry.logcli import run

    assert isinstance(run(_FUZZED, ["logcli", "query", text], "").text, str)


def test_the_n_plus_one_is_sixteen_spans(calm: World, burning: World) -> None:
    def queries(world: World) -> int:
        for line in said(world, "trace list --min-duration 100ms").splitlines():
            if line.endswith("ok"):
                return said(world, f"trace show {line.split()[0]}").count("query (waited")
        return -1

    assert queries(calm) == 1
    assert queries(burning) == 16


def test_a_plot_has_axes_and_marks(burning: World) -> None:
    text = said(burning, "graph success --last 2m")
    assert "14:0" in text and "deploy" in text
    assert max(len(line) for line in text.splitlines()) <= 110


# -- the front door


def test_status_codes_follow_the_run(calm: World, burning: World) -> None:
    line = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do curl -s -o /dev/null -w '%{http_code}\\n' http://payments.example/; done"
    assert said(calm, line).split().count("200") >= 19
    assert said(burning, line).split().count("503") >= 12


@pytest.mark.parametrize(
    ("line", "words", "code"),
    [
        ("curl http://nope/", "curl: (6) Could not resolve host: nope", 6),
        ("curl http://checkout:9999/", "curl: (7) Failed to connect to checkout port 9999", 7),
        ("curl -s", "curl: no URL specified!", 2),
        ("curl", "curl: try 'curl --help' or 'curl --manual' for more information", 2),
        ("curl --foo x", "curl: option --foo: is unknown", 2),
        ("curl file:///etc/passwd", 'curl: (1) Protocol "file" not supported', 1),
        ("curl -m 0.01 http://payment-service/pay", "curl: (28) Operation timed out", 28),
    ],
)
def test_curl_fails_like_curl(calm: World, line: str, words: str, code: int) -> None:
    reply = execute(calm.fork(), line)
    assert words in reply.text
    assert reply.code == code
