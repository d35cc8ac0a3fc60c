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
