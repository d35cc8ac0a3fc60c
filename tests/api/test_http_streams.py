"""Streams: their places, their cost when nothing is new, and that nobody waits for somebody else's long command."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.http import streams
from api.http.context import Context
from api.http.guard import MOST_UNDER_WAY
from api.http.streams import MOST_AT_ONCE_S, MOST_STREAMS, Pace, _Cursor
from api.ports import SessionError
from tests.api.fakes import FakeReviewer
from tests.api.http_client import client_of, fake_context, joined


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds at which a state was built; the fake world has few things to show."""
    found: list[float] = []

    def state(*_: Any) -> Any:
        def view(world: Any, *_: Any) -> dict[str, Any]:
            found.append(world.now_s)
            return {"now_s": world.now_s, "events": [], "series": {"t": []}, "more": False}

        return view

    monkeypatch.setattr(streams.views, "state", state)
    return found


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: list[float]) -> Context:
    return fake_context(tmp_path, monkeypatch)


@pytest.fixture
def client(context: Context) -> Iterator[TestClient]:
    with client_of(context) as found:
        yield found


def begin(client: TestClient, who: dict[str, str]) -> str:
    name: str = client.post("/v1/sessions", json={"scenario": "payment-pool"}, headers=who).json()["id"]
    return name


def leave(client: TestClient, path: str, who: dict[str, str], after: int) -> int:
    """Ask for a stream and leave after so many messages of the server's; how many came."""
    sent = 0

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        nonlocal sent
        if sent >= after:
            raise OSError("the client has gone")
        sent += 1

    headers = [(k.lower().encode(), v.encode()) for k, v in who.items()]
    scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1"} | {
        "method": "GET", "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip

    async def ask() -> None:
        try:
            await asyncio.wait_for(client.app(scope, receive, send), 5)  # type: ignore[arg-type]
        except* OSError:
            pass

    asyncio.run(ask())
    return sent


def test_a_client_that_leaves_gives_its_place_back(client: TestClient, context: Context) -> None:
    who = joined(client)
    path = f"/v1/sessions/{begin(client, who)}/events"
    for after in (0, 1, 2) * MOST_STREAMS:
        leave(client, path, who, after)
        assert context.streams == {}
        assert context.under_way == {}
    assert "dropprod_streams_open 0" in client.get("/metrics").text


def test_streams_of_a_player_are_counted(client: TestClient, context: Context) -> None:
    who = joined(client)
    session = begin(client, who)
    context.streams[client.get("/v1/me", headers=who).json()["id"]] = MOST_STREAMS
    refused = client.get(f"/v1/sessions/{session}/events", headers=who)
    assert (refused.status_code, refused.json()["title"]) == (429, "too-many-requests")
    assert refused.headers["content-type"] == "application/problem+json"


def test_nothing_is_built_when_nothing_is_new(
    client: TestClient, context: Context, built: list[float]
) -> None:
    who = joined(client)
    session = begin(client, who)
    cursor = _Cursor(context, session)
    assert cursor.step() is not None
    assert [cursor.step() for _ in range(5)] == [None] * 5
    assert built == [0.0]
    client.post(f"/v1/sessions/{session}/commands", json={"line": "look"}, headers=who)
    assert cursor.step() is not None
    assert cursor.step() is None
    assert built == [0.0, 2.0]
    cursor.sent_at -= streams.BEAT_S + 1
    assert cursor.step() is not None  # something now and then: proxies cut what is silent


def test_a_session_where_nobody_types_is_looked_at_less_often(
    client: TestClient, context: Context, built: list[float]
) -> None:
    who = joined(client)
    session = begin(client, who)
    context.pace.set(session, 1)
    cursor = _Cursor(context, session)

    def looked() -> bool:
        before = cursor.looked_at
        asyncio.run(cursor.next())
        return cursor.looked_at != before

    assert [looked(), looked()] == [True, True]
    cursor.typed_at -= streams.IDLE_AFTER_S
    assert [looked(), looked()] == [False, False]
    client.post(f"/v1/sessions/{session}/commands", json={"line": "look"}, headers=who)
    assert [looked(), looked()] == [True, True]  # somebody typed: at once
    cursor.typed_at -= streams.IDLE_AFTER_S
    assert not looked()
    cursor.looked_at -= streams.IDLE_EVERY_S
    assert looked()


def test_a_busy_session_is_left_out_and_nobody_waits(client: TestClient, context: Context) -> None:
    who = joined(client)
    busy, other = begin(client, who), begin(client, who)
    live = context.service._lives[busy]

    async def both() -> list[Any]:
        return list(await asyncio.gather(_Cursor(context, busy).next(), _Cursor(context, other).next()))

    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with live.lock:
            holding.set()
            done.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(5)
    began = time.monotonic()
    found = asyncio.run(both())
    done.set()
    holder.join()
    assert time.monotonic() - began < 3
    assert found[0] is None
    assert found[1] is not None


def test_pace_catches_up_a_little_at_a_time() -> None:
    pace = Pace()
    pace.set("s", 10)
    assert pace.due_s("s", 0.0) == 0.0
    assert pace.due_s("s", 0.0625) == 0.0
    assert pace.due_s("s", 0.125) == 1.0  # what was left over is not lost
    assert pace.due_s("s", 1.5) == 14.0
    assert [pace.due_s("s", 4.5) for _ in range(3)] == [MOST_AT_ONCE_S, 10.0, 0.0]
    assert sum(pace.due_s("s", 1000.0) for _ in range(9)) == 50.0  # nobody looked: the world stood still


def test_a_player_has_so_many_requests_under_way(
    client: TestClient, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = joined(client)
    session = begin(client, who)
    going = threading.Event()
    monkeypatch.setattr(context.service, "submit", lambda *_: going.wait(10) and None)
    path, body = f"/v1/sessions/{session}/commands", {"line": "wait 1800"}
    threads = [
        threading.Thread(target=client.post, args=(path,), kwargs={"json": body, "headers": who})
        for _ in range(MOST_UNDER_WAY)
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 5
    while sum(context.under_way.values()) < MOST_UNDER_WAY and time.monotonic() < until:
        time.sleep(0.01)
    assert client.get("/v1/me", headers=who).status_code == 429
    assert client.get("/v1/me", headers=joined(client)).status_code == 200
    going.set()
    for thread in threads:
        thread.join()
    assert client.get("/v1/me", headers=who).status_code == 200
    assert context.under_way == {}


def test_a_review_does_not_hold_its_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(FakeReviewer):
        begun, go_on = threading.Event(), threading.Event()

        def __call__(self, *args: Any, **more: Any) -> dict[str, Any]:
            self.begun.set()
            assert self.go_on.wait(10)
            return super().__call__(*args, **more)

    reviewer = Slow()
    context = fake_context(tmp_path, monkeypatch, reviewer)
    session = context.service.create("payment-pool", 1, "en").header.id
    judge = threading.Thread(target=context.service.review, args=(session, "postmortem", "what happened"))
    judge.start()
    assert reviewer.begun.wait(10)
    assert context.service.submit(session, "look").text == "did look\n"
    with pytest.raises(SessionError, match="under way"):
        context.service.review(session, "postmortem", "again")
    reviewer.go_on.set()
    judge.join()
    assert [e.kind for e in context.service.log(session)] == ["postmortem", "command", "model"]
    context.service.forget(session)
    assert context.service.resume(session).unanswered is None
