"""A criterion of a talk by a language model, held against the embedded judge: shared by interviews and stories.

The model never reads what a text says to its grader, and is not believed far above the embedded judge over a text that
says such things. No tool can be reached from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    return {"verdicts": [said]}


def weighed(
    verdicts: Sequence[Verdict], own: Mapping[str, Verdict], titles: Mapping[str, str], lang: str
) -> Judging:
    """The verdicts held against each other: one sentence as the only evidence for many axes proves none of them."""
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
    return {"verdicts": kept, "failed": failed}
