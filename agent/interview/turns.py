"""The interviewer's judgement of what to do next: a pure function of the interview so far and what the candidate just said.

    requirements first → follow the candidate, weakest axis next → draw → run the drawing → ask about what it did → debrief

An axis is asked about once and, if the answer stays general, once more. "I don't know" closes it with a hint; two gaps in a
row bring a smaller task. Whoever asks for the answer gets a hint, whoever asks about the task what its author knows. No
question contains its answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from agent.honest import admits_gap
from agent.interview import hearing, trials, voice
from agent.interview.arithmetic import sums
from agent.interview.design import Design, DesignError, drawn, looks_like_design, read_design
from agent.interview.prompts import RUBRIC, Prompt, Seniority, book
from agent.interview.trials import Trial
from agent.judge import Judgement, judge
from agent.judge.reading import addresses_grader
from agent.quantities import quantities
from agent.rubric import load_rubric

Length = Literal["short", "long"]
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
YES = {"да", "верно", "ага", "так", "yes", "y", "right", "ok", "ок", "correct"}
COMMANDS = ("/hint", "/skip", "/run", "/finish")


@dataclass(frozen=True)
class Asked:
    """The question that stands: its axis (empty: none), the level the axis had when it was asked, and what brought it up."""

    criterion: str = ""
    level: float = 0.0
    again: bool = False
    by: Literal["axis", "trial", "drawing", "smaller"] = "axis"


@dataclass(frozen=True)
class Interview:
    """Everything that was said so far, as far as it decides what comes next."""

    prompt: Prompt
    level: Seniority
    length: Length
    lang: str
    said: tuple[str, ...] = ()  # the candidate's answers; commands and drawings are none
    turns: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    hinted: tuple[str, ...] = ()
    standing: Asked = Asked()
    design: Design | None = None
    confirmed: bool = False
    drawing_asked: bool = False
    found: tuple[Trial, ...] = ()
    told: tuple[str, ...] = ()  # kinds of trials that were asked about
    gaps: int = 0  # honest gaps in a row
    smaller: bool = False  # the smaller task was given
    given: tuple[str, ...] = ()  # what was told about the task when asked
    over: bool = False

    @property
    def text(self) -> str:
        return "\n\n".join(self.said)


def begin(prompt: Prompt, level: Seniority, length: Length, lang: str) -> tuple[Interview, str]:
    """A new interview and the interviewer's first words."""
    text = voice.say(
        lang, "open", title=prompt.title.of(lang), brief=prompt.brief.of(lang), level=voice.seniority(level, lang)
    )  # fmt: skip
    first = Interview(prompt, level, length, lang, asked={"requirements": 1}, standing=Asked("requirements"))
    return first, text


def step(state: Interview, text: str) -> tuple[Interview, str]:
    """The candidate's turn: the interview after it, and what the interviewer answers."""
    text = text.strip()[:TURN_LIMIT]
    state = replace(state, turns=state.turns + 1)
    word = text.lower()
    if word in COMMANDS:
        return _command(state, word)
    if looks_like_design(text):
        return _drawing(state, text)
    if state.design is not None and not state.confirmed and word.rstrip(".! ") in YES:
        return _confirmed(state)
    if admits_gap(text):
        return _unknown(state)
    aside = _set_aside(state, text)
    if aside is not None:
        return aside
    state, told = _told(state, text)
    if told and hearing.asks_back(text):
        return state, told.rstrip()
    if hearing.asks_back(text):
        return state, voice.say(state.lang, "not_given")
    state, remark = _said(state, text)
    state, question = _next(state, text)
    return state, told + remark + question


def _set_aside(state: Interview, text: str) -> tuple[Interview, str] | None:
    """Turns that are no answer, and to which the question stands: orders, outbursts, requests for the answer."""
    if addresses_grader(text):
        return state, voice.say(state.lang, "grader")
    if _RUDE.search(text) and len(text.split()) < RUDE_WORDS:
        return state, voice.say(state.lang, "rude")
    if not hearing.fishes(text):
        return None
    criterion = state.standing.criterion or "requirements"
    if criterion in state.hinted:
        return state, voice.say(state.lang, "fishing_again")
    hint = book().hints[criterion].of(state.lang)
    said = voice.turned(state.lang, "fishing", len(state.hinted), hint=hint)
    return replace(state, hinted=(*state.hinted, criterion)), said


def _told(state: Interview, text: str) -> tuple[Interview, str]:
    """What the author knows of what a turn asks; each thing once."""
    facts = [g.of(state.lang) for g in hearing.asked_about(text, state.prompt)]
    fresh = [f for f in facts if f not in state.given]
    state = replace(state, given=(*state.given, *fresh))
    return state, "".join(voice.say(state.lang, "given", fact=f) + "\n" for f in fresh)


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
        return replace(state, over=True), voice.say(state.lang, "end")
    if word == "/run":
        if state.design is None:
            return state, voice.say(state.lang, "nothing_drawn", draw=_draw(state))
        return _confirmed(state)
    if word == "/skip":
        return _next(replace(state, standing=Asked()), "")
    criterion = state.standing.criterion or "requirements"
    if criterion in state.hinted:
        return state, voice.say(state.lang, "no_hint")
    hint = book().hints[criterion].of(state.lang)
    return replace(state, hinted=(*state.hinted, criterion)), voice.say(state.lang, "hint", hint=hint)


def _unknown(state: Interview) -> tuple[Interview, str]:
    """An honest gap: the axis is closed, one hint for the way home, and on, to something smaller if it is the second."""
    criterion = state.standing.criterion or "requirements"
    turn, lang = len(state.unknown), state.lang
    closed = replace(state, unknown=(*state.unknown, criterion), standing=Asked(), gaps=state.gaps + 1)
    if criterion in state.hinted:
        said = voice.say(lang, "unknown_hinted")
    else:
        said = voice.turned(lang, "unknown", turn, hint=book().hints[criterion].of(lang))
    if closed.gaps >= STUCK and not closed.smaller and closed.turns < TURNS[closed.length]:
        level = judged(closed).levels["design"].level or 0.0
        asked = replace(
            closed,
            smaller=True,
            asked={**closed.asked, "design": 1},
            standing=Asked("design", level, by="smaller"),
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
        return state, remark + voice.say(state.lang, "not_read", why=error)
    if not design.rps:
        design.rps, design.reads = state.prompt.rps, state.prompt.reads
    state = replace(state, design=design, confirmed=False, drawing_asked=True, gaps=0)
    return state, remark + voice.say(state.lang, "drawn", picture=drawn(design))


def _confirmed(state: Interview) -> tuple[Interview, str]:
    """Run the drawing: everything that says something about it, and ask about the worst of it."""
    assert state.design is not None
    found = tuple(trials.TRIALS[name](state.design) for name in trials.possible(state.design))
    earlier = next((t.limit_rps for t in state.found if t.kind == "load"), 0.0)
    state = replace(state, confirmed=True, found=found, told=())
    state, question = _about_a_trial(state)
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
    assert trial is not None
    axis = AXES.get(trial.kind, "failure")
    level = judged(state).levels[axis].level or 0.0
    also = voice.stood(state.found, state.lang) if not state.told else ""
    state = replace(state, told=(*state.told, trial.kind), standing=Asked(axis, level, by="trial"))
    return state, also + voice.finding(trial, state.lang)


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


def _next(state: Interview, latest: str) -> tuple[Interview, str]:
    """The next question, or the end."""
    if state.turns >= TURNS[state.length]:
        return replace(state, over=True), voice.say(state.lang, "end")
    judgement = judged(state)
    levels = {name: verdict.level or 0.0 for name, verdict in judgement.levels.items()}
    again = _again(state, levels, latest) if latest else None
    if again is not None:
        return again
    if state.confirmed and _worst(state) is not None and len(state.told) < 3:
        return _about_a_trial(state)
    if not state.drawing_asked and len(state.said) >= DRAW_AFTER:
        asked = Asked("design", levels["design"], by="drawing")
        return replace(state, drawing_asked=True, standing=asked), _draw(state)
    criterion = _weakest(state, levels)
    if not criterion:
        return replace(state, over=True), voice.say(state.lang, "end")
    return _ask(state, criterion, levels[criterion], _quoted(judgement, criterion, latest))


def _again(state: Interview, levels: dict[str, float], latest: str) -> tuple[Interview, str] | None:
    """Once more about the same axis when the answer told nothing new about it."""
    standing = state.standing
    if not standing.criterion or standing.again or standing.criterion in state.unknown:
        return None
    now = levels[standing.criterion]
    if now >= book().expected[state.level] or now - standing.level >= TOLD:
        return None
    elsewhere = hearing.answers_anything(latest)
    if hearing.answers(latest, standing.criterion) or (elsewhere and standing.by == "trial"):
        return None
    state = replace(
        state,
        standing=replace(standing, level=now, again=True),
        asked={**state.asked, standing.criterion: state.asked.get(standing.criterion, 1) + 1},
    )
    if standing.by == "drawing" and state.design is None:
        return state, voice.say(state.lang, "draw_again")
    if standing.by == "smaller":
        return state, voice.say(state.lang, "smaller_again")
    first = -1 if standing.criterion == "requirements" else _first(state, standing.criterion, standing.level)
    others = [p for n, p in enumerate(_probes(state, standing.criterion)) if n != first]
    if not others:
        return state, voice.say(state.lang, "again_bare")
    return state, voice.say(state.lang, "aside" if elsewhere else "again", question=others[0])


def _weakest(state: Interview, levels: dict[str, float]) -> str:
    """The axis that most of the missing points lie in; requirements come first, whatever else is weak."""
    wanted = book().expected[state.level]
    open_ones = [
        c for c in load_rubric(RUBRIC).criteria if c.id not in state.asked and c.id not in state.unknown
    ]
    if any(c.id == "requirements" for c in open_ones) and levels["requirements"] < wanted:
        return "requirements"
    short = [c for c in open_ones if levels[c.id] < max(wanted, 2.0)]
    best = max(short, key=lambda c: c.weight * (3.0 - levels[c.id]), default=None)
    return best.id if best is not None else ""


def _probes(state: Interview, criterion: str) -> list[str]:
    own = [state.prompt.probes[criterion].of(state.lang)] if criterion in state.prompt.probes else []
    return own + [w.of(state.lang) for w in book().probes[criterion]]


def _ask(state: Interview, criterion: str, level: float, quote: str) -> tuple[Interview, str]:
    question = _probes(state, criterion)[_first(state, criterion, level)]
    state = replace(state, asked={**state.asked, criterion: 1}, standing=Asked(criterion, level))
    if quote and hearing.leads_to(quote, question, criterion) and not hearing.told_already(question, quote):
        return state, voice.say(state.lang, "follow", quote=quote, question=question)
    return state, question


def _first(state: Interview, criterion: str, level: float) -> int:
    """Which probe opens an axis: the task's own if it has one (the deepest for staff), else by what one can take.

    One that the candidate has answered without being asked gives way to another.
    """
    probes = _probes(state, criterion)
    deep = state.level == "staff" or (state.level == "senior" and level >= 1.0)
    if criterion in state.prompt.probes:
        first = len(probes) - 1 if state.level == "staff" else 0
    else:
        first = 1 if deep and len(probes) > 1 else 0
    order = [first, *(n for n in range(len(probes)) if n != first)]
    return next((n for n in order if not hearing.told_already(probes[n], state.text)), first)


def _quoted(judgement: Judgement, criterion: str, latest: str) -> str:
    """The candidate's own words of just now that touch the axis, if there are any."""
    for quote in judgement.levels[criterion].quotes:
        words = quote.text.strip().rstrip(".")
        if words and words in latest and len(words) <= 120:
            return words
    return ""


def _draw(state: Interview) -> str:
    return voice.say(state.lang, "draw", rps=voice.count(state.prompt.rps, state.lang))
