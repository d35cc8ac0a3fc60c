"""Every route of the application, found by itself: no other player reaches anything by it, no nonsense breaks it.

A route with a new kind of parameter fails here until somebody says what it names (`Mine.of`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from api.http.app import create_app
from tests.api.http_client import client_of, fake_context, joined

PROBLEM = "application/problem+json"
ANYBODY = {  # what needs no token, and why that is right
    "/v1/players": "makes one",
    "/v1/scenarios": "the catalogue",
    "/v1/library/{incident}": "published incidents",
    "/v1/interviews/prompts": "the questions",
    "/v1/agent/tools": "their schemas",
    "/v1/shared/{token}": "the link's token is the right to look",
    "/v1/openapi.json": "the interface",
    "/healthz": "operations",
    "/readyz": "operations",
    "/metrics": "operations; kept behind the proxy",
    "/": "the page",
    "/web/{name:path}": "the page",
}


@dataclass(frozen=True)
class Mine:
    """Everything the first player has."""

    session: str
    job: str
    interview: str
    story: str
    episode: str
    link: str

    def of(self, path: str, parameter: str) -> str:
        if parameter == "session":
            parameter = {"interviews": "interview", "stories": "story", "agent": "episode"}.get(
                path.split("/")[2], "session"
            )
        return str({**vars(self), "token": self.link, "incident": "x", "name:path": "x"}[parameter])

    def filled(self, path: str) -> str:
        for parameter in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
            path = path.replace("{" + parameter + "}", self.of(path, parameter))
        return path


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """(method, path) of everything that answers, documented or not; WS for a socket."""

    for route in app.routes:
        included = getattr(
            route, "original_router", None
        )  # newer frameworks keep a router that was included whole
        for found in included.routes if included is not None else [route]:
            methods = getattr(found, "methods", None)
            for method in sorted(methods - {"HEAD", "OPTIONS"}) if methods else ["WS"]:
                yield method, found.path


def sample(schema: dict[str, Any], whole: dict[str, Any], mine: Mine) -> Any:
    """A value that a schema allows; where it may name a session, the first player's."""
    if "$ref" in schema:
        return sample(whole["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]], whole, mine)
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return sample(schema[key][0], whole, mine)
    if "const" in schema or "enum" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    if schema.get("type") == "object":
        return {
            name: mine.session if name == "session" else sample(value, whole, mine)
            for name, value in schema.get("properties", {}).items()
            if name in schema.get("required", ()) or name == "session"
        }
    if schema.get("type") == "string":
        return "payment-service" if schema.get("pattern") else "x"
    return {"integer": 1, "number": 1.0, "boolean": False, "array": []}.get(schema.get("type", ""), "x")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with (
        pytest.MonkeyPatch.context() as patch,
        client_of(fake_context(tmp_path_factory.mktemp("home"), patch)) as found,
    ):
        yield found


@pytest.fixture
def owner(client: TestClient) -> dict[str, str]:
    return joined(client)


@pytest.fixture
def mine(client: TestClient, owner: dict[str, str]) -> Mine:
    def made(path: str, body: Any) -> Any:
        answer = client.post(path, json=body, headers=owner)
        assert answer.is_success, answer.text
        return answer.json()

    session = made("/v1/sessions", {"scenario": "payment-pool"})["id"]
    made(f"/v1/sessions/{session}/commands", {"line": "look"})
    prompt = client.get("/v1/interviews/prompts").json()["prompts"][0]["id"]
    review = {"kind": "action-items", "text": "a secret canary"}
    return Mine(
        session,
        made(f"/v1/sessions/{session}/reviews", review)["job"],
        made("/v1/interviews", {"prompt": prompt})["id"],
        made("/v1/stories", {})["id"],
        made("/v1/sessions", {"scenario": "payment-pool"})["id"],  # an episode is a session
        made(f"/v1/sessions/{session}/shares", {})["token"],
    )


def everything(client: TestClient) -> list[tuple[Any, ...]]:
    """All rows of the first player's, out of the store."""
    tables = ("sessions", "entries", "effects", "owners", "shares")
    store = client.app.state.context.store  # type: ignore[attr-defined]
    return [
        row for t in tables for row in store.read(lambda db, t=t: db.execute(f"SELECT * FROM {t}").fetchall())
    ]


def bodies(client: TestClient, mine: Mine) -> dict[tuple[str, str], Any]:
    whole = client.get("/v1/openapi.json").json()
    found = {}
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            found[method.upper(), path] = sample(content["schema"], whole, mine) if content else None
    return found


def test_nobody_reaches_what_is_somebody_elses(client: TestClient, owner: dict[str, str], mine: Mine) -> None:
    wait_for_job(client, owner, mine)
    other, body_of = joined(client), bodies(client, mine)
    before, tried = everything(client), 0
    for method, path in routes(client.app):  # type: ignore[arg-type]
        where, body = mine.filled(path), body_of.get((method, path))
        named = "{" in path or (isinstance(body, dict) and "session" in body)
        if path in ANYBODY or method == "WS":
            continue
        tried += 1
        for headers, status in ((other, 404), ({}, 401), ({"Authorization": "Bearer dp_" + "A" * 32}, 401)):
            if status == 404 and not named:
                continue
            answer = client.request(method, where, json=body, headers=headers)
            assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
            assert answer.headers["content-type"] == PROBLEM, path
            assert "secret canary" not in answer.text
    assert tried >= 35
    assert everything(client) == before
    assert client.get("/v1/sessions", headers=other).json()["sessions"] == []
    assert client.get("/v1/progress", headers=other).json()["sessions"] == []


def wait_for_job(client: TestClient, owner: dict[str, str], mine: Mine) -> None:
    while client.get(f"/v1/jobs/{mine.job}", headers=owner).json()["status"] not in ("done", "failed"):
        pass


def test_the_routes_that_need_no_token_are_those_that_are_named(client: TestClient, mine: Mine) -> None:
    open_to_all = set()
    for method, path in routes(client.app):  # type: ignore[arg-type]
        if method != "WS" and client.request(method, mine.filled(path), json={}).status_code != 401:
            open_to_all.add(path)
    assert open_to_all == set(ANYBODY)


def test_sockets_are_for_their_owners(client: TestClient, mine: Mine) -> None:
    sockets = [path for method, path in routes(client.app) if method == "WS"]  # type: ignore[arg-type]
    assert sockets
    for path in sockets:
        for headers, code in ((joined(client), 4404), ({}, 4401)):
            with (
                pytest.raises(WebSocketDisconnect) as refused,
                client.websocket_connect(mine.filled(path), headers=headers),
            ):
                pass
            assert refused.value.code == code


DEEP = "[" * 50_000 + "]" * 50_000
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"{",
    "deep": DEEP.encode(),
    "deep in a field": b'{"text": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"}",
    "not UTF-8": b'{"line": "\xff\xfe", "text": "\xc3("}',
    "NUL": b'{"line": "a\\u0000b", "text": "\\u0000", "scenario": "a\\u0000b", "code": "\\u0000"}',
    "half a pair": b'{"line": "\\ud800", "text": "\\udfff", "question": "\\ud800", "code": "\\ud800"}',
    "huge numbers": b'{"seed": 1' + b"0" * 5000 + b', "at_seq": 1e999, "seconds": 1e308, "speed": -1}',
    "negative": b'{"seed": -1, "at_seq": -9223372036854775809, "seconds": -0.0, "speed": -10}',
    "NaN": b'{"seconds": NaN, "seed": Infinity, "at_seq": -Infinity}',
    "a list": b"[1, 2]",
    "another type": b'{"line": ["a"], "text": {"b": 1}, "scenario": 5, "tool": null, "arguments": []}',
    "many keys": json.dumps({f"k{n}": n for n in range(10_000)}).encode(),
    "too long": b'"' + b"x" * 300_000 + b'"',
    "XML": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
}


@pytest.mark.parametrize("what", BODIES)
def test_no_body_breaks_a_route(client: TestClient, owner: dict[str, str], mine: Mine, what: str) -> None:
    wait_for_job(client, owner, mine)
    for method, path in routes(client.app):  # type: ignore[arg-type]
        if method in ("WS", "GET"):
            continue
        headers = {**owner, "content-type": "text/xml" if what == "XML" else "application/json"}
        answer = client.request(method, mine.filled(path), content=BODIES[what], headers=headers)
        assert answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        if not answer.is_success:
            assert answer.headers["content-type"] == PROBLEM, path
            assert set(answer.json()) >= {"type", "title", "status", "detail"}


IDS = (
    *("..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "a%00b", "%ff%fe", "a" * 5000, "-1", "1e999"),
    *(
        "' OR 1=1 --",
        "%27%20OR%20%271%27%3D%271",
        "*",
        "{session}",
        "%F0%9F%98%80",
        "a%0d%0aX-Evil: 1",
        "~root",
        ";ls",
    ),
)


def test_no_id_breaks_a_route(client: TestClient, owner: dict[str, str], mine: Mine) -> None:
    body_of = bodies(client, mine)
    for method, path in routes(client.app):  # type: ignore[arg-type]
        if method == "WS" or "{" not in path:
            continue
        for odd in IDS if path not in ANYBODY else IDS[1:]:  # a client itself takes `..` away
            where = "/".join(odd if part.startswith("{") else part for part in path.split("/"))
            answer = client.request(method, where, json=body_of.get((method, path)), headers=owner)
            assert 400 <= answer.status_code < 500, f"{method} {path} {odd!r}: {answer.status_code}"
            assert answer.headers["content-type"] == PROBLEM, (path, odd)
            assert "x-evil" not in answer.headers
            assert "root:" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer  "},
        {"Authorization": "Basic ZHA6ZHA="},
        {"Authorization": "Bearer dp_' OR '1'='1"},
        {"Authorization": "Bearer " + "x" * 6000},
        {"Authorization": b"Bearer \xff\xfe"},
        {"Cookie": "token=dp_x", "X-Forwarded-User": "admin"},
        {"Sec-WebSocket-Protocol": "dropprod, dp_nobody"},
        {"X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/v1/me", "X-Forwarded-Host": "evil"},
    ],
)
def test_no_header_lets_anybody_in(client: TestClient, mine: Mine, headers: dict[str, Any]) -> None:
    for path in ("/v1/me", f"/v1/sessions/{mine.session}", f"/v1/sessions/{mine.session}/export"):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
    assert client.get("/v1/scenarios", headers=headers).status_code == 200


def test_a_method_that_is_not_there_names_those_that_are(
    client: TestClient, owner: dict[str, str], mine: Mine
) -> None:
    by_path: dict[str, set[str]] = {}
    for method, path in routes(client.app):  # type: ignore[arg-type]
        if method != "WS":
            by_path.setdefault(path, set()).add(method)
    for path, methods in by_path.items():
        for method in ("TRACE", "PATCH", "OPTIONS"):
            answer = client.request(method, mine.filled(path), headers=owner)
            assert answer.status_code == 405, f"{method} {path}: {answer.status_code}"
            allowed = set(answer.headers["allow"].split(", "))
            assert methods <= allowed, path
            assert method not in allowed


def test_a_player_has_so_many_sessions_of_all_kinds(
    client: TestClient, owner: dict[str, str], mine: Mine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.sessions.MOST_SESSIONS", 5)
    prompt = client.get("/v1/interviews/prompts").json()["prompts"][0]["id"]
    for path, body in (
        ("/v1/sessions", {"scenario": "payment-pool"}),
        (f"/v1/sessions/{mine.session}/branches", {"at_seq": 1}),
        ("/v1/interviews", {"prompt": prompt}),
        ("/v1/stories", {}),
        ("/v1/agent/reset", {"scenario": "payment-pool"}),
    ):
        for _ in range(2):
            answer = client.post(path, json=body, headers=owner)
        assert (answer.status_code, answer.json()["title"]) == (403, "forbidden"), path
    assert client.app.state.context.players.count(client.get("/v1/me", headers=owner).json()["id"]) == 5  # type: ignore[attr-defined]


def test_an_application_may_be_made_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Routes are the module's, contexts the application's: nothing of one shows in the other."""
    first = create_app(fake_context(tmp_path / "a", monkeypatch))
    second = create_app(fake_context(tmp_path / "b", monkeypatch))
    assert first.state.context is not second.state.context
    assert list(routes(first)) == list(routes(second))


def test_a_body_that_does_not_come_is_not_waited_for(
    client: TestClient, owner: dict[str, str], mine: Mine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.guard.BODY_S", 0.3)
    sent: list[dict[str, Any]] = []
    drops = iter([b"{", b'"line"', b":"])

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.05 if len(sent) == 0 else 5)
        return {"type": "http.request", "body": next(drops, b" "), "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    path = f"/v1/sessions/{mine.session}/commands"
    headers = [(k.lower().encode(), v.encode()) for k, v in owner.items()]
    headers.append((b"content-type", b"application/json"))
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST"} | {
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip
    asyncio.run(asyncio.wait_for(client.app(scope, receive, send), 10))  # type: ignore[arg-type]
    assert sent[0]["status"] == 408
