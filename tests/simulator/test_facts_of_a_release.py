"""When a bad release came and went, as facts tell it: restarts and other services' releases are neither."""

from simulator.commands import execute
from simulator.facts import collect
from simulator.scenario import load
from simulator.world import World


def test_only_the_release_to_blame_comes_and_goes() -> None:
    world = World(load("payment-pool"), 1, "ru")
    execute(world, "kubectl rollout restart deployment/checkout")
    execute(world, "kubectl rollout restart deployment/payment-service")
    assert collect(world)["deploy_s"] is None
    came = world.now_s
    execute(world, "deploy payment-service v2.8.1")
    execute(world, "kubectl rollout restart deployment/checkout")
    execute(world, "wait 60")
    execute(world, "kubectl rollout restart deployment/payment-service")
    told = collect(world)
    assert (told["deploy_s"], told["rollback_s"]) == (came, None)
    went = world.now_s
    execute(world, "kubectl rollout undo deployment/payment-service --to-revision=14")
    execute(world, "deploy payment-service v2.8.0")
    assert collect(world)["rollback_s"] == went
