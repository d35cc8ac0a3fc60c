"""Errors as RFC 9457 problem details: one line that says what is wrong, and a type to switch on."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

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
    408: "too-slow",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    429: "too-many-requests",
    500: "internal",
    503: "unavailable",
}


WHEN = {
    400: "not an HTTP request or no JSON",
    401: "no token, or one that is not known",
    402: "it belongs to another plan",
    403: "more than a player may have, or a code that opens nothing",
    404: "not there, or somebody else's",
    409: "not in this state of the session",
    413: "more bytes than a request may have",
    422: "not what the schema says",
    429: "too much at once; Retry-After says how long to wait",
    500: "an error on our side",
    503: "the store is away, or there is too much to do; Retry-After says how long to wait",
}
SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "urn:dropprod:problem: and the title"},
        "title": {"type": "string", "enum": sorted({*TITLES.values(), "error"})},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "one line for a person"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "where": {"type": "array", "items": {"type": "string"}},
                    "what": {"type": "string"},
                },
            },
        },
    },
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
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


def content(media: str) -> dict[str, Any]:
    """An answer's description in the OpenAPI document where it is no JSON."""
    return {"description": "as text", "content": {media: {"schema": {"type": "string"}}}}


def documented() -> dict[int | str, dict[str, Any]]:
    """What every route may answer beside its own: in the OpenAPI document."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": WHEN[status], "content": {MEDIA: schema}} for status in WHEN
    }
    return {**found, "default": {"description": "a problem", "content": {MEDIA: schema}}}


def allowed(request: Request) -> str:
    """The methods of every route that has this path: the framework names those of the first one only."""
    documented = request.app.openapi()["paths"].get(request.url.path)
    if documented is not None:  # a path that is spelled out is no value of another one's parameter
        return ", ".join(sorted(method.upper() for method in documented))
    return ", ".join(
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        if any(r.matches({**request.scope, "method": method})[0] is Match.FULL for r in request.app.routes)
    )


def install(app: FastAPI) -> None:
    """Every error of this application becomes a problem; what nobody foresaw is logged and stays unnamed."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        return answer(error.status, error.detail, error.headers, **error.more)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = allowed(request)
        return answer(error.status_code, str(error.detail), headers)

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
        return answer(409, str(error))

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
        return answer(500, "an error on our side; it has been logged", HEADERS)
