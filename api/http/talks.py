"""Interviews and stories over HTTP: one turn a request, the debrief as a job. Any replica can take the next turn."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from agent.interview.design import ARROW, DesignError, read_design
from agent.interview.hearing import drawing_and_prose
from agent.interview.prompts import PromptError, book
from api.bootstrap import played_incident
from api.http.guard import Who
from api.http.models import Drawing, NewInterview, NewStory, SessionId, Turn
from api.http.problems import Problem
from api.http.sessions import Ctx, owned, room_for_one_more, start_job
from api.players import FULL, Player
from api.rooms import Room
from api.talks import FROM_LIFE, Talk


def _view(talk: Talk[Any]) -> dict[str, Any]:
    return {
        "id": talk.header.id,
        "over": talk.over,
        "lines": [{"who": who, "text": text} for who, text in talk.lines],
        "result": talk.result,
    }


def _full_plan(who: Player) -> None:
    if who.plan != FULL:
        raise Problem(402, "interviews and stories belong to the full plan")


router = APIRouter(prefix="/v1", tags=["talks"])


@router.get("/interviews/prompts")
def prompts() -> dict[str, Any]:
    """The questions one can be interviewed about."""
    return {
        "prompts": [
            {"id": p.id, "title": {"ru": p.title.ru, "en": p.title.en}, "rps": p.rps} for p in book().prompts
        ]
    }


@router.post("/interviews/diagram")
def diagram(body: Drawing, who: Who) -> dict[str, Any]:
    """A drawing in the text notation as parts and edges; what cannot be read is named, the rest is shown."""
    lines = drawing_and_prose(body.text)[0].split("\n")
    problems: list[str] = []
    while any(ARROW.search(line) for line in lines):
        try:
            design = read_design("\n".join(lines))
        except DesignError as error:  # the line that is being typed is often not whole yet
            problems.append(str(error))
            lines[_blamed(lines, error)] = ""
            continue
        entry = design.entry
        return {
            "entry": entry.name if entry is not None else "",
            "nodes": [
                {"id": p.name, "kind": p.kind, "owner": "", "places": []} for p in design.parts.values()
            ],
            "edges": [
                {"from": e.source, "to": e.target, "kind": "call" if e.waits else "queue", "label": e.label}
                for e in design.edges
            ],
            "problems": problems[:3],
        }
    return {"entry": "", "nodes": [], "edges": [], "problems": problems[:3]}


def _blamed(lines: list[str], error: DesignError) -> int:
    """The line that a mistake names, else the last one that draws something."""
    return error.line - 1 if error.line else max(i for i, line in enumerate(lines) if line)


@router.post("/interviews", status_code=201)
def begin_interview(body: NewInterview, who: Who, context: Ctx) -> dict[str, Any]:
    _full_plan(who)
    room_for_one_more(context, who)
    try:
        talk = context.interviews.talks.begin((body.prompt, body.level, body.length), body.language)
    except PromptError as error:
        raise Problem(404, str(error)) from None
    context.players.give(talk.header.id, who.id)
    return _view(talk)


@router.post("/stories", status_code=201)
def begin_story(body: NewStory, who: Who, context: Ctx) -> dict[str, Any]:
    """Rehearse a story; about a played session its claims are checked against the log."""
    _full_plan(who)
    room_for_one_more(context, who)
    known = None
    if body.session is not None:
        owned(context, who, body.session)
        known = played_incident(body.session, None, context.service)
    talk = context.stories.talks.begin((body.session or FROM_LIFE,), body.language, known)
    context.players.give(talk.header.id, who.id)
    return _view(talk)


def _add(kind: str) -> None:
    """The routes that both kinds of talk have."""

    def room(context: Any) -> Room[Any]:
        found: Room[Any] = getattr(context, kind)
        return found

    @router.get(f"/{kind}/{{session}}", name=f"look_{kind}")
    def look(session: SessionId, who: Who, context: Ctx) -> dict[str, Any]:
        """What was said so far, and the debrief once there is one."""
        return _view(room(context).look(owned(context, who, session)))

    @router.post(f"/{kind}/{{session}}/turns", name=f"say_{kind}")
    def say(session: SessionId, body: Turn, who: Who, context: Ctx) -> dict[str, Any]:
        """Say something; commands such as `/hint /skip /finish` are understood, too."""
        answer, over = room(context).say(owned(context, who, session), body.text)
        return {"answer": answer, "over": over}

    @router.post(f"/{kind}/{{session}}/debrief", status_code=202, name=f"debrief_{kind}")
    def debrief(session: SessionId, who: Who, context: Ctx) -> dict[str, Any]:
        """Levels with quotes, an outline, what to read: a job."""
        owned(context, who, session)
        return start_job(context, who, "debrief", session, lambda _: room(context).finish(session))


_add("interviews")
_add("stories")
