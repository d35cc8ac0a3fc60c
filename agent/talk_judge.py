"""A criterion of a talk by a language model, held against the embedded judge: shared by interviews and stories.

The model never reads what a text says to its grader, and is not believed far above the embedded judge over a text that
says such things. No tool can be reached from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent import review_notes
from agent.judge import reading_of
from agent.judge.contexts import Context
from agent.model import CriterionTask, Model, ModelFailure
from agent.rubric import load_rubric
from agent.talk_graphs import Judging
from agent.verdict import Verdict

# Levels above the embedded judge's at which a text that talks to its grader is not the model's to judge.
DISAGREEMENT = 1.0


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
        return {"verdicts": [own], "notes": [review_notes.criterion(lang, title, failure)]}
    if said.level is None:
        return {"verdicts": [own], "notes": [review_notes.unreadable(lang, title, said.why)]}
    if told.hidden and said.level - (own.level or 0.0) >= DISAGREEMENT:
        return {"verdicts": [own], "notes": [review_notes.overruled(lang, title, said.level, own.level)]}
    return {"verdicts": [said]}
