"""`dropprod story`: rehearse a hard-bug story, from life or about a played session, at the terminal or through pipes.

How turns are read and the debrief is shown: api/cli/converse.py.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from api.cli.converse import held
from api.cli.errors import UsageError
from api.cli.files import read_text
from api.cli.progress import progress
from api.messages import Language, choose_language, say
from api.ports import SessionError
from api.store import StoreError


def story(options: argparse.Namespace) -> int:
    from agent.story.book import StoryFileError
    from api.bootstrap import open_stories
    from api.talks import FROM_LIFE
    from simulator.scenario import ScenarioError

    told = _told(options.text) if options.text is not None else ""
    language = _language(options.lang, told)
    try:
        stories = open_stories()
        if options.resume is not None:
            talk = stories.resume(options.resume)
        else:
            known = _incident(options.session, language, options.progress) if options.session else None
            talk = stories.begin((options.session or FROM_LIFE,), language, known)
        return held(stories, talk, "story", options.json, told, options.progress)
    except (SessionError, StoreError, ScenarioError, StoryFileError) as error:
        raise UsageError(str(error)) from None


def _told(name: str) -> str:
    """The story of a file. Raises UsageError."""
    from api.talks import TEXT_LIMIT

    text = read_text(name, "--text").strip()
    if not text:
        raise UsageError(f"--text {name}: the text is empty")
    if len(text) > TEXT_LIMIT:
        raise UsageError(
            f"--text {name}: a story has at most {TEXT_LIMIT} characters, this one has {len(text)}"
        )
    return text


def _language(given: str | None, told: str) -> Language:
    """The option, else the language of the story that is there already, else the locale's."""
    if given is None and told:
        from agent.text import guess_language

        return guess_language(told)
    return choose_language(given, os.environ)


def _incident(session: str, language: Language, plain: bool) -> dict[str, Any]:
    from api.bootstrap import played_incident

    with progress(say(language, "play.restoring"), plain) as report:
        return played_incident(session, report)
