"""What-if runs: the incident again with something changed, sharing whatever cannot differ.

A run can be held at any second, marked, and taken up from a mark. A question ("with these remedies in
place") has up to two plans, one with a responder and one without; their run is one until they part. A scout
runs the incident as it was up to the first call and leaves marks that questions may start from. All of that
saves time only: `replay_facts` without any of it gives the same facts (tests/simulator/test_replay.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator import facts, responder, snapshots
from simulator.commands import execute
from simulator.interventions import CATALOGUE, Call, install, patched
from simulator.kubernetes.state import counts
from simulator.run import STEP_S, make_world
from simulator.scenario import Scenario
from simulator.telemetry import alerts
from simulator.world import World

CALM_S = 60.0  # longer than a pod's start and than an open breaker's wait within what it retries
CHANGES = ("deploy", "rollout", "command", "gate", "breaker", "page", "alert", "drain", "chaos")
AHEAD = ("chaos.revert",)  # what the agenda may still hold of a change that was made
MARK_EVERY_S = 30.0
ENTITIES_A_REPLAY = 8_000  # two seconds of a core; a review has a dozen replays and more
MARKS = 32  # kept of one run; a mark is some hundred kilobytes to a few megabytes
Line = tuple[float, str]


@dataclass(frozen=True)
class Plan:
    """What is typed in a run that ends at `until_s` at the latest.

    `planned`: lines at their seconds. `after_page`: lines so long after the first call (a page, or what opens the session), by a responder.
    """

    planned: tuple[Line, ...]
    until_s: float
    after_page: tuple[Line, ...] = ()

    def acting(self) -> responder.Responder | None:
        return responder.Responder(list(self.after_page)) if self.after_page else None


@dataclass(frozen=True)
class Mark:
    """A run at a moment; `quiet`: no rule has ever had anything to say."""

    snapshot: snapshots.Snapshot
    done: int
    from_s: float | None
    quiet: bool

    @property
    def now_s(self) -> float:
        return self.snapshot.now_s

    def run(self, on_step: Callable[[], None] | None = None) -> Run:
        return Run(self.snapshot.world(), self.done, self.from_s, on_step)


@dataclass
class Run:
    """A world under way. `done` lines of the plan are typed; a step under way began at `from_s`.

    Steps are those of `simulator.run.play`; between two of them (`from_s` None) lines are typed and the end
    is considered. `on_step` is called again and again; what it raises ends the run.
    """

    world: World
    done: int = 0
    from_s: float | None = None
    on_step: Callable[[], None] | None = None

    def mark(self) -> Mark:
        pager = self.world.pager
        quiet = not pager.active and not pager.incidents
        return Mark(snapshots.take(self.world), self.done, self.from_s, quiet)

    def due(self, plan: Plan) -> bool:
        return self.next_s(plan) <= self.world.now_s + 1e-9

    def next_s(self, plan: Plan) -> float:
        return plan.planned[self.done][0] if self.done < len(plan.planned) else math.inf

    def type_one(self, plan: Plan) -> None:
        line = plan.planned[self.done][1]
        self.done += 1
        responder.prepare(self.world, line)
        execute(self.world, line)

    def advance(self, plan: Plan, at_most_s: float = math.inf) -> None:
        """Go on to the end of the step, or to `at_most_s` within it."""
        world = self.world
        if self.on_step is not None:
            self.on_step()
        if self.from_s is None:
            self.from_s = world.now_s
        target_s = max(min(plan.until_s, self.from_s + STEP_S, self.next_s(plan)), self.from_s)
        world.advance_to(max(min(target_s, at_most_s), world.now_s))
        if world.now_s >= target_s:
            self.from_s = None

    def over(self, plan: Plan) -> bool:
        """Whether nothing of this plan can follow any more."""
        now_s = self.world.now_s
        if now_s >= plan.until_s:
            return True
        return self.from_s is None and now_s > last_s(self.world.scenario, plan) and settled(self.world)

    def finish(self, plan: Plan) -> dict[str, Any]:
        """Run one plan to its end."""
        self.world.responder = plan.acting()
        if self.called:
            responder.watch(self.world)
        while not self.over(plan):
            if self.from_s is None and self.due(plan):
                self.type_one(plan)
            else:
                self.advance(plan)
        return told(self.world)

    @property
    def called(self) -> bool:
        return responder.called(self.world) is not None


def last_s(scenario: Scenario, plan: Plan) -> float:
    """The last second at which something is due to be done."""
    return max([t for t, _ in plan.planned] + [e.at_s for e in scenario.timeline], default=0.0)


def settled(world: World) -> bool:
    """Nothing more will happen by itself: healthy for a while since the last change, queues empty.

    Traffic is steady, so such a world stays as it is; running on would only add equal seconds. Books do not:
    what breaks them goes on breaking them under a healthy SLI, so such worlds run to their end.
    """
    if world.scenario.invariants:
        return False
    last_change = max((e.t_s for e in (*world.events, *world.secret) if e.kind in CHANGES), default=0.0)
    if (
        world.now_s - last_change < CALM_S
        or facts.backlog(world.plane.history, world.scenario) >= facts.DRAINED
    ):
        return False
    if any(record[3] in AHEAD for record in world.agenda.heap):
        return False
    deployment = world.kubernetes.deployments[world.scenario.focus.service]
    if not counts(world.kubernetes, deployment, world.now_s).complete:
        return False
    sli, history = world.scenario.sli, world.plane.history
    recent = range(max(0, history.seconds - int(CALM_S)), history.seconds)
    return all(facts.smoothed(history, sli.traffic_class, s) >= sli.healthy for s in recent)


def start(scenario: Scenario, seed: int, calls: Sequence[Call]) -> Run:
    """The beginning of a replay. Raises InterventionError, ScenarioError."""
    world = make_world(scenario, seed, calls)
    net, own = world.plane.network, scenario.sli.traffic_class
    coupled = net.coupled_classes(own)
    limited = [name for name, service in scenario.services().items() if service.rate_limit]
    counted = net.coupled_classes(own, limited)
    # what a remedy's limit couples is played for its load; the runs without the remedy count nothing of it
    along = [net.classes[c].name for c in coupled if c not in counted]
    if along:
        world.policies[facts.UNCOUNTED] = along
    business = world.scenario.entities
    wanted = {drive.traffic for drive in business.drive.values()} if business is not None else set()
    for invariant in world.scenario.invariants.values():
        for value in invariant.args.values():  # one class, or a list of them
            wanted |= {
                name for name in (value if isinstance(value, list) else [value]) if isinstance(name, str)
            }
    for c, spec in enumerate(net.classes):
        # shares no database with the incident, starts no flow, is in no invariant: it cannot differ
        if c not in coupled and spec.name not in wanted:
            world.plane.set_rate(spec.name, 0.0)
    return Run(world)


def thinned(scenario: Scenario, most: float = ENTITIES_A_REPLAY) -> Scenario:
    """The scenario with at most about so many entities a run; weights make up for what is left out.

    The sample depends on the scenario alone, and a thinner one plays some of the very entities of a fuller one
    (`entities/sample.py`): replays of one incident compare the same entities.
    """
    business = scenario.entities
    if business is None:
        return scenario
    played = 0.0
    for flow in business.flows:
        drive = business.drive.get(flow.name)
        if drive is None:
            continue
        share = (
            scenario.traffic.classes[drive.traffic].share if drive.traffic in scenario.traffic.classes else 0
        )
        rate = drive.per_s + scenario.traffic.rps * share * drive.share
        played += min(rate, flow.limit_per_s or rate) * scenario.duration_s
    keep = math.floor(1000 * most / played) / 1000 if played > most else 1.0
    if keep >= business.keep:
        return scenario
    return scenario.model_copy(update={"entities": business.model_copy(update={"keep": max(keep, 0.001)})})


def replay_facts(scenario: Scenario, seed: int, calls: Sequence[Call], plan: Plan) -> dict[str, Any]:
    """The facts of one run from its start, with these interventions in place."""
    return start(scenario, seed, calls).finish(plan)


def told(world: World) -> dict[str, Any]:
    """What an answer says of a run: its facts, and its SLI as a curve to be drawn."""
    return facts.collect(world) | facts.curve(world)


# -- plans that share a run


def answers(run: Run, plans: Mapping[str, Plan]) -> dict[str, dict[str, Any]]:
    """The facts of one or two plans by name; they share the run until they part."""
    found: dict[str, dict[str, Any]] = {}
    left = dict(plans)
    while len(left) == 2:
        for name, plan in list(left.items()):
            if run.over(plan):
                found[name] = told(run.world)
                del left[name]
        if len(left) < 2:
            break
        one, other = left.values()
        mark = _parted(run, one, other)
        if mark is not None:
            found |= {name: mark.run(run.on_step).finish(plan) for name, plan in left.items()}
            left = {}
    found |= {name: run.finish(plan) for name, plan in left.items()}
    return {name: found[name] for name in plans}


def _parted(run: Run, one: Plan, other: Plan) -> Mark | None:
    """Where two plans part, or None after a stretch that was the same for both."""
    awaiting = one.after_page != other.after_page
    if awaiting and run.called:
        return run.mark()
    longer = one if one.until_s >= other.until_s else other
    ends_s = min(one.until_s, other.until_s)
    if run.from_s is None:
        same = one.planned[: run.done + 1] == other.planned[: run.done + 1]
        if not same and min(run.next_s(one), run.next_s(other)) < run.world.now_s + STEP_S:
            return run.mark()
        if same and run.due(one):
            mark = run.mark() if awaiting else None
            run.type_one(one)
            return mark if run.called else None  # it let time pass, and a call came in it
    if awaiting:
        ends_s = min(ends_s, math.floor(run.world.now_s + 1.0))
    run.advance(longer, ends_s)
    return None


# -- the scout, and what may start from its marks


@dataclass
class Scouted:
    """What was played, up to the first call, and marks on the way.

    `called_s` is the call's second, `held_s` when a responder would have noticed it; None: there was none.
    `calm_s` is the first moment at which a plan with fewer lines would have ended.
    """

    world: World
    plan: Plan
    marks: list[Mark] = field(default_factory=list)
    called_s: float | None = None
    held_s: float = math.inf
    calm_s: float = math.inf

    def keep(self, mark: Mark) -> None:
        """Remember a mark; of many, the older ones lie further apart."""
        self.marks.append(mark)
        if len(self.marks) > MARKS:
            del self.marks[0 : MARKS // 2 : 2]


def scout(scenario: Scenario, seed: int, plan: Plan) -> Scouted:
    """Run what was played up to the first call. Marks: each half minute, before what is due, at the call."""
    run = start(scenario, seed, ())
    found = Scouted(run.world, plan)
    entries = [e.at_s for e in run.world.scenario.timeline]
    timed = [*entries, *(t for t, _ in plan.planned)]
    marked_s = 0.0
    while not run.called and not run.over(plan):
        now_s = run.world.now_s
        if run.from_s is None:
            if found.calm_s == math.inf and now_s > max(entries, default=0.0) and settled(run.world):
                found.calm_s = now_s
            soon = any(now_s <= t <= now_s + STEP_S for t in timed)
            if now_s > marked_s and (soon or now_s - marked_s >= MARK_EVERY_S):
                found.keep(run.mark())
                marked_s = now_s
            if run.due(plan):
                run.type_one(plan)  # a call in the time that it takes has no mark: a responder acts in it
                continue
        run.advance(plan, math.floor(now_s + 1.0))
        if run.called:
            found.keep(run.mark())
    if run.called:
        found.held_s, found.called_s = run.world.now_s, responder.called(run.world)
    return found


def begin(scenario: Scenario, seed: int, calls: Sequence[Call], mark: Mark | None) -> Run:
    """The run of a question, from a mark that `latest_mark` chose for it or from its start."""
    if mark is None:
        return start(scenario, seed, calls)
    run = mark.run()
    run.world.scenario = patched(run.world.scenario, tuple(calls))
    install(run.world, tuple(calls))
    return run


def latest_mark(scouted: Scouted, calls: Sequence[Call], plans: Sequence[Plan]) -> Mark | None:
    """The last mark before anything of a question differs from what was played; None: from the start."""
    scenario = scouted.world.scenario
    changed = patched(scenario, tuple(calls))
    only_rules = changed is not scenario
    if only_rules and changed.model_copy(update={"alerting": scenario.alerting}) != scenario:
        return None
    until_s = min((_same_until_s(scouted, call, plans) for call in calls), default=math.inf)
    word_s = _first_word_s(scouted, changed) if only_rules and until_s > 0 else math.inf
    for mark in reversed(scouted.marks):
        if mark.now_s > until_s or mark.now_s >= word_s or (only_rules and not mark.quiet):
            continue
        if all(_on_the_way(scouted, mark, plan) for plan in plans):
            return mark
    return None


def _same_until_s(scouted: Scouted, call: Call, plans: Sequence[Plan]) -> float:
    """Until when a remedy surely changes nothing, that second before anything is typed in it included."""
    first = CATALOGUE[call.id].first
    lines = [line for plan in plans for line in plan.planned]
    if first == "rule":
        return min((t for t, _ in lines), default=math.inf)
    if first == "page":
        return scouted.held_s
    if first == "repair":
        return min([scouted.held_s, *(t for t, line in lines if responder.repairs(line))])
    if first == "change":
        entries = (math.nextafter(e.at_s, 0.0) for e in scouted.world.scenario.timeline)
        return min([scouted.held_s, *entries, *(t for t, _ in lines)])
    return 0.0


def _first_word_s(scouted: Scouted, changed: Scenario) -> float:
    """When a new rule would first have returned something."""
    world, known = scouted.world, scouted.world.scenario.alerting.rules
    rules = changed.alerting.rules
    new = [r for name, r in rules.items() if name not in known or known[name].expr != r.expr]
    moments = alerts.moments(changed.alerting, world.now_s)
    return next((t for t in moments if any(alerts.result_of(world, r, t) for r in new)), math.inf)


def _on_the_way(scouted: Scouted, mark: Mark, plan: Plan) -> bool:
    """Whether a run of this plan would have come to the mark in the very same steps, and gone on."""
    done, now_s, played = mark.done, mark.now_s, scouted.plan.planned
    if plan.planned[:done] != played[:done] or now_s >= plan.until_s:
        return False
    theirs = played[done][0] if done < len(played) else math.inf
    ours = plan.planned[done][0] if done < len(plan.planned) else math.inf
    if theirs <= now_s + 1e-9 and ours != theirs:  # the step ended here because a line was due
        return False
    if ours < now_s or (mark.from_s is not None and ours == now_s):
        return False
    return now_s < scouted.calm_s or now_s <= last_s(scouted.world.scenario, plan)
