"""What looks at a run from outside holds for any scenario: without a database, a worker or a release to blame."""

from __future__ import annotations

from typing import Any

import pytest

from simulator import facts, replay, responder
from simulator.commands import execute
from simulator.interventions import CATALOGUE, Call, InterventionError, applies, patched
from simulator.replay import Plan
from simulator.run import Command, make_world, report, run_scenario
from simulator.scenario import Scenario, assign, load, parse, varied

BARE: dict[str, Any] = {
    "id": "bare",
    "duration_s": 120,
    "traffic": {"rps": 50, "entry": "lb", "classes": {"buy": {"path": "shop.buy"}, "look": {"path": "shop.look"}}},
    "components": {
        "lb": {"kind": "balancer", "timeout_s": 2},
        "shop": {
            "kind": "service",
            "pods": 2,
            "startup_s": 5,
            "bulkhead": {"limit": 40},
            "endpoints": {"buy": [{"call": "bank.pay"}], "look": [{"work_ms": 5}]},
        },
        "bank": {"kind": "service", "pods": 2, "bulkhead": {"limit": 100}, "endpoints": {"pay": [{"work_ms": 60}]}},
    },
    "timeline": [{"at_s": 20, "command": "chaos slow bank 8 --for 40"}],
}  # fmt: skip
BOOKS: dict[str, Any] = {
    "entities": {
        "flows": [
            {
                "name": "order",
                "host": "shop",
                "limit_per_s": 10,
                "steps": [
                    {"name": "charge", "do": "call", "target": "psp", "idempotent": "attempt", "attempts": 3, "timeout_ms": 300},
                    {"name": "save", "do": "write", "target": "orders", "table": "orders", "attempts": 3},
                    {"name": "ack", "do": "acknowledge", "target": ""},
                ],
            }
        ],
        "stores": [{"name": "orders", "nodes": ["orders-0"]}],
        "systems": [{"name": "psp"}],
        "calls": {"psp": "bank"},
        "drive": {"order": {"traffic": "look"}},
    },
    "invariants": {
        "charged_once": {
            "check": "at_most_once",
            "args": {"do": "charge"},
            "text": {"ru": "ни одного двойного списания", "en": "nobody is charged twice"},
        }
    },
}  # fmt: skip


def bare(books: bool = False, **changes: Any) -> Scenario:
    raw = parse({**BARE, **(BOOKS if books else {})}, "bare").model_dump(mode="json")
    for path, value in changes.items():
        assign(raw, path.replace("__", "."), value)
    return parse(raw, "bare")


# -- facts


def test_a_network_without_database_and_release_has_facts() -> None:
    found = run_scenario(bare(), 1, [Command(30, "status"), Command(31, "graph")])
    told = found["facts"]
    for name in (
        "pool_limit",
        "deploy_s",
        "rollback_s",
        "queries_before",
        "queries_extra",
        "pending_typical",
    ):
        assert told[name] is None, name
    assert told["database_cpu_max"] == 0.0 and told["success_before"] is not None
    assert "violations" not in told
    assert {len(column) for column in found["series"].values()} == {120}


def test_a_release_to_blame_is_told_as_before() -> None:
    raw = load("payment-pool").model_copy(update={"duration_s": 70.0})
    told = run_scenario(raw, 1)["facts"]
    assert (told["deploy_s"], told["queries_before"], told["queries_after"]) == (60.0, 1, 16)
    assert told["pool_limit"] == 50 and "violations" not in told


def test_the_error_budget_is_that_of_the_requests_that_count() -> None:
    scenario = bare(traffic__classes__buy__share=0.2)
    told = run_scenario(scenario, 1)["facts"]
    allowed = 0.2 * 50 * 30 * 86_400 * (1 - scenario.sli.target)
    assert told["failed_requests"] > 0
    assert told["error_budget_burned"] == pytest.approx(told["failed_requests"] / allowed, rel=0.05)


def test_violations_are_facts_by_invariant_and_in_the_worlds_numbers() -> None:
    found = run_scenario(bare(books=True), 1)
    told, state = found["facts"], found["invariants"]["charged_once"]
    assert not state["ok"] and told["violated.charged_once"] == told["violations"] == state["count"]
    # ten of the fifty orders a second are played: each stands for five
    assert told["violations"] >= 5 * len(state["violations"]) / 2
    calm = run_scenario(bare(books=True, timeline=[]), 1)["facts"]
    assert calm["violations"] < told["violations"] / 10


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_dashboard_needs_neither_database_nor_worker(language: str) -> None:
    world = make_world(bare(), 1, language=language)
    world.advance(30)
    reply = execute(world, "status")
    assert reply.code == 0 and "shop" in reply.out and "None" not in reply.out
    assert report(world)["sim_seconds"] == 30


# -- interventions


def test_remedies_say_what_they_act_on() -> None:
    scenario = bare()
    without = {name for name in CATALOGUE if not applies(scenario, name)}
    assert {"pool_resize", "backlog_drain_rate", "fix_n_plus_one", "load_test_gate", "training"} <= without
    assert {"scale_pods", "alert_burn_rate", "client_timeout", "canary_auto_rollback"} <= set(
        CATALOGUE
    ) - without
    with pytest.raises(
        InterventionError, match="pool_resize: needs a database, and scenario bare turns on none"
    ):
        patched(scenario, (Call("pool_resize"),))
    assert applies(load("payment-pool"), "backlog_drain_rate") and not applies(scenario, "no_such_thing")


@pytest.mark.parametrize("name", sorted(n for n in CATALOGUE if applies(bare(), n)))
def test_whatever_applies_runs_in_a_bare_world(name: str) -> None:
    world = make_world(bare(), 1, (name,))
    world.advance(25)
    execute(world, "kubectl rollout restart deployment/shop -n prod")
    world.advance(10)
    assert facts.collect(world)["offered_requests"] > 0


def test_a_load_test_sees_what_a_version_sets() -> None:
    """small-pool's release changes no code, only the pool's size."""
    small = varied(load("payment-pool"), 3)
    assert small.services()["payment-service"].versions["v2.8.1"].set == {"pool.payments-db": 2}
    world = make_world(small, 3, ("load_test_gate",))
    world.advance(61)
    assert [e.kind for e in world.events if e.kind in ("gate", "deploy")] == ["gate"]


# -- people


def test_where_nothing_is_rolled_back_the_first_change_is_the_repair() -> None:
    lines = [
        (10.0, "status"),
        (90.0, "kubectl scale deployment/shop --replicas=4 -n prod"),
        (120.0, "status"),
    ]
    assert responder.first_change_s(lines) == 90.0
    assert responder.first_change_s([(10.0, "status")]) == 10.0


def test_a_quick_way_back_is_that_of_the_deployment_that_is_named() -> None:
    world = make_world(bare(), 1)
    world.policies["rollback_surge"] = True
    responder.prepare(world, "kubectl rollout undo deployment/bank -n prod")
    assert world.kubernetes.deployments["bank"].strategy.max_surge == "100%"
    assert world.kubernetes.deployments["shop"].strategy.max_surge != "100%"


# -- replays of worlds with single orders


def test_replays_keep_the_classes_that_start_flows() -> None:
    run = replay.start(bare(books=True), 1, ())
    assert run.world.plane.rate("look") == 50.0 and run.world.plane.rate("buy") == 50.0
    alone = replay.start(bare(components__shop__endpoints__buy=[{"work_ms": 1}]), 1, ())
    assert alone.world.plane.rate("look") == 0.0


def test_thinning_is_a_function_of_the_scenario() -> None:
    scenario = bare(books=True)
    assert replay.thinned(scenario) is scenario  # 1,200 orders need no thinning
    thin = replay.thinned(scenario, 300)
    assert (
        thin.entities is not None
        and thin.entities.keep == 0.25 == replay.thinned(scenario, 300).entities.keep
    )  # type: ignore[union-attr]
    assert replay.thinned(thin, 300) == thin and replay.thinned(bare()) == bare()
    full, some = (run_scenario(s, 1)["facts"]["violations"] for s in (scenario, thin))
    assert some == pytest.approx(full, rel=0.35)  # a quarter of the orders, each with four times the weight


def test_a_world_whose_books_may_break_is_never_settled() -> None:
    plan = Plan((), 120.0)
    run = replay.start(bare(books=True, timeline=[]), 1, ())
    run.finish(plan)
    assert run.world.now_s == 120.0
    calm = replay.start(bare(timeline=[]), 1, ())
    calm.finish(plan)
    assert calm.world.now_s < 120.0


# -- pools that shrink


@pytest.mark.parametrize("engine", ["cohort", "exact"])
def test_a_pool_that_shrinks_closes_connections(engine: str) -> None:
    raw = {
        **BARE,
        "timeline": [],
        "components": {
            "lb": {"kind": "balancer", "timeout_s": 2},
            "shop": {"kind": "service", "pods": 2, "bulkhead": {"limit": 100}, "endpoints": {"buy": [{"query": "db", "cpu_ms": 40}], "look": [{"work_ms": 1}]}},
            "db": {"kind": "postgres", "database": "shop", "cores": 8, "pool": {"limit": 20, "open": 20, "connect_ms": 20}},
        },
    }  # fmt: skip
    world = make_world(parse(raw, "pool"), 1, engine=engine)
    world.advance(20)
    world.plane.set_pool_limit("db", "db", 1)
    world.advance(20)
    history = world.plane.history
    assert history.last("pool/db/open") == 1.0 and history.last("pool/db/active") <= 1.01
    assert sum(history.column("pool/db/queries")[-10:]) / 10 == pytest.approx(25, abs=4)  # one of 40 ms each
    world.plane.set_pool_limit("db", "db", 20)
    world.advance(30)
    assert sum(history.column("pool/db/queries")[-10:]) / 10 == pytest.approx(50, abs=6)


# -- paths into lists


def test_a_path_goes_through_lists() -> None:
    scenario = load("payment-pool", ("hints.0.en=Look around.", "repositories.0.commits.6.subject=Other"))
    assert scenario.hints[0].en == "Look around."
    assert scenario.repositories[0].commits[6].subject == "Other"
