"""A criterion of a talk by a language model, held against the embedded judge: shared by interviews and stories.

The model never reads what a text says to its grader, and is not believed far above the embedded judge over a text that
says such things. No tool can be reached from here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent import review_notes
from agent.judge import reading_of
from agent.judge.contexts import Context
from agent.model import CriterionTask, Model, ModelFailure
from agent.rubric import load_rubric
from agent.talk_graphs import Judging
from agent.verdict import Verdict

# Axes that one sentence may carry by itself: a model that shows the same words for all of them has not read on.
SHARED = 2
# Levels above the embedded judge's at which a text that talks to its grader is not the model's to judge.
DISAGREEMENT = 1.0
LETTERS = 0.3  # of a reason's letters are Cyrillic where it is Russian, and fewer where it is English
_PARTED = {
    "ru": "судьи разошлись, в силе модель: {axes}",
    "en": "the judges differ, the model's level stands: {axes}",
}
_PARTED_AXIS = {
    "ru": "{axis} {a} (встроенный судья {b})",
    "en": "{axis} {a} (the embedded judge {b})",
}


def levels_in(found: Mapping[str, Any]) -> dict[str, float]:
    """The levels of a debrief by criterion, but those that nobody could judge."""
    return {v["criterion"]: v["level"] for v in found["criteria"] if isinstance(v["level"], float | int)}


def still_unknown(found: Mapping[str, Any]) -> list[str]:
    """The criteria of which somebody said "I don't know" and told nothing later, either."""
    levels = levels_in(found)
    return [name for name in found["unknown"] if levels.get(name, 0.0) < found["wanted"]]


@dataclass(frozen=True)
class Told:
    """What was said in a talk: the whole text, and what a model may read of it (place by place the same)."""

    rubric: str
    text: str
    shown: str
    lang: str
    brief: str

    @property
    def hidden(self) -> bool:
        return self.shown != self.text


def masked(text: str) -> str:
    """The text with what speaks to a grader blanked out."""
    shown = text
    for sentence in reading_of(text, Context()).set_aside:
        if sentence.reason in ("instruction", "authority"):
            start, end = sentence.span.start, sentence.span.end
            shown = shown[:start] + " " * (end - start) + shown[end:]
    return shown


def judge_one(model: Model | None, told: Told, own: Verdict, title: str) -> Judging:
    """The model's verdict, or the embedded one where there is no model, it fails or it is not to be believed."""
    if model is None or not told.shown.strip():
        return {"verdicts": [own]}
    criterion = load_rubric(told.rubric).criterion(own.criterion)
    lang = "ru" if told.lang == "ru" else "en"
    task = CriterionTask(
        told.rubric, own.criterion, criterion.question.of(lang), criterion.levels.of(lang), told.shown, lang,
        told.brief, "",
    )  # fmt: skip
    try:
        said = model.judge_criterion(task).verified(told.text)
    except ModelFailure as failure:
        return {"verdicts": [own], "failed": [(review_notes.alone(lang, failure), title)]}
    if said.level is None:
        return {"verdicts": [own], "failed": [(review_notes.unread(lang, said.why), title)]}
    if told.hidden and said.level - (own.level or 0.0) >= DISAGREEMENT:
        return {"verdicts": [own], "notes": [review_notes.overruled(lang, title, said.level, own.level)]}
    return {"verdicts": [said if _speaks(said.why, lang) else replace(said, why="")]}


def _speaks(why: str, lang: str) -> bool:
    """Whether a reason is in the language of who reads it."""
    russian, latin = (len(re.findall(letters, why, re.IGNORECASE)) for letters in ("[а-яё]", "[a-z]"))
    return (russian >= LETTERS * (russian + latin)) == (lang == "ru")


def weighed(
    verdicts: Sequence[Verdict], own: Mapping[str, Verdict], titles: Mapping[str, str], lang: str
) -> Judging:
    """The verdicts held against each other and the embedded judge's: what is not believed, and where the two judges differ.

    One sentence as the only evidence for many axes proves none of them.
    """
    alone = Counter(v.quotes[0].start for v in verdicts if v.source == "model" and len(v.quotes) == 1)
    kept: list[Verdict] = []
    failed: list[tuple[str, str]] = []
    for verdict in verdicts:
        mine = own[verdict.criterion]
        worn = (
            verdict.source == "model" and len(verdict.quotes) == 1 and alone[verdict.quotes[0].start] > SHARED
        )
        if worn and abs((verdict.level or 0.0) - (mine.level or 0.0)) >= DISAGREEMENT:
            kept.append(mine)
            failed.append((review_notes.worn(lang), titles[verdict.criterion]))
        else:
            kept.append(verdict)
    return {"verdicts": kept, "failed": failed, "notes": _apart(kept, own, titles, lang)}


def _apart(
    verdicts: Sequence[Verdict], own: Mapping[str, Verdict], titles: Mapping[str, str], lang: str
) -> list[str]:
    """One line for the axes that the model and the embedded judge see a level or more apart."""
    axes = [
        _PARTED_AXIS[lang].format(axis=titles[v.criterion], a=_level(v.level, lang), b=_level(mine, lang))
        for v in verdicts
        if v.source == "model"
        and v.level is not None
        and (mine := own[v.criterion].level) is not None
        and abs(v.level - mine) >= DISAGREEMENT
    ]
    return [_PARTED[lang].format(axes="; ".join(axes))] if axes else []


def _level(value: float, lang: str) -> str:
    return f"{value:.1f}".replace(".", ",") if lang == "ru" else f"{value:.1f}"


def by_the_same(now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> set[str]:
    """The criteria of two debriefs that one judge gave both levels of; none where those are not most of them."""
    sources = {v["criterion"]: v["source"] for v in before}
    same = {v["criterion"] for v in now if sources.get(v["criterion"]) == v["source"]}
    return same if 2 * len(same) > len(now) else set()
