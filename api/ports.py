"""What the service needs from outside, and what it hands to the doors. Shapes only, nothing happens here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from api.store import Entry, Header

if TYPE_CHECKING:
    from simulator.reply import Reply
    from simulator.scenario import Scenario
    from simulator.world import Event, World

Progress = Callable[[float, float], None]


class SessionError(ValueError):
    """What was asked cannot be done to this session: one line for the player."""


class ReadOnly(SessionError):
    """The session can be read and branched, not continued."""


@dataclass(frozen=True)
class Simulator:
    """The world as the service sees it; the real one is composed in `api.bootstrap`.

    `pass_over` replays a line that only looks, up to a second, without carrying it out; False if it must be.
    """

    version: str
    load: Callable[[str], Scenario]
    digest: Callable[[Scenario], str]
    build: Callable[[Scenario, int, str], World]
    execute: Callable[[World, str], Reply]
    pass_over: Callable[[World, str, float], bool] = lambda _world, _line, _until_s: False


class ReviewText(Protocol):
    """Judge a text about a session.

    `log` is the list of (t_s, line) that was carried out up to `now_s`; empty when nothing went wrong in
    the session, so that the incident of the scenario's own timeline is what the text is about.
    """

    def __call__(
        self,
        scenario: Scenario,
        text: str,
        kind: str,
        language: str,
        *,
        seed: int,
        now_s: float,
        log: list[tuple[float, str]],
        on_progress: Progress | None,
    ) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Observation:
    """What a player sees after something happened. `severity` is the worst firing alert's, P1-P4."""

    text: str
    code: int
    now_s: float
    clock: datetime
    severity: str | None
    pending: str | None
    resolved: bool
    news: tuple[Event, ...] = ()  # what happened since the last observation
    interrupted: bool = False


@dataclass(frozen=True)
class Opened:
    """A session that can be played (or only read: then `read_only` says why, in one line)."""

    header: Header
    scenario: Scenario
    seen: Observation
    read_only: str | None = None
    unanswered: Entry | None = None  # a text whose review was cut off
