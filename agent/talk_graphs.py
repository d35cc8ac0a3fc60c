"""The two flat LangGraph graphs that interviews and stories share. This file loads langgraph.

    hear → phrase                                a turn: what to say is decided by code; a model may only say it better
    own → judge (a branch a criterion) → close    the debrief

No checkpointer: a talk is rebuilt from its log, turn by turn. Nothing here knows what is talked about.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Literal, Protocol, TypedDict, TypeVar

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from agent import review_notes
from agent.model import Model, ModelFailure, PhraseTask
from agent.patience import Patience
from agent.rubric import load_rubric
from agent.talk_wording import keeps_to
from agent.verdict import Verdict


class Spoken(Protocol):
    @property
    def over(self) -> bool: ...


State = TypeVar("State", bound=Spoken)


class SearchLibrary(Protocol):
    def search(self, query: str, themes: Sequence[str], k: int, language: str) -> list[Any]: ...


class Turn(TypedDict, Generic[State], total=False):
    state: State
    text: str
    answer: str
    note: str


def turn(
    step: Callable[[State, str], tuple[State, str]],
    state: State,
    text: str,
    lang: str,
    model: Model | None,
    as_it_is: Callable[[str], bool],
    speaker: Literal["interviewer", "listener"],
    patience: Patience | None = None,
) -> tuple[State, str, str]:
    """One turn: the state after it, what is said, and a note when the model failed.

    An answer that `as_it_is` holds of (a drawing, a list of figures) is not reworded, nor is the last word.
    """

    def hear(now: Turn[State]) -> Turn[State]:
        after, answer = step(now["state"], now["text"])
        return {"state": after, "answer": answer}

    def phrase(now: Turn[State]) -> Turn[State]:
        if model is None or now["state"].over or as_it_is(now["answer"]):
            return {}
        if patience is not None and patience.rests():
            return {}
        try:
            said = model.phrase(PhraseTask(now["answer"], lang, speaker))
            keeps_to(now["answer"], said)
            if patience is not None:
                patience.answered()
            return {"answer": said}
        except ModelFailure as failure:
            if patience is not None:
                patience.failed(failure.kind)
            return {"note": review_notes.plain(lang, failure)}

    g: Any = StateGraph(Turn)
    g.add_node("hear", hear)
    g.add_node("phrase", phrase)
    g.add_edge(START, "hear")
    g.add_edge("hear", "phrase")
    g.add_edge("phrase", END)
    found: Turn[State] = g.compile().invoke({"state": state, "text": text})
    return found["state"], found["answer"], found.get("note", "")


class Judging(TypedDict, total=False):
    verdicts: Annotated[list[Verdict], operator.add]
    notes: Annotated[list[str], operator.add]
    failed: Annotated[list[tuple[str, str]], operator.add]  # why the model did not judge, and which axis
    criterion: str
    result: dict[str, Any]


def judged_by_branches(
    rubric: str,
    judge_one: Callable[[Judging], Judging],
    weigh: Callable[[Judging], Judging],
    close: Callable[[Judging], Judging],
    model: Model | None,
) -> dict[str, Any]:
    """The `result` that `close` makes of all verdicts, weighed together, with notes, who judged and what the model said."""

    def close_weighed(judging: Judging) -> Judging:
        weighed = weigh(judging)
        added: Judging = {
            "failed": weighed.get("failed", []),
            "notes": weighed.get("notes", []),
            "verdicts": [],
        }
        return {**close({**judging, "verdicts": weighed["verdicts"]}), **added}

    g: Any = StateGraph(Judging)
    g.add_node("own", lambda _s: {})
    g.add_node("judge", judge_one)
    g.add_node("close", close_weighed)
    g.add_edge(START, "own")
    g.add_conditional_edges(
        "own",
        lambda _s: [Send("judge", {"criterion": c.id}) for c in load_rubric(rubric).criteria],
        ["judge"],
    )
    g.add_edge("judge", "close")
    g.add_edge("close", END)
    found: Judging = g.compile().invoke({"verdicts": [], "notes": [], "failed": []})
    result, axes = found["result"], len(load_rubric(rubric).criteria)
    notes = [
        *review_notes.criteria(result["lang"], found.get("failed", []), axes),
        *sorted(set(found.get("notes", []))),
    ]
    result["notes"] = [*notes, *review_notes.spent(result["lang"], model)]
    if result["notes"]:  # what a person reads ends with who judged and at what price
        result["text"] += "\n" + "\n".join(f"[{note}]" for note in result["notes"]) + "\n"
    result["judge"] = "model" if any(v["source"] == "model" for v in result["criteria"]) else "embedded"
    result["transcript"] = model.transcript() if model is not None else []
    return result
