"""The catalogue of remedies: complete texts, honest numbers, and what some of them do in a short replay.

The replays release at second 2, so that the whole rollout fits into 75 simulated seconds.
"""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from simulator.engine.agenda import Agenda
from simulator.interventions import CATALOGUE, Call, InterventionError, parameters, patched, read_call
from simulator.responder import Responder, repairs, split, watch
from simulator.run import Command, run_scenario
from simulator.scenario import Scenario, ScenarioError, TimelineEntry, load
from simulator.world import World
from tests.depth import some

SCENARIO = load("payment-pool")
KINDS = {"prevent", "detect", "mitigate", "respond", "none"}
UNDO = "kubectl rollout undo deployment/payment-service -n prod"


def early() -> Scenario:
    return SCENARIO.model_copy(
        update={"timeline": [TimelineEntry(at_s=2, command="deploy payment-service v2.8.1")]}
    )


def replay(*calls: str, until_s: float = 110, undo_at_s: float | None = None) -> dict[str, Any]:
    commands = [] if undo_at_s is None else [Command(undo_at_s, UNDO)]
    return run_scenario(early(), 1, commands, until_s, calls)


def plateau(run: dict[str, Any], seconds: int = 15) -> float:
    """Success over the last seconds of a run."""
    last = run["series"]["success_rate"][-seconds:]
    return float(sum(last)) / len(last)


@pytest.fixture(scope="module")
def untouched() -> dict[str, Any]:
    """The same replay with nothing in place."""
    return replay()


# -- the catalogue


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_an_entry_is_complete(name: str) -> None:
    entry = CATALOGUE[name]
    assert entry.id == name == name.lower() and name.isidentifier()
    assert entry.kind in KINDS
    for text in (entry.title, entry.cost):
        assert text.ru.strip() and text.en.strip() and text.ru != text.en
        assert not any("а" <= c.lower() <= "я" for c in text.en)
        assert any("а" <= c.lower() <= "я" for c in text.ru) or not any(c.isalpha() for c in text.ru)
    for key, value in entry.parameters.items():
        assert key.isidentifier() and isinstance(value, (int, float)) and math.isfinite(value)


def test_ids_are_unique_across_the_rooms() -> None:
    from simulator import interventions

    rooms = [room for room in vars(interventions).values() if hasattr(room, "ENTRIES")]
    ids = [entry.id for room in rooms for entry in room.ENTRIES]
    assert len(ids) == len(set(ids)) == len(CATALOGUE) >= 25
    titles = [(entry.title.ru, entry.title.en) for entry in CATALOGUE.values()]
    assert len(titles) == len(set(titles))


def state(world: World) -> tuple[Any, ...]:
    """What an intervention can change before the first second."""
    strategy = world.kubernetes.deployments[world.scenario.focus.service].strategy
    handlers = sorted(record[3] for record in world.agenda.heap)
    return world.scenario, repr(strategy), repr(sorted(world.policies.items())), handlers


HERE = [*SCENARIO.interventions, "connection_quota", "infinite_retries", "pool_acquire_timeout"]
NO_CHANGE = {
    "connection_quota": "its 60 connections are above this scenario's pool of 50: shown below",
    **dict.fromkeys(
        "reports_on_replica report_statement_timeout idle_transaction_timeout disk_headroom faster_replica"
        " fresh_reads_from_primary".split(),
        "this scenario has no reports, disks or replicas of its own: shown in test_postgres_big",
    ),
}


@pytest.mark.parametrize("name", sorted(n for n in HERE if CATALOGUE[n].measurable and n not in NO_CHANGE))
def test_a_measurable_entry_changes_something(name: str) -> None:
    assert state(World(SCENARIO, interventions=(read_call(name),))) != state(World(SCENARIO))


def test_a_quota_bounds_a_pool_that_grew_too_large() -> None:
    def limit(*calls: str) -> int:
        changed = patched(SCENARIO, tuple(read_call(call) for call in calls))
        return changed.databases()["payments-db"].pool.limit

    assert limit("connection_quota") == 50
    assert limit("connection_quota:limit=20") == 20
    assert limit("pool_resize:limit=5000", "connection_quota") == 60


@pytest.mark.parametrize("name", sorted(n for n, e in CATALOGUE.items() if not e.measurable))
def test_an_entry_that_cannot_be_measured_changes_nothing_and_costs_something(name: str) -> None:
    entry = CATALOGUE[name]
    assert not entry.parameters
    assert len(entry.cost.en.split()) >= 2
    assert state(World(SCENARIO, interventions=(Call(name),))) == state(World(SCENARIO))


@pytest.mark.parametrize("name", sorted(n for n, e in CATALOGUE.items() if e.patch))
def test_a_patched_scenario_is_a_scenario(name: str) -> None:
    before = SCENARIO.model_dump_json()
    changed = patched(SCENARIO, (read_call(name),))
    assert isinstance(changed, Scenario) and (changed != SCENARIO or name in NO_CHANGE or name not in HERE)
    assert changed.id == SCENARIO.id and changed.focus == SCENARIO.focus
    assert SCENARIO.model_dump_json() == before


def test_all_patches_together_are_a_scenario() -> None:
    calls = tuple(Call(name) for name, entry in CATALOGUE.items() if entry.patch)
    assert patched(SCENARIO, calls) == patched(patched(SCENARIO, calls[:9]), calls[9:])


@pytest.mark.parametrize("value", some([0.0, -5.0, 1e12, 0.4], 2))
@pytest.mark.parametrize("name", sorted(n for n, e in CATALOGUE.items() if e.parameters))
def test_a_senseless_parameter_is_bounded_or_refused(name: str, value: float) -> None:
    for key in CATALOGUE[name].parameters:
        try:
            world = World(SCENARIO, interventions=(Call(name, ((key, value),)),))
        except (ScenarioError, InterventionError) as error:
            assert "\n" not in str(error)
        else:
            world.advance(1)


# -- --with


def test_a_call_is_read_with_its_numbers() -> None:
    assert read_call("remove_bulkhead") == Call("remove_bulkhead")
    assert read_call("pool_resize:limit=80") == Call("pool_resize", (("limit", 80.0),))
    call = read_call("canary_auto_rollback:pods=3,soak_s=60")
    assert parameters(call) == {**CATALOGUE["canary_auto_rollback"].parameters, "pods": 3, "soak_s": 60}
    assert parameters(Call("pool_resize")) == {"limit": 100}
    assert read_call("pool_resize:") == Call("pool_resize")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no intervention ''; known: "),
        ("nothing", "no intervention 'nothing'; known: "),
        ("POOL_RESIZE", "no intervention 'POOL_RESIZE'"),
        ("pool_resize limit=5", "no intervention"),
        ("pool_resize:size=5", "pool_resize: no parameter 'size'; its parameters: limit"),
        ("remove_bulkhead:limit=5", "its parameters: none"),
        ("pool_resize:limit", "limit must be a number, not ''"),
        ("pool_resize:limit=many", "limit must be a number, not 'many'"),
        ("pool_resize:limit=nan", "limit must be a number, not 'nan'"),
        ("pool_resize:limit=inf", "limit must be a number, not 'inf'"),
        ("pool_resize:limit=-1e999", "limit must be a number"),
    ],
)
def test_a_call_that_cannot_be_read(text: str, says: str) -> None:
    with pytest.raises(InterventionError) as caught:
        read_call(text)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_call_is_refused_wherever_it_comes_in() -> None:
    for calls in ((Call("nothing"),), (Call("pool_resize"), Call("nothing"))):
        with pytest.raises(InterventionError, match="nothing"):
            patched(SCENARIO, calls)
    with pytest.raises(InterventionError, match="nothing"):
        World(SCENARIO, interventions=(Call("remove_bulkhead"), Call("nothing")))


# -- short replays


def test_without_anything_payments_stop(untouched: dict[str, Any]) -> None:
    assert 0.10 < plateau(untouched) < 0.14
    assert not untouched["resolved"]
    assert untouched["facts"]["others_failed"] == 0
    assert all(check["ok"] for check in untouched["invariants"].values())


def test_one_query_a_payment_has_no_failures() -> None:
    run = replay("fix_n_plus_one")
    assert run["facts"]["failed_requests"] == 0
    assert run["facts"]["started_s"] is None and run["resolved"]
    assert run["series"]["pods_v2.8.1"][-1] == 18  # the release itself did happen


def test_a_giant_pool_helps_nobody_and_hurts_the_neighbours(untouched: dict[str, Any]) -> None:
    run = replay("pool_resize:limit=5000")
    assert plateau(run) < plateau(untouched) + 0.01
    assert run["facts"]["others_failed"] > 100
    assert run["facts"]["connections_refused"] > 100
    assert not run["resolved"] and all(check["ok"] for check in run["invariants"].values())


def test_twice_the_cores_serve_twice_as_many(untouched: dict[str, Any]) -> None:
    assert plateau(replay("more_db_cpu:cores=32")) == pytest.approx(2 * plateau(untouched), rel=0.08)


def test_without_the_bulkhead_everything_waits_and_nothing_ends_in_time() -> None:
    run = replay("remove_bulkhead", until_s=90)
    assert plateau(run, 5) < 0.005
    assert run["facts"]["pending_max"] > 20_000


@pytest.mark.parametrize("call", ["query_count_gate", "load_test_gate", "staging_parity"])
def test_a_gate_refuses_the_release(call: str) -> None:
    run = replay(call, until_s=45)
    assert [e["t"] for e in run["timeline"] if e["kind"] == "gate"] == [2.0]
    assert not any(e["kind"] == "deploy" for e in run["timeline"])
    assert max(run["series"]["pods_v2.8.1"]) == 0
    assert run["facts"]["failed_requests"] == 0 and run["resolved"]


@pytest.mark.parametrize("call", ["query_count_gate:max_queries=16", "staging_parity:load=0.017"])
def test_a_gate_that_looks_away_lets_it_pass(call: str) -> None:
    """A limit of sixteen queries, or a staging at 20 requests a second: nothing to be seen."""
    run = replay(call, until_s=5)
    assert [e["t"] for e in run["timeline"] if e["kind"] == "deploy"] == [2.0]


@pytest.mark.parametrize("load", ["0", "-1", "0.0001", "1e9"])
def test_a_load_test_at_a_senseless_load_does_not_break_the_terminal(load: str) -> None:
    try:
        run = replay(f"load_test_gate:load={load}", until_s=5)
    except (InterventionError, ScenarioError):
        return
    assert run["sim_seconds"] == 5


def test_two_canaries_reveal_it_and_go_back() -> None:
    run = replay("canary_auto_rollback:soak_s=40", until_s=100)
    assert max(run["series"]["pods_v2.8.1"]) == 2
    assert run["series"]["pods_v2.8.1"][-1] == 0
    assert run["facts"]["failed_share"] < 0.01


def test_the_watchdog_undoes_the_release(untouched: dict[str, Any]) -> None:
    run = replay("auto_rollback_on_slo", until_s=130)
    assert run["series"]["pods_v2.8.1"][-1] == 0
    assert run["facts"]["mitigated_s"] < 130
    assert run["facts"]["failed_requests"] < untouched["facts"]["failed_requests"]


def test_ways_back_differ_in_speed() -> None:
    """A switch is thrown in seconds, a surge takes one start of pods, waves take two."""
    switch = replay("feature_flag_kill_switch", until_s=110, undo_at_s=85)
    surge = replay("one_click_rollback", until_s=140, undo_at_s=85)
    assert switch["facts"]["mitigated_s"] - 85 == pytest.approx(5 + 10, abs=5)  # ten seconds of smoothing
    assert surge["facts"]["mitigated_s"] - 85 == pytest.approx(35 + 10, abs=5)


def test_a_short_acquire_time_out_turns_waiting_into_errors() -> None:
    """164 ms is what a checkout waits on the plateau: 300 ms never fires there, 50 ms always."""
    rare, often = (
        replay("pool_acquire_timeout", until_s=100),
        replay("pool_acquire_timeout:seconds=0.05", until_s=100),
    )
    assert 0.08 < plateau(rare) < 0.14
    assert plateau(often) < plateau(rare) - 0.05


# -- the responder


class Page:
    def __init__(self, paged_s: float | None) -> None:
        self.paged_s = paged_s


class FakePager:
    def __init__(self, pages: list[float | None]) -> None:
        self.incidents = [Page(t) for t in pages]


class FakeWorld:
    """What the responder looks at."""

    def __init__(self, responder: Responder | None, pages: list[float | None], now_s: float) -> None:
        self.responder = responder
        self.pager = FakePager(pages)
        self.policies: dict[str, Any] = {}
        self.agenda = Agenda()
        self.now_s = now_s
        self.scenario = SimpleNamespace(opens_s=0.0)

    def planned(self) -> list[tuple[float, str]]:
        return [(t / 1e9, payload["line"]) for t, _, _, _, payload in sorted(self.agenda.heap)]


COMMANDS = [(10.0, "status"), (200.0, "kubectl get pods"), (420.0, UNDO), (500.0, "status")]


def woken(pages: list[float | None], **policies: Any) -> FakeWorld:
    before, responder = split(COMMANDS, 190.0)
    assert before == COMMANDS[:1]
    world = FakeWorld(responder, pages, 155.0)
    world.policies.update(policies)
    watch(world)  # type: ignore[arg-type]
    return world


def test_a_sooner_page_moves_what_was_done_after_it() -> None:
    world = woken([None, 150.0, 180.0])
    assert world.planned() == [(160.0, "kubectl get pods"), (380.0, UNDO), (460.0, "status")]
    watch(world)  # type: ignore[arg-type]
    assert len(world.agenda.heap) == 3  # a second page wakes nobody who is awake


def test_without_a_page_nobody_acts() -> None:
    assert woken([None]).planned() == []
    assert split(COMMANDS, None) == (COMMANDS, Responder())


def test_a_runbook_brings_the_repair_forward_and_never_back() -> None:
    assert (210.0, UNDO) in woken([150.0], reaction_s=60.0).planned()
    assert (380.0, UNDO) in woken([150.0], reaction_s=900.0).planned()
    assert all(t >= 155.0 for t, _ in woken([150.0], reaction_s=0.0).planned())


@pytest.mark.parametrize(
    ("line", "is_repair"),
    [(UNDO, True), ("helm rollback payment-service 3", True), ("kubectl get pods", False), ("status", False)],
)
def test_what_counts_as_a_repair(line: str, is_repair: bool) -> None:
    assert repairs(line) is is_repair
