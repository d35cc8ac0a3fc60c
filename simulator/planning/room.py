"""The room of plans: `plan write`, `plan show`, `plan review`. The text is part of the session and its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulator.planning.review import Plan, judge
from simulator.reply import Reply, failure
from simulator.room import Room
from simulator.scenario import Text
from simulator.tool import Tool
from simulator.wording import Words

if TYPE_CHECKING:
    from simulator.world import World

LONGEST = 20_000
FORMS = ("plan write 'TEXT'", "plan add 'TEXT'", "plan show", "plan review")
T = {
    "none": Text(ru="plan: здесь план не требуется", en="plan: nothing here asks for a plan"),
    "usage": Text(ru="plan: {0}\nформы: {1}", en="plan: {0}\nforms: {1}"),
    "verb": Text(ru="нет действия {0!r}", en="no action {0!r}"),
    "text": Text(ru="нет текста плана", en="there is no text"),
    "long": Text(ru="план длиннее {0} символов", en="the plan is longer than {0} characters"),
    "empty": Text(ru="План ещё не написан: plan write 'ТЕКСТ'", en="No plan has been written: plan write 'TEXT'"),
    "kept": Text(ru="План записан, пунктов: {0}.", en="The plan is kept, items: {0}."),
    "head": Text(ru="{0}: разбор плана", en="{0}: review of the plan"),
    "steps": Text(ru="вижу шаги: {0}", en="steps I see: {0}"),
    "remark": Text(ru="замечание: {0}", en="remark: {0}"),
    "advice": Text(ru="совет: {0}", en="advice: {0}"),
    "yes": Text(ru="Согласовано. Выполняйте.", en="Approved. Go ahead."),
    "no": Text(ru="Не согласовано: замечаний {0}. Допишите и пришлите снова.", en="Not approved: {0} remarks. Amend it and send it again."),
    "event": Text(ru="план записан, шагов распознано: {0}", en="a plan is written, steps recognised: {0}"),
}  # fmt: skip


say = Words(T)


def _refuse(world: World, why: str) -> Reply:
    return failure(say(world, "usage", why, "; ".join(FORMS)), 2)


def run(world: World, argv: list[str], stdin: str) -> Reply:
    spec = world.scenario.plan
    if spec is None:
        return failure(say(world, "none"), 1)
    plan: Plan = world.rooms["planning"]
    verb = argv[1] if len(argv) > 1 else "show"
    if verb in ("write", "add"):
        text = " ".join(argv[2:]) or stdin
        if not text.strip():
            return _refuse(world, say(world, "text"))
        text = text if verb == "write" or not plan.text else f"{plan.text}\n{text}"
        if len(text) > LONGEST:
            return failure(say(world, "long", LONGEST), 1)
        return _write(world, plan, text)
    if verb == "show":
        return Reply((plan.text or say(world, "empty")) + "\n", cost_s=0.0)
    if verb == "review":
        return _review(world, plan)
    return _refuse(world, say(world, "verb", verb))


def _write(world: World, plan: Plan, text: str) -> Reply:
    from simulator.planning.review import lines_of

    assert world.scenario.plan is not None
    plan.text, plan.written_s = text, world.now_s
    plan.first_s = world.now_s if plan.first_s is None else plan.first_s
    found = judge(world.scenario.plan, text, world.language).found
    world.note("plan", say(world, "event", len(found)))
    return Reply(say(world, "kept", len(lines_of(text))) + "\n")


def _review(world: World, plan: Plan) -> Reply:
    spec = world.scenario.plan
    assert spec is not None
    if not plan.text:
        return failure(say(world, "empty"), 1)
    review = judge(spec, plan.text, world.language)
    names = ", ".join(spec.steps[name].text.of(world.language) for name in review.found)
    out = [say(world, "head", spec.reviewer.of(world.language)), "  " + say(world, "steps", names or "-")]
    out += ["  " + say(world, "remark", text) for text in review.remarks]
    out += ["  " + say(world, "advice", text) for text in review.advice]
    out.append(say(world, "yes") if review.approved else say(world, "no", len(review.remarks)))
    return Reply("\n".join(out) + "\n", code=0 if review.approved else 1)


def _tools() -> Mapping[str, Tool]:
    summary = Text(ru="план изменения и его разбор", en="the plan of a change and its review")
    return {"plan": Tool("plan", run, summary, FORMS, lambda argv: argv[1:2] in (["write"], ["add"]))}


ROOM = Room("planning", lambda world: Plan() if world.scenario.plan is not None else None, tools=_tools)
