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

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api import views
from api.http.context import Context, context_of
from api.http.guard import Watcher, identify, token_of
from api.http.models import SessionId
from api.http.problems import Problem, content
from api.http.sessions import Ctx, owned
from api.ports import SessionError
from api.service import Mark
from api.store import StoreError

router = APIRouter(prefix="/v1", tags=["streams"])
log = logging.getLogger("dropprod")
EVERY_S = 0.5
IDLE_EVERY_S = 2.0
IDLE_AFTER_S = 30.0  # without a line in its log
BEAT_S = 15.0  # something is sent at least so often: proxies cut what is silent
MOST_STREAMS = 8  # open ones of a player
MOST_NEW = 5  # seconds whose percentiles a stream finds out before others have their turn: 2 to 20 ms each
MOST_AT_ONCE_S = 20  # simulated seconds that a stream lets pass in one go
MOST_BEHIND_S = 5.0  # nobody looked for longer: the world stood still


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
            forgotten = next(iter(self._speed))
            self._speed.pop(forgotten)
            self._then.pop(forgotten, None)

    def due_s(self, session: str, now: float) -> float:
        """Whole simulated seconds that are due now: a few at a time, since others wait for the processor, too."""
        speed = self._speed.get(session)
        if not speed:
            return 0.0
        then = max(self._then.get(session, now), now - MOST_BEHIND_S)
        due = float(min(int((now - then) * speed), MOST_AT_ONCE_S))
        self._then[session] = then + due / speed
        return due


class _Cursor:
    """What a stream has shown."""

    def __init__(self, context: Context, session: str, since_s: int = 0) -> None:
        self.context, self.session = context, session
        self.event, self.second = 0, since_s
        self.mark: Mark = ()
        self.more = False  # than one message was to hold
        self.looked_at = 0.0
        self.typed_at = time.monotonic()  # when something was last done in the session
        self.sent_at = 0.0

    async def next(self) -> dict[str, Any] | None:
        """The next message, or None when nothing is new or the session is in the middle of a command."""
        at_hand = self.context.service.at_hand(self.session)
        if at_hand == "busy" or (not self.more and self._may_wait()):
            return None
        self.looked_at = time.monotonic()
        if at_hand == "away":  # its log is replayed first: not where all other streams would wait for it
            return await run_in_threadpool(self.step)
        return await asyncio.get_running_loop().run_in_executor(self.context.watching, self.step)

    def _may_wait(self) -> bool:
        """Where nobody types, a second more or less is not noticed; it would cost every session something."""
        now = time.monotonic()
        quiet = (
            self.context.service.next_seq(self.session) == self.mark[:1]
            and now > self.typed_at + IDLE_AFTER_S
        )
        return quiet and now < self.looked_at + IDLE_EVERY_S

    def step(self) -> dict[str, Any] | None:
        self.context.first.step_aside()
        now = time.monotonic()
        due = 0.0 if self.more else self.context.pace.due_s(self.session, now)
        mark = self.mark if now - self.sent_at < BEAT_S else ()
        view = views.state(self.event, self.second, MOST_NEW)
        new = self.context.service.watch(self.session, due, view, mark)
        if new is None:
            return None
        found, mark = new
        if mark[:1] != self.mark[:1]:
            self.typed_at = now
        self.mark = mark
        points = found["series"]["t"]
        if points:
            found["from_s"] = int(points[0])
            self.second = int(points[-1]) + 1
        self.event += len(found["events"])
        self.sent_at = now
        self.more = found["more"]
        if self.more:  # at once, and after the other streams' turn
            self.mark = ()
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
        message = await cursor.next()
        if message is not None:
            yield message
        await asyncio.sleep(0.0 if cursor.more else EVERY_S)


class _Events(StreamingResponse):
    """Takes its place when it begins to be sent and gives it back however that ends, also before the first byte."""

    media_type = "text/event-stream"

    def __init__(self, place: _Place, lines: AsyncIterator[str]) -> None:
        super().__init__(lines, headers={"Cache-Control": "no-store"})
        self.place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.place:
            await super().__call__(scope, receive, send)


@router.get(
    "/sessions/{session}/events",
    response_class=StreamingResponse,
    responses={200: content("text/event-stream")},
)
async def events(session: SessionId, who: Watcher, context: Ctx) -> _Events:
    """Server-sent events, each with a state from where the last one ended."""
    await run_in_threadpool(owned, context, who, session)

    async def lines() -> AsyncIterator[str]:
        try:
            async for message in _messages(_Cursor(context, session)):
                yield f"data: {json.dumps(message, ensure_ascii=False)}\n\n"
        except (SessionError, StoreError) as error:
            yield f"event: problem\ndata: {json.dumps({'detail': str(error)}, ensure_ascii=False)}\n\n"

    return _Events(_Place(context, who.id), lines())


@router.websocket("/sessions/{session}/stream")
async def stream(
    socket: WebSocket, session: SessionId, since: Annotated[int, Query(ge=0, le=1_000_000)] = 0
) -> None:
    """The same over a WebSocket; the token comes as a header or as a sub-protocol beside `dropprod`."""
    context = context_of(socket)
    try:
        who = await identify(context, token_of(socket))
        await run_in_threadpool(owned, context, who, session)
        with _Place(context, who.id):
            offered = socket.headers.get("sec-websocket-protocol", "")
            await socket.accept(subprotocol="dropprod" if "dropprod" in offered else None)
            await _talk(socket, _Cursor(context, session, since))
    except Problem as problem:
        await socket.close(4000 + problem.status, problem.detail[:120])
    except StoreError:
        await socket.close(1013, "the session store does not answer; connect again")


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
