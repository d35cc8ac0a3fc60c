"""The store keeps what it acknowledged, and lets nobody change it."""

import sqlite3
import threading
from pathlib import Path

import pytest

from api.store import Conflict, Effect, Entry, Header, SqliteStore, StoreError

HEADER = Header("s1", "payment-pool", "d" * 16, 7, "0.1.0", "ru", "2026-11-20T15:00:00+00:00")


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    kept = SqliteStore(tmp_path / "deep" / "sessions.db")
    kept.create(HEADER)
    return kept


def test_what_goes_in_comes_out(store: SqliteStore) -> None:
    entry = Entry(1, 12.5, "command", "kubectl get pods | grep 'ошибка'\t—")
    store.append("s1", entry)
    store.complete("s1", 1, Effect("a" * 16, 14.5))
    assert store.header("s1") == HEADER
    assert store.header("s2") is None
    assert store.entries("s1") == [Entry(1, 12.5, "command", entry.line, Effect("a" * 16, 14.5))]
    assert store.headers() == [(HEADER, 1, 14.5)]


def test_an_entry_is_there_before_its_effect(store: SqliteStore) -> None:
    store.append("s1", Entry(1, 0.0, "command", "deploy"))
    assert store.entries("s1")[0].effect is None


def test_a_second_writer_gets_a_clear_conflict(store: SqliteStore, tmp_path: Path) -> None:
    other = SqliteStore(tmp_path / "deep" / "sessions.db")
    other.append("s1", Entry(1, 0.0, "command", "mine"))
    with pytest.raises(Conflict, match=r"entry 1 is already there.*open elsewhere"):
        store.append("s1", Entry(1, 0.0, "command", "theirs"))
    assert [e.line for e in store.entries("s1")] == ["mine"]
    store.append("s1", Entry(2, 0.0, "command", "next"))


def test_an_effect_is_recorded_once(store: SqliteStore) -> None:
    store.append("s1", Entry(1, 0.0, "command", "x", Effect("a" * 16, 1.0)))
    with pytest.raises(Conflict):
        store.complete("s1", 1, Effect("b" * 16, 1.0))
    assert store.entries("s1")[0].effect == Effect("a" * 16, 1.0)


@pytest.mark.parametrize("table", ["sessions", "entries", "effects"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET rowid_free = 1", "DELETE FROM {}"])
def test_nothing_can_be_changed_or_deleted(store: SqliteStore, tmp_path: Path, table: str, verb: str) -> None:
    store.append("s1", Entry(1, 0.0, "command", "x", Effect("a" * 16, 1.0)))
    columns = {"sessions": "seed", "entries": "t_s", "effects": "now_s"}
    statement = verb.format(table).replace("rowid_free", columns[table])
    db = sqlite3.connect(tmp_path / "deep" / "sessions.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)


def test_an_effect_needs_its_entry_and_an_entry_its_session(store: SqliteStore) -> None:
    with pytest.raises(StoreError):
        store.append("nobody", Entry(1, 0.0, "command", "x"))
    with pytest.raises(StoreError):
        store.complete("s1", 9, Effect("a" * 16, 1.0))


def test_a_session_starts_with_all_its_entries_or_not_at_all(store: SqliteStore) -> None:
    twice = [Entry(1, 0.0, "command", "a"), Entry(1, 0.0, "command", "b")]
    with pytest.raises(StoreError):
        store.create(Header(**{**HEADER.__dict__, "id": "s2"}), twice)
    assert store.header("s2") is None
    store.append("s1", Entry(1, 0.0, "command", "the connection still works"))


def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "sessions.db").write_text("this is a diary, not a database, and quite a long one at that")
    with pytest.raises(StoreError, match="not a database"):
        SqliteStore(tmp_path / "sessions.db")


def test_a_file_in_place_of_the_folder_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match="cannot open"):
        SqliteStore(tmp_path / "home" / "sessions.db")


def test_a_newer_format_is_refused(store: SqliteStore, tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "deep" / "sessions.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="newer dropprod"):
        SqliteStore(tmp_path / "deep" / "sessions.db")


def test_a_commit_is_on_the_disk_when_it_returns(store: SqliteStore) -> None:
    """WAL with synchronous=FULL: the settings that make an acknowledged entry outlive a power cut."""
    assert store._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert store._db.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_first_starts_at_the_same_moment_do_not_clash(tmp_path: Path) -> None:
    failures: list[Exception] = []

    def start(number: int) -> None:
        try:
            SqliteStore(tmp_path / "new" / "sessions.db").create(
                Header(**{**HEADER.__dict__, "id": f"s{number}"})
            )
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=start, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(SqliteStore(tmp_path / "new" / "sessions.db").headers()) == 12
