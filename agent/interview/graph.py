"""The interview as flat LangGraph graphs: one for a turn, one for the debrief. This file loads langgraph.

    hear → phrase            a turn: what to say is decided by code; a model may only say it better
    own → judge (a branch a criterion) → debrief

No checkpointer: the interview is rebuilt from its log, turn by turn.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from agent.interview.debrief import debrief
from agent.interview.prompts import RUBRIC
from agent.interview.turns import Interview, judged, step
from agent.judge.model import load_models
from agent.model import CriterionTask, Model, ModelFailure, PhraseTask
from agent.rubric import load_rubric
from agent.verdict import Verdict


class SearchLibrary(Protocol):
    def search(self, query: str, themes: Sequence[str], k: int, language: str) -> list[Any]: ...


class Turn(TypedDict, total=False):
    state: Interview
    text: str
    answer: str
    note: str


def take_turn(state: Interview, text: str, model: Model | None = None) -> tuple[Interview, str, str]:
    """One turn: the interview after it, what the interviewer says, and a note when the model failed."""

    def hear(turn: Turn) -> Turn:
        after, answer = step(turn["state"], turn["text"])
        return {"state": after, "answer": answer}

    def phrase(turn: Turn) -> Turn:
        if model is None or "->" in turn["answer"]:  # a drawing is shown as it is
            return {}
        try:
            return {"answer": model.phrase(PhraseTask(turn["answer"], _lang(state)))}
        except ModelFailure as failure:
            return {"note": failure.kind}

    g: Any = StateGraph(Turn)
    g.add_node("hear", hear)
    g.add_node("phrase", phrase)
    g.add_edge(START, "hear")
    g.add_edge("hear", "phrase")
    g.add_edge("phrase", END)
    found: Turn = g.compile().invoke({"state": state, "text": text})
    return found["state"], found["answer"], found.get("note", "")


class Judging(TypedDict, total=False):
    verdicts: Annotated[list[Verdict], operator.add]
    notes: Annotated[list[str], operator.add]
    criterion: str
    result: dict[str, Any]


@dataclass
class _Debrief:
    state: Interview
    model: Model | None
    library: SearchLibrary | None
    earlier: Mapping[str, Any] | None

    def __post_init__(self) -> None:
        self.own = judged(self.state)

    def criteria(self, _judging: Judging) -> list[Send]:
        return [Send("judge", {"criterion": c.id}) for c in load_rubric(RUBRIC).criteria]

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
            return {"verdicts": [own], "notes": [f"{name}: {failure.kind}"]}
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
    g: Any = StateGraph(Judging)
    g.add_node("own", lambda _s: {})
    g.add_node("judge", work.judge_one)
    g.add_node("close", work.close)
    g.add_edge(START, "own")
    g.add_conditional_edges("own", work.criteria, ["judge"])
    g.add_edge("judge", "close")
    g.add_edge("close", END)
    found: Judging = g.compile().invoke({"verdicts": [], "notes": []})
    result = found["result"]
    result["notes"] = sorted(set(found.get("notes", [])))
    result["judge"] = "model" if any(v.source == "model" for v in found["verdicts"]) else "embedded"
    result["transcript"] = model.transcript() if model is not None else []
    return result


def _lang(state: Interview) -> Any:
    return "ru" if state.lang == "ru" else "en"
