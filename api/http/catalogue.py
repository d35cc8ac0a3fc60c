"""What there is to play and to read, who plays, and how the player is getting on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from agent.library import Incident
from api import views
from api.http.guard import Who, slow_down
from api.http.models import Join, Language
from api.http.problems import Problem
from api.http.sessions import Ctx
from api.players import FULL

router = APIRouter(prefix="/v1", tags=["catalogue"])


@router.post("/players", status_code=201, tags=["players"])
def join(body: Join, request: Request, context: Ctx) -> dict[str, Any]:
    """A new player. The token is shown this once; whoever has it is the player."""
    wait = context.joining.take(request.client.host if request.client else "")
    if wait > 0.0:
        raise slow_down(wait)
    plan = context.players.plan_for(body.code)
    if plan is None:
        raise Problem(403, "this access code opens nothing")
    player, token = context.players.join(plan)
    return {"id": player.id, "plan": player.plan, "token": token}


@router.get("/me", tags=["players"])
def me(who: Who) -> dict[str, Any]:
    return {"id": who.id, "plan": who.plan, "created": who.created}


@router.get("/scenarios")
def scenarios(context: Ctx) -> dict[str, Any]:
    """Every scenario; `tier` says which plan it belongs to."""
    return {
        "scenarios": [
            {
                "id": s.id,
                "title": {"ru": s.title.ru, "en": s.title.en},
                "tier": s.tier,
                "type": s.type,
                "topics": s.topics,
                "minutes": s.minutes,
            }
            for s in context.catalogue.values()
        ]
    }


@router.get("/library")
def library(
    who: Who,
    context: Ctx,
    q: Annotated[str, Query(max_length=400)] = "",
    lang: Language = "ru",
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> dict[str, Any]:
    """Real incidents that fit a query, nearest first."""
    if q.strip():
        return {"incidents": [asdict(hit) for hit in context.library.search(q, (), limit, lang)]}
    incidents = context.library.incidents
    return {"incidents": [_incident(incidents[name], lang) for name in sorted(incidents)[:limit]]}


@router.get("/library/{incident}")
def incident(
    incident: Annotated[str, Path(pattern=r"^[a-z0-9-]{1,100}$")], context: Ctx, lang: Language = "ru"
) -> dict[str, Any]:
    """One incident, with what its organisation did about it."""
    found = context.library.get(incident)
    if found is None:
        raise Problem(404, f"no incident {incident!r} in the library")
    actions = [{"kind": a.kind, "text": a.text.of(lang)} for a in found.actions]
    return {**_incident(found, lang), "actions": actions, "question": found.interview_question.of(lang)}


def _incident(found: Incident, language: str) -> dict[str, Any]:
    return {
        "id": found.id,
        "title": found.title.of(language),
        "organisation": found.organisation,
        "date": found.date,
        "source_url": found.source_url,
        "source_checked": found.source_checked,
        "themes": list(found.themes),
        "summary": found.summary.of(language),
        "lesson": found.lesson.of(language),
    }


@router.get("/progress")
def progress(who: Who, context: Ctx) -> dict[str, Any]:
    """Results by session, oldest first: scores of reviews, debriefs of interviews and stories."""
    found = []
    for header, entries, now_s in reversed(context.players.sessions(who.id, 200, 0)):
        if entries == 0:
            continue
        found.append(
            {
                "id": header.id,
                "scenario": header.scenario,
                "created": header.created,
                "now_s": now_s,
                "results": [
                    {"rubric": kind, "overall": level}
                    for kind, level in views.results(context.service.log(header.id))
                ],
            }
        )
    return {"sessions": found, "plan": who.plan, "everything": who.plan == FULL}
