"""Incidents for programs over HTTP: reset, step, state."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.agentic import TOOLS, Agents, check_call
from api.http.guard import Who
from api.http.models import Call, NewSession, SessionId
from api.http.problems import Problem
from api.http.sessions import Ctx, owned, playable, room_for_one_more
from api.ports import SessionError

router = APIRouter(prefix="/v1/agent", tags=["agents"])


@router.get("/tools")
def tools() -> dict[str, Any]:
    """The tools with their JSON schemas."""
    return {"tools": [{"name": t.name, "description": t.text, "parameters": t.parameters} for t in TOOLS]}


@router.post("/reset", status_code=201)
def reset(body: NewSession, who: Who, context: Ctx) -> dict[str, Any]:
    """A new episode of a scenario."""
    playable(context, who, body.scenario)
    room_for_one_more(context, who)
    found = Agents(context.service).reset(body.scenario, body.seed, body.language)
    context.players.give(found["episode"], who.id)
    return found


@router.post("/{session}/step")
def step(session: SessionId, body: Call, who: Who, context: Ctx) -> dict[str, Any]:
    """Call a tool; the observation is its text, the state holds the score so far."""
    owned(context, who, session)
    try:
        check_call(body.tool, body.arguments)
    except SessionError as error:
        raise Problem(422, str(error)) from None
    return Agents(context.service).step(session, body.tool, body.arguments)


@router.get("/{session}/state")
def state(session: SessionId, who: Who, context: Ctx) -> dict[str, Any]:
    return Agents(context.service).state(owned(context, who, session))
