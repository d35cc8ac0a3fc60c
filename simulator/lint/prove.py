"""The whole proof of a scenario: a list of small tasks, worked on by two processes, and what they found."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from simulator.lint import clues, effects, faults, language, leaks, policies, runs, schema
from simulator.lint.proof import Proof, variant_names
from simulator.run import CommandFileError
from simulator.scenario import Scenario, ScenarioError, Text, varied

MOST_PROCESSES = 2
Progress = Callable[[float, float], None]
POLICIES_A_TASK = 2
T = {
    "idle": Text(ru="без вмешательства инцидент не проходит", en="with nobody acting the incident stays"),
    "heals": Text(ru="проходит сам, никто ничего не делал", en="heals by itself, nobody has to do anything"),
    "none": Text(ru="ничего не ломается", en="nothing breaks at all"),
    "solved": Text(
        ru="решение закрывает инцидент на {0:.0f} с", en="the solution ends the incident at {0:.0f} s"
    ),
    "unsolved": Text(
        ru="решение не закрывает инцидент: {0}", en="the solution does not end the incident: {0}"
    ),
    "fails": Text(ru="не помогает: {0}", en="does not help: {0}"),
    "passes": Text(
        ru="закрывает инцидент на {0:.0f} с, а не должно", en="ends the incident at {0:.0f} s and must not"
    ),
}


@dataclass(frozen=True)
class Settings:
    """`whole`: no early ends, all entities, every intervention. `seeds`: only these; None: all variants."""

    whole: bool = False
    seeds: tuple[int, ...] | None = None
    processes: int = MOST_PROCESSES


@dataclass(frozen=True)
class Task:
    """A piece of the proof: `kind` with its arguments, for one seed of the scenario."""

    kind: str
    seed: int = 1
    names: tuple[str, ...] = ()


def tasks(scenario: Scenario, settings: Settings) -> list[Task]:
    """What is to be run; long pieces first within each variant."""
    if scenario.type == "sandbox":
        return [Task("fault", 1, (name,)) for name in faults.listed(scenario)]
    names = variant_names(scenario)
    seeds = [s for s in names if settings.seeds is None or s in settings.seeds]
    found: list[Task] = []
    listed = [*policies.POLICIES, *(f"random_{n}" for n in range(1, policies.RANDOM_RUNS + 1))]
    for seed in seeds:
        found += [Task("solution", seed), Task("clues", seed)]
        traps = [f"trap_{n}" for n in range(1, len(_variant(scenario, seed).traps) + 1)]
        every = [*listed, *traps]
        found += [
            Task("policies", seed, tuple(every[n : n + POLICIES_A_TASK]))
            for n in range(0, len(every), POLICIES_A_TASK)
        ]
    return found + [Task("effects", seed, (name,)) for seed, name in _effects(scenario, settings, seeds)]


def _effects(scenario: Scenario, settings: Settings, seeds: Sequence[int]) -> list[tuple[int, str]]:
    """The interventions to be replayed, each with the seed it is proved beside.

    A few are dealt to the variants in turn, so that none takes much longer than the others; a whole proof has them
    all beside the file's own cause.
    """
    listed = effects.sampled(scenario, settings.whole)
    every = [1] if settings.whole else list(variant_names(scenario))
    dealt = [(every[number % len(every)], name) for number, name in enumerate(listed)]
    return [(seed, name) for seed, name in sorted(dealt) if seed in seeds]


def _variant(scenario: Scenario, seed: int) -> Scenario:
    try:
        return varied(scenario, seed)
    except ScenarioError:
        return scenario


def prove(
    scenario: Scenario, settings: Settings = Settings(), on_progress: Progress | None = None
) -> list[Proof]:
    """Every proof, in a fixed order. A variant that cannot be read has no runs; its schema proof says why."""
    if scenario.type == "sandbox":
        return _sandbox(scenario, settings, on_progress)
    found = schema.check(scenario)
    names = variant_names(scenario)
    for seed, name in names.items():
        if (settings.seeds is None or seed in settings.seeds) and _readable(scenario, seed):
            found.append(language.check(varied(scenario, seed), name))
            found += leaks.check(varied(scenario, seed), name)
    wanted = [t for t in tasks(scenario, settings) if _readable(scenario, t.seed)]
    answers = dict(_worked(scenario, wanted, settings, on_progress))
    for number in range(len(wanted)):
        found += answers[number]
    return found


def _sandbox(scenario: Scenario, settings: Settings, on_progress: Progress | None) -> list[Proof]:
    """A sandbox has no incident to prove: its proof is that every fault of the catalogue moves what it says."""
    wanted = tasks(scenario, settings)
    answers = dict(_worked(scenario, wanted, settings, on_progress))
    found = [language.check(scenario, ""), faults.texts(), *faults.combos(scenario)]
    return found + [proof for number in range(len(wanted)) for proof in answers[number]]


def _readable(scenario: Scenario, seed: int) -> bool:
    try:
        varied(scenario, seed)
    except ScenarioError:
        return False
    return True


def _worked(
    scenario: Scenario, wanted: Sequence[Task], settings: Settings, on_progress: Progress | None
) -> Iterator[tuple[int, list[Proof]]]:
    """Each task's proofs by its number, as they come."""
    if settings.processes <= 1:
        for number, task in enumerate(wanted):
            yield number, work(scenario, task, settings.whole)
            if on_progress:
                on_progress(number + 1, len(wanted))
        return
    start = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(start)
    if start == "forkserver":
        context.set_forkserver_preload([__name__, "simulator.commands"])
    pool = ProcessPoolExecutor(
        min(settings.processes, os.cpu_count() or 1), context, _start, (scenario.model_dump_json(),)
    )
    whole = False
    try:
        waiting: dict[Future[list[Proof]], int] = {
            pool.submit(_work_here, wanted[number], settings.whole): number for number in _by_length(wanted)
        }
        for done, future in enumerate(as_completed(waiting), 1):
            yield waiting[future], future.result()
            if on_progress:
                on_progress(done, len(wanted))
        whole = True
    finally:  # who was interrupted does not wait; else a pool that is still closing would trouble the exit
        pool.shutdown(wait=whole, cancel_futures=True)


def _by_length(wanted: Sequence[Task]) -> list[int]:
    """The tasks' numbers in the order in which they are begun: replays of interventions last longest."""
    return sorted(
        range(len(wanted)), key=lambda number: (wanted[number].seed, wanted[number].kind != "effects")
    )


_scenario: Scenario | None = None  # of a worker process


def _start(text: str) -> None:
    global _scenario  # noqa: PLW0603 - an initializer has no other place
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asked
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _scenario = Scenario.model_validate_json(text)
    from simulator.commands import tools

    tools()


def _leave_with_parent() -> None:
    """A worker whose parent was killed would go on for nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work_here(task: Task, whole: bool) -> list[Proof]:
    assert _scenario is not None
    return work(_scenario, task, whole)


# -- one task


@lru_cache(maxsize=1)
def _trunk(text: str, seed: int, whole: bool) -> runs.Trunk:
    return runs.trunk(Scenario.model_validate_json(text), seed, whole)


def shared(scenario: Scenario, seed: int, whole: bool) -> runs.Trunk:
    """The trunk of a variant, kept while its tasks come one after another."""
    return _trunk(scenario.model_dump_json(), seed, whole)


def work(scenario: Scenario, task: Task, whole: bool = False) -> list[Proof]:
    variant = variant_names(scenario)[task.seed]
    try:
        if task.kind == "solution":
            return [solution(scenario, task.seed, variant, whole)]
        if task.kind == "clues":
            return clues.check(scenario, shared(scenario, task.seed, whole), variant)
        if task.kind == "fault":
            return [faults.check(scenario, name) for name in task.names]
        if task.kind == "effects":
            return [effects.check(scenario, name, whole) for name in task.names]
        return [policy(scenario, task.seed, name, variant, whole) for name in task.names]
    except (CommandFileError, ScenarioError) as error:
        said = Text(ru=str(error), en=str(error))
        return [Proof(".".join([task.kind, *task.names]), False, said, variant)]


def solution(scenario: Scenario, seed: int, variant: str, whole: bool) -> Proof:
    commands = varied(scenario, seed).reference.commands
    end = runs.solved(scenario, seed, commands, whole)
    if end.passed and end.began:
        said = _say("solved", end.end_s)
    elif end.passed:
        said = T["none"]
    else:
        said = Text(
            ru=T["unsolved"].ru.format(_state(end, "ru")), en=T["unsolved"].en.format(_state(end, "en"))
        )
    return Proof("solution", end.passed and end.began, said, variant, end.figures())


def policy(scenario: Scenario, seed: int, name: str, variant: str, whole: bool) -> Proof:
    """A policy must not pass. One that does in a thinned run is run again with every entity."""
    trunk = shared(scenario, seed, whole)
    end, commands = _tried(trunk, name, whole)
    if end.passed and not whole and trunk.idle.scenario.entities is not None:
        end, commands = _tried(runs.trunk(scenario, seed, True), name, True)
    figures = {**end.figures(), "at_s": trunk.acts_s, "commands": commands[:3], "costs": _costs(trunk, end)}
    if name == "nothing":
        said = T["none"] if not end.began else T["heals"] if end.passed else _joined(T["idle"], end)
        return Proof("policy.nothing", end.began and not end.passed, said, variant, figures)
    said = _say("passes", end.end_s) if end.passed else _failing(trunk, end)
    kind = "trap" if name.startswith("trap_") else "policy"
    if kind == "trap":
        text = varied(scenario, seed).traps[int(name.removeprefix("trap_")) - 1].text
        said = Text(ru=f"{text.ru} — {said.ru}", en=f"{text.en} — {said.en}")
    return Proof(f"{kind}.{name.removeprefix('trap_')}", not end.passed, said, variant, figures)


def _tried(trunk: runs.Trunk, name: str, whole: bool) -> tuple[runs.Outcome, list[str]]:
    if name == "nothing":
        return trunk.unattended(), []
    world = trunk.acting.world()
    if name.startswith("trap_"):
        commands = list(trunk.idle.scenario.traps[int(name.removeprefix("trap_")) - 1].commands)
    elif name.startswith("random_"):
        commands = policies.random_commands(world, int(name.removeprefix("random_")))
    else:
        commands = policies.POLICIES[name](world)
    return runs.acted(trunk, commands, whole), commands


def _costs(trunk: runs.Trunk, end: runs.Outcome) -> dict[str, int]:
    """What acting so cost, against nobody acting, up to the same second."""
    own, others, refused = trunk.idle_cost(end.end_s)
    return {
        "failed_requests": end.failed - own,
        "others_failed": end.others_failed - others,
        "connections_refused": end.refused - refused,
    }


def _say(key: str, *values: object) -> Text:
    return Text(ru=T[key].ru.format(*values), en=T[key].en.format(*values))


def _state(end: runs.Outcome, language_: str) -> str:
    ru = language_ == "ru"
    broken = ", ".join(f"{name} ×{count}" for name, count in end.violations.items())
    head = f"успешность {end.success:.1%}" if ru else f"success {end.success:.1%}"
    return f"{head}; {broken}" if broken else head


def _joined(text: Text, end: runs.Outcome) -> Text:
    return Text(ru=f"{text.ru}: {_state(end, 'ru')}", en=f"{text.en}: {_state(end, 'en')}")


def _failing(trunk: runs.Trunk, end: runs.Outcome) -> Text:
    """How the world stands, and what acting so changed against doing nothing."""
    costs = _costs(trunk, end)
    words = {
        "failed_requests": ("отказов", "failures"),
        "others_failed": ("у соседей", "of others"),
        "connections_refused": ("отказов в соединении", "refused connections"),
    }
    ru = "".join(f", {value:+d} {words[name][0]}" for name, value in costs.items() if value)
    en = "".join(f", {value:+d} {words[name][1]}" for name, value in costs.items() if value)
    return Text(
        ru=T["fails"].ru.format(_state(end, "ru") + ru), en=T["fails"].en.format(_state(end, "en") + en)
    )


def summary(proofs: Sequence[Proof]) -> dict[str, Any]:
    failed = [p for p in proofs if not p.ok]
    return {"ok": not failed, "count": len(proofs), "failed": len(failed)}
