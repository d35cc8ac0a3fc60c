"""Around every request: its metric, its line in the log, and headers that every answer has."""

from __future__ import annotations

import logging
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.tracing import span
from api.http.meters import Meters
from api.http.problems import HEADERS

log = logging.getLogger("dropprod")
COMMANDS = "/v1/sessions/{session}/commands"


class Watched:
    """Plain ASGI: nothing stands between a stream and its client, and a client that leaves is noticed at once."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self.app, self.meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500  # unless an answer begins: then whoever caught the error sends one

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            with span(scope["method"], _headers(scope), http__request__method=scope["method"]) as told:
                await self.app(scope, receive, seen)
                told.rename(f"{scope['method']} {route_of(scope)}")
                told.set(http__route=route_of(scope), http__response__status_code=status)
                if status >= 500:
                    told.fail(str(status))
        finally:
            took_s, path = time.perf_counter() - began, route_of(scope)
            self.meters.requests.inc(f'status="{status // 100}xx"')
            if path == COMMANDS and status == 200:
                self.meters.command_s.add(took_s)
            fields = {
                "method": scope["method"],
                "path": path,
                "status": status,
                "ms": round(1000 * took_s, 1),
            }
            log.info("request", extra={"fields": fields})


def _headers(scope: Scope) -> dict[str, str]:
    """What a caller says about its own trace."""
    told = (b"traceparent", b"tracestate")
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in told}


def route_of(scope: Scope) -> str:
    """The route's pattern: ids and links' tokens do not belong into logs."""
    return str(getattr(scope.get("route"), "path", "unknown"))
