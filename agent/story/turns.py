"""What to say next in a rehearsal: a pure function of the story so far and of what was just said.

    the story → what the log refutes → the weakest criterion, once more if the answer stays general → debrief

"I don't know" closes a criterion with a hint. No question contains its answer; repeating the listener's own words
answers nothing. What a text orders or claims about its grading is never heard: see agent/judge/reading.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from agent.honest import admits_gap, asks_for_answer
from agent.judge import Judgement, judge, reading_of
from agent.judge.contexts import Context
from agent.judge.explain import support
from agent.rubric import Language, load_rubric
from agent.story import voice
from agent.story.book import RUBRIC, book
from agent.story.incident import Checked, Incident, answers, check
from agent.story.told import ANSWERS, concrete, nobodys_own, told_well
from agent.text import lemmas

FOLLOW_UPS = 7  # questions after the story, re-asks included: a real interview has no time for more
LEAST = 2  # things even a strong story is asked about, the weakest first
STRONG = 3.0
DOUBTS = 3  # of these, about what the log refutes
TURN_LIMIT = 12_000  # characters of one turn
STORY_LIMIT = 40_000  # characters of everything told: an hour of speech, and what the judge reads whole
HEADLINE_WORDS = 25  # a first telling shorter than this is asked for again, once
BACK_WORDS = 12  # a longer question tells something
TOLD = 0.4  # levels an answer must add to count as an answer
QUOTE_CHARS = 120
CLAIM = "claim"  # what an answer is about that no criterion asked for
LAST = "reflection"
HEARD_FROM = 1.0  # levels below it are asked about whatever one sentence says
_ADMITS = re.compile(
    r"ошиб|перепут|неточн|график|журнал|дашборд|\bgraph|dashboard|mistake|mistaken|mixed up|wrong|i meant",
    re.IGNORECASE,
)
COMMANDS = ("/hint", "/skip", "/facts", "/finish")


@dataclass(frozen=True)
class Asked:
    """The question that stands: a criterion with its level when it was asked, or a claim that the log refutes."""

    criterion: str = ""
    level: float = 0.0
    again: bool = False
    claim: Checked | None = None


@dataclass(frozen=True)
class Story:
    """Everything that was said so far, as far as it decides what comes next. `about[i]`: what `said[i]` answered."""

    lang: Language
    incident: Incident | None = None
    said: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    turns: int = 0
    questions: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    hinted: tuple[str, ...] = ()
    doubted: tuple[str, ...] = ()  # claims asked about, by `_key`
    left: int = 0  # questions given up
    closed: bool = False  # the teller was given the last word
    corrected: tuple[str, ...] = ()  # and those of them that the answer put right
    standing: Asked = Asked()
    over: bool = False

    @property
    def text(self) -> str:
        return "\n\n".join(self.said)


def begin(incident: Incident | None, lang: str) -> tuple[Story, str]:
    """A new rehearsal and the listener's first words."""
    spoken: Language = "ru" if lang == "ru" else "en"
    return Story(spoken, incident), voice.opening(incident, spoken)


def step(state: Story, text: str) -> tuple[Story, str]:
    """The teller's turn: the rehearsal after it, and what the listener answers."""
    text = text.strip()[:TURN_LIMIT]
    if text.lower() in COMMANDS:
        return _command(state, text.lower())
    state = replace(state, turns=state.turns + 1)
    if admits_gap(text):
        return _unknown(state)
    if asks_for_answer(text) and not _supports(text, *(c.id for c in load_rubric(RUBRIC).criteria)):
        return _fished(state)
    if state.said and _asks_back(text):
        return state, voice.say(state.lang, "asked_back")
    own, room = own_words(text), STORY_LIMIT - len(state.text)
    if room < len(own):
        return replace(state, over=True), voice.say(state.lang, "end")
    if not own:
        return state, voice.say(state.lang, "echo")
    first = not state.said
    about = CLAIM if _of_the_claim(state, own) else state.standing.criterion
    state = replace(state, said=(*state.said, own), about=(*state.about, about))
    if first and len(own.split()) < HEADLINE_WORDS:
        asked = Asked("situation", _levels(judged(state))["situation"])
        return replace(state, standing=asked), voice.say(state.lang, "headline")
    return _heard(state, own)


def judged(state: Story) -> Judgement:
    """The levels of what was told so far."""
    scenario = state.incident.scenario if state.incident is not None else None
    return judge(state.text or " ", RUBRIC, state.lang, scenario)


def checked(state: Story) -> list[Checked]:
    """What the story says about a played incident, held against its log; corrected claims are marked."""
    if state.incident is None:
        return []
    found = check(state.text, state.incident, state.lang)
    return [replace(c, corrected=c.status == "wrong" and _key(c) in state.corrected) for c in found]


def own_words(text: str) -> str:
    """A turn without the sentences that only repeat what the listener says."""
    reading = reading_of(text, Context(shown=book().sayings()))
    copied = [s.span for s in reading.set_aside if s.reason == "copied"]
    kept, at = "", 0
    for span in copied:
        kept, at = kept + text[at : span.start], span.end
    return (kept + text[at:]).strip()


def _asks_back(text: str) -> bool:
    """Whether a turn is a short question and tells nothing."""
    return text.endswith("?") and len(text.split()) <= BACK_WORDS and not concrete(text)


# -- what the teller did


def _command(state: Story, word: str) -> tuple[Story, str]:
    if word == "/finish":
        return replace(state, over=True), voice.say(state.lang, "end")
    if word == "/facts":
        return state, voice.sheet(state.incident, state.lang)
    if word == "/skip":
        if not state.said:
            return state, voice.opening(state.incident, state.lang)
        return _next(replace(state, standing=Asked(), turns=state.turns + 1), "")
    criterion = state.standing.criterion or "situation"
    if criterion in state.hinted:
        return state, voice.say(state.lang, "no_hint")
    hint = book().hints[criterion].of(state.lang)
    return replace(state, hinted=(*state.hinted, criterion)), voice.say(state.lang, "hint", hint=hint)


def _unknown(state: Story) -> tuple[Story, str]:
    """An honest gap closes the question that stands."""
    criterion = state.standing.criterion
    if not criterion and state.standing.claim is None:  # instead of a story
        return _command(state, "/hint")
    if not criterion:
        return _next(replace(state, standing=Asked()), "")
    hint = book().hints[criterion].of(state.lang)
    closed = replace(state, unknown=(*state.unknown, criterion), standing=Asked())
    said = voice.turned(state.lang, "unknown", len(state.unknown), hint=hint)
    if not state.said:
        return closed, said
    following, question = _next(closed, "")
    return following, said + "\n" + question


def _fished(state: Story) -> tuple[Story, str]:
    """Whoever asks what to say gets the hint, once, and the question stands."""
    criterion = state.standing.criterion or "situation"
    if criterion in state.hinted:
        return state, voice.say(state.lang, "no_hint")
    said = voice.say(state.lang, "fishing", hint=book().hints[criterion].of(state.lang))
    return replace(state, hinted=(*state.hinted, criterion)), said


def _heard(state: Story, latest: str) -> tuple[Story, str]:
    """What an answer did to the question that stood, then the next one."""
    claim, remark = state.standing.claim, ""
    if (
        claim is not None
        and state.incident is not None
        and answers(latest, claim, state.incident, state.lang)
    ):
        state = replace(state, corrected=(*state.corrected, _key(claim)))
        remark = voice.say(state.lang, "settled") + "\n"
    state, question = _next(state, latest)
    return state, remark + question


# -- what to ask


def _next(state: Story, latest: str) -> tuple[Story, str]:
    """The next question, or the end."""
    if state.questions >= FOLLOW_UPS or state.closed:
        return replace(state, over=True), voice.say(state.lang, "end")
    doubtful = _doubtful(state)
    if doubtful is not None:
        asked = replace(state, doubted=(*state.doubted, _key(doubtful)), questions=state.questions + 1)
        return replace(asked, standing=Asked(claim=doubtful)), voice.doubt(
            doubtful, state.lang, len(state.doubted)
        )
    judgement = judged(state)
    levels = _levels(judgement)
    general = bool(latest) and _stayed_general(state, levels, latest)
    if general and not state.standing.again:
        return _again(state, levels, latest)
    leave = ""
    if general and state.standing.criterion not in state.hinted:  # the same hint once more would help nobody
        leave = voice.turned(state.lang, "leave", state.left, hint=_hint(state)) + "\n"
    state = replace(state, left=state.left + bool(general))
    criterion = _weakest(state, levels)
    if not criterion and state.said:
        closing = replace(state, closed=True, standing=Asked())
        return closing, leave + voice.say(state.lang, "closing")
    if not criterion:
        return replace(state, over=True), leave + voice.say(state.lang, "end")
    state, question = _ask(state, criterion, levels[criterion], _quoted(judgement, criterion, latest))
    return state, leave + question


def _doubtful(state: Story) -> Checked | None:
    """The first claim the log refutes that was not asked about."""
    if len(state.doubted) >= DOUBTS:
        return None
    asked = {key.split("|")[0] for key in state.doubted}  # one question about one thing
    wrong = (c for c in checked(state) if c.status == "wrong" and c.id not in asked)
    return next(wrong, None)


def _stayed_general(state: Story, levels: dict[str, float], latest: str) -> bool:
    """Whether an answer neither moved the story nor says anything by itself."""
    standing = state.standing
    if not standing.criterion:
        return False
    now = levels[standing.criterion]
    if now >= book().expected or now - standing.level >= TOLD:
        return False
    return not _supports(latest, standing.criterion)


def _supports(text: str, *criteria: str) -> bool:
    """Whether a sentence of a text answers one of the criteria."""
    wanted = [load_rubric(RUBRIC).criterion(name) for name in criteria]
    reading = reading_of(text, Context())
    return any(support(reading, s, c) >= ANSWERS for s in reading.sentences for c in wanted)


def _again(state: Story, levels: dict[str, float], latest: str) -> tuple[Story, str]:
    """The same once more; an answer to something else is not called general."""
    criterion = state.standing.criterion
    probes = book().probes[criterion]
    question = probes[min(state.asked.get(criterion, 0), 1)].of(state.lang)
    times = {**state.asked, criterion: state.asked.get(criterion, 0) + 1}
    asked = replace(
        state, asked=times, questions=state.questions + 1, standing=Asked(criterion, levels[criterion], True)
    )
    if _supports(latest, *(c.id for c in load_rubric(RUBRIC).criteria)):
        said = "aside"
    else:
        said = "deeper" if concrete(latest) else "again"
    return asked, voice.turned(
        state.lang, said, sum(state.asked.values()) - len(state.asked), question=question
    )


def _of_the_claim(state: Story, own: str) -> bool:
    """Whether an answer speaks of the doubted claim at all: it puts it right, or shares a word or a figure with it."""
    claim = state.standing.claim
    if claim is None or state.incident is None:
        return False
    if answers(own, claim, state.incident, state.lang) or _ADMITS.search(own):
        return True
    return bool(_content(claim.phrase) & _content(own))


def _content(text: str) -> set[str]:
    return {lemma for lemma in lemmas(text) if len(lemma) > 3 or lemma.isdigit()}


def _hint(state: Story) -> str:
    return book().hints[state.standing.criterion].of(state.lang)


def _weakest(state: Story, levels: dict[str, float]) -> str:
    """The criterion that most of the missing points lie in and that was not asked about."""
    wanted = book().expected if len(state.asked) + len(state.doubted) >= LEAST else STRONG
    short = [
        c
        for c in load_rubric(RUBRIC).criteria
        if levels[c.id] < wanted and c.id not in state.asked and c.id not in state.unknown
    ]
    if any(c.id == "task" for c in short) and nobodys_own(state.text):
        return "task"
    thin = [c for c in short if levels[c.id] < HEARD_FROM or not told_well(state.text, c.id)]
    # Nobody is asked what came of a story that is not told yet.
    untold = [c for c in thin if c.id != LAST]
    best = max(untold or thin, key=lambda c: c.weight * (3.0 - levels[c.id]), default=None)
    return best.id if best is not None else ""


def _ask(state: Story, criterion: str, level: float, quote: str) -> tuple[Story, str]:
    question = book().probes[criterion][0].of(state.lang)
    theirs = criterion == "task" and nobodys_own(state.text)
    state = replace(
        state,
        asked={**state.asked, criterion: 1},
        questions=state.questions + 1,
        standing=Asked(criterion, level),
    )
    if theirs:
        return state, voice.say(state.lang, "theirs", question=question)
    return state, voice.say(state.lang, "follow", quote=quote, question=question) if quote else question


def _quoted(judgement: Judgement, criterion: str, latest: str) -> str:
    """The teller's own words of just now that answer the criterion, if there are any; the opening sets the scene."""
    for quote in judgement.levels[criterion].quotes:
        words = quote.text.strip().rstrip(".")
        at = latest.find(words)
        scene = at == 0 and criterion != "situation"
        if words and at >= 0 and not scene and len(words) <= QUOTE_CHARS and _supports(words, criterion):
            return words
    return ""


def _levels(judgement: Judgement) -> dict[str, float]:
    return {name: verdict.level or 0.0 for name, verdict in judgement.levels.items()}


def _key(claim: Checked) -> str:
    return f"{claim.id}|{claim.quote}"
