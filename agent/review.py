"""The review: one flat LangGraph graph from a text to measured feedback.

    split and map → replay → deeper → references → judge (one criterion a branch) → claims → feedback

No checkpointer and no subgraph: the session's log is the only truth, and what a model said is returned for
it. This is the file that loads langgraph; it is imported when a review is asked for and not before.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from agent import advice, enough, feedback, measure, no_return, review_notes
from agent.bar import Bar
from agent.claims import Claim, check_claims
from agent.cto import span
from agent.embedded_model import EmbeddedModel
from agent.judge.model import load_models
from agent.judge.reading import addresses_grader
from agent.judge.signals import names_owner
from agent.mapping import MappedItem, map_text
from agent.model import CatalogueLine, CriterionTask, MappingTask, Model, ModelFailure, PhraseTask
from agent.plural import grouped
from agent.questions import HOW_MANY, follow_ups
from agent.replay_port import (
    Catalogue,
    Counterfactual,
    Deeper,
    InterventionCall,
    Progress,
    Replayer,
    known_calls,
    parameter_names,
)
from agent.rubric import load_rubric
from agent.sharp import Asked, sharp_questions
from agent.summary import Whole, percent
from agent.text import sentences
from agent.verdict import Quote, Verdict

ReviewKind = Literal["action-items", "postmortem"]
MAX_ITEMS = 12  # further items are judged as text, not replayed: a list of twelve is long already
TEXT_LIMIT = 20_000
DISAGREEMENT = 2.0  # levels apart: then a text that talks to the grader is judged by the embedded mind


class SearchLibrary(Protocol):
    def search(self, query: str, themes: Sequence[str], k: int, language: str) -> list[Any]: ...


@dataclass(frozen=True)
class Request:
    """What is to be reviewed."""

    text: str
    kind: ReviewKind
    lang: Literal["ru", "en"]
    context_id: str
    context_text: str
    themes: Sequence[str]
    starts_at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)  # words for facts that this scenario has alone
    bar: Bar = field(default_factory=lambda: Bar(300.0))  # how bad an incident may be and do no damage


@dataclass(frozen=True)
class Deps:
    """What the review stands on; `model` None means embedded only. `catalogue` is the closed one."""

    replayer: Replayer
    library: SearchLibrary | None
    catalogue: Catalogue
    measurable: Callable[[str], bool]
    baseline: Callable[[], Mapping[str, Any]]
    model: Model | None = None
    prefetch: Callable[[Sequence[Sequence[InterventionCall]]], None] = lambda _questions: None
    deeper: Deeper | None = None  # None: nothing is replayed beyond each item and all together
    likely: frozenset[str] = frozenset()  # remedies that go with this incident, if its author names them


class State(TypedDict, total=False):
    items: list[MappedItem]
    runs: dict[int, Counterfactual]
    combined: Counterfactual | None
    baseline: Mapping[str, Any] | None
    enough: dict[str, Any] | None
    no_return: dict[str, Any] | None
    first: dict[str, Any] | None
    references: list[dict[str, Any]]
    verdicts: Annotated[list[Verdict], operator.add]
    notes: Annotated[list[str], operator.add]
    claims: list[dict[str, Any]]
    feedback: str
    questions: list[str]
    criterion: str


@dataclass
class _Run:
    """One review in progress: the graph's nodes are its methods."""

    request: Request
    deps: Deps
    on_progress: Progress | None
    own: dict[str, Verdict] = field(default_factory=dict)
    talks_to_grader: bool = False

    @property
    def rubric_id(self) -> str:
        return self.request.kind

    def graph(self) -> Any:
        g: Any = StateGraph(State)
        g.add_node("map", self.map_items)
        g.add_node("replay", self.replay)
        g.add_node("deeper", self.look_deeper)
        g.add_node("references", self.find_references)
        g.add_node("own", self.judge_embedded)
        g.add_node("judge", self.judge_one)
        g.add_node("claims", self.check_claims)
        g.add_node("feedback", self.give_feedback)
        g.add_edge(START, "map")
        g.add_edge("map", "replay")
        g.add_edge("replay", "deeper")
        g.add_edge("deeper", "references")
        g.add_edge("references", "own")
        g.add_conditional_edges("own", self.criteria, ["judge"])
        g.add_edge("judge", "claims")
        g.add_edge("claims", "feedback")
        g.add_edge("feedback", END)
        return g.compile()

    # -- nodes

    def map_items(self, _state: State) -> State:
        """Items by phrasing; what no phrasing knows may be mapped by the model, from the catalogue only."""
        listed = map_text(self.request.text, self.request.kind, _instruction, likely=self.deps.likely)
        listed = listed[: MAX_ITEMS * 2]
        items = [
            MappedItem(i.span, tuple(known_calls(i.calls, self.deps.catalogue)), i.state) for i in listed
        ]
        notes: list[str] = []
        open_items = [n for n, i in enumerate(items) if not i.calls and i.state == "unmapped"]
        if self.deps.model is not None and open_items:
            lines = tuple(
                CatalogueLine(e.id, e.title.of(self.request.lang), tuple(parameter_names(e)))
                for e in self.deps.catalogue.values()
            )
            task = MappingTask(tuple(items[n].span.text for n in open_items), lines, self.request.lang)
            try:
                answers = self.deps.model.map_items(task)
            except ModelFailure as failure:
                notes.append(review_notes.fallback(self.request.lang, "map", failure))
                answers = []
            for n, calls in zip(open_items, answers, strict=False):
                known = tuple(known_calls(calls, self.deps.catalogue))
                if known:
                    items[n] = MappedItem(items[n].span, known, "mapped")
        return {"items": items[:MAX_ITEMS], "notes": notes}

    def replay(self, state: State) -> State:
        """Two runs an item, all cores busy; an item that cannot be measured has none."""
        wanted = {n: calls for n, i in enumerate(state["items"]) if (calls := self._measurable(i))}
        if not wanted:
            return {"runs": {}, "combined": None, "baseline": self.deps.baseline()}
        together = enough.together(list(wanted.values())) if len(wanted) > 1 else []
        questions = [*wanted.values(), *([together] if together else [])]
        self.deps.prefetch(questions)

        def came(_label: str, done: int, total: int) -> None:
            self._report("replay", done, total)

        runs = {n: self.deps.replayer.counterfactual(c, f"item {n + 1}", came) for n, c in wanted.items()}
        combined = self.deps.replayer.counterfactual(together, "all", came) if together else None
        return {"runs": runs, "combined": combined, "baseline": next(iter(runs.values())).baseline}

    def _calls(self, state: State) -> dict[int, list[InterventionCall]]:
        return {n: self._measurable(state["items"][n]) for n in state["runs"]}

    def _measurable(self, item: MappedItem) -> list[InterventionCall]:
        return [c for c in item.calls if self.deps.measurable(c.id)]

    def look_deeper(self, state: State) -> State:
        """Which of the items would have been enough, when it was too late, and what comes first."""
        runs, baseline = state["runs"], state["baseline"]
        if not runs or baseline is None:
            return {"enough": None, "no_return": None, "first": None}
        calls = self._calls(state)
        bar, deeper = self.request.bar, self.deps.deeper
        best = enough.Search(calls, runs, state["combined"], bar, deeper, self.on_progress).found()
        search = (
            no_return.Search(deeper, baseline, bar.beside(baseline), self.on_progress) if deeper else None
        )
        moment = search.found() if search else None
        proposed = dict(enumerate(i.calls for i in state["items"]))
        first = advice.first(calls, proposed, runs, self.deps.catalogue, moment, best)
        return {"enough": best, "no_return": moment, "first": first}

    def find_references(self, _state: State) -> State:
        library = self.deps.library
        if library is None:
            return {"references": []}
        query = f"{self.request.context_text}\n{self.request.text[:1500]}"
        found = library.search(query, list(self.request.themes), 3, self.request.lang)
        return {
            "references": [
                {"id": r.id, "title": r.title, "source_url": r.source_url, "lesson": r.lesson} for r in found
            ]
        }

    def criteria(self, state: State) -> list[Send]:
        """One branch a criterion; the branches run in parallel."""
        return [Send("judge", {**state, "criterion": c.id}) for c in load_rubric(self.rubric_id).criteria]

    def judge_embedded(self, state: State) -> State:
        """The embedded verdicts, once and in one thread: its stemmer is not made for several."""
        mind = EmbeddedModel(self.request.context_id, self.request.context_text, self._evidence(state))
        self.own = mind.judgement(self.rubric_id, self.request.text, self.request.lang).levels
        self.talks_to_grader = any(addresses_grader(s.text) for s in sentences(self.request.text))
        return {}

    def judge_one(self, state: State) -> State:
        """A criterion by the model, or by the embedded mind when there is none or it fails."""
        name = state["criterion"]
        own = self.own[name]
        model = self.deps.model
        if model is None or own.source == "simulator":
            return {"verdicts": [own]}
        criterion = load_rubric(self.rubric_id).criterion(name)
        lang = self.request.lang
        proof = self._evidence(state)
        task = CriterionTask(
            self.rubric_id, name, criterion.question.of(lang), criterion.levels.of(lang), self.request.text,
            lang, self.request.context_text, proof["why"] if proof else "",
        )  # fmt: skip
        try:
            said = model.judge_criterion(task).verified(self.request.text)
        except ModelFailure as failure:
            return {"verdicts": [own], "notes": [review_notes.fallback(lang, name, failure)]}
        if said.level is None:
            return {"verdicts": [own], "notes": [review_notes.unreadable(lang, name, said.why)]}
        if self.talks_to_grader and said.level - (own.level or 0.0) >= DISAGREEMENT:
            return {"verdicts": [own], "notes": [review_notes.overruled(lang, name, said.level, own.level)]}
        return {"verdicts": [said]}

    def _evidence(self, state: State) -> Any:
        spans = {n: state["items"][n].span for n in state.get("runs", {})}
        runs = [(Quote(s.start, s.end, s.text), state["runs"][n]) for n, s in spans.items()]
        return measure.evidence(runs, self.request.lang)

    def check_claims(self, state: State) -> State:
        """Numbers of a post-mortem against the log; a list of plans claims nothing."""
        if self.request.kind != "postmortem":
            return {"claims": []}
        found = check_claims(self.request.text, self.deps.baseline(), self.request.starts_at)
        return {
            "claims": [
                {
                    "id": c.id,
                    "quote": c.quote.text,
                    "status": c.status,
                    "truth": c.truth,
                    "source": c.source,
                    "claimed": c.claimed,
                    "shown": shown_truth(c, self.request.lang),
                }
                for c in found
            ]
        }

    def give_feedback(self, state: State) -> State:
        results = [feedback.ItemResult(i, state["runs"].get(n)) for n, i in enumerate(state["items"])]
        whole = self._whole(state)
        told = feedback.Told(
            results, state.get("combined"), state.get("baseline"), self.deps.catalogue, self.request.starts_at,
            self.request.lang, state.get("claims", []), self.request.labels, whole,
        )  # fmt: skip
        text = feedback.compose(told)
        notes: list[str] = []
        if self.deps.model is not None:
            try:
                text = self.deps.model.phrase(PhraseTask(text, self.request.lang))
            except ModelFailure as failure:
                notes.append(review_notes.fallback(self.request.lang, "phrase", failure))
        return {"feedback": text, "questions": self._questions(state, whole), "notes": notes}

    def _whole(self, state: State) -> Whole | None:
        baseline = state.get("baseline")
        if not state["runs"] or baseline is None:
            return None
        return Whole(
            self._calls(state), self.deps.catalogue, baseline, state.get("combined"), state.get("enough"),
            state.get("no_return"), state.get("first"), self.request.starts_at, self.request.lang,
        )  # fmt: skip

    def _questions(self, state: State, whole: Whole | None) -> list[str]:
        """Two: what was measured asks first, the weakest criterion and a missing kind ask the rest."""
        measured = sharp_questions(Asked(state["items"], state["runs"], whole, names_owner)) if whole else []
        kinds = {self.deps.catalogue[c.id].kind for i in state["items"] for c in i.calls}
        rubric = follow_ups(self.rubric_id, state["verdicts"], kinds, self.request.lang)
        return [*measured, *rubric][:HOW_MANY]

    def _report(self, stage: str, done: int, total: int) -> None:
        if self.on_progress:
            self.on_progress(stage, done, total)


def run_review(request: Request, deps: Deps, on_progress: Progress | None = None) -> dict[str, Any]:
    """Review a text: the mapping that `review --json` prints, plus `transcript`, `claims` and `notes`."""
    run = _Run(request, deps, on_progress)
    state: State = run.graph().invoke({"verdicts": [], "notes": []})
    order = [c.id for c in load_rubric(run.rubric_id).criteria]
    verdicts = sorted(state["verdicts"], key=lambda v: order.index(v.criterion))
    overall = _overall(run.rubric_id, verdicts)
    sources = {v.source for v in verdicts}
    return {
        "rubric": run.rubric_id,
        "lang": request.lang,
        "judge": deps.model.name if deps.model is not None and "model" in sources else "embedded",
        "overall": overall,
        "score": round(100 * overall / 3, 1),
        "criteria": [v.shown() for v in verdicts],
        "action_items": [_item_shown(i, state["runs"].get(n)) for n, i in enumerate(state["items"])],
        "combined": _run_shown(state["combined"]) if state.get("combined") else None,
        "enough": state.get("enough"),
        "no_return": state.get("no_return"),
        "first": state.get("first"),
        "references": state["references"],
        "claims": state.get("claims", []),
        "feedback": state["feedback"],
        "questions": state["questions"],
        "labels": dict(request.labels),
        "notes": [*sorted(set(state.get("notes", []))), *review_notes.spent(request.lang, deps.model)],
        "transcript": deps.model.transcript() if deps.model is not None else [],
    }


def _overall(rubric_id: str, verdicts: list[Verdict]) -> float:
    """Code aggregates, never a model: the frozen overall of the embedded judge over these levels."""
    levels = {v.criterion: v.level or 0.0 for v in verdicts}
    return float(load_models()[rubric_id].overall(load_rubric(rubric_id), levels))


def _item_shown(item: MappedItem, run: Counterfactual | None) -> dict[str, Any]:
    return {
        "quote": item.span.text,
        "interventions": [c.id for c in item.calls],
        "parameters": {c.id: dict(c.params) for c in item.calls},
        "state": item.state,
        "counterfactual": _run_shown(run) if run else None,
    }


def _run_shown(run: Counterfactual | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "run": run.run,
        "baseline": dict(run.baseline),
        "with": dict(run.with_),
        "effect": dict(run.effect),
        "no_responder": {k: dict(v) for k, v in run.no_responder.items()},
        "verdict": measure.measured(run).effect,
    }


def shown_truth(claim: Claim, lang: str) -> str:
    """A claim's truth as a person would write it."""
    if claim.truth is None:
        return ""
    if claim.unit == "share":
        return percent(claim.truth, lang)
    if claim.unit == "clock":
        second = round(claim.truth)
        return f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return span(claim.truth, lang) if claim.unit == "duration" else grouped(claim.truth, lang)


def _instruction(span: Any) -> bool:
    return addresses_grader(span.text)
