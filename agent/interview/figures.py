"""A candidate's number against the task's own: "let us say 10K RPS" where the brief says 100K.

Finds what was said of the same thing with another value. A part of the whole (of one shard, past the cache, of them charges),
a margin that is called one, and whoever names the task's figure as well are no contradiction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.interview.prompts import Figure, Prompt

APART = 1.25  # times more or less: beyond what rounding does
SAME = 0.02
WINDOW = 3  # words behind a number in which it is said what is counted
_NUMBER = re.compile(
    r"(?<![\w.,×x*/=])(?P<number>\d{1,3}(?:[ \u00a0\u202f,]\d{3})+|\d+(?:[.,]\d+)?)(?:\s?(?P<size>[kкmм]|тыс\w*\.?|thousand|млн|миллион\w*|million)(?![^\W\d_]))?"
    r"(?P<behind>(?:[ \u00a0/-]*[^\W\d_]+){0,4})",
    re.IGNORECASE,
)
_SIZES = {"k": 1e3, "к": 1e3, "т": 1e3, "m": 1e6, "м": 1e6}
_CLAUSE = re.compile(r"[;\n]|[.,:](?=\s|$)")
_ALOUD = re.compile(r"\b(допустим|предположим|положим|скажем|say|suppose),\s", re.IGNORECASE)
_RATE = re.compile(r"^[ \u00a0]*(?:(?:/ ?|в )(?:с\b|сек)|/ ?s\b|/ ?sec|per second|a second)", re.IGNORECASE)
_SUPPOSED = re.compile(
    r"\bпусть\b|допустим\b|предполож|счита(?:ем|ть|ю)\b|возьм[её]м|возьму\b|бер[её]м|беру\b|исход(?:им|я|ить)|рассчит(?:ываем|ано|аем)|закладыва|проектир|пик\w*|"
    r"let'?s (?:say|assume|take)|let us (?:say|assume|take)|\bassum|\bsuppos|design(?:ing)? (?:it )?for|\bsay\b|\bpeak|plan for|\btotal\b|всего",
    re.IGNORECASE,
)
_PART = re.compile(
    r"\bна (?:\w+ )?(?:шард|под\b|нод|узел|узл|машин|баз|цод|кажд|сервис|регион|магазин|ключ|одн|партици|воркер)|\bper (?:shard|pod|node|machine|key|worker|partition|dc)|"
    r"\beach\b|\bevery\b|кажд|до базы|до хранилищ|мимо|промах|\bmiss|\breach|из них|\bof (?:them|these|which|those)\b|остал|\brest\b|к[эе]ш|cache|спис|charge|"
    r"статус|status|\bиз \d|\bof (?:the )?\d|\bодин\b|\bone\b|\ba (?:shard|pod|node|machine|key|worker)\b|внутри|limit|лимит|предел|держит|выдерж|тян|handles?|takes?\b",
    re.IGNORECASE,
)
_MARGIN = re.compile(r"запас|рост|вырас|вдвое|headroom|margin|spare|growth|grow|twice|double", re.IGNORECASE)


@dataclass(frozen=True)
class Other:
    """The value that was taken, and the task's figure that it stands against."""

    said: float
    figure: Figure


def other_than_asked(text: str, prompt: Prompt, first: bool) -> Other | None:
    """The first number of a turn that contradicts the brief. `first`: an answer to what is required, where every load is meant whole."""
    found: list[tuple[str, float, Figure]] = [
        (clause, value, figure)
        for clause in _CLAUSE.split(_ALOUD.sub(r"\1 ", text))
        for value, behind in _numbers(clause)
        if (figure := _counted(behind, prompt)) is not None
    ]
    known = {f.value for _, v, f in found if _near(v, f.value)}
    for clause, value, figure in found:
        if (
            figure.value in known
            or _near(value, figure.value)
            or _PART.search(clause)
            or _MARGIN.search(text)
        ):
            continue
        ratio = value / figure.value
        if 1 / APART < ratio < APART or any(_near(value, f.value) for f in prompt.figures):
            continue
        if _SUPPOSED.search(clause) or (first and ratio > APART):
            return Other(value, figure)
    return None


def names(text: str, figure: Figure) -> bool:
    """Whether a turn names the value of a figure."""
    return any(_near(value, figure.value) for value, _ in _numbers(text))


def _numbers(text: str) -> list[tuple[float, str]]:
    """Each number with the words behind it."""
    return [
        (
            float(re.sub(r"[ \u00a0\u202f]|,(?=\d{3})", "", m["number"]).replace(",", "."))
            * _SIZES.get((m["size"] or " ")[0].lower(), 1.0),
            m["behind"],
        )
        for m in _NUMBER.finditer(text)
    ]  # fmt: skip


def _counted(behind: str, prompt: Prompt) -> Figure | None:
    """The figure of the brief that counts the same thing; a bare rate speaks of the first."""
    words = re.findall(r"[^\W\d_]+", behind.lower())[:WINDOW]
    for word in words:
        for figure in prompt.figures:
            if any(word.startswith(stem) for stem in figure.about):
                return figure
    return prompt.figures[0] if _RATE.search(behind) else None


def _near(value: float, figure: float) -> bool:
    return abs(value / figure - 1) <= SAME
