"""The replayer: the incident again with remedies in place, on worker processes, each question once.

Two runs answer a question: under the player's own commands (moved with the page, as the same person with
the same speed would act) and with nobody responding. This process runs what was played up to the first call,
since all else depends on when that was; the rest are tasks (agent/replay_task.py).
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from agent import replay_task
from agent.replay_port import Counterfactual, Facts, InterventionCall, Progress, Repair
from agent.replay_workers import Batch, Handle, LocalWorkers, Workers
from simulator import commands, replay, responder, run
from simulator.interventions import CATALOGUE, Call
from simulator.replay import Mark, Plan
from simulator.scenario import Scenario, varied

FACTS = (
    "failed_requests",
    "failed_share",
    "success_min",
    "started_s",
    "detected_s",
    "p1_paged_s",
    "mitigated_s",
    "recovered_s",
    "error_budget_burned",
    "pending_max",
    "backlog_max",
    "database_cpu_max",
    "others_failed",
    "connections_refused",
)
CURVE = ("success_curve", "curve_step_s")  # the SLI over the run, for whoever draws it
NOBODY_FOR_S = 600.0  # how long the world is left alone after the first command of the timeline
RESPONDING, ALONE, REPAIRED, WITHOUT = "responding", "alone", "repaired", "without"
MOST_WITHOUT = 2  # lines that are left out, one after another, to find where the repair begins
NO_REPAIR = ("ack", "note", "logs")  # tools that count as changing and repair nothing
Calls = tuple[Call, ...]
Wanted = tuple[Calls, str]  # remedies, and who responds


@dataclass
class ProcessReplayer:
    """Answers `counterfactual`; runs are cached by remedies, baselines are run once.

    `commands`: (second, line) as played, without the scenario's own timeline. `executor`: where tasks are
    worked on, the worker processes of this machine by default.
    """

    scenario: Scenario
    seed: int
    commands: Sequence[tuple[float | None, str]]
    executor: Executor | None = None
    _handles: dict[Wanted, Handle] = field(default_factory=dict)
    _pickled: dict[int, bytes] = field(default_factory=dict)  # marks by id; `_scouted` keeps them alive

    def __post_init__(self) -> None:
        """What the seed makes of the file, with as many entities as a replay has time for."""
        self.scenario = replay.thinned(varied(self.scenario, self.seed))

    def __enter__(self) -> ProcessReplayer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(abandon=kind is not None and not issubclass(kind, Exception))

    def close(self, abandon: bool = False) -> None:
        """Take back what nobody has begun; `abandon` (Ctrl-C) also ends what is under way."""
        if "_batch" in self.__dict__:
            self._batch.cancel()
            if abandon:
                self._batch.workers.abandon()

    def prefetch(self, questions: Sequence[Sequence[InterventionCall]]) -> None:
        """Start the runs of several questions, so that all cores have work."""
        wanted: list[Wanted] = [((), RESPONDING), ((), ALONE)]
        for interventions in questions:
            wanted += self._both(self._calls(interventions))
        self._start(wanted)

    def baseline(self) -> dict[str, Any]:
        """What was played, replayed as it was."""
        self._start([((), RESPONDING), ((), ALONE)])
        return self._facts(((), RESPONDING))

    def counterfactual(
        self,
        interventions: Sequence[InterventionCall],
        label: str,
        on_progress: Progress | None = None,
    ) -> Counterfactual:
        """Both runs with these remedies, against both without. Progress counts all tasks there are so far."""
        calls = self._calls(interventions)
        both = self._both(calls)
        self._start([((), RESPONDING), ((), ALONE), *both])

        def came() -> None:
            if on_progress:
                on_progress(label, self._batch.answered(), len(self._batch.handles))

        came()
        acted, left = (self._called(_chosen(self._facts(wanted, came))) for wanted in both)
        base, alone = (self._called(_chosen(self._facts(((), who), came))) for who in (RESPONDING, ALONE))
        came()
        return Counterfactual(
            self._name(calls),
            base,
            acted,
            difference(base, acted),
            {"baseline": alone, "with": left, "effect": difference(alone, left)},
        )

    def _called(self, facts: dict[str, Any]) -> dict[str, Any]:
        """The facts with `called_s`, when somebody was called: by a page, or by what opens the session."""
        return {**facts, "called_s": responder.called_s(self.scenario, facts["detected_s"])}

    # -- one run a question (replay_port.Deeper)

    def acted(
        self,
        questions: Sequence[Sequence[InterventionCall]],
        on_progress: Progress | None = None,
        alone: bool = False,
    ) -> list[Facts]:
        """What the player's own commands, or nobody (`alone`), come to with each of these sets of remedies."""
        return self._all([self._both(self._calls(q))[alone] for q in questions], on_progress)

    def repair(self) -> Repair | None:
        """The first line that undoes a release, or else the first change after the trigger that the repair needs."""
        first_s = min((e.at_s for e in self.scenario.timeline), default=0.0)
        index = self._repair_index
        if index is None:
            return None
        at_s, line = self._played.planned[index]
        last_s = self.scenario.duration_s - self.scenario.sli.hold_s
        return Repair(line, at_s, first_s, last_s)

    def repaired_at(self, moments: Sequence[float], on_progress: Progress | None = None) -> list[Facts]:
        """The incident with the repair, and all that was played after it, begun at these seconds."""
        return self._all([((), f"{REPAIRED} {at_s!r}") for at_s in moments], on_progress)

    def _all(self, wanted: Sequence[Wanted], on_progress: Progress | None) -> list[Facts]:
        self._start(wanted)

        def came() -> None:
            if on_progress:
                on_progress("deeper", self._batch.answered(), len(self._batch.handles))

        return [_chosen(self._facts(w, came)) for w in wanted]

    @cached_property
    def _repair_index(self) -> int | None:
        lines = self._played.planned
        first_s = min((e.at_s for e in self.scenario.timeline), default=0.0)
        names = list(self.scenario.components)
        late = [
            n for n, (t_s, line) in enumerate(lines) if t_s >= first_s and commands.could_change(line, names)
        ]
        undoing = [n for n in late if responder.repairs(lines[n][1])]
        acting = [n for n in late if lines[n][1].split()[0] not in NO_REPAIR]
        return next(iter(undoing), None) if undoing else self._needed(acting)

    def _needed(self, acting: Sequence[int]) -> int | None:
        """The first of these lines without which the incident comes out worse; a false trail repairs nothing."""
        for n in acting[: min(MOST_WITHOUT, len(acting) - 1)]:
            (without,) = self._all([((), f"{WITHOUT} {n}")], None)
            if not _no_worse(without, self.baseline()):
                return n
        return next(iter(acting[MOST_WITHOUT:] or acting[-1:]), None)

    def _calls(self, interventions: Sequence[InterventionCall]) -> Calls:
        calls = []
        for i in interventions:
            known = CATALOGUE[i.id].parameters
            params = tuple(sorted((k, float(v)) for k, v in i.params.items() if k in known))
            calls.append(Call(i.id, params))
        return tuple(calls)

    @staticmethod
    def _both(calls: Calls) -> list[Wanted]:
        """With nobody responding, what only helps people is no change at all."""
        return [(calls, RESPONDING), (tuple(c for c in calls if not CATALOGUE[c.id].through_people), ALONE)]

    def _name(self, calls: Calls) -> str:
        """The run's id: the same question of the same incident has the same id."""
        text = f"{self.scenario.id} {self.seed} {self.commands!r} {calls!r}"
        return "cf-" + hashlib.sha256(text.encode()).hexdigest()[:8]

    # -- tasks

    @cached_property
    def _batch(self) -> Batch:
        return Batch(Workers(self.executor) if self.executor else LocalWorkers.of_this_process())

    def _start(self, wanted: Sequence[Wanted]) -> None:
        """Hand out what is not under way yet: one task for both runs with the same remedies.

        A moved repair is a task of its own: a task's plans share a run until they part, and there are two at most.
        """
        batch = self._batch  # workers load while the scout runs
        tasks: dict[Wanted, list[str]] = {}
        for calls, who in wanted:
            names = tasks.setdefault((calls, "" if who in (RESPONDING, ALONE) else who), [])
            if (calls, who) not in self._handles and who not in names:
                names.append(who)
        for (calls, _), names in tasks.items():
            if names:
                handle = batch.submit(self._task(calls, names))
                self._handles.update({(calls, who): handle for who in names})

    def _task(self, calls: Calls, names: Sequence[str]) -> replay_task.Task:
        plans = {who: self._plan(calls, who) for who in names}
        mark = replay.latest_mark(self._scouted, calls, list(plans.values()))
        kept = None if mark is None else self._bytes(mark)
        return replay_task.task(self.scenario, self.seed, calls, kept, plans)

    def _bytes(self, mark: Mark) -> bytes:
        if id(mark) not in self._pickled:
            self._pickled[id(mark)] = pickle.dumps(mark, protocol=5)
        return self._pickled[id(mark)]

    def _facts(self, wanted: Wanted, came: Callable[[], None] = lambda: None) -> dict[str, Any]:
        return self._batch.result(self._handles[wanted], came)[wanted[1]]

    # -- plans

    def _plan(self, calls: Calls, who: str) -> Plan:
        if who == ALONE:
            return self._alone
        kind, _, which = who.partition(" ")
        if kind == WITHOUT:
            lines = self._played.planned
            return Plan((*lines[: int(which)], *lines[int(which) + 1 :]), self._played.until_s)
        return self._moved(float(which)) if kind == REPAIRED else self._responding(calls)

    def _moved(self, at_s: float) -> Plan:
        """The repair begins at `at_s`; what came before it stays, what came after keeps its distance."""
        lines = self._played.planned
        index = self._repair_index or 0
        shift = at_s - lines[index][0]
        moved = [*lines[:index], *((t_s + shift, line) for t_s, line in lines[index:])]
        return Plan(tuple(sorted(moved, key=lambda timed: timed[0])), self._played.until_s)

    @cached_property
    def _played(self) -> Plan:
        lines = run.schedule([run.Command(t_s, line) for t_s, line in self.commands])
        return Plan(tuple(lines), self.scenario.duration_s)

    @cached_property
    def _scouted(self) -> replay.Scouted:
        return replay.scout(self.scenario, self.seed, self._played)

    def _responding(self, calls: Calls) -> Plan:
        """What was played; with remedies, what came after the page comes after the page there is then."""
        if not calls:
            return self._played
        before, acting = responder.split(list(self._played.planned), self._scouted.called_s)
        return Plan(tuple(before), self._played.until_s, tuple(acting.after_page))

    @cached_property
    def _alone(self) -> Plan:
        page_s = self._scouted.called_s
        before = [p for p in self._played.planned if page_s is not None and p[0] <= page_s]
        first_s = min((e.at_s for e in self.scenario.timeline), default=0.0)
        return Plan(tuple(before), min(self.scenario.duration_s, first_s + NOBODY_FOR_S))


def _no_worse(facts: Facts, than: Facts) -> bool:
    """Whether a run came out at least as well: as soon over, no more failures, no more broken data."""
    over, was = facts.get("recovered_s"), than.get("recovered_s")
    if was is not None and facts.get("started_s") is not None and (over is None or over > was):
        return False
    names = ("failed_requests", "violations")
    return all(float(facts.get(name) or 0.0) <= float(than.get(name) or 0.0) for name in names)


def _chosen(facts: dict[str, Any]) -> dict[str, Any]:
    """The figures of a review: the listed ones, and what the scenario's invariants say."""
    books = [name for name in facts if name == "violations" or name.startswith("violated.")]
    return {name: facts[name] for name in (*FACTS, *CURVE, *books)}


def difference(baseline: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """other − baseline, fact by fact, where both have a number; None elsewhere. A curve has no difference."""
    result: dict[str, Any] = {}
    for name, value in baseline.items():
        if name in CURVE:
            continue
        changed = other.get(name)
        both = value is not None and changed is not None
        result[name] = changed - value if both else None
    return result
