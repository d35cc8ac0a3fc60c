"""A data centre lost and found: what the cluster knows when, who replaces what, and who may lead."""

from typing import Any

import pytest

from simulator.commands import execute
from simulator.engine.network import home_route
from simulator.world import World
from tests.simulator.places_scene import last, two
from tests.simulator.shop_scene import do


def nodes_down(world: World) -> int:
    return do(world, "kubectl get nodes").count("NotReady")


def pods_in(world: World, place: str) -> int:
    return sum(
        (g.place == place and world.plane.live_pods(n)) or 0 for n, g in enumerate(world.plane.network.groups)
    )


def lost(**changes: Any) -> World:
    world = two(**changes)
    world.advance_to(20)
    do(world, "chaos dc dc-1 down")
    return world


def test_pods_are_where_the_scenario_places_them() -> None:
    world = two()
    wide = do(world, "kubectl get pods -l app=shop -o wide")
    assert wide.count("node-dc-1-") == wide.count("node-dc-2-") == 4
    assert do(world, "kubectl get nodes -l topology.kubernetes.io/zone=dc-2").count("node-") == 2


def test_the_cluster_learns_late_and_replaces_later() -> None:
    world = lost()
    assert pods_in(world, "dc-1") == 0  # the machines are dead at once
    world.advance_to(58)
    assert nodes_down(world) == 0  # and nobody has noticed
    world.advance_to(72)
    assert nodes_down(world) == 2
    assert "Unknown" in do(world, "kubectl describe node node-dc-1-01")
    assert pods_in(world, "dc-2") == 4
    world.advance_to(355)
    assert pods_in(world, "dc-2") == 4
    world.advance_to(400)
    assert pods_in(world, "dc-2") == 8
    assert do(world, "kubectl get pods -l app=shop").count("Terminating") == 4


def test_what_comes_back_is_used_again() -> None:
    world = lost()
    world.advance_to(100)
    do(world, "chaos dc dc-1 up")
    assert nodes_down(world) == 0
    world.advance_to(130)
    assert (pods_in(world, "dc-1"), pods_in(world, "dc-2")) == (4, 4)
    world.advance_to(400)
    assert "Terminating" not in do(world, "kubectl get pods -l app=shop")


def test_plane_and_cluster_agree_on_endpoints_throughout() -> None:
    world = lost()
    for second in (30, 75, 200, 380, 420):
        world.advance_to(second)
        deployment = world.kubernetes.deployments["shop"]
        for place in ("dc-1", "dc-2"):
            assert pods_in(world, place) == deployment.served.get(f"v1@{place}", 0), (second, place)


def test_without_a_quorum_only_a_person_moves_the_primary() -> None:
    world = lost()
    world.advance_to(200)
    assert last(world, "class/buy/ok") == 0
    status = do(world, "failover status")
    assert "dc-1" in status.splitlines()[1].split()[1] and "unknown" in status
    do(world, "failover promote db")
    world.advance_to(230)
    assert last(world, "class/buy/ok") > 0.9 * last(world, "class/buy/offered") * 0.95
    assert last(world, f"route/{home_route('db')}/new") > 0


def test_with_a_third_site_it_moves_by_itself_after_the_lease() -> None:
    world = lost(standbys__db={"etcd": {"dc-1": 1, "dc-2": 1, "third-site": 1}})
    world.advance_to(48)
    assert world.rooms["standby"].clusters["db"].home == "dc-1"
    world.advance_to(55)
    assert world.rooms["standby"].clusters["db"].home == "dc-2"


def test_a_live_primary_is_moved_by_switchover_only() -> None:
    world = two()
    world.advance_to(5)
    assert execute(world, "failover promote db").code == 1
    do(world, "failover switchover db")
    world.advance_to(20)
    assert world.rooms["standby"].clusters["db"].home == "dc-2"
    assert last(world, "class/buy/ok") == pytest.approx(last(world, "class/buy/offered"), rel=0.02)


@pytest.mark.parametrize(
    "line", ["failover", "failover promote", "failover promote nothing", "failover x db", "failover lost db",
             "chaos dc dc-9 down", "chaos dc dc-1 sideways", "chaos node node-x down", "chaos hot products 0.5",
             "chaos lag a b 5"],
)  # fmt: skip
@pytest.mark.parametrize("language", ["ru", "en"])
def test_nonsense_is_answered(line: str, language: str) -> None:
    world = two(language=language)
    reply = execute(world, line)
    assert reply.text and len(reply.text) < 3000
    assert line == "failover" or reply.code != 0


def test_a_lost_world_forks_and_goes_on_alike() -> None:
    world = lost()
    world.advance_to(45)
    copy = world.fork()
    for one in (world, copy):
        one.advance_to(400)
    assert world.digest() == copy.digest()
