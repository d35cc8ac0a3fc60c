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
from agent.patience import Patience
from api.messages import Language
from api.ports import Progress, SessionError, Simulator
from api.service import ApplicationService
from api.store import Header, SqliteStore, Store

if TYPE_CHECKING:
    from agent.interview.state import Interview
    from agent.story.turns import Story
    from api.talks import Known, Listener, Talks, Topic
    from simulator.scenario import Scenario
    from simulator.world import World

TURN_S = 12.0  # a person in a talk waits so long for a better wording, and no longer
PATIENCE = Patience()  # with a model that does not answer: of all talks of this process
ASIDE = {
    "wait",
    "yes",
    "no",
    "y",
    "n",
    "да",
    "нет",
    "д",
    "н",
}  # words of the terminal that are no command to a system


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


def open_talks() -> Talks[Interview]:
    """Interviews with their real parts. Raises StoreError."""
    from api.talks import Talks

    return Talks(open_store(), interviewer(), simulator_package.__version__, new_session_id, utc_now)


def interviewer() -> Listener[Interview]:
    """The mind of interviews."""
    from api.talks import Listener

    return Listener(
        "interview",
        _interviews_digest,
        _begin_interview,
        _interview_turn,
        _plain_turn,
        _interview_debrief,
    )


def open_stories() -> Talks[Story]:
    """Rehearsals of stories with their real parts. Raises StoreError."""
    from api.talks import Talks

    return Talks(open_store(), story_listener(), simulator_package.__version__, new_session_id, utc_now)


def story_listener() -> Listener[Story]:
    """The mind of stories."""
    from api.talks import Listener

    return Listener("story", _stories_digest, _begin_story, _story_turn, _plain_story_turn, _story_debrief)


def _interviews_digest() -> str:
    from agent.interview.prompts import digest

    return digest()


def _begin_interview(topic: Topic, language: str, _known: Known) -> tuple[Interview, str]:
    from agent.interview.prompts import book
    from agent.interview.turns import begin

    prompt, level, length = topic
    seniority: Any = level
    wanted: Any = length
    return begin(book().prompt(prompt), seniority, wanted, language)


def _plain_turn(state: Interview, text: str) -> tuple[Interview, str]:
    from agent.interview.turns import step

    return step(state, text)


def _interview_turn(state: Interview, text: str) -> tuple[Interview, str, str]:
    from agent.interview.graph import take_turn
    from agent.review_entry import mind

    return take_turn(state, text, mind(TURN_S), PATIENCE)


def _interview_debrief(state: Interview, earlier: list[dict[str, Any]]) -> dict[str, Any]:
    from agent.interview.graph import make_debrief
    from agent.library import Library
    from agent.review_entry import cache_dir, mind

    library = Library(cache_dir(), os.environ.get("DROPPROD_CHROMA_URL") or None)
    try:
        return make_debrief(state, mind(), library, earlier[-1] if earlier else None)
    finally:
        library.close()


def _stories_digest() -> str:
    from agent.story.book import digest

    return digest()


def _begin_story(_topic: Topic, language: str, known: Known) -> tuple[Story, str]:
    from agent.story.incident import Incident
    from agent.story.turns import begin

    return begin(Incident.of(known) if known is not None else None, language)


def _plain_story_turn(state: Story, text: str) -> tuple[Story, str]:
    from agent.story.turns import step

    return step(state, text)


def _story_turn(state: Story, text: str) -> tuple[Story, str, str]:
    from agent.review_entry import mind
    from agent.story.graph import take_turn

    return take_turn(state, text, mind(TURN_S), PATIENCE)


def _story_debrief(state: Story, earlier: list[dict[str, Any]]) -> dict[str, Any]:
    from agent.library import Library
    from agent.review_entry import cache_dir, mind
    from agent.story.graph import make_debrief

    library = Library(cache_dir(), os.environ.get("DROPPROD_CHROMA_URL") or None)
    try:
        return make_debrief(state, mind(), library, earlier)
    finally:
        library.close()


def played_incident(
    session: str, on_progress: Progress | None = None, service: ApplicationService | None = None
) -> dict[str, Any]:
    """What the log of a played session knows, as agent.story.incident keeps it: figures, times, commands.

    Raises SessionError, ScenarioError, StoreError; a session that cannot be replayed is no witness.
    """
    service = service or open_service()
    header = service.resume(session, on_progress).header
    log = service.log(session)

    def known(world: World, _header: Header, read_only: str | None) -> dict[str, Any]:
        from simulator.commands import could_change
        from simulator.facts import collect

        if read_only is not None:
            raise SessionError(read_only)
        facts = collect(world)
        figures = {k: v for k, v in facts.items() if v is None or isinstance(v, int | float)}
        scenario = world.scenario
        names = list(scenario.components)
        done = [(e.t_s, e.line) for e in log if e.kind == "command" and could_change(e.line, names)]
        return {
            "session": session,
            "scenario": header.scenario,
            "title": {"ru": scenario.title.ru, "en": scenario.title.en},
            "brief": {"ru": scenario.brief.ru, "en": scenario.brief.en},
            "themes": list(scenario.themes),
            "starts_at": scenario.starts_at.isoformat(),
            "facts": figures,
            "commands": [(t_s, line) for t_s, line in done if line.split()[0].lower() not in ASIDE],
        }

    return service.look(session, known)


def real_simulator() -> Simulator:
    from simulator.commands import execute, pass_over
    from simulator.run import make_session
    from simulator.scenario import digest, load

    return Simulator(simulator_package.__version__, load, digest, make_session, execute, pass_over)


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
