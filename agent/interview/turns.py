"""The interviewer's judgement of what to do next: a pure function of the interview so far and what the candidate just said.

    requirements first → follow the candidate, weakest axis next → draw → run the drawing → ask about what it did → debrief

An axis is asked about once and, if the answer stays general, once more. "I don't know" closes it with a hint. No question
contains its answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from agent.honest import admits_gap
from agent.interview import trials, voice
from agent.interview.arithmetic import shown as figure
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
TOLD = 0.5  # levels an answer must add to count as an answer
YES = {"да", "верно", "ага", "так", "yes", "y", "right", "ok", "ок", "correct"}
COMMANDS = ("/hint", "/skip", "/run", "/finish")


@dataclass(frozen=True)
class Asked:
    """The question that stands: its axis (empty: none), and the level the axis had when it was asked."""

    criterion: str = ""
    level: float = 0.0
    again: bool = False


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
    over: bool = False

    @property
    def text(self) -> str:
        return "\n\n".join(self.said)


def begin(prompt: Prompt, level: Seniority, length: Length, lang: str) -> tuple[Interview, str]:
    """A new interview and the interviewer's first words."""
    names = {"ru": {"junior": "джуниор", "senior": "сеньор", "staff": "staff"}, "en": {}}
    text = voice.say(
        lang,
        "open",
        title=prompt.title.of(lang),
        brief=prompt.brief.of(lang),
        level=names[lang].get(level, level),
    )
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
    if addresses_grader(text):
        return state, voice.say(state.lang, "grader")
    if _RUDE.search(text) and len(text.split()) < RUDE_WORDS:
        return state, voice.say(state.lang, "rude")
    state = replace(state, said=(*state.said, text))
    wrong = [s for s in sums(text) if not s.right][:1]
    remark = "".join(
        voice.say(state.lang, "sum_wrong", text=s.text, true=figure(s.true)) + "\n" for s in wrong
    )
    remark += _misread(state, text)
    state, question = _next(state, text)
    return state, remark + question


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
    """An honest gap: the axis is closed, one hint for the way home, and on."""
    criterion = state.standing.criterion or "requirements"
    hint = book().hints[criterion].of(state.lang)
    closed = replace(state, unknown=(*state.unknown, criterion), standing=Asked())
    following, question = _next(closed, "")
    turn = voice.UNKNOWNS[len(state.unknown) % len(voice.UNKNOWNS)]
    key = "unknown_hinted" if criterion in state.hinted else turn
    return following, voice.say(state.lang, key, hint=hint) + "\n" + question


def _drawing(state: Interview, text: str) -> tuple[Interview, str]:
    try:
        design = read_design(text)
    except DesignError as error:
        return state, voice.say(state.lang, "not_read", why=error)
    if not design.rps:
        design.rps, design.reads = state.prompt.rps, state.prompt.reads
    state = replace(state, design=design, confirmed=False, drawing_asked=True)
    return state, voice.say(state.lang, "drawn", picture=drawn(design))


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
            state.lang, "changed", before=voice.count(earlier, state.lang), now=voice.count(now, state.lang)
        )
        question = change + "\n" + question
    return state, question


# -- what to ask


def _about_a_trial(state: Interview) -> tuple[Interview, str]:
    trial = _worst(state)
    assert trial is not None
    axis = {"load": "data_scale", "hot-key": "data_scale"}.get(trial.kind, "failure")
    level = judged(state).levels[axis].level or 0.0
    state = replace(state, told=(*state.told, trial.kind), standing=Asked(axis, level))
    return state, voice.finding(trial, state.lang)


def _worst(state: Interview) -> Trial | None:
    """The trial that hurts most and has not been asked about; a load that is carried comes last."""
    open_ones = [t for t in state.found if t.kind not in state.told]
    load = next((t for t in state.found if t.kind == "load"), None)
    if load is not None and load.limit_rps < load.before.rps:  # first it has to carry the load at all
        return load if load in open_ones else None
    hurt = [t for t in open_ones if t.kind != "load" and t.after.success < trials.HEALTHY]
    if hurt:
        return min(hurt, key=lambda t: t.after.success)
    return next((t for t in open_ones if t.kind == "load"), None)


def _next(state: Interview, latest: str) -> tuple[Interview, str]:
    """The next question, or the end."""
    if state.turns >= TURNS[state.length]:
        return replace(state, over=True), voice.say(state.lang, "end")
    judgement = judged(state)
    levels = {name: verdict.level or 0.0 for name, verdict in judgement.levels.items()}
    again = _again(state, levels) if latest else None
    if again is not None:
        return again
    if state.confirmed and _worst(state) is not None and len(state.told) < 3:
        return _about_a_trial(state)
    if not state.drawing_asked and len(state.said) >= DRAW_AFTER:
        return replace(state, drawing_asked=True, standing=Asked("design", levels["design"])), _draw(state)
    criterion = _weakest(state, levels)
    if not criterion:
        return replace(state, over=True), voice.say(state.lang, "end")
    return _ask(state, criterion, levels[criterion], _quoted(judgement, criterion, latest))


def _again(state: Interview, levels: dict[str, float]) -> tuple[Interview, str] | None:
    """Once more about the same axis when the answer told nothing new about it."""
    standing = state.standing
    if not standing.criterion or standing.again or standing.criterion in state.unknown:
        return None
    wanted = book().expected[state.level]
    now = levels[standing.criterion]
    if now >= wanted or now - standing.level >= TOLD:
        return None
    probes = _probes(state, standing.criterion)
    first = -1 if standing.criterion == "requirements" else _first(state, standing.criterion, standing.level)
    others = [p for n, p in enumerate(probes) if n != first]
    state = replace(
        state,
        standing=Asked(standing.criterion, now, True),
        asked={**state.asked, standing.criterion: state.asked.get(standing.criterion, 1) + 1},
    )
    if not others:
        return state, voice.say(state.lang, "again_bare")
    return state, voice.say(state.lang, "again", question=others[0])


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
    probes = _probes(state, criterion)
    question = probes[_first(state, criterion, level)]
    state = replace(state, asked={**state.asked, criterion: 1}, standing=Asked(criterion, level))
    if quote:
        return state, voice.say(state.lang, "follow", quote=quote, question=question)
    return state, question


def _first(state: Interview, criterion: str, level: float) -> int:
    """Which probe opens an axis: the task's own if it has one (the deepest for staff), else by what one can take."""
    count = len(_probes(state, criterion))
    if criterion in state.prompt.probes:
        return count - 1 if state.level == "staff" else 0
    deep = state.level == "staff" or (state.level == "senior" and level >= 1.0)
    return 1 if deep and count > 1 else 0


def _quoted(judgement: Judgement, criterion: str, latest: str) -> str:
    """The candidate's own words of just now that touch the axis, if there are any."""
    for quote in judgement.levels[criterion].quotes:
        words = quote.text.strip().rstrip(".")
        if words and words in latest and len(words) <= 120:
            return words
    return ""


def _draw(state: Interview) -> str:
    return voice.say(state.lang, "draw", rps=voice.count(state.prompt.rps, state.lang))
