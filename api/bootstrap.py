"""Puts the real parts together for the doors: the store of this user, the simulator, the reviewer.

The only place that reads DROPPROD_HOME, the clock and the operating system's randomness for sessions.
Everything heavy is imported when it is first used.
"""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import simulator as simulator_package
from api.messages import Language
from api.ports import Progress, Simulator
from api.service import ApplicationService
from api.store import SqliteStore, Store

if TYPE_CHECKING:
    from agent.interview.turns import Interview
    from api.talks import Talks
    from simulator.scenario import Scenario


def home() -> Path:
    """Where this user's data lives: DROPPROD_HOME, or the platform's place for it."""
    given = os.environ.get("DROPPROD_HOME")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("dropprod", appauthor=False))


def open_store() -> Store:
    """Raises StoreError."""
    return SqliteStore(home() / "sessions.db")


def open_service() -> ApplicationService:
    """The service with its real parts. Raises StoreError."""
    return ApplicationService(open_store(), real_simulator(), review_text, new_session_id, utc_now)


def open_talks() -> Talks:
    """Interviews with their real parts. Raises StoreError."""
    from api.talks import Interviewer, Talks

    return Talks(
        open_store(),
        Interviewer(_interviews_digest, _begin_interview, _interview_turn, _plain_turn, _interview_debrief),
        simulator_package.__version__,
        new_session_id,
        utc_now,
    )


def _interviews_digest() -> str:
    from agent.interview.prompts import digest

    return digest()


def _begin_interview(prompt: str, level: str, length: str, language: str) -> tuple[Interview, str]:
    from agent.interview.prompts import book
    from agent.interview.turns import begin

    seniority: Any = level
    wanted: Any = length
    return begin(book().prompt(prompt), seniority, wanted, language)


def _plain_turn(state: Interview, text: str) -> tuple[Interview, str]:
    from agent.interview.turns import step

    return step(state, text)


def _interview_turn(state: Interview, text: str) -> tuple[Interview, str, str]:
    from agent.interview.graph import take_turn
    from agent.review_entry import mind

    return take_turn(state, text, mind())


def _interview_debrief(state: Interview, earlier: dict[str, Any] | None) -> dict[str, Any]:
    from agent.interview.graph import make_debrief
    from agent.library import Library
    from agent.review_entry import cache_dir, mind

    library = Library(cache_dir(), os.environ.get("DROPPROD_CHROMA_URL") or None)
    try:
        return make_debrief(state, mind(), library, earlier)
    finally:
        library.close()


def real_simulator() -> Simulator:
    from simulator.commands import execute
    from simulator.scenario import digest, load
    from simulator.world import World

    return Simulator(simulator_package.__version__, load, digest, World, execute)


def review_text(
    scenario: Scenario,
    text: str,
    kind: str,
    language: str,
    *,
    seed: int,
    now_s: float,
    log: list[tuple[float, str]],
    on_progress: Progress | None,
) -> dict[str, Any]:
    """Judge a text against what was played; the minds are imported here and not before."""
    from agent.review import ReviewKind
    from agent.review_entry import review_text as review
    from simulator.run import Command

    commands = [Command(t_s, line) for t_s, line in log if line.split()[:1] != ["wait"]]
    # A player may have played longer than the scenario lasts by itself; its replays last as long.
    scenario = scenario.model_copy(update={"duration_s": max(scenario.duration_s, now_s)})
    rubric: ReviewKind = "postmortem" if kind == "postmortem" else "action-items"
    spoken: Language = "ru" if language == "ru" else "en"
    return review(scenario, text, rubric, spoken, commands, on_progress, seed=seed)


def new_session_id() -> str:
    """Eight characters that can be read out on the phone: 40 bits, base32."""
    return base64.b32encode(os.urandom(5)).decode().lower()


def utc_now() -> datetime:
    return datetime.now(UTC)
