"""DECLARE, FETCH, MOVE and CLOSE: a query's rows kept by name in a session, with a place among them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.postgres.errors import PgError
from simulator.postgres.result import Result

if TYPE_CHECKING:
    from simulator.postgres.catalog import Catalog
    from simulator.postgres.state import Session

MOST = 100
_DECLARE = re.compile(
    r"\s*declare\s+(\w+)\s+((?:binary\s+|insensitive\s+|asensitive\s+|no\s+scroll\s+|scroll\s+)*)cursor"
    r"(?:\s+(with|without)\s+hold)?\s+for\s+(.+)", re.I | re.S,
)  # fmt: skip
_FETCH = re.compile(
    r"\s*(fetch|move)\b\s*(next|prior|first|last|all|(?:absolute|relative)\s+-?\d+|(?:forward|backward)(?:\s+(?:all|\d+))?|-?\d+)?"
    r"\s*(?:from\s+|in\s+)?(\w+)\s*;?\s*$", re.I,
)  # fmt: skip
_CLOSE = re.compile(r"\s*close\s+(\w+)\s*;?\s*$", re.I)


@dataclass
class Cursor:
    """`place`: how many rows lie before and under it; 0 is before the first."""

    result: Result
    hold: bool
    scroll: bool
    place: int = 0


def declare(catalog: Catalog, text: str) -> Result:
    from simulator.postgres import execute

    found = _DECLARE.match(text)
    if found is None:
        raise PgError("syntax error at end of input", position=len(text.rstrip()))
    name, ways, hold = found[1].lower(), found[2].lower().split(), (found[3] or "").lower() == "with"
    session = catalog.session
    if not hold and (not session.in_transaction or session.implicit):
        raise PgError("DECLARE CURSOR can only be used in transaction blocks")
    if name in session.cursors:
        raise PgError(f'cursor "{name}" already exists')
    if len(session.cursors) >= MOST:
        raise PgError("out of memory")
    result = execute.run(catalog.world, session, found[4])
    if not result.is_query:
        raise PgError("syntax error at or near the cursor's query", position=found.start(4))
    session.cursors[name] = Cursor(result, hold, ways[-1:] == ["scroll"] and "no" not in ways)
    return Result(tag="DECLARE CURSOR", cost_s=result.cost_s)


def fetch(catalog: Catalog, text: str) -> Result:
    """Rows from where the cursor stands; MOVE only goes there."""
    found = _FETCH.match(text)
    if found is None:
        raise PgError("syntax error at end of input", position=len(text.rstrip()))
    cursor = catalog.session.cursors.get(found[3].lower())
    if cursor is None:
        raise PgError(f'cursor "{found[3].lower()}" does not exist')
    numbers, place = _walk(cursor, (found[2] or "next").lower().split())
    if not cursor.scroll and (place < cursor.place or numbers != sorted(numbers)):
        raise PgError(
            "cursor can only scan forward", hint="Declare it with SCROLL option to enable backward scan."
        )
    cursor.place = place
    if found[1].lower() == "move":
        return Result(tag=f"MOVE {len(numbers)}")
    rows = [cursor.result.rows[number - 1] for number in numbers]
    return Result(cursor.result.columns, rows, f"FETCH {len(rows)}")


def _walk(cursor: Cursor, words: list[str]) -> tuple[list[int], int]:
    """The numbers of the rows on the way, and where it ends: 0 before the first, one more than all behind the last."""
    end, way = len(cursor.result.rows), words[0]
    count = words[1] if len(words) > 1 else ""
    if way in ("first", "last", "absolute", "relative"):
        at = {"first": 1, "last": end}.get(way, 0) or int(count or 0)
        if way == "relative":
            at += cursor.place
        elif at < 0:
            at += end + 1
        at = max(0, min(end + 1, at))
        return ([at] if 1 <= at <= end else []), at
    if way in ("all", "next", "prior"):
        step = {"all": end + 1, "next": 1, "prior": -1}[way]
    elif way in ("forward", "backward"):
        step = (end + 1 if count == "all" else int(count or 1)) * (1 if way == "forward" else -1)
    else:
        step = int(way)
    place = max(0, min(end + 1, cursor.place + step))
    on_way = range(cursor.place + 1, place + 1) if step > 0 else range(cursor.place - 1, place - 1, -1)
    if step == 0:
        return ([cursor.place] if 1 <= cursor.place <= end else []), cursor.place
    return [number for number in on_way if 1 <= number <= end], place


def close(catalog: Catalog, text: str) -> Result:
    found, held = _CLOSE.match(text), catalog.session.cursors
    if found is None:
        raise PgError("syntax error at end of input", position=len(text.rstrip()))
    name = found[1].lower()
    if name == "all":
        held.clear()
        return Result(tag="CLOSE CURSOR ALL")
    if held.pop(name, None) is None:
        raise PgError(f'cursor "{name}" does not exist')
    return Result(tag="CLOSE CURSOR")


def at_end(session: Session, keep: bool) -> None:
    """The end of a transaction closes its cursors, but not those declared WITH HOLD when it succeeds."""
    session.cursors = {name: c for name, c in session.cursors.items() if keep and c.hold}
