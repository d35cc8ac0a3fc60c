"""The interview's turn and debrief, on the graphs it shares with stories (agent/talk_graphs.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.interview.debrief import debrief
from agent.interview.prompts import RUBRIC, book
from agent.interview.turns import Interview, judged, step
from agent.judge.model import load_models
from agent.model import Model
from agent.patience import Patience
from agent.rubric import load_rubric
from agent.talk_graphs import Judging, SearchLibrary, judged_by_branches, turn
from agent.talk_judge import Told, judge_one, masked, weighed


def take_turn(
    state: Interview, text: str, model: Model | None = None, patience: Patience | None = None
) -> tuple[Interview, str, str]:
    """One turn: the interview after it, what the interviewer says, and a note when the model failed."""
    return turn(step, state, text, _lang(state), model, _drawn, "interviewer", patience)


@dataclass
class _Debrief:
    state: Interview
    model: Model | None
    library: SearchLibrary | None
    earlier: Mapping[str, Any] | None

    def __post_init__(self) -> None:
        self.own = judged(self.state)
        text, lang = self.state.text, _lang(self.state)
        self.told = Told(RUBRIC, text, masked(text), lang, self.state.prompt.brief.of(lang))

    def judge_one(self, judging: Judging) -> Judging:
        """A criterion by the model, or by the embedded mind when there is none or it fails."""
        name, lang = judging["criterion"], _lang(self.state)
        return judge_one(self.model, self.told, self.own.levels[name], book().titles[name].of(lang))

    def weigh(self, judging: Judging) -> Judging:
        titles = {name: title.of(_lang(self.state)) for name, title in book().titles.items()}
        return weighed(judging["verdicts"], self.own.levels, titles, _lang(self.state))

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
    return judged_by_branches(RUBRIC, work.judge_one, work.weigh, work.close, model)


def _drawn(answer: str) -> bool:
    """A drawing is shown as it was read."""
    return "->" in answer or "─>" in answer or "═>" in answer


def _lang(state: Interview) -> Any:
    return "ru" if state.lang == "ru" else "en"
