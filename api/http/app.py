"""The HTTP application: routes, limits, health, metrics. `dropprod serve` runs it; tests make their own."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Protocol

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool

import simulator
from api.http import agents, catalogue, pages, problems, sessions, streams, talks
from api.http.context import Context
from api.http.guard import BodyLimit
from api.http.meters import Gauge
from api.http.problems import answer
from api.store import StoreError

log = logging.getLogger("dropprod")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
}
ABOUT = (
    "Sessions of a simulated production: play, look, have it judged. Errors are problem details (RFC 9457)."
)


class Companion(Protocol):
    """Another door in the same process, such as a bot: it runs while the service does, and may have a webhook."""

    def running(self) -> AbstractAsyncContextManager[None]: ...

    def is_secret(self, given: str) -> bool: ...

    async def deliver(self, update: dict[str, Any]) -> None: ...


def create_app(context: Context, companion: Companion | None = None) -> FastAPI:
    """The application over its parts. Closing it finishes running jobs and closes the store."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with companion.running() if companion is not None else nullcontext():
            yield
            context.draining = True
        await run_in_threadpool(context.jobs.close)
        context.store.close()

    app = FastAPI(
        title="DropProd",
        version=simulator.__version__,
        description=ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        responses={"default": {"description": "a problem", "content": {problems.MEDIA: {"schema": PROBLEM}}}},
    )
    app.state.context = context
    problems.install(app)
    for router in (
        pages.router,
        catalogue.router,
        sessions.router,
        streams.router,
        talks.router,
        agents.router,
    ):
        app.include_router(router)
    _operations(app, context)
    if companion is not None:
        _webhook(app, companion)
    app.add_middleware(BodyLimit)
    app.middleware("http")(_watched(context))
    return app


PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def _operations(app: FastAPI, context: Context) -> None:
    """What whoever runs the service asks."""
    context.meters.gauges += [
        Gauge("dropprod_worlds_in_memory", "Worlds kept in memory.", context.service.live_count),
        Gauge("dropprod_jobs_running", "Reviews being judged.", lambda: context.jobs.counts()["running"]),
        Gauge("dropprod_jobs_waiting", "Reviews in line.", lambda: context.jobs.counts()["waiting"]),
    ]

    @app.get("/healthz", include_in_schema=False)
    async def alive() -> dict[str, str]:
        return {"status": "alive", "version": simulator.__version__}

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        """Whether requests should come here: not while it stops, nor while the store is away."""
        if context.draining:
            return answer(503, "the service stops")
        try:
            await run_in_threadpool(context.store.last_seq, "")
        except StoreError as error:
            return answer(503, f"the store does not answer: {error}")
        return JSONResponse({"status": "ready"})

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(context.meters.text(), media_type="text/plain; version=0.0.4")


def _webhook(app: FastAPI, companion: Companion) -> None:
    @app.post("/telegram", include_in_schema=False)
    async def telegram(request: Request) -> Response:
        if not companion.is_secret(request.headers.get("x-telegram-bot-api-secret-token", "")):
            return answer(403, "not from where it should come")
        try:
            update = await request.json()
        except ValueError:
            return answer(400, "not JSON")
        if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
            return answer(400, "not an update")
        await companion.deliver(update)
        return JSONResponse({"ok": True})


def _watched(context: Context) -> Callable[[Request, Any], Awaitable[Response]]:
    async def watched(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        response = await call_next(request)
        context.meters.requests.inc(f'status="{response.status_code // 100}xx"')
        response.headers.update(HEADERS)
        log.info(
            "request",
            extra={
                "fields": {
                    "method": request.method,
                    "path": _route(request),
                    "status": response.status_code,
                    "ms": round(1000 * (time.perf_counter() - began), 1),
                }
            },
        )
        return response

    return watched


def _route(request: Request) -> str:
    """The route's pattern: ids and links' tokens do not belong into logs."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "unknown"))
