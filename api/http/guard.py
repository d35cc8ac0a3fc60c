"""Who asks, how often and how much: bearer tokens, token buckets, a limit on bodies."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.context import Context, context_of
from api.http.problems import Problem, answer
from api.players import Player

BODY_LIMIT = 256 * 1024  # bytes: a long post-mortem in Cyrillic and some

bearer = HTTPBearer(auto_error=False, description="The token that POST /v1/players returned.")


def slow_down(wait: float) -> Problem:
    return Problem(429, f"too many requests: try again in {wait:.1f} s", {"Retry-After": str(int(wait) + 1)})


def token_of(connection: HTTPConnection) -> str | None:
    """From the header; a browser's stream cannot send one and says it as a sub-protocol."""
    kind, _, value = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value:
        return value.strip()
    for offered in connection.headers.get("sec-websocket-protocol", "").split(","):
        if offered.strip().startswith("dp_"):
            return offered.strip()
    return None


def identify(context: Context, token: str | None) -> Player:
    """Raises Problem 401, 429."""
    if not token:
        raise Problem(401, "a token is needed: POST /v1/players gives one", {"WWW-Authenticate": "Bearer"})
    player = context.known_player(token)
    if player is None:
        raise Problem(401, "this token is not known", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    wait = context.rate.take(player.id)
    if wait > 0.0:
        raise slow_down(wait)
    return player


def current_player(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Player:
    return identify(context_of(request), token_of(request))


Who = Annotated[Player, Depends(current_player)]


class BodyLimit:
    """Refuses bodies over the limit, also those that do not say how long they are."""

    def __init__(self, app: ASGIApp, limit: int = BODY_LIMIT) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self.limit:
            response = answer(413, f"a request has at most {self.limit} bytes")
            await response(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self.limit:
                    raise Problem(413, f"a request has at most {self.limit} bytes")
            return message

        await self.app(scope, counted, send)
