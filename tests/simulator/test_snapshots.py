"""Copies of a world: what they share, what is their own, and that they cross the border of a process."""

import pickle

import pytest

from simulator import snapshots
from simulator.commands import execute
from simulator.run import make_world
from simulator.world import World
from tests.agent.replay_scenes import SHORT

SECONDS = 20.0


@pytest.fixture
def world() -> World:
    found = make_world(SHORT)
    found.advance_to(SECONDS)
    return found


def later(world: World, seconds: float = 5.0) -> str:
    world.advance(seconds)
    return world.digest()


def test_copies_share_what_nobody_changes(world: World) -> None:
    copy = snapshots.take(world).world()
    assert copy.scenario is world.scenario
    name = next(iter(world.kubernetes.pods))
    assert copy.kubernetes.pods[name] is not world.kubernetes.pods[name]
    assert copy.kubernetes.pods[name].template is world.kubernetes.pods[name].template
    assert copy.plane.history.columns is not world.plane.history.columns


def test_a_snapshot_stays_where_it_was_while_its_world_goes_on(world: World) -> None:
    snapshot, digest = snapshots.take(world), world.digest()
    end = later(world)
    for _ in range(2):
        copy = snapshot.world()
        assert copy.digest() == digest
        assert copy.plane.history.seconds == SECONDS
        assert later(copy) == end


def test_a_copy_that_goes_another_way_leaves_the_rest_alone(world: World) -> None:
    snapshot = snapshots.take(world)
    copy, other = snapshot.world(), snapshot.world()
    execute(copy, "kubectl delete pods -l app=payment-service -n prod")
    execute(copy, "psql -d payments -c 'DROP TABLE payment_items'")
    assert later(copy) != later(other)
    assert later(world) == other.digest()


def test_a_snapshot_crosses_the_border_of_a_process(world: World) -> None:
    sent = pickle.dumps(snapshots.take(world))
    end = later(world)
    copy = pickle.loads(sent).world()
    assert copy.now_s == SECONDS
    assert later(copy) == end


def test_copies_have_the_same_percentiles(world: World) -> None:
    """They come from the kernel's trace, of which a snapshot keeps how far it went."""
    snapshot = snapshots.take(world)
    later(world)
    sent = pickle.loads(pickle.dumps(snapshot))
    for copy in (snapshot.world(), sent.world()):
        later(copy)
        assert copy.plane.p99_series_ms("pay") == world.plane.p99_series_ms("pay")


def test_parts_alone_are_no_world(world: World) -> None:
    with pytest.raises(pickle.UnpicklingError, match="restored by Snapshot"):
        pickle.loads(snapshots.take(world).state)


def test_the_exact_engine_forks_too() -> None:
    world = make_world(SHORT, engine="exact")
    world.advance_to(2.0)
    copy = world.fork()
    assert later(copy, 1.0) == later(world, 1.0)
