"""Remedies that fit their scenario in size, and those where the graphs are green and the books wrong."""

from __future__ import annotations

from typing import Any

import pytest

from simulator import facts
from simulator.entities.history import INVOKE, OK
from simulator.interventions import CATALOGUE, Call, patched, read_call, release
from simulator.invariants import first_broken
from simulator.lint import effects
from simulator.replay import thinned
from simulator.responder import Responder
from simulator.run import make_world
from simulator.scenario import Scenario, load, varied

RACE = load("race-15-services")
PLAYED = 3_000


def with_(scenario: Scenario, *calls: str) -> Scenario:
    return patched(scenario, tuple(read_call(call) for call in calls))


def order(scenario: Scenario) -> list[str]:
    assert scenario.entities is not None
    return [step.name for step in scenario.entities.flows[0].steps]


# -- sizes


@pytest.mark.parametrize("name", ["black-friday", "hot-shard", "payment-pool", "dc1-loss"])
def test_more_is_more_wherever_it_is_asked_for(name: str) -> None:
    """Sizes that suit one scenario took pods away in a bigger one and refused nine requests in ten in another."""
    before = load(name)
    focus = before.focus
    assert (
        with_(before, "scale_pods").services()[focus.service].pods
        == 2 * before.services()[focus.service].pods
    )
    more = with_(before, "more_db_cpu", "pool_resize").databases()[focus.database]
    assert more.cores == 2 * before.databases()[focus.database].cores
    assert more.pool.limit == 2 * before.databases()[focus.database].pool.limit
    assert with_(before, "load_shedding").services()[focus.service].bulkhead.limit <= 15
    door = before.traffic.classes[next(iter(before.traffic.classes))].path.partition(".")[0]
    offered = before.traffic.rps * sum(c.share for c in before.traffic.classes.values())
    limit = with_(before, "admission_control").services()[door].rate_limit
    assert limit is not None and limit.rps > 0.8 * offered


def test_a_number_that_is_named_counts() -> None:
    assert with_(load("hot-shard"), "scale_pods:pods=44").services()["order-service"].pods == 44


# -- races


def test_what_lies_between_reading_and_writing_is_moved_out() -> None:
    assert order(RACE)[:3] == ["look", "score", "reserve"]
    assert order(with_(RACE, "read_next_to_write"))[:3] == ["score", "look", "reserve"]
    assert order(with_(RACE, "shorter_transactions"))[:3] == ["score", "look", "reserve"]
    assert sorted(order(with_(RACE, "shorter_transactions"))) == sorted(order(RACE))


def test_patience_overrules_what_a_version_says() -> None:
    hasty = varied(RACE, 2)
    name = "flow.order.spend.timeout_ms"
    assert hasty.services()["checkout"].versions["v7.4.0"].set[name] == 60
    patient = with_(hasty, "timeouts_above_p99")
    assert name not in patient.services()["checkout"].versions["v7.4.0"].set
    assert patient.entities is not None
    assert min(step.timeout_ms for step in patient.entities.flows[0].steps) == 3000


def test_more_tries_reach_a_variable_too() -> None:
    outage = varied(load("saga-stuck"), 3)
    assert outage.services()["order-orchestrator"].env["SAGA_UNDO_ATTEMPTS"] == "1"
    assert (
        with_(outage, "more_saga_attempts").services()["order-orchestrator"].env["SAGA_UNDO_ATTEMPTS"] == "5"
    )


@pytest.mark.parametrize("name", ["optimistic_locking", "append_only_ledger", "strongest_lock_first"])
def test_each_way_to_close_the_race_closes_it(name: str) -> None:
    """By a version, by rows of their own, by a lock: no change is overwritten, in stock and bonuses alike."""
    world = make_world(varied(RACE, 4), 1, (Call(name),))
    world.advance_to(260)
    assert first_broken(world) == ""
    assert world.entities is not None
    done = sum(1 for op in world.ops if op.f == "order" and op.type == OK)
    assert done > 0.98 * sum(1 for op in world.ops if op.f == "order" and op.type == INVOKE) - 10


def test_a_lock_that_is_held_while_others_are_asked_is_given_back() -> None:
    locked = with_(RACE, "strongest_lock_first")
    assert order(locked)[:4] == ["look", "score", "reserve", "reserve_commit"]
    assert locked.entities is not None
    steps = {step.name: step for step in locked.entities.flows[0].steps}
    assert steps["look"].do == "lock" and steps["reserve"].mode == "locked" and locked.entities.locks


def test_what_is_off_is_told_by_amount_too() -> None:
    """Damaged rows do not become more damaged rows; what is missing from them grows as long as the cause is there."""
    world = make_world(RACE, 1)
    found = []
    for until_s in (300, 500):
        world.advance_to(until_s)
        found.append(facts.collect(world))
    early, late = found
    assert late["violated.stock_true.by"] > early["violated.stock_true.by"] > 0
    assert late["violated.stock_true.by"] > late["violated.stock_true"]
    assert late["violated.bonus_true.by"] == 0
    assert late["violations"] == late["violated.stock_true"] + late["violated.bonus_true"]


# -- releases that break no graph


def test_a_race_test_in_ci_refuses_what_one_request_at_a_time_passes() -> None:
    for seed in range(1, 5):
        world = make_world(thinned(varied(RACE, seed), 1_500), 1, (Call("concurrency_test_gate"),))
        assert "v7.4.0" in (release.refusal(world, "v7.4.0") or "")
        assert release.refusal(world, "v7.3.2") is None
    alone = make_world(thinned(load("saga-stuck"), 1_500), 1, (Call("concurrency_test_gate"),))
    assert release.refusal(alone, "v3.1.0") is None  # forgetting with a pod is no race


def test_a_canary_is_judged_by_the_books_where_the_errors_say_nothing() -> None:
    world = make_world(RACE, 1, (Call("canary_books_check"),))
    world.advance_to(420)
    assert world.kubernetes.deployments["checkout"].template.version == "v7.3.2"
    assert any("the reconciliation does not add up" in e.text for e in world.events if e.kind == "rollout")


def test_a_pod_that_ends_what_it_began_forgets_no_saga() -> None:
    saga = thinned(load("saga-stuck"), PLAYED)
    lost = []
    for calls in ((), (Call("graceful_shutdown"),)):
        world = make_world(saga, 1, calls)
        world.advance_to(265)
        assert world.entities is not None
        lost.append(len(world.entities.domain.forgotten))
    assert lost[0] > 0 and lost[1] == 0


def test_a_rehearsal_refuses_what_only_the_books_show() -> None:
    world = make_world(thinned(RACE, PLAYED), 1, (Call("release_rehearsal"),))
    reason = release.refusal(world, "v7.4.0")
    assert reason is not None and "v7.4.0" in reason
    assert release.refusal(world, "v7.3.2") is None
    assert world.now_s == 0.0  # the stand is another world


def test_broken_books_take_the_release_back() -> None:
    world = make_world(thinned(RACE, PLAYED), 1, (Call("rollback_on_broken_books"),))
    world.advance_to(260)
    checkout = world.kubernetes.deployments["checkout"]
    assert checkout.template.image.endswith(":v7.3.2")
    assert any("reconciliation" in e.text or "сверка" in e.text for e in world.events if e.kind == "rollout")
    assert first_broken(world)  # it stops the damage and repairs nothing


# -- what counts as an effect


def test_a_setting_or_a_gauge_is_no_outcome() -> None:
    before: dict[str, Any] = {
        "pool_limit": 60,
        "database_cpu_max": 0.4,
        "rollout_done_s": 100.8,
        "violations": 9,
    }
    same = {"pool_limit": 120, "database_cpu_max": 0.2, "rollout_done_s": 100.84, "violations": 9}
    assert effects.changed(before, same) == {}
    assert effects.changed(before, {**same, "violations": 8, "rollout_done_s": None}) == {
        "violations": (9, 8),
        "rollout_done_s": (100.8, None),
    }


def test_every_listed_remedy_is_of_the_catalogue() -> None:
    assert {"release_rehearsal", "read_next_to_write"} <= set(RACE.interventions) <= set(CATALOGUE)


def test_who_types_waits_for_the_line_before() -> None:
    """A line that fell due while a restore was under way was typed into the middle of it."""
    world = make_world(load("drop-table"), 1)
    world.responder = Responder()
    world.agenda.at(2.0, "responder.act", line="wait 30")
    world.agenda.at(5.0, "responder.act", line="chaos slow payment-service 2 --for 5")
    world.advance_to(60)
    began = [e.t_s for e in (*world.events, *world.secret) if e.kind == "chaos"]
    assert began and min(began) >= 32.0 and world.responder.typed == []
