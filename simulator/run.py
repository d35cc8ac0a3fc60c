"""Whole runs without a person: `dropprod run`, `exec`, replays. Values in, a plain mapping out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simulator import __version__, facts
from simulator.commands import execute
from simulator.interventions import Call, read_call
from simulator.invariants import check
from simulator.reply import Reply
from simulator.responder import prepare
from simulator.scenario import Scenario
from simulator.world import World

Progress = Callable[[float, float], None]
EXEC_FOLLOW_S = 10.0
EXEC_WAIT_S = (
    240.0  # for what ends by itself, a rollout, a drain, a statement: longer than what is only followed
)
STEP_S = 5.0  # how often a long run reports its progress
SETTLE_S = 5.0  # a world for `exec` has this much history behind it


class CommandFileError(ValueError):
    """A line of a command file that cannot be read: what and where."""


@dataclass(frozen=True)
class Command:
    """A line and when: `t_s` None means right after the one before."""

    t_s: float | None
    line: str


def parse_commands(text: str) -> list[Command]:
    """One command a line; `@T command` runs at simulated second T. Raises CommandFileError."""
    commands = []
    latest = 0.0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        when: float | None = None
        if line.startswith("@"):
            stamp, _, line = line[1:].partition(" ")
            try:
                when = float(stamp)
            except ValueError:
                raise CommandFileError(
                    f"line {number}: @{stamp}: expected a second, e.g. @420 status"
                ) from None
            if not 0 <= when < 1e6:
                raise CommandFileError(f"line {number}: @{stamp}: expected a second from 0 on")
            if when < latest:
                raise CommandFileError(f"line {number}: @{stamp} lies before @{latest:g} of an earlier line")
            latest = when
        if not line.strip():
            raise CommandFileError(f"line {number}: no command after the time")
        commands.append(Command(when, line.strip()))
    return commands


def schedule(commands: Sequence[Command]) -> list[tuple[float, str]]:
    """The commands with absolute times, in order; the scenario's timeline runs by itself."""
    planned: list[tuple[float, str]] = []
    now = 0.0
    for command in commands:
        now = now if command.t_s is None else command.t_s
        planned.append((now, command.line))
    return sorted(planned, key=lambda p: p[0])


def play(
    world: World,
    planned: Sequence[tuple[float, str]],
    until_s: float,
    on_progress: Progress | None = None,
) -> None:
    """Let a world run to `until_s` with commands at their times."""
    queue = list(planned)
    while world.now_s < until_s:
        while queue and queue[0][0] <= world.now_s + 1e-9:
            _, line = queue.pop(0)
            prepare(world, line)
            execute(world, line)
        step = min(until_s, world.now_s + STEP_S, queue[0][0] if queue else until_s)
        world.advance_to(max(step, world.now_s))
        if on_progress:
            on_progress(world.now_s, until_s)


def make_world(
    scenario: Scenario,
    seed: int = 1,
    interventions: Sequence[str | Call] = (),
    engine: str | None = None,
    language: str = "en",
) -> World:
    """A world for an unattended run: commands cost no time. Raises InterventionError."""
    calls = tuple(read_call(i) if isinstance(i, str) else i for i in interventions)
    world = World(scenario, seed, language, engine, calls)
    world.turn_based = False
    return world


def make_session(scenario: Scenario, seed: int = 1, language: str = "en") -> World:
    """A world to be played, as it stands when the player is called."""
    world = World(scenario, seed, language)
    world.advance_to(world.scenario.opens_s)
    return world


def run_scenario(
    scenario: Scenario,
    seed: int = 1,
    commands: Sequence[Command] = (),
    until_s: float | None = None,
    interventions: Sequence[str | Call] = (),
    engine: str | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Run to the end and report (DESIGN §7). Raises InterventionError."""
    world = make_world(scenario, seed, interventions, engine)
    play(world, schedule(commands), scenario.duration_s if until_s is None else until_s, on_progress)
    return report(world)


def exec_once(scenario: Scenario, seed: int, at_s: float | None, line: str) -> Reply:
    """One console command against a fresh world at a second; the timeline has run up to it."""
    world = make_world(scenario, seed)
    world.follow_limit_s, world.waits_s = EXEC_FOLLOW_S, EXEC_WAIT_S
    play(world, (), max(SETTLE_S, at_s or 0.0))
    return execute(world, line)


def series(world: World, first: int = 0, most_new: int | None = None) -> dict[str, list[float]]:
    """The scenario's SLI and what explains it, one point a finished second, from second `first` on.

    Percentiles take time when they are first asked for: with `most_new` the series ends after so many new ones.
    """
    history, scenario = world.plane.history, world.scenario
    name = scenario.sli.traffic_class
    base = f"class/{name}/"
    p99 = world.plane.p99_series_ms(name, most_new)
    last = len(p99)
    table: dict[str, list[float]] = {
        "t": [float(s) for s in range(first, last)],
        "rps": list(history.column(base + "offered")[first:last]),
        "success_rate": facts.success(history, name, first)[: max(0, last - first)],
        "p99_ms": list(p99[first:last]),
        "failed": facts.failures(history, name, first)[: max(0, last - first)],
    }
    database = scenario.focus.database
    pool = f"pool/{database}/" if history.column(f"pool/{database}/active") else ""  # a sharded one has many
    for what in ("active", "waiting", "open", "wait_s", "queries"):
        label = {"waiting": "pool_pending"}.get(what, f"pool_{what}")
        if pool:
            table[label] = list(history.column(pool + what)[first:last])
    if history.column(f"db/{database}/cpu"):
        table["db_cpu"] = list(history.column(f"db/{database}/cpu")[first:last])
    if scenario.focus.worker:
        table["backlog"] = list(history.column(f"worker/{scenario.focus.worker}/backlog")[first:last])
        table["breaker"] = list(history.column(f"worker/{scenario.focus.worker}/breaker")[first:last])
    for version in scenario.services()[scenario.focus.service].versions:
        table[f"pods_{version}"] = list(
            history.column(f"service/{scenario.focus.service}/{version}/pods")[first:last]
        )
    return table


def report(world: World) -> dict[str, Any]:
    """What `run --json` prints."""
    scenario = world.scenario
    invariants = check(world)
    found = facts.collect(world, invariants)
    calm = found["started_s"] is None
    healthy = calm or world.resolved
    return {
        "scenario": scenario.id,
        "seed": world.seed,
        "engine": world.engine,
        "engine_reason": world.engine_reason,
        "version": __version__,
        "digest": world.digest(),
        "sim_seconds": world.now_s,
        "series": series(world),
        "alerts": [
            {"t": i.paged_s if i.paged_s is not None else i.fired_s, "name": i.alert, "severity": i.severity}
            for i in world.pager.incidents
        ],
        "timeline": [
            {"t": e.t_s, "kind": e.kind, "text": e.text}
            for e in sorted([*world.events, *world.secret], key=lambda e: e.t_s)
        ],
        "facts": found,
        "invariants": invariants,
        "resolved": healthy and all(v["ok"] for v in invariants.values()),
    }
