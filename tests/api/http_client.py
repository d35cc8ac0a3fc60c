"""The HTTP application over a store in a test's folder, with the fake world behind it or the real one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from api.http.app import create_app
from api.http.compose import Settings, compose
from api.http.context import Context
from api.service import ApplicationService
from api.store import SqliteStore
from tests.api.fakes import FakeReviewer, fake_simulator, utc_now

QUICK = Settings(requests_per_s=10_000, reviews_per_minute=10_000, players_per_minute=10_000)


@contextmanager
def client_of(context: Context) -> Iterator[TestClient]:
    with TestClient(create_app(context), raise_server_exceptions=False) as client:
        yield client


def real_context(folder: Path, monkeypatch: Any, settings: Settings = QUICK) -> Context:
    monkeypatch.setenv("DROPPROD_HOME", str(folder))
    return compose(settings)


def fake_context(folder: Path, monkeypatch: Any, reviewer: Any = None, settings: Settings = QUICK) -> Context:
    """The real parts, but for the world and whoever judges."""
    real = real_context(folder, monkeypatch, settings)
    names = iter(f"s{n}" for n in range(1, 10_000))
    service = ApplicationService(
        real.store, fake_simulator(), reviewer or FakeReviewer(), lambda: next(names), utc_now, True, 50
    )
    return replace(real, service=service)


def other_replica(context: Context, folder: Path) -> Context:
    """A second process' parts on the same database."""
    store = SqliteStore(folder / "sessions.db")
    names = iter(f"other{n}" for n in range(1, 10_000))
    service = ApplicationService(
        store, fake_simulator(), FakeReviewer(), lambda: next(names), utc_now, True, 50
    )
    return replace(context, store=store, service=service)


def joined(client: TestClient, code: str | None = None) -> dict[str, str]:
    """The headers of a new player."""
    answer = client.post("/v1/players", json={} if code is None else {"code": code})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}
