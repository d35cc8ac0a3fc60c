"""The interviewer's judgement of what to do next: a pure function of the interview so far and what the candidate just said.

    requirements first → follow the candidate, weakest axis next → draw → run the drawing → ask about what it did → debrief

An axis is asked about once and, if the answer stays general, once more. "I don't know" closes it with a hint; two gaps in a
row bring a smaller task. Whoever asks for the answer gets a hint, whoever asks about the task what its author knows. A
promise that nothing keeps is stopped at. No question contains its answer; agent/interview/questions.py chooses them.
"""

from __future__ import annotations

import re
from dataclasses import replace

from agent.honest import admits_gap
from agent.interview import hearing, questions, trials, voice
from agent.interview.arithmetic import sums
from agent.interview.design import DesignError, looks_like_design, read_design, unfolded
from agent.interview.picture import drawn
from agent.interview.prompts import RUBRIC, Prompt, Seniority, book
from agent.interview.state import Asked, Interview, Length
from agent.interview.trials import Trial
from agent.judge import Judgement, judge
from agent.judge.reading import addresses_grader
from agent.quantities import quantities

TURNS: dict[Length, int] = {"short": 7, "long": 16}
DRAW_AFTER = 3  # answers, before the drawing is asked for
TURN_LIMIT = 12_000  # characters of one answer
MISREAD = 1.25  # times the task's load: more than rounding
_MARGIN = re.compile(r"запас|рост|вырас|вдвое|headroom|margin|spare|growth|grow|twice|double", re.IGNORECASE)
RUDE_WORDS = 25  # an outburst of more words may hold an answer
_RUDE = re.compile(
    r"\b(?:silly|stupid|idiot\w*|dumb|moron\w*|nonsense|bullshit|waste of time|are you even|shut up|screw you)\b"
    r"|туп(?:ой|ая|ое|ые|ость)|идиот\w*|дурак\w*|дурацк\w+|бред\b|чушь|отстань|достал[аи]?\b|вы вообще (?:инженер|понимаете)",
    re.IGNORECASE,
)
STUCK = 2  # honest gaps in a row
AXES = {
    "load": "data_scale",
    "hot-key": "data_scale",
    "late-replica": "consistency",
}  # what a trial asks about, else failure
TOLD = 0.5  # levels an answer must add to count as an answer
CHALLENGES = 2
COMMANDS = ("/hint", "/skip", "/run", "/finish")


def begin(prompt: Prompt, level: Seniority, length: Length, lang: str) -> tuple[Interview, str]:
    """A new interview and the interviewer's first words."""
    text = voice.say(
        lang, "open", title=prompt.title.of(lang), brief=prompt.brief.of(lang), level=voice.seniority(level, lang)
    )  # fmt: skip
    question = book().probes["requirements"][0].of(lang)
    standing = Asked("requirements", question=question)
    first = Interview(prompt, level, length, lang, asked={"requirements": 1}, standing=standing)
    return first, text


def step(state: Interview, text: str) -> tuple[Interview, str]:
    """The candidate's turn: the interview after it, and what the interviewer answers."""
    text = unfolded(text.strip()[:TURN_LIMIT])
    state = replace(state, turns=state.turns + 1)
    word = text.lower()
    if word in COMMANDS:
        return _command(state, word)
    if looks_like_design(text):
        return _drawing(state, text)
    if hearing.asks_to_rephrase(text):
        return _rephrased(state)
    consent = hearing.consent(text) if state.design is not None and not state.confirmed else ""
    if consent == "amended" and state.design is not None and hearing.repeats(text, state.design.rps):
        consent = "yes"
    if consent == "yes":
        return _confirmed(state)
    if consent:
        return state, voice.say(state.lang, "amend")
    if admits_gap(text):
        return _unknown(state)
    aside = _set_aside(state, text)
    if aside is not None:
        return aside
    if state.standing.by == "drawing" and hearing.declines_to_draw(text):
        state, question = _next(replace(state, standing=Asked()), "")
        return state, voice.say(state.lang, "no_drawing") + "\n" + question
    if hearing.protests(text):
        state, question = _next(replace(state, standing=Asked()), "")
        return state, voice.say(state.lang, "heard_before") + "\n" + question
    state, told = _told(state, text)
    if hearing.asks_back(text):
        return (state, told.rstrip()) if told else _not_given(state)
    state, remark = _said(state, text)
    if state.design is not None and not state.confirmed:
        state, question = _confirmed(state)
        if state.turns >= TURNS[state.length]:
            return replace(state, over=True), told + remark + voice.say(state.lang, "end")
        return state, told + remark + voice.say(state.lang, "as_it_is") + "\n" + question
    state, question = _next(state, text, quiet=bool(told or remark))
    return state, told + remark + question


def _set_aside(state: Interview, text: str) -> tuple[Interview, str] | None:
    """Turns that are no answer, and to which the question stands: orders, outbursts, requests for the answer."""
    if addresses_grader(text):
        return state, voice.say(state.lang, "grader")
    if _RUDE.search(text) and len(text.split()) < RUDE_WORDS:
        return state, voice.say(state.lang, "rude")
    if hearing.asks_opinion(text) and hearing.asks_back(text):
        return state, voice.say(state.lang, "opinion")
    if not hearing.fishes(text):
        return None
    criterion = state.standing.criterion or "requirements"
    if criterion in state.hinted:
        return state, voice.say(state.lang, "fishing_again")
    said = voice.turned(state.lang, "fishing", len(state.hinted), hint=_hint(state, criterion))
    return replace(state, hinted=(*state.hinted, criterion)), said


def _rephrased(state: Interview) -> tuple[Interview, str]:
    """Whoever did not understand hears it more simply, then once more as it was."""
    criterion = state.standing.criterion
    if criterion and criterion not in state.hinted:
        hinted = replace(state, hinted=(*state.hinted, criterion))
        return hinted, voice.say(state.lang, "simpler", hint=_hint(state, criterion))
    return state, voice.say(state.lang, "repeated", question=state.standing.question or _draw(state))


def _not_given(state: Interview) -> tuple[Interview, str]:
    said = voice.turned(state.lang, "not_given", state.unasked)
    return replace(state, unasked=state.unasked + 1), said


def _hint(state: Interview, criterion: str) -> str:
    return questions.hint(state.prompt, criterion, state.standing.question, state.lang)


def _told(state: Interview, text: str) -> tuple[Interview, str]:
    """What the author knows of what a turn asks; each thing once, and a nod to what the candidate knows already."""
    facts = [g.of(state.lang) for g in hearing.asked_about(text, state.prompt)]
    fresh = [f for f in facts if f not in state.given]
    state = replace(state, given=(*state.given, *fresh))
    known = [f for f in fresh if hearing.supposes(f, text)]
    lines = [voice.say(state.lang, "given", fact=f) for f in fresh if f not in known]
    lines = [voice.say(state.lang, "given_yes"), *lines] if known else lines
    if fresh and hearing.asks_back(text) and len(hearing.questions_in(text)) > len(facts):
        lines.append(voice.say(state.lang, "rest_not_given"))
    return state, "".join(line + "\n" for line in lines)


def _said(state: Interview, text: str) -> tuple[Interview, str]:
    """An answer is kept; a wrong sum in it and another load than the task's are named."""
    state = replace(state, said=(*state.said, text), gaps=0)
    wrong = [s for s in sums(text) if not s.right][:1]
    remark = "".join(
        voice.say(state.lang, "sum_wrong", text=s.text, true=s.shown(state.lang)) + "\n" for s in wrong
    )
    return state, remark + _misread(state, text)


def _misread(state: Interview, text: str) -> str:
    """Said once, to the first answer: another load than the task's, and no word of a margin."""
    if len(state.said) != 1 or _MARGIN.search(text):
        return ""
    rates = [q.value for q in quantities(text) if q.unit == "rate"]
    if not rates or max(rates) <= MISREAD * state.prompt.rps:
        return ""
    said, asked = voice.count(max(rates), state.lang), voice.count(state.prompt.rps, state.lang)
    return voice.say(state.lang, "misread", said=said, asked=asked) + "\n"


def judged(state: Interview) -> Judgement:
    """The levels of what the candidate has said so far."""
    brief = f"{state.prompt.brief.ru}\n{state.prompt.brief.en}"
    return judge(state.text or " ", RUBRIC, "ru" if state.lang == "ru" else "en", context_text=brief)


# -- what the candidate did


def _command(state: Interview, word: str) -> tuple[Interview, str]:
    if word == "/finish":
        return replace(state, over=True), voice.say(state.lang, "finished")
    if word == "/run":
        if state.design is None:
            return state, voice.say(state.lang, "nothing_drawn", draw=_draw(state))
        return _confirmed(state)
    if word == "/skip":
        return _next(replace(state, standing=Asked()), "")
    criterion = state.standing.criterion or "requirements"
    if criterion in state.hinted:
        return state, voice.say(state.lang, "no_hint")
    said = voice.say(state.lang, "hint", hint=_hint(state, criterion))
    return replace(state, hinted=(*state.hinted, criterion)), said


def _unknown(state: Interview) -> tuple[Interview, str]:
    """An honest gap: the axis is closed, one hint for the way home, and on, to something smaller if it is the second."""
    criterion = state.standing.criterion or "requirements"
    turn, lang = len(state.unknown), state.lang
    closed = replace(state, unknown=(*state.unknown, criterion), standing=Asked(), gaps=state.gaps + 1)
    if criterion in state.hinted:
        said = voice.say(lang, "unknown_hinted")
    else:
        said = voice.turned(lang, "unknown", turn, hint=_hint(state, criterion))
    if closed.gaps >= STUCK and not closed.smaller and closed.turns < TURNS[closed.length]:
        level = judged(closed).levels["design"].level or 0.0
        asked = replace(
            closed,
            smaller=True,
            asked={**closed.asked, "design": 1},
            standing=Asked("design", level, by="smaller", question=state.prompt.smaller.of(lang)),
        )
        return asked, said + "\n" + voice.say(lang, "smaller", task=state.prompt.smaller.of(lang))
    following, question = _next(closed, "")
    onward = "" if following.over else voice.turned(lang, "onward", turn) + "\n"
    return following, said + "\n" + onward + question


def _drawing(state: Interview, text: str) -> tuple[Interview, str]:
    """A drawing is shown back; what was said around it counts as said."""
    notation, prose = hearing.drawing_and_prose(text)
    remark = ""
    if prose:
        state, remark = _said(state, prose)
    try:
        design = read_design(notation)
    except DesignError as error:
        return state, remark + voice.say(state.lang, "not_read", why=error.of(state.lang))
    if not design.rps:
        design.rps, design.reads = state.prompt.rps, state.prompt.reads
    state = replace(state, design=design, confirmed=False, drawing_asked=True, gaps=0)
    return state, remark + voice.say(state.lang, "drawn", picture=drawn(design, state.lang))


def _confirmed(state: Interview) -> tuple[Interview, str]:
    """Run the drawing: everything that says something about it, and ask about the worst of it."""
    assert state.design is not None
    found = tuple(trials.TRIALS[name](state.design) for name in trials.possible(state.design))
    earlier = next((t.limit_rps for t in state.found if t.kind == "load"), 0.0)
    state = replace(state, confirmed=True, found=found, told=())
    state, question = _about_a_trial(state)
    if state.design is not None and state.design.places < state.prompt.places:
        question = voice.say(state.lang, "fewer_places") + "\n" + question
    now = next(t.limit_rps for t in found if t.kind == "load")
    if earlier and abs(now / earlier - 1) > 0.05:
        change = voice.say(
            state.lang, "changed", before=voice.about(earlier, state.lang), now=voice.about(now, state.lang)
        )
        question = change + "\n" + question
    return state, question


# -- what to ask


def _about_a_trial(state: Interview) -> tuple[Interview, str]:
    trial = _worst(state)
    assert trial is not None and state.design is not None
    if (
        trial.before.healthy
        and not state.told
        and not any(p.kind == "store" for p in state.design.parts.values())
    ):
        return _without_a_store(state, trial)
    first, told = not state.told, voice.finding(trial, state.lang)
    state = replace(state, told=(*state.told, trial.kind))
    also = voice.stood(state.found, state.lang) if first else ""
    if trial.kind == "load" and trial.before.healthy:
        if state.idle:  # a second drawing that carries its load, too
            state, question = _next(state, "")
            return state, voice.carried(trial, state.lang) + " " + voice.say(
                state.lang, "still_idle"
            ) + "\n" + question
        state = replace(state, idle=True)
    axis = AXES.get(trial.kind, "failure")
    level = judged(state).levels[axis].level or 0.0
    return replace(state, standing=Asked(axis, level, by="trial", question=told)), also + told


def _without_a_store(state: Interview, trial: Trial) -> tuple[Interview, str]:
    """It carries the load and keeps nothing: that is the question, whatever broke or did not."""
    assert state.design is not None
    last = list(state.design.parts.values())[-1].name
    question = voice.say(state.lang, "no_store", name=last)
    standing = Asked(
        "consistency", judged(state).levels["consistency"].level or 0.0, by="trial", question=question
    )
    told = tuple(t.kind for t in state.found)
    return replace(state, told=told, standing=standing), voice.carried(trial, state.lang) + " " + question


def _worst(state: Interview) -> Trial | None:
    """The trial that hurts most and has not been asked about; a load that is carried comes last."""
    open_ones = [t for t in state.found if t.kind not in state.told]
    load = next((t for t in state.found if t.kind == "load"), None)
    if load is not None and not load.before.healthy:  # first it has to carry the load at all
        return load if load in open_ones else None
    hurt = [t for t in open_ones if t.kind != "load" and t.after.success < trials.HEALTHY]
    if hurt:
        return min(hurt, key=lambda t: t.after.success)
    rest = [
        t for t in open_ones if t.kind in ("late-replica", "load")
    ]  # late replicas fail nobody, and are worth a question
    return min(rest, key=lambda t: t.kind == "load", default=None)


def _next(state: Interview, latest: str, quiet: bool = False) -> tuple[Interview, str]:
    """The next question, or the end. `quiet`: something was said already, a nod would be one word too many."""
    if state.turns >= TURNS[state.length] or state.closed:
        return replace(state, over=True), voice.say(state.lang, "end")
    judgement = judged(state)
    levels = {name: verdict.level or 0.0 for name, verdict in judgement.levels.items()}
    if latest:
        stopped = _challenge(state, latest) or _again(state, levels, latest)
        if stopped is not None:
            return stopped
    if state.confirmed and _worst(state) is not None and len(state.told) < 3:
        return _about_a_trial(state)
    if not state.drawing_asked and len(state.said) >= DRAW_AFTER:
        asked = Asked("design", levels["design"], by="drawing")
        return replace(state, drawing_asked=True, standing=asked), _draw(state)
    for criterion in questions.weakest(levels, book().expected[state.level], (*state.asked, *state.unknown)):
        fresh = _fresh(state, criterion, levels[criterion])
        if fresh:
            return _ask(state, criterion, levels[criterion], fresh[0], judgement, "" if quiet else latest)
    return _last_word(state)


def _last_word(state: Interview) -> tuple[Interview, str]:
    """Nothing is left to ask: the candidate may add what nobody asked about, once."""
    if not state.said:
        return replace(state, over=True), voice.say(state.lang, "end")
    question = voice.say(state.lang, "closing")
    return replace(state, closed=True, standing=Asked(by="closing", question=question)), question


def _challenge(state: Interview, latest: str) -> tuple[Interview, str] | None:
    """Stops at a promise that nothing keeps and at a repeat of what may have happened."""
    how, quote = hearing.doubtful(latest)
    if not quote or state.challenged >= CHALLENGES:
        return None
    question = voice.say(state.lang, how, quote=quote)
    standing = Asked("consistency", again=True, by="challenge", question=question)
    return replace(state, challenged=state.challenged + 1, standing=standing), question


def _again(state: Interview, levels: dict[str, float], latest: str) -> tuple[Interview, str] | None:
    """Once more about the same axis when the answer told nothing new about it."""
    standing = state.standing
    if not standing.criterion or standing.again or standing.criterion in state.unknown:
        return None
    now = levels[standing.criterion]
    if now >= book().expected[state.level] or now - standing.level >= TOLD:
        return None
    elsewhere, solid = hearing.answers_anything(latest), hearing.concrete(latest)
    on_topic = hearing.on_topic(latest, standing.question)
    if hearing.answers(latest, standing.criterion):
        return None
    if standing.by == "trial" and (elsewhere or solid or on_topic):
        return None
    fresh = [q for q in _fresh(state, standing.criterion, now) if q != standing.question]
    how = "aside" if elsewhere else "deeper" if solid or on_topic else "again"
    if standing.by == "drawing" and state.design is None:
        question = voice.say(state.lang, "draw_again")
    elif standing.by == "smaller":
        question = voice.say(state.lang, "smaller_again")
    elif standing.by == "trial":
        question = voice.say(state.lang, "trial_again")
    elif standing.criterion == "requirements":
        question = voice.turned(state.lang, how, state.again, question=standing.question)
    elif fresh:
        question = voice.turned(state.lang, how, state.again, question=fresh[0])
    elif how == "again":
        question = voice.say(state.lang, "again_bare")
    else:
        return None
    asked = {**state.asked, standing.criterion: state.asked.get(standing.criterion, 1) + 1}
    standing = replace(standing, level=now, again=True, question=question)
    return replace(state, standing=standing, asked=asked, again=state.again + 1), question


def _fresh(state: Interview, criterion: str, level: float) -> list[str]:
    needless: set[str] = {t.kind for t in state.found}
    stores = [p for p in state.design.parts.values() if p.kind == "store"] if state.design is not None else []
    if stores and all(p.count == 1 for p in stores):
        needless.add("split")
    if any(p.key and p.count > 1 for p in stores):
        needless.add("key")
    if state.prompt.repeats == "harmless":
        needless.add("repeats")
    return questions.in_order(state.prompt, state.level, criterion, level, state.text, needless, state.lang)


def _ask(
    state: Interview, criterion: str, level: float, question: str, judgement: Judgement, latest: str
) -> tuple[Interview, str]:
    turn = len(state.asked) + len(state.unknown)
    state = replace(
        state, asked={**state.asked, criterion: 1}, standing=Asked(criterion, level, question=question)
    )
    quote = questions.quoted(judgement, criterion, question, latest) if latest else ""
    if quote:
        return state, voice.say(state.lang, "follow", quote=quote, question=question)
    return state, questions.led(state.lang, criterion, question, turn, latest) if latest else question


def _draw(state: Interview) -> str:
    return voice.say(state.lang, "draw", rps=voice.count(state.prompt.rps, state.lang))
