"""Runs of a variant: nobody acting, the solution, and policies from the moment somebody would act.

What policies share, the world up to that moment, is run once and forked. A run ends early when it is over for
good: resolved with everything done, or broken and still, with nothing on its way that could change it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator import facts, invariants, snapshots
from simulator.commands import execute
from simulator.kubernetes import containers
from simulator.kubernetes.state import Pod, counts
from simulator.replay import AHEAD, thinned
from simulator.responder import prepare
from simulator.run import Command, make_world, parse_commands, schedule
from simulator.scenario import Scenario
from simulator.world import World

REACTION_S = 30.0  # from the page to the first thing that a hasty person does
AFTER_TIMELINE_S = 60.0  # an incident without a page has begun by then
STEP_S = 5.0
STILL_S = 150.0  # broken, level and untouched for so long: it stays so
LEVEL = 0.02  # success rates this close are the same level
ENTITIES_A_RUN = 3_000  # played in a policy's run; a policy that passes on them is run again with all
BEFORE_S = 1.0  # the healthy world is looked at so long before the trigger
SETTLED_S = 5.0  # there is no history to look at before
IDLE_STILL_S = 600.0  # the same for nobody acting, where single orders may mend what they broke
LOOK_S = 60.0  # between two looks at the books
LOOKS = 3
CHANGES = ("deploy", "rollout", "command", "gate", "chaos", "flag", "change")
Line = tuple[float, str]


@dataclass(frozen=True)
class Outcome:
    """How a run ended: whether the incident counts as over, and what it cost."""

    passed: bool
    began: bool  # anything went wrong at all
    end_s: float
    success: float  # the SLI over the last seconds
    failed: int
    others_failed: int
    refused: int
    violations: dict[str, int] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "end_s": self.end_s,
            "success": round(self.success, 4),
            "failed_requests": self.failed,
            "others_failed": self.others_failed,
            "connections_refused": self.refused,
            "violations": dict(self.violations),
        }


def cost(world: World, until_s: float | None = None) -> tuple[int, int, int]:
    """(failed requests, failed requests of others, refused connections) up to a second."""
    history, scenario = world.plane.history, world.scenario
    end = None if until_s is None else int(until_s)
    own = others = 0.0
    for name in scenario.traffic.classes:
        failed = math.fsum(facts.failures(history, name)[:end])
        if name == scenario.sli.traffic_class:
            own = failed
        else:
            others += failed
    refused = math.fsum(
        max(history.column(f"pool/{pool}/refused")[:end], default=0.0)
        for database, spec in scenario.databases().items()
        for pool in (database, *spec.clients)
    )
    return round(own), round(others), round(refused)


def outcome(world: World) -> Outcome:
    """Judge a world as it stands."""
    found = invariants.check(world)
    broken = {
        name: round(state.get("count", 0)) or len(state["violations"])
        for name, state in found.items()
        if not state["ok"]
    }
    calm = world.watch.broken_s is None and not world.watch.unsound
    seconds = world.plane.history.seconds
    name = world.scenario.sli.traffic_class
    level = facts.smoothed(world.plane.history, name, seconds - 1) if seconds else 1.0
    failed, others, refused = cost(world)
    passed = (calm or world.resolved) and not broken
    return Outcome(passed, not calm or bool(broken), world.now_s, level, failed, others, refused, broken)


def lines(commands: Sequence[str], at_s: float = 0.0) -> list[Line]:
    """Commands as `reference` and `traps` hold them, with absolute seconds; `at_s` for those without one.

    Raises simulator.run.CommandFileError.
    """
    read = parse_commands("\n".join(commands))
    stamped = [Command(at_s if c.t_s is None and not any(d.t_s is not None for d in read[:n]) else c.t_s, c.line) for n, c in enumerate(read)]  # fmt: skip
    return schedule(stamped)


def play(world: World, planned: Sequence[Line], whole: bool, still_s: float = STILL_S) -> None:
    """Let a world run with commands at their times to its end, or until it is over for good."""
    queue, ending = list(planned), Ending(still_s)
    end_s = world.scenario.duration_s
    while world.now_s < end_s:
        while queue and queue[0][0] <= world.now_s + 1e-9:
            _, line = queue.pop(0)
            prepare(world, line)
            execute(world, line)
        if not queue and not whole and ending.come(world):
            return
        step_s = min(end_s, world.now_s + STEP_S, queue[0][0] if queue else end_s)
        world.advance_to(max(step_s, world.now_s))


@dataclass
class Ending:
    """Whether nothing that follows can change the verdict any more."""

    still_s: float
    next_look_s: float = 0.0
    broken: list[int] = field(default_factory=list)  # violations at each look

    def come(self, world: World) -> bool:
        ahead = [record[3] for record in world.agenda.heap]
        if "world.timeline" in ahead:
            return False
        if world.resolved:
            return True
        changed_s = max((e.t_s for e in (*world.events, *world.secret) if e.kind in CHANGES), default=0.0)
        if any(name in AHEAD for name in ahead):
            return False
        return self._still(world, changed_s) or self._unsound(world, changed_s)

    def _still(self, world: World, changed_s: float) -> bool:
        """Broken at a level that has not moved, with no rollout under way and no recent change."""
        watch = world.watch
        if watch.broken_s is None or watch.healthy_since_s is not None:
            return False
        if world.now_s - max(changed_s, watch.broken_s) < self.still_s or _starting(world, self.still_s):
            return False
        history, name = world.plane.history, world.scenario.sli.traffic_class
        last = history.seconds - 1
        seconds = range(max(0, last - int(self.still_s)), last + 1, 10)
        levels = [facts.smoothed(history, name, s) for s in seconds]
        return max(levels) < world.scenario.sli.healthy and max(levels) - min(levels) <= LEVEL

    def _unsound(self, world: World, changed_s: float) -> bool:
        """A healthy SLI, and books that are broken look after look, each time no less."""
        watch, hold_s = world.watch, world.scenario.sli.hold_s
        healthy = watch.broken_s is None or watch.healthy_since_s is not None
        if not world.scenario.invariants or not healthy or world.now_s < self.next_look_s:
            return False
        if world.now_s - max(changed_s, watch.healthy_since_s or 0.0) < hold_s:
            return False
        self.next_look_s = world.now_s + LOOK_S
        self.broken.append(facts.violations(world, invariants.check(world))["violations"])
        recent = self.broken[-LOOKS:]
        return len(recent) == LOOKS and recent[0] > 0 and recent == sorted(recent)


def _starting(world: World, within_s: float) -> bool:
    """Whether pods became ready lately or are about to: a rollout whose pods never do is as still as a finished one.

    So is one whose pods die at start again and again, as long as their database has no slots for them.
    """
    cluster = world.kubernetes
    if all(counts(cluster, d, world.now_s).complete for d in cluster.deployments.values()):
        return False
    late_s = world.now_s - within_s
    due = [p for p in cluster.pods.values() if p.active and late_s < p.ready_s < math.inf]
    return any(not (p.crash and _shut_out(world, p)) for p in due)


def _shut_out(world: World, pod: Pod) -> bool:
    deployment = world.kubernetes.deployments.get(pod.app)
    return deployment is not None and containers.shut_out(world, deployment, pod)


# -- what policies share


@dataclass
class Trunk:
    """A variant with nobody acting: a snapshot of when somebody would, and the world as it went on.

    `acts_s` is half a minute after the first page, or, without one, when the solution begins.
    """

    scenario: Scenario
    seed: int
    whole: bool
    acts_s: float
    acting: snapshots.Snapshot
    idle: World
    _ended: Outcome | None = None

    def unattended(self) -> Outcome:
        """How it ends when nobody acts."""
        if self._ended is None:
            still_s = STILL_S if self.idle.entities is None else IDLE_STILL_S
            play(self.idle, (), self.whole, still_s)
            self._ended = outcome(self.idle)
        return self._ended

    def idle_cost(self, until_s: float) -> tuple[int, int, int]:
        """What nobody acting costs up to a second."""
        self.unattended()
        if self.idle.now_s < until_s:
            self.idle.advance_to(until_s)
        return cost(self.idle, until_s)


def trigger_s(scenario: Scenario) -> float:
    """When the scenario's own timeline first does something; 0 without one."""
    return min((e.at_s for e in scenario.timeline), default=0.0)


def fallback_s(scenario: Scenario) -> float:
    """When somebody acts without a page: with the solution's first command after the trigger."""
    begun_s = max((e.at_s for e in scenario.timeline), default=0.0) + AFTER_TIMELINE_S
    after = [t for t, _ in lines(scenario.reference.commands) if t >= begun_s]
    return min([*after, scenario.duration_s / 2] if after or not scenario.reference.commands else [begun_s])


def trunk(scenario: Scenario, seed: int, whole: bool) -> Trunk:
    """Run a variant up to the moment at which somebody acts."""
    thin = scenario if whole else thinned(scenario, ENTITIES_A_RUN)
    world = make_world(thin, seed)
    latest_s = min(fallback_s(world.scenario), world.scenario.duration_s)
    while world.now_s < latest_s:
        pages = [i.paged_s for i in world.pager.incidents if i.paged_s is not None]
        if pages:
            latest_s = min(latest_s, max(world.now_s, min(pages) + REACTION_S))
        world.advance_to(min(latest_s, world.now_s + STEP_S))
    return Trunk(scenario, seed, whole, world.now_s, snapshots.take(world), world)


def acted(shared: Trunk, commands: Sequence[str], whole: bool) -> Outcome:
    """A policy from the moment somebody acts on, to its end."""
    world = shared.acting.world()
    planned = [(max(t, shared.acts_s), line) for t, line in lines(commands, shared.acts_s)]
    play(world, planned, whole)
    return outcome(world)


def solved(scenario: Scenario, seed: int, commands: Sequence[str], whole: bool) -> Outcome:
    """A solution from the start, with every entity."""
    world = make_world(scenario, seed)
    play(world, lines(commands), whole)
    return outcome(world)
