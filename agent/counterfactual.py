"""The replayer: the incident again with remedies in place, in worker processes, each question once.

Two runs answer a question: under the player's own commands (moved with the page, as the same person with
the same speed would act) and with nobody responding.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from agent.replay_port import Counterfactual, InterventionCall, Progress
from simulator import responder, run
from simulator.interventions import CATALOGUE, Call
from simulator.scenario import Scenario

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
NOBODY_FOR_S = 600.0  # how long the world is left alone after the first command of the timeline


def _leave_interrupts() -> None:
    """Ctrl-C is for the process that talks to the player; it ends the workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def one_run(
    scenario: Scenario,
    seed: int,
    planned: list[tuple[float, str]],
    acting: responder.Responder | None,
    calls: tuple[Call, ...],
    until_s: float,
) -> dict[str, Any]:
    """A replay in a worker process: only values go in and out."""
    return run.replay_facts(scenario, seed, planned, acting, calls, until_s)


@dataclass
class ProcessReplayer:
    """Answers `counterfactual`; runs are cached by remedies, baselines are run once.

    `commands`: (second, line) as played, without the scenario's own timeline.
    """

    scenario: Scenario
    seed: int
    commands: Sequence[tuple[float | None, str]]
    executor: Executor | None = None
    _runs: dict[tuple[Any, ...], Future[dict[str, Any]]] = field(default_factory=dict)
    _own: ProcessPoolExecutor | None = None
    _planned: list[tuple[float, str]] | None = None

    def __enter__(self) -> ProcessReplayer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the worker processes."""
        if self._own is not None:
            self._own.shutdown(wait=False, cancel_futures=True)
            self._own = None

    def prefetch(self, questions: Sequence[Sequence[InterventionCall]]) -> None:
        """Start the runs of several questions, so that all cores have work."""
        self.baseline()
        for interventions in questions:
            for responding in (True, False):
                self._submit(self._calls(interventions), responding)

    def baseline(self) -> dict[str, Any]:
        """What was played, replayed as it was."""
        self._submit((), False)
        return self._submit((), True).result()

    def counterfactual(
        self,
        interventions: Sequence[InterventionCall],
        label: str,
        on_progress: Progress | None = None,
    ) -> Counterfactual:
        """Both runs with these remedies, against both without."""
        calls = self._calls(interventions)
        self.baseline()
        futures = [self._submit(calls, True), self._submit(calls, False)]
        found = []
        for done, future in enumerate(futures):
            if on_progress:
                on_progress(label, done, len(futures))
            found.append(_chosen(future.result()))
        if on_progress:
            on_progress(label, len(futures), len(futures))
        base, alone = _chosen(self._submit((), True).result()), _chosen(self._submit((), False).result())
        return Counterfactual(
            self._name(calls),
            base,
            found[0],
            difference(base, found[0]),
            {"baseline": alone, "with": found[1], "effect": difference(alone, found[1])},
        )

    def _calls(self, interventions: Sequence[InterventionCall]) -> tuple[Call, ...]:
        calls = []
        for i in interventions:
            known = CATALOGUE[i.id].parameters
            params = tuple(sorted((k, float(v)) for k, v in i.params.items() if k in known))
            calls.append(Call(i.id, params))
        return tuple(calls)

    def _name(self, calls: tuple[Call, ...]) -> str:
        """The run's id: the same question of the same incident has the same id."""
        text = f"{self.scenario.id} {self.seed} {self.commands!r} {calls!r}"
        return "cf-" + hashlib.sha256(text.encode()).hexdigest()[:8]

    def _submit(self, calls: tuple[Call, ...], responding: bool) -> Future[dict[str, Any]]:
        if not responding:  # replay only what can differ
            calls = tuple(c for c in calls if not CATALOGUE[c.id].through_people)
        key = (calls, responding)
        if key not in self._runs:
            self._runs[key] = self._start(calls, responding)
        return self._runs[key]

    def _start(self, calls: tuple[Call, ...], responding: bool) -> Future[dict[str, Any]]:
        planned = self._all_planned()
        first = min((e.at_s for e in self.scenario.timeline), default=0.0)
        before, acting, until = planned, None, self.scenario.duration_s
        if calls and responding:
            page = self._submit((), True).result()["detected_s"]
            before, acting = responder.split(planned, page)
        elif not responding:
            page = self._submit((), True).result()["detected_s"] if self.commands else None
            before = [p for p in planned if page is not None and p[0] <= page]
            until = min(until, first + NOBODY_FOR_S)
        return self._pool().submit(one_run, self.scenario, self.seed, before, acting, calls, until)

    def _all_planned(self) -> list[tuple[float, str]]:
        if self._planned is None:
            commands = [run.Command(t, line) for t, line in self.commands]
            self._planned = run.schedule(commands)
        return self._planned

    def _pool(self) -> Executor:
        if self.executor is not None:
            return self.executor
        if self._own is None:
            self._own = ProcessPoolExecutor(min(4, os.cpu_count() or 1), initializer=_leave_interrupts)
        return self._own


def _chosen(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in FACTS}


def difference(baseline: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """other − baseline, fact by fact, where both have a number; None elsewhere."""
    result: dict[str, Any] = {}
    for name, value in baseline.items():
        changed = other.get(name)
        both = value is not None and changed is not None
        result[name] = changed - value if both else None
    return result
