"""Both keepers of sessions keep the same promises: SQLite's file, and a real PostgreSQL where there is one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.players import FREE, FULL, Players
from api.service import ApplicationService
from api.store import Conflict, Effect, Entry, Header, SqliteStore, SqlStore, StoreError
from tests.api.fakes import FakeReviewer, fake_simulator, utc_now
from tests.api.postgres_server import Server, available

HEADER = Header("s1", "payment-pool", "d" * 16, 7, "0.1.0", "ru", "2026-11-20T15:00:00+00:00")


def _lines(world: Any, *_: Any) -> list[str]:
    return list(world.lines)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if not available():
        pytest.skip("no PostgreSQL on this machine")
    found = Server()
    yield found
    found.close()


@pytest.fixture(params=["sqlite", "postgres"])
def keepers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[SqlStore, SqlStore]]:
    """Two connections to one empty store, as two replicas have them."""
    if request.param == "sqlite":
        pair: tuple[SqlStore, SqlStore] = (SqliteStore(tmp_path / "s.db"), SqliteStore(tmp_path / "s.db"))
    else:
        from api.postgres_store import PostgresStore

        url = request.getfixturevalue("server").url
        first = PostgresStore(url)
        first.write(lambda db: db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
        first.close()
        pair = (PostgresStore(url), PostgresStore(url))
    yield pair
    for keeper in pair:
        keeper.close()


def test_what_one_replica_keeps_the_other_reads(keepers: tuple[SqlStore, SqlStore]) -> None:
    here, there = keepers
    here.create(HEADER, [Entry(1, 0.0, "command", "взгляд 'на' %s ?", Effect("a" * 16, 2.0))])
    there.append("s1", Entry(2, 2.5, "postmortem", "разбор\nв две строки"))
    there.complete("s1", 2, Effect("b" * 16, 2.5))
    assert here.header("s1") == HEADER
    assert here.header("s2") is None
    assert here.entries("s1") == [
        Entry(1, 0.0, "command", "взгляд 'на' %s ?", Effect("a" * 16, 2.0)),
        Entry(2, 2.5, "postmortem", "разбор\nв две строки", Effect("b" * 16, 2.5)),
    ]
    assert here.last_seq("s1") == 2
    assert here.last_seq("s2") == 0
    assert here.headers() == [(HEADER, 2, 2.5)]


def test_a_place_in_a_log_is_taken_once(keepers: tuple[SqlStore, SqlStore]) -> None:
    here, there = keepers
    here.create(HEADER)
    won: list[int] = []

    def write(keeper: SqlStore, number: int) -> None:
        for seq in range(1, 31):
            try:
                keeper.append("s1", Entry(seq, 0.0, "command", str(number)))
                won.append(number)
            except Conflict:
                pass

    writers = [threading.Thread(target=write, args=(k, n)) for n, k in enumerate((here, there))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(won) == 30
    assert [e.seq for e in here.entries("s1")] == list(range(1, 31))


def test_a_second_effect_is_a_conflict(keepers: tuple[SqlStore, SqlStore]) -> None:
    here, there = keepers
    here.create(HEADER, [Entry(1, 0.0, "command", "x")])
    here.complete("s1", 1, Effect("a" * 16, 1.0))
    with pytest.raises(Conflict):
        there.complete("s1", 1, Effect("b" * 16, 1.0))


def test_a_session_is_created_whole_or_not_at_all(keepers: tuple[SqlStore, SqlStore]) -> None:
    here, there = keepers
    twice = [Entry(1, 0.0, "command", "x"), Entry(1, 0.0, "command", "y")]
    with pytest.raises(StoreError):
        here.create(HEADER, twice)
    assert there.header("s1") is None


@pytest.mark.parametrize("table", ["sessions", "entries", "effects"])
@pytest.mark.parametrize("verb", ["UPDATE {0} SET {1} = 1", "DELETE FROM {0}"])
def test_a_log_cannot_be_changed(keepers: tuple[SqlStore, SqlStore], table: str, verb: str) -> None:
    here, _ = keepers
    here.create(HEADER, [Entry(1, 0.0, "command", "x", Effect("a" * 16, 1.0))])
    column = {"sessions": "seed", "entries": "t_s", "effects": "now_s"}[table]
    with pytest.raises(StoreError, match="append-only"):
        here.write(lambda db: db.execute(verb.format(table, column)))
    assert here.entries("s1")[0].line == "x"


def test_players_are_known_by_their_tokens_only(keepers: tuple[SqlStore, SqlStore]) -> None:
    here, there = keepers
    tokens, names = iter(["one", "two", "link"]), iter(["p1", "p2"])
    players = Players(here, lambda: next(tokens), lambda: next(names), utc_now, codes=("open sesame",))
    first, token = players.join(FULL)
    second, _ = players.join(FREE)
    other = Players(there, lambda: "x", lambda: "x", utc_now)
    assert other.by_token(token) == first
    assert other.by_token("dp_") is None
    assert (players.plan_for("open sesame"), players.plan_for(None), players.plan_for("sesame")) == (
        FULL,
        FREE,
        None,
    )
    here.create(HEADER)
    players.give("s1", first.id)
    assert other.owns(first.id, "s1")
    assert not other.owns(second.id, "s1")
    assert [h.id for h, _, _ in other.sessions(first.id, 10, 0)] == ["s1"]
    link = players.share("s1", words=False)
    assert other.shared(link) is not None
    assert players.unshare("s1") == 1
    assert other.shared(link) is None
    kept = here.read(lambda db: [*db.execute("SELECT token_hash FROM players").fetchall()])
    assert all(token not in row[0] and "one" not in row[0] for row in kept)


def test_two_replicas_play_one_session_in_turns(keepers: tuple[SqlStore, SqlStore]) -> None:
    """Each sees what the other did, in the order in which it was done; nothing is done twice."""
    services = [
        ApplicationService(k, fake_simulator(), FakeReviewer(), lambda: "s1", utc_now, shared=True)
        for k in keepers
    ]
    services[0].create("payment-pool", 1, "en")
    for number in range(8):
        services[number % 2].submit("s1", f"look {number}")
    expected = [f"look {n}" for n in range(8)]
    for service in services:
        assert [e.line for e in service.log("s1")] == expected
        assert service.look("s1", _lines) == expected


def test_worlds_in_memory_are_bounded(keepers: tuple[SqlStore, SqlStore]) -> None:
    names = iter(f"s{n}" for n in range(20))
    service = ApplicationService(
        keepers[0], fake_simulator(), FakeReviewer(), lambda: next(names), utc_now, True, 3
    )
    for _ in range(9):
        service.create("payment-pool", 1, "en")
    for n in range(9):
        service.submit(f"s{n}", "look 1")
        assert service.live_count() <= 3
    assert service.look("s0", _lines) == ["look 1"]


def test_a_database_that_was_killed_is_used_again_at_once(server: Server) -> None:
    """Connections that lie in the pool are dead then; whoever comes first must not pay for it."""
    from api.postgres_store import PostgresStore

    store = PostgresStore(server.url)
    header = Header("k1", "payment-pool", "d" * 16, 7, "0.1.0", "ru", "2026-11-20T15:00:00+00:00")
    try:
        store.create(header)
        for seq, act in enumerate(("read", "write"), 1):
            server.kill()
            server.start()
            if act == "read":
                assert store.last_seq("k1") == seq - 1
            store.append("k1", Entry(seq, 0.0, "command", act))
        assert [e.line for e in store.entries("k1")] == ["read", "write"]
    finally:
        store.close()
