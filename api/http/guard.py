"""Who asks, how often and how much: bearer tokens, token buckets, a limit on bodies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.context import Context, context_of
from api.http.problems import Problem, answer
from api.players import Player

MOST_UNDER_WAY = 8  # requests of one player
BODY_S = 30.0  # for a body to come
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


async def identify(context: Context, token: str | None) -> Player:
    """Raises Problem 401, 429; StoreError."""
    if not token:
        raise Problem(401, "a token is needed: POST /v1/players gives one", {"WWW-Authenticate": "Bearer"})
    player = context.remembered(token) or await run_in_threadpool(context.known_player, token)
    if player is None:
        raise Problem(401, "this token is not known", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    wait = context.rate.take(player.id)
    if wait > 0.0:
        raise slow_down(wait)
    return player


async def watching_player(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Player:
    return await identify(context_of(request), token_of(request))


async def current_player(
    request: Request, who: Annotated[Player, Depends(watching_player)]
) -> AsyncIterator[Player]:
    """Whose request it is; a long command keeps a thread, so nobody has many requests under way."""
    under_way = context_of(request).under_way
    if under_way.get(who.id, 0) >= MOST_UNDER_WAY:
        raise Problem(429, f"a player has at most {MOST_UNDER_WAY} requests under way", {"Retry-After": "1"})
    under_way[who.id] = under_way.get(who.id, 0) + 1
    try:
        with context_of(request).spending.charged_to(who.id), context_of(request).first.request():
            yield who
    finally:
        under_way[who.id] -= 1
        if not under_way[who.id]:
            del under_way[who.id]


Watcher = Annotated[Player, Depends(watching_player)]  # of a stream: those are counted by themselves
Who = Annotated[Player, Depends(current_player)]


class BodyLimit:
    """Refuses bodies over the limit, also those that do not say how long they are, and those that do not come."""

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
        seen, whole = 0, False
        until = time.monotonic() + BODY_S

        async def counted() -> Message:
            nonlocal seen, whole
            if whole:  # what comes now is that the client leaves
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, until - time.monotonic()))
            except TimeoutError:
                raise HTTPException(408, f"the body did not come within {BODY_S:.0f} s") from None
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise HTTPException(413, f"a request has at most {self.limit} bytes")
            whole = not message.get("more_body", False)
            return message

        await self.app(scope, counted, send)
