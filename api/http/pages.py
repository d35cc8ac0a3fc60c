"""The page: one document and its modules, out of the package. Nothing is asked of any other host."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import Response

from api.http.problems import Problem

router = APIRouter(include_in_schema=False)
WEB = Path(__file__).resolve().parents[1] / "web"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@lru_cache(maxsize=64)
def _file(name: str) -> tuple[bytes, str, str]:
    """(content, media type, entity tag) of a file of the page; only names that are there."""
    known = {str(p.relative_to(WEB)): p for p in WEB.rglob("*") if p.suffix in TYPES}
    if name not in known:
        raise Problem(404, f"no {name!r} here")
    content = known[name].read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return content, f"{TYPES[known[name].suffix]}; charset=utf-8", tag


def _answer(request: Request, name: str) -> Response:
    content, media, tag = _file(name)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media, headers=headers)


@router.get("/")
def page(request: Request) -> Response:
    return _answer(request, "index.html")


@router.get("/web/{name:path}")
def part(request: Request, name: Annotated[str, InPath(max_length=100)]) -> Response:
    return _answer(request, name)
