"""The story's turn and debrief, on the graphs it shares with interviews (agent/talk_graphs.py).

A model never reads what a text says to its grader, and no tool can be reached from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.judge import reading_of
from agent.judge.contexts import Context
from agent.judge.model import load_models
from agent.model import CriterionTask, Model, ModelFailure
from agent.review_notes import reason
from agent.rubric import load_rubric
from agent.story.book import RUBRIC
from agent.story.debrief import debrief
from agent.story.turns import Story, judged, step
from agent.talk_graphs import Judging, SearchLibrary, judged_by_branches, turn

# Levels above the embedded judge's at which a text that talks to its grader is not the model's to judge.
DISAGREEMENT = 1.0


def take_turn(state: Story, text: str, model: Model | None = None) -> tuple[Story, str, str]:
    """One turn: the rehearsal after it, what the listener says, and a note when the model failed."""
    figures = text.strip().lower() == "/facts"
    return turn(step, state, text, state.lang, model, lambda _answer: figures)


@dataclass
class _Debrief:
    state: Story
    model: Model | None
    library: SearchLibrary | None
    earlier: Sequence[Mapping[str, Any]]

    def __post_init__(self) -> None:
        self.own = judged(self.state)
        self.shown, self.hidden = masked(self.state.text)

    def judge_one(self, judging: Judging) -> Judging:
        """A criterion by the model, or by the embedded mind when there is none or it fails."""
        name = judging["criterion"]
        own = self.own.levels[name]
        if self.model is None or not self.shown.strip():
            return {"verdicts": [own]}
        lang = self.state.lang
        criterion = load_rubric(RUBRIC).criterion(name)
        brief = self.state.incident.brief[lang] if self.state.incident is not None else ""
        task = CriterionTask(
            RUBRIC, name, criterion.question.of(lang), criterion.levels.of(lang), self.shown, lang, brief, ""
        )
        try:
            said = self.model.judge_criterion(task).verified(self.state.text)
        except ModelFailure as failure:
            return {"verdicts": [own], "notes": [f"{name}: {reason(lang, failure)}"]}
        if said.level is None:
            return {"verdicts": [own], "notes": [f"{name}: {said.why}"]}
        if self.hidden and said.level - (own.level or 0.0) >= DISAGREEMENT:
            note = f"{name}: {said.level:g} > {own.level or 0.0:g}, the text talks to its grader"
            return {"verdicts": [own], "notes": [note]}
        return {"verdicts": [said]}

    def close(self, judging: Judging) -> Judging:
        verdicts = {v.criterion: v for v in judging["verdicts"]}
        levels = {name: v.level or 0.0 for name, v in verdicts.items()}
        rubric = load_rubric(RUBRIC)
        overall = float(load_models()[RUBRIC].overall(rubric, levels)) if self.state.said else 0.0
        return {"result": debrief(self.state, verdicts, overall, self._references(), self.earlier)}

    def _references(self) -> list[dict[str, Any]]:
        if self.library is None or not self.state.said:
            return []
        incident = self.state.incident
        brief = incident.brief[self.state.lang] + "\n" if incident is not None else ""
        themes = list(incident.themes) if incident is not None else []
        found = self.library.search((brief + self.shown)[:2000], themes, 3, self.state.lang)
        return [{"id": r.id, "title": r.title, "source_url": r.source_url} for r in found]


def masked(text: str) -> tuple[str, bool]:
    """The text with what speaks to a grader blanked out, place by place, and whether there was any."""
    shown = text
    for sentence in reading_of(text, Context()).set_aside:
        if sentence.reason in ("instruction", "authority"):
            start, end = sentence.span.start, sentence.span.end
            shown = shown[:start] + " " * (end - start) + shown[end:]
    return shown, shown != text


def make_debrief(
    state: Story,
    model: Model | None = None,
    library: SearchLibrary | None = None,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Judge the whole story; what `story --json` prints. `earlier`: debriefs of attempts before, oldest first."""
    work = _Debrief(state, model, library, earlier)
    return judged_by_branches(RUBRIC, work.judge_one, work.close, model)
