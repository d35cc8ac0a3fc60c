"""PREPARE, EXECUTE and DEALLOCATE: statements kept by name in a session, with their parameters put in as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.postgres import lexer
from simulator.postgres.errors import PgError
from simulator.postgres.result import Result

if TYPE_CHECKING:
    from simulator.postgres.catalog import Catalog

MOST = 100
_PREPARE = re.compile(r"\s*prepare\s+(\w+)\s*(?:\(([^()]*)\))?\s*as\s+(.+)", re.I | re.S)
_EXECUTE = re.compile(r"\s*execute\s+(\w+)\s*(?:\((.*)\))?\s*;?\s*$", re.I | re.S)
_PARAMETER = re.compile(r"\$(\d{1,3})")


def missing(name: str) -> PgError:
    return PgError(f'prepared statement "{name}" does not exist')


def prepare(catalog: Catalog, text: str) -> Result:
    found = _PREPARE.match(text)
    if found is None:
        raise PgError("syntax error at end of input", position=len(text.rstrip()))
    name = found[1].lower()
    held = catalog.session.prepared
    if name in held:
        raise PgError(f'prepared statement "{name}" already exists')
    if len(held) >= MOST:
        raise PgError("out of memory")
    held[name] = found[3].strip().rstrip(";")
    return Result(tag="PREPARE")


def execute(catalog: Catalog, text: str) -> Result:
    from simulator.postgres import execute as statements

    found = _EXECUTE.match(text)
    name = found[1].lower() if found is not None else ""
    if found is None or name not in catalog.session.prepared:
        raise missing(name)
    given = _arguments(found[2] or "")
    body = catalog.session.prepared[name]
    wanted = max((int(number) for number in _PARAMETER.findall(body)), default=0)
    if len(given) != wanted:
        raise PgError(
            f'wrong number of parameters for prepared statement "{name}"',
            detail=f"Expected {wanted} parameters but got {len(given)}.",
        )
    return statements.run(catalog.world, catalog.session, _filled(body, given))


def _arguments(text: str) -> list[str]:
    """The parts between commas outside quotes and brackets."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text):
        jump = lexer.skip_quoted(text, at)
        if jump > at:
            at = jump
            continue
        depth += (text[at] in "([") - (text[at] in ")]")
        if text[at] == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
        at += 1
    last = text[start:].strip()
    return [*parts, last] if parts or last else []


def _filled(body: str, given: list[str]) -> str:
    out, at, start = "", 0, 0
    while at < len(body):
        jump = lexer.skip_quoted(body, at)
        found = _PARAMETER.match(body, at) if jump == at else None
        if found is not None:
            out += (
                body[start:at] + f"({given[int(found[1]) - 1]})"
                if 0 < int(found[1]) <= len(given)
                else body[start : found.end()]
            )
            at = start = found.end()
        else:
            at = max(jump, at + 1)
    return out + body[start:]


def deallocate(catalog: Catalog, name: str) -> Result:
    if name.lower() == "all":
        catalog.session.prepared.clear()
        return Result(tag="DEALLOCATE ALL")
    if catalog.session.prepared.pop(name.lower(), None) is None:
        raise missing(name.lower())
    return Result(tag="DEALLOCATE")
