"""Versions, flags and variables set what the running world does."""

import pytest

from simulator import settings
from simulator.commands import execute
from simulator.scenario import ScenarioError, load, parse, varied
from simulator.world import World
from tests.simulator.shop_scene import TEXT, do, shop, shop_raw


def retries(world: World) -> int:
    return int(settings.read(world, "retries.buy"))


def commit(world: World) -> str:
    return str(settings.read(world, "group.shipping.commit"))


def test_a_flag_holds_from_the_next_second_and_goes_back():
    world = shop()
    world.advance_to(5)
    assert retries(world) == 2
    do(world, "flags set calm on")
    world.advance_to(6)
    assert retries(world) == 0
    assert "calm" in do(world, "flags list")
    assert do(world, "flags get calm") == "on\n"
    do(world, "flags set calm off")
    world.advance_to(7)
    assert retries(world) == 2


def test_a_variable_holds_when_most_pods_have_it():
    world = shop()
    world.advance_to(5)
    do(world, "kubectl set env deployment/shop RETRIES=1 COMMIT=manual -n prod")
    world.advance_to(8)
    assert (retries(world), commit(world)) == (2, "auto")  # the new pods are not ready yet
    world.advance_to(60)
    assert (retries(world), commit(world)) == (1, "after")
    do(world, "flags set calm on")
    world.advance_to(62)
    assert retries(world) == 1  # the variable was set on purpose: it wins over the flag
    do(world, "kubectl rollout undo deployment/shop -n prod")
    world.advance_to(120)
    assert (retries(world), commit(world)) == (0, "auto")


def test_retries_that_were_not_declared_are_refused():
    world = shop()
    with pytest.raises(ValueError, match="at most 2"):
        world.plane.set_retries("buy", 5)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("flags set calm", 2, "не хватает"),
        ("flags set nope on", 2, "calm"),
        ("flags set calm maybe", 2, "off, on"),
        ("flags drop calm", 2, "drop"),
    ],
)
def test_flags_says_what_is_wrong(line: str, code: int, words: str):
    world = World(parse(shop_raw(), "shop"), 1, "ru")
    reply = execute(world, line)
    assert reply.code == code
    assert words in reply.err


def test_a_seed_chooses_the_cause():
    raw = shop_raw()
    raw["variants"] = [
        {"id": "slow", "changes": {"components.db.cores": 2}},
        {"id": "text", "changes": {"hints": [TEXT]}},
    ]
    scenario = parse(raw, "v")
    assert varied(scenario, 1) is scenario
    assert World(scenario, 2).scenario.databases()["db"].cores == 2
    assert World(scenario, 3).scenario.hints[0].en == "text"
    assert World(scenario, 4).scenario.databases()["db"].cores == 16
    raw["variants"] = [{"id": "bad", "changes": {"components.db.nope.x": 2}}]
    with pytest.raises(ScenarioError, match="nope"):
        World(parse(raw, "v"), 2)


def test_a_base_lies_below_a_scenario(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "base: marketplace\nid: mine\nduration_s: 60\n"
        "components: {inventory: {pods: 2}, search-service: null, checkout: {kind: cache, ttl_s: 5}}\n"
        "alerting: {rules: {OrderSuccessRateLow: null}}\n"
        "traffic: {rps: 50, classes: {search: null}}\n"
    )
    with pytest.raises(ScenarioError):  # checkout as a cache: nobody can call it
        World(load(str(path)), 1)
    path.write_text(path.read_text().replace(", checkout: {kind: cache, ttl_s: 5}", ""))
    scenario = load(str(path))
    assert scenario.traffic.rps == 50
    assert scenario.services()["inventory"].pods == 2
    assert scenario.services()["inventory"].owner == "logistics"
    assert "search-service" not in scenario.components
    assert not scenario.alerting.rules
    path.write_text("base: nowhere\nid: mine\n")
    with pytest.raises(ScenarioError, match=r"mine\.yaml: base: no base 'nowhere'; there are: marketplace"):
        load(str(path))


@pytest.mark.parametrize("engine", ["cohort", "exact"])
def test_a_route_sends_a_share_of_the_requests_the_new_way(engine: str):
    raw = shop_raw()
    old, new = [{"query": "db", "cpu_ms": 3}], [{"call": "psp-gateway.pay"}]
    raw["components"]["shop"]["endpoints"]["buy"] = [{"route": "billing", "old": old, "new": new}]
    world = World(parse(raw, "route"), 1, engine=engine)
    world.advance_to(20)
    assert world.plane.history.last("route/billing/new") == 0
    world.plane.set_route("billing", 0.25)
    world.advance_to(60)
    history = world.plane.history
    taken = sum(history.column("route/billing/new")[20:]), sum(history.column("route/billing/old")[20:])
    assert 0.2 < taken[0] / sum(taken) < 0.3
    assert sum(taken) == pytest.approx(1600, rel=0.1)
    assert history.last("service/psp-gateway/v1/requests") > 3
    with pytest.raises(KeyError):
        world.plane.set_route("nowhere", 0.5)
