"""One question to the simulator as plain data in and plain data out, wherever it is worked on.

    {version, digest, scenario, seed, calls, mark, plans}  ->  {plan's name: facts}

`scenario` is its JSON, `digest` what identifies it, `calls` are [id, [[parameter, value], …]], `mark` a
pickled `simulator.replay.Mark` that the asking process made, or None, and `plans` {name: {planned, until_s,
after_page}} with lines as [second, text]. A worker loads this file, with all consoles, before its first task.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import simulator
from simulator.commands import tools
from simulator.interventions import Call
from simulator.replay import Mark, Plan, answers, begin
from simulator.scenario import Scenario
from simulator.scenario import digest as digest_of

Task = dict[str, Any]
Answer = dict[str, dict[str, Any]]

tools()


class ForeignWorker(RuntimeError):
    """This process runs another simulator than the one that asks: its answer would be another one."""


def task(
    scenario: Scenario, seed: int, calls: Sequence[Call], mark: bytes | None, plans: dict[str, Plan]
) -> Task:
    return {
        "version": simulator.__version__,
        "digest": digest_of(scenario),
        "scenario": scenario.model_dump_json(),
        "seed": seed,
        "calls": [[c.id, [list(p) for p in c.params]] for c in calls],
        "mark": mark,
        "plans": {
            name: {"planned": plan.planned, "until_s": plan.until_s, "after_page": plan.after_page}
            for name, plan in plans.items()
        },
    }


def work(asked: Task, on_step: Callable[[], None] | None = None) -> Answer:
    """Answer a task. Raises ForeignWorker; what `on_step` raises ends the work."""
    if asked["version"] != simulator.__version__:
        raise ForeignWorker(f"asked by simulator {asked['version']}, this is {simulator.__version__}")
    scenario = _scenario(asked["digest"], asked["scenario"])
    calls = [Call(name, tuple((k, v) for k, v in params)) for name, params in asked["calls"]]
    mark: Mark | None = None if asked["mark"] is None else pickle.loads(asked["mark"])
    plans = {
        name: Plan(_lines(plan["planned"]), plan["until_s"], _lines(plan["after_page"]))
        for name, plan in asked["plans"].items()
    }
    run = begin(scenario, asked["seed"], calls, mark)
    run.on_step = on_step
    return answers(run, plans)


@lru_cache(maxsize=8)
def _scenario(digest: str, text: str) -> Scenario:
    found = Scenario.model_validate_json(text)
    if digest_of(found) != digest:
        raise ForeignWorker(f"scenario {found.id} reads differently here: {digest_of(found)}, not {digest}")
    return found


def _lines(listed: Sequence[Sequence[Any]]) -> tuple[tuple[float, str], ...]:
    return tuple((t_s, line) for t_s, line in listed)
