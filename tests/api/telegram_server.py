"""A Bot API server of the tests' own, over HTTP: hands out updates, keeps what a bot sends."""

from __future__ import annotations

import json
import threading
import time
from email import policy
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

TOKEN = "42:TEST"
BOT = {"id": 42, "is_bot": True, "first_name": "DropProd", "username": "dropprod_bot"}


class FakeTelegram:
    """`say` and `tap` are what people do; `sent` is what the bot sent: (method, fields)."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.confirmed = 0
        self.number = 100
        self.news = threading.Condition()
        self.webhook: dict[str, Any] | None = None
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                fields = _fields(self.headers.get("content-type", ""), body)
                prefix = f"/bot{TOKEN}/"
                if not self.path.startswith(prefix):
                    self._answer(404, {"ok": False, "error_code": 404, "description": "Not Found"})
                    return
                self._answer(200, {"ok": True, "result": fake.call(self.path[len(prefix) :], fields)})

            do_GET = do_POST

            def _answer(self, status: int, value: Any) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    # the bot's side

    def call(self, method: str, fields: dict[str, Any]) -> Any:
        if method == "getMe":
            return BOT
        if method == "getUpdates":
            return self._updates(int(fields.get("offset", 0)), float(fields.get("timeout", 0)))
        if method == "setWebhook":
            self.webhook = fields
        if not method.startswith("send") or method == "sendChatAction":
            return True
        with self.news:
            self.sent.append((method, fields))
            self.news.notify_all()
        chat = {"id": int(fields["chat_id"]), "type": "private"}
        return {
            "message_id": len(self.sent),
            "date": int(time.time()),
            "chat": chat,
            "text": fields.get("text", ""),
        }

    def _updates(self, offset: int, timeout: float) -> list[dict[str, Any]]:
        self.confirmed = max(self.confirmed, offset - 1)
        end = time.monotonic() + min(timeout, 2.0)
        with self.news:
            while True:
                self.updates = [u for u in self.updates if u["update_id"] >= offset]
                left = end - time.monotonic()
                if self.updates or left <= 0:
                    return list(self.updates)
                self.news.wait(left)

    # people's side

    def message(
        self, text: str, chat: int = 7, user: int = 7, name: str = "Аня", **more: Any
    ) -> dict[str, Any]:
        self.number += 1
        kind = "supergroup" if chat < 0 else "private"
        entity = (
            [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
            if text.startswith("/")
            else []
        )
        person = {
            "id": user,
            "is_bot": False,
            "first_name": name,
            "language_code": more.pop("language", "ru"),
        }
        message = {
            "message_id": self.number,
            "date": int(time.time()),
            "chat": {"id": chat, "type": kind, "title": "war room"},
            "from": person,
            "text": text,
            "entities": entity,
            **more,
        }
        return {"update_id": self.number, "message": message}

    def say(self, text: str, **more: Any) -> dict[str, Any]:
        return self._put(self.message(text, **more))

    def tap(self, data: str, chat: int = 7, user: int = 7, name: str = "Аня") -> dict[str, Any]:
        message = self.message("", chat, 42, "DropProd")["message"]
        person = {"id": user, "is_bot": False, "first_name": name, "language_code": "ru"}
        query = {
            "id": str(self.number),
            "from": person,
            "chat_instance": "1",
            "data": data,
            "message": message,
        }
        return self._put({"update_id": self.number, "callback_query": query})

    def _put(self, update: dict[str, Any]) -> dict[str, Any]:
        with self.news:
            self.updates.append(update)
            self.news.notify_all()
        return update

    def texts(self, chat: int = 7) -> list[str]:
        return [f.get("text") or f.get("caption") or "" for _, f in self.sent if int(f["chat_id"]) == chat]

    def wait_for(
        self, word: str, chat: int = 7, since: int = 0, seconds: float = 60.0
    ) -> tuple[int, dict[str, Any]]:
        """The first message to a chat, from number `since` on, that has a word in it."""
        end = time.monotonic() + seconds
        with self.news:
            while True:
                for n, (method, fields) in enumerate(self.sent[since:], since):
                    text = fields.get("text") or fields.get("caption") or ""
                    if int(fields["chat_id"]) == chat and (word in text or word == method):
                        return n, fields
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no {word!r} in {self.texts(chat)[-6:]}")
                self.news.wait(left)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A bot that stops leaves its long poll: nothing to report."""


def _fields(kind: str, body: bytes) -> dict[str, Any]:
    if kind.startswith("application/json"):
        found: dict[str, Any] = json.loads(body or b"{}")
        return found
    if kind.startswith("multipart/"):
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        parts = BytesParser(policy=policy.HTTP).parsebytes(head + body)
        return {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            if part.get_filename()
            else part.get_payload(decode=True).decode()
            for part in parts.iter_parts()
        }
    return {key: values[0] for key, values in parse_qs(body.decode()).items()}
