"""A story cut to two and to five minutes, out of the teller's own sentences: chosen and ordered, never reworded.

What a part lacks is named as a place to fill. Sentences that speak to the grader were set aside before; one that the
log refutes is marked, and left out when it tells of a deed that the teller took back. Answers about a wrong figure
are talk about the story and no part of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.judge import reading_of
from agent.judge.contexts import context_of
from agent.judge.explain import support
from agent.judge.reading import Reading, Sentence
from agent.rubric import load_rubric
from agent.story.book import RUBRIC, Part, book
from agent.story.incident import Checked
from agent.story.told import names_role
from agent.story.turns import CLAIM, Story

ASKED_FOR = 1.3  # how much more a sentence belongs to the criterion that it answers a question about
LATER = 0.5  # and how much less an answer to something else belongs to the setting
WHOLE_CHARS = 600  # a telling shorter than this is all opening: its middle is no middle of a story
OPENS = 1.5  # the first sentence sets the scene unless it plainly does something else
OPENING_WORDS = 4  # a shorter one clears the throat
PUT_RIGHT_WITHIN = 3  # sentences back, in which somebody corrects a slip
MARKED = 1.0  # of support: a sentence that has nothing of a part is not put there by its place alone


# What tells of a part in plain words, where the judge's marks see nothing: a deed, an end, what is so ever since.
SIGNED = 3.0  # more than the judge's marks give one sentence
SIGNS = {
    "action": (
        re.compile(
            r"\bI (?:rolled|restarted|killed|scaled|turned|switched|deleted|disabled|enabled|restored)|"
            r"(?:^|\W)(?:я )?(?:откатил|перезапустил|завершил|отключил|выключил|переключил|посолил|поднял|удалил|почистил)",
            re.IGNORECASE,
        ),
    ),
    "result": (
        re.compile(
            r"\b(?:success|errors?|latency|backlog|queue)\b.{0,40}\b(?:back|drained|normal|gone|fell)|(?:успешност|ошибк|задержк|очеред)\w*.{0,40}(?:вернул|рассосал|упал\w* до|исчез)",
            re.IGNORECASE,
        ),
        re.compile(
            r"\b(?:is|are) now\b|\bsince then\b|\bby default\b|^\W*(?:теперь|сейчас|с тех пор|now)\b",
            re.IGNORECASE,
        ),
        re.compile(  # how long it has lasted
            r"\b(?:weeks?|months?|years?|quarters?)\b.{0,40}\b(?:flat|zero|no|not|never|quiet|without|clean)\b|"
            r"\b(?:flat|zero|quiet|clean|not once)\b.{0,40}\b(?:weeks?|months?|years?|quarters?)\b|"
            r"(?:\bпол ?года|\bгод\w*|месяц\w*|недел\w*|квартал\w*)\b.{0,40}(?:\bне\b|ноль|нул[её]|тихо|ни разу|чисто|без )|"
            r"не повтор(?:ял|ил)|\bbefore\b.{0,60}\bafter\b|\bбыло\b.{0,60}\bстало\b",
            re.IGNORECASE,
        ),
        re.compile(  # what stands there ever since
            r"(?:добавил|поставил|завел|завёл|added|put)\w*\b.{0,25}(?:\bCI\b|линтер|алерт|ранбук|linter|\balerts?\b|runbook)",
            re.IGNORECASE,
        ),
    ),
}


_PUTS_RIGHT = re.compile(
    r"^\W*(?:(?:ой|ох|то есть|oh|sorry|hm+|хм+)\W+)*(?:нет,? (?:стойте|подождите|погодите|вру|не так)|стойте|подождите|погодите|поправлюсь|вернее|точнее|"
    r"wait|no,? (?:wait|sorry|i mean)|i mean|or rather|correction)\b",
    re.IGNORECASE,
)
_UNIT = re.compile(r"\d\s?(%|[^\W\d_]{1,4})")


@dataclass(frozen=True)
class Line:
    """A sentence of the story, text[start:end], and the wrong claim in it, if there is one."""

    start: int
    end: int
    text: str
    wrong: Checked | None = None


@dataclass(frozen=True)
class Section:
    part: Part
    lines: tuple[Line, ...]

    @property
    def words(self) -> int:
        return sum(len(line.text.split()) for line in self.lines)


@dataclass(frozen=True)
class _Placed:
    sentence: Sentence
    part: str
    score: float


def version(state: Story, claims: Sequence[Checked], minutes: int) -> list[Section]:
    """The story's parts within so many minutes of speech, each sentence once, in the order it was told."""
    budget = minutes * book().words_a_minute[state.lang]
    reading = reading_of(state.text, context_of(state.incident.scenario if state.incident else None, None))
    placed = [p for p in _placed(state, reading) if not _taken_back(p.sentence, claims)]
    slips = _slips(state, reading, placed)
    behind = {slip.sentence.span.start: p for p, slip in slips}
    placed = [p for p in placed if all(p is not put_right for put_right, _ in slips)]
    chosen: dict[str, list[_Placed]] = {part.id: [] for part in book().parts}
    spare = 0
    for part in book().parts:
        mine = sorted(
            (p for p in placed if p.part == part.id), key=lambda p: (-p.score, p.sentence.span.start)
        )
        spare += int(budget * part.share)
        for p in mine:
            if _words(p) <= spare or not chosen[part.id]:
                chosen[part.id].append(p)
                spare -= _words(p)
                while (right := behind.pop(p.sentence.span.start, None)) is not None:
                    chosen[part.id].append(right)
                    spare -= _words(right)
                    p = right
    return [Section(part, _lines(reading, chosen[part.id], claims)) for part in book().parts]


def _slips(state: Story, reading: Reading, placed: Sequence[_Placed]) -> list[tuple[_Placed, _Placed]]:
    """Sentences that put a slip right, each with the sentence that they correct: one without the other is false."""
    found: list[tuple[_Placed, _Placed]] = []
    at = {p.sentence.span.start: p for p in placed}
    for n, sentence in enumerate(reading.sentences):
        if not _PUTS_RIGHT.match(sentence.span.text):
            continue
        p = at.get(sentence.span.start, _Placed(sentence, "", 0.0))
        before = (s.span.start for s in reading.sentences[max(0, n - PUT_RIGHT_WITHIN) : n])
        near = [at[start] for start in before if start in at and _turn(state, at[start]) == _turn(state, p)]
        alike = [q for q in near if _units(p) & _units(q)] or near[-1:]
        if alike:
            found.append((p, alike[-1]))
    return found


def _turn(state: Story, placed: _Placed) -> int:
    """Which turn a sentence belongs to."""
    end = 0
    for number, said in enumerate(state.said):
        end += len(said) + 2
        if placed.sentence.span.start < end:
            return number
    return len(state.said)


def _units(placed: _Placed) -> set[str]:
    return {unit.lower() for unit in _UNIT.findall(placed.sentence.span.text)}


def place_for(state: Story, at: int, criterion: str) -> float:
    """How much the place of a character in the story speaks for its telling about a criterion."""
    about, depth = _where(state, at)
    if about is not None:
        return ASKED_FOR if about == criterion else 1.0
    return next((_prior(part.id, depth) for part in book().parts if criterion in part.criteria), 1.0)


def _placed(state: Story, reading: Reading) -> list[_Placed]:
    """Each sentence in the part it supports best; where it stands and what it answers have a say."""
    found = []
    said = [s for s in reading.sentences if len(s.span.text.split()) >= OPENING_WORDS]
    for sentence in reading.sentences:
        about, depth = _where(state, sentence.span.start)
        if about == CLAIM:
            continue
        scores = {part.id: _score(state, reading, sentence, part, about, depth) for part in book().parts}
        if said and sentence is said[0]:
            scores["situation"] += OPENS
        part_id = max(scores, key=lambda name: scores[name])
        if scores[part_id] > 0:
            found.append(_Placed(sentence, part_id, scores[part_id]))
    return found


def _score(
    state: Story, reading: Reading, sentence: Sentence, part: Part, about: str | None, depth: float
) -> float:
    """How much a sentence belongs to a part. Naming one's role makes a sentence a task, or being asked."""
    rubric = load_rubric(RUBRIC)
    worth = {c: support(reading, sentence, rubric.criterion(c)) for c in part.criteria}
    score = max(worth.values())
    roles = any(m.concept.startswith("role") for m in sentence.matches)
    if part.id == "task" and not roles and about not in part.criteria:
        score = 0.0
    if part.id == "task" and names_role(sentence.span.text):
        score += SIGNED
    score += next((SIGNED for sign in SIGNS.get(part.id, ()) if sign.search(sentence.span.text)), 0.0)
    if about is None:
        early = min(1.0, len(state.said[0]) / WHOLE_CHARS) if part.id == "situation" else 1.0
        prior = _prior(part.id, depth * early)
        return score * (prior if score >= MARKED else min(1.0, prior))
    if about in part.criteria:
        return max(score, worth[about] * ASKED_FOR)
    return score * LATER if part.id == "situation" else score


def _where(state: Story, at: int) -> tuple[str | None, float]:
    """(the criterion a turn answered, None for the story itself; how far into it a character stands, 0-1)."""
    start = 0
    for number, said in enumerate(state.said):
        if at < start + len(said) + 2 or number == len(state.said) - 1:
            told = number == 0
            return (None if told else state.about[number]), (at - start) / max(1, len(said))
        start += len(said) + 2
    return None, 0.0


def _prior(part: str, depth: float) -> float:
    """A story begins with its setting and ends with its result: how much a place in it speaks for a part."""
    if part == "situation":
        return max(0.1, 1.6 - 3.2 * depth)
    return max(0.02, 3.2 * depth - 1.2) if part == "result" else 1.0


def _words(placed: _Placed) -> int:
    return len(placed.sentence.span.text.split())


def _taken_back(sentence: Sentence, claims: Sequence[Checked]) -> bool:
    return any(c.corrected and not c.truth for c in _within(sentence, claims))


def _within(sentence: Sentence, claims: Sequence[Checked]) -> list[Checked]:
    return [c for c in claims if sentence.span.start <= c.start < sentence.span.end]


def _lines(reading: Reading, placed: list[_Placed], claims: Sequence[Checked]) -> tuple[Line, ...]:
    lines = []
    for p in sorted(placed, key=lambda p: p.sentence.span.start):
        span = p.sentence.span
        wrong = next((c for c in _within(p.sentence, claims) if c.status == "wrong"), None)
        lines.append(Line(span.start, span.end, reading.text[span.start : span.end], wrong))
    return tuple(lines)
