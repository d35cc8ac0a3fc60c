"""The HTTP application: routes, limits, health, metrics. `dropprod serve` runs it; tests make their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
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
from api.http.watched import Watched
from api.store import StoreError

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
        await run_in_threadpool(context.watching.shutdown)
        context.store.close()

    app = FastAPI(
        title="DropProd",
        version=simulator.__version__,
        description=ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        responses=problems.documented(),
    )
    app.state.context = context
    problems.install(app)
    _with_problems(app)
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
    app.add_middleware(Watched, meters=context.meters)
    return app


def _with_problems(app: FastAPI) -> None:
    """Name the shape of problems in the OpenAPI document, which is made when it is first asked for."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        found = plain()
        found.setdefault("components", {}).setdefault("schemas", {})["Problem"] = problems.SCHEMA
        return found

    app.openapi = openapi  # type: ignore[method-assign]


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
