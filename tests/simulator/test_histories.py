"""The history checker at the terminal, and the race that no service reports."""

from functools import cache

import pytest

from simulator import invariants
from simulator.commands import execute
from simulator.interventions import read_call
from simulator.run import parse_commands, play, schedule
from simulator.scenario import load
from simulator.world import World
from tests.depth import some
from tests.simulator.shop_scene import do, shop

RACE = load("race-15-services")


@cache
def damaged() -> World:
    world = World(RACE, 1)
    world.turn_based = False
    world.advance_to(500)
    return world


def test_the_player_names_the_anomaly_and_the_checker_decides():
    world = damaged().fork()
    assert "confirmed" in do(world, "histcheck claim lost-update")
    assert "refuted" in do(world, "histcheck claim duplicate")
    assert "refuted" in do(world, "histcheck claim split_brain")
    calm = World(RACE, 1)
    calm.turn_based = False
    calm.advance_to(55)
    assert "refuted" in do(calm, "histcheck claim lost-update")


def test_nothing_else_shows_it():
    world = damaged()
    assert not world.pager.incidents
    assert not [e for e in world.events if e.kind in ("sli", "alert", "page")]
    assert world.plane.history.last("class/order/error") == 0


def test_the_guilty_operation_can_be_read():
    world = damaged().fork()
    line = do(world, "histcheck claim lost-update").splitlines()[1]
    entity = line.split("(entity ")[1].split(")")[0]
    shown = do(world, f"histcheck ops --entity {entity}")
    assert "reserve" in shown and "look" in shown
    assert int(line.split("operation ")[1].split()[0]) in [int(x.split()[0]) for x in shown.splitlines()]


def test_rules_can_be_run_with_arguments():
    world = damaged().fork()
    assert "violations" in do(world, "histcheck run stock_true")
    assert "holds" in do(world, "histcheck run at_most_once do=charge")
    assert "stock_true" in do(world, "histcheck list")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("histcheck fly", "no action"),
        ("histcheck run", "argument is missing"),
        ("histcheck run nothing", "no check"),
        ("histcheck run sums table", "KEY=VALUE"),
        ("histcheck run sums color=red", "table, start, floor"),
        ("histcheck run at_most_once", "cannot be checked"),
        ("histcheck claim heat-death", "no anomaly"),
        ("histcheck ops --entity x", "entity's number"),
    ],
)
def test_what_is_wrong_is_said(line: str, words: str):
    reply = execute(shop(), line)
    assert reply.code == 2 and words in reply.err


def test_looking_changes_nothing():
    one, two = shop(), shop()
    one.advance_to(20)
    two.advance_to(10)
    for line in ("histcheck claim lost-update", "histcheck list", "histcheck ops --entity 3"):
        execute(two, line)
    two.command_log, two.events = [], [e for e in two.events if e.kind != "command"]
    two.advance_to(20)
    assert one.entities is not None and two.entities is not None
    assert one.entities.history.digest() == two.entities.history.digest()


@pytest.mark.parametrize("seed", some([1, 2], 2))  # all four: dropprod lint
def test_every_cause_is_solved_by_the_reference_and_not_by_rolling_back_alone(seed: int):
    commands = schedule(parse_commands("\n".join(World(RACE, seed).scenario.reference.commands)))
    world = World(RACE, seed)
    world.turn_based = False
    play(world, commands, 1200)
    assert not invariants.first_broken(world)
    lazy = World(RACE, seed)
    lazy.turn_based = False
    undo = "@300 kubectl rollout undo deployment/checkout -n prod"
    play(lazy, schedule(parse_commands(undo)), 700)
    assert invariants.first_broken(lazy)


def test_a_reconciliation_pages_what_no_graph_shows():
    world = World(RACE, 1, interventions=(read_call("reconciliation_alert"),))
    world.advance_to(500)
    assert [i.alert for i in world.pager.incidents] == ["BooksDoNotAddUp"]
