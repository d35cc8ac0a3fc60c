"""The story's turn and debrief, on the graphs it shares with interviews (agent/talk_graphs.py, agent/talk_judge.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.judge.model import load_models
from agent.model import Model
from agent.patience import Patience
from agent.rubric import load_rubric
from agent.story.book import RUBRIC, book
from agent.story.debrief import debrief
from agent.story.turns import Story, judged, step
from agent.talk_graphs import Judging, SearchLibrary, judged_by_branches, turn
from agent.talk_judge import Told, judge_one, masked, weighed


def take_turn(
    state: Story, text: str, model: Model | None = None, patience: Patience | None = None
) -> tuple[Story, str, str]:
    """One turn: the rehearsal after it, what the listener says, and a note when the model failed."""
    figures = text.strip().lower() == "/facts"
    return turn(step, state, text, state.lang, model, lambda _answer: figures, "listener", patience)


@dataclass
class _Debrief:
    state: Story
    model: Model | None
    library: SearchLibrary | None
    earlier: Sequence[Mapping[str, Any]]

    def __post_init__(self) -> None:
        self.own = judged(self.state)
        incident, lang = self.state.incident, self.state.lang
        brief = incident.brief[lang] if incident is not None else ""
        self.told = Told(RUBRIC, self.state.text, masked(self.state.text), lang, brief)

    def judge_one(self, judging: Judging) -> Judging:
        """A criterion by the model, or by the embedded mind when there is none or it fails."""
        name = judging["criterion"]
        return judge_one(
            self.model, self.told, self.own.levels[name], book().titles[name].of(self.state.lang)
        )

    def weigh(self, judging: Judging) -> Judging:
        titles = {name: title.of(self.state.lang) for name, title in book().titles.items()}
        return weighed(judging["verdicts"], self.own.levels, titles, self.state.lang)

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
        found = self.library.search((brief + self.told.shown)[:2000], themes, 3, self.state.lang)
        return [{"id": r.id, "title": r.title, "source_url": r.source_url} for r in found]


def make_debrief(
    state: Story,
    model: Model | None = None,
    library: SearchLibrary | None = None,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Judge the whole story; what `story --json` prints. `earlier`: debriefs of attempts before, oldest first."""
    work = _Debrief(state, model, library, earlier)
    return judged_by_branches(RUBRIC, work.judge_one, work.weigh, work.close, model)
