"""The entities of a scenario: driven by the plane, changed by settings, judged by invariants."""

import pytest

from simulator import bridge, invariants
from simulator.entities.history import FAIL, INVOKE
from simulator.scenario import ScenarioError, parse
from simulator.world import World
from tests.simulator.shop_scene import TEXT, do, shop, shop_raw, shop_scenario


def started(world: World, since_s: float = 0.0) -> int:
    assert world.entities is not None
    return sum(
        op.f == "order" and op.type == INVOKE and op.time_ns >= since_s * 1e9 for op in world.entities.history
    )


def modes(world: World, since_s: float) -> set[str]:
    """How the orders that began since then reserve stock."""
    assert world.entities is not None
    domain = world.entities.domain
    found = set()
    for record in domain.live.values():
        flow = domain.flows[record[0]]
        if flow.name == "order":
            found.add(flow.steps[2].mode)
    assert since_s <= world.now_s
    return found


def test_a_flow_starts_as_often_as_its_class():
    world = shop()
    world.advance_to(60)
    assert 2200 < started(world) < 2600  # 40 a second
    world.plane.set_rate("buy", 4)
    world.advance_to(62)
    before = started(world)
    world.advance_to(92)
    assert 70 < started(world) - before < 180  # 4 a second for 30 s


def test_calls_meet_what_the_plane_refuses_and_how_long_it_takes():
    calm = shop(entities__calls={"store": "db", "psp": "psp-gateway"})
    calm.advance_to(30)
    meets = bridge.Conditions(calm)
    fine = [meets.call("store", n, 29 * 10**9, n) for n in range(1, 400)]
    assert all(o.kind == "ok" for o in fine)
    mean_ms = sum(o.duration_ns for o in fine) / len(fine) / 1e6
    assert 2.0 < mean_ms < 5.0  # a query of 3 ms
    calm.plane.set_failing("shop", 0.5, "test")
    calm.advance_to(40)
    meets = bridge.Conditions(calm)
    kinds = [meets.call("shop", n, 39 * 10**9, n * 7919).kind for n in range(1, 1000)]
    assert 0.4 < kinds.count("error") / len(kinds) < 0.6


def test_a_target_in_trouble_loses_calls_and_answers_late():
    world = shop()
    world.reach.trouble["psp"] = bridge.Trouble(lost=0.3, mean_ms=1500)
    meets = bridge.Conditions(world)
    kinds = [meets.call("psp", n, 0, n * 104729).kind for n in range(1, 2000)]
    assert 0.26 < kinds.count("lost") / len(kinds) < 0.34
    assert kinds.count("ok") / len(kinds) > 0.6
    world.reach.down["psp"] = "test"
    assert bridge.Conditions(world).call("psp", 1, 0, 1).kind == "lost"


def test_nodes_follow_cuts_places_and_links():
    raw = shop_raw()
    raw["datacenters"] = {"dc-1": {}, "dc-2": {}}
    raw["links"] = [{"between": ["dc-1", "dc-2"], "latency_ms": 12}]
    raw["entities"]["places"] = {"db-0": "dc-1", "db-1": "dc-2"}
    raw["components"]["shop"]["placement"] = {"dc-1": 2, "dc-2": 2}
    world = World(parse(raw, "two"), 1)
    world.turn_based = False
    meets = bridge.Conditions(world)
    assert meets.connected("db-0", "db-1", 0)
    assert 6e6 <= meets.delay_ns("db-0", "db-1", 0, 5) <= 18e6
    do(world, "chaos link dc-1 dc-2 --down")
    assert not bridge.Conditions(world).connected("db-0", "db-1", 0)
    do(world, "chaos link dc-1 dc-2")
    assert bridge.Conditions(world).connected("db-0", "db-1", 0)
    world.reach.cuts["db-1", "db-0"] = "test"
    assert not bridge.Conditions(world).connected("db-0", "db-1", 0)


def test_failing_and_overdue_flows_become_failures_of_their_service():
    raw = shop_raw()
    raw["entities"]["feeds"] = [{"flow": "order", "service": "shop", "timeout_s": 1.0}]
    raw["entities"]["rules"] = {"psp": {"error": 0.25, "mean_ms": 10}}
    world = World(parse(raw, "feeds"), 1)
    world.advance_to(30)
    history = world.plane.history
    failed = history.last("class/buy/error") / history.last("class/buy/offered")
    assert world.entities is not None
    ends = [op for op in world.entities.history if op.f == "order" and op.type != INVOKE]
    assert 0.15 < sum(op.type == FAIL for op in ends) / len(ends) < 0.35
    assert failed > 0.0  # the client retries: some of it is hidden
    slow = shop_raw()
    slow["entities"]["feeds"] = raw["entities"]["feeds"]
    slow["entities"]["rules"] = {"psp": {"mean_ms": 60_000}}
    late = World(parse(slow, "slow"), 1)
    late.advance_to(30)
    assert late.plane.history.last("class/buy/error") > 0.9 * late.plane.history.last("class/buy/offered")


def test_both_versions_are_alive_while_a_release_rolls():
    world = shop(entities__rules={"psp": {"mean_ms": 700}})  # so that many are under way at any time
    world.advance_to(20)
    assert modes(world, 20) == {"from_read"}
    do(world, "deploy shop v2")
    seen = set()
    for second in range(21, 60):
        world.advance_to(second)
        seen |= {frozenset(modes(world, second))}
    assert frozenset({"from_read", "atomic"}) in seen
    assert modes(world, 59) == {"atomic"}


def test_an_incident_ends_only_with_sound_books():
    raw = shop_raw()
    raw["sli"] = {"traffic_class": "buy", "hold_s": 20}
    raw["duration_s"] = 200
    world = World(parse(raw, "books"), 1)
    world.turn_based = False
    world.advance_to(20)
    world.plane.set_failing("shop", 1.0, "test")
    world.advance_to(40)
    world.plane.set_failing("shop", 0.0, "test")
    world.advance_to(110)
    assert world.watch.healthy_since_s is not None
    assert invariants.first_broken(world) == "stock"  # check-then-act loses updates
    assert not world.resolved
    sound = World(parse({**raw, "invariants": {}}, "sound"), 1)
    sound.advance_to(20)
    sound.plane.set_failing("shop", 1.0, "test")
    sound.advance_to(40)
    sound.plane.set_failing("shop", 0.0, "test")
    sound.advance_to(110)
    assert sound.resolved


def test_a_fork_and_cut_time_change_nothing():
    whole, cut = shop(), shop()
    whole.advance_to(50)
    for second in range(1, 51):
        cut.advance_to(second - 0.4)
        invariants.check(cut)
    cut.advance_to(50)
    fork = cut.fork()
    assert whole.digest() == cut.digest() == fork.digest()
    fork.advance_to(70)
    whole.advance_to(70)
    assert fork.digest() == whole.digest()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("entities.flows", [], "entities.flows"),
        ("entities.drive", {"orders": {}}, "drive.orders: no flow"),
        ("entities.topics", [{"name": "orders", "partition": 3}], "partition"),
        ("invariants", {"x": {"check": "nothing", "text": TEXT}}, "no checker 'nothing'"),
        ("invariants", {"x": {"check": "sums", "args": {"rows": 1}, "text": TEXT}}, "no argument 'rows'"),
        ("components.shop.versions.v2", {"set": {"group.ship.commit": "after"}}, "no setting 'group.ship.commit'"),
        ("flags", {"f": {"text": TEXT, "default": "half"}}, "no state 'half'"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_place(path: str, value: object, words: str):
    with pytest.raises(ScenarioError) as caught:
        World(shop_scenario(**{path.replace(".", "__"): value}), 1)
    assert words in str(caught.value)


def test_books_can_be_broken_under_a_healthy_sli():
    raw = shop_raw()
    raw["sli"] = {"traffic_class": "buy", "hold_s": 30}
    raw["components"]["shop"]["versions"]["v1"] = {"set": {"flow.ship.ship.do": "skip"}}
    raw["entities"]["flows"][1]["host"] = "shop"
    raw["invariants"].pop("stock")
    world = World(parse(raw, "quiet"), 1)
    world.turn_based = False
    world.advance_to(100)
    assert world.watch.broken_s is None
    assert world.watch.unsound
    assert not [e for e in world.events if e.kind in ("sli", "resolved")]  # nobody is told
    assert invariants.first_broken(world) == "shipped"
