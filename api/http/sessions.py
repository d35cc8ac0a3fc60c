"""Sessions over HTTP: create, play, look, branch, review, share, export."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from api import views
from api.http.context import Context, context_of
from api.http.guard import Who, slow_down
from api.http.models import Answer, Branch, Line, NewSession, NewShare, Review, SessionId, Speed, Until
from api.http.problems import Problem, content
from api.jobs import Full, Job
from api.players import FULL, Player
from api.ports import Observation, Opened, Progress
from api.rooms import once_more
from api.store import Entry, Header

router = APIRouter(prefix="/v1", tags=["sessions"])
PAGE = 50
MOST_NEW = 120  # seconds whose percentiles one answer finds out: half a second
NDJSON = "application/x-ndjson"
MOST_SESSIONS = 1_000  # of one player


async def shared_context(request: Request) -> Context:
    return context_of(request)


Since = Annotated[int, Query(ge=0, le=1_000_000)]
Ctx = Annotated[Context, Depends(shared_context)]


def owned(context: Context, player: Player, session: str) -> str:
    """The id again. A session of somebody else looks like one that does not exist."""
    if not context.players.owns(player.id, session):
        raise Problem(404, f"no session {session!r}")
    return session


def playable(context: Context, who: Player, name: str) -> None:
    """Raises Problem when there is no such scenario or the player's plan does not have it."""
    scenario = context.catalogue.get(name)
    if scenario is None:
        raise Problem(404, f"no scenario {name!r}: GET /v1/scenarios lists them")
    if scenario.tier != "free" and who.plan != FULL:
        raise Problem(402, f"scenario {name} belongs to the full plan; payment-pool is free")


def room_for_one_more(context: Context, who: Player) -> None:
    """Raises Problem. Talks, branches and episodes are sessions, too."""
    if context.players.count(who.id) >= MOST_SESSIONS:
        raise Problem(403, f"a player keeps at most {MOST_SESSIONS} sessions")


def seen(found: Observation) -> dict[str, Any]:
    return {
        "text": found.text,
        "code": found.code,
        "now_s": found.now_s,
        "clock": found.clock.isoformat(),
        "severity": found.severity,
        "pending": found.pending,
        "resolved": found.resolved,
        "news": [{"t": e.t_s, "kind": e.kind, "text": e.text} for e in found.news],
    }


def _headers(header: Header, entries: int, now_s: float) -> dict[str, Any]:
    return {
        "id": header.id,
        "scenario": header.scenario,
        "seed": header.seed,
        "language": header.language,
        "created": header.created,
        "parent": header.parent,
        "parent_seq": header.parent_seq,
        "entries": entries,
        "now_s": now_s,
    }


def _opened(found: Opened) -> dict[str, Any]:
    return {
        "id": found.header.id,
        "scenario": found.header.scenario,
        "seed": found.header.seed,
        "language": found.header.language,
        "read_only": found.read_only,
        "unanswered": found.unanswered.kind if found.unanswered else None,
        "seen": seen(found.seen),
    }


@router.post("/sessions", status_code=201)
def create(body: NewSession, who: Who, context: Ctx) -> dict[str, Any]:
    """Start a session of a scenario."""
    playable(context, who, body.scenario)
    room_for_one_more(context, who)
    found = context.service.create(body.scenario, body.seed, body.language)
    context.players.give(found.header.id, who.id)
    context.meters.sessions.inc()
    return _opened(found)


@router.get("/sessions")
def mine(who: Who, context: Ctx, offset: Annotated[int, Query(ge=0, le=10_000)] = 0) -> dict[str, Any]:
    """The player's sessions, newest first."""
    found = context.players.sessions(who.id, PAGE + 1, offset)
    return {"sessions": [_headers(*row) for row in found[:PAGE]], "more": len(found) > PAGE}


@router.get("/sessions/{session}")
def outline(session: SessionId, who: Who, context: Ctx) -> dict[str, Any]:
    """The brief, the parts of the system, the goal."""
    return context.service.look(owned(context, who, session), views.outline)


@router.post("/sessions/{session}/commands")
def command(session: SessionId, body: Line, who: Who, context: Ctx) -> dict[str, Any]:
    """Type a line: a console command, an incident verb, plain words. Answered once it is in the log."""
    owned(context, who, session)
    return seen(once_more(lambda: context.service.submit(session, body.line)))


@router.post("/sessions/{session}/time")
def let_pass(session: SessionId, body: Until, who: Who, context: Ctx) -> dict[str, Any]:
    """Let simulated time pass, as `wait` does."""
    owned(context, who, session)
    return seen(once_more(lambda: context.service.submit(session, f"wait {body.seconds:g}")))


@router.put("/sessions/{session}/speed")
def speed(session: SessionId, body: Speed, who: Who, context: Ctx) -> dict[str, Any]:
    """Live pace: time passes while a stream of the session is open."""
    owned(context, who, session)
    context.pace.set(session, body.speed)
    return {"speed": body.speed}


@router.get("/sessions/{session}/state")
def state(
    session: SessionId,
    who: Who,
    context: Ctx,
    since_event: Since = 0,
    since_s: Since = 0,
) -> dict[str, Any]:
    """Where the session stands: series, alerts, health of the parts, events. With `more` the series goes on after them."""
    return context.service.look(owned(context, who, session), views.state(since_event, since_s, MOST_NEW))


@router.get("/sessions/{session}/facts")
def facts(session: SessionId, who: Who, context: Ctx) -> dict[str, Any]:
    """What can be said about the incident so far."""
    return context.service.look(owned(context, who, session), views.facts)


@router.get("/sessions/{session}/completions")
def completions(
    session: SessionId, who: Who, context: Ctx, prefix: Annotated[str, Query(max_length=400)] = ""
) -> dict[str, list[str]]:
    from simulator.commands import complete

    return {"completions": context.service.completions(owned(context, who, session), complete, prefix)[:200]}


@router.get("/sessions/{session}/log")
def log(session: SessionId, who: Who, context: Ctx) -> dict[str, Any]:
    return {"entries": [views.entry(e) for e in context.service.log(owned(context, who, session))]}


@router.get("/sessions/{session}/export", response_class=Response, responses={200: content(NDJSON)})
def export(session: SessionId, who: Who, context: Ctx) -> Response:
    """The whole session as JSON lines: its header, then its entries; enough to replay it elsewhere."""
    owned(context, who, session)
    header = context.store.header(session)
    assert header is not None
    entries = context.service.log(session)

    def lines() -> Iterator[str]:
        yield json.dumps({"header": header.__dict__}, ensure_ascii=False) + "\n"
        for found in entries:
            yield json.dumps(views.entry(found), ensure_ascii=False) + "\n"

    name = f'attachment; filename="dropprod-{session}.jsonl"'
    return StreamingResponse(lines(), media_type=NDJSON, headers={"Content-Disposition": name})


@router.post("/sessions/{session}/branches", status_code=201)
def branch(session: SessionId, body: Branch, who: Who, context: Ctx) -> dict[str, Any]:
    """A new session that begins like this one: what if, from here."""
    owned(context, who, session)
    room_for_one_more(context, who)
    found = context.service.branch(session, body.at_seq)
    context.players.give(found.header.id, who.id)
    return _opened(found)


# --- reviews ------------------------------------------------------------------------------------------


def job_view(job: Job, language: str) -> dict[str, Any]:
    return {
        "job": job.id,
        "kind": job.kind,
        "session": job.session,
        "status": job.status,
        "progress": round(job.progress, 3),
        "result": views.review(job.result, language) if isinstance(job.result, dict) else None,
        "error": job.error,
    }


def _language(context: Context, session: str) -> str:
    header = context.store.header(session)
    return header.language if header is not None else "en"


def start_job(
    context: Context, who: Player, kind: str, session: str, work: Callable[[Progress], Any]
) -> dict[str, Any]:
    wait = context.thinking.take(who.id)
    if wait > 0.0:
        raise slow_down(wait)
    try:
        job = context.jobs.start(who.id, kind, session, work)
    except Full as error:
        raise Problem(503, str(error), {"Retry-After": "60"}) from None
    return job_view(job, _language(context, session))


@router.post("/sessions/{session}/reviews", status_code=202)
def review(session: SessionId, body: Review, who: Who, context: Ctx) -> dict[str, Any]:
    """Have action items or a post-mortem judged: a job, since every item is replayed."""
    owned(context, who, session)
    return start_job(
        context,
        who,
        body.kind,
        session,
        lambda report: context.service.review(session, body.kind, body.text, report),
    )


@router.post("/sessions/{session}/reviews/unfinished", status_code=202)
def finish_review(session: SessionId, who: Who, context: Ctx) -> dict[str, Any]:
    """Judge the text whose review was cut off."""
    owned(context, who, session)
    return start_job(
        context, who, "unfinished", session, lambda report: context.service.finish_review(session, report)
    )


@router.get("/sessions/{session}/reviews")
def reviews(session: SessionId, who: Who, context: Ctx) -> dict[str, Any]:
    """Every verdict in the session's log, oldest first, each with the text it is about."""
    found: list[dict[str, Any]] = []
    text: Entry | None = None
    language = _language(context, session)
    for e in context.service.log(owned(context, who, session)):
        if e.kind in ("action-items", "postmortem"):
            text = e
        elif e.kind == "model" and text is not None:
            found.append(
                {
                    "seq": e.seq,
                    "kind": text.kind,
                    "text": text.line,
                    "t_s": text.t_s,
                    "result": views.review(json.loads(e.line), language),
                }
            )
            text = None
    return {"reviews": found, "unfinished": text.kind if text is not None else None}


@router.get("/jobs/{job}")
def job(job: SessionId, who: Who, context: Ctx) -> dict[str, Any]:
    found = context.jobs.get(job)
    if found is None or found.owner != who.id:
        raise Problem(404, f"no job {job!r}; what is done lies in its session")
    return job_view(found, _language(context, found.session))


@router.post("/sessions/{session}/answers")
def answer(session: SessionId, body: Answer, who: Who, context: Ctx) -> dict[str, Any]:
    """The player's reply to a question of a review, and the CTO's word on it."""
    found = context.service.answer(owned(context, who, session), body.question, body.text)
    return {"response": found}


# --- links --------------------------------------------------------------------------------------------


@router.post("/sessions/{session}/shares", status_code=201)
def share(session: SessionId, body: NewShare, who: Who, context: Ctx) -> dict[str, Any]:
    """A link by which anybody may watch the session, but not touch it."""
    token = context.players.share(owned(context, who, session), body.words)
    return {"token": token, "path": f"/v1/shared/{token}", "words": body.words}


@router.delete("/sessions/{session}/shares")
def unshare(session: SessionId, who: Who, context: Ctx) -> dict[str, int]:
    """Take every link to the session back."""
    return {"removed": context.players.unshare(owned(context, who, session))}


@router.get("/shared/{token}")
def shared(
    token: Annotated[str, Path(min_length=1, max_length=100)],
    context: Ctx,
    request: Request,
    since_event: Since = 0,
    since_s: Since = 0,
) -> dict[str, Any]:
    """A shared session: brief, state and log; without the player's own texts unless the link says so."""
    wait = context.rate.take("shared " + (request.client.host if request.client else ""))
    if wait > 0.0:
        raise slow_down(wait)
    found = context.players.shared(token)
    if found is None:
        raise Problem(404, "this link shows nothing (any more)")
    entries = [views.entry(e, found.words) for e in context.service.log(found.session)]
    return {
        "outline": context.service.look(found.session, views.outline),
        "state": context.service.look(found.session, views.state(since_event, since_s, MOST_NEW)),
        "entries": entries,
    }
