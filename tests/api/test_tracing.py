"""Traces and what a model may cost: both reach through request, job and thread to the call of the model."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent import tracing
from agent.budget import ACCOUNT, Budget
from agent.model import ModelFailure, Question
from agent.openai_model import OpenAIChat, Settings
from agent.review_notes import fallback
from api.spending import Spending
from api.store import SqliteStore
from tests.api.fakes import FakeReviewer, utc_now
from tests.api.http_client import QUICK, client_of, fake_context, joined

QUESTION = Question("k", "n", "system", "user", {"type": "object"})


@contextmanager
def model_server() -> Iterator[str]:
    """Answers every question with {} and counts 100 tokens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            usage = {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "{}"}}
            whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "fake"}
            body = json.dumps({**whole, "choices": [choice], "usage": usage}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


class Asking(FakeReviewer):
    """A reviewer that asks the model once, as whoever it works for."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.refused: list[str] = []

    def __call__(self, *args: Any, **more: Any) -> dict[str, Any]:
        chat = OpenAIChat(Settings(self.url, "key", "fake"), Budget(account=ACCOUNT.get()))
        try:
            chat.ask(QUESTION)
        except ModelFailure as failure:
            self.refused.append(failure.kind)
        return super().__call__(*args, **more)


@pytest.fixture
def exporter() -> Iterator[Any]:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    found = InMemorySpanExporter()
    provider = tracing.turn_on("1", found)
    yield found
    tracing.turn_off()
    provider.shutdown()


def reviewed(client: Any, who: dict[str, str], session: str) -> None:
    text = {"kind": "postmortem", "text": "what happened"}
    job = client.post(f"/v1/sessions/{session}/reviews", json=text, headers=who).json()["job"]
    while client.get(f"/v1/jobs/{job}", headers=who).json()["status"] not in ("done", "failed"):
        time.sleep(0.01)


def test_spans_of_a_request_a_command_a_job_and_a_model_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exporter: Any
) -> None:
    with model_server() as url, client_of(fake_context(tmp_path, monkeypatch, Asking(url))) as client:
        who = joined(client)
        session = client.post("/v1/sessions", json={"scenario": "payment-pool"}, headers=who).json()["id"]
        above = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
        line = {"line": "look at my own words"}
        client.post(f"/v1/sessions/{session}/commands", json=line, headers=who | above)
        reviewed(client, who, session)
        client.get("/v1/sessions/not-mine", headers=who)
    spans = {s.name: s for s in exporter.get_finished_spans()}
    request, command = spans["POST /v1/sessions/{session}/commands"], spans["command"]
    assert f"{request.context.trace_id:032x}" == "a" * 32
    assert command.parent.span_id == request.context.span_id
    assert request.attributes["http.response.status_code"] == 200
    assert dict(command.attributes)["dropprod.sim_s"] == 2.0
    job, call = spans["job"], spans["chat"]
    assert job.parent.span_id == spans["POST /v1/sessions/{session}/reviews"].context.span_id
    assert call.parent.span_id == job.context.span_id
    assert call.attributes["gen_ai.usage.input_tokens"] == 60
    assert spans["GET /v1/sessions/{session}"].attributes["http.response.status_code"] == 404
    told = repr([(s.name, dict(s.attributes)) for s in exporter.get_finished_spans()])
    assert session not in told.replace("{session}", "")
    assert "own words" not in told


def test_traces_are_off_unless_somebody_names_a_receiver() -> None:
    assert not tracing.wanted({})
    assert tracing.wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})
    assert tracing.wanted({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"})
    assert not tracing.wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"})
    assert not tracing.wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"})
    with tracing.span("nothing", a__b=1) as told:
        told.set(c=1)
        told.fail("x")
        assert told is tracing.NOTHING


def test_a_players_day_has_so_many_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(QUICK, tokens_a_player=150, tokens_in_all=10_000)
    with model_server() as url:
        reviewer = Asking(url)
        with client_of(fake_context(tmp_path, monkeypatch, reviewer, settings)) as client:
            one, other = joined(client), joined(client)
            for who in (one, one, one, other):
                body = {"scenario": "payment-pool"}
                reviewed(client, who, client.post("/v1/sessions", json=body, headers=who).json()["id"])
            context = client.app.state.context  # type: ignore[attr-defined]
            spent = [
                context.spending.spent(client.get("/v1/me", headers=w).json()["id"]) for w in (one, other)
            ]
    assert reviewer.refused == [
        "allowance"
    ]  # the third of the first player: the second began below the limit
    assert spent == [(200, 300), (100, 300)]


def test_a_day_is_of_all_replicas_and_ends(tmp_path: Path) -> None:
    now = [utc_now()]
    stores = [SqliteStore(tmp_path / "s.db") for _ in range(2)]
    here, there = (Spending(s, lambda: now[0], 1_000, 250) for s in stores)
    for n, spending in enumerate((here, there, here)):
        with spending.charged_to(f"p{n}"):
            account = ACCOUNT.get()
            assert account is not None
            assert not account.is_spent()
            account.add(100)
    assert ACCOUNT.get() is None
    with there.charged_to("p9"):
        assert ACCOUNT.get().is_spent()  # type: ignore[union-attr]
        now[0] = datetime(2027, 1, 1, tzinfo=UTC)
        assert not ACCOUNT.get().is_spent()  # type: ignore[union-attr]


def test_whoever_is_over_it_is_told() -> None:
    failure = ModelFailure("allowance", "the day's tokens are used up")
    assert "the day's tokens for the model are used up" in fallback("en", "impact", failure)
    assert "дневной лимит токенов модели исчерпан" in fallback("ru", "impact", failure)
