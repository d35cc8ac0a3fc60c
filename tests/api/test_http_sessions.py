"""The HTTP door: sessions, jobs, links, errors, and that nobody reaches what is somebody else's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.http.guard import BODY_LIMIT
from api.limits import Buckets
from tests.api.fakes import FakeReviewer
from tests.api.http_client import QUICK, client_of, fake_context, joined, other_replica

PROBLEM = "application/problem+json"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    with client_of(fake_context(tmp_path, monkeypatch)) as found:
        yield found


def begin(client: TestClient, who: dict[str, str], scenario: str = "payment-pool") -> str:
    answer = client.post("/v1/sessions", json={"scenario": scenario, "language": "en"}, headers=who)
    assert answer.status_code == 201, answer.text
    name: str = answer.json()["id"]
    return name


def finished(client: TestClient, who: dict[str, str], job: str) -> dict[str, Any]:
    for _ in range(200):
        found: dict[str, Any] = client.get(f"/v1/jobs/{job}", headers=who).json()
        if found["status"] in ("done", "failed"):
            return found
        time.sleep(0.02)
    raise AssertionError(found)


def test_a_session_from_beginning_to_review(client: TestClient) -> None:
    who = joined(client)
    session = begin(client, who)
    said = client.post(f"/v1/sessions/{session}/commands", json={"line": "look here"}, headers=who).json()
    assert (said["text"], said["code"], said["now_s"]) == ("did look here\n", 0, 2.0)
    passed = client.post(f"/v1/sessions/{session}/time", json={"seconds": 120}, headers=who).json()
    assert passed["severity"] == "P1"
    assert [n["kind"] for n in passed["news"]] == ["page", "pool"]
    job = client.post(
        f"/v1/sessions/{session}/reviews", json={"kind": "action-items", "text": "add a canary"}, headers=who
    )
    assert job.status_code == 202
    assert finished(client, who, job.json()["job"])["result"]["overall"] == 2.25
    kept = client.get(f"/v1/sessions/{session}/reviews", headers=who).json()
    assert [(r["kind"], r["text"], r["result"]["score"]) for r in kept["reviews"]] == [
        ("action-items", "add a canary", 75.0)
    ]
    replied = {"question": "Why not a pool of 100?", "text": "the database is CPU-bound"}
    answered = client.post(f"/v1/sessions/{session}/answers", json=replied, headers=who)
    assert answered.status_code == 200
    assert answered.json()["response"] == {
        "verdict": "full", "has": ["reason"], "missing": [], "text": "I take that: with a reason.",
    }  # fmt: skip
    kinds = [e["kind"] for e in client.get(f"/v1/sessions/{session}/log", headers=who).json()["entries"]]
    assert kinds == ["command", "command", "action-items", "model", "answer"]
    progress = client.get("/v1/progress", headers=who).json()["sessions"]
    assert progress[0]["results"] == [{"rubric": "action-items", "overall": 2.25}]


def test_an_export_is_the_log(client: TestClient) -> None:
    who = joined(client)
    session = begin(client, who)
    client.post(f"/v1/sessions/{session}/commands", json={"line": "взгляд"}, headers=who)
    lines = [
        json.loads(x) for x in client.get(f"/v1/sessions/{session}/export", headers=who).text.splitlines()
    ]
    assert lines[0]["header"]["id"] == session
    assert (lines[1]["line"], lines[1]["status"]) == ("взгляд", "done")


def test_a_branch_begins_like_its_parent(client: TestClient) -> None:
    who = joined(client)
    session = begin(client, who)
    for line in ("look 1", "look 2"):
        client.post(f"/v1/sessions/{session}/commands", json={"line": line}, headers=who)
    made = client.post(f"/v1/sessions/{session}/branches", json={"at_seq": 2}, headers=who)
    assert made.status_code == 201
    log = client.get(f"/v1/sessions/{made.json()['id']}/log", headers=who).json()["entries"]
    assert [e["line"] for e in log] == ["look 1"]
    bad = client.post(f"/v1/sessions/{session}/branches", json={"at_seq": 9}, headers=who)
    assert bad.status_code == 409
    assert "entries 1 to 2" in bad.json()["detail"]


def test_a_link_shows_and_hides(client: TestClient) -> None:
    who = joined(client)
    session = begin(client, who)
    client.post(f"/v1/sessions/{session}/commands", json={"line": "look"}, headers=who)
    client.post(
        f"/v1/sessions/{session}/answers", json={"question": "q", "text": "my own words"}, headers=who
    )
    link = client.post(f"/v1/sessions/{session}/shares", json={}, headers=who).json()
    entries = client.app.state.context.players.shared(link["token"])  # type: ignore[attr-defined]
    assert entries is not None
    assert entries.words is False
    from api import views

    shown = [views.entry(e, entries.words) for e in client.app.state.context.service.log(session)]  # type: ignore[attr-defined]
    assert [e["line"] for e in shown] == ["look", None]
    assert client.delete(f"/v1/sessions/{session}/shares", headers=who).json() == {"removed": 1}
    gone = client.get(link["path"])
    assert (gone.status_code, gone.headers["content-type"]) == (404, PROBLEM)


def test_no_route_reaches_what_is_somebody_elses(client: TestClient) -> None:
    """Every route with a session or a job in it, tried by another player and by nobody."""
    owner, other = joined(client), joined(client)
    session = begin(client, owner)
    client.post(f"/v1/sessions/{session}/commands", json={"line": "look"}, headers=owner)
    started = client.post(
        f"/v1/sessions/{session}/reviews", json={"kind": "postmortem", "text": "x"}, headers=owner
    )
    job = started.json()["job"]
    finished(client, owner, job)
    before = client.get(f"/v1/sessions/{session}/log", headers=owner).json()
    bodies: dict[str, Any] = {
        "commands": {"line": "rm"},
        "time": {"seconds": 1},
        "speed": {"speed": 1},
        "branches": {"at_seq": 1},
        "reviews": {"kind": "postmortem", "text": "x"},
        "answers": {"question": "q", "text": "x"},
        "shares": {"words": True},
        "turns": {"text": "x"},
        "step": {"tool": "get_alerts"},
    }
    tried = 0
    for path, methods in client.get("/v1/openapi.json").json()["paths"].items():
        if "{session}" not in path and "{job}" not in path:
            continue
        where = path.replace("{session}", session).replace("{job}", job)
        for method in methods:
            body = bodies.get(path.rsplit("/", 1)[-1])
            for who, status in ((other, 404), ({}, 401)):
                answer = client.request(method, where, json=body, headers=who)
                assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
                assert answer.headers["content-type"] == PROBLEM
                tried += 1
    assert tried >= 40
    assert client.get(f"/v1/sessions/{session}/log", headers=owner).json() == before
    assert client.get("/v1/sessions", headers=other).json()["sessions"] == []


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"scenario": "../../etc/passwd"}, "body.scenario"),
        ({"scenario": "/etc/passwd.yaml"}, "body.scenario"),
        ({"scenario": "payment-pool", "seed": -1}, "body.seed"),
        ({"scenario": "payment-pool", "language": "de"}, "body.language"),
        ({"scenario": "payment-pool", "more": 1}, "body.more"),
        ({}, "body.scenario"),
    ],
)
def test_a_bad_body_is_named(client: TestClient, body: dict[str, Any], where: str) -> None:
    answer = client.post("/v1/sessions", json=body, headers=joined(client))
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert answer.json()["detail"].startswith(where)


def test_bodies_have_a_limit(client: TestClient) -> None:
    who = joined(client)
    big = client.post("/v1/sessions", content=b"x" * (BODY_LIMIT + 1), headers=who)
    assert big.status_code == 413

    def drip() -> Iterator[bytes]:
        for _ in range(20):
            yield b'"' + b"x" * (BODY_LIMIT // 10)

    assert client.post("/v1/sessions", content=drip(), headers=who).status_code in (400, 413)


def test_codes_open_the_full_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    settings = replace(QUICK, codes=("letmein",))
    with client_of(fake_context(tmp_path, monkeypatch, settings=settings)) as client:
        free, full = joined(client), joined(client, "letmein")
        begin(client, free, "payment-pool")
        refused = client.post("/v1/sessions", json={"scenario": "black-friday"}, headers=free)
        assert (refused.status_code, refused.json()["title"]) == (402, "plan")
        begin(client, full, "black-friday")
        assert client.post("/v1/players", json={"code": "guess"}).status_code == 403


def test_who_asks_too_often_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    settings = replace(QUICK, requests_per_s=1.0)
    with client_of(fake_context(tmp_path, monkeypatch, settings=settings)) as client:
        one, other = joined(client), joined(client)
        codes = [client.get("/v1/me", headers=one).status_code for _ in range(6)]
        assert codes[:3] == [200, 200, 200]
        assert codes[-1] == 429
        assert client.get("/v1/me", headers=other).status_code == 200
        assert int(client.get("/v1/me", headers=one).headers["retry-after"]) >= 1


def test_a_bucket_fills_at_its_rate() -> None:
    now = [0.0]
    bucket = Buckets(2.0, 4.0, lambda: now[0])
    assert [bucket.take("a") for _ in range(4)] == [0.0] * 4
    assert bucket.take("a") == pytest.approx(0.5)
    now[0] = 0.5
    assert bucket.take("a") == 0.0
    now[0] = 100.0
    assert [bucket.take("a") for _ in range(5)].count(0.0) == 4


def test_a_review_that_breaks_is_said_and_finished_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(FakeReviewer):
        broken = True

        def __call__(self, *args: Any, **more: Any) -> dict[str, Any]:
            if self.broken:
                raise RuntimeError("secret of ours")
            return super().__call__(*args, **more)

    reviewer = Broken()
    with client_of(fake_context(tmp_path, monkeypatch, reviewer)) as client:
        who = joined(client)
        session = begin(client, who)
        text = {"kind": "postmortem", "text": "what happened"}
        job = client.post(f"/v1/sessions/{session}/reviews", json=text, headers=who).json()["job"]
        failed = finished(client, who, job)
        assert failed["status"] == "failed"
        assert "secret" not in json.dumps(failed)
        assert client.get(f"/v1/sessions/{session}/reviews", headers=who).json()["unfinished"] == "postmortem"
        reviewer.broken = False
        job = client.post(f"/v1/sessions/{session}/reviews/unfinished", headers=who).json()["job"]
        assert finished(client, who, job)["status"] == "done"


def test_two_replicas_serve_one_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = fake_context(tmp_path, monkeypatch)
    with client_of(context) as here, client_of(other_replica(context, tmp_path)) as there:
        who = joined(here)
        session = begin(here, who)
        for number in range(6):
            client = (here, there)[number % 2]
            said = client.post(
                f"/v1/sessions/{session}/commands", json={"line": f"look {number}"}, headers=who
            )
            assert said.json()["now_s"] == 2.0 * (number + 1)
        log = there.get(f"/v1/sessions/{session}/log", headers=who).json()["entries"]
        assert [e["line"] for e in log] == [f"look {n}" for n in range(6)]


def test_health_readiness_and_metrics(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "alive"
    assert client.get("/readyz").status_code == 200
    who = joined(client)
    session = begin(client, who)
    client.post(f"/v1/sessions/{session}/commands", json={"line": "look"}, headers=who)
    text = client.get("/metrics").text
    assert "dropprod_sessions_created_total 1" in text
    assert "dropprod_command_seconds_count 1" in text
    assert 'dropprod_http_requests_total{status="2xx"}' in text
    client.app.state.context.draining = True  # type: ignore[attr-defined]
    assert client.get("/readyz").status_code == 503
    client.app.state.context.draining = False  # type: ignore[attr-defined]
