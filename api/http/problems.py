"""Errors as RFC 9457 problem details: one line that says what is wrong, and a type to switch on."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.ports import ReadOnly, SessionError
from api.store import Conflict, StoreError

MEDIA = "application/problem+json"
log = logging.getLogger("dropprod")

TITLES = {
    400: "bad-request",
    401: "token-needed",
    402: "plan",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    429: "too-many-requests",
    500: "internal",
    503: "unavailable",
}


class Problem(Exception):
    """Ends a request with a problem. `detail` is for a person."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, headers, more


def answer(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    title = TITLES.get(status, "error")
    body = {
        "type": f"urn:dropprod:problem:{title}",
        "title": title,
        "status": status,
        "detail": detail,
        **more,
    }
    return JSONResponse(body, status, headers=headers, media_type=MEDIA)


def install(app: FastAPI) -> None:
    """Every error of this application becomes a problem; what nobody foresaw is logged and stays unnamed."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        return answer(error.status, error.detail, error.headers, **error.more)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        return answer(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        wrong = [{"where": [str(x) for x in e["loc"]], "what": e["msg"]} for e in error.errors()[:20]]
        return answer(422, f"{where}: {first['msg']}", errors=wrong)

    @app.exception_handler(ReadOnly)
    async def _read_only(_: Request, error: ReadOnly) -> JSONResponse:
        return answer(409, str(error))

    @app.exception_handler(SessionError)
    async def _session(_: Request, error: SessionError) -> JSONResponse:
        return answer(400, str(error))

    @app.exception_handler(Conflict)
    async def _conflict(_: Request, error: Conflict) -> JSONResponse:
        return answer(409, str(error))

    @app.exception_handler(StoreError)
    async def _store(_: Request, error: StoreError) -> JSONResponse:
        log.error("store: %s", error)
        return answer(
            503, "the session store does not answer; nothing was lost, try again", {"Retry-After": "2"}
        )

    @app.exception_handler(Exception)
    async def _internal(request: Request, error: Exception) -> JSONResponse:
        log.exception("unforeseen error in %s %s", request.method, request.url.path, exc_info=error)
        return answer(500, "an error on our side; it has been logged")
