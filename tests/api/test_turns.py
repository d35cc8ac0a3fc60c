"""People before streams, and a collector that waits for a quiet moment."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.http import collecting, turns
from api.http.collecting import Collector
from api.http.turns import PeopleFirst
from api.store import Effect, Entry, Header, SqliteStore
from tests.api.http_client import client_of, fake_context, joined


def aside_s(first: PeopleFirst) -> float:
    began = time.monotonic()
    first.step_aside()
    return time.monotonic() - began


def test_a_stream_steps_aside_while_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "ASIDE_S", 30.0)
    first = PeopleFirst()
    first.step_aside()  # nobody waits: at once
    order: list[str] = []
    with first.request():
        stream = threading.Thread(target=lambda: (first.step_aside(), order.append("stream")))
        stream.start()
        time.sleep(0.05)
        assert first.somebody_waits()
        order.append("person")
    stream.join(10)
    assert order == ["person", "stream"]
    assert not first.somebody_waits()


def test_a_long_request_holds_streams_up_once() -> None:
    first = PeopleFirst()
    with first.request():
        assert aside_s(first) >= turns.ASIDE_S
        assert aside_s(first) < turns.ASIDE_S
        with first.request():  # somebody new
            assert aside_s(first) >= turns.ASIDE_S


def test_requests_are_known_to_be_under_way_and_to_be_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = fake_context(tmp_path, monkeypatch)
    waiting: list[bool] = []
    plain = context.service.submit
    monkeypatch.setattr(
        context.service,
        "submit",
        lambda *a: (waiting.append(context.first.somebody_waits()), plain(*a))[1],
    )
    with client_of(context) as client:
        who = joined(client)
        session = client.post("/v1/sessions", json={"scenario": "payment-pool"}, headers=who).json()["id"]
        assert client.post(f"/v1/sessions/{session}/commands", json={"line": "look"}, headers=who).is_success
        assert client.post(
            "/v1/sessions/nobodys/commands", json={"line": "look"}, headers=who
        ).is_client_error
        assert waiting == [True]
        assert not context.first.somebody_waits()
        assert "dropprod_command_seconds_count 1" in client.get("/metrics").text, "answered ones alone"


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    found: list[int] = []
    monkeypatch.setattr(collecting.gc, "collect", lambda: found.append(1))
    monkeypatch.setattr(collecting.gc, "get_count", lambda: (0, 0, 0))
    yield found


def test_garbage_is_looked_for_when_worlds_were_let_go(collections: list[int]) -> None:
    now, let_go, busy = 100.0, 0, True
    collector = Collector(lambda: let_go, lambda: busy, lambda: now)
    assert not collector.step()
    let_go = collecting.WORLDS
    assert not collector.step(), "somebody waits for an answer"
    now += collecting.QUIET_S
    assert collector.step(), "but not for ever"
    assert not collector.step()
    now, busy = now + collecting.AT_LEAST_EVERY_S, False
    assert collector.step(), "now and then in any case"
    assert len(collections) == 2


def test_all_that_was_made_by_then_is_left_alone() -> None:
    thresholds = gc.get_threshold()
    try:
        Collector(lambda: 0, lambda: False).begin()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[:2] == thresholds[:2]
        assert gc.get_threshold()[2] == collecting.NEVER
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def test_worlds_let_go_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = fake_context(tmp_path, monkeypatch)
    with client_of(context) as client:
        assert begin(client) and begin(client)
        assert context.service.let_go_count() == 0
        context.service.forget("s1")
        assert context.service.let_go_count() == 1


def begin(client: TestClient) -> str:
    made = client.post("/v1/sessions", json={"scenario": "payment-pool"}, headers=joined(client))
    return str(made.json()["id"])


def test_a_look_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    """While somebody's line is on its way to the disk others can read, and see none of it yet."""
    store = SqliteStore(tmp_path / "sessions.db")
    store.create(Header("s", "payment-pool", "d", 1, "v", "en", "2026-01-01T00:00:00+00:00"))
    read: list[int] = []

    def slow(db: object) -> None:
        assert hasattr(db, "execute")
        db.execute("INSERT INTO entries VALUES ('s', 1, 0.0, 'command', 'look')")
        reader = threading.Thread(target=lambda: read.append(store.last_seq("s")))
        reader.start()
        reader.join(10)

    store.write(slow)
    assert read == [0]
    assert store.last_seq("s") == 1
    store.complete("s", 1, Effect("d", 1.0))
    assert store.entries("s") == [Entry(1, 0.0, "command", "look", Effect("d", 1.0))]
    store.close()
