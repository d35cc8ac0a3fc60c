"""pgBackRest's room: what is archived, what can be restored, and what its consoles say to everybody."""

import pytest

from simulator.backups.console import FLAGS, VALUED
from simulator.backups.state import reach, stanzas
from tests.simulator.backups_scene import MAIN, SIDE, code, number, restored, said, world


def test_a_dropped_table_fails_its_service_and_a_restored_one_brings_it_back() -> None:
    w = world()
    w.advance_to(60)
    before = number(w, "select count(*) from payments")
    assert "DROP TABLE" in said(w, "psql -c 'DROP TABLE payments' payments")
    w.advance_to(70)
    assert w.postgres.failing["payment-service"] == 'relation "payments" does not exist'
    history = w.plane.history
    assert history.column("class/order/ok")[65] == 0 < history.column("class/order/ok")[50]
    assert history.column("class/topup/ok")[65] > 0
    w.advance_to(90)
    assert "server started" in restored(w, "09:01:00")
    assert number(w, "select count(*) from payments", "restore") == before
    shown = said(w, "pg_dump -h restore -t payments payments | psql -h payments-db payments")
    assert f"COPY {before:.0f}" in shown and "ERROR" not in shown
    assert number(w, "select count(*) from payments") > before
    assert not w.postgres.failing


def test_nobody_writes_a_row_while_the_table_is_gone() -> None:
    w = world()
    w.advance_to(40)
    said(w, "psql -c 'DROP TABLE payments' payments")
    w.advance_to(60)
    assert w.entities is not None
    store = w.entities.domain.stores["payments"]
    assert store.rows[0]["payments"].size() == 0
    assert store.rows[0]["topups"].size() > 20
    said(w, "psql -c 'CREATE TABLE payments (order_id bigint PRIMARY KEY, amount numeric(14,2))' payments")
    w.advance_to(70)
    assert 0 < number(w, "select count(*) from payments") < 60
    assert w.postgres.failing["payment-service"] == 'column "user_id" of relation "payments" does not exist'


def test_a_rolled_back_drop_harms_nobody() -> None:
    w = world()
    w.advance_to(20)
    before = number(w, "select count(*) from payments")
    said(w, "psql -c 'BEGIN; DROP TABLE payments; ROLLBACK' payments")
    w.advance_to(25)
    assert number(w, "select count(*) from payments") > before
    assert not w.postgres.failing


@pytest.mark.parametrize("harm", ["DELETE FROM payments", "TRUNCATE payments", "TRUNCATE merchants CASCADE"])
def test_rows_that_are_gone_come_back_into_the_table_that_is_there(harm: str) -> None:
    w = world()
    w.advance_to(30)
    before, total = (number(w, f"select {what} from payments") for what in ("count(*)", "sum(amount)"))
    said(w, f"psql -c '{harm}' payments")
    assert number(w, "select count(*) from payments") < 60
    w.advance_to(70)
    restored(w, "09:00:30")
    assert number(w, "select sum(amount) from payments", "restore") == total
    shown = said(w, "pg_dump -h restore --data-only -t payments payments | psql payments")
    assert f"COPY {before:.0f}" in shown and "ERROR" not in shown
    assert number(w, "select sum(amount) from payments") > total


def test_a_copy_under_another_name_keeps_what_its_rows_stand_for() -> None:
    w = world()
    w.advance_to(60)
    restored(w, "09:00:20")
    count = number(w, "select count(*) from payments", "restore")
    said(
        w,
        "pg_dump -h restore -t payments payments | sed 's/public.payments/public.earlier/; s/ payments_/ earlier_/' | psql payments",
    )
    assert number(w, "select count(*) from earlier") == count > 6_000_000
    assert "DROP" in said(w, "psql -c 'DROP TABLE payments' payments")
    assert "ALTER" in said(w, "psql -c 'ALTER TABLE earlier RENAME TO payments' payments")
    assert number(w, "select count(*) from payments") == count
    w.advance_to(w.now_s + 10)
    assert number(w, "select count(*) from payments") > count
    assert not w.postgres.failing


def test_restoring_in_place_takes_what_was_written_since() -> None:
    w = world()
    w.advance_to(100)
    topups = number(w, "select count(*) from topups")
    assert code(w, "pgbackrest --stanza=payments --delta restore") == 38
    said(w, f"pg_ctl -D {MAIN} stop -m fast")
    assert "Connection refused" in said(w, "psql -h payments-db -c 'select 1' payments")
    line = "pgbackrest --stanza=payments --delta --type=time --target='2026-11-26 09:00:50' --target-action=promote restore"
    assert code(w, line) == 0
    assert "server started" in said(w, f"pg_ctl -D {MAIN} start")
    left = number(w, "select count(*) from topups")
    assert 0.3 * topups < left < 0.7 * topups
    notes = " ".join(e.text for e in w.events)
    assert "RPO" in notes and "RTO" in notes
    began = w.now_s
    w.advance_to(began + 10)
    assert number(w, "select count(*) from topups") > left
    ok = w.plane.history.column("class/order/ok")
    assert ok[104] == 0 < ok[int(began) + 8]


def test_a_restore_takes_time_by_size_and_wal() -> None:
    took = []
    for size in ("1.5", "6"):
        w = world(f"backups.payments-db.size_gb={size}")
        w.advance_to(60)
        began = w.now_s
        restored(w, "09:00:20")
        took.append(w.now_s - began)
    assert took[1] - took[0] == pytest.approx(4.5 * 1000 / 300, abs=1.1)
    assert took[0] > 5 + 320 * 8 / 41  # five minutes of WAL since the last incremental, and the files


def test_a_failing_archive_keeps_its_segments_and_catches_up() -> None:
    w = world()
    w.advance_to(20)
    said(w, "pgbackrest --stanza=payments stop")
    w.advance_to(120)
    assert code(w, "pgbackrest --stanza=payments check") == 62
    assert number(w, "select failed_count from pg_stat_archiver") > 0
    assert "archive command failed" in said(w, "logcli query '{app=\"payments-db\"}' --limit 20")
    assert "recovery ended before configured recovery target" in restored(w, "09:01:30")
    said(w, "pgbackrest --stanza=payments start")
    w.advance_to(w.now_s + 30)
    assert "server started" in restored(w, "09:01:30")


def test_a_silenced_archive_leaves_a_hole_until_the_next_backup() -> None:
    w = world()
    w.advance_to(20)
    said(w, "psql -c \"ALTER SYSTEM SET archive_command = '/bin/true'\" payments")
    said(w, "psql -c 'SELECT pg_reload_conf()' payments")
    w.advance_to(90)
    assert number(w, "select failed_count from pg_stat_archiver") == 0
    assert "must contain pgbackrest" in said(w, "pgbackrest --stanza=payments check")
    assert "missing:" in said(w, "pgbackrest --stanza=payments verify")
    said(w, "psql -c 'ALTER SYSTEM RESET archive_command' payments")
    said(w, "psql -c 'SELECT pg_reload_conf()' payments")
    w.advance_to(150)
    assert "recovery ended before" in restored(w, "09:01:00")
    assert "server started" in restored(w, "09:00:15")
    assert code(w, "pgbackrest --stanza=payments --type=full backup") == 0
    made = w.now_s
    w.advance_to(made + 60)
    stanza = stanzas(w)["payments-db"]
    assert reach(stanza, stanza.backups[-1]) > made + 30
    assert reach(stanza, stanza.backups[0]) < 30


def test_the_latest_time_replays_the_drop() -> None:
    w = world()
    w.advance_to(30)
    said(w, "psql -c 'DROP TABLE payments' payments")
    w.advance_to(70)
    said(w, f"pgbackrest --stanza=payments {SIDE} restore")
    assert "server started" in said(w, "pg_ctl -D /var/lib/pgsql/restore start")
    assert "no matching tables" in said(w, "pg_dump -h restore -t payments payments")


def test_a_paused_copy_is_in_recovery_until_it_is_promoted() -> None:
    w = world()
    w.advance_to(50)
    assert "pg_wal_replay_resume" in restored(w, "09:00:20")
    assert said(w, "psql -h restore -Atc 'select pg_is_in_recovery()' payments") == "t\n"
    said(w, "psql -h restore -c 'select pg_wal_replay_resume()' payments")
    assert said(w, "psql -h restore -Atc 'select pg_is_in_recovery()' payments") == "f\n"
    assert "not simulated" in said(w, "psql -h restore -c 'delete from payments' payments")


def test_a_fork_with_a_restored_copy_goes_on_alike() -> None:
    w = world()
    w.advance_to(50)
    restored(w, "09:00:20")
    other = w.fork()
    for each in (w, other):
        said(each, "psql -c 'DROP TABLE payments' payments")
        said(each, "pg_dump -h restore -t payments payments | psql payments")
        each.advance_to(w.now_s)
    assert w.digest() == other.digest()
    assert number(w, "select sum(amount) from payments") == number(other, "select sum(amount) from payments")


def test_looking_changes_nothing() -> None:
    w, other = world(), world()
    for each in (w, other):
        each.advance_to(30)
    for line in (
        "pgbackrest info",
        "pgbackrest --stanza=payments verify",
        f"pg_ctl -D {MAIN} status",
        "pg_dump payments",
    ):
        said(w, line)
    for each in (w, other):
        each.events.clear()
        each.advance_to(40)
    assert w.digest() == other.digest()


@pytest.mark.parametrize(
    ("line", "wanted", "exit_code"),
    [
        ("pgbackrest --stanza=nope check", "unable to load info file", 55),
        ("pgbackrest check", "command requires option: stanza", 37),
        ("pgbackrest --stanza=payments frobnicate", "invalid command 'frobnicate'", 48),
        ("pgbackrest --stanza=payments --frob restore", "invalid option '--frob'", 31),
        ("pgbackrest --stanza=payments --type=time restore", "requires option: target", 37),
        ("pgbackrest --stanza=payments --target=x restore", "not valid without option 'type'", 31),
        (f"pgbackrest --stanza=payments {SIDE} --type=time --target=tomorrow restore", "time format must be", 29),
        (f"pgbackrest --stanza=payments {SIDE} --type=time --target='2026-02-31 00:00:00' restore", "time format", 29),
        (f"pgbackrest --stanza=payments {SIDE} --type=time --target='1999-01-01 00:00:00' restore", "unable to find backup set", 75),
        (f"pgbackrest --stanza=payments {SIDE} --set=../../etc restore", "is not valid", 75),
        ("pgbackrest --stanza=payments --pg1-path=/etc restore", "missing path", 73),
        ("pgbackrest stanza-create", "not simulated", 1),
        ("pg_ctl -D /etc start", "does not exist", 1),
        ("pg_ctl start", "no database directory specified", 1),
        ("pg_ctl -D /var/lib/pgsql/restore start", "is not a database cluster directory", 1),
        ("pg_ctl -D /var/lib/pgsql/15/data kill", "not simulated", 1),
        ("pg_dump -h nowhere payments", "could not translate host name", 1),
        ("pg_dump -t nope payments", "no matching tables", 1),
        ("pg_dump -Fc payments", "not simulated", 1),
    ],
)  # fmt: skip
def test_what_the_consoles_refuse(line: str, wanted: str, exit_code: int) -> None:
    w = world()
    w.advance_to(6)
    assert wanted in said(w, line)
    assert code(w, line) == exit_code


def test_hostile_words_are_only_words() -> None:
    w = world()
    w.advance_to(6)
    for option in (*VALUED, *FLAGS):
        for value in ("", "x" * 5_000, "-1", "9" * 400, "'; DROP TABLE payments; --", "\x00", "%s{0}"):
            quoted = value.replace("'", "'\\''")
            said(w, f"pgbackrest --stanza=payments --{option}='{quoted}' info")
            said(
                w,
                f"pgbackrest --{option}='{quoted}' --stanza=payments --type=time --target='{quoted}' restore",
            )
    block = "COPY payments (order_id) FROM stdin;\\n" + "1\\n" * 2_000
    assert "duplicate key" in said(w, f"printf '{block}' | psql payments")
    assert number(w, "select count(*) from payments") > 6_000_000


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "COPY payments (order_id) FROM stdin;\\nabc\\n\\\\.\\n",
            'invalid input syntax for type bigint: "abc"',
        ),
        ("COPY payments (order_id, amount) FROM stdin;\\n5\\n\\\\.\\n", 'missing data for column "amount"'),
        ("COPY payments (order_id) FROM stdin;\\n5\\t6\\n\\\\.\\n", "extra data after last expected column"),
        ("COPY nope (a) FROM stdin;\\n5\\n\\\\.\\n", 'relation "nope" does not exist'),
        (
            "COPY payments (nope) FROM stdin;\\n5\\n\\\\.\\n",
            'column "nope" of relation "payments" does not exist',
        ),
        ("COPY payments (order_id) FROM stdin;\\n\\\\N\\n\\\\.\\n", "violates not-null constraint"),
    ],
)
def test_copy_complains_as_the_server_does(text: str, wanted: str) -> None:
    w = world()
    w.advance_to(6)
    assert wanted in said(w, f"printf '{text}' | psql payments")


def test_rows_of_a_script_go_into_any_table() -> None:
    w = world()
    w.advance_to(6)
    said(w, "psql -c 'CREATE TABLE notes (id int PRIMARY KEY, what text)' payments")
    shown = said(
        w,
        "printf 'COPY notes (id, what) FROM stdin;\\n1\\ta b\\n2\\t\\\\N\\n\\\\.\\nSELECT 7;\\n' | psql -At payments",
    )
    assert "COPY 2" in shown and "7" in shown
    assert said(w, "psql -Atc 'select id, what is null from notes order by 1' payments") == "1|f\n2|t\n"


def test_both_languages_speak() -> None:
    for language, word in (("ru", "не моделируется"), ("en", "not simulated")):
        w = world(language=language)
        w.advance_to(6)
        assert word in said(w, "pgbackrest stanza-create")
        assert word in said(w, "pg_dump -Fc payments")
        assert "could not open input file" in said(w, "pg_restore x")
