"""A session as a stream, over WebSocket or server-sent events: the state once, then what is new, twice a second.

A stream reads the log's world as any request does, so it may be held at any replica. Live pace runs while a stream is
open: nobody's incident burns down while nobody looks.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api import views
from api.http.context import Context, context_of
from api.http.guard import Who, identify, token_of
from api.http.models import SessionId
from api.http.problems import Problem
from api.http.sessions import Ctx, owned
from api.ports import ReadOnly, SessionError
from api.store import StoreError

router = APIRouter(prefix="/v1", tags=["streams"])
log = logging.getLogger("dropprod")
EVERY_S = 0.5
BEAT_S = 15.0  # something is sent at least so often: proxies cut what is silent
MOST_STREAMS = 8  # open ones of a player


class Pace:
    """Simulated seconds a second, by session; 0 (by turns) unless somebody chose otherwise."""

    def __init__(self) -> None:
        self._speed: dict[str, int] = {}
        self._then: dict[str, float] = {}

    def set(self, session: str, speed: int) -> None:
        self._speed.pop(session, None)
        self._then.pop(session, None)
        if speed:
            self._speed[session] = speed
        while len(self._speed) > 10_000:
            self._speed.pop(next(iter(self._speed)))

    def due_s(self, session: str, now: float) -> float:
        """Whole simulated seconds that have become due since the last time this was asked."""
        speed = self._speed.get(session)
        if not speed:
            return 0.0
        then = self._then.get(session, now)
        passed = min(5.0, now - then)  # nobody looked for a while: the world stood still
        due = float(int(passed * speed))
        self._then[session] = now if passed >= 5.0 else then + due / speed
        return due


class _Cursor:
    """What a stream has shown."""

    def __init__(self, context: Context, session: str) -> None:
        self.context, self.session = context, session
        self.event = self.second = 0
        self.shown: dict[str, Any] = {}
        self.sent_at = 0.0

    def step(self) -> dict[str, Any] | None:
        """The next message, or None when nothing is new."""
        due = self.context.pace.due_s(self.session, time.monotonic())
        if due:
            try:
                now_s = self.context.service.now_s(self.session) or 0.0
                self.context.service.pass_time(self.session, now_s + due)
            except ReadOnly:
                self.context.pace.set(self.session, 0)
        found = self.context.service.look(self.session, views.state(self.event, self.second))
        rest = {k: v for k, v in found.items() if k not in ("series", "events", "clock")}
        points = len(found["series"]["t"])
        now = time.monotonic()
        if not points and not found["events"] and rest == self.shown and now - self.sent_at < BEAT_S:
            return None
        if points and found["series"]["t"][0] is not None:
            found["from_s"] = int(found["series"]["t"][0])
            self.second = int(found["series"]["t"][-1]) + 1
        self.event += len(found["events"])
        self.shown, self.sent_at = rest, now
        return found


class _Place:
    """A player's open streams are counted."""

    def __init__(self, context: Context, player: str) -> None:
        self.context, self.player = context, player

    def __enter__(self) -> None:
        streams = self.context.streams
        if streams.get(self.player, 0) >= MOST_STREAMS:
            raise Problem(429, f"a player has at most {MOST_STREAMS} streams open", {"Retry-After": "5"})
        streams[self.player] = streams.get(self.player, 0) + 1
        self.context.meters.streams.inc()

    def __exit__(self, *_: object) -> None:
        streams = self.context.streams
        streams[self.player] -= 1
        if not streams[self.player]:
            del streams[self.player]
        self.context.meters.streams.dec()


async def _messages(cursor: _Cursor) -> AsyncIterator[dict[str, Any]]:
    while not cursor.context.draining:
        message = await run_in_threadpool(cursor.step)
        if message is not None:
            yield message
        await asyncio.sleep(EVERY_S)


@router.get("/sessions/{session}/events", response_class=StreamingResponse)
async def events(session: SessionId, request: Request, who: Who, context: Ctx) -> StreamingResponse:
    """Server-sent events, each with a state from where the last one ended."""
    await run_in_threadpool(owned, context, who, session)
    place = _Place(context, who.id)
    place.__enter__()

    async def lines() -> AsyncIterator[str]:
        try:
            async for message in _messages(_Cursor(context, session)):
                if await request.is_disconnected():
                    return
                yield f"data: {json.dumps(message, ensure_ascii=False)}\n\n"
        except (SessionError, StoreError) as error:
            yield f"event: problem\ndata: {json.dumps({'detail': str(error)}, ensure_ascii=False)}\n\n"
        finally:
            place.__exit__()

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.websocket("/sessions/{session}/stream")
async def stream(socket: WebSocket, session: str, since: Annotated[int, Query(ge=0)] = 0) -> None:
    """The same over a WebSocket; the token comes as a header or as a sub-protocol beside `dropprod`."""
    context = context_of(socket)
    try:
        who = await run_in_threadpool(identify, context, token_of(socket))
        await run_in_threadpool(owned, context, who, session)
        place = _Place(context, who.id)
        place.__enter__()
    except Problem as problem:
        await socket.close(4000 + problem.status, problem.detail[:120])
        return
    offered = socket.headers.get("sec-websocket-protocol", "")
    try:
        await socket.accept(subprotocol="dropprod" if "dropprod" in offered else None)
        cursor = _Cursor(context, session)
        cursor.second = since
        await _talk(socket, cursor)
    finally:
        place.__exit__()


async def _talk(socket: WebSocket, cursor: _Cursor) -> None:
    """Send until the other side leaves; what it sends is not read for anything else."""

    async def leave() -> None:
        while True:
            await socket.receive_text()

    async def send() -> None:
        async for message in _messages(cursor):
            await socket.send_text(json.dumps(message, ensure_ascii=False))
        await socket.close(1001, "the service stops; connect again")

    leaving, sending = asyncio.ensure_future(leave()), asyncio.ensure_future(send())
    try:
        done, _ = await asyncio.wait((leaving, sending), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except (WebSocketDisconnect, RuntimeError):
        pass
    except (SessionError, StoreError) as error:
        await socket.close(1011, str(error)[:120])
    finally:
        leaving.cancel()
        sending.cancel()
