"""Puts a review together from its real parts: catalogue, replayer, library, mind. No rule of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Literal

from agent.bar import Bar
from agent.budget import ACCOUNT, Budget
from agent.counterfactual import ProcessReplayer
from agent.library import Library
from agent.model import Model
from agent.review import Deps, Request, run_review
from simulator import invariants
from simulator.interventions import CATALOGUE, applies
from simulator.run import Command, parse_commands
from simulator.scenario import Scenario, Text, varied

OFF_BY = Text(ru="на сколько в сумме", en="by how much in all")
Steps = Callable[[float, float], None]
NO_CLUSTER = {
    "ru": "кластер Dask недоступен ({0}); прогоны сделаны на этой машине",
    "en": "the Dask cluster cannot be used ({0}); the replays ran on this machine",
}


def cache_dir() -> Path:
    """Where the rebuildable library cache lives: beside the sessions if DROPPROD_HOME says so."""
    given = os.environ.get("DROPPROD_HOME")
    if given:
        return Path(given).expanduser() / "library"
    from platformdirs import user_cache_path

    return Path(user_cache_path("dropprod", appauthor=False)) / "library"


def mind(seconds: float | None = None) -> Model | None:
    """The model the environment names, or None for the embedded mind; `seconds` bound its answers, if given."""
    from agent.openai_model import Settings, openai_model

    settings = Settings.from_environment()
    if settings is None:
        return None
    account = ACCOUNT.get()
    budget = Budget(account=account) if seconds is None else Budget(seconds=seconds, account=account)
    return openai_model(settings, budget)


def cluster() -> tuple[Executor | None, str]:
    """The Dask cluster the environment names, or None: the workers of this machine, and why if one is named."""
    address = os.environ.get("DROPPROD_DASK_URL", "").strip()
    if not address:
        return None, ""
    from agent.dask_workers import ClusterError, DaskExecutor

    try:
        return DaskExecutor(address), ""
    except ClusterError as error:
        return None, str(error)


def review_text(
    scenario: Scenario,
    text: str,
    kind: Literal["action-items", "postmortem"],
    language: Literal["ru", "en"],
    commands: Sequence[Command] | None = None,
    on_progress: Steps | None = None,
    seed: int = 1,
) -> dict[str, Any]:
    """Review a text about an incident that was played with `commands` (None: the reference solution)."""
    scenario = varied(scenario, seed)
    played = list(commands) if commands else parse_commands("\n".join(scenario.reference.commands))
    truth = scenario.truth
    about = "\n".join(
        [scenario.brief.of(language), truth.trigger.of(language), truth.mechanism.of(language)]
        + [c.of(language) for c in truth.contributing]
    )
    labels = {f"violated.{name}": i.text.of(language) for name, i in scenario.invariants.items()}
    labels |= {
        f"violated.{name}.by": f"{scenario.invariants[name].text.of(language)} ({OFF_BY.of(language)})"
        for name in invariants.sized(scenario)
    }
    request = Request(
        text, kind, language, scenario.id, about, scenario.themes, scenario.starts_at, labels,
        Bar(scenario.sli.hold_s, scenario.sli.target),
    )  # fmt: skip

    def report(_stage: str, done: int, total: int) -> None:
        if on_progress and total:
            on_progress(float(done), float(total))

    library = Library(cache_dir(), os.environ.get("DROPPROD_CHROMA_URL") or None)
    executor, missing = cluster()
    with ProcessReplayer(scenario, seed, [(c.t_s, c.line) for c in played], executor) as replayer:
        deps = Deps(
            replayer,
            library,
            CATALOGUE,
            lambda name: applies(scenario, name),
            replayer.baseline,
            mind(),
            replayer.prefetch,
            replayer,
            frozenset(scenario.interventions),
        )
        try:
            found = run_review(request, deps, report)
        finally:
            library.close()
            if executor is not None:
                executor.shutdown(wait=False)
    if missing:
        found["notes"].append(NO_CLUSTER[language].format(missing))
    return found
