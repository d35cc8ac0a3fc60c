"""Global balancing: clients follow what DNS says, within the TTL, and some never; checks move the weights."""

import pickle

import pytest

from simulator.commands import execute
from simulator.world import World
from tests.simulator.places_scene import last, two
from tests.simulator.shop_scene import do, shop


def share_of(world: World, way: int) -> float:
    taken = [last(world, f"dns/{n}") for n in range(2)]
    return taken[way] / sum(taken)


def test_a_drain_empties_a_data_centre_within_the_ttl_but_for_the_stuck() -> None:
    world = two()
    world.advance_to(10)
    assert share_of(world, 0) == pytest.approx(0.5, abs=0.01)
    assert "dc-1=0 dc-2=50" in do(world, "gslb drain dc-1")
    world.advance_to(41)
    assert share_of(world, 0) == pytest.approx(0.025 + 0.475 / 2, abs=0.03)
    world.advance_to(80)
    assert share_of(world, 0) == pytest.approx(0.025, abs=0.005)
    do(world, "gslb undrain dc-1")
    world.advance_to(150)
    assert share_of(world, 0) == pytest.approx(0.5, abs=0.01)


def test_a_shorter_ttl_lets_clients_follow_sooner() -> None:
    slow, fast = two(), two()
    for world in (slow, fast):
        world.advance_to(10)
    do(fast, "gslb ttl 5")
    for world in (slow, fast):
        do(world, "gslb set dc-1=0")
        world.advance_to(18)
    assert share_of(fast, 0) < 0.05
    assert share_of(slow, 0) > 0.4


def test_checks_take_a_lost_data_centre_out_and_bring_it_back() -> None:
    world = two()
    world.advance_to(15)
    do(world, "chaos dc dc-1 down")
    world.advance_to(34)
    assert "dc-1   203.0.113.10   50       50" in do(world, "gslb status")
    world.advance_to(55)
    assert "DOWN" in do(world, "gslb status") and world.rooms["dns"].answered["dc-1"] == 0
    world.advance_to(120)
    assert share_of(world, 0) == pytest.approx(0.025, abs=0.005)
    do(world, "chaos dc dc-1 up")
    world.advance_to(260)
    assert share_of(world, 0) == pytest.approx(0.5, abs=0.02)


def test_in_manual_mode_checks_only_report() -> None:
    world = two(dns__mode="manual")
    world.advance_to(15)
    do(world, "chaos dc dc-1 down")
    world.advance_to(90)
    status = do(world, "gslb status")
    assert "DOWN" in status and "manual" in status
    assert world.rooms["dns"].answered["dc-1"] == 50
    do(world, "gslb mode auto")
    assert world.rooms["dns"].answered["dc-1"] == 0


def test_when_every_check_fails_the_answers_stay() -> None:
    world = two()
    world.advance_to(5)
    for place in ("dc-1", "dc-2"):
        do(world, f"chaos dc {place} down")
    world.advance_to(90)
    assert world.rooms["dns"].answered == {"dc-1": 50, "dc-2": 50}


def test_dig_answers_by_the_weights_with_the_ttl() -> None:
    world = two()
    world.advance_to(5)
    full = do(world, "dig shop.example")
    assert "\t\t60\tIN\tA\t203.0.11" in full and "status: NOERROR" in full
    seen = {do(world, "dig +short shop.example").strip() for _ in range(30)}
    assert seen == {"203.0.113.10", "203.0.114.10"}
    do(world, "gslb set dc-1=0")
    assert {do(world, "dig +short shop.example").strip() for _ in range(30)} == {"203.0.114.10"}


@pytest.mark.parametrize(
    "line",
    [
        "gslb frobnicate",
        "gslb set",
        "gslb set dc-1",
        "gslb set dc-9=1",
        "gslb set dc-1=NaN",
        "gslb set dc-1=-1",
        "gslb set dc-1=1e999",
        "gslb drain dc-1 dc-2",
        "gslb drain " + "x" * 5000,
        "gslb mode sometimes",
        "gslb ttl 0",
        "gslb ttl forever",
    ],
)
@pytest.mark.parametrize("language", ["ru", "en"])
def test_nonsense_is_answered_and_changes_nothing(line: str, language: str) -> None:
    world = two(language=language)
    before = pickle.dumps(world.rooms["dns"])
    reply = execute(world, line)
    assert reply.code == 2 and len(reply.text) < 1000
    assert pickle.dumps(world.rooms["dns"]) == before


def test_a_world_with_one_data_centre_says_so() -> None:
    assert execute(shop(), "gslb status").code == 1
