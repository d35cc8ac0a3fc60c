"""The sandbox: nothing happens by itself, faults move what they say, runs replay, and become drafts of scenarios."""

from __future__ import annotations

import random

import pytest
import yaml

from simulator import invariants
from simulator.commands import execute
from simulator.faults import catalogue
from simulator.faults.ledger import ROOM, known
from simulator.lint import faults as proof
from simulator.scenario import load, parse, read_raw
from simulator.world import World
from tests.depth import some


def start(until_s: float = 0.0, language: str = "en") -> World:
    world = World(load("sandbox"), language=language)
    world.turn_based = False
    if until_s:
        world.advance_to(until_s)
    return world


def test_nothing_breaks_by_itself() -> None:
    world = start(120)
    assert world.engine == "cohort"
    assert ROOM not in world.rooms
    assert world.watch.broken_s is None
    found = invariants.check(world)
    assert [name for name, answer in found.items() if not answer["ok"]] == []


@pytest.mark.parametrize(
    "name", some(["network.dc", "errors", "postgres.locks", "kafka.broker", "data.amount", "traffic.rate"], 2)
)
def test_a_fault_moves_what_its_entry_says(name: str) -> None:
    found = proof.check(load("sandbox"), name)
    assert found.ok, found.why.en
    assert found.figures["without"] != found.figures["during"]


def test_a_fault_that_moves_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    idle = catalogue.BY_ID["errors"]
    lame = type(idle)(**{**idle.__dict__, "apply": lambda act: None})
    monkeypatch.setitem(catalogue.BY_ID, "errors", lame)
    found = proof.check(load("sandbox"), "errors")
    assert not found.ok
    assert "less than its threshold" in found.why.en


def test_an_undo_that_does_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = catalogue.BY_ID["traffic.flag"]
    lame = type(fault)(**{**fault.__dict__, "undo": lambda act: None, "fix": ""})
    monkeypatch.setitem(catalogue.BY_ID, "traffic.flag", lame)
    found = proof.check(load("sandbox"), "traffic.flag")
    assert not found.ok
    assert "does not come back" in found.why.en


def test_random_faults_replay_to_the_same_world() -> None:
    """A run is a function of its commands: the same lines at the same times, cut up otherwise, end in equal worlds."""
    luck = random.Random(11)
    lines = [f.example for f in luck.sample([f for f in catalogue.CATALOGUE if f.technology != "dns"], 8)]
    ends = []
    for cuts in (1, 4):
        world = start(20)
        for number, line in enumerate(lines):
            assert execute(world, f"break {line}").code in (0, 2)
            for _ in range(cuts):
                world.advance(4.0 / cuts)
            if number % 3 == 2:
                execute(world, f"break undo {number}")
            if cuts == 4:
                execute(world, "break list kafka")  # looking changes nothing
                world.events.pop()
                world.command_log.pop()
        ends.append(world.digest())
    assert ends[0] == ends[1]


def test_a_fork_goes_on_as_the_world_it_is_of() -> None:
    world = start(20)
    for line in (
        "gc checkout 2s --every 6s",
        "network dc-1 dc-2 --every 10s --down 3s",
        "payments lost psp 40% --for 15s",
    ):
        assert execute(world, f"break {line}").code == 0
    copy = world.fork()
    for one in (world, copy):
        one.advance(25)
        execute(one, "break undo all")
        one.advance(5)
    assert world.digest() == copy.digest()


def test_the_score_tells_what_broke_and_what_held() -> None:
    world = start(40)
    assert "nothing was broken" in execute(world, "break score").out
    execute(world, "break errors order-service 30%")
    assert "too early" in execute(world, "break score").out
    world.advance(30)
    before = world.digest()
    out = execute(world, "break score").out
    assert "moved  success of order: 100.0% → 70" in out
    assert "held   clients: browse, search, basket" in out
    world.events.pop()
    assert world.digest() == before
    execute(world, "break undo 1")
    world.advance(10)
    assert "moved  success of order" in execute(world, "break score 1").out
    assert execute(world, "break score 2").code == 2


def test_the_score_names_broken_invariants() -> None:
    world = start(30)
    execute(world, "break data amount order.bill 5 --by 100")
    world.advance(30)
    assert "broke  amounts_true: " in execute(world, "break score").out


def test_a_run_becomes_a_draft_that_breaks_the_same() -> None:
    world = start(30)
    execute(world, "break errors order-service 30% --for 60s")
    world.advance(10)
    execute(world, "kubectl rollout restart deployment/checkout -n prod")
    text = execute(world, "break save my-draft").out
    raw = yaml.safe_load(text)
    assert raw["timeline"] == [{"at_s": 30.0, "command": "break errors order-service 30% --for 60s"}]
    assert raw["reference"]["commands"] == ["@40 kubectl rollout restart deployment/checkout -n prod"]
    base, name = read_raw("sandbox")
    again = World(parse({**base, **{k: v for k, v in raw.items() if k != "base"}}, name))
    again.advance_to(45)
    assert known(again).brought[0].kind == "errors"


@pytest.mark.parametrize("name", ["", "../x", "A", "sandbox", "a" * 60, "a b", "ё"])
def test_a_draft_needs_a_plain_name(name: str) -> None:
    world = start(10)
    execute(world, "break errors order-service 30%")
    reply = execute(world, f"break save {name}")
    assert reply.code == 2
    assert reply.err.count("\n") == 1


def test_drafts_are_of_the_sandbox_alone() -> None:
    world = World(load("kafka-lost-orders"))
    assert execute(world, "break errors order-service 30%").code == 0
    assert "kafka-lost-orders" in execute(world, "break save x-1").err


def test_other_scenarios_can_be_broken_too() -> None:
    world = World(load("hot-shard"))
    assert "kafka broker" not in execute(world, "break list").out
    assert "nothing that kafka.broker could break" in execute(world, "break kafka broker 1").err
    assert execute(world, "break shards slow orders-db-3 1").code == 0


def test_russian_texts() -> None:
    world = start(10, "ru")
    assert "не хватает SERVICE" in execute(world, "break latency").err
    assert "сломано" in execute(world, "break latency antifraud 100ms").out
    assert "нет вида поломки" in execute(world, "break nonsense").err
