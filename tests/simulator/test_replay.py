"""Replays that share what cannot differ give exactly what a run from its start gives.

A failure prints the seed, the log and the first second that differs.
"""

import pickle
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import facts, replay, responder
from simulator.interventions import CATALOGUE, Call
from simulator.replay import (
    Mark,
    Plan,
    Run,
    Scouted,
    answers,
    begin,
    latest_mark,
    replay_facts,
    scout,
    settled,
)
from simulator.run import make_world, play
from simulator.world import World
from tests.agent.replay_scenes import PLAYED, SHORT, UNDO

LINES = [
    UNDO,
    "wait 7",
    "wait 20",
    "kubectl rollout status deployment/payment-service -n prod",
    "kubectl scale deployment/payment-service --replicas=30 -n prod",
    "kubectl rollout restart deployment/payment-service -n prod",
    "kubectl delete pods -l app=payment-service -n prod",
    "deploy payment-service v2.7.9",
    "silence PaymentSuccessRateLow 10m",
    "откати payment-service",
    "да",
    "ack",
    "status",
]
UNTIL_S = 60.0
seeds = st.integers(1, 3)
times = st.one_of(st.integers(0, 11).map(lambda n: 5.0 * n), st.floats(0.0, 56.0).map(lambda t: round(t, 3)))
logs = st.lists(st.tuples(times, st.sampled_from(LINES)), max_size=4).map(lambda log: tuple(sorted(log)))
remedies = st.lists(
    st.sampled_from([Call(i) for i, entry in CATALOGUE.items() if entry.measurable]), max_size=2, unique=True
)


def first_difference(one: World, other: World) -> str:
    """The first second in which two runs differ, and in what."""
    ours, theirs = one.plane.history, other.plane.history
    for second in range(max(ours.seconds, theirs.seconds)):
        for key in sorted({*ours.keys(), *theirs.keys()}):
            a, b = ours.column(key)[second : second + 1], theirs.column(key)[second : second + 1]
            if a != b:
                return f"second {second}: {key} {list(a)} != {list(b)}"
    events = zip(one.events, other.events, strict=False)
    return next(
        (f"event {a} != {b}" for a, b in events if a != b), f"{len(one.events)}, {len(other.events)} events"
    )


def marks_of(run: Run, plan: Plan, every_s: float) -> list[Mark]:
    """Run a plan to its end and leave marks, between steps and within them."""
    marks = [run.mark()]
    while not run.over(plan):
        if run.from_s is None and run.due(plan):
            run.type_one(plan)
        else:
            run.advance(plan, run.world.now_s + every_s)
        marks.append(run.mark())
    return marks


# -- any snapshot


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=seeds, log=logs, every_s=st.floats(0.7, 9.0), shares=st.tuples(*[st.floats(0.0, 0.999)] * 3))
def test_a_run_from_any_mark_ends_as_from_its_start(
    seed: int, log: tuple[tuple[float, str], ...], every_s: float, shares: tuple[float, ...]
) -> None:
    plan = Plan(log, UNTIL_S)
    whole = make_world(SHORT, seed)
    expected = Run(whole).finish(plan)
    marks = marks_of(Run(make_world(SHORT, seed)), plan, every_s)
    for mark in [marks[int(share * len(marks))] for share in shares]:
        run = mark.run()
        found = run.finish(plan)
        where = (f"seed {seed}", log, f"from {mark.now_s}", first_difference(run.world, whole))
        assert run.world.digest() == whole.digest(), where
        assert found == expected, where


def test_a_run_takes_the_steps_of_play() -> None:
    log = ((12.5, "wait 7"), (14.0, "ack"), (41.3, UNDO))
    played, run = make_world(SHORT), Run(make_world(SHORT))
    play(played, log, UNTIL_S)
    run.finish(Plan(log, UNTIL_S))
    assert run.world.digest() == played.digest(), first_difference(run.world, played)


# -- plans that share a run, remedies that start late


def plans_of(log: Sequence[tuple[float, str]], scouted: Scouted, remedied: bool) -> dict[str, Plan]:
    """As the replayer makes them (agent/counterfactual.py)."""
    page_s = scouted.called_s
    acted = Plan(tuple(log), UNTIL_S)
    if remedied:
        before, acting = responder.split(list(log), page_s)
        acted = Plan(tuple(before), UNTIL_S, tuple(acting.after_page))
    alone = tuple(p for p in log if page_s is not None and p[0] <= page_s)
    return {"responding": acted, "alone": Plan(alone, UNTIL_S - 13.3)}


@settings(max_examples=16, deadline=None, derandomize=True)
@given(seed=seeds, log=logs, calls=remedies)
def test_sharing_changes_no_fact(seed: int, log: tuple[tuple[float, str], ...], calls: list[Call]) -> None:
    scouted = scout(SHORT, seed, Plan(log, UNTIL_S))
    plans = plans_of(log, scouted, bool(calls))
    mark = latest_mark(scouted, calls, list(plans.values()))
    found = answers(begin(SHORT, seed, calls, mark), plans)
    for name, plan in plans.items():
        from_start = replay_facts(SHORT, seed, calls, plan)
        differing = {k: (v, from_start[k]) for k, v in found[name].items() if v != from_start[k]}
        assert not differing, (f"seed {seed}", log, calls, name, mark and mark.now_s)


# -- the scout and its marks


def test_the_scout_stops_at_the_first_page() -> None:
    plan = Plan(tuple(PLAYED), 100.0)
    scouted = scout(SHORT, 1, plan)
    whole = Run(make_world(SHORT))
    assert scouted.called_s == whole.finish(plan)["detected_s"]
    assert scouted.called_s is not None
    assert scouted.called_s <= scouted.held_s < scouted.called_s + 1
    assert scouted.marks[-1].now_s == scouted.held_s == scouted.world.now_s


def test_without_a_page_the_scout_runs_to_the_end() -> None:
    scouted = scout(SHORT, 1, Plan((), 20.0))
    assert scouted.called_s is None
    assert scouted.world.now_s == 20.0


def test_each_kind_of_remedy_starts_as_late_as_it_may() -> None:
    played = Plan(tuple(PLAYED), 100.0)
    scouted = scout(SHORT, 1, played)

    def starts(name: str, plan: Plan = played) -> float:
        mark = latest_mark(scouted, [Call(name)] if name else [], [plan])
        return mark.now_s if mark else 0.0

    assert starts("") == starts("runbook_rollback") == starts("one_click_rollback") == scouted.held_s
    assert starts("pool_resize") == starts("auto_rollback_on_slo") == 0.0
    assert starts("canary_auto_rollback") == starts("query_count_gate") == 0.0  # the release is at second 2
    rules = starts("faster_paging")
    assert rules < scouted.held_s
    early = Plan(((4.0, UNDO), *PLAYED), 100.0)
    assert starts("one_click_rollback", early) == 0.0


def test_a_mark_is_for_plans_that_agree_so_far() -> None:
    scouted = scout(SHORT, 1, Plan(((12.3, "ack"), (22.0, "status")), 100.0))
    assert latest_mark(scouted, [], [Plan((), 100.0)]).now_s == 10.0  # type: ignore[union-attr]
    same = [Plan(((12.3, "ack"), (22.0, "status"), (90.0, UNDO)), 100.0)]
    assert latest_mark(scouted, [], same).now_s == scouted.held_s  # type: ignore[union-attr]


def test_marks_are_thinned_out() -> None:
    scouted = scout(SHORT, 1, Plan((), 20.0))
    one = Run(scouted.world).mark()
    for _ in range(10 * replay.MARKS):
        scouted.keep(one)
    assert len(scouted.marks) <= replay.MARKS


def test_a_mark_crosses_the_border_of_a_process() -> None:
    plan = Plan(tuple(PLAYED), 60.0)
    scouted = scout(SHORT, 1, plan)
    mark: Mark = pickle.loads(pickle.dumps(scouted.marks[-1]))
    assert mark.run().finish(plan) == scouted.marks[-1].run().finish(plan)


def test_a_world_with_a_fault_that_will_be_taken_back_is_not_settled() -> None:
    world = make_world(SHORT.model_copy(update={"timeline": []}))
    world.advance_to(70.0)
    assert settled(world)
    world.agenda.at(500.0, "chaos.revert", priority=6, line="chaos rate pay 1200")
    assert not settled(world)
    assert facts.collect(world)["started_s"] is None
