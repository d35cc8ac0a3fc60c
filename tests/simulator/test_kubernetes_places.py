"""Taints, disruption budgets, declared autoscalers, the wall of max_connections, and probes that requests hold up."""

import pytest

from simulator.commands import execute
from simulator.world import World
from tests.simulator.places_scene import last, two
from tests.simulator.shop_scene import do

POOL = {"limit": 40, "open": 40, "connect_ms": 5, "per_pod": 10, "service": "shop"}


def ready(world: World) -> int:
    return sum(p.app == "shop" and p.active and p.ready for p in world.kubernetes.pods.values())


# -- taints


def test_a_taint_keeps_new_pods_away_and_drives_out_those_there() -> None:
    world = two()
    assert (
        do(world, "kubectl taint nodes node-dc-2-01 maintenance=yes:NoSchedule")
        == "node/node-dc-2-01 tainted\n"
    )
    assert "maintenance=yes:NoSchedule" in do(world, "kubectl describe node node-dc-2-01")
    do(world, "kubectl scale deployment/shop --replicas=16")
    world.advance(30)
    wide = do(world, "kubectl get pods -l app=shop -o wide")
    held = wide.count("node-dc-2-01")
    assert held <= 2 < wide.count("node-dc-2-02")
    do(world, "kubectl taint nodes node-dc-2-01 maintenance=yes:NoExecute")
    world.advance(40)
    assert "node-dc-2-01" not in do(world, "kubectl get pods -l app=shop -o wide")
    assert do(world, "kubectl taint node node-dc-2-01 maintenance-") == "node/node-dc-2-01 untainted\n"


@pytest.mark.parametrize(
    "line, text",
    [
        ("kubectl taint nodes node-dc-1-01", "at least one taint update is required"),
        ("kubectl taint nodes node-dc-1-01 a=b:Sometimes", "unsupported taint effect"),
        ("kubectl taint nodes node-dc-1-01 a-", 'taint "a" not found'),
        ("kubectl taint pods x a=b:NoSchedule", "invalid resource type"),
        ("kubectl taint nodes nowhere a=b:NoSchedule", "not found"),
    ],
)
def test_wrong_taints_are_refused_as_kubectl_does(line: str, text: str) -> None:
    reply = execute(two(), line)
    assert reply.code == 1 and text in reply.err


def test_a_full_cluster_says_why() -> None:
    world = two()
    do(world, "kubectl cordon node-dc-1-01 node-dc-1-02 node-dc-2-01")
    do(world, "kubectl taint nodes node-dc-2-02 gpu=only:NoSchedule")
    do(world, "kubectl scale deployment/shop --replicas=9")
    text = do(world, "kubectl get events")
    assert (
        "0/4 nodes are available: 1 node(s) had untolerated taint {gpu: only}, 3 node(s) were unschedulable."
        in text
    )


# -- disruption budgets


def test_a_drain_waits_for_the_budget() -> None:
    world = two(components__shop__pdb="100%")
    assert "ALLOWED DISRUPTIONS" in do(world, "kubectl get pdb") and "100%" in do(world, "kubectl get pdb")
    world.follow_limit_s = 12
    reply = execute(world, "kubectl drain node-dc-2-02 --ignore-daemonsets")
    assert reply.code == 1
    assert "Cannot evict pod as it would violate the pod's disruption budget." in reply.text
    assert ready(world) == 8


def test_a_budget_with_room_lets_pods_go_in_turns() -> None:
    world = two(components__shop__pdb=7)
    world.follow_limit_s = 120
    node = next(p.node for p in world.kubernetes.pods.values() if p.app == "shop")
    assert "Allowed disruptions:" in do(world, "kubectl describe pdb shop")
    text = execute(world, f"kubectl drain {node} --ignore-daemonsets").text
    assert "violate" in text and text.count("evicted\n") >= 2
    assert ready(world) >= 7


# -- autoscaling


def test_a_declared_autoscaler_follows_a_growing_load_within_its_bounds() -> None:
    world = two(
        components__shop__hpa={"min": 8, "max": 12, "cpu": 50},
        components__shop__cpu_ms=20,
        traffic__profile=[[10, 1], [60, 4]],
    )
    assert "cpu: <unknown>/50%" in do(world, "kubectl get hpa")
    world.advance_to(60)
    assert last(world, "class/buy/offered") == pytest.approx(320, rel=0.1)
    world.advance_to(150)
    assert ready(world) == 12
    assert "TooManyReplicas" in do(world, "kubectl describe hpa shop")


def test_the_profile_goes_in_straight_lines_and_stays() -> None:
    world = two(traffic__profile=[[20, 1], [40, 3], [60, 2]])
    seen = []
    for second in (10, 30, 40, 50, 80):
        world.advance_to(second)
        seen.append(world.plane.rate("buy"))
    assert seen == pytest.approx([80, 160, 240, 200, 160])


# -- the wall of max_connections


def test_pods_beyond_the_slots_die_and_smaller_pools_let_them_in() -> None:
    world = two(
        components__db__pool=POOL,
        components__db__max_connections=103,
        components__shop__knobs={"POOL": {"path": "per_pod.db"}},
        components__shop__env={"POOL": "10"},
    )
    world.advance_to(3)
    assert world.plane.pools("db")[0].limit == 80
    do(world, "kubectl scale deployment/shop --replicas=14")
    world.advance_to(40)
    assert ready(world) == 10
    assert "CrashLoopBackOff" in do(world, "kubectl get pods -l app=shop")
    do(world, "kubectl scale deployment/shop --replicas=6")
    world.advance_to(60)
    do(world, "kubectl set env deployment/shop POOL=5")
    world.advance_to(110)
    do(world, "kubectl scale deployment/shop --replicas=16")
    world.advance_to(160)
    assert ready(world) == 16
    assert world.plane.pools("db")[0].limit == 80


# -- probes

SMALL = {"limit": 10, "queue": 20}


def test_readiness_behind_the_requests_takes_saturated_pods_out_by_and_by() -> None:
    shared = {"path": "/ready", "period_s": 5, "shared": True}
    calm, busy = (two(components__shop__readiness=shared, components__shop__bulkhead=SMALL) for _ in range(2))
    for world in (calm, busy):
        world.advance_to(5)
    do(busy, "chaos slow shop 400")
    for world in (calm, busy):
        world.advance_to(40)
    assert ready(calm) == 8
    assert ready(busy) < 8
    assert "Readiness probe failed" in do(busy, "kubectl get events")
    do(busy, "chaos slow shop 1")
    busy.advance_to(120)
    assert ready(busy) == 8


def test_liveness_behind_the_requests_restarts_them() -> None:
    liveness = {"path": "/live", "period_s": 5, "shared": True}
    world = two(components__shop__liveness=liveness, components__shop__bulkhead=SMALL)
    world.advance_to(5)
    do(world, "chaos slow shop 400")
    world.advance_to(60)
    assert "failed liveness probe, will be restarted" in do(world, "kubectl get events")
    assert any(p.restarts for p in world.kubernetes.pods.values() if p.app == "shop")
