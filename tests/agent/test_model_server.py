"""The model port against a real HTTP server of our own: what it asks for, what it takes, when it gives up."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agent.budget import Budget
from agent.model import ModelFailure, Question
from agent.openai_model import OpenAIChat, Settings

SCHEMA = {"type": "object", "properties": {"level": {"type": "number"}}, "required": ["level"]}
QUESTION = Question("k", "judge", "You judge.", "A text.", SCHEMA)
Body = dict[str, Any]
Pieces = list[str]


class Server:
    """Scripted: a function of the request's body and its number gives (status, headers, text or pieces)."""

    def __init__(self, answer: Callable[[Body, int], tuple[int, dict[str, str], str | Pieces]]) -> None:
        self.answer = answer
        self.bodies: list[Body] = []


@contextmanager
def serving(script: Server) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            script.bodies.append(body)
            status, headers, said = script.answer(body, len(script.bodies))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for piece in [said] if isinstance(said, str) else said:
                    self.wfile.write(piece.encode())
                    self.wfile.flush()
            except OSError:
                pass  # the asker hung up: that is what some tests want

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}/v1"
    finally:
        http.shutdown()
        http.server_close()


JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}


def whole(message: Body, finish: str = "stop") -> tuple[int, dict[str, str], str]:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
    return (
        200,
        JSON,
        json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}),
    )


def piece(delta: Body, finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"


def refused(what: str) -> tuple[int, dict[str, str], str]:
    return 400, JSON, json.dumps({"error": {"message": f"{what} is not supported"}})


def asked(script: Server, call_s: float = 5.0, seconds: float = 10.0) -> dict[str, Any]:
    with serving(script) as url:
        chat = OpenAIChat(Settings(url, "key", "m"), Budget(seconds=seconds), call_s, sleep=lambda _s: None)
        return chat.ask(QUESTION)


def test_a_strict_schema_is_asked_for_first() -> None:
    script = Server(lambda body, n: whole({"content": '{"level": 2}'}))
    assert asked(script) == {"level": 2}
    (body,) = script.bodies
    assert body["response_format"]["json_schema"]["strict"] is True and body["temperature"] == 0


def test_a_server_without_schemas_is_asked_by_tool_and_then_in_words() -> None:
    def answer(body: Body, n: int) -> tuple[int, dict[str, str], str]:
        if "response_format" in body:
            return refused("response_format")
        if "tools" in body:
            return refused("tool_choice")
        return whole({"content": 'Here you are: ```json\n{"level": 1}\n```'})

    script = Server(answer)
    assert asked(script) == {"level": 1}
    shapes = [
        "schema" if "response_format" in b else "tool" if "tools" in b else "words" for b in script.bodies
    ]
    assert shapes == ["schema", "tool", "words"]
    assert "one JSON object" in script.bodies[-1]["messages"][1]["content"]


def test_prose_instead_of_json_degrades_too() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "judge", "arguments": '{"level": 3}'}}

    def answer(body: Body, n: int) -> tuple[int, dict[str, str], str]:
        return whole(
            {"content": None, "tool_calls": [call]} if "tools" in body else {"content": "I would say two."}
        )

    assert asked(Server(answer)) == {"level": 3}


def test_a_server_that_only_streams_is_heard_to_the_end() -> None:
    def answer(body: Body, n: int) -> tuple[int, dict[str, str], str | Pieces]:
        if not body.get("stream"):
            return refused("non-stream mode")
        parts = [piece({"content": c}) for c in ['{"le', 'vel"', ": 1.5}"]]
        return 200, EVENTS, [*parts, piece({}, "stop"), "data: [DONE]\n\n"]

    script = Server(answer)
    assert asked(script) == {"level": 1.5}
    assert [bool(b.get("stream")) for b in script.bodies] == [False, True]


def test_a_streamed_tool_call_is_put_together() -> None:
    def answer(body: Body, n: int) -> tuple[int, dict[str, str], str | Pieces]:
        if not body.get("stream"):
            return refused("stream=false")
        if "response_format" in body:
            return refused("json_schema")
        parts = [
            piece({"tool_calls": [{"index": 0, "function": {"arguments": a}}]}) for a in ['{"lev', 'el": 2}']
        ]
        return 200, EVENTS, [*parts, piece({}, "tool_calls"), "data: [DONE]\n\n"]

    assert asked(Server(answer)) == {"level": 2}


def test_a_stream_without_an_end_is_cut_off() -> None:
    def answer(body: Body, n: int) -> tuple[int, dict[str, str], str | Pieces]:
        return (
            (200, EVENTS, [piece({"content": "word " * 200})] * 400)
            if body.get("stream")
            else refused("no stream")
        )

    with pytest.raises(ModelFailure) as failure:
        asked(Server(answer))
    assert failure.value.kind == "malformed" and "cut off" in str(failure.value)


def test_a_dripping_server_meets_the_deadline() -> None:
    def drip(body: Body, n: int) -> tuple[int, dict[str, str], str | Pieces]:
        def slowly() -> Iterator[str]:
            for _ in range(100):
                time.sleep(0.05)
                yield " "

        return 200, JSON, slowly()  # type: ignore[return-value]

    begun = time.monotonic()
    with pytest.raises(ModelFailure) as failure:
        asked(Server(drip), call_s=0.4)
    assert failure.value.kind == "deadline"
    assert time.monotonic() - begun < 3.0


def test_a_rate_limit_without_end_is_no_endless_wait() -> None:
    script = Server(lambda body, n: (429, {"retry-after": "0"}, "{}"))
    with pytest.raises(ModelFailure) as failure:
        asked(script)
    assert failure.value.kind == "http" and "429" in str(failure.value)
    assert len(script.bodies) == 4


def test_a_long_retry_after_is_not_waited_for() -> None:
    script = Server(lambda body, n: (429, {"retry-after": "3600"}, "{}"))
    with pytest.raises(ModelFailure):
        asked(script)
    assert len(script.bodies) == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (whole({"content": '{"level": 2, "why": "' + "very " * 500}, "length"), "cut off"),
        (whole({"content": ""}), "empty"),
        (whole({"content": None, "refusal": "I will not"}), "refused"),
        ((200, {"content-type": "text/html"}, "<html>gateway</html>"), "page"),
        ((200, JSON, '{"choices": []}'), "no choices"),
        ((200, JSON, '{"choices": [{"mess'), "broken"),
        ((401, JSON, '{"error": {"message": "no key"}}'), "401"),
    ],
)
def test_answers_that_hold_nothing_say_what_is_wrong(said: tuple[int, dict[str, str], str], why: str) -> None:
    with pytest.raises(ModelFailure) as failure:
        asked(Server(lambda body, n: said))
    assert why in str(failure.value)
