"""The interviewer's judgement of what to do next: a pure function of the interview so far and what the candidate just said.

    requirements first → follow the candidate, weakest axis next → draw → run the drawing → ask about what it did → debrief

An axis is asked about once and, if the answer stays general, once more. "I don't know" closes it with a hint; two gaps in a
row bring a smaller task. Whoever asks for the answer gets a hint, whoever asks about the task what its author knows. A
promise that nothing keeps is stopped at. No question contains its answer; agent/interview/questions.py chooses them.
"""

from __future__ import annotations

import re
from dataclasses import replace

from agent.interview import figures, hearing, questions, trials, voice
from agent.interview.amend import amended, by_lines, proposes, tries_to_amend
from agent.interview.arithmetic import sums
from agent.interview.design import Design, DesignError, looks_like_design, read_design, unfolded
from agent.interview.parted import parted, settles
from agent.interview.picture import drawn
from agent.interview.prompts import RUBRIC, Prompt, Seniority, book
from agent.interview.state import Asked, Interview, Length
from agent.interview.trials import Trial
from agent.judge import Judgement, judge
from agent.judge.reading import addresses_grader

TURNS: dict[Length, int] = {"short": 7, "long": 16}
FREE: dict[Length, int] = {
    "short": 4,
    "long": 8,
}  # turns that are no answers: they are not counted up to here
DRAW_AFTER = 3  # answers, before the drawing is asked for
TURN_LIMIT = 12_000  # characters of one answer
FIGURES = 2  # of the task, that may be asked about
PARTED = 2  # things said in two ways, that may be asked about
LIMIT_KNOWN = 0.05  # to within which a run finds the load that a design carries
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
    changed = _change(state, text)
    if changed is not None:
        return _amended(state, text, changed)
    if looks_like_design(text):
        return _drawing(state, text)
    if hearing.asks_to_rephrase(text):
        return _rephrased(_free(state))
    consent = hearing.consent(text) if state.design is not None and not state.confirmed else ""
    if consent == "amended" and state.design is not None and hearing.repeats(text, state.design.rps):
        consent = "yes"
    if consent == "yes":
        return _confirmed(_free(state) if state.before is not None else state)
    if consent:
        return _not_so(_free(state))
    if state.design is not None and not state.confirmed and hearing.brief(text) and tries_to_amend(text):
        return _free(state), voice.say(state.lang, "amend")
    if hearing.knows_nothing(text) and state.standing.by not in ("figure", "parted"):
        return _unknown(state)
    aside = _set_aside(state, text)
    if aside is not None:
        return _free(aside[0]), aside[1]
    if state.standing.by == "figure":
        return _figure_settled(_free(state), text)
    if state.standing.by == "parted":
        return _parted_settled(_free(state), text)
    if hearing.declines_to_draw(text) and state.design is None:
        return _without_drawing(state, text)
    if hearing.protests(text):
        state, question = _next(replace(state, standing=Asked()), "")
        return state, voice.say(state.lang, "heard_before") + "\n" + question
    state, told = _told(state, text)
    if hearing.asks_back(text):
        state = _free(state)
        return (state, told.rstrip()) if told else _not_given(state, text)
    state, remark = _said(state, text)
    if state.design is not None and not state.confirmed:
        state, question = _confirmed(state)
        if state.turns >= TURNS[state.length]:
            return replace(state, over=True), told + remark + voice.say(state.lang, "end")
        return state, told + remark + voice.say(state.lang, "as_it_is") + "\n" + question
    doubted = _other_figure(state, text)
    if doubted is not None:
        return doubted[0], told + remark + doubted[1]
    split = _said_otherwise(state, text)
    if split is not None:
        return split[0], told + remark + split[1]
    state, question = _next(state, text, quiet=bool(told or remark))
    return state, told + remark + question


def _free(state: Interview) -> Interview:
    """A turn that answers nothing is not one of those that there are, as long as there are not too many of them."""
    if state.free >= FREE[state.length]:
        return state
    return replace(state, turns=state.turns - 1, free=state.free + 1)


def _set_aside(state: Interview, text: str) -> tuple[Interview, str] | None:
    """Turns that are no answer, and to which the question stands: orders, outbursts, requests for the answer."""
    if hearing.asks_opinion(text) and hearing.asks_back(text):
        return state, voice.say(state.lang, "opinion")
    if addresses_grader(text):
        return state, voice.say(state.lang, "grader")
    if hearing.off_topic(text):
        return state, voice.say(state.lang, "off_topic")
    if _RUDE.search(text) and len(text.split()) < RUDE_WORDS:
        return state, voice.say(state.lang, "rude")
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


def _not_given(state: Interview, text: str) -> tuple[Interview, str]:
    if hearing.asks_meaning(text):
        return state, voice.say(state.lang, "literally")
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
    elif fresh and not known and hearing.asks_back(text) and hearing.asks_whether(text):
        lines.append(voice.say(state.lang, "whether_not_given"))
    return state, "".join(line + "\n" for line in lines)


def _said(state: Interview, text: str) -> tuple[Interview, str]:
    """An answer is kept; a wrong sum in it and another load than the task's are named."""
    spare = state.standing.by == "trial" and state.standing.criterion == AXES["load"]  # about any axis
    to = (*state.said_to, "" if spare else state.standing.criterion)
    state = replace(state, said=(*state.said, text), said_to=to, gaps=0)
    wrong = [s for s in sums(text) if not s.right][:1]
    remark = "".join(
        voice.say(state.lang, "sum_wrong", text=s.text, true=s.shown(state.lang)) + "\n" for s in wrong
    )
    return state, remark


def _other_figure(state: Interview, text: str) -> tuple[Interview, str] | None:
    """Another number than the task's for the same thing: asked about once, before anything is built on it."""
    if len(state.figures) >= FIGURES or state.standing.by in ("smaller", "trial", "drawing"):
        return None
    other = figures.other_than_asked(text, state.prompt, first=len(state.said) == 1)
    if other is None or other.figure.value in state.figures:
        return None
    said, asked = voice.count(other.said, state.lang), voice.count(other.figure.value, state.lang)
    question = voice.say(state.lang, "figure", said=said, asked=asked, what=other.figure.of(state.lang))
    standing = Asked(by="figure", question=question)
    return replace(state, figures=(*state.figures, other.figure.value), standing=standing), question


def _figure_settled(state: Interview, text: str) -> tuple[Interview, str]:
    """Which of the two numbers it is; a reason that was given counts as said."""
    value = state.figures[-1]
    figure = next(f for f in state.prompt.figures if f.value == value)
    agreed = figures.names(text, figure) or hearing.concedes(text)
    remark = ""
    if not hearing.brief(text):
        state, remark = _said(state, text)
    key, asked = ("figure_asked" if agreed else "figure_own"), voice.count(value, state.lang)
    nod = voice.say(state.lang, key, asked=asked, rps=voice.count(state.prompt.rps, state.lang))
    state, question = _next(replace(state, standing=Asked()), "")
    return state, f"{remark}{nod}\n{question}"


def _said_otherwise(state: Interview, text: str) -> tuple[Interview, str] | None:
    """Another value than the candidate's own before, for the same thing: asked about once, which of the two holds.

    Who is asked what to change in the drawing may change it; a smaller task has figures of its own.
    """
    if len(state.parted) >= PARTED or state.standing.by == "smaller" or state.turns >= TURNS[state.length]:
        return None
    changing = state.standing.by == "trial" and not (state.idle and state.told[-1:] == ("load",))
    found = parted(state.said[:-1], text, state.design)
    if found is None or found.kind in (p.kind for p in state.parted) or (changing and found.kind == "key"):
        return None
    key = "parted_drawn" if found.drawn else "parted"
    which = voice.say(state.lang, f"parted.{found.kind}")
    question = voice.say(state.lang, key, name=found.drawn, before=found.before, now=found.now, which=which)
    standing = Asked(by="parted", question=question)
    return replace(state, parted=(*state.parted, found), standing=standing), question


def _parted_settled(state: Interview, text: str) -> tuple[Interview, str]:
    """Whichever it is, it counts as said, another answer, too; who does not know has an open question and no fault."""
    remark, nod = "", "parted_open"
    if not hearing.knows_nothing(text):
        nod = "parted_noted" if settles(text, state.parted[-1]) else "parted_left"
        state, remark = _said(state, text)
    state, question = _next(replace(state, standing=Asked()), "")
    return state, f"{remark}{voice.say(state.lang, nod)}\n{question}"


def _without_drawing(state: Interview, text: str) -> tuple[Interview, str]:
    """Who would rather talk is not asked to draw, before or after; what else the turn says counts."""
    asked = state.standing.by == "drawing"
    state, remark = replace(state, drawing_asked=True), ""
    if not asked or not hearing.brief(text):
        state, remark = _said(state, text)
    state, question = _next(replace(state, standing=Asked()), "")
    return state, remark + voice.say(state.lang, "no_drawing") + "\n" + question


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


def _change(state: Interview, text: str) -> Design | None:
    """The drawing as a turn changes it: while it waits for consent or its run is talked about in any words, else in lines."""
    if state.design is None:
        return None
    if not state.confirmed or state.standing.by == "trial" or proposes(text):
        return amended(state.design, text)
    return by_lines(state.design, text)


def _amended(state: Interview, text: str, changed: Design) -> tuple[Interview, str]:
    """A change is shown back; the reasons that came with it count as said."""
    remark = ""
    if state.confirmed and hearing.reasons(text) and not looks_like_design(text):
        state, remark = _said(state, text)
    else:
        state = _free(state)
    state = replace(state, before=state.design, design=changed, confirmed=False, gaps=0)
    return state, remark + voice.say(state.lang, "amended", picture=drawn(changed, state.lang))


def _not_so(state: Interview) -> tuple[Interview, str]:
    """Something in the drawing is not meant so: the last change is taken back, or it is asked what is wrong."""
    amend = voice.say(state.lang, "amend")
    if state.before is None:
        return state, amend
    return replace(state, design=state.before, before=None), voice.say(state.lang, "taken_back", amend=amend)


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
    if state.design is not None and not prose:
        stray = _stray(state.design, design)
        if stray:
            names = ", ".join(state.design.parts)
            return _free(state), voice.say(state.lang, "not_there", name=stray, names=names)
    if not design.rps:
        design.rps, design.reads = state.prompt.rps, state.prompt.reads
    state = replace(state, design=design, before=None, confirmed=False, drawing_asked=True, gaps=0)
    remark += _otherwise_said(state, design)
    return state, remark + voice.say(state.lang, "drawn", picture=drawn(design, state.lang))


def _otherwise_said(state: Interview, design: Design) -> str:
    """A drawing whose only store has another number of shards than was told."""
    stores, told = [p for p in design.parts.values() if p.kind == "store"], hearing.shards_said(state.text)
    if len(stores) != 1 or not told or told == stores[0].count:
        return ""
    return (
        voice.say(state.lang, "drawn_otherwise", told=told, name=stores[0].name, count=stores[0].count) + "\n"
    )


def _stray(standing: Design, fragment: Design) -> str:
    """The box that a single line begins with and that the drawing lacks: a line for the drawing, at an unknown place."""
    entry = fragment.entry
    one = len(fragment.edges) == 1 and any(name in standing.parts for name in fragment.parts)
    return entry.name if one and entry is not None and entry.name not in standing.parts else ""


def _confirmed(state: Interview) -> tuple[Interview, str]:
    """Run the drawing: everything that says something about it, and ask about the worst of it."""
    assert state.design is not None
    found = tuple(trials.TRIALS[name](state.design) for name in trials.possible(state.design))
    earlier, remark = state.found, ""
    told = tuple(kind for kind in state.told if _as_before(kind, earlier, found))
    state = replace(state, confirmed=True, before=None, found=found, told=told)
    was = next((t.limit_rps for t in earlier if t.kind == "load"), 0.0)
    now = next(t.limit_rps for t in found if t.kind == "load")
    if was and abs(now / was - 1) > LIMIT_KNOWN:
        remark = voice.say(
            state.lang, "changed", before=voice.about(was, state.lang), now=voice.about(now, state.lang)
        ) + "\n"  # fmt: skip
    remark += voice.effect(earlier, found, state.lang)
    if earlier and not remark:
        remark = voice.say(state.lang, "no_effect") + "\n"
    if state.design is not None and state.design.places < state.prompt.places:
        remark += voice.say(state.lang, "fewer_places") + "\n"
    asked = state.standing
    if _worst(state) is None and asked.by in ("axis", "challenge") and asked.question and told:
        question = voice.say(state.lang, "repeated", question=asked.question)  # it was not answered yet
    elif _worst(state) is None:
        state, question = _next(replace(state, standing=Asked()), "")
    else:
        state, question = _about_a_trial(state)
    return state, remark + question


def _as_before(kind: str, earlier: tuple[Trial, ...], now: tuple[Trial, ...]) -> bool:
    """Whether a trial says what it said of the drawing before: asked about then, it is not asked about again."""
    old, new = (next((t for t in found if t.kind == kind), None) for found in (earlier, now))
    if old is None or new is None or old.gone != new.gone:
        return False
    if kind == "load":
        return new.before.healthy and abs(new.limit_rps / old.limit_rps - 1) <= LIMIT_KNOWN
    return abs(old.after.success - new.after.success) <= voice.NOTICED or new.after.success >= trials.HEALTHY


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
    asked_before = bool(state.broken)
    first, told = not state.told, voice.finding(trial, state.lang, again=trial.kind in state.broken)
    state = replace(state, broken=(*state.broken, trial.kind))
    state = replace(state, told=(*state.told, trial.kind))
    also = voice.stood(state.found, state.lang) if first and not asked_before else ""
    if trial.kind == "load" and trial.before.healthy:
        if state.idle:  # a second drawing that carries its load, too
            state, question = _next(state, "")
            return state, voice.carried(trial, state.lang) + " " + voice.say(
                state.lang, "still_idle"
            ) + "\n" + question
        state = replace(state, idle=True)
    asked = state.prompt.p99_ms
    if trial.kind == "load" and trial.before.healthy and 0 < asked < trial.before.p99_ms:
        late = voice.say(state.lang, "load_late", asked=voice.count(asked, state.lang))
        told = voice.carried(trial, state.lang) + " " + late
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
    if (
        standing.by == "drawing" and state.design is None and hearing.questions_in(latest)
    ):  # "in words, may I?"
        return _once_more(state, now, voice.say(state.lang, "draw_again"))
    if now >= book().expected[state.level]:
        return None
    if now - standing.level >= TOLD and hearing.speaks_of(latest, standing.criterion, standing.question):
        return None
    elsewhere = hearing.answers_anything(latest) or hearing.names_means(latest, standing.criterion)
    solid = hearing.concrete(latest)
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
        missing = hearing.estimates_missing(state.text, state.prompt)
        if not missing:
            return None
        names = ", ".join(voice.say(state.lang, f"missing.{what}") for what in missing)
        question = voice.say(state.lang, "requirements_again", missing=names)
    elif fresh:
        question = voice.turned(state.lang, how, state.again, question=fresh[0])
    elif how == "again":
        question = voice.say(state.lang, "again_bare")
    else:
        return None
    return _once_more(state, now, question)


def _once_more(state: Interview, level: float, question: str) -> tuple[Interview, str]:
    """The question that stands, put once more in other words."""
    standing = replace(state.standing, level=level, again=True, question=question)
    asked = {**state.asked, standing.criterion: state.asked.get(standing.criterion, 1) + 1}
    return replace(state, standing=standing, asked=asked, again=state.again + 1), question


def _fresh(state: Interview, criterion: str, level: float) -> list[str]:
    needless: set[str] = {t.kind for t in state.found}
    stores = [p for p in state.design.parts.values() if p.kind == "store"] if state.design is not None else []
    if stores and all(p.count == 1 for p in stores):
        needless.add("split")
    if state.design is not None and not stores:
        needless.add("slow-store")
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
