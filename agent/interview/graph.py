"""The interview's turn and debrief, on the graphs it shares with stories (agent/talk_graphs.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.interview.debrief import debrief
from agent.interview.prompts import RUBRIC
from agent.interview.turns import Interview, judged, step
from agent.judge.model import load_models
from agent.model import CriterionTask, Model, ModelFailure
from agent.review_notes import reason
from agent.rubric import load_rubric
from agent.talk_graphs import Judging, SearchLibrary, judged_by_branches, turn


def take_turn(state: Interview, text: str, model: Model | None = None) -> tuple[Interview, str, str]:
    """One turn: the interview after it, what the interviewer says, and a note when the model failed."""
    return turn(step, state, text, _lang(state), model, lambda answer: "->" in answer)  # a drawing


@dataclass
class _Debrief:
    state: Interview
    model: Model | None
    library: SearchLibrary | None
    earlier: Mapping[str, Any] | None

    def __post_init__(self) -> None:
        self.own = judged(self.state)

    def judge_one(self, judging: Judging) -> Judging:
        """A criterion by the model, or by the embedded mind when there is none or it fails."""
        name = judging["criterion"]
        own = self.own.levels[name]
        if self.model is None or not self.state.said:
            return {"verdicts": [own]}
        lang = _lang(self.state)
        criterion = load_rubric(RUBRIC).criterion(name)
        task = CriterionTask(
            RUBRIC, name, criterion.question.of(lang), criterion.levels.of(lang), self.state.text, lang,
            self.state.prompt.brief.of(lang), "",
        )  # fmt: skip
        try:
            said = self.model.judge_criterion(task).verified(self.state.text)
        except ModelFailure as failure:
            return {"verdicts": [own], "notes": [f"{name}: {reason(lang, failure)}"]}
        return {"verdicts": [own if said.level is None else said]}

    def close(self, judging: Judging) -> Judging:
        verdicts = {v.criterion: v for v in judging["verdicts"]}
        levels = {name: v.level or 0.0 for name, v in verdicts.items()}
        overall = (
            float(load_models()[RUBRIC].overall(load_rubric(RUBRIC), levels)) if self.state.said else 0.0
        )
        return {"result": debrief(self.state, verdicts, overall, self._references(), self.earlier)}

    def _references(self) -> list[dict[str, Any]]:
        if self.library is None:
            return []
        prompt, lang = self.state.prompt, self.state.lang
        found = self.library.search(prompt.brief.of(lang), list(prompt.themes), 3, lang)
        return [{"id": r.id, "title": r.title, "source_url": r.source_url} for r in found]


def make_debrief(
    state: Interview,
    model: Model | None = None,
    library: SearchLibrary | None = None,
    earlier: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Judge the whole interview; what `interview --json` prints at its end."""
    work = _Debrief(state, model, library, earlier)
    return judged_by_branches(RUBRIC, work.judge_one, work.close, model)


def _lang(state: Interview) -> Any:
    return "ru" if state.lang == "ru" else "en"
