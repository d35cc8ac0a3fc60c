"""The HTTP door over the real simulator: state, stream, link, interview, completions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.api.http_client import client_of, joined, real_context


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch:
        folder: Path = tmp_path_factory.mktemp("home")
        with client_of(real_context(folder, patch)) as found:
            yield found


@pytest.fixture(scope="module")
def played(client: TestClient) -> tuple[dict[str, str], str]:
    """A player in the middle of the demo's incident."""
    who = joined(client)
    session = client.post(
        "/v1/sessions", json={"scenario": "payment-pool", "language": "ru"}, headers=who
    ).json()["id"]
    for line in ("deploy payment-service v2.8.1", "wait 120"):
        assert (
            client.post(f"/v1/sessions/{session}/commands", json={"line": line}, headers=who).status_code
            == 200
        )
    return who, session


def test_the_state_shows_the_incident(client: TestClient, played: tuple[dict[str, str], str]) -> None:
    who, session = played
    state = client.get(f"/v1/sessions/{session}/state", headers=who).json()
    assert state["health"]["payments-db"]["state"] == "bad"
    assert state["health"]["catalog"]["state"] == "ok"
    assert state["series"]["success_rate"][-1] < 0.2
    assert len({len(v) for v in state["series"].values()}) == 1
    later = client.get(f"/v1/sessions/{session}/state?since_s=100&since_event=3", headers=who).json()
    assert later["series"]["t"][0] == 100.0
    assert later["events"][0]["n"] == 3
    outline = client.get(f"/v1/sessions/{session}", headers=who).json()
    names = {n["id"] for n in outline["topology"]["nodes"]}
    assert {(e["from"], e["to"]) for e in outline["topology"]["edges"]} >= {
        ("payment-service", "payments-db")
    }
    assert all(e["from"] in names and e["to"] in names for e in outline["topology"]["edges"])
    assert (
        client.get(f"/v1/sessions/{session}/facts", headers=who).json()["facts"]["failed_requests"] > 10_000
    )


def test_looking_changes_nothing(client: TestClient, played: tuple[dict[str, str], str]) -> None:
    who, session = played
    world = client.app.state.context.service._live(session).world  # type: ignore[attr-defined]
    before = world.digest()
    for what in ("", "/state", "/facts", "/log", "/completions?prefix=kubectl%20g", "/reviews", "/export"):
        assert client.get(f"/v1/sessions/{session}{what}", headers=who).status_code == 200
    assert world.digest() == before


def test_a_link_shows_the_session_to_anybody(client: TestClient, played: tuple[dict[str, str], str]) -> None:
    who, session = played
    path = client.post(f"/v1/sessions/{session}/shares", json={}, headers=who).json()["path"]
    shown = client.get(path).json()
    assert shown["outline"]["scenario"] == "payment-pool"
    assert [e["line"] for e in shown["entries"]][:1] == ["deploy payment-service v2.8.1"]


def test_a_stream_sends_the_state_and_then_what_is_new(
    client: TestClient, played: tuple[dict[str, str], str]
) -> None:
    who, session = played
    token = who["Authorization"].split()[1]
    url = f"/v1/sessions/{session}/stream"
    with client.websocket_connect(url, subprotocols=["dropprod", token]) as socket:
        first = json.loads(socket.receive_text())
        assert first["from_s"] == 0
        assert socket.accepted_subprotocol == "dropprod"
        client.post(f"/v1/sessions/{session}/commands", json={"line": "wait 5"}, headers=who)
        second = json.loads(socket.receive_text())
        assert second["now_s"] == first["now_s"] + 5
        assert second["from_s"] == int(first["series"]["t"][-1]) + 1
        assert second["events"][0]["n"] == len(first["events"])


def test_live_pace_runs_while_somebody_looks(client: TestClient, played: tuple[dict[str, str], str]) -> None:
    who, session = played
    assert client.put(f"/v1/sessions/{session}/speed", json={"speed": 10}, headers=who).status_code == 200
    with client.websocket_connect(f"/v1/sessions/{session}/stream", headers=who) as socket:
        first = json.loads(socket.receive_text())
        later = [json.loads(socket.receive_text()) for _ in range(2)][-1]
    client.put(f"/v1/sessions/{session}/speed", json={"speed": 0}, headers=who)
    assert later["now_s"] >= first["now_s"] + 5


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer dp_nobody"}])
def test_a_stream_is_for_its_owner(
    client: TestClient, played: tuple[dict[str, str], str], headers: dict[str, str]
) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect(f"/v1/sessions/{played[1]}/stream", headers=headers),
    ):
        pass
    assert refused.value.code == 4401
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect(f"/v1/sessions/{played[1]}/stream", headers=joined(client)),
    ):
        pass
    assert refused.value.code == 4404


def test_an_interview_goes_on_where_it_was(client: TestClient) -> None:
    who = joined(client)
    prompts = client.get("/v1/interviews/prompts").json()["prompts"]
    assert len(prompts) >= 8
    body = {"prompt": prompts[0]["id"], "length": "short", "language": "en"}
    begun = client.post("/v1/interviews", json=body, headers=who).json()
    said = client.post(
        f"/v1/interviews/{begun['id']}/turns", json={"text": "I don't know"}, headers=who
    ).json()
    client.app.state.context.interviews.drop(begun["id"])  # type: ignore[attr-defined]
    seen = client.get(f"/v1/interviews/{begun['id']}", headers=who).json()
    assert [x["who"] for x in seen["lines"]] == ["interviewer", "candidate", "interviewer"]
    assert seen["lines"][-1]["text"] == said["answer"]
    assert client.get(f"/v1/interviews/{begun['id']}", headers=joined(client)).status_code == 404


def test_the_library_is_searched(client: TestClient) -> None:
    who = joined(client)
    found: list[dict[str, Any]] = client.get(
        "/v1/library?q=connection%20pool&lang=en&limit=5", headers=who
    ).json()["incidents"]
    assert len(found) == 5
    one = client.get(f"/v1/library/{found[0]['id']}?lang=ru").json()
    assert one["source_url"].startswith("https://")
